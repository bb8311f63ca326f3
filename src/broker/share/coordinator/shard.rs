//! The share partitions of one partition of `__share_group_state` (Kafka: `ShareCoordinatorShard`), as a state machine:
//! each call leaves in the turn the record to append; [`StateShard::replay`] builds the same state from records alone.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::records::{ShareKey, Snapshot, StateBatch, StateRecord, Update};
use crate::broker::share::runs::{Run, Runs};
use crate::wire::ErrorCode;

/// What a write changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateWrite {
    pub state_epoch: i32,
    /// -1 if the writer does not lead the partition.
    pub leader_epoch: i32,
    /// -1 if unchanged.
    pub start_offset: i64,
    /// -1 if not known.
    pub delivery_complete_count: i32,
    pub batches: Vec<StateBatch>,
}

/// What is kept of one share partition.
#[derive(Debug, Clone)]
struct Kept {
    snapshot_epoch: i32,
    state_epoch: i32,
    leader_epoch: i32,
    start_offset: i64,
    delivery_complete_count: i32,
    create_timestamp_ms: i64,
    write_timestamp_ms: i64,
    batches: Runs<Delivered>,
    /// Updates since the snapshot.
    updates: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delivered {
    state: i8,
    count: i16,
}

/// What a reader gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareState {
    pub state_epoch: i32,
    pub leader_epoch: i32,
    pub start_offset: i64,
    pub delivery_complete_count: i32,
    pub batches: Vec<StateBatch>,
}

impl Default for ShareState {
    /// That of a share partition of which nothing is known.
    fn default() -> Self {
        Self {
            state_epoch: 0,
            leader_epoch: 0,
            start_offset: -1,
            delivery_complete_count: -1,
            batches: Vec::new(),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct StateShard {
    states: HashMap<ShareKey, Kept>,
}

impl Kept {
    fn apply(&mut self, batches: &[StateBatch]) {
        for batch in batches.iter().filter(|batch| batch.first <= batch.last) {
            let value = Delivered {
                state: batch.state,
                count: batch.delivery_count,
            };
            self.batches.set(batch.first, batch.last, value);
        }
        self.batches.remove_below(self.start_offset);
    }

    fn batches(&self) -> Vec<StateBatch> {
        let batch = |run: Run<Delivered>| StateBatch {
            first: run.first,
            last: run.last,
            state: run.value.state,
            delivery_count: run.value.count,
        };
        self.batches.iter().map(batch).collect()
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            epoch: self.snapshot_epoch,
            state_epoch: self.state_epoch,
            leader_epoch: self.leader_epoch,
            start_offset: self.start_offset,
            delivery_complete_count: self.delivery_complete_count,
            create_timestamp_ms: self.create_timestamp_ms,
            write_timestamp_ms: self.write_timestamp_ms,
            batches: self.batches(),
        }
    }
}

impl From<Snapshot> for Kept {
    fn from(snapshot: Snapshot) -> Self {
        let mut kept = Self {
            snapshot_epoch: snapshot.epoch,
            state_epoch: snapshot.state_epoch,
            leader_epoch: snapshot.leader_epoch,
            start_offset: snapshot.start_offset,
            delivery_complete_count: snapshot.delivery_complete_count,
            create_timestamp_ms: snapshot.create_timestamp_ms,
            write_timestamp_ms: snapshot.write_timestamp_ms,
            batches: Runs::default(),
            updates: 0,
        };
        kept.apply(&snapshot.batches);
        kept
    }
}

impl StateShard {
    /// Takes over a record that is in the log. An update of another snapshot than the one known says nothing.
    pub fn replay(&mut self, record: StateRecord) {
        match record {
            StateRecord::Snapshot(key, snapshot) => {
                self.states.insert(key, snapshot.into());
            }
            StateRecord::Tombstone(key) => {
                self.states.remove(&key);
            }
            StateRecord::Update(key, update) => {
                let Some(kept) = self.states.get_mut(&key) else { return };
                if kept.snapshot_epoch != update.snapshot_epoch {
                    return;
                }
                if update.leader_epoch != -1 {
                    kept.leader_epoch = update.leader_epoch;
                }
                if update.start_offset != -1 {
                    kept.start_offset = update.start_offset;
                }
                kept.delivery_complete_count = update.delivery_complete_count;
                kept.updates += 1;
                kept.apply(&update.batches);
            }
        }
    }

    /// Begins or begins anew: what was known of the share partition is gone. `state_epoch` fences those who still write
    /// to the former state; the same call again changes nothing.
    ///
    /// # Errors
    /// FENCED_STATE_EPOCH if the state is of a later epoch.
    pub fn initialize(
        &mut self,
        key: &ShareKey,
        state_epoch: i32,
        start_offset: i64,
        now_ms: i64,
    ) -> Result<Option<StateRecord>, ErrorCode> {
        let old = self.states.get(key);
        if let Some(kept) = old
            && state_epoch != -1
            && kept.state_epoch > state_epoch
        {
            return Err(ErrorCode::FENCED_STATE_EPOCH);
        }
        let snapshot = Snapshot {
            epoch: old.map_or(0, |kept| kept.snapshot_epoch + 1),
            state_epoch,
            leader_epoch: 0,
            start_offset,
            delivery_complete_count: if start_offset == -1 { -1 } else { 0 },
            create_timestamp_ms: now_ms,
            write_timestamp_ms: now_ms,
            batches: Vec::new(),
        };
        Ok(Some(self.keep(StateRecord::Snapshot(key.clone(), snapshot))))
    }

    /// The state, for the leader of the partition; its leader epoch is remembered, so that a former leader cannot write.
    ///
    /// # Errors
    /// UNKNOWN_TOPIC_OR_PARTITION if there is none, FENCED_LEADER_EPOCH if a later leader has been here.
    pub fn read(&mut self, key: &ShareKey, leader_epoch: i32) -> Result<(ShareState, Option<StateRecord>), ErrorCode> {
        let kept = self.states.get(key).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        if leader_epoch != -1 && leader_epoch < kept.leader_epoch {
            return Err(ErrorCode::FENCED_LEADER_EPOCH);
        }
        let record = (leader_epoch > kept.leader_epoch).then(|| {
            let update = Update {
                snapshot_epoch: kept.snapshot_epoch,
                leader_epoch,
                start_offset: -1,
                delivery_complete_count: kept.delivery_complete_count,
                batches: Vec::new(),
            };
            StateRecord::Update(key.clone(), update)
        });
        let record = record.map(|record| self.keep(record));
        let state = self.summary(key).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        Ok((state, record))
    }

    /// The state, for whoever is curious.
    pub fn summary(&self, key: &ShareKey) -> Option<ShareState> {
        self.states.get(key).map(|kept| ShareState {
            state_epoch: kept.state_epoch,
            leader_epoch: kept.leader_epoch,
            start_offset: kept.start_offset,
            delivery_complete_count: kept.delivery_complete_count,
            batches: kept.batches(),
        })
    }

    /// Changes the state: an update, or after `updates_per_snapshot` of them another snapshot.
    ///
    /// # Errors
    /// UNKNOWN_TOPIC_OR_PARTITION, FENCED_LEADER_EPOCH, FENCED_STATE_EPOCH.
    pub fn write(
        &mut self,
        key: &ShareKey,
        write: &StateWrite,
        updates_per_snapshot: i32,
        now_ms: i64,
    ) -> Result<StateRecord, ErrorCode> {
        let kept = self.states.get(key).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        if write.leader_epoch != -1 && kept.leader_epoch > write.leader_epoch {
            return Err(ErrorCode::FENCED_LEADER_EPOCH);
        }
        if write.state_epoch != -1 && kept.state_epoch > write.state_epoch {
            return Err(ErrorCode::FENCED_STATE_EPOCH);
        }
        if kept.updates < updates_per_snapshot {
            let update = Update {
                snapshot_epoch: kept.snapshot_epoch,
                leader_epoch: write.leader_epoch,
                start_offset: write.start_offset,
                delivery_complete_count: write.delivery_complete_count,
                batches: write.batches.clone(),
            };
            return Ok(self.keep(StateRecord::Update(key.clone(), update)));
        }
        let mut next = kept.clone();
        next.snapshot_epoch += 1;
        next.write_timestamp_ms = now_ms;
        next.leader_epoch = next.leader_epoch.max(write.leader_epoch);
        if write.state_epoch != -1 {
            next.state_epoch = write.state_epoch;
        }
        if write.start_offset != -1 {
            next.start_offset = write.start_offset;
        }
        next.delivery_complete_count = write.delivery_complete_count;
        next.apply(&write.batches);
        Ok(self.keep(StateRecord::Snapshot(key.clone(), next.snapshot())))
    }

    /// Forgets the state. Nothing is written if there is none.
    pub fn delete(&mut self, key: &ShareKey) -> Option<StateRecord> {
        self.states
            .contains_key(key)
            .then(|| self.keep(StateRecord::Tombstone(key.clone())))
    }

    /// Forgets the states of partitions of these topics, which are gone.
    pub fn delete_topics(&mut self, topics: &HashSet<Uuid>) -> Vec<StateRecord> {
        let doomed = self.states.keys().filter(|key| topics.contains(&key.topic_id));
        let doomed: Vec<ShareKey> = doomed.cloned().collect();
        doomed.iter().filter_map(|key| self.delete(key)).collect()
    }

    /// New snapshots of share partitions whose last is `interval_ms` old, so that the log before them is needed no more.
    /// There are none once every share partition has had a second snapshot, as in Kafka.
    pub fn snapshot_cold(&mut self, interval_ms: i64, now_ms: i64) -> Vec<StateRecord> {
        let has_first = |kept: &Kept| kept.create_timestamp_ms == kept.write_timestamp_ms;
        if !self.states.values().any(has_first) {
            return Vec::new();
        }
        let is_cold = |kept: &Kept| now_ms - kept.write_timestamp_ms >= interval_ms;
        let cold = self.states.iter().filter(|(_, kept)| is_cold(kept)).map(|(key, kept)| {
            let snapshot = Snapshot {
                epoch: kept.snapshot_epoch + 1,
                write_timestamp_ms: now_ms,
                ..kept.snapshot()
            };
            StateRecord::Snapshot(key.clone(), snapshot)
        });
        let cold: Vec<StateRecord> = cold.collect();
        cold.into_iter().map(|record| self.keep(record)).collect()
    }

    /// Applies a record that is to be appended.
    fn keep(&mut self, record: StateRecord) -> StateRecord {
        self.replay(record.clone());
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ShareKey {
        ShareKey {
            group_id: "g".to_owned(),
            topic_id: uuid::Uuid::from_u128(7),
            partition: 0,
        }
    }

    fn batch(first: i64, last: i64, state: i8, delivery_count: i16) -> StateBatch {
        StateBatch {
            first,
            last,
            state,
            delivery_count,
        }
    }

    fn write(start_offset: i64, batches: &[StateBatch]) -> StateWrite {
        StateWrite {
            state_epoch: 0,
            leader_epoch: 0,
            start_offset,
            delivery_complete_count: 0,
            batches: batches.to_vec(),
        }
    }

    /// Replays what was written into another shard, and wants the same state there.
    fn restored(records: &[StateRecord]) -> StateShard {
        let mut shard = StateShard::default();
        for record in records {
            let (key, value) = record.encode();
            let decoded = StateRecord::decode(&key, value.as_deref()).unwrap().unwrap();
            assert_eq!(&decoded, record);
            shard.replay(decoded);
        }
        shard
    }

    #[test]
    fn later_batches_win_and_what_is_before_the_start_is_dropped() {
        let mut shard = StateShard::default();
        let mut records: Vec<_> = shard.initialize(&key(), 0, -1, 5).unwrap().into_iter().collect();
        records.push(shard.write(&key(), &write(0, &[batch(0, 9, 0, 1)]), 500, 6).unwrap());
        records.push(shard.write(&key(), &write(0, &[batch(3, 4, 2, 2)]), 500, 7).unwrap());
        records.push(shard.write(&key(), &write(2, &[]), 500, 8).unwrap());
        let state = restored(&records).summary(&key()).unwrap();
        assert_eq!(state.start_offset, 2);
        let expected = [batch(2, 2, 0, 1), batch(3, 4, 2, 2), batch(5, 9, 0, 1)];
        assert_eq!(state.batches, expected);
        assert_eq!(shard.summary(&key()), Some(state));
    }

    #[test]
    fn after_enough_updates_comes_a_snapshot() {
        let mut shard = StateShard::default();
        let mut records: Vec<_> = shard.initialize(&key(), 0, 0, 5).unwrap().into_iter().collect();
        for offset in 0..5 {
            let one = write(0, &[batch(offset, offset, 2, 1)]);
            records.push(shard.write(&key(), &one, 2, 6 + offset).unwrap());
        }
        let is_snapshot = |record: &StateRecord| matches!(record, StateRecord::Snapshot(..));
        let kinds: Vec<bool> = records.iter().map(is_snapshot).collect();
        assert_eq!(kinds, [true, false, false, true, false, false]);
        let StateRecord::Snapshot(_, snapshot) = &records[3] else {
            panic!()
        };
        assert_eq!(
            (
                snapshot.epoch,
                snapshot.create_timestamp_ms,
                snapshot.write_timestamp_ms
            ),
            (1, 5, 8)
        );
        assert_eq!(snapshot.batches, [batch(0, 2, 2, 1)]);
        // The snapshot and what follows it are enough.
        assert_eq!(restored(&records[3..]).summary(&key()), shard.summary(&key()));
    }

    #[test]
    fn former_leaders_and_former_states_are_fenced() {
        let mut shard = StateShard::default();
        assert_eq!(
            shard.write(&key(), &write(0, &[]), 500, 0),
            Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
        );
        shard.initialize(&key(), 3, 7, 0).unwrap();
        assert_eq!(
            shard.write(&key(), &write(0, &[]), 500, 0),
            Err(ErrorCode::FENCED_STATE_EPOCH)
        );
        let (state, record) = shard.read(&key(), 4).unwrap();
        assert_eq!((state.leader_epoch, state.start_offset), (4, 7));
        assert!(record.is_some());
        assert_eq!(shard.read(&key(), 3).unwrap_err(), ErrorCode::FENCED_LEADER_EPOCH);
        assert_eq!(shard.initialize(&key(), 2, 0, 0), Err(ErrorCode::FENCED_STATE_EPOCH));
        assert!(shard.delete_topics(&[Uuid::from_u128(8)].into()).is_empty());
        assert!(shard.delete(&key()).is_some());
        assert!(shard.delete(&key()).is_none());
        assert!(shard.summary(&key()).is_none());
    }

    #[test]
    fn cold_share_partitions_get_one_more_snapshot() {
        let mut shard = StateShard::default();
        shard.initialize(&key(), 0, 0, 5).unwrap();
        shard.write(&key(), &write(3, &[batch(4, 4, 2, 1)]), 500, 6).unwrap();
        let before = shard.summary(&key());
        assert_eq!(shard.snapshot_cold(10, 14), []);
        let records = shard.snapshot_cold(10, 15);
        let [StateRecord::Snapshot(_, snapshot)] = &records[..] else {
            panic!("{records:?}")
        };
        assert_eq!(
            (
                snapshot.epoch,
                snapshot.create_timestamp_ms,
                snapshot.write_timestamp_ms
            ),
            (1, 5, 15)
        );
        assert_eq!(restored(&records).summary(&key()), before);
        assert_eq!(shard.snapshot_cold(10, 100), [], "it has had its second");
        // Another one that has not: all that are cold get one.
        let other = ShareKey { partition: 1, ..key() };
        shard.initialize(&other, 0, 0, 100).unwrap();
        assert_eq!(shard.snapshot_cold(10, 105).len(), 1);
        assert_eq!(shard.snapshot_cold(10, 110).len(), 1);
    }

    #[test]
    fn malformed_records_are_errors() {
        let mut shard = StateShard::default();
        shard.initialize(&key(), 0, 0, 5).unwrap();
        let record = shard.write(&key(), &write(0, &[batch(0, 9, 0, 1)]), 0, 6).unwrap();
        let (key, value) = record.encode();
        let value = value.unwrap();
        for end in 0..value.len() {
            assert!(
                StateRecord::decode(&key, Some(&value[..end])).is_err(),
                "prefix of {end}"
            );
        }
        assert!(StateRecord::decode(&key[..key.len() - 1], Some(&value)).is_err());
    }
}
