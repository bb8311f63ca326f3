//! Records the scenarios with Kafka's own tools on real Kafka, and the segment files that the dump-log cases read.

use std::fs;
use std::path::Path;

use super::scenario::{Scenario, Step};
use super::store::Corner;
use super::{Picked, runner, store};
use crate::support::kafka::Kafka;
use crate::support::tests_dir;
use crate::support::tools::Tools;

const REAL: Corner = Corner {
    kafka_tools: true,
    kafka_broker: true,
};

/// The scenario that fills the topics whose files the dump-log cases read; its own cases are none.
const SEGMENTS: &str = "segments.txt";

#[test]
#[ignore = "writes tests/golden; needs Java and Maven"]
fn record() {
    assert!(
        std::env::var_os("KT_GOLDEN_RECORD").is_some(),
        "set KT_GOLDEN_RECORD=1 to record anew"
    );
    let picked = Picked::from_env();
    if picked.matches("segments") || !tests_dir("golden").join("segments").exists() {
        segments();
    }
    let work = tempfile::tempdir().expect("a temp dir");
    let tools = Tools::kafka(work.path());
    for scenario in store::scenarios().iter().filter(|s| picked.has(s)) {
        runner::fill(work.path(), scenario);
        let said = runner::run(scenario, REAL, &tools, work.path()).expect("real Kafka starts");
        for (case, said) in &said {
            store::record(case, said);
        }
        println!("{}: {} cases", scenario.name, said.len());
    }
}

/// Runs tests/golden/segments.txt on real Kafka, stops it and keeps its partitions, whole and damaged.
fn segments() {
    let text = fs::read_to_string(tests_dir("golden").join(SEGMENTS)).expect("tests/golden/segments.txt");
    let scenario = Scenario::parse("segments", &text);
    let work = runner::work_folder(&scenario);
    let tools = Tools::kafka(work.path());
    let mut settings = scenario.settings.clone();
    settings.extend([
        "offsets.topic.replication.factor=1".to_owned(),
        "group.initial.rebalance.delay.ms=0".to_owned(),
    ]);
    settings.extend([
        "transaction.state.log.replication.factor=1".to_owned(),
        "transaction.state.log.min.isr=1".to_owned(),
    ]);
    let kafka = Kafka::start(1, &settings);
    for step in &scenario.steps {
        if let Step::Prepare(line) = step {
            let argv: Vec<String> = line.argv.iter().map(|w| w.replace("$B", &kafka.brokers[0])).collect();
            let outcome = tools.run(&line.script, &argv, &line.stdin);
            assert_eq!(outcome.exit, 0, "{line:?}: {}", outcome.err());
        }
    }
    kafka.stop_nodes();
    let to = tests_dir("golden").join("segments");
    fs::remove_dir_all(&to).ok();
    for entry in fs::read_dir(kafka.data_dir(1)).expect("the node's log folder") {
        let entry = entry.expect("a folder that can be read");
        if entry.path().is_dir() {
            keep(&entry.path(), &to.join(entry.file_name()));
        }
    }
    damage(&to);
}

/// Copies a partition's files; those of no length say nothing.
fn keep(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder for the segments");
    for entry in fs::read_dir(from).expect("a partition") {
        let entry = entry.expect("a folder that can be read");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a file that can be copied");
    }
    let log = to.join("00000000000000000000.log");
    if log.metadata().is_ok_and(|meta| meta.len() == 0) {
        fs::remove_dir_all(to).expect("a folder of our own");
    }
}

/// Damaged copies of one segment: a flipped bit in a record, a torn tail, a tail of zeros, no log at all.
fn damage(segments: &Path) {
    let name = "00000000000000000000.log";
    let whole = fs::read(segments.join("plain-0").join(name)).expect("the segment of topic plain");
    let mut flipped = whole.clone();
    let last = flipped.len() - 3;
    flipped[last] ^= 1;
    let mut zeros = whole.clone();
    zeros.extend([0; 64]);
    let torn = whole[..whole.len() - 20].to_vec();
    for (kind, bytes) in [
        ("flipped", flipped),
        ("torn", torn),
        ("zeros", zeros),
        ("text", b"this is not a log\n".to_vec()),
    ] {
        let dir = segments.join("damaged").join(format!("{kind}-0"));
        fs::create_dir_all(&dir).expect("a folder for the segments");
        fs::write(dir.join(name), bytes).expect("a file in a fresh folder");
    }
    let index = segments.join("rolled-0").join("00000000000000000000.index");
    if let Ok(mut bytes) = fs::read(index) {
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        let dir = segments.join("damaged/index-0");
        fs::create_dir_all(&dir).expect("a folder for the segments");
        fs::write(dir.join("00000000000000000000.index"), bytes).expect("a file in a fresh folder");
        fs::copy(segments.join("rolled-0").join(name), dir.join(name)).expect("a file that can be copied");
    }
}
