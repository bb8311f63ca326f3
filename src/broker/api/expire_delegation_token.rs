//! ExpireDelegationToken (40), v1-2: the owner or a renewer ends a token, at once or sooner than it would. KIP-48.

use kafka_protocol::messages::{ExpireDelegationTokenRequest, ExpireDelegationTokenResponse};

use crate::broker::request::RequestContext;
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: ExpireDelegationTokenRequest) -> ExpireDelegationTokenResponse {
    match expire(cx, &req) {
        Ok(at) => ExpireDelegationTokenResponse::default().with_expiry_timestamp_ms(at),
        Err(code) => ExpireDelegationTokenResponse::default()
            .with_error_code(code.code())
            .with_expiry_timestamp_ms(-1),
    }
}

fn expire(cx: &RequestContext, req: &ExpireDelegationTokenRequest) -> Result<i64, ErrorCode> {
    cx.check_token_request()?;
    let tokens = cx.node.tokens().ok_or(ErrorCode::DELEGATION_TOKEN_AUTH_DISABLED)?;
    let asked = (&*req.hmac, req.expiry_time_period_ms);
    let expired = cx.node.controller().change(|image| {
        let (record, at) = tokens.expire(image, asked, cx.principal(), cx.node.now_ms())?;
        Ok((vec![record], at))
    });
    expired.map_err(|e| e.code)
}
