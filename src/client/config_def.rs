//! The keys of Kafka 4.3.1's AdminClientConfig, ProducerConfig and ConsumerConfig with their types and validators, and
//! the texts of `ConfigException` for bad values (Kafka: `ConfigDef`).

use super::error::ApiError;
use super::props::Properties;

/// The value types of Kafka's `ConfigDef.Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Bool,
    Str,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

/// Which client a key belongs to: a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(u8);

impl Client {
    pub const ADMIN: Client = Client(1);
    pub const PRODUCER: Client = Client(2);
    pub const CONSUMER: Client = Client(4);

    fn overlaps(self, other: Client) -> bool {
        self.0 & other.0 != 0
    }
}

#[derive(Clone, Copy, Debug)]
enum Check {
    Any,
    NonEmpty,
    NoEmptyItem,
    Min(f64),
    Between(f64, f64),
    OneOf(&'static [&'static str]),
    OneOfIgnoreCase(&'static [&'static str]),
    OffsetReset,
    AcquireMode,
    GzipLevel,
}

struct Key {
    name: &'static str,
    ty: Type,
    clients: Client,
    check: Check,
}

const fn key(name: &'static str, ty: Type, clients: u8, check: Check) -> Key {
    Key {
        name,
        ty,
        clients: Client(clients),
        check,
    }
}

const ADMIN: u8 = 1;
const PRODUCER: u8 = 2;
const CONSUMER: u8 = 4;
const ALL: u8 = 7;

use Check::*;
use Type::*;

/// Sorted by name.
#[rustfmt::skip]
static KEYS: &[Key] = &[
    key("acks", Str, PRODUCER, OneOf(&["all", "-1", "0", "1"])),
    key("allow.auto.create.topics", Bool, CONSUMER, Any),
    key("auto.commit.interval.ms", Int, CONSUMER, Min(0.0)),
    key("auto.offset.reset", Str, CONSUMER, OffsetReset),
    key("batch.size", Int, PRODUCER, Min(0.0)),
    key("bootstrap.controllers", List, ADMIN, NoEmptyItem),
    key("bootstrap.servers", List, ALL, NoEmptyItem),
    key("buffer.memory", Long, PRODUCER, Min(0.0)),
    key("check.crcs", Bool, CONSUMER, Any),
    key("client.dns.lookup", Str, ALL, OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"])),
    key("client.id", Str, ALL, Any),
    key("client.rack", Str, CONSUMER, Any),
    key("compression.gzip.level", Int, PRODUCER, GzipLevel),
    key("compression.lz4.level", Int, PRODUCER, Between(1.0, 17.0)),
    key("compression.type", Str, PRODUCER, OneOf(&["none", "gzip", "snappy", "lz4", "zstd"])),
    key("compression.zstd.level", Int, PRODUCER, Between(-131072.0, 22.0)),
    key("config.providers", List, ALL, Any),
    key("connections.max.idle.ms", Long, ALL, Any),
    key("default.api.timeout.ms", Int, ADMIN | CONSUMER, Min(0.0)),
    key("delivery.timeout.ms", Int, PRODUCER, Min(0.0)),
    key("enable.auto.commit", Bool, CONSUMER, Any),
    key("enable.idempotence", Bool, PRODUCER, Any),
    key("enable.metrics.push", Bool, ALL, Any),
    key("exclude.internal.topics", Bool, CONSUMER, Any),
    key("fetch.max.bytes", Int, CONSUMER, Min(0.0)),
    key("fetch.max.wait.ms", Int, CONSUMER, Min(0.0)),
    key("fetch.min.bytes", Int, CONSUMER, Min(0.0)),
    key("group.id", Str, CONSUMER, Any),
    key("group.instance.id", Str, CONSUMER, NonEmpty),
    key("group.protocol", Str, CONSUMER, OneOfIgnoreCase(&["CONSUMER", "CLASSIC"])),
    key("group.remote.assignor", Str, CONSUMER, Any),
    key("heartbeat.interval.ms", Int, CONSUMER, Any),
    key("interceptor.classes", List, PRODUCER | CONSUMER, Any),
    key("internal.throw.on.fetch.stable.offset.unsupported", Bool, CONSUMER, Any),
    key("isolation.level", Str, CONSUMER, OneOf(&["read_committed", "read_uncommitted"])),
    key("key.deserializer", Class, CONSUMER, Any),
    key("key.serializer", Class, PRODUCER, Any),
    key("linger.ms", Long, PRODUCER, Min(0.0)),
    key("max.block.ms", Long, PRODUCER, Min(0.0)),
    key("max.in.flight.requests.per.connection", Int, PRODUCER, Min(1.0)),
    key("max.partition.fetch.bytes", Int, CONSUMER, Min(0.0)),
    key("max.poll.interval.ms", Int, CONSUMER, Min(1.0)),
    key("max.poll.records", Int, CONSUMER, Min(1.0)),
    key("max.request.size", Int, PRODUCER, Min(0.0)),
    key("metadata.max.age.ms", Long, ALL, Min(0.0)),
    key("metadata.max.idle.ms", Long, PRODUCER, Min(5000.0)),
    key("metadata.recovery.rebootstrap.trigger.ms", Long, ALL, Min(0.0)),
    key("metadata.recovery.strategy", Str, ALL, OneOfIgnoreCase(&["REBOOTSTRAP", "NONE"])),
    key("metric.reporters", List, ALL, Any),
    key("metrics.num.samples", Int, ALL, Min(1.0)),
    key("metrics.recording.level", Str, ALL, OneOf(&["INFO", "DEBUG", "TRACE"])),
    key("metrics.sample.window.ms", Long, ALL, Min(0.0)),
    key("partition.assignment.strategy", List, CONSUMER, Any),
    key("partitioner.adaptive.partitioning.enable", Bool, PRODUCER, Any),
    key("partitioner.availability.timeout.ms", Long, PRODUCER, Min(0.0)),
    key("partitioner.class", Class, PRODUCER, Any),
    key("partitioner.ignore.keys", Bool, PRODUCER, Any),
    key("receive.buffer.bytes", Int, ALL, Min(-1.0)),
    key("reconnect.backoff.max.ms", Long, ALL, Min(0.0)),
    key("reconnect.backoff.ms", Long, ALL, Min(0.0)),
    key("request.timeout.ms", Int, ALL, Min(0.0)),
    key("retries", Int, ADMIN | PRODUCER, Between(0.0, 2147483647.0)),
    key("retry.backoff.max.ms", Long, ALL, Min(0.0)),
    key("retry.backoff.ms", Long, ALL, Min(0.0)),
    key("sasl.client.callback.handler.class", Class, ALL, Any),
    key("sasl.jaas.config", Password, ALL, Any),
    key("sasl.kerberos.kinit.cmd", Str, ALL, Any),
    key("sasl.kerberos.min.time.before.relogin", Long, ALL, Any),
    key("sasl.kerberos.service.name", Str, ALL, Any),
    key("sasl.kerberos.ticket.renew.jitter", Double, ALL, Any),
    key("sasl.kerberos.ticket.renew.window.factor", Double, ALL, Any),
    key("sasl.login.callback.handler.class", Class, ALL, Any),
    key("sasl.login.class", Class, ALL, Any),
    key("sasl.login.connect.timeout.ms", Int, ALL, Any),
    key("sasl.login.read.timeout.ms", Int, ALL, Any),
    key("sasl.login.refresh.buffer.seconds", Short, ALL, Between(0.0, 3600.0)),
    key("sasl.login.refresh.min.period.seconds", Short, ALL, Between(0.0, 900.0)),
    key("sasl.login.refresh.window.factor", Double, ALL, Between(0.5, 1.0)),
    key("sasl.login.refresh.window.jitter", Double, ALL, Between(0.0, 0.25)),
    key("sasl.login.retry.backoff.max.ms", Long, ALL, Any),
    key("sasl.login.retry.backoff.ms", Long, ALL, Any),
    key("sasl.mechanism", Str, ALL, Any),
    key("sasl.oauthbearer.assertion.algorithm", Str, ALL, OneOfIgnoreCase(&["ES256", "RS256"])),
    key("sasl.oauthbearer.assertion.claim.aud", Str, ALL, Any),
    key("sasl.oauthbearer.assertion.claim.exp.seconds", Int, ALL, Between(0.0, 86400.0)),
    key("sasl.oauthbearer.assertion.claim.iss", Str, ALL, Any),
    key("sasl.oauthbearer.assertion.claim.jti.include", Bool, ALL, Any),
    key("sasl.oauthbearer.assertion.claim.nbf.seconds", Int, ALL, Between(0.0, 3600.0)),
    key("sasl.oauthbearer.assertion.claim.sub", Str, ALL, Any),
    key("sasl.oauthbearer.assertion.file", Str, ALL, Any),
    key("sasl.oauthbearer.assertion.private.key.file", Str, ALL, Any),
    key("sasl.oauthbearer.assertion.private.key.passphrase", Password, ALL, Any),
    key("sasl.oauthbearer.assertion.template.file", Str, ALL, Any),
    key("sasl.oauthbearer.client.credentials.client.id", Str, ALL, Any),
    key("sasl.oauthbearer.client.credentials.client.secret", Password, ALL, Any),
    key("sasl.oauthbearer.clock.skew.seconds", Int, ALL, Any),
    key("sasl.oauthbearer.expected.audience", List, ALL, Any),
    key("sasl.oauthbearer.expected.issuer", Str, ALL, Any),
    key("sasl.oauthbearer.header.urlencode", Bool, ALL, Any),
    key("sasl.oauthbearer.jwks.endpoint.refresh.ms", Long, ALL, Any),
    key("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Long, ALL, Any),
    key("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Long, ALL, Any),
    key("sasl.oauthbearer.jwks.endpoint.url", Str, ALL, Any),
    key("sasl.oauthbearer.jwt.retriever.class", Class, ALL, Any),
    key("sasl.oauthbearer.jwt.validator.class", Class, ALL, Any),
    key("sasl.oauthbearer.scope", Str, ALL, Any),
    key("sasl.oauthbearer.scope.claim.name", Str, ALL, Any),
    key("sasl.oauthbearer.sub.claim.name", Str, ALL, Any),
    key("sasl.oauthbearer.token.endpoint.url", Str, ALL, Any),
    key("security.protocol", Str, ALL, OneOfIgnoreCase(&["SASL_SSL", "PLAINTEXT", "SSL", "SASL_PLAINTEXT"])),
    key("security.providers", Str, ALL, Any),
    key("send.buffer.bytes", Int, ALL, Min(-1.0)),
    key("session.timeout.ms", Int, CONSUMER, Any),
    key("share.acknowledgement.mode", Str, CONSUMER, OneOf(&["implicit", "explicit"])),
    key("share.acquire.mode", Str, CONSUMER, AcquireMode),
    key("socket.connection.setup.timeout.max.ms", Long, ALL, Any),
    key("socket.connection.setup.timeout.ms", Long, ALL, Any),
    key("ssl.cipher.suites", List, ALL, Any),
    key("ssl.enabled.protocols", List, ALL, Any),
    key("ssl.endpoint.identification.algorithm", Str, ALL, Any),
    key("ssl.engine.factory.class", Class, ALL, Any),
    key("ssl.key.password", Password, ALL, Any),
    key("ssl.keymanager.algorithm", Str, ALL, Any),
    key("ssl.keystore.certificate.chain", Password, ALL, Any),
    key("ssl.keystore.key", Password, ALL, Any),
    key("ssl.keystore.location", Str, ALL, Any),
    key("ssl.keystore.password", Password, ALL, Any),
    key("ssl.keystore.type", Str, ALL, Any),
    key("ssl.protocol", Str, ALL, Any),
    key("ssl.provider", Str, ALL, Any),
    key("ssl.secure.random.implementation", Str, ALL, Any),
    key("ssl.trustmanager.algorithm", Str, ALL, Any),
    key("ssl.truststore.certificates", Password, ALL, Any),
    key("ssl.truststore.location", Str, ALL, Any),
    key("ssl.truststore.password", Password, ALL, Any),
    key("ssl.truststore.type", Str, ALL, Any),
    key("transaction.timeout.ms", Int, PRODUCER, Any),
    key("transaction.two.phase.commit.enable", Bool, PRODUCER, Any),
    key("transactional.id", Str, PRODUCER, NonEmpty),
    key("value.deserializer", Class, CONSUMER, Any),
    key("value.serializer", Class, PRODUCER, Any),
];

/// Key names of plugins and of Kafka's own that no `ConfigDef` lists, yet are read from the same file.
const KNOWN_PREFIXES: [&str; 2] = ["metrics.context.", "config.providers."];

fn find(name: &str) -> Option<&'static Key> {
    KEYS.binary_search_by(|k| k.name.cmp(name)).ok().map(|i| &KEYS[i])
}

/// Whether the key's value is a secret; `listener.name.X.` and other prefixes may stand before it.
pub fn is_password(name: &str) -> bool {
    KEYS.iter().any(|key| {
        let prefix = name.strip_suffix(key.name);
        key.ty == Password && prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
    })
}

/// Keys that no Kafka client knows, in file order: what Kafka's `logUnused` names.
pub fn unknown_keys(props: &Properties) -> Vec<String> {
    let known = |k: &str| find(k).is_some() || KNOWN_PREFIXES.iter().any(|p| k.starts_with(p));
    props
        .iter()
        .map(|(k, _)| k)
        .filter(|k| !known(k))
        .map(str::to_string)
        .collect()
}

/// Checks every key of `client` as Kafka does when it makes the client's config.
///
/// # Errors
/// The `ConfigException` for the first bad value, by name of key.
pub fn validate(props: &Properties, client: Client) -> Result<(), ApiError> {
    for key in KEYS.iter().filter(|k| k.clients.overlaps(client)) {
        if let Some(value) = props.get(key.name) {
            check_type(key, value.trim())?;
            check_value(key, value.trim())?;
        }
    }
    Ok(())
}

/// `Invalid value VALUE for configuration NAME: WHY`.
pub fn invalid(name: &str, value: &str, why: &str) -> ApiError {
    ApiError::config(format!("Invalid value {value} for configuration {name}: {why}"))
}

fn check_type(key: &Key, value: &str) -> Result<(), ApiError> {
    let (fits, ty) = match key.ty {
        Int => (value.parse::<i32>().is_ok(), "INT"),
        Short => (value.parse::<i16>().is_ok(), "SHORT"),
        Long => (value.parse::<i64>().is_ok(), "LONG"),
        Double => (value.parse::<f64>().is_ok(), "DOUBLE"),
        Bool if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") => return Ok(()),
        Bool => return Err(invalid(key.name, value, "Expected value to be either true or false")),
        Class if is_plugin(key.name, value) => {
            return Err(invalid(key.name, value, &format!("Class {value} could not be found.")));
        }
        _ => return Ok(()),
    };
    if fits {
        Ok(())
    } else {
        Err(invalid(key.name, value, &format!("Not a number of type {ty}")))
    }
}

/// Whether a class name is of somebody's own class, which only a JVM could load. Serializers are left to the tools,
/// who know more of them.
fn is_plugin(name: &str, class: &str) -> bool {
    !name.ends_with("serializer") && !class.starts_with("org.apache.kafka.")
}

fn check_value(key: &Key, value: &str) -> Result<(), ApiError> {
    let number = || value.parse::<f64>().unwrap_or(f64::NAN);
    let why = match key.check {
        NonEmpty if value.is_empty() => "String must be non-empty".to_string(),
        NoEmptyItem if !value.is_empty() && list(value).iter().any(String::is_empty) => {
            return Err(ApiError::config(format!(
                "Configuration '{}' values must not be empty.",
                key.name
            )));
        }
        Min(min) | Between(min, _) if number() < min => format!("Value must be at least {}", plain(key.ty, min)),
        Between(_, max) if number() > max => format!("Value must be no more than {}", plain(key.ty, max)),
        OneOf(all) if !all.contains(&value) => format!("String must be one of: {}", all.join(", ")),
        OneOfIgnoreCase(all) if !all.iter().any(|one| one.eq_ignore_ascii_case(value)) => {
            format!("String must be one of (case insensitive): {}", all.join(", "))
        }
        GzipLevel if number() != -1.0 && !(1.0..=9.0).contains(&number()) => {
            "Value must be between 1 and 9 or equal to -1".to_string()
        }
        OffsetReset if !is_offset_reset(value) => format!(
            "Invalid value `{value}` for configuration auto.offset.reset. The value must be either 'earliest', \
             'latest', 'none' or of the format 'by_duration:<PnDTnHnMn.nS.>'."
        ),
        AcquireMode if !matches!(value.to_ascii_lowercase().as_str(), "batch_optimized" | "record_limit") => format!(
            "Invalid value `{value}` for configuration share.acquire.mode. The value must either be \
             'batch_optimized' or 'record_limit'."
        ),
        _ => return Ok(()),
    };
    Err(invalid(key.name, value, &why))
}

/// A bound as Java prints it: a double keeps its fraction.
fn plain(ty: Type, bound: f64) -> String {
    if ty == Double {
        format!("{bound:?}")
    } else {
        format!("{}", bound as i64)
    }
}

fn is_offset_reset(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    match value.strip_prefix("by_duration:") {
        Some(duration) => duration.len() > 1 && duration.starts_with('p') && !duration.contains('-'),
        None => matches!(value.as_str(), "earliest" | "latest" | "none"),
    }
}

/// A value of type LIST: split at commas, white space around items dropped; nothing for an empty value.
pub fn list(value: &str) -> Vec<String> {
    if value.trim().is_empty() {
        return Vec::new();
    }
    value.trim().split(',').map(|item| item.trim().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn text(client: Client, name: &str, value: &str) -> Option<String> {
        let props: Properties = [(name, value)].into_iter().collect();
        validate(&props, client).err().map(|e| e.text().to_string())
    }

    #[test]
    fn the_table_is_sorted_for_its_search() {
        assert!(KEYS.windows(2).all(|w| w[0].name < w[1].name));
    }

    #[test]
    fn bad_values_read_as_in_kafka() {
        let cases = [
            (
                "request.timeout.ms",
                "abc",
                "Invalid value abc for configuration request.timeout.ms: Not a number of type INT",
            ),
            (
                "request.timeout.ms",
                "-1",
                "Invalid value -1 for configuration request.timeout.ms: Value must be at least 0",
            ),
            (
                "enable.metrics.push",
                "yes",
                "Invalid value yes for configuration enable.metrics.push: Expected value to be either true or false",
            ),
            (
                "security.protocol",
                "FOO",
                "Invalid value FOO for configuration security.protocol: String must be one of (case insensitive): \
                 SASL_SSL, PLAINTEXT, SSL, SASL_PLAINTEXT",
            ),
            (
                "sasl.login.class",
                "a.B",
                "Invalid value a.B for configuration sasl.login.class: Class a.B could not be found.",
            ),
            (
                "sasl.login.refresh.window.factor",
                "0.1",
                "Invalid value 0.1 for configuration sasl.login.refresh.window.factor: Value must be at least 0.5",
            ),
            (
                "bootstrap.servers",
                "a,,b",
                "Configuration 'bootstrap.servers' values must not be empty.",
            ),
        ];
        for (name, value, want) in cases {
            assert_eq!(text(Client::ADMIN, name, value).as_deref(), Some(want));
        }
        let acks = "Invalid value banana for configuration acks: String must be one of: all, -1, 0, 1";
        assert_eq!(text(Client::PRODUCER, "acks", "banana").as_deref(), Some(acks));
        assert_eq!(
            text(Client::ADMIN, "acks", "banana"),
            None,
            "not a key of the admin client"
        );
        assert_eq!(text(Client::ADMIN, "request.timeout.ms", " 15 "), None);
        assert_eq!(text(Client::CONSUMER, "auto.offset.reset", "by_duration:PT1H"), None);
    }

    #[test]
    fn only_keys_that_no_client_knows_are_unknown() {
        let props: Properties = [("foo", "1"), ("acks", "1"), ("group.id", "g"), ("bar.baz", "")]
            .into_iter()
            .collect();
        assert_eq!(unknown_keys(&props), ["foo", "bar.baz"]);
    }
}
