//! A log that lost records which a consumer has read: the broker tells where what is left ends (KIP-101, KIP-320,
//! KIP-595), and librdkafka hears of it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::{FetchRequest, MetadataRequest, OffsetForLeaderEpochRequest, TopicName};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use crate::support::broker::Broker;
use crate::support::wire::{Wire, text};
use crate::support::{copy_dir, free_ports, rdkafka as real};

const TOPIC: &str = "cut";
const LIMIT: Duration = Duration::from_secs(30);

fn name() -> TopicName {
    TopicName(text(TOPIC))
}

fn produce(broker: &Broker, values: &[&str]) {
    let pairs = values.iter().map(|value| (value.as_bytes(), value.as_bytes()));
    real::produce(broker.bootstrap(), TOPIC, &[("acks", "all")], pairs);
}

fn leader_epoch(wire: &mut Wire) -> i32 {
    let topic = MetadataRequestTopic::default().with_name(Some(name()));
    let request = MetadataRequest::default().with_topics(Some(vec![topic]));
    wire.call(&request, 9).topics[0].partitions[0].leader_epoch
}

/// The largest epoch up to this one, and the offset at which it ends.
fn end_of_epoch(wire: &mut Wire, epoch: i32) -> (i32, i64) {
    let partition = OffsetForLeaderPartition::default().with_leader_epoch(epoch);
    let topic = OffsetForLeaderTopic::default()
        .with_topic(name())
        .with_partitions(vec![partition]);
    let request = OffsetForLeaderEpochRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    let answer = wire.call(&request, 4).topics.remove(0).partitions.remove(0);
    assert_eq!(answer.error_code, 0);
    (answer.leader_epoch, answer.end_offset)
}

/// What a Fetch from an offset says of where the logs differ, and its records.
fn fetch(wire: &mut Wire, offset: i64, last_fetched_epoch: i32) -> ((i32, i64), Bytes) {
    let partition = FetchPartition::default()
        .with_fetch_offset(offset)
        .with_last_fetched_epoch(last_fetched_epoch)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(name())
        .with_partitions(vec![partition]);
    let request = FetchRequest::default().with_max_bytes(1 << 20).with_topics(vec![topic]);
    let answer = wire.call(&request, 12).responses.remove(0).partitions.remove(0);
    assert_eq!(answer.error_code, 0);
    let diverging = &answer.diverging_epoch;
    (
        (diverging.epoch, diverging.end_offset),
        answer.records.unwrap_or_default(),
    )
}

/// A consumer of the whole topic that minds where it is.
fn consumer(bootstrap: &str) -> BaseConsumer {
    let consumer: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "none")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("topic.metadata.refresh.interval.ms", "500")
        .create()
        .expect("a consumer");
    let mut whole = TopicPartitionList::new();
    whole
        .add_partition_offset(TOPIC, 0, Offset::Offset(0))
        .expect("an offset");
    consumer.assign(&whole).expect("an assignment");
    consumer
}

/// Reads so many values of a letter each, or up to an error that is not of the connection.
fn read(consumer: &BaseConsumer, count: usize) -> (String, Option<RDKafkaErrorCode>) {
    let start = Instant::now();
    let mut values = String::new();
    while values.len() < count {
        assert!(start.elapsed() < LIMIT, "{values} only");
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => values.push_str(&real::text(&message.detach())),
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown) => {}
                other => return (values, other),
            },
            None => {}
        }
    }
    (values, None)
}

#[test]
fn clients_hear_of_records_that_the_log_has_lost() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let (data, older) = (dir.path().join("data"), dir.path().join("older"));
    let broker = Broker::on(&data, &[]).expect("a broker");
    real::create_topic(broker.bootstrap(), TOPIC, 1);
    produce(&broker, &["a", "b", "c", "d", "e"]);
    let kept = leader_epoch(&mut Wire::connect(broker.bootstrap()));
    assert_eq!(broker.stop(), Some(0));
    copy_dir(&data, &older);

    let listeners = format!("PLAINTEXT://127.0.0.1:{}", free_ports(1)[0]);
    let on_port = [("listeners", listeners.as_str())];
    let broker = Broker::on(&data, &on_port).expect("a broker on the same folder");
    let consumer = consumer(broker.bootstrap());
    produce(&broker, &["f", "g"]);
    let mut wire = Wire::connect(broker.bootstrap());
    let lost = leader_epoch(&mut wire);
    assert!(lost > kept, "a restart begins an epoch: {kept}, {lost}");
    assert_eq!(end_of_epoch(&mut wire, kept), (kept, 5));
    assert_eq!(end_of_epoch(&mut wire, lost), (lost, 7));
    let (diverging, records) = fetch(&mut wire, 6, lost);
    assert_eq!((diverging, records.is_empty()), ((-1, -1), false));
    assert_eq!(read(&consumer, 7), ("abcdefg".to_owned(), None));
    assert_eq!(broker.stop(), Some(0));

    // The folder as it was, restarted until its epochs are past those that were lost with the records.
    let mut broker = Broker::on(&older, &[]).expect("a broker on the older folder");
    while leader_epoch(&mut Wire::connect(broker.bootstrap())) <= lost {
        assert_eq!(broker.stop(), Some(0));
        broker = Broker::on(&older, &on_port).expect("a broker on the older folder");
    }
    produce(&broker, &["x", "y", "z"]);
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(end_of_epoch(&mut wire, lost), (kept, 5));
    for offset in [5, 7, 8] {
        let (diverging, records) = fetch(&mut wire, offset, lost);
        assert_eq!((diverging, records.is_empty()), ((kept, 5), true));
    }
    let (diverging, records) = fetch(&mut wire, 5, kept);
    assert_eq!((diverging, records.is_empty()), ((-1, -1), false));

    // Its offset is there, but what it is to read is not what follows what it has read.
    let cut = (String::new(), Some(RDKafkaErrorCode::AutoOffsetReset));
    assert_eq!(read(&consumer, 1), cut);
}
