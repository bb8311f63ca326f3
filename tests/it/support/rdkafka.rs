//! librdkafka as another client: what it sends is what programs send.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

/// How long librdkafka may take for anything.
pub const LIMIT: Duration = Duration::from_secs(20);

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

pub fn create_topic(bootstrap: &str, topic: &str, partitions: i32) {
    create_topic_with(bootstrap, topic, partitions, &[]);
}

/// The same with settings of the topic.
pub fn create_topic_with(bootstrap: &str, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = config(bootstrap).create().expect("an admin client");
    let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        new = new.set(key, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(LIMIT));
    let created = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(admin.create_topics([&new], &options))
        .expect("a broker that answers");
    for topic in created {
        topic.expect("a topic created");
    }
}

/// Produces `(key, value)` pairs and returns when all are acknowledged.
pub fn produce<'a>(
    bootstrap: &str,
    topic: &str,
    settings: &[(&str, &str)],
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) {
    let mut config = config(bootstrap);
    for (key, value) in settings {
        config.set(*key, *value);
    }
    let producer: BaseProducer = config.create().expect("a producer");
    for (key, value) in pairs {
        let mut record = BaseRecord::to(topic).key(key).payload(value);
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(
                error.rdkafka_error_code(),
                Some(rdkafka::types::RDKafkaErrorCode::QueueFull)
            );
            producer.poll(Duration::from_millis(100));
            record = back;
        }
    }
    producer.flush(LIMIT).expect("all records acknowledged");
}

/// Reads `count` records of a topic from its beginning, in a group of its own.
pub fn consume(bootstrap: &str, topic: &str, count: usize) -> Vec<OwnedMessage> {
    let group = super::broker::unique("it");
    let consumer: BaseConsumer = config(bootstrap)
        .set("group.id", &group)
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");
    let start = Instant::now();
    let mut messages = Vec::new();
    while messages.len() < count && start.elapsed() < LIMIT {
        if let Some(message) = consumer.poll(Duration::from_millis(200)) {
            messages.push(message.expect("a record").detach());
        }
    }
    assert_eq!(messages.len(), count, "records of {topic}");
    messages
}

/// A record's value as text.
pub fn text(message: &OwnedMessage) -> String {
    String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned()
}

/// The message's key and where it was found.
pub fn key_and_partition(message: &OwnedMessage) -> (Vec<u8>, i32) {
    (message.key().unwrap_or_default().to_vec(), message.partition())
}
