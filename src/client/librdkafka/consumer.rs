//! Consuming, on librdkafka: Java's `ConsumerConfig` with Java's defaults (Kafka 4.3.1).

use super::{DataConfig, Mapper, common};
use crate::client::config_def::{self, Client};
use crate::client::config_providers;
use crate::client::error::ApiError;
use crate::client::props::Properties;

/// The configuration of a consumer. Isolation is `read_uncommitted` and topics may be created by asking for them, as
/// in Java, where librdkafka's own defaults differ. A group id is the caller's to set where librdkafka needs one.
///
/// # Errors
/// Kafka's `ConfigException`s; `auto.offset.reset=by_duration:...` and assignors that librdkafka lacks.
pub fn consumer(props: &Properties) -> Result<DataConfig, ApiError> {
    let props = &config_providers::resolve(props)?;
    let mut config = common(props, Client::CONSUMER)?;
    let mut map = Mapper {
        props,
        out: config.rdkafka,
    };
    for key in ["group.id", "group.instance.id", "client.rack"] {
        map.pass(key);
    }
    map.set("isolation.level", map.value("isolation.level", "read_uncommitted"));
    map.set(
        "auto.offset.reset",
        offset_reset(&map.value("auto.offset.reset", "latest"))?,
    );
    map.set("enable.auto.commit", map.is_true("enable.auto.commit", true));
    map.clamp(
        "auto.commit.interval.ms",
        5000,
        "auto.commit.interval.ms",
        0..=86_400_000,
    );
    map.set(
        "allow.auto.create.topics",
        map.is_true("allow.auto.create.topics", true),
    );
    map.set("check.crcs", map.is_true("check.crcs", true));
    map.clamp("max.poll.interval.ms", 300_000, "max.poll.interval.ms", 1..=86_400_000);
    set_group_protocol(&mut map)?;
    set_fetch_sizes(&mut map);
    config.rdkafka = map.out;
    Ok(config)
}

fn offset_reset(value: &str) -> Result<&'static str, ApiError> {
    match value.to_ascii_lowercase().as_str() {
        "earliest" => Ok("earliest"),
        "latest" => Ok("latest"),
        // An error instead of a position, as in Java.
        "none" => Ok("error"),
        _ => Err(config_def::invalid(
            "auto.offset.reset",
            value,
            "by_duration is not supported: use --from-time",
        )),
    }
}

fn set_group_protocol(map: &mut Mapper<'_>) -> Result<(), ApiError> {
    let protocol = map.value("group.protocol", "classic").to_ascii_lowercase();
    map.set("group.protocol", &protocol);
    if protocol == "consumer" {
        // The broker decides on these in the new protocol; Java refuses them, too.
        for key in [
            "partition.assignment.strategy",
            "heartbeat.interval.ms",
            "session.timeout.ms",
        ] {
            if map.props.contains_key(key) {
                return Err(ApiError::config(format!(
                    "{key} cannot be set when group.protocol=CONSUMER"
                )));
            }
        }
        map.pass("group.remote.assignor");
        return Ok(());
    }
    if map.props.contains_key("group.remote.assignor") {
        return Err(ApiError::config(
            "group.remote.assignor cannot be set when group.protocol=CLASSIC",
        ));
    }
    map.clamp("session.timeout.ms", 45_000, "session.timeout.ms", 1..=3_600_000);
    map.clamp("heartbeat.interval.ms", 3000, "heartbeat.interval.ms", 1..=3_600_000);
    let assignors = config_def::list(map.props.get("partition.assignment.strategy").unwrap_or_default());
    let mut names = Vec::new();
    for class in &assignors {
        names.push(match class.rsplit('.').next().unwrap_or_default() {
            "RangeAssignor" | "range" => "range",
            "RoundRobinAssignor" | "roundrobin" => "roundrobin",
            "CooperativeStickyAssignor" | "cooperative-sticky" => "cooperative-sticky",
            _ => {
                let why = format!("Class {class} could not be found.");
                return Err(config_def::invalid("partition.assignment.strategy", class, &why));
            }
        });
    }
    // librdkafka does not mix eager and cooperative assignors; Java's default starts eager with range.
    if names.len() > 1 {
        names.retain(|n| *n != "cooperative-sticky");
    }
    let strategy = if names.is_empty() {
        "range".to_string()
    } else {
        names.join(",")
    };
    map.set("partition.assignment.strategy", strategy);
    Ok(())
}

/// librdkafka wants `fetch.max.bytes` at least `message.max.bytes`, and room for a response around it.
fn set_fetch_sizes(map: &mut Mapper<'_>) {
    let fetch_max = map.number("fetch.max.bytes", 52_428_800).clamp(1, 2_147_483_135);
    map.clamp("fetch.min.bytes", 1, "fetch.min.bytes", 1..=100_000_000);
    map.clamp("fetch.max.wait.ms", 500, "fetch.wait.max.ms", 0..=300_000);
    map.clamp(
        "max.partition.fetch.bytes",
        1_048_576,
        "max.partition.fetch.bytes",
        1..=1_000_000_000,
    );
    map.set("message.max.bytes", fetch_max.clamp(1000, 1_000_000));
    map.set("fetch.max.bytes", fetch_max.max(1000));
    map.set("receive.message.max.bytes", (fetch_max + 512).max(100_000_000));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<DataConfig, ApiError> {
        let mut props: Properties = pairs.iter().copied().collect();
        props.set("bootstrap.servers", "a:1,b:2");
        consumer(&props)
    }

    #[test]
    fn defaults_are_javas() {
        let config = read(&[]).unwrap();
        for (key, value) in [
            ("isolation.level", "read_uncommitted"),
            ("auto.offset.reset", "latest"),
            ("enable.auto.commit", "true"),
            ("allow.auto.create.topics", "true"),
            ("session.timeout.ms", "45000"),
            ("partition.assignment.strategy", "range"),
            ("fetch.wait.max.ms", "500"),
        ] {
            assert_eq!(config.rdkafka.get(key), Some(value), "{key}");
        }
        config
            .rdkafka
            .create_native_config()
            .expect("librdkafka accepts every key");
    }

    #[test]
    fn every_accepted_configuration_makes_a_client() {
        let cases: [&[(&str, &str)]; 4] = [
            &[("group.protocol", "CONSUMER"), ("group.id", "g")],
            &[
                ("fetch.max.bytes", "1"),
                ("max.partition.fetch.bytes", "10"),
                ("group.id", "g"),
            ],
            &[
                ("fetch.max.bytes", "2147483647"),
                ("fetch.min.bytes", "0"),
                ("group.id", "g"),
            ],
            &[
                ("group.id", "g"),
                (
                    "partition.assignment.strategy",
                    "org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
                ),
            ],
        ];
        for case in cases {
            let config = read(case).unwrap();
            let made: Result<rdkafka::consumer::BaseConsumer<_>, _> =
                config.rdkafka.create_with_context(config.context());
            assert!(made.is_ok(), "{case:?}: {:?}", made.err());
        }
    }

    #[test]
    fn what_java_refuses_is_refused() {
        let e = read(&[("group.remote.assignor", "uniform")]).unwrap_err();
        assert_eq!(
            e.text(),
            "group.remote.assignor cannot be set when group.protocol=CLASSIC"
        );
        let e = read(&[("isolation.level", "foo")]).unwrap_err();
        assert!(
            e.text()
                .ends_with("String must be one of: read_committed, read_uncommitted")
        );
    }
}
