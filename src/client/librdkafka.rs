//! Java's producer and consumer properties as librdkafka's. Feature `cli`.
//!
//! Defaults are Java's where the two differ: `linger.ms` 5, `partitioner` murmur2_random, `isolation.level`
//! read_uncommitted, `check.crcs` on. A key that has no counterpart is validated ([`config_def::validate`]) and dropped.

use rdkafka::ClientConfig;

use super::config_def::{self, Client};
use super::error::ApiError;
use super::props::Properties;

/// What becomes of a Java key.
enum To {
    /// The same value under this name.
    Key(&'static str),
    /// A number of bytes, in KiB there; at least 1.
    Kib(&'static str),
    /// `-1` (the system's default) is 0 there.
    Buffer(&'static str),
}

const BOTH: &[(&str, To)] = &[
    ("bootstrap.servers", To::Key("bootstrap.servers")),
    ("client.id", To::Key("client.id")),
    ("client.dns.lookup", To::Key("client.dns.lookup")),
    ("connections.max.idle.ms", To::Key("connections.max.idle.ms")),
    ("metadata.max.age.ms", To::Key("topic.metadata.refresh.interval.ms")),
    ("receive.buffer.bytes", To::Buffer("socket.receive.buffer.bytes")),
    ("send.buffer.bytes", To::Buffer("socket.send.buffer.bytes")),
    ("reconnect.backoff.ms", To::Key("reconnect.backoff.ms")),
    ("reconnect.backoff.max.ms", To::Key("reconnect.backoff.max.ms")),
    ("retry.backoff.ms", To::Key("retry.backoff.ms")),
    ("retry.backoff.max.ms", To::Key("retry.backoff.max.ms")),
    (
        "socket.connection.setup.timeout.ms",
        To::Key("socket.connection.setup.timeout.ms"),
    ),
];

const PRODUCER: &[(&str, To)] = &[
    ("acks", To::Key("acks")),
    ("batch.size", To::Key("batch.size")),
    ("buffer.memory", To::Kib("queue.buffering.max.kbytes")),
    ("compression.type", To::Key("compression.type")),
    ("delivery.timeout.ms", To::Key("delivery.timeout.ms")),
    ("enable.idempotence", To::Key("enable.idempotence")),
    ("linger.ms", To::Key("linger.ms")),
    ("max.block.ms", To::Key("topic.metadata.propagation.max.ms")),
    (
        "max.in.flight.requests.per.connection",
        To::Key("max.in.flight.requests.per.connection"),
    ),
    ("max.request.size", To::Key("message.max.bytes")),
    ("request.timeout.ms", To::Key("request.timeout.ms")),
    ("retries", To::Key("retries")),
    ("transaction.timeout.ms", To::Key("transaction.timeout.ms")),
    ("transactional.id", To::Key("transactional.id")),
];

const CONSUMER: &[(&str, To)] = &[
    ("allow.auto.create.topics", To::Key("allow.auto.create.topics")),
    ("auto.commit.interval.ms", To::Key("auto.commit.interval.ms")),
    ("auto.offset.reset", To::Key("auto.offset.reset")),
    ("check.crcs", To::Key("check.crcs")),
    ("client.rack", To::Key("client.rack")),
    ("enable.auto.commit", To::Key("enable.auto.commit")),
    ("fetch.max.bytes", To::Key("fetch.max.bytes")),
    ("fetch.max.wait.ms", To::Key("fetch.wait.max.ms")),
    ("fetch.min.bytes", To::Key("fetch.min.bytes")),
    ("group.id", To::Key("group.id")),
    ("group.instance.id", To::Key("group.instance.id")),
    ("heartbeat.interval.ms", To::Key("heartbeat.interval.ms")),
    ("isolation.level", To::Key("isolation.level")),
    ("max.partition.fetch.bytes", To::Key("max.partition.fetch.bytes")),
    ("max.poll.interval.ms", To::Key("max.poll.interval.ms")),
    ("session.timeout.ms", To::Key("session.timeout.ms")),
];

/// A producer's configuration.
///
/// # Errors
/// Kafka's `ConfigException` for a bad value; a clear text for what librdkafka lacks.
pub fn producer(props: &Properties) -> Result<ClientConfig, ApiError> {
    config_def::validate(props, Client::PRODUCER)?;
    let mut props = props.clone();
    props.set_default("linger.ms", "5");
    let acks_all = props.get("acks").is_none_or(|a| a == "all" || a == "-1");
    let retries = props.get("retries").is_none_or(|r| r != "0");
    // Java's producer is idempotent unless other settings rule it out
    let idempotent = props
        .get("enable.idempotence")
        .map_or(acks_all && retries, |v| v.eq_ignore_ascii_case("true"));
    props.set("enable.idempotence", idempotent.to_string());
    if idempotent {
        // librdkafka counts retries itself then, and refuses a limit of its own
        props.remove("retries");
    }
    let mut config = ClientConfig::new();
    config.set("partitioner", partitioner(&props)?);
    let limit = props.get("max.request.size").unwrap_or("1048576").to_string();
    props.set("max.request.size", limit);
    fill(&mut config, &props, BOTH);
    fill(&mut config, &props, PRODUCER);
    let level = props
        .get("compression.type")
        .and_then(|t| props.get(&format!("compression.{t}.level")));
    if let Some(level) = level {
        config.set("compression.level", level);
    }
    security(&props)?;
    Ok(config)
}

/// A consumer's configuration.
///
/// # Errors
/// As [`producer`].
pub fn consumer(props: &Properties) -> Result<ClientConfig, ApiError> {
    config_def::validate(props, Client::CONSUMER)?;
    let mut props = props.clone();
    props.set_default("isolation.level", "read_uncommitted");
    props.set_default("auto.offset.reset", "latest");
    props.set_default("check.crcs", "true");
    props.set_default("allow.auto.create.topics", "true");
    let mut config = ClientConfig::new();
    fill(&mut config, &props, BOTH);
    fill(&mut config, &props, CONSUMER);
    if props
        .get("group.protocol")
        .is_some_and(|p| p.eq_ignore_ascii_case("consumer"))
    {
        config.set("group.protocol", "consumer");
        config.remove("session.timeout.ms");
        config.remove("heartbeat.interval.ms");
        if let Some(assignor) = props.get("group.remote.assignor") {
            config.set("group.remote.assignor", assignor);
        }
    } else {
        config.set("partition.assignment.strategy", assignors(&props)?);
    }
    config.set("enable.partition.eof", "false");
    security(&props)?;
    Ok(config)
}

fn fill(config: &mut ClientConfig, props: &Properties, table: &[(&str, To)]) {
    for (java, to) in table {
        let Some(value) = props.get(java) else { continue };
        let value = value.trim();
        match to {
            To::Key(name) => config.set(*name, value.to_ascii_lowercase_if_word()),
            To::Kib(name) => config.set(
                *name,
                (value.parse::<i64>().unwrap_or(0) / 1024)
                    .clamp(1, 2_097_151)
                    .to_string(),
            ),
            To::Buffer(name) => config.set(*name, if value == "-1" { "0" } else { value }),
        };
    }
}

trait Words {
    fn to_ascii_lowercase_if_word(&self) -> String;
}

impl Words for str {
    /// Java reads `TRUE` and `True` as true; librdkafka wants small letters. Names keep their case.
    fn to_ascii_lowercase_if_word(&self) -> String {
        if self.eq_ignore_ascii_case("true") || self.eq_ignore_ascii_case("false") {
            self.to_ascii_lowercase()
        } else {
            self.to_string()
        }
    }
}

fn partitioner(props: &Properties) -> Result<&'static str, ApiError> {
    match props
        .get("partitioner.class")
        .map(|c| c.rsplit('.').next().unwrap_or(c))
    {
        None | Some("DefaultPartitioner" | "UniformStickyPartitioner" | "BuiltInPartitioner") => Ok("murmur2_random"),
        Some("RoundRobinPartitioner") => Ok("random"),
        Some(other) => Err(ApiError::config(format!(
            "partitioner.class {other} is a Java class: kt cannot load it"
        ))),
    }
}

fn assignors(props: &Properties) -> Result<String, ApiError> {
    let Some(list) = props.get("partition.assignment.strategy") else {
        return Ok("range".to_string());
    };
    let one = |class: &str| match class.trim().rsplit('.').next().unwrap_or_default() {
        "RangeAssignor" => Ok("range"),
        "RoundRobinAssignor" => Ok("roundrobin"),
        "CooperativeStickyAssignor" => Ok("cooperative-sticky"),
        other => Err(ApiError::config(format!(
            "partition.assignment.strategy {other}: librdkafka has range, roundrobin and cooperative-sticky"
        ))),
    };
    Ok(list.split(',').map(one).collect::<Result<Vec<_>, _>>()?.join(","))
}

/// The data plane's own way to TLS and SASL.
fn security(props: &Properties) -> Result<(), ApiError> {
    match props.get("security.protocol").unwrap_or("PLAINTEXT") {
        "PLAINTEXT" => Ok(()),
        other => Err(ApiError::config(format!(
            "security.protocol {other}: producing and consuming know PLAINTEXT only so far"
        ))),
    }
}
