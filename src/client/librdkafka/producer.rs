//! Producing, on librdkafka: Java's `ProducerConfig` with Java's defaults (Kafka 4.3.1).

use super::{DataConfig, Mapper, common};
use crate::client::config_def::{self, Client};
use crate::client::config_providers;
use crate::client::error::ApiError;
use crate::client::props::Properties;

/// The configuration of a producer. Keys are partitioned as Java does it (murmur2; keyless records to a random
/// partition at a time), records wait 5 ms for a batch of 16 KiB, and producing is idempotent unless something asked
/// for rules it out.
///
/// # Errors
/// Kafka's `ConfigException`s, among them those of contradicting idempotence settings.
pub fn producer(props: &Properties) -> Result<DataConfig, ApiError> {
    let props = &config_providers::resolve(props)?;
    let mut config = common(props, Client::PRODUCER)?;
    let idempotent = is_idempotent(props)?;
    let mut map = Mapper {
        props,
        out: config.rdkafka,
    };
    let linger_ms = map.number("linger.ms", 5);
    let request_timeout_ms = map.number("request.timeout.ms", 30_000);
    let delivery_timeout_ms = delivery_timeout_ms(&map, linger_ms.saturating_add(request_timeout_ms))?;
    map.set("acks", map.value("acks", "all"));
    map.set("linger.ms", linger_ms.clamp(0, 900_000));
    map.clamp("batch.size", 16_384, "batch.size", 1..=2_147_483_647);
    map.set("delivery.timeout.ms", delivery_timeout_ms);
    map.clamp("request.timeout.ms", 30_000, "request.timeout.ms", 1..=900_000);
    map.clamp("max.request.size", 1_048_576, "message.max.bytes", 1000..=1_000_000_000);
    map.clamp("retries", i64::from(i32::MAX), "retries", 0..=2_147_483_647);
    map.clamp(
        "max.in.flight.requests.per.connection",
        5,
        "max.in.flight.requests.per.connection",
        1..=1_000_000,
    );
    let buffer_kb = map.number("buffer.memory", 33_554_432) / 1024;
    map.set("queue.buffering.max.kbytes", buffer_kb.clamp(1, 2_147_483_647));
    // Java's buffer has a limit in bytes only.
    map.set("queue.buffering.max.messages", 0);
    map.set("enable.idempotence", idempotent);
    map.set("partitioner", partitioner(&map)?);
    set_compression(&mut map);
    if props.contains_key("transactional.id") {
        map.pass("transactional.id");
        map.clamp(
            "transaction.timeout.ms",
            60_000,
            "transaction.timeout.ms",
            1000..=2_147_483_647,
        );
        // librdkafka refuses to wait for an answer longer than the transaction may last.
        let transaction_ms = map.number("transaction.timeout.ms", 60_000).clamp(1000, 2_147_483_647);
        map.set("delivery.timeout.ms", delivery_timeout_ms.min(transaction_ms));
    }
    // Java creates topics by asking for their metadata, if the broker lets it.
    map.set("allow.auto.create.topics", true);
    config.rdkafka = map.out;
    Ok(config)
}

/// Java's rules of `enable.idempotence`: on, unless `acks` or `retries` rule it out and it was not asked for.
fn is_idempotent(props: &Properties) -> Result<bool, ApiError> {
    let explicit = props
        .get("enable.idempotence")
        .map(|v| v.trim().eq_ignore_ascii_case("true"));
    let all_acks = props.get("acks").is_none_or(|a| matches!(a.trim(), "all" | "-1"));
    let retries = props.get("retries").is_none_or(|r| r.trim() != "0");
    let wanted = explicit.unwrap_or(true);
    if wanted && !all_acks && explicit.is_some() {
        return Err(ApiError::config(
            "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.",
        ));
    }
    if wanted && !retries && explicit.is_some() {
        return Err(ApiError::config(
            "Must set retries to non-zero when using the idempotent producer.",
        ));
    }
    let idempotent = wanted && all_acks && retries;
    if !idempotent && props.contains_key("transactional.id") {
        return Err(ApiError::config(
            "Cannot set a transactional.id without also enabling idempotence.",
        ));
    }
    let in_flight = props
        .get("max.in.flight.requests.per.connection")
        .and_then(|v| v.trim().parse::<i64>().ok());
    match in_flight.filter(|&n| idempotent && n > 5) {
        Some(n) => Err(ApiError::config(format!(
            "To use the idempotent producer, max.in.flight.requests.per.connection must be set to at most 5. \
             Current value is {n}."
        ))),
        None => Ok(idempotent),
    }
}

fn delivery_timeout_ms(map: &Mapper<'_>, least: i64) -> Result<i64, ApiError> {
    let given = map.number("delivery.timeout.ms", 120_000);
    if given < least && map.props.contains_key("delivery.timeout.ms") {
        return Err(ApiError::config(
            "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms",
        ));
    }
    Ok(given.max(least).clamp(0, 2_147_483_647))
}

fn partitioner(map: &Mapper<'_>) -> Result<&'static str, ApiError> {
    if map.is_true("partitioner.ignore.keys", false) {
        return Ok("random");
    }
    match map.props.get("partitioner.class").map(str::trim) {
        None | Some("") => Ok("murmur2_random"),
        // librdkafka has no turn-taking; a random partition for each record spreads them as evenly.
        Some("org.apache.kafka.clients.producer.RoundRobinPartitioner") => Ok("random"),
        Some(class) => Err(config_def::invalid(
            "partitioner.class",
            class,
            &format!("Class {class} could not be found."),
        )),
    }
}

fn set_compression(map: &mut Mapper<'_>) {
    let codec = map.value("compression.type", "none");
    map.set("compression.type", &codec);
    let (key, max) = match codec.as_str() {
        "gzip" => ("compression.gzip.level", 9),
        "lz4" => ("compression.lz4.level", 12),
        "zstd" => ("compression.zstd.level", 12),
        _ => return,
    };
    if map.props.contains_key(key) {
        map.clamp(key, -1, "compression.level", -1..=max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<DataConfig, ApiError> {
        let mut props: Properties = pairs.iter().copied().collect();
        props.set("bootstrap.servers", "a:1,b:2");
        producer(&props)
    }

    #[track_caller]
    fn get(config: &DataConfig, key: &str) -> String {
        config.rdkafka.get(key).unwrap_or_default().to_string()
    }

    #[test]
    fn defaults_are_javas() {
        let config = read(&[]).unwrap();
        for (key, value) in [
            ("bootstrap.servers", "a:1,b:2"),
            ("acks", "all"),
            ("linger.ms", "5"),
            ("batch.size", "16384"),
            ("partitioner", "murmur2_random"),
            ("enable.idempotence", "true"),
            ("delivery.timeout.ms", "120000"),
            ("message.max.bytes", "1048576"),
            ("compression.type", "none"),
        ] {
            assert_eq!(get(&config, key), value, "{key}");
        }
        let made: Result<rdkafka::producer::BaseProducer, _> = config.rdkafka.create();
        made.expect("librdkafka accepts every key");
    }

    #[test]
    fn idempotence_follows_javas_rules() {
        assert_eq!(get(&read(&[("acks", "1")]).unwrap(), "enable.idempotence"), "false");
        assert_eq!(get(&read(&[("retries", "0")]).unwrap(), "enable.idempotence"), "false");
        let e = read(&[("acks", "1"), ("enable.idempotence", "true")]).unwrap_err();
        assert!(
            e.text()
                .starts_with("Must set acks to all in order to use the idempotent producer.")
        );
        let e = read(&[("max.in.flight.requests.per.connection", "6")]).unwrap_err();
        assert!(e.text().ends_with("must be set to at most 5. Current value is 6."));
        let e = read(&[("acks", "0"), ("transactional.id", "t")]).unwrap_err();
        assert_eq!(
            e.text(),
            "Cannot set a transactional.id without also enabling idempotence."
        );
        let e = read(&[("acks", "banana")]).unwrap_err();
        assert_eq!(
            e.text(),
            "Invalid value banana for configuration acks: String must be one of: all, -1, 0, 1"
        );
    }

    #[test]
    fn javas_names_become_librdkafkas() {
        let given = [
            ("max.request.size", "2000000"),
            ("compression.type", "gzip"),
            ("compression.gzip.level", "9"),
            (
                "key.serializer",
                "org.apache.kafka.common.serialization.StringSerializer",
            ),
            ("interceptor.classes", ""),
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            (
                "sasl.jaas.config",
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=u password=p;",
            ),
            ("no.such.key", "x"),
        ];
        let config = read(&given).unwrap();
        assert_eq!(get(&config, "message.max.bytes"), "2000000");
        assert_eq!(get(&config, "compression.level"), "9");
        assert_eq!(
            (get(&config, "sasl.username"), get(&config, "sasl.password")),
            ("u".into(), "p".into())
        );
        assert_eq!(config.unknown_keys, ["no.such.key"]);
        let made: Result<rdkafka::producer::BaseProducer, _> = config.rdkafka.create();
        made.expect("librdkafka accepts every key");
    }
}
