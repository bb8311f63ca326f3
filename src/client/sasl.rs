//! The SASL exchange on a fresh connection (Kafka: `SaslClientAuthenticator`, KIP-43, KIP-152), and again when the
//! session runs out (KIP-368).

use bytes::Bytes;
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest};
use kafka_protocol::protocol::{Request, StrBytes};

use super::error::ApiError;
use super::security::Credentials;
use crate::wire::ErrorCode;
use crate::wire::sasl::{OAUTHBEARER_GIVE_UP, SaslError, ScramClient, oauthbearer_message, plain_message};

/// Whoever can send a request and wait for its response: a connection being opened, or one in use.
pub(crate) trait Ask {
    async fn ask<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, ApiError>;
}

/// Proves `credentials`. Answers how long the session lasts in milliseconds; 0 is for ever.
///
/// # Errors
/// An authentication exception with the broker's text, or a lost connection.
pub(crate) async fn authenticate(asker: &mut impl Ask, credentials: &Credentials) -> Result<i64, ApiError> {
    handshake(asker, credentials.mechanism()).await?;
    match credentials {
        Credentials::Plain { username, password } => {
            let answer = exchange(asker, plain_message(username, password)).await?;
            Ok(answer.session_lifetime_ms)
        }
        Credentials::Scram {
            mechanism,
            username,
            password,
            token_auth,
        } => {
            let extensions: &[(&str, &str)] = if *token_auth { &[("tokenauth", "true")] } else { &[] };
            let mut client = ScramClient::new(*mechanism, username, password, extensions);
            let first = exchange(asker, client.first()).await?;
            let proof = client.last(&first.auth_bytes).map_err(failed)?;
            let last = exchange(asker, proof).await?;
            client.finish(&last.auth_bytes).map_err(failed)?;
            Ok(last.session_lifetime_ms)
        }
        Credentials::OauthBearer(tokens) => {
            let source = tokens.clone();
            // Fetching a token may block on an endpoint.
            let token = tokio::task::spawn_blocking(move || source.token()).await;
            let token = token.map_err(|e| ApiError::sasl(e.to_string()))??;
            let answer = exchange(asker, oauthbearer_message(&token.value, tokens.extensions())).await?;
            if answer.auth_bytes.is_empty() {
                return Ok(answer.session_lifetime_ms);
            }
            // The server says why in JSON, and fails the exchange once we have answered.
            let why = String::from_utf8_lossy(&answer.auth_bytes).into_owned();
            exchange(asker, OAUTHBEARER_GIVE_UP.to_vec()).await?;
            Err(ApiError::sasl(why))
        }
    }
}

async fn handshake(asker: &mut impl Ask, mechanism: &str) -> Result<(), ApiError> {
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_string(mechanism.to_string()));
    let answer = asker.ask(&request, 1).await?;
    let enabled: Vec<&str> = answer.mechanisms.iter().map(|m| m.as_str()).collect();
    let enabled = enabled.join(", ");
    match ErrorCode::from(answer.error_code) {
        ErrorCode::NONE => Ok(()),
        code @ ErrorCode::UNSUPPORTED_SASL_MECHANISM => Err(ApiError::with_text(
            code,
            format!(
                "Client SASL mechanism '{mechanism}' not enabled in the server, enabled mechanisms are [{enabled}]"
            ),
        )),
        code @ ErrorCode::ILLEGAL_SASL_STATE => Err(ApiError::with_text(
            code,
            format!(
                "Unexpected handshake request with client mechanism {mechanism}, enabled mechanisms are [{enabled}]"
            ),
        )),
        code => Err(ApiError::of_class(
            "org.apache.kafka.common.errors.IllegalSaslStateException",
            format!("Unknown error code {code}, client mechanism is {mechanism}, enabled mechanisms are [{enabled}]"),
        )),
    }
}

async fn exchange(asker: &mut impl Ask, token: Vec<u8>) -> Result<SaslAuthenticateResponse, ApiError> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(token));
    let answer = asker.ask(&request, 1).await?;
    ApiError::check(answer.error_code, answer.error_message.as_deref())?;
    Ok(answer)
}

fn failed(e: SaslError) -> ApiError {
    ApiError::sasl(e.0)
}
