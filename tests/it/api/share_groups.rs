//! The APIs of share groups: ShareGroupHeartbeat (76), ShareGroupDescribe (77), ShareFetch (78), ShareAcknowledge (79),
//! DescribeShareGroupOffsets (90), AlterShareGroupOffsets (91), DeleteShareGroupOffsets (92). Error codes are given as
//! numbers, with their names beside.

use std::time::{Duration, Instant};

use kafka_protocol::messages::alter_share_group_offsets_request::{
    AlterShareGroupOffsetsRequestPartition, AlterShareGroupOffsetsRequestTopic,
};
use kafka_protocol::messages::delete_share_group_offsets_request::DeleteShareGroupOffsetsRequestTopic;
use kafka_protocol::messages::describe_share_group_offsets_request::DescribeShareGroupOffsetsRequestGroup;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::share_fetch_response::PartitionData;
use kafka_protocol::messages::{
    AlterShareGroupOffsetsRequest, DeleteGroupsRequest, DeleteShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsRequest, GroupId, IncrementalAlterConfigsRequest, ListGroupsRequest,
    ShareGroupDescribeRequest, ShareGroupHeartbeatRequest, TopicName,
};
use kt::record::Batches;
use kt::wire::share::{
    self, AcknowledgementBatch, ShareAcknowledgeRequest, ShareAcknowledgeResponse, ShareFetchRequest, SharePartition,
    ShareTopic,
};
use uuid::Uuid;

use crate::support::broker::{AnyBroker, Broker, unique};
use crate::support::rdkafka::{create_topic, produce};
use crate::support::wire::{Wire, group_coordinator, list_offsets, text};

const ACCEPT: i8 = 1;
const RELEASE: i8 = 2;
const REJECT: i8 = 3;
const RENEW: i8 = 4;

fn group(id: &str) -> GroupId {
    GroupId(text(id))
}

fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

/// Sets a setting of a group.
fn configure(bootstrap: &str, group_id: &str, name: &str, value: &str) {
    let config = AlterableConfig::default()
        .with_name(text(name))
        .with_value(Some(text(value)));
    let resource = AlterConfigsResource::default()
        .with_resource_type(32)
        .with_resource_name(text(group_id))
        .with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = Wire::connect(bootstrap).call(&request, 1);
    assert_eq!(answer.responses[0].error_code, 0, "{name}={value}");
}

/// A member of a share group with one partition, which does only what it is told.
struct Member {
    wire: Wire,
    group_id: String,
    member_id: String,
    member_epoch: i32,
    session_epoch: i32,
    topic_id: Uuid,
}

/// What a fetch gave: the acquired ranges as `first-last*count`, and the values in the batches.
#[derive(Debug, PartialEq)]
struct Fetched {
    acquired: String,
    values: Vec<String>,
    acknowledge_error: i16,
}

impl Member {
    /// Joins, and waits until it is assigned the topic's only partition.
    fn join(bootstrap: &str, group_id: &str, topic_name: &str) -> Self {
        let mut member = Self {
            wire: Wire::connect(bootstrap),
            group_id: group_id.to_owned(),
            member_id: kt::internal_topic::uuid_text(Uuid::new_v4().as_bytes()),
            member_epoch: 0,
            session_epoch: 0,
            topic_id: Uuid::nil(),
        };
        let started = Instant::now();
        while member.topic_id.is_nil() {
            assert!(started.elapsed() < Duration::from_secs(30), "no assignment");
            let answer = member.heartbeat(Some(topic_name));
            let assigned = answer.assignment.map(|a| a.topic_partitions).unwrap_or_default();
            if let Some(assigned) = assigned.first() {
                assert_eq!(assigned.partitions, [0]);
                member.topic_id = assigned.topic_id;
            } else {
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        member
    }

    fn heartbeat(&mut self, topic_name: Option<&str>) -> kafka_protocol::messages::ShareGroupHeartbeatResponse {
        let request = ShareGroupHeartbeatRequest::default()
            .with_group_id(group(&self.group_id))
            .with_member_id(text(&self.member_id))
            .with_member_epoch(self.member_epoch)
            .with_subscribed_topic_names(topic_name.map(|name| vec![topic(name)]));
        let answer = self.wire.call(&request, 1);
        assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
        self.member_epoch = answer.member_epoch;
        answer
    }

    fn leave(&mut self) {
        self.member_epoch = -1;
        self.heartbeat(None);
    }

    /// The topic with acknowledgements of its one partition.
    fn topic(&self, acks: impl Iterator<Item = (i64, i64, Vec<i8>)>) -> ShareTopic {
        let batch = |(first_offset, last_offset, acknowledge_types)| AcknowledgementBatch {
            first_offset,
            last_offset,
            acknowledge_types,
        };
        let partition = SharePartition {
            partition_index: 0,
            acknowledgement_batches: acks.map(batch).collect(),
        };
        ShareTopic {
            topic_id: self.topic_id,
            partitions: vec![partition],
        }
    }

    fn request(&self, wait_ms: i32, acks: &[(i64, i64, i8)]) -> ShareFetchRequest {
        let each = acks.iter().map(|(first, last, kind)| (*first, *last, vec![*kind]));
        ShareFetchRequest {
            group_id: Some(group(&self.group_id)),
            member_id: Some(text(&self.member_id)),
            share_session_epoch: self.session_epoch,
            max_wait_ms: wait_ms,
            min_bytes: 1,
            max_records: 500,
            batch_size: 500,
            topics: vec![self.topic(each)],
            ..ShareFetchRequest::default()
        }
    }

    fn fetch(&mut self, wait_ms: i32, acks: &[(i64, i64, i8)]) -> Fetched {
        let request = self.request(wait_ms, acks);
        let answer = self.wire.call(&request, 2).0;
        assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
        self.session_epoch += 1;
        let partitions: Vec<&PartitionData> = answer.responses.iter().flat_map(|t| &t.partitions).collect();
        let mut fetched = Fetched {
            acquired: String::new(),
            values: Vec::new(),
            acknowledge_error: 0,
        };
        for partition in partitions {
            assert_eq!(partition.error_code, 0, "{:?}", partition.error_message);
            fetched.acknowledge_error = partition.acknowledge_error_code;
            let ranges = partition.acquired_records.iter();
            let ranges: Vec<String> = ranges
                .map(|a| format!("{}-{}*{}", a.first_offset, a.last_offset, a.delivery_count))
                .collect();
            fetched.acquired = ranges.join(" ");
            fetched.values = values(partition);
        }
        fetched
    }

    /// ShareFetch's error with some session epoch.
    fn refused(&mut self, epoch: i32) -> i16 {
        let mut request = self.request(0, &[]);
        request.share_session_epoch = epoch;
        self.wire.call(&request, 2).0.error_code
    }

    fn acknowledge(&mut self, epoch: i32, acks: &[(i64, i64, Vec<i8>)]) -> ShareAcknowledgeResponse {
        self.send_acknowledgement(epoch, acks, false)
    }

    fn send_acknowledgement(
        &mut self,
        epoch: i32,
        acks: &[(i64, i64, Vec<i8>)],
        is_renew_ack: bool,
    ) -> ShareAcknowledgeResponse {
        let request = ShareAcknowledgeRequest {
            group_id: Some(group(&self.group_id)),
            member_id: Some(text(&self.member_id)),
            share_session_epoch: epoch,
            is_renew_ack,
            topics: if acks.is_empty() {
                Vec::new()
            } else {
                vec![self.topic(acks.iter().cloned())]
            },
        };
        self.wire.call(&request, 2)
    }

    /// Acknowledges in the session; the error of the partition.
    fn settle(&mut self, acks: &[(i64, i64, Vec<i8>)]) -> i16 {
        let answer = self.acknowledge(self.session_epoch, acks);
        assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
        self.session_epoch += 1;
        answer.responses[0].partitions[0].error_code
    }
}

fn values(partition: &PartitionData) -> Vec<String> {
    let bytes = partition.records.clone().unwrap_or_default();
    let mut values = Vec::new();
    for batch in Batches::new(&bytes) {
        let batch = batch.expect("a batch");
        let mut records = batch.records().expect("records");
        while let Some(record) = records.next() {
            let value = record.expect("a record").value.unwrap_or_default().to_vec();
            values.push(String::from_utf8(value).expect("text"));
        }
    }
    values
}

/// Produces values one by one, each in a batch of its own.
fn send(bootstrap: &str, topic: &str, values: &[&str]) {
    for value in values {
        let pair = (&b""[..], value.as_bytes());
        produce(bootstrap, topic, &[("acks", "all")], std::iter::once(pair));
    }
}

/// A topic of one partition, and a group that reads it from its beginning.
fn prepared(bootstrap: &str) -> (String, String) {
    let (topic, group_id) = (unique("share"), unique("share-group"));
    group_coordinator(bootstrap, &group_id);
    create_topic(bootstrap, &topic, 1);
    configure(bootstrap, &group_id, "share.auto.offset.reset", "earliest");
    (topic, group_id)
}

#[test]
fn each_record_is_acknowledged_released_or_rejected() {
    let broker = AnyBroker::get();
    let (topic, group_id) = prepared(broker.bootstrap());
    send(broker.bootstrap(), &topic, &["a", "b", "c"]);
    let mut member = Member::join(broker.bootstrap(), &group_id, &topic);
    let first = member.fetch(5_000, &[]);
    assert_eq!((first.acquired.as_str(), first.values.len()), ("0-2*1", 3));
    assert_eq!(member.settle(&[(0, 2, vec![ACCEPT, RELEASE, REJECT])]), 0);
    let second = member.fetch(5_000, &[]);
    assert_eq!(
        (second.acquired.as_str(), second.values),
        ("1-1*2", vec!["b".to_owned()])
    );
    // Acknowledged with the next fetch; there is nothing more.
    let last = member.fetch(100, &[(1, 1, ACCEPT)]);
    assert_eq!((last.acquired.as_str(), last.acknowledge_error), ("", 0));
    assert_eq!(
        member.settle(&[(1, 1, vec![ACCEPT])]),
        0,
        "before the start offset all is done"
    );
    assert_eq!(member.settle(&[(7, 7, vec![ACCEPT])]), 121, "INVALID_RECORD_STATE");
    assert_eq!(member.settle(&[(0, 1, vec![9])]), 42, "INVALID_REQUEST");
}

#[test]
fn a_record_of_another_member_is_not_ones_own() {
    let broker = AnyBroker::get();
    let (topic, group_id) = prepared(broker.bootstrap());
    let mut one = Member::join(broker.bootstrap(), &group_id, &topic);
    let mut other = Member::join(broker.bootstrap(), &group_id, &topic);
    send(broker.bootstrap(), &topic, &["a"]);
    assert_eq!(one.fetch(5_000, &[]).acquired, "0-0*1");
    assert_eq!(other.fetch(100, &[]).acquired, "");
    assert_eq!(other.settle(&[(0, 0, vec![ACCEPT])]), 121, "INVALID_RECORD_STATE");
    // When its owner's session ends, it is free.
    assert_eq!(one.acknowledge(-1, &[]).error_code, 0);
    assert_eq!(other.fetch(5_000, &[]).acquired, "0-0*2");
}

#[test]
fn sessions_are_numbered() {
    let broker = AnyBroker::get();
    let (topic, group_id) = prepared(broker.bootstrap());
    let mut member = Member::join(broker.bootstrap(), &group_id, &topic);
    assert_eq!(member.refused(5), 122, "SHARE_SESSION_NOT_FOUND");
    assert_eq!(member.acknowledge(-1, &[]).error_code, 122);
    member.fetch(0, &[]);
    assert_eq!(member.refused(2), 123, "INVALID_SHARE_SESSION_EPOCH");
    assert_eq!(member.acknowledge(0, &[]).error_code, 123);
    assert_eq!(member.acknowledge(2, &[]).error_code, 123);
    assert_eq!(member.refused(1), 0);
    let mut opening = member.request(0, &[(0, 0, ACCEPT)]);
    opening.share_session_epoch = 0;
    assert_eq!(member.wire.call(&opening, 1).0.error_code, 42, "INVALID_REQUEST");
}

#[test]
fn a_fetch_waits_for_records() {
    let broker = AnyBroker::get();
    let (topic, group_id) = prepared(broker.bootstrap());
    let mut member = Member::join(broker.bootstrap(), &group_id, &topic);
    member.fetch(0, &[]);
    let bootstrap = broker.bootstrap().to_owned();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        send(&bootstrap, &topic, &["late"]);
    });
    let started = Instant::now();
    assert_eq!(member.fetch(15_000, &[]).values, ["late"]);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    writer.join().expect("the writer");
}

#[test]
fn locks_end_and_are_renewed() {
    let broker = Broker::with(&[("group.share.min.record.lock.duration.ms", "1000")]);
    let (topic, group_id) = prepared(broker.bootstrap());
    configure(broker.bootstrap(), &group_id, "share.record.lock.duration.ms", "2000");
    send(broker.bootstrap(), &topic, &["a", "b"]);
    let mut slow = Member::join(broker.bootstrap(), &group_id, &topic);
    let mut other = Member::join(broker.bootstrap(), &group_id, &topic);
    let started = Instant::now();
    assert_eq!(slow.fetch(5_000, &[]).acquired, "0-1*1");
    std::thread::sleep(Duration::from_secs(1));
    let renewed = slow.send_acknowledgement(slow.session_epoch, &[(0, 0, vec![RENEW])], true);
    assert_eq!(renewed.acquisition_lock_timeout_ms, 2_000);
    assert_eq!(renewed.responses[0].partitions[0].error_code, 0);
    slow.session_epoch += 1;
    // The parked fetch gets what its neighbour kept too long, and the renewed one later.
    assert_eq!(other.fetch(5_000, &[]).acquired, "1-1*2");
    assert!(started.elapsed() >= Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(other.fetch(5_000, &[]).acquired, "0-0*2");
    assert!(started.elapsed() >= Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(slow.settle(&[(0, 0, vec![ACCEPT])]), 121, "INVALID_RECORD_STATE");
}

#[test]
fn what_is_kept_too_long_too_often_is_given_up() {
    let broker = AnyBroker::with(&[("group.share.min.record.lock.duration.ms", "1000")]);
    let (topic, group_id) = prepared(broker.bootstrap());
    configure(broker.bootstrap(), &group_id, "share.record.lock.duration.ms", "1000");
    configure(broker.bootstrap(), &group_id, "share.delivery.count.limit", "2");
    send(broker.bootstrap(), &topic, &["a", "b", "c"]);
    let mut member = Member::join(broker.bootstrap(), &group_id, &topic);
    assert_eq!(member.fetch(5_000, &[]).acquired, "0-2*1");
    // One is told of, two are kept until their locks end.
    assert_eq!(member.settle(&[(2, 2, vec![RELEASE])]), 0);
    assert_eq!(member.fetch(500, &[]).acquired, "2-2*2");
    let mut again = Vec::new();
    while again.len() < 2 {
        let fetched = member.fetch(5_000, &[]);
        assert!(fetched.acquired.ends_with("*2"), "{fetched:?}");
        again.extend(fetched.values);
    }
    assert_eq!(again, ["a", "b"]);
    let renewed = member.send_acknowledgement(member.session_epoch, &[(1, 1, vec![RENEW])], true);
    assert_eq!(renewed.responses[0].partitions[0].error_code, 0);
    member.session_epoch += 1;
    send(broker.bootstrap(), &topic, &["d"]);
    assert_eq!(member.fetch(5_000, &[]).acquired, "3-3*1", "three were delivered twice");
    assert_eq!(member.fetch(3_000, &[(3, 3, ACCEPT)]).acquired, "");
    assert_eq!(
        member.settle(&[(1, 1, vec![ACCEPT])]),
        0,
        "before the start offset all is done"
    );
}

#[test]
fn a_lost_connection_gives_its_records_back() {
    let broker = AnyBroker::get();
    let (topic, group_id) = prepared(broker.bootstrap());
    send(broker.bootstrap(), &topic, &["a"]);
    let mut gone = Member::join(broker.bootstrap(), &group_id, &topic);
    let mut other = Member::join(broker.bootstrap(), &group_id, &topic);
    assert_eq!(gone.fetch(5_000, &[]).acquired, "0-0*1");
    drop(gone);
    assert_eq!(other.fetch(10_000, &[]).acquired, "0-0*2");
}

/// Start offset and lag of the group's only partition.
fn offsets(bootstrap: &str, group_id: &str) -> Option<(i64, i64)> {
    let wanted = DescribeShareGroupOffsetsRequestGroup::default()
        .with_group_id(group(group_id))
        .with_topics(None);
    let request = DescribeShareGroupOffsetsRequest::default().with_groups(vec![wanted]);
    let answer = Wire::connect(bootstrap).call(&share::DescribeShareGroupOffsetsRequest(request), 1);
    assert_eq!(answer.groups[0].error_code, 0, "{:?}", answer.groups[0].error_message);
    let partition = answer.groups[0].topics.first()?.partitions.first()?;
    Some((partition.start_offset, partition.lag))
}

#[test]
fn administrators_describe_alter_and_delete() {
    let broker = AnyBroker::get();
    let bootstrap = broker.bootstrap();
    let (topic_name, group_id) = prepared(bootstrap);
    send(bootstrap, &topic_name, &["a", "b", "c"]);
    let mut wire = Wire::connect(bootstrap);
    let mut member = Member::join(bootstrap, &group_id, &topic_name);
    assert_eq!(offsets(bootstrap, &group_id), Some((-1, -1)));
    assert_eq!(member.fetch(5_000, &[]).acquired, "0-2*1");
    assert_eq!(member.settle(&[(0, 1, vec![ACCEPT])]), 0);
    assert_eq!(offsets(bootstrap, &group_id).map(|(_, lag)| lag), Some(1));

    let describe = ShareGroupDescribeRequest::default().with_group_ids(vec![group(&group_id)]);
    let described = wire.call(&describe, 1).groups.remove(0);
    assert_eq!((&*described.group_state, described.members.len()), ("Stable", 1));
    assert_eq!(&*described.assignor_name, "simple");
    let list = ListGroupsRequest::default().with_types_filter(vec![text("share")]);
    let listed = wire.call(&list, 5).groups;
    let listed = listed
        .iter()
        .find(|g| g.group_id == group(&group_id))
        .expect("the group");
    assert_eq!((&*listed.group_type, &*listed.group_state), ("share", "Stable"));

    let partition = AlterShareGroupOffsetsRequestPartition::default().with_start_offset(1);
    let altered = AlterShareGroupOffsetsRequestTopic::default()
        .with_topic_name(topic(&topic_name))
        .with_partitions(vec![partition]);
    let alter = AlterShareGroupOffsetsRequest::default()
        .with_group_id(group(&group_id))
        .with_topics(vec![altered]);
    assert_eq!(wire.call(&alter, 0).error_code, 68, "NON_EMPTY_GROUP");
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group(&group_id)]);
    assert_eq!(wire.call(&delete, 2).results[0].error_code, 68);
    // Kafka does not look at what is altered before the last connection of the group is closed.
    member.leave();
    drop(member);
    let answer = wire.call(&alter, 0);
    assert_eq!(
        (answer.error_code, answer.responses[0].partitions[0].error_code),
        (0, 0)
    );
    assert_eq!(offsets(bootstrap, &group_id), Some((1, 2)));
    let mut next = Member::join(bootstrap, &group_id, &topic_name);
    assert_eq!(next.fetch(5_000, &[]).acquired, "1-2*1");
    next.leave();

    let doomed = DeleteShareGroupOffsetsRequestTopic::default().with_topic_name(topic(&topic_name));
    let forget = DeleteShareGroupOffsetsRequest::default()
        .with_group_id(group(&group_id))
        .with_topics(vec![doomed]);
    assert_eq!(wire.call(&forget, 0).responses[0].error_code, 0);
    assert_eq!(offsets(bootstrap, &group_id), None);
    assert_eq!(wire.call(&delete, 2).results[0].error_code, 0);
    let gone = wire.call(&describe, 1).groups.remove(0);
    assert_eq!(gone.error_code, 69, "GROUP_ID_NOT_FOUND");
}

#[test]
fn what_was_acknowledged_stays_so_after_a_kill() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let data = dir.path().join("data");
    let broker = Broker::on(&data, &[]).expect("a broker");
    let (topic, group_id) = prepared(broker.bootstrap());
    send(broker.bootstrap(), &topic, &["a", "b", "c", "d"]);
    let mut member = Member::join(broker.bootstrap(), &group_id, &topic);
    assert_eq!(member.fetch(5_000, &[]).acquired, "0-3*1");
    assert_eq!(member.settle(&[(0, 0, vec![ACCEPT]), (2, 2, vec![RELEASE])]), 0);
    broker.kill();

    let again = Broker::on(&data, &[]).expect("a broker on the same folder");
    let mut member = Member::join(again.bootstrap(), &group_id, &topic);
    // The second and fourth were nobody's; their delivery was not kept.
    assert_eq!(member.fetch(5_000, &[]).acquired, "1-1*1 2-2*2 3-3*1");
    assert_eq!(member.settle(&[(1, 3, vec![ACCEPT])]), 0);
    again.kill();

    let third = Broker::on(&data, &[]).expect("a broker on the same folder");
    let mut member = Member::join(third.bootstrap(), &group_id, &topic);
    assert_eq!(member.fetch(200, &[]).acquired, "");
    assert_eq!(offsets(third.bootstrap(), &group_id).map(|(_, lag)| lag), Some(0));
}

/// The state of a group that is busy does not fill the disk, not even beside one that is not, and none of it is missed.
#[test]
fn records_of_state_that_are_not_needed_are_removed() {
    let often = [
        ("share.coordinator.state.topic.num.partitions", "1"),
        ("share.coordinator.snapshot.update.records.per.snapshot", "5"),
        ("share.coordinator.cold.partition.snapshot.interval.ms", "500"),
        ("share.coordinator.state.topic.prune.interval.ms", "100"),
    ];
    let dir = tempfile::tempdir().expect("a temp dir");
    let data = dir.path().join("data");
    let broker = Broker::on(&data, &often).expect("a broker");
    let bootstrap = broker.bootstrap();
    let ((idle_topic, idle), (busy_topic, busy)) = (prepared(bootstrap), prepared(bootstrap));
    send(bootstrap, &idle_topic, &["a", "b"]);
    let mut member = Member::join(bootstrap, &idle, &idle_topic);
    assert_eq!(member.fetch(5_000, &[]).acquired, "0-1*1");
    assert_eq!(member.settle(&[(0, 0, vec![ACCEPT]), (1, 1, vec![RELEASE])]), 0);
    let mut member = Member::join(bootstrap, &busy, &busy_topic);
    let mut wire = Wire::connect(bootstrap);
    let mut log = |timestamp| list_offsets(&mut wire, &topic("__share_group_state"), timestamp, 9).offset;
    let (latest, earliest) = (-1, -2);
    let idle_end = log(latest);
    let started = Instant::now();
    let mut offset = 0;
    while log(earliest) < idle_end {
        assert!(started.elapsed() < Duration::from_secs(30), "nothing is removed");
        send(bootstrap, &busy_topic, &["x"]);
        assert_eq!(member.fetch(5_000, &[]).acquired, format!("{offset}-{offset}*1"));
        assert_eq!(member.settle(&[(offset, offset, vec![ACCEPT])]), 0);
        offset += 1;
    }
    broker.kill();

    let again = Broker::on(&data, &often).expect("a broker on the same folder");
    let mut member = Member::join(again.bootstrap(), &idle, &idle_topic);
    assert_eq!(member.fetch(5_000, &[]).acquired, "1-1*2");
    let mut member = Member::join(again.bootstrap(), &busy, &busy_topic);
    assert_eq!(member.fetch(200, &[]).acquired, "");
}
