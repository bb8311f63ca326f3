//! What is acknowledged is there after a restart, whatever ended the broker.

use std::path::Path;

use kt::wire::ErrorCode;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::time::{Duration, Instant};

use crate::support::broker::Broker;

fn config(broker: &Broker) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap());
    config
}

fn start(dir: &Path) -> Broker {
    Broker::on(dir, &[]).unwrap_or_else(|said| panic!("kt broker did not start: {said}"))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Makes topic `t` with two partitions, then four, and writes `count` records that are all acknowledged.
async fn fill(broker: &Broker, count: usize) {
    let admin: AdminClient<DefaultClientContext> = config(broker).create().unwrap();
    let topic = NewTopic::new("t", 2, TopicReplication::Fixed(1)).set("retention.ms", "123456789");
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)));
    admin.create_topics(&[topic], &options).await.unwrap()[0]
        .as_ref()
        .unwrap();
    admin
        .create_partitions(&[NewPartitions::new("t", 4)], &options)
        .await
        .unwrap()[0]
        .as_ref()
        .unwrap();
    let producer: FutureProducer = config(broker)
        .set("acks", "all")
        .set("linger.ms", "0")
        .create()
        .unwrap();
    let sends = (0..count).map(|n| {
        let (key, value) = (format!("k{n}"), format!("v{n}"));
        let producer = producer.clone();
        async move {
            let record = FutureRecord::to("t").key(&key).payload(&value);
            producer
                .send(record, Duration::from_secs(20))
                .await
                .map_err(|(e, _)| e)
                .unwrap();
        }
    });
    futures::future::join_all(sends).await;
}

/// The values of all records of `t`, sorted.
fn read(broker: &Broker, count: usize) -> Vec<String> {
    let mut settings = config(broker);
    let settings = settings
        .set("group.id", "g")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false");
    let consumer: BaseConsumer = settings.create().unwrap();
    consumer.subscribe(&["t"]).unwrap();
    let mut values = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    while values.len() < count && Instant::now() < deadline {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) {
            values.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned());
        }
    }
    values.sort();
    values
}

fn expected(count: usize) -> Vec<String> {
    let mut all: Vec<String> = (0..count).map(|n| format!("v{n}")).collect();
    all.sort();
    all
}

#[test]
fn nothing_acknowledged_is_lost_by_a_killed_broker() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path());
    runtime().block_on(fill(&broker, 500));
    broker.kill();
    let broker = start(dir.path());
    assert_eq!(read(&broker, 500), expected(500));
    broker.kill();
    let broker = start(dir.path());
    assert_eq!(read(&broker, 500), expected(500), "and again, after recovery");
}

#[test]
fn topics_partitions_and_configs_survive_a_clean_stop() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path());
    runtime().block_on(fill(&broker, 20));
    assert_eq!(broker.stop(), Some(0));
    let broker = start(dir.path());
    assert_eq!(read(&broker, 20), expected(20));
    runtime().block_on(async {
        let admin: AdminClient<DefaultClientContext> = config(&broker).create().unwrap();
        let resource = rdkafka::admin::ResourceSpecifier::Topic("t");
        let described = admin.describe_configs([&resource], &AdminOptions::new()).await.unwrap();
        let entries = described[0].as_ref().unwrap().entry_map();
        assert_eq!(entries["retention.ms"].value.as_deref(), Some("123456789"));
        let metadata = admin
            .inner()
            .fetch_metadata(Some("t"), Duration::from_secs(10))
            .unwrap();
        assert_eq!(metadata.topics()[0].partitions().len(), 4);
    });
}

#[test]
fn a_deleted_topic_stays_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path());
    runtime().block_on(async {
        fill(&broker, 5).await;
        let admin: AdminClient<DefaultClientContext> = config(&broker).create().unwrap();
        admin.delete_topics(&["t"], &AdminOptions::new()).await.unwrap()[0]
            .as_ref()
            .unwrap();
    });
    broker.kill();
    let broker = start(dir.path());
    runtime().block_on(async {
        let admin: AdminClient<DefaultClientContext> = config(&broker).create().unwrap();
        let again = admin.delete_topics(&["t"], &AdminOptions::new()).await.unwrap();
        let (_, code) = again[0].as_ref().unwrap_err();
        assert_eq!(*code as i32, i32::from(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.code()));
    });
    assert!(!dir.path().join("t-0").exists());
}

#[test]
fn a_directory_of_another_node_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(start(dir.path()).stop(), Some(0));
    let said = Broker::on(dir.path(), &[("node.id", "7")]).unwrap_err();
    assert!(said.contains("belongs to node 1"), "{said}");
}

#[test]
fn what_is_left_of_a_topic_that_is_gone_is_set_aside_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(start(dir.path()).stop(), Some(0));
    std::fs::create_dir(dir.path().join("ghost-3")).unwrap();
    std::fs::write(dir.path().join("ghost-3/00000000000000000000.log"), "").unwrap();
    std::fs::create_dir(dir.path().join("no partition")).unwrap();
    assert_eq!(start(dir.path()).stop(), Some(0));
    let names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    let strays: Vec<_> = names.iter().filter(|n| n.starts_with("ghost-3")).collect();
    assert!(matches!(&strays[..], [name] if name.ends_with("-stray")), "{names:?}");
    assert!(names.contains(&"no partition".to_owned()));
}
