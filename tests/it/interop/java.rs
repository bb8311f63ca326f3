//! Kafka's Java producer beside ours: the same key, the same partition.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdkafka::message::Message;

use crate::support::broker::Broker;
use crate::support::tools::Tools;
use crate::support::{kafka, rdkafka as client};

const KEYS: usize = 10_000;

/// Keys of all lengths, the empty one included, without the bytes that end a key or a line.
fn lines() -> (Vec<u8>, usize) {
    let mut random = StdRng::seed_from_u64(848);
    let mut lines = Vec::new();
    for n in 0..KEYS {
        let length = if n == 0 { 0 } else { random.random_range(1..40) };
        let key: String = (0..length).map(|_| random.random_range('!'..='\u{24f}')).collect();
        lines.extend(format!("{}\t{n}\n", key.replace('\u{85}', "x")).bytes());
    }
    (lines, KEYS)
}

/// The partition of each value.
fn partitions(bootstrap: &str, topic: &str, count: usize) -> BTreeMap<String, i32> {
    client::consume(bootstrap, topic, count)
        .iter()
        .map(|message| (client::text(message), message.partition()))
        .collect()
}

#[test]
fn ten_thousand_keys_go_where_the_java_producer_puts_them() {
    if !kafka::available() {
        return;
    }
    let broker = Broker::start();
    let work = tempfile::tempdir().expect("a temp dir");
    let (input, count) = lines();
    let mut placed = Vec::new();
    for (topic, tools) in [
        ("of-java", Tools::kafka(work.path())),
        ("of-kt", Tools::kt(work.path())),
    ] {
        client::create_topic(broker.bootstrap(), topic, 31);
        let argv = [
            "--bootstrap-server",
            broker.bootstrap(),
            "--topic",
            topic,
            "--reader-property",
            "parse.key=true",
        ];
        let outcome = tools.run("kafka-console-producer.sh", &argv.map(str::to_owned), &input);
        assert_eq!((outcome.exit, outcome.err().as_str()), (0, ""), "{topic}");
        placed.push(partitions(broker.bootstrap(), topic, count));
    }
    assert!(placed[0] == placed[1], "some keys went elsewhere");
}
