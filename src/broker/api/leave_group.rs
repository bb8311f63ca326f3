//! LeaveGroup (13), v0-5. Takes members out of a group; since v3 several at once, also by instance id alone (KIP-345).

use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};

use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::error::ErrorCode;

/// v3 names members in a list, and answers for each.
const MEMBER_LIST: i16 = 3;

pub async fn handle(cx: &RequestContext, req: LeaveGroupRequest) -> LeaveGroupResponse {
    let error = |code: ErrorCode| LeaveGroupResponse::default().with_error_code(code.code());
    if let Err(denied) = cx.authorize(Operation::Read, Resource::Group(&req.group_id)) {
        return error(denied.code);
    }
    if cx.api_version < MEMBER_LIST {
        let member = [(req.member_id.to_string(), None)];
        return match cx.node.groups().leave_group(&req.group_id, &member).await {
            Ok(results) => error(code_of(results.first().copied().unwrap_or(Ok(())))),
            Err(code) => error(code),
        };
    }
    let members: Vec<_> = req
        .members
        .iter()
        .map(|member| {
            (
                member.member_id.to_string(),
                member.group_instance_id.as_ref().map(ToString::to_string),
            )
        })
        .collect();
    match cx.node.groups().leave_group(&req.group_id, &members).await {
        Err(code) => error(code),
        Ok(results) => {
            let responses = req.members.into_iter().zip(results).map(|(member, result)| {
                MemberResponse::default()
                    .with_member_id(member.member_id)
                    .with_group_instance_id(member.group_instance_id)
                    .with_error_code(code_of(result).code())
            });
            LeaveGroupResponse::default().with_members(responses.collect())
        }
    }
}

fn code_of(result: Result<(), ErrorCode>) -> ErrorCode {
    result.err().unwrap_or(ErrorCode::NONE)
}
