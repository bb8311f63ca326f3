//! `.index`, `.timeindex` and `.txnindex` files, opened read-only.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use super::InspectError;

const OFFSET_ENTRY: usize = 8;
/// Entries that Kafka searches first: those of the last 8 KiB.
const WARM_ENTRIES: usize = 8192 / OFFSET_ENTRY;
const TIME_ENTRY: usize = 12;
const ABORTED_TXN: usize = 34;

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    bytes
        .get(at..at + 4)
        .and_then(|b| b.first_chunk())
        .map_or(0, |b| i32::from_be_bytes(*b))
}

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    bytes
        .get(at..at + 8)
        .and_then(|b| b.first_chunk())
        .map_or(0, |b| i64::from_be_bytes(*b))
}

/// Indexes are read whole, as Kafka maps them whole: `segment.index.bytes` bounds them to 10 MiB by default.
fn read(path: &Path) -> Result<Vec<u8>, InspectError> {
    fs::read(path).map_err(|e| match e.kind() {
        // Kafka creates the missing file and then refuses its size.
        std::io::ErrorKind::NotFound => {
            InspectError::Corrupt(format!("{}: no such index. Invalid max index size: -1", path.display()))
        }
        _ => InspectError::io(path, e),
    })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Where in the log the batch lies that ends with an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    pub offset: i64,
    /// Byte in the log file. Negative only in a damaged index.
    pub position: i32,
}

/// An `.index` file. Kafka: `OffsetIndex`.
#[derive(Debug)]
pub struct OffsetIndexFile {
    path: PathBuf,
    base_offset: i64,
    bytes: Vec<u8>,
}

impl OffsetIndexFile {
    pub fn open(path: &Path, base_offset: i64) -> Result<Self, InspectError> {
        Ok(OffsetIndexFile {
            path: path.to_owned(),
            base_offset,
            bytes: read(path)?,
        })
    }

    /// Whole entries in the file.
    pub fn len(&self) -> usize {
        self.bytes.len() / OFFSET_ENTRY
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries in front of the zeros that a crash leaves behind the last one, and that a live index is filled with.
    pub fn used(&self) -> usize {
        let is_used = |n: &usize| *n == 0 || self.entry(*n).offset != self.base_offset;
        (0..self.len()).take_while(is_used).count()
    }

    /// The entry at `n`, which is below [`OffsetIndexFile::len`].
    pub fn entry(&self, n: usize) -> IndexEntry {
        let at = n * OFFSET_ENTRY;
        IndexEntry {
            offset: self.base_offset.wrapping_add(i64::from(i32_at(&self.bytes, at))),
            position: i32_at(&self.bytes, at + 4),
        }
    }

    /// The last entry at or below `offset`; the beginning of the log if there is none. In an index out of order it is
    /// the entry that Kafka's search ends at (`AbstractIndex.indexSlotRangeFor`).
    pub fn lookup(&self, offset: i64) -> IndexEntry {
        match self.slot(offset) {
            None => IndexEntry {
                offset: self.base_offset,
                position: 0,
            },
            Some(n) => self.entry(n),
        }
    }

    fn slot(&self, offset: i64) -> Option<usize> {
        let last = self.len().checked_sub(1)?;
        // The end of an index is what is mostly asked for, and stays in the page cache.
        let first_hot = last.saturating_sub(WARM_ENTRIES);
        if self.entry(first_hot).offset < offset {
            return Some(self.search(offset, first_hot, last));
        }
        (self.entry(0).offset <= offset).then(|| self.search(offset, 0, first_hot))
    }

    fn search(&self, offset: i64, mut low: usize, mut high: usize) -> usize {
        while low < high {
            let middle = (low + high).div_ceil(2);
            match self.entry(middle).offset.cmp(&offset) {
                Ordering::Greater => high = middle - 1,
                Ordering::Less => low = middle,
                Ordering::Equal => return middle,
            }
        }
        low
    }

    /// What the broker checks when it starts.
    ///
    /// # Errors
    /// The last offset lies below the base offset, or the size is no multiple of an entry's.
    pub fn sanity_check(&self) -> Result<(), InspectError> {
        let path = absolute(&self.path);
        if let Some(last) = self.len().checked_sub(1).map(|n| self.entry(n).offset)
            && last < self.base_offset
        {
            return Err(InspectError::Corrupt(format!(
                "Corrupt index found, index file {} has non-zero size but the last offset is {last} \
                 which is less than the base offset {}",
                path.display(),
                self.base_offset
            )));
        }
        if !self.bytes.len().is_multiple_of(OFFSET_ENTRY) {
            return Err(InspectError::Corrupt(format!(
                "Index file {} is corrupt, found {} bytes which is neither positive nor a multiple of {OFFSET_ENTRY}",
                path.display(),
                self.bytes.len()
            )));
        }
        Ok(())
    }
}

/// The largest timestamp up to an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeIndexEntry {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    pub offset: i64,
}

/// A `.timeindex` file. Kafka: `TimeIndex`.
#[derive(Debug)]
pub struct TimeIndexFile {
    path: PathBuf,
    base_offset: i64,
    bytes: Vec<u8>,
}

impl TimeIndexFile {
    pub fn open(path: &Path, base_offset: i64) -> Result<Self, InspectError> {
        Ok(TimeIndexFile {
            path: path.to_owned(),
            base_offset,
            bytes: read(path)?,
        })
    }

    /// Whole entries in the file.
    pub fn len(&self) -> usize {
        self.bytes.len() / TIME_ENTRY
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries in front of the zeros that a crash leaves behind the last one, and that a live index is filled with.
    pub fn used(&self) -> usize {
        let is_used = |n: &usize| *n == 0 || self.entry(*n).offset != self.base_offset;
        (0..self.len()).take_while(is_used).count()
    }

    /// The entry at `n`, which is below [`TimeIndexFile::len`].
    pub fn entry(&self, n: usize) -> TimeIndexEntry {
        let at = n * TIME_ENTRY;
        TimeIndexEntry {
            timestamp: i64_at(&self.bytes, at),
            offset: self.base_offset.wrapping_add(i64::from(i32_at(&self.bytes, at + 8))),
        }
    }

    /// What the broker checks when it starts.
    ///
    /// # Errors
    /// The last entry lies before the first one or the base offset, or the size is no multiple of an entry's.
    pub fn sanity_check(&self) -> Result<(), InspectError> {
        let path = absolute(&self.path);
        let corrupt = |what: &str, last: i64, first: i64| {
            Err(InspectError::Corrupt(format!(
                "Corrupt time index found, time index file ({}) has non-zero size but the last {what} is {last} \
                 which is less than the first {what} {first}",
                path.display()
            )))
        };
        if let Some(last) = self.len().checked_sub(1).map(|n| self.entry(n)) {
            let first = self.entry(0).timestamp;
            if last.timestamp < first {
                return corrupt("timestamp", last.timestamp, first);
            }
            if last.offset < self.base_offset {
                return corrupt("offset", last.offset, self.base_offset);
            }
        }
        if !self.bytes.len().is_multiple_of(TIME_ENTRY) {
            return Err(InspectError::Corrupt(format!(
                "Time index file {} is corrupt, found {} bytes which is neither positive nor a multiple of {TIME_ENTRY}",
                path.display(),
                self.bytes.len()
            )));
        }
        Ok(())
    }
}

/// An aborted transaction of a `.txnindex` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTxn {
    pub version: i16,
    pub producer_id: i64,
    pub first_offset: i64,
    pub last_offset: i64,
    pub last_stable_offset: i64,
}

/// All entries of a `.txnindex` file; none if there is no such file. Bytes that are no whole entry are passed over.
///
/// # Errors
/// An entry of a later version; a file that cannot be read.
pub fn read_txn_index(path: &Path) -> Result<Vec<AbortedTxn>, InspectError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(InspectError::io(path, e)),
    };
    let entries = bytes.chunks_exact(ABORTED_TXN).map(|entry| {
        // The field has two bytes, and Kafka looks at the first one alone.
        let version = i16::from(entry[0] as i8);
        if version > 0 {
            return Err(InspectError::Corrupt(format!(
                "Unexpected aborted transaction version {version} in transaction index {}, current version is 0",
                absolute(path).display()
            )));
        }
        Ok(AbortedTxn {
            version,
            producer_id: i64_at(entry, 2),
            first_offset: i64_at(entry, 10),
            last_offset: i64_at(entry, 18),
            last_stable_offset: i64_at(entry, 26),
        })
    });
    entries.collect()
}
