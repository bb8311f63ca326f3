//! SaslHandshake (17), v0-1. On SASL listeners [`crate::broker`]'s connections answer it themselves; what comes here came
//! in no state for it.

use kafka_protocol::messages::{SaslHandshakeRequest, SaslHandshakeResponse};

use crate::broker::request::RequestContext;
use crate::wire::ErrorCode;

pub async fn handle(_cx: &RequestContext, _req: SaslHandshakeRequest) -> SaslHandshakeResponse {
    SaslHandshakeResponse::default().with_error_code(ErrorCode::ILLEGAL_SASL_STATE.code())
}
