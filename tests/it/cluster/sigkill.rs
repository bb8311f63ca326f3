//! SIGKILL at random moments under idempotent load: nothing acknowledged is lost, nothing is there twice, order is kept,
//! committed offsets stay. Six rounds, a hundred with `KT_NIGHTLY=1`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, ClientContext};

use crate::support::broker::Broker;
use crate::support::{SetOnDrop, free_ports, is_nightly, rdkafka as client};

const TOPIC: &str = "load";
const PARTITIONS: i32 = 3;
/// So many records are on their way at a time.
const IN_FLIGHT: usize = 500;

/// Counts what the broker acknowledged; a record given up is a failure of the test.
#[derive(Default)]
struct Deliveries {
    acknowledged: AtomicUsize,
    failed: AtomicUsize,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => self.acknowledged.fetch_add(1, Ordering::Relaxed),
            Err(_) => self.failed.fetch_add(1, Ordering::Relaxed),
        };
    }
}

fn start(data: &Path, port: u16) -> Broker {
    let listeners = format!("PLAINTEXT://127.0.0.1:{port}");
    let settings = [("listeners", listeners.as_str()), ("log.segment.bytes", "1048576")];
    Broker::on(data, &settings).expect("a broker on the data of a killed one")
}

/// The value of the n-th record of a partition.
fn value(n: usize) -> String {
    format!("{n:09}{}", "x".repeat(n % 1500))
}

/// Sends until told to stop, the same number of records to every partition, and waits for the last to be acknowledged.
/// One producer throughout: what it repeats after a kill may have been written before.
fn load(bootstrap: &str, stop: &AtomicBool) -> usize {
    let producer: BaseProducer<Deliveries> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "2")
        .set("message.timeout.ms", "300000")
        .set("reconnect.backoff.max.ms", "100")
        .create_with_context(Deliveries::default())
        .expect("a producer");
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        for partition in 0..PARTITIONS {
            let value = value(sent);
            let record = BaseRecord::<(), str, ()>::to(TOPIC)
                .partition(partition)
                .payload(&value);
            producer.send(record).map_err(|(e, _)| e).expect("a queue with room");
        }
        sent += 1;
        producer.poll(Duration::ZERO);
        while producer.in_flight_count() as usize > IN_FLIGHT {
            producer.poll(Duration::from_millis(10));
        }
    }
    producer
        .flush(Duration::from_secs(120))
        .expect("all acknowledged in the end");
    let deliveries = producer.context();
    assert_eq!(deliveries.failed.load(Ordering::Relaxed), 0, "records were given up");
    assert_eq!(
        deliveries.acknowledged.load(Ordering::Relaxed),
        sent * PARTITIONS as usize
    );
    sent
}

fn committer(bootstrap: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "committer")
        .set("enable.auto.commit", "false")
        .set("reconnect.backoff.max.ms", "100")
        .create()
        .expect("a consumer")
}

/// Commits rising offsets; the last that was acknowledged is in `done`.
fn commit(bootstrap: &str, stop: &AtomicBool, done: &AtomicI64) {
    let consumer = committer(bootstrap);
    let mut next = 1;
    while !stop.load(Ordering::Relaxed) {
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(TOPIC, 0, Offset::Offset(next))
            .expect("an offset");
        if consumer.commit(&offsets, CommitMode::Sync).is_ok() {
            done.store(next, Ordering::SeqCst);
        }
        next += 1;
    }
}

fn committed(bootstrap: &str) -> i64 {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(TOPIC, 0);
    let found = committer(bootstrap)
        .committed_offsets(asked, client::LIMIT)
        .expect("committed offsets");
    found.elements()[0].offset().to_raw().unwrap_or(-1)
}

/// All values of a partition, in the order of their offsets.
fn read(bootstrap: &str, partition: i32, count: usize) -> Vec<String> {
    let consumer = committer(bootstrap);
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(TOPIC, partition, Offset::Beginning)
        .expect("an offset");
    consumer.assign(&from).expect("an assignment");
    let (_, end) = consumer
        .fetch_watermarks(TOPIC, partition, client::LIMIT)
        .expect("the end offset");
    assert_eq!(end, count as i64, "records of partition {partition}");
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut values = Vec::with_capacity(count);
    while values.len() < count && Instant::now() < deadline {
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = message.expect("a record");
            values.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned());
        }
    }
    values
}

#[test]
fn a_broker_killed_again_and_again_loses_and_doubles_nothing() {
    let rounds = if is_nightly() { 100 } else { 6 };
    let work = tempfile::tempdir().expect("a temp dir");
    let data = work.path().join("data");
    let port = free_ports(1)[0];
    let mut random = StdRng::seed_from_u64(9);
    let mut broker = start(&data, port);
    let bootstrap = broker.bootstrap().to_owned();
    client::create_topic(&bootstrap, TOPIC, PARTITIONS);
    let (stop, done) = (AtomicBool::new(false), AtomicI64::new(0));
    let (sent, _broker) = thread::scope(|scope| {
        let sender = scope.spawn(|| load(&bootstrap, &stop));
        scope.spawn(|| commit(&bootstrap, &stop, &done));
        // A round that fails ends the others' work too: the scope waits for them.
        let end = SetOnDrop(&stop);
        for round in 0..rounds {
            thread::sleep(Duration::from_millis(random.random_range(1..400)));
            broker.kill();
            let before = done.load(Ordering::SeqCst);
            broker = start(&data, port);
            let after = committed(&bootstrap);
            assert!(after >= before, "round {round}: offset {after}, {before} was committed");
        }
        drop(end);
        (sender.join().expect("the producer"), broker)
    });
    assert!(sent > 50 * rounds, "{sent} records in {rounds} rounds are no load");
    for partition in 0..PARTITIONS {
        let read = read(&bootstrap, partition, sent);
        let wrong = (0..sent).find(|n| read.get(*n) != Some(&value(*n)));
        assert_eq!(wrong, None, "partition {partition}, record of {sent}");
    }
    println!(
        "{rounds} rounds, {sent} records a partition, {} commits",
        done.load(Ordering::SeqCst)
    );
}
