//! AddPartitionsToTxn (24), v0-5. Tells the coordinator which partitions a transaction writes to. v4 and later are of
//! brokers, for several transactions, and may only ask whether the partitions were added (KIP-890).

use std::collections::BTreeMap;

use kafka_protocol::messages::add_partitions_to_txn_request::{AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction};
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, TopicName};

use super::shared::{fenced_since, topic_name};
use crate::TopicPartition;
use crate::broker::metadata::names;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::txn::state::{EPOCH_BUMP_VERSION, ProducerIdAndEpoch};
use crate::wire::ErrorCode;

/// v2 knows PRODUCER_FENCED.
const FENCED: i16 = 2;
/// v4 is of brokers.
const BATCHED: i16 = 4;

pub async fn handle(cx: &RequestContext, req: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse {
    if cx.api_version < BATCHED {
        let transaction = AddPartitionsToTxnTransaction::default()
            .with_transactional_id(req.v3_and_below_transactional_id)
            .with_producer_id(req.v3_and_below_producer_id)
            .with_producer_epoch(req.v3_and_below_producer_epoch)
            .with_topics(req.v3_and_below_topics);
        let results = add(cx, &transaction).await;
        return AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results);
    }
    if let Err(denied) = cx.authorize(Operation::ClusterAction, Resource::Cluster) {
        return AddPartitionsToTxnResponse::default().with_error_code(denied.code.code());
    }
    let mut results = Vec::with_capacity(req.transactions.len());
    for transaction in &req.transactions {
        let result = AddPartitionsToTxnResult::default()
            .with_transactional_id(transaction.transactional_id.clone())
            .with_topic_results(add(cx, transaction).await);
        results.push(result);
    }
    AddPartitionsToTxnResponse::default().with_results_by_transaction(results)
}

async fn add(cx: &RequestContext, transaction: &AddPartitionsToTxnTransaction) -> Vec<AddPartitionsToTxnTopicResult> {
    let partitions = partitions(&transaction.topics);
    let codes = match screen(cx, transaction, &partitions) {
        Ok(()) => ask(cx, transaction, &partitions).await,
        Err(codes) => codes,
    };
    let mut topics: BTreeMap<&str, Vec<AddPartitionsToTxnPartitionResult>> = BTreeMap::new();
    for (tp, code) in partitions.iter().zip(codes) {
        let result = AddPartitionsToTxnPartitionResult::default()
            .with_partition_index(tp.partition)
            .with_partition_error_code(fenced_since(FENCED, cx.api_version, code).code());
        topics.entry(&tp.topic).or_default().push(result);
    }
    let topic = |(name, results)| {
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic_name(name))
            .with_results_by_partition(results)
    };
    topics.into_iter().map(topic).collect()
}

fn partitions(topics: &[AddPartitionsToTxnTopic]) -> Vec<TopicPartition> {
    let of_topic = |name: &TopicName, indexes: &[i32]| {
        let name: std::sync::Arc<str> = name.as_str().into();
        let partition = |index: &i32| TopicPartition::new(name.clone(), *index);
        indexes.iter().map(partition).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = topics.iter().flat_map(|t| of_topic(&t.name, &t.partitions)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// One partition that may not be added keeps all others back.
fn screen(
    cx: &RequestContext,
    transaction: &AddPartitionsToTxnTransaction,
    partitions: &[TopicPartition],
) -> Result<(), Vec<ErrorCode>> {
    let is_client = cx.api_version < BATCHED;
    let id = Resource::TransactionalId(&transaction.transactional_id);
    if is_client && let Err(denied) = cx.authorize(Operation::Write, id) {
        return Err(vec![denied.code; partitions.len()]);
    }
    let image = cx.image();
    let judge = |tp: &TopicPartition| {
        if is_client && names::is_internal(&tp.topic) {
            return Err(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
        }
        if is_client {
            let topic = Resource::Topic(&tp.topic);
            cx.authorize(Operation::Write, topic).map_err(|denied| denied.code)?;
        }
        let known = image.partition(&tp.topic, tp.partition);
        known.map(drop).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
    };
    let judged: Vec<_> = partitions.iter().map(judge).collect();
    if judged.iter().all(Result::is_ok) {
        return Ok(());
    }
    let code = |judged: Result<(), ErrorCode>| judged.err().unwrap_or(ErrorCode::OPERATION_NOT_ATTEMPTED);
    Err(judged.into_iter().map(code).collect())
}

async fn ask(
    cx: &RequestContext,
    transaction: &AddPartitionsToTxnTransaction,
    partitions: &[TopicPartition],
) -> Vec<ErrorCode> {
    let producer = ProducerIdAndEpoch {
        id: transaction.producer_id.0,
        epoch: transaction.producer_epoch,
    };
    let (coordinator, id) = (cx.node.transactions(), &transaction.transactional_id);
    let results = if transaction.verify_only {
        coordinator.verify_partitions(id, producer, partitions)
    } else {
        let version = if cx.api_version < BATCHED {
            0
        } else {
            EPOCH_BUMP_VERSION
        };
        let added = coordinator.add_partitions(id, producer, partitions, version).await;
        added.map(|()| vec![Ok(()); partitions.len()])
    };
    let results = results.unwrap_or_else(|code| vec![Err(code); partitions.len()]);
    let code = |result: Result<(), ErrorCode>| result.err().unwrap_or(ErrorCode::NONE);
    results.into_iter().map(code).collect()
}
