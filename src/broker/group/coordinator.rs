//! The coordinator of a node (Kafka: `GroupCoordinatorService` and `CoordinatorRuntime`): finds the shard of a group, feeds
//! it events, appends what it wants kept, and only then lets the answers out.
//!
//! A shard is loaded from its partition when it is first needed after this node came to lead the partition, and thrown
//! away when it stops leading or an append fails: what is in the log is the truth. Records are appended under the shard's
//! lock, so their order is that of the events; waiting for replication happens outside of it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot, watch};

use super::classic::{join_error, sync_error};
use super::config::GroupCoordinatorConfig;
use super::consumer::{ALL_TOPICS, ClusterView, SeenBy, Sight};
use super::records::Record;
use super::shard::Shard;
use super::turn::{Reply, ReplyId, Turn};
use crate::broker::metadata::{MetadataImage, names};
use crate::broker::replica::{TxnMarker, TxnProducer};
use crate::wire::error::ErrorCode;

/// A record's key, and its value unless it is a tombstone.
pub type KeyValue = (Bytes, Option<Bytes>);

/// Something that stands in a partition of `__consumer_offsets`.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'a> {
    Record {
        offset: i64,
        /// The producer whose transaction it belongs to.
        producer_id: Option<i64>,
        key: &'a [u8],
        value: Option<&'a [u8]>,
    },
    /// A marker.
    EndOfTransaction { producer_id: i64, committed: bool },
}

/// Takes an entry.
pub type EachEntry<'a> = dyn FnMut(Entry<'_>) + 'a;

/// `__consumer_offsets` as the coordinator needs it.
pub trait OffsetsLog: Send + Sync + 'static {
    /// Partitions of the topic; what it would have, while it does not exist. At least 1.
    fn partition_count(&self) -> i32;

    /// The epoch in which this node leads the partition; `None` if it does not.
    fn leader_epoch(&self, partition: i32) -> Option<i32>;

    /// Appends the records as one batch, within a transaction if there is a producer, and gives the offset of the last.
    fn append(
        &self,
        partition: i32,
        records: &[KeyValue],
        producer: Option<TxnProducer>,
        now_ms: i64,
    ) -> Result<i64, ErrorCode>;

    /// Appends the end of a transaction and gives its offset.
    fn append_marker(&self, partition: i32, marker: &TxnMarker, now_ms: i64) -> Result<i64, ErrorCode>;

    /// Resolves once all in-sync replicas have the record at `offset`.
    fn committed(&self, partition: i32, offset: i64) -> BoxFuture<'static, Result<(), ErrorCode>>;

    /// The cluster's topics, as this node knows them now.
    fn cluster(&self) -> Arc<dyn ClusterView>;

    /// Gives every entry of the partition, oldest first.
    fn load(&self, partition: i32, each: &mut EachEntry<'_>) -> Result<(), ErrorCode>;

    /// Has the partition begin at `offset`; what is before is deleted with its segments.
    fn delete_before(&self, partition: i32, offset: i64) -> Result<(), ErrorCode>;
}

/// Milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// See the module.
pub struct GroupCoordinator {
    config: GroupCoordinatorConfig,
    log: Arc<dyn OffsetsLog>,
    clock: Clock,
    slots: Mutex<HashMap<i32, Arc<Mutex<Slot>>>>,
    parked: Arc<Mutex<HashMap<ReplyId, oneshot::Sender<Reply>>>>,
    last_reply: AtomicU64,
    /// The earliest time any timer is set to, as far as the timer task knows.
    next_wake_ms: AtomicI64,
    wake: Notify,
    /// ClusterView that were deleted, and whose offsets are to go.
    deleted_topics: Mutex<HashSet<String>>,
    is_stopped: AtomicBool,
}

/// A shard and its timers.
#[derive(Default)]
struct Slot {
    /// The leader epoch the shard was loaded in; `None` while it is not loaded.
    epoch: Option<i32>,
    shard: Shard,
    timers: BinaryHeap<Reverse<(i64, String)>>,
    /// The earliest entry in `timers` of each group. Later ones, and those of groups without an entry here, are void.
    scheduled: HashMap<String, i64>,
}

/// Records of one event are appended in batches of about this size: a group with very many offsets may be deleted.
const MAX_BATCH_BYTES: usize = 512 * 1024;

impl fmt::Debug for GroupCoordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupCoordinator")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl GroupCoordinator {
    pub fn new(config: GroupCoordinatorConfig, log: Arc<dyn OffsetsLog>, clock: Clock) -> Self {
        Self {
            config,
            log,
            clock,
            slots: Mutex::default(),
            parked: Arc::default(),
            last_reply: AtomicU64::new(0),
            next_wake_ms: AtomicI64::new(i64::MAX),
            wake: Notify::new(),
            deleted_topics: Mutex::default(),
            is_stopped: AtomicBool::new(false),
        }
    }

    pub fn config(&self) -> &GroupCoordinatorConfig {
        &self.config
    }

    /// The partition of `__consumer_offsets` that holds a group.
    pub fn partition_for(&self, group_id: &str) -> i32 {
        partition_for(group_id, self.log.partition_count())
    }

    /// The partitions whose coordinator this node is.
    pub fn led_partitions(&self) -> Vec<i32> {
        (0..self.log.partition_count())
            .filter(|partition| self.log.leader_epoch(*partition).is_some())
            .collect()
    }

    /// A place for the answer to a request that may have to wait for others.
    pub(super) fn park(&self) -> (ReplyId, oneshot::Receiver<Reply>) {
        let id = self.last_reply.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, receiver) = oneshot::channel();
        self.parked.lock().insert(id, sender);
        (id, receiver)
    }

    /// Takes back the place of an answer that will not come.
    pub(super) fn forget(&self, id: ReplyId) {
        self.parked.lock().remove(&id);
    }

    /// Does `event` to the shard of a group, and gives its result once the records it led to are committed.
    ///
    /// Errors: NOT_COORDINATOR if another node leads the partition, or that of the append.
    pub(super) async fn event<T>(
        &self,
        group_id: &str,
        event: impl FnOnce(&mut Shard, &mut Turn<'_>) -> T,
    ) -> Result<T, ErrorCode> {
        self.event_seen(group_id, ALL_TOPICS, event).await
    }

    /// As [`Self::event`], of somebody who may describe some topics only.
    pub(super) async fn event_seen<T>(
        &self,
        group_id: &str,
        sight: Sight<'_>,
        event: impl FnOnce(&mut Shard, &mut Turn<'_>) -> T,
    ) -> Result<T, ErrorCode> {
        let partition = self.partition_for(group_id);
        let (result, commit) = self.turn(partition, Some(group_id), sight, event)?;
        commit.await?;
        Ok(result)
    }

    /// Ends a transaction in one partition: writes its marker, and the offsets that were pending count or are forgotten.
    pub(super) async fn end_transaction(&self, partition: i32, marker: &TxnMarker) -> Result<(), ErrorCode> {
        if self.is_stopped.load(Ordering::SeqCst) {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        let committed = {
            let slot = self.slot(partition);
            let mut slot = slot.lock();
            self.ensure_loaded(partition, &mut slot)?;
            let offset = self.log.append_marker(partition, marker, (self.clock)())?;
            slot.shard.end_transaction(marker.producer_id, marker.committed);
            self.log.committed(partition, offset)
        };
        committed.await
    }

    /// Looks at the shard of one partition.
    pub(super) fn read<T>(&self, partition: i32, look: impl FnOnce(&Shard) -> T) -> Result<T, ErrorCode> {
        self.turn(partition, None, ALL_TOPICS, |shard, _| look(shard))
            .map(|(result, _)| result)
    }

    /// Changes one partition's shard in ways that may touch any of its groups.
    pub(super) async fn event_for_all(
        &self,
        partition: i32,
        event: impl FnOnce(&mut Shard, &mut Turn<'_>),
    ) -> Result<(), ErrorCode> {
        let ((), commit) = self.turn(partition, None, ALL_TOPICS, event)?;
        commit.await
    }

    /// One turn of a shard. The future is ready when its records are committed; answers to parked requests go out then,
    /// even if nobody waits for the future.
    fn turn<T>(
        &self,
        partition: i32,
        group_id: Option<&str>,
        sight: Sight<'_>,
        event: impl FnOnce(&mut Shard, &mut Turn<'_>) -> T,
    ) -> Result<(T, BoxFuture<'static, Result<(), ErrorCode>>), ErrorCode> {
        if self.is_stopped.load(Ordering::SeqCst) {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        let slot = self.slot(partition);
        let mut slot = slot.lock();
        self.ensure_loaded(partition, &mut slot)?;
        let topics = self.log.cluster();
        let seen = SeenBy {
            cluster: &*topics,
            sight,
        };
        let mut turn = Turn::new((self.clock)(), &self.config, &seen);
        let result = event(&mut slot.shard, &mut turn);
        let commit = self.finish(partition, &mut slot, turn, group_id)?;
        Ok((result, commit))
    }

    fn slot(&self, partition: i32) -> Arc<Mutex<Slot>> {
        self.slots.lock().entry(partition).or_default().clone()
    }

    /// Makes the shard that of the epoch in which this node leads the partition now.
    fn ensure_loaded(&self, partition: i32, slot: &mut Slot) -> Result<(), ErrorCode> {
        let epoch = self.log.leader_epoch(partition);
        if slot.epoch.is_some() && slot.epoch == epoch {
            return Ok(());
        }
        self.abandon(slot, ErrorCode::NOT_COORDINATOR);
        let epoch = epoch.ok_or(ErrorCode::NOT_COORDINATOR)?;
        let mut shard = Shard::default();
        let mut malformed = 0usize;
        self.log.load(partition, &mut |entry| match entry {
            Entry::Record {
                producer_id,
                key,
                value,
                ..
            } => match Record::decode(key, value) {
                Ok(Some(record)) => shard.replay_of(producer_id, record),
                Ok(None) => {}
                Err(_) => malformed += 1,
            },
            Entry::EndOfTransaction { producer_id, committed } => shard.end_transaction(producer_id, committed),
        })?;
        if malformed > 0 {
            eprintln!("__consumer_offsets-{partition}: {malformed} records are malformed and were skipped");
        }
        let topics = self.log.cluster();
        let mut turn = Turn::new((self.clock)(), &self.config, &*topics);
        shard.on_loaded(&mut turn);
        slot.shard = shard;
        slot.epoch = Some(epoch);
        let group_ids: Vec<String> = slot.shard.groups().map(|(group_id, _)| group_id.clone()).collect();
        for group_id in &group_ids {
            self.schedule(slot, group_id);
        }
        self.finish(partition, slot, turn, None).map(drop)
    }

    /// Appends what a turn has produced and sees to its answers.
    fn finish(
        &self,
        partition: i32,
        slot: &mut Slot,
        turn: Turn<'_>,
        group_id: Option<&str>,
    ) -> Result<BoxFuture<'static, Result<(), ErrorCode>>, ErrorCode> {
        let Turn {
            now_ms,
            records,
            producer,
            replies,
            ..
        } = turn;
        let last_offset = match self.append(partition, &records, producer, now_ms) {
            Ok(last_offset) => last_offset,
            Err(error) => {
                let error = append_error(error);
                self.send_errors(replies, error);
                self.abandon(slot, error);
                return Err(error);
            }
        };
        if let Some(group_id) = group_id {
            self.schedule(slot, group_id);
        }
        let Some(last_offset) = last_offset else {
            send(&self.parked, replies);
            return Ok(futures::future::ready(Ok(())).boxed());
        };
        let parked = self.parked.clone();
        let committed = self.log.committed(partition, last_offset);
        let mut commit = async move {
            let result = committed.await.map_err(append_error);
            match result {
                Ok(()) => send(&parked, replies),
                Err(error) => send(&parked, replies.into_iter().map(|reply| failed(reply, error)).collect()),
            }
            result
        }
        .boxed();
        // Replies to others must go out even if the request that caused them is dropped while it waits.
        Ok(match (&mut commit).now_or_never() {
            Some(result) => futures::future::ready(result).boxed(),
            None => {
                let commit = tokio::spawn(commit);
                async move { commit.await.unwrap_or(Err(ErrorCode::COORDINATOR_NOT_AVAILABLE)) }.boxed()
            }
        })
    }

    fn append(
        &self,
        partition: i32,
        records: &[Record],
        producer: Option<TxnProducer>,
        now_ms: i64,
    ) -> Result<Option<i64>, ErrorCode> {
        let mut last_offset = None;
        let mut batch: Vec<KeyValue> = Vec::with_capacity(records.len());
        let mut batch_bytes = 0;
        for record in records {
            let (key, value) = record.encode();
            let bytes = key.len() + value.as_ref().map_or(0, Bytes::len);
            if batch_bytes + bytes > MAX_BATCH_BYTES && !batch.is_empty() {
                last_offset = Some(self.log.append(partition, &batch, producer, now_ms)?);
                batch.clear();
                batch_bytes = 0;
            }
            batch_bytes += bytes;
            batch.push((key, value));
        }
        if !batch.is_empty() {
            last_offset = Some(self.log.append(partition, &batch, producer, now_ms)?);
        }
        Ok(last_offset)
    }

    fn send_errors(&self, replies: Vec<(ReplyId, Reply)>, error: ErrorCode) {
        send(
            &self.parked,
            replies.into_iter().map(|reply| failed(reply, error)).collect(),
        );
    }

    /// Forgets a shard; who waits in it is told.
    fn abandon(&self, slot: &mut Slot, error: ErrorCode) {
        let shard = std::mem::take(slot).shard;
        send(&self.parked, shard.abandon(error));
    }

    /// Sets the timer of a group, if it is due earlier than known.
    fn schedule(&self, slot: &mut Slot, group_id: &str) {
        let Some(deadline_ms) = slot.shard.next_deadline_ms(group_id) else {
            return;
        };
        if slot
            .scheduled
            .get(group_id)
            .is_some_and(|scheduled_ms| *scheduled_ms <= deadline_ms)
        {
            return;
        }
        slot.scheduled.insert(group_id.to_owned(), deadline_ms);
        slot.timers.push(Reverse((deadline_ms, group_id.to_owned())));
        if self.next_wake_ms.fetch_min(deadline_ms, Ordering::SeqCst) > deadline_ms {
            self.wake.notify_one();
        }
    }

    /// Runs the coordinator's clock until `shutdown` turns true, then answers all who wait: sessions, rebalances, the
    /// expiry of offsets. Loads all shards first, so that sessions that nobody continues end.
    pub async fn run(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        tokio::select! {
            () = self.run_timers() => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
        self.is_stopped.store(true, Ordering::SeqCst);
        let slots: Vec<_> = self.slots.lock().drain().collect();
        for (_, slot) in slots {
            self.abandon(&mut slot.lock(), ErrorCode::NOT_COORDINATOR);
        }
    }

    async fn run_timers(&self) {
        let mut next_expiry_ms = (self.clock)().saturating_add(self.config.offsets_retention_check_interval_ms);
        loop {
            self.next_wake_ms.store(next_expiry_ms, Ordering::SeqCst);
            let deleted = std::mem::take(&mut *self.deleted_topics.lock());
            for partition in self.led_partitions() {
                if !deleted.is_empty() {
                    // An offset that stays behind is of no use to anybody, and expires.
                    let _ = self
                        .event_for_all(partition, |shard, turn| shard.on_topics_deleted(turn, &deleted))
                        .await;
                }
                if let Some(deadline_ms) = self.run_due(partition) {
                    self.next_wake_ms.fetch_min(deadline_ms, Ordering::SeqCst);
                }
                tokio::task::yield_now().await;
            }
            let now_ms = (self.clock)();
            if now_ms >= next_expiry_ms {
                self.expire_offsets().await;
                next_expiry_ms = now_ms.saturating_add(self.config.offsets_retention_check_interval_ms);
                continue;
            }
            let wait_ms = self.next_wake_ms.load(Ordering::SeqCst).saturating_sub(now_ms).max(0);
            let _ = tokio::time::timeout(Duration::from_millis(wait_ms as u64), self.wake.notified()).await;
        }
    }

    /// Follows a change of metadata: shards come and go with the leadership of their partitions, and offsets go with
    /// their topics.
    pub fn on_metadata_changed(&self, old: &MetadataImage, new: &MetadataImage) {
        let deleted = old
            .topics
            .keys()
            .filter(|name| !new.topics.contains_key(*name))
            .map(ToString::to_string);
        let deleted: Vec<String> = deleted.collect();
        let is_leadership_new = old.topic(names::GROUP_METADATA) != new.topic(names::GROUP_METADATA);
        if !deleted.is_empty() {
            self.on_topics_deleted(deleted);
        }
        if is_leadership_new {
            self.on_leadership_changed();
        }
    }

    /// Has the offsets of topics that are gone removed, soon.
    pub(super) fn on_topics_deleted(&self, topics: impl IntoIterator<Item = String>) {
        self.deleted_topics.lock().extend(topics);
        self.wake.notify_one();
    }

    /// Has the shards loaded of partitions this node has come to lead, and drops those it leads no more.
    pub(super) fn on_leadership_changed(&self) {
        self.wake.notify_one();
        let slots: Vec<_> = self
            .slots
            .lock()
            .iter()
            .map(|(partition, slot)| (*partition, slot.clone()))
            .collect();
        for (partition, slot) in slots {
            if self.log.leader_epoch(partition).is_none() {
                self.abandon(&mut slot.lock(), ErrorCode::NOT_COORDINATOR);
            }
        }
    }

    /// Does what is due in one shard, and tells when it is next due.
    fn run_due(&self, partition: i32) -> Option<i64> {
        let slot = self.slot(partition);
        let mut slot = slot.lock();
        self.ensure_loaded(partition, &mut slot).ok()?;
        let topics = self.log.cluster();
        let mut turn = Turn::new((self.clock)(), &self.config, &*topics);
        let mut ran = Vec::new();
        while let Some(Reverse((deadline_ms, _))) = slot.timers.peek() {
            if *deadline_ms > turn.now_ms {
                break;
            }
            let Some(Reverse((deadline_ms, group_id))) = slot.timers.pop() else {
                break;
            };
            if slot.scheduled.get(&group_id) == Some(&deadline_ms) {
                slot.scheduled.remove(&group_id);
                slot.shard.on_time(&mut turn, &group_id);
                ran.push(group_id);
            }
        }
        if !ran.is_empty() {
            // The answers are sent by the task behind this future; there is nobody else to tell.
            drop(self.finish(partition, &mut slot, turn, None).ok()?);
            for group_id in &ran {
                self.schedule(&mut slot, group_id);
            }
        }
        slot.timers.peek().map(|Reverse((deadline_ms, _))| *deadline_ms)
    }

    /// Removes offsets and groups whose retention is over.
    pub async fn expire_offsets(&self) {
        for partition in self.led_partitions() {
            // What cannot be written now is as old next time.
            let _ = self
                .event_for_all(partition, |shard, turn| shard.expire_offsets(turn))
                .await;
        }
    }
}

/// Java's `Math.abs(groupId.hashCode()) % count`, with Kafka's 0 for the one number that has no absolute value.
pub fn partition_for(group_id: &str, count: i32) -> i32 {
    let hash = group_id
        .encode_utf16()
        .fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.checked_abs().unwrap_or(0) % count.max(1)
}

fn send(parked: &Mutex<HashMap<ReplyId, oneshot::Sender<Reply>>>, replies: Vec<(ReplyId, Reply)>) {
    if replies.is_empty() {
        return;
    }
    let mut parked = parked.lock();
    for (id, reply) in replies {
        if let Some(sender) = parked.remove(&id) {
            // The client may have gone; its group will notice by its silence.
            let _ = sender.send(reply);
        }
    }
}

fn failed((id, reply): (ReplyId, Reply), error: ErrorCode) -> (ReplyId, Reply) {
    let reply = match reply {
        Reply::Join(response) => Reply::Join(join_error(&response.member_id, error)),
        Reply::Sync(_) => Reply::Sync(sync_error(error)),
    };
    (id, reply)
}

/// What a client is told when the log refuses a record: it knows coordinators, not logs.
pub(in crate::broker) fn append_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::NOT_ENOUGH_REPLICAS | ErrorCode::REQUEST_TIMED_OUT => {
            ErrorCode::COORDINATOR_NOT_AVAILABLE
        }
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::KAFKA_STORAGE_ERROR => ErrorCode::NOT_COORDINATOR,
        ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE | ErrorCode::INVALID_FETCH_SIZE => {
            ErrorCode::UNKNOWN_SERVER_ERROR
        }
        error => error,
    }
}
