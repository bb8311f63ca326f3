//! The topic configurations that `kafka-topics.sh --create --config` accepts, checked before anything is sent
//! (Kafka: `LogConfig.validate`, `ConfigDef`).

use crate::cli::compat::deserialize::java_double;
use crate::cli::compat::java::parse_double;
use crate::cli::compat::java_hash::hash_map_order;
use crate::client::ApiError;
use crate::wire::ErrorCode;

#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Int(Check),
    Long(Check),
    Double(f64, f64),
    OneOf(&'static [&'static str]),
    ListOf(&'static [&'static str]),
    ThrottledReplicas,
}

#[derive(Clone, Copy)]
enum Check {
    Any,
    Min(i64),
    Between(i64, i64),
    GzipLevel,
}

use Check::{Any, Between, GzipLevel, Min};
use Kind::{Bool, Double, Int, ListOf, Long, OneOf, ThrottledReplicas};

/// In the order in which Kafka defines, and so checks, them.
#[rustfmt::skip]
static KEYS: &[(&str, Kind)] = &[
    ("segment.bytes", Int(Min(1024 * 1024))),
    ("segment.ms", Long(Min(1))),
    ("segment.jitter.ms", Long(Min(0))),
    ("segment.index.bytes", Int(Min(4))),
    ("flush.messages", Long(Min(1))),
    ("flush.ms", Long(Min(0))),
    ("retention.bytes", Long(Any)),
    ("retention.ms", Long(Min(-1))),
    ("max.message.bytes", Int(Min(0))),
    ("index.interval.bytes", Int(Min(0))),
    ("delete.retention.ms", Long(Min(0))),
    ("min.compaction.lag.ms", Long(Min(0))),
    ("max.compaction.lag.ms", Long(Min(1))),
    ("file.delete.delay.ms", Long(Min(0))),
    ("min.cleanable.dirty.ratio", Double(0.0, 1.0)),
    ("cleanup.policy", ListOf(&["compact", "delete"])),
    ("unclean.leader.election.enable", Bool),
    ("min.insync.replicas", Int(Min(1))),
    ("compression.type", OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"])),
    ("compression.gzip.level", Int(GzipLevel)),
    ("compression.lz4.level", Int(Between(1, 17))),
    ("compression.zstd.level", Int(Between(-131072, 22))),
    ("preallocate", Bool),
    ("message.timestamp.type", OneOf(&["CreateTime", "LogAppendTime"])),
    ("message.timestamp.before.max.ms", Long(Min(0))),
    ("message.timestamp.after.max.ms", Long(Min(0))),
    ("leader.replication.throttled.replicas", ThrottledReplicas),
    ("follower.replication.throttled.replicas", ThrottledReplicas),
    ("remote.storage.enable", Bool),
    ("local.retention.ms", Long(Min(-2))),
    ("local.retention.bytes", Long(Min(-2))),
    ("remote.log.copy.disable", Bool),
    ("remote.log.delete.on.disable", Bool),
    ("internal.segment.bytes", Int(Any)),
];

/// Checks what `--config` was given; a name given twice counts with its last value.
///
/// # Errors
/// Kafka's `InvalidConfigurationException` for an unknown name, `ConfigException` for a bad value.
pub fn validate(configs: &[(String, String)]) -> Result<(), ApiError> {
    let names: Vec<&String> = configs.iter().map(|(name, _)| name).collect();
    for name in hash_map_order(names, |n| n.as_str()) {
        if !KEYS.iter().any(|(key, _)| key == name) {
            let text = format!("Unknown topic config name: {name}");
            return Err(ApiError::with_text(ErrorCode::INVALID_CONFIG, text));
        }
    }
    let value_of = |key: &str| configs.iter().find(|(name, _)| name == key).map(|(_, v)| v.trim());
    for (key, kind) in KEYS {
        if let Some(value) = value_of(key) {
            check(key, *kind, value)?;
        }
    }
    let number = |key, default| value_of(key).and_then(|v| v.parse().ok()).unwrap_or(default);
    let (min, max): (i64, i64) = (
        number("min.compaction.lag.ms", 0),
        number("max.compaction.lag.ms", i64::MAX),
    );
    if min > max {
        let text =
            format!("conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})");
        return Err(ApiError::with_text(ErrorCode::INVALID_CONFIG, text));
    }
    Ok(())
}

fn check(key: &str, kind: Kind, value: &str) -> Result<(), ApiError> {
    match kind {
        Bool if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") => Ok(()),
        Bool => Err(invalid(key, value, "Expected value to be either true or false")),
        Int(range) => match value.parse::<i32>() {
            Ok(n) => in_range(key, i64::from(n), range),
            Err(_) => Err(invalid(key, value, "Not a number of type INT")),
        },
        Long(range) => match value.parse::<i64>() {
            Ok(n) => in_range(key, n, range),
            Err(_) => Err(invalid(key, value, "Not a number of type LONG")),
        },
        Double(min, max) => match parse_double(value) {
            None => Err(invalid(key, value, "Not a number of type DOUBLE")),
            Some(d) if d < min => Err(invalid(key, &java_double(d), &format!("Value must be at least {min}"))),
            Some(d) if d > max => Err(invalid(
                key,
                &java_double(d),
                &format!("Value must be no more than {max}"),
            )),
            Some(_) => Ok(()),
        },
        OneOf(all) => one_of(key, value, all),
        ListOf(all) => list(value).into_iter().try_for_each(|item| match item {
            "" => Err(ApiError::config(format!(
                "Configuration '{key}' values must not be empty."
            ))),
            _ => one_of(key, item, all),
        }),
        ThrottledReplicas => throttled_replicas(key, &list(value)),
    }
}

fn invalid(key: &str, value: &str, why: &str) -> ApiError {
    ApiError::config(format!("Invalid value {value} for configuration {key}: {why}"))
}

fn in_range(key: &str, n: i64, range: Check) -> Result<(), ApiError> {
    let why = match range {
        Min(min) | Between(min, _) if n < min => format!("Value must be at least {min}"),
        Between(_, max) if n > max => format!("Value must be no more than {max}"),
        GzipLevel if n != -1 && !(1..=9).contains(&n) => "Value must be between 1 and 9 or equal to -1".to_string(),
        _ => return Ok(()),
    };
    Err(invalid(key, &n.to_string(), &why))
}

fn one_of(key: &str, value: &str, all: &[&str]) -> Result<(), ApiError> {
    if all.contains(&value) {
        return Ok(());
    }
    Err(invalid(
        key,
        value,
        &format!("String must be one of: {}", all.join(", ")),
    ))
}

/// A value of type LIST: nothing for an empty one, white space around items dropped.
fn list(value: &str) -> Vec<&str> {
    if value.is_empty() {
        return Vec::new();
    }
    value.split(',').map(str::trim).collect()
}

fn throttled_replicas(key: &str, items: &[&str]) -> Result<(), ApiError> {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let is_replica = |s: &&str| s.is_empty() || s.split_once(':').is_some_and(|(p, b)| digits(p) && digits(b));
    if items.iter().all(is_replica) || items.concat() == "*" {
        return Ok(());
    }
    let why = format!(
        "{key} must be the literal '*' or a list of replicas in the following format: \
         [partitionId]:[brokerId],[partitionId]:[brokerId],..."
    );
    Err(invalid(key, &format!("[{}]", items.join(", ")), &why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn told(key: &str, value: &str) -> String {
        validate(&[(key.to_string(), value.to_string())])
            .unwrap_err()
            .text()
            .to_string()
    }

    #[test]
    fn bad_values_are_told_as_kafka_tells_them() {
        let cases = [
            ("no.such.key", "1", "Unknown topic config name: no.such.key"),
            (
                "cleanup.policy",
                "shred",
                "Invalid value shred for configuration cleanup.policy: String must be one of: compact, delete",
            ),
            (
                "cleanup.policy",
                "compact,",
                "Configuration 'cleanup.policy' values must not be empty.",
            ),
            (
                "segment.bytes",
                "10",
                "Invalid value 10 for configuration segment.bytes: Value must be at least 1048576",
            ),
            (
                "retention.ms",
                "abc",
                "Invalid value abc for configuration retention.ms: Not a number of type LONG",
            ),
            (
                "min.cleanable.dirty.ratio",
                "2",
                "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
            ),
            (
                "preallocate",
                "yes",
                "Invalid value yes for configuration preallocate: Expected value to be either true or false",
            ),
        ];
        for (key, value, want) in cases {
            assert_eq!(told(key, value), want);
        }
        assert!(told("leader.replication.throttled.replicas", "0:a").starts_with("Invalid value [0:a] for"));
    }

    #[test]
    fn good_values_pass_and_lags_must_agree() {
        let configs = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            all.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
        };
        let good = [
            ("cleanup.policy", "compact , delete"),
            ("compression.gzip.level", "-1"),
            ("follower.replication.throttled.replicas", "0:1,2:3"),
            ("leader.replication.throttled.replicas", "*"),
            ("min.cleanable.dirty.ratio", "0.5"),
        ];
        assert_eq!(validate(&configs(&good)), Ok(()));
        let lags = [("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")];
        assert!(
            validate(&configs(&lags))
                .unwrap_err()
                .text()
                .contains("(10) > max.compaction.lag.ms (5)")
        );
    }
}
