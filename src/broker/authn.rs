//! Who is on a connection: SASL on listeners that ask for it (Kafka: `SaslServerAuthenticator`). PLAIN from the listener's
//! JAAS configuration, SCRAM from the cluster's metadata (KIP-554), OAUTHBEARER with unsecured tokens, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use bytes::Bytes;
use kafka_protocol::messages::{
    ApiKey, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Encodable, StrBytes};

use super::config::{BrokerConfig, Endpoint};
use super::connection::ConnectionError;
use super::jaas;
use super::node::Node;
use super::request::RequestContext;
use crate::wire::ErrorCode;
use crate::wire::api::response_header_version;
use crate::wire::frame::{decode, encode_response};
use crate::wire::sasl::{
    OAUTHBEARER_GIVE_UP, ScramCredential, ScramMechanism, ScramServer, parse_oauthbearer, parse_plain,
};

const PLAIN: &str = "PLAIN";
const OAUTHBEARER: &str = "OAUTHBEARER";

/// What a SASL listener accepts.
#[derive(Debug, Default)]
pub struct SaslSettings {
    mechanisms: Vec<String>,
    /// Users of PLAIN with their passwords.
    plain_users: BTreeMap<String, String>,
    /// Users of SCRAM that the JAAS configuration names; others come from the metadata.
    scram_users: BTreeMap<String, String>,
    max_token_bytes: usize,
}

impl SaslSettings {
    /// The settings of a listener: `listener.name.NAME.KEY` counts before `KEY`, and a mechanism's JAAS configuration
    /// before that of all.
    pub fn new(config: &BrokerConfig, endpoint: &Endpoint) -> Self {
        let prefix = format!("listener.name.{}.", endpoint.name.to_ascii_lowercase());
        let props = config.statics();
        let scoped = |key: &str| props.get(&format!("{prefix}{key}"));
        let mechanisms = match scoped("sasl.enabled.mechanisms") {
            Some(text) => super::config::def::split_list(text),
            None => config.list("sasl.enabled.mechanisms").to_vec(),
        };
        let jaas = |mechanism: &str| {
            let key = format!("{}.sasl.jaas.config", mechanism.to_ascii_lowercase());
            let text = scoped(&key)
                .or_else(|| props.get(&key))
                .or_else(|| scoped("sasl.jaas.config"));
            text.or_else(|| props.get("sasl.jaas.config"))
                .map(|t| jaas::parse(t))
                .unwrap_or_default()
        };
        let users = |mechanism: &str| {
            let all = jaas(mechanism).into_iter();
            all.filter_map(|(k, v)| Some((k.strip_prefix("user_")?.to_owned(), v)))
                .collect()
        };
        Self {
            plain_users: users(PLAIN),
            scram_users: users("SCRAM-SHA-256"),
            mechanisms,
            max_token_bytes: usize::try_from(config.i64("sasl.server.max.receive.size")).unwrap_or(0),
        }
    }

    fn supports(&self, mechanism: &str) -> bool {
        let is_known = mechanism == PLAIN || mechanism == OAUTHBEARER || ScramMechanism::by_name(mechanism).is_some();
        is_known && self.mechanisms.iter().any(|m| m == mechanism)
    }
}

/// An exchange of tokens that has begun.
#[derive(Debug)]
enum Exchange {
    Plain,
    Scram {
        mechanism: ScramMechanism,
        server: Option<Box<ScramServer>>,
    },
    OAuthBearer {
        refused: bool,
    },
}

#[derive(Debug, Default)]
enum State {
    /// Nobody needs to say who they are, or they said it.
    #[default]
    Done,
    Initial,
    /// With SaslHandshake v0 tokens come as bare frames.
    Exchanging {
        exchange: Exchange,
        mechanism: String,
        raw: bool,
    },
    Failed,
}

/// The state of authentication on one connection.
#[derive(Debug, Default)]
pub struct Authentication {
    settings: Option<Arc<SaslSettings>>,
    state: State,
    principal: Option<String>,
    failure: Option<String>,
}

/// A refusal, with the text the client is told.
struct Refused(String);

impl Authentication {
    /// For listeners without SASL.
    pub fn none() -> Self {
        Self::default()
    }

    /// For listeners with SASL: nothing is answered before it but ApiVersions.
    pub fn sasl(settings: Arc<SaslSettings>) -> Self {
        Self {
            settings: Some(settings),
            state: State::Initial,
            ..Self::default()
        }
    }

    /// The principal, once after authentication.
    pub fn take_principal(&mut self) -> Option<String> {
        self.principal.take()
    }

    /// Why the connection must end.
    pub fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// How large a frame may be before authentication is done.
    pub fn frame_limit(&self, limit_bytes: usize) -> usize {
        match (&self.state, &self.settings) {
            (State::Done, _) | (_, None) => limit_bytes,
            (_, Some(settings)) => limit_bytes.min(settings.max_token_bytes),
        }
    }

    /// A bare token between SaslHandshake v0 and its end; the answer is a bare frame too.
    pub fn handle_raw_token(&mut self, node: &Node, frame: &Bytes) -> Option<Bytes> {
        if !matches!(self.state, State::Exchanging { raw: true, .. }) {
            return None;
        }
        let token = self.step(node, frame).unwrap_or_else(|Refused(why)| {
            self.failure = Some(why);
            Vec::new()
        });
        let mut out = Vec::with_capacity(token.len() + 4);
        out.extend_from_slice(&u32::try_from(token.len()).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&token);
        Some(out.into())
    }

    /// Answers a request that belongs to authentication; `None` leaves it to the ordinary handlers.
    ///
    /// # Errors
    /// A request that nobody may send before authentication, or malformed bytes.
    pub fn handle(&mut self, cx: &RequestContext, body: &Bytes) -> Result<Option<Bytes>, ConnectionError> {
        if matches!(self.state, State::Done) {
            return Ok(None);
        }
        let mut body = body.clone();
        match (cx.api_key, &self.state) {
            (ApiKey::ApiVersions, State::Initial) => Ok(None),
            (ApiKey::SaslHandshake, State::Initial) if (0..=1).contains(&cx.api_version) => {
                let request = decode::<SaslHandshakeRequest>(&mut body, cx.api_version, "request")?;
                respond(cx, &self.handshake(&request.mechanism, cx.api_version == 0))
            }
            (ApiKey::SaslAuthenticate, State::Exchanging { raw: false, .. }) if (0..=2).contains(&cx.api_version) => {
                let request = decode::<SaslAuthenticateRequest>(&mut body, cx.api_version, "request")?;
                let answer = SaslAuthenticateResponse::default();
                let response = match self.step(&cx.node, &request.auth_bytes) {
                    Ok(token) => answer.with_auth_bytes(token.into()).with_error_message(None),
                    Err(Refused(why)) => {
                        self.failure = Some(why.clone());
                        answer
                            .with_error_code(ErrorCode::SASL_AUTHENTICATION_FAILED.code())
                            .with_error_message(Some(StrBytes::from_string(why)))
                    }
                };
                respond(cx, &response)
            }
            (key, _) => Err(ConnectionError::Protocol(format!(
                "Unexpected Kafka request of type {} during SASL handshake.",
                crate::wire::api::constant_name(key)
            ))),
        }
    }

    fn handshake(&mut self, mechanism: &str, raw: bool) -> SaslHandshakeResponse {
        let settings = self.settings.clone().unwrap_or_default();
        let names = settings.mechanisms.iter().cloned().map(StrBytes::from_string).collect();
        let response = SaslHandshakeResponse::default().with_mechanisms(names);
        if !settings.supports(mechanism) {
            self.state = State::Failed;
            self.failure = Some(format!("Unsupported SASL mechanism {mechanism}"));
            return response.with_error_code(ErrorCode::UNSUPPORTED_SASL_MECHANISM.code());
        }
        let exchange = match ScramMechanism::by_name(mechanism) {
            Some(mechanism) => Exchange::Scram {
                mechanism,
                server: None,
            },
            None if mechanism == OAUTHBEARER => Exchange::OAuthBearer { refused: false },
            None => Exchange::Plain,
        };
        self.state = State::Exchanging {
            exchange,
            mechanism: mechanism.to_owned(),
            raw,
        };
        response
    }

    /// Takes the client's next token; the answer is the server's.
    fn step(&mut self, node: &Node, token: &[u8]) -> Result<Vec<u8>, Refused> {
        let settings = self.settings.clone().unwrap_or_default();
        let State::Exchanging {
            mut exchange,
            mechanism,
            raw,
        } = std::mem::replace(&mut self.state, State::Failed)
        else {
            return Err(Refused("SASL exchange is over".to_owned()));
        };
        let (answer, user) = exchange.step(node, &settings, token).map_err(|e| {
            Refused(e.unwrap_or_else(|| {
                format!("Authentication failed during authentication due to invalid credentials with SASL mechanism {mechanism}")
            }))
        })?;
        match user {
            Some(user) => {
                self.principal = Some(format!("User:{user}"));
                self.state = State::Done;
            }
            None => {
                self.state = State::Exchanging {
                    exchange,
                    mechanism,
                    raw,
                }
            }
        }
        Ok(answer)
    }
}

fn respond<T: Encodable>(cx: &RequestContext, response: &T) -> Result<Option<Bytes>, ConnectionError> {
    let header_version = response_header_version(cx.api_key, cx.api_version);
    Ok(Some(
        encode_response(response, cx.api_version, header_version, cx.correlation_id)?.freeze(),
    ))
}

/// The server's token, and the user once the exchange is complete.
type Step = (Vec<u8>, Option<String>);

impl Exchange {
    /// An error of `None` is told in general words, so that nobody learns which part was wrong.
    fn step(&mut self, node: &Node, settings: &SaslSettings, token: &[u8]) -> Result<Step, Option<String>> {
        match self {
            Exchange::Plain => {
                let (user, password) = parse_plain(token).map_err(|e| Some(e.0))?;
                match settings.plain_users.get(&user) {
                    Some(expected) if *expected == password => Ok((Vec::new(), Some(user))),
                    _ => Err(Some("Authentication failed: Invalid username or password".to_owned())),
                }
            }
            Exchange::Scram { mechanism, server } => match server {
                None => {
                    let mut begun = ScramServer::new(*mechanism, token).map_err(|_| None)?;
                    let credential = scram_credential(node, settings, *mechanism, begun.username()).ok_or(None)?;
                    let challenge = begun.challenge(credential);
                    *server = Some(Box::new(begun));
                    Ok((challenge, None))
                }
                Some(begun) => {
                    let last = begun.verify(token).map_err(|_| None)?;
                    Ok((last, Some(begun.username().to_owned())))
                }
            },
            Exchange::OAuthBearer { refused: true } => {
                debug_assert!(token.len() >= OAUTHBEARER_GIVE_UP.len() || token.is_empty());
                Err(Some("{\"status\":\"invalid_token\"}".to_owned()))
            }
            Exchange::OAuthBearer { refused } => {
                let (token, _) = parse_oauthbearer(token).map_err(|e| Some(e.0))?;
                match unsecured_subject(&token, node.now_ms()) {
                    Some(user) => Ok((Vec::new(), Some(user))),
                    None => {
                        *refused = true;
                        Ok((b"{\"status\":\"invalid_token\"}".to_vec(), None))
                    }
                }
            }
        }
    }
}

fn scram_credential(
    node: &Node,
    settings: &SaslSettings,
    mechanism: ScramMechanism,
    user: &str,
) -> Option<ScramCredential> {
    let image = node.image();
    if let Some(stored) = image.scram.get(&(user.to_owned(), mechanism.code())) {
        return Some(ScramCredential {
            salt: stored.salt.clone(),
            stored_key: stored.stored_key.clone(),
            server_key: stored.server_key.clone(),
            iterations: u32::try_from(stored.iterations).ok()?,
        });
    }
    let password = settings.scram_users.get(user)?;
    Some(ScramCredential::new(
        mechanism,
        password,
        rand::random::<[u8; 16]>().to_vec(),
        4096,
    ))
}

/// The subject of an unsecured JWT that has not expired (Kafka: `OAuthBearerUnsecuredValidatorCallbackHandler`).
fn unsecured_subject(token: &str, now_ms: i64) -> Option<String> {
    let mut parts = token.split('.');
    let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !signature.is_empty() {
        return None;
    }
    let json = |part: &str| -> Option<serde_json::Value> {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(part.trim_end_matches('='))
            .ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let claims = json(claims)?;
    if json(header)?["alg"] != "none" || claims["exp"].as_f64()? * 1000.0 <= now_ms as f64 {
        return None;
    }
    claims["sub"].as_str().filter(|sub| !sub.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsecured_token_counts_until_it_expires() {
        let encode = |json: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
        let token = |alg: &str, exp: i64| {
            let (header, claims) = (
                format!("{{\"alg\":\"{alg}\"}}"),
                format!("{{\"sub\":\"alice\",\"exp\":{exp}}}"),
            );
            format!("{}.{}.", encode(&header), encode(&claims))
        };
        assert_eq!(unsecured_subject(&token("none", 100), 99_000).as_deref(), Some("alice"));
        assert_eq!(unsecured_subject(&token("none", 100), 100_000), None);
        assert_eq!(unsecured_subject(&token("HS256", 100), 0), None);
        assert_eq!(
            unsecured_subject(&(token("none", 100) + "c2ln"), 0),
            None,
            "a signature nobody checks"
        );
    }
}
