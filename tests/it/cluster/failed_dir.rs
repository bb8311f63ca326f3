//! One of several log directories that fails, at the start or later: its partitions have no leader until it is back, all
//! others go on (KIP-112, KIP-858). Told as Kafka tells it.

use std::collections::BTreeSet;
use std::fs;

use super::log_dirs::{Dirs, TOPIC, move_partition, until};
use super::storage_failure::{KAFKA_STORAGE_ERROR, produce_to as produce, value};
use crate::support::broker::Broker;
use crate::support::kafka::{self, Kafka};
use crate::support::process::run_kt;
use crate::support::rdkafka as client;
use crate::support::wire::Wire;
use kafka_protocol::messages as m;
use kt::wire::log_dirs::DescribeLogDirsRequest;

const PARTITIONS: i32 = 4;

fn topics(bootstrap: &str) -> String {
    let done = run_kt(&["topics", "--bootstrap-server", bootstrap, "--describe"], b"");
    assert_eq!(done.exit, 0, "{}", done.err());
    done.out()
}

/// What is told of each partition of the topic behind its number.
fn partitions(bootstrap: &str) -> Vec<String> {
    let row = |n: i32| format!("\tTopic: {TOPIC}\tPartition: {n}\t");
    let text = topics(bootstrap);
    let of = |n: i32| {
        let told = text.lines().find_map(|line| line.strip_prefix(&row(n)));
        told.unwrap_or_else(|| panic!("partition {n}: {text}")).to_owned()
    };
    (0..PARTITIONS).map(of).collect()
}

const LED: &str = "Leader: 1\tReplicas: 1\tIsr: 1\tElr: \tLastKnownElr: ";

/// What is told, if those in `lost` have no leader and `elr` is told of them.
fn expected(lost: &BTreeSet<i32>, elr: &str) -> Vec<String> {
    let leaderless = format!("Leader: none\tReplicas: 1\tIsr: \tElr: {elr}\tLastKnownElr: 1");
    let of = |n: i32| {
        if lost.contains(&n) {
            leaderless.clone()
        } else {
            LED.to_owned()
        }
    };
    (0..PARTITIONS).map(of).collect()
}

/// The error of each log directory, in their order.
fn dir_errors(wire: &mut Wire) -> Vec<i16> {
    let request = m::DescribeLogDirsRequest::default().with_topics(None);
    let told = wire.call(&DescribeLogDirsRequest(request), 5);
    told.results.iter().map(|dir| dir.error_code).collect()
}

/// Folders with a topic in both, a record in each of its partitions, and the numbers of those in the second.
fn spread(dirs: &Dirs) -> (Broker, BTreeSet<i32>) {
    let broker = dirs.start(&[]);
    client::create_topic(broker.bootstrap(), TOPIC, PARTITIONS);
    let mut wire = Wire::connect(broker.bootstrap());
    for n in 0..PARTITIONS {
        assert_eq!(produce(&mut wire, TOPIC, n, &format!("first of {n}")), 0);
    }
    let number = |name: String| name.rsplit('-').next().and_then(|n| n.parse().ok()).expect("a number");
    let in_b: BTreeSet<i32> = Dirs::partitions(&dirs.b).into_iter().map(number).collect();
    assert_eq!(in_b.len(), 2);
    (broker, in_b)
}

fn clean_stops(dirs: &Dirs) -> [bool; 2] {
    [&dirs.a, &dirs.b].map(|dir| dir.join(".kafka_cleanshutdown").exists())
}

fn assert_is_whole_again(dirs: &Dirs, mut values: Vec<String>) {
    let broker = dirs.start(&[]);
    assert_eq!(partitions(broker.bootstrap()), expected(&BTreeSet::new(), ""));
    let read = client::consume(broker.bootstrap(), TOPIC, values.len());
    let mut read: Vec<String> = read.iter().map(client::text).collect();
    read.sort();
    values.sort();
    assert!(read == values, "records changed");
    let mut wire = Wire::connect(broker.bootstrap());
    assert!((0..PARTITIONS).all(|n| produce(&mut wire, TOPIC, n, "more") == 0));
}

#[test]
fn a_directory_that_cannot_be_opened_is_left_out_until_it_is_back() {
    let dirs = Dirs::new();
    let (broker, lost) = spread(&dirs);
    broker.stop();
    assert_eq!(clean_stops(&dirs), [true, true]);
    let away = dirs.b.with_file_name("away");
    fs::rename(&dirs.b, &away).expect("a folder that can be renamed");
    fs::write(&dirs.b, "no folder").expect("a file");

    let broker = dirs.start(&[]);
    assert_eq!(partitions(broker.bootstrap()), expected(&lost, ""));
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(dir_errors(&mut wire), [0, KAFKA_STORAGE_ERROR]);
    let mut values: Vec<String> = (0..PARTITIONS).map(|n| format!("first of {n}")).collect();
    for n in 0..PARTITIONS {
        let error = produce(&mut wire, TOPIC, n, &format!("second of {n}"));
        assert_eq!(error != 0, lost.contains(&n), "partition {n}: {error}");
        values.extend((error == 0).then(|| format!("second of {n}")));
    }
    client::create_topic(broker.bootstrap(), "t-new", 2);
    assert!((0..2).all(|n| produce(&mut wire, "t-new", n, "new") == 0));
    let in_a = Dirs::partitions(&dirs.a);
    assert!(
        ["t-new-0", "t-new-1"]
            .iter()
            .all(|name| in_a.contains(&(*name).to_owned()))
    );
    let told = topics(broker.bootstrap());
    let said = broker.stop_and_tell();
    assert!(
        said.contains(&format!("log directory {} is offline", dirs.b.display())),
        "{said}"
    );
    assert_eq!(clean_stops(&dirs), [true, false]);

    if kafka::available() {
        let kafka = Kafka::across(&[&dirs.a, &dirs.b], &["log.segment.bytes=1048576".to_owned()]);
        assert_eq!(topics(&kafka.brokers[0]), told);
        kafka.stop_nodes();
    }

    fs::remove_file(&dirs.b).expect("the file");
    fs::rename(&away, &dirs.b).expect("the folder");
    assert_is_whole_again(&dirs, values);
}

#[test]
fn a_directory_that_fails_later_loses_its_leaders_and_nothing_else() {
    let dirs = Dirs::new();
    let (broker, lost) = spread(&dirs);
    let away = dirs.b.with_file_name("away");
    fs::rename(&dirs.b, &away).expect("a folder that can be renamed");

    let mut wire = Wire::connect(broker.bootstrap());
    let one = *lost.first().expect("a partition");
    let mut values: Vec<String> = (0..PARTITIONS).map(|n| format!("first of {n}")).collect();
    let refused = (0..2_000).map(value).find_map(|value| {
        let error = produce(&mut wire, TOPIC, one, &value);
        values.extend((error == 0).then_some(value));
        (error != 0).then_some(error)
    });
    assert_eq!(
        refused,
        Some(KAFKA_STORAGE_ERROR),
        "a segment begins in a folder that is not there"
    );
    until("others know that nobody leads there", || {
        partitions(broker.bootstrap()) == expected(&lost, "1")
    });
    assert_eq!(dir_errors(&mut wire), [0, KAFKA_STORAGE_ERROR]);
    for n in (0..PARTITIONS).filter(|n| !lost.contains(n)) {
        assert_eq!(produce(&mut wire, TOPIC, n, &format!("second of {n}")), 0);
        values.push(format!("second of {n}"));
    }
    client::create_topic(broker.bootstrap(), "t-new", 1);
    assert_eq!(produce(&mut wire, "t-new", 0, "new"), 0);
    broker.stop();
    fs::rename(&away, &dirs.b).expect("the folder");
    assert_eq!(clean_stops(&dirs), [true, false]);
    assert_is_whole_again(&dirs, values);
}

#[test]
fn what_a_directory_brings_back_of_a_topic_that_is_gone_is_set_aside() {
    let dirs = Dirs::new();
    let (broker, lost) = spread(&dirs);
    broker.stop();
    let away = dirs.b.with_file_name("away");
    fs::rename(&dirs.b, &away).expect("a folder that can be renamed");
    fs::write(&dirs.b, "no folder").expect("a file");
    let broker = dirs.start(&[]);
    let delete = [
        "topics",
        "--bootstrap-server",
        broker.bootstrap(),
        "--delete",
        "--topic",
        TOPIC,
    ];
    assert_eq!(run_kt(&delete, b"").exit, 0);
    client::create_topic(broker.bootstrap(), TOPIC, PARTITIONS);
    let mut wire = Wire::connect(broker.bootstrap());
    assert!((0..PARTITIONS).all(|n| produce(&mut wire, TOPIC, n, "of another topic") == 0));
    broker.stop();
    fs::remove_file(&dirs.b).expect("the file");
    fs::rename(&away, &dirs.b).expect("the folder");

    let broker = dirs.start(&[]);
    let in_b = Dirs::partitions(&dirs.b);
    assert!(in_b.iter().all(|name| name.ends_with("-stray")), "{in_b:?}");
    assert_eq!(in_b.len(), lost.len());
    let one = *lost.first().expect("a partition");
    let mut wire = Wire::connect(broker.bootstrap());
    // What comes there by hand meanwhile is no obstacle either.
    fs::create_dir_all(dirs.b.join(format!("{TOPIC}-{one}/foreign"))).expect("a folder");
    assert_eq!(move_partition(&mut wire, one, &dirs.b), 0);
    until("the partition is in the directory that is back", || {
        let log = |dir: &std::path::Path| dir.join(format!("{TOPIC}-{one}/00000000000000000000.log")).exists();
        log(&dirs.b) && !log(&dirs.a)
    });
    assert_eq!(dir_errors(&mut wire), [0, 0]);
    let read = client::consume(broker.bootstrap(), TOPIC, PARTITIONS as usize);
    assert!(read.iter().all(|message| client::text(message) == "of another topic"));
}

#[test]
fn the_last_directory_must_be_usable() {
    let dirs = Dirs::new();
    fs::write(&dirs.a, "no folder").expect("a file");
    fs::write(&dirs.b, "no folder").expect("a file");
    let why = Broker::across(&[&dirs.a, &dirs.b], &[])
        .map(Broker::stop)
        .expect_err("no folder");
    assert!(why.contains(&dirs.a.display().to_string()), "{why}");
}
