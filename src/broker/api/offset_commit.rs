//! OffsetCommit (8), v2-9. Keeps how far a group has come. Partitions that do not exist are refused one by one.

use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};

use crate::broker::group::offsets::{OffsetCommit, PartitionCommit};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::error::ErrorCode;

/// Versions before v5 may say how long to keep the offsets; -1 leaves that to the broker.
const NO_RETENTION_TIME: i16 = 5;

pub async fn handle(cx: &RequestContext, req: OffsetCommitRequest) -> OffsetCommitResponse {
    let (mut codes, commit) = match cx.authorize(Operation::Read, Resource::Group(&req.group_id)) {
        Ok(()) => screen(cx, &req),
        Err(denied) => (vec![Some(denied.code); partition_count(&req)], OffsetCommit::default()),
    };
    if !commit.partitions.is_empty() {
        let results = cx.node.groups().commit_offsets(&req.group_id, &commit).await;
        let mut results = match results {
            Ok(results) => results.into_iter(),
            Err(code) => vec![Err(code); commit.partitions.len()].into_iter(),
        };
        for code in codes.iter_mut().filter(|code| code.is_none()) {
            *code = Some(results.next().unwrap_or(Ok(())).err().unwrap_or(ErrorCode::NONE));
        }
    }
    response(req, codes)
}

fn partition_count(req: &OffsetCommitRequest) -> usize {
    req.topics.iter().map(|topic| topic.partitions.len()).sum()
}

/// Tells the partitions that may be committed from those that may not: for each partition of the request, in its order,
/// the error or `None`; and the commit of the rest.
fn screen(cx: &RequestContext, req: &OffsetCommitRequest) -> (Vec<Option<ErrorCode>>, OffsetCommit) {
    let image = cx.image();
    let mut codes = Vec::with_capacity(partition_count(req));
    let mut commit = OffsetCommit {
        member_id: req.member_id.to_string(),
        instance_id: req.group_instance_id.as_ref().map(ToString::to_string),
        generation_id: req.generation_id_or_member_epoch,
        api_version: cx.api_version,
        retention_ms: Some(req.retention_time_ms).filter(|ms| cx.api_version < NO_RETENTION_TIME && *ms != -1),
        partitions: Vec::new(),
    };
    for topic in &req.topics {
        let denied = cx.authorize(Operation::Read, Resource::Topic(&topic.name)).err();
        let known = image.topic(&topic.name);
        for partition in &topic.partitions {
            let index = usize::try_from(partition.partition_index).unwrap_or(usize::MAX);
            let known = known.filter(|topic| index < topic.partitions.len());
            codes.push(match (&denied, known) {
                (Some(denied), _) => Some(denied.code),
                (None, None) => Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
                (None, Some(known)) => {
                    commit.partitions.push(PartitionCommit {
                        topic: topic.name.to_string(),
                        topic_id: known.id,
                        partition: partition.partition_index,
                        offset: partition.committed_offset,
                        leader_epoch: partition.committed_leader_epoch,
                        metadata: partition.committed_metadata.as_deref().unwrap_or_default().to_owned(),
                    });
                    None
                }
            });
        }
    }
    (codes, commit)
}

fn response(req: OffsetCommitRequest, codes: Vec<Option<ErrorCode>>) -> OffsetCommitResponse {
    let mut codes = codes.into_iter().map(|code| code.unwrap_or(ErrorCode::NONE).code());
    let topics = req.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(codes.next().unwrap_or_default())
        });
        let partitions = partitions.collect();
        OffsetCommitResponseTopic::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}
