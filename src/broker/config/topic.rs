//! A topic's configuration in force: its own values over the broker's (Kafka: `LogConfig`, `ServerTopicConfigSynonyms`).

use std::sync::Arc;

use super::{BrokerConfig, Props, TOPIC_CONFIGS, Value};
use crate::log::LogConfig;
use crate::record::{Compression, TimestampType};

/// The broker keys a topic key takes its default from, first one set wins; the number turns them into the topic's unit.
pub const SYNONYMS: &[(&str, &[(&str, i64)])] = &[
    ("cleanup.policy", &[("log.cleanup.policy", 1)]),
    ("compression.gzip.level", &[("compression.gzip.level", 1)]),
    ("compression.lz4.level", &[("compression.lz4.level", 1)]),
    ("compression.type", &[("compression.type", 1)]),
    ("compression.zstd.level", &[("compression.zstd.level", 1)]),
    ("delete.retention.ms", &[("log.cleaner.delete.retention.ms", 1)]),
    ("file.delete.delay.ms", &[("log.segment.delete.delay.ms", 1)]),
    ("flush.messages", &[("log.flush.interval.messages", 1)]),
    (
        "flush.ms",
        &[("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)],
    ),
    ("index.interval.bytes", &[("log.index.interval.bytes", 1)]),
    ("local.retention.bytes", &[("log.local.retention.bytes", 1)]),
    ("local.retention.ms", &[("log.local.retention.ms", 1)]),
    ("max.compaction.lag.ms", &[("log.cleaner.max.compaction.lag.ms", 1)]),
    ("max.message.bytes", &[("message.max.bytes", 1)]),
    (
        "message.timestamp.after.max.ms",
        &[("log.message.timestamp.after.max.ms", 1)],
    ),
    (
        "message.timestamp.before.max.ms",
        &[("log.message.timestamp.before.max.ms", 1)],
    ),
    ("message.timestamp.type", &[("log.message.timestamp.type", 1)]),
    ("min.cleanable.dirty.ratio", &[("log.cleaner.min.cleanable.ratio", 1)]),
    ("min.compaction.lag.ms", &[("log.cleaner.min.compaction.lag.ms", 1)]),
    ("min.insync.replicas", &[("min.insync.replicas", 1)]),
    ("preallocate", &[("log.preallocate", 1)]),
    ("retention.bytes", &[("log.retention.bytes", 1)]),
    (
        "retention.ms",
        &[
            ("log.retention.ms", 1),
            ("log.retention.minutes", 60_000),
            ("log.retention.hours", 3_600_000),
        ],
    ),
    ("segment.bytes", &[("log.segment.bytes", 1)]),
    ("segment.index.bytes", &[("log.index.size.max.bytes", 1)]),
    (
        "segment.jitter.ms",
        &[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", 3_600_000)],
    ),
    ("segment.ms", &[("log.roll.ms", 1), ("log.roll.hours", 3_600_000)]),
    (
        "unclean.leader.election.enable",
        &[("unclean.leader.election.enable", 1)],
    ),
];

/// The broker keys of a topic key; none for keys that only topics have.
pub fn synonyms(name: &str) -> &'static [(&'static str, i64)] {
    SYNONYMS
        .iter()
        .find(|(topic, _)| *topic == name)
        .map_or(&[], |(_, broker)| broker)
}

/// A topic's configuration: the values it was given, on a broker's.
#[derive(Debug, Clone, Copy)]
pub struct TopicConfig<'a> {
    pub broker: &'a BrokerConfig,
    pub topic: Option<&'a Props>,
}

impl TopicConfig<'_> {
    /// The value in force. Panics on a name that is no topic key.
    pub fn value(&self, name: &str) -> Value {
        let key = TOPIC_CONFIGS
            .get(name)
            .unwrap_or_else(|| panic!("{name} is no key of a topic"));
        if let Some(Ok(value)) = self.topic.and_then(|t| t.get(name)).map(|text| key.parse(Some(text))) {
            return value;
        }
        for (broker_key, unit) in synonyms(name) {
            match self.broker.value(broker_key) {
                Value::Null => {}
                Value::Number(n) => return Value::Number(n.saturating_mul(*unit)),
                other => return other.clone(),
            }
        }
        key.parse(key.default).unwrap_or(Value::Null)
    }

    pub fn i64(&self, name: &str) -> i64 {
        match self.value(name) {
            Value::Number(n) => n,
            other => panic!("{name} is {other:?}, not a number"),
        }
    }

    pub fn bool(&self, name: &str) -> bool {
        self.value(name) == Value::Boolean(true)
    }

    pub fn text(&self, name: &str) -> String {
        match self.value(name) {
            Value::Text(s) => s,
            _ => String::new(),
        }
    }

    fn f64(&self, name: &str) -> f64 {
        match self.value(name) {
            Value::Double(n) => n,
            other => panic!("{name} is {other:?}, not a double"),
        }
    }

    fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Value::List(items) => items,
            _ => Vec::new(),
        }
    }

    /// The codec the broker stores with and its level; `None` keeps the producer's.
    fn compression(&self) -> (Option<Compression>, Option<i32>) {
        let level = |key: &str| i32::try_from(self.i64(key)).ok();
        match self.text("compression.type").as_str() {
            "uncompressed" => (Some(Compression::None), None),
            "gzip" => (
                Some(Compression::Gzip),
                level("compression.gzip.level").filter(|l| *l != -1),
            ),
            "snappy" => (Some(Compression::Snappy), None),
            "lz4" => (Some(Compression::Lz4), level("compression.lz4.level")),
            "zstd" => (Some(Compression::Zstd), level("compression.zstd.level")),
            _ => (None, None),
        }
    }

    /// The settings of the topic's logs.
    pub fn log_config(&self) -> Arc<LogConfig> {
        let size = |key: &str| u64::try_from(self.i64(key)).unwrap_or(0);
        let policies = self.list("cleanup.policy");
        let has = |policy: &str| policies.iter().any(|p| p == policy);
        let (compression_type, compression_level) = self.compression();
        let by_append_time = self.text("message.timestamp.type") == "LogAppendTime";
        Arc::new(LogConfig {
            segment_bytes: size("segment.bytes"),
            segment_ms: self.i64("segment.ms"),
            segment_jitter_ms: self.i64("segment.jitter.ms"),
            segment_index_bytes: size("segment.index.bytes"),
            index_interval_bytes: size("index.interval.bytes"),
            max_message_bytes: usize::try_from(self.i64("max.message.bytes")).unwrap_or(0),
            compression_type,
            compression_level,
            retention_ms: self.i64("retention.ms"),
            retention_bytes: self.i64("retention.bytes"),
            delete: has("delete"),
            compact: has("compact"),
            delete_retention_ms: self.i64("delete.retention.ms"),
            message_timestamp_type: if by_append_time {
                TimestampType::LogAppendTime
            } else {
                TimestampType::CreateTime
            },
            message_timestamp_before_max_ms: self.i64("message.timestamp.before.max.ms"),
            message_timestamp_after_max_ms: self.i64("message.timestamp.after.max.ms"),
            min_cleanable_dirty_ratio: self.f64("min.cleanable.dirty.ratio"),
            min_compaction_lag_ms: self.i64("min.compaction.lag.ms"),
            max_compaction_lag_ms: self.i64("max.compaction.lag.ms"),
            file_delete_delay_ms: self.i64("file.delete.delay.ms"),
            preallocate: self.bool("preallocate"),
            flush_messages: self.i64("flush.messages"),
            flush_ms: self.i64("flush.ms"),
        })
    }
}
