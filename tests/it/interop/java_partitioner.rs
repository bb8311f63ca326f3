//! Keys choose the partitions that Java's producer chooses.
//!
//! tests/fixtures/java_partitioner/partitions_of_7.txt holds, a digit a key, where `kafka-console-producer.sh` 4.3.1 sent the
//! keys of [`key`] in a topic of 7 partitions.

use std::process::Command;
use std::time::Duration;

use crate::support::broker::Broker;
use crate::support::process::Process;
use crate::support::{Outcome, kt, tests_dir};

const KEYS: usize = 10_000;
const LIMIT: Duration = Duration::from_secs(60);

/// The first key is empty; the others are of many lengths, every third of more than ASCII.
fn key(i: usize) -> String {
    match i {
        0 => String::new(),
        _ if i.is_multiple_of(3) => format!("ключ-{i}"),
        _ => format!("{}{i}", "x".repeat(i % 37)),
    }
}

fn run(broker: &Broker, words: &[&str], stdin: &[u8]) -> Outcome {
    let mut command = Command::new(kt());
    command.args(words).args(["--bootstrap-server", broker.bootstrap()]);
    let done = Process::start(&mut command, stdin).wait(LIMIT);
    assert_eq!(done.exit, 0, "{words:?}: {}", done.err());
    done
}

#[test]
fn ten_thousand_keys_go_where_javas_producer_sends_them() {
    let java = std::fs::read_to_string(tests_dir("fixtures").join("java_partitioner/partitions_of_7.txt"))
        .expect("the fixture");
    let java: Vec<u8> = java.bytes().filter(u8::is_ascii_digit).map(|d| d - b'0').collect();
    assert_eq!(java.len(), KEYS);
    let broker = Broker::start();
    run(
        &broker,
        &["topics", "--create", "--topic", "keys", "--partitions", "7"],
        b"",
    );
    let input: String = (0..KEYS).map(|i| format!("{}\t{i}\n", key(i))).collect();
    run(
        &broker,
        &[
            "console-producer",
            "--topic",
            "keys",
            "--reader-property",
            "parse.key=true",
        ],
        input.as_bytes(),
    );
    let read = [
        "console-consumer",
        "--topic",
        "keys",
        "--stop-at-end",
        "--formatter-property",
        "print.partition=true",
    ];
    let output = run(&broker, &read, b"").out();
    let mut ours = vec![u8::MAX; KEYS];
    for line in output.lines() {
        let (partition, i) = line
            .strip_prefix("Partition:")
            .and_then(|l| l.split_once('\t'))
            .expect("two columns");
        ours[i.parse::<usize>().expect("a number")] = partition.parse().expect("a partition");
    }
    let differing: Vec<usize> = (0..KEYS).filter(|i| ours[*i] != java[*i]).collect();
    assert!(
        differing.is_empty(),
        "{} keys went elsewhere, the first is {:?}",
        differing.len(),
        key(differing[0])
    );
}

#[test]
fn records_without_keys_reach_every_partition() {
    let broker = Broker::start();
    run(
        &broker,
        &["topics", "--create", "--topic", "nulls", "--partitions", "3"],
        b"",
    );
    let input = "x\n".repeat(300);
    let words = [
        "console-producer",
        "--topic",
        "nulls",
        "--sync",
        "--command-property",
        "linger.ms=0",
    ];
    run(&broker, &words, input.as_bytes());
    let ends = run(&broker, &["get-offsets", "--topic", "nulls"], b"").out();
    let counts: Vec<u32> = ends
        .lines()
        .map(|l| l.rsplit(':').next().and_then(|n| n.parse().ok()).expect("an offset"))
        .collect();
    assert_eq!(counts.iter().sum::<u32>(), 300);
    assert!(counts.len() == 3 && counts.iter().all(|n| *n > 0), "{counts:?}");
}
