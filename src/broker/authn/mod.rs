//! Who is on a connection: SASL on listeners that ask for it (Kafka: `SaslServerAuthenticator`). PLAIN from the listener's
//! JAAS configuration, SCRAM from the cluster's metadata (KIP-554) and by delegation tokens (KIP-48), OAUTHBEARER with
//! signed tokens (KIP-768) or, for tests, unsecured ones. A login may end before the connection does; the client then has
//! to say again who it is (KIP-368).

mod exchange;
mod jwks;
mod oauth;
mod settings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Encodable, StrBytes};

use super::connection::ConnectionError;
use super::node::Node;
use super::request::RequestContext;
use crate::wire::ErrorCode;
use crate::wire::api::ApiKey;
use crate::wire::api::{constant_name, response_header_version};
use crate::wire::frame::{decode, encode_response};
use exchange::Exchange;
pub use exchange::Identity;
pub use settings::SaslSettings;

const PLAIN: &str = "PLAIN";
const OAUTHBEARER: &str = "OAUTHBEARER";

/// How long a client may take to say who it is.
const DEADLINE: Duration = Duration::from_secs(30);
/// Who logs in again sooner is refused (Kafka: `MIN_REAUTH_INTERVAL_ONE_SECOND_NANOS`).
const LEAST_BETWEEN_LOGINS: Duration = Duration::from_secs(1);
/// The first version that tells how long a login lasts.
const SESSION_LIFETIME: i16 = 1;

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
    /// The handshake of a second login named another mechanism than the first's; its next token is refused.
    BadMechanism(String),
    Failed,
}

/// A login that is complete.
#[derive(Debug)]
struct Login {
    mechanism: String,
    user: String,
    ends: Option<Instant>,
    /// When the last second login began.
    renewed: Option<Instant>,
}

/// The state of authentication on one connection.
#[derive(Debug)]
pub struct Authentication {
    settings: Option<Arc<SaslSettings>>,
    state: State,
    begun: Instant,
    login: Option<Login>,
    /// Told once.
    identity: Option<Identity>,
    failure: Option<String>,
}

/// A refusal, with the text the client is told.
struct Refused(String);

impl Authentication {
    /// For listeners without SASL.
    pub fn none() -> Self {
        Self {
            settings: None,
            state: State::Done,
            begun: Instant::now(),
            login: None,
            identity: None,
            failure: None,
        }
    }

    /// For listeners with SASL: nothing is answered before it but ApiVersions.
    pub fn sasl(settings: Arc<SaslSettings>) -> Self {
        Self {
            settings: Some(settings),
            state: State::Initial,
            ..Self::none()
        }
    }

    /// Who has logged in, once after each login.
    pub fn take_identity(&mut self) -> Option<Identity> {
        self.identity.take()
    }

    /// Why the connection must end.
    pub fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// How large a frame may be: a small one before authentication is done.
    pub fn frame_limit(&self, limit_bytes: usize) -> usize {
        match (&self.state, &self.settings) {
            (State::Done, _) | (_, None) => limit_bytes,
            (_, Some(settings)) => limit_bytes.min(settings.max_token_bytes),
        }
    }

    /// How long the next frame may take: what is left for authentication, if that is not done.
    pub fn patience(&self) -> Option<Duration> {
        let is_open = !matches!(self.state, State::Done);
        is_open.then(|| DEADLINE.saturating_sub(self.begun.elapsed()))
    }

    /// A bare token between SaslHandshake v0 and its end; the answer is a bare frame too.
    pub fn handle_raw_token(&mut self, node: &Node, frame: &Bytes) -> Option<Bytes> {
        if !matches!(self.state, State::Exchanging { raw: true, .. }) {
            return None;
        }
        let (token, _) = self.step(node, frame).unwrap_or_else(|Refused(why)| {
            self.failure = Some(why);
            (Vec::new(), 0)
        });
        let mut out = Vec::with_capacity(token.len() + 4);
        out.extend_from_slice(&u32::try_from(token.len()).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&token);
        Some(out.into())
    }

    /// Answers a request that belongs to authentication; `None` leaves it to the ordinary handlers.
    ///
    /// # Errors
    /// A request that nobody may send before authentication or after it has ended, or malformed bytes.
    pub fn handle(&mut self, cx: &RequestContext, body: &Bytes) -> Result<Option<Bytes>, ConnectionError> {
        if matches!(self.state, State::Done) && !self.begins_again(cx)? {
            return Ok(None);
        }
        let mut body = body.clone();
        match (cx.api_key, &self.state) {
            (ApiKey::ApiVersions, State::Initial) if self.login.is_none() => Ok(None),
            (ApiKey::SaslHandshake, State::Initial) if (0..=1).contains(&cx.api_version) => {
                let request = decode::<SaslHandshakeRequest>(&mut body, cx.api_version, "request")?;
                respond(cx, &self.handshake(&request.mechanism, cx.api_version == 0))
            }
            (ApiKey::SaslAuthenticate, State::Exchanging { raw: false, .. } | State::BadMechanism(_))
                if (0..=2).contains(&cx.api_version) =>
            {
                let request = decode::<SaslAuthenticateRequest>(&mut body, cx.api_version, "request")?;
                respond(cx, &self.authenticate(cx, &request))
            }
            (key, state) => {
                let phase = match state {
                    State::Exchanging { .. } => "authentication",
                    _ => "handshake",
                };
                Err(ConnectionError::Protocol(format!(
                    "Unexpected Kafka request of type {} during SASL {phase}.",
                    constant_name(key)
                )))
            }
        }
    }

    /// Whether a client that has logged in begins to do so again. Who should have and did not is shut out.
    fn begins_again(&mut self, cx: &RequestContext) -> Result<bool, ConnectionError> {
        let (Some(_), Some(login)) = (&self.settings, &mut self.login) else {
            return Ok(false);
        };
        let now = Instant::now();
        let is_due = login.renewed.is_none_or(|at| now - at >= LEAST_BETWEEN_LOGINS);
        if cx.api_key == ApiKey::SaslHandshake && is_due {
            login.renewed = Some(now);
            self.begun = now;
            self.state = State::Initial;
            return Ok(true);
        }
        if login.ends.is_some_and(|ends| now > ends) {
            let text = format!("the login of {} has ended", login.user);
            return Err(ConnectionError::Protocol(text));
        }
        Ok(false)
    }

    fn authenticate(&mut self, cx: &RequestContext, request: &SaslAuthenticateRequest) -> SaslAuthenticateResponse {
        let answer = SaslAuthenticateResponse::default();
        match self.step(&cx.node, &request.auth_bytes) {
            Ok((token, session_ms)) => answer
                .with_auth_bytes(token.into())
                .with_error_message(None)
                .with_session_lifetime_ms(if cx.api_version >= SESSION_LIFETIME {
                    session_ms
                } else {
                    0
                }),
            Err(Refused(why)) => {
                self.failure = Some(why.clone());
                answer
                    .with_error_code(ErrorCode::SASL_AUTHENTICATION_FAILED.code())
                    .with_error_message(Some(StrBytes::from_string(why)))
            }
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
        self.state = match &self.login {
            Some(login) if login.mechanism != mechanism => State::BadMechanism(format!(
                "SASL mechanism '{mechanism}' requested by client is not supported for re-authentication of mechanism \
                 '{}'",
                login.mechanism
            )),
            _ => State::Exchanging {
                exchange: Exchange::new(mechanism),
                mechanism: mechanism.to_owned(),
                raw,
            },
        };
        response
    }

    /// Takes the client's next token; the answer is the server's, and how long the login lasts once it is complete, in
    /// milliseconds (0 is as long as the connection).
    fn step(&mut self, node: &Node, token: &[u8]) -> Result<(Vec<u8>, i64), Refused> {
        let settings = self.settings.clone().unwrap_or_default();
        let (mut exchange, mechanism, raw) = match std::mem::replace(&mut self.state, State::Failed) {
            State::Exchanging {
                exchange,
                mechanism,
                raw,
            } => (exchange, mechanism, raw),
            State::BadMechanism(why) => return Err(Refused(why)),
            _ => return Err(Refused("SASL exchange is over".to_owned())),
        };
        let (answer, identity) = exchange.step(node, &settings, token).map_err(|why| {
            let what = if self.login.is_some() {
                "re-authentication"
            } else {
                "authentication"
            };
            let general = || {
                format!(
                    "Authentication failed during {what} due to invalid credentials with SASL mechanism {mechanism}"
                )
            };
            Refused(why.unwrap_or_else(general))
        })?;
        let Some(identity) = identity else {
            self.state = State::Exchanging {
                exchange,
                mechanism,
                raw,
            };
            return Ok((answer, 0));
        };
        let session_ms = settings.session_ms(&mechanism, identity.expires_at_ms, node.now_ms());
        self.complete(identity, mechanism, session_ms)?;
        Ok((answer, session_ms.unwrap_or(0)))
    }

    fn complete(&mut self, identity: Identity, mechanism: String, session_ms: Option<i64>) -> Result<(), Refused> {
        if let Some(login) = self.login.as_ref().filter(|login| login.user != identity.user) {
            return Err(Refused(format!(
                "Cannot change principals during re-authentication from User.{}: User.{}",
                login.user, identity.user
            )));
        }
        let lasts = session_ms.map(|ms| Duration::from_millis(ms.unsigned_abs()));
        self.login = Some(Login {
            mechanism,
            user: identity.user.clone(),
            ends: lasts.and_then(|lasts| Instant::now().checked_add(lasts)),
            renewed: self.login.take().and_then(|login| login.renewed),
        });
        self.identity = Some(identity);
        self.state = State::Done;
        Ok(())
    }
}

fn respond<T: Encodable>(cx: &RequestContext, response: &T) -> Result<Option<Bytes>, ConnectionError> {
    let header_version = response_header_version(cx.api_key, cx.api_version);
    Ok(Some(
        encode_response(response, cx.api_version, header_version, cx.correlation_id)?.freeze(),
    ))
}
