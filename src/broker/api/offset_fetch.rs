//! OffsetFetch (9), v1-9. The committed offsets of a group, since v8 of several; -1 where there is none, also for a group
//! that does not exist. With `require_stable` (v7) a partition whose offset an open transaction is about to change is an
//! error that clients retry (KIP-447).

use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};
use kafka_protocol::protocol::StrBytes;

use crate::broker::group::offsets::TopicOffsets;
use crate::broker::group::records::OffsetAndMetadata;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::error::ErrorCode;

/// v2 has an error for the whole group.
const GROUP_ERROR: i16 = 2;
/// v8 asks for several groups.
const SEVERAL_GROUPS: i16 = 8;

pub async fn handle(cx: &RequestContext, req: OffsetFetchRequest) -> OffsetFetchResponse {
    if cx.api_version >= SEVERAL_GROUPS {
        let groups = req.groups.iter().map(|group| fetch(cx, group, req.require_stable));
        return OffsetFetchResponse::default().with_groups(groups.collect());
    }
    let topics = req.topics.map(|topics| {
        let topics = topics.into_iter().map(|topic| {
            OffsetFetchRequestTopics::default()
                .with_name(topic.name)
                .with_partition_indexes(topic.partition_indexes)
        });
        topics.collect()
    });
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(req.group_id)
        .with_topics(topics)
        .with_member_epoch(-1);
    single(fetch(cx, &group, req.require_stable), &group, cx.api_version)
}

fn fetch(cx: &RequestContext, group: &OffsetFetchRequestGroup, require_stable: bool) -> OffsetFetchResponseGroup {
    let response = OffsetFetchResponseGroup::default().with_group_id(group.group_id.clone());
    if let Err(denied) = cx.authorize(Operation::Describe, Resource::Group(&group.group_id)) {
        return response.with_error_code(denied.code.code());
    }
    let may_see = |topic: &str| cx.authorize(Operation::Describe, Resource::Topic(topic)).is_ok();
    let member = (group.member_id.as_deref().unwrap_or_default(), group.member_epoch);
    let fetched = cx
        .node
        .groups()
        .fetch_offsets(&group.group_id, member, |offsets, is_pending| {
            let is_unstable = |topic: &str, partition| require_stable && is_pending(topic, partition);
            match &group.topics {
                Some(topics) => topics
                    .iter()
                    .map(|topic| asked(offsets, topic, may_see(&topic.name), &is_unstable))
                    .collect(),
                None => offsets
                    .into_iter()
                    .flatten()
                    .filter(|(topic, _)| may_see(topic))
                    .map(|of_topic| all_of_topic(of_topic, &is_unstable))
                    .collect(),
            }
        });
    match fetched {
        Ok(topics) => response.with_topics(topics),
        Err(code) => response.with_error_code(code.code()),
    }
}

fn asked(
    offsets: Option<&TopicOffsets>,
    topic: &OffsetFetchRequestTopics,
    visible: bool,
    is_unstable: &dyn Fn(&str, i32) -> bool,
) -> OffsetFetchResponseTopics {
    let known = offsets
        .and_then(|topics| topics.get(topic.name.as_str()))
        .filter(|_| visible);
    let partitions = topic.partition_indexes.iter().map(|index| {
        if visible && is_unstable(&topic.name, *index) {
            return unstable(*index);
        }
        let answer = partition(*index, known.and_then(|partitions| partitions.get(index)));
        if visible {
            answer
        } else {
            answer.with_error_code(ErrorCode::TOPIC_AUTHORIZATION_FAILED.code())
        }
    });
    OffsetFetchResponseTopics::default()
        .with_name(topic.name.clone())
        .with_partitions(partitions.collect())
}

fn all_of_topic(
    (topic, partitions): (&String, &std::collections::BTreeMap<i32, OffsetAndMetadata>),
    is_unstable: &dyn Fn(&str, i32) -> bool,
) -> OffsetFetchResponseTopics {
    let name = StrBytes::from_string(topic.clone());
    let partitions = partitions.iter().map(|(index, offset)| {
        if is_unstable(topic, *index) {
            unstable(*index)
        } else {
            partition(*index, Some(offset))
        }
    });
    OffsetFetchResponseTopics::default()
        .with_name(name.into())
        .with_partitions(partitions.collect())
}

fn partition(index: i32, offset: Option<&OffsetAndMetadata>) -> OffsetFetchResponsePartitions {
    let metadata = offset.map_or_else(String::new, |offset| offset.metadata.clone());
    OffsetFetchResponsePartitions::default()
        .with_partition_index(index)
        .with_committed_offset(offset.map_or(-1, |offset| offset.offset))
        .with_committed_leader_epoch(offset.map_or(-1, |offset| offset.leader_epoch))
        .with_metadata(Some(metadata.into()))
}

fn unstable(index: i32) -> OffsetFetchResponsePartitions {
    partition(index, None).with_error_code(ErrorCode::UNSTABLE_OFFSET_COMMIT.code())
}

/// The one group of versions before v8. v1 has nowhere to put the group's error but its partitions.
fn single(response: OffsetFetchResponseGroup, asked: &OffsetFetchRequestGroup, version: i16) -> OffsetFetchResponse {
    if response.error_code != 0 && version < GROUP_ERROR {
        let topics = asked.topics.iter().flatten().map(|topic| {
            let partitions = topic.partition_indexes.iter().map(|index| {
                OffsetFetchResponsePartition::default()
                    .with_partition_index(*index)
                    .with_committed_offset(-1)
                    .with_metadata(Some(StrBytes::new()))
                    .with_error_code(response.error_code)
            });
            OffsetFetchResponseTopic::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions.collect())
        });
        return OffsetFetchResponse::default().with_topics(topics.collect());
    }
    let topics = response.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            OffsetFetchResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_committed_offset(partition.committed_offset)
                .with_committed_leader_epoch(partition.committed_leader_epoch)
                .with_metadata(partition.metadata)
                .with_error_code(partition.error_code)
        });
        OffsetFetchResponseTopic::default()
            .with_name(topic.name)
            .with_partitions(partitions.collect())
    });
    let topics = topics.collect();
    OffsetFetchResponse::default()
        .with_error_code(response.error_code)
        .with_topics(topics)
}
