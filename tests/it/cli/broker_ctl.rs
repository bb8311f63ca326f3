//! `kt broker-ctl`: compaction and retention when the test wants them.

use std::process::Command;
use std::time::Duration;

use crate::support::broker::Broker;
use crate::support::process::Process;
use crate::support::{Outcome, kt, rdkafka as client};

fn run(broker: &Broker, words: &[&str]) -> Outcome {
    let mut command = Command::new(kt());
    command.args(words).env("KT_BOOTSTRAP_SERVER", broker.bootstrap());
    Process::start(&mut command, b"").wait(Duration::from_secs(60))
}

fn topic(broker: &Broker, name: &str, config: &str) {
    let words = ["topics", "--create", "--topic", name, "--config", config];
    assert_eq!(run(broker, &words).exit, 0);
}

fn produce(broker: &Broker, topic: &str, values: std::ops::Range<usize>) {
    let pairs: Vec<_> = values.map(|n| (format!("k{}", n % 3), format!("v{n}"))).collect();
    let pairs = pairs.iter().map(|(k, v)| (k.as_bytes(), v.as_bytes()));
    client::produce(broker.bootstrap(), topic, &[("acks", "all")], pairs);
}

#[test]
fn compaction_at_once_leaves_the_last_value_of_each_key() {
    let broker = Broker::start();
    topic(&broker, "c", "cleanup.policy=compact");
    produce(&broker, "c", 0..30);
    let done = run(&broker, &["broker-ctl", "compact", "c"]);
    assert_eq!(done.exit, 0, "{}", done.err());
    let mut left: Vec<_> = client::consume(broker.bootstrap(), "c", 3)
        .iter()
        .map(client::text)
        .collect();
    left.sort();
    assert_eq!(left, ["v27", "v28", "v29"]);
    // And again, on top of what is clean.
    produce(&broker, "c", 30..32);
    let again = run(&broker, &["broker-ctl", "compact", "c"]);
    assert_eq!(again.exit, 0, "{}", again.err());
    let mut left: Vec<_> = client::consume(broker.bootstrap(), "c", 3)
        .iter()
        .map(client::text)
        .collect();
    left.sort();
    assert_eq!(left, ["v29", "v30", "v31"]);
}

#[test]
fn retention_at_once_deletes_what_is_too_old() {
    let broker = Broker::start();
    topic(&broker, "r", "retention.ms=1");
    produce(&broker, "r", 0..10);
    let done = run(&broker, &["broker-ctl", "retain", "r"]);
    assert_eq!(done.exit, 0, "{}", done.err());
    let offsets = run(&broker, &["get-offsets", "--topic", "r", "--time", "earliest"]);
    assert_eq!(offsets.out(), "r:0:10\n");
}

#[test]
fn what_cannot_be_done_is_told() {
    let broker = Broker::start();
    topic(&broker, "d", "cleanup.policy=delete");
    for (words, why) in [
        (["broker-ctl", "compact", "d"], "cleanup.policy of d has no compact"),
        (["broker-ctl", "retain", "nobody"], "does not host this topic-partition"),
    ] {
        let done = run(&broker, &words);
        assert_eq!(done.exit, 1);
        assert!(done.err().contains(why), "{}", done.err());
    }
}
