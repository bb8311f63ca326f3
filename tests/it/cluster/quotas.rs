//! Client quotas: what a real client is held to, and what it is told.

use std::net::TcpStream;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::{CreateTopicsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext, Statistics};

use crate::support::broker::Broker;
use crate::support::kafka;
use crate::support::process::run_kt;
use crate::support::rdkafka as client;
use crate::support::tools::Tools;
use crate::support::wire::Wire;

/// Short windows, so that a burst at the start is short, too.
const WINDOWS: [(&str, &str); 2] = [("quota.window.num", "2"), ("quota.window.size.seconds", "1")];

fn set(broker: &Broker, entity: &[&str], quota: &str) {
    let words = [
        &[
            "configs",
            "--bootstrap-server",
            broker.bootstrap(),
            "--alter",
            "--add-config",
            quota,
        ][..],
        entity,
    ];
    let done = run_kt(&words.concat(), b"");
    assert_eq!(done.exit, 0, "{}{}", done.out(), done.err());
}

/// 600 kB at 150 kB a second are four seconds, less a burst of one window and a batch.
#[test]
fn a_client_produces_and_reads_at_its_quota() {
    const RECORDS: usize = 600;
    let broker = Broker::with(&WINDOWS);
    client::create_topic(broker.bootstrap(), "slow", 1);
    set(
        &broker,
        &["--entity-type", "users", "--entity-default"],
        "producer_byte_rate=150000,consumer_byte_rate=150000",
    );
    let value = [7_u8; 1000];
    let begun = Instant::now();
    let settings = [("batch.size", "20000"), ("linger.ms", "5"), ("max.in.flight", "1")];
    let pairs = (0..RECORDS).map(|_| (&b"k"[..], &value[..]));
    client::produce(broker.bootstrap(), "slow", &settings, pairs);
    let produced = begun.elapsed();
    let plausible = Duration::from_millis(2_000)..Duration::from_secs(15);
    assert!(plausible.contains(&produced), "produced in {produced:?}");

    let begun = Instant::now();
    assert_eq!(client::consume(broker.bootstrap(), "slow", RECORDS).len(), RECORDS);
    let read = begun.elapsed();
    assert!(plausible.contains(&read), "read in {read:?}");
}

/// Keeps the longest throttle time that a librdkafka client was told, in milliseconds.
#[derive(Default)]
struct Told(AtomicI64);

impl ClientContext for Told {
    fn stats(&self, statistics: Statistics) {
        let windows = statistics.brokers.values().filter_map(|b| b.throttle.as_ref());
        let longest_ms = windows.map(|w| w.max).max().unwrap_or(0);
        self.0.fetch_max(longest_ms, Ordering::Relaxed);
    }
}

impl ProducerContext for Told {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// Sends records one after the other; how long that took, and the longest throttle time the client was told.
fn send_one_by_one(broker: &Broker, client_id: &str, topic: &str) -> (Duration, i64) {
    let producer: BaseProducer<Told> = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .set("client.id", client_id)
        .set("statistics.interval.ms", "50")
        .set("linger.ms", "0")
        .create_with_context(Told::default())
        .expect("a producer");
    let begun = Instant::now();
    for _ in 0..REQUESTS {
        let record = BaseRecord::<(), _>::to(topic).payload("x");
        producer
            .send(record)
            .map_err(|(error, _)| error)
            .expect("room in the queue");
        producer.flush(client::LIMIT).expect("a delivery");
    }
    let took = begun.elapsed();
    producer.poll(Duration::from_millis(200));
    (took, producer.context().0.load(Ordering::Relaxed))
}

const REQUESTS: u32 = 4;

/// Any request takes more than a hundred-thousandth of two seconds, and a throttle lasts a window, one second, at most. The
/// first answer comes at once, what follows waits.
#[test]
fn a_client_over_its_share_of_time_is_told_and_waits() {
    let broker = Broker::with(&WINDOWS);
    client::create_topic(broker.bootstrap(), "t", 1);
    set(
        &broker,
        &["--entity-type", "clients", "--entity-name", "slow"],
        "request_percentage=0.001",
    );
    let (took, told_ms) = send_one_by_one(&broker, "free", "t");
    assert_eq!(told_ms, 0, "in {took:?}");
    let (took, told_ms) = send_one_by_one(&broker, "slow", "t");
    assert!((500..=1_000).contains(&told_ms), "told {told_ms} ms, in {took:?}");
    assert!(took >= Duration::from_secs(u64::from(REQUESTS) - 1) / 2, "{took:?}");
}

/// Java's producer does not send while it is to be quiet (KIP-219), and says in its metrics how long that was.
#[test]
fn java_is_quiet_as_long_as_it_is_told() {
    if !kafka::available() {
        return;
    }
    let broker = Broker::with(&WINDOWS);
    client::create_topic(broker.bootstrap(), "t", 1);
    set(
        &broker,
        &["--entity-type", "clients", "--entity-name", "perf-producer-client"],
        "request_percentage=0.001",
    );
    let work = tempfile::tempdir().expect("a temp dir");
    let words = format!(
        "--topic t --num-records {REQUESTS} --record-size 10 --throughput -1 --print-metrics --producer-props \
         bootstrap.servers={} batch.size=0 linger.ms=0 max.in.flight.requests.per.connection=1",
        broker.bootstrap()
    );
    let argv: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    let begun = Instant::now();
    let done = Tools::kafka(work.path()).run("kafka-producer-perf-test.sh", &argv, b"");
    let took = begun.elapsed();
    let said = done.out();
    assert_eq!(done.exit, 0, "{said}{}", done.err());
    let metric = said.lines().find(|line| line.contains(":produce-throttle-time-max:"));
    let told_ms: f64 = metric
        .and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("no such metric: {said}"));
    assert!((500.0..=1_000.0).contains(&told_ms), "{told_ms}");
    assert!(took >= Duration::from_secs(u64::from(REQUESTS) - 1) / 2, "{took:?}");
}

fn create(wire: &mut Wire, topic: &str, partitions: i32, version: i16) -> (i16, i32) {
    let new = CreatableTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_num_partitions(partitions)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default()
        .with_topics(vec![new])
        .with_timeout_ms(10_000);
    let answer = wire.call(&request, version);
    (answer.topics[0].error_code, answer.throttle_time_ms)
}

#[test]
fn changes_of_partitions_have_a_quota() {
    const THROTTLING_QUOTA_EXCEEDED: i16 = 89;
    let broker = Broker::with(&[("controller.quota.window.num", "1")]);
    set(
        &broker,
        &["--entity-type", "clients", "--entity-name", "kt-it"],
        "controller_mutation_rate=2",
    );
    let connect = || Wire::connect(broker.bootstrap());
    let (code, throttle_ms) = create(&mut connect(), "first", 4, 7);
    assert_eq!(code, 0, "one may go over once");
    assert!((500..=1_000).contains(&throttle_ms), "{throttle_ms}");
    // Another connection is not muted, but it is the same client.
    let (code, throttle_ms) = create(&mut connect(), "second", 1, 7);
    assert_eq!(code, THROTTLING_QUOTA_EXCEEDED);
    assert!(throttle_ms > 0);
    let begun = Instant::now();
    let mut old = connect();
    let (code, throttle_ms) = create(&mut old, "third", 2, 5);
    assert_eq!(code, 0, "clients before version 6 do not know the error, and wait");
    create(&mut old, "fourth", 0, 5);
    let waited = begun.elapsed();
    assert!(
        waited >= Duration::from_millis(throttle_ms.unsigned_abs().into()),
        "{waited:?}, told {throttle_ms}"
    );
}

#[test]
fn addresses_have_a_quota_of_connections() {
    let broker = Broker::with(&WINDOWS);
    set(
        &broker,
        &["--entity-type", "ips", "--entity-name", "127.0.0.1"],
        "connection_creation_rate=4",
    );
    let begun = Instant::now();
    let is_served = |n: usize| {
        let socket = TcpStream::connect(broker.bootstrap()).expect("a listener");
        drop(socket);
        let mut wire = Wire::connect(broker.bootstrap());
        let request = kafka_protocol::messages::ApiVersionsRequest::default();
        wire.send_request(&request, 0);
        let served = wire.frame().is_some();
        (n, served)
    };
    let held: Vec<_> = (0..6).map(is_served).filter(|(_, served)| !served).collect();
    assert!(
        !held.is_empty(),
        "a dozen connections at once are more than four a second"
    );
    assert!(
        begun.elapsed() > Duration::from_millis(100),
        "who comes too fast is held before the end"
    );
}
