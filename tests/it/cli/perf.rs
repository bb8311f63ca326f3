//! The performance tools: what they read and send, not how fast.

use std::collections::HashMap;

use crate::support::broker::{AnyBroker, unique};
use crate::support::process::run_kt;
use crate::support::rdkafka as client;

/// The records and bytes of the last line of consumer-perf-test.
fn consumed(bootstrap: &str, words: &[&str]) -> (u64, f64) {
    let mut all = vec![
        "perf-test",
        "consumer",
        "--hide-header",
        "--bootstrap-server",
        bootstrap,
    ];
    all.extend(words);
    let done = run_kt(&all, b"");
    assert_eq!(done.exit, 0, "{words:?}: {}{}", done.out(), done.err());
    let out = done.out();
    let columns: Vec<&str> = out.trim().split(", ").collect();
    (
        columns[4].parse().expect("a count"),
        columns[2].parse().expect("megabytes"),
    )
}

#[test]
fn a_group_goes_on_where_the_consumer_before_stopped() {
    let broker = AnyBroker::get();
    let topic = unique("perf");
    let group = unique("perf-group");
    client::create_topic(broker.bootstrap(), &topic, 3);
    let mut bytes = 0;
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let values: Vec<String> = (0..200).map(|n| "x".repeat(n)).collect();
        bytes += values.iter().map(|v| v.len() + 3).sum::<usize>();
        let pairs = values.iter().map(|value| (b"key".as_slice(), value.as_bytes()));
        client::produce(broker.bootstrap(), &topic, &[("compression.codec", codec)], pairs);
    }
    let read = |records: &str| {
        let words = ["--topic", &topic, "--group", &group, "--num-records", records];
        consumed(broker.bootstrap(), &words)
    };
    let parts = [read("333"), read("1"), read("666")];
    assert_eq!(parts.map(|(records, _)| records), [333, 1, 666]);
    // Every record once: their sizes add up, each told to four decimals of a megabyte.
    let megabytes: f64 = parts.iter().map(|(_, megabytes)| megabytes).sum();
    let all = bytes as f64 / 1024.0 / 1024.0;
    assert!((megabytes - all).abs() < 0.000_2, "{megabytes} of {all}");
}

#[test]
fn every_record_sent_arrives_in_its_size() {
    let broker = AnyBroker::get();
    let topic = unique("perf-sent");
    client::create_topic(broker.bootstrap(), &topic, 2);
    let settings = ["--throughput", "-1", "--bootstrap-server", broker.bootstrap()];
    let send = |words: &[&str]| {
        let mut all = vec!["perf-test", "producer", "--topic", &topic];
        all.extend(words.iter().chain(&settings));
        let done = run_kt(&all, b"");
        assert_eq!(done.exit, 0, "{words:?}: {}{}", done.out(), done.err());
    };
    send(&["--num-records", "1500", "--record-size", "77"]);
    send(&["--num-records", "120", "--payload-monotonic"]);
    let read = client::consume(broker.bootstrap(), &topic, 1620);
    let mut texts: HashMap<String, usize> = HashMap::new();
    for message in &read {
        *texts.entry(client::text(message)).or_default() += 1;
    }
    let letters = texts
        .iter()
        .filter(|(text, _)| text.len() == 77)
        .map(|(_, n)| n)
        .sum::<usize>();
    assert_eq!(letters, 1500);
    assert!((0..120).all(|n| texts.get(&n.to_string()) == Some(&1)));
}

#[test]
fn a_producer_whose_buffer_is_full_from_the_start_goes_on() {
    let broker = AnyBroker::get();
    let sizes = [("10", "50000"), ("1000", "5000")];
    for (size, records) in sizes.repeat(3) {
        // A topic of its own: librdkafka learns of its partitions while the buffer is full already.
        let topic = unique("perf-full");
        client::create_topic(broker.bootstrap(), &topic, 6);
        let done = run_kt(
            &[
                "perf-test",
                "producer",
                "--bootstrap-server",
                broker.bootstrap(),
                "--topic",
                &topic,
                "--num-records",
                records,
                "--record-size",
                size,
                "--throughput",
                "-1",
                "--command-property",
                "buffer.memory=20000",
                "batch.size=4000",
            ],
            b"",
        );
        assert_eq!(done.exit, 0, "{}{}", done.out(), done.err());
        let (read, _) = consumed(broker.bootstrap(), &["--topic", &topic, "--num-records", records]);
        assert_eq!(read.to_string(), records);
    }
}
