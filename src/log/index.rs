//! A file of entries of one size, searched in place (Kafka: `AbstractIndex`).
//!
//! Kafka maps the file and keeps it at its full size while its segment is active; here the file is as long as its
//! entries, which Kafka reads just as well.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::LogError;

/// Entries of `N` bytes each.
#[derive(Debug)]
pub(super) struct EntryFile<const N: usize> {
    file: File,
    path: PathBuf,
    entries: usize,
}

impl<const N: usize> EntryFile<N> {
    /// Opens the file; with `create` one that is missing is made.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] if its size is no multiple of the entry's.
    pub(super) fn open(path: PathBuf, create: bool) -> Result<Self, LogError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .open(&path)?;
        let size = file.metadata()?.len();
        if size % N as u64 != 0 {
            return Err(LogError::corrupt(
                &path,
                format!("the index has {size} bytes, which is not positive or not a multiple of {N}."),
            ));
        }
        Ok(EntryFile {
            file,
            path,
            entries: (size / N as u64) as usize,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    pub(super) fn size_in_bytes(&self) -> u64 {
        (self.entries * N) as u64
    }

    pub(super) fn get(&self, entry: usize) -> io::Result<[u8; N]> {
        let mut out = [0; N];
        self.file.read_exact_at(&mut out, (entry * N) as u64)?;
        Ok(out)
    }

    pub(super) fn push(&mut self, entry: &[u8; N]) -> io::Result<()> {
        self.file.write_all_at(entry, self.size_in_bytes())?;
        self.entries += 1;
        Ok(())
    }

    /// Keeps the first `entries`.
    pub(super) fn truncate(&mut self, entries: usize) -> io::Result<()> {
        self.file.set_len((entries * N) as u64)?;
        self.entries = entries;
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    pub(super) fn set_path(&mut self, path: PathBuf) {
        self.path = path;
    }

    /// How many leading entries satisfy `holds`, which must hold for a prefix only.
    pub(super) fn partition_point(&self, mut holds: impl FnMut(&[u8; N]) -> bool) -> io::Result<usize> {
        let (mut low, mut high) = (0, self.entries);
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(&self.get(middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

/// The `u32` at the start of `bytes`.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The `i64` at the start of `bytes`.
pub(super) fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from(u32_at(bytes, at)) << 32 | i64::from(u32_at(bytes, at + 4))
}
