//! The header of a record batch of magic 2, as it lies in the bytes (Kafka: `DefaultRecordBatch`).
//!
//! | at | field | | at | field |
//! | --- | --- | --- | --- | --- |
//! | 0 | baseOffset i64 | | 27 | baseTimestamp i64 |
//! | 8 | batchLength i32 | | 35 | maxTimestamp i64 |
//! | 12 | partitionLeaderEpoch i32 | | 43 | producerId i64 |
//! | 16 | magic i8 | | 51 | producerEpoch i16 |
//! | 17 | crc u32 (of 21..) | | 53 | baseSequence i32 |
//! | 21 | attributes i16 | | 57 | records count i32 |
//! | 23 | lastOffsetDelta i32 | | 61 | records |

use super::legacy::LegacyBatch;
use super::reader::RecordReader;
use super::{Compression, NO_PRODUCER_ID, NO_SEQUENCE, RecordError};

/// Bytes before the part that `batchLength` counts: base offset and the length itself.
pub const LOG_OVERHEAD: usize = 12;
/// Bytes of a whole batch header.
pub const RECORD_BATCH_OVERHEAD: usize = 61;
/// Where the magic byte stands in a batch of any magic.
pub const MAGIC_OFFSET: usize = 16;
/// Where the part that the checksum covers begins.
pub const ATTRIBUTES_OFFSET: usize = 21;
/// The smallest `batchLength` of any magic (Kafka: `LegacyRecord.RECORD_OVERHEAD_V0`).
pub const MIN_RECORD_SIZE: i32 = 14;

/// The least bytes of a message of magic 0 or 1, its timestamp included.
pub const LEGACY_OVERHEAD: usize = LOG_OVERHEAD + MIN_RECORD_SIZE as usize;

const COMPRESSION_MASK: i16 = 0x07;
const TIMESTAMP_TYPE_FLAG: i16 = 0x08;
pub(crate) const TRANSACTIONAL_FLAG: i16 = 0x10;
pub(crate) const CONTROL_FLAG: i16 = 0x20;
pub(crate) const DELETE_HORIZON_FLAG: i16 = 0x40;

/// Whose clock a record's timestamp shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampType {
    #[default]
    CreateTime,
    LogAppendTime,
}

impl TimestampType {
    /// The name in topic configs and in the dump tool.
    pub fn name(self) -> &'static str {
        match self {
            TimestampType::CreateTime => "CreateTime",
            TimestampType::LogAppendTime => "LogAppendTime",
        }
    }
}

/// The decoded header of a magic 2 batch. A copy of 61 bytes; changing it changes no bytes until [`BatchHeader::write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    /// Bytes that follow the first [`LOG_OVERHEAD`].
    pub batch_length: i32,
    pub partition_leader_epoch: i32,
    pub magic: i8,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    /// First timestamp, or the delete horizon (KAFKA-8522) if its flag is set. Milliseconds.
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
}

fn at<const N: usize>(bytes: &[u8; RECORD_BATCH_OVERHEAD], offset: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[offset..offset + N]);
    out
}

impl BatchHeader {
    /// Decodes the fields; says nothing about whether they make sense.
    pub fn parse(bytes: &[u8; RECORD_BATCH_OVERHEAD]) -> Self {
        BatchHeader {
            base_offset: i64::from_be_bytes(at(bytes, 0)),
            batch_length: i32::from_be_bytes(at(bytes, 8)),
            partition_leader_epoch: i32::from_be_bytes(at(bytes, 12)),
            magic: bytes[MAGIC_OFFSET] as i8,
            crc: u32::from_be_bytes(at(bytes, 17)),
            attributes: i16::from_be_bytes(at(bytes, 21)),
            last_offset_delta: i32::from_be_bytes(at(bytes, 23)),
            base_timestamp: i64::from_be_bytes(at(bytes, 27)),
            max_timestamp: i64::from_be_bytes(at(bytes, 35)),
            producer_id: i64::from_be_bytes(at(bytes, 43)),
            producer_epoch: i16::from_be_bytes(at(bytes, 51)),
            base_sequence: i32::from_be_bytes(at(bytes, 53)),
            record_count: i32::from_be_bytes(at(bytes, 57)),
        }
    }

    /// A message of magic 0 or 1 as a batch of one record; see [`Batch::stored`]. `None` without its first 26 bytes.
    pub fn legacy(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; LEGACY_OVERHEAD] = bytes.first_chunk()?;
        let message = LegacyBatch::new(head);
        Some(BatchHeader {
            base_offset: message.last_offset(),
            batch_length: i32::from_be_bytes([head[8], head[9], head[10], head[11]]),
            partition_leader_epoch: -1,
            magic: message.magic(),
            crc: message.crc(),
            // Codec and timestamp type stand where magic 2 has them.
            attributes: i16::from(head[17]) & (COMPRESSION_MASK | TIMESTAMP_TYPE_FLAG),
            last_offset_delta: 0,
            base_timestamp: message.timestamp(),
            max_timestamp: message.timestamp(),
            producer_id: NO_PRODUCER_ID,
            producer_epoch: -1,
            base_sequence: NO_SEQUENCE,
            record_count: 1,
        })
    }

    /// Whether it stands for a message of magic 0 or 1.
    pub fn is_legacy(&self) -> bool {
        matches!(self.magic, 0 | 1)
    }

    /// Encodes the fields, the checksum as it stands in `crc`.
    pub fn write(&self) -> [u8; RECORD_BATCH_OVERHEAD] {
        let mut out = [0; RECORD_BATCH_OVERHEAD];
        out[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        out[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        out[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        out[MAGIC_OFFSET] = self.magic as u8;
        out[17..21].copy_from_slice(&self.crc.to_be_bytes());
        out[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        out[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        out[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        out[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        out[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        out[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        out[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        out[57..61].copy_from_slice(&self.record_count.to_be_bytes());
        out
    }

    /// Sets `crc` to what these fields and the bytes after the header give.
    pub fn update_crc(&mut self, body: &[u8]) {
        let head = self.write();
        self.crc = crc32c::crc32c_append(crc32c::crc32c(&head[ATTRIBUTES_OFFSET..]), body);
    }

    /// Bytes of the whole batch. Only meaningful once `batch_length` was checked.
    pub fn size_in_bytes(&self) -> usize {
        LOG_OVERHEAD + self.batch_length.max(0) as usize
    }

    pub fn last_offset(&self) -> i64 {
        self.base_offset.wrapping_add(i64::from(self.last_offset_delta))
    }

    /// The offset after the last record.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    pub fn compression(&self) -> Result<Compression, RecordError> {
        Compression::from_id((self.attributes & COMPRESSION_MASK) as u8)
    }

    pub fn timestamp_type(&self) -> TimestampType {
        match self.attributes & TIMESTAMP_TYPE_FLAG {
            0 => TimestampType::CreateTime,
            _ => TimestampType::LogAppendTime,
        }
    }

    /// Sets type and maximum, as Kafka's `setMaxTimestamp` does. The checksum is stale afterwards.
    pub fn set_max_timestamp(&mut self, kind: TimestampType, max_timestamp: i64) {
        self.max_timestamp = max_timestamp;
        match kind {
            TimestampType::CreateTime => self.attributes &= !TIMESTAMP_TYPE_FLAG,
            TimestampType::LogAppendTime => self.attributes |= TIMESTAMP_TYPE_FLAG,
        }
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_FLAG != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_FLAG != 0
    }

    /// When the cleaner may drop tombstones and transaction markers of this batch; milliseconds.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON_FLAG != 0).then_some(self.base_timestamp)
    }

    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// The sequence number of the last record; -1 without one. Wraps at `i32::MAX` to 0.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        increment_sequence(self.base_sequence, self.last_offset_delta)
    }
}

/// Adds to a sequence number, from `i32::MAX` on to 0 (Kafka: `DefaultRecordBatch.incrementSequence`).
pub fn increment_sequence(sequence: i32, increment: i32) -> i32 {
    if sequence > i32::MAX.wrapping_sub(increment) {
        return increment.wrapping_sub(i32::MAX.wrapping_sub(sequence)).wrapping_sub(1);
    }
    sequence.wrapping_add(increment)
}

/// Subtracts from a sequence number, from 0 on to `i32::MAX`.
pub fn decrement_sequence(sequence: i32, decrement: i32) -> i32 {
    if sequence < decrement {
        return i32::MAX.wrapping_sub(decrement.wrapping_sub(sequence)).wrapping_add(1);
    }
    sequence.wrapping_sub(decrement)
}

/// Size of the batch of any magic that begins here, `None` if the bytes end within the first 17.
///
/// # Errors
/// [`RecordError::Corrupt`] if the claimed length is below any record's or the magic is unknown.
pub fn batch_size(bytes: &[u8]) -> Result<Option<usize>, RecordError> {
    let (Some(length), Some(&magic)) = (bytes.get(8..12), bytes.get(MAGIC_OFFSET)) else {
        return Ok(None);
    };
    let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
    if length < MIN_RECORD_SIZE {
        return Err(RecordError::Corrupt(format!(
            "Record size {length} is less than the minimum record overhead ({MIN_RECORD_SIZE})"
        )));
    }
    if magic as i8 > 2 || (magic as i8) < 0 {
        return Err(RecordError::Corrupt(format!(
            "Invalid magic found in record: {}",
            magic as i8
        )));
    }
    Ok(Some(LOG_OVERHEAD + length as usize))
}

/// A magic 2 batch inside somebody's bytes.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    pub header: BatchHeader,
    bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// The batch that begins at `bytes`; what follows it is ignored. `None` if the bytes end before the batch does.
    ///
    /// # Errors
    /// [`RecordError::Corrupt`] for an impossible length or a magic other than 2.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, RecordError> {
        let Some(size) = batch_size(bytes)? else {
            return Ok(None);
        };
        if bytes[MAGIC_OFFSET] != 2 {
            return Err(RecordError::Corrupt(format!(
                "Record batch of magic {} where 2 was expected",
                bytes[MAGIC_OFFSET]
            )));
        }
        if size < RECORD_BATCH_OVERHEAD {
            return Err(RecordError::Corrupt(format!(
                "Record batch is corrupted (the size {size} is smaller than the minimum allowed overhead {RECORD_BATCH_OVERHEAD})"
            )));
        }
        let Some(bytes) = bytes.get(..size) else {
            return Ok(None);
        };
        let Some(head) = bytes.first_chunk() else {
            return Ok(None);
        };
        Ok(Some(Batch {
            header: BatchHeader::parse(head),
            bytes,
        }))
    }

    /// A batch or a message of any magic as it lies in a log, where messages of older Kafkas may still be. A message of
    /// magic 0 or 1 stands as a batch of one record without producer, at its offset: for a compressed one, that of its last
    /// record. Its records are [`super::legacy::LegacyBatch`]'s to read. `None` if the bytes end before it does.
    ///
    /// # Errors
    /// As [`Batch::parse`].
    pub fn stored(bytes: &'a [u8]) -> Result<Option<Self>, RecordError> {
        if bytes.get(MAGIC_OFFSET).is_none_or(|magic| *magic == 2) {
            return Self::parse(bytes);
        }
        let Some(bytes) = batch_size(bytes)?.and_then(|size| bytes.get(..size)) else {
            return Ok(None);
        };
        Ok(BatchHeader::legacy(bytes).map(|header| Batch { header, bytes }))
    }

    /// A batch whatever its magic and its length field say: Kafka's log tools read every magic above 1 as 2. `None` if
    /// there are fewer bytes than a header has.
    pub fn of_any_magic(bytes: &'a [u8]) -> Option<Self> {
        let header = BatchHeader::parse(bytes.first_chunk()?);
        Some(Batch { header, bytes })
    }

    /// The whole batch.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The records, compressed if the batch is.
    pub fn body(&self) -> &'a [u8] {
        self.bytes.get(RECORD_BATCH_OVERHEAD..).unwrap_or_default()
    }

    /// The checksum of what is there.
    pub fn computed_crc(&self) -> u32 {
        crc32c::crc32c(&self.bytes[ATTRIBUTES_OFFSET..])
    }

    /// Whether the checksum matches.
    pub fn is_valid(&self) -> bool {
        self.header.crc == self.computed_crc()
    }

    /// # Errors
    /// [`RecordError::Corrupt`] if the checksum does not match.
    pub fn ensure_valid(&self) -> Result<(), RecordError> {
        if self.header.is_legacy() {
            let message = LegacyBatch::new(self.bytes);
            return match message.is_valid() {
                true => Ok(()),
                false => Err(RecordError::Corrupt(format!(
                    "Record is corrupt (stored crc = {})",
                    message.crc()
                ))),
            };
        }
        match self.computed_crc() {
            crc if crc == self.header.crc => Ok(()),
            crc => Err(RecordError::Corrupt(format!(
                "Record is corrupt (stored crc = {}, computed crc = {crc})",
                self.header.crc
            ))),
        }
    }

    /// Reads the records one after the other.
    ///
    /// # Errors
    /// An unknown codec, a compressed stream whose head is malformed, or a message of magic 0 or 1.
    pub fn records(&self) -> Result<RecordReader<'a>, RecordError> {
        if self.header.is_legacy() {
            let magic = self.header.magic;
            return Err(RecordError::Invalid(format!(
                "a message of magic {magic} is no record batch"
            )));
        }
        RecordReader::new(&self.header, self.body())
    }
}

/// The batches of a fetched or produced chunk. A batch cut off at the end ends the iteration without an error, as clients
/// must expect; [`Batches::remaining`] then still holds its bytes.
#[derive(Debug, Clone)]
pub struct Batches<'a> {
    rest: &'a [u8],
    failed: bool,
}

impl<'a> Batches<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Batches {
            rest: bytes,
            failed: false,
        }
    }

    /// What was not yet returned.
    pub fn remaining(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<Batch<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match Batch::parse(self.rest) {
            Ok(Some(batch)) => {
                self.rest = &self.rest[batch.bytes.len()..];
                Some(Ok(batch))
            }
            Ok(None) => None,
            Err(e) => {
                self.failed = true;
                Some(Err(e))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{BatchOptions, RecordBatchBuilder};

    #[test]
    fn sequences_wrap_to_zero_and_back() {
        assert_eq!(increment_sequence(i32::MAX, 1), 0);
        assert_eq!(increment_sequence(i32::MAX - 2, 5), 2);
        assert_eq!(increment_sequence(7, 3), 10);
        for (sequence, by) in [(0, 1), (2, 5), (10, 3), (i32::MAX, 0)] {
            assert_eq!(increment_sequence(decrement_sequence(sequence, by), by), sequence);
        }
    }

    #[test]
    fn a_header_is_what_its_bytes_say_and_a_cut_batch_ends_the_iteration() {
        let mut builder = RecordBatchBuilder::new(BatchOptions {
            base_offset: 40,
            producer_id: 9,
            producer_epoch: 2,
            base_sequence: i32::MAX,
            transactional: true,
            ..Default::default()
        });
        builder.append(1000, Some(b"k"), None);
        builder.append(900, None, Some(b"v"));
        let bytes = builder.build();
        let batch = Batch::parse(&bytes).unwrap().unwrap();
        let header = batch.header;
        assert_eq!(header.write(), bytes[..RECORD_BATCH_OVERHEAD]);
        assert_eq!(
            (header.last_offset(), header.last_sequence(), header.max_timestamp),
            (41, 0, 1000)
        );
        assert!(batch.is_valid() && header.is_transactional() && !header.is_control());
        let twice = [&bytes[..], &bytes[..]].concat();
        for cut in 0..=twice.len() {
            let mut batches = Batches::new(&twice[..cut]);
            assert_eq!(batches.by_ref().map(Result::unwrap).count(), cut / bytes.len());
            assert_eq!(batches.remaining().len(), cut % bytes.len());
        }
    }
}
