//! A log in a temporary directory, and batches for it.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::TopicPartition;
use crate::log::{AppendInfo, AppendOrigin, LogConfig, LogError, OpenOptions, PartitionLog};
use crate::record::control::EndTxnMarker;
use crate::record::{BatchOptions, Batches, RecordBatchBuilder};

pub const NOW: i64 = 1_700_000_000_000;

/// A log that can be closed, killed and opened again.
pub struct TestLog {
    root: tempfile::TempDir,
    pub config: LogConfig,
    pub log: Option<PartitionLog>,
}

impl TestLog {
    pub fn new(config: LogConfig) -> Self {
        let mut test = TestLog {
            root: tempfile::tempdir().unwrap(),
            config,
            log: None,
        };
        test.reopen(true);
        test
    }

    pub fn dir(&self) -> PathBuf {
        self.root.path().join("t-0")
    }

    pub fn log(&mut self) -> &mut PartitionLog {
        self.log.as_mut().unwrap()
    }

    /// Ends the open transaction of a producer, of epoch 0, with an abort.
    pub fn abort(&mut self, producer_id: i64) {
        let marker = EndTxnMarker {
            committed: false,
            coordinator_epoch: 0,
        };
        self.append_from(marker.to_batch(producer_id, 0, NOW), AppendOrigin::Coordinator)
            .unwrap();
    }

    /// Opens the log again; `clean` says how it was left.
    pub fn reopen(&mut self, clean: bool) {
        self.reopen_with(OpenOptions {
            clean_shutdown: clean,
            now_ms: NOW,
            ..Default::default()
        });
    }

    pub fn reopen_with(&mut self, options: OpenOptions) {
        if let Some(log) = self.log.take() {
            log.close(options.clean_shutdown).unwrap();
        }
        let tp = TopicPartition::new("t", 0);
        let log = PartitionLog::open(
            &self.dir(),
            tp,
            Uuid::from_u128(7),
            Arc::new(self.config.clone()),
            options,
        );
        self.log = Some(log.unwrap());
        let end = self.log().log_end_offset();
        self.log().set_high_watermark(end);
    }

    pub fn append(&mut self, batch: Bytes) -> Result<AppendInfo, LogError> {
        self.append_from(batch, AppendOrigin::Client)
    }

    pub fn append_from(&mut self, batch: Bytes, origin: AppendOrigin) -> Result<AppendInfo, LogError> {
        let info = self.log().append_as_leader(batch, 0, origin, NOW);
        let end = self.log().log_end_offset();
        self.log().set_high_watermark(end);
        info
    }

    /// The values of all records from `offset` to the end, with their offsets.
    pub fn values(&mut self, offset: i64) -> Vec<(i64, String)> {
        let log = self.log();
        let (mut at, end) = (offset, log.log_end_offset());
        let mut out = Vec::new();
        while at < end {
            let bytes = log.read(at, 1 << 20, end, true).unwrap().records().unwrap();
            if bytes.is_empty() {
                break;
            }
            for batch in Batches::new(&bytes) {
                let batch = batch.unwrap();
                batch.ensure_valid().unwrap();
                let mut records = batch.records().unwrap();
                while let Some(record) = records.next() {
                    let record = record.unwrap();
                    if record.offset >= at {
                        out.push((
                            record.offset,
                            String::from_utf8_lossy(record.value.unwrap_or(b"-")).into_owned(),
                        ));
                    }
                }
                at = batch.header.next_offset().max(at);
            }
        }
        out
    }
}

/// A plain batch of these values at this time.
pub fn batch_at(timestamp: i64, values: &[&str]) -> Bytes {
    batch_with(BatchOptions::default(), timestamp, values)
}

pub fn batch(values: &[&str]) -> Bytes {
    batch_at(NOW, values)
}

pub fn batch_with(options: BatchOptions, timestamp: i64, values: &[&str]) -> Bytes {
    let mut builder = RecordBatchBuilder::new(options);
    for value in values {
        builder.append(timestamp, Some(b"k"), Some(value.as_bytes()));
    }
    builder.build()
}

/// A batch of an idempotent producer.
pub fn produced(producer_id: i64, epoch: i16, sequence: i32, values: &[&str]) -> Bytes {
    let options = BatchOptions {
        producer_id,
        producer_epoch: epoch,
        base_sequence: sequence,
        ..Default::default()
    };
    batch_with(options, NOW, values)
}

/// A batch within a transaction.
pub fn transactional(producer_id: i64, epoch: i16, sequence: i32, values: &[&str]) -> Bytes {
    let options = BatchOptions {
        producer_id,
        producer_epoch: epoch,
        base_sequence: sequence,
        transactional: true,
        ..Default::default()
    };
    batch_with(options, NOW, values)
}

/// Kafka's error code of a refusal.
pub fn code(result: Result<AppendInfo, LogError>) -> i16 {
    match result {
        Ok(info) => panic!("accepted: {info:?}"),
        Err(e) => e.code(),
    }
}
