//! Client quotas: what a real client is held to, and what it is told.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::{CreateTopicsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::support::broker::Broker;
use crate::support::process::run_kt;
use crate::support::rdkafka as client;
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
