//! TxnOffsetCommit (28), v0-5. Offsets of a group that count when the transaction is committed (KIP-447: the producer may
//! say which member it is). From v5 on the group's partition is added to the transaction here (KIP-890).

use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};

use super::offset_screen::{Asked, Screen};
use crate::TopicPartition;
use crate::broker::group::offsets::OffsetCommit;
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
    let screen = match allowed {
        Ok(()) => screen(cx, &req),
        Err(denied) => Screen::refuse(cx, req.topics.iter().map(|t| t.partitions.len()).sum(), denied.code),
    };
    let results = match screen.commit.partitions.is_empty() {
        true => Ok(Vec::new()),
        false => commit_offsets(cx, &req, &screen.commit).await,
    };
    response(req, screen.codes(results))
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

fn screen(cx: &RequestContext, req: &TxnOffsetCommitRequest) -> Screen {
    let mut screen = Screen::of(
        cx,
        OffsetCommit {
            member_id: req.member_id.to_string(),
            instance_id: req.group_instance_id.as_ref().map(ToString::to_string),
            generation_id: req.generation_id,
            api_version: cx.api_version,
            ..OffsetCommit::default()
        },
    );
    for topic in &req.topics {
        let asked = topic.partitions.iter().map(|partition| Asked {
            partition: partition.partition_index,
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.as_deref(),
        });
        screen.topic(cx, &topic.name, asked);
    }
    screen
}

fn response(req: TxnOffsetCommitRequest, mut codes: impl Iterator<Item = i16>) -> TxnOffsetCommitResponse {
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
