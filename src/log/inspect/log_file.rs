//! A segment file (or a KRaft snapshot) as a row of batches of any magic. Kafka: `FileRecords`, `FileLogInputStream`.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::InspectError;
use crate::record::batch::{LOG_OVERHEAD, MAGIC_OFFSET, MIN_RECORD_SIZE, RECORD_BATCH_OVERHEAD};
use crate::record::legacy::LegacyBatch;
use crate::record::{Batch, BatchHeader};

/// Bytes up to and including the magic: what tells a batch's size and format.
const HEADER_UP_TO_MAGIC: u64 = MAGIC_OFFSET as u64 + 1;
/// Bytes read ahead of a cursor, and so of a [`Chunk`].
const READ_AHEAD: usize = 256 << 10;
/// Bytes read to look at one batch header.
const PEEK: usize = RECORD_BATCH_OVERHEAD;

/// A file of batches, open for reading.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    path: PathBuf,
    size: u64,
}

/// What the first bytes of a batch tell, whatever its magic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHead {
    /// Byte at which the batch begins.
    pub position: u64,
    pub magic: i8,
    /// Bytes of the whole batch. The file holds that many from `position` on.
    pub size: usize,
    pub last_offset: i64,
}

/// A batch with its bytes.
#[derive(Debug, Clone, Copy)]
pub struct FileBatch<'a> {
    pub position: u64,
    pub bytes: &'a [u8],
    pub format: Format<'a>,
}

/// The two ways a batch is laid out.
#[derive(Debug, Clone, Copy)]
pub enum Format<'a> {
    /// Magic 2 (and, as Kafka reads them, unknown higher ones).
    Default(BatchHeader),
    /// Magic 0 and 1.
    Legacy(LegacyBatch<'a>),
}

impl<'a> FileBatch<'a> {
    /// `bytes` are one whole batch of any magic; header fields that they do not reach read as zero.
    pub fn new(position: u64, bytes: &'a [u8]) -> Self {
        let magic = bytes.get(MAGIC_OFFSET).map_or(0, |b| *b as i8);
        let format = if magic >= 2 {
            let mut header = [0; RECORD_BATCH_OVERHEAD];
            let there = bytes.len().min(RECORD_BATCH_OVERHEAD);
            header[..there].copy_from_slice(&bytes[..there]);
            Format::Default(BatchHeader::parse(&header))
        } else {
            Format::Legacy(LegacyBatch::new(bytes))
        };
        FileBatch {
            position,
            bytes,
            format,
        }
    }

    /// The batch that `rest` begins with. The header of one that is shorter than a header goes on into what follows, as in
    /// Kafka.
    fn at_start_of(rest: &'a [u8], head: &BatchHead) -> Self {
        let mut batch = FileBatch::new(head.position, &rest[..head.size]);
        if let (Format::Default(header), Some(bytes)) = (&mut batch.format, rest.first_chunk()) {
            *header = BatchHeader::parse(bytes);
        }
        batch
    }

    /// Whether the checksum matches.
    pub fn is_valid(&self) -> bool {
        match self.format {
            Format::Default(header) => {
                self.bytes
                    .get(crate::record::batch::ATTRIBUTES_OFFSET..)
                    .is_some_and(|covered| {
                        self.bytes.len() >= RECORD_BATCH_OVERHEAD && crc32c::crc32c(covered) == header.crc
                    })
            }
            Format::Legacy(batch) => batch.is_valid(),
        }
    }

    /// The batch for reading its records; an error for a legacy batch or one too short for a header.
    pub fn as_default(&self) -> Result<Batch<'a>, InspectError> {
        let short = || {
            InspectError::Corrupt(format!(
                "Record batch at position {} is corrupted: {} bytes are less than the {RECORD_BATCH_OVERHEAD} of a header",
                self.position,
                self.bytes.len()
            ))
        };
        match self.format {
            Format::Default(_) => Batch::of_any_magic(self.bytes).ok_or_else(short),
            Format::Legacy(_) => Err(InspectError::Corrupt(format!(
                "Record batch of magic {} where 2 was expected",
                self.bytes.get(MAGIC_OFFSET).map_or(0, |b| *b as i8)
            ))),
        }
    }
}

impl LogFile {
    /// # Errors
    /// The file is not there, not readable, or larger than the 2^31-1 bytes of a segment.
    pub fn open(path: &Path) -> Result<Self, InspectError> {
        let io = |e| InspectError::io(path, e);
        let file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        if size > i32::MAX as u64 {
            return Err(InspectError::Corrupt(format!(
                "The size of segment {} ({size}) is larger than the maximum allowed segment size of 2147483647",
                path.display()
            )));
        }
        Ok(LogFile {
            file,
            path: path.to_owned(),
            size,
        })
    }

    /// Bytes of the file when it was opened.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a slice of `size` bytes from `position` on ends.
    ///
    /// # Errors
    /// A position beyond the end, or a negative number.
    pub fn slice_end(&self, position: i64, size: i32) -> Result<u64, InspectError> {
        let range = match u64::try_from(position) {
            Err(_) => {
                return Err(InspectError::Corrupt(format!(
                    "Invalid position: {position} in read from {self}"
                )));
            }
            Ok(at) if at > self.size => {
                return Err(InspectError::Corrupt(format!(
                    "Slice from position {position} exceeds end position of {self}"
                )));
            }
            Ok(at) => at..self.size,
        };
        match u64::try_from(size) {
            Err(_) => Err(InspectError::Corrupt(format!(
                "Invalid size: {size} in read from {self}"
            ))),
            Ok(size) => Ok(range.end.min(range.start + size)),
        }
    }

    /// The batches between two positions. A batch that does not fit whole before `end` ends the row.
    pub fn batches(&self, from: u64, end: u64) -> BatchCursor<'_> {
        BatchCursor {
            log: self,
            position: from,
            end: end.min(self.size),
            window: Vec::new(),
            window_at: 0,
        }
    }

    /// The head of the batch at `position`, `None` if no whole batch fits before `end`.
    ///
    /// # Errors
    /// A size field below that of any batch; a file that cannot be read.
    pub fn head_at(&self, position: u64, end: u64) -> Result<Option<BatchHead>, InspectError> {
        let mut bytes = [0; PEEK];
        let length = self.size.saturating_sub(position).min(PEEK as u64) as usize;
        self.file
            .read_exact_at(&mut bytes[..length], position)
            .map_err(|e| InspectError::io(&self.path, e))?;
        self.parse_head(&bytes[..length], position, end)
    }

    /// `FileLogInputStream.nextBatch`. `bytes` are up to 61 from `position` on, fewer only at the end of the file.
    fn parse_head(&self, bytes: &[u8], position: u64, end: u64) -> Result<Option<BatchHead>, InspectError> {
        if position + HEADER_UP_TO_MAGIC >= end {
            return Ok(None);
        }
        let (Some(offset), Some(length), Some(&magic)) =
            (bytes.first_chunk::<8>(), bytes.get(8..12), bytes.get(MAGIC_OFFSET))
        else {
            return Ok(None);
        };
        let offset = i64::from_be_bytes(*offset);
        let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
        if length < MIN_RECORD_SIZE {
            return Err(InspectError::Corrupt(format!(
                "Found record size {length} smaller than minimum record overhead ({MIN_RECORD_SIZE}) in file {}. \
                 (batch at position {position})",
                self.path.display()
            )));
        }
        let size = LOG_OVERHEAD + length as usize;
        if position + size as u64 > end {
            return Ok(None);
        }
        let magic = magic as i8;
        let last_offset = match bytes.get(23..27) {
            Some(delta) if magic >= 2 => {
                offset.wrapping_add(i64::from(i32::from_be_bytes([delta[0], delta[1], delta[2], delta[3]])))
            }
            _ => offset,
        };
        Ok(Some(BatchHead {
            position,
            magic,
            size,
            last_offset,
        }))
    }
}

/// `FileRecords.toString`.
impl std::fmt::Display for LogFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "FileRecords(size={0}, file={1}, start=0, end={2})",
            self.size,
            self.path.display(),
            i32::MAX
        )
    }
}

/// Whole batches in a row, with their bytes: for a thread that reads and another that looks at what was read.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Those of the file from `at` on, to the end of the last batch or further.
    bytes: Vec<u8>,
    at: u64,
    heads: Vec<BatchHead>,
}

impl Chunk {
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// The batches in the order of the file.
    pub fn batches(&self) -> impl Iterator<Item = FileBatch<'_>> {
        let rest = |head: &BatchHead| &self.bytes[(head.position - self.at) as usize..];
        self.heads
            .iter()
            .map(move |head| FileBatch::at_start_of(rest(head), head))
    }
}

/// Walks over batches, holding a quarter of a megabyte of the file or the largest batch seen.
#[derive(Debug)]
pub struct BatchCursor<'f> {
    log: &'f LogFile,
    position: u64,
    end: u64,
    /// The bytes of the file from `window_at` on.
    window: Vec<u8>,
    window_at: u64,
}

impl BatchCursor<'_> {
    /// Where the next batch begins.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes on at an earlier position.
    pub fn rewind_to(&mut self, position: u64) {
        self.position = position;
    }

    /// The next batch with its bytes.
    ///
    /// # Errors
    /// As [`LogFile::head_at`]; the cursor then stays where it is.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<FileBatch<'_>>, InspectError> {
        let Some(head) = self.peek()? else {
            return Ok(None);
        };
        self.load_batch(&head)?;
        self.position += head.size as u64;
        let rest = &self.window[(head.position - self.window_at) as usize..];
        Ok(Some(FileBatch::at_start_of(rest, &head)))
    }

    /// Puts the next batches into `chunk`, as many as are read at a time and one at least; false at the end of the file.
    ///
    /// # Errors
    /// As [`BatchCursor::next`]. The batches in front of what cannot be read are in the chunk.
    pub fn next_chunk(&mut self, chunk: &mut Chunk) -> Result<bool, InspectError> {
        chunk.heads.clear();
        let more = self.collect_heads(&mut chunk.heads);
        chunk.at = self.window_at;
        chunk.bytes = std::mem::take(&mut self.window);
        more
    }

    /// Steps over the batches that lie in one window.
    fn collect_heads(&mut self, heads: &mut Vec<BatchHead>) -> Result<bool, InspectError> {
        loop {
            if !heads.is_empty() && !self.holds(PEEK) {
                return Ok(true);
            }
            let Some(head) = self.peek()? else {
                return Ok(false);
            };
            if !heads.is_empty() && !self.holds(head.size.max(RECORD_BATCH_OVERHEAD)) {
                return Ok(true);
            }
            self.load_batch(&head)?;
            self.position += head.size as u64;
            heads.push(head);
        }
    }

    /// The next batch's head; its bytes are stepped over unread.
    ///
    /// # Errors
    /// As [`BatchCursor::next`].
    pub fn next_head(&mut self) -> Result<Option<BatchHead>, InspectError> {
        let head = self.peek()?;
        self.position += head.map_or(0, |h| h.size as u64);
        Ok(head)
    }

    fn peek(&mut self) -> Result<Option<BatchHead>, InspectError> {
        if self.position + HEADER_UP_TO_MAGIC >= self.end {
            return Ok(None);
        }
        self.load(PEEK)?;
        let bytes = &self.window[(self.position - self.window_at) as usize..];
        self.log
            .parse_head(&bytes[..bytes.len().min(PEEK)], self.position, self.end)
    }

    /// Brings the batch at the cursor into the window, and a whole header even if the batch is shorter.
    fn load_batch(&mut self, head: &BatchHead) -> Result<(), InspectError> {
        self.load(head.size.max(RECORD_BATCH_OVERHEAD))?;
        let there = self.window_at + self.window.len() as u64 - head.position;
        if head.magic >= 2 && there < RECORD_BATCH_OVERHEAD as u64 {
            return Err(InspectError::Corrupt(format!(
                "Failed to load record batch at position {} from FileRecords(size={end}, file={}, start=0, end={end})",
                head.position,
                self.log.path.display(),
                end = self.end,
            )));
        }
        Ok(())
    }

    /// So many bytes from `position` on, or all there are.
    fn up_to(&self, length: usize) -> usize {
        (self.log.size.saturating_sub(self.position)).min(length as u64) as usize
    }

    /// Whether `length` bytes from `position` on, or all there are, lie in the window.
    fn holds(&self, length: usize) -> bool {
        let end = self.position + self.up_to(length) as u64;
        self.position >= self.window_at && end <= self.window_at + self.window.len() as u64
    }

    /// Brings `length` bytes from `position` on into the window, or all there are.
    fn load(&mut self, length: usize) -> Result<(), InspectError> {
        if self.holds(length) {
            return Ok(());
        }
        let before = self.position.checked_sub(self.window_at).map(|n| n as usize);
        match before.filter(|before| *before < self.window.len()) {
            Some(before) => drop(self.window.drain(..before)),
            None => self.window.clear(),
        }
        self.window_at = self.position;
        let want = self.up_to(length.max(READ_AHEAD));
        self.window.reserve_exact(want - self.window.len());
        while self.window.len() < want {
            let at = self.position + self.window.len() as u64;
            let into = rustix::buffer::spare_capacity(&mut self.window);
            match rustix::io::pread(&self.log.file, into, at) {
                Ok(0) => return Err(InspectError::io(&self.log.path, ErrorKind::UnexpectedEof.into())),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(InspectError::io(&self.log.path, e.into())),
            }
        }
        Ok(())
    }
}
