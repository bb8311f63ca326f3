//! The life of a streams group, heartbeat by heartbeat.

use std::collections::{BTreeMap, HashMap as Map};

use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::tasks::{Tasks, count, each};
use super::topology::{
    INCORRECTLY_PARTITIONED_TOPICS, MISSING_INTERNAL_TOPICS, MISSING_SOURCE_TOPICS, STALE_TOPOLOGY, configure,
};
use super::*;
use crate::broker::group::GroupError;
use crate::broker::group::config::GroupCoordinatorConfig;
use crate::broker::group::consumer::ClusterView;
use crate::broker::group::shard::{Group, Shard};
use crate::wire::streams::{CopartitionGroup, Subtopology, TopicInfo};

#[derive(Debug, Default)]
struct SomeTopics {
    topics: Map<String, (Uuid, i32)>,
    standby: Option<i32>,
}

impl ClusterView for SomeTopics {
    fn topic(&self, name: &str) -> Option<(Uuid, i32)> {
        self.topics.get(name).copied()
    }

    fn names(&self) -> Vec<String> {
        self.topics.keys().cloned().collect()
    }

    fn group_setting(&self, _: &str, name: &str) -> Option<i32> {
        self.standby.filter(|_| name == "streams.num.standby.replicas")
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

fn info(name: &str, partitions: i32) -> TopicInfo {
    TopicInfo {
        name: topic(name),
        partitions,
        ..TopicInfo::default()
    }
}

/// Reads `in`, repartitions, counts: two subtopologies, as a word count has them.
fn word_count() -> Topology {
    let first = Subtopology {
        subtopology_id: text("0"),
        source_topics: vec![topic("in")],
        repartition_sink_topics: vec![topic("app-repartition")],
        ..Subtopology::default()
    };
    let second = Subtopology {
        subtopology_id: text("1"),
        repartition_source_topics: vec![info("app-repartition", 0)],
        state_changelog_topics: vec![info("app-changelog", 0)],
        ..Subtopology::default()
    };
    Topology {
        epoch: 0,
        subtopologies: vec![first, second],
    }
}

/// A group, the cluster's topics, a clock, and what each client was last told to run.
struct World {
    group: StreamsGroup,
    cluster: SomeTopics,
    now_ms: i64,
    clients: BTreeMap<String, (i32, TaskSet)>,
    records: Vec<Record>,
}

impl World {
    fn new(topics: &[(&str, i32)]) -> Self {
        let mut world = Self {
            group: StreamsGroup::new("g"),
            cluster: SomeTopics::default(),
            now_ms: 0,
            clients: BTreeMap::new(),
            records: Vec::new(),
        };
        topics
            .iter()
            .for_each(|(name, partitions)| world.create(name, *partitions));
        world
    }

    fn create(&mut self, name: &str, partitions: i32) {
        let id = Uuid::from_u128(self.cluster.topics.len() as u128 + 1);
        self.cluster.topics.insert(name.to_owned(), (id, partitions));
    }

    fn with<T>(&mut self, event: impl FnOnce(&mut StreamsGroup, &mut Turn<'_>) -> T) -> T {
        let config = GroupCoordinatorConfig::default();
        let mut turn = Turn::new(self.now_ms, &config, &self.cluster);
        let result = event(&mut self.group, &mut turn);
        self.records.extend(turn.records);
        result
    }

    fn send(&mut self, request: &StreamsHeartbeat) -> Result<StreamsHeartbeatAnswer, GroupError> {
        request.validate("g")?;
        let answer = self.with(|group, turn| group.heartbeat(turn, request))?;
        let client = self.clients.entry(request.member_id.clone()).or_default();
        client.0 = answer.member_epoch;
        if let Some(tasks) = &answer.tasks {
            client.1.clone_from(tasks);
        }
        Ok(answer)
    }

    /// Joins; each member is a process of its own.
    fn join(&mut self, member_id: &str) -> StreamsHeartbeatAnswer {
        self.send(&joining(member_id)).unwrap()
    }

    /// Tells what it runs, which is what it was told.
    fn beat(&mut self, member_id: &str) -> StreamsHeartbeatAnswer {
        let (member_epoch, owned) = self.clients[member_id].clone();
        let request = StreamsHeartbeat {
            member_id: member_id.to_owned(),
            member_epoch,
            owned: Some(owned),
            rebalance_timeout_ms: -1,
            ..StreamsHeartbeat::default()
        };
        self.send(&request).unwrap()
    }

    /// Heartbeats of all until nothing changes.
    fn settle(&mut self) {
        for _ in 0..10 {
            let before = self.clients.clone();
            for member_id in before.keys() {
                self.beat(member_id);
            }
            if before == self.clients {
                return;
            }
        }
        panic!("it does not settle: {:?}", self.clients);
    }

    fn active(&self, member_id: &str) -> Tasks {
        self.clients[member_id].1.active.clone()
    }
}

fn joining(member_id: &str) -> StreamsHeartbeat {
    StreamsHeartbeat {
        member_id: member_id.to_owned(),
        rebalance_timeout_ms: 60_000,
        topology: Some(word_count()),
        owned: Some(TaskSet::default()),
        process_id: Some(text(member_id)),
        ..StreamsHeartbeat::default()
    }
}

/// All topics of the word count, of three partitions.
fn ready() -> World {
    World::new(&[("in", 3), ("app-repartition", 3), ("app-changelog", 3)])
}

#[test]
fn members_share_the_tasks() {
    let mut world = ready();
    world.join("a");
    assert_eq!(count(&world.active("a")), 6);
    assert_eq!(world.group.state_name(), "Stable");
    world.join("b");
    assert_eq!(count(&world.active("b")), 0, "the first has them still");
    assert_eq!(world.group.state_name(), "Reconciling");
    world.settle();
    assert_eq!((count(&world.active("a")), count(&world.active("b"))), (3, 3));
    let both = [world.active("a"), world.active("b")];
    let mut all: Vec<_> = both.iter().flat_map(each).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 6);
    assert_eq!(world.group.state_name(), "Stable");
}

#[test]
fn tasks_stay_where_they_are() {
    let mut world = ready();
    for member_id in ["a", "b", "c"] {
        world.join(member_id);
        world.settle();
    }
    let before = world.active("a");
    world
        .with(|group, turn| {
            group.heartbeat(
                turn,
                &StreamsHeartbeat {
                    member_epoch: -1,
                    ..joining("c")
                },
            )
        })
        .unwrap();
    world.clients.remove("c");
    world.settle();
    let after = world.active("a");
    assert!(
        each(&before).all(|task| tasks::contains(&after, task)),
        "{before:?} {after:?}"
    );
    assert_eq!((count(&after), count(&world.active("b"))), (3, 3));
}

#[test]
fn standby_tasks_go_to_other_processes() {
    let mut world = ready();
    world.cluster.standby = Some(1);
    world.join("a");
    assert_eq!(count(&world.clients["a"].1.standby), 0, "there is no other process");
    world.join("b");
    world.settle();
    for member_id in ["a", "b"] {
        let tasks = &world.clients[member_id].1;
        assert_eq!((count(&tasks.active), count(&tasks.standby)), (3, 3));
        assert!(each(&tasks.standby).all(|task| !tasks::contains(&tasks.active, task)));
    }
}

#[test]
fn what_is_missing_is_told() {
    let mut world = World::new(&[]);
    let answer = world.join("a");
    assert_eq!(answer.status[0].0, MISSING_SOURCE_TOPICS);
    assert_eq!(answer.status[0].1, "Source topics in are missing.");
    assert_eq!(world.group.state_name(), "NotReady");
    world.create("in", 4);
    let answer = world.beat("a");
    assert_eq!(answer.status[0].0, MISSING_INTERNAL_TOPICS);
    let missing: Vec<_> = answer
        .missing_topics
        .iter()
        .map(|t| (t.name.as_str(), t.partitions))
        .collect();
    assert_eq!(missing, [("app-changelog", 4), ("app-repartition", 4)]);
    assert!(world.active("a").is_empty());
    world.create("app-changelog", 4);
    world.create("app-repartition", 4);
    assert!(world.beat("a").status.is_empty());
    assert_eq!(count(&world.active("a")), 8);
    // Somebody has made one of them anew, with another number of partitions.
    world
        .cluster
        .topics
        .insert("app-changelog".to_owned(), (Uuid::from_u128(99), 2));
    assert_eq!(world.beat("a").status[0].0, INCORRECTLY_PARTITIONED_TOPICS);
}

#[test]
fn copartitioned_topics_have_as_many_partitions_as_each_other() {
    let mut joined = Subtopology {
        subtopology_id: text("0"),
        source_topics: vec![topic("left"), topic("right")],
        copartition_groups: vec![CopartitionGroup {
            source_topics: vec![0, 1],
            ..CopartitionGroup::default()
        }],
        ..Subtopology::default()
    };
    let of = |subtopology: &Subtopology| Topology {
        epoch: 0,
        subtopologies: vec![subtopology.clone()],
    };
    let cluster = World::new(&[("left", 2), ("right", 3)]).cluster;
    let problem = configure(&of(&joined), &cluster).problem.unwrap();
    assert_eq!(problem.0, INCORRECTLY_PARTITIONED_TOPICS);
    // A repartition topic of no fixed number follows the other; bad places in the lists are passed over.
    joined.source_topics.pop();
    joined.repartition_source_topics = vec![info("again", 0)];
    joined.copartition_groups[0] = CopartitionGroup {
        source_topics: vec![0, 7, -1],
        repartition_source_topics: vec![0, 9],
        ..CopartitionGroup::default()
    };
    let missing = configure(&of(&joined), &cluster).missing_internal;
    assert_eq!((missing[0].name.as_str(), missing[0].partitions), ("again", 2));
}

#[test]
fn topics_are_found_by_expression() {
    let reading = Subtopology {
        subtopology_id: text("0"),
        source_topic_regex: vec![text("in-.*")],
        ..Subtopology::default()
    };
    let topology = Topology {
        epoch: 0,
        subtopologies: vec![reading],
    };
    let cluster = World::new(&[("in-a", 2), ("in-b", 5), ("out", 9)]).cluster;
    assert_eq!(configure(&topology, &cluster).tasks["0"], 5);
}

#[test]
fn a_topology_changes_with_its_epoch_only() {
    let mut world = ready();
    world.join("a");
    let mut other = joining("b");
    let topology = other.topology.as_mut().unwrap();
    topology.subtopologies.pop();
    let refused = world.send(&other).unwrap_err();
    assert_eq!(refused.code, ErrorCode::STREAMS_INVALID_TOPOLOGY);
    other.topology.as_mut().unwrap().epoch = 1;
    world.send(&other).unwrap();
    world.settle();
    assert_eq!(
        count(&world.active("b")),
        3,
        "only those who know the new topology run it"
    );
    assert!(world.active("a").is_empty());
    assert_eq!(world.beat("a").status[0].0, STALE_TOPOLOGY);
}

#[test]
fn requests_and_epochs_are_checked() {
    let mut world = ready();
    world.join("a");
    let bad: [&dyn Fn(&mut StreamsHeartbeat); 5] = [
        &|request| request.member_id.clear(),
        &|request| request.topology = None,
        &|request| request.owned = None,
        &|request| request.rebalance_timeout_ms = -1,
        &|request| request.member_epoch = -3,
    ];
    for spoil in bad {
        let mut request = joining("b");
        spoil(&mut request);
        assert_eq!(world.send(&request).unwrap_err().code, ErrorCode::INVALID_REQUEST);
    }
    let mut ahead = joining("a");
    ahead.member_epoch = 9;
    assert_eq!(world.send(&ahead).unwrap_err().code, ErrorCode::FENCED_MEMBER_EPOCH);
    ahead.member_id = "nobody".to_owned();
    assert_eq!(world.send(&ahead).unwrap_err().code, ErrorCode::UNKNOWN_MEMBER_ID);
    let epoch = world.clients["a"].0;
    assert_eq!(world.group.validate_offset_commit("a", epoch), Ok(()));
    assert_eq!(
        world.group.validate_offset_commit("a", epoch - 1),
        Err(ErrorCode::STALE_MEMBER_EPOCH)
    );
    assert_eq!(
        world.group.validate_offset_commit("", -1),
        Err(ErrorCode::UNKNOWN_MEMBER_ID)
    );
    assert_eq!(world.group.validate_offset_fetch("", -1), Ok(()));
}

#[test]
fn static_members_come_back() {
    let mut world = ready();
    let mut first = joining("a");
    first.instance_id = Some(text("i"));
    world.send(&first).unwrap();
    let mut second = joining("b");
    second.instance_id = Some(text("i"));
    assert_eq!(world.send(&second).unwrap_err().code, ErrorCode::UNRELEASED_INSTANCE_ID);
    first.member_epoch = -2;
    world.with(|group, turn| group.heartbeat(turn, &first)).unwrap();
    world.clients.clear();
    world.send(&second).unwrap();
    world.settle();
    assert_eq!(count(&world.active("b")), 6);
    assert_eq!(world.group.members().count(), 1);
}

#[test]
fn silent_and_obstinate_members_are_taken_out() {
    let mut world = ready();
    world.join("a");
    world.join("b");
    // It is to give tasks back, and does not within its rebalance timeout, though it is heard of.
    for now_ms in [30_000, 59_000] {
        world.now_ms = now_ms;
        let (member_epoch, owned) = world.clients["a"].clone();
        let stubborn = StreamsHeartbeat {
            member_id: "a".to_owned(),
            member_epoch,
            owned: (now_ms == 30_000).then_some(owned),
            rebalance_timeout_ms: -1,
            ..StreamsHeartbeat::default()
        };
        let before = world.clients.clone();
        world.send(&stubborn).unwrap();
        world.clients = before;
        world.beat("b");
    }
    world.now_ms = 90_000;
    world.with(|group, turn| group.on_time(turn));
    assert!(world.group.members().all(|(id, _)| id != "a"));
    world.now_ms = 200_000;
    world.with(|group, turn| group.on_time(turn));
    assert_eq!(world.group.state_name(), "Empty");
    assert_eq!(world.group.next_deadline_ms(), None);
}

/// A shard that replays the records has the same group.
#[test]
fn the_log_is_enough() {
    let mut world = ready();
    for member_id in ["a", "b"] {
        world.join(member_id);
        world.settle();
    }
    let mut shard = Shard::default();
    for record in &world.records {
        let (key, value) = record.encode();
        let decoded = Record::decode(&key, value.as_deref()).unwrap().unwrap();
        assert_eq!(&decoded, record);
        shard.replay(decoded);
        let value = value.unwrap_or_default();
        for end in 0..value.len() {
            // A last byte of no tagged fields may be missing where only the epoch is read.
            let cut = Record::decode(&key, Some(&value[..end]));
            assert!(cut.is_err() || end + 1 == value.len(), "{record:?} cut at {end}");
        }
    }
    let Some(Group::Streams(group)) = shard.group("g") else {
        panic!("no streams group")
    };
    assert_eq!(group.topology(), world.group.topology());
    assert_eq!(
        (group.epoch(), group.target_epoch()),
        (world.group.epoch(), world.group.target_epoch())
    );
    let members = |group: &StreamsGroup| -> Vec<(String, i32, TaskSet)> {
        let shown = |(id, m): (&String, &StreamsMember)| (id.clone(), m.member_epoch, m.assigned.clone());
        group.members().map(shown).collect()
    };
    assert_eq!(members(group), members(&world.group));
    for record in world.group.tombstones() {
        shard.replay(record);
    }
    assert!(shard.group("g").is_none());
}
