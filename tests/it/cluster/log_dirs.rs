//! Several log directories: where partitions come to lie, and how they move from one to another (KIP-113) while they are
//! written, read and while the broker is killed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kafka_protocol::messages as m;
use kafka_protocol::messages::alter_replica_log_dirs_request::{AlterReplicaLogDir, AlterReplicaLogDirTopic};
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::describe_log_dirs_response::DescribeLogDirsPartition;
use kafka_protocol::messages::{AlterReplicaLogDirsRequest, DeleteRecordsRequest, DeleteTopicsRequest, TopicName};
use kt::wire::log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::broker::Broker;
use crate::support::kafka::{self, Kafka};
use crate::support::process::run_kt;
use crate::support::tools::Tools;
use crate::support::wire::{Wire, list_offsets};
use crate::support::{is_nightly, rdkafka as client};

const LIMIT: Duration = Duration::from_secs(30);
pub(super) const TOPIC: &str = "t";

/// Two folders for logs.
pub(super) struct Dirs {
    _temp: tempfile::TempDir,
    pub(super) a: PathBuf,
    pub(super) b: PathBuf,
}

impl Dirs {
    pub(super) fn new() -> Self {
        let temp = tempfile::tempdir().expect("a temp dir");
        let (a, b) = (temp.path().join("a"), temp.path().join("b"));
        Self { _temp: temp, a, b }
    }

    pub(super) fn start(&self, overrides: &[(&str, &str)]) -> Broker {
        let segments = ("log.segment.bytes", "1048576");
        let overrides = [&[segments][..], overrides].concat();
        Broker::across(&[&self.a, &self.b], &overrides).expect("a broker on these folders")
    }

    /// Names of what lies in a folder and begins with the topic's name.
    pub(super) fn partitions(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).expect("a folder of the broker");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
        let mut names: Vec<String> = names.filter(|name| name.starts_with("t-")).collect();
        names.sort();
        names
    }

    /// What is left when all moves are over.
    fn until(&self, in_a: &[&str], in_b: &[&str]) {
        until("the folders hold what they should", || {
            (Self::partitions(&self.a), Self::partitions(&self.b)) == (owned(in_a), owned(in_b))
        });
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn topic() -> TopicName {
    TopicName(TOPIC.into())
}

/// Asks for a move of partition 0; the error.
fn move_to(wire: &mut Wire, dir: &Path) -> i16 {
    move_partition(wire, 0, dir)
}

pub(super) fn move_partition(wire: &mut Wire, partition: i32, dir: &Path) -> i16 {
    let topic = AlterReplicaLogDirTopic::default()
        .with_name(topic())
        .with_partitions(vec![partition]);
    let dir = AlterReplicaLogDir::default()
        .with_path(dir.display().to_string().into())
        .with_topics(vec![topic]);
    let answer = wire.call(&AlterReplicaLogDirsRequest::default().with_dirs(vec![dir]), 2);
    answer.results[0].partitions[0].error_code
}

fn describe(wire: &mut Wire) -> DescribeLogDirsResponse {
    let request = m::DescribeLogDirsRequest::default().with_topics(None);
    wire.call(&DescribeLogDirsRequest(request), 5)
}

/// What is told of partition 0 in a folder.
fn in_dir(wire: &mut Wire, dir: &Path) -> Option<DescribeLogDirsPartition> {
    let told = describe(wire);
    let dir = told.results.iter().find(|d| Path::new(&*d.log_dir) == dir)?;
    let topic = dir.topics.iter().find(|t| t.name.as_str() == TOPIC)?;
    topic.partitions.iter().find(|p| p.partition_index == 0).cloned()
}

fn until_moved(wire: &mut Wire, from: &Path, to: &Path) {
    until("the replica is there and nowhere else", || {
        in_dir(wire, to).is_some_and(|p| !p.is_future_key) && in_dir(wire, from).is_none()
    });
}

fn throttle(bootstrap: &str, change: &[&str]) {
    let words = [
        "configs",
        "--bootstrap-server",
        bootstrap,
        "--alter",
        "--entity-type",
        "brokers",
    ];
    let done = run_kt(&[&words[..], &["--entity-name", "1"], change].concat(), b"");
    assert_eq!(done.exit, 0, "{}{}", done.out(), done.err());
}

fn slow_down(broker: &Broker) {
    throttle(
        broker.bootstrap(),
        &["--add-config", "replica.alter.log.dirs.io.max.bytes.per.second=200000"],
    );
}

fn full_speed(bootstrap: &str) {
    throttle(
        bootstrap,
        &["--delete-config", "replica.alter.log.dirs.io.max.bytes.per.second"],
    );
}

fn value(n: usize) -> String {
    format!("{n}-{}", "x".repeat(900))
}

fn produce(bootstrap: &str, numbers: std::ops::Range<usize>) {
    let values: Vec<String> = numbers.map(value).collect();
    let pairs = values.iter().map(|v| (&b"k"[..], v.as_bytes()));
    client::produce(bootstrap, TOPIC, &[("enable.idempotence", "true")], pairs);
}

fn assert_holds(bootstrap: &str, numbers: std::ops::Range<usize>) {
    let read = client::consume(bootstrap, TOPIC, numbers.len());
    let texts: Vec<String> = read.iter().map(client::text).collect();
    assert!(texts == numbers.map(value).collect::<Vec<_>>(), "records changed");
}

#[test]
fn partitions_go_where_there_are_fewest_and_not_where_none_are_wanted() {
    let dirs = Dirs::new();
    let broker = dirs.start(&[]);
    client::create_topic(broker.bootstrap(), TOPIC, 6);
    assert_eq!(Dirs::partitions(&dirs.a).len(), 3);
    assert_eq!(Dirs::partitions(&dirs.b).len(), 3);
    produce(broker.bootstrap(), 0..100);
    let before = (Dirs::partitions(&dirs.a), Dirs::partitions(&dirs.b));
    broker.stop();
    let b = dirs.b.display().to_string();
    let broker = dirs.start(&[("cordoned.log.dirs", &b)]);
    assert_eq!(
        (Dirs::partitions(&dirs.a), Dirs::partitions(&dirs.b)),
        before,
        "they stay where they are"
    );
    assert_eq!(client::consume(broker.bootstrap(), TOPIC, 100).len(), 100);
    client::create_topic(broker.bootstrap(), "t-more", 4);
    assert_eq!(Dirs::partitions(&dirs.a).len(), 7);
    assert_eq!(Dirs::partitions(&dirs.b).len(), 3);
    let told = describe(&mut Wire::connect(broker.bootstrap()));
    let cordoned: Vec<bool> = told.results.iter().map(|dir| dir.is_cordoned).collect();
    assert_eq!(cordoned, [false, true]);
    let alter = |change: &str| {
        let words = format!(
            "configs --bootstrap-server {} --alter --entity-type brokers --entity-name 1 --add-config {change}",
            broker.bootstrap()
        );
        run_kt(&words.split(' ').collect::<Vec<_>>(), b"")
    };
    let refused = alter("cordoned.log.dirs=/nowhere");
    let why = "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : /nowhere";
    assert!(refused.exit != 0 && (refused.out() + &refused.err()).contains(why));
    assert_eq!(alter("cordoned.log.dirs=*").exit, 0);
    let words = [
        "topics",
        "--bootstrap-server",
        broker.bootstrap(),
        "--create",
        "--topic",
        "none",
    ];
    let refused = run_kt(&words, b"");
    let why = "All brokers are currently fenced, or have all their log directories cordoned.";
    assert!(refused.exit != 0 && (refused.out() + &refused.err()).contains(why));
}

/// To and fro while a producer writes: every record once, in order.
#[test]
fn a_replica_moves_while_it_is_written() {
    const ROUND: usize = 500;
    let dirs = Dirs::new();
    let broker = dirs.start(&[]);
    client::create_topic(broker.bootstrap(), TOPIC, 1);
    let is_over = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut sent = 0;
            while !is_over.load(Ordering::Relaxed) {
                produce(broker.bootstrap(), sent..sent + ROUND);
                sent += ROUND;
            }
            sent
        });
        let mut wire = Wire::connect(broker.bootstrap());
        let (mut from, mut to) = (&dirs.a, &dirs.b);
        for _ in 0..4 {
            assert_eq!(move_to(&mut wire, to), 0);
            until_moved(&mut wire, from, to);
            std::mem::swap(&mut from, &mut to);
        }
        is_over.store(true, Ordering::Relaxed);
        writer.join().expect("a writer")
    });
    assert_holds(broker.bootstrap(), 0..sent);
    dirs.until(&["t-0"], &[]);
    broker.stop();
    assert_holds(dirs.start(&[]).bootstrap(), 0..sent);
}

/// A partition on its slow way to the second folder, where some of it is.
fn a_move_begun(dirs: &Dirs) -> (Broker, Wire) {
    let broker = dirs.start(&[]);
    client::create_topic(broker.bootstrap(), TOPIC, 1);
    produce(broker.bootstrap(), 0..5_000);
    slow_down(&broker);
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(move_to(&mut wire, &dirs.b), 0);
    until("some is copied", || {
        in_dir(&mut wire, &dirs.b).is_some_and(|p| p.partition_size > 0)
    });
    (broker, wire)
}

#[test]
fn a_move_is_told_of_and_can_be_called_off() {
    let dirs = Dirs::new();
    let (_broker, mut wire) = a_move_begun(&dirs);
    let (current, future) = (in_dir(&mut wire, &dirs.a), in_dir(&mut wire, &dirs.b));
    let (current, future) = (current.expect("the present log"), future.expect("the future log"));
    assert!(!current.is_future_key && future.is_future_key);
    assert!(future.offset_lag > 0 && future.partition_size < current.partition_size);
    assert_eq!(current.offset_lag, 0);
    assert_eq!(move_to(&mut wire, &dirs.a), 0);
    assert_eq!(in_dir(&mut wire, &dirs.b), None, "called off");
    dirs.until(&["t-0"], &[]);

    assert_eq!(move_to(&mut wire, &dirs.b), 0);
    let delete = DeleteTopicsRequest::default()
        .with_topic_names(vec![topic()])
        .with_timeout_ms(10_000);
    assert_eq!(wire.call(&delete, 5).responses[0].error_code, 0);
    dirs.until(&[], &[]);
}

#[test]
fn a_move_goes_on_after_a_kill() {
    let dirs = Dirs::new();
    let (broker, _wire) = a_move_begun(&dirs);
    broker.kill();
    let left = Dirs::partitions(&dirs.b);
    assert!(left.len() == 1 && left[0].ends_with("-future"), "{left:?}");
    let broker = dirs.start(&[]);
    let mut wire = Wire::connect(broker.bootstrap());
    assert!(in_dir(&mut wire, &dirs.b).is_some_and(|p| p.is_future_key));
    full_speed(broker.bootstrap());
    until_moved(&mut wire, &dirs.a, &dirs.b);
    dirs.until(&[], &["t-0"]);
    assert_holds(broker.bootstrap(), 0..5_000);
}

/// Killed at any moment of a move: the replica is in one directory, whole, and what was deleted stays so.
#[test]
fn kills_at_random_moments_of_a_move_lose_nothing() {
    const RECORDS: usize = 3_000;
    const DELETED: usize = 10;
    let dirs = Dirs::new();
    let mut broker = dirs.start(&[]);
    client::create_topic(broker.bootstrap(), TOPIC, 1);
    produce(broker.bootstrap(), 0..RECORDS);
    let partition = DeleteRecordsPartition::default().with_offset(DELETED as i64);
    let deleted = DeleteRecordsTopic::default()
        .with_name(topic())
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default()
        .with_topics(vec![deleted])
        .with_timeout_ms(10_000);
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(wire.call(&request, 2).topics[0].partitions[0].error_code, 0);
    let mut random = StdRng::seed_from_u64(113);
    for round in 0..if is_nightly() { 100 } else { 8 } {
        let from_a = in_dir(&mut wire, &dirs.a).is_some_and(|p| !p.is_future_key);
        assert_eq!(move_to(&mut wire, if from_a { &dirs.b } else { &dirs.a }), 0);
        thread::sleep(Duration::from_micros(random.random_range(0..60_000)));
        broker.kill();
        broker = dirs.start(&[]);
        wire = Wire::connect(broker.bootstrap());
        assert_eq!(
            list_offsets(&mut wire, &topic(), -2, 9).offset,
            DELETED as i64,
            "round {round}"
        );
        assert_holds(broker.bootstrap(), DELETED..RECORDS);
        let live = |dir: &Path| usize::from(dir.join("t-0").is_dir());
        assert_eq!(live(&dirs.a) + live(&dirs.b), 1, "round {round}");
        until("what was begun is over", || {
            let futures = describe(&mut wire).results.into_iter().flat_map(|d| d.topics);
            !futures.flat_map(|t| t.partitions).any(|p| p.is_future_key)
        });
    }
}

/// What a broker leaves that ends while the copy takes the place of the log, or before it has told of it.
#[test]
fn a_start_finds_the_replica_whatever_the_metadata_says() {
    let dirs = Dirs::new();
    let broker = dirs.start(&[]);
    client::create_topic(broker.bootstrap(), TOPIC, 1);
    produce(broker.bootstrap(), 0..100);
    broker.kill();
    let (in_a, in_b) = (dirs.a.join("t-0"), dirs.b.join("t-0"));
    std::fs::create_dir(&in_b).expect("a folder");
    for entry in std::fs::read_dir(&in_a).expect("a log").flatten() {
        std::fs::copy(entry.path(), in_b.join(entry.file_name())).expect("a copy");
    }
    let broker = dirs.start(&[]);
    dirs.until(&["t-0"], &[]);
    assert_holds(broker.bootstrap(), 0..100);
    broker.kill();
    std::fs::rename(&in_a, &in_b).expect("the same volume");
    for _ in 0..2 {
        let broker = dirs.start(&[]);
        assert_holds(broker.bootstrap(), 0..100);
        assert!(in_dir(&mut Wire::connect(broker.bootstrap()), &dirs.b).is_some());
        broker.stop();
    }
    dirs.until(&[], &["t-0"]);
}

/// Kafka's own tools, and ours, ask for moves and are told of their end.
#[test]
fn the_tools_move_replicas_between_directories() {
    let dirs = Dirs::new();
    let broker = dirs.start(&[]);
    client::create_topic(broker.bootstrap(), TOPIC, 1);
    produce(broker.bootstrap(), 0..100);
    let work = tempfile::tempdir().expect("a temp dir");
    let mut all = vec![Tools::kt(work.path())];
    if kafka::available() {
        all.push(Tools::kafka(work.path()));
    }
    let (mut from, mut to) = (&dirs.a, &dirs.b);
    for tools in all {
        let run = |script: &str, words: &[&str]| {
            let words = [&["--bootstrap-server", broker.bootstrap()], words].concat();
            let done = tools.run(script, &owned(&words), b"");
            assert_eq!(done.exit, 0, "{}{}", done.out(), done.err());
            done.out()
        };
        let plan = format!(
            r#"{{"version":1,"partitions":[{{"topic":"t","partition":0,"replicas":[1],"log_dirs":["{}"]}}]}}"#,
            to.display()
        );
        std::fs::write(work.path().join("plan.json"), plan).expect("a file");
        let file = ["--reassignment-json-file", "plan.json"];
        let said = run("kafka-reassign-partitions.sh", &[&file[..], &["--execute"]].concat());
        let begun = format!(
            "Successfully started moving log directory to {} for replica t-0 with broker 1",
            to.display()
        );
        assert!(said.contains(&begun), "{said}");
        until("the move is over", || {
            let said = run("kafka-reassign-partitions.sh", &[&file[..], &["--verify"]].concat());
            said.contains("Reassignment of replica t-0-1 completed successfully.")
        });
        let said = run("kafka-log-dirs.sh", &["--describe", "--topic-list", "t"]);
        let json: serde_json::Value = serde_json::from_str(said.lines().last().expect("JSON")).expect("JSON");
        for dir in json["brokers"][0]["logDirs"].as_array().expect("directories") {
            let is_here = dir["logDir"] == to.display().to_string();
            let count = dir["partitions"].as_array().expect("partitions").len();
            assert_eq!(count, usize::from(is_here), "{said}");
        }
        std::mem::swap(&mut from, &mut to);
    }
    assert_holds(broker.bootstrap(), 0..100);
}

/// Kafka finds replicas where they have moved to, ends a move that was begun here, and the other way round.
#[test]
fn moves_go_on_in_kafka_and_back() {
    if !kafka::available() {
        return;
    }
    const RECORDS: usize = 5_000;
    let dirs = Dirs::new();
    let broker = dirs.start(&[]);
    client::create_topic(broker.bootstrap(), TOPIC, 1);
    produce(broker.bootstrap(), 0..RECORDS);
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(move_to(&mut wire, &dirs.b), 0);
    until_moved(&mut wire, &dirs.a, &dirs.b);
    slow_down(&broker);
    assert_eq!(move_to(&mut wire, &dirs.a), 0);
    until("some is copied", || {
        in_dir(&mut wire, &dirs.a).is_some_and(|p| p.partition_size > 0)
    });
    broker.stop();

    let settings = ["offsets.topic.num.partitions=1", "offsets.topic.replication.factor=1"].map(str::to_owned);
    let kafka = Kafka::across(&[&dirs.a, &dirs.b], &settings);
    let bootstrap = &kafka.brokers[0];
    let mut wire = Wire::connect(bootstrap);
    assert!(in_dir(&mut wire, &dirs.b).is_some_and(|p| !p.is_future_key));
    full_speed(bootstrap);
    until_moved(&mut wire, &dirs.b, &dirs.a);
    produce(bootstrap, RECORDS..RECORDS + 100);
    assert_holds(bootstrap, 0..RECORDS + 100);
    kafka.stop_nodes();

    let broker = dirs.start(&[]);
    assert!(in_dir(&mut Wire::connect(broker.bootstrap()), &dirs.a).is_some());
    assert_holds(broker.bootstrap(), 0..RECORDS + 100);
}
