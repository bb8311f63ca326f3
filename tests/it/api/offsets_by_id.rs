//! OffsetCommit (8) and OffsetFetch (9) in version 10, which names topics by their ids (KIP-848).

use kafka_protocol::messages as m;
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::offset_fetch_response::OffsetFetchResponseTopics;
use kafka_protocol::messages::{DeleteTopicsRequest, TopicName};
use kt::wire::offsets::{OffsetCommitRequest, OffsetFetchRequest};
use uuid::Uuid;

use super::groups::{commit_request, group};
use super::produce_fetch::create;
use crate::support::broker::{AnyBroker, unique};
use crate::support::wire::{Wire, group_coordinator};

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const UNKNOWN_TOPIC_ID: i16 = 100;

/// Commits for one partition of a topic; the error.
fn commit(wire: &mut Wire, group_id: &str, topic: Uuid, partition: i32, offset: i64) -> i16 {
    let mut request = commit_request(group_id, "", partition, offset);
    request.topics[0].topic_id = topic;
    let answer = wire.call(&OffsetCommitRequest(request), 10).topics.remove(0);
    assert_eq!((answer.topic_id, &*answer.name.0), (topic, ""));
    assert_eq!(answer.partitions[0].partition_index, partition);
    answer.partitions[0].error_code
}

/// What a group has of these topics' partitions 0 and 1, or of all.
fn fetch(wire: &mut Wire, group_id: &str, topics: Option<&[Uuid]>) -> Vec<OffsetFetchResponseTopics> {
    let asked = |id: &Uuid| {
        OffsetFetchRequestTopics::default()
            .with_topic_id(*id)
            .with_partition_indexes(vec![0, 1])
    };
    let of_group = OffsetFetchRequestGroup::default()
        .with_group_id(group(group_id))
        .with_member_epoch(-1)
        .with_topics(topics.map(|topics| topics.iter().map(asked).collect()));
    let request = m::OffsetFetchRequest::default().with_groups(vec![of_group]);
    let mut answer = wire.call(&OffsetFetchRequest(request), 10).groups.remove(0);
    assert_eq!(answer.error_code, 0);
    std::mem::take(&mut answer.topics)
}

/// Offset and error of each partition.
fn rows(topic: &OffsetFetchResponseTopics) -> Vec<(i64, i16)> {
    let row = |p: &m::offset_fetch_response::OffsetFetchResponsePartitions| (p.committed_offset, p.error_code);
    topic.partitions.iter().map(row).collect()
}

#[test]
fn what_is_committed_by_id_is_fetched_by_id() {
    let broker = AnyBroker::get();
    let mut any = Wire::connect(broker.bootstrap());
    let (id, other) = (create(&mut any, &unique("it-ids")), create(&mut any, &unique("it-ids")));
    let group_id = unique("it-ids");
    let wire = &mut group_coordinator(broker.bootstrap(), &group_id);
    assert_eq!(commit(wire, &group_id, id, 0, 7), 0);
    assert_eq!(commit(wire, &group_id, id, 999, 7), UNKNOWN_TOPIC_OR_PARTITION);
    let nobodys = Uuid::from_u128(0x1234_5678);
    for unknown in [nobodys, Uuid::nil()] {
        assert_eq!(commit(wire, &group_id, unknown, 0, 7), UNKNOWN_TOPIC_ID);
    }
    let found = fetch(wire, &group_id, Some(&[id, other, nobodys]));
    let ids: Vec<Uuid> = found.iter().map(|topic| topic.topic_id).collect();
    // Kafka puts those it does not know first or last, in no order that is promised.
    let of = |wanted: Uuid| rows(&found[ids.iter().position(|id| *id == wanted).expect("an answer for each")]);
    assert_eq!(of(id), [(7, 0), (-1, 0)]);
    assert_eq!(of(other), [(-1, 0), (-1, 0)]);
    assert_eq!(of(nobodys), [(-1, UNKNOWN_TOPIC_ID); 2]);
    let all = fetch(wire, &group_id, None);
    assert_eq!((all.len(), all[0].topic_id), (1, id));
    assert_eq!(rows(&all[0]), [(7, 0)]);
}

#[test]
fn a_topic_that_takes_a_name_over_takes_no_offsets_with_it() {
    let broker = AnyBroker::get();
    let mut any = Wire::connect(broker.bootstrap());
    let name = unique("it-ids");
    let old = create(&mut any, &name);
    let group_id = unique("it-ids");
    let wire = &mut group_coordinator(broker.bootstrap(), &group_id);
    assert_eq!(commit(wire, &group_id, old, 0, 7), 0);
    let delete = DeleteTopicsRequest::default()
        .with_topic_names(vec![TopicName(name.clone().into())])
        .with_timeout_ms(10_000);
    assert_eq!(any.call(&delete, 5).responses[0].error_code, 0);
    let new = create(&mut any, &name);
    assert_ne!(new, old);
    assert_eq!(rows(&fetch(wire, &group_id, Some(&[new]))[0])[0], (-1, 0));
    assert_eq!(
        rows(&fetch(wire, &group_id, Some(&[old]))[0])[0],
        (-1, UNKNOWN_TOPIC_ID)
    );
    assert_eq!(commit(wire, &group_id, new, 0, 3), 0);
    assert_eq!(rows(&fetch(wire, &group_id, Some(&[new]))[0])[0], (3, 0));
}
