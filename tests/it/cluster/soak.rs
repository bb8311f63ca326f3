//! Mixed load for a long time: copiers that move records exactly once and are killed, rebalances, a compacted table.
//! Checked throughout: nothing lost, nothing twice under read_committed, no group stuck, memory flat.
//!
//! Fifteen seconds; half an hour with `KT_NIGHTLY=1`, `KT_SOAK_SECONDS=N` as long as is wanted.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::Offset;
use rdkafka::{ClientConfig, ClientContext, TopicPartitionList};

use crate::support::broker::Broker;
use crate::support::{is_nightly, rdkafka as client, usage};

const COPIERS: usize = 2;
const PARTITIONS: i32 = 4;
const KEYS: usize = 50;
/// Records a second into `in` and into `table`, each.
const RATE: usize = 1_000;
/// One transaction of so many is aborted.
const ABORT_ONE_OF: u32 = 10;
/// No record may take longer from `in` to `out`, kills and rebalances included.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_secs(20);
/// Names the broker and its own number to a copier.
const COPIER: &str = "KT_SOAK_COPIER";

fn length() -> Duration {
    let asked = std::env::var("KT_SOAK_SECONDS").ok().and_then(|s| s.parse().ok());
    Duration::from_secs(asked.unwrap_or(if is_nightly() { 1800 } else { 15 }))
}

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set_log_level(RDKafkaLogLevel::Emerg);
    config
}

/// Remembers that partitions were taken away.
#[derive(Default)]
struct Taken(AtomicBool);

impl ClientContext for Taken {}

impl ConsumerContext for Taken {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Revoke(_)) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

type TestConsumer = BaseConsumer<Taken>;

fn consumer(bootstrap: &str, group: &str) -> TestConsumer {
    config(bootstrap)
        .set("group.id", group)
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "2000")
        .set("heartbeat.interval.ms", "500")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .create_with_context(Taken::default())
        .expect("a consumer")
}

/// The process that is killed: this test binary, run for nothing but this.
#[test]
#[ignore = "a part of the soak test, which starts it"]
fn copier() {
    let Ok(told) = std::env::var(COPIER) else {
        return;
    };
    let (bootstrap, number) = told.split_once(' ').expect("a broker and a number");
    let producer: Copier = config(bootstrap)
        .set("transactional.id", format!("copier-{number}"))
        .set("transaction.timeout.ms", "10000")
        .set("linger.ms", "1")
        .create()
        .expect("a producer");
    let consumer = consumer(bootstrap, "copiers");
    consumer.subscribe(&["in"]).expect("a subscription");
    let mut random = StdRng::seed_from_u64(u64::from(std::process::id()));
    producer.init_transactions(STEP).expect("the coordinator");
    loop {
        match copy_some(&producer, &consumer, &mut random) {
            Ok(()) => {}
            Err(KafkaError::Transaction(e)) if e.is_fatal() => return,
            Err(_) => {
                // A rebalance, most likely: what was read is read again, by whoever it belongs to now.
                if producer.abort_transaction(STEP).is_err() || rewind(&consumer).is_err() {
                    return;
                }
            }
        }
    }
}

/// Takes its delivery reports by itself: an abort waits for them.
type Copier = ThreadedProducer<DefaultProducerContext>;

fn copy_some(producer: &Copier, consumer: &TestConsumer, random: &mut StdRng) -> KafkaResult<()> {
    let mut next = TopicPartitionList::new();
    let mut open = false;
    consumer.context().0.store(false, Ordering::Relaxed);
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(50) {
        let Some(message) = consumer.poll(Duration::from_millis(20)) else {
            continue;
        };
        let message = message?;
        if !open {
            producer.begin_transaction()?;
            open = true;
        }
        let value = message.payload().unwrap_or_default();
        let mut record = BaseRecord::to("out")
            .key(message.key().unwrap_or_default())
            .payload(value);
        while let Err((error, back)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(rdkafka::types::RDKafkaErrorCode::QueueFull) {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(1));
            record = back;
        }
        let (partition, offset) = (message.partition(), Offset::Offset(message.offset() + 1));
        if next.set_partition_offset("in", partition, offset).is_err() {
            next.add_partition_offset("in", partition, offset)?;
        }
    }
    if !open {
        return Ok(());
    }
    // What was read of a partition that is somebody else's by now, somebody else reads too.
    let taken = consumer.context().0.swap(false, Ordering::Relaxed);
    if taken || random.random_ratio(1, ABORT_ONE_OF) {
        producer.abort_transaction(STEP)?;
        return rewind(consumer);
    }
    let group = consumer.group_metadata().expect("a member has metadata");
    producer.send_offsets_to_transaction(&next, &group, STEP)?;
    producer.commit_transaction(STEP)
}

/// Goes back to what is committed.
fn rewind(consumer: &TestConsumer) -> KafkaResult<()> {
    for partition in consumer.committed(STEP)?.elements() {
        let offset = match partition.offset() {
            Offset::Invalid => Offset::Beginning,
            offset => offset,
        };
        // A partition that has just been taken away cannot be sought, and need not.
        let _ = consumer.seek(partition.topic(), partition.partition(), offset, Duration::ZERO);
    }
    Ok(())
}

/// Copiers, one of which is killed now and then and started again. Killed all when dropped.
struct Copiers {
    bootstrap: String,
    running: Vec<Child>,
}

impl Copiers {
    fn start(bootstrap: &str) -> Self {
        let mut copiers = Self {
            bootstrap: bootstrap.to_owned(),
            running: Vec::new(),
        };
        copiers.running = (0..COPIERS).map(|number| copiers.spawn(number)).collect();
        copiers
    }

    fn spawn(&self, number: usize) -> Child {
        Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "cluster::soak::copier", "--ignored"])
            .env(COPIER, format!("{} {number}", self.bootstrap))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("this test")
    }

    fn kill_one(&mut self, number: usize) {
        self.running[number].kill().ok();
        self.running[number].wait().ok();
        self.running[number] = self.spawn(number);
    }

    /// Starts those again that ended by themselves: fenced by a coordinator that had given them up.
    fn tend(&mut self) {
        for number in 0..COPIERS {
            if matches!(self.running[number].try_wait(), Ok(Some(_))) {
                self.running[number] = self.spawn(number);
            }
        }
    }
}

impl Drop for Copiers {
    fn drop(&mut self) {
        for child in &mut self.running {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Sends numbers to `in` and, by key, to `table` until told to stop; how many of each.
fn feed(bootstrap: &str, stop: &AtomicBool, sent: &AtomicUsize) {
    let producer: BaseProducer = config(bootstrap)
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .create()
        .expect("a producer");
    let began = Instant::now();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        while (n as f64) < began.elapsed().as_secs_f64() * RATE as f64 {
            let (key, value) = (format!("k{}", n % KEYS), n.to_string());
            for topic in ["in", "table"] {
                let record = BaseRecord::to(topic).key(&key).payload(&value);
                producer.send(record).map_err(|(e, _)| e).expect("a queue with room");
            }
            n += 1;
        }
        sent.store(n, Ordering::Relaxed);
        producer.poll(Duration::from_millis(5));
    }
    producer.flush(LONGEST_WAIT).expect("all acknowledged");
}

/// Reads `out` until every number below what is told at last was there, once. What it says is how many were.
fn check(bootstrap: &str, group: &str, all: &Receiver<usize>, seen: &AtomicUsize) -> Result<(), String> {
    let consumer = consumer(bootstrap, group);
    // Not as a member: one that a busy machine makes late would begin anew.
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset("out", partition, Offset::Beginning)
            .map_err(|e| e.to_string())?;
    }
    consumer.assign(&list).map_err(|e| e.to_string())?;
    let mut there: Vec<bool> = Vec::new();
    let (mut count, mut wanted, mut last) = (0, None, Instant::now());
    while wanted != Some(count) {
        wanted = wanted.or_else(|| all.try_recv().ok());
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Err(e)) => return Err(e.to_string()),
            Some(Ok(message)) => {
                let n: usize = client::text(&message.detach()).parse().map_err(|e| format!("{e}"))?;
                there.resize(there.len().max(n + 1), false);
                if std::mem::replace(&mut there[n], true) {
                    return Err(format!(
                        "{n} is there twice, the second time at offset {}",
                        message.offset()
                    ));
                }
                count += 1;
                seen.store(count, Ordering::Relaxed);
                last = Instant::now();
            }
        }
        if last.elapsed() > LONGEST_WAIT {
            let lost = there.iter().position(|there| !there);
            return Err(format!(
                "nothing more after {count} of {wanted:?}; the first one missing is {lost:?}"
            ));
        }
    }
    Ok(())
}

/// What the table holds at last for each key.
fn table(bootstrap: &str) -> HashMap<String, usize> {
    let reader = consumer(bootstrap, "table-reader");
    let mut list = TopicPartitionList::new();
    let mut ends = HashMap::new();
    for partition in 0..PARTITIONS {
        let (_, end) = reader.fetch_watermarks("table", partition, STEP).expect("the ends");
        ends.insert(partition, end);
        list.add_partition_offset("table", partition, Offset::Beginning)
            .expect("an offset");
    }
    reader.assign(&list).expect("an assignment");
    let mut found = HashMap::new();
    ends.retain(|_, end| *end > 0);
    let began = Instant::now();
    while !ends.is_empty() {
        assert!(began.elapsed() < LONGEST_WAIT, "not read to the end: {ends:?}");
        if let Some(message) = reader.poll(Duration::from_millis(100)) {
            let message = message.expect("a record").detach();
            let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
            found.insert(key, client::text(&message).parse().expect("a number"));
            ends.retain(|partition, end| *partition != message.partition() || *end > message.offset() + 1);
        }
    }
    found
}

/// The later half of the samples is at most a little above the earlier; the first tenth is warming up.
fn is_flat(samples: &[f64]) -> bool {
    const GROWTH: f64 = 1.25;
    const SLACK_KB: f64 = 24.0 * 1024.0;
    let steady = &samples[samples.len() / 10..];
    let (early, late) = steady.split_at(steady.len() / 2);
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    most(late) <= most(early) * GROWTH + SLACK_KB
}

#[test]
fn nothing_is_lost_or_doubled_while_clients_come_and_go() {
    let broker = Broker::with(&[
        ("log.cleaner.backoff.ms", "500"),
        ("group.min.session.timeout.ms", "1000"),
        ("transaction.state.log.num.partitions", "3"),
        ("log.segment.bytes", "1048576"),
    ]);
    let bootstrap = broker.bootstrap().to_owned();
    client::create_topic(&bootstrap, "in", PARTITIONS);
    client::create_topic(&bootstrap, "out", PARTITIONS);
    let compacted = [
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.1"),
        ("segment.bytes", "1048576"),
        ("segment.ms", "2000"),
    ];
    client::create_topic_with(&bootstrap, "table", PARTITIONS, &compacted);

    let (stop, sent, seen) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let mut memory = Vec::new();
    let mut kills = 0;
    let mut copiers = Copiers::start(&bootstrap);
    thread::scope(|scope| {
        let feeder = scope.spawn(|| feed(&bootstrap, &stop, &sent));
        let (tell_all, all) = channel();
        let (bootstrap, seen) = (&bootstrap, &seen);
        let checker = scope.spawn(move || check(bootstrap, "checker", &all, seen));
        let mut random = StdRng::seed_from_u64(7);
        let began = Instant::now();
        let mut next_kill = Duration::from_secs(4);
        while began.elapsed() < length() && !checker.is_finished() && !feeder.is_finished() {
            thread::sleep(Duration::from_millis(250));
            memory.push(usage::resident_kb(broker.pid()));
            copiers.tend();
            if began.elapsed() > next_kill {
                copiers.kill_one(random.random_range(0..COPIERS));
                kills += 1;
                next_kill = began.elapsed() + Duration::from_millis(random.random_range(3_000..8_000));
            }
        }
        stop.store(true, Ordering::Relaxed);
        let fed = feeder.join();
        let last = Instant::now();
        tell_all.send(sent.load(Ordering::Relaxed)).ok();
        while !checker.is_finished() {
            assert!(last.elapsed() < LONGEST_WAIT * 3, "the checker never ends");
            thread::sleep(Duration::from_millis(50));
            copiers.tend();
        }
        fed.expect("a feeder that ended in order");
        checker.join().expect("a checker").unwrap_or_else(|why| panic!("{why}"));
    });
    let sent = sent.into_inner();
    drop(copiers);
    let found = table(&bootstrap);
    assert_eq!(found.len(), KEYS);
    for (key, value) in &found {
        let number: usize = key[1..].parse().expect("a number");
        let last = (0..sent).rev().find(|n| n % KEYS == number);
        assert_eq!(Some(*value), last, "the last value of {key}");
    }
    assert!(is_flat(&memory), "memory grew: {memory:?}");
    println!(
        "{} s, {sent} records, {kills} kills, {:.0} MiB at the end, {:.0} at most",
        length().as_secs(),
        memory.last().unwrap_or(&0.0) / 1024.0,
        usage::peak_kb(broker.pid()) / 1024.0
    );
}
