//! DescribeDelegationToken (41), v1-3: the tokens the client owns, asked for or may renew, and others it may see. KIP-48.

use bytes::Bytes;
use kafka_protocol::messages::describe_delegation_token_response::{
    DescribedDelegationToken, DescribedDelegationTokenRenewer,
};
use kafka_protocol::messages::{DescribeDelegationTokenRequest, DescribeDelegationTokenResponse};

use super::shared::{principal_parts, text};
use crate::broker::metadata::record::DelegationTokenRecord;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::token::Tokens;
use crate::wire::ErrorCode;

/// v3 tells who asked for a token.
const REQUESTER: i16 = 3;

pub async fn handle(cx: &RequestContext, req: DescribeDelegationTokenRequest) -> DescribeDelegationTokenResponse {
    match describe(cx, &req) {
        Ok(tokens) => DescribeDelegationTokenResponse::default().with_tokens(tokens),
        Err(code) => DescribeDelegationTokenResponse::default().with_error_code(code.code()),
    }
}

fn describe(
    cx: &RequestContext,
    req: &DescribeDelegationTokenRequest,
) -> Result<Vec<DescribedDelegationToken>, ErrorCode> {
    cx.check_token_request()?;
    let tokens = cx.node.tokens().ok_or(ErrorCode::DELEGATION_TOKEN_AUTH_DISABLED)?;
    let owners: Option<Vec<String>> = req.owners.as_ref().map(|owners| {
        let principals = owners.iter();
        principals
            .map(|o| format!("{}:{}", o.principal_type, o.principal_name))
            .collect()
    });
    let image = cx.image();
    let visible = image.tokens.values().filter(|t| may_see(cx, t, owners.as_deref()));
    Ok(visible.map(|t| row(cx, tokens, t)).collect())
}

/// Asked for certain owners, only their tokens; of those the client's own, and what it may describe.
fn may_see(cx: &RequestContext, token: &DelegationTokenRecord, owners: Option<&[String]>) -> bool {
    if owners.is_some_and(|owners| !owners.iter().any(|o| token.concerns(o))) {
        return false;
    }
    let may_describe = |owner: &String| cx.may(Operation::DescribeTokens, Resource::User(owner));
    token.concerns(cx.principal())
        || cx.may(Operation::Describe, Resource::DelegationToken(&token.token_id))
        || owners.is_some_and(|owners| owners.iter().any(may_describe))
}

fn row(cx: &RequestContext, tokens: &Tokens, token: &DelegationTokenRecord) -> DescribedDelegationToken {
    let renewer = |principal: &String| {
        let (kind, name) = principal_parts(principal);
        DescribedDelegationTokenRenewer::default()
            .with_principal_type(text(kind))
            .with_principal_name(text(name))
    };
    let (kind, name) = principal_parts(&token.owner);
    let mut row = DescribedDelegationToken::default()
        .with_principal_type(text(kind))
        .with_principal_name(text(name))
        .with_issue_timestamp(token.issue_timestamp)
        .with_expiry_timestamp(token.expiration_timestamp)
        .with_max_timestamp(token.max_timestamp)
        .with_token_id(text(&token.token_id))
        .with_hmac(Bytes::from(tokens.hmac(&token.token_id)))
        .with_renewers(token.renewers.iter().map(renewer).collect());
    if cx.api_version >= REQUESTER {
        let (kind, name) = principal_parts(&token.requester);
        row.token_requester_principal_type = text(kind);
        row.token_requester_principal_name = text(name);
    }
    row
}
