//! Transactions as librdkafka lives them, and what `kt`'s own Admin sees of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kt::TopicPartition;
use kt::client::admin::{AbortTransactionSpec, Admin, ListTransactionsOptions};
use kt::client::{Bootstrap, ConnectConfig};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use crate::support::broker::{AnyBroker, Broker, unique};
use crate::support::rdkafka::create_topic;

/// How long anything may take; only a failing test takes so long.
pub(super) const LIMIT: Duration = Duration::from_secs(40);

/// It is polled by a thread of its own.
pub(super) type TxnProducer = ThreadedProducer<DefaultProducerContext>;

pub(super) fn producer(bootstrap: &str, id: &str, more: &[(&str, &str)]) -> TxnProducer {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("transactional.id", id)
        .set("linger.ms", "0");
    for (key, value) in more {
        config.set(*key, *value);
    }
    let producer: TxnProducer = config.create().expect("a producer");
    producer.init_transactions(LIMIT).expect("a producer id");
    producer
}

pub(super) fn send(producer: &TxnProducer, topic: &str, partition: i32, value: &str) {
    let record = BaseRecord::<(), _>::to(topic).partition(partition).payload(value);
    let sent = producer.send(record).map_err(|(error, _)| error);
    sent.expect("room in the queue");
}

pub(super) fn consumer(bootstrap: &str, group: &str, isolation: &str, more: &[(&str, &str)]) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("isolation.level", isolation)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true");
    for (key, value) in more {
        config.set(*key, *value);
    }
    config.create().expect("a consumer")
}

/// All values that a partition has for such readers, in their order.
pub(super) fn values(bootstrap: &str, topic: &str, partition: i32, isolation: &str) -> Vec<String> {
    let consumer = consumer(bootstrap, &unique("reader"), isolation, &[]);
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(topic, partition, Offset::Beginning)
        .expect("an offset");
    consumer.assign(&from).expect("an assignment");
    let start = Instant::now();
    let mut values = Vec::new();
    loop {
        assert!(start.elapsed() < LIMIT, "no end of {topic}-{partition}");
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                values.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned())
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return values,
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
    }
}

fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::Transaction(error) => Some(error.code()),
        error => error.rdkafka_error_code(),
    }
}

#[test]
fn committed_records_are_seen_and_aborted_ones_are_not() {
    let broker = AnyBroker::get();
    let (bootstrap, topic) = (broker.bootstrap(), unique("rdk-txn"));
    create_topic(bootstrap, &topic, 2);
    let producer = producer(bootstrap, &unique("id"), &[]);
    let mut expected = Vec::new();
    for n in 0..30 {
        producer.begin_transaction().expect("no transaction before");
        for partition in 0..2 {
            send(&producer, &topic, partition, &format!("{n}"));
        }
        if n % 3 == 1 {
            producer.flush(LIMIT).expect("all written");
            producer.abort_transaction(LIMIT).expect("the abort");
        } else {
            producer.commit_transaction(LIMIT).expect("the commit");
            expected.push(n.to_string());
        }
    }
    for partition in 0..2 {
        assert_eq!(values(bootstrap, &topic, partition, "read_committed"), expected);
        assert_eq!(values(bootstrap, &topic, partition, "read_uncommitted").len(), 30);
    }
}

/// Copies from one topic to another, every third transaction in vain.
fn copy(bootstrap: &str, from: &str, to: &str, group: &str, more: &[(&str, &str)]) {
    let consumer = consumer(bootstrap, group, "read_committed", more);
    consumer.subscribe(&[from]).expect("a subscription");
    let producer = producer(bootstrap, &unique("copier"), &[]);
    let (start, mut read, mut turn) = (Instant::now(), 0, 0);
    let mut ends = std::collections::BTreeSet::new();
    while ends.len() < 2 {
        assert!(start.elapsed() < LIMIT, "{read} records read");
        let message = match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => message,
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ends.insert(partition);
                continue;
            }
            Some(Err(error)) => panic!("{error}"),
            None => continue,
        };
        read += 1;
        turn += 1;
        producer.begin_transaction().expect("no transaction before");
        let payload = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
        send(&producer, to, message.partition(), &payload);
        let next = Offset::Offset(message.offset() + 1);
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(from, message.partition(), next)
            .expect("an offset");
        let member = consumer.group_metadata().expect("a member");
        producer
            .send_offsets_to_transaction(&offsets, &member, LIMIT)
            .expect("the offsets");
        if turn % 3 == 0 {
            producer.abort_transaction(LIMIT).expect("the abort");
            ends.remove(&message.partition());
            let again = Offset::Offset(message.offset());
            consumer
                .seek(from, message.partition(), again, LIMIT)
                .expect("the same record again");
        } else {
            producer.commit_transaction(LIMIT).expect("the commit");
        }
    }
    assert!(read > 20, "{read} records with those read again");
}

fn copies_exactly_once(more: &[(&str, &str)]) {
    let broker = AnyBroker::get();
    let bootstrap = broker.bootstrap();
    let (from, to, group) = (unique("from"), unique("to"), unique("g"));
    for topic in [&from, &to] {
        create_topic(bootstrap, topic, 2);
    }
    let source = producer(bootstrap, &unique("source"), &[]);
    source.begin_transaction().expect("no transaction before");
    for n in 0..20 {
        send(&source, &from, n % 2, &format!("{n}"));
    }
    source.commit_transaction(LIMIT).expect("the commit");
    copy(bootstrap, &from, &to, &group, more);
    let mut asked = TopicPartitionList::new();
    for partition in 0..2 {
        let expected: Vec<_> = (0..20).filter(|n| n % 2 == partition).map(|n| n.to_string()).collect();
        assert_eq!(values(bootstrap, &to, partition, "read_committed"), expected);
        asked.add_partition(&from, partition);
    }
    let committed = consumer(bootstrap, &group, "read_committed", &[])
        .committed_offsets(asked, LIMIT)
        .expect("offsets");
    let offsets: BTreeMap<i32, _> = committed
        .elements()
        .iter()
        .map(|e| (e.partition(), e.offset()))
        .collect();
    assert_eq!(offsets, (0..2).map(|p| (p, Offset::Offset(10))).collect());
}

#[test]
fn a_copy_is_made_exactly_once_in_a_classic_group() {
    copies_exactly_once(&[]);
}

#[test]
fn a_copy_is_made_exactly_once_in_a_consumer_group() {
    copies_exactly_once(&[("group.protocol", "consumer")]);
}

#[test]
fn the_second_of_two_producers_fences_the_first() {
    let broker = AnyBroker::get();
    let (bootstrap, topic, id) = (broker.bootstrap(), unique("rdk-txn"), unique("id"));
    create_topic(bootstrap, &topic, 1);
    let first = producer(bootstrap, &id, &[]);
    first.begin_transaction().expect("no transaction before");
    send(&first, &topic, 0, "first");
    first.flush(LIMIT).expect("it is written");
    let second = producer(bootstrap, &id, &[]);
    let fenced = first.commit_transaction(LIMIT).expect_err("another has come");
    assert_eq!(code(&fenced), Some(RDKafkaErrorCode::Fenced));
    second.begin_transaction().expect("no transaction before");
    send(&second, &topic, 0, "second");
    second.commit_transaction(LIMIT).expect("the commit");
    assert_eq!(values(bootstrap, &topic, 0, "read_committed"), ["second"]);
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted() {
    let setting = ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "100");
    let broker = Broker::with(&[setting]);
    let (bootstrap, topic) = (broker.bootstrap(), unique("rdk-txn"));
    create_topic(bootstrap, &topic, 1);
    let other = producer(bootstrap, "other", &[]);
    let slow = producer(bootstrap, "slow", &[("transaction.timeout.ms", "3000")]);
    slow.begin_transaction().expect("no transaction before");
    send(&slow, &topic, 0, "too late");
    slow.flush(LIMIT).expect("it is written");
    other.begin_transaction().expect("no transaction before");
    send(&other, &topic, 0, "in time");
    other.commit_transaction(LIMIT).expect("the commit");
    assert_eq!(
        values(bootstrap, &topic, 0, "read_committed"),
        [] as [&str; 0],
        "behind the open one"
    );
    let start = Instant::now();
    while values(bootstrap, &topic, 0, "read_committed") != ["in time"] {
        assert!(start.elapsed() < LIMIT, "the transaction is still open");
    }
    slow.commit_transaction(LIMIT).expect_err("it was aborted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_and_ends_transactions() {
    let broker = AnyBroker::get();
    let (bootstrap, topic, id) = (broker.bootstrap().to_owned(), unique("rdk-txn"), unique("id"));
    let connect = ConnectConfig {
        bootstrap: Bootstrap::Servers(bootstrap.clone()),
        ..ConnectConfig::default()
    };
    let admin = Admin::connect(&connect).await.expect("a broker");
    let made = {
        let (bootstrap, topic, id) = (bootstrap.clone(), topic.clone(), id.clone());
        tokio::task::spawn_blocking(move || {
            create_topic(&bootstrap, &topic, 1);
            let producer = producer(&bootstrap, &id, &[]);
            producer.begin_transaction().expect("no transaction before");
            send(&producer, &topic, 0, "hangs");
            producer.flush(LIMIT).expect("it is written");
            producer
        })
    };
    let producer = made.await.expect("a producer");

    let described = admin.describe_transactions(std::slice::from_ref(&id)).await;
    let open = described[0].1.as_ref().expect("it is known").clone();
    let partition = TopicPartition::new(topic.as_str(), 0);
    assert_eq!(
        (open.state.as_str(), &open.partitions[..]),
        ("Ongoing", &[partition.clone()][..])
    );
    let options = ListTransactionsOptions {
        states: vec!["Ongoing".to_owned()],
        transactional_id_pattern: Some(id.clone()),
        ..ListTransactionsOptions::default()
    };
    let listed = admin.list_transactions(&options).await.expect("brokers");
    let ids: Vec<_> = listed
        .iter()
        .flat_map(|(_, rows)| rows.as_ref().expect("a list"))
        .collect();
    assert_eq!((ids.len(), ids[0].producer_id), (1, open.producer_id));
    let producers = admin.describe_producers(std::slice::from_ref(&partition)).await;
    let writes = producers[0].1.as_ref().expect("the partition")[0];
    assert_eq!(writes.current_transaction_start_offset, Some(0));

    let abort = AbortTransactionSpec {
        partition: partition.clone(),
        producer_id: writes.producer_id,
        producer_epoch: i16::try_from(writes.producer_epoch).expect("an epoch"),
        coordinator_epoch: 1_000,
    };
    admin.abort_transaction(&abort).await.expect("a marker");
    let producers = admin.describe_producers(std::slice::from_ref(&partition)).await;
    let writes = producers[0].1.as_ref().expect("the partition")[0];
    assert_eq!(writes.current_transaction_start_offset, None);

    let other = unique("id");
    let fenced = admin.fence_producers(std::slice::from_ref(&other)).await;
    assert_eq!(fenced[0].1.as_ref().expect("a new epoch").1, 0);
    drop(producer);
}
