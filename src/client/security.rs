//! `security.protocol`, `sasl.*` and `ssl.*`: how a connection is secured, for the wire client and for librdkafka alike
//! (Kafka: `ChannelBuilders`, `SaslConfigs`, `SslConfigs`).

use super::error::ApiError;
use super::jaas::JaasEntry;
use super::oauth::TokenSource;
use super::props::Properties;
use super::tls::TlsMaterial;
use crate::wire::sasl::ScramMechanism;

/// Kafka: `SecurityProtocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityProtocol {
    #[default]
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl SecurityProtocol {
    /// The name in Kafka's enum; letter case does not matter.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl]
            .into_iter()
            .find(|p| p.name().eq_ignore_ascii_case(name))
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    pub fn uses_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    pub fn uses_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// How to prove who we are.
#[derive(Clone)]
pub enum Credentials {
    Plain {
        username: String,
        password: String,
    },
    Scram {
        mechanism: ScramMechanism,
        username: String,
        password: String,
        token_auth: bool,
    },
    OauthBearer(TokenSource),
}

impl Credentials {
    /// The SASL mechanism's name.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain { .. } => "PLAIN",
            Self::Scram { mechanism, .. } => mechanism.name(),
            Self::OauthBearer(_) => "OAUTHBEARER",
        }
    }
}

/// Without passwords.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.mechanism())
    }
}

/// Everything a connection's security needs, read and checked.
#[derive(Clone, Debug, Default)]
pub struct Security {
    pub protocol: SecurityProtocol,
    /// `None` unless the protocol is SASL's.
    pub credentials: Option<Credentials>,
    /// `None` unless the protocol is TLS's.
    pub tls: Option<TlsMaterial>,
}

impl Security {
    /// Reads the properties; files of stores are read now.
    ///
    /// # Errors
    /// What Kafka gives as the reason of `Failed to create new NetworkClient`.
    pub fn from_props(props: &Properties) -> Result<Self, ApiError> {
        let name = props.get("security.protocol").unwrap_or("PLAINTEXT").trim();
        let protocol = SecurityProtocol::by_name(name).unwrap_or_default();
        Ok(Self {
            protocol,
            credentials: if protocol.uses_sasl() {
                Some(credentials(props)?)
            } else {
                None
            },
            tls: if protocol.uses_tls() {
                Some(TlsMaterial::from_props(props)?)
            } else {
                None
            },
        })
    }
}

fn credentials(props: &Properties) -> Result<Credentials, ApiError> {
    let mechanism = props.get("sasl.mechanism").unwrap_or("GSSAPI").trim();
    if mechanism.is_empty() {
        return Err(ApiError::config(
            "When the security.protocol configuration enables SASL, mechanism must be non-null and non-empty string.",
        ));
    }
    let Some(jaas) = props.get("sasl.jaas.config") else {
        return Err(ApiError::of_class(
            "java.lang.IllegalArgumentException",
            "Could not find a 'KafkaClient' entry in the JAAS configuration. System property \
             'java.security.auth.login.config' is not set",
        ));
    };
    for key in ["sasl.client.callback.handler.class", "sasl.login.class"] {
        if let Some(class) = props.get(key) {
            return Err(unsupported(format!("{key}={class} needs a JVM and is not supported")));
        }
    }
    let entry = JaasEntry::parse(jaas)?;
    match mechanism {
        "PLAIN" => {
            let (username, password) = user(&entry)?;
            Ok(Credentials::Plain { username, password })
        }
        "OAUTHBEARER" => Ok(Credentials::OauthBearer(TokenSource::new(&entry, props)?)),
        _ => match ScramMechanism::by_name(mechanism) {
            Some(mechanism) => {
                let (username, password) = user(&entry)?;
                let token_auth = entry
                    .option("tokenauth")
                    .is_some_and(|v| v.eq_ignore_ascii_case("true"));
                Ok(Credentials::Scram {
                    mechanism,
                    username,
                    password,
                    token_auth,
                })
            }
            None if mechanism == "GSSAPI" => Err(unsupported(
                "SASL mechanism GSSAPI (Kerberos) is not supported: use PLAIN, SCRAM-SHA-256, \
                                 SCRAM-SHA-512 or OAUTHBEARER"
                    .into(),
            )),
            None => Err(unsupported(format!("SASL mechanism {mechanism} is not supported"))),
        },
    }
}

fn user(entry: &JaasEntry) -> Result<(String, String), ApiError> {
    let simple = entry.login_module.rsplit('.').next().unwrap_or_default();
    if !matches!(simple, "PlainLoginModule" | "ScramLoginModule") {
        return Err(unsupported(format!(
            "Login module {} needs a JVM and is not supported",
            entry.login_module
        )));
    }
    let option = |key: &str| entry.option(key).unwrap_or_default().to_string();
    Ok((option("username"), option("password")))
}

fn unsupported(text: String) -> ApiError {
    ApiError::kafka(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Security, ApiError> {
        Security::from_props(&pairs.iter().copied().collect())
    }

    #[test]
    fn credentials_come_from_jaas() {
        let jaas = "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"a\" password=\"b\";";
        let all = [
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.jaas.config", jaas),
        ];
        let security = read(&all).unwrap();
        assert_eq!(security.protocol, SecurityProtocol::SaslPlaintext);
        assert!(matches!(
            security.credentials,
            Some(Credentials::Scram {
                mechanism: ScramMechanism::Sha512,
                ..
            })
        ));
        assert!(read(&[]).unwrap().credentials.is_none());
    }

    #[test]
    fn what_cannot_work_is_said_clearly() {
        let e = read(&[("security.protocol", "SASL_SSL")]).unwrap_err();
        assert!(
            e.text()
                .starts_with("Could not find a 'KafkaClient' entry in the JAAS configuration."),
            "{e}"
        );
        let krb = "com.sun.security.auth.module.Krb5LoginModule required;";
        let e = read(&[("security.protocol", "SASL_PLAINTEXT"), ("sasl.jaas.config", krb)]).unwrap_err();
        assert!(
            e.text()
                .starts_with("SASL mechanism GSSAPI (Kerberos) is not supported"),
            "{e}"
        );
    }
}
