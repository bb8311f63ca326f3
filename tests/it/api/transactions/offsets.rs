//! Offsets committed in transactions.

use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};

use super::*;

fn group(id: &str) -> GroupId {
    GroupId(text(id))
}

/// A producer, a group, and the group's coordinator found.
fn start(broker: &AnyBroker) -> (Producer, String) {
    let mut p = Producer::start(broker);
    let name = unique("g");
    let find = FindCoordinatorRequest::default().with_key(text(&name));
    assert_eq!(patiently(|| p.wire.call(&find, 3).error_code), 0);
    (p, name)
}

fn add_offsets(p: &mut Producer, name: &str, version: i16) -> i16 {
    let request = AddOffsetsToTxnRequest::default()
        .with_transactional_id(id(&p.id))
        .with_producer_id(ProducerId(p.producer_id))
        .with_producer_epoch(p.epoch)
        .with_group_id(group(name));
    patiently(|| p.wire.call(&request, version).error_code)
}

fn commit_request(p: &Producer, name: &str, offset: i64) -> TxnOffsetCommitRequest {
    let partition = TxnOffsetCommitRequestPartition::default()
        .with_committed_offset(offset)
        .with_committed_metadata(Some(text("m")));
    let topics = TxnOffsetCommitRequestTopic::default()
        .with_name(topic(&p.topic))
        .with_partitions(vec![partition]);
    TxnOffsetCommitRequest::default()
        .with_transactional_id(id(&p.id))
        .with_group_id(group(name))
        .with_producer_id(ProducerId(p.producer_id))
        .with_producer_epoch(p.epoch)
        .with_generation_id(-1)
        .with_topics(vec![topics])
}

fn commit(p: &mut Producer, name: &str, offset: i64, version: i16) -> i16 {
    let request = commit_request(p, name, offset);
    patiently(|| p.wire.call(&request, version).topics[0].partitions[0].error_code)
}

/// Error code and offset.
fn committed(p: &mut Producer, name: &str, require_stable: bool) -> (i16, i64) {
    let topics = OffsetFetchRequestTopic::default()
        .with_name(topic(&p.topic))
        .with_partition_indexes(vec![0]);
    let request = OffsetFetchRequest::default()
        .with_group_id(group(name))
        .with_require_stable(require_stable)
        .with_topics(Some(vec![topics]));
    let answer = p.wire.call(&request, 7);
    assert_eq!(answer.error_code, 0);
    let partition = &answer.topics[0].partitions[0];
    (partition.error_code, partition.committed_offset)
}

#[test]
fn offsets_count_with_the_transaction() {
    let broker = AnyBroker::get();
    let (mut p, name) = start(&broker);
    assert_eq!(add_offsets(&mut p, &name, 3), 0);
    assert_eq!(p.describe().topics[0].topic.as_str(), "__consumer_offsets");
    assert_eq!(commit(&mut p, &name, 7, 3), 0);
    assert_eq!(committed(&mut p, &name, false), (0, -1));
    assert_eq!(committed(&mut p, &name, true), (88, -1), "UNSTABLE_OFFSET_COMMIT");
    assert_eq!(p.end(true, 3), 0);
    p.wait_complete();
    assert_eq!(committed(&mut p, &name, true), (0, 7));

    assert_eq!(add_offsets(&mut p, &name, 3), 0);
    assert_eq!(commit(&mut p, &name, 9, 3), 0);
    assert_eq!(committed(&mut p, &name, false), (0, 7));
    assert_eq!(p.end(false, 3), 0);
    p.wait_complete();
    assert_eq!(committed(&mut p, &name, true), (0, 7));
}

#[test]
fn the_group_must_belong_to_the_transaction() {
    let broker = AnyBroker::get();
    let (mut p, name) = start(&broker);
    assert_eq!(commit(&mut p, &name, 7, 3), 48, "INVALID_TXN_STATE");
    assert_eq!(commit(&mut p, &name, 7, 4), 120, "TRANSACTION_ABORTABLE");
    assert_eq!(commit(&mut p, &name, 7, 5), 0, "it is added");
    assert_eq!(p.describe().topics[0].topic.as_str(), "__consumer_offsets");
    assert_eq!(committed(&mut p, &name, true).0, 88, "UNSTABLE_OFFSET_COMMIT");
    let mut late = p.again(&broker);
    assert_eq!((p.end(true, 5), p.epoch), (0, 1));
    p.wait_complete();
    assert_eq!(committed(&mut p, &name, true), (0, 7));
    assert_eq!(commit(&mut late, &name, 9, 5), 47, "INVALID_PRODUCER_EPOCH");
    for (version, code) in [(1, 47), (2, 90)] {
        assert_eq!(add_offsets(&mut late, &name, version), code, "v{version}");
    }
}

#[test]
fn who_names_a_generation_must_be_in_it() {
    let broker = AnyBroker::get();
    let (mut p, name) = start(&broker);
    let mut ask = |generation_id: i32, member_id: &str, topic_name: Option<&str>| {
        let mut request = commit_request(&p, &name, 7)
            .with_generation_id(generation_id)
            .with_member_id(text(member_id));
        if let Some(name) = topic_name {
            request.topics[0].name = topic(name);
        }
        p.wire.call(&request, 5).topics[0].partitions[0].error_code
    };
    assert_eq!(ask(3, "m", None), 22, "ILLEGAL_GENERATION");
    assert_eq!(ask(-1, "", Some("no-such-topic")), 3, "UNKNOWN_TOPIC_OR_PARTITION");
    assert_eq!(ask(-1, "", None), 0);
}
