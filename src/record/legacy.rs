//! Message formats of magic 0 and 1 (Kafka before 0.11): read where a log still holds them, never accepted or written.
//! Kafka: `LegacyRecord`, `AbstractLegacyRecordBatch`.
//!
//! | at | field |
//! | --- | --- |
//! | 0 | offset i64: of the message, or of the last one inside a compressed message |
//! | 8 | size i32 of what follows |
//! | 12 | crc u32 (CRC-32 of 16..) |
//! | 16 | magic i8 |
//! | 17 | attributes i8 |
//! | 18 | timestamp i64 (magic 1 only) |
//! | 18 or 26 | key size i32 (-1: null), key, value size i32, value |
//!
//! A compressed message holds a row of messages in its value.

use super::batch::{LOG_OVERHEAD, MIN_RECORD_SIZE};
use super::{Compression, NO_TIMESTAMP, RecordError, TimestampType};

const CRC_OFFSET: usize = 12;
const MAGIC_OFFSET: usize = 16;
const ATTRIBUTES_OFFSET: usize = 17;
const TIMESTAMP_OFFSET: usize = 18;
const KEY_OFFSET_V0: usize = 18;
const KEY_OFFSET_V1: usize = 26;
const COMPRESSION_MASK: u8 = 0x07;
const LOG_APPEND_TIME_FLAG: u8 = 0x08;

/// One message as it lies in the bytes; compressed, it holds others.
#[derive(Debug, Clone, Copy)]
pub struct LegacyBatch<'a> {
    bytes: &'a [u8],
}

/// A message that holds a record.
#[derive(Debug, Clone, Copy)]
pub struct LegacyRecord<'a> {
    pub offset: i64,
    /// Milliseconds since 1970, -1 in magic 0.
    pub timestamp: i64,
    pub crc: u32,
    pub is_valid: bool,
    /// What the message claims, negative for null: the key may be cut off.
    pub key_size: i32,
    /// As `key_size`.
    pub value_size: i32,
    message: LegacyBatch<'a>,
}

impl<'a> LegacyRecord<'a> {
    /// The key; `None` is null.
    ///
    /// # Errors
    /// The message is shorter than the key claims to be.
    pub fn key(&self) -> Result<Option<&'a [u8]>, RecordError> {
        sized(self.message.bytes, self.message.key_size_offset())
    }

    /// The value; `None` is null.
    ///
    /// # Errors
    /// The message is shorter than the value claims to be.
    pub fn value(&self) -> Result<Option<&'a [u8]>, RecordError> {
        self.message.value()
    }
}

fn invalid<T>(text: impl Into<String>) -> Result<T, RecordError> {
    Err(RecordError::Invalid(text.into()))
}

impl<'a> LegacyBatch<'a> {
    /// `bytes` are one message with offset and size; missing ones read as zero.
    pub fn new(bytes: &'a [u8]) -> Self {
        LegacyBatch { bytes }
    }

    fn u32_at(&self, at: usize) -> u32 {
        self.bytes
            .get(at..at + 4)
            .and_then(|b| b.first_chunk())
            .map_or(0, |b| u32::from_be_bytes(*b))
    }

    fn i64_at(&self, at: usize) -> i64 {
        self.bytes
            .get(at..at + 8)
            .and_then(|b| b.first_chunk())
            .map_or(0, |b| i64::from_be_bytes(*b))
    }

    fn attributes(&self) -> u8 {
        self.bytes.get(ATTRIBUTES_OFFSET).copied().unwrap_or(0)
    }

    /// The offset that is written in front: of the last record.
    pub fn last_offset(&self) -> i64 {
        self.i64_at(0)
    }

    pub fn magic(&self) -> i8 {
        self.bytes.get(MAGIC_OFFSET).map_or(0, |b| *b as i8)
    }

    pub fn size_in_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn crc(&self) -> u32 {
        self.u32_at(CRC_OFFSET)
    }

    /// Whether the checksum matches.
    pub fn is_valid(&self) -> bool {
        let Some(covered) = self.bytes.get(MAGIC_OFFSET..) else {
            return false;
        };
        let mut crc = flate2::Crc::new();
        crc.update(covered);
        crc.sum() == self.crc()
    }

    /// # Errors
    /// An unknown codec.
    pub fn compression(&self) -> Result<Compression, RecordError> {
        Compression::from_id(self.attributes() & COMPRESSION_MASK)
    }

    /// `None` for magic 0, which has no timestamps.
    pub fn timestamp_type(&self) -> Option<TimestampType> {
        match (self.magic(), self.attributes() & LOG_APPEND_TIME_FLAG) {
            (0, _) => None,
            (_, 0) => Some(TimestampType::CreateTime),
            _ => Some(TimestampType::LogAppendTime),
        }
    }

    /// Whether the magic is one that ever was: what is read as legacy may also be below 0.
    ///
    /// # Errors
    /// A negative magic.
    pub fn check_magic(&self) -> Result<(), RecordError> {
        match self.magic() {
            magic if magic < 0 => invalid(format!("Invalid magic used in LegacyRecord: {magic}")),
            _ => Ok(()),
        }
    }

    /// The timestamp of the message; of a compressed one, the largest inside. -1 in magic 0.
    pub fn timestamp(&self) -> i64 {
        match self.magic() {
            0 => NO_TIMESTAMP,
            _ => self.i64_at(TIMESTAMP_OFFSET),
        }
    }

    /// Where the key's size is written.
    fn key_size_offset(&self) -> usize {
        if self.magic() == 0 {
            KEY_OFFSET_V0
        } else {
            KEY_OFFSET_V1
        }
    }

    /// Where the value's size is written, if the message reaches so far.
    fn value_size_offset(&self) -> Result<usize, RecordError> {
        let at = self.key_size_offset();
        let key = size_at(self.bytes, at)?;
        Ok(at + 4 + usize::try_from(key).unwrap_or(0))
    }

    fn value(&self) -> Result<Option<&'a [u8]>, RecordError> {
        sized(self.bytes, self.value_size_offset()?)
    }

    /// The message itself as a record.
    fn as_record(&self) -> Result<LegacyRecord<'a>, RecordError> {
        Ok(LegacyRecord {
            offset: self.last_offset(),
            timestamp: self.timestamp(),
            crc: self.crc(),
            is_valid: self.is_valid(),
            key_size: size_at(self.bytes, self.key_size_offset())?,
            value_size: size_at(self.bytes, self.value_size_offset()?)?,
            message: *self,
        })
    }

    /// The records: the one that the message is, or those inside a compressed one.
    ///
    /// # Errors
    /// A message that is cut short, cannot be decompressed, or holds no or compressed messages.
    pub fn records(&self) -> Result<LegacyRecords<'a>, RecordError> {
        let compression = self.compression()?;
        if compression == Compression::None {
            return Ok(LegacyRecords::One(*self));
        }
        if !matches!(self.magic(), 0 | 1) {
            return invalid(format!(
                "Invalid wrapper magic found in legacy deep record iterator {}",
                self.magic()
            ));
        }
        if compression == Compression::Zstd {
            // Kafka says the magic there.
            return invalid(format!(
                "Invalid wrapper compressionType found in legacy deep record iterator {}",
                self.magic()
            ));
        }
        let Some(packed) = self.value()? else {
            return invalid(format!(
                "Found invalid compressed record set with null value (magic = {})",
                self.magic()
            ));
        };
        let unpacked = match (compression, self.magic()) {
            (Compression::Lz4, 0) => lz4_without_header_check(packed),
            _ => compression.decompress(packed, i32::MAX as usize),
        };
        match unpacked {
            Ok(set) => self.inner(set),
            Err(e) => invalid(format!("Failed to decompress record stream: {e}")),
        }
    }

    /// Finds what to add to the inner offsets. Magic 1 counts them from the first, and the wrapper has the last one's.
    fn inner(&self, set: Vec<u8>) -> Result<LegacyRecords<'a>, RecordError> {
        let mut last = None;
        let mut rest = &set[..];
        while let Some(message) = next_message(&mut rest)? {
            last = Some(message.last_offset());
        }
        let Some(last) = last else {
            return invalid("Found invalid compressed record set with no inner records");
        };
        let base_offset = match (self.magic(), self.last_offset()) {
            // The outer offset may be 0 in what some librdkafka produced.
            (0, _) | (_, 0) => 0,
            (_, wrapper) if wrapper < last => {
                return invalid(format!(
                    "Found invalid wrapper offset in compressed v1 message set, wrapper offset '{wrapper}' \
                     is less than the last inner message offset '{last}' and it is not zero."
                ));
            }
            (_, wrapper) => wrapper - last,
        };
        let append_time = (self.timestamp_type() == Some(TimestampType::LogAppendTime)).then(|| self.timestamp());
        Ok(LegacyRecords::Inner {
            set,
            base_offset,
            append_time,
        })
    }
}

/// The records of a message of magic 0 or 1.
#[derive(Debug)]
pub enum LegacyRecords<'a> {
    One(LegacyBatch<'a>),
    Inner {
        set: Vec<u8>,
        base_offset: i64,
        append_time: Option<i64>,
    },
}

impl LegacyRecords<'_> {
    /// Calls `each` with one record after the other.
    ///
    /// # Errors
    /// A record whose sizes do not fit, or what `each` returns.
    pub fn for_each<E: From<RecordError>>(
        &self,
        mut each: impl FnMut(LegacyRecord<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            LegacyRecords::One(message) => each(message.as_record()?),
            LegacyRecords::Inner {
                set,
                base_offset,
                append_time,
            } => {
                let mut rest = &set[..];
                while let Some(message) = next_message(&mut rest)? {
                    if message.compression()? != Compression::None {
                        return Err(RecordError::Invalid("Inner messages must not be compressed".to_owned()).into());
                    }
                    let mut record = message.as_record()?;
                    record.offset = record.offset.wrapping_add(*base_offset);
                    if message.magic() == 1 {
                        record.timestamp = append_time.unwrap_or(record.timestamp);
                    }
                    each(record)?;
                }
                Ok(())
            }
        }
    }
}

/// `DataLogInputStream.nextBatch`: a message that is cut off ends the row.
fn next_message<'b>(rest: &mut &'b [u8]) -> Result<Option<LegacyBatch<'b>>, RecordError> {
    let Some(length) = rest
        .get(8..12)
        .and_then(|b| b.first_chunk())
        .map(|b| i32::from_be_bytes(*b))
    else {
        return Ok(None);
    };
    if length < MIN_RECORD_SIZE {
        return Err(RecordError::Corrupt(format!(
            "Record size is less than the minimum record overhead ({MIN_RECORD_SIZE})"
        )));
    }
    let Some((message, tail)) = rest.split_at_checked(LOG_OVERHEAD + length as usize) else {
        return Ok(None);
    };
    *rest = tail;
    Ok(Some(LegacyBatch::new(message)))
}

fn size_at(bytes: &[u8], at: usize) -> Result<i32, RecordError> {
    match bytes.get(at..).and_then(|b| b.first_chunk()) {
        Some(size) => Ok(i32::from_be_bytes(*size)),
        None => invalid(format!(
            "a field's size lies beyond the {} bytes of the message",
            bytes.len()
        )),
    }
}

/// `Utils.sizeDelimited`.
fn sized(bytes: &[u8], at: usize) -> Result<Option<&[u8]>, RecordError> {
    let size = size_at(bytes, at)?;
    if size < 0 {
        return Ok(None);
    }
    let rest = &bytes[at + 4..];
    match rest.get(..size as usize) {
        Some(field) => Ok(Some(field)),
        None => invalid(format!("newLimit > capacity: ({size} > {})", rest.len())),
    }
}

/// Lz4 frames of magic 0 have a wrong checksum in their header (KAFKA-3160), so that frame readers refuse them. Blocks
/// are independent, as Kafka insists on.
fn lz4_without_header_check(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let bad = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, format!("lz4: {what}"));
    let (Some(b"\x04\x22\x4d\x18"), Some(&flags), Some(&block)) = (packed.get(..4), packed.get(4), packed.get(5))
    else {
        return Err(bad("no frame"));
    };
    // Kafka: `Lz4BlockInputStream.FLG`, `BD`.
    if flags & 0x03 != 0 || block & 0x8f != 0 {
        return Err(bad("Reserved bits must be 0"));
    }
    let block_checksum = if flags & 0x10 != 0 { 4 } else { 0 };
    let content_size = if flags & 0x08 != 0 { 8 } else { 0 };
    let max_block = match block >> 4 & 7 {
        size @ 4..=7 => 1usize << (8 + 2 * size),
        _ => return Err(bad("unknown block size")),
    };
    let mut rest = packed
        .get(6 + content_size + 1..)
        .ok_or_else(|| bad("cut off in its header"))?;
    let mut out = Vec::new();
    loop {
        let (size, tail) = rest
            .split_first_chunk::<4>()
            .ok_or_else(|| bad("cut off between blocks"))?;
        let size = u32::from_le_bytes(*size);
        let length = (size & 0x7fff_ffff) as usize;
        if length == 0 {
            return Ok(out);
        }
        let (data, tail) = tail
            .split_at_checked(length)
            .ok_or_else(|| bad("a block is longer than the stream"))?;
        if size >> 31 == 1 {
            out.extend_from_slice(data);
        } else {
            out.extend(lz4_flex::block::decompress(data, max_block).map_err(std::io::Error::other)?);
        }
        rest = tail
            .get(block_checksum..)
            .ok_or_else(|| bad("cut off in a block checksum"))?;
    }
}
