//! ConsumerGroupHeartbeat (68), v0-1. The one request by which members of the consumer protocol join, stay, learn their
//! assignment, tell what they have given back, and leave. KIP-848.

use kafka_protocol::messages::consumer_group_heartbeat_response::{Assignment as WireAssignment, TopicPartitions};
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use uuid::Uuid;

use super::shared::may_describe_all;
use crate::broker::group::GroupError;
use crate::broker::group::consumer::{Assignment, HeartbeatAnswer, HeartbeatRequest, JOIN_EPOCH};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

/// Since v1 clients make their member ids themselves.
const CLIENT_MAKES_IDS: i16 = 1;

pub async fn handle(cx: &RequestContext, req: ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse {
    match heartbeat(cx, req).await {
        Ok(answer) => ConsumerGroupHeartbeatResponse::default()
            .with_member_id(Some(answer.member_id.into()))
            .with_member_epoch(answer.member_epoch)
            .with_heartbeat_interval_ms(answer.heartbeat_interval_ms)
            .with_assignment(answer.assignment.map(to_wire)),
        Err(error) => ConsumerGroupHeartbeatResponse::default()
            .with_error_code(error.code.code())
            .with_error_message(Some(error.message.into())),
    }
}

async fn heartbeat(cx: &RequestContext, req: ConsumerGroupHeartbeatRequest) -> Result<HeartbeatAnswer, GroupError> {
    let group_id = req.group_id.clone();
    cx.authorize(Operation::Read, Resource::Group(&group_id))
        .map_err(|denied| GroupError::from(denied.code))?;
    let subscribed = req.subscribed_topic_names.iter().flatten();
    if !may_describe_all(cx, subscribed.map(|name| name.as_str())) {
        return Err(GroupError::from(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    }
    let client_makes_ids = cx.api_version >= CLIENT_MAKES_IDS;
    let mut request = request(cx, req);
    request.validate(&group_id, client_makes_ids)?;
    if request.member_id.is_empty() && request.member_epoch == JOIN_EPOCH {
        request.member_id = Uuid::new_v4().to_string();
    }
    // A regular expression names no topics: who may not describe one is not told that it matches.
    let sight = |topic: &str| cx.may(Operation::Describe, Resource::Topic(topic));
    cx.node
        .groups()
        .consumer_group_heartbeat(&group_id, &request, &sight)
        .await
}

fn request(cx: &RequestContext, req: ConsumerGroupHeartbeatRequest) -> HeartbeatRequest {
    let text = |text: Option<kafka_protocol::protocol::StrBytes>| text.map(|text| text.to_string());
    let owned = req.topic_partitions.map(|topics| {
        let mut owned = Assignment::new();
        for topic in topics {
            owned.entry(topic.topic_id).or_default().extend(topic.partitions);
        }
        owned
    });
    HeartbeatRequest {
        member_id: req.member_id.to_string(),
        member_epoch: req.member_epoch,
        instance_id: text(req.instance_id),
        rack_id: text(req.rack_id),
        rebalance_timeout_ms: req.rebalance_timeout_ms,
        subscribed_topic_names: req
            .subscribed_topic_names
            .map(|names| names.iter().map(|n| n.to_string()).collect()),
        subscribed_topic_regex: text(req.subscribed_topic_regex),
        server_assignor: text(req.server_assignor),
        owned,
        client_id: cx.client_id().to_owned(),
        client_host: cx.client_host(),
    }
}

fn to_wire(assignment: Assignment) -> WireAssignment {
    let topics = assignment.into_iter().map(|(topic_id, partitions)| {
        TopicPartitions::default()
            .with_topic_id(topic_id)
            .with_partitions(partitions.into_iter().collect())
    });
    WireAssignment::default().with_topic_partitions(topics.collect())
}
