//! A streams group (KIP-1071; Kafka: `StreamsGroup`): the coordinator knows the topology of the application, sees to its
//! internal topics, and gives the members their tasks.
//!
//! Epochs and the way a member is led to its target are those of `group::consumer`, with tasks in place of partitions:
//! an active task moves only after its former owner has given it back, and one process has a task in one role only.
//!
//! All state that outlives a restart changes by [`StreamsGroup::replay`] alone; events write the records and replay them.
//!
//! Not here: warm-up tasks, which the assignor of Kafka 4.3 does not hand out either, and the delay of the first
//! assignment (`streams.initial.rebalance.delay.ms`): a test should not wait for members that it did not start.

mod assignor;
mod heartbeat;
mod reconcile;
pub mod records;
pub mod service;
pub mod tasks;
#[cfg(test)]
mod tests;
pub mod topology;

use std::collections::HashMap;

use indexmap::IndexMap;

pub use heartbeat::{StreamsHeartbeat, StreamsHeartbeatAnswer};
use records::{CurrentTasks, StreamsGroupEpoch, StreamsMemberMetadata, StreamsRecord};
use tasks::{TaskSet, split, to_wire};

use super::consumer::MemberState;
use super::membership::{Deadlines, MemberEpochs, StaticMembers};
use super::records::Record;
use super::turn::Turn;
use crate::wire::error::ErrorCode;
use crate::wire::streams::{TaskOffset, Topology};

/// What ListGroups says of the members' protocol.
pub const STREAMS_PROTOCOL_TYPE: &str = "streams";
/// What Kafka calls the group in its errors.
const KIND: &str = "streams";
/// The epoch of a group nobody has joined yet; the first member makes it 2, as in Kafka 4.3.
const INITIAL_EPOCH: i32 = 1;

#[derive(Debug, Clone, Default)]
pub struct StreamsMember {
    pub metadata: StreamsMemberMetadata,
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: MemberState,
    pub assigned: TaskSet,
    pub pending_revocation: TaskSet,
    /// How far its tasks have got, as it last said. Not kept.
    pub task_offsets: Vec<TaskOffset>,
    pub task_end_offsets: Vec<TaskOffset>,
    deadlines: Deadlines,
}

/// See the module.
#[derive(Debug)]
pub struct StreamsGroup {
    group_id: String,
    epoch: i32,
    metadata_hash: i64,
    target_epoch: i32,
    target: HashMap<String, TaskSet>,
    members: IndexMap<String, StreamsMember>,
    static_members: StaticMembers,
    topology: Option<Topology>,
    /// Whether the topology had all it needs when last looked.
    is_ready: bool,
    /// Grows when what can be queried where changes.
    endpoint_epoch: i32,
    /// The member that asked for the end of the application.
    shutdown_requested_by: Option<String>,
}

impl StreamsGroup {
    pub fn new(group_id: &str) -> Self {
        Self {
            group_id: group_id.to_owned(),
            epoch: INITIAL_EPOCH,
            metadata_hash: 0,
            target_epoch: 0,
            target: HashMap::new(),
            members: IndexMap::new(),
            static_members: StaticMembers::default(),
            topology: None,
            is_ready: false,
            endpoint_epoch: 0,
            shutdown_requested_by: None,
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

    pub fn topology(&self) -> Option<&Topology> {
        self.topology.as_ref()
    }

    pub fn members(&self) -> impl Iterator<Item = (&String, &StreamsMember)> {
        self.members.iter()
    }

    /// The tasks a member is led to.
    pub fn target(&self, member_id: &str) -> Option<&TaskSet> {
        self.target.get(member_id)
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Kafka: `StreamsGroupState`.
    pub fn state_name(&self) -> &'static str {
        let reached =
            |member: &StreamsMember| member.state == MemberState::Stable && member.member_epoch == self.target_epoch;
        if self.is_empty() {
            "Empty"
        } else if !self.is_ready {
            "NotReady"
        } else if self.epoch > self.target_epoch {
            "Assigning"
        } else if self.members.values().all(reached) {
            "Stable"
        } else {
            "Reconciling"
        }
    }

    pub fn is_subscribed_to(&self, topic: &str) -> bool {
        let subtopologies = self.topology.iter().flat_map(|topology| &topology.subtopologies);
        !self.is_empty()
            && subtopologies
                .into_iter()
                .any(|s| s.source_topics.iter().any(|name| name.as_str() == topic))
    }

    /// Who may commit: members at their epoch, and anybody who names none while nobody is in.
    pub fn validate_offset_commit(&self, member_id: &str, member_epoch: i32) -> Result<(), ErrorCode> {
        if member_epoch < 0 && self.is_empty() {
            return Ok(());
        }
        self.validate_epoch(member_id, member_epoch)
    }

    /// The same for offsets in a transaction.
    pub fn validate_transactional_offset_commit(&self, member_id: &str, member_epoch: i32) -> Result<(), ErrorCode> {
        if member_epoch < 0 && (self.is_empty() || member_id.is_empty()) {
            return Ok(());
        }
        self.validate_epoch(member_id, member_epoch)
            .map_err(|error| match error {
                ErrorCode::STALE_MEMBER_EPOCH => ErrorCode::ILLEGAL_GENERATION,
                error => error,
            })
    }

    /// A member that asks for offsets must be at its epoch; others need not say who they are.
    pub fn validate_offset_fetch(&self, member_id: &str, member_epoch: i32) -> Result<(), ErrorCode> {
        if member_id.is_empty() && member_epoch < 0 {
            return Ok(());
        }
        self.validate_epoch(member_id, member_epoch)
    }

    fn validate_epoch(&self, member_id: &str, member_epoch: i32) -> Result<(), ErrorCode> {
        let member = self.members.get(member_id).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        if member.member_epoch == member_epoch {
            Ok(())
        } else {
            Err(ErrorCode::STALE_MEMBER_EPOCH)
        }
    }

    /// The records that take the group out of the log.
    pub(super) fn tombstones(&self) -> Vec<Record> {
        let records = [
            StreamsRecord::TargetAssignmentMetadata(None),
            StreamsRecord::Topology(None),
            StreamsRecord::GroupMetadata(None),
        ];
        records.into_iter().map(|record| self.record(record)).collect()
    }

    /// Takes over a record that is in the log.
    pub(super) fn replay(&mut self, record: StreamsRecord) {
        match record {
            StreamsRecord::GroupMetadata(Some(group)) => {
                self.epoch = group.epoch;
                self.metadata_hash = group.metadata_hash;
            }
            StreamsRecord::GroupMetadata(None) => {}
            StreamsRecord::Topology(topology) => self.topology = topology,
            StreamsRecord::Member {
                member_id,
                value: Some(metadata),
            } => {
                if let Some(instance_id) = &metadata.instance_id {
                    self.static_members.note(instance_id, &member_id);
                }
                self.members.entry(member_id).or_default().metadata = metadata;
            }
            StreamsRecord::Member { member_id, value: None } => {
                let removed = self.members.shift_remove(&member_id);
                if let Some(instance_id) = removed.and_then(|member| member.metadata.instance_id) {
                    self.static_members.forget(&instance_id, &member_id);
                }
            }
            StreamsRecord::TargetAssignmentMetadata(value) => {
                self.target_epoch = value.map_or(-1, |target| target.assignment_epoch);
            }
            StreamsRecord::TargetAssignmentMember {
                member_id,
                value: Some(tasks),
            } => {
                let tasks = TaskSet::from_wire(&tasks.active, &tasks.standby, &tasks.warmup);
                self.target.insert(member_id, tasks);
            }
            StreamsRecord::TargetAssignmentMember { member_id, value: None } => {
                self.target.remove(&member_id);
            }
            StreamsRecord::CurrentAssignment { member_id, value } => {
                if let Some(member) = self.members.get_mut(&member_id) {
                    member.replay(value.unwrap_or_default());
                }
            }
        }
    }

    fn record(&self, record: StreamsRecord) -> Record {
        Record::Streams {
            group_id: self.group_id.clone(),
            record,
        }
    }

    /// Hands a record to the log and takes it over.
    fn write(&mut self, turn: &mut Turn<'_>, record: StreamsRecord) {
        turn.records.push(self.record(record.clone()));
        self.replay(record);
    }

    fn write_epoch(&mut self, turn: &mut Turn<'_>, metadata_hash: i64) {
        let group = StreamsGroupEpoch {
            epoch: self.epoch.saturating_add(1),
            metadata_hash,
        };
        self.write(turn, StreamsRecord::GroupMetadata(Some(group)));
    }
}

impl StreamsMember {
    fn epochs(&self) -> MemberEpochs {
        MemberEpochs {
            now: self.member_epoch,
            previous: self.previous_member_epoch,
        }
    }

    /// Whether it was given all of these, in these roles.
    fn has_all(&self, owned: &TaskSet) -> bool {
        let mut roles = owned.roles().into_iter().zip(self.assigned.roles());
        roles.all(|(owned, assigned)| split(owned, assigned).1.is_empty())
    }

    fn replay(&mut self, value: CurrentTasks) {
        self.member_epoch = value.member_epoch;
        self.previous_member_epoch = value.previous_member_epoch;
        self.state = value.state.into();
        self.assigned = TaskSet::from_wire(&value.active, &value.standby, &value.warmup);
        self.pending_revocation = TaskSet::from_wire(
            &value.active_pending_revocation,
            &value.standby_pending_revocation,
            &value.warmup_pending_revocation,
        );
    }

    fn current_tasks(&self) -> CurrentTasks {
        CurrentTasks {
            member_epoch: self.member_epoch,
            previous_member_epoch: self.previous_member_epoch,
            state: self.state as i8,
            active: to_wire(&self.assigned.active),
            standby: to_wire(&self.assigned.standby),
            warmup: to_wire(&self.assigned.warmup),
            active_pending_revocation: to_wire(&self.pending_revocation.active),
            standby_pending_revocation: to_wire(&self.pending_revocation.standby),
            warmup_pending_revocation: to_wire(&self.pending_revocation.warmup),
        }
    }
}
