//! Regular expressions that members of consumer groups subscribe to match no topics that the member may not describe.

use std::time::{Duration, Instant};

use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, CreateAclsRequest, CreateTopicsRequest, GroupId, MetadataRequest,
};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use uuid::Uuid;

use super::granted::{ALLOW, LITERAL, topic_acl};
use super::{Guarded, TOPIC, text, topic_name};
use crate::support::rdkafka::LIMIT;
use crate::support::wire::{Wire, group_coordinator};

const READ: i8 = 3;
const GROUP: i8 = 3;
const SEEN: &str = "seen";
/// Both topics there are.
const REGEX: &str = "^(seen|denied)$";

/// A broker where everybody may read the topic `seen`, in any group, and must not know of another. The id of `seen`.
fn guarded() -> (Guarded, Uuid) {
    let guarded = Guarded::open();
    let mut wire = Wire::connect(guarded.broker.bootstrap());
    let new = kafka_protocol::messages::create_topics_request::CreatableTopic::default()
        .with_name(topic_name(SEEN))
        .with_num_partitions(2)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default()
        .with_topics(vec![new])
        .with_timeout_ms(10_000);
    let id = wire.call(&request, 7).topics[0].topic_id;
    let acls = vec![
        topic_acl(LITERAL, SEEN, READ, ALLOW),
        topic_acl(LITERAL, "*", READ, ALLOW).with_resource_type(GROUP),
    ];
    let made = wire.call(&CreateAclsRequest::default().with_creations(acls), 3);
    assert!(made.results.iter().all(|r| r.error_code == 0), "{made:?}");
    (guarded.close(), id)
}

#[test]
fn a_heartbeat_is_not_told_of_hidden_topics() {
    let (guarded, seen) = guarded();
    let mut wire = group_coordinator(guarded.broker.bootstrap(), "g");
    let request = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_member_id(text("m"))
        .with_rebalance_timeout_ms(60_000)
        .with_subscribed_topic_regex(Some(text(REGEX)))
        .with_topic_partitions(Some(Vec::new()));
    let answer = wire.call(&request, 1);
    assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
    let assigned = answer.assignment.expect("an assignment").topic_partitions;
    let ids: Vec<Uuid> = assigned.iter().map(|t| t.topic_id).collect();
    assert_eq!(ids, [seen]);
    let all = wire.call(&MetadataRequest::default().with_topics(None), 12);
    let names: Vec<&str> = all
        .topics
        .iter()
        .filter_map(|t| Some(t.name.as_ref()?.as_str()))
        .collect();
    assert_eq!(names, [SEEN], "the other one is hidden indeed: {TOPIC}");
}

#[test]
fn librdkafka_is_assigned_what_it_may_see() {
    let (guarded, _) = guarded();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", guarded.broker.bootstrap())
        .set("group.id", "rd")
        .set("group.protocol", "consumer")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[REGEX]).expect("a subscription");
    let deadline = Instant::now() + LIMIT;
    let assigned = loop {
        if let Some(Err(error)) = consumer.poll(Duration::from_millis(100)) {
            panic!("{error}");
        }
        let assigned = consumer.assignment().expect("a list");
        if assigned.count() > 0 {
            break assigned;
        }
        assert!(Instant::now() < deadline, "no assignment");
    };
    let mut partitions: Vec<(String, i32)> = assigned
        .elements()
        .iter()
        .map(|e| (e.topic().to_owned(), e.partition()))
        .collect();
    partitions.sort();
    assert_eq!(partitions, [(SEEN.to_owned(), 0), (SEEN.to_owned(), 1)]);
}
