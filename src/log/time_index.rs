//! `.timeindex`: from timestamps to offsets (Kafka: `TimeIndex`, KIP-33).
//!
//! An entry has 12 bytes: timestamp i64 (milliseconds), offset relative to the segment's base u32. It says that no record
//! before that offset has a larger timestamp; both rise.

use std::io;
use std::path::{Path, PathBuf};

use super::LogError;
use super::index::{EntryFile, i64_at, u32_at};
use super::lazy_index::Index;
use crate::record::NO_TIMESTAMP;

/// Bytes of an entry.
pub const ENTRY_SIZE: usize = 12;

/// A timestamp (milliseconds) and the offset of the batch that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampOffset {
    pub timestamp: i64,
    pub offset: i64,
}

#[derive(Debug)]
pub(super) struct TimeIndex {
    entries: EntryFile<ENTRY_SIZE>,
    base_offset: i64,
    last: TimestampOffset,
}

impl Index for TimeIndex {
    fn open(path: PathBuf, base_offset: i64, create: bool) -> Result<Self, LogError> {
        let entries = EntryFile::open(path, create)?;
        let mut index = TimeIndex {
            entries,
            base_offset,
            last: TimestampOffset {
                timestamp: NO_TIMESTAMP,
                offset: base_offset,
            },
        };
        index.load_last()?;
        Ok(index)
    }

    /// # Errors
    /// [`LogError::Corrupt`] if the last entry does not lie behind the first, as in a file of zeros or one that ends in them.
    fn sanity_check(&self) -> Result<(), LogError> {
        if self.entries.entries() == 0 {
            return Ok(());
        }
        let first = self.decode(&self.entries.get(0)?);
        let rises = self.last.timestamp > first.timestamp || self.entries.entries() == 1;
        if !rises {
            return Err(LogError::corrupt(
                self.path(),
                format!(
                    "the last timestamp is {} which is not greater than the first timestamp {}",
                    self.last.timestamp, first.timestamp
                ),
            ));
        }
        Ok(())
    }

    fn set_path(&mut self, path: PathBuf) {
        self.entries.set_path(path);
    }

    fn sync(&self) -> io::Result<()> {
        self.entries.sync()
    }
}

impl TimeIndex {
    fn load_last(&mut self) -> io::Result<()> {
        self.last = match self.entries.entries() {
            0 => self.none(),
            n => self.decode(&self.entries.get(n - 1)?),
        };
        Ok(())
    }

    fn none(&self) -> TimestampOffset {
        TimestampOffset {
            timestamp: NO_TIMESTAMP,
            offset: self.base_offset,
        }
    }

    fn decode(&self, entry: &[u8; ENTRY_SIZE]) -> TimestampOffset {
        TimestampOffset {
            timestamp: i64_at(entry, 0),
            offset: self.base_offset + i64::from(u32_at(entry, 8)),
        }
    }

    fn path(&self) -> &Path {
        self.entries.path()
    }

    /// Keeps room for the entry that a segment gets when it is rolled.
    pub(super) fn is_full(&self, max_bytes: u64) -> bool {
        self.entries.size_in_bytes() + 2 * ENTRY_SIZE as u64 > max_bytes
    }

    /// The last entry; -1 and the base offset if there is none.
    pub(super) fn last(&self) -> TimestampOffset {
        self.last
    }

    /// The last entry whose timestamp is at most `timestamp`.
    pub(super) fn lookup(&self, timestamp: i64) -> io::Result<TimestampOffset> {
        let after = self
            .entries
            .partition_point(|entry| self.decode(entry).timestamp <= timestamp)?;
        match after {
            0 => Ok(self.none()),
            n => Ok(self.decode(&self.entries.get(n - 1)?)),
        }
    }

    /// Appends an entry if its timestamp is larger than the last one's.
    pub(super) fn maybe_append(&mut self, entry: TimestampOffset) -> Result<(), LogError> {
        if entry.timestamp <= self.last.timestamp {
            return Ok(());
        }
        let relative = u32::try_from(entry.offset - self.base_offset)
            .map_err(|_| LogError::corrupt(self.path(), format!("offset {} does not fit the index", entry.offset)))?;
        if self.entries.entries() > 0 && entry.offset < self.last.offset {
            return Err(LogError::corrupt(
                self.path(),
                format!(
                    "attempt to append an offset ({}) no larger than the last offset appended",
                    entry.offset
                ),
            ));
        }
        let mut bytes = [0; ENTRY_SIZE];
        bytes[..8].copy_from_slice(&entry.timestamp.to_be_bytes());
        bytes[8..].copy_from_slice(&relative.to_be_bytes());
        self.entries.push(&bytes)?;
        self.last = entry;
        Ok(())
    }

    /// Drops the entries at or after `offset`.
    pub(super) fn truncate_to(&mut self, offset: i64) -> io::Result<()> {
        let keep = self
            .entries
            .partition_point(|entry| self.decode(entry).offset < offset)?;
        self.entries.truncate(keep)?;
        self.load_last()
    }

    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.entries.truncate(0)?;
        self.last = self.none();
        Ok(())
    }
}
