//! What `kt` costs beside Apache Kafka, measured in one run on one machine: `just bench`.
//!
//! Prints a table and writes it to target/bench.json. Where Java and Maven are missing the columns of Kafka stay empty.
//! `KT_BENCH_RECORDS` is the number of records that the perf tests send and read (3,000,000).

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use support::kafka::{self, Kafka};
use support::usage::{cpu_seconds, peak_kb};

// Started and stopped as the integration tests do it; they use more of it.
#[allow(dead_code)]
#[path = "../tests/it/support/mod.rs"]
mod support;

const RECORD_BYTES: usize = 100;
const PARTITIONS: usize = 6;
/// Records of a kilobyte for the broker's processor time.
const LOAD_RECORDS: &str = "1500000";
const LOAD_GB: f64 = 1.5;
/// Groups work on one node, and begin without a pause, as on `kt broker`.
const ONE_NODE: [&str; 2] = [
    "offsets.topic.replication.factor=1",
    "group.initial.rebalance.delay.ms=0",
];

/// One line of the table; `better` is how many times `kt` does what Kafka does.
struct Figure {
    what: &'static str,
    unit: &'static str,
    kt: f64,
    kafka: Option<f64>,
    /// More is better (records a second), or less (seconds).
    rises: bool,
}

impl Figure {
    fn ratio(&self) -> Option<f64> {
        let kafka = self.kafka?;
        Some(if self.rises { self.kt / kafka } else { kafka / self.kt })
    }
}

/// Who runs a script.
#[derive(Clone, Copy)]
enum Side {
    Kt,
    Kafka,
}

/// A script's run: how long it took, and what it printed.
fn run(side: Side, script: &str, words: &[&str]) -> (Duration, String) {
    let mut command = match side {
        Side::Kt => {
            let mut kt = Command::new(support::kt());
            match script {
                "kafka-producer-perf-test.sh" => kt.args(["perf-test", "producer"]),
                "kafka-consumer-perf-test.sh" => kt.args(["perf-test", "consumer"]),
                other => kt.arg(other.trim_start_matches("kafka-").trim_end_matches(".sh")),
            };
            kt
        }
        Side::Kafka => {
            let mut kafka = Command::new(support::tests_dir("kafka").join("kafka"));
            kafka
                .args(["run", support::tools::class_of(script)])
                .env("KT_KAFKA_HOME", kafka::home());
            kafka
        }
    };
    command.args(words).stdin(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let took = start.elapsed();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    (took, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The median of so many runs, in seconds.
fn median(times: usize, mut one: impl FnMut() -> Duration) -> f64 {
    let mut all: Vec<Duration> = (0..times).map(|_| one()).collect();
    all.sort();
    all[all.len() / 2].as_secs_f64()
}

/// The best of three runs each, in turn: `one(true)` is Kafka's. A broker that has run for a while is faster.
fn best(kafka: bool, mut one: impl FnMut(bool) -> f64) -> (f64, Option<f64>) {
    let (mut ours, mut theirs) = (f64::MIN, f64::MIN);
    for _ in 0..3 {
        if kafka {
            theirs = theirs.max(one(true));
        }
        ours = ours.max(one(false));
    }
    (ours, kafka.then_some(theirs))
}

/// A row of records a second.
fn rate(what: &'static str, kafka: bool, one: impl FnMut(bool) -> f64) -> Figure {
    let (kt, kafka) = best(kafka, one);
    Figure {
        what,
        unit: "records/s",
        kt,
        kafka,
        rises: true,
    }
}

/// `... 123456.7 records/sec ...` of the producer's last line.
fn producer_rate(text: &str) -> f64 {
    let line = text.lines().rfind(|l| l.contains(" records/sec")).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|w| w.starts_with("records/sec"));
    at.and_then(|i| words[i - 1].parse().ok())
        .unwrap_or_else(|| panic!("no rate in {text:?}"))
}

/// The sixth column of the consumer's last line, `nMsg.sec`.
fn consumer_rate(text: &str) -> f64 {
    let line = text.lines().last().unwrap_or_default();
    let column = line.split(", ").nth(5).and_then(|w| w.parse().ok());
    column.unwrap_or_else(|| panic!("no rate in {text:?}"))
}

fn produce(side: Side, servers: &str, records: &str) -> f64 {
    let size = RECORD_BYTES.to_string();
    let words = [
        "--topic",
        "bench",
        "--num-records",
        records,
        "--record-size",
        &size,
        "--throughput",
        "-1",
        "--bootstrap-server",
        servers,
        "--command-property",
        "acks=1",
        "linger.ms=5",
        "batch.size=131072",
    ];
    producer_rate(&run(side, "kafka-producer-perf-test.sh", &words).1)
}

/// How long a produced record waits for its acknowledgement, of a hundred the one that waits second longest, at so many
/// records a second: milliseconds. Counted from when it was due, so that a stall shows in all that waited.
fn acknowledged_p99(servers: &str, acks: &str, rate: u64) -> f64 {
    const SECONDS: u64 = 10;
    let (records, rate, size) = ((rate * SECONDS).to_string(), rate.to_string(), RECORD_BYTES.to_string());
    let acks = format!("acks={acks}");
    let words = [
        "--topic",
        "bench",
        "--num-records",
        &records,
        "--record-size",
        &size,
        "--throughput",
        &rate,
        "--latency-from",
        "intended",
        "-o",
        "json",
        "--bootstrap-server",
        servers,
        "--command-property",
        &acks,
        "linger.ms=0",
    ];
    let text = run(Side::Kt, "kafka-producer-perf-test.sh", &words).1;
    let result: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let p99 = result["p99_ms"]
        .as_f64()
        .or_else(|| result["latency"]["p99_ms"].as_f64());
    p99.unwrap_or_else(|| panic!("no p99_ms in {text}"))
}

/// The middle one of three runs each, in turn.
fn acknowledged(what: &'static str, acks: &str, rate: u64, ours: &str, theirs: Option<&str>) -> Figure {
    let (mut kt, mut kafka) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        kafka.extend(theirs.map(|servers| acknowledged_p99(servers, acks, rate)));
        kt.push(acknowledged_p99(ours, acks, rate));
    }
    kt.sort_by(f64::total_cmp);
    kafka.sort_by(f64::total_cmp);
    Figure {
        what,
        unit: "ms",
        kt: kt[1],
        kafka: kafka.get(1).copied(),
        rises: false,
    }
}

fn consume(side: Side, servers: &str, records: &str) -> f64 {
    let words = [
        "--topic",
        "bench",
        "--num-records",
        records,
        "--bootstrap-server",
        servers,
    ];
    consumer_rate(&run(side, "kafka-consumer-perf-test.sh", &words).1)
}

/// Processor seconds of the broker for a gigabyte in and for one out, and the most MiB it had: one client, records of a
/// kilobyte in large batches.
fn load(servers: &str, pid: u32) -> [f64; 3] {
    create_topic(servers, "load");
    let produce = |records: &str, more: &[&str]| {
        let words = [
            "--topic",
            "load",
            "--record-size",
            "1000",
            "--throughput",
            "-1",
            "--bootstrap-server",
            servers,
        ];
        let all = [&words[..], &["--num-records", records], more].concat();
        run(Side::Kt, "kafka-producer-perf-test.sh", &all)
    };
    produce("200000", &[]);
    let before = cpu_seconds(pid);
    produce(
        LOAD_RECORDS,
        &["--command-property", "acks=1", "linger.ms=5", "batch.size=1000000"],
    );
    let between = cpu_seconds(pid);
    let words = [
        "--topic",
        "load",
        "--num-records",
        LOAD_RECORDS,
        "--bootstrap-server",
        servers,
    ];
    run(Side::Kt, "kafka-consumer-perf-test.sh", &words);
    let after = cpu_seconds(pid);
    [
        (between - before) / LOAD_GB,
        (after - between) / LOAD_GB,
        peak_kb(pid) / 1024.0,
    ]
}

fn create_topic(servers: &str, name: &str) {
    let partitions = PARTITIONS.to_string();
    let words = [
        "--create",
        "--topic",
        name,
        "--partitions",
        &partitions,
        "--bootstrap-server",
        servers,
    ];
    run(Side::Kt, "kafka-topics.sh", &words);
}

fn list(side: Side, servers: &str) -> Duration {
    run(side, "kafka-topics.sh", &["--list", "--bootstrap-server", servers]).0
}

fn dump(side: Side, segment: &Path) -> Duration {
    let segment = segment.to_str().expect("a temp dir in UTF-8");
    run(side, "kafka-dump-log.sh", &["--print-data-log", "--files", segment]).0
}

/// From the start of `kt broker` to an answered request.
fn broker_start() -> Duration {
    let start = Instant::now();
    let broker = support::broker::Broker::start();
    list(Side::Kt, broker.bootstrap());
    start.elapsed()
}

/// What the brokers themselves use, each a fresh process.
fn load_figures() -> impl Iterator<Item = Figure> {
    let theirs = kafka::available().then(|| {
        let kafka = Kafka::start(1, &ONE_NODE.map(str::to_owned));
        load(&kafka.brokers[0], kafka.pid())
    });
    let broker = support::broker::Broker::start();
    let ours = load(broker.bootstrap(), broker.pid());
    let rows = [
        ("broker, CPU to take in 1 GB", "s"),
        ("broker, CPU to give out 1 GB", "s"),
        ("broker, peak memory", "MiB"),
    ];
    rows.into_iter().enumerate().map(move |(i, (what, unit))| Figure {
        what,
        unit,
        kt: ours[i],
        kafka: theirs.map(|l| l[i]),
        rises: false,
    })
}

fn figures(records: &str) -> Vec<Figure> {
    let ours = support::broker::Broker::start();
    let real = kafka::available().then(|| Kafka::start(1, &ONE_NODE.map(str::to_owned)));
    let servers = real.as_ref().map(|k| k.brokers[0].clone());
    create_topic(ours.bootstrap(), "bench");
    let theirs = |measure: &mut dyn FnMut(Side, &str) -> f64| servers.as_deref().map(|s| measure(Side::Kafka, s));
    let mut all = vec![Figure {
        what: "topics --list",
        unit: "s",
        kt: median(21, || list(Side::Kt, ours.bootstrap())),
        kafka: theirs(&mut |side, _| median(3, || list(side, ours.bootstrap()))),
        rises: false,
    }];
    all.push(Figure {
        what: "broker, start to first answer",
        unit: "s",
        kt: median(7, broker_start),
        kafka: None,
        rises: false,
    });
    if let Some(s) = &servers {
        create_topic(s, "bench");
    }
    // Both tools on the same cluster: Kafka's where there is one.
    let shared = servers.as_deref().unwrap_or(ours.bootstrap());
    let side = |kafka: bool| if kafka { Side::Kafka } else { Side::Kt };
    let both = servers.is_some();
    all.push(rate("perf-test producer", both, |kafka| {
        produce(side(kafka), shared, records)
    }));
    all.push(rate("perf-test consumer", both, |kafka| {
        consume(side(kafka), shared, records)
    }));
    // The same client on both brokers.
    let at = |kafka: bool| servers.as_deref().filter(|_| kafka).unwrap_or(ours.bootstrap());
    all.push(rate("produce to the broker", both, |kafka| {
        produce(Side::Kt, at(kafka), records)
    }));
    all.push(rate("fetch from the broker", both, |kafka| {
        consume(Side::Kt, at(kafka), records)
    }));
    // A tenth of what Kafka takes when it is given all that the client has, or of what we take.
    let full = all.iter().find(|f| f.what == "produce to the broker");
    let rate = full.map_or(0.0, |f| f.kafka.unwrap_or(f.kt)) as u64 / 10;
    for (what, acks) in [("p99 at 10 % load, acks=1", "1"), ("p99 at 10 % load, acks=all", "all")] {
        all.push(acknowledged(what, acks, rate, ours.bootstrap(), servers.as_deref()));
    }
    drop(real);
    all.extend(load_figures());
    let segment = ours.data_dir().join("bench-0/00000000000000000000.log");
    all.push(Figure {
        what: "dump-log --print-data-log",
        unit: "s",
        kt: median(3, || dump(Side::Kt, &segment)),
        kafka: kafka::available().then(|| median(1, || dump(Side::Kafka, &segment))),
        rises: false,
    });
    all
}

fn main() {
    // `cargo test --benches` runs this too, to see that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    kafka::at_full_speed();
    let records = std::env::var("KT_BENCH_RECORDS").unwrap_or_else(|_| "3000000".to_owned());
    let figures = figures(&records);
    println!("{:32} {:>14} {:>14}  {:10} {:>8}", "", "kt", "Kafka 4.3.1", "", "ratio");
    for f in &figures {
        let kafka = f.kafka.map_or(String::new(), |k| format!("{k:.3}"));
        let ratio = f.ratio().map_or(String::new(), |r| format!("{r:.1}x"));
        println!("{:32} {:>14.3} {kafka:>14}  {:10} {ratio:>8}", f.what, f.kt, f.unit);
    }
    let rows: Vec<_> = figures
        .iter()
        .map(|f| json!({"what": f.what, "unit": f.unit, "kt": f.kt, "kafka": f.kafka, "ratio": f.ratio()}))
        .collect();
    let path = support::root().join("target/bench.json");
    let written = std::fs::create_dir_all(support::root().join("target"))
        .and_then(|()| std::fs::write(&path, serde_json::to_string_pretty(&rows).expect("plain values")));
    match written {
        Ok(()) => println!("written to {}", path.display()),
        Err(e) => panic!("{}: {e}", path.display()),
    }
}
