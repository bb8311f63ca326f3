//! The coordinator of a node (Kafka: `TransactionCoordinator`, `TransactionStateManager`,
//! `TransactionMarkerChannelManager`): finds the shard of a transactional id, feeds it events, appends what it wants kept,
//! and has the markers of decided transactions written.
//!
//! A shard is loaded from its partition when it is first needed after this node came to lead the partition, and thrown away
//! when it stops leading or an append fails: what is in the log is the truth. A transaction that was decided and not
//! completed is completed after loading.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot, watch};

use super::config::TransactionConfig;
use super::records::Record;
use super::shard::{EndRequest, Ending, Filter, InitRequest, Shard, Turn};
use super::state::{ProducerIdAndEpoch, TransactionMetadata, TransactionState, TxnError};
use crate::TopicPartition;
use crate::broker::group::coordinator::{Clock, KeyValue, append_error, partition_for};
use crate::broker::replica::TxnMarker;
use crate::wire::ErrorCode;

/// Takes a record's key and value.
pub type EachRecord<'a> = dyn FnMut(&[u8], Option<&[u8]>) + 'a;

/// What the coordinator needs of its node: `__transaction_state`, producer ids, and the partitions of transactions.
pub trait TransactionLog: Send + Sync + 'static {
    /// Partitions of the topic; what it would have, while it does not exist. At least 1.
    fn partition_count(&self) -> i32;

    /// The epoch in which this node leads the partition; `None` if it does not.
    fn leader_epoch(&self, partition: i32) -> Option<i32>;

    /// Appends the records as one batch and gives the offset of the last.
    fn append(&self, partition: i32, records: &[KeyValue], now_ms: i64) -> Result<i64, ErrorCode>;

    /// Resolves once all in-sync replicas have the record at `offset`.
    fn committed(&self, partition: i32, offset: i64) -> BoxFuture<'static, Result<(), ErrorCode>>;

    /// Gives every record of the partition, oldest first.
    fn load(&self, partition: i32, each: &mut EachRecord<'_>) -> Result<(), ErrorCode>;

    /// The cluster's `transaction.version`.
    fn transaction_version(&self) -> i16;

    /// A producer id nobody had before.
    fn next_producer_id(&self) -> Result<i64, ErrorCode>;

    /// Ends a transaction in one of its partitions; `None` if there is no such partition any more.
    fn write_marker(&self, tp: &TopicPartition, marker: TxnMarker)
    -> BoxFuture<'static, Option<Result<(), ErrorCode>>>;
}

/// See the module.
pub struct TransactionCoordinator {
    config: TransactionConfig,
    log: Arc<dyn TransactionLog>,
    clock: Clock,
    slots: Mutex<HashMap<i32, Arc<Mutex<Slot>>>>,
    /// Leadership has changed, or the broker stops.
    wake: Notify,
    is_stopped: AtomicBool,
}

/// A shard.
#[derive(Default)]
struct Slot {
    /// The leader epoch the shard was loaded in; `None` while it is not loaded.
    epoch: Option<i32>,
    shard: Shard,
}

/// What a turn leaves to be done after its records are committed.
struct After {
    committed: BoxFuture<'static, Result<(), ErrorCode>>,
    coordinator_epoch: i32,
    endings: Vec<Ending>,
}

/// How long markers wait for a partition that does not take them, unless leadership changes before.
const MARKER_RETRY: Duration = Duration::from_millis(100);

impl fmt::Debug for TransactionCoordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionCoordinator")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl TransactionCoordinator {
    pub fn new(config: TransactionConfig, log: Arc<dyn TransactionLog>, clock: Clock) -> Self {
        Self {
            config,
            log,
            clock,
            slots: Mutex::default(),
            wake: Notify::new(),
            is_stopped: AtomicBool::new(false),
        }
    }

    /// The partition of `__transaction_state` that holds a transactional id.
    pub fn partition_for(&self, transactional_id: &str) -> i32 {
        partition_for(transactional_id, self.log.partition_count())
    }

    fn led_partitions(&self) -> Vec<i32> {
        (0..self.log.partition_count())
            .filter(|partition| self.log.leader_epoch(*partition).is_some())
            .collect()
    }

    /// InitProducerId with a transactional id.
    pub async fn init_producer_id(
        self: &Arc<Self>,
        transactional_id: &str,
        request: InitRequest,
    ) -> Result<ProducerIdAndEpoch, ErrorCode> {
        self.event(transactional_id, |shard, turn| {
            shard.init_producer_id(turn, transactional_id, request)
        })
        .await
    }

    /// AddPartitionsToTxn, AddOffsetsToTxn.
    pub async fn add_partitions(
        self: &Arc<Self>,
        transactional_id: &str,
        producer: ProducerIdAndEpoch,
        partitions: &[TopicPartition],
        client_version: i16,
    ) -> Result<(), ErrorCode> {
        self.event(transactional_id, |shard, turn| {
            let added = shard.add_partitions(turn, transactional_id, producer, partitions, client_version);
            added.map_err(TxnError::Api)
        })
        .await
    }

    /// Whether each of the partitions belongs to the producer's transaction.
    pub fn verify_partitions(
        self: &Arc<Self>,
        transactional_id: &str,
        producer: ProducerIdAndEpoch,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        let partition = self.partition_for(transactional_id);
        self.read(partition, |shard| {
            shard.verify_partitions(transactional_id, producer, partitions)
        })?
    }

    /// EndTxn. The transaction is decided when this returns, and its markers were sent where they could be.
    pub async fn end(
        self: &Arc<Self>,
        transactional_id: &str,
        request: EndRequest,
    ) -> Result<ProducerIdAndEpoch, ErrorCode> {
        self.event(transactional_id, |shard, turn| {
            shard.end(turn, transactional_id, request)
        })
        .await
    }

    /// DescribeTransactions, for one id.
    ///
    /// # Errors
    /// TRANSACTIONAL_ID_NOT_FOUND, NOT_COORDINATOR, INVALID_REQUEST.
    pub fn describe(self: &Arc<Self>, transactional_id: &str) -> Result<TransactionMetadata, ErrorCode> {
        if transactional_id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let partition = self.partition_for(transactional_id);
        let found = self.read(partition, |shard| shard.get(transactional_id).cloned())?;
        found.ok_or(ErrorCode::TRANSACTIONAL_ID_NOT_FOUND)
    }

    /// ListTransactions over all partitions this node coordinates, sorted by id.
    pub fn list(self: &Arc<Self>, filter: &Filter) -> Result<Vec<(String, i64, TransactionState)>, ErrorCode> {
        let now_ms = (self.clock)();
        let mut listed = Vec::new();
        for partition in self.led_partitions() {
            match self.read(partition, |shard| shard.list(now_ms, filter)) {
                Ok(rows) => listed.extend(rows),
                Err(ErrorCode::NOT_COORDINATOR) => {}
                Err(error) => return Err(error),
            }
        }
        listed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(listed)
    }

    /// Does `event` to the shard of an id, and gives its result once the records it led to are committed and its markers
    /// were sent once. An event may run twice, the second time with a fresh producer id.
    async fn event<T>(
        self: &Arc<Self>,
        transactional_id: &str,
        event: impl Fn(&mut Shard, &mut Turn<'_>) -> Result<T, TxnError>,
    ) -> Result<T, ErrorCode> {
        let partition = self.partition_for(transactional_id);
        self.event_in(partition, event).await
    }

    async fn event_in<T>(
        self: &Arc<Self>,
        partition: i32,
        event: impl Fn(&mut Shard, &mut Turn<'_>) -> Result<T, TxnError>,
    ) -> Result<T, ErrorCode> {
        let (result, after) = match self.turn(partition, None, &event)? {
            // The controller is asked while no shard is locked: it may be about to tell this coordinator something.
            (Err(TxnError::NeedsProducerId), _) => {
                let fresh = self.log.next_producer_id()?;
                self.turn(partition, Some(fresh), &event)?
            }
            done => done,
        };
        // What was decided goes on even if the request that caused it is dropped.
        if let Some(sent) = self.follow_up(partition, after)? {
            sent.await.unwrap_or(Err(ErrorCode::COORDINATOR_NOT_AVAILABLE))?;
        }
        result.map_err(|error| match error {
            TxnError::Api(code) => code,
            TxnError::NeedsProducerId => ErrorCode::UNKNOWN_SERVER_ERROR,
        })
    }

    /// One turn of a shard: its result, and what is left to do.
    fn turn<T>(
        self: &Arc<Self>,
        partition: i32,
        fresh_producer_id: Option<i64>,
        event: impl Fn(&mut Shard, &mut Turn<'_>) -> T,
    ) -> Result<(T, After), ErrorCode> {
        let slot = self.slot(partition);
        let mut slot = slot.lock();
        self.ensure_loaded(partition, &mut slot)?;
        let mut turn = Turn::new((self.clock)(), &self.config, self.log.transaction_version());
        turn.fresh_producer_id = fresh_producer_id;
        let result = event(&mut slot.shard, &mut turn);
        Ok((result, self.append(partition, &mut slot, turn)?))
    }

    fn read<T>(self: &Arc<Self>, partition: i32, look: impl FnOnce(&Shard) -> T) -> Result<T, ErrorCode> {
        let slot = self.slot(partition);
        let mut slot = slot.lock();
        self.ensure_loaded(partition, &mut slot)?;
        Ok(look(&slot.shard))
    }

    fn slot(&self, partition: i32) -> Arc<Mutex<Slot>> {
        self.slots.lock().entry(partition).or_default().clone()
    }

    /// Makes the shard that of the epoch in which this node leads the partition now.
    fn ensure_loaded(self: &Arc<Self>, partition: i32, slot: &mut Slot) -> Result<(), ErrorCode> {
        if self.is_stopped.load(Ordering::SeqCst) {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        let epoch = self.log.leader_epoch(partition);
        if slot.epoch.is_some() && slot.epoch == epoch {
            return Ok(());
        }
        *slot = Slot::default();
        let epoch = epoch.ok_or(ErrorCode::NOT_COORDINATOR)?;
        let mut malformed = 0usize;
        let shard = &mut slot.shard;
        self.log
            .load(partition, &mut |key, value| match Record::decode(key, value) {
                Ok(Some(record)) => shard.replay(record),
                Ok(None) => {}
                Err(_) => malformed += 1,
            })?;
        if malformed > 0 {
            eprintln!("__transaction_state-{partition}: {malformed} records are malformed and were skipped");
        }
        slot.epoch = Some(epoch);
        let mut turn = Turn::new((self.clock)(), &self.config, self.log.transaction_version());
        slot.shard.on_loaded(&mut turn);
        let after = self.append(partition, slot, turn)?;
        self.follow_up(partition, after).map(drop)
    }

    /// Appends what a turn wants kept.
    fn append(&self, partition: i32, slot: &mut Slot, turn: Turn<'_>) -> Result<After, ErrorCode> {
        let coordinator_epoch = slot.epoch.unwrap_or(-1);
        let mut last_offset = None;
        if !turn.records.is_empty() {
            let version = turn.transaction_version;
            let records: Result<Vec<KeyValue>, _> = turn.records.iter().map(|record| record.encode(version)).collect();
            let appended = match records {
                Ok(records) => self.append_all(partition, &records, turn.now_ms),
                // Ids are not that long, and topics that exist have names that fit.
                Err(_) => Err(ErrorCode::UNKNOWN_SERVER_ERROR),
            };
            match appended {
                Ok(offset) => last_offset = offset,
                Err(error) => {
                    *slot = Slot::default();
                    return Err(append_error(error));
                }
            }
        }
        let committed = match last_offset {
            Some(offset) => self.log.committed(partition, offset),
            None => futures::future::ready(Ok(())).boxed(),
        };
        Ok(After {
            committed,
            coordinator_epoch,
            endings: turn.endings,
        })
    }

    fn append_all(&self, partition: i32, records: &[KeyValue], now_ms: i64) -> Result<Option<i64>, ErrorCode> {
        /// Very many ids may expire at once.
        const MAX_BATCH_RECORDS: usize = 1_000;
        let mut last_offset = None;
        for batch in records.chunks(MAX_BATCH_RECORDS) {
            last_offset = Some(self.log.append(partition, batch, now_ms)?);
        }
        Ok(last_offset)
    }

    /// Sees to what a turn left: its end is told when the records are committed and the markers were sent once. `None` if
    /// all is done already.
    fn follow_up(
        self: &Arc<Self>,
        partition: i32,
        after: After,
    ) -> Result<Option<oneshot::Receiver<Result<(), ErrorCode>>>, ErrorCode> {
        let After {
            mut committed,
            coordinator_epoch,
            endings,
        } = after;
        if endings.is_empty()
            && let Some(result) = (&mut committed).now_or_never()
        {
            return result.map_err(append_error).map(|()| None);
        }
        let (tell, sent) = oneshot::channel();
        let this = self.clone();
        tokio::spawn(async move {
            if let Err(error) = committed.await {
                // Nobody may be waiting: the client has gone.
                let _ = tell.send(Err(append_error(error)));
                return;
            }
            let mut left = Vec::new();
            for ending in endings {
                left.extend(this.send_markers(partition, coordinator_epoch, ending).await);
            }
            let _ = tell.send(Ok(()));
            for ending in left {
                this.finish(partition, coordinator_epoch, ending).await;
            }
        });
        Ok(Some(sent))
    }

    /// Writes the markers of a decided transaction, and completes it when all partitions have theirs. What is left goes back.
    async fn send_markers(
        self: &Arc<Self>,
        partition: i32,
        coordinator_epoch: i32,
        mut ending: Ending,
    ) -> Option<Ending> {
        let marker = TxnMarker {
            producer_id: ending.producer.id,
            producer_epoch: ending.producer.epoch,
            coordinator_epoch,
            committed: ending.committed,
            transaction_version: ending.client_version,
        };
        let mut left = Vec::new();
        for tp in std::mem::take(&mut ending.partitions) {
            match self.log.write_marker(&tp, marker).await {
                // A topic that was deleted needs no marker.
                None | Some(Ok(()) | Err(ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT)) => {}
                // A later coordinator or producer has gone on.
                Some(Err(ErrorCode::INVALID_PRODUCER_EPOCH | ErrorCode::TRANSACTION_COORDINATOR_FENCED)) => {
                    return None;
                }
                Some(Err(_)) => left.push(tp),
            }
        }
        if !left.is_empty() {
            ending.partitions = left;
            return Some(ending);
        }
        let completed = self.turn_of_epoch(partition, coordinator_epoch, |shard, turn| {
            shard.complete(turn, &ending)
        });
        // After an error the shard is loaded anew, and finds the transaction as it was decided.
        if let Ok(after) = completed {
            let _ = after.committed.await;
        }
        None
    }

    /// As [`Self::turn`], if the shard is still that of the epoch.
    fn turn_of_epoch(
        self: &Arc<Self>,
        partition: i32,
        epoch: i32,
        event: impl Fn(&mut Shard, &mut Turn<'_>),
    ) -> Result<After, ErrorCode> {
        let slot = self.slot(partition);
        let mut slot = slot.lock();
        if slot.epoch != Some(epoch) || self.log.leader_epoch(partition) != Some(epoch) {
            return Err(ErrorCode::NOT_COORDINATOR);
        }
        let mut turn = Turn::new((self.clock)(), &self.config, self.log.transaction_version());
        event(&mut slot.shard, &mut turn);
        self.append(partition, &mut slot, turn)
    }

    /// Sends markers until all partitions have theirs or this node is no longer the one to send them.
    async fn finish(self: &Arc<Self>, partition: i32, coordinator_epoch: i32, mut ending: Ending) {
        loop {
            tokio::time::sleep(MARKER_RETRY).await;
            let is_over = self.is_stopped.load(Ordering::SeqCst);
            if is_over || self.log.leader_epoch(partition) != Some(coordinator_epoch) {
                return;
            }
            match self.send_markers(partition, coordinator_epoch, ending).await {
                Some(left) => ending = left,
                None => return,
            }
        }
    }

    /// Has the shards loaded of partitions this node has come to lead, so that what was decided in them is completed.
    pub fn on_leadership_changed(&self) {
        self.wake.notify_one();
    }

    /// Runs the coordinator's clock until `shutdown` turns true: transactions that take too long, ids that nobody uses.
    pub async fn run(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        tokio::select! {
            () = self.run_timers() => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
        self.is_stopped.store(true, Ordering::SeqCst);
    }

    async fn run_timers(self: &Arc<Self>) {
        let every = |interval_ms: i64| Duration::from_millis(u64::try_from(interval_ms).unwrap_or(0).max(1));
        let mut abort = tokio::time::interval(every(self.config.abort_interval_ms));
        let mut expire = tokio::time::interval(every(self.config.expire_interval_ms));
        for interval in [&mut abort, &mut expire] {
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            interval.tick().await; // the first comes at once
        }
        loop {
            for partition in self.led_partitions() {
                // One that cannot be read is tried again when somebody asks for it.
                let _ = self.read(partition, |_| ());
                tokio::task::yield_now().await;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                _ = abort.tick() => self.abort_timed_out().await,
                _ = expire.tick() => self.expire_ids().await,
            }
        }
    }

    /// Aborts transactions that are open for longer than their producers said.
    pub async fn abort_timed_out(self: &Arc<Self>) {
        for partition in self.led_partitions() {
            let now_ms = (self.clock)();
            let late = self.read(partition, |shard| shard.timed_out(now_ms));
            for id in late.unwrap_or_default() {
                // What cannot be written now is as late next time.
                let _ = self
                    .event_in(partition, |shard, turn| shard.abort_timed_out(turn, &id))
                    .await;
            }
        }
    }

    /// Forgets ids that nobody used for long.
    pub async fn expire_ids(self: &Arc<Self>) {
        for partition in self.led_partitions() {
            let _ = self
                .event_in(partition, |shard, turn| {
                    shard.expire(turn);
                    Ok(())
                })
                .await;
        }
    }
}
