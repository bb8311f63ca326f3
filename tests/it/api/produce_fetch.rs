//! Produce, Fetch and ListOffsets as any client sees them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{FetchRequest, InitProducerIdRequest, MetadataRequest, ProduceRequest, TopicName};
use kt::record::{BatchOptions, RecordBatchBuilder};
use uuid::Uuid;

use crate::support::broker::{AnyBroker, unique};
use crate::support::wire::{Wire, list_offsets, until_led};

fn name(topic: &str) -> TopicName {
    TopicName(topic.to_owned().into())
}

/// Makes a topic by mentioning it; its id.
pub(super) fn create(wire: &mut Wire, topic: &str) -> Uuid {
    let wanted = MetadataRequestTopic::default().with_name(Some(name(topic)));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![wanted]))
        .with_allow_auto_topic_creation(true);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let response = wire.call(&request, 12);
        let found = &response.topics[0];
        if found.error_code == 0 && found.partitions.iter().all(|p| p.leader_id.0 >= 0) {
            let id = found.topic_id;
            until_led(wire, &name(topic));
            return id;
        }
        assert!(Instant::now() < deadline, "error {}", found.error_code);
    }
}

fn batch(options: BatchOptions, values: &[&str]) -> Bytes {
    let mut batch = RecordBatchBuilder::new(options);
    for (at, value) in values.iter().enumerate() {
        batch.append(1_000 + at as i64, None, Some(value.as_bytes()));
    }
    batch.build()
}

fn produce_request(topic: &str, acks: i16, records: Bytes) -> ProduceRequest {
    let data = PartitionProduceData::default().with_records(Some(records));
    let topic = TopicProduceData::default()
        .with_name(name(topic))
        .with_partition_data(vec![data]);
    ProduceRequest::default()
        .with_acks(acks)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic])
}

/// Error code and base offset.
fn produce(wire: &mut Wire, topic: &str, acks: i16, records: Bytes) -> (i16, i64) {
    let response = wire.call(&produce_request(topic, acks, records), 9);
    let partition = &response.responses[0].partition_responses[0];
    (partition.error_code, partition.base_offset)
}

fn fetch_request(topic: &str, offset: i64, max_wait_ms: i32) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(name(topic))
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_replica_id((-1).into())
        .with_max_wait_ms(max_wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

#[test]
fn what_is_produced_is_fetched() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let topic = unique("it-pf");
    create(&mut wire, &topic);
    let sent = batch(BatchOptions::default(), &["a", "b"]);
    assert_eq!(produce(&mut wire, &topic, -1, sent.clone()), (0, 0));
    assert_eq!(
        produce(&mut wire, &topic, 1, batch(BatchOptions::default(), &["c"])),
        (0, 2)
    );
    let response = wire.call(&fetch_request(&topic, 0, 0), 11);
    let partition = &response.responses[0].partitions[0];
    assert_eq!((partition.error_code, partition.high_watermark), (0, 3));
    let records = partition.records.clone().unwrap();
    // The leader epoch is the broker's; everything after it is as it was sent.
    assert_eq!(records[16..sent.len()], sent[16..]);
    let beyond = wire.call(&fetch_request(&topic, 9, 0), 11);
    assert_eq!(beyond.responses[0].partitions[0].error_code, 1);
}

#[test]
fn a_parked_fetch_wakes_on_produce() {
    let broker = AnyBroker::get();
    let topic = unique("it-park");
    let mut producer = Wire::connect(broker.bootstrap());
    let mut consumer = Wire::connect(broker.bootstrap());
    create(&mut producer, &topic);
    let began = Instant::now();
    let id = consumer.send_request(&fetch_request(&topic, 0, 15_000), 11);
    assert_eq!(
        produce(&mut producer, &topic, 1, batch(BatchOptions::default(), &["x"])),
        (0, 0)
    );
    let response = consumer.receive::<FetchRequest>(id, 11);
    assert!(
        response.responses[0].partitions[0]
            .records
            .as_ref()
            .is_some_and(|r| !r.is_empty())
    );
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "it waited for the time, not for the record"
    );
}

#[test]
fn an_empty_fetch_waits_its_time() {
    let broker = AnyBroker::get();
    let topic = unique("it-wait");
    let mut wire = Wire::connect(broker.bootstrap());
    create(&mut wire, &topic);
    let began = Instant::now();
    let response = wire.call(&fetch_request(&topic, 0, 300), 11);
    assert_eq!(response.responses[0].partitions[0].error_code, 0);
    assert!(began.elapsed() >= Duration::from_millis(290));
}

#[test]
fn wrong_acks_batches_and_topics_are_refused_with_kafka_s_codes() {
    let broker = AnyBroker::get();
    let topic = unique("it-bad");
    let mut wire = Wire::connect(broker.bootstrap());
    create(&mut wire, &topic);
    let good = || batch(BatchOptions::default(), &["x"]);
    assert_eq!(produce(&mut wire, &topic, 5, good()).0, 21);
    assert_eq!(produce(&mut wire, &unique("it-none"), 1, good()).0, 3);
    let mut damaged = good().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert!([2, 87].contains(&produce(&mut wire, &topic, 1, damaged.into()).0));
    assert_eq!(
        produce(&mut wire, &topic, 1, good()),
        (0, 0),
        "nothing of it was written"
    );
}

#[test]
fn an_idempotent_producer_is_checked_by_id_epoch_and_sequence() {
    let broker = AnyBroker::get();
    let topic = unique("it-idem");
    let mut wire = Wire::connect(broker.bootstrap());
    create(&mut wire, &topic);
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000)
        .with_producer_id((-1).into())
        .with_producer_epoch(-1);
    let first = wire.call(&request, 4);
    let second = wire.call(&request, 4);
    assert_eq!((first.error_code, first.producer_epoch), (0, 0));
    assert_ne!(first.producer_id, second.producer_id);
    let options = |base_sequence| BatchOptions {
        producer_id: first.producer_id.0,
        producer_epoch: 0,
        base_sequence,
        ..BatchOptions::default()
    };
    assert_eq!(produce(&mut wire, &topic, -1, batch(options(0), &["a", "b"])), (0, 0));
    assert_eq!(
        produce(&mut wire, &topic, -1, batch(options(0), &["a", "b"])),
        (0, 0),
        "a duplicate is acknowledged"
    );
    assert_eq!(produce(&mut wire, &topic, -1, batch(options(5), &["f"])).0, 45);
    assert_eq!(produce(&mut wire, &topic, -1, batch(options(2), &["c"])), (0, 2));
}

#[test]
fn offsets_by_time() {
    let broker = AnyBroker::get();
    let topic = unique("it-time");
    let mut wire = Wire::connect(broker.bootstrap());
    create(&mut wire, &topic);
    produce(
        &mut wire,
        &topic,
        1,
        batch(BatchOptions::default(), &["t1000", "t1001", "t1002"]),
    );
    let mut find = |timestamp| {
        let found = list_offsets(&mut wire, &name(&topic), timestamp, 9);
        (found.error_code, found.offset, found.timestamp)
    };
    assert_eq!(find(-1), (0, 3, -1));
    assert_eq!(find(-2), (0, 0, -1));
    assert_eq!(find(1_001), (0, 1, 1_001), "inside the batch");
    assert_eq!(find(-3), (0, 2, 1_002));
    assert_eq!(find(2_000), (0, -1, -1));
    assert_eq!(find(-5).0, 0);
}

#[test]
fn fetch_by_topic_id_knows_the_topic() {
    let broker = AnyBroker::get();
    let topic = unique("it-id");
    let mut wire = Wire::connect(broker.bootstrap());
    let id = create(&mut wire, &topic);
    produce(&mut wire, &topic, 1, batch(BatchOptions::default(), &["x"]));
    let mut fetch = |id| {
        let mut request = fetch_request("", 0, 0);
        request.topics[0].topic_id = id;
        wire.call(&request, 16).responses[0].partitions[0].error_code
    };
    assert_eq!(fetch(id), 0);
    assert_eq!(fetch(Uuid::from_u128(0x1234_5678)), 100);
}

/// Clients show the text of a refusal, and their own for the code where there is none: only records get a text.
#[test]
fn a_refusal_has_a_text_only_where_single_records_are_to_blame() {
    let broker = AnyBroker::get();
    let topic = unique("it-text");
    let mut wire = Wire::connect(broker.bootstrap());
    create(&mut wire, &topic);
    let out_of_order = BatchOptions {
        producer_id: 77,
        producer_epoch: 0,
        base_sequence: 5,
        ..BatchOptions::default()
    };
    let mut first = out_of_order.clone();
    first.base_sequence = 0;
    assert_eq!(produce(&mut wire, &topic, 1, batch(first, &["a"])).0, 0);
    let mut damaged = batch(BatchOptions::default(), &["x"]).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let large = "x".repeat(2 << 20);
    let mut future = RecordBatchBuilder::new(BatchOptions::default());
    future.append(i64::MAX / 2, None, Some(b"x"));
    let refused = [
        (2, false, Bytes::from(damaged)),
        (10, false, batch(BatchOptions::default(), &[&large])),
        (45, false, batch(out_of_order, &["x"])),
        (32, true, future.build()),
    ];
    for (code, has_text, records) in refused {
        let response = wire.call(&produce_request(&topic, -1, records), 9);
        let partition = &response.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, code);
        assert_eq!(partition.error_message.is_some(), has_text, "{code}: {partition:?}");
        assert_eq!(!partition.record_errors.is_empty(), has_text, "{code}: {partition:?}");
    }
}
