//! Committed offsets (Kafka: `OffsetMetadataManager`): who may read, write and delete them, and when they end.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::records::{OffsetAndMetadata, Record};

/// Offsets by topic and partition, sorted.
pub type TopicOffsets = BTreeMap<String, BTreeMap<i32, OffsetAndMetadata>>;

/// The offsets of all groups of one coordinator partition.
#[derive(Debug, Default)]
pub struct Offsets {
    by_group: HashMap<String, TopicOffsets>,
}

/// An OffsetCommit, checked by the API to name existing partitions only.
#[derive(Debug, Clone, Default)]
pub struct OffsetCommit {
    pub member_id: String,
    pub instance_id: Option<String>,
    /// The generation of a classic group's member, the epoch of a consumer group's; -1 from outside the group.
    pub generation_id: i32,
    pub api_version: i16,
    /// How long to keep the offsets (OffsetCommit v2 to v4); `None` for the broker's retention.
    pub retention_ms: Option<i64>,
    pub partitions: Vec<PartitionCommit>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionCommit {
    pub topic: String,
    pub topic_id: Uuid,
    pub partition: i32,
    pub offset: i64,
    /// -1 when not known.
    pub leader_epoch: i32,
    pub metadata: String,
}

/// From when an offset's retention counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionStart {
    /// From its commit.
    Commit,
    /// From this time on: when the group lost its last member.
    At(i64),
}

impl Offsets {
    pub fn of_group(&self, group_id: &str) -> Option<&TopicOffsets> {
        self.by_group.get(group_id)
    }

    pub fn get(&self, group_id: &str, topic: &str, partition: i32) -> Option<&OffsetAndMetadata> {
        self.by_group.get(group_id)?.get(topic)?.get(&partition)
    }

    /// Takes over a record: sets an offset, or removes it.
    pub fn replay(&mut self, group_id: &str, topic: &str, partition: i32, value: Option<OffsetAndMetadata>) {
        if let Some(value) = value {
            let topics = self.by_group.entry(group_id.to_owned()).or_default();
            topics.entry(topic.to_owned()).or_default().insert(partition, value);
            return;
        }
        let Some(topics) = self.by_group.get_mut(group_id) else {
            return;
        };
        if let Some(partitions) = topics.get_mut(topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                topics.remove(topic);
            }
        }
        if topics.is_empty() {
            self.by_group.remove(group_id);
        }
    }

    /// Tombstones for those offsets of a group that `which` picks.
    pub fn tombstones(
        &self,
        group_id: &str,
        mut which: impl FnMut(&str, i32, &OffsetAndMetadata) -> bool,
    ) -> Vec<Record> {
        let mut records = Vec::new();
        for (topic, partitions) in self.by_group.get(group_id).into_iter().flatten() {
            for (partition, offset) in partitions {
                if which(topic, *partition, offset) {
                    records.push(tombstone(group_id, topic, *partition));
                }
            }
        }
        records
    }

    pub fn count(&self, group_id: &str) -> usize {
        self.by_group
            .get(group_id)
            .map_or(0, |topics| topics.values().map(BTreeMap::len).sum())
    }

    pub fn group_ids(&self) -> impl Iterator<Item = &String> {
        self.by_group.keys()
    }
}

pub(super) fn tombstone(group_id: &str, topic: &str, partition: i32) -> Record {
    Record::OffsetCommit {
        group_id: group_id.to_owned(),
        topic: topic.to_owned(),
        partition,
        value: None,
    }
}

impl PartitionCommit {
    pub(super) fn record(&self, group_id: &str, now_ms: i64, retention_ms: Option<i64>) -> Record {
        let value = OffsetAndMetadata {
            offset: self.offset,
            leader_epoch: self.leader_epoch,
            metadata: self.metadata.clone(),
            commit_timestamp_ms: now_ms,
            expire_timestamp_ms: retention_ms.map(|retention_ms| now_ms.saturating_add(retention_ms)),
            topic_id: self.topic_id,
        };
        Record::OffsetCommit {
            group_id: group_id.to_owned(),
            topic: self.topic.clone(),
            partition: self.partition,
            value: Some(value),
        }
    }
}

impl OffsetAndMetadata {
    /// Whether its time is over. A retention that came with the commit goes before the broker's.
    pub fn is_expired(&self, start: RetentionStart, now_ms: i64, retention_ms: i64) -> bool {
        if let Some(expire_timestamp_ms) = self.expire_timestamp_ms {
            return now_ms >= expire_timestamp_ms;
        }
        let start_ms = match start {
            RetentionStart::Commit => self.commit_timestamp_ms,
            RetentionStart::At(time_ms) => time_ms,
        };
        now_ms.saturating_sub(start_ms) >= retention_ms
    }
}
