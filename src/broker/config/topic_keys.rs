//! The keys of topics and groups (Kafka: `LogConfig`, `GroupConfig`).

use super::def::{ConfigKey, Valid, config_keys};

#[rustfmt::skip]
pub(super) const TOPIC: &[ConfigKey] = config_keys! {
    List "cleanup.policy" = Some("delete"), Medium, Valid::ListOf(&["compact", "delete"]), "";
    Int "compression.gzip.level" = Some("-1"), Medium, Valid::BetweenOr(1, 9, -1), "";
    Int "compression.lz4.level" = Some("9"), Medium, Valid::Between(1, 17), "";
    String "compression.type" = Some("producer"), Medium, Valid::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), "";
    Int "compression.zstd.level" = Some("3"), Medium, Valid::Between(-131072, 22), "";
    Long "delete.retention.ms" = Some("86400000"), Medium, Valid::AtLeast(0), "";
    Long "file.delete.delay.ms" = Some("60000"), Medium, Valid::AtLeast(0), "";
    Long "flush.messages" = Some("9223372036854775807"), Medium, Valid::AtLeast(1), "";
    Long "flush.ms" = Some("9223372036854775807"), Medium, Valid::AtLeast(0), "";
    List "follower.replication.throttled.replicas" = Some(""), Medium, Valid::ThrottledReplicas, "";
    Int "index.interval.bytes" = Some("4096"), Medium, Valid::AtLeast(0), "";
    List "leader.replication.throttled.replicas" = Some(""), Medium, Valid::ThrottledReplicas, "";
    Long "local.retention.bytes" = Some("-2"), Medium, Valid::AtLeast(-2), "";
    Long "local.retention.ms" = Some("-2"), Medium, Valid::AtLeast(-2), "";
    Long "max.compaction.lag.ms" = Some("9223372036854775807"), Medium, Valid::AtLeast(1), "";
    Int "max.message.bytes" = Some("1048588"), Medium, Valid::AtLeast(0), "";
    Long "message.timestamp.after.max.ms" = Some("3600000"), Medium, Valid::AtLeast(0), "";
    Long "message.timestamp.before.max.ms" = Some("9223372036854775807"), Medium, Valid::AtLeast(0), "";
    String "message.timestamp.type" = Some("CreateTime"), Medium, Valid::OneOf(&["CreateTime", "LogAppendTime"]), "";
    Double "min.cleanable.dirty.ratio" = Some("0.5"), Medium, Valid::Fraction(0.0, 1.0), "";
    Long "min.compaction.lag.ms" = Some("0"), Medium, Valid::AtLeast(0), "";
    Int "min.insync.replicas" = Some("1"), Medium, Valid::AtLeast(1), "";
    Boolean "preallocate" = Some("false"), Medium, Valid::Any, "";
    Boolean "remote.log.copy.disable" = Some("false"), Medium, Valid::Any, "";
    Boolean "remote.log.delete.on.disable" = Some("false"), Medium, Valid::Any, "";
    Boolean "remote.storage.enable" = Some("false"), Medium, Valid::Any, "";
    Long "retention.bytes" = Some("-1"), Medium, Valid::Any, "";
    Long "retention.ms" = Some("604800000"), Medium, Valid::AtLeast(-1), "";
    Int "segment.bytes" = Some("1073741824"), Medium, Valid::AtLeast(1048576), "";
    Int "segment.index.bytes" = Some("10485760"), Medium, Valid::AtLeast(4), "";
    Long "segment.jitter.ms" = Some("0"), Medium, Valid::AtLeast(0), "";
    Long "segment.ms" = Some("604800000"), Medium, Valid::AtLeast(1), "";
    Boolean "unclean.leader.election.enable" = Some("false"), Medium, Valid::Any, "";
};

#[rustfmt::skip]
pub(super) const GROUP: &[ConfigKey] = config_keys! {
    Int "consumer.assignment.interval.ms" = Some("1000"), Medium, Valid::AtLeast(0), "";
    Int "consumer.heartbeat.interval.ms" = Some("5000"), Medium, Valid::AtLeast(1), "";
    Int "consumer.session.timeout.ms" = Some("45000"), Medium, Valid::AtLeast(1), "";
    Int "share.assignment.interval.ms" = Some("1000"), Medium, Valid::AtLeast(0), "";
    String "share.auto.offset.reset" = Some("latest"), Medium, Valid::OffsetReset, "";
    Int "share.delivery.count.limit" = Some("5"), Medium, Valid::AtLeast(2), "";
    Int "share.heartbeat.interval.ms" = Some("5000"), Medium, Valid::AtLeast(1), "";
    String "share.isolation.level" = Some("read_uncommitted"), Medium, Valid::OneOf(&["read_committed", "read_uncommitted"]), "";
    Int "share.partition.max.record.locks" = Some("2000"), Medium, Valid::AtLeast(100), "";
    Int "share.record.lock.duration.ms" = Some("30000"), Medium, Valid::AtLeast(1000), "";
    Boolean "share.renew.acknowledge.enable" = Some("true"), Medium, Valid::Any, "";
    Int "share.session.timeout.ms" = Some("45000"), Medium, Valid::AtLeast(1), "";
    Int "streams.assignment.interval.ms" = Some("1000"), Medium, Valid::AtLeast(0), "";
    Int "streams.heartbeat.interval.ms" = Some("5000"), Medium, Valid::AtLeast(1), "";
    Int "streams.initial.rebalance.delay.ms" = Some("3000"), Medium, Valid::AtLeast(0), "";
    Int "streams.num.standby.replicas" = Some("0"), Medium, Valid::AtLeast(0), "";
    Int "streams.session.timeout.ms" = Some("45000"), Medium, Valid::AtLeast(1), "";
};
