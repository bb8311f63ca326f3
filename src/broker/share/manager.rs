//! The share partitions this broker leads (Kafka: `SharePartitionManager`): loads them from the share coordinator when
//! they are first needed, keeps there what becomes of them, and takes records back from who kept them too long.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::coordinator::{ShareCoordinator, ShareKey, ShareState};
use super::partition::{AckBatch, AckError, Plan, SharePartition};
use super::session::{IdPartition, SessionKey, ShareSessions};
use super::settings::{GroupSettings, OffsetReset};
use crate::TopicPartition;
use crate::broker::group::share::NamedAssignment;
use crate::broker::metadata::{MetadataImage, names};
use crate::broker::node::Node;
use crate::broker::replica::waiters::Waiters;
use crate::broker::replica::{Partition, fetch::Isolation};
use crate::wire::ErrorCode;

/// One share partition, and who waits for its records.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: ShareKey,
    /// The epoch of the partition's leadership it was loaded in.
    leader_epoch: i32,
    /// Never held across an await.
    pub(super) state: Mutex<SharePartition>,
    pub(super) waiters: Waiters,
}

/// See the module.
#[derive(Debug)]
pub struct SharePartitionManager {
    node: Weak<Node>,
    coordinator: ShareCoordinator,
    sessions: ShareSessions,
    entries: Mutex<HashMap<ShareKey, Arc<Entry>>>,
    /// The earliest time a lock ends, as far as the timer task knows.
    next_wake_ms: AtomicI64,
    wake: Notify,
    /// Topics that were deleted, and whose states are to go.
    deleted_topics: Mutex<HashSet<Uuid>>,
}

impl SharePartitionManager {
    pub fn new(node: Weak<Node>, coordinator: ShareCoordinator, max_sessions: usize) -> Self {
        Self {
            node,
            coordinator,
            sessions: ShareSessions::new(max_sessions),
            entries: Mutex::default(),
            next_wake_ms: AtomicI64::new(i64::MAX),
            wake: Notify::new(),
            deleted_topics: Mutex::default(),
        }
    }

    pub fn sessions(&self) -> &ShareSessions {
        &self.sessions
    }

    /// The coordinator of the state, whether its topic is there or not.
    pub fn state(&self) -> &ShareCoordinator {
        &self.coordinator
    }

    /// The partition of `__share_group_state` that holds the share partition called so: `GROUP:TOPIC_ID:PARTITION`.
    pub fn state_partition_for(&self, name: &str) -> i32 {
        self.coordinator.partition_for_name(name)
    }

    pub(super) fn node(&self) -> Result<Arc<Node>, ErrorCode> {
        self.node.upgrade().ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)
    }

    /// The coordinator of the state; makes its topic if it is not there.
    ///
    /// # Errors
    /// COORDINATOR_NOT_AVAILABLE if the topic cannot be made.
    pub fn coordinator(&self) -> Result<&ShareCoordinator, ErrorCode> {
        let unavailable = ErrorCode::COORDINATOR_NOT_AVAILABLE;
        let node = self.node().map_err(|_| unavailable)?;
        if node.image().topic(names::SHARE_GROUP_STATE).is_none() {
            node.auto_create_topic(names::SHARE_GROUP_STATE)
                .map_err(|_| unavailable)?;
        }
        Ok(&self.coordinator)
    }

    /// The partition behind a share partition, if this broker leads it.
    pub(super) fn partition(&self, (topic_id, partition): IdPartition) -> Result<Arc<Partition>, ErrorCode> {
        let node = self.node()?;
        let image = node.image();
        let topic = image
            .topic_by_id(topic_id)
            .ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let tp = TopicPartition {
            topic: topic.name.clone(),
            partition,
        };
        node.replicas().leader(&tp)
    }

    /// The share partition, loaded if need be, and whether that was so.
    ///
    /// # Errors
    /// UNKNOWN_TOPIC_OR_PARTITION if the group was never assigned it, or why its state cannot be read.
    pub(super) fn entry(&self, group_id: &str, partition: &Partition) -> Result<(Arc<Entry>, bool), ErrorCode> {
        let key = ShareKey {
            group_id: group_id.to_owned(),
            topic_id: partition.topic_id,
            partition: partition.tp.partition,
        };
        let leader_epoch = partition.leader_epoch();
        let coordinator = self.coordinator()?;
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(&key)
            && entry.leader_epoch == leader_epoch
        {
            return Ok((entry.clone(), false));
        }
        let state = coordinator.read(&key, leader_epoch)?;
        let start_offset = self.start_offset(group_id, &state, partition)?;
        let entry = Arc::new(Entry {
            state: Mutex::new(SharePartition::new(&state, start_offset, leader_epoch)),
            key: key.clone(),
            leader_epoch,
            waiters: Waiters::default(),
        });
        entries.insert(key, entry.clone());
        Ok((entry, true))
    }

    /// Where a group begins or goes on.
    fn start_offset(&self, group_id: &str, state: &ShareState, partition: &Partition) -> Result<i64, ErrorCode> {
        let node = self.node()?;
        let settings = GroupSettings::of(&node, group_id);
        let log = partition.log()?;
        let log_start = log.log_start_offset();
        if state.start_offset >= 0 {
            return Ok(state.start_offset.max(log_start));
        }
        let end = match settings.isolation {
            Isolation::Committed => log.last_stable_offset(),
            _ => log.high_watermark(),
        };
        match settings.offset_reset {
            OffsetReset::Earliest => Ok(log_start),
            OffsetReset::Latest => Ok(end),
            OffsetReset::ByDuration(ms) => {
                let found = log.offset_for_timestamp(node.now_ms().saturating_sub(ms), end);
                let found = found.map_err(|error| ErrorCode::from(error.code()))?;
                Ok(found.map_or(end, |found| found.offset))
            }
        }
    }

    fn loaded(&self, group_id: &str, (topic_id, partition): IdPartition) -> Option<Arc<Entry>> {
        let key = ShareKey {
            group_id: group_id.to_owned(),
            topic_id,
            partition,
        };
        self.entries.lock().get(&key).cloned()
    }

    /// Takes what a member says of records it has.
    ///
    /// # Errors
    /// Those of [`SharePartition::acknowledge`], UNKNOWN_TOPIC_OR_PARTITION for a partition it cannot have records of,
    /// and those of the write.
    pub fn acknowledge(
        &self,
        session: &SessionKey,
        partition: IdPartition,
        batches: &[AckBatch],
        settings: &GroupSettings,
    ) -> Result<(), AckError> {
        let refused = |code: ErrorCode| AckError {
            code,
            message: code.message(),
        };
        AckBatch::validate_all(batches, settings.may_renew)?;
        let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        let node = self.node().map_err(refused)?;
        let entry = self
            .loaded(&session.group_id, partition)
            .ok_or_else(|| refused(unknown))?;
        let mut state = entry.state.lock();
        let plan = state.acknowledge(&session.member_id, batches, node.now_ms(), &settings.limits)?;
        self.settle(&entry, &mut state, plan).map_err(refused)
    }

    /// Keeps what is planned, does it, and wakes who waits for records.
    fn settle(&self, entry: &Entry, state: &mut SharePartition, plan: Plan) -> Result<(), ErrorCode> {
        if plan.is_empty() {
            return Ok(());
        }
        if let Some(write) = state.write_of(&plan)
            && let Err(error) = self.coordinator.write(&entry.key, &write)
        {
            // Somebody else has the state now, or nobody: it is read again before anything else happens here.
            self.forget(&entry.key);
            return Err(write_error(error));
        }
        state.apply(plan);
        entry.waiters.wake_all();
        Ok(())
    }

    /// Takes back what a member has of these partitions: its session is over.
    pub fn release(&self, session: &SessionKey, partitions: &[IdPartition]) {
        let Ok(node) = self.node() else { return };
        let settings = GroupSettings::of(&node, &session.group_id);
        for partition in partitions {
            let Some(entry) = self.loaded(&session.group_id, *partition) else {
                continue;
            };
            let mut state = entry.state.lock();
            let plan = state.release(&session.member_id, &settings.limits);
            // If it cannot be kept, the locks end by themselves.
            let _ = self.settle(&entry, &mut state, plan);
        }
    }

    /// Ends a member's session, and takes back what it has.
    pub fn close_session(&self, session: &SessionKey) {
        let partitions = self.sessions.close(session);
        self.on_session_ended(session, &partitions);
    }

    /// With the last session of a group go its share partitions: what is kept of them is enough.
    fn on_session_ended(&self, session: &SessionKey, partitions: &[IdPartition]) {
        self.release(session, partitions);
        if !self.sessions.has_group(&session.group_id) {
            self.entries.lock().retain(|key, _| key.group_id != session.group_id);
        }
    }

    /// A connection is gone, and with it those who fetched on it.
    pub fn on_connection_closed(&self, connection: u64) {
        for (session, partitions) in self.sessions.close_connection(connection) {
            self.on_session_ended(&session, &partitions);
        }
    }

    /// Takes the states of a group's partitions away.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn delete_states(&self, group_id: &str, partitions: &NamedAssignment) -> Result<(), ErrorCode> {
        if partitions.is_empty() {
            return Ok(());
        }
        let coordinator = self.coordinator()?;
        for key in keys(group_id, partitions) {
            coordinator.delete(&key)?;
            self.forget(&key);
        }
        Ok(())
    }

    /// Begins the state of a share partition, or begins it anew.
    ///
    /// # Errors
    /// FENCED_STATE_EPOCH, or why nothing can be written.
    pub fn begin_state(&self, key: &ShareKey, state_epoch: i32, start_offset: i64) -> Result<(), ErrorCode> {
        self.coordinator()?.initialize(key, state_epoch, start_offset)?;
        self.forget(key);
        Ok(())
    }

    /// Has a share partition loaded anew when it is next needed.
    pub fn forget(&self, key: &ShareKey) {
        if let Some(entry) = self.entries.lock().remove(key) {
            entry.waiters.wake_all();
        }
    }

    /// Drops share partitions of topics that are gone; what is kept of them goes soon after.
    pub fn on_metadata_changed(&self, old: &MetadataImage, new: &MetadataImage) {
        let ids = old.topics.values().map(|topic| topic.id);
        let gone: Vec<Uuid> = ids.filter(|id| new.topic_by_id(*id).is_none()).collect();
        if !gone.is_empty() {
            self.deleted_topics.lock().extend(gone);
            self.wake.notify_one();
        }
        let mut entries = self.entries.lock();
        entries.retain(|key, entry| {
            let is_there = new.topic_by_id(key.topic_id).is_some();
            if !is_there {
                entry.waiters.wake_all();
            }
            is_there
        });
    }

    /// Sees to it that locks which end at `deadline_ms` are noticed.
    pub(super) fn schedule(&self, deadline_ms: i64) {
        if self.next_wake_ms.fetch_min(deadline_ms, Ordering::SeqCst) > deadline_ms {
            self.wake.notify_one();
        }
    }

    /// Takes records back from who kept them too long, until `shutdown` turns true.
    pub async fn run(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        tokio::select! {
            () = self.run_timers() => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
    }

    async fn run_timers(&self) {
        loop {
            let Ok(now_ms) = self.node().map(|node| node.now_ms()) else {
                return;
            };
            self.next_wake_ms.store(i64::MAX, Ordering::SeqCst);
            let deleted = std::mem::take(&mut *self.deleted_topics.lock());
            if !deleted.is_empty() {
                self.coordinator.delete_topics(&deleted);
            }
            let entries: Vec<Arc<Entry>> = self.entries.lock().values().cloned().collect();
            let next = entries.iter().filter_map(|entry| self.expire(entry, now_ms)).min();
            let next = self
                .next_wake_ms
                .fetch_min(next.unwrap_or(i64::MAX), Ordering::SeqCst)
                .min(next.unwrap_or(i64::MAX));
            match u64::try_from(next.saturating_sub(now_ms)) {
                Ok(wait_ms) if next < i64::MAX => {
                    let _ = tokio::time::timeout(Duration::from_millis(wait_ms), self.wake.notified()).await;
                }
                Ok(_) => self.wake.notified().await,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    /// Ends the locks that are due, and tells when the next is.
    fn expire(&self, entry: &Entry, now_ms: i64) -> Option<i64> {
        let node = self.node().ok()?;
        let mut state = entry.state.lock();
        if state.next_deadline_ms()? <= now_ms {
            let settings = GroupSettings::of(&node, &entry.key.group_id);
            let plan = state.expire(now_ms, &settings.limits);
            // Of a state that cannot be kept nothing is left here.
            self.settle(entry, &mut state, plan).ok()?;
        }
        state.next_deadline_ms()
    }
}

/// The share partitions of a group.
pub fn keys<'a>(group_id: &'a str, partitions: &'a NamedAssignment) -> impl Iterator<Item = ShareKey> + 'a {
    partitions.iter().flat_map(move |(topic_id, (_, partitions))| {
        partitions.iter().map(move |partition| ShareKey {
            group_id: group_id.to_owned(),
            topic_id: *topic_id,
            partition: *partition,
        })
    })
}

/// What a client is told when its acknowledgement cannot be kept (Kafka: `SharePartition.fetchPersisterError`).
fn write_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::FENCED_LEADER_EPOCH => ErrorCode::NOT_LEADER_OR_FOLLOWER,
        error => error,
    }
}
