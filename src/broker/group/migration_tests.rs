//! A classic group that becomes a consumer group while its members work, and back.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use uuid::Uuid;

use super::classic::{JoinRequest, Protocol, SyncRequest};
use super::config::GroupCoordinatorConfig;
use super::consumer::{Assignment, ClusterView, HeartbeatAnswer, HeartbeatRequest};
use super::coordinator_tests::join_request;
use super::records::Record;
use super::shard::{Group, Shard};
use super::subscription::{NamedPartitions, assignment, encode_assignment};
use super::turn::{Reply, Turn};
use crate::wire::error::ErrorCode;

const TOPIC: Uuid = Uuid::from_u128(7);
const PARTITIONS: i32 = 4;

#[derive(Debug)]
struct OneTopic;

impl ClusterView for OneTopic {
    fn topic(&self, name: &str) -> Option<(Uuid, i32)> {
        (name == "t").then_some((TOPIC, PARTITIONS))
    }

    fn names(&self) -> Vec<String> {
        vec!["t".to_owned()]
    }

    fn group_setting(&self, _: &str, _: &str) -> Option<i32> {
        None
    }
}

/// The coordinator's part, a clock, and what was written.
#[derive(Default)]
struct World {
    shard: Shard,
    config: GroupCoordinatorConfig,
    now_ms: i64,
    records: Vec<Record>,
    replies: Vec<Reply>,
    /// What members have by what they were told.
    has: BTreeMap<String, BTreeSet<i32>>,
}

/// A subscription to `t` in version 1, with what the member still has.
fn subscription(owned: &[i32]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_slice(b"\x00\x01\x00\x00\x00\x01\x00\x01t\xff\xff\xff\xff");
    bytes.put_i32(1);
    bytes.put_slice(b"\x00\x01t");
    bytes.put_i32(owned.len() as i32);
    owned.iter().for_each(|partition| bytes.put_i32(*partition));
    bytes.freeze()
}

fn of_topic(partitions: &NamedPartitions) -> BTreeSet<i32> {
    partitions.get("t").into_iter().flatten().copied().collect()
}

impl World {
    fn with<T>(&mut self, event: impl FnOnce(&mut Shard, &mut Turn<'_>) -> T) -> T {
        let mut turn = Turn::new(self.now_ms, &self.config, &OneTopic);
        let result = event(&mut self.shard, &mut turn);
        self.records.extend(turn.records);
        self.replies.extend(turn.replies.into_iter().map(|(_, reply)| reply));
        result
    }

    fn join(&mut self, member_id: &str, owned: &[i32]) -> JoinGroupResponse {
        self.join_as(member_id, None, owned)
    }

    fn join_as(&mut self, member_id: &str, instance_id: Option<&str>, owned: &[i32]) -> JoinGroupResponse {
        let request = JoinRequest {
            reply: 1,
            instance_id: instance_id.map(str::to_owned),
            protocols: vec![Protocol {
                name: "range".to_owned(),
                metadata: subscription(owned),
            }],
            requires_known_member_id: true,
            supports_skipping_assignment: true,
            ..join_request(member_id)
        };
        self.with(|shard, turn| shard.join(turn, "g", request));
        match self.replies.pop() {
            Some(Reply::Join(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn sync(&mut self, member_id: &str, generation_id: i32, assigned: Option<&[i32]>) -> SyncGroupResponse {
        let assigned = assigned.map(|partitions| {
            let partitions = NamedPartitions::from([("t".to_owned(), partitions.to_vec())]);
            (member_id.to_owned(), encode_assignment(1, &partitions))
        });
        let request = SyncRequest {
            reply: 2,
            member_id: member_id.to_owned(),
            generation_id,
            assignments: assigned.into_iter().collect(),
            ..SyncRequest::default()
        };
        self.with(|shard, turn| shard.sync(turn, "g", request));
        match self.replies.pop() {
            Some(Reply::Sync(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn heartbeat(&mut self, member_id: &str, generation_id: i32) -> Result<(), ErrorCode> {
        self.with(|shard, turn| shard.heartbeat(turn, "g", (member_id, None), generation_id))
    }

    /// Joins again, having what is said, and takes what SyncGroup gives; the generation.
    fn rejoin(&mut self, member_id: &str, owned: &[i32]) -> i32 {
        self.has.insert(member_id.to_owned(), owned.iter().copied().collect());
        let joined = self.join(member_id, owned);
        assert_eq!(joined.error_code, 0);
        assert_ne!(&*joined.leader, member_id, "the broker assigns");
        let synced = self.sync(member_id, joined.generation_id, None);
        assert_eq!(synced.error_code, 0);
        let given = of_topic(&assignment(&synced.assignment).unwrap());
        self.has.insert(member_id.to_owned(), given);
        self.check_owners();
        joined.generation_id
    }

    /// A heartbeat of the consumer protocol; at epoch 0 the member joins.
    fn beat(&mut self, member_id: &str, member_epoch: i32) -> HeartbeatAnswer {
        self.beat_as(member_id, None, member_epoch)
    }

    fn beat_as(&mut self, member_id: &str, instance_id: Option<&str>, member_epoch: i32) -> HeartbeatAnswer {
        let owned: BTreeSet<i32> = self.has.get(member_id).cloned().unwrap_or_default();
        let owned = if owned.is_empty() {
            Assignment::new()
        } else {
            Assignment::from([(TOPIC, owned)])
        };
        let request = HeartbeatRequest {
            member_id: member_id.to_owned(),
            member_epoch,
            instance_id: instance_id.map(str::to_owned),
            rebalance_timeout_ms: if member_epoch == 0 { 60_000 } else { -1 },
            subscribed_topic_names: (member_epoch == 0).then(|| vec!["t".to_owned()]),
            owned: Some(owned),
            client_id: "c".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            ..HeartbeatRequest::default()
        };
        let answer = self.with(|shard, turn| shard.consumer_heartbeat(turn, "g", &request));
        let answer = answer.expect("a member");
        if let Some(assigned) = &answer.assignment {
            let assigned = assigned.get(&TOPIC).cloned().unwrap_or_default();
            self.has.insert(member_id.to_owned(), assigned);
            self.check_owners();
        }
        answer
    }

    fn check_owners(&self) {
        let all: Vec<i32> = self.has.values().flatten().copied().collect();
        let once: BTreeSet<i32> = all.iter().copied().collect();
        assert_eq!(all.len(), once.len(), "a partition has two owners: {:?}", self.has);
    }

    /// A classic group with one member that has everything.
    fn classic() -> (Self, String, i32) {
        let mut world = World::default();
        let member = world.join("", &[]).member_id.to_string();
        let joined = world.join(&member, &[]);
        let all: Vec<i32> = (0..PARTITIONS).collect();
        let synced = world.sync(&member, joined.generation_id, Some(&all));
        assert_eq!(synced.error_code, 0);
        world.has.insert(member.clone(), all.into_iter().collect());
        assert_eq!(world.heartbeat(&member, joined.generation_id), Ok(()));
        (world, member, joined.generation_id)
    }

    /// A classic and a consumer member, each with two partitions; the classic one's id and generation, the other's epoch.
    fn mixed() -> (Self, String, i32, i32) {
        let (mut world, old, _) = Self::classic();
        let new = world.beat("new", 0);
        let generation = world.rejoin(&old, &[]);
        let new = world.beat("new", new.member_epoch);
        assert_eq!([world.has[&old].len(), world.has["new"].len()], [2, 2]);
        (world, old, generation, new.member_epoch)
    }

    /// As the log alone has it.
    fn reloaded(&self) -> Self {
        let mut again = Self {
            now_ms: self.now_ms,
            ..Self::default()
        };
        for record in &self.records {
            let (key, value) = record.encode();
            let record = Record::decode(&key, value.as_deref())
                .expect("our own")
                .expect("one that is kept");
            again.shard.replay(record);
        }
        again.with(|shard, turn| shard.on_loaded(turn));
        again
    }

    /// Takes what SyncGroup says after a join of the only member, which is the leader.
    fn lead_alone(&mut self, member_id: &str) {
        let joined = self.join(member_id, &[]);
        assert_eq!((joined.error_code, &*joined.leader), (0, member_id));
        let all: Vec<i32> = (0..PARTITIONS).collect();
        assert_eq!(self.sync(member_id, joined.generation_id, Some(&all)).error_code, 0);
        assert_eq!(self.heartbeat(member_id, joined.generation_id), Ok(()));
    }

    fn group_type(&self) -> &'static str {
        self.shard.group("g").map_or("none", Group::type_name)
    }
}

#[test]
fn an_eager_member_shares_with_a_new_one_and_leaves_it_everything() {
    let (mut world, old, generation) = World::classic();
    let new = world.beat("new", 0);
    assert_eq!(world.group_type(), "consumer");
    assert!(world.has["new"].is_empty(), "all of it is still the old member's");
    assert_eq!(world.heartbeat(&old, generation), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    assert_eq!(
        world.sync(&old, generation, None).error_code,
        ErrorCode::REBALANCE_IN_PROGRESS.code()
    );
    let generation = world.rejoin(&old, &[]);
    assert_eq!(world.has[&old].len(), 2);
    assert_eq!(world.heartbeat(&old, generation), Ok(()));
    let new = world.beat("new", new.member_epoch);
    assert_eq!(world.has["new"].len(), 2);
    assert_eq!(
        world.heartbeat(&old, generation - 1),
        Err(ErrorCode::ILLEGAL_GENERATION)
    );
    let gone = world.with(|shard, turn| shard.leave(turn, "g", &[(old.clone(), None)]));
    assert_eq!(gone, [Ok(())]);
    world.has.remove(&old);
    world.beat("new", new.member_epoch);
    assert_eq!(world.has["new"].len(), 4);
}

#[test]
fn a_cooperative_member_keeps_what_it_may_and_gives_back_the_rest() {
    let (mut world, old, generation) = World::classic();
    let new = world.beat("new", 0);
    assert_eq!(world.heartbeat(&old, generation), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    // It has all four when it joins; what SyncGroup does not give it, it gives back and joins again.
    let generation = world.rejoin(&old, &[0, 1, 2, 3]);
    assert_eq!(world.has[&old].len(), 2);
    assert_eq!(
        world.heartbeat(&old, generation),
        Err(ErrorCode::REBALANCE_IN_PROGRESS),
        "it has not said that it gave two back"
    );
    let new = world.beat("new", new.member_epoch);
    assert!(world.has["new"].is_empty());
    let kept: Vec<i32> = world.has[&old].iter().copied().collect();
    let generation = world.rejoin(&old, &kept);
    assert_eq!(world.has[&old].len(), 2);
    assert_eq!(world.heartbeat(&old, generation), Ok(()));
    world.beat("new", new.member_epoch);
    assert_eq!(world.has["new"].len(), 2);
}

#[test]
fn more_classic_members_may_come_and_silent_ones_go() {
    let (mut world, old, _) = World::classic();
    world.beat("new", 0);
    world.rejoin(&old, &[]);
    let another = world.join("", &[]);
    assert_eq!(another.error_code, ErrorCode::MEMBER_ID_REQUIRED.code());
    let another = another.member_id.to_string();
    let generation = world.rejoin(&another, &[]);
    assert_eq!(world.heartbeat(&another, generation), Ok(()));
    world.now_ms += 10_001;
    world.with(|shard, turn| shard.on_time(turn, "g"));
    assert_eq!(world.heartbeat(&another, generation), Err(ErrorCode::UNKNOWN_MEMBER_ID));
}

#[test]
fn the_log_alone_makes_the_same_group() {
    let (mut world, old, _) = World::classic();
    world.beat("new", 0);
    let generation = world.rejoin(&old, &[]);
    let mut again = world.reloaded();
    assert_eq!(again.group_type(), "consumer");
    assert_eq!(again.heartbeat(&old, generation), Ok(()));
    assert_eq!(again.sync(&old, generation, None), world.sync(&old, generation, None));
}

#[test]
fn a_policy_against_it_leaves_the_group_classic() {
    let (mut world, old, generation) = World::classic();
    world.config.consumer_upgrade = false;
    let request = HeartbeatRequest {
        member_id: "new".to_owned(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        owned: Some(Assignment::new()),
        ..HeartbeatRequest::default()
    };
    let refused = world.with(|shard, turn| shard.consumer_heartbeat(turn, "g", &request));
    assert_eq!(refused.map_err(|e| e.code), Err(ErrorCode::GROUP_ID_NOT_FOUND));
    assert_eq!(world.group_type(), "classic");
    assert_eq!(world.heartbeat(&old, generation), Ok(()));
}

#[test]
fn the_group_is_classic_again_when_its_last_consumer_leaves() {
    let (mut world, old, generation, _) = World::mixed();
    let before = world.records.len();
    world.beat("new", -1);
    assert_eq!(world.group_type(), "classic");
    assert_eq!(world.heartbeat(&old, generation), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    let written = &world.records[before..];
    assert!(
        written[..written.len() - 1]
            .iter()
            .all(|record| record.encode().1.is_none())
    );
    let Some(Record::GroupMetadata { value: Some(value), .. }) = written.last() else {
        panic!("{written:?}");
    };
    assert_eq!(
        (value.generation, value.protocol.as_deref()),
        (generation, Some("range"))
    );
    let assigned = assignment(&value.members[0].assignment).unwrap();
    assert_eq!(of_topic(&assigned), world.has[&old]);
    let mut again = world.reloaded();
    assert_eq!(again.group_type(), "classic");
    assert_eq!(
        again.heartbeat(&old, generation),
        Ok(()),
        "a rebalance does not outlive a restart"
    );
    world.lead_alone(&old);
}

#[test]
fn the_group_is_classic_again_when_its_last_consumer_is_silent() {
    let (mut world, old, generation, _) = World::mixed();
    for _ in 0..5 {
        world.now_ms += 9_000;
        assert_eq!(world.group_type(), "consumer");
        assert_eq!(world.heartbeat(&old, generation), Ok(()));
        world.with(|shard, turn| shard.on_time(turn, "g"));
    }
    assert_eq!(world.group_type(), "classic");
    assert_eq!(world.heartbeat(&old, generation), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    world.lead_alone(&old);
}

#[test]
fn an_administrator_may_take_out_the_last_consumer() {
    let (mut world, old, ..) = World::mixed();
    let gone = world.with(|shard, turn| shard.leave(turn, "g", &[("new".to_owned(), None)]));
    assert_eq!(gone, [Ok(())]);
    assert_eq!(world.group_type(), "classic");
    world.lead_alone(&old);
}

#[test]
fn the_group_stays_when_nobody_is_left_or_the_policy_is_against_it() {
    let (mut world, old, ..) = World::mixed();
    let gone = world.with(|shard, turn| shard.leave(turn, "g", &[(old, None), ("new".to_owned(), None)]));
    assert_eq!(gone, [Ok(()), Ok(())]);
    assert_eq!(world.group_type(), "consumer");

    let (mut world, old, generation, _) = World::mixed();
    world.config.consumer_downgrade = false;
    world.beat("new", -1);
    assert_eq!(world.group_type(), "consumer");
    world.has.remove("new");
    assert_eq!(world.heartbeat(&old, generation), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    world.rejoin(&old, &[]);
    assert_eq!(world.has[&old].len(), 4);
}

#[test]
fn a_static_consumer_that_returns_as_classic_keeps_what_it_had() {
    let (mut world, old, _) = World::classic();
    let new = world.beat_as("new", Some("i"), 0);
    let generation = world.rejoin(&old, &[]);
    let new = world.beat_as("new", Some("i"), new.member_epoch);
    let had = world.has.remove("new").expect("it was given something");
    world.beat_as("new", Some("i"), -2);
    assert_eq!((new.member_epoch, world.group_type()), (generation, "consumer"));

    let back = world.join_as("", Some("i"), &[]);
    assert_eq!((back.error_code, back.generation_id), (0, generation));
    assert_eq!(world.group_type(), "classic");
    assert_eq!(world.heartbeat(&old, generation), Ok(()), "nobody has to rebalance");
    let synced = world.sync(&back.member_id, generation, None);
    assert_eq!(of_topic(&assignment(&synced.assignment).unwrap()), had);
    let mut again = world.reloaded();
    assert_eq!(again.group_type(), "classic");
    assert_eq!(again.sync(&back.member_id, generation, None), synced);
}
