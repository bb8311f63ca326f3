//! A topic's log settings (Kafka: `LogConfig`).

use crate::record::{Compression, TimestampType};

/// How one partition's log behaves; the defaults are Kafka's. Durations are milliseconds, sizes bytes, -1 means no limit
/// where Kafka says so.
#[derive(Debug, Clone, PartialEq)]
pub struct LogConfig {
    pub segment_bytes: u64,
    pub segment_ms: i64,
    /// The most a segment rolls before `segment_ms`, so that not all logs roll at once.
    pub segment_jitter_ms: i64,
    /// The most bytes an offset or time index may have; a full index rolls the segment.
    pub segment_index_bytes: u64,
    pub index_interval_bytes: u64,
    pub max_message_bytes: usize,
    /// `compression.type`; `None` is `producer`.
    pub compression_type: Option<Compression>,
    /// `compression.gzip.level` and its like, of the codec above.
    pub compression_level: Option<i32>,
    pub retention_ms: i64,
    pub retention_bytes: i64,
    /// `cleanup.policy` holds `delete`.
    pub delete: bool,
    /// `cleanup.policy` holds `compact`.
    pub compact: bool,
    pub delete_retention_ms: i64,
    pub message_timestamp_type: TimestampType,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_after_max_ms: i64,
    pub min_cleanable_dirty_ratio: f64,
    pub min_compaction_lag_ms: i64,
    pub max_compaction_lag_ms: i64,
    /// How long the files of a removed segment stay, renamed to `.deleted`.
    pub file_delete_delay_ms: i64,
    /// New segments get their full size at once, and lose what is left of it when they are rolled or closed.
    pub preallocate: bool,
    /// Flush after so many records; `i64::MAX` leaves it to the operating system.
    pub flush_messages: i64,
    pub flush_ms: i64,
}

impl LogConfig {
    /// The age at which a segment is rolled: a compacted log must get its records into reach of the cleaner in time.
    pub(super) fn max_segment_ms(&self) -> i64 {
        match self.compact && self.max_compaction_lag_ms > 0 {
            true => self.segment_ms.min(self.max_compaction_lag_ms),
            false => self.segment_ms,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * DAY_MS,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            max_message_bytes: 1_048_588,
            compression_type: None,
            compression_level: None,
            retention_ms: 7 * DAY_MS,
            retention_bytes: -1,
            delete: true,
            compact: false,
            delete_retention_ms: DAY_MS,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_after_max_ms: 60 * 60 * 1000,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            file_delete_delay_ms: 60_000,
            preallocate: false,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
        }
    }
}
