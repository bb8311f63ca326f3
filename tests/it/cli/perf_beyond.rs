//! What the performance tools have beyond the scripts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::broker::{AnyBroker, unique};
use crate::support::process::Process;
use crate::support::rdkafka as client;
use crate::support::{Outcome, kt};

const LIMIT: Duration = Duration::from_secs(60);

fn run_kt(cwd: &Path, words: &[&str]) -> Outcome {
    let mut command = Command::new(kt());
    command
        .args(words)
        .current_dir(cwd)
        .env("KT_CONFIG", cwd.join("config.toml"))
        .env_remove("KT_BOOTSTRAP_SERVER");
    Process::start(&mut command, b"").wait(LIMIT)
}

/// The result that `perf-test TOOL ... -o json` prints, and nothing else.
fn measured(cwd: &Path, words: &[&str]) -> Value {
    let mut all = vec!["perf-test"];
    all.extend(words);
    all.extend(["-o", "json"]);
    let done = run_kt(cwd, &all);
    assert_eq!(done.exit, 0, "{words:?}: {}{}", done.out(), done.err());
    serde_json::from_str(&done.out()).expect("one object of JSON")
}

#[test]
fn clients_share_the_records_and_keys_follow_their_law() {
    let broker = AnyBroker::get();
    let home = tempfile::tempdir().expect("a temp dir");
    let topic = unique("perf-keys");
    client::create_topic(broker.bootstrap(), &topic, 3);
    let servers = ["--bootstrap-server", broker.bootstrap(), "--topic", &topic];
    let mut words = vec!["producer", "--throughput", "-1", "--record-size", "50"];
    words.extend(servers);
    words.extend([
        "--num-records",
        "1001",
        "--clients",
        "2",
        "--key-distribution",
        "zipf:10",
    ]);
    let sent = measured(home.path(), &words);
    assert_eq!(
        (sent["tool"].as_str(), sent["clients"].as_u64()),
        (Some("producer"), Some(2))
    );
    assert_eq!(
        (sent["records"].as_u64(), sent["failed"].as_u64()),
        (Some(1001), Some(0))
    );
    let windows = sent["windows"].as_array().expect("windows");
    let in_windows: u64 = windows.iter().filter_map(|w| w["records"].as_u64()).sum();
    assert_eq!(in_windows, 1001);
    assert!(sent["latency"]["p99_ms"].as_f64() >= sent["latency"]["p50_ms"].as_f64());
    let mut keys: HashMap<Vec<u8>, (u32, i32)> = HashMap::new();
    for message in &client::consume(broker.bootstrap(), &topic, 1001) {
        let (key, partition) = client::key_and_partition(message);
        let (count, first) = keys.entry(key).or_insert((0, partition));
        *count += 1;
        assert_eq!(*first, partition, "a key stays in its partition");
    }
    assert_eq!(keys.len(), 10);
    let of = |key: &[u8]| keys[key].0;
    assert!(of(b"0") > 3 * of(b"9"), "{keys:?}");

    let mut words = vec!["consumer", "--num-records", "1001"];
    words.extend(servers);
    let read = measured(home.path(), &words);
    assert_eq!(read["records"].as_u64(), Some(1001));
    assert!(read["rebalance_ms"].is_u64());
    // Three members of one group read each record once.
    words.extend(["--clients", "3"]);
    let read = measured(home.path(), &words);
    assert_eq!(
        (read["records"].as_u64(), read["clients"].as_u64()),
        (Some(1001), Some(3))
    );
}

#[test]
fn a_duration_ends_the_test_and_latency_counts_from_when_a_record_was_due() {
    let broker = AnyBroker::get();
    let home = tempfile::tempdir().expect("a temp dir");
    let topic = unique("perf-duration");
    client::create_topic(broker.bootstrap(), &topic, 1);
    let words = ["producer", "--bootstrap-server", broker.bootstrap(), "--topic", &topic];
    let mut words = words.to_vec();
    words.extend(["--record-size", "10", "--throughput", "500", "--duration", "1s"]);
    words.extend(["--latency-from", "intended"]);
    let sent = measured(home.path(), &words);
    let records = sent["records"].as_u64().expect("a count");
    // A loaded machine sends less, never more than the rate allows.
    assert!((50..=501).contains(&records), "{sent}");
    assert_eq!(sent["latency_from"].as_str(), Some("intended"));
    let refused = run_kt(home.path(), &["perf-test", "producer", "--duration", "soon"]);
    assert_eq!(refused.exit, 1);
    assert!(refused.err().contains("--duration soon"), "{}", refused.err());
}

#[test]
fn results_are_compared_and_a_worse_one_fails() {
    let broker = AnyBroker::get();
    let home = tempfile::tempdir().expect("a temp dir");
    let topic = unique("perf-compare");
    let words = [
        "e2e-latency",
        "--bootstrap-server",
        broker.bootstrap(),
        "--topic",
        &topic,
    ];
    let mut words = words.to_vec();
    words.extend(["--num-records", "20", "--producer-acks", "all", "--record-size", "10"]);
    client::create_topic(broker.bootstrap(), &topic, 1);
    let a = measured(home.path(), &words);
    let mut b = a.clone();
    for figure in ["p50_ms", "p99_ms"] {
        b["latency"][figure] = (a["latency"][figure].as_f64().expect("a latency") * 2.0).into();
    }
    for (name, result) in [("a.json", &a), ("b.json", &b)] {
        std::fs::write(home.path().join(name), result.to_string()).expect("a file");
    }
    let compare = |words: &[&str]| {
        let mut all = vec!["perf-test", "compare", "a.json", "b.json", "-o", "jsonl"];
        all.extend(words);
        run_kt(home.path(), &all)
    };
    let done = compare(&[]);
    assert_eq!(done.exit, 0, "{}", done.err());
    let rows: Vec<Value> = (done.out().lines())
        .map(|line| serde_json::from_str(line).expect("a row"))
        .collect();
    let p99 = rows
        .iter()
        .find(|row| row["figure"] == "p99_ms")
        .expect("a row for p99");
    assert!((p99["ratio"].as_f64().expect("a ratio") - 2.0).abs() < 0.01);
    assert_eq!(p99["better"], "a");
    assert_eq!(compare(&["--fail-above", "2.5"]).exit, 0);
    let worse = compare(&["--fail-above", "1.5"]);
    assert_eq!(worse.exit, 1);
    assert!(worse.err().contains("p50_ms, p99_ms"), "{}", worse.err());
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let all = std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name)));
    all.into_iter().find(|file| file.is_file())
}

#[test]
fn a_report_opens_in_a_browser() {
    let Some(browser) = browser() else {
        println!("skipped: no chromium or chrome here to open the report with");
        return;
    };
    let broker = AnyBroker::get();
    let home = tempfile::tempdir().expect("a temp dir");
    let topic = unique("perf-report");
    client::create_topic(broker.bootstrap(), &topic, 1);
    let words = ["producer", "--bootstrap-server", broker.bootstrap(), "--topic", &topic];
    let mut words = words.to_vec();
    words.extend(["--record-size", "10", "--throughput", "-1", "--num-records", "500"]);
    words.extend(["--report", "report.html"]);
    measured(home.path(), &words);
    let page = format!("file://{}", home.path().join("report.html").display());
    let profile = format!("--user-data-dir={}", home.path().join("profile").display());
    let mut command = Command::new(browser);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            &profile,
            "--dump-dom",
            &page,
        ])
        .env("HOME", home.path());
    let done = Process::start(&mut command, b"").wait(LIMIT);
    assert_eq!(done.exit, 0, "{}", done.err());
    let dom = done.out();
    assert_eq!(dom.matches("<svg").count(), 3, "{dom}");
    assert!(dom.matches("<polyline").count() >= 5, "{dom}");
    assert!(dom.contains("<dd>500</dd>") && !dom.contains("<script"), "{dom}");
}
