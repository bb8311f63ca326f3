//! The control plane on a large cluster: `just bench-control`. Each script of Apache Kafka beside `kt` on three real nodes with
//! many topics and groups: seconds, peak memory, and whether both printed as many lines. Needs Java and Maven.
//!
//! Prints a table and writes it to target/bench-control.json. `KT_BENCH_TOPICS` (5,000) topics of four partitions,
//! `KT_BENCH_GROUPS` (1,000) groups with offsets on one topic each.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{
    CreateTopicsRequest, FindCoordinatorRequest, GroupId, MetadataRequest, OffsetCommitRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use support::kafka::{self, Kafka};
use support::wire::Wire;

// Started and stopped as the integration tests do it; they use more of it.
#[allow(dead_code)]
#[path = "../tests/it/support/mod.rs"]
mod support;

const NODES: usize = 3;
const PARTITIONS: i32 = 4;
/// Topics of one CreateTopics request.
const AT_ONCE: usize = 100;
/// How long a busy controller may take for one request.
const CREATION_LIMIT: Duration = Duration::from_secs(120);

/// One command: the script's name and its options.
struct Task<'a> {
    script: &'static str,
    words: Vec<&'a str>,
}

/// What a run cost.
struct Cost {
    seconds: f64,
    peak_mib: f64,
    lines: usize,
}

fn text(text: String) -> StrBytes {
    StrBytes::from_string(text)
}

fn topic_name(i: usize) -> TopicName {
    TopicName(text(format!("bench-{i:05}")))
}

fn count(variable: &str, usual: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(usual)
}

fn create_topics(wire: &mut Wire, topics: Range<usize>) {
    for first in topics.clone().step_by(AT_ONCE) {
        let some = (first..topics.end.min(first + AT_ONCE)).map(|i| {
            CreatableTopic::default()
                .with_name(topic_name(i))
                .with_num_partitions(PARTITIONS)
                .with_replication_factor(1)
        });
        let request = CreateTopicsRequest::default()
            .with_topics(some.collect())
            .with_timeout_ms(60_000);
        for topic in wire.call(&request, 7).topics {
            assert_eq!(topic.error_code, 0, "{:?}", topic.error_message);
        }
    }
}

/// Waits until a broker has heard of all the topics and of their leaders: it lags far behind the controller.
fn until_known(broker: &str, topics: usize) {
    let all = MetadataRequest::default().with_topics(None);
    let mut wire = Wire::connect_for(broker, CREATION_LIMIT);
    let begun = Instant::now();
    loop {
        let known = wire.call(&all, 12).topics;
        let led = known.iter().filter(|t| t.partitions.iter().all(|p| p.leader_id.0 >= 0));
        if led.filter(|t| !t.is_internal).count() == topics {
            return;
        }
        assert!(
            begun.elapsed() < CREATION_LIMIT * 3,
            "{broker} knows {} topics",
            known.len()
        );
        // Nothing tells when; asking all the time would be in its way.
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Commits offsets for each group at its coordinator.
fn commit_offsets(bootstrap: &str, topics: usize, groups: usize) {
    let mut wire = Wire::connect(bootstrap);
    for group in 0..groups {
        let id = text(format!("bench-group-{group:04}"));
        let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![id.clone()]);
        let partitions = (0..PARTITIONS).map(|p| {
            OffsetCommitRequestPartition::default()
                .with_partition_index(p)
                .with_committed_offset(0)
        });
        let topic = OffsetCommitRequestTopic::default()
            .with_name(topic_name(group % topics))
            .with_partitions(partitions.collect());
        let commit = OffsetCommitRequest::default()
            .with_group_id(GroupId(id))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic]);
        // `__consumer_offsets` is made by the first request, and each coordinator loads its part of it.
        let begun = Instant::now();
        loop {
            let found = wire.call(&find, 4).coordinators.remove(0);
            if found.error_code == 0 {
                let mut coordinator = Wire::connect(&format!("{}:{}", &*found.host, found.port));
                let answer = coordinator.call(&commit, 8);
                if answer.topics[0].partitions.iter().all(|p| p.error_code == 0) {
                    break;
                }
            }
            assert!(begun.elapsed().as_secs() < 60, "group {group} has no coordinator");
        }
    }
}

/// Runs a command to its end; its output goes to a file, as a pipeline would take it.
#[allow(clippy::zombie_processes)] // wait4 is its wait
fn run(mut command: Command, out: &Path) -> Cost {
    let file = File::create(out).expect("a file in a fresh folder");
    command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null());
    let start = Instant::now();
    let child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let pid = i32::try_from(child.id()).expect("a pid fits i32");
    let mut status = 0;
    // SAFETY: all zeros is a value of this plain struct; the child is waited for here and nowhere else.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::wait4(pid, &raw mut status, 0, &raw mut usage), pid);
        usage
    };
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(status, 0, "{command:?}");
    let lines = BufReader::new(File::open(out).expect("the output")).lines().count();
    Cost {
        seconds,
        peak_mib: usage.ru_maxrss as f64 / 1024.0,
        lines,
    }
}

fn kafkas(task: &Task<'_>) -> Command {
    let mut command = Command::new(support::tests_dir("kafka").join("kafka"));
    command
        .args(["run", support::tools::class_of(task.script)])
        .args(&task.words)
        .env("KT_KAFKA_HOME", kafka::home());
    command
}

fn ours(task: &Task<'_>) -> Command {
    let mut command = Command::new(support::kt());
    command
        .arg(task.script.trim_start_matches("kafka-").trim_end_matches(".sh"))
        .args(&task.words)
        .args(["-o", "kafka"]);
    command
}

fn tasks<'a>(servers: &'a str, moves: &'a str) -> Vec<Task<'a>> {
    let at = ["--bootstrap-server", servers];
    let task = |script, words: &[&'a str]| Task {
        script,
        words: [&at[..], words].concat(),
    };
    vec![
        task("kafka-topics.sh", &["--list"]),
        task("kafka-topics.sh", &["--describe"]),
        task("kafka-consumer-groups.sh", &["--describe", "--all-groups"]),
        task("kafka-get-offsets.sh", &[]),
        task("kafka-configs.sh", &["--describe", "--entity-type", "topics"]),
        task(
            "kafka-reassign-partitions.sh",
            &[
                "--generate",
                "--topics-to-move-json-file",
                moves,
                "--broker-list",
                "1,2,3",
            ],
        ),
    ]
}

fn main() {
    // `cargo test --benches` runs this too, to see that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    assert!(kafka::available(), "the comparison needs Java and Maven");
    kafka::at_full_speed();
    let (topics, groups) = (count("KT_BENCH_TOPICS", 5_000), count("KT_BENCH_GROUPS", 1_000));
    let cluster = Kafka::start(NODES, &["group.initial.rebalance.delay.ms=0".to_owned()]);
    let start = Instant::now();
    // Groups come first: their coordinators would have to wait for all the topics.
    let mut wire = Wire::connect_for(&cluster.brokers[0], CREATION_LIMIT);
    create_topics(&mut wire, 0..topics.min(AT_ONCE));
    commit_offsets(&cluster.brokers[0], topics.min(AT_ONCE), groups);
    create_topics(&mut wire, topics.min(AT_ONCE)..topics);
    cluster.brokers.iter().for_each(|broker| until_known(broker, topics));
    println!(
        "{NODES} nodes, {topics} topics of {PARTITIONS} partitions, {groups} groups: made in {:.0} s",
        start.elapsed().as_secs_f64()
    );
    let work = tempfile::tempdir().expect("a temp dir");
    let moves = work.path().join("topics.json");
    let names: Vec<_> = (0..topics).map(|i| json!({"topic": *topic_name(i).0})).collect();
    let plan = json!({"version": 1, "topics": names}).to_string();
    std::fs::write(&moves, plan).expect("a file in a fresh folder");
    let servers = cluster.brokers.join(",");
    let mut rows = Vec::new();
    println!(
        "{:52} {:>9} {:>9} {:>8} {:>9} {:>9} {:>8}",
        "", "kt, s", "Kafka, s", "ratio", "kt, MiB", "Kafka, MiB", "lines"
    );
    for task in tasks(&servers, moves.to_str().expect("a temp dir in UTF-8")) {
        let name = [&[task.script.trim_end_matches(".sh")], &task.words[2..]].concat();
        let name = name
            .iter()
            .filter(|w| !w.contains('/'))
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
        let theirs = run(kafkas(&task), &work.path().join("theirs"));
        let kt = run(ours(&task), &work.path().join("ours"));
        assert_eq!(kt.lines, theirs.lines, "{name}");
        let ratio = theirs.seconds / kt.seconds;
        println!(
            "{name:52} {:>9.2} {:>9.2} {ratio:>7.1}x {:>9.0} {:>9.0} {:>8}",
            kt.seconds, theirs.seconds, kt.peak_mib, theirs.peak_mib, kt.lines
        );
        rows.push(json!({
            "what": name, "kt_seconds": kt.seconds, "kafka_seconds": theirs.seconds, "ratio": ratio,
            "kt_peak_mib": kt.peak_mib, "kafka_peak_mib": theirs.peak_mib, "lines": kt.lines,
        }));
    }
    let path = support::root().join("target/bench-control.json");
    std::fs::create_dir_all(support::root().join("target"))
        .and_then(|()| std::fs::write(&path, serde_json::to_string_pretty(&rows).expect("plain values")))
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    println!("written to {}", path.display());
}
