//! The life of a consumer group, heartbeat by heartbeat.

use std::collections::HashMap as Map;
use std::sync::Arc;

use super::*;
use crate::broker::group::config::GroupCoordinatorConfig;

const HEARTBEAT_INTERVAL_MS: i64 = 5_001;

#[derive(Debug, Default)]
struct SomeTopics(Map<String, (Uuid, i32)>);

impl ClusterView for SomeTopics {
    fn topic(&self, name: &str) -> Option<(Uuid, i32)> {
        self.0.get(name).copied()
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn group_setting(&self, _: &str, name: &str) -> Option<i32> {
        (name == "consumer.heartbeat.interval.ms").then_some(HEARTBEAT_INTERVAL_MS as i32)
    }
}

/// A group, the cluster's topics, a clock, and the clients: what each has been told to have, and at which epoch.
struct World {
    group: ConsumerGroup,
    topics: SomeTopics,
    config: GroupCoordinatorConfig,
    now_ms: i64,
    clients: BTreeMap<String, (i32, Assignment)>,
    records: Vec<Record>,
}

impl World {
    fn new(topics: &[(&str, i32)]) -> Self {
        let topics = (1u128..)
            .zip(topics)
            .map(|(id, (name, count))| ((*name).to_owned(), (Uuid::from_u128(id), *count)));
        Self {
            group: ConsumerGroup::new("g"),
            topics: SomeTopics(topics.collect()),
            config: GroupCoordinatorConfig::default(),
            now_ms: 0,
            clients: BTreeMap::new(),
            records: Vec::new(),
        }
    }

    fn with<T>(&mut self, event: impl FnOnce(&mut ConsumerGroup, &mut Turn<'_>) -> T) -> T {
        let mut turn = Turn::new(self.now_ms, &self.config, &self.topics);
        let result = event(&mut self.group, &mut turn);
        self.records.extend(turn.records);
        result
    }

    fn request(member_id: &str, topics: &[&str]) -> HeartbeatRequest {
        HeartbeatRequest {
            member_id: member_id.to_owned(),
            rebalance_timeout_ms: 60_000,
            subscribed_topic_names: Some(topics.iter().map(|name| (*name).to_owned()).collect()),
            owned: Some(Assignment::new()),
            client_id: "c".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            ..HeartbeatRequest::default()
        }
    }

    fn send(&mut self, request: &HeartbeatRequest) -> Result<HeartbeatAnswer, GroupError> {
        request.validate("g", true)?;
        let answer = self.with(|group, turn| group.heartbeat(turn, request))?;
        let client = self.clients.entry(request.member_id.clone()).or_default();
        client.0 = answer.member_epoch;
        if let Some(assignment) = &answer.assignment {
            client.1.clone_from(assignment);
        }
        Ok(answer)
    }

    fn join(&mut self, member_id: &str, topics: &[&str]) {
        self.send(&Self::request(member_id, topics)).unwrap();
    }

    /// A heartbeat as the Java consumer sends it after it has done what it was told.
    fn beat(&mut self, member_id: &str) -> Result<HeartbeatAnswer, GroupError> {
        let (member_epoch, owned) = self.clients[member_id].clone();
        let request = HeartbeatRequest {
            member_id: member_id.to_owned(),
            member_epoch,
            rebalance_timeout_ms: -1,
            owned: Some(owned),
            client_id: "c".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            ..HeartbeatRequest::default()
        };
        self.send(&request)
    }

    /// Heartbeats of all until nothing changes any more; no partition ever has two owners.
    fn settle(&mut self) {
        for _ in 0..10 {
            for member_id in self.clients.keys().cloned().collect::<Vec<_>>() {
                self.beat(&member_id).unwrap();
                self.check_owners();
            }
        }
        assert_eq!(self.group.state(), State::Stable);
    }

    fn check_owners(&self) {
        let mut seen = BTreeSet::new();
        for (id, partitions) in self.clients.values().flat_map(|(_, assignment)| assignment) {
            for partition in partitions {
                assert!(
                    seen.insert((*id, *partition)),
                    "{id}-{partition} has two owners: {:?}",
                    self.clients
                );
            }
        }
    }

    fn loads(&self) -> Vec<usize> {
        self.clients
            .values()
            .map(|(_, assignment)| assignment.values().map(BTreeSet::len).sum())
            .collect()
    }

    fn pass_ms(&mut self, time_ms: i64) {
        self.now_ms += time_ms;
        self.with(|group, turn| group.on_time(turn));
    }

    /// The group as the log alone has it.
    fn reload(&mut self) {
        self.group = ConsumerGroup::new("g");
        for record in &self.records {
            let (key, value) = record.encode();
            match Record::decode(&key, value.as_deref()).unwrap() {
                Some(Record::Consumer { record, .. }) => self.group.replay(record),
                other => panic!("{other:?}"),
            }
        }
        self.with(|group, turn| group.on_loaded(turn));
    }
}

#[test]
fn the_first_member_gets_everything_at_once_in_the_records_kafka_writes() {
    let mut world = World::new(&[("t", 3)]);
    let answer = world.send(&World::request("a", &["t"])).unwrap();
    assert_eq!((answer.member_epoch, answer.heartbeat_interval_ms), (2, 5_001));
    assert_eq!(world.loads(), [3]);
    let types: Vec<u8> = world.records.iter().map(|record| record.encode().0[1]).collect();
    assert_eq!(types, [5, 3, 7, 6, 8]);
    assert_eq!(world.group.state(), State::Stable);
    assert_eq!(world.beat("a").unwrap().assignment, None, "nothing is said twice");
    assert_eq!(world.records.len(), 5);
}

#[test]
fn a_partition_moves_only_after_it_was_given_back() {
    let mut world = World::new(&[("t", 4)]);
    world.join("a", &["t"]);
    world.join("b", &["t"]);
    assert_eq!(world.loads(), [4, 0], "b waits, and a does not know yet");
    assert_eq!(world.group.state(), State::Reconciling);
    let told = world.beat("a").unwrap();
    assert_eq!((told.member_epoch, world.loads()), (2, vec![2, 0]));
    assert!(
        world.beat("b").unwrap().assignment.is_none(),
        "a has not given back yet"
    );
    assert_eq!(world.beat("a").unwrap().member_epoch, 3);
    world.beat("b").unwrap();
    assert_eq!(world.loads(), [2, 2]);
    assert_eq!(world.group.state(), State::Stable);
}

#[test]
fn members_come_and_go_and_no_partition_has_two_owners() {
    let mut world = World::new(&[("t", 7), ("u", 5)]);
    for member_id in ["a", "b", "c", "d"] {
        world.join(member_id, &["t", "u"]);
        world.settle();
        let loads = world.loads();
        assert!(
            loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1,
            "{loads:?}"
        );
    }
    let mut leave = World::request("b", &[]);
    leave.member_epoch = LEAVE_EPOCH;
    assert_eq!(world.send(&leave).unwrap().member_epoch, -1);
    world.clients.remove("b");
    world.settle();
    assert_eq!(world.loads().iter().sum::<usize>(), 12);
}

#[test]
fn a_restart_changes_nothing() {
    let mut world = World::new(&[("t", 4)]);
    world.join("a", &["t"]);
    world.join("b", &["t"]);
    world.beat("a").unwrap();
    world.reload();
    assert_eq!(world.group.state(), State::Reconciling);
    world.settle();
    assert_eq!(world.loads(), [2, 2]);
}

#[test]
fn new_partitions_and_new_topics_are_assigned() {
    let mut world = World::new(&[("t", 1)]);
    world.join("a", &["t", "later"]);
    assert_eq!(world.loads(), [1]);
    world.topics.0.insert("t".to_owned(), (Uuid::from_u128(1), 3));
    world.settle();
    assert_eq!(world.loads(), [3]);
    world.topics.0.insert("later".to_owned(), (Uuid::from_u128(9), 2));
    world.settle();
    assert_eq!(world.loads(), [5]);
    world.topics.0.remove("t");
    world.settle();
    assert_eq!(world.loads(), [2]);
}

#[test]
fn a_regular_expression_matches_whole_names() {
    let mut world = World::new(&[("orders", 2), ("orders-dlq", 1), ("other", 1)]);
    let mut request = World::request("a", &[]);
    request.subscribed_topic_names = None;
    request.subscribed_topic_regex = Some("orders".to_owned());
    world.send(&request).unwrap();
    assert_eq!(world.loads(), [2]);
    request.member_epoch = world.clients["a"].0;
    request.owned = Some(world.clients["a"].1.clone());
    request.subscribed_topic_regex = Some("o.*".to_owned());
    world.send(&request).unwrap();
    world.settle();
    assert_eq!(world.loads(), [4]);
    world.topics.0.insert("o2".to_owned(), (Uuid::from_u128(7), 3));
    world.pass_ms(HEARTBEAT_INTERVAL_MS);
    world.settle();
    assert_eq!(world.loads(), [7]);
    assert!(world.group.is_subscribed_to("o2"));
    world.reload();
    assert!(world.group.is_subscribed_to("o2"));
    request.subscribed_topic_regex = Some("(".to_owned());
    assert_eq!(
        world.send(&request).unwrap_err().code,
        ErrorCode::INVALID_REGULAR_EXPRESSION
    );
}

/// The cluster's topics with a mark that changes when the test says so.
#[derive(Debug)]
struct Marked<'a>(&'a SomeTopics, TopicsMark);

impl ClusterView for Marked<'_> {
    fn topic(&self, name: &str) -> Option<(Uuid, i32)> {
        self.0.topic(name)
    }

    fn names(&self) -> Vec<String> {
        self.0.names()
    }

    fn group_setting(&self, group_id: &str, name: &str) -> Option<i32> {
        self.0.group_setting(group_id, name)
    }

    fn topics_mark(&self) -> Option<TopicsMark> {
        Some(self.1.clone())
    }
}

#[test]
fn a_regular_expression_matches_what_its_member_may_see_and_stands_ten_minutes() {
    let mut world = World::new(&[("o1", 1), ("o2", 1), ("o3", 1)]);
    let names = [Arc::new(HashMap::new()), Arc::new(HashMap::new())];
    let mut request = World::request("a", &[]);
    request.subscribed_topic_names = None;
    request.subscribed_topic_regex = Some("o.*".to_owned());
    let mut send = |now_ms: i64, mark: usize, hidden: &'static [&'static str]| {
        let sight = move |topic: &str| !hidden.contains(&topic);
        let seen = SeenBy {
            cluster: &Marked(&world.topics, TopicsMark::of(&names[mark])),
            sight: &sight,
        };
        let mut turn = Turn::new(now_ms, &world.config, &seen);
        request.member_epoch = world.group.heartbeat(&mut turn, &request).unwrap().member_epoch;
        let topics = ["o1", "o2", "o3"].iter();
        topics.filter(|t| world.group.is_subscribed_to(t)).count()
    };
    assert_eq!(send(0, 0, &["o2"]), 2);
    let later = HEARTBEAT_INTERVAL_MS;
    assert_eq!(send(later, 0, &[]), 2, "rights alone do not make it look again at once");
    assert_eq!(send(later, 1, &["o1", "o2"]), 1, "topics that come do");
    assert_eq!(send(later + 599_999, 1, &[]), 1);
    assert_eq!(send(later + 600_000, 1, &[]), 3);
}

#[test]
fn topics_made_together_come_to_all_members_in_the_same_steps() {
    let mut world = World::new(&[]);
    for member_id in ["a", "b"] {
        let mut request = World::request(member_id, &[]);
        request.subscribed_topic_names = None;
        request.subscribed_topic_regex = Some("o.*".to_owned());
        world.send(&request).unwrap();
    }
    world.pass_ms(HEARTBEAT_INTERVAL_MS);
    world.topics.0.insert("o1".to_owned(), (Uuid::from_u128(1), 2));
    world.beat("a").unwrap();
    world.topics.0.insert("o2".to_owned(), (Uuid::from_u128(2), 2));
    world.settle();
    assert_eq!(world.loads(), [1, 1], "both hear of the first alone");
    world.pass_ms(HEARTBEAT_INTERVAL_MS);
    world.settle();
    assert_eq!(world.loads(), [2, 2]);
}

#[test]
fn a_silent_member_is_out_and_its_partitions_go_to_the_others() {
    let mut world = World::new(&[("t", 4)]);
    world.join("a", &["t"]);
    world.join("b", &["t"]);
    world.settle();
    world.pass_ms(30_000);
    world.beat("a").unwrap();
    world.pass_ms(15_000);
    assert_eq!(world.beat("b").unwrap_err().code, ErrorCode::UNKNOWN_MEMBER_ID);
    world.clients.remove("b");
    world.settle();
    assert_eq!(world.loads(), [4]);
    world.pass_ms(45_000);
    assert_eq!(
        (world.group.state(), world.group.next_deadline_ms()),
        (State::Empty, None)
    );
}

#[test]
fn a_member_that_does_not_give_back_in_time_is_out() {
    let mut world = World::new(&[("t", 4)]);
    world.join("a", &["t"]);
    world.join("b", &["t"]);
    world.beat("a").unwrap();
    let (member_epoch, _) = world.clients["a"];
    for _ in 0..4 {
        world.pass_ms(15_000);
        let stubborn = HeartbeatRequest {
            member_id: "a".to_owned(),
            member_epoch,
            rebalance_timeout_ms: -1,
            ..HeartbeatRequest::default()
        };
        let _ = world.with(|group, turn| group.heartbeat(turn, &stubborn));
        let _ = world.beat("b");
    }
    assert_eq!(world.beat("a").unwrap_err().code, ErrorCode::UNKNOWN_MEMBER_ID);
    world.clients.remove("a");
    world.settle();
    assert_eq!(world.loads(), [4]);
}

#[test]
fn a_static_member_that_returns_takes_its_place() {
    let mut world = World::new(&[("t", 2)]);
    let mut request = World::request("old", &["t"]);
    request.instance_id = Some("i".to_owned());
    world.send(&request).unwrap();
    let mut double = request.clone();
    double.member_id = "new".to_owned();
    assert_eq!(world.send(&double).unwrap_err().code, ErrorCode::UNRELEASED_INSTANCE_ID);
    let epoch = world.group.epoch();

    request.member_epoch = LEAVE_STATIC_EPOCH;
    assert_eq!(world.send(&request).unwrap().member_epoch, LEAVE_STATIC_EPOCH);
    world.clients.clear();
    world.send(&double).unwrap();
    assert_eq!((world.loads(), world.group.epoch()), (vec![2], epoch), "no rebalance");
    request.member_epoch = 2;
    assert_eq!(world.send(&request).unwrap_err().code, ErrorCode::FENCED_INSTANCE_ID);
}

#[test]
fn epochs_that_do_not_fit_are_fenced() {
    let mut world = World::new(&[("t", 2)]);
    world.join("a", &["t"]);
    let mut request = World::request("a", &["t"]);
    request.member_epoch = 9;
    let error = world.send(&request).unwrap_err();
    assert_eq!(error.code, ErrorCode::FENCED_MEMBER_EPOCH);
    assert!(
        error
            .message
            .contains("greater member epoch (9) than the one known by the group coordinator (2)")
    );
    request.member_epoch = 1;
    assert_eq!(world.send(&request).unwrap_err().code, ErrorCode::FENCED_MEMBER_EPOCH);
    request.member_id = "stranger".to_owned();
    assert_eq!(world.send(&request).unwrap_err().code, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_lost_answer_can_be_asked_for_again() {
    let mut world = World::new(&[("t", 2)]);
    world.join("a", &["t"]);
    world.join("b", &["t"]);
    let before = world.clients["a"].clone();
    world.beat("a").unwrap();
    world.beat("a").unwrap();
    assert_eq!(world.clients["a"].0, 3);
    // The client never saw epoch 3, and has given back what it was asked to.
    let given_back = world.clients["a"].1.clone();
    world.clients.insert("a".to_owned(), (before.0, given_back));
    assert_eq!(world.beat("a").unwrap().member_epoch, 3);
}

#[test]
fn requests_that_make_no_sense_are_refused_with_kafkas_words() {
    let text = |change: fn(&mut HeartbeatRequest)| {
        let mut request = World::request("a", &["t"]);
        change(&mut request);
        let error = request.validate("g", true).unwrap_err();
        (error.code, error.message)
    };
    let invalid = |message: &str| (ErrorCode::INVALID_REQUEST, message.to_owned());
    assert_eq!(text(|r| r.member_id.clear()), invalid("MemberId can't be empty."));
    assert_eq!(
        text(|r| r.rebalance_timeout_ms = -1),
        invalid("RebalanceTimeoutMs must be provided in first request.")
    );
    assert_eq!(
        text(|r| r.owned = None),
        invalid("TopicPartitions must be empty when (re-)joining.")
    );
    assert_eq!(text(|r| r.member_epoch = -3), invalid("MemberEpoch is invalid."));
    assert_eq!(text(|r| r.member_epoch = -2), invalid("InstanceId can't be null."));
    assert_eq!(
        text(|r| r.server_assignor = Some("best".to_owned())),
        (
            ErrorCode::UNSUPPORTED_ASSIGNOR,
            "ServerAssignor best is not supported. Supported assignors: uniform, range.".to_owned()
        )
    );
}

#[test]
fn commits_are_for_members_at_their_epoch_and_for_partitions_they_still_have() {
    let mut world = World::new(&[("t", 4)]);
    world.join("a", &["t"]);
    world.join("b", &["t"]);
    world.settle();
    let id = Uuid::from_u128(1);
    let commit = |member_id: &str, epoch, partition| {
        world
            .group
            .validate_offset_commit(member_id, epoch, 9, std::iter::once((id, partition)))
    };
    assert_eq!(commit("a", 3, 0), Ok(()));
    assert_eq!(commit("a", 2, 0), Ok(()), "it had 0 at epoch 2 already");
    assert_eq!(commit("a", 2, 3), Err(ErrorCode::STALE_MEMBER_EPOCH));
    assert_eq!(commit("b", 2, 3), Err(ErrorCode::STALE_MEMBER_EPOCH));
    assert_eq!(commit("a", 4, 0), Err(ErrorCode::STALE_MEMBER_EPOCH));
    assert_eq!(commit("x", 3, 0), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(commit("", -1, 0), Err(ErrorCode::UNKNOWN_MEMBER_ID));
}
