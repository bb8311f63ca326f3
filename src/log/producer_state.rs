//! What the log remembers of each producer: epoch, last sequences, open transaction (Kafka: `ProducerStateManager`,
//! KIP-98, KIP-360).
//!
//! Written to `<offset>.snapshot` when a segment rolls and when the log closes, so that a restart replays only what came
//! after.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::LogError;
use super::error::code;
use super::producer_snapshot::{self, SnapshotEntry};
use super::verification::Verifications;
use super::{AppendOrigin, AppendTerms, FirstBatch, VerificationGuard, offset_file};
use crate::TopicPartition;
use crate::record::batch::decrement_sequence;
use crate::record::control::EndTxnMarker;
use crate::record::{BatchHeader, NO_PRODUCER_EPOCH, NO_SEQUENCE, NO_TIMESTAMP};

/// Suffix of a producer snapshot.
pub const SNAPSHOT_SUFFIX: &str = "snapshot";
/// Batches of a producer that are recognised when they are sent again.
const BATCHES_TO_RETAIN: usize = 5;

/// A batch that a producer appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchMetadata {
    last_seq: i32,
    last_offset: i64,
    offset_delta: i32,
    timestamp: i64,
}

impl BatchMetadata {
    fn first_seq(&self) -> i32 {
        decrement_sequence(self.last_seq, self.offset_delta)
    }

    fn first_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }
}

/// The state of one producer (Kafka: `ProducerStateEntry`).
#[derive(Debug, Clone)]
struct ProducerEntry {
    epoch: i16,
    coordinator_epoch: i32,
    last_timestamp: i64,
    current_txn_first_offset: Option<i64>,
    batches: VecDeque<BatchMetadata>,
}

impl ProducerEntry {
    fn empty() -> Self {
        ProducerEntry {
            epoch: NO_PRODUCER_EPOCH,
            coordinator_epoch: -1,
            last_timestamp: NO_TIMESTAMP,
            current_txn_first_offset: None,
            batches: VecDeque::new(),
        }
    }

    fn set_epoch(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.batches.clear();
            self.epoch = epoch;
        }
    }

    fn last_seq(&self) -> i32 {
        self.batches.back().map_or(NO_SEQUENCE, |b| b.last_seq)
    }

    fn duplicate_of(&self, header: &BatchHeader) -> Option<BatchMetadata> {
        let (first, last) = (header.base_sequence, header.last_sequence());
        (header.producer_epoch == self.epoch)
            .then(|| {
                self.batches
                    .iter()
                    .find(|b| b.first_seq() == first && b.last_seq == last)
                    .copied()
            })
            .flatten()
    }
}

/// A producer as DescribeProducers shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveProducer {
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// -1 if its last batches are not remembered.
    pub last_sequence: i32,
    pub last_timestamp: i64,
    pub coordinator_epoch: i32,
    /// First offset of the open transaction; -1 without one.
    pub current_txn_start_offset: i64,
}

/// The last thing that a producer wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LastRecord {
    /// Last offset of its last batch; `None` if a marker came after it.
    pub data_offset: Option<i64>,
    pub epoch: i16,
}

/// A transaction that a marker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CompletedTxn {
    pub producer_id: i64,
    pub first_offset: i64,
    /// Offset of the marker.
    pub last_offset: i64,
    pub aborted: bool,
}

/// What a batch will change once it is written.
#[derive(Debug)]
pub(super) struct Update {
    producer_id: i64,
    transactional: bool,
    entry: ProducerEntry,
    started_txn: Option<i64>,
    completed: Option<CompletedTxn>,
}

/// What the state says to a batch.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The batch has no producer.
    Nothing,
    /// It was appended before, at these offsets.
    Duplicate {
        first_offset: i64,
        last_offset: i64,
        timestamp: i64,
    },
    Append(Update),
}

#[derive(Debug)]
pub(super) struct ProducerState {
    topic_partition: TopicPartition,
    dir: PathBuf,
    expiration_ms: i64,
    producers: BTreeMap<i64, ProducerEntry>,
    /// First offset of each open transaction, and its producer.
    ongoing: BTreeMap<i64, i64>,
    /// First offset and marker offset of transactions whose marker is not yet below the high watermark.
    unreplicated: BTreeMap<i64, i64>,
    verifications: Verifications,
    snapshots: BTreeSet<i64>,
    map_end_offset: i64,
    last_snapshot_offset: i64,
}

impl ProducerState {
    /// An empty state over the snapshots that lie in `dir`, at these offsets.
    pub(super) fn new(
        topic_partition: TopicPartition,
        dir: &Path,
        snapshots: BTreeSet<i64>,
        expiration_ms: i64,
    ) -> Self {
        ProducerState {
            topic_partition,
            dir: dir.to_owned(),
            expiration_ms,
            producers: BTreeMap::new(),
            ongoing: BTreeMap::new(),
            unreplicated: BTreeMap::new(),
            verifications: Verifications::default(),
            snapshots,
            map_end_offset: 0,
            last_snapshot_offset: 0,
        }
    }

    pub(super) fn set_dir(&mut self, dir: &Path) {
        self.dir = dir.to_owned();
    }

    /// Takes what is known of producers from the state of another log that holds the same records. It may know more than
    /// these tell: of producers whose records are gone, and of batches that are being verified.
    pub(super) fn take_over(&mut self, other: &mut ProducerState) {
        self.expiration_ms = other.expiration_ms;
        self.producers = std::mem::take(&mut other.producers);
        self.ongoing = std::mem::take(&mut other.ongoing);
        self.unreplicated = std::mem::take(&mut other.unreplicated);
        self.verifications = std::mem::take(&mut other.verifications);
    }

    /// The state covers the log before this offset.
    pub(super) fn map_end_offset(&self) -> i64 {
        self.map_end_offset
    }

    pub(super) fn set_map_end_offset(&mut self, offset: i64) {
        self.map_end_offset = offset;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.producers.is_empty() && self.unreplicated.is_empty()
    }

    pub(super) fn has_snapshots(&self) -> bool {
        !self.snapshots.is_empty()
    }

    pub(super) fn active(&self) -> Vec<ActiveProducer> {
        self.producers
            .iter()
            .map(|(&producer_id, e)| ActiveProducer {
                producer_id,
                producer_epoch: e.epoch,
                last_sequence: e.last_seq(),
                last_timestamp: e.last_timestamp,
                coordinator_epoch: e.coordinator_epoch,
                current_txn_start_offset: e.current_txn_first_offset.unwrap_or(-1),
            })
            .collect()
    }

    /// Where each producer's last batch stands, for the cleaner.
    pub(super) fn last_records(&self) -> HashMap<i64, LastRecord> {
        let last = |e: &ProducerEntry| LastRecord {
            data_offset: e.batches.back().map(|b| b.last_offset),
            epoch: e.epoch,
        };
        self.producers.iter().map(|(&id, e)| (id, last(e))).collect()
    }

    /// Whether the producer has an open transaction here, begun in this epoch.
    pub(super) fn has_ongoing_txn(&self, producer_id: i64, epoch: i16) -> bool {
        self.producers
            .get(&producer_id)
            .is_some_and(|e| e.current_txn_first_offset.is_some() && e.epoch == epoch)
    }

    /// How long idle producers are remembered, and whether transactions are verified.
    pub(super) fn set_rules(&mut self, expiration_ms: i64, verify_transactions: bool) {
        self.expiration_ms = expiration_ms;
        self.verifications.is_enabled = verify_transactions;
    }

    /// A guard for the batch; none if it needs none. What its own client did not add to the transaction must be added
    /// even where nothing is verified.
    pub(super) fn begin_verification(&mut self, batch: &FirstBatch, now_ms: i64) -> Option<VerificationGuard> {
        let is_asked_about = self.verifications.is_enabled || batch.supports_epoch_bump;
        let needs_none = !is_asked_about || self.has_ongoing_txn(batch.producer_id, batch.producer_epoch);
        (!needs_none).then(|| self.verifications.begin(batch, now_ms))
    }

    /// The first offset that read_committed must not reach: of an open transaction, or of one whose marker is not yet
    /// replicated.
    pub(super) fn first_unstable_offset(&self) -> Option<i64> {
        let ongoing = self.ongoing.keys().next().copied();
        let unreplicated = self.unreplicated.keys().next().copied();
        [ongoing, unreplicated].into_iter().flatten().min()
    }

    pub(super) fn on_high_watermark(&mut self, high_watermark: i64) {
        self.unreplicated.retain(|_, &mut marker| marker >= high_watermark);
    }

    /// Forgets producers that wrote nothing for long and have no transaction open.
    pub(super) fn remove_expired(&mut self, now_ms: i64) {
        let expiration_ms = self.expiration_ms;
        self.producers.retain(|_, e| {
            e.current_txn_first_offset.is_some() || now_ms.saturating_sub(e.last_timestamp) < expiration_ms
        });
        self.verifications.remove_expired(now_ms, expiration_ms);
    }

    /// Judges a batch whose offsets are set. `marker` is the content of a control batch.
    ///
    /// # Errors
    /// 45 out of order sequence, 47 stale epoch, 48 no transactional write within a transaction or one that begins a
    /// transaction unverified, 52 stale coordinator.
    pub(super) fn prepare(
        &self,
        header: &BatchHeader,
        marker: Option<EndTxnMarker>,
        terms: AppendTerms,
    ) -> Result<Verdict, LogError> {
        if !header.has_producer_id() {
            return Ok(Verdict::Nothing);
        }
        let origin = terms.origin;
        let current = self.producers.get(&header.producer_id);
        if origin == AppendOrigin::Client
            && let Some(batch) = current.and_then(|e| e.duplicate_of(header))
        {
            let (first_offset, last_offset) = (batch.first_offset(), batch.last_offset);
            return Ok(Verdict::Duplicate {
                first_offset,
                last_offset,
                timestamp: batch.timestamp,
            });
        }
        self.check_verified(header, terms)?;
        let entry = current.cloned().unwrap_or_else(ProducerEntry::empty);
        let mut update = Update {
            producer_id: header.producer_id,
            transactional: header.is_transactional(),
            entry,
            started_txn: None,
            completed: None,
        };
        if header.is_control() {
            let Some(marker) = marker else {
                return Ok(Verdict::Nothing); // the cleaner left an empty control batch
            };
            self.check_epoch(header, &update.entry, terms)?;
            self.end_txn(header, marker, &mut update, origin)?;
            return Ok(Verdict::Append(update));
        }
        self.check_epoch(header, &update.entry, terms)?;
        if origin == AppendOrigin::Client {
            self.check_sequence(header, &update.entry)?;
        }
        self.data(header, &mut update)?;
        Ok(Verdict::Append(update))
    }

    /// A transaction begins here only if its coordinator knows that it does.
    fn check_verified(&self, header: &BatchHeader, terms: AppendTerms) -> Result<(), LogError> {
        let is_checked = matches!(terms.origin, AppendOrigin::Client | AppendOrigin::Coordinator)
            && header.is_transactional()
            && !header.is_control();
        if !is_checked
            || self.has_ongoing_txn(header.producer_id, header.producer_epoch)
            || self.verifications.verify(header.producer_id, terms.guard)
        {
            return Ok(());
        }
        Err(LogError::api(
            code::INVALID_TXN_STATE,
            "Record was not part of an ongoing transaction",
        ))
    }

    fn check_epoch(&self, header: &BatchHeader, entry: &ProducerEntry, terms: AppendTerms) -> Result<(), LogError> {
        let (epoch, last) = (header.producer_epoch, entry.epoch);
        let must_rise = header.is_control() && terms.transaction_version >= 2;
        // A marker that was written but whose answer got lost comes again.
        let is_repeated_marker =
            must_rise && epoch == last && (entry.current_txn_first_offset.is_none() || epoch == i16::MAX);
        let is_new_enough = if must_rise { epoch > last } else { epoch >= last };
        if is_new_enough || is_repeated_marker || terms.origin == AppendOrigin::Replication {
            return Ok(());
        }
        Err(LogError::api(
            code::INVALID_PRODUCER_EPOCH,
            format!(
                "Epoch of producer {} at offset {} in {} is {epoch}, which is {} the last seen epoch {last} (TV{})",
                header.producer_id,
                header.base_offset,
                self.topic_partition,
                if must_rise { "<=" } else { "<" },
                terms.transaction_version
            ),
        ))
    }

    fn check_sequence(&self, header: &BatchHeader, entry: &ProducerEntry) -> Result<(), LogError> {
        let (id, seq, offset, tp) = (
            header.producer_id,
            header.base_sequence,
            header.base_offset,
            &self.topic_partition,
        );
        let refused = |why: String| Err(LogError::api(code::OUT_OF_ORDER_SEQUENCE_NUMBER, why));
        if let Some(waiting) = self.verifications.get(id) {
            if waiting.supports_epoch_bump && seq != 0 && entry.batches.is_empty() {
                return refused(format!(
                    "Invalid sequence number for producer {id} at offset {offset} in partition {tp}: {seq} \
                     (incoming seq. number). Expected sequence 0 for transactions v2 idempotent producer with no \
                     existing state."
                ));
            }
            let lowest = waiting.lowest_sequence;
            if seq > lowest {
                return refused(format!(
                    "Out of order sequence number for producer {id} at offset {offset} in partition {tp}: {seq} \
                     (incoming seq. number), {lowest} (earliest seen sequence)"
                ));
            }
        }
        if header.producer_epoch != entry.epoch {
            if seq == 0 || entry.epoch == NO_PRODUCER_EPOCH {
                return Ok(());
            }
            return refused(format!(
                "Invalid sequence number for new epoch of producer {id}at offset {offset} in partition {tp}: {} \
                 (request epoch), {seq} (seq. number), {} (current producer epoch)",
                header.producer_epoch, entry.epoch
            ));
        }
        let last = entry.last_seq();
        let in_sequence = i64::from(seq) == i64::from(last) + 1 || (seq == 0 && last == i32::MAX);
        if in_sequence || entry.epoch == NO_PRODUCER_EPOCH {
            return Ok(());
        }
        refused(format!(
            "Out of order sequence number for producer {id} at offset {offset} in partition {tp}: {seq} \
             (incoming seq. number), {last} (current end sequence number)"
        ))
    }

    fn data(&self, header: &BatchHeader, update: &mut Update) -> Result<(), LogError> {
        let entry = &mut update.entry;
        entry.set_epoch(header.producer_epoch);
        if entry.batches.len() == BATCHES_TO_RETAIN {
            entry.batches.pop_front();
        }
        entry.batches.push_back(BatchMetadata {
            last_seq: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        });
        entry.last_timestamp = header.max_timestamp;
        match (entry.current_txn_first_offset, header.is_transactional()) {
            (Some(_), false) => Err(LogError::api(
                code::INVALID_TXN_STATE,
                format!(
                    "Expected transactional write from producer {} at offset {} in partition {}",
                    header.producer_id, header.base_offset, self.topic_partition
                ),
            )),
            (None, true) => {
                entry.current_txn_first_offset = Some(header.base_offset);
                update.started_txn = Some(header.base_offset);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end_txn(
        &self,
        header: &BatchHeader,
        marker: EndTxnMarker,
        update: &mut Update,
        origin: AppendOrigin,
    ) -> Result<(), LogError> {
        let entry = &mut update.entry;
        if entry.coordinator_epoch > marker.coordinator_epoch && origin != AppendOrigin::Replication {
            return Err(LogError::api(
                code::TRANSACTION_COORDINATOR_FENCED,
                format!(
                    "Invalid coordinator epoch for producerId {} at offset {} in partition {}: {} (zombie), {} (current)",
                    header.producer_id,
                    header.base_offset,
                    self.topic_partition,
                    marker.coordinator_epoch,
                    entry.coordinator_epoch
                ),
            ));
        }
        update.completed = entry.current_txn_first_offset.take().map(|first_offset| CompletedTxn {
            producer_id: header.producer_id,
            first_offset,
            last_offset: header.base_offset,
            aborted: !marker.committed,
        });
        entry.set_epoch(header.producer_epoch);
        entry.coordinator_epoch = marker.coordinator_epoch;
        entry.last_timestamp = header.max_timestamp;
        Ok(())
    }

    /// Takes over what a written batch changed. Returns the transaction that it ended and the last stable offset then.
    pub(super) fn commit(&mut self, update: Update) -> Option<(CompletedTxn, i64)> {
        if update.transactional {
            self.verifications.clear(update.producer_id);
        }
        if let Some(first_offset) = update.started_txn {
            self.ongoing.insert(first_offset, update.producer_id);
        }
        self.producers.insert(update.producer_id, update.entry);
        let completed = update.completed?;
        let other = self
            .ongoing
            .iter()
            .find(|&(_, &id)| id != completed.producer_id)
            .map(|(&first, _)| first);
        if self.ongoing.remove(&completed.first_offset).is_some() {
            self.unreplicated.insert(completed.first_offset, completed.last_offset);
        }
        Some((completed, other.unwrap_or(completed.last_offset + 1)))
    }

    /// Writes a snapshot of the state up to `map_end_offset`, unless there is one.
    pub(super) fn take_snapshot(&mut self, sync: bool) -> io::Result<()> {
        if self.map_end_offset <= self.last_snapshot_offset {
            return Ok(());
        }
        let entries: Vec<SnapshotEntry> = self
            .producers
            .iter()
            .map(|(&producer_id, e)| SnapshotEntry {
                producer_id,
                epoch: e.epoch,
                last_sequence: e.last_seq(),
                last_offset: e.batches.back().map_or(-1, |b| b.last_offset),
                offset_delta: e.batches.back().map_or(0, |b| b.offset_delta),
                timestamp: e.last_timestamp,
                coordinator_epoch: e.coordinator_epoch,
                current_txn_first_offset: e.current_txn_first_offset.unwrap_or(-1),
            })
            .collect();
        producer_snapshot::write(
            &offset_file(&self.dir, self.map_end_offset, SNAPSHOT_SUFFIX),
            &entries,
            sync,
        )?;
        self.snapshots.insert(self.map_end_offset);
        self.last_snapshot_offset = self.map_end_offset;
        Ok(())
    }

    /// Goes back to the newest snapshot at or before `end_offset`; later ones and those not above `start_offset` go away.
    pub(super) fn truncate_and_reload(&mut self, start_offset: i64, end_offset: i64, now_ms: i64) -> io::Result<()> {
        let outside: Vec<i64> = self
            .snapshots
            .iter()
            .copied()
            .filter(|&o| o > end_offset || o <= start_offset)
            .collect();
        for offset in outside {
            self.remove_snapshot(offset)?;
        }
        if self.map_end_offset == end_offset {
            return Ok(());
        }
        self.clear();
        while let Some(&offset) = self.snapshots.last() {
            match producer_snapshot::read(&offset_file(&self.dir, offset, SNAPSHOT_SUFFIX)) {
                Ok(entries) => {
                    self.load(entries, now_ms);
                    self.map_end_offset = offset;
                    self.last_snapshot_offset = offset;
                    return Ok(());
                }
                Err(LogError::Io(e)) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                Err(_) => self.remove_snapshot(offset)?,
            }
        }
        self.map_end_offset = start_offset;
        self.last_snapshot_offset = start_offset;
        Ok(())
    }

    fn load(&mut self, entries: Vec<SnapshotEntry>, now_ms: i64) {
        for e in entries {
            let current_txn_first_offset = (e.current_txn_first_offset >= 0).then_some(e.current_txn_first_offset);
            if current_txn_first_offset.is_none() && now_ms.saturating_sub(e.timestamp) >= self.expiration_ms {
                continue;
            }
            self.ongoing
                .extend(current_txn_first_offset.map(|first| (first, e.producer_id)));
            let batch = (e.last_offset >= 0).then_some(BatchMetadata {
                last_seq: e.last_sequence,
                last_offset: e.last_offset,
                offset_delta: e.offset_delta,
                timestamp: e.timestamp,
            });
            let entry = ProducerEntry {
                epoch: e.epoch,
                coordinator_epoch: e.coordinator_epoch,
                last_timestamp: e.timestamp,
                current_txn_first_offset,
                batches: batch.into_iter().collect(),
            };
            self.producers.insert(e.producer_id, entry);
        }
    }

    fn clear(&mut self) {
        self.producers.clear();
        self.ongoing.clear();
        self.unreplicated.clear();
    }

    /// Forgets everything; the log is empty and begins at `offset`.
    pub(super) fn truncate_fully(&mut self, offset: i64) -> io::Result<()> {
        self.clear();
        for snapshot in self.snapshots.clone() {
            self.remove_snapshot(snapshot)?;
        }
        self.last_snapshot_offset = 0;
        self.map_end_offset = offset;
        Ok(())
    }

    pub(super) fn on_log_start(&mut self, start_offset: i64) {
        self.unreplicated.retain(|_, &mut marker| marker >= start_offset);
        self.map_end_offset = self.map_end_offset.max(start_offset);
        self.last_snapshot_offset = self.snapshots.last().copied().unwrap_or(start_offset);
    }

    /// Removes snapshots that no segment needs: all but those at segment bases and the newest.
    pub(super) fn retain_snapshots(&mut self, needed: impl Fn(i64) -> bool) -> io::Result<()> {
        let newest = self.snapshots.last().copied();
        let stray: Vec<i64> = self
            .snapshots
            .iter()
            .copied()
            .filter(|&o| Some(o) != newest && !needed(o))
            .collect();
        stray.into_iter().try_for_each(|offset| self.remove_snapshot(offset))
    }

    pub(super) fn remove_snapshot(&mut self, offset: i64) -> io::Result<()> {
        if self.snapshots.remove(&offset) {
            match fs::remove_file(offset_file(&self.dir, offset, SNAPSHOT_SUFFIX)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }
}
