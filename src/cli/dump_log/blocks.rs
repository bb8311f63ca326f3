//! Output to a file, in whole blocks of it: the kernel keeps large aligned writes in large pages.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, Write};

use rustix::fs::{OFlags, SeekFrom, fcntl_getfl, fstat, seek};

/// Writes end where a multiple of this does.
const BLOCK_BYTES: u64 = 1 << 20;

/// Texts on their way to a file.
#[derive(Debug)]
pub(super) struct Blocks {
    file: File,
    appends: bool,
    /// Whether space is asked for before it is written to.
    reserves: bool,
    held: VecDeque<Vec<u8>>,
    held_bytes: u64,
    /// Of the first text held, how much is written.
    begun: usize,
}

impl Blocks {
    /// # Errors
    /// What the kernel says of a descriptor that is not open.
    pub(super) fn new(file: File) -> io::Result<Self> {
        Ok(Blocks {
            appends: fcntl_getfl(&file)?.contains(OFlags::APPEND),
            reserves: reserve::is_cheap(&file),
            file,
            held: VecDeque::new(),
            held_bytes: 0,
            begun: 0,
        })
    }

    /// Takes the next text; writes what now fills blocks.
    pub(super) fn push(&mut self, text: Vec<u8>) -> io::Result<()> {
        self.held_bytes += text.len() as u64;
        self.held.push_back(text);
        if self.held_bytes < BLOCK_BYTES {
            return Ok(());
        }
        let position = self.position()?;
        let end = (position + self.held_bytes) / BLOCK_BYTES * BLOCK_BYTES;
        self.write(position, end.saturating_sub(position))
    }

    /// Writes the rest.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let position = self.position()?;
        self.write(position, self.held_bytes)
    }

    /// Where the next byte goes: others may write to the same file.
    fn position(&self) -> io::Result<u64> {
        Ok(match self.appends {
            true => u64::try_from(fstat(&self.file)?.st_size).unwrap_or(0),
            false => seek(&self.file, SeekFrom::Current(0))?,
        })
    }

    /// Writes the first `bytes` of what is held.
    fn write(&mut self, position: u64, mut bytes: u64) -> io::Result<()> {
        if self.reserves && bytes > 0 {
            self.reserves = reserve::reserve(&self.file, position, bytes);
        }
        while bytes > 0 {
            let mut wanted = bytes;
            let mut skipped = self.begun;
            let mut slices = Vec::with_capacity(self.held.len());
            for text in &self.held {
                let text = &text[std::mem::take(&mut skipped)..];
                let part = usize::try_from(wanted).map_or(text.len(), |wanted| wanted.min(text.len()));
                slices.push(IoSlice::new(&text[..part]));
                wanted -= part as u64;
            }
            let written = match self.file.write_vectored(&slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            bytes -= written as u64;
            self.forget(written);
        }
        Ok(())
    }

    /// So many bytes are in the file.
    fn forget(&mut self, mut written: usize) {
        self.held_bytes -= written as u64;
        while let Some(first) = self.held.front() {
            let left = first.len() - self.begun;
            if written < left {
                self.begun += written;
                return;
            }
            written -= left;
            self.begun = 0;
            self.held.pop_front();
        }
    }
}

#[cfg(target_os = "linux")]
mod reserve {
    use super::File;
    use rustix::fs::{FallocateFlags, fallocate, fstatfs};

    /// `f_type` of ext4.
    const EXT4: u64 = 0xef53;

    /// Whether to ask for space is a matter of memory alone. A network's file system would write all out first.
    pub(super) fn is_cheap(file: &File) -> bool {
        fstatfs(file).is_ok_and(|fs| u64::try_from(fs.f_type) == Ok(EXT4))
    }

    /// Asks for space in a file, whose size stays; false if there is no point in asking again. ext4 then need not look for
    /// space when the file is closed, which it does at once, and has the closing process wait for the disk, if the file was
    /// truncated before.
    pub(super) fn reserve(file: &File, position: u64, bytes: u64) -> bool {
        fallocate(file, FallocateFlags::KEEP_SIZE, position, bytes).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod reserve {
    use super::File;

    pub(super) fn is_cheap(_: &File) -> bool {
        false
    }

    pub(super) fn reserve(_: &File, _: u64, _: u64) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};

    use super::*;

    /// Texts of sizes around those of blocks, and of none.
    fn texts() -> impl Iterator<Item = Vec<u8>> {
        let block = BLOCK_BYTES as usize;
        let sizes = [0, 1, 300_001, 270_000, block, 0, block - 1, 3 * block + 7, 1, 999_999];
        let sizes = sizes.into_iter().cycle().take(25).enumerate();
        sizes.map(|(i, size)| (0..size).map(|at| (at * 31 + i * 7) as u8).collect())
    }

    fn written(mut file: File) -> Vec<u8> {
        let mut all = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut all).unwrap();
        all
    }

    #[test]
    fn the_file_has_the_texts_in_order_wherever_it_begins() {
        for begin in [0, 5, BLOCK_BYTES, BLOCK_BYTES + 1] {
            let mut file = tempfile::tempfile().unwrap();
            let mut expected = vec![b'-'; begin as usize];
            file.write_all(&expected).unwrap();
            let mut blocks = Blocks::new(file.try_clone().unwrap()).unwrap();
            for text in texts() {
                expected.extend_from_slice(&text);
                blocks.push(text).unwrap();
                let in_file = file.metadata().unwrap().len();
                assert!(in_file.is_multiple_of(BLOCK_BYTES) || in_file == begin, "{in_file}");
                assert!(expected.len() as u64 - in_file < BLOCK_BYTES * 2);
            }
            blocks.finish().unwrap();
            assert!(written(file) == expected);
        }
    }

    #[test]
    fn what_is_in_a_file_that_is_appended_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        std::fs::write(&path, "before\n").unwrap();
        let mut expected = b"before\n".to_vec();
        for _ in 0..2 {
            let file = File::options().append(true).open(&path).unwrap();
            let mut blocks = Blocks::new(file).unwrap();
            for text in texts() {
                expected.extend_from_slice(&text);
                blocks.push(text).unwrap();
            }
            blocks.finish().unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == expected);
    }

    #[test]
    fn no_more_space_is_kept_than_was_written_to() {
        /// For the file system's own notes of where the file is.
        const NOTES_BYTES: u64 = 64 << 10;
        let file = tempfile::tempfile().unwrap();
        let mut blocks = Blocks::new(file.try_clone().unwrap()).unwrap();
        texts().try_for_each(|text| blocks.push(text)).unwrap();
        blocks.finish().unwrap();
        file.sync_all().unwrap();
        let stat = fstat(&file).unwrap();
        assert!(
            stat.st_blocks as u64 * 512 < stat.st_size as u64 + NOTES_BYTES,
            "{stat:?}"
        );
    }

    #[test]
    fn a_file_that_cannot_be_written_to_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut blocks = Blocks::new(File::open(file.path()).unwrap()).unwrap();
        assert!(texts().try_for_each(|text| blocks.push(text)).is_err());
    }
}
