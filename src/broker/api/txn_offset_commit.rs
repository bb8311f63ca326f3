//! TxnOffsetCommit (28), v0-5. Offsets of a group that count when the transaction is committed (KIP-447: the producer may
//! say which member it is). From v5 on the group's partition is added to the transaction here (KIP-890).

use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};

use crate::TopicPartition;
use crate::broker::group::offsets::{OffsetCommit, PartitionCommit};
use crate::broker::metadata::names;
use crate::broker::replica::TxnProducer;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::txn::state::ProducerIdAndEpoch;
use crate::broker::txn::{Verification, begin_verification};
use crate::record::NO_SEQUENCE;
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
    let allowed = cx
        .authorize(Operation::Write, Resource::TransactionalId(&req.transactional_id))
        .and_then(|()| cx.authorize(Operation::Read, Resource::Group(&req.group_id)));
    let (mut codes, commit) = match allowed {
        Ok(()) => screen(cx, &req),
        Err(denied) => (vec![Some(denied.code); partition_count(&req)], OffsetCommit::default()),
    };
    if !commit.partitions.is_empty() {
        let results = match commit_offsets(cx, &req, &commit).await {
            Ok(results) => results,
            Err(code) => vec![Err(code); commit.partitions.len()],
        };
        let mut results = results.into_iter();
        for code in codes.iter_mut().filter(|code| code.is_none()) {
            *code = Some(results.next().unwrap_or(Ok(())).err().unwrap_or(ErrorCode::NONE));
        }
    }
    response(req, codes)
}

async fn commit_offsets(
    cx: &RequestContext,
    req: &TxnOffsetCommitRequest,
    commit: &OffsetCommit,
) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
    let groups = cx.node.groups();
    let producer = ProducerIdAndEpoch {
        id: req.producer_id.0,
        epoch: req.producer_epoch,
    };
    let partition = TopicPartition::new(names::GROUP_METADATA, groups.partition_for(&req.group_id));
    let batches = [(partition, NO_SEQUENCE)];
    let how = Verification::of_txn_offset_commit(cx.api_version);
    let begun = begin_verification(&cx.node, &req.transactional_id, producer, &batches, how).await;
    let guard = begun.into_values().next().unwrap_or(Ok(None)).map_err(as_told)?;
    let producer = TxnProducer {
        producer_id: producer.id,
        producer_epoch: producer.epoch,
        guard,
    };
    groups
        .commit_transactional_offsets(&req.group_id, producer, commit)
        .await
}

/// Clients know group coordinators, not the partitions behind them.
fn as_told(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::KAFKA_STORAGE_ERROR => ErrorCode::NOT_COORDINATOR,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        error => error,
    }
}

fn partition_count(req: &TxnOffsetCommitRequest) -> usize {
    req.topics.iter().map(|topic| topic.partitions.len()).sum()
}

/// Tells the partitions that may be committed from those that may not: for each partition of the request, in its order,
/// the error or `None`; and the commit of the rest.
fn screen(cx: &RequestContext, req: &TxnOffsetCommitRequest) -> (Vec<Option<ErrorCode>>, OffsetCommit) {
    let image = cx.image();
    let mut codes = Vec::with_capacity(partition_count(req));
    let mut commit = OffsetCommit {
        member_id: req.member_id.to_string(),
        instance_id: req.group_instance_id.as_ref().map(ToString::to_string),
        generation_id: req.generation_id,
        api_version: cx.api_version,
        ..OffsetCommit::default()
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

fn response(req: TxnOffsetCommitRequest, codes: Vec<Option<ErrorCode>>) -> TxnOffsetCommitResponse {
    let mut codes = codes.into_iter().map(|code| code.unwrap_or(ErrorCode::NONE).code());
    let topics = req.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(codes.next().unwrap_or_default())
        });
        let partitions = partitions.collect();
        TxnOffsetCommitResponseTopic::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    let topics = topics.collect();
    TxnOffsetCommitResponse::default().with_topics(topics)
}
