//! DescribeShareGroupOffsets (90), v0-1. Where share groups stand in partitions; v1 tells the lag (KIP-1226).

use std::collections::BTreeSet;

use kafka_protocol::messages::describe_share_group_offsets_request::DescribeShareGroupOffsetsRequestGroup as Group;
use uuid::Uuid;

use super::shared::{text, topic_name};
use crate::broker::group::share::NamedAssignment;
use crate::broker::metadata::{ApiError, MetadataImage};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::share::coordinator::ShareKey;
use crate::wire::ErrorCode;
use crate::wire::share::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse, DescribedOffsets, DescribedPartition,
    DescribedTopic,
};

pub async fn handle(cx: &RequestContext, req: DescribeShareGroupOffsetsRequest) -> DescribeShareGroupOffsetsResponse {
    let groups = req.0.groups.iter().map(|group| {
        let described = describe(cx, group);
        let (topics, error) = match described {
            Ok(topics) => (topics, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        DescribedOffsets {
            group_id: group.group_id.clone(),
            topics,
            error_code: error.as_ref().map_or(0, |e| e.code.code()),
            error_message: error.map(|e| text(&e.text())),
        }
    });
    DescribeShareGroupOffsetsResponse {
        groups: groups.collect(),
        ..DescribeShareGroupOffsetsResponse::default()
    }
}

fn describe(cx: &RequestContext, group: &Group) -> Result<Vec<DescribedTopic>, ApiError> {
    let group_id = group.group_id.as_str();
    cx.authorize(Operation::Describe, Resource::Group(group_id))?;
    let known = cx.node.groups().describe_group(group_id, |group| match group {
        Some(crate::broker::group::shard::Group::Share(group)) => Ok(group.initialized_partitions().clone()),
        Some(_) => Err(format!("Group {group_id} is not a share group.")),
        None => Err(format!("Group {group_id} not found.")),
    });
    let known: NamedAssignment = known?.map_err(|why| ApiError::new(ErrorCode::GROUP_ID_NOT_FOUND, why))?;
    let image = cx.image();
    let may_see = |topic: &str| cx.authorize(Operation::Describe, Resource::Topic(topic)).is_ok();
    let Some(topics) = &group.topics else {
        let seen = known.iter().filter(|(_, (name, _))| may_see(name));
        let described = seen.map(|(id, (name, partitions))| {
            let partitions = partitions.iter().map(|p| partition(cx, group_id, (*id, name), *p));
            described_topic(name, *id, partitions.collect())
        });
        return Ok(described.collect());
    };
    let described = topics.iter().map(|topic| {
        let name = topic.topic_name.as_str();
        let of = |partition: fn(i32, ErrorCode) -> DescribedPartition, code| {
            let all = topic.partitions.iter().map(|p| partition(*p, code));
            described_topic(name, Uuid::nil(), all.collect())
        };
        if !may_see(name) {
            return of(failed, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
        }
        let Some(found) = image.topic(name) else {
            return of(failed, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        };
        let wanted: BTreeSet<i32> = topic.partitions.iter().copied().collect();
        let all = wanted
            .iter()
            .map(|p| partition_of(cx, &image, group_id, (found.id, name), *p));
        described_topic(name, found.id, all.collect())
    });
    Ok(described.collect())
}

fn described_topic(name: &str, topic_id: Uuid, partitions: Vec<DescribedPartition>) -> DescribedTopic {
    DescribedTopic {
        topic_name: topic_name(name),
        topic_id,
        partitions,
    }
}

fn failed(partition_index: i32, code: ErrorCode) -> DescribedPartition {
    DescribedPartition {
        partition_index,
        error_code: code.code(),
        error_message: Some(text(code.message())),
        ..DescribedPartition::default()
    }
}

fn partition_of(
    cx: &RequestContext,
    image: &MetadataImage,
    group_id: &str,
    topic: (Uuid, &str),
    index: i32,
) -> DescribedPartition {
    match image.partition(topic.1, index) {
        Some(_) => partition(cx, group_id, topic, index),
        None => failed(index, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    }
}

fn partition(cx: &RequestContext, group_id: &str, (topic_id, name): (Uuid, &str), index: i32) -> DescribedPartition {
    let key = ShareKey {
        group_id: group_id.to_owned(),
        topic_id,
        partition: index,
    };
    let state = match cx.node.shares().coordinator().and_then(|c| c.summary(&key)) {
        Ok(state) => state,
        Err(code) => return failed(index, code),
    };
    let mut described = DescribedPartition {
        partition_index: index,
        ..DescribedPartition::default()
    };
    if let Some(state) = state {
        described.start_offset = state.start_offset;
        described.leader_epoch = state.leader_epoch;
        let end = cx
            .leader(name, index)
            .and_then(|partition| Ok(partition.log()?.high_watermark()));
        if let Ok(end) = end
            && state.start_offset >= 0
            && state.delivery_complete_count >= 0
        {
            let done = i64::from(state.delivery_complete_count);
            described.lag = (end - state.start_offset - done).max(0);
        }
    }
    described
}
