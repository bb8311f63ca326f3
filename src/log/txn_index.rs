//! `.txnindex`: the aborted transactions whose markers lie in the segment (Kafka: `TransactionIndex`).
//!
//! An entry has 34 bytes: version i16 (0), producer id, first offset, last offset (of the marker), last stable offset at
//! the time, all i64. The file exists only if there is an entry.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::LogError;
use super::index::i64_at;

/// Bytes of an entry.
pub const ENTRY_SIZE: usize = 34;

/// A transaction that was aborted, as read_committed consumers need to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTxn {
    pub producer_id: i64,
    pub first_offset: i64,
    /// Offset of the abort marker.
    pub last_offset: i64,
    pub last_stable_offset: i64,
}

impl AbortedTxn {
    /// Decodes an entry; `None` for a version that is not known.
    pub fn parse(entry: &[u8; ENTRY_SIZE]) -> Option<Self> {
        (entry[..2] == [0, 0]).then(|| AbortedTxn {
            producer_id: i64_at(entry, 2),
            first_offset: i64_at(entry, 10),
            last_offset: i64_at(entry, 18),
            last_stable_offset: i64_at(entry, 26),
        })
    }

    fn encode(&self) -> [u8; ENTRY_SIZE] {
        let mut out = [0; ENTRY_SIZE];
        let fields = [
            self.producer_id,
            self.first_offset,
            self.last_offset,
            self.last_stable_offset,
        ];
        for (i, field) in fields.into_iter().enumerate() {
            out[2 + 8 * i..10 + 8 * i].copy_from_slice(&field.to_be_bytes());
        }
        out
    }
}

/// The entries are few and kept in memory.
#[derive(Debug)]
pub(super) struct TransactionIndex {
    path: PathBuf,
    entries: Vec<AbortedTxn>,
}

impl TransactionIndex {
    /// Reads the file if there is one.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] for a cut entry, an unknown version, or entries out of order.
    pub(super) fn open(path: PathBuf) -> Result<Self, LogError> {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(e.into()),
        };
        let (chunks, rest) = bytes.as_chunks::<ENTRY_SIZE>();
        let mut entries: Vec<AbortedTxn> = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            match AbortedTxn::parse(chunk) {
                Some(txn) if entries.last().is_none_or(|last| last.last_offset < txn.last_offset) => entries.push(txn),
                Some(_) => return Err(LogError::corrupt(&path, "aborted transactions out of order")),
                None => return Err(LogError::corrupt(&path, "unexpected aborted transaction version")),
            }
        }
        if !rest.is_empty() {
            return Err(LogError::corrupt(&path, "the last aborted transaction is cut off"));
        }
        Ok(TransactionIndex { path, entries })
    }

    /// An index whose file does not exist.
    pub(super) fn absent(path: PathBuf) -> Self {
        TransactionIndex {
            path,
            entries: Vec::new(),
        }
    }

    /// An index that replaces whatever the file holds.
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        let mut index = Self::absent(path);
        index.clear()?;
        Ok(index)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn set_path(&mut self, path: PathBuf) {
        self.path = path;
    }

    pub(super) fn entries(&self) -> &[AbortedTxn] {
        &self.entries
    }

    pub(super) fn append(&mut self, txn: AbortedTxn) -> Result<(), LogError> {
        if self
            .entries
            .last()
            .is_some_and(|last| last.last_offset >= txn.last_offset)
        {
            return Err(LogError::corrupt(
                &self.path,
                format!(
                    "the last offset {} of an aborted transaction is not larger than the last one",
                    txn.last_offset
                ),
            ));
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?
            .write_all(&txn.encode())?;
        self.entries.push(txn);
        Ok(())
    }

    /// Drops the transactions whose marker lies at or after `offset`.
    pub(super) fn truncate_to(&mut self, offset: i64) -> io::Result<()> {
        let keep = self.entries.partition_point(|txn| txn.last_offset < offset);
        if keep < self.entries.len() {
            self.entries.truncate(keep);
            OpenOptions::new()
                .write(true)
                .open(&self.path)?
                .set_len((keep * ENTRY_SIZE) as u64)?;
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.entries.clear();
        match fs::remove_file(&self.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        OpenOptions::new().read(true).open(&self.path)?.sync_data()
    }
}
