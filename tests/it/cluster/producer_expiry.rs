//! `producer.id.expiration.ms`: idle producers are forgotten, but not while a transaction is open.

use std::thread;
use std::time::{Duration, Instant};

use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::{DescribeProducersRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use crate::support::broker::Broker;
use crate::support::rdkafka as client;
use crate::support::wire::Wire;

/// First offsets of the open transactions of all producers that are remembered; -1 for none.
fn producers(broker: &Broker) -> Vec<i64> {
    let name = TopicName(StrBytes::from_static_str("t"));
    let topic = TopicRequest::default().with_name(name).with_partition_indexes(vec![0]);
    let request = DescribeProducersRequest::default().with_topics(vec![topic]);
    let answer = Wire::connect(broker.bootstrap()).call(&request, 0);
    let producers = answer.topics[0].partitions[0].active_producers.iter();
    producers.map(|producer| producer.current_txn_start_offset).collect()
}

#[test]
fn idle_producers_are_forgotten_when_they_have_no_transaction_open() {
    let broker = Broker::with(&[
        ("producer.id.expiration.ms", "500"),
        ("log.retention.check.interval.ms", "50"),
    ]);
    client::create_topic(broker.bootstrap(), "t", 1);
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .set("transactional.id", "open")
        .create()
        .expect("a producer");
    producer.init_transactions(client::LIMIT).expect("a producer id");
    producer.begin_transaction().expect("no transaction before");
    let record = BaseRecord::<(), _>::to("t").payload("x");
    producer.send(record).map_err(|(e, _)| e).expect("room in the queue");
    producer.flush(client::LIMIT).expect("it is written");
    let idempotent = [("enable.idempotence", "true")];
    client::produce(
        broker.bootstrap(),
        "t",
        &idempotent,
        [(&b"k"[..], &b"v"[..])].into_iter(),
    );
    let start = Instant::now();
    while producers(&broker) != [0] {
        assert!(start.elapsed() < client::LIMIT, "{:?}", producers(&broker));
        thread::sleep(Duration::from_millis(20));
    }
    producer.commit_transaction(client::LIMIT).expect("the commit");
    while !producers(&broker).is_empty() {
        assert!(start.elapsed() < client::LIMIT, "{:?}", producers(&broker));
        thread::sleep(Duration::from_millis(20));
    }
}
