//! CreateTopics (19), and Metadata (3) of what it made.

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{CreateTopicsRequest, MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::support::broker::{AnyBroker, unique};
use crate::support::wire::Wire;

fn create(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest::default()
        .with_topics(topics)
        .with_timeout_ms(10_000)
}

fn topic(name: &str, partitions: i32) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(TopicName(StrBytes::from_string(name.to_owned())))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
}

#[test]
fn a_topic_created_is_in_the_metadata() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let name = unique("api-create");
    let created = wire.call(&create(vec![topic(&name, 3)]), 7);
    assert_eq!(created.topics[0].error_code, 0, "{:?}", created.topics[0].error_message);
    assert_eq!(created.topics[0].num_partitions, 3);
    let wanted = MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(name))));
    let metadata = wire.call(&MetadataRequest::default().with_topics(Some(vec![wanted])), 12);
    assert_eq!(metadata.topics[0].error_code, 0);
    assert_eq!(metadata.topics[0].partitions.len(), 3);
    assert_eq!(metadata.topics[0].topic_id, created.topics[0].topic_id);
}

/// A request's topics succeed or fail one by one.
#[test]
fn each_topic_has_an_error_of_its_own() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let name = unique("api-errors");
    assert_eq!(wire.call(&create(vec![topic(&name, 1)]), 7).topics[0].error_code, 0);
    let fresh = unique("api-errors");
    let wanted = vec![
        topic(&name, 1),
        topic("not/valid", 1),
        topic(&unique("api-errors"), 0),
        topic(&fresh, 1),
    ];
    let answers = wire.call(&create(wanted), 7).topics;
    let code = |name: &str| {
        answers
            .iter()
            .find(|topic| topic.name.as_str() == name)
            .map(|topic| topic.error_code)
    };
    assert_eq!(code(&name), Some(36), "TOPIC_ALREADY_EXISTS");
    assert_eq!(code("not/valid"), Some(17), "INVALID_TOPIC_EXCEPTION");
    assert_eq!(code(&fresh), Some(0));
    assert!(answers.iter().any(|topic| topic.error_code == 37), "INVALID_PARTITIONS");
}
