//! SIGKILL in the middle of transactions: what was committed is there, once, in every partition and in the group's offset;
//! what was aborted is nowhere. Five rounds, fifty with `KT_NIGHTLY=1`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaError};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::broker::Broker;
use crate::support::{SetOnDrop, free_ports, is_nightly, rdkafka as client};

const TOPIC: &str = "ledger";
const PARTITIONS: i32 = 3;
const GROUP: &str = "reader";
/// How long one call may take while the broker comes and goes.
const LIMIT: Duration = Duration::from_secs(60);

type TxnProducer = ThreadedProducer<DefaultProducerContext>;

fn start(data: &Path, port: u16) -> Broker {
    let listeners = format!("PLAINTEXT://127.0.0.1:{port}");
    let settings = [("listeners", listeners.as_str()), ("log.segment.bytes", "1048576")];
    Broker::on(data, &settings).expect("a broker on the data of a killed one")
}

fn producer(bootstrap: &str) -> TxnProducer {
    let producer: TxnProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("transactional.id", "teller")
        .set("linger.ms", "0")
        .set("transaction.timeout.ms", "60000")
        .set("reconnect.backoff.max.ms", "100")
        .create()
        .expect("a producer");
    again(|| producer.init_transactions(LIMIT)).expect("a producer id");
    producer
}

fn consumer(bootstrap: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", GROUP)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("reconnect.backoff.max.ms", "100")
        .create()
        .expect("a consumer")
}

/// Calls until it is done, or failed for good.
fn again(mut call: impl FnMut() -> Result<(), KafkaError>) -> Result<(), Option<RDKafkaError>> {
    let start = Instant::now();
    loop {
        match call() {
            Ok(()) => return Ok(()),
            Err(KafkaError::Transaction(error)) if error.is_retriable() && start.elapsed() < LIMIT => {}
            Err(KafkaError::Transaction(error)) => return Err(Some(error)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// What became of the transactions, by number.
#[derive(Default)]
struct Ledger {
    committed: BTreeSet<i64>,
    aborted: BTreeSet<i64>,
}

/// One transaction: a record in each partition and an offset.
fn transact(producer: &TxnProducer, reader: &BaseConsumer, n: i64) -> Result<(), Option<RDKafkaError>> {
    again(|| producer.begin_transaction())?;
    for partition in 0..PARTITIONS {
        let value = n.to_string();
        let record = BaseRecord::<(), str>::to(TOPIC).partition(partition).payload(&value);
        // A queue that does not take it belongs to a transaction that failed.
        producer.send(record).map_err(|_| None)?;
    }
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset(TOPIC, 0, Offset::Offset(n))
        .expect("an offset");
    let member = reader.group_metadata().expect("a member");
    again(|| producer.send_offsets_to_transaction(&offsets, &member, LIMIT))
}

/// Transacts until told to stop, every fourth in vain.
fn work(bootstrap: &str, stop: &AtomicBool) -> Ledger {
    let reader = consumer(bootstrap);
    let mut producer = producer(bootstrap);
    let mut ledger = Ledger::default();
    for n in 1.. {
        if stop.load(Ordering::Relaxed) {
            return ledger;
        }
        let is_commit = n % 4 != 0;
        let mut done = transact(&producer, &reader, n);
        if done.is_ok() && is_commit {
            done = again(|| producer.commit_transaction(LIMIT));
            if done.is_ok() {
                ledger.committed.insert(n);
                continue;
            }
        }
        let is_fatal = matches!(&done, Err(Some(error)) if error.is_fatal());
        if is_fatal || again(|| producer.abort_transaction(LIMIT)).is_err() {
            producer = self::producer(bootstrap);
        }
        ledger.aborted.insert(n);
    }
    ledger
}

/// What readers of committed records see of a partition.
fn read(bootstrap: &str, partition: i32) -> Vec<i64> {
    let consumer = consumer(bootstrap);
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(TOPIC, partition, Offset::Beginning)
        .expect("an offset");
    consumer.assign(&from).expect("an assignment");
    let deadline = Instant::now() + LIMIT;
    let mut values = Vec::new();
    while Instant::now() < deadline {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let value = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
                values.push(value.parse().expect("a number"));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return values,
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
    }
    panic!("partition {partition} has no end");
}

/// The group's offset, once no transaction is about to change it.
fn offset(bootstrap: &str) -> i64 {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(TOPIC, 0);
    let found = consumer(bootstrap).committed_offsets(asked, client::LIMIT);
    found.expect("an offset").elements()[0].offset().to_raw().unwrap_or(-1)
}

#[test]
fn transactions_are_all_or_nothing_whenever_the_broker_dies() {
    let rounds = if is_nightly() { 50 } else { 5 };
    let folder = tempfile::tempdir().expect("a temp dir");
    let data = folder.path().join("data");
    let port = free_ports(1)[0];
    let mut random = StdRng::seed_from_u64(98);
    let mut broker = start(&data, port);
    let bootstrap = broker.bootstrap().to_owned();
    client::create_topic(&bootstrap, TOPIC, PARTITIONS);
    let stop = AtomicBool::new(false);
    let (ledger, _broker) = thread::scope(|scope| {
        let worker = scope.spawn(|| work(&bootstrap, &stop));
        // A round that fails ends the other's work too: the scope waits for it.
        let end = SetOnDrop(&stop);
        for _ in 0..rounds {
            thread::sleep(Duration::from_millis(random.random_range(200..900)));
            broker.kill();
            broker = start(&data, port);
        }
        thread::sleep(Duration::from_millis(500));
        drop(end);
        (worker.join().expect("the worker"), broker)
    });
    let (committed, aborted) = (ledger.committed.len(), ledger.aborted.len());
    assert!(
        committed > rounds && aborted > rounds / 2,
        "{committed} and {aborted} are no load"
    );
    for partition in 0..PARTITIONS {
        let seen = read(&bootstrap, partition);
        let expected: Vec<i64> = ledger.committed.iter().copied().collect();
        assert_eq!(seen, expected, "partition {partition}");
    }
    assert_eq!(Some(&offset(&bootstrap)), ledger.committed.last(), "the group's offset");
    println!("{rounds} rounds, {committed} committed, {aborted} aborted");
}
