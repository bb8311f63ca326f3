//! The keys of topics and groups (Kafka: `LogConfig`, `GroupConfig`).

use super::def::{ConfigKey, Valid, config_keys};

#[rustfmt::skip]
pub(super) const TOPIC: &[ConfigKey] = config_keys! {
    List "cleanup.policy" = Some("delete"), Medium, Valid::ListOf(&["compact", "delete"]), "What happens to old segments: delete, compact, or both.";
    Int "compression.gzip.level" = Some("-1"), Medium, Valid::BetweenOr(1, 9, -1), "Level of gzip where the topic is stored with it.";
    Int "compression.lz4.level" = Some("9"), Medium, Valid::Between(1, 17), "Level of lz4 where the topic is stored with it.";
    String "compression.type" = Some("producer"), Medium, Valid::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), "The codec the topic is stored with; producer keeps what producers chose.";
    Int "compression.zstd.level" = Some("3"), Medium, Valid::Between(-131072, 22), "Level of zstd where the topic is stored with it.";
    Long "delete.retention.ms" = Some("86400000"), Medium, Valid::AtLeast(0), "How long tombstones stay after compaction; whoever reads the topic from its start must be done by then.";
    Long "file.delete.delay.ms" = Some("60000"), Medium, Valid::AtLeast(0), "How long a removed file stays on disk.";
    Long "flush.messages" = Some("9223372036854775807"), Medium, Valid::AtLeast(1), "Records before a flush to disk; replication usually is the better safety.";
    Long "flush.ms" = Some("9223372036854775807"), Medium, Valid::AtLeast(0), "Longest time a record stays unflushed.";
    List "follower.replication.throttled.replicas" = Some(""), Medium, Valid::ThrottledReplicas, "Replicas whose copying is throttled on the follower, as partition:broker, or *.";
    Int "index.interval.bytes" = Some("4096"), Medium, Valid::AtLeast(0), "Bytes of log between two entries of the offset index.";
    List "leader.replication.throttled.replicas" = Some(""), Medium, Valid::ThrottledReplicas, "Replicas whose copying is throttled on the leader, as partition:broker, or *.";
    Long "local.retention.bytes" = Some("-2"), Medium, Valid::AtLeast(-2), "Bytes kept on brokers of a tiered topic; -2 is the whole retention.";
    Long "local.retention.ms" = Some("-2"), Medium, Valid::AtLeast(-2), "Time kept on brokers of a tiered topic; -2 is the whole retention.";
    Long "max.compaction.lag.ms" = Some("9223372036854775807"), Medium, Valid::AtLeast(1), "Longest time a record stays uncompacted.";
    Int "max.message.bytes" = Some("1048588"), Medium, Valid::AtLeast(0), "Largest batch of records that is taken.";
    Long "message.timestamp.after.max.ms" = Some("3600000"), Medium, Valid::AtLeast(0), "How far a record's time may lie ahead of the broker's.";
    Long "message.timestamp.before.max.ms" = Some("9223372036854775807"), Medium, Valid::AtLeast(0), "How far a record's time may lie behind the broker's.";
    String "message.timestamp.type" = Some("CreateTime"), Medium, Valid::OneOf(&["CreateTime", "LogAppendTime"]), "Whose time records have: that of the producer or of the broker.";
    Double "min.cleanable.dirty.ratio" = Some("0.5"), Medium, Valid::Fraction(0.0, 1.0), "Share of the log that must be dirty before it is compacted.";
    Long "min.compaction.lag.ms" = Some("0"), Medium, Valid::AtLeast(0), "Shortest time a record stays uncompacted.";
    Int "min.insync.replicas" = Some("1"), Medium, Valid::AtLeast(1), "In-sync replicas that must have a record before acks=all is answered; never more than there are.";
    Boolean "preallocate" = Some("false"), Medium, Valid::Any, "Whether segment files are made in full size.";
    Boolean "remote.log.copy.disable" = Some("false"), Medium, Valid::Any, "Whether copying to tiered storage is stopped.";
    Boolean "remote.log.delete.on.disable" = Some("false"), Medium, Valid::Any, "Whether tiered segments go when tiering is turned off.";
    Boolean "remote.storage.enable" = Some("false"), Medium, Valid::Any, "Whether the topic is tiered; the embedded broker cannot.";
    Long "retention.bytes" = Some("-1"), Medium, Valid::Any, "Bytes of a partition before old segments go; -1 is no limit.";
    Long "retention.ms" = Some("604800000"), Medium, Valid::AtLeast(-1), "Milliseconds before old segments go; -1 is never.";
    Int "segment.bytes" = Some("1073741824"), Medium, Valid::AtLeast(1048576), "Largest size of a segment.";
    Int "segment.index.bytes" = Some("10485760"), Medium, Valid::AtLeast(4), "Largest size of an index.";
    Long "segment.jitter.ms" = Some("0"), Medium, Valid::AtLeast(0), "Milliseconds taken at random from the time a segment lasts.";
    Long "segment.ms" = Some("604800000"), Medium, Valid::AtLeast(1), "Milliseconds before a new segment begins.";
    Boolean "unclean.leader.election.enable" = Some("false"), Medium, Valid::Any, "Whether a replica that lags may lead when no other can.";
};

#[rustfmt::skip]
pub(super) const GROUP: &[ConfigKey] = config_keys! {
    Int "consumer.assignment.interval.ms" = Some("1000"), Medium, Valid::AtLeast(0), "Shortest time between two assignments of the group.";
    Int "consumer.heartbeat.interval.ms" = Some("5000"), Medium, Valid::AtLeast(1), "Heartbeat interval given to members.";
    Int "consumer.session.timeout.ms" = Some("45000"), Medium, Valid::AtLeast(1), "A member without a heartbeat for so long is removed.";
    Int "share.assignment.interval.ms" = Some("1000"), Medium, Valid::AtLeast(0), "Shortest time between two assignments of the share group.";
    String "share.auto.offset.reset" = Some("latest"), Medium, Valid::OffsetReset, "Where a share group begins: earliest, latest, or by_duration: and how long ago.";
    Int "share.delivery.count.limit" = Some("5"), Medium, Valid::AtLeast(2), "How often a record is delivered before it is given up.";
    Int "share.heartbeat.interval.ms" = Some("5000"), Medium, Valid::AtLeast(1), "Heartbeat interval given to share members.";
    String "share.isolation.level" = Some("read_uncommitted"), Medium, Valid::OneOf(&["read_committed", "read_uncommitted"]), "Whether a share group sees records of open transactions.";
    Int "share.partition.max.record.locks" = Some("2000"), Medium, Valid::AtLeast(100), "Records of a partition that the group may hold locked.";
    Int "share.record.lock.duration.ms" = Some("30000"), Medium, Valid::AtLeast(1000), "How long a delivered record stays locked.";
    Boolean "share.renew.acknowledge.enable" = Some("true"), Medium, Valid::Any, "Whether members may prolong a record's lock.";
    Int "share.session.timeout.ms" = Some("45000"), Medium, Valid::AtLeast(1), "A share member without a heartbeat for so long is removed.";
    Int "streams.assignment.interval.ms" = Some("1000"), Medium, Valid::AtLeast(0), "Shortest time between two assignments of the streams group.";
    Int "streams.heartbeat.interval.ms" = Some("5000"), Medium, Valid::AtLeast(1), "Heartbeat interval given to streams members.";
    Int "streams.initial.rebalance.delay.ms" = Some("3000"), Medium, Valid::AtLeast(0), "How long an empty streams group waits for more members.";
    Int "streams.num.standby.replicas" = Some("0"), Medium, Valid::AtLeast(0), "Standby replicas of each task.";
    Int "streams.session.timeout.ms" = Some("45000"), Medium, Valid::AtLeast(1), "A streams member without a heartbeat for so long is removed.";
};
