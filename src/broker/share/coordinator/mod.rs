//! The share coordinator (Kafka: `ShareCoordinatorService`): keeps the delivery state of share partitions in
//! `__share_group_state`. Its callers live in this process, as the broker is the only one of its cluster: what it has
//! appended is committed.
//!
//! - `needed`: how much of the topic may be deleted
//! - `records`: what is in the topic
//! - `shard`: the state of one of its partitions, as a state machine

mod needed;
mod records;
mod shard;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

pub use records::{ShareKey, StateBatch};
pub use shard::{ShareState, StateWrite};

use crate::broker::group::OffsetsLog;
use crate::broker::group::coordinator::{Clock, Entry as LogEntry, KeyValue, partition_for};
use crate::log::log_dir::uuid_to_text;
use crate::wire::ErrorCode;
use needed::NeededRecords;
use records::StateRecord;
use shard::StateShard;

/// See the module.
pub struct ShareCoordinator {
    log: Arc<dyn OffsetsLog>,
    clock: Clock,
    /// `share.coordinator.snapshot.update.records.per.snapshot`
    updates_per_snapshot: i32,
    slots: Mutex<HashMap<i32, Arc<Mutex<Slot>>>>,
}

/// A shard, and the leader epoch it was loaded in; `None` while it is not loaded.
#[derive(Default)]
struct Slot {
    epoch: Option<i32>,
    shard: StateShard,
    needed: NeededRecords,
    /// Where the log was last made to begin.
    pruned_to: Option<i64>,
}

impl fmt::Debug for ShareCoordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShareCoordinator").finish_non_exhaustive()
    }
}

impl ShareCoordinator {
    pub fn new(log: Arc<dyn OffsetsLog>, clock: Clock, updates_per_snapshot: i32) -> Self {
        Self {
            log,
            clock,
            updates_per_snapshot,
            slots: Mutex::default(),
        }
    }

    /// The partition of `__share_group_state` that holds a share partition.
    pub fn partition_for(&self, key: &ShareKey) -> i32 {
        let name = format!("{}:{}:{}", key.group_id, uuid_to_text(key.topic_id), key.partition);
        self.partition_for_name(&name)
    }

    /// As [`Self::partition_for`], by the name that brokers give it to each other.
    pub fn partition_for_name(&self, name: &str) -> i32 {
        partition_for(name, self.log.partition_count())
    }

    /// Begins the state of a share partition, or begins it anew; a start offset of -1 leaves it to the first reader.
    ///
    /// # Errors
    /// FENCED_STATE_EPOCH, or why nothing can be written.
    pub fn initialize(&self, key: &ShareKey, state_epoch: i32, start_offset: i64) -> Result<(), ErrorCode> {
        let now_ms = (self.clock)();
        self.turn(key, |shard| {
            shard
                .initialize(key, state_epoch, start_offset, now_ms)
                .map(|record| ((), record))
        })
    }

    /// The state, for the leader of the partition.
    ///
    /// # Errors
    /// UNKNOWN_TOPIC_OR_PARTITION if there is none, FENCED_LEADER_EPOCH, or why nothing can be written.
    pub fn read(&self, key: &ShareKey, leader_epoch: i32) -> Result<ShareState, ErrorCode> {
        self.turn(key, |shard| shard.read(key, leader_epoch))
    }

    /// The state, if there is one.
    ///
    /// # Errors
    /// If the topic cannot be read.
    pub fn summary(&self, key: &ShareKey) -> Result<Option<ShareState>, ErrorCode> {
        self.turn(key, |shard| Ok((shard.summary(key), None)))
    }

    /// Changes the state.
    ///
    /// # Errors
    /// UNKNOWN_TOPIC_OR_PARTITION, FENCED_LEADER_EPOCH, FENCED_STATE_EPOCH, or why nothing can be written.
    pub fn write(&self, key: &ShareKey, write: &StateWrite) -> Result<(), ErrorCode> {
        let now_ms = (self.clock)();
        self.turn(key, |shard| {
            let record = shard.write(key, write, self.updates_per_snapshot, now_ms)?;
            Ok(((), Some(record)))
        })
    }

    /// Forgets the state.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn delete(&self, key: &ShareKey) -> Result<(), ErrorCode> {
        self.turn(key, |shard| Ok(((), shard.delete(key))))
    }

    /// Forgets the states of partitions of topics that are gone. What cannot be written stays, and is of no use.
    pub fn delete_topics(&self, topics: &HashSet<Uuid>) {
        for partition in 0..self.log.partition_count() {
            let _ = self.turn_of(partition, |shard| Ok(((), shard.delete_topics(topics))));
        }
    }

    /// Writes snapshots of share partitions whose last one is `interval_ms` old (Kafka: `snapshotColdPartitions`).
    pub fn snapshot_cold_partitions(&self, interval_ms: i64) {
        for partition in self.loaded() {
            let now_ms = (self.clock)();
            let _ = self.turn_of(partition, |shard| Ok(((), shard.snapshot_cold(interval_ms, now_ms))));
        }
    }

    /// Deletes what is before the oldest snapshot that is needed (Kafka: `ShareCoordinatorService.performRecordPruning`).
    ///
    /// # Errors
    /// The partition of the topic that could not be pruned, and why; the others are.
    pub fn prune(&self) -> Result<(), (i32, ErrorCode)> {
        let mut outcome = Ok(());
        for partition in self.loaded() {
            let slot = self.slots.lock().entry(partition).or_default().clone();
            let mut slot = slot.lock();
            let Some(offset) = slot
                .needed
                .from()
                .filter(|_| slot.epoch == self.log.leader_epoch(partition))
            else {
                continue;
            };
            if slot.pruned_to == Some(offset) {
                continue;
            }
            match self.log.delete_before(partition, offset) {
                Ok(()) => slot.pruned_to = Some(offset),
                Err(error) => outcome = Err((partition, error)),
            }
        }
        outcome
    }

    /// The partitions of the topic that were ever used.
    fn loaded(&self) -> Vec<i32> {
        self.slots.lock().keys().copied().collect()
    }

    /// One turn of a shard: its record is appended under the shard's lock, and a shard whose record could not be appended
    /// is thrown away, as what is in the log is the truth.
    fn turn<T>(
        &self,
        key: &ShareKey,
        event: impl FnOnce(&mut StateShard) -> Result<(T, Option<StateRecord>), ErrorCode>,
    ) -> Result<T, ErrorCode> {
        self.turn_of(self.partition_for(key), |shard| {
            let (result, record) = event(shard)?;
            Ok((result, record.into_iter().collect()))
        })
    }

    fn turn_of<T>(
        &self,
        partition: i32,
        event: impl FnOnce(&mut StateShard) -> Result<(T, Vec<StateRecord>), ErrorCode>,
    ) -> Result<T, ErrorCode> {
        let slot = self.slots.lock().entry(partition).or_default().clone();
        let mut slot = slot.lock();
        self.ensure_loaded(partition, &mut slot)?;
        let (result, records) = event(&mut slot.shard)?;
        if records.is_empty() {
            return Ok(result);
        }
        let encoded: Vec<KeyValue> = records.iter().map(StateRecord::encode).collect();
        let appended = self.log.append(partition, &encoded, None, (self.clock)());
        let last = appended.map_err(|error| {
            *slot = Slot::default();
            match error {
                ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::KAFKA_STORAGE_ERROR => ErrorCode::NOT_COORDINATOR,
                _ => ErrorCode::COORDINATOR_NOT_AVAILABLE,
            }
        })?;
        let first = last + 1 - records.len() as i64;
        for (offset, record) in (first..).zip(&records) {
            slot.needed.note(record, offset);
        }
        Ok(result)
    }

    fn ensure_loaded(&self, partition: i32, slot: &mut Slot) -> Result<(), ErrorCode> {
        let epoch = self.log.leader_epoch(partition);
        if slot.epoch.is_some() && slot.epoch == epoch {
            return Ok(());
        }
        *slot = Slot::default();
        let epoch = epoch.ok_or(ErrorCode::NOT_COORDINATOR)?;
        let (mut shard, mut needed) = (StateShard::default(), NeededRecords::default());
        let mut malformed = 0usize;
        self.log.load(partition, &mut |entry| {
            let LogEntry::Record { offset, key, value, .. } = entry else {
                return;
            };
            match StateRecord::decode(key, value) {
                Ok(Some(record)) => {
                    needed.note(&record, offset);
                    shard.replay(record);
                }
                Ok(None) => {}
                Err(_) => malformed += 1,
            }
        })?;
        if malformed > 0 {
            eprintln!("__share_group_state-{partition}: {malformed} records are malformed and were skipped");
        }
        slot.shard = shard;
        slot.needed = needed;
        slot.epoch = Some(epoch);
        Ok(())
    }
}
