//! Our own readers on a cluster whose partitions move from broker to broker while they read: Apache Kafka, for now the only
//! one here with more than one broker.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use kt::TopicPartition;
use kt::client::fetch::{FetchSettings, Fetcher, Start};
use kt::client::props::Properties;
use kt::client::share::{AcknowledgeType, ShareConsumer, ShareSettings};
use kt::client::{Bootstrap, ConnectConfig};
use tokio::time::timeout;

use crate::support::kafka::{self, Kafka};
use crate::support::process::run_kt;
use crate::support::rdkafka as client;
use crate::support::wire::Wire;

const TOPIC: &str = "moves";
const LIMIT: Duration = Duration::from_secs(60);
const RECORDS_OF_A_ROUND: usize = 2_000;

/// Two brokers, a partition on each.
struct Cluster {
    kafka: Kafka,
    work: tempfile::TempDir,
    sent: usize,
}

impl Cluster {
    fn start() -> Self {
        let settings = ["offsets.topic", "share.coordinator.state.topic"].map(|t| format!("{t}.replication.factor=1"));
        let isr = ["share.coordinator.state.topic.min.isr=1".to_owned()];
        let kafka = Kafka::start(2, &[&settings[..], &isr].concat());
        let cluster = Self {
            kafka,
            work: tempfile::tempdir().expect("a temp dir"),
            sent: 0,
        };
        cluster.kt(&["topics", "--create", "--topic", TOPIC, "--replica-assignment", "1,2"]);
        cluster
    }

    fn servers(&self) -> String {
        self.kafka.brokers.join(",")
    }

    fn connect(&self) -> ConnectConfig {
        ConnectConfig {
            bootstrap: Bootstrap::Servers(self.servers()),
            props: Properties::new(),
        }
    }

    fn kt(&self, words: &[&str]) {
        let servers = self.servers();
        let done = run_kt(&[words, &["--bootstrap-server", &servers]].concat(), b"");
        assert_eq!(done.exit, 0, "{words:?}: {}{}", done.out(), done.err());
    }

    /// Moves partition 0 to one broker and partition 1 to the other, and waits until they lead.
    fn move_to(&self, leaders: [i32; 2]) {
        let one = |partition: usize| {
            let broker = leaders[partition];
            format!(r#"{{"topic":"{TOPIC}","partition":{partition},"replicas":[{broker}]}}"#)
        };
        let plan = format!(r#"{{"version":1,"partitions":[{},{}]}}"#, one(0), one(1));
        let file = self.work.path().join("plan.json");
        std::fs::write(&file, plan).expect("a file in a fresh folder");
        let file = file.to_str().expect("a temp dir in UTF-8");
        self.kt(&["reassign-partitions", "--execute", "--reassignment-json-file", file]);
        let wanted = MetadataRequestTopic::default().with_name(Some(TopicName(TOPIC.into())));
        let request = MetadataRequest::default().with_topics(Some(vec![wanted]));
        let deadline = Instant::now() + LIMIT;
        for broker in &self.kafka.brokers {
            let mut wire = Wire::connect(broker);
            loop {
                let mut partitions = wire.call(&request, 12).topics.remove(0).partitions;
                partitions.sort_by_key(|p| p.partition_index);
                if partitions.iter().map(|p| p.leader_id.0).eq(leaders) {
                    break;
                }
                assert!(Instant::now() < deadline, "{partitions:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Sends the numbers that come next.
    fn produce(&mut self) {
        let texts: Vec<String> = (self.sent..self.sent + RECORDS_OF_A_ROUND)
            .map(|n| n.to_string())
            .collect();
        let pairs = texts.iter().map(|n| (n.as_bytes(), n.as_bytes()));
        client::produce(&self.servers(), TOPIC, &[], pairs);
        self.sent += RECORDS_OF_A_ROUND;
    }
}

fn number(value: Option<&[u8]>) -> usize {
    let text = std::str::from_utf8(value.expect("a value")).expect("text");
    text.parse().expect("a number")
}

/// Where the two partitions are, round after round.
const ROUNDS: [[i32; 2]; 4] = [[1, 2], [2, 1], [1, 1], [2, 2]];

#[tokio::test]
async fn readers_follow_partitions_that_move() {
    if !kafka::available() {
        println!("skipped: Apache Kafka needs Java and Maven");
        return;
    }
    let mut cluster = Cluster::start();
    let starts = [0, 1].map(|partition| {
        let partition = TopicPartition {
            topic: TOPIC.into(),
            partition,
        };
        (partition, Start::Earliest)
    });
    let mut fetcher =
        Fetcher::start(&cluster.connect(), FetchSettings::default(), starts.into()).expect("a thread to fetch with");
    let share = ShareSettings::from_props("workers", &Properties::new());
    let group = ["--entity-type", "groups", "--entity-name", "workers"];
    let earliest = ["configs", "--alter", "--add-config", "share.auto.offset.reset=earliest"];
    cluster.kt(&[&earliest[..], &group].concat());
    let mut sharer = ShareConsumer::join(&cluster.connect(), share, &[TOPIC.to_owned()])
        .await
        .expect("a member");

    let mut read: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    let mut dealt_with = BTreeSet::new();
    for leaders in ROUNDS {
        cluster.move_to(leaders);
        cluster.produce();
        while read.values().map(Vec::len).sum::<usize>() < cluster.sent {
            let fetched = timeout(LIMIT, fetcher.next()).await.expect("records in time");
            let fetched = fetched.expect("a fetcher that goes on").expect("records");
            let into = read.entry(fetched.partition.partition).or_default();
            let visited = fetched.visit(|record| {
                into.push(number(record.value));
                ControlFlow::Continue(())
            });
            visited.expect("whole batches");
        }
        while dealt_with.len() < cluster.sent {
            let batch = timeout(LIMIT, sharer.next())
                .await
                .expect("records in time")
                .expect("a batch");
            let visited = batch.visit(|record, _| {
                // A record whose acknowledgement went to the old leader may come again.
                dealt_with.insert(number(record.value));
            });
            visited.expect("whole batches");
            sharer.acknowledge(&batch, AcknowledgeType::Accept);
        }
    }
    for (partition, numbers) in &read {
        assert!(
            numbers.is_sorted_by(|a, b| a < b),
            "partition {partition} twice or out of order"
        );
    }
    let all: BTreeSet<usize> = read.into_values().flatten().collect();
    assert!(all.into_iter().eq(0..cluster.sent));
    assert!(dealt_with.into_iter().eq(0..cluster.sent));
    sharer.close().await;
}
