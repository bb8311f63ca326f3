//! Heartbeat (12), v0-4. Keeps the session of a classic group's member; REBALANCE_IN_PROGRESS calls it to join again.

use kafka_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::error::ErrorCode;

pub async fn handle(cx: &RequestContext, req: HeartbeatRequest) -> HeartbeatResponse {
    let code = heartbeat(cx, &req).await.err().unwrap_or(ErrorCode::NONE);
    HeartbeatResponse::default().with_error_code(code.code())
}

async fn heartbeat(cx: &RequestContext, req: &HeartbeatRequest) -> Result<(), ErrorCode> {
    cx.authorize(Operation::Read, Resource::Group(&req.group_id))
        .map_err(|denied| denied.code)?;
    let member = (&*req.member_id, req.group_instance_id.as_deref());
    cx.node
        .groups()
        .heartbeat(&req.group_id, member, req.generation_id)
        .await
}
