//! `.snapshot` files: what a partition knows of its producers. Kafka: `ProducerStateManager.readSnapshot`.

use std::fs;
use std::path::Path;

use super::InspectError;

/// Where the entries begin, and with them what the checksum covers: after the version and the checksum.
const ENTRIES_OFFSET: usize = 6;

/// One producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerEntry {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub last_sequence: i32,
    /// -1 if no batch of the producer is known.
    pub last_offset: i64,
    pub offset_delta: i32,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    pub coordinator_epoch: i32,
    /// -1 outside a transaction.
    pub current_txn_first_offset: i64,
}

/// The entries, in the order of the file.
///
/// # Errors
/// An unknown version, a checksum that does not match, bytes that do not fit the format.
pub fn read_producer_snapshot(path: &Path) -> Result<Vec<ProducerEntry>, InspectError> {
    let bytes = fs::read(path).map_err(|e| InspectError::io(path, e))?;
    let mut input = Input { left: &bytes };
    let read = entries(&mut input);
    let (crc, entries) =
        read.map_err(|why| InspectError::Corrupt(format!("Snapshot failed schema validation: {why}")))?;
    let computed = crc32c::crc32c(&bytes[ENTRIES_OFFSET..]);
    if crc != computed {
        return Err(InspectError::Corrupt(format!(
            "Snapshot is corrupt (CRC is no longer valid). Stored crc: {crc}. Computed crc: {computed}"
        )));
    }
    Ok(entries)
}

struct Input<'a> {
    left: &'a [u8],
}

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        // Java's BufferUnderflowException has no message.
        let (head, tail) = self.left.split_first_chunk().ok_or("null")?;
        self.left = tail;
        Ok(*head)
    }

    fn i32(&mut self) -> Result<i32, String> {
        self.take().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, String> {
        self.take().map(i64::from_be_bytes)
    }
}

fn entries(input: &mut Input<'_>) -> Result<(u32, Vec<ProducerEntry>), String> {
    let version = i16::from_be_bytes(input.take()?);
    if version != 1 {
        return Err(format!("Snapshot contained an unknown file version {version}"));
    }
    let crc = u32::from_be_bytes(input.take()?);
    let count = match usize::try_from(input.i32()?) {
        Err(_) => return Err("non-nullable field producerEntries was serialized as null".to_owned()),
        Ok(count) if count > input.left.len() => {
            return Err(format!(
                "Tried to allocate a collection of size {count}, but there are only {} bytes remaining.",
                input.left.len()
            ));
        }
        Ok(count) => count,
    };
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(ProducerEntry {
            producer_id: input.i64()?,
            producer_epoch: i16::from_be_bytes(input.take()?),
            last_sequence: input.i32()?,
            last_offset: input.i64()?,
            offset_delta: input.i32()?,
            timestamp: input.i64()?,
            coordinator_epoch: input.i32()?,
            current_txn_first_offset: input.i64()?,
        });
    }
    Ok((crc, entries))
}
