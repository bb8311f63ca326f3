//! Writes record batches of magic 2 (Kafka: `MemoryRecordsBuilder`).

use bytes::Bytes;

use super::batch::{CONTROL_FLAG, DELETE_HORIZON_FLAG, LOG_OVERHEAD, RECORD_BATCH_OVERHEAD, TRANSACTIONAL_FLAG};
use super::{
    BatchHeader, Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP,
    Record, TimestampType, varint,
};

/// Everything about a batch but its records.
#[derive(Debug, Clone)]
pub struct BatchOptions {
    pub base_offset: i64,
    pub partition_leader_epoch: i32,
    pub compression: Compression,
    pub level: Option<i32>,
    /// Makes it a LogAppendTime batch of this time, milliseconds.
    pub log_append_time_ms: Option<i64>,
    pub delete_horizon_ms: Option<i64>,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub transactional: bool,
    pub control: bool,
}

impl Default for BatchOptions {
    fn default() -> Self {
        BatchOptions {
            base_offset: 0,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            compression: Compression::None,
            level: None,
            log_append_time_ms: None,
            delete_horizon_ms: None,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
            transactional: false,
            control: false,
        }
    }
}

/// Collects records and encodes them as one batch.
///
/// ```
/// use kt::record::{Batch, RecordBatchBuilder};
/// let mut builder = RecordBatchBuilder::new(Default::default());
/// builder.append(1_000, Some(b"key"), Some(b"value"));
/// let bytes = builder.build();
/// let batch = Batch::parse(&bytes).unwrap().unwrap();
/// assert_eq!(batch.records().unwrap().next().unwrap().unwrap().key, Some(&b"key"[..]));
/// ```
#[derive(Debug)]
pub struct RecordBatchBuilder {
    options: BatchOptions,
    /// The encoded records behind room for the header.
    out: Vec<u8>,
    record: Vec<u8>,
    count: i32,
    last_offset_delta: i32,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
}

impl RecordBatchBuilder {
    pub fn new(options: BatchOptions) -> Self {
        RecordBatchBuilder {
            base_timestamp: options.delete_horizon_ms,
            options,
            out: vec![0; RECORD_BATCH_OVERHEAD],
            record: Vec::new(),
            count: 0,
            last_offset_delta: -1,
            max_timestamp: NO_TIMESTAMP,
        }
    }

    /// Appends a record without headers at the next offset.
    pub fn append(&mut self, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.append_with_headers(timestamp, key, value, &[]);
    }

    /// Appends a record at the next offset.
    pub fn append_with_headers(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) {
        let mut raw = Vec::new();
        for (name, value) in headers {
            put_nullable(&mut raw, Some(name.as_bytes()));
            put_nullable(&mut raw, *value);
        }
        self.put(
            self.last_offset_delta + 1,
            timestamp,
            (key, value),
            (headers.len(), &raw),
        );
    }

    /// Appends somebody else's record, its headers as they are, at the next offset.
    pub fn append_record(&mut self, record: &Record<'_>) {
        self.append_record_at(self.last_offset_delta + 1, record);
    }

    /// Appends somebody else's record at its own offset, which must lie between the last one and base offset + `i32::MAX`.
    pub fn append_record_with_offset(&mut self, record: &Record<'_>) {
        let delta = record.offset - self.options.base_offset;
        assert!(
            delta > i64::from(self.last_offset_delta) && delta <= i64::from(i32::MAX),
            "offsets must rise in a batch"
        );
        self.append_record_at(delta as i32, record);
    }

    fn append_record_at(&mut self, delta: i32, record: &Record<'_>) {
        let headers = (record.headers.len(), record.headers.raw());
        self.put(delta, record.timestamp, (record.key, record.value), headers);
    }

    fn put(
        &mut self,
        delta: i32,
        timestamp: i64,
        (key, value): (Option<&[u8]>, Option<&[u8]>),
        (n, raw): (usize, &[u8]),
    ) {
        let base = *self.base_timestamp.get_or_insert(timestamp);
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.last_offset_delta = delta;
        self.count += 1;
        let record = &mut self.record;
        record.clear();
        record.push(0);
        varint::write_long(record, timestamp.wrapping_sub(base));
        varint::write(record, delta);
        put_nullable(record, key);
        put_nullable(record, value);
        varint::write(record, n as i32);
        record.extend_from_slice(raw);
        varint::write(&mut self.out, record.len() as i32);
        self.out.extend_from_slice(&self.record);
    }

    pub fn record_count(&self) -> i32 {
        self.count
    }

    /// Bytes of the batch so far, before compression.
    pub fn estimated_size(&self) -> usize {
        self.out.len()
    }

    /// The batch. A batch without records has the last offset before its base offset.
    pub fn build(self) -> Bytes {
        let last_offset_delta = self.last_offset_delta;
        self.build_ending_at(last_offset_delta)
    }

    /// The batch, said to end at `last_offset_delta` even if its last record lies before: what the cleaner leaves behind.
    pub fn build_ending_at(self, last_offset_delta: i32) -> Bytes {
        let RecordBatchBuilder {
            options,
            out,
            count,
            base_timestamp,
            max_timestamp,
            ..
        } = self;
        let mut bytes = if options.compression == Compression::None {
            out
        } else {
            let mut packed = vec![0; RECORD_BATCH_OVERHEAD];
            // Writing into memory cannot fail, and every level is in its codec's range or clamped by the codec.
            match options
                .compression
                .compress(&out[RECORD_BATCH_OVERHEAD..], options.level, &mut packed)
            {
                Ok(()) => packed,
                Err(e) => unreachable!("compressing into memory: {e}"),
            }
        };
        let mut header = BatchHeader {
            base_offset: options.base_offset,
            batch_length: (bytes.len() - LOG_OVERHEAD) as i32,
            partition_leader_epoch: options.partition_leader_epoch,
            magic: 2,
            crc: 0,
            attributes: i16::from(options.compression.id()),
            last_offset_delta,
            base_timestamp: base_timestamp.unwrap_or(NO_TIMESTAMP),
            max_timestamp,
            producer_id: options.producer_id,
            producer_epoch: options.producer_epoch,
            base_sequence: options.base_sequence,
            record_count: count,
        };
        for (set, flag) in [
            (options.transactional, TRANSACTIONAL_FLAG),
            (options.control, CONTROL_FLAG),
            (options.delete_horizon_ms.is_some(), DELETE_HORIZON_FLAG),
        ] {
            if set {
                header.attributes |= flag;
            }
        }
        if let Some(time) = options.log_append_time_ms {
            header.set_max_timestamp(TimestampType::LogAppendTime, time);
        }
        header.update_crc(&bytes[RECORD_BATCH_OVERHEAD..]);
        bytes[..RECORD_BATCH_OVERHEAD].copy_from_slice(&header.write());
        Bytes::from(bytes)
    }
}

fn put_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            varint::write(out, bytes.len() as i32);
            out.extend_from_slice(bytes);
        }
        None => varint::write(out, -1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Batch;

    /// A copied record is that record and nothing of what follows it in its batch.
    #[test]
    fn copied_records_make_the_same_batch() {
        for compression in Compression::ALL {
            let options = BatchOptions {
                compression,
                ..BatchOptions::default()
            };
            let mut original = RecordBatchBuilder::new(options.clone());
            for n in 0..5 {
                let headers: &[(&str, Option<&[u8]>)] = &[("h", Some(b"v")), ("n", None)];
                let headers = &headers[..n % 3];
                original.append_with_headers(1000 + n as i64, Some(b"key"), Some(&vec![7; n * 10]), headers);
            }
            let original = original.build();
            let mut copy = RecordBatchBuilder::new(options);
            let batch = Batch::parse(&original).unwrap().unwrap();
            let mut records = batch.records().unwrap();
            while let Some(record) = records.next() {
                copy.append_record(&record.unwrap());
            }
            assert_eq!(copy.build(), original, "{compression:?}");
        }
    }
}
