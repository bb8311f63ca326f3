//! A classic group (Kafka: `ClassicGroup` and the classic half of `GroupMetadataManager`): its members negotiate an
//! assignment among themselves, in rounds of JoinGroup and SyncGroup.
//!
//! ```text
//!           a member joins                  all have joined
//!  Empty ------------------> PreparingRebalance ----------> CompletingRebalance
//!    ^                         ^        | none left                 | the leader syncs
//!    |                         |        v                           v
//!    +-------------------------+------ Empty      a member joins, leaves or fails
//!                              +----------------------------------- Stable
//! ```
//!
//! The group is a state machine without a clock and without sockets: each event comes with the time, and what follows
//! from it is left in the [`Turn`]. [`ClassicGroup::next_deadline_ms`] tells when [`ClassicGroup::on_time`] is due.

mod join;
mod member;
mod steady;
#[cfg(test)]
mod tests;
mod timers;

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use indexmap::IndexMap;

pub use join::JoinRequest;
pub use member::{ClassicMember, Protocol};
pub(super) use member::{join_error, sync_error};
pub use steady::SyncRequest;
use timers::JoinTimer;

use super::records::{GroupMetadataValue, MemberMetadata, Record};
use super::subscription::subscribed_topics;
use super::turn::{Reply, ReplyId, Turn};
use crate::wire::error::ErrorCode;

/// Protocol type of consumers; other types (Connect uses `connect`) are opaque to the broker.
pub const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// Kafka: `ClassicGroupState`. `Dead` is only ever told of groups that do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
    Dead,
}

impl State {
    /// Kafka's name of the state, as tools show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct ClassicGroup {
    group_id: String,
    state: State,
    /// Tells a first rebalance, which may be held back for more members, from a later one.
    previous_state: State,
    /// When the group came into its state; `None` when replayed from a record that does not tell.
    state_since_ms: Option<i64>,
    protocol_type: Option<String>,
    protocol_name: Option<String>,
    generation_id: i32,
    leader_id: Option<String>,
    /// In the order in which they joined.
    members: IndexMap<String, ClassicMember>,
    /// `group.instance.id` to member id.
    static_members: HashMap<String, String>,
    /// Member ids that were handed out (MEMBER_ID_REQUIRED) and have not joined yet, with the time they lapse.
    pending_join: HashMap<String, i64>,
    /// Members that have their JoinGroup answer and still owe a SyncGroup.
    pending_sync: HashSet<String>,
    /// `None` when the group does not consume, or a member's subscription cannot be read.
    subscribed_topics: Option<HashSet<String>>,
    /// Somebody joined while the first rebalance was held back.
    new_member_added: bool,
    join_timer: Option<JoinTimer>,
    sync_deadline_ms: Option<i64>,
}

impl ClassicGroup {
    pub fn new(group_id: &str, now_ms: i64) -> Self {
        Self {
            group_id: group_id.to_owned(),
            state: State::Empty,
            previous_state: State::Dead,
            state_since_ms: Some(now_ms),
            protocol_type: None,
            protocol_name: None,
            generation_id: 0,
            leader_id: None,
            members: IndexMap::new(),
            static_members: HashMap::new(),
            pending_join: HashMap::new(),
            pending_sync: HashSet::new(),
            subscribed_topics: None,
            new_member_added: false,
            join_timer: None,
            sync_deadline_ms: None,
        }
    }

    /// A group as its record tells. Sessions start in [`ClassicGroup::on_loaded`].
    pub fn from_record(group_id: &str, value: GroupMetadataValue) -> Self {
        let mut group = Self::new(group_id, 0);
        group.state = if value.members.is_empty() {
            State::Empty
        } else {
            State::Stable
        };
        group.state_since_ms = Some(value.current_state_timestamp_ms).filter(|time| *time != -1);
        group.protocol_type = Some(value.protocol_type).filter(|name| !name.is_empty());
        group.generation_id = value.generation;
        group.leader_id = value.leader;
        let protocol = value.protocol.clone().unwrap_or_default();
        group.protocol_name = value.protocol;
        for member in value.members {
            if let Some(instance_id) = &member.group_instance_id {
                group
                    .static_members
                    .insert(instance_id.clone(), member.member_id.clone());
            }
            group
                .members
                .insert(member.member_id.clone(), ClassicMember::from_record(member, &protocol));
        }
        group.refresh_subscribed_topics();
        group
    }

    /// A group whose members have what is said in them, and whose sessions start now.
    pub(super) fn stable(turn: &Turn<'_>, group_id: &str, generation_id: i32, members: Vec<ClassicMember>) -> Self {
        let mut group = Self::new(group_id, turn.now_ms);
        group.generation_id = generation_id;
        for mut member in members {
            member.heartbeat_deadline_ms = Some(turn.after_ms(member.session_timeout_ms));
            group.add_member(member);
        }
        group.protocol_name = group.select_protocol();
        group.refresh_subscribed_topics();
        group.state = State::Stable;
        group
    }

    /// Starts the sessions of a group that was read from the log.
    pub fn on_loaded(&mut self, turn: &mut Turn<'_>) {
        for member in self.members.values_mut() {
            member.heartbeat_deadline_ms = Some(turn.after_ms(member.session_timeout_ms));
        }
        if self.members.len() > turn.config.max_size {
            // The limit was lowered since. A rebalance gives consumers a chance to commit before some are refused.
            self.prepare_rebalance(turn);
        }
    }

    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn generation_id(&self) -> i32 {
        self.generation_id
    }

    /// The empty text for a group that never had a member.
    pub fn protocol_type(&self) -> &str {
        self.protocol_type.as_deref().unwrap_or_default()
    }

    pub fn protocol_name(&self) -> Option<&str> {
        self.protocol_name.as_deref()
    }

    pub fn members(&self) -> impl Iterator<Item = &ClassicMember> {
        self.members.values()
    }

    /// The same error for every request that waits here: the group is no longer to be had, or not as it was.
    pub(super) fn parked_errors(&self, error: ErrorCode) -> impl Iterator<Item = (ReplyId, Reply)> {
        self.members().flat_map(move |member| {
            let join = member
                .awaiting_join()
                .map(|reply| (reply, Reply::Join(join_error(&member.member_id, error))));
            let sync = member
                .awaiting_sync()
                .map(|reply| (reply, Reply::Sync(sync_error(error))));
            join.into_iter().chain(sync)
        })
    }

    pub fn state_since_ms(&self) -> Option<i64> {
        self.state_since_ms
    }

    pub fn is_empty(&self) -> bool {
        self.state == State::Empty
    }

    /// True for a group that only holds offsets: nobody ever joined it, and it has no record of its own.
    pub fn is_simple(&self) -> bool {
        self.protocol_type.is_none() && self.is_empty() && self.pending_join.is_empty()
    }

    pub fn has_pending_members(&self) -> bool {
        !self.pending_join.is_empty()
    }

    pub fn uses_consumer_protocol(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    /// The topics its members subscribe to, where that can be known.
    pub fn subscribed_topics(&self) -> Option<&HashSet<String>> {
        self.subscribed_topics.as_ref()
    }

    /// Whether offsets of the topic are in use. Unknown subscriptions of consumers count as all topics.
    pub fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.uses_consumer_protocol(),
        }
    }

    /// OffsetDelete is for groups without members, and for consumers whose subscriptions can be looked at.
    pub fn validate_offset_delete(&self) -> Result<(), ErrorCode> {
        if self.is_empty() || self.uses_consumer_protocol() {
            Ok(())
        } else {
            Err(ErrorCode::NON_EMPTY_GROUP)
        }
    }

    pub fn validate_delete(&self) -> Result<(), ErrorCode> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(ErrorCode::NON_EMPTY_GROUP)
        }
    }

    /// Who may commit: members of the current generation, and anybody who names no generation while nobody is in.
    /// A commit of a member keeps its session alive.
    pub fn validate_offset_commit(
        &mut self,
        turn: &Turn<'_>,
        member_id: &str,
        instance_id: Option<&str>,
        generation_id: i32,
    ) -> Result<(), ErrorCode> {
        if generation_id < 0 && self.is_empty() {
            return Ok(());
        }
        if generation_id < 0 && member_id.is_empty() && instance_id.is_none() {
            return if self.is_empty() {
                Ok(())
            } else {
                Err(ErrorCode::UNKNOWN_MEMBER_ID)
            };
        }
        self.validate_member(member_id, instance_id)?;
        if generation_id != self.generation_id {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        match self.state {
            // The member has its JoinGroup answer but not its assignment: it is to finish the rebalance first.
            State::CompletingRebalance => Err(ErrorCode::REBALANCE_IN_PROGRESS),
            State::Stable | State::PreparingRebalance => {
                self.restart_session(turn, member_id);
                Ok(())
            }
            State::Empty | State::Dead => Ok(()),
        }
    }

    /// Whether offsets may be committed within a transaction. A producer that says nothing of a member may do so at any time.
    pub fn validate_transactional_offset_commit(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        generation_id: i32,
    ) -> Result<(), ErrorCode> {
        if generation_id < 0 && (self.is_empty() || (member_id.is_empty() && instance_id.is_none())) {
            return Ok(());
        }
        self.validate_member(member_id, instance_id)?;
        if generation_id != self.generation_id {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        Ok(())
    }

    /// The record of the group as it is now.
    pub(super) fn record(&self) -> Record {
        let protocol = self.protocol_name.as_deref();
        let members = self.members.values().map(|member| MemberMetadata {
            member_id: member.member_id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
            subscription: protocol
                .and_then(|name| member.metadata(name))
                .cloned()
                .unwrap_or_default(),
            assignment: member.assignment.clone(),
        });
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type().to_owned(),
            generation: self.generation_id,
            protocol: self.protocol_name.clone(),
            leader: self.leader_id.clone(),
            current_state_timestamp_ms: self.state_since_ms.unwrap_or(-1),
            members: members.collect(),
        };
        Record::GroupMetadata {
            group_id: self.group_id.clone(),
            value: Some(value),
        }
    }

    /// The record that marks a group which has just come to be.
    pub(super) fn birth_record(&self) -> Record {
        let value = GroupMetadataValue {
            current_state_timestamp_ms: self.state_since_ms.unwrap_or(-1),
            ..GroupMetadataValue::default()
        };
        Record::GroupMetadata {
            group_id: self.group_id.clone(),
            value: Some(value),
        }
    }

    fn transition_to(&mut self, turn: &Turn<'_>, state: State) {
        self.previous_state = self.state;
        self.state = state;
        self.state_since_ms = Some(turn.now_ms);
    }

    fn is_leader(&self, member_id: &str) -> bool {
        self.leader_id.as_deref() == Some(member_id)
    }

    /// Errors: UNKNOWN_MEMBER_ID; FENCED_INSTANCE_ID when another member has taken over the instance id.
    fn validate_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(existing) if existing != member_id => return Err(ErrorCode::FENCED_INSTANCE_ID),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) {
            Ok(())
        } else {
            Err(ErrorCode::UNKNOWN_MEMBER_ID)
        }
    }

    /// Whether one of the protocols is known to every member, so that a member offering them can be let in.
    fn supports_protocols(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols
                .iter()
                .any(|protocol| self.members.values().all(|member| member.supports(&protocol.name)))
    }

    /// The protocol that most members prefer among those that all support.
    fn select_protocol(&self) -> Option<String> {
        let mut votes: IndexMap<&str, usize> = IndexMap::new();
        for member in self.members.values() {
            let choice = member
                .protocols
                .iter()
                .find(|protocol| self.members.values().all(|m| m.supports(&protocol.name)));
            if let Some(protocol) = choice {
                *votes.entry(&protocol.name).or_default() += 1;
            }
        }
        let most = votes.values().copied().max()?;
        votes
            .into_iter()
            .find(|(_, count)| *count == most)
            .map(|(name, _)| name.to_owned())
    }

    fn refresh_subscribed_topics(&mut self) {
        self.subscribed_topics = if !self.uses_consumer_protocol() {
            None
        } else if self.members.is_empty() {
            Some(HashSet::new())
        } else {
            let protocol = self.protocol_name.as_deref().unwrap_or_default();
            let mut topics = HashSet::new();
            self.members
                .values()
                .try_for_each(|member| {
                    topics.extend(subscribed_topics(member.metadata(protocol).unwrap_or(&Bytes::new()))?);
                    Some(())
                })
                .map(|()| topics)
        };
    }

    fn add_member(&mut self, member: ClassicMember) {
        if self.members.is_empty() {
            self.protocol_type = Some(member.protocol_type.clone());
        }
        if let Some(instance_id) = &member.instance_id {
            self.static_members
                .insert(instance_id.clone(), member.member_id.clone());
        }
        if self.leader_id.is_none() {
            self.leader_id = Some(member.member_id.clone());
        }
        self.pending_join.remove(&member.member_id);
        self.members.insert(member.member_id.clone(), member);
    }

    fn remove_member(&mut self, member_id: &str) {
        if let Some(member) = self.members.shift_remove(member_id)
            && let Some(instance_id) = &member.instance_id
        {
            self.static_members.remove(instance_id);
        }
        if self.is_leader(member_id) {
            self.leader_id = self.members.keys().next().cloned();
        }
        self.pending_join.remove(member_id);
        self.pending_sync.remove(member_id);
    }

    fn awaiting_join_count(&self) -> usize {
        self.members
            .values()
            .filter(|member| member.awaiting_join.is_some())
            .count()
    }

    fn have_all_joined(&self) -> bool {
        self.pending_join.is_empty() && self.members.values().all(|member| member.awaiting_join.is_some())
    }

    /// The longest time that a member asks to be given for rejoining.
    fn rebalance_timeout_ms(&self) -> i32 {
        self.members
            .values()
            .map(|member| member.rebalance_timeout_ms)
            .max()
            .unwrap_or(0)
    }

    fn restart_session(&mut self, turn: &Turn<'_>, member_id: &str) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.heartbeat_deadline_ms = Some(turn.after_ms(member.session_timeout_ms));
        }
    }
}
