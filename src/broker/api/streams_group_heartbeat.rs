//! StreamsGroupHeartbeat (88), v0. The one request by which members of a streams group join, stay, learn their tasks, tell
//! what they have given back, and leave. KIP-1071.
//!
//! Internal topics that are missing are made here, before the answer: Kafka makes them meanwhile, and the member waits
//! one heartbeat longer for its tasks.

use std::collections::BTreeMap;

use kafka_protocol::protocol::StrBytes;

use super::shared::{text, topic_name};
use crate::broker::group::GroupError;
use crate::broker::group::streams::tasks::{TaskSet, from_wire, to_wire};
use crate::broker::group::streams::topology::{InternalTopic, MISSING_INTERNAL_TOPICS};
use crate::broker::group::streams::{StreamsHeartbeat, StreamsHeartbeatAnswer};
use crate::broker::metadata::ApiError;
use crate::broker::metadata::topics::{self, NewTopic};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;
use crate::wire::streams::{
    EndpointToPartitions, Status, StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, TaskIds, TopicPartition,
};

/// How often members tell how far their tasks have got. Kafka's default; nothing here sets it.
const TASK_OFFSET_INTERVAL_MS: i32 = 60_000;
/// A standby that is no further behind than this counts as caught up. Kafka's default, too.
const ACCEPTABLE_RECOVERY_LAG: i32 = 10_000;

pub async fn handle(cx: &RequestContext, req: StreamsGroupHeartbeatRequest) -> StreamsGroupHeartbeatResponse {
    let member_id = req.member_id.clone();
    match heartbeat(cx, req).await {
        Ok(answer) => to_response(member_id, answer),
        Err(error) => StreamsGroupHeartbeatResponse {
            error_code: error.code.code(),
            error_message: Some(error.message.into()),
            ..StreamsGroupHeartbeatResponse::default()
        },
    }
}

async fn heartbeat(
    cx: &RequestContext,
    req: StreamsGroupHeartbeatRequest,
) -> Result<StreamsHeartbeatAnswer, GroupError> {
    let group_id = req.group_id.clone();
    cx.authorize(Operation::Read, Resource::Group(&group_id))
        .map_err(|denied| GroupError::from(denied.code))?;
    check_topics(cx, &req)?;
    let request = request(cx, req);
    request.validate(&group_id)?;
    let groups = cx.node.groups();
    let answer = groups.streams_group_heartbeat(&group_id, &request).await?;
    if answer.missing_topics.is_empty() {
        return Ok(answer);
    }
    let failed: Vec<String> = answer
        .missing_topics
        .iter()
        .filter_map(|topic| Some(format!("{}: {}", topic.name, create(cx, topic).err()?.text())))
        .collect();
    if !failed.is_empty() {
        let mut answer = answer;
        let told = answer
            .status
            .iter_mut()
            .find(|(code, _)| *code == MISSING_INTERNAL_TOPICS);
        if let Some((_, detail)) = told {
            *detail = format!("{detail}; Creation failed: {}.", failed.join("; "));
        }
        return Ok(answer);
    }
    let again = StreamsHeartbeat {
        member_epoch: answer.member_epoch,
        ..request
    };
    let next = groups.streams_group_heartbeat(&group_id, &again).await?;
    Ok(StreamsHeartbeatAnswer {
        tasks: next.tasks.or(answer.tasks),
        ..next
    })
}

/// All topics of a topology must be visible.
fn check_topics(cx: &RequestContext, req: &StreamsGroupHeartbeatRequest) -> Result<(), GroupError> {
    let subtopologies = req.topology.0.iter().flat_map(|topology| &topology.subtopologies);
    for subtopology in subtopologies {
        let named = subtopology
            .source_topics
            .iter()
            .chain(&subtopology.repartition_sink_topics);
        let internal = subtopology.repartition_source_topics.iter().map(|info| &info.name);
        let changelogs = subtopology.state_changelog_topics.iter().map(|info| &info.name);
        for topic in named.chain(internal).chain(changelogs) {
            cx.authorize(Operation::Describe, Resource::Topic(topic))
                .map_err(|_| GroupError::from(ErrorCode::TOPIC_AUTHORIZATION_FAILED))?;
        }
    }
    Ok(())
}

fn request(cx: &RequestContext, req: StreamsGroupHeartbeatRequest) -> StreamsHeartbeat {
    let owned = match (&req.active_tasks, &req.standby_tasks, &req.warmup_tasks) {
        (None, None, None) => None,
        (active, standby, warmup) => {
            let tasks = |tasks: &Option<Vec<TaskIds>>| from_wire(tasks.as_deref().unwrap_or_default());
            Some(TaskSet {
                active: tasks(active),
                standby: tasks(standby),
                warmup: tasks(warmup),
            })
        }
    };
    StreamsHeartbeat {
        member_id: req.member_id.to_string(),
        member_epoch: req.member_epoch,
        endpoint_epoch: req.endpoint_information_epoch,
        instance_id: req.instance_id,
        rack_id: req.rack_id,
        rebalance_timeout_ms: req.rebalance_timeout_ms,
        topology: req.topology.0,
        owned,
        process_id: req.process_id,
        user_endpoint: req.user_endpoint.0,
        client_tags: req.client_tags,
        task_offsets: req.task_offsets,
        task_end_offsets: req.task_end_offsets,
        shutdown_application: req.shutdown_application,
        client_id: cx.client_id().to_owned(),
        client_host: cx.client_host(),
    }
}

fn create(cx: &RequestContext, topic: &InternalTopic) -> Result<(), ApiError> {
    let may_create = cx.authorize(Operation::Create, Resource::Cluster);
    if may_create.is_err() {
        cx.authorize(Operation::Create, Resource::Topic(&topic.name))?;
    }
    let config = cx.node.config();
    let new = NewTopic {
        name: topic.name.clone(),
        partitions: topic.partitions,
        replication_factor: if topic.replication_factor > 0 {
            topic.replication_factor
        } else {
            -1
        },
        configs: topic.configs.iter().cloned().collect(),
        ..NewTopic::default()
    };
    cx.node.controller().change(|image| {
        if image.topic(&new.name).is_some() {
            return Ok((Vec::new(), ()));
        }
        Ok((topics::create(image, &config, &new)?.records, ()))
    })
}

fn to_response(member_id: StrBytes, answer: StreamsHeartbeatAnswer) -> StreamsGroupHeartbeatResponse {
    let status = answer.status.into_iter().map(|(status_code, detail)| Status {
        status_code,
        status_detail: detail.into(),
    });
    let status: Vec<Status> = status.collect();
    let topics = |topics: BTreeMap<String, Vec<i32>>| -> Vec<TopicPartition> {
        let topic = |(name, partitions): (String, Vec<i32>)| TopicPartition {
            topic: topic_name(&name),
            partitions,
        };
        topics.into_iter().map(topic).collect()
    };
    let queryable = answer.queryable.map(|all| {
        let one = all
            .into_iter()
            .map(|(user_endpoint, active, standby)| EndpointToPartitions {
                user_endpoint,
                active_partitions: topics(active),
                standby_partitions: topics(standby),
            });
        one.collect()
    });
    let tasks = answer.tasks.as_ref();
    StreamsGroupHeartbeatResponse {
        member_id: text(&member_id),
        member_epoch: answer.member_epoch,
        heartbeat_interval_ms: answer.heartbeat_interval_ms,
        acceptable_recovery_lag: ACCEPTABLE_RECOVERY_LAG,
        task_offset_interval_ms: TASK_OFFSET_INTERVAL_MS,
        status: (!status.is_empty()).then_some(status),
        active_tasks: tasks.map(|tasks| to_wire(&tasks.active)),
        standby_tasks: tasks.map(|tasks| to_wire(&tasks.standby)),
        warmup_tasks: tasks.map(|tasks| to_wire(&tasks.warmup)),
        endpoint_information_epoch: answer.endpoint_epoch,
        partitions_by_user_endpoint: queryable,
        ..StreamsGroupHeartbeatResponse::default()
    }
}
