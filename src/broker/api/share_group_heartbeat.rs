//! ShareGroupHeartbeat (76), v1. The one request by which members of a share group join, stay, learn their assignment
//! and leave. KIP-932.
//!
//! A partition that no member of the group was ever assigned has no state with the share coordinator. It is begun here,
//! before the answer: Kafka answers first, and the member waits one heartbeat longer for its assignment.

use kafka_protocol::messages::share_group_heartbeat_response::{Assignment as WireAssignment, TopicPartitions};
use kafka_protocol::messages::{ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse};

use crate::broker::group::GroupError;
use crate::broker::group::consumer::Assignment;
use crate::broker::group::share::{ShareHeartbeat, ShareHeartbeatAnswer};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::share::manager::keys;
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: ShareGroupHeartbeatRequest) -> ShareGroupHeartbeatResponse {
    let member_id = req.member_id.clone();
    match heartbeat(cx, req).await {
        Ok(answer) => ShareGroupHeartbeatResponse::default()
            .with_member_id(Some(member_id))
            .with_member_epoch(answer.member_epoch)
            .with_heartbeat_interval_ms(answer.heartbeat_interval_ms)
            .with_assignment(answer.assignment.map(to_wire)),
        Err(error) => ShareGroupHeartbeatResponse::default()
            .with_error_code(error.code.code())
            .with_error_message(Some(error.message.into())),
    }
}

async fn heartbeat(cx: &RequestContext, req: ShareGroupHeartbeatRequest) -> Result<ShareHeartbeatAnswer, GroupError> {
    let group_id = req.group_id.clone();
    cx.authorize(Operation::Read, Resource::Group(&group_id))
        .map_err(|denied| GroupError::from(denied.code))?;
    let names = req.subscribed_topic_names.as_ref();
    for topic in names.into_iter().flatten() {
        cx.authorize(Operation::Describe, Resource::Topic(topic))
            .map_err(|_| GroupError::from(ErrorCode::TOPIC_AUTHORIZATION_FAILED))?;
    }
    let request = ShareHeartbeat {
        member_id: req.member_id.to_string(),
        member_epoch: req.member_epoch,
        rack_id: req.rack_id.map(|rack| rack.to_string()),
        subscribed_topic_names: names.map(|names| names.iter().map(|name| name.to_string()).collect()),
        client_id: cx.client_id().to_owned(),
        client_host: cx.client_host(),
    };
    request.validate(&group_id)?;
    let groups = cx.node.groups();
    let answer = groups.share_group_heartbeat(&group_id, &request).await?;
    if answer.to_initialize.is_empty() {
        return Ok(answer);
    }
    let begun = begin_states(cx, &group_id, &answer);
    groups
        .share_states_begun(&group_id, &answer.to_initialize, begun.is_ok())
        .await?;
    if begun.is_err() {
        // The next heartbeat tries again.
        return Ok(answer);
    }
    let again = ShareHeartbeat {
        member_epoch: answer.member_epoch,
        ..request
    };
    let next = groups.share_group_heartbeat(&group_id, &again).await?;
    Ok(ShareHeartbeatAnswer {
        assignment: next.assignment.or(answer.assignment),
        ..next
    })
}

fn begin_states(cx: &RequestContext, group_id: &str, answer: &ShareHeartbeatAnswer) -> Result<(), ErrorCode> {
    for key in keys(group_id, &answer.to_initialize) {
        cx.node.shares().begin_state(&key, answer.group_epoch, -1)?;
    }
    Ok(())
}

fn to_wire(assignment: Assignment) -> WireAssignment {
    let topics = assignment.into_iter().map(|(topic_id, partitions)| {
        TopicPartitions::default()
            .with_topic_id(topic_id)
            .with_partitions(partitions.into_iter().collect())
    });
    WireAssignment::default().with_topic_partitions(topics.collect())
}
