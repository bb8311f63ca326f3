//! OffsetDelete (47), v0. Forgets committed offsets, unless the group's members are subscribed to the topic. KIP-496.

use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};

use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::error::ErrorCode;

pub async fn handle(cx: &RequestContext, req: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let error = |code: ErrorCode| OffsetDeleteResponse::default().with_error_code(code.code());
    if let Err(denied) = cx.authorize(Operation::Delete, Resource::Group(&req.group_id)) {
        return error(denied.code);
    }
    let (mut codes, partitions) = screen(cx, &req);
    // without partitions, too: the group's own error comes before those of unknown topics
    let mut results = match cx.node.groups().delete_offsets(&req.group_id, &partitions).await {
        Ok(results) => results.into_iter(),
        Err(code) => return error(code),
    };
    for code in codes.iter_mut().filter(|code| code.is_none()) {
        *code = results.next().and_then(Result::err);
    }
    let mut codes = codes.into_iter().map(|code| code.unwrap_or(ErrorCode::NONE).code());
    let topics = req.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            OffsetDeleteResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(codes.next().unwrap_or_default())
        });
        let partitions = partitions.collect();
        OffsetDeleteResponseTopic::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    OffsetDeleteResponse::default().with_topics(topics.collect())
}

/// For each partition of the request, in its order, an error or `None`; and those without error.
fn screen(cx: &RequestContext, req: &OffsetDeleteRequest) -> (Vec<Option<ErrorCode>>, Vec<(String, i32)>) {
    let image = cx.image();
    let (mut codes, mut partitions) = (Vec::new(), Vec::new());
    for topic in &req.topics {
        let denied = cx.authorize(Operation::Read, Resource::Topic(&topic.name)).err();
        for partition in &topic.partitions {
            codes.push(match &denied {
                Some(denied) => Some(denied.code),
                None if image.partition(&topic.name, partition.partition_index).is_none() => {
                    Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
                }
                None => {
                    partitions.push((topic.name.to_string(), partition.partition_index));
                    None
                }
            });
        }
    }
    (codes, partitions)
}
