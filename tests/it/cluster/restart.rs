                .await
                .map_err(|(e, _)| e)
                .send(record, Duration::from_secs(20))
                .unwrap();
            .as_ref()
            .fetch_metadata(Some("t"), Duration::from_secs(10))
            .inner()
            .unwrap();
            let record = FutureRecord::to("t").key(&key).payload(&value);
            producer
            values.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned());
        .as_ref()
        .await
        .build()
        .collect();
        .create()
        .create_partitions(&[NewPartitions::new("t", 4)], &options)
        .enable_all()
        .iter()
        .map(rdkafka::text)
        .set("acks", "all")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false");
        .set("group.id", "g")
        .set("linger.ms", "0")
        .unwrap()
        .unwrap();
        .unwrap()[0]
        admin.delete_topics(&["t"], &AdminOptions::new()).await.unwrap()[0]
        assert_eq!(*code as i32, i32::from(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.code()));
        assert_eq!(entries["retention.ms"].value.as_deref(), Some("123456789"));
        assert_eq!(metadata.topics()[0].partitions().len(), 4);
        async move {
        fill(&broker, 5).await;
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) {
        let (_, code) = again[0].as_ref().unwrap_err();
        let (key, value) = (format!("k{n}"), format!("v{n}"));
        let admin: AdminClient<DefaultClientContext> = config(&broker).create().unwrap();
        let again = admin.delete_topics(&["t"], &AdminOptions::new()).await.unwrap();
        let described = admin.describe_configs([&resource], &AdminOptions::new()).await.unwrap();
        let entries = described[0].as_ref().unwrap().entry_map();
        let metadata = admin
        let producer = producer.clone();
        let resource = rdkafka::admin::ResourceSpecifier::Topic("t");
        }
    Broker::on(dir, &[]).unwrap_or_else(|said| panic!("kt broker did not start: {said}"))
    admin
    admin.create_topics(&[topic], &options).await.unwrap()[0]
    all
    all.sort();
    assert!(!dir.path().join("t-0").exists());
    assert!(said.contains("belongs to node 1"), "{said}");
    assert!(said.contains("lock"), "{said}");
    assert!(second.is_err(), "two brokers on one folder");
    assert_eq!(broker.stop(), Some(0));
    assert_eq!(read(&broker, 20), expected(20));
    assert_eq!(read(&broker, 500), expected(500));
    assert_eq!(read(&broker, 500), expected(500), "and again, after recovery");
    assert_eq!(read, twice);
    assert_eq!(start(dir.path()).stop(), Some(0));
    broker.kill();
    config
    config.set("bootstrap.servers", broker.bootstrap());
    consumer.subscribe(&["t"]).unwrap();
    end(broker);
    futures::future::join_all(sends).await;
    let _first = start(dir.path());
    let admin: AdminClient<DefaultClientContext> = config(broker).create().unwrap();
    let again = Broker::on(&data, &[]).expect("a broker on the same folder");
    let broker = Broker::on(&data, &[]).expect("a broker");
    let broker = Broker::start();
    let broker = start(dir.path());
    let consumer: BaseConsumer = settings.create().unwrap();
    let data = dir.path().join("data");
    let deadline = Instant::now() + Duration::from_secs(30);
    let dir = tempfile::tempdir().expect("a temp dir");
    let dir = tempfile::tempdir().unwrap();
    let mut all: Vec<String> = (0..count).map(|n| format!("v{n}")).collect();
    let mut config = ClientConfig::new();
    let mut read: Vec<String> = rdkafka::consume(again.bootstrap(), "kept", 1000)
    let mut settings = config(broker);
    let mut twice = [values.clone(), values].concat();
    let mut values = Vec::new();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)));
    let pairs = || values.iter().map(|value| (value.as_bytes(), value.as_bytes()));
    let producer: FutureProducer = config(broker)
    let said = Broker::on(dir.path(), &[("node.id", "7")]).unwrap_err();
    let said = Broker::on(dir.path(), &[]).unwrap_err();
    let second = Broker::on(broker.data_dir(), &[]);
    let sends = (0..count).map(|n| {
    let settings = settings
    let topic = NewTopic::new("t", 2, TopicReplication::Fixed(1)).set("retention.ms", "123456789");
    let values: Vec<String> = (0..500).map(|n| format!("value-{n}")).collect();
    rdkafka::create_topic(broker.bootstrap(), "kept", 2);
    rdkafka::produce(again.bootstrap(), "kept", &[("acks", "all")], pairs());
    rdkafka::produce(broker.bootstrap(), "kept", &[("acks", "all")], pairs());
    read.sort();
    runtime().block_on(async {
    runtime().block_on(fill(&broker, 20));
    runtime().block_on(fill(&broker, 500));
    survives(Broker::kill);
    survives(|broker| assert_eq!(broker.stop(), Some(0), "a clean end is exit 0"));
    tokio::runtime::Builder::new_current_thread()
    twice.sort();
    values
    values.sort();
    while values.len() < count && Instant::now() < deadline {
    }
    });
#[test]
//! What is acknowledged is there after a restart, whatever ended the broker.
//! What was acknowledged is there after a restart, however the broker ended.
/// Makes topic `t` with two partitions, then four, and writes `count` records that are all acknowledged.
/// The values of all records of `t`, sorted.
async fn fill(broker: &Broker, count: usize) {
fn a_deleted_topic_stays_deleted() {
fn a_directory_of_another_node_is_refused() {
fn a_folder_in_use_is_refused() {
fn acknowledged_records_survive_sigkill() {
fn acknowledged_records_survive_sigterm() {
fn config(broker: &Broker) -> ClientConfig {
fn expected(count: usize) -> Vec<String> {
fn nothing_acknowledged_is_lost_by_a_killed_broker() {
fn read(broker: &Broker, count: usize) -> Vec<String> {
fn runtime() -> tokio::runtime::Runtime {
fn start(dir: &Path) -> Broker {
fn survives(end: impl FnOnce(Broker)) {
fn topics_partitions_and_configs_survive_a_clean_stop() {
fn two_brokers_do_not_share_a_directory() {
use crate::support::broker::Broker;
use crate::support::rdkafka;
use kt::wire::ErrorCode;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::path::Path;
use std::time::{Duration, Instant};
}
}
