//! SyncGroup (14), v0-5. The leader of a classic group hands in the assignment, the others fetch theirs.

use bytes::Bytes;
use kafka_protocol::messages::{SyncGroupRequest, SyncGroupResponse};

use crate::broker::group::classic::SyncRequest;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::error::ErrorCode;

/// v5 must name the protocol, so that a member of another protocol's generation is noticed (KIP-559).
const NAMES_PROTOCOL: i16 = 5;

pub async fn handle(cx: &RequestContext, req: SyncGroupRequest) -> SyncGroupResponse {
    let error = |code: ErrorCode| SyncGroupResponse::default().with_error_code(code.code());
    if let Err(denied) = cx.authorize(Operation::Read, Resource::Group(&req.group_id)) {
        return error(denied.code);
    }
    if cx.api_version >= NAMES_PROTOCOL && (req.protocol_type.is_none() || req.protocol_name.is_none()) {
        return error(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    }
    let text = |text: &Option<kafka_protocol::protocol::StrBytes>| text.as_ref().map(ToString::to_string);
    let assignments = req
        .assignments
        .iter()
        .map(|a| (a.member_id.to_string(), Bytes::copy_from_slice(&a.assignment)));
    let request = SyncRequest {
        reply: 0,
        member_id: req.member_id.to_string(),
        instance_id: text(&req.group_instance_id),
        generation_id: req.generation_id,
        protocol_type: text(&req.protocol_type),
        protocol_name: text(&req.protocol_name),
        assignments: assignments.collect(),
    };
    cx.node.groups().sync_group(&req.group_id, request).await
}
