//! `.snapshot`: producer states at an offset (Kafka: `ProducerSnapshot`, version 1).
//!
//! Version i16, checksum u32 (CRC-32C of the rest), count i32, then 46 bytes an entry.

use std::fs;
use std::io;
use std::path::Path;

use super::LogError;
use super::checkpoint::replace_file;
use super::index::{i64_at, u32_at};

const VERSION: i16 = 1;
const HEADER_SIZE: usize = 10;
const ENTRY_SIZE: usize = 46;

/// One producer in a snapshot file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotEntry {
    pub producer_id: i64,
    pub epoch: i16,
    /// -1 if no batch is remembered.
    pub last_sequence: i32,
    /// -1 if no batch is remembered.
    pub last_offset: i64,
    pub offset_delta: i32,
    pub timestamp: i64,
    pub coordinator_epoch: i32,
    /// -1 without an open transaction.
    pub current_txn_first_offset: i64,
}

impl SnapshotEntry {
    fn parse(b: &[u8; ENTRY_SIZE]) -> Self {
        SnapshotEntry {
            producer_id: i64_at(b, 0),
            epoch: i16::from_be_bytes([b[8], b[9]]),
            last_sequence: u32_at(b, 10) as i32,
            last_offset: i64_at(b, 14),
            offset_delta: u32_at(b, 22) as i32,
            timestamp: i64_at(b, 26),
            coordinator_epoch: u32_at(b, 34) as i32,
            current_txn_first_offset: i64_at(b, 38),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.producer_id.to_be_bytes());
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.last_sequence.to_be_bytes());
        out.extend_from_slice(&self.last_offset.to_be_bytes());
        out.extend_from_slice(&self.offset_delta.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.coordinator_epoch.to_be_bytes());
        out.extend_from_slice(&self.current_txn_first_offset.to_be_bytes());
    }
}

/// Reads a snapshot.
///
/// # Errors
/// [`LogError::Corrupt`] for another version, a wrong checksum or a wrong size.
pub fn read(path: &Path) -> Result<Vec<SnapshotEntry>, LogError> {
    parse(&fs::read(path)?).map_err(|message| LogError::corrupt(path, message))
}

fn parse(bytes: &[u8]) -> Result<Vec<SnapshotEntry>, String> {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_SIZE>() else {
        return Err("Snapshot failed schema validation: it is cut off".into());
    };
    let version = i16::from_be_bytes([header[0], header[1]]);
    if version != VERSION {
        return Err(format!("Snapshot contained an unknown file version {version}"));
    }
    let (stored, computed) = (u32_at(header, 2), crc32c::crc32c(&bytes[6..]));
    if stored != computed {
        return Err(format!(
            "Snapshot is corrupt (CRC is no longer valid). Stored crc: {stored}. Computed crc: {computed}"
        ));
    }
    let (entries, rest) = body.as_chunks::<ENTRY_SIZE>();
    if u32_at(header, 6) as usize != entries.len() || !rest.is_empty() {
        return Err("Snapshot failed schema validation: its size does not match its count".into());
    }
    Ok(entries.iter().map(SnapshotEntry::parse).collect())
}

pub(super) fn write(path: &Path, entries: &[SnapshotEntry], sync: bool) -> io::Result<()> {
    let mut out = Vec::with_capacity(HEADER_SIZE + ENTRY_SIZE * entries.len());
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(entries.len() as u32).to_be_bytes());
    entries.iter().for_each(|e| e.write(&mut out));
    let crc = crc32c::crc32c(&out[6..]);
    out[2..6].copy_from_slice(&crc.to_be_bytes());
    replace_file(path, &out, sync)
}
