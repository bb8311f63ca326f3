//! AlterShareGroupOffsets (91), v0. Sets where a share group without members goes on; what it had in flight is forgotten.
//! A group that is not there comes to be by this, as in Kafka 4.3.

use std::collections::BTreeSet;

use kafka_protocol::messages::alter_share_group_offsets_response::{
    AlterShareGroupOffsetsResponsePartition as WirePartition, AlterShareGroupOffsetsResponseTopic as WireTopic,
};
use kafka_protocol::messages::{AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse};
use uuid::Uuid;

use super::shared::text;
use crate::broker::group::share::NamedAssignment;
use crate::broker::metadata::ApiError;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::share::coordinator::ShareKey;
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: AlterShareGroupOffsetsRequest) -> AlterShareGroupOffsetsResponse {
    match alter(cx, &req).await {
        Ok(topics) => AlterShareGroupOffsetsResponse::default().with_responses(topics),
        Err(error) => AlterShareGroupOffsetsResponse::default()
            .with_error_code(error.code.code())
            .with_error_message(Some(text(&error.text()))),
    }
}

async fn alter(cx: &RequestContext, req: &AlterShareGroupOffsetsRequest) -> Result<Vec<WireTopic>, ApiError> {
    let group_id = req.group_id.as_str();
    cx.authorize(Operation::Read, Resource::Group(group_id))?;
    if group_id.is_empty() {
        return Err(ErrorCode::INVALID_GROUP_ID.into());
    }
    let image = cx.image();
    let mut altered = NamedAssignment::new();
    let mut topics = Vec::with_capacity(req.topics.len());
    for topic in &req.topics {
        let name = topic.topic_name.as_str();
        let denied = cx.authorize(Operation::Read, Resource::Topic(name)).err();
        let found = image.topic(name).filter(|_| denied.is_none());
        let check = |partition: i32| match &denied {
            Some(denied) => Err(denied.code),
            None if image.partition(name, partition).is_none() => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            None => Ok(()),
        };
        let topic_id = found.map_or(Uuid::nil(), |topic| topic.id);
        let mut wanted = Vec::with_capacity(topic.partitions.len());
        for partition in &topic.partitions {
            let checked = check(partition.partition_index);
            if checked.is_ok() {
                let of_topic = altered
                    .entry(topic_id)
                    .or_insert_with(|| (name.to_owned(), BTreeSet::new()));
                of_topic.1.insert(partition.partition_index);
            }
            wanted.push((partition.partition_index, partition.start_offset, checked));
        }
        topics.push((topic.topic_name.clone(), topic_id, wanted));
    }
    let epoch = cx.node.groups().alter_share_group_offsets(group_id, &altered).await?;
    let begin = |topic_id: Uuid, partition: i32, start_offset: i64| {
        let key = ShareKey {
            group_id: group_id.to_owned(),
            topic_id,
            partition,
        };
        cx.node.shares().begin_state(&key, epoch, start_offset)
    };
    let answered = topics.into_iter().map(|(name, topic_id, wanted)| {
        let partitions = wanted.into_iter().map(|(partition, start_offset, checked)| {
            let done = checked.and_then(|()| begin(topic_id, partition, start_offset));
            let answer = WirePartition::default().with_partition_index(partition);
            match done {
                Ok(()) => answer,
                Err(code) => answer
                    .with_error_code(code.code())
                    .with_error_message(Some(text(code.message()))),
            }
        });
        WireTopic::default()
            .with_topic_name(name)
            .with_topic_id(topic_id)
            .with_partitions(partitions.collect())
    });
    Ok(answered.collect())
}
