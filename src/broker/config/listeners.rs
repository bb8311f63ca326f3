//! `listeners`, `advertised.listeners` and `listener.security.protocol.map` (Kafka: `Endpoint`, `SocketServerConfigs`).

use std::collections::HashMap;
use std::fmt;

use super::{BrokerConfig, ConfigError};

/// How a listener is spoken to. The numbers are those of endpoints in metadata records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProtocol {
    Plaintext = 0,
    Ssl = 1,
    SaslPlaintext = 2,
    SaslSsl = 3,
}

impl SecurityProtocol {
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "PLAINTEXT" => Self::Plaintext,
            "SSL" => Self::Ssl,
            "SASL_PLAINTEXT" => Self::SaslPlaintext,
            "SASL_SSL" => Self::SaslSsl,
            _ => return None,
        })
    }

    pub fn is_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    pub fn is_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

impl fmt::Display for SecurityProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        })
    }
}

/// A listener: its name, where it is, and its protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Upper case, such as `PLAINTEXT` or `INTERNAL`.
    pub name: String,
    /// Empty: every interface.
    pub host: String,
    /// 0: any free port.
    pub port: u16,
    pub protocol: SecurityProtocol,
}

impl fmt::Display for Endpoint {
    /// `NAME://HOST:PORT`, as in `listeners`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, host, port, .. } = self;
        match host.contains(':') {
            true => write!(f, "{name}://[{host}]:{port}"),
            false => write!(f, "{name}://{host}:{port}"),
        }
    }
}

impl BrokerConfig {
    /// What to bind, and what clients are told, in the same order. Controller listeners are left out: the controller of
    /// an embedded cluster is reached inside the process.
    ///
    /// # Errors
    /// An address that is none, a listener without a protocol, or an advertised one that is not bound.
    pub fn endpoints(&self) -> Result<Vec<(Endpoint, Endpoint)>, ConfigError> {
        let controllers: Vec<String> = self
            .list("controller.listener.names")
            .iter()
            .map(|n| n.to_ascii_uppercase())
            .collect();
        let protocols = self.protocol_map()?;
        let parse_all = |key: &str| -> Result<Vec<Endpoint>, ConfigError> {
            let all = self.list(key).iter().map(|text| parse_endpoint(key, text, &protocols));
            let all: Vec<Endpoint> = all.collect::<Result<_, _>>()?;
            Ok(all.into_iter().filter(|e| !controllers.contains(&e.name)).collect())
        };
        let bound = parse_all("listeners")?;
        let advertised = parse_all("advertised.listeners")?;
        if let Some(stray) = advertised.iter().find(|a| !bound.iter().any(|b| b.name == a.name)) {
            return Err(ConfigError(format!(
                "advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. \
                 Found {}. The valid options based on the current configuration are {}",
                stray.name,
                bound.iter().map(|b| b.name.as_str()).collect::<Vec<_>>().join(",")
            )));
        }
        let told = |b: &Endpoint| advertised.iter().find(|a| a.name == b.name).unwrap_or(b).clone();
        Ok(bound.iter().map(|b| (b.clone(), told(b))).collect())
    }

    /// The listener brokers use among themselves, and internal clients: `inter.broker.listener.name`, else the first
    /// of `security.inter.broker.protocol`.
    pub fn inter_broker_listener(&self) -> &str {
        self.str("inter.broker.listener.name")
            .or(self.str("security.inter.broker.protocol"))
            .unwrap_or("PLAINTEXT")
    }

    fn protocol_map(&self) -> Result<HashMap<String, SecurityProtocol>, ConfigError> {
        let text = self.str("listener.security.protocol.map").unwrap_or_default();
        let mut map = HashMap::new();
        for item in super::def::split_list(text) {
            let parsed = item
                .split_once(':')
                .and_then(|(n, p)| Some((n.trim(), SecurityProtocol::parse(p.trim())?)));
            let Some((name, protocol)) = parsed else {
                return Err(ConfigError(format!(
                    "Invalid value {text} for configuration listener.security.protocol.map: {item} is not NAME:PROTOCOL"
                )));
            };
            map.insert(name.to_ascii_uppercase(), protocol);
        }
        Ok(map)
    }
}

fn parse_endpoint(
    key: &str,
    text: &str,
    protocols: &HashMap<String, SecurityProtocol>,
) -> Result<Endpoint, ConfigError> {
    let bad = |why: &str| ConfigError(format!("Invalid value {text} for configuration {key}: {why}"));
    let (name, address) = text.split_once("://").ok_or_else(|| bad("not NAME://HOST:PORT"))?;
    let name = name.to_ascii_uppercase();
    let (host, port) = address.rsplit_once(':').ok_or_else(|| bad("no port"))?;
    let port = port.parse().map_err(|_| bad("the port is no number from 0 to 65535"))?;
    let protocol = match protocols.get(&name) {
        Some(protocol) => *protocol,
        None => SecurityProtocol::parse(&name)
            .ok_or_else(|| bad(&format!("No security protocol defined for listener {name}")))?,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Endpoint {
        name,
        host,
        port,
        protocol,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::config::Props;

    fn config(props: &[(&str, &str)]) -> BrokerConfig {
        let props: Props = props.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        BrokerConfig::new(props).unwrap()
    }

    #[test]
    fn listeners_are_paired_with_what_is_advertised() {
        let config = config(&[
            ("listeners", "INTERNAL://0.0.0.0:1,external://[::1]:2,CONTROLLER://:3"),
            ("advertised.listeners", "EXTERNAL://kafka.example:443"),
            (
                "listener.security.protocol.map",
                "INTERNAL:PLAINTEXT,EXTERNAL:SASL_SSL,CONTROLLER:PLAINTEXT",
            ),
            ("controller.listener.names", "CONTROLLER"),
        ]);
        let all = config.endpoints().unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].1.host.as_str(), all[0].1.port), ("0.0.0.0", 1));
        assert_eq!(
            (all[1].0.host.as_str(), all[1].1.host.as_str()),
            ("::1", "kafka.example")
        );
        assert!(all[1].1.protocol.is_tls() && all[1].1.protocol.is_sasl());
    }

    #[test]
    fn a_listener_needs_a_protocol_and_an_advertised_one_a_listener() {
        let error = |props: &[(&str, &str)]| config(props).endpoints().unwrap_err().0;
        assert!(error(&[("listeners", "ODD://:1")]).contains("No security protocol defined for listener ODD"));
        assert!(error(&[("listeners", "PLAINTEXT://x:70000")]).contains("port"));
        assert!(error(&[("advertised.listeners", "SSL://x:1")]).contains("subset"));
    }
}
