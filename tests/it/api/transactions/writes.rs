//! Records of transactions: who may write them, and who sees them.

use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::describe_producers_response::ProducerState;
use kt::wire::txn::{WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest};

use super::*;

fn producers(p: &mut Producer) -> Vec<ProducerState> {
    let topics = TopicRequest::default()
        .with_name(topic(&p.topic))
        .with_partition_indexes(vec![0]);
    let request = DescribeProducersRequest::default().with_topics(vec![topics]);
    p.wire
        .call(&request, 0)
        .topics
        .remove(0)
        .partitions
        .remove(0)
        .active_producers
}

#[test]
fn readers_of_committed_records_wait_for_the_end() {
    let broker = AnyBroker::get();
    let mut p = Producer::start(&broker);
    assert_eq!(p.add(&[0], 3), 0);
    assert_eq!(p.produce(&["a", "b"], 9), (0, 0));
    let open = &producers(&mut p)[0];
    assert_eq!((open.producer_id.0, open.current_txn_start_offset), (p.producer_id, 0));
    assert_eq!(
        (open.producer_epoch, open.last_sequence, open.coordinator_epoch),
        (0, 1, -1)
    );

    let fetched = p.fetch(1);
    assert_eq!((fetched.high_watermark, fetched.last_stable_offset), (2, 0));
    assert!(fetched.records.is_none_or(|records| records.is_empty()));
    assert_eq!(fetched.aborted_transactions, Some(Vec::new()));
    assert!(p.fetch(0).records.is_some_and(|records| !records.is_empty()));
    assert_eq!((p.end_offset(1), p.end_offset(0)), (0, 2));
    for (asked, seen) in [(0, 0), (-3, 0)] {
        assert_eq!(p.offset_at(asked, 1), -1, "behind the last stable offset");
        assert_eq!(p.offset_at(asked, 0), seen);
    }

    assert_eq!(p.end(true, 3), 0);
    p.wait_complete();
    let fetched = p.fetch(1);
    assert_eq!(
        (fetched.high_watermark, fetched.last_stable_offset),
        (3, 3),
        "with the marker"
    );
    assert_eq!(fetched.aborted_transactions, Some(Vec::new()));
    assert!(fetched.records.is_some_and(|records| !records.is_empty()));
    let ended = &producers(&mut p)[0];
    assert_eq!(ended.current_txn_start_offset, -1);
    assert!(ended.coordinator_epoch >= 0);

    assert_eq!(p.add(&[0], 3), 0);
    assert_eq!(p.produce(&["c"], 9), (0, 3));
    assert_eq!(p.end(false, 3), 0);
    p.wait_complete();
    let fetched = p.fetch_from(3, 1);
    let aborted = fetched.aborted_transactions.expect("a list");
    assert_eq!(aborted.len(), 1);
    assert_eq!((aborted[0].producer_id.0, aborted[0].first_offset), (p.producer_id, 3));
    assert_eq!((p.end_offset(1), p.end_offset(0)), (5, 5));
    assert_eq!(
        p.fetch(0).aborted_transactions,
        None,
        "of no use to who reads everything"
    );
}

#[test]
fn a_partition_must_belong_to_the_transaction() {
    let broker = AnyBroker::get();
    let mut p = Producer::start(&broker);
    assert_eq!(p.produce(&["a"], 9).0, 48, "INVALID_TXN_STATE");
    assert_eq!(p.produce(&["a"], 10).0, 48, "INVALID_TXN_STATE");
    assert_eq!(p.produce(&["a"], 11).0, 120, "TRANSACTION_ABORTABLE");
    assert_eq!(p.add(&[1], 3), 0);
    assert_eq!(p.produce(&["a"], 9).0, 48, "another partition");
    assert_eq!(p.add(&[0], 3), 0);
    assert_eq!(p.produce(&["a"], 9), (0, 0));
    assert_eq!(p.produce(&["b"], 9), (0, 1), "and from then on");
    assert_eq!(p.end(true, 3), 0);
    p.wait_complete();
    assert_eq!(p.produce(&["c"], 9).0, 48, "that transaction has ended");
    let batch = p.batch(&["c"]);
    let without_id = send(&mut p.wire, &p.topic, None, batch, 9);
    assert_eq!(without_id.0, 53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED");
}

#[test]
fn a_new_client_leaves_it_to_the_broker() {
    let broker = AnyBroker::get();
    let mut p = Producer::start(&broker);
    assert_eq!(p.produce(&["a"], 12), (0, 0));
    let state = p.describe();
    assert_eq!(state.transaction_state.as_str(), "Ongoing");
    assert_eq!(state.topics[0].partitions, [0]);
    assert_eq!(p.produce(&["b"], 12), (0, 1));
    let mut late = p.again(&broker);
    assert_eq!(p.end(true, 5), 0);
    p.wait_complete();
    // The marker has raised the epoch in the partition.
    assert_eq!(producers(&mut p)[0].producer_epoch, 1);
    assert_eq!(late.produce(&["late"], 12).0, 47, "INVALID_PRODUCER_EPOCH");
    p.sequence = 3;
    assert_eq!(
        p.produce(&["c"], 12).0,
        45,
        "OUT_OF_ORDER_SEQUENCE_NUMBER: an epoch begins with 0"
    );
    p.sequence = 0;
    assert_eq!(p.produce(&["c"], 12), (0, 3));
    assert_eq!((p.end(false, 5), p.epoch), (0, 2));
    p.wait_complete();
    assert_eq!(p.fetch_from(3, 1).aborted_transactions.expect("a list").len(), 1);
}

#[test]
fn batches_sent_again_are_recognised() {
    let broker = AnyBroker::get();
    let mut p = Producer::start(&broker);
    assert_eq!(p.add(&[0], 3), 0);
    let batches: Vec<_> = (0..6)
        .map(|_| {
            let batch = p.batch(&["x", "y"]);
            assert_eq!(p.produce(&["x", "y"], 9).0, 0);
            batch
        })
        .collect();
    for (n, batch) in (0i64..).zip(&batches).skip(1) {
        let again = send(&mut p.wire, &p.topic, Some(&p.id), batch.clone(), 9);
        assert_eq!(again, (0, 2 * n), "its first offset");
    }
    let forgotten = send(&mut p.wire, &p.topic, Some(&p.id), batches[0].clone(), 9);
    assert_eq!(forgotten.0, 45, "OUT_OF_ORDER_SEQUENCE_NUMBER: the sixth back");
    p.sequence += 1;
    assert_eq!(p.produce(&["z"], 9).0, 45, "OUT_OF_ORDER_SEQUENCE_NUMBER: a gap");
    p.sequence -= 1;
    let plain = {
        let mut batch = RecordBatchBuilder::new(BatchOptions {
            producer_id: p.producer_id,
            producer_epoch: p.epoch,
            base_sequence: p.sequence,
            ..BatchOptions::default()
        });
        batch.append(1_000, None, Some(b"p"));
        batch.build()
    };
    let outside = send(&mut p.wire, &p.topic, Some(&p.id), plain, 9);
    assert_eq!(
        outside.0, 48,
        "INVALID_TXN_STATE: no transactional batch within a transaction"
    );
}

#[test]
fn an_administrator_ends_what_hangs() {
    let broker = AnyBroker::get();
    let mut p = Producer::start(&broker);
    assert_eq!(p.produce(&["a"], 12), (0, 0));
    let write = |p: &mut Producer, name: &str, epoch: i16, coordinator_epoch: i32, transaction_version: i8| {
        let topics = WritableTxnMarkerTopic {
            name: topic(name),
            partition_indexes: vec![0],
        };
        let marker = WritableTxnMarker {
            producer_id: p.producer_id,
            producer_epoch: epoch,
            transaction_result: false,
            topics: vec![topics],
            coordinator_epoch,
            transaction_version,
        };
        let request = WriteTxnMarkersRequest { markers: vec![marker] };
        let version = if transaction_version > 0 { 2 } else { 1 };
        p.wire.call(&request, version).markers[0].topics[0].partitions[0].error_code
    };
    let name = p.topic.clone();
    assert_eq!(write(&mut p, "no-such-topic", 0, 5, 0), 3, "UNKNOWN_TOPIC_OR_PARTITION");
    let code = write(&mut p, &name, 0, 5, 2);
    assert_eq!(
        code, 47,
        "INVALID_PRODUCER_EPOCH: by the rules of version 2 the epoch must rise"
    );
    assert_eq!(write(&mut p, &name, 0, 5, 0), 0);
    assert_eq!((p.end_offset(1), p.end_offset(0)), (2, 2));
    assert_eq!(write(&mut p, &name, 0, 4, 0), 52, "TRANSACTION_COORDINATOR_FENCED");
    assert_eq!(write(&mut p, &name, 1, 6, 2), 0);
    assert_eq!(write(&mut p, &name, 1, 6, 2), 0, "written again");
    assert_eq!(write(&mut p, &name, 0, 6, 0), 47, "INVALID_PRODUCER_EPOCH");
}
