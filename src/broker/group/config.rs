//! Settings of the group coordinator (Kafka: `GroupCoordinatorConfig`).

use crate::broker::config::BrokerConfig;

/// The defaults are Kafka's, but for `initial_rebalance_delay_ms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupCoordinatorConfig {
    /// `group.min.session.timeout.ms`: a JoinGroup asking for less is refused.
    pub min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`: a JoinGroup asking for more is refused.
    pub max_session_timeout_ms: i32,
    /// `group.initial.rebalance.delay.ms`: how long an empty group waits for more members before its first rebalance.
    /// 0 here, 3000 in Kafka: a test should not wait for members that it did not start.
    pub initial_rebalance_delay_ms: i32,
    /// `group.max.size`: members a classic group may have.
    pub max_size: usize,
    /// How long a member that has just joined may stay without its first answer. Not configurable in Kafka either.
    pub new_member_join_timeout_ms: i32,
    /// `offset.metadata.max.bytes`
    pub offset_metadata_max_bytes: usize,
    /// `offsets.retention.minutes`, as milliseconds.
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`
    pub offsets_retention_check_interval_ms: i64,
    /// `group.consumer.session.timeout.ms`
    pub consumer_session_timeout_ms: i32,
    /// `group.consumer.heartbeat.interval.ms`
    pub consumer_heartbeat_interval_ms: i32,
    /// `group.consumer.max.size`: members a group of the consumer protocol may have.
    pub consumer_max_size: usize,
    /// Whether a classic group changes its protocol when a member of the new one comes (`group.consumer.migration.policy`).
    pub consumer_upgrade: bool,
    /// Whether a consumer group changes back when its last member of the new protocol goes (the same setting).
    pub consumer_downgrade: bool,
    /// `group.share.session.timeout.ms`
    pub share_session_timeout_ms: i32,
    /// `group.share.heartbeat.interval.ms`
    pub share_heartbeat_interval_ms: i32,
    /// `group.share.max.size`: members a share group may have.
    pub share_max_size: usize,
    /// `group.streams.session.timeout.ms`
    pub streams_session_timeout_ms: i32,
    /// `group.streams.heartbeat.interval.ms`
    pub streams_heartbeat_interval_ms: i32,
    /// `group.streams.max.size`: members a streams group may have.
    pub streams_max_size: usize,
    /// `group.streams.num.standby.replicas`
    pub streams_num_standby_replicas: i32,
}

impl Default for GroupCoordinatorConfig {
    fn default() -> Self {
        Self {
            min_session_timeout_ms: 6_000,
            max_session_timeout_ms: 1_800_000,
            initial_rebalance_delay_ms: 0,
            max_size: i32::MAX as usize,
            new_member_join_timeout_ms: 300_000,
            offset_metadata_max_bytes: 4_096,
            offsets_retention_ms: 7 * 24 * 60 * 60 * 1_000,
            offsets_retention_check_interval_ms: 600_000,
            consumer_session_timeout_ms: 45_000,
            consumer_heartbeat_interval_ms: 5_000,
            consumer_max_size: i32::MAX as usize,
            consumer_upgrade: true,
            consumer_downgrade: true,
            share_session_timeout_ms: 45_000,
            share_heartbeat_interval_ms: 5_000,
            share_max_size: 200,
            streams_session_timeout_ms: 45_000,
            streams_heartbeat_interval_ms: 5_000,
            streams_max_size: i32::MAX as usize,
            streams_num_standby_replicas: 0,
        }
    }
}

impl From<&BrokerConfig> for GroupCoordinatorConfig {
    fn from(config: &BrokerConfig) -> Self {
        let size = |name: &str| usize::try_from(config.i64(name)).unwrap_or(usize::MAX);
        let migration_policy = config.str("group.consumer.migration.policy").unwrap_or_default();
        let migrates = |direction: &str| {
            let policies = [direction, "bidirectional"];
            policies
                .iter()
                .any(|policy| migration_policy.eq_ignore_ascii_case(policy))
        };
        Self {
            min_session_timeout_ms: config.i32("group.min.session.timeout.ms"),
            max_session_timeout_ms: config.i32("group.max.session.timeout.ms"),
            initial_rebalance_delay_ms: config.i32("group.initial.rebalance.delay.ms"),
            max_size: size("group.max.size"),
            offset_metadata_max_bytes: size("offset.metadata.max.bytes"),
            offsets_retention_ms: config.i64("offsets.retention.minutes").saturating_mul(60_000),
            offsets_retention_check_interval_ms: config.i64("offsets.retention.check.interval.ms"),
            consumer_session_timeout_ms: config.i32("group.consumer.session.timeout.ms"),
            consumer_heartbeat_interval_ms: config.i32("group.consumer.heartbeat.interval.ms"),
            consumer_max_size: size("group.consumer.max.size"),
            consumer_upgrade: migrates("upgrade"),
            consumer_downgrade: migrates("downgrade"),
            share_session_timeout_ms: config.i32("group.share.session.timeout.ms"),
            share_heartbeat_interval_ms: config.i32("group.share.heartbeat.interval.ms"),
            share_max_size: size("group.share.max.size"),
            streams_session_timeout_ms: config.i32("group.streams.session.timeout.ms"),
            streams_heartbeat_interval_ms: config.i32("group.streams.heartbeat.interval.ms"),
            streams_max_size: size("group.streams.max.size"),
            streams_num_standby_replicas: config.i32("group.streams.num.standby.replicas"),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migration_policy_says_which_way_a_group_may_go() {
        let of = |policy: &str| {
            let props = [("group.consumer.migration.policy".to_owned(), policy.to_owned())];
            let config = BrokerConfig::new(props.into()).expect("a policy of Kafka's");
            let config = GroupCoordinatorConfig::from(&config);
            (config.consumer_upgrade, config.consumer_downgrade)
        };
        assert_eq!(of("bidirectional"), (true, true));
        assert_eq!(of("UPGRADE"), (true, false));
        assert_eq!(of("downgrade"), (false, true));
        assert_eq!(of("disabled"), (false, false));
    }
}
