//! RenewDelegationToken (39), v1-2: the owner or a renewer has a token live on, within its longest life. KIP-48.

use kafka_protocol::messages::{RenewDelegationTokenRequest, RenewDelegationTokenResponse};

use crate::broker::metadata::MetadataRecord;
use crate::broker::request::RequestContext;
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: RenewDelegationTokenRequest) -> RenewDelegationTokenResponse {
    match renew(cx, &req) {
        Ok(at) => RenewDelegationTokenResponse::default().with_expiry_timestamp_ms(at),
        Err(code) => RenewDelegationTokenResponse::default()
            .with_error_code(code.code())
            .with_expiry_timestamp_ms(-1),
    }
}

fn renew(cx: &RequestContext, req: &RenewDelegationTokenRequest) -> Result<i64, ErrorCode> {
    cx.check_token_request()?;
    let tokens = cx.node.tokens().ok_or(ErrorCode::DELEGATION_TOKEN_AUTH_DISABLED)?;
    let asked = (&*req.hmac, req.renew_period_ms);
    let renewed = cx.node.controller().change(|image| {
        let token = tokens.renew(image, asked, cx.principal(), cx.node.now_ms())?;
        let at = token.expiration_timestamp;
        Ok((vec![MetadataRecord::DelegationToken(token)], at))
    });
    renewed.map_err(|e| e.code)
}
