//! What a client needs to know, typed, from Java's properties (Kafka: `AdminClientConfig`, `CommonClientConfigs`,
//! `ClientUtils.parseAndValidateAddresses`).

use std::time::Duration;

use super::config_def::{self, Client};
use super::config_providers;
use super::error::ApiError;
use super::props::Properties;

/// Where a command was told to connect, and its properties file with command-line properties laid over it.
#[derive(Clone, Debug, Default)]
pub struct ConnectConfig {
    pub bootstrap: Bootstrap,
    pub props: Properties,
}

/// `--bootstrap-server` or `--bootstrap-controller`, comma-separated `host:port`s.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Bootstrap {
    Servers(String),
    Controllers(String),
    /// Neither: `bootstrap.servers` or `bootstrap.controllers` of the properties say it.
    #[default]
    FromProps,
}

/// A host and a port as they were given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The typed configuration of a wire client. Durations are those of the keys of the same name.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub bootstrap: Vec<Address>,
    /// The addresses are controllers' (KIP-919).
    pub to_controllers: bool,
    pub client_id: String,
    pub request_timeout: Duration,
    /// How long a call may take with all its retries: `default.api.timeout.ms`.
    pub api_timeout: Duration,
    pub retries: i32,
    pub retry_backoff: Duration,
    pub retry_backoff_max: Duration,
    pub reconnect_backoff: Duration,
    pub reconnect_backoff_max: Duration,
    pub connection_setup_timeout: Duration,
    /// Everything, for what reads its own keys (TLS, SASL).
    pub props: Properties,
    /// Keys that no Kafka client knows. Kafka: `These configurations '[..]' were supplied but are not used yet.`
    pub unknown_keys: Vec<String>,
    /// What Kafka logs as WARN while it makes the client.
    pub warnings: Vec<String>,
}

impl ClientConfig {
    /// Reads the configuration of an Admin client.
    ///
    /// # Errors
    /// Kafka's `ConfigException` for bad values, or `KafkaException: Failed to create new KafkaAdminClient` with the
    /// reason as its cause where Kafka finds out later.
    pub fn for_admin(connect: &ConnectConfig) -> Result<Self, ApiError> {
        let mut props = config_providers::resolve(&connect.props)?;
        match &connect.bootstrap {
            Bootstrap::Servers(list) => props.set("bootstrap.servers", list),
            Bootstrap::Controllers(list) => props.set("bootstrap.controllers", list),
            Bootstrap::FromProps => {}
        }
        config_def::validate(&props, Client::ADMIN)?;
        Self::from_valid(props)
            .map_err(|cause| ApiError::kafka("Failed to create new KafkaAdminClient").caused_by(cause))
    }

    fn from_valid(props: Properties) -> Result<Self, ApiError> {
        let mut warnings = Vec::new();
        let (list, to_controllers) = bootstrap_list(&props, &mut warnings)?;
        let request_timeout = millis(&props, "request.timeout.ms", 30_000);
        let mut api_timeout = millis(&props, "default.api.timeout.ms", 60_000);
        if api_timeout < request_timeout {
            if props.contains_key("default.api.timeout.ms") {
                return Err(ApiError::config(
                    "The specified value of default.api.timeout.ms must be no smaller than the value of request.timeout.ms.",
                ));
            }
            api_timeout = request_timeout;
        }
        Ok(Self {
            bootstrap: parse_addresses(&list)?,
            to_controllers,
            client_id: props
                .get("client.id")
                .filter(|id| !id.is_empty())
                .unwrap_or("adminclient-1")
                .to_string(),
            request_timeout,
            api_timeout,
            retries: int(&props, "retries")
                .and_then(|n| i32::try_from(n).ok())
                .unwrap_or(i32::MAX),
            retry_backoff: millis(&props, "retry.backoff.ms", 100),
            retry_backoff_max: millis(&props, "retry.backoff.max.ms", 1000),
            reconnect_backoff: millis(&props, "reconnect.backoff.ms", 50),
            reconnect_backoff_max: millis(&props, "reconnect.backoff.max.ms", 1000),
            connection_setup_timeout: millis(&props, "socket.connection.setup.timeout.ms", 10_000),
            unknown_keys: config_def::unknown_keys(&props),
            warnings,
            props,
        })
    }
}

/// The items of the one bootstrap list that is set, without repetitions, and whether it names controllers.
fn bootstrap_list(props: &Properties, warnings: &mut Vec<String>) -> Result<(Vec<String>, bool), ApiError> {
    let mut items = |key: &str| {
        let all = config_def::list(props.get(key).unwrap_or_default());
        let mut unique: Vec<String> = Vec::new();
        for item in &all {
            if !unique.contains(item) {
                unique.push(item.clone());
            }
        }
        if unique.len() < all.len() {
            let (all, unique) = (all.join(", "), unique.join(", "));
            warnings.push(format!(
                "Configuration key \"{key}\" contains duplicate values. Duplicates will be removed. \
                 The original value is: [{all}], the updated value is: [{unique}]"
            ));
        }
        unique
    };
    let (servers, controllers) = (items("bootstrap.servers"), items("bootstrap.controllers"));
    match (servers.is_empty(), controllers.is_empty()) {
        (true, true) => Err(ApiError::config(
            "You must set either bootstrap.servers or bootstrap.controllers",
        )),
        (false, false) => Err(ApiError::config(
            "You cannot set both bootstrap.servers and bootstrap.controllers",
        )),
        (false, true) => Ok((servers, false)),
        (true, false) => Ok((controllers, true)),
    }
}

/// `host:port`s, with an optional `NAME://` in front and brackets around IPv6 addresses.
///
/// # Errors
/// `Invalid url in bootstrap.servers: ...`, `Invalid port in bootstrap.servers: ...` (Kafka says `bootstrap.servers`
/// of controllers, too).
pub fn parse_addresses(urls: &[String]) -> Result<Vec<Address>, ApiError> {
    urls.iter()
        .filter(|u| !u.is_empty())
        .map(|u| parse_address(u))
        .collect()
}

fn parse_address(url: &str) -> Result<Address, ApiError> {
    let bad_url = || ApiError::config(format!("Invalid url in bootstrap.servers: {url}"));
    let name_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '%' | '.' | '_');
    let rest = match url.split_once("://") {
        Some((scheme, rest)) if scheme.chars().all(name_char) => rest,
        _ => url,
    };
    let (host, port) = rest.rsplit_once(':').ok_or_else(bad_url)?;
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    if !host.chars().all(|c| name_char(c) || c == ':') || port.is_empty() || !port.chars().all(|c| c.is_ascii_digit()) {
        return Err(bad_url());
    }
    let port = port
        .parse()
        .map_err(|_| ApiError::config(format!("Invalid port in bootstrap.servers: {url}")))?;
    // no host is this one, as in Java's InetSocketAddress
    let host = if host.is_empty() { "localhost" } else { host };
    Ok(Address {
        host: host.to_string(),
        port,
    })
}

fn int(props: &Properties, key: &str) -> Option<i64> {
    props.get(key).and_then(|v| v.trim().parse().ok())
}

fn millis(props: &Properties, key: &str, default: u64) -> Duration {
    let value = int(props, key).and_then(|n| u64::try_from(n).ok());
    Duration::from_millis(value.unwrap_or(default))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin(servers: &str, pairs: &[(&str, &str)]) -> Result<ClientConfig, ApiError> {
        let props = pairs.iter().copied().collect();
        ClientConfig::for_admin(&ConnectConfig {
            bootstrap: Bootstrap::Servers(servers.into()),
            props,
        })
    }

    #[track_caller]
    fn cause(result: Result<ClientConfig, ApiError>) -> String {
        let e = result.unwrap_err();
        assert_eq!(e.text(), "Failed to create new KafkaAdminClient");
        e.cause().unwrap().text().to_string()
    }

    #[test]
    fn addresses_parse_as_in_kafka() {
        let config = admin("PLAINTEXT://a.b:1, [::1]:2,c_d:3", &[]).unwrap();
        let shown: Vec<_> = config.bootstrap.iter().map(Address::to_string).collect();
        assert_eq!(shown, ["a.b:1", "[::1]:2", "c_d:3"]);
        assert_eq!(
            cause(admin("127.0.0.1", &[])),
            "Invalid url in bootstrap.servers: 127.0.0.1"
        );
        assert_eq!(
            cause(admin("127.0.0.1:x", &[])),
            "Invalid url in bootstrap.servers: 127.0.0.1:x"
        );
        assert_eq!(
            cause(admin("a:99999", &[])),
            "Invalid port in bootstrap.servers: a:99999"
        );
        assert_eq!(
            cause(admin("", &[])),
            "You must set either bootstrap.servers or bootstrap.controllers"
        );
        let both = [("bootstrap.controllers", "b:2")];
        assert_eq!(
            cause(admin("a:1", &both)),
            "You cannot set both bootstrap.servers and bootstrap.controllers"
        );
    }

    #[test]
    fn timeouts_have_kafkas_defaults_and_rules() {
        let config = admin("a:1", &[]).unwrap();
        assert_eq!(
            (config.request_timeout.as_secs(), config.api_timeout.as_secs()),
            (30, 60)
        );
        let config = admin("a:1", &[("request.timeout.ms", "90000")]).unwrap();
        assert_eq!(config.api_timeout.as_secs(), 90);
        let text = cause(admin("a:1", &[("default.api.timeout.ms", "10")]));
        assert!(
            text.starts_with("The specified value of default.api.timeout.ms must be no smaller"),
            "{text}"
        );
    }

    #[test]
    fn repeated_servers_are_dropped_with_a_warning() {
        let config = admin("a:1,a:1", &[("foo", "x")]).unwrap();
        assert_eq!((config.bootstrap.len(), config.warnings.len()), (1, 1));
        assert_eq!(config.unknown_keys, ["foo"]);
    }
}
