//! A share group (KIP-932; Kafka: `ShareGroup`): its members share partitions record by record, so a partition may be
//! assigned to several of them, and nobody has to give one back before another gets it.
//!
//! Epochs are those of `group::consumer`. A partition is assigned once the share coordinator has begun its state: the
//! group names those whose state is to begin, its caller begins it and tells the group ([`ShareGroup::initialized`]).
//!
//! All state that outlives a restart changes by [`ShareGroup::replay`] alone; events write the records and replay them.

mod assignor;
mod heartbeat;
pub mod offsets;
pub mod records;
pub mod service;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use indexmap::IndexMap;
use uuid::Uuid;

pub use heartbeat::{ShareHeartbeat, ShareHeartbeatAnswer};
use records::{NamedPartitions, ShareGroupEpoch, ShareMemberMetadata, ShareRecord, StatePartitions};

use super::consumer::Assignment;
use super::consumer::records::by_topic;
use super::membership::Deadlines;
use super::records::Record;
use super::turn::Turn;

/// The name of the only assignor.
pub const ASSIGNOR_NAME: &str = "simple";
/// What ListGroups says of the members' protocol.
pub const SHARE_PROTOCOL_TYPE: &str = "share";
/// What Kafka calls the group in its errors.
const KIND: &str = "share";
/// The epoch of a group nobody has joined yet; the first member makes it 2, as in Kafka 4.3.
const INITIAL_EPOCH: i32 = 1;

/// Partitions of topics, with the names the topics had.
pub type NamedAssignment = BTreeMap<Uuid, (String, BTreeSet<i32>)>;

#[derive(Debug, Clone, Default)]
pub struct ShareMember {
    pub metadata: ShareMemberMetadata,
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub assigned: Assignment,
    deadlines: Deadlines,
}

/// See the module.
#[derive(Debug)]
pub struct ShareGroup {
    group_id: String,
    epoch: i32,
    metadata_hash: i64,
    target_epoch: i32,
    target: HashMap<String, Assignment>,
    members: IndexMap<String, ShareMember>,
    initializing: NamedAssignment,
    initialized: NamedAssignment,
    deleting: BTreeMap<Uuid, String>,
    /// Partitions whose state is being begun at this moment; forgotten by a restart, after which they are tried again.
    in_progress: HashSet<(Uuid, i32)>,
}

impl ShareGroup {
    pub fn new(group_id: &str) -> Self {
        Self {
            group_id: group_id.to_owned(),
            epoch: INITIAL_EPOCH,
            metadata_hash: 0,
            target_epoch: 0,
            target: HashMap::new(),
            members: IndexMap::new(),
            initializing: NamedAssignment::new(),
            initialized: NamedAssignment::new(),
            deleting: BTreeMap::new(),
            in_progress: HashSet::new(),
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

    pub fn members(&self) -> impl Iterator<Item = (&String, &ShareMember)> {
        self.members.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Kafka: `ShareGroupState`.
    pub fn state_name(&self) -> &'static str {
        if self.is_empty() { "Empty" } else { "Stable" }
    }

    pub fn is_subscribed_to(&self, topic: &str) -> bool {
        let names = |member: &ShareMember| member.metadata.subscribed_topic_names.iter().any(|name| name == topic);
        self.members.values().any(names)
    }

    /// Partitions that have a state with the share coordinator.
    pub fn initialized_partitions(&self) -> &NamedAssignment {
        &self.initialized
    }

    /// All partitions that may have a state: of those that are being begun, too.
    pub fn known_partitions(&self) -> NamedAssignment {
        let mut known = self.initialized.clone();
        for (topic_id, (name, partitions)) in &self.initializing {
            let topic = known
                .entry(*topic_id)
                .or_insert_with(|| (name.clone(), BTreeSet::new()));
            topic.1.extend(partitions);
        }
        known
    }

    /// The records that take the group out of the log, in Kafka's order.
    pub(super) fn tombstones(&self) -> Vec<Record> {
        let records = [
            ShareRecord::TargetAssignmentMetadata(None),
            ShareRecord::StatePartitions(None),
            ShareRecord::GroupMetadata(None),
        ];
        records.into_iter().map(|record| self.record(record)).collect()
    }

    /// Takes over a record that is in the log.
    pub(super) fn replay(&mut self, record: ShareRecord) {
        match record {
            ShareRecord::GroupMetadata(Some(group)) => {
                self.epoch = group.epoch;
                self.metadata_hash = group.metadata_hash;
            }
            ShareRecord::GroupMetadata(None) => {}
            ShareRecord::Member {
                member_id,
                value: Some(metadata),
            } => self.members.entry(member_id).or_default().metadata = metadata,
            ShareRecord::Member { member_id, value: None } => {
                self.members.shift_remove(&member_id);
            }
            ShareRecord::TargetAssignmentMetadata(value) => {
                self.target_epoch = value.map_or(-1, |target| target.assignment_epoch);
            }
            ShareRecord::TargetAssignmentMember {
                member_id,
                value: Some(topics),
            } => {
                self.target.insert(member_id, by_topic(topics));
            }
            ShareRecord::TargetAssignmentMember { member_id, value: None } => {
                self.target.remove(&member_id);
            }
            ShareRecord::CurrentAssignment { member_id, value } => {
                if let Some(member) = self.members.get_mut(&member_id) {
                    let value = value.unwrap_or_default();
                    member.member_epoch = value.member_epoch;
                    member.previous_member_epoch = value.previous_member_epoch;
                    member.assigned = by_topic(value.assigned);
                }
            }
            ShareRecord::StatePartitions(value) => {
                let value = value.unwrap_or_default();
                self.initializing = by_id(value.initializing);
                self.initialized = by_id(value.initialized);
                self.deleting = value.deleting.into_iter().collect();
            }
        }
    }

    fn record(&self, record: ShareRecord) -> Record {
        Record::Share {
            group_id: self.group_id.clone(),
            record,
        }
    }

    /// Hands a record to the log and takes it over.
    fn write(&mut self, turn: &mut Turn<'_>, record: ShareRecord) {
        turn.records.push(self.record(record.clone()));
        self.replay(record);
    }

    fn write_epoch(&mut self, turn: &mut Turn<'_>, metadata_hash: i64) {
        let group = ShareGroupEpoch {
            epoch: self.epoch.saturating_add(1),
            metadata_hash,
        };
        self.write(turn, ShareRecord::GroupMetadata(Some(group)));
    }

    fn write_state_partitions(
        &mut self,
        turn: &mut Turn<'_>,
        initializing: &NamedAssignment,
        initialized: &NamedAssignment,
        deleting: &BTreeMap<Uuid, String>,
    ) {
        let value = StatePartitions {
            initializing: to_named(initializing),
            initialized: to_named(initialized),
            deleting: deleting.iter().map(|(id, name)| (*id, name.clone())).collect(),
        };
        self.write(turn, ShareRecord::StatePartitions(Some(value)));
    }
}

fn by_id(topics: Vec<NamedPartitions>) -> NamedAssignment {
    let topics = topics.into_iter();
    topics
        .map(|topic| {
            (
                topic.topic_id,
                (topic.topic_name, topic.partitions.into_iter().collect()),
            )
        })
        .collect()
}

fn to_named(topics: &NamedAssignment) -> Vec<NamedPartitions> {
    let topic = |(topic_id, (name, partitions)): (&Uuid, &(String, BTreeSet<i32>))| NamedPartitions {
        topic_id: *topic_id,
        topic_name: name.clone(),
        partitions: partitions.iter().copied().collect(),
    };
    topics.iter().map(topic).collect()
}

/// Adds partitions to others.
fn extend(all: &mut NamedAssignment, more: &NamedAssignment) {
    for (topic_id, (name, partitions)) in more {
        let topic = all.entry(*topic_id).or_insert_with(|| (name.clone(), BTreeSet::new()));
        topic.1.extend(partitions);
    }
}

/// Takes partitions out of others.
fn subtract(all: &mut NamedAssignment, less: &NamedAssignment) {
    for (topic_id, (_, partitions)) in less {
        if let Some(topic) = all.get_mut(topic_id) {
            topic.1.retain(|partition| !partitions.contains(partition));
        }
    }
    all.retain(|_, (_, partitions)| !partitions.is_empty());
}
