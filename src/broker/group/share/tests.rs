//! The life of a share group, heartbeat by heartbeat.

use std::collections::HashMap as Map;

use super::records::ShareCurrentAssignment;
use super::*;
use crate::broker::group::GroupError;
use crate::broker::group::config::GroupCoordinatorConfig;
use crate::broker::group::consumer::ClusterView;
use crate::broker::group::shard::{Group, Shard};
use crate::wire::error::ErrorCode;

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
        (name == "share.session.timeout.ms").then_some(9_000)
    }
}

const TOPIC: Uuid = Uuid::from_u128(1);

/// A group, the cluster's topics, and a clock.
struct World {
    group: ShareGroup,
    topics: SomeTopics,
    now_ms: i64,
    records: Vec<Record>,
}

impl World {
    fn new(partitions: i32) -> Self {
        Self {
            group: ShareGroup::new("g"),
            topics: SomeTopics([("t".to_owned(), (TOPIC, partitions))].into()),
            now_ms: 0,
            records: Vec::new(),
        }
    }

    fn with<T>(&mut self, event: impl FnOnce(&mut ShareGroup, &mut Turn<'_>) -> T) -> T {
        let config = GroupCoordinatorConfig {
            share_max_size: 2,
            ..GroupCoordinatorConfig::default()
        };
        let mut turn = Turn::new(self.now_ms, &config, &self.topics);
        let result = event(&mut self.group, &mut turn);
        self.records.extend(turn.records);
        result
    }

    fn heartbeat(&mut self, member_id: &str, member_epoch: i32) -> Result<ShareHeartbeatAnswer, GroupError> {
        let request = ShareHeartbeat {
            member_id: member_id.to_owned(),
            member_epoch,
            subscribed_topic_names: (member_epoch == 0).then(|| vec!["t".to_owned()]),
            client_id: "c".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            ..ShareHeartbeat::default()
        };
        request.validate("g")?;
        self.with(|group, turn| group.heartbeat(turn, &request))
    }

    /// Joins, and has the states begun that this calls for.
    fn join(&mut self, member_id: &str) -> ShareHeartbeatAnswer {
        let answer = self.heartbeat(member_id, 0).unwrap();
        self.begin(&answer);
        self.heartbeat(member_id, 0).unwrap()
    }

    fn begin(&mut self, answer: &ShareHeartbeatAnswer) {
        if !answer.to_initialize.is_empty() {
            self.with(|group, turn| group.initialized(turn, &answer.to_initialize));
        }
    }
}

fn partitions(answer: &ShareHeartbeatAnswer) -> Option<Vec<i32>> {
    let assignment = answer.assignment.as_ref()?;
    Some(assignment.get(&TOPIC).into_iter().flatten().copied().collect())
}

#[test]
fn a_partition_is_assigned_once_its_state_was_begun() {
    let mut world = World::new(2);
    let first = world.heartbeat("a", 0).unwrap();
    assert_eq!((first.member_epoch, partitions(&first)), (2, Some(vec![])));
    assert_eq!(first.to_initialize[&TOPIC].1, [0, 1].into());
    // It is being begun: nobody else begins it.
    assert!(world.heartbeat("a", 2).unwrap().to_initialize.is_empty());
    world.begin(&first);
    let second = world.heartbeat("a", 2).unwrap();
    assert_eq!((second.member_epoch, partitions(&second)), (3, Some(vec![0, 1])));
    let third = world.heartbeat("a", 3).unwrap();
    assert_eq!((third.member_epoch, partitions(&third)), (3, None));
    assert_eq!(world.group.state_name(), "Stable");
}

#[test]
fn what_could_not_be_begun_is_tried_again() {
    let mut world = World::new(1);
    let first = world.heartbeat("a", 0).unwrap();
    world.group.not_in_progress(&first.to_initialize);
    assert_eq!(world.heartbeat("a", 2).unwrap().to_initialize, first.to_initialize);
}

#[test]
fn new_partitions_are_begun_and_assigned() {
    let mut world = World::new(1);
    world.join("a");
    world.topics.0.insert("t".to_owned(), (TOPIC, 3));
    let epoch = world.group.epoch();
    let more = world.heartbeat("a", epoch).unwrap();
    assert_eq!(more.to_initialize[&TOPIC].1, [1, 2].into());
    world.begin(&more);
    let answer = world.heartbeat("a", more.member_epoch).unwrap();
    assert_eq!(partitions(&answer), Some(vec![0, 1, 2]));
}

#[test]
fn members_share_a_partition() {
    let mut world = World::new(1);
    assert_eq!(partitions(&world.join("a")), Some(vec![0]));
    assert_eq!(partitions(&world.join("b")), Some(vec![0]));
    let full = world.heartbeat("c", 0).unwrap_err();
    assert_eq!(full.code, ErrorCode::GROUP_MAX_SIZE_REACHED);
    assert_eq!(world.heartbeat("a", -1).unwrap().member_epoch, -1);
    assert_eq!(world.heartbeat("a", 3).unwrap_err().code, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_member_is_at_its_epoch_or_the_one_before() {
    let mut world = World::new(1);
    let epoch = world.join("a").member_epoch;
    for wrong in [epoch + 1, epoch - 2] {
        let fenced = world.heartbeat("a", wrong).unwrap_err();
        assert_eq!(fenced.code, ErrorCode::FENCED_MEMBER_EPOCH, "{wrong}");
    }
    assert!(world.heartbeat("a", epoch - 1).is_ok());
}

#[test]
fn requests_that_say_nothing_are_refused() {
    let ok = ShareHeartbeat {
        member_id: "m".to_owned(),
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        ..ShareHeartbeat::default()
    };
    assert_eq!(ok.validate("g"), Ok(()));
    let bad: [&dyn Fn(&mut ShareHeartbeat); 4] = [
        &|request| request.member_id.clear(),
        &|request| request.rack_id = Some(String::new()),
        &|request| request.member_epoch = -2,
        &|request| request.subscribed_topic_names = Some(Vec::new()),
    ];
    for spoil in bad {
        let mut request = ok.clone();
        spoil(&mut request);
        assert_eq!(request.validate("g").unwrap_err().code, ErrorCode::INVALID_REQUEST);
    }
    assert!(ok.validate(" ").is_err());
}

#[test]
fn a_silent_member_is_taken_out() {
    let mut world = World::new(1);
    world.join("a");
    world.now_ms = 5_000;
    world.join("b");
    assert_eq!(world.group.next_deadline_ms(), Some(9_000));
    world.now_ms = 9_000;
    world.with(|group, turn| group.on_time(turn));
    assert_eq!(world.group.next_deadline_ms(), Some(14_000));
    world.now_ms = 14_000;
    world.with(|group, turn| group.on_time(turn));
    assert_eq!(world.group.state_name(), "Empty");
}

#[test]
fn administrators_wait_until_the_group_is_empty() {
    let mut world = World::new(2);
    world.join("a");
    let all = world.group.known_partitions();
    let topics: HashSet<Uuid> = [TOPIC].into();
    let altered = world.with(|group, turn| group.alter_offsets(turn, &all));
    assert_eq!(altered, Err(ErrorCode::NON_EMPTY_GROUP));
    let deleted = world.with(|group, turn| group.begin_deletion(turn, &topics));
    assert_eq!(deleted, Err(ErrorCode::NON_EMPTY_GROUP));
    world.heartbeat("a", -1).unwrap();
    let epoch = world.group.epoch();
    assert_eq!(world.with(|group, turn| group.alter_offsets(turn, &all)), Ok(epoch + 1));
    let doomed = world.with(|group, turn| group.begin_deletion(turn, &topics)).unwrap();
    assert_eq!(doomed, all);
    world.with(|group, turn| group.end_deletion(turn, &topics));
    assert!(world.group.known_partitions().is_empty());
    // The next member has them begun anew.
    assert_eq!(world.heartbeat("b", 0).unwrap().to_initialize, all);
}

/// A shard that replays the records has the same group.
#[test]
fn the_log_is_enough() {
    let mut world = World::new(2);
    world.join("a");
    world.join("b");
    world.heartbeat("b", -1).unwrap();
    let mut shard = Shard::default();
    for record in &world.records {
        let (key, value) = record.encode();
        let decoded = Record::decode(&key, value.as_deref()).unwrap().unwrap();
        assert_eq!(&decoded, record);
        shard.replay(decoded);
        if let Some(value) = value {
            for end in 0..value.len() {
                assert!(Record::decode(&key, Some(&value[..end])).is_err() || end + 1 == value.len());
            }
        }
    }
    let Some(Group::Share(group)) = shard.group("g") else {
        panic!("no share group")
    };
    assert_eq!(
        (group.epoch(), group.target_epoch()),
        (world.group.epoch(), world.group.target_epoch())
    );
    assert_eq!(group.initialized_partitions(), world.group.initialized_partitions());
    let members = |group: &ShareGroup| -> Vec<(String, i32, Assignment)> {
        let shown = |(id, m): (&String, &ShareMember)| (id.clone(), m.member_epoch, m.assigned.clone());
        group.members().map(shown).collect()
    };
    assert_eq!(members(group), members(&world.group));
    for record in world.group.tombstones() {
        shard.replay(record);
    }
    assert!(shard.group("g").is_none());
}

/// Bytes that Kafka 4.3.1 itself wrote.
#[test]
fn the_records_are_what_kafka_writes() {
    let record = Record::Share {
        group_id: "sg1".to_owned(),
        record: ShareRecord::CurrentAssignment {
            member_id: "m".to_owned(),
            value: Some(ShareCurrentAssignment {
                member_epoch: 2,
                previous_member_epoch: 0,
                assigned: Vec::new(),
            }),
        },
    };
    let (key, value) = record.encode();
    assert_eq!(&key[..], b"\x00\x0e\x00\x03sg1\x00\x01m");
    assert_eq!(
        value.unwrap(),
        &b"\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x01\x00"[..]
    );
}
