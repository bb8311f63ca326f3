//! What the APIs of transactions tell a principal without rights.

use kafka_protocol::messages::add_partitions_to_txn_request::{AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction};
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::*;
use kt::wire::txn::{WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest};

use super::denied::Caller;
use super::{CLUSTER_DENIED, TOPIC, TRANSACTION_DENIED, text, topic_name};

fn id() -> TransactionalId {
    TransactionalId(text("denied-id"))
}

/// A real Kafka's controller needs CLUSTER_ACTION, and is the same principal.
fn may_act_on_cluster() -> bool {
    std::env::var_os("KT_TEST_DENIED").is_some()
}

/// v4 and later are of brokers, which need other rights than clients.
pub(super) fn add_partitions(c: &mut Caller, v: i16) -> Vec<i16> {
    let topic = AddPartitionsToTxnTopic::default()
        .with_name(topic_name(TOPIC))
        .with_partitions(vec![0]);
    if v >= 4 {
        let transaction = AddPartitionsToTxnTransaction::default()
            .with_transactional_id(id())
            .with_topics(vec![topic]);
        let request = AddPartitionsToTxnRequest::default().with_transactions(vec![transaction]);
        let code = c.wire.call(&request, v).error_code;
        assert!(code == CLUSTER_DENIED || may_act_on_cluster());
        return vec![TRANSACTION_DENIED];
    }
    let request = AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(id())
        .with_v3_and_below_topics(vec![topic]);
    let answer = c.wire.call(&request, v);
    let topics = answer.results_by_topic_v3_and_below.iter();
    topics
        .flat_map(|t| &t.results_by_partition)
        .map(|p| p.partition_error_code)
        .collect()
}

pub(super) fn add_offsets(c: &mut Caller, v: i16) -> Vec<i16> {
    let request = AddOffsetsToTxnRequest::default()
        .with_transactional_id(id())
        .with_group_id(GroupId(text("denied-group")));
    vec![c.wire.call(&request, v).error_code]
}

pub(super) fn end(c: &mut Caller, v: i16) -> Vec<i16> {
    let request = EndTxnRequest::default()
        .with_transactional_id(id())
        .with_committed(true);
    vec![c.wire.call(&request, v).error_code]
}

pub(super) fn write_markers(c: &mut Caller, v: i16) -> Vec<i16> {
    if may_act_on_cluster() {
        return vec![CLUSTER_DENIED];
    }
    let topic = WritableTxnMarkerTopic {
        name: topic_name(TOPIC),
        partition_indexes: vec![0],
    };
    let marker = WritableTxnMarker {
        topics: vec![topic],
        ..WritableTxnMarker::default()
    };
    let answer = c.wire.call(&WriteTxnMarkersRequest { markers: vec![marker] }, v);
    let topics = answer.markers.iter().flat_map(|m| &m.topics);
    topics.flat_map(|t| &t.partitions).map(|p| p.error_code).collect()
}

pub(super) fn commit_offsets(c: &mut Caller, v: i16) -> Vec<i16> {
    let partition = TxnOffsetCommitRequestPartition::default().with_committed_metadata(Some(text("")));
    let topic = TxnOffsetCommitRequestTopic::default()
        .with_name(topic_name(TOPIC))
        .with_partitions(vec![partition]);
    let request = TxnOffsetCommitRequest::default()
        .with_transactional_id(id())
        .with_group_id(GroupId(text("denied-group")))
        .with_topics(vec![topic]);
    let answer = c.wire.call(&request, v);
    let topics = answer.topics.iter();
    topics.flat_map(|t| &t.partitions).map(|p| p.error_code).collect()
}

pub(super) fn describe(c: &mut Caller, v: i16) -> Vec<i16> {
    let request = DescribeTransactionsRequest::default().with_transactional_ids(vec![id()]);
    let answer = c.wire.call(&request, v);
    answer.transaction_states.iter().map(|t| t.error_code).collect()
}

pub(super) fn list(c: &mut Caller, v: i16) -> Vec<i16> {
    let answer = c.wire.call(&ListTransactionsRequest::default(), v);
    assert!(answer.transaction_states.is_empty());
    vec![answer.error_code]
}
