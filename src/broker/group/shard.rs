//! The groups and offsets of one partition of `__consumer_offsets` (Kafka: `GroupCoordinatorShard`).
//!
//! A state machine: each call takes a [`Turn`] with the time in it, changes the groups, and leaves in the turn the records
//! to append and the parked requests to answer. [`Shard::replay`] builds the same state from the records alone.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::classic::{CONSUMER_PROTOCOL_TYPE, ClassicGroup, JoinRequest, State, SyncRequest, join_error, sync_error};
use super::consumer::records::ConsumerRecord;
use super::consumer::{ConsumerGroup, HeartbeatAnswer, HeartbeatRequest, JOIN_EPOCH};
use super::membership::GroupError;
use super::offsets::{OffsetCommit, Offsets, RetentionStart, TopicOffsets, tombstone};
use super::pending::PendingOffsets;
use super::records::Record;
use super::share::records::ShareRecord;
use super::share::{SHARE_PROTOCOL_TYPE, ShareGroup};
use super::streams::records::StreamsRecord;
use super::streams::{STREAMS_PROTOCOL_TYPE, StreamsGroup};
use super::turn::{Reply, ReplyId, Turn};
use crate::broker::replica::TxnProducer;
use crate::wire::error::ErrorCode;

/// Kafka: `Group`.
#[derive(Debug)]
pub enum Group {
    Classic(ClassicGroup),
    Consumer(ConsumerGroup),
    Share(ShareGroup),
    Streams(StreamsGroup),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Shard {
    groups: HashMap<String, Group>,
    offsets: Offsets,
    pending: PendingOffsets,
}

/// A row of ListGroups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    pub group_id: String,
    pub protocol_type: String,
    pub state: &'static str,
    pub group_type: &'static str,
}

impl Group {
    /// The state's name in Kafka.
    pub fn state_name(&self) -> &'static str {
        match self {
            Self::Classic(group) => group.state().name(),
            Self::Consumer(group) => group.state().name(),
            Self::Share(group) => group.state_name(),
            Self::Streams(group) => group.state_name(),
        }
    }

    /// `classic`, `consumer`, `share` or `streams`, in the spelling of ListGroups.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Classic(_) => "classic",
            Self::Consumer(_) => "consumer",
            Self::Share(_) => "share",
            Self::Streams(_) => "streams",
        }
    }

    pub fn protocol_type(&self) -> &str {
        match self {
            Self::Classic(group) => group.protocol_type(),
            Self::Consumer(_) => CONSUMER_PROTOCOL_TYPE,
            Self::Share(_) => SHARE_PROTOCOL_TYPE,
            Self::Streams(_) => STREAMS_PROTOCOL_TYPE,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_empty(),
            Self::Consumer(group) => group.is_empty(),
            Self::Share(group) => group.is_empty(),
            Self::Streams(group) => group.is_empty(),
        }
    }

    /// Whether somebody was given a member id and is about to join with it.
    fn has_pending_members(&self) -> bool {
        match self {
            Self::Classic(group) => group.has_pending_members(),
            Self::Consumer(_) | Self::Share(_) | Self::Streams(_) => false,
        }
    }

    fn is_subscribed_to(&self, topic: &str) -> bool {
        match self {
            Self::Classic(group) => group.is_subscribed_to(topic),
            Self::Consumer(group) => group.is_subscribed_to(topic),
            Self::Share(group) => group.is_subscribed_to(topic),
            Self::Streams(group) => group.is_subscribed_to(topic),
        }
    }

    fn next_deadline_ms(&self) -> Option<i64> {
        match self {
            Self::Classic(group) => group.next_deadline_ms(),
            Self::Consumer(group) => group.next_deadline_ms(),
            Self::Share(group) => group.next_deadline_ms(),
            Self::Streams(group) => group.next_deadline_ms(),
        }
    }

    /// From when unused offsets of the group count as old; `None` while its state says nothing about that.
    fn retention_start(&self) -> Option<RetentionStart> {
        match self {
            Self::Classic(group) if group.protocol_type().is_empty() => Some(RetentionStart::Commit),
            Self::Classic(group) if group.is_empty() => Some(
                group
                    .state_since_ms()
                    .map_or(RetentionStart::Commit, RetentionStart::At),
            ),
            Self::Classic(group) => {
                let knows_topics = group.uses_consumer_protocol() && group.subscribed_topics().is_some();
                (knows_topics && group.state() == State::Stable).then_some(RetentionStart::Commit)
            }
            Self::Consumer(_) | Self::Streams(_) => Some(RetentionStart::Commit),
            // Its offsets are the share coordinator's, and do not expire.
            Self::Share(_) => None,
        }
    }
}

impl Shard {
    /// Takes over a record that is in the log and belongs to the transaction of a producer, if there is one. An offset then
    /// counts when the transaction is committed.
    pub fn replay_of(&mut self, producer_id: Option<i64>, record: Record) {
        match (producer_id, record) {
            (
                Some(producer_id),
                Record::OffsetCommit {
                    group_id,
                    topic,
                    partition,
                    value: Some(value),
                },
            ) => {
                self.ensure_group(&group_id);
                self.pending.add(producer_id, &group_id, (topic, partition), value);
            }
            (_, record) => self.replay(record),
        }
    }

    /// Takes over the end of a transaction that is in the log.
    pub fn end_transaction(&mut self, producer_id: i64, is_commit: bool) {
        for committed in self.pending.end(producer_id, is_commit) {
            let (topic, partition) = (&committed.topic, committed.partition);
            self.offsets
                .replay(&committed.group_id, topic, partition, Some(committed.value));
        }
    }

    /// A group that only has offsets: nobody ever joined, or the group's own record comes later.
    fn ensure_group(&mut self, group_id: &str) {
        if !self.groups.contains_key(group_id) {
            let group = ClassicGroup::new(group_id, 0);
            self.groups.insert(group_id.to_owned(), Group::Classic(group));
        }
    }

    /// Takes over a record that is in the log.
    pub fn replay(&mut self, record: Record) {
        match record {
            Record::OffsetCommit {
                group_id,
                topic,
                partition,
                value,
            } => {
                if value.is_some() {
                    self.ensure_group(&group_id);
                    self.pending.supersede(&group_id, &topic, partition);
                } else {
                    self.pending.remove(&group_id, &topic, partition);
                }
                self.offsets.replay(&group_id, &topic, partition, value);
            }
            Record::GroupMetadata {
                group_id,
                value: Some(value),
            } => {
                let group = ClassicGroup::from_record(&group_id, value);
                self.groups.insert(group_id, Group::Classic(group));
            }
            Record::GroupMetadata { group_id, value: None } => {
                self.groups.remove(&group_id);
            }
            Record::Consumer {
                group_id,
                record: ConsumerRecord::GroupMetadata(None),
            } => {
                self.groups.remove(&group_id);
            }
            Record::Consumer { group_id, record } => self.consumer_group(&group_id).replay(record),
            Record::Share {
                group_id,
                record: ShareRecord::GroupMetadata(None),
            } => {
                self.groups.remove(&group_id);
            }
            Record::Share { group_id, record } => self.replay_share(&group_id, record),
            Record::Streams {
                group_id,
                record: StreamsRecord::GroupMetadata(None),
            } => {
                self.groups.remove(&group_id);
            }
            Record::Streams { group_id, record } => self.replay_streams(&group_id, record),
        }
    }

    /// Starts the sessions of all groups, after the last record was replayed.
    pub fn on_loaded(&mut self, turn: &mut Turn<'_>) {
        for group in self.groups.values_mut() {
            match group {
                Group::Classic(group) => group.on_loaded(turn),
                Group::Consumer(group) => group.on_loaded(turn),
                Group::Share(group) => group.on_loaded(turn),
                Group::Streams(group) => group.on_loaded(turn),
            }
        }
    }

    /// The group of that name as one of the consumer protocol; a group of another kind, of which there must be no more
    /// than its offsets, makes way.
    fn consumer_group(&mut self, group_id: &str) -> &mut ConsumerGroup {
        let group = self
            .groups
            .entry(group_id.to_owned())
            .or_insert_with(|| Group::Consumer(ConsumerGroup::new(group_id)));
        if !matches!(group, Group::Consumer(_)) {
            *group = Group::Consumer(ConsumerGroup::new(group_id));
        }
        match group {
            Group::Consumer(group) => group,
            Group::Classic(_) | Group::Share(_) | Group::Streams(_) => unreachable!("it was replaced above"),
        }
    }

    /// Answers every parked request with `error`: this node is no longer the coordinator.
    pub fn abandon(self, error: ErrorCode) -> Vec<(ReplyId, Reply)> {
        let classic = self.groups.values().filter_map(|group| match group {
            Group::Classic(group) => Some(group),
            Group::Consumer(_) | Group::Share(_) | Group::Streams(_) => None,
        });
        classic.flat_map(|group| group.parked_errors(error)).collect()
    }

    /// A tombstone makes no group.
    fn replay_streams(&mut self, group_id: &str, record: StreamsRecord) {
        if let Some(Group::Streams(group)) = self.groups.get_mut(group_id) {
            return group.replay(record);
        }
        // Committed offsets alone stand as a classic group, which makes way.
        let is_free = self
            .groups
            .get(group_id)
            .is_none_or(|group| matches!(group, Group::Classic(g) if g.is_empty()));
        if is_free && !record.is_tombstone() {
            let mut group = StreamsGroup::new(group_id);
            group.replay(record);
            self.groups.insert(group_id.to_owned(), Group::Streams(group));
        }
    }

    /// A tombstone makes no group.
    fn replay_share(&mut self, group_id: &str, record: ShareRecord) {
        if let Some(Group::Share(group)) = self.groups.get_mut(group_id) {
            return group.replay(record);
        }
        let mut group = ShareGroup::new(group_id);
        let is_tombstone = self.groups.contains_key(group_id) || record.is_tombstone();
        if !is_tombstone {
            group.replay(record);
            self.groups.insert(group_id.to_owned(), Group::Share(group));
        }
    }

    pub fn group(&self, group_id: &str) -> Option<&Group> {
        self.groups.get(group_id)
    }

    pub(super) fn group_mut(&mut self, group_id: &str) -> Option<&mut Group> {
        self.groups.get_mut(group_id)
    }

    /// Takes in a group whose records are in the turn already.
    pub(super) fn insert_group(&mut self, group_id: &str, group: Group) {
        self.groups.insert(group_id.to_owned(), group);
    }

    /// All groups, in no order.
    pub fn groups(&self) -> impl Iterator<Item = (&String, &Group)> {
        self.groups.iter()
    }

    pub fn next_deadline_ms(&self, group_id: &str) -> Option<i64> {
        self.groups.get(group_id)?.next_deadline_ms()
    }

    /// Does what is due in one group.
    pub fn on_time(&mut self, turn: &mut Turn<'_>, group_id: &str) {
        match self.groups.get_mut(group_id) {
            Some(Group::Classic(group)) => group.on_time(turn),
            Some(Group::Consumer(group)) => {
                group.on_time(turn);
                self.downgrade_if_due(turn, group_id);
            }
            Some(Group::Share(group)) => group.on_time(turn),
            Some(Group::Streams(group)) => group.on_time(turn),
            None => {}
        }
    }

    /// JoinGroup. A group comes to be with its first member; an empty one of the consumer protocol becomes classic.
    pub fn join(&mut self, turn: &mut Turn<'_>, group_id: &str, request: JoinRequest) {
        if let Some(Group::Share(_) | Group::Streams(_)) = self.groups.get(group_id) {
            let response = join_error(&request.member_id, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
            turn.replies.push((request.reply, Reply::Join(response)));
            return;
        }
        if let Some(Group::Consumer(group)) = self.groups.get_mut(group_id) {
            if !group.is_empty() {
                let response = group.join_classic(turn, &request);
                turn.replies.push((request.reply, Reply::Join(response)));
                return self.downgrade_if_due(turn, group_id);
            }
            if request.member_id.is_empty() {
                let tombstones = group.tombstones();
                self.write_all(turn, tombstones);
            }
        }
        let is_new = !matches!(self.groups.get(group_id), Some(Group::Classic(_)));
        if is_new && !request.member_id.is_empty() {
            let response = join_error(&request.member_id, ErrorCode::UNKNOWN_MEMBER_ID);
            turn.replies.push((request.reply, Reply::Join(response)));
            return;
        }
        let group = self
            .groups
            .entry(group_id.to_owned())
            .or_insert_with(|| Group::Classic(ClassicGroup::new(group_id, turn.now_ms)));
        let Group::Classic(group) = group else { return };
        if is_new {
            turn.records.push(group.birth_record());
        }
        group.join(turn, request);
    }

    /// ConsumerGroupHeartbeat. A group comes to be with its first member; a classic one of consumers changes its protocol.
    pub fn consumer_heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        group_id: &str,
        request: &HeartbeatRequest,
    ) -> Result<HeartbeatAnswer, GroupError> {
        let not_one = || {
            let text = format!("Group {group_id} is not a consumer group.");
            GroupError::new(ErrorCode::GROUP_ID_NOT_FOUND, text)
        };
        let is_joining = request.member_epoch == JOIN_EPOCH;
        let has_members = matches!(self.groups.get(group_id), Some(Group::Classic(group)) if !group.is_empty());
        if is_joining && has_members && !self.upgrade(turn, group_id) {
            return Err(not_one());
        }
        match self.groups.get_mut(group_id) {
            Some(Group::Consumer(group)) => {
                let answer = group.heartbeat(turn, request);
                self.downgrade_if_due(turn, group_id);
                return answer;
            }
            Some(Group::Classic(_)) if !is_joining => return Err(not_one()),
            Some(Group::Share(_) | Group::Streams(_)) => return Err(not_one()),
            None if !is_joining => {
                let text = format!("Consumer group {group_id} not found.");
                return Err(GroupError::new(ErrorCode::GROUP_ID_NOT_FOUND, text));
            }
            Some(Group::Classic(_)) => self.bury(turn, group_id),
            None => {}
        }
        let answer = self.consumer_group(group_id).heartbeat(turn, request);
        if answer.is_err() && self.groups.get(group_id).is_some_and(Group::is_empty) && turn.records.is_empty() {
            self.groups.remove(group_id);
        }
        answer
    }

    /// SyncGroup.
    pub fn sync(&mut self, turn: &mut Turn<'_>, group_id: &str, request: SyncRequest) {
        match self.groups.get_mut(group_id) {
            Some(Group::Classic(group)) => group.sync(turn, request),
            Some(Group::Consumer(group)) => {
                let response = group.sync_classic(turn, &request);
                turn.replies.push((request.reply, Reply::Sync(response)));
            }
            Some(Group::Share(_) | Group::Streams(_)) | None => {
                let response = sync_error(ErrorCode::UNKNOWN_MEMBER_ID);
                turn.replies.push((request.reply, Reply::Sync(response)));
            }
        }
    }

    /// Heartbeat.
    pub fn heartbeat(
        &mut self,
        turn: &Turn<'_>,
        group_id: &str,
        member: (&str, Option<&str>),
        generation_id: i32,
    ) -> Result<(), ErrorCode> {
        match self.groups.get_mut(group_id) {
            Some(Group::Classic(group)) => group.heartbeat(turn, member.0, member.1, generation_id),
            Some(Group::Consumer(group)) => group.heartbeat_classic(turn, member, generation_id),
            Some(Group::Share(_) | Group::Streams(_)) | None => Err(ErrorCode::UNKNOWN_MEMBER_ID),
        }
    }

    /// LeaveGroup: one result per member.
    pub fn leave(
        &mut self,
        turn: &mut Turn<'_>,
        group_id: &str,
        members: &[(String, Option<String>)],
    ) -> Vec<Result<(), ErrorCode>> {
        match self.groups.get_mut(group_id) {
            Some(Group::Classic(group)) => group.leave(turn, members),
            Some(Group::Consumer(group)) => {
                let results = group.leave_classic(turn, members);
                self.downgrade_if_due(turn, group_id);
                results
            }
            Some(Group::Share(_) | Group::Streams(_)) | None => {
                vec![Err(ErrorCode::UNKNOWN_MEMBER_ID); members.len()]
            }
        }
    }

    /// OffsetCommit: one result per partition, or one error for all of them.
    pub fn commit_offsets(
        &mut self,
        turn: &mut Turn<'_>,
        group_id: &str,
        commit: &OffsetCommit,
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        match self.groups.get_mut(group_id) {
            Some(Group::Classic(group)) => {
                let (member_id, instance_id) = (&commit.member_id, commit.instance_id.as_deref());
                group.validate_offset_commit(turn, member_id, instance_id, commit.generation_id)?;
            }
            Some(Group::Consumer(group)) => {
                let partitions = commit
                    .partitions
                    .iter()
                    .map(|partition| (partition.topic_id, partition.partition));
                let (member_epoch, api_version) = (commit.generation_id, commit.api_version);
                group.validate_offset_commit(&commit.member_id, member_epoch, api_version, partitions)?;
            }
            Some(Group::Streams(group)) => group.validate_offset_commit(&commit.member_id, commit.generation_id)?,
            Some(Group::Share(_)) => return Err(ErrorCode::GROUP_ID_NOT_FOUND),
            // From an administrator, or a consumer that assigns itself.
            None if commit.generation_id < 0 => {
                self.groups.insert(
                    group_id.to_owned(),
                    Group::Classic(ClassicGroup::new(group_id, turn.now_ms)),
                );
            }
            None if commit.api_version >= 9 => return Err(ErrorCode::GROUP_ID_NOT_FOUND),
            None => return Err(ErrorCode::ILLEGAL_GENERATION),
        }
        Ok(self.write_offsets(turn, group_id, commit, None))
    }

    /// TxnOffsetCommit: one result per partition, or one error for all of them. The offsets are pending until the
    /// producer's transaction ends.
    pub fn commit_transactional_offsets(
        &mut self,
        turn: &mut Turn<'_>,
        group_id: &str,
        producer: TxnProducer,
        commit: &OffsetCommit,
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        let (member_id, instance_id) = (&commit.member_id, commit.instance_id.as_deref());
        match self.groups.get(group_id) {
            Some(Group::Classic(group)) => {
                group.validate_transactional_offset_commit(member_id, instance_id, commit.generation_id)?;
            }
            Some(Group::Consumer(group)) => {
                group.validate_transactional_offset_commit(member_id, commit.generation_id)?;
            }
            Some(Group::Streams(group)) => {
                group.validate_transactional_offset_commit(member_id, commit.generation_id)?;
            }
            Some(Group::Share(_)) => return Err(ErrorCode::GROUP_ID_NOT_FOUND),
            None if commit.generation_id < 0 => self.ensure_group(group_id),
            None => return Err(ErrorCode::ILLEGAL_GENERATION),
        }
        turn.producer = Some(producer);
        Ok(self.write_offsets(turn, group_id, commit, Some(producer.producer_id)))
    }

    fn write_offsets(
        &mut self,
        turn: &mut Turn<'_>,
        group_id: &str,
        commit: &OffsetCommit,
        producer_id: Option<i64>,
    ) -> Vec<Result<(), ErrorCode>> {
        let mut results = Vec::with_capacity(commit.partitions.len());
        for partition in &commit.partitions {
            // Kafka counts a Java string's UTF-16 units.
            if partition.metadata.encode_utf16().count() > turn.config.offset_metadata_max_bytes {
                results.push(Err(ErrorCode::OFFSET_METADATA_TOO_LARGE));
                continue;
            }
            let record = partition.record(group_id, turn.now_ms, commit.retention_ms);
            self.replay_of(producer_id, record.clone());
            turn.records.push(record);
            results.push(Ok(()));
        }
        results
    }

    /// Whether an open transaction has an offset of the partition.
    pub fn has_pending_offset(&self, group_id: &str, topic: &str, partition: i32) -> bool {
        self.pending.contains(group_id, topic, partition)
    }

    /// Tombstones for offsets of a group, committed or pending, that `which` picks.
    fn tombstones_with_pending(&self, group_id: &str, which: impl Fn(&str, i32) -> bool) -> Vec<Record> {
        let mut records = self
            .offsets
            .tombstones(group_id, |topic, partition, _| which(topic, partition));
        let pending: BTreeSet<(&str, i32)> = self.pending.of_group(group_id).collect();
        let pending = pending
            .into_iter()
            .filter(|(topic, partition)| which(topic, *partition))
            .filter(|(topic, partition)| self.offsets.get(group_id, topic, *partition).is_none());
        records.extend(pending.map(|(topic, partition)| tombstone(group_id, topic, partition)));
        records
    }

    /// The committed offsets of a group, for a member at an epoch (both empty, or -1, from outside the group). `None` if
    /// there are none.
    pub fn offsets(&self, group_id: &str, member: (&str, i32)) -> Result<Option<&TopicOffsets>, ErrorCode> {
        match self.groups.get(group_id) {
            Some(Group::Consumer(group)) => group.validate_offset_fetch(member.0, member.1)?,
            Some(Group::Classic(_)) => {}
            Some(Group::Streams(group)) => group.validate_offset_fetch(member.0, member.1)?,
            Some(Group::Share(_)) => return Err(ErrorCode::GROUP_ID_NOT_FOUND),
            None => return Ok(None),
        }
        Ok(self.offsets.of_group(group_id))
    }

    /// OffsetDelete: one result per partition, or one error for all of them.
    pub fn delete_offsets(
        &mut self,
        turn: &mut Turn<'_>,
        group_id: &str,
        partitions: &[(String, i32)],
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        let group = self.groups.get(group_id).ok_or(ErrorCode::GROUP_ID_NOT_FOUND)?;
        match group {
            Group::Classic(group) => group.validate_offset_delete()?,
            Group::Consumer(_) | Group::Streams(_) => {}
            Group::Share(_) => return Err(ErrorCode::GROUP_ID_NOT_FOUND),
        }
        let mut results = Vec::with_capacity(partitions.len());
        let mut doomed = HashSet::new();
        for (topic, partition) in partitions {
            if group.is_subscribed_to(topic) {
                results.push(Err(ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC));
            } else {
                doomed.insert((topic.as_str(), *partition));
                results.push(Ok(()));
            }
        }
        let records = self.tombstones_with_pending(group_id, |topic, partition| doomed.contains(&(topic, partition)));
        self.write_all(turn, records);
        Ok(results)
    }

    /// DeleteGroups: takes a group without members away, with its offsets.
    pub fn delete_group(&mut self, turn: &mut Turn<'_>, group_id: &str) -> Result<(), ErrorCode> {
        match self.groups.get(group_id).ok_or(ErrorCode::GROUP_ID_NOT_FOUND)? {
            Group::Classic(group) => group.validate_delete()?,
            Group::Consumer(group) if !group.is_empty() => return Err(ErrorCode::NON_EMPTY_GROUP),
            Group::Share(group) if !group.is_empty() => return Err(ErrorCode::NON_EMPTY_GROUP),
            Group::Streams(group) if !group.is_empty() => return Err(ErrorCode::NON_EMPTY_GROUP),
            Group::Consumer(_) | Group::Share(_) | Group::Streams(_) => {}
        }
        let records = self.tombstones_with_pending(group_id, |_, _| true);
        self.write_all(turn, records);
        self.bury(turn, group_id);
        Ok(())
    }

    /// Writes the tombstones of a group itself.
    pub(super) fn bury(&mut self, turn: &mut Turn<'_>, group_id: &str) {
        let records = match self.groups.get(group_id) {
            Some(Group::Classic(_)) => vec![Record::GroupMetadata {
                group_id: group_id.to_owned(),
                value: None,
            }],
            Some(Group::Consumer(group)) => group.tombstones(),
            Some(Group::Share(group)) => group.tombstones(),
            Some(Group::Streams(group)) => group.tombstones(),
            None => return,
        };
        self.write_all(turn, records);
    }

    /// The groups whose state and type are asked for (both in small letters); an empty filter lets all through.
    pub fn list(&self, states: &HashSet<String>, types: &HashSet<String>) -> Vec<ListedGroup> {
        let wanted = |group: &&Group| {
            (states.is_empty() || states.contains(&group.state_name().to_ascii_lowercase()))
                && (types.is_empty() || types.contains(group.type_name()))
        };
        let listed = self
            .groups
            .iter()
            .filter(|(_, group)| wanted(group))
            .map(|(group_id, group)| ListedGroup {
                group_id: group_id.clone(),
                protocol_type: group.protocol_type().to_owned(),
                state: group.state_name(),
                group_type: group.type_name(),
            });
        listed.collect()
    }

    /// Removes offsets whose retention is over, and groups that have neither members nor offsets.
    pub fn expire_offsets(&mut self, turn: &mut Turn<'_>) {
        let group_ids: Vec<String> = self.groups.keys().cloned().collect();
        for group_id in group_ids {
            let Some(group) = self.groups.get(&group_id) else {
                continue;
            };
            if let Some(start) = group.retention_start() {
                let records = self.offsets.tombstones(&group_id, |topic, partition, offset| {
                    !group.is_subscribed_to(topic)
                        && offset.is_expired(start, turn.now_ms, turn.config.offsets_retention_ms)
                        && !self.pending.contains(&group_id, topic, partition)
                });
                self.write_all(turn, records);
            }
            // A share group stays until somebody deletes it.
            let is_unused = self.groups.get(&group_id).is_some_and(|group| {
                group.is_empty() && !group.has_pending_members() && !matches!(group, Group::Share(_))
            });
            if is_unused && self.offsets.count(&group_id) == 0 && !self.pending.is_open(&group_id) {
                self.bury(turn, &group_id);
            }
        }
    }

    /// Removes the offsets of topics that are gone.
    pub fn on_topics_deleted(&mut self, turn: &mut Turn<'_>, topics: &HashSet<String>) {
        for group in self.groups.values_mut() {
            if let Group::Share(group) = group {
                group.on_topics_deleted(turn, topics);
            }
        }
        let group_ids: BTreeSet<String> = self
            .offsets
            .group_ids()
            .chain(self.pending.group_ids())
            .cloned()
            .collect();
        for group_id in group_ids {
            let records = self.tombstones_with_pending(&group_id, |topic, _| topics.contains(topic));
            self.write_all(turn, records);
        }
    }

    fn write_all(&mut self, turn: &mut Turn<'_>, records: Vec<Record>) {
        for record in records {
            self.write(turn, record);
        }
    }

    /// Applies a record and hands it to the log: state that only changes this way is the same after a restart.
    fn write(&mut self, turn: &mut Turn<'_>, record: Record) {
        self.replay(record.clone());
        turn.records.push(record);
    }
}
