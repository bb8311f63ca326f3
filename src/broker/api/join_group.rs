//! JoinGroup (11), v0-9. Takes a client into a classic group; the answer comes when the rebalance has gathered all members.

use bytes::Bytes;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse};

use crate::broker::group::classic::{JoinRequest, Protocol};
use crate::broker::request::{Operation, RequestContext, Resource};

/// v1 tells rebalance and session timeout apart.
const SEPARATE_REBALANCE_TIMEOUT: i16 = 1;
/// v4 makes new members come back with the id they are given (KIP-394).
const KNOWN_MEMBER_ID: i16 = 4;
/// v7 may answer without a protocol name.
const NULLABLE_PROTOCOL_NAME: i16 = 7;
/// v9 can tell a static leader to leave the assignment alone (KIP-814).
const SKIPPING_ASSIGNMENT: i16 = 9;

pub async fn handle(cx: &RequestContext, req: JoinGroupRequest) -> JoinGroupResponse {
    let version = cx.api_version;
    let response = match cx.authorize(Operation::Read, Resource::Group(&req.group_id)) {
        Ok(()) => {
            let sight = |topic: &str| cx.may(Operation::Describe, Resource::Topic(topic));
            let groups = cx.node.groups();
            groups.join_group(&req.group_id, request(cx, &req), &sight).await
        }
        Err(error) => JoinGroupResponse::default()
            .with_error_code(error.code.code())
            .with_generation_id(-1)
            .with_protocol_name(None)
            .with_member_id(req.member_id),
    };
    for_version(response, version)
}

/// Bytes that are kept are copied, so that a group does not hold on to whole requests.
fn request(cx: &RequestContext, req: &JoinGroupRequest) -> JoinRequest {
    let protocols = req.protocols.iter().map(|protocol| Protocol {
        name: protocol.name.to_string(),
        metadata: Bytes::copy_from_slice(&protocol.metadata),
    });
    JoinRequest {
        reply: 0,
        member_id: req.member_id.to_string(),
        instance_id: req.group_instance_id.as_ref().map(ToString::to_string),
        client_id: cx.client_id().to_owned(),
        client_host: cx.client_host(),
        session_timeout_ms: req.session_timeout_ms,
        rebalance_timeout_ms: if cx.api_version >= SEPARATE_REBALANCE_TIMEOUT {
            req.rebalance_timeout_ms
        } else {
            req.session_timeout_ms
        },
        protocol_type: req.protocol_type.to_string(),
        protocols: protocols.collect(),
        requires_known_member_id: cx.api_version >= KNOWN_MEMBER_ID,
        supports_skipping_assignment: cx.api_version >= SKIPPING_ASSIGNMENT,
    }
}

fn for_version(mut response: JoinGroupResponse, version: i16) -> JoinGroupResponse {
    if version < NULLABLE_PROTOCOL_NAME {
        response.protocol_name.get_or_insert_default();
    }
    response
}
