//! OffsetFetch (9), v1-10. The committed offsets of a group, since v8 of several; -1 where there is none, also for a group
//! that does not exist. v10 names topics by their ids (KIP-848): a topic of the same name that came later has no offsets. With `require_stable` (v7) a partition whose offset an open transaction is about to change is an
//! error that clients retry (KIP-447).

use std::collections::BTreeMap;

use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{OffsetFetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::shared::{TOPIC_IDS_IN_OFFSETS, resolve_topic, topic_name};
use crate::broker::group::offsets::TopicOffsets;
use crate::broker::group::records::OffsetAndMetadata;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::error::ErrorCode;
use crate::wire::offsets::OffsetFetchRequest;

/// v2 has an error for the whole group.
const GROUP_ERROR: i16 = 2;
/// v8 asks for several groups.
const SEVERAL_GROUPS: i16 = 8;

pub async fn handle(cx: &RequestContext, OffsetFetchRequest(req): OffsetFetchRequest) -> OffsetFetchResponse {
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
    let image = cx.image();
    let by_id = cx.api_version >= TOPIC_IDS_IN_OFFSETS;
    let may_see = |name: &str| match cx.authorize(Operation::Describe, Resource::Topic(name)) {
        Ok(()) => Ok(()),
        Err(denied) => Err(denied.code),
    };
    let named = |topic: &OffsetFetchRequestTopics| {
        let name = resolve_topic(&image, by_id, &topic.name, topic.topic_id)?;
        may_see(&name).map(|()| name)
    };
    let member = (group.member_id.as_deref().unwrap_or_default(), group.member_epoch);
    let fetched = cx
        .node
        .groups()
        .fetch_offsets(&group.group_id, member, |offsets, is_pending| {
            let is_unstable = |topic: &str, partition| require_stable && is_pending(topic, partition);
            match &group.topics {
                Some(topics) => topics
                    .iter()
                    .map(|topic| match named(topic) {
                        Ok(name) => asked(offsets, topic, &name, &is_unstable),
                        Err(code) => refused(topic, code),
                    })
                    .collect(),
                None => offsets
                    .into_iter()
                    .flatten()
                    .filter(|(topic, _)| may_see(topic).is_ok())
                    .filter_map(|(topic, partitions)| {
                        let id = image.topic(topic).map(|known| known.id);
                        // A topic that is gone has no id to name it by.
                        let id = if by_id { id? } else { Uuid::nil() };
                        Some(all_of_topic(topic, id, partitions, &is_unstable))
                    })
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
    name: &TopicName,
    is_unstable: &dyn Fn(&str, i32) -> bool,
) -> OffsetFetchResponseTopics {
    let known = offsets.and_then(|topics| topics.get(name.as_str()));
    // Either side may be without an id: older requests, older commits.
    let is_of_topic = |offset: &&OffsetAndMetadata| {
        topic.topic_id.is_nil() || offset.topic_id.is_nil() || offset.topic_id == topic.topic_id
    };
    let of_partition = |index: i32| {
        if is_unstable(name, index) {
            return unstable(index);
        }
        let offset = known.and_then(|partitions| partitions.get(&index));
        partition(index, offset.filter(is_of_topic))
    };
    answer(topic, of_partition)
}

fn refused(topic: &OffsetFetchRequestTopics, code: ErrorCode) -> OffsetFetchResponseTopics {
    answer(topic, |index| partition(index, None).with_error_code(code.code()))
}

fn answer(
    topic: &OffsetFetchRequestTopics,
    of_partition: impl Fn(i32) -> OffsetFetchResponsePartitions,
) -> OffsetFetchResponseTopics {
    let partitions = topic.partition_indexes.iter().map(|index| of_partition(*index));
    OffsetFetchResponseTopics::default()
        .with_name(topic.name.clone())
        .with_topic_id(topic.topic_id)
        .with_partitions(partitions.collect())
}

fn all_of_topic(
    topic: &str,
    id: Uuid,
    partitions: &BTreeMap<i32, OffsetAndMetadata>,
    is_unstable: &dyn Fn(&str, i32) -> bool,
) -> OffsetFetchResponseTopics {
    let partitions = partitions.iter().map(|(index, offset)| {
        if is_unstable(topic, *index) {
            unstable(*index)
        } else {
            partition(*index, Some(offset))
        }
    });
    OffsetFetchResponseTopics::default()
        .with_name(topic_name(topic))
        .with_topic_id(id)
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
