//! Before a partition takes the first batch of a transaction it asks the coordinator whether the transaction includes it,
//! or has it included (Kafka: `AddPartitionsToTxnManager`, `ReplicaManager.maybeStartTransactionVerificationForPartitions`;
//! KIP-890).

use std::collections::HashMap;

use super::state::ProducerIdAndEpoch;
use crate::TopicPartition;
use crate::broker::node::Node;
use crate::log::{FirstBatch, VerificationGuard};
use crate::wire::ErrorCode;

/// What a client that sends transactional batches can do (Kafka: `TransactionSupportedOperation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// It added the partitions before, and does not know TRANSACTION_ABORTABLE.
    Verify,
    /// It added the partitions before.
    VerifyAbortable,
    /// It leaves that to the partition's leader.
    Add,
}

impl Verification {
    /// Of a Produce request.
    pub fn of_produce(version: i16) -> Self {
        match version {
            12.. => Self::Add,
            11 => Self::VerifyAbortable,
            _ => Self::Verify,
        }
    }

    /// Of a TxnOffsetCommit request.
    pub fn of_txn_offset_commit(version: i16) -> Self {
        match version {
            5.. => Self::Add,
            4 => Self::VerifyAbortable,
            _ => Self::Verify,
        }
    }

    /// The client's epoch rises with every transaction.
    pub fn supports_epoch_bump(self) -> bool {
        self == Self::Add
    }
}

/// For each partition with its batch's first sequence: what to append it with, or why not.
pub async fn begin_verification(
    node: &Node,
    transactional_id: &str,
    producer: ProducerIdAndEpoch,
    batches: &[(TopicPartition, i32)],
    how: Verification,
) -> HashMap<TopicPartition, Result<Option<VerificationGuard>, ErrorCode>> {
    let mut results = HashMap::with_capacity(batches.len());
    let mut asked = Vec::new();
    for (tp, base_sequence) in batches {
        let batch = FirstBatch {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            base_sequence: *base_sequence,
            supports_epoch_bump: how.supports_epoch_bump(),
        };
        let begun = node
            .replicas()
            .leader(tp)
            .and_then(|partition| partition.begin_verification(&batch, node.now_ms()));
        if let Ok(Some(_)) = begun {
            asked.push(tp.clone());
        }
        results.insert(tp.clone(), begun);
    }
    if asked.is_empty() {
        return results;
    }
    for (tp, verdict) in asked
        .iter()
        .zip(ask(node, transactional_id, producer, &asked, how).await)
    {
        if let Err(error) = verdict {
            results.insert(tp.clone(), Err(as_told(error, how)));
        }
    }
    results
}

async fn ask(
    node: &Node,
    transactional_id: &str,
    producer: ProducerIdAndEpoch,
    partitions: &[TopicPartition],
    how: Verification,
) -> Vec<Result<(), ErrorCode>> {
    let coordinator = node.transactions();
    let result = if how == Verification::Add {
        let version = super::state::EPOCH_BUMP_VERSION;
        let added = coordinator.add_partitions(transactional_id, producer, partitions, version);
        added.await.map(|()| vec![Ok(()); partitions.len()])
    } else {
        coordinator.verify_partitions(transactional_id, producer, partitions)
    };
    result.unwrap_or_else(|error| vec![Err(error); partitions.len()])
}

/// Producers know stale epochs from partitions, and old ones have no word for a transaction that can only be aborted.
fn as_told(error: ErrorCode, how: Verification) -> ErrorCode {
    match error {
        ErrorCode::PRODUCER_FENCED => ErrorCode::INVALID_PRODUCER_EPOCH,
        ErrorCode::TRANSACTION_ABORTABLE if how == Verification::Verify => ErrorCode::INVALID_TXN_STATE,
        error => error,
    }
}
