//! A group of the consumer protocol (KIP-848; Kafka: `ConsumerGroup`): the coordinator computes the assignment, and leads
//! each member to it by heartbeats alone.
//!
//! Three numbers tell where things stand. The *group epoch* counts what calls for another assignment: members, their
//! subscriptions, the partitions of their topics. The *target epoch* is the group epoch the target assignment was computed
//! for. A *member epoch* is that of the target the member has reached; a partition moves only after its former owner has
//! given it back.
//!
//! All state that outlives a restart changes by [`ConsumerGroup::replay`] alone; events write the records and replay them.
//!
//! Members of the classic protocol may be in such a group (`classic_members`): it was one of theirs before, and is again when
//! the last member of the consumer protocol leaves them.

mod assignor;
mod classic_members;
mod heartbeat;
mod reconcile;
pub mod records;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fancy_regex::Regex;
use indexmap::IndexMap;
use uuid::Uuid;

pub use assignor::Assignor;
pub use heartbeat::{HeartbeatAnswer, HeartbeatRequest};
use records::{ConsumerRecord, CurrentAssignment, EpochPartitions, MemberMetadata, ResolvedRegex, by_topic};
pub use view::{ALL_TOPICS, ClusterView, EmptyCluster, SeenBy, Sight, TopicsMark};

use super::membership::{Deadlines, GroupError, MemberEpochs, StaticMembers};
use super::records::Record;
use super::turn::Turn;
use crate::wire::error::ErrorCode;

/// Member epoch of a heartbeat that joins.
pub const JOIN_EPOCH: i32 = 0;
/// Member epoch of a heartbeat that leaves.
pub const LEAVE_EPOCH: i32 = -1;
/// Member epoch of a static member that leaves to come back.
pub const LEAVE_STATIC_EPOCH: i32 = -2;
/// What Kafka calls the group in its errors.
const KIND: &str = "consumer";
/// The epoch of a group nobody has joined yet; the first member makes it 2, as in Kafka 4.3.
const INITIAL_EPOCH: i32 = 1;

/// Partitions by topic.
pub type Assignment = BTreeMap<Uuid, BTreeSet<i32>>;
/// Partitions by topic, each with the member epoch it was given at.
pub type EpochAssignment = BTreeMap<Uuid, BTreeMap<i32, i32>>;

/// Kafka: `ConsumerGroup.ConsumerGroupState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Empty,
    /// The target assignment is behind the group epoch.
    Assigning,
    /// A member has not reached its target.
    Reconciling,
    Stable,
}

impl From<i8> for MemberState {
    /// Numbers that no Kafka writes are taken for stable.
    fn from(number: i8) -> Self {
        match number {
            1 => Self::UnrevokedPartitions,
            2 => Self::UnreleasedPartitions,
            _ => Self::Stable,
        }
    }
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

/// Kafka: `MemberState`; the numbers are those of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemberState {
    /// Has all that its epoch's target gives it.
    #[default]
    Stable = 0,
    /// Has been told to give partitions back, and has not yet.
    UnrevokedPartitions = 1,
    /// Waits for partitions that others still have.
    UnreleasedPartitions = 2,
}

#[derive(Debug, Clone, Default)]
pub struct ConsumerMember {
    pub metadata: MemberMetadata,
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: MemberState,
    pub assigned: EpochAssignment,
    pub pending_revocation: EpochAssignment,
    deadlines: Deadlines,
    /// When a classic member that was told of a rebalance, or has joined, must have been heard of.
    classic_deadline_ms: Option<i64>,
}

/// See the module.
#[derive(Debug)]
pub struct ConsumerGroup {
    group_id: String,
    epoch: i32,
    metadata_hash: i64,
    target_epoch: i32,
    target: HashMap<String, Assignment>,
    members: IndexMap<String, ConsumerMember>,
    static_members: StaticMembers,
    /// What each subscribed regular expression matched when last looked.
    regexes: HashMap<String, ResolvedRegex>,
    /// When that was, and at which topics.
    regexes_looked_at: Option<(i64, Option<TopicsMark>)>,
    /// Set by an event after which the group is to be a classic one.
    downgrade: Option<Downgrade>,
}

/// How a group in which only classic members are left becomes a classic one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Downgrade {
    /// What is assigned does not fit any more: the members are to join again.
    Rebalance,
    /// A static member came back as a classic one, to what it had.
    AsItIs,
}

impl ConsumerGroup {
    pub fn new(group_id: &str) -> Self {
        Self {
            group_id: group_id.to_owned(),
            epoch: INITIAL_EPOCH,
            metadata_hash: 0,
            target_epoch: 0,
            target: HashMap::new(),
            members: IndexMap::new(),
            static_members: StaticMembers::default(),
            regexes: HashMap::new(),
            regexes_looked_at: None,
            downgrade: None,
        }
    }

    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    pub fn target_epoch(&self) -> i32 {
        self.target_epoch
    }

    pub fn members(&self) -> impl Iterator<Item = (&String, &ConsumerMember)> {
        self.members.iter()
    }

    /// The assignment a member is led to.
    pub fn target(&self, member_id: &str) -> Option<&Assignment> {
        self.target.get(member_id)
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn state(&self) -> State {
        let reached =
            |member: &ConsumerMember| member.state == MemberState::Stable && member.member_epoch == self.target_epoch;
        if self.members.is_empty() {
            State::Empty
        } else if self.epoch > self.target_epoch {
            State::Assigning
        } else if self.members.values().all(reached) {
            State::Stable
        } else {
            State::Reconciling
        }
    }

    /// The assignor that most members who name one want, else the default.
    pub fn assignor(&self) -> Assignor {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for name in self
            .members
            .values()
            .filter_map(|member| member.metadata.server_assignor.as_deref())
        {
            *votes.entry(name).or_default() += 1;
        }
        let winner = votes.into_iter().max_by_key(|(_, count)| *count).map(|(name, _)| name);
        winner.and_then(Assignor::from_name).unwrap_or_default()
    }

    pub fn is_subscribed_to(&self, topic: &str) -> bool {
        self.members
            .values()
            .any(|member| self.topics_of(member).any(|name| name == topic))
    }

    /// The topics a member subscribes to by name, and those its regular expression matches.
    fn topics_of<'a>(&'a self, member: &'a ConsumerMember) -> impl Iterator<Item = &'a str> {
        let regex = member
            .metadata
            .subscribed_topic_regex
            .as_ref()
            .and_then(|regex| self.regexes.get(regex));
        let matched = regex.into_iter().flat_map(|regex| &regex.topics);
        member
            .metadata
            .subscribed_topic_names
            .iter()
            .chain(matched)
            .map(String::as_str)
    }

    /// Who may commit: members at their epoch, and anybody who names none while nobody is in. A member whose epoch has
    /// moved on may still commit for partitions that it already had at the epoch it names.
    pub fn validate_offset_commit(
        &self,
        member_id: &str,
        member_epoch: i32,
        api_version: i16,
        mut partitions: impl Iterator<Item = (Uuid, i32)>,
    ) -> Result<(), ErrorCode> {
        if member_epoch < 0 && self.is_empty() {
            return Ok(());
        }
        let member = self.members.get(member_id).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        if member.classic().is_some() {
            return match member.member_epoch == member_epoch {
                true => Ok(()),
                false => Err(ErrorCode::ILLEGAL_GENERATION),
            };
        }
        if api_version < 9 {
            return Err(ErrorCode::UNSUPPORTED_VERSION);
        }
        let had = |topic_id: Uuid, partition: i32| {
            let epoch = member
                .assigned
                .get(&topic_id)
                .and_then(|partitions| partitions.get(&partition));
            epoch.is_some_and(|epoch| *epoch <= member_epoch)
        };
        let is_current = member_epoch == member.member_epoch;
        if is_current || (member_epoch < member.member_epoch && partitions.all(|(id, index)| had(id, index))) {
            Ok(())
        } else {
            Err(ErrorCode::STALE_MEMBER_EPOCH)
        }
    }

    /// Whether offsets may be committed within a transaction; a producer need not say which member it is.
    pub fn validate_transactional_offset_commit(&self, member_id: &str, member_epoch: i32) -> Result<(), ErrorCode> {
        if member_epoch < 0 && (self.is_empty() || member_id.is_empty()) {
            return Ok(());
        }
        let member = self.members.get(member_id).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        if member.member_epoch == member_epoch {
            Ok(())
        } else {
            Err(ErrorCode::ILLEGAL_GENERATION)
        }
    }

    /// A member that asks for offsets must be at its epoch; others need not say who they are.
    pub fn validate_offset_fetch(&self, member_id: &str, member_epoch: i32) -> Result<(), ErrorCode> {
        if member_id.is_empty() && member_epoch < 0 {
            return Ok(());
        }
        let member = self.members.get(member_id).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        if member.member_epoch == member_epoch {
            Ok(())
        } else {
            Err(ErrorCode::STALE_MEMBER_EPOCH)
        }
    }

    /// The records that take the group out of the log, with its members.
    pub(super) fn tombstones(&self) -> Vec<Record> {
        let members = || self.members.keys().cloned();
        let current = members().map(|member_id| ConsumerRecord::CurrentAssignment { member_id, value: None });
        let target = members().map(|member_id| ConsumerRecord::TargetAssignmentMember { member_id, value: None });
        let metadata = members().map(|member_id| ConsumerRecord::Member { member_id, value: None });
        let regexes = self.regexes.keys().cloned();
        let regexes = regexes.map(|regex| ConsumerRecord::RegularExpression { regex, value: None });
        let ends = [
            ConsumerRecord::PartitionMetadataTombstone,
            ConsumerRecord::GroupMetadata(None),
        ];
        current
            .chain(target)
            .chain([ConsumerRecord::TargetAssignmentMetadata(None)])
            .chain(metadata)
            .chain(regexes)
            .chain(ends)
            .map(|record| self.record(record))
            .collect()
    }

    /// Takes over a record that is in the log.
    pub(super) fn replay(&mut self, record: ConsumerRecord) {
        match record {
            ConsumerRecord::GroupMetadata(Some(group)) => {
                self.epoch = group.epoch;
                self.metadata_hash = group.metadata_hash;
            }
            ConsumerRecord::GroupMetadata(None) | ConsumerRecord::PartitionMetadataTombstone => {}
            ConsumerRecord::Member {
                member_id,
                value: Some(metadata),
            } => {
                if let Some(instance_id) = &metadata.instance_id {
                    self.static_members.note(instance_id, &member_id);
                }
                self.members.entry(member_id).or_default().metadata = metadata;
            }
            ConsumerRecord::Member { member_id, value: None } => {
                let removed = self.members.shift_remove(&member_id);
                if let Some(instance_id) = removed.and_then(|member| member.metadata.instance_id) {
                    self.static_members.forget(&instance_id, &member_id);
                }
            }
            ConsumerRecord::TargetAssignmentMetadata(value) => {
                self.target_epoch = value.map_or(-1, |target| target.assignment_epoch);
            }
            ConsumerRecord::TargetAssignmentMember {
                member_id,
                value: Some(topics),
            } => {
                self.target.insert(member_id, by_topic(topics));
            }
            ConsumerRecord::TargetAssignmentMember { member_id, value: None } => {
                self.target.remove(&member_id);
            }
            ConsumerRecord::CurrentAssignment { member_id, value } => {
                if let Some(member) = self.members.get_mut(&member_id) {
                    member.replay(value);
                }
            }
            ConsumerRecord::RegularExpression {
                regex,
                value: Some(value),
            } => {
                self.regexes.insert(regex, value);
            }
            ConsumerRecord::RegularExpression { regex, value: None } => {
                self.regexes.remove(&regex);
            }
        }
    }

    fn record(&self, record: ConsumerRecord) -> Record {
        Record::Consumer {
            group_id: self.group_id.clone(),
            record,
        }
    }

    /// Hands a record to the log and takes it over.
    fn write(&mut self, turn: &mut Turn<'_>, record: ConsumerRecord) {
        turn.records.push(self.record(record.clone()));
        self.replay(record);
    }
}

impl ConsumerMember {
    fn epochs(&self) -> MemberEpochs {
        MemberEpochs {
            now: self.member_epoch,
            previous: self.previous_member_epoch,
        }
    }

    /// Whether it was given all of these.
    fn has_all(&self, owned: &Assignment) -> bool {
        owned.iter().all(|(id, partitions)| {
            let assigned = self.assigned.get(id);
            let has = |partition| assigned.is_some_and(|assigned| assigned.contains_key(partition));
            partitions.iter().all(has)
        })
    }

    fn replay(&mut self, value: Option<CurrentAssignment>) {
        let value = value.unwrap_or(CurrentAssignment {
            member_epoch: LEAVE_EPOCH,
            ..CurrentAssignment::default()
        });
        self.member_epoch = value.member_epoch;
        self.previous_member_epoch = value.previous_member_epoch;
        self.state = value.state.into();
        self.assigned = with_epochs(value.assigned);
        self.pending_revocation = with_epochs(value.pending_revocation);
    }

    fn current_assignment(&self) -> CurrentAssignment {
        CurrentAssignment {
            member_epoch: self.member_epoch,
            previous_member_epoch: self.previous_member_epoch,
            state: self.state as i8,
            assigned: without_epochs(&self.assigned),
            pending_revocation: without_epochs(&self.pending_revocation),
        }
    }
}

fn with_epochs(topics: Vec<EpochPartitions>) -> EpochAssignment {
    let topics = topics.into_iter().map(|topic| {
        let epochs = topic.assignment_epochs.into_iter().chain(std::iter::repeat(0));
        (topic.topic_id, topic.partitions.into_iter().zip(epochs).collect())
    });
    topics.collect()
}

fn without_epochs(topics: &EpochAssignment) -> Vec<EpochPartitions> {
    let topics = topics.iter().map(|(topic_id, partitions)| EpochPartitions {
        topic_id: *topic_id,
        partitions: partitions.keys().copied().collect(),
        assignment_epochs: partitions.values().copied().collect(),
    });
    topics.collect()
}

/// A regular expression that must match a topic's whole name.
///
/// Errors: INVALID_REGULAR_EXPRESSION. Kafka takes RE2's syntax, which this engine's contains.
fn compile(regex: &str) -> Result<Regex, GroupError> {
    Regex::new(&format!("^(?:{regex})$")).map_err(|error| {
        let message = format!("SubscribedTopicRegex `{regex}` is not a valid regular expression: {error}.");
        GroupError::new(ErrorCode::INVALID_REGULAR_EXPRESSION, message)
    })
}
