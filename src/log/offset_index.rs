//! `.index`: from offsets to positions in the segment (Kafka: `OffsetIndex`).
//!
//! An entry has 8 bytes: offset relative to the segment's base, position; both u32, both rising.

use std::io;
use std::path::{Path, PathBuf};

use super::LogError;
use super::index::{EntryFile, u32_at};
use super::lazy_index::Index;

/// Bytes of an entry.
pub const ENTRY_SIZE: usize = 8;

#[derive(Debug)]
pub(super) struct OffsetIndex {
    entries: EntryFile<ENTRY_SIZE>,
    base_offset: i64,
    last: Option<(i64, u32)>,
}

impl Index for OffsetIndex {
    fn open(path: PathBuf, base_offset: i64, create: bool) -> Result<Self, LogError> {
        let entries = EntryFile::open(path, create)?;
        let mut index = OffsetIndex {
            entries,
            base_offset,
            last: None,
        };
        index.load_last()?;
        Ok(index)
    }

    /// # Errors
    /// [`LogError::Corrupt`] if the last entry does not lie behind the base offset, as in a file of zeros.
    fn sanity_check(&self) -> Result<(), LogError> {
        match self.last {
            Some((last, _)) if last < self.base_offset => Err(LogError::corrupt(
                self.path(),
                format!(
                    "the last offset is {last} which is less than the base offset {}.",
                    self.base_offset
                ),
            )),
            Some((last, _)) if last == self.base_offset && self.entries.entries() > 1 => {
                Err(LogError::corrupt(self.path(), "entries do not rise"))
            }
            _ => Ok(()),
        }
    }

    fn set_path(&mut self, path: PathBuf) {
        self.entries.set_path(path);
    }

    fn sync(&self) -> io::Result<()> {
        self.entries.sync()
    }
}

impl OffsetIndex {
    fn load_last(&mut self) -> io::Result<()> {
        self.last = match self.entries.entries() {
            0 => None,
            n => Some(self.decode(&self.entries.get(n - 1)?)),
        };
        Ok(())
    }

    fn decode(&self, entry: &[u8; ENTRY_SIZE]) -> (i64, u32) {
        (self.base_offset + i64::from(u32_at(entry, 0)), u32_at(entry, 4))
    }

    fn path(&self) -> &Path {
        self.entries.path()
    }

    pub(super) fn is_full(&self, max_bytes: u64) -> bool {
        self.entries.size_in_bytes() + ENTRY_SIZE as u64 > max_bytes
    }

    /// The position of the last entry at or before `offset`; the segment's start if there is none.
    pub(super) fn lookup(&self, offset: i64) -> io::Result<u32> {
        match self.last {
            None => return Ok(0),
            Some((last, position)) if last <= offset => return Ok(position),
            _ => {}
        }
        let after = self.entries.partition_point(|entry| self.decode(entry).0 <= offset)?;
        match after {
            0 => Ok(0),
            n => Ok(self.decode(&self.entries.get(n - 1)?).1),
        }
    }

    /// The offset of the first entry at or behind a position; none if there is no such entry.
    pub(super) fn upper_bound(&self, position: u64) -> io::Result<Option<i64>> {
        let at = self
            .entries
            .partition_point(|entry| u64::from(self.decode(entry).1) < position)?;
        if at == self.entries.entries() {
            return Ok(None);
        }
        Ok(Some(self.decode(&self.entries.get(at)?).0))
    }

    /// Appends an entry; offsets must rise.
    pub(super) fn append(&mut self, offset: i64, position: u32) -> Result<(), LogError> {
        let relative = u32::try_from(offset - self.base_offset)
            .map_err(|_| LogError::corrupt(self.path(), format!("offset {offset} does not fit the index")))?;
        if self.last.is_some_and(|(last, _)| offset <= last) {
            return Err(LogError::corrupt(
                self.path(),
                format!("attempt to append the offset {offset}, which is not larger than the last offset appended"),
            ));
        }
        let mut entry = [0; ENTRY_SIZE];
        entry[..4].copy_from_slice(&relative.to_be_bytes());
        entry[4..].copy_from_slice(&position.to_be_bytes());
        self.entries.push(&entry)?;
        self.last = Some((offset, position));
        Ok(())
    }

    /// Drops the entries at or after `offset`.
    pub(super) fn truncate_to(&mut self, offset: i64) -> io::Result<()> {
        let keep = self.entries.partition_point(|entry| self.decode(entry).0 < offset)?;
        self.entries.truncate(keep)?;
        self.load_last()
    }

    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.entries.truncate(0)?;
        self.last = None;
        Ok(())
    }
}
