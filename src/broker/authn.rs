//! Who is on a connection: SASL on listeners that ask for it (Kafka: `SaslServerAuthenticator`).

use bytes::Bytes;

use super::connection::ConnectionError;
use super::node::Node;
use super::request::RequestContext;

/// The state of authentication on one connection.
#[derive(Debug, Default)]
pub struct Authentication {
    principal: Option<String>,
    failure: Option<String>,
}

impl Authentication {
    /// For listeners without SASL.
    pub fn none() -> Self {
        Self::default()
    }

    /// A bare token between SaslHandshake v0 and its end.
    pub fn handle_raw_token(&mut self, _node: &Node, _frame: &Bytes) -> Option<Result<Bytes, ConnectionError>> {
        None
    }

    /// Answers a request that belongs to authentication; `None` leaves it to the ordinary handlers.
    ///
    /// # Errors
    /// A request that nobody may send before authentication.
    pub fn handle(&mut self, _cx: &RequestContext, _body: &Bytes) -> Result<Option<Bytes>, ConnectionError> {
        Ok(None)
    }

    /// The principal, once after authentication.
    pub fn take_principal(&mut self) -> Option<String> {
        self.principal.take()
    }

    /// Why the connection must end.
    pub fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }
}
