//! Checks a produced batch and gives it its offsets (Kafka: `LogValidator`, and the checks of
//! `UnifiedLog.analyzeAndValidateRecords` before it).
//!
//! The batch is only rebuilt when the topic demands another codec or the offsets inside do not count up; otherwise the
//! answer is a new header for the same bytes. Leader epoch and base offset are outside the checksum.

use bytes::Bytes;

use super::batch::{MAGIC_OFFSET, RECORD_BATCH_OVERHEAD};
use super::{
    Batch, BatchHeader, BatchOptions, Compression, NO_TIMESTAMP, RecordBatchBuilder, RecordError, RecordMeta,
    TimestampType,
};
use crate::TopicPartition;

const CORRUPT_MESSAGE: i16 = 2;
const MESSAGE_TOO_LARGE: i16 = 10;
const INVALID_TIMESTAMP: i16 = 32;
const INVALID_RECORD: i16 = 87;

/// What a topic demands of a batch, and where the batch will stand.
#[derive(Debug)]
pub struct Rules<'a> {
    pub topic_partition: &'a TopicPartition,
    /// The append comes from a producer: strict about offsets, counts, sequences and control batches.
    pub client: bool,
    /// `cleanup.policy` holds `compact`: every record needs a key.
    pub compacted: bool,
    pub timestamp_type: TimestampType,
    pub timestamp_before_max_ms: i64,
    pub timestamp_after_max_ms: i64,
    /// `compression.type`; `None` is `producer`: as it came.
    pub compression: Option<Compression>,
    pub compression_level: Option<i32>,
    pub max_message_bytes: usize,
    /// The offset of the first record.
    pub first_offset: i64,
    pub leader_epoch: i32,
    pub now_ms: i64,
}

/// Why a produce request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Kafka's error code.
    pub code: i16,
    pub message: String,
    /// Index in the batch and text, for records that are to blame one by one.
    pub batch_errors: Vec<(i32, String)>,
}

impl Rejection {
    pub(crate) fn new(code: i16, message: impl Into<String>) -> Self {
        Rejection {
            code,
            message: message.into(),
            batch_errors: Vec::new(),
        }
    }
}

impl From<RecordError> for Rejection {
    fn from(e: RecordError) -> Self {
        Rejection::new(e.code(), e.to_string())
    }
}

fn invalid(message: String) -> Rejection {
    Rejection::new(INVALID_RECORD, message)
}

/// A batch ready to be written: the header with offsets and epoch set, and what follows it.
#[derive(Debug, Clone)]
pub struct Validated {
    pub header: BatchHeader,
    pub body: Bytes,
    /// Number of records.
    pub records: i64,
    /// The largest timestamp of the records, or the append time.
    pub max_timestamp: i64,
}

/// Checks `records`, which must be one whole batch; cut off bytes behind it are dropped.
///
/// # Errors
/// CORRUPT_MESSAGE (2), MESSAGE_TOO_LARGE (10), INVALID_TIMESTAMP (32) or INVALID_RECORD (87), with Kafka's text.
pub fn validate(records: &Bytes, rules: &Rules<'_>) -> Result<Validated, Rejection> {
    let batch = sole_batch(records, rules)?;
    if rules.client {
        check_header(&batch.header, rules.topic_partition)?;
    }
    let source = batch.header.compression()?;
    let target = rules.compression.unwrap_or(source);
    let mut in_place = source == target || (source == Compression::None && batch.header.is_control());
    let scan = scan_records(&batch, rules)?;
    if source != Compression::None || target != Compression::None {
        in_place &= scan.consecutive;
    }
    if !in_place {
        return rebuild(&batch, target, rules);
    }
    let mut header = batch.header;
    header.base_offset = rules.first_offset + scan.count - 1 - i64::from(header.last_offset_delta);
    header.partition_leader_epoch = rules.leader_epoch;
    let max_timestamp = match rules.timestamp_type {
        TimestampType::LogAppendTime => rules.now_ms,
        TimestampType::CreateTime => scan.max_timestamp,
    };
    let body = records.slice(RECORD_BATCH_OVERHEAD..batch.bytes().len());
    if header.timestamp_type() != rules.timestamp_type || header.max_timestamp != max_timestamp {
        header.set_max_timestamp(rules.timestamp_type, max_timestamp);
        header.update_crc(&body);
    }
    Ok(Validated {
        header,
        body,
        records: scan.count,
        max_timestamp,
    })
}

/// The one batch of a request, its size and checksum checked.
fn sole_batch<'a>(records: &'a Bytes, rules: &Rules<'_>) -> Result<Batch<'a>, Rejection> {
    let tp = rules.topic_partition;
    if let Some(magic @ 0..=1) = records.get(MAGIC_OFFSET) {
        return Err(invalid(format!(
            "Record batch of magic {magic} in the append to {tp}; only magic 2 is accepted"
        )));
    }
    let Some(batch) = Batch::parse(records)? else {
        return Err(invalid("Record batch has no batches at all".into()));
    };
    if rules.client && batch.header.base_offset != 0 {
        return Err(invalid(format!(
            "The baseOffset of the record batch in the append to {tp} should be 0, but it is {}",
            batch.header.base_offset
        )));
    }
    let size = batch.bytes().len();
    if size > rules.max_message_bytes {
        return Err(Rejection::new(
            MESSAGE_TOO_LARGE,
            format!(
                "The record batch size in the append to {tp} is {size} bytes which exceeds the maximum configured value of {}).",
                rules.max_message_bytes
            ),
        ));
    }
    if !batch.is_valid() {
        return Err(Rejection::new(
            CORRUPT_MESSAGE,
            format!(
                "Record is corrupt (stored crc = {}) in topic partition {tp}.",
                batch.header.crc
            ),
        ));
    }
    if let Some(next) = Batch::parse(&records[size..])? {
        next.ensure_valid()?;
        return Err(invalid("Compressed outer record has more than one batch".into()));
    }
    Ok(batch)
}

/// What only producers get wrong (Kafka: `LogValidator.validateBatch`).
fn check_header(header: &BatchHeader, tp: &TopicPartition) -> Result<(), Rejection> {
    let (first, last) = (header.base_offset, header.last_offset());
    let span = i64::from(header.last_offset_delta) + 1;
    let count = i64::from(header.record_count);
    if span <= 0 {
        return Err(invalid(format!(
            "Batch has an invalid offset range: [{first}, {last}] in topic partition {tp}"
        )));
    }
    if count <= 0 {
        return Err(invalid(format!(
            "Invalid reported count for record batch: {count} in topic partition {tp}"
        )));
    }
    if span != count {
        return Err(invalid(format!(
            "Inconsistent batch offset range [{first}, {last}] and count of records {count} in topic partition {tp}"
        )));
    }
    if header.is_control() {
        return Err(invalid(format!(
            "Clients are not allowed to write control records in topic partition {tp}"
        )));
    }
    if header.has_producer_id() && header.base_sequence < 0 {
        return Err(invalid(format!(
            "Invalid sequence number {} in record batch with producerId {} in topic partition {tp}",
            header.base_sequence, header.producer_id
        )));
    }
    Ok(())
}

struct Scan {
    count: i64,
    max_timestamp: i64,
    /// The offset deltas are 0, 1, 2, ...
    consecutive: bool,
}

fn scan_records(batch: &Batch<'_>, rules: &Rules<'_>) -> Result<Scan, Rejection> {
    let mut scan = Scan {
        count: 0,
        max_timestamp: NO_TIMESTAMP,
        consecutive: true,
    };
    let mut errors: Vec<(i32, String)> = Vec::new();
    let mut bad_time = false;
    let mut reader = batch.records()?;
    while let Some(record) = reader.next_meta() {
        let record = record?;
        if rules.compacted && !record.has_key {
            errors.push((
                scan.count as i32,
                format!(
                    "Compacted topic cannot accept message without key in topic partition {}",
                    rules.topic_partition
                ),
            ));
        } else if let Some(text) = timestamp_error(&record, batch, rules) {
            bad_time = true;
            errors.push((scan.count as i32, text));
        }
        scan.consecutive &= i64::from(record.offset_delta) == scan.count;
        scan.max_timestamp = scan.max_timestamp.max(record.timestamp);
        scan.count += 1;
    }
    if errors.is_empty() {
        Ok(scan)
    } else {
        Err(record_errors(errors, bad_time))
    }
}

fn timestamp_error(record: &RecordMeta, batch: &Batch<'_>, rules: &Rules<'_>) -> Option<String> {
    if rules.timestamp_type == TimestampType::CreateTime && record.timestamp != NO_TIMESTAMP {
        let age = rules.now_ms.wrapping_sub(record.timestamp);
        return (age > rules.timestamp_before_max_ms || age.wrapping_neg() > rules.timestamp_after_max_ms).then(|| {
            format!(
                "Timestamp {} of message with offset {} is out of range. The timestamp should be within [{}, {}]",
                record.timestamp,
                record.offset,
                rules.now_ms.wrapping_sub(rules.timestamp_before_max_ms),
                rules.now_ms.wrapping_add(rules.timestamp_after_max_ms)
            )
        });
    }
    (batch.header.timestamp_type() == TimestampType::LogAppendTime).then(|| {
        format!(
            "Invalid timestamp type in message DefaultRecord(offset={}, timestamp={}). \
             Producer should not set timestamp type to LogAppendTime.",
            record.offset, record.timestamp
        )
    })
}

fn record_errors(errors: Vec<(i32, String)>, bad_time: bool) -> Rejection {
    if bad_time {
        return Rejection {
            code: INVALID_TIMESTAMP,
            message: "One or more records have been rejected due to invalid timestamp".into(),
            batch_errors: errors,
        };
    }
    let shown: Vec<String> = errors
        .iter()
        .take(3)
        .map(|(index, text)| format!("RecordError(batchIndex={index}, message='{text}')"))
        .collect();
    Rejection {
        code: INVALID_RECORD,
        message: format!(
            "One or more records have been rejected due to {} record errors in total, and only showing the first three \
             errors at most: [{}]",
            errors.len(),
            shown.join(", ")
        ),
        batch_errors: errors,
    }
}

/// Writes the batch anew with the codec the topic demands.
fn rebuild(batch: &Batch<'_>, target: Compression, rules: &Rules<'_>) -> Result<Validated, Rejection> {
    let header = &batch.header;
    let mut builder = RecordBatchBuilder::new(BatchOptions {
        base_offset: rules.first_offset,
        partition_leader_epoch: rules.leader_epoch,
        compression: target,
        level: rules.compression_level,
        log_append_time_ms: (rules.timestamp_type == TimestampType::LogAppendTime).then_some(rules.now_ms),
        delete_horizon_ms: None,
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        transactional: header.is_transactional(),
        control: header.is_control(),
    });
    let mut reader = batch.records()?;
    while let Some(record) = reader.next() {
        builder.append_record(&record?);
        if builder.estimated_size() > i32::MAX as usize / 2 {
            return Err(Rejection::new(
                MESSAGE_TOO_LARGE,
                "The batch is too large to be compressed anew",
            ));
        }
    }
    let records = i64::from(builder.record_count());
    let bytes = builder.build();
    if bytes.len() > rules.max_message_bytes {
        return Err(Rejection::new(
            MESSAGE_TOO_LARGE,
            format!(
                "Message batch size is {} bytes in append topartition {} which exceeds the maximum configured size of {}.",
                bytes.len(),
                rules.topic_partition,
                rules.max_message_bytes
            ),
        ));
    }
    let Some(rebuilt) = Batch::parse(&bytes)? else {
        return Err(invalid("Record batch has no batches at all".into()));
    };
    let (header, max_timestamp) = (rebuilt.header, rebuilt.header.max_timestamp);
    Ok(Validated {
        header,
        body: bytes.slice(RECORD_BATCH_OVERHEAD..),
        records,
        max_timestamp,
    })
}
