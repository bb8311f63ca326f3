//! Java's client properties as librdkafka's: [`producer`] and [`consumer`].
//!
//! The same file drives the wire client and librdkafka, so every key is read once, by Java's name, with Java's default.
//! Keys without a counterpart that only tune a JVM client (metrics reporters, interceptors, serializers) are dropped.

mod consumer;
mod producer;
pub mod statistics;

use std::sync::Arc;

use parking_lot::Mutex;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::config::parse_addresses;
use super::config_def::{self, Client};
use super::error::ApiError;
use super::oauth::TokenSource;
use super::props::Properties;
use super::security::{Credentials, Security};

pub use consumer::consumer;
pub use producer::producer;

/// A librdkafka configuration made from Java's properties.
#[derive(Clone, Debug)]
pub struct DataConfig {
    /// Ready for `create_with_context`. Tools may still `set` keys of their own, by librdkafka's names.
    pub rdkafka: rdkafka::ClientConfig,
    /// Keys that no Kafka client knows, to be named once.
    pub unknown_keys: Vec<String>,
    /// The properties as they were given, for keys the tool itself honours (`max.block.ms`, `max.poll.records`).
    pub props: Properties,
    tokens: Option<TokenSource>,
}

impl DataConfig {
    /// The context to create a client with; clones share what it has seen.
    pub fn context(&self) -> DataContext {
        DataContext {
            tokens: self.tokens.clone(),
            seen: Arc::default(),
        }
    }
}

/// Callbacks of a librdkafka client: OAUTHBEARER tokens, and errors as Java's client would have them.
#[derive(Clone, Debug, Default)]
pub struct DataContext {
    tokens: Option<TokenSource>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    fatal: Option<ApiError>,
    warnings: Vec<String>,
}

impl DataContext {
    /// The error no retry cures: a wrong password, a certificate nobody trusts, a fenced producer.
    pub fn fatal(&self) -> Option<ApiError> {
        self.seen.lock().fatal.clone()
    }

    /// Other errors since the last call, in librdkafka's words.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().warnings)
    }
}

/// Errors kept for [`DataContext::take_warnings`]; a tool that never asks does not collect them for ever.
const MAX_WARNINGS: usize = 100;

impl ClientContext for DataContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, _level: RDKafkaLogLevel, _fac: &str, _message: &str) {
        // Everything that matters arrives in `error`, too.
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let mut seen = self.seen.lock();
        match error.rdkafka_error_code().and_then(|code| fatal_error(code, reason)) {
            Some(fatal) => drop(seen.fatal.get_or_insert(fatal)),
            None if seen.warnings.len() < MAX_WARNINGS => seen.warnings.push(reason.to_string()),
            None => {}
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        let tokens = self.tokens.as_ref().ok_or("no OAUTHBEARER token is configured")?;
        let token = tokens.token()?;
        Ok(OAuthToken {
            token: token.value,
            principal_name: token.principal,
            lifetime_ms: token.expires_ms,
        })
    }
}

impl rdkafka::consumer::ConsumerContext for DataContext {}

impl rdkafka::producer::ProducerContext for DataContext {
    type DeliveryOpaque = ();

    /// For producers that take their delivery reports themselves: only what is purged when they go comes here.
    fn delivery(&self, _: &rdkafka::message::DeliveryResult<'_>, (): ()) {}
}

/// The callbacks of [`DataContext`], and what one kind of client adds to hear of more.
#[derive(Clone, Debug)]
pub struct Callbacks<T> {
    pub data: DataContext,
    pub own: T,
}

impl<T: Send + Sync + 'static> ClientContext for Callbacks<T> {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.data.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.data.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.data.generate_oauth_token(config)
    }
}

/// Errors that Java's client treats as the end. librdkafka would go on trying.
fn fatal_error(code: RDKafkaErrorCode, reason: &str) -> Option<ApiError> {
    match code {
        RDKafkaErrorCode::Authentication => {
            // `sasl_plaintext://host:1/bootstrap: SASL authentication error: TEXT (after 5ms in state AUTH_REQ)`
            let text = reason
                .split_once("SASL authentication error: ")
                .map_or(reason, |(_, rest)| rest);
            let text = text.rsplit_once(" (after ").map_or(text, |(text, _)| text);
            Some(ApiError::sasl(text))
        }
        RDKafkaErrorCode::SSL if reason.contains("certificate") || reason.contains("handshake") => {
            Some(ApiError::ssl("SSL handshake failed"))
        }
        RDKafkaErrorCode::Fatal => Some(ApiError::kafka(reason)),
        _ => None,
    }
}

/// Sets librdkafka's keys from Java's.
struct Mapper<'a> {
    props: &'a Properties,
    out: rdkafka::ClientConfig,
}

impl Mapper<'_> {
    fn set(&mut self, key: &str, value: impl std::fmt::Display) {
        self.out.set(key, value.to_string());
    }

    /// The value of a key, else Java's default.
    fn value(&self, key: &str, default: &str) -> String {
        self.props.get(key).map_or(default, str::trim).to_string()
    }

    fn number(&self, key: &str, default: i64) -> i64 {
        self.props
            .get(key)
            .and_then(|v| v.trim().parse().ok())
            .unwrap_or(default)
    }

    fn is_true(&self, key: &str, default: bool) -> bool {
        self.props
            .get(key)
            .map_or(default, |v| v.trim().eq_ignore_ascii_case("true"))
    }

    /// A number, kept within what librdkafka accepts.
    fn clamp(&mut self, java: &str, default: i64, rdkafka: &str, range: std::ops::RangeInclusive<i64>) {
        let value = self.number(java, default).clamp(*range.start(), *range.end());
        self.set(rdkafka, value);
    }

    /// A key that has the same meaning in both, if it is set.
    fn pass(&mut self, key: &str) {
        if let Some(value) = self.props.get(key).map(str::trim).filter(|v| !v.is_empty()) {
            self.out.set(key, value);
        }
    }
}

/// Checks the properties as Java's client does and maps what producers and consumers share.
fn common(props: &Properties, client: Client) -> Result<DataConfig, ApiError> {
    config_def::validate(props, client)?;
    let servers = config_def::list(props.get("bootstrap.servers").unwrap_or_default());
    if servers.is_empty() {
        let text = "Configuration 'bootstrap.servers' must not be empty. Valid values include: any non-empty value";
        return Err(ApiError::config(text));
    }
    let addresses = parse_addresses(&servers)?;
    let security = Security::from_props(props)?;
    let mut map = Mapper {
        props,
        out: rdkafka::ClientConfig::new(),
    };
    let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    map.set("bootstrap.servers", list.join(","));
    for key in ["client.id", "client.dns.lookup", "metadata.recovery.strategy"] {
        map.pass(key);
    }
    map.clamp("reconnect.backoff.ms", 50, "reconnect.backoff.ms", 0..=3_600_000);
    map.clamp(
        "reconnect.backoff.max.ms",
        1000,
        "reconnect.backoff.max.ms",
        0..=3_600_000,
    );
    map.clamp("retry.backoff.ms", 100, "retry.backoff.ms", 1..=300_000);
    map.clamp("retry.backoff.max.ms", 1000, "retry.backoff.max.ms", 1..=300_000);
    map.clamp("request.timeout.ms", 30_000, "socket.timeout.ms", 10..=300_000);
    map.clamp(
        "socket.connection.setup.timeout.ms",
        10_000,
        "socket.connection.setup.timeout.ms",
        1000..=2_147_483_647,
    );
    map.clamp(
        "connections.max.idle.ms",
        540_000,
        "connections.max.idle.ms",
        0..=2_147_483_647,
    );
    map.clamp("metadata.max.age.ms", 300_000, "metadata.max.age.ms", 1..=86_400_000);
    for (java, rdkafka) in [
        ("send.buffer.bytes", "socket.send.buffer.bytes"),
        ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
    ] {
        // Without a value the kernel chooses, which is never slower.
        if props.contains_key(java) {
            map.clamp(java, 0, rdkafka, 0..=100_000_000);
        }
    }
    map.set("enable.metrics.push", map.is_true("enable.metrics.push", true));
    map.set("log.connection.close", false);
    let tokens = set_security(&mut map, &security);
    let unknown_keys = config_def::unknown_keys(props);
    Ok(DataConfig {
        rdkafka: map.out,
        unknown_keys,
        props: props.clone(),
        tokens,
    })
}

fn set_security(map: &mut Mapper<'_>, security: &Security) -> Option<TokenSource> {
    map.set("security.protocol", security.protocol.name().to_ascii_lowercase());
    if let Some(tls) = &security.tls {
        if let Some(trusted) = tls.trusted_pem() {
            map.set("ssl.ca.pem", trusted);
        }
        if let Some((chain, key)) = tls.identity_pem() {
            map.set("ssl.certificate.pem", chain);
            map.set("ssl.key.pem", key);
        }
        map.set(
            "ssl.endpoint.identification.algorithm",
            if tls.verifies_hostname() { "https" } else { "none" },
        );
    }
    let credentials = security.credentials.as_ref()?;
    map.set("sasl.mechanism", credentials.mechanism());
    match credentials {
        Credentials::Plain { username, password } | Credentials::Scram { username, password, .. } => {
            map.set("sasl.username", username);
            map.set("sasl.password", password);
            None
        }
        Credentials::OauthBearer(tokens) => Some(tokens.clone()),
    }
}
