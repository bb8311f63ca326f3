//! One data directory, two brokers: what Apache Kafka wrote `kt broker` serves, and the other way round, after an orderly
//! stop and after SIGKILL.

use std::collections::BTreeMap;
use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::broker::Broker;
use crate::support::copy_dir;
use crate::support::kafka::{self, Kafka};
use crate::support::rdkafka::{self as client, LIMIT};

/// Few records make a snapshot of the metadata, and few bytes a segment.
const SETTINGS: [(&str, &str); 6] = [
    ("metadata.log.max.record.bytes.between.snapshots", "500"),
    ("log.segment.bytes", "1048576"),
    ("offsets.topic.num.partitions", "3"),
    ("offsets.topic.replication.factor", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("auto.create.topics.enable", "false"),
];
const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
const GROUP: &str = "moved";
const RECORDS: usize = 300;

/// Partition, offset, timestamp, key and value.
type Row = (i32, i64, Option<i64>, String, String);

/// All a client can see of what [`fill`] wrote.
#[derive(Debug, PartialEq)]
struct Seen {
    /// By topic.
    records: BTreeMap<String, Vec<Row>>,
    committed: Vec<(String, i32, Offset, String)>,
    retention_ms: String,
    cleanup_policy: String,
}

fn settings() -> Vec<String> {
    SETTINGS.iter().map(|(k, v)| format!("{k}={v}")).collect()
}

fn blocking<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("an admin client")
}

fn consumer(bootstrap: &str, group: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer")
}

/// A topic for each codec with three partitions, one with settings, committed offsets.
fn fill(bootstrap: &str) {
    for codec in CODECS {
        client::create_topic(bootstrap, codec, 3);
        produce(bootstrap, codec, "first");
    }
    let options = AdminOptions::new().operation_timeout(Some(LIMIT));
    blocking(async {
        let admin = admin(bootstrap);
        let topic = NewTopic::new("kept", 1, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
        let made = admin.create_topics([&topic], &options).await.expect("an answer");
        made[0].as_ref().expect("a topic");
        let change = AlterConfig::new(ResourceSpecifier::Topic("none")).set("retention.ms", "123456789");
        let changed = admin.alter_configs([&change], &options).await.expect("an answer");
        changed[0].as_ref().expect("a change");
    });
    produce(bootstrap, "kept", "first");
    let mut offsets = TopicPartitionList::new();
    for (at, codec) in (1..).zip(CODECS) {
        offsets
            .add_partition_offset(codec, 1, Offset::Offset(at * 7))
            .expect("an offset");
    }
    consumer(bootstrap, GROUP)
        .commit(&offsets, CommitMode::Sync)
        .expect("committed offsets");
}

fn produce(bootstrap: &str, topic: &str, what: &str) {
    let pairs: Vec<_> = (0..RECORDS)
        .map(|n| (format!("k{n}"), format!("{what}-{n}-{}", "x".repeat(n))))
        .collect();
    let codec = if topic == "kept" { "lz4" } else { topic };
    let settings = [("compression.codec", codec), ("enable.idempotence", "true")];
    client::produce(
        bootstrap,
        topic,
        &settings,
        pairs.iter().map(|(k, v)| (k.as_bytes(), v.as_bytes())),
    );
}

fn look(bootstrap: &str, records: usize) -> Seen {
    let mut seen = BTreeMap::new();
    for topic in CODECS.into_iter().chain(["kept"]) {
        let row = |m: &OwnedMessage| {
            let key = String::from_utf8_lossy(m.key().unwrap_or_default()).into_owned();
            (
                m.partition(),
                m.offset(),
                m.timestamp().to_millis(),
                key,
                client::text(m),
            )
        };
        let mut rows: Vec<_> = client::consume(bootstrap, topic, records).iter().map(row).collect();
        rows.sort();
        seen.insert(topic.to_owned(), rows);
    }
    let mut asked = TopicPartitionList::new();
    CODECS.iter().for_each(|codec| {
        asked.add_partition(codec, 1);
    });
    let committed = consumer(bootstrap, GROUP)
        .committed_offsets(asked, LIMIT)
        .expect("committed offsets");
    let row = |e: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        (e.topic().to_owned(), e.partition(), e.offset(), e.metadata().to_owned())
    };
    let config = |topic: &str, name: &str| {
        let resource = ResourceSpecifier::Topic(topic);
        let described = blocking(admin(bootstrap).describe_configs([&resource], &AdminOptions::new()));
        let described = described.expect("an answer").remove(0).expect("settings");
        described.get(name).and_then(|e| e.value.clone()).unwrap_or_default()
    };
    Seen {
        records: seen,
        committed: committed.elements().iter().map(row).collect(),
        retention_ms: config("none", "retention.ms"),
        cleanup_policy: config("kept", "cleanup.policy"),
    }
}

fn has_snapshot(data: &Path) -> bool {
    let mut files = std::fs::read_dir(data.join("__cluster_metadata-0")).expect("the metadata's folder");
    files.any(|f| f.is_ok_and(|f| f.path().extension().is_some_and(|e| e == "checkpoint")))
}

/// Kafka writes, kt serves and writes on, Kafka serves that.
fn there_and_back(kafka_is_killed: bool, kt_is_killed: bool) {
    if !kafka::available() {
        return;
    }
    let work = tempfile::tempdir().expect("a temp dir");
    let data = work.path().join("data");
    let kafka = Kafka::start(1, &settings());
    fill(&kafka.brokers[0]);
    let written = look(&kafka.brokers[0], RECORDS);
    if kafka_is_killed {
        kafka.kill_nodes();
    } else {
        kafka.stop_nodes();
    }
    copy_dir(&kafka.data_dir(1), &data);
    drop(kafka);

    let kt = Broker::on(&data, &SETTINGS).expect("kt broker on Kafka's data");
    assert_eq!(look(kt.bootstrap(), RECORDS), written, "kt on Kafka's data");
    for topic in CODECS.into_iter().chain(["kept"]) {
        produce(kt.bootstrap(), topic, "second");
    }
    let grown = look(kt.bootstrap(), 2 * RECORDS);
    if kt_is_killed {
        kt.kill();
    } else {
        assert_eq!(kt.stop(), Some(0));
    }
    assert!(has_snapshot(&data), "no snapshot was made or kept");

    let kafka = Kafka::on(&data, &settings());
    assert_eq!(look(&kafka.brokers[0], 2 * RECORDS), grown, "Kafka on kt's data");
}

#[test]
fn data_moves_from_kafka_to_kt_and_back() {
    there_and_back(false, false);
}

#[test]
fn data_of_killed_brokers_moves_from_kafka_to_kt_and_back() {
    there_and_back(true, true);
}

/// What kt made from nothing, metadata snapshot included, Kafka serves.
#[test]
fn kafka_serves_what_kt_wrote() {
    if !kafka::available() {
        return;
    }
    let work = tempfile::tempdir().expect("a temp dir");
    let data = work.path().join("data");
    let kt = Broker::on(&data, &SETTINGS).expect("kt broker");
    fill(kt.bootstrap());
    let written = look(kt.bootstrap(), RECORDS);
    assert_eq!(kt.stop(), Some(0));
    assert!(has_snapshot(&data), "no snapshot was made");
    let kafka = Kafka::on(&data, &settings());
    assert_eq!(look(&kafka.brokers[0], RECORDS), written);
}
