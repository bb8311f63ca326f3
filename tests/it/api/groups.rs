//! The APIs of consumer groups: FindCoordinator (10), JoinGroup (11), SyncGroup (14), Heartbeat (12), LeaveGroup (13),
//! OffsetCommit (8), OffsetFetch (9), OffsetDelete (47), DescribeGroups (15), ListGroups (16), DeleteGroups (42),
//! ConsumerGroupHeartbeat (68), ConsumerGroupDescribe (69). Error codes are given as numbers, with their names beside.

use bytes::Bytes;
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;

use crate::support::broker::{AnyBroker, unique};
use crate::support::rdkafka::create_topic;
use crate::support::wire::{Wire, group_coordinator, text};

pub(super) fn group(id: &str) -> GroupId {
    GroupId(text(id))
}

fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

fn join_request(group_id: &str, member_id: &str) -> JoinGroupRequest {
    // A subscription of version 0 to a topic `t`.
    let subscription = Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff");
    JoinGroupRequest::default()
        .with_group_id(group(group_id))
        .with_session_timeout_ms(30_000)
        .with_rebalance_timeout_ms(60_000)
        .with_member_id(text(member_id))
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![
            JoinGroupRequestProtocol::default()
                .with_name(text("range"))
                .with_metadata(subscription),
        ])
}

/// Joins a group alone in a version, the way that version asks for.
fn join(wire: &mut Wire, group_id: &str, version: i16) -> JoinGroupResponse {
    let mut request = join_request(group_id, "");
    if version < 1 {
        request.rebalance_timeout_ms = -1;
    }
    let response = wire.call(&request, version);
    if version < 4 {
        return response;
    }
    assert_eq!(response.error_code, 79, "MEMBER_ID_REQUIRED");
    wire.call(&request.with_member_id(response.member_id), version)
}

fn sync_request(group_id: &str, joined: &JoinGroupResponse) -> SyncGroupRequest {
    let assignment = SyncGroupRequestAssignment::default()
        .with_member_id(joined.member_id.clone())
        .with_assignment(Bytes::from_static(b"mine"));
    SyncGroupRequest::default()
        .with_group_id(group(group_id))
        .with_generation_id(joined.generation_id)
        .with_member_id(joined.member_id.clone())
        .with_assignments(vec![assignment])
}

pub(super) fn commit_request(group_id: &str, name: &str, partition: i32, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(partition)
        .with_committed_offset(offset)
        .with_committed_metadata(Some(text("note")));
    OffsetCommitRequest::default()
        .with_group_id(group(group_id))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![
            OffsetCommitRequestTopic::default()
                .with_name(topic(name))
                .with_partitions(vec![partition]),
        ])
}

/// The committed offset and the error of one partition, asked for in a version.
fn fetch(wire: &mut Wire, group_id: &str, name: &str, partition: i32, version: i16) -> (i64, i16) {
    if version >= 8 {
        let topics = OffsetFetchRequestTopics::default()
            .with_name(topic(name))
            .with_partition_indexes(vec![partition]);
        let asked = OffsetFetchRequestGroup::default()
            .with_group_id(group(group_id))
            .with_member_epoch(-1)
            .with_topics(Some(vec![topics]));
        let response = wire.call(&OffsetFetchRequest::default().with_groups(vec![asked]), version);
        assert_eq!(response.groups[0].error_code, 0);
        let answer = &response.groups[0].topics[0].partitions[0];
        return (answer.committed_offset, answer.error_code);
    }
    let topics = OffsetFetchRequestTopic::default()
        .with_name(topic(name))
        .with_partition_indexes(vec![partition]);
    let request = OffsetFetchRequest::default()
        .with_group_id(group(group_id))
        .with_topics(Some(vec![topics]));
    let response = wire.call(&request, version);
    assert_eq!(response.error_code, 0);
    let answer = &response.topics[0].partitions[0];
    (answer.committed_offset, answer.error_code)
}

fn leave(wire: &mut Wire, group_id: &str, member_id: &StrBytes, version: i16) {
    let mut request = LeaveGroupRequest::default().with_group_id(group(group_id));
    if version < 3 {
        request.member_id = member_id.clone();
    } else {
        request.members = vec![MemberIdentity::default().with_member_id(member_id.clone())];
    }
    let response = wire.call(&request, version);
    assert_eq!(response.error_code, 0);
    assert!(response.members.iter().all(|member| member.error_code == 0));
}

/// A member's whole life, once in each version of every request.
#[test]
fn every_version_serves_a_members_whole_life() {
    let broker = AnyBroker::get();
    let name = unique("t");
    create_topic(broker.bootstrap(), &name, 2);
    for version in 0..=9 {
        let id = unique("life");
        let wire = &mut group_coordinator(broker.bootstrap(), &id);
        let joined = join(wire, &id, version);
        assert_eq!(
            (joined.error_code, joined.generation_id),
            (0, 1),
            "JoinGroup v{version}"
        );
        assert_eq!((&joined.leader, joined.members.len()), (&joined.member_id, 1));
        assert_eq!(joined.protocol_name.as_deref(), Some("range"));

        let at = version.min(5);
        let mut request = sync_request(&id, &joined);
        if at >= 5 {
            request = request
                .with_protocol_type(Some(text("consumer")))
                .with_protocol_name(Some(text("range")));
        }
        let synced = wire.call(&request, at);
        assert_eq!(
            (synced.error_code, &synced.assignment[..]),
            (0, &b"mine"[..]),
            "SyncGroup v{at}"
        );

        let at = version.min(4);
        let beat = HeartbeatRequest::default()
            .with_group_id(group(&id))
            .with_generation_id(1)
            .with_member_id(joined.member_id.clone());
        assert_eq!(wire.call(&beat, at).error_code, 0, "Heartbeat v{at}");

        let at = version.max(2);
        let mut request = commit_request(&id, &name, 1, 7).with_member_id(joined.member_id.clone());
        request.generation_id_or_member_epoch = 1;
        assert_eq!(
            wire.call(&request, at).topics[0].partitions[0].error_code,
            0,
            "OffsetCommit v{at}"
        );
        let at = version.max(1);
        assert_eq!(fetch(wire, &id, &name, 1, at), (7, 0), "OffsetFetch v{at}");
        assert_eq!(fetch(wire, &id, &name, 0, at), (-1, 0), "OffsetFetch v{at}");

        let at = version.min(6);
        let described = wire
            .call(&DescribeGroupsRequest::default().with_groups(vec![group(&id)]), at)
            .groups
            .remove(0);
        assert_eq!(
            (described.error_code, &*described.group_state),
            (0, "Stable"),
            "DescribeGroups v{at}"
        );
        assert_eq!(
            (&*described.protocol_type, &*described.protocol_data),
            ("consumer", "range")
        );
        let member = &described.members[0];
        assert_eq!(
            (&*member.client_id, &member.member_assignment[..]),
            ("kt-it", &b"mine"[..])
        );
        assert!(member.client_host.starts_with('/'), "{}", member.client_host);

        let at = version.min(5);
        let listed = wire.call(&ListGroupsRequest::default(), at).groups;
        let row = listed
            .iter()
            .find(|row| row.group_id.as_str() == id)
            .expect("the group is listed");
        assert_eq!(&*row.protocol_type, "consumer", "ListGroups v{at}");
        assert_eq!(&*row.group_state, if at >= 4 { "Stable" } else { "" });
        assert_eq!(&*row.group_type, if at >= 5 { "classic" } else { "" });

        leave(wire, &id, &joined.member_id, version.min(5));
        let at = version.min(2);
        let deleted = wire.call(&DeleteGroupsRequest::default().with_groups_names(vec![group(&id)]), at);
        assert_eq!(deleted.results[0].error_code, 0, "DeleteGroups v{at}");
        assert_eq!(fetch(wire, &id, &name, 1, 8), (-1, 0));
    }
}

#[test]
fn every_version_finds_the_coordinator() {
    let broker = AnyBroker::get();
    drop(group_coordinator(broker.bootstrap(), "g"));
    let mut wire = Wire::connect(broker.bootstrap());
    for version in 0..=3 {
        let found = wire.call(&FindCoordinatorRequest::default().with_key(text("g")), version);
        assert_eq!(found.error_code, 0, "v{version}");
        assert!(found.port > 0 && !found.host.is_empty());
    }
    for version in 4..=6 {
        let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g"), text("h")]);
        let found = wire.call(&request, version).coordinators;
        let keys: Vec<&str> = found.iter().map(|coordinator| &*coordinator.key).collect();
        assert_eq!(keys, ["g", "h"], "v{version}");
        assert!(
            found
                .iter()
                .all(|coordinator| coordinator.error_code == 0 && coordinator.port > 0)
        );
    }
}

#[test]
fn what_a_group_that_does_not_exist_answers() {
    let broker = AnyBroker::get();
    let (id, name) = (unique("nobody"), unique("t"));
    create_topic(broker.bootstrap(), &name, 1);
    let wire = &mut group_coordinator(broker.bootstrap(), &id);
    assert_eq!(
        wire.call(&join_request(&id, "m"), 9).error_code,
        25,
        "UNKNOWN_MEMBER_ID"
    );
    let joined = JoinGroupResponse::default()
        .with_member_id(text("m"))
        .with_generation_id(1);
    assert_eq!(
        wire.call(&sync_request(&id, &joined), 4).error_code,
        25,
        "UNKNOWN_MEMBER_ID"
    );
    let beat = HeartbeatRequest::default()
        .with_group_id(group(&id))
        .with_member_id(text("m"));
    assert_eq!(wire.call(&beat, 4).error_code, 25, "UNKNOWN_MEMBER_ID");
    let members = vec![MemberIdentity::default().with_member_id(text("m"))];
    let left = wire.call(
        &LeaveGroupRequest::default()
            .with_group_id(group(&id))
            .with_members(members),
        5,
    );
    assert_eq!(
        (left.error_code, left.members[0].error_code),
        (0, 25),
        "UNKNOWN_MEMBER_ID"
    );

    for (version, code) in [(8, 22), (9, 69)] {
        let mut request = commit_request(&id, &name, 0, 1).with_member_id(text("m"));
        request.generation_id_or_member_epoch = 1;
        let committed = wire.call(&request, version);
        assert_eq!(
            committed.topics[0].partitions[0].error_code, code,
            "ILLEGAL_GENERATION, GROUP_ID_NOT_FOUND"
        );
    }
    for version in 1..=9 {
        assert_eq!(fetch(wire, &id, &name, 0, version), (-1, 0), "v{version}");
    }
    for (version, code) in [(5, 0), (6, 69)] {
        let request = DescribeGroupsRequest::default().with_groups(vec![group(&id)]);
        let described = wire.call(&request, version).groups.remove(0);
        assert_eq!(
            (described.error_code, &*described.group_state),
            (code, "Dead"),
            "GROUP_ID_NOT_FOUND"
        );
    }
    let deleted = wire.call(&DeleteGroupsRequest::default().with_groups_names(vec![group(&id)]), 2);
    assert_eq!(deleted.results[0].error_code, 69, "GROUP_ID_NOT_FOUND");
    let partitions = vec![OffsetDeleteRequestPartition::default()];
    let topics = vec![
        OffsetDeleteRequestTopic::default()
            .with_name(topic(&name))
            .with_partitions(partitions),
    ];
    let deleted = wire.call(
        &OffsetDeleteRequest::default()
            .with_group_id(group(&id))
            .with_topics(topics),
        0,
    );
    assert_eq!(deleted.error_code, 69, "GROUP_ID_NOT_FOUND");
    let described = wire.call(
        &ConsumerGroupDescribeRequest::default().with_group_ids(vec![group(&id)]),
        1,
    );
    assert_eq!(described.groups[0].error_code, 69, "GROUP_ID_NOT_FOUND");
}

#[test]
fn requests_that_cannot_be_are_refused() {
    let broker = AnyBroker::get();
    let (id, name) = (unique("refused"), unique("t"));
    create_topic(broker.bootstrap(), &name, 1);
    let wire = &mut group_coordinator(broker.bootstrap(), &id);
    let hasty = join_request(&id, "").with_session_timeout_ms(1);
    assert_eq!(wire.call(&hasty, 9).error_code, 26, "INVALID_SESSION_TIMEOUT");
    let no_protocols = join_request(&id, "").with_protocols(Vec::new());
    assert_eq!(
        wire.call(&no_protocols, 9).error_code,
        23,
        "INCONSISTENT_GROUP_PROTOCOL"
    );
    let joined = JoinGroupResponse::default().with_member_id(text("m"));
    assert_eq!(
        wire.call(&sync_request(&id, &joined), 5).error_code,
        23,
        "v5 must name the protocol"
    );

    let unknown_topic = wire.call(&commit_request(&id, "no-such-topic", 0, 1), 9);
    assert_eq!(
        unknown_topic.topics[0].partitions[0].error_code, 3,
        "UNKNOWN_TOPIC_OR_PARTITION"
    );
    let unknown_partition = wire.call(&commit_request(&id, &name, 5, 1), 9);
    assert_eq!(
        unknown_partition.topics[0].partitions[0].error_code, 3,
        "UNKNOWN_TOPIC_OR_PARTITION"
    );
    let mut chatty = commit_request(&id, &name, 0, 1);
    chatty.topics[0].partitions[0].committed_metadata = Some(text(&"x".repeat(4_097)));
    let answer = wire.call(&chatty, 9);
    assert_eq!(
        answer.topics[0].partitions[0].error_code, 12,
        "OFFSET_METADATA_TOO_LARGE"
    );
}

#[test]
fn groups_are_listed_by_state_and_type() {
    let broker = AnyBroker::get();
    let (id, name) = (unique("listed"), unique("t"));
    create_topic(broker.bootstrap(), &name, 1);
    let wire = &mut group_coordinator(broker.bootstrap(), &id);
    assert_eq!(
        wire.call(&commit_request(&id, &name, 0, 1), 9).topics[0].partitions[0].error_code,
        0
    );
    let mut is_listed = |states: &[&str], types: &[&str]| {
        let filter = |words: &[&str]| words.iter().map(|word| text(word)).collect();
        let request = ListGroupsRequest::default()
            .with_states_filter(filter(states))
            .with_types_filter(filter(types));
        wire.call(&request, 5)
            .groups
            .iter()
            .any(|row| row.group_id.as_str() == id)
    };
    assert!(is_listed(&[], &[]));
    assert!(is_listed(&["empty"], &["Classic"]));
    assert!(is_listed(&["Stable", "Empty"], &[]));
    assert!(!is_listed(&["Stable"], &[]));
    assert!(!is_listed(&[], &["consumer"]));
    assert!(!is_listed(&["NoSuchState"], &[]));
}

/// Joins, is assigned, is described and leaves, in both versions of the consumer protocol.
#[test]
fn a_member_of_the_consumer_protocol_needs_heartbeats_only() {
    let broker = AnyBroker::get();
    let name = unique("t");
    create_topic(broker.bootstrap(), &name, 3);
    for version in 0..=1 {
        let id = unique("kip848");
        let wire = &mut group_coordinator(broker.bootstrap(), &id);
        let mut request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group(&id))
            .with_member_id(text(if version == 0 { "" } else { "my-own-id" }))
            .with_rebalance_timeout_ms(60_000)
            .with_subscribed_topic_names(Some(vec![topic(&name)]))
            .with_topic_partitions(Some(Vec::new()));
        let mut answer = wire.call(&request, version);
        assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
        let member_id = answer.member_id.clone().expect("a member id");
        assert!(version == 0 || &*member_id == "my-own-id");
        // Real Kafka may compute the first assignment a moment later.
        for _ in 0..100 {
            if answer
                .assignment
                .as_ref()
                .is_some_and(|assignment| !assignment.topic_partitions.is_empty())
            {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
            request = ConsumerGroupHeartbeatRequest::default()
                .with_group_id(group(&id))
                .with_member_id(member_id.clone())
                .with_member_epoch(answer.member_epoch)
                .with_rebalance_timeout_ms(-1)
                .with_topic_partitions(Some(Vec::new()));
            answer = wire.call(&request, version);
            assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
        }
        let assigned = answer.assignment.expect("an assignment").topic_partitions.remove(0);
        assert_eq!(assigned.partitions, [0, 1, 2]);

        let owned = TopicPartitions::default()
            .with_topic_id(assigned.topic_id)
            .with_partitions(vec![0, 1, 2]);
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group(&id))
            .with_member_id(member_id.clone())
            .with_member_epoch(answer.member_epoch)
            .with_rebalance_timeout_ms(-1)
            .with_topic_partitions(Some(vec![owned]));
        let next = wire.call(&request, version);
        assert_eq!(
            (next.error_code, next.member_epoch, next.assignment),
            (0, answer.member_epoch, None)
        );

        let describe = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group(&id)]);
        let described = wire.call(&describe, version).groups.remove(0);
        assert_eq!((described.error_code, &*described.group_state), (0, "Stable"));
        assert_eq!(
            (&*described.assignor_name, described.group_epoch),
            ("uniform", answer.member_epoch)
        );
        let member = &described.members[0];
        assert_eq!(
            (
                member.assignment.topic_partitions[0].topic_name.as_str(),
                &*member.client_id
            ),
            (&*name, "kt-it")
        );

        let wrong = request.clone().with_member_epoch(answer.member_epoch + 5);
        assert_eq!(wire.call(&wrong, version).error_code, 110, "FENCED_MEMBER_EPOCH");
        let stale = commit_request(&id, &name, 0, 1).with_member_id(member_id.clone());
        let stale = stale.with_generation_id_or_member_epoch(answer.member_epoch + 5);
        assert_eq!(
            wire.call(&stale, 9).topics[0].partitions[0].error_code,
            113,
            "STALE_MEMBER_EPOCH"
        );
        let leave = request.with_member_epoch(-1).with_topic_partitions(None);
        assert_eq!((wire.call(&leave, version).member_epoch), -1);
        let deleted = wire.call(&DeleteGroupsRequest::default().with_groups_names(vec![group(&id)]), 2);
        assert_eq!(deleted.results[0].error_code, 0);
    }
}
