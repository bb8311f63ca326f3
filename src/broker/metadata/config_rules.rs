//! Which values topics, groups, client metrics and brokers take beyond the type of each key (Kafka: `LogConfig.validate`,
//! `GroupConfig.validate`, `ClientMetricsConfigs`, `DynamicBrokerConfig.validate`).

use super::ApiError;
use crate::broker::config::dynamic_keys::{CLUSTER_WIDE, PER_BROKER};
use crate::broker::config::topic::TopicConfig;
use crate::broker::config::{BROKER_CONFIGS, BrokerConfig, ConfigError, GROUP_CONFIGS, Props, TOPIC_CONFIGS, Value};
use crate::wire::ErrorCode;

fn invalid<T>(message: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::new(ErrorCode::INVALID_CONFIG, message))
}

fn refused<T>(message: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::new(ErrorCode::INVALID_REQUEST, message))
}

impl From<ConfigError> for ApiError {
    fn from(e: ConfigError) -> Self {
        ApiError::new(ErrorCode::INVALID_CONFIG, e.0)
    }
}

/// Checks all values of a topic together.
pub fn validate_topic(broker: &BrokerConfig, props: &Props) -> Result<(), ApiError> {
    for (name, value) in props {
        match TOPIC_CONFIGS.get(name) {
            None => return invalid(format!("Unknown topic config name: {name}")),
            Some(key) => key.parse(Some(value))?,
        };
    }
    let config = TopicConfig {
        broker,
        topic: Some(props),
    };
    let (min, max) = (config.i64("min.compaction.lag.ms"), config.i64("max.compaction.lag.ms"));
    if min > max {
        return invalid(format!(
            "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
        ));
    }
    if props.contains_key("remote.storage.enable") && config.bool("remote.storage.enable") {
        return invalid(
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.",
        );
    }
    Ok(())
}

/// Keys of a group with the broker keys that bound them: lowest and highest.
const GROUP_BOUNDS: &[(&str, Option<&str>, Option<&str>)] = &[
    (
        "consumer.heartbeat.interval.ms",
        Some("group.consumer.min.heartbeat.interval.ms"),
        Some("group.consumer.max.heartbeat.interval.ms"),
    ),
    (
        "consumer.session.timeout.ms",
        Some("group.consumer.min.session.timeout.ms"),
        Some("group.consumer.max.session.timeout.ms"),
    ),
    (
        "consumer.assignment.interval.ms",
        Some("group.consumer.min.assignment.interval.ms"),
        Some("group.consumer.max.assignment.interval.ms"),
    ),
    (
        "share.heartbeat.interval.ms",
        Some("group.share.min.heartbeat.interval.ms"),
        Some("group.share.max.heartbeat.interval.ms"),
    ),
    (
        "share.session.timeout.ms",
        Some("group.share.min.session.timeout.ms"),
        Some("group.share.max.session.timeout.ms"),
    ),
    (
        "share.assignment.interval.ms",
        Some("group.share.min.assignment.interval.ms"),
        Some("group.share.max.assignment.interval.ms"),
    ),
    (
        "share.record.lock.duration.ms",
        Some("group.share.min.record.lock.duration.ms"),
        Some("group.share.max.record.lock.duration.ms"),
    ),
    (
        "share.delivery.count.limit",
        Some("group.share.min.delivery.count.limit"),
        Some("group.share.max.delivery.count.limit"),
    ),
    (
        "share.partition.max.record.locks",
        Some("group.share.min.partition.max.record.locks"),
        Some("group.share.max.partition.max.record.locks"),
    ),
    (
        "streams.heartbeat.interval.ms",
        Some("group.streams.min.heartbeat.interval.ms"),
        Some("group.streams.max.heartbeat.interval.ms"),
    ),
    (
        "streams.session.timeout.ms",
        Some("group.streams.min.session.timeout.ms"),
        Some("group.streams.max.session.timeout.ms"),
    ),
    (
        "streams.assignment.interval.ms",
        Some("group.streams.min.assignment.interval.ms"),
        Some("group.streams.max.assignment.interval.ms"),
    ),
    (
        "streams.num.standby.replicas",
        None,
        Some("group.streams.max.standby.replicas"),
    ),
];

/// Checks all values of a group together, against the broker's bounds.
pub fn validate_group(broker: &BrokerConfig, props: &Props) -> Result<(), ApiError> {
    for (name, value) in props {
        let Some(key) = GROUP_CONFIGS.get(name) else {
            return invalid(format!("Unknown group config name: {name}"));
        };
        let value = key.parse(Some(value))?;
        let (Value::Number(n), Some((_, low, high))) = (value, GROUP_BOUNDS.iter().find(|b| b.0 == name)) else {
            continue;
        };
        if let Some(low) = low.filter(|low| n < broker.i64(low)) {
            return invalid(format!("{name} must be greater than or equal to {low}"));
        }
        if let Some(high) = high.filter(|high| n > broker.i64(high)) {
            return invalid(format!("{name} must be less than or equal to {high}"));
        }
    }
    for (heartbeat, session) in [
        ("consumer.heartbeat.interval.ms", "consumer.session.timeout.ms"),
        ("share.heartbeat.interval.ms", "share.session.timeout.ms"),
        ("streams.heartbeat.interval.ms", "streams.session.timeout.ms"),
    ] {
        let number = |key: &str| {
            let broker_value = || broker.i64(&format!("group.{key}"));
            props
                .get(key)
                .and_then(|v| v.parse::<i64>().ok())
                .unwrap_or_else(broker_value)
        };
        if number(session) <= number(heartbeat) {
            return invalid(format!("{session} must be greater than {heartbeat}"));
        }
    }
    Ok(())
}

/// The keys of a client metrics subscription, with their defaults.
pub const CLIENT_METRICS_CONFIGS: &[(&str, &str)] = &[("interval.ms", "300000"), ("match", ""), ("metrics", "")];

/// What a subscription can match clients by (KIP-714).
const CLIENT_MATCHERS: &[&str] = &[
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// Checks a client metrics subscription.
pub fn validate_client_metrics(name: &str, props: &Props) -> Result<(), ApiError> {
    if name.is_empty() {
        return refused("Subscription name can't be empty");
    }
    for (key, value) in props {
        match key.as_str() {
            "metrics" => {}
            "interval.ms" => match value.trim().parse::<i32>() {
                Ok(n) if (100..=3_600_000).contains(&n) => {}
                Ok(n) => {
                    return refused(format!(
                        "Invalid value {n} for interval.ms, interval must be between 100 and 3600000 (1 hour)"
                    ));
                }
                Err(_) => {
                    return invalid(format!(
                        "Invalid value {value} for configuration interval.ms: Not a number of type INT"
                    ));
                }
            },
            "match" => {
                for pattern in crate::broker::config::def::split_list(value) {
                    let is_legal = pattern.split_once('=').is_some_and(|(name, regex)| {
                        CLIENT_MATCHERS.contains(&name.trim()) && fancy_regex::Regex::new(regex.trim()).is_ok()
                    });
                    if !is_legal {
                        return invalid(format!("Illegal client matching pattern: {pattern}"));
                    }
                }
            }
            other => return refused(format!("Unknown client metrics configuration: {other}")),
        }
    }
    Ok(())
}

/// Keys that quotas of replication use; they are dynamic, and in no table of server.properties.
pub const REPLICATION_QUOTAS: &[&str] = &[
    "follower.replication.throttled.rate",
    "leader.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
];

/// Checks the values changed on one broker, or on the default of all: `per_broker` says which.
pub fn validate_broker(current: &BrokerConfig, changed: &Props, per_broker: bool) -> Result<(), ApiError> {
    let named =
        |pick: &dyn Fn(&str) -> bool| -> Vec<&str> { changed.keys().map(String::as_str).filter(|k| pick(k)).collect() };
    let is_security = |k: &str| PER_BROKER.contains(&k) && k.starts_with("ssl.");
    let fixed = named(&|k| BROKER_CONFIGS.get(k).is_some() && !CLUSTER_WIDE.contains(&k) && !PER_BROKER.contains(&k));
    if !fixed.is_empty() {
        return refused(format!(
            "Cannot update these configs dynamically: [{}]",
            fixed.join(", ")
        ));
    }
    let bare = named(&is_security);
    if !bare.is_empty() {
        return refused(format!(
            "These security configs can be dynamically updated only per-listener using the listener prefix: [{}]",
            bare.join(", ")
        ));
    }
    let own = named(&|k| PER_BROKER.contains(&k) || k.starts_with("listener.name."));
    if !per_broker && !own.is_empty() {
        return refused(format!(
            "Cannot update these configs at default cluster level, broker id must be specified: [{}]",
            own.join(", ")
        ));
    }
    for (name, value) in changed {
        if REPLICATION_QUOTAS.contains(&name.as_str()) {
            check_rate(name, value)?;
        } else if let Some(key) = BROKER_CONFIGS.get(name) {
            let parsed = key.parse(Some(value)).or_else(|e| refused(e.0))?;
            check_running(current, name, &parsed)?;
            check_cordoned(current, name, &parsed)?;
        }
    }
    Ok(())
}

fn check_rate(name: &str, value: &str) -> Result<(), ApiError> {
    match value.parse::<i64>() {
        Ok(n) if n >= 0 => Ok(()),
        Ok(n) => refused(format!(
            "Invalid value {n} for configuration {name}: Value must be at least 0"
        )),
        Err(_) => refused(format!(
            "Invalid value {value} for configuration {name}: Not a number of type LONG"
        )),
    }
}

/// Only log directories can be cordoned, or all of them by `*`.
fn check_cordoned(current: &BrokerConfig, name: &str, value: &Value) -> Result<(), ApiError> {
    let Value::List(dirs) = value else { return Ok(()) };
    if name != "cordoned.log.dirs" {
        return Ok(());
    }
    let is_known = |dir: &&String| *dir == "*" || current.log_dirs().contains(*dir);
    let missing: Vec<&str> = dirs.iter().filter(|dir| !is_known(dir)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let why = format!(
        "requirement failed: All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : {}",
        missing.join(", ")
    );
    Err(ApiError::new(ErrorCode::INVALID_REQUEST, why))
}

/// What a running broker does not follow: thread pools grow and shrink by a factor of two at most.
fn check_running(current: &BrokerConfig, name: &str, value: &Value) -> Result<(), ApiError> {
    let dynamic = |why: String| {
        refused(format!(
            "Invalid value org.apache.kafka.common.config.ConfigException: {why} for configuration Invalid dynamic configuration"
        ))
    };
    let Value::Number(new) = *value else { return Ok(()) };
    let pools = [
        "num.io.threads",
        "num.network.threads",
        "num.replica.fetchers",
        "num.recovery.threads.per.data.dir",
        "background.threads",
    ];
    let old = current.i64(name);
    match name {
        "log.cleaner.threads" if new > old * 2 => dynamic(format!(
            "Log cleaner threads cannot be increased to more than double the current value {old}"
        )),
        "log.cleaner.threads" if new < old / 2 => dynamic(format!(
            "Log cleaner threads cannot be reduced to less than half the current value {old}"
        )),
        "max.connections" | "max.connection.creation.rate" if new <= 0 => dynamic(format!("Invalid {name} {new}")),
        _ if pools.contains(&name) && new > old * 2 => dynamic(format!(
            "Dynamic thread count update validation failed for {name}={new}, value should not be greater than double \
             the current value {old}"
        )),
        _ if pools.contains(&name) && new < old / 2 => dynamic(format!(
            "Dynamic thread count update validation failed for {name}={new}, value should be at least half the current \
             value {old}"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props(pairs: &[(&str, &str)]) -> Props {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn refusals_read_as_in_kafka() {
        let broker = BrokerConfig::new(Props::new()).unwrap();
        let text = |r: Result<(), ApiError>| r.unwrap_err().text();
        assert_eq!(
            text(validate_topic(
                &broker,
                &props(&[("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")])
            )),
            "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)"
        );
        assert_eq!(
            text(validate_broker(
                &broker,
                &props(&[("listeners", "PLAINTEXT://:1")]),
                false
            )),
            "Cannot update these configs at default cluster level, broker id must be specified: [listeners]"
        );
        assert_eq!(
            text(validate_group(&broker, &props(&[("consumer.session.timeout.ms", "1")]))),
            "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms"
        );
        assert!(
            validate_broker(
                &broker,
                &props(&[("num.io.threads", "12"), ("some.plugin.key", "x")]),
                true
            )
            .is_ok()
        );
        assert!(
            text(validate_broker(&broker, &props(&[("num.io.threads", "17")]), true))
                .contains("double the current value 8")
        );
        assert_eq!(
            text(validate_client_metrics("m", &props(&[("match", "client_id=[")]))),
            "Illegal client matching pattern: client_id=["
        );
    }
}
