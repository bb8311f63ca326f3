//! SaslAuthenticate (36), v0-2. On SASL listeners connections answer it themselves; what comes here came in no state for
//! it.

use kafka_protocol::messages::{SaslAuthenticateRequest, SaslAuthenticateResponse};
use kafka_protocol::protocol::StrBytes;

use crate::broker::request::RequestContext;
use crate::wire::ErrorCode;

pub async fn handle(_cx: &RequestContext, _req: SaslAuthenticateRequest) -> SaslAuthenticateResponse {
    let why = "SaslAuthenticate request received after successful authentication";
    SaslAuthenticateResponse::default()
        .with_error_code(ErrorCode::ILLEGAL_SASL_STATE.code())
        .with_error_message(Some(StrBytes::from_static_str(why)))
}
