//! The APIs of streams groups (KIP-1071): StreamsGroupHeartbeat (88), StreamsGroupDescribe (89). Error codes are given as
//! numbers, with their names beside.

use std::time::{Duration, Instant};

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{
    DeleteGroupsRequest, FindCoordinatorRequest, GroupId, ListGroupsRequest, OffsetCommitRequest, TopicName,
};
use kt::wire::fields::Nullable;
use kt::wire::streams::{
    DescribedGroup, StreamsGroupDescribeRequest, StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse,
    Subtopology, TaskIds, TopicInfo, Topology,
};

use crate::support::broker::{AnyBroker, Broker, unique};
use crate::support::rdkafka::create_topic;
use crate::support::wire::{Wire, text};

fn group(id: &str) -> GroupId {
    GroupId(text(id))
}

fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

/// One subtopology that reads `source` and keeps a state.
fn topology(source: &str, changelog: &str) -> Topology {
    let store = TopicInfo {
        name: topic(changelog),
        ..TopicInfo::default()
    };
    let subtopology = Subtopology {
        subtopology_id: text("0"),
        source_topics: vec![topic(source)],
        state_changelog_topics: vec![store],
        ..Subtopology::default()
    };
    Topology {
        epoch: 0,
        subtopologies: vec![subtopology],
    }
}

/// A member that does only what it is told.
struct Member {
    wire: Wire,
    group_id: String,
    member_id: String,
    epoch: i32,
    tasks: Vec<TaskIds>,
}

impl Member {
    fn new(bootstrap: &str, group_id: &str) -> Self {
        let mut wire = Wire::connect(bootstrap);
        for _ in 0..100 {
            let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group_id)]);
            match wire.call(&request, 4).coordinators.remove(0).error_code {
                0 => break,
                code => assert_eq!(code, 15, "COORDINATOR_NOT_AVAILABLE"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Self {
            wire,
            group_id: group_id.to_owned(),
            member_id: uuid::Uuid::new_v4().to_string(),
            epoch: 0,
            tasks: Vec::new(),
        }
    }

    fn send(&mut self, request: &StreamsGroupHeartbeatRequest) -> StreamsGroupHeartbeatResponse {
        let answer = self.wire.call(request, 0);
        if answer.error_code == 0 {
            self.epoch = answer.member_epoch;
            self.tasks = answer.active_tasks.clone().unwrap_or_else(|| self.tasks.clone());
        }
        answer
    }

    fn request(&self) -> StreamsGroupHeartbeatRequest {
        StreamsGroupHeartbeatRequest {
            group_id: group(&self.group_id),
            member_id: text(&self.member_id),
            member_epoch: self.epoch,
            ..StreamsGroupHeartbeatRequest::default()
        }
    }

    fn join(&mut self, topology: &Topology) -> StreamsGroupHeartbeatResponse {
        let request = StreamsGroupHeartbeatRequest {
            member_epoch: 0,
            rebalance_timeout_ms: 60_000,
            topology: Nullable(Some(topology.clone())),
            active_tasks: Some(Vec::new()),
            standby_tasks: Some(Vec::new()),
            warmup_tasks: Some(Vec::new()),
            process_id: Some(text(&self.member_id)),
            client_tags: Some(Vec::new()),
            ..self.request()
        };
        self.send(&request)
    }

    /// Tells what it runs, which is what it was told.
    fn beat(&mut self) -> StreamsGroupHeartbeatResponse {
        let request = StreamsGroupHeartbeatRequest {
            active_tasks: Some(self.tasks.clone()),
            standby_tasks: Some(Vec::new()),
            warmup_tasks: Some(Vec::new()),
            ..self.request()
        };
        self.send(&request)
    }

    fn partitions(&self) -> Vec<i32> {
        let mut all: Vec<i32> = self.tasks.iter().flat_map(|tasks| tasks.partitions.clone()).collect();
        all.sort_unstable();
        all
    }

    fn leave(&mut self) {
        let request = StreamsGroupHeartbeatRequest {
            member_epoch: -1,
            ..self.request()
        };
        assert_eq!(self.wire.call(&request, 0).error_code, 0);
    }

    fn describe(&mut self) -> DescribedGroup {
        let request = StreamsGroupDescribeRequest {
            group_ids: vec![group(&self.group_id)],
            ..StreamsGroupDescribeRequest::default()
        };
        self.wire.call(&request, 0).groups.remove(0)
    }
}

/// Heartbeats of all until `done`.
fn until(members: &mut [&mut Member], mut done: impl FnMut(&[&mut Member]) -> bool) {
    let started = Instant::now();
    while !done(members) {
        assert!(started.elapsed() < Duration::from_secs(40), "the group does not settle");
        for member in members.iter_mut() {
            assert_eq!(member.beat().error_code, 0);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn members_are_given_tasks_and_internal_topics() {
    let broker = AnyBroker::get();
    let (source, group_id) = (unique("streams-in"), unique("streams-group"));
    let changelog = format!("{group_id}-changelog");
    create_topic(broker.bootstrap(), &source, 4);
    let topology = topology(&source, &changelog);
    let mut one = Member::new(broker.bootstrap(), &group_id);
    assert_eq!(one.join(&topology).error_code, 0);
    until(&mut [&mut one], |members| members[0].partitions() == [0, 1, 2, 3]);
    let mut other = Member::new(broker.bootstrap(), &group_id);
    assert_eq!(other.join(&topology).error_code, 0);
    until(&mut [&mut one, &mut other], |members| {
        members.iter().all(|member| member.partitions().len() == 2)
    });
    let mut both = [one.partitions(), other.partitions()].concat();
    both.sort_unstable();
    assert_eq!(both, [0, 1, 2, 3]);

    let described = one.describe();
    assert_eq!((&*described.group_state, described.members.len()), ("Stable", 2));
    let shown = described
        .topology
        .0
        .expect("a topology")
        .subtopologies
        .expect("subtopologies");
    assert_eq!(shown[0].source_topics, [topic(&source)]);
    let listed = one.wire.call(
        &ListGroupsRequest::default().with_types_filter(vec![text("streams")]),
        5,
    );
    let listed = listed
        .groups
        .iter()
        .find(|g| g.group_id == group(&group_id))
        .expect("the group");
    assert_eq!((&*listed.group_type, &*listed.protocol_type), ("streams", "streams"));

    // Members commit at their epoch, and at no other: STALE_MEMBER_EPOCH.
    let mut commit = |epoch: i32| {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(3);
        let topic = OffsetCommitRequestTopic::default()
            .with_name(topic(&source))
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(group(&group_id))
            .with_member_id(text(&one.member_id))
            .with_generation_id_or_member_epoch(epoch)
            .with_topics(vec![topic]);
        one.wire.call(&request, 9).topics[0].partitions[0].error_code
    };
    let epoch = described.group_epoch;
    assert_eq!((commit(epoch), commit(epoch + 1)), (0, 113));

    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group(&group_id)]);
    assert_eq!(one.wire.call(&delete, 2).results[0].error_code, 68, "NON_EMPTY_GROUP");
    one.leave();
    other.leave();
    assert_eq!(one.wire.call(&delete, 2).results[0].error_code, 0);
    assert_eq!(one.describe().error_code, 69, "GROUP_ID_NOT_FOUND");
}

#[test]
fn what_is_not_a_streams_group_is_refused() {
    let broker = AnyBroker::get();
    let group_id = unique("streams-group");
    let mut member = Member::new(broker.bootstrap(), &group_id);
    assert_eq!(
        member.beat().error_code,
        42,
        "INVALID_REQUEST: a member without topology"
    );
    member.epoch = 5;
    assert_eq!(member.beat().error_code, 69, "GROUP_ID_NOT_FOUND");
    assert_eq!(member.describe().error_code, 69);
    member.epoch = 0;
    let missing = member.join(&topology(&unique("streams-nowhere"), "changelog"));
    assert_eq!(missing.error_code, 0, "{:?}", missing.error_message);
    // Kafka also tells of its delay: 5, ASSIGNMENT_DELAYED.
    let status = missing.status.expect("a status");
    assert!(
        status.iter().any(|status| status.status_code == 1),
        "MISSING_SOURCE_TOPICS"
    );
    assert_eq!(&*member.describe().group_state, "NotReady");
    member.leave();
}

#[test]
fn a_group_goes_on_after_a_kill() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let data = dir.path().join("data");
    let broker = Broker::on(&data, &[]).expect("a broker");
    create_topic(broker.bootstrap(), "in", 2);
    let mut member = Member::new(broker.bootstrap(), "app");
    assert_eq!(member.join(&topology("in", "app-changelog")).error_code, 0);
    until(&mut [&mut member], |members| members[0].partitions() == [0, 1]);
    broker.kill();

    let again = Broker::on(&data, &[]).expect("a broker on the same folder");
    let (member_id, epoch, tasks) = (member.member_id.clone(), member.epoch, member.tasks.clone());
    let mut member = Member {
        member_id,
        epoch,
        tasks,
        ..Member::new(again.bootstrap(), "app")
    };
    let answer = member.beat();
    assert_eq!(
        (answer.error_code, answer.member_epoch),
        (0, epoch),
        "{:?}",
        answer.error_message
    );
    assert_eq!(&*member.describe().group_state, "Stable");
}
