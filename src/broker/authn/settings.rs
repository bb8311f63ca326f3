//! What a SASL listener accepts (Kafka: `SaslConfigs`, `BrokerSecurityConfigs`).

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::oauth::{Jwks, TokenChecks, UnsecuredChecks};
use super::{OAUTHBEARER, PLAIN};
use crate::broker::config::def::split_list;
use crate::broker::config::{BrokerConfig, Endpoint};
use crate::broker::jaas;
use crate::broker::node::Node;
use crate::broker::tls::{invalid, setting};
use crate::wire::sasl::ScramMechanism;

/// See the module's text. Debug output holds no passwords.
#[derive(Default)]
pub struct SaslSettings {
    pub mechanisms: Vec<String>,
    /// Users of PLAIN with their passwords.
    pub plain_users: BTreeMap<String, String>,
    /// Users of SCRAM that the JAAS configuration names; others come from the metadata.
    pub scram_users: BTreeMap<String, String>,
    pub oauth: TokenChecks,
    pub max_token_bytes: usize,
    /// How long a login lasts, by mechanism; 0 is as long as the connection.
    max_reauth_ms: BTreeMap<String, i64>,
}

impl std::fmt::Debug for SaslSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SaslSettings")
            .field("mechanisms", &self.mechanisms)
            .finish_non_exhaustive()
    }
}

impl SaslSettings {
    /// The settings of a listener: `listener.name.NAME.MECHANISM.KEY` counts before `listener.name.NAME.KEY`, that before
    /// `KEY`.
    ///
    /// # Errors
    /// Keys for signed tokens that cannot be had.
    pub fn new(config: &BrokerConfig, endpoint: &Endpoint) -> io::Result<Self> {
        let scoped = |key: &str| setting(config, endpoint, key);
        let mechanisms = match scoped("sasl.enabled.mechanisms") {
            Some(text) => split_list(text),
            None => config.list("sasl.enabled.mechanisms").to_vec(),
        };
        let of_mechanism = |mechanism: &str, key: &str| {
            scoped(&format!("{}.{key}", mechanism.to_ascii_lowercase())).or_else(|| scoped(key))
        };
        let jaas = |mechanism: &str| {
            of_mechanism(mechanism, "sasl.jaas.config")
                .map(jaas::parse)
                .unwrap_or_default()
        };
        let users = |mechanism: &str| {
            let all = jaas(mechanism).into_iter();
            all.filter_map(|(k, v)| Some((k.strip_prefix("user_")?.to_owned(), v)))
                .collect()
        };
        let oauth = match mechanisms.iter().any(|m| m == OAUTHBEARER) {
            false => TokenChecks::default(),
            true => {
                let key = |key: &str| of_mechanism(OAUTHBEARER, key).map(str::to_owned);
                match key("sasl.oauthbearer.jwks.endpoint.url") {
                    Some(url) => TokenChecks::Signed(Arc::new(Jwks::load(&url, config, key).map_err(invalid)?)),
                    None if is_secured_handler(key("sasl.server.callback.handler.class").as_deref()) => {
                        return Err(invalid("OAUTHBEARER needs sasl.oauthbearer.jwks.endpoint.url"));
                    }
                    None => TokenChecks::Unsecured(UnsecuredChecks::new(&jaas(OAUTHBEARER))),
                }
            }
        };
        let reauth_ms = |m: &String| {
            let text = of_mechanism(m, "connections.max.reauth.ms");
            let ms = text.and_then(|t| t.trim().parse().ok());
            (m.clone(), ms.unwrap_or(config.i64("connections.max.reauth.ms")))
        };
        Ok(Self {
            plain_users: users(PLAIN),
            scram_users: users("SCRAM-SHA-256"),
            oauth,
            max_reauth_ms: mechanisms.iter().map(reauth_ms).collect(),
            mechanisms,
            max_token_bytes: usize::try_from(config.i64("sasl.server.max.receive.size")).unwrap_or(0),
        })
    }

    /// What keeps the keys of signed tokens fresh, until the broker stops.
    pub fn refresh(&self, node: &Arc<Node>) -> Option<impl Future<Output = ()> + Send + 'static> {
        match &self.oauth {
            TokenChecks::Signed(jwks) => Some(jwks.clone().run(node.clone())),
            TokenChecks::Unsecured(_) => None,
        }
    }

    pub fn supports(&self, mechanism: &str) -> bool {
        let is_known = mechanism == PLAIN || mechanism == OAUTHBEARER || ScramMechanism::by_name(mechanism).is_some();
        is_known && self.mechanisms.iter().any(|m| m == mechanism)
    }

    /// How long a login lasts that was made at `now_ms`, in milliseconds: no longer than its credential, nor than
    /// `connections.max.reauth.ms`. `None` is as long as the connection.
    pub fn session_ms(&self, mechanism: &str, expires_at_ms: Option<i64>, now_ms: i64) -> Option<i64> {
        let most = self.max_reauth_ms.get(mechanism).copied().filter(|ms| *ms > 0);
        let left = expires_at_ms.map(|at| (at - now_ms).max(0));
        match (most, left) {
            (Some(most), Some(left)) => Some(most.min(left)),
            (most, left) => most.or(left),
        }
    }
}

/// Kafka's class for signed tokens, which has moved once.
fn is_secured_handler(class: Option<&str>) -> bool {
    class.is_some_and(|c| c.ends_with(".OAuthBearerValidatorCallbackHandler"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_lasts_as_long_as_its_credential_at_most() {
        let settings = SaslSettings {
            max_reauth_ms: BTreeMap::from([("PLAIN".to_owned(), 0), ("OAUTHBEARER".to_owned(), 500)]),
            ..SaslSettings::default()
        };
        assert_eq!(settings.session_ms("PLAIN", None, 1000), None);
        assert_eq!(settings.session_ms("PLAIN", Some(1700), 1000), Some(700));
        assert_eq!(settings.session_ms("OAUTHBEARER", None, 1000), Some(500));
        assert_eq!(settings.session_ms("OAUTHBEARER", Some(1700), 1000), Some(500));
        assert_eq!(settings.session_ms("OAUTHBEARER", Some(900), 1000), Some(0));
    }

    #[test]
    fn debug_output_has_no_passwords() {
        let settings = SaslSettings {
            plain_users: BTreeMap::from([("alice".to_owned(), "hunter2".to_owned())]),
            ..SaslSettings::default()
        };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
