//! The life of a classic group, event by event.

use bytes::Bytes;
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};

use super::*;
use crate::broker::group::config::GroupCoordinatorConfig;
use crate::broker::group::consumer::EmptyCluster;
use crate::broker::group::turn::{Reply, ReplyId};

/// A group and the world around it: a clock, and the answers and records that came out.
struct World {
    group: ClassicGroup,
    config: GroupCoordinatorConfig,
    now_ms: i64,
    last_reply: ReplyId,
    replies: HashMap<ReplyId, Reply>,
    records: Vec<Record>,
}

impl World {
    fn new() -> Self {
        Self {
            group: ClassicGroup::new("g", 0),
            config: GroupCoordinatorConfig::default(),
            now_ms: 0,
            last_reply: 0,
            replies: HashMap::new(),
            records: Vec::new(),
        }
    }

    fn with<T>(&mut self, event: impl FnOnce(&mut ClassicGroup, &mut Turn<'_>) -> T) -> T {
        let mut turn = Turn::new(self.now_ms, &self.config, &EmptyCluster);
        let result = event(&mut self.group, &mut turn);
        self.replies.extend(turn.replies);
        self.records.extend(turn.records);
        result
    }

    fn request(member_id: &str) -> JoinRequest {
        JoinRequest {
            reply: 0,
            member_id: member_id.to_owned(),
            instance_id: None,
            client_id: "c".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 60_000,
            protocol_type: CONSUMER_PROTOCOL_TYPE.to_owned(),
            protocols: vec![protocol("range", "t")],
            requires_known_member_id: true,
            supports_skipping_assignment: true,
        }
    }

    fn join_with(&mut self, mut request: JoinRequest) -> ReplyId {
        self.last_reply += 1;
        request.reply = self.last_reply;
        self.with(|group, turn| group.join(turn, request));
        self.last_reply
    }

    fn join(&mut self, member_id: &str) -> ReplyId {
        self.join_with(Self::request(member_id))
    }

    fn sync(&mut self, member_id: &str, assignments: &[(&str, &'static str)]) -> ReplyId {
        self.last_reply += 1;
        let request = SyncRequest {
            reply: self.last_reply,
            member_id: member_id.to_owned(),
            generation_id: self.group.generation_id,
            assignments: assignments
                .iter()
                .map(|(id, bytes)| ((*id).to_owned(), Bytes::from(*bytes)))
                .collect(),
            ..SyncRequest::default()
        };
        self.with(|group, turn| group.sync(turn, request));
        self.last_reply
    }

    fn heartbeat(&mut self, member_id: &str) -> Result<(), ErrorCode> {
        let generation_id = self.group.generation_id;
        self.with(|group, turn| group.heartbeat(turn, member_id, None, generation_id))
    }

    fn leave(&mut self, member_id: &str, instance_id: Option<&str>) -> Result<(), ErrorCode> {
        let members = [(member_id.to_owned(), instance_id.map(str::to_owned))];
        self.with(|group, turn| group.leave(turn, &members)).remove(0)
    }

    fn pass_ms(&mut self, time_ms: i64) {
        self.now_ms += time_ms;
        self.with(|group, turn| group.on_time(turn));
    }

    fn joined(&mut self, id: ReplyId) -> JoinGroupResponse {
        match self.replies.remove(&id) {
            Some(Reply::Join(response)) => response,
            other => panic!("no JoinGroup answer to {id}, but {other:?}"),
        }
    }

    fn synced(&mut self, id: ReplyId) -> SyncGroupResponse {
        match self.replies.remove(&id) {
            Some(Reply::Sync(response)) => response,
            other => panic!("no SyncGroup answer to {id}, but {other:?}"),
        }
    }

    fn waits(&self, id: ReplyId) -> bool {
        !self.replies.contains_key(&id)
    }

    /// A dynamic member's way in: an id first, then the join itself.
    fn enter(&mut self) -> (String, ReplyId) {
        let id = self.join("");
        let response = self.joined(id);
        assert_eq!(error(response.error_code), ErrorCode::MEMBER_ID_REQUIRED);
        let member_id = response.member_id.to_string();
        let reply = self.join(&member_id);
        (member_id, reply)
    }

    /// A stable group of two, the leader first.
    fn stable_pair() -> (Self, String, String) {
        let mut world = Self::new();
        let (leader, reply) = world.enter();
        world.joined(reply);
        let (follower, follower_reply) = world.enter();
        let leader_reply = world.join(&leader);
        world.joined(leader_reply);
        world.joined(follower_reply);
        world.sync(&leader, &[(&leader, "a"), (&follower, "b")]);
        world.sync(&follower, &[]);
        world.replies.clear();
        world.records.clear();
        assert_eq!(world.group.state(), State::Stable);
        (world, leader, follower)
    }
}

fn protocol(name: &str, topic: &str) -> Protocol {
    let mut metadata = vec![0, 0, 0, 0, 0, 1, 0, topic.len() as u8];
    metadata.extend_from_slice(topic.as_bytes());
    Protocol {
        name: name.to_owned(),
        metadata: metadata.into(),
    }
}

fn error(code: i16) -> ErrorCode {
    ErrorCode::from(code)
}

fn last_record(world: &World) -> &GroupMetadataValue {
    match world.records.last() {
        Some(Record::GroupMetadata { value: Some(value), .. }) => value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lone_member_becomes_leader_of_generation_1_and_is_stable_after_its_sync() {
    let mut world = World::new();
    let (member_id, reply) = world.enter();
    assert!(member_id.starts_with("c-"));
    let response = world.joined(reply);
    assert_eq!(
        (error(response.error_code), response.generation_id),
        (ErrorCode::NONE, 1)
    );
    assert_eq!(response.leader.as_str(), member_id);
    assert_eq!(response.protocol_name.as_deref(), Some("range"));
    assert_eq!(response.members.len(), 1);
    assert_eq!(world.group.state(), State::CompletingRebalance);
    assert!(
        world.records.is_empty(),
        "nothing is kept before there is an assignment"
    );

    let reply = world.sync(&member_id, &[(&member_id, "all")]);
    let response = world.synced(reply);
    assert_eq!(
        (error(response.error_code), &response.assignment[..]),
        (ErrorCode::NONE, &b"all"[..])
    );
    assert_eq!(world.group.state(), State::Stable);
    let record = last_record(&world);
    assert_eq!(
        (record.generation, record.leader.as_deref()),
        (1, Some(member_id.as_str()))
    );
    assert_eq!(&record.members[0].assignment[..], b"all");
    assert!(world.group.is_subscribed_to("t"));
    assert!(!world.group.is_subscribed_to("other"));
}

#[test]
fn a_second_member_waits_until_the_first_has_rejoined() {
    let mut world = World::new();
    let (first, reply) = world.enter();
    world.joined(reply);
    world.sync(&first, &[(&first, "all")]);

    let (second, second_reply) = world.enter();
    assert!(world.waits(second_reply));
    assert_eq!(world.heartbeat(&first), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    let first_reply = world.join(&first);
    let (to_first, to_second) = (world.joined(first_reply), world.joined(second_reply));
    assert_eq!((to_first.generation_id, to_second.generation_id), (2, 2));
    assert_eq!(to_first.members.len(), 2, "the leader is told the members");
    assert!(to_second.members.is_empty());
    assert_eq!(to_second.leader.as_str(), first);

    let second_sync = world.sync(&second, &[]);
    assert!(world.waits(second_sync), "until the leader has assigned");
    world.sync(&first, &[(&first, "a"), (&second, "b")]);
    assert_eq!(&world.synced(second_sync).assignment[..], b"b");
    assert_eq!(world.heartbeat(&second), Ok(()));
}

#[test]
fn the_first_rebalance_waits_for_more_members_as_long_as_they_come() {
    let mut world = World::new();
    world.config.initial_rebalance_delay_ms = 3_000;
    let (_, first) = world.enter();
    assert!(world.waits(first));
    world.pass_ms(2_000);
    let (_, second) = world.enter();
    world.pass_ms(1_500);
    assert!(world.waits(first), "the second member prolonged the wait");
    world.pass_ms(3_000);
    assert_eq!(world.joined(first).generation_id, 1);
    assert_eq!(world.joined(second).generation_id, 1);
}

#[test]
fn a_silent_member_is_out_after_its_session_and_the_rest_rebalance() {
    let (mut world, leader, follower) = World::stable_pair();
    world.pass_ms(9_000);
    assert_eq!(world.heartbeat(&leader), Ok(()));
    assert_eq!(world.group.next_deadline_ms(), Some(10_000));
    world.pass_ms(1_000);
    assert_eq!(world.group.state(), State::PreparingRebalance);
    assert_eq!(world.heartbeat(&follower), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    let reply = world.join(&leader);
    assert_eq!(world.joined(reply).generation_id, 3);
}

#[test]
fn members_that_do_not_rejoin_in_time_are_left_behind() {
    let (mut world, leader, follower) = World::stable_pair();
    let reply = world.join(&leader);
    for _ in 0..12 {
        world.pass_ms(5_000);
        let _ = world.heartbeat(&follower);
    }
    assert_eq!(world.joined(reply).members.len(), 1);
    assert_eq!(world.heartbeat(&follower), Err(ErrorCode::UNKNOWN_MEMBER_ID));
}

#[test]
fn a_follower_takes_over_when_the_leader_leaves() {
    let (mut world, leader, follower) = World::stable_pair();
    assert_eq!(world.leave(&leader, None), Ok(()));
    let reply = world.join(&follower);
    let response = world.joined(reply);
    assert_eq!(response.leader.as_str(), follower);
    assert_eq!(response.members.len(), 1);
}

#[test]
fn a_group_whose_last_member_leaves_is_empty_and_says_so_in_the_log() {
    let (mut world, leader, follower) = World::stable_pair();
    let both = [(leader, None), (follower, None)];
    assert_eq!(world.with(|group, turn| group.leave(turn, &both)), [Ok(()), Ok(())]);
    assert_eq!(world.group.state(), State::Empty);
    let record = last_record(&world);
    assert_eq!((record.generation, record.protocol_type.as_str()), (3, "consumer"));
    assert_eq!(
        (&record.protocol, &record.leader, record.members.len()),
        (&None, &None, 0)
    );
    assert!(!world.group.is_simple());
    assert_eq!(world.group.next_deadline_ms(), None, "no timers are left");
}

#[test]
fn members_that_never_sync_are_removed() {
    let mut world = World::new();
    let (leader, reply) = world.enter();
    world.joined(reply);
    let (silent, _) = world.enter();
    world.join(&leader);
    let leader_sync = world.sync(&leader, &[(&leader, "a"), (&silent, "b")]);
    world.synced(leader_sync);
    for _ in 0..12 {
        world.pass_ms(5_000);
        let _ = world.heartbeat(&leader);
        let _ = world.heartbeat(&silent);
    }
    assert_eq!(world.group.state(), State::PreparingRebalance);
    assert_eq!(world.heartbeat(&silent), Err(ErrorCode::UNKNOWN_MEMBER_ID));
}

#[test]
fn a_member_id_that_nobody_joins_with_lapses() {
    let mut world = World::new();
    let id = world.join("");
    let member_id = world.joined(id).member_id.to_string();
    assert!(world.group.has_pending_members());
    world.pass_ms(10_000);
    assert!(!world.group.has_pending_members());
    let reply = world.join(&member_id);
    assert_eq!(error(world.joined(reply).error_code), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn the_protocol_is_the_one_most_members_prefer_among_those_all_support() {
    let mut world = World::new();
    let mut request = World::request("");
    request.requires_known_member_id = false;
    request.protocols = vec![
        protocol("roundrobin", "t"),
        protocol("range", "t"),
        protocol("sticky", "t"),
    ];
    let reply = world.join_with(request.clone());
    let first = world.joined(reply).member_id.to_string();
    request.protocols = vec![protocol("sticky", "t"), protocol("range", "t")];
    let second = world.join_with(request.clone());
    let third = world.join_with(request);
    let mut again = World::request(&first);
    again.protocols = vec![
        protocol("roundrobin", "t"),
        protocol("range", "t"),
        protocol("sticky", "t"),
    ];
    let reply = world.join_with(again);
    assert_eq!(world.joined(reply).protocol_name.as_deref(), Some("sticky"));
    assert_eq!(world.joined(second).protocol_name.as_deref(), Some("sticky"));
    world.joined(third);

    let mut stranger = World::request("");
    stranger.protocols = vec![protocol("roundrobin", "t")];
    let reply = world.join_with(stranger.clone());
    assert_eq!(
        error(world.joined(reply).error_code),
        ErrorCode::INCONSISTENT_GROUP_PROTOCOL
    );
    stranger.protocol_type = "connect".to_owned();
    stranger.protocols = vec![protocol("sticky", "t")];
    let reply = world.join_with(stranger);
    assert_eq!(
        error(world.joined(reply).error_code),
        ErrorCode::INCONSISTENT_GROUP_PROTOCOL
    );
}

/// A static group of one: member id and the world.
fn static_member(version_skips: bool) -> (World, JoinRequest, String) {
    let mut world = World::new();
    let mut request = World::request("");
    request.instance_id = Some("i1".to_owned());
    request.supports_skipping_assignment = version_skips;
    let reply = world.join_with(request.clone());
    let member_id = world.joined(reply).member_id.to_string();
    assert!(member_id.starts_with("i1-"));
    world.sync(&member_id, &[(&member_id, "mine")]);
    world.records.clear();
    (world, request, member_id)
}

#[test]
fn a_static_member_that_returns_keeps_its_assignment_without_a_rebalance() {
    let (mut world, request, old) = static_member(true);
    let reply = world.join_with(request);
    let response = world.joined(reply);
    let new = response.member_id.to_string();
    assert_ne!(new, old);
    assert_eq!((response.generation_id, response.skip_assignment), (1, true));
    assert_eq!((response.leader.as_str(), response.members.len()), (new.as_str(), 1));
    assert_eq!(last_record(&world).members[0].member_id, new);
    let reply = world.sync(&new, &[]);
    assert_eq!(&world.synced(reply).assignment[..], b"mine");
    let generation_id = world.group.generation_id;
    let fenced = world.with(|group, turn| group.heartbeat(turn, &old, Some("i1"), generation_id));
    assert_eq!(fenced, Err(ErrorCode::FENCED_INSTANCE_ID));
}

#[test]
fn an_older_static_leader_is_kept_from_assigning_by_its_old_id() {
    let (mut world, request, old) = static_member(false);
    let reply = world.join_with(request);
    let response = world.joined(reply);
    assert_eq!(
        (response.leader.as_str(), response.skip_assignment),
        (old.as_str(), false)
    );
    assert!(response.members.is_empty());
}

#[test]
fn a_static_member_that_waits_is_fenced_by_its_double() {
    let mut world = World::new();
    let (leader, reply) = world.enter();
    world.joined(reply);
    let mut request = World::request("");
    request.instance_id = Some("i1".to_owned());
    let original = world.join_with(request.clone());
    world.join(&leader);
    let original_id = world.joined(original).member_id.to_string();
    let waiting = world.sync(&original_id, &[]);
    assert!(world.waits(waiting), "for the leader's assignment");

    let double = world.join_with(request);
    assert_eq!(error(world.synced(waiting).error_code), ErrorCode::FENCED_INSTANCE_ID);
    assert!(
        world.waits(double),
        "the leader may be assigning to the original, so all join again"
    );
    assert_eq!(world.heartbeat(&leader), Err(ErrorCode::REBALANCE_IN_PROGRESS));
}

#[test]
fn administrators_remove_static_members_by_instance_id() {
    let (mut world, _, member_id) = static_member(true);
    assert_eq!(world.leave("", Some("nobody")), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(world.leave("wrong", Some("i1")), Err(ErrorCode::FENCED_INSTANCE_ID));
    assert_eq!(world.leave("", Some("i1")), Ok(()));
    assert_eq!(world.group.state(), State::Empty);
    assert_eq!(world.heartbeat(&member_id), Err(ErrorCode::UNKNOWN_MEMBER_ID));
}

#[test]
fn a_full_group_refuses_new_members_only() {
    let (mut world, leader, follower) = World::stable_pair();
    world.config.max_size = 2;
    let reply = world.join("");
    assert_eq!(error(world.joined(reply).error_code), ErrorCode::GROUP_MAX_SIZE_REACHED);
    assert_eq!(world.heartbeat(&leader), Ok(()));
    let first = world.join(&leader);
    let second = world.join(&follower);
    assert_eq!(error(world.joined(first).error_code), ErrorCode::NONE);
    assert_eq!(error(world.joined(second).error_code), ErrorCode::NONE);
}

#[test]
fn a_follower_that_rejoins_unchanged_gets_the_current_generation() {
    let (mut world, _, follower) = World::stable_pair();
    let reply = world.join(&follower);
    let response = world.joined(reply);
    assert_eq!((response.generation_id, world.group.state()), (2, State::Stable));
    let mut changed = World::request(&follower);
    changed.protocols = vec![protocol("range", "another")];
    let reply = world.join_with(changed);
    assert!(world.waits(reply));
    assert_eq!(world.group.state(), State::PreparingRebalance);
}

#[test]
fn commits_are_for_members_of_this_generation() {
    let (mut world, leader, _) = World::stable_pair();
    let mut commit = |member_id: &str, generation_id| {
        world.with(|group, turn| group.validate_offset_commit(turn, member_id, None, generation_id))
    };
    assert_eq!(commit(&leader, 2), Ok(()));
    assert_eq!(commit(&leader, 1), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(commit("nobody", 2), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(commit("", -1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    world.join(&leader);
    assert_eq!(world.group.state(), State::PreparingRebalance);
    let old_generation = world.with(|group, turn| group.validate_offset_commit(turn, &leader, None, 2));
    assert_eq!(
        old_generation,
        Ok(()),
        "what was consumed may be committed before the rebalance"
    );
}

#[test]
fn a_commit_between_join_and_sync_is_put_off() {
    let mut world = World::new();
    let (member_id, reply) = world.enter();
    world.joined(reply);
    let result = world.with(|group, turn| group.validate_offset_commit(turn, &member_id, None, 1));
    assert_eq!(result, Err(ErrorCode::REBALANCE_IN_PROGRESS));
}

#[test]
fn a_group_read_from_its_record_goes_on_where_it_was() {
    let (mut world, leader, follower) = World::stable_pair();
    let record = world.group.record();
    let Record::GroupMetadata { value: Some(value), .. } = record.clone() else {
        panic!()
    };
    world.group = ClassicGroup::from_record("g", value);
    world.with(|group, turn| group.on_loaded(turn));
    assert_eq!(world.group.record(), record);
    assert_eq!(world.heartbeat(&leader), Ok(()));
    let reply = world.sync(&follower, &[]);
    assert_eq!(&world.synced(reply).assignment[..], b"b");
    world.pass_ms(10_000);
    assert_eq!(world.group.state(), State::Empty, "who does not come back is out");
}

/// Random events never leave a group that waits for something no timer ends.
#[test]
fn a_waiting_group_always_has_a_timer() {
    for seed in 0..200u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |bound: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % bound as u64) as usize
        };
        let mut world = World::new();
        for _ in 0..120 {
            let ids: Vec<String> = world.group.members.keys().cloned().collect();
            let someone = ids.get(next(ids.len().max(1))).cloned().unwrap_or_default();
            match next(7) {
                0 => drop(world.enter_quietly(next(3) == 0)),
                1 | 2 if !someone.is_empty() => drop(world.join(&someone)),
                3 => drop(world.sync(&someone, &[])),
                4 => drop(world.heartbeat(&someone)),
                5 if next(4) == 0 => drop(world.leave(&someone, None)),
                _ => world.pass_ms(next(9_000) as i64),
            }
            let group = &world.group;
            let waiting = group
                .members
                .values()
                .any(|m| m.awaiting_join.is_some() || m.awaiting_sync.is_some());
            assert!(!waiting || group.next_deadline_ms().is_some(), "seed {seed}: {group:?}");
            assert_eq!(
                group.state == State::Empty,
                group.members.is_empty() && group.join_timer.is_none()
            );
            assert!(group.members.is_empty() || group.members.contains_key(group.leader_id.as_deref().unwrap()));
        }
    }
}

impl World {
    fn enter_quietly(&mut self, is_static: bool) -> ReplyId {
        let mut request = Self::request("");
        request.requires_known_member_id = false;
        request.instance_id = is_static.then(|| "i1".to_owned());
        self.join_with(request)
    }
}
