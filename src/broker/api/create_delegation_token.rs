//! CreateDelegationToken (38), v1-3: a token with which others log in as the owner. KIP-48, KIP-373 (for other owners).

use bytes::Bytes;
use kafka_protocol::messages::{CreateDelegationTokenRequest, CreateDelegationTokenResponse};

use super::shared::{principal_parts, text};
use crate::broker::metadata::MetadataRecord;
use crate::broker::metadata::record::DelegationTokenRecord;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::token::NewToken;
use crate::wire::ErrorCode;

/// v3 tells who asked for the token.
const REQUESTER: i16 = 3;

pub async fn handle(cx: &RequestContext, req: CreateDelegationTokenRequest) -> CreateDelegationTokenResponse {
    let owner = match req.owner_principal_name.as_deref().unwrap_or_default() {
        "" => cx.principal().to_owned(),
        name => format!("{}:{name}", req.owner_principal_type.as_deref().unwrap_or_default()),
    };
    let (owner_type, owner_name) = principal_parts(&owner);
    let (requester_type, requester_name) = principal_parts(cx.principal());
    let mut answer = CreateDelegationTokenResponse::default()
        .with_principal_type(text(owner_type))
        .with_principal_name(text(owner_name));
    if cx.api_version >= REQUESTER {
        answer.token_requester_principal_type = text(requester_type);
        answer.token_requester_principal_name = text(requester_name);
    }
    match create(cx, &req, &owner) {
        Ok((token, hmac)) => answer
            .with_issue_timestamp_ms(token.issue_timestamp)
            .with_expiry_timestamp_ms(token.expiration_timestamp)
            .with_max_timestamp_ms(token.max_timestamp)
            .with_token_id(text(&token.token_id))
            .with_hmac(Bytes::from(hmac)),
        Err(code) => answer
            .with_error_code(code.code())
            .with_issue_timestamp_ms(-1)
            .with_expiry_timestamp_ms(-1)
            .with_max_timestamp_ms(-1),
    }
}

fn create(
    cx: &RequestContext,
    req: &CreateDelegationTokenRequest,
    owner: &str,
) -> Result<(DelegationTokenRecord, Vec<u8>), ErrorCode> {
    cx.check_token_request()?;
    if owner != cx.principal() {
        cx.authorize(Operation::CreateTokens, Resource::User(owner))
            .map_err(|e| e.code)?;
    }
    if req.renewers.iter().any(|r| r.principal_type.as_str() != "User") {
        return Err(ErrorCode::INVALID_PRINCIPAL_TYPE);
    }
    let tokens = cx.node.tokens().ok_or(ErrorCode::DELEGATION_TOKEN_AUTH_DISABLED)?;
    let renewers = req.renewers.iter();
    let token = tokens.create(
        NewToken {
            owner: owner.to_owned(),
            requester: cx.principal().to_owned(),
            renewers: renewers
                .map(|r| format!("{}:{}", r.principal_type, r.principal_name))
                .collect(),
            max_lifetime_ms: req.max_lifetime_ms,
        },
        cx.node.now_ms(),
    );
    let record = MetadataRecord::DelegationToken(token.clone());
    cx.node
        .controller()
        .change(|_| Ok((vec![record], ())))
        .map_err(|e| e.code)?;
    let hmac = tokens.hmac(&token.token_id);
    Ok((token, hmac))
}
