//! What of a batch is kept (Kafka: `Cleaner.cleanInto`, `MemoryRecords.filterTo`, `CleanedTransactionMetadata`).

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use super::CleanerStats;
use super::offset_map::OffsetMap;
use crate::log::producer_state::LastRecord;
use crate::log::{AbortedTxn, LogError};
use crate::record::batch::{LOG_OVERHEAD, RECORD_BATCH_OVERHEAD};
use crate::record::control::EndTxnMarker;
use crate::record::{Batch, BatchHeader, BatchOptions, NO_TIMESTAMP, RecordBatchBuilder, TimestampType};

/// What is the same for all batches of one cleaning.
#[derive(Debug)]
pub(super) struct Round<'a> {
    pub map: &'a OffsetMap,
    pub txns: TxnTracker,
    pub last_records: &'a HashMap<i64, LastRecord>,
    /// The batch that ends here is kept even if empty, so that the end is not lost.
    pub end_offset: i64,
    pub delete_retention_ms: i64,
    pub now_ms: i64,
    pub stats: CleanerStats,
}

/// Which transactions are open where the cleaner reads, and how they end.
#[derive(Debug)]
pub(super) struct TxnTracker {
    /// By first offset, the next one last.
    ahead: Vec<AbortedTxn>,
    /// Aborted transactions by producer, and whether a batch of theirs was seen.
    aborted: HashMap<i64, (AbortedTxn, bool)>,
    /// Producers with a batch of a transaction that will be committed.
    committed: HashSet<i64>,
    /// The aborted transaction whose marker was just read and whose batches are still there.
    ended: Option<AbortedTxn>,
}

impl TxnTracker {
    pub(super) fn new(aborted: &[AbortedTxn]) -> Self {
        let mut ahead = aborted.to_vec();
        ahead.sort_by_key(|txn| std::cmp::Reverse(txn.first_offset));
        TxnTracker {
            ahead,
            aborted: HashMap::new(),
            committed: HashSet::new(),
            ended: None,
        }
    }

    /// Whether the batch can go: one of an aborted transaction, or a marker whose transaction has no batches left.
    pub(super) fn on_batch(&mut self, batch: &Batch<'_>) -> Result<bool, LogError> {
        let header = &batch.header;
        while self
            .ahead
            .last()
            .is_some_and(|txn| txn.first_offset <= header.last_offset())
        {
            if let Some(txn) = self.ahead.pop() {
                self.aborted.entry(txn.producer_id).or_insert((txn, false));
            }
        }
        if header.is_control() {
            return self.on_marker(batch);
        }
        if !header.is_transactional() {
            return Ok(false);
        }
        match self.aborted.get_mut(&header.producer_id) {
            Some((_, seen)) => {
                *seen = true;
                Ok(true)
            }
            None => {
                self.committed.insert(header.producer_id);
                Ok(false)
            }
        }
    }

    fn on_marker(&mut self, batch: &Batch<'_>) -> Result<bool, LogError> {
        let producer_id = batch.header.producer_id;
        let mut records = batch.records()?;
        let Some(record) = records.next() else {
            return Ok(true); // it was emptied before
        };
        match EndTxnMarker::parse(&record?)? {
            Some(EndTxnMarker { committed: true, .. }) => Ok(!self.committed.remove(&producer_id)),
            Some(EndTxnMarker { committed: false, .. }) => {
                self.ended = self
                    .aborted
                    .remove(&producer_id)
                    .filter(|(_, seen)| *seen)
                    .map(|(txn, _)| txn);
                Ok(self.ended.is_none())
            }
            None => Ok(false),
        }
    }
}

/// A batch as it is to be written.
type Kept = (BatchHeader, Bytes);

/// Decides about one batch.
#[derive(Debug)]
pub(super) struct BatchFilter<'r, 'a> {
    round: &'r mut Round<'a>,
}

impl<'r, 'a> BatchFilter<'r, 'a> {
    pub(super) fn new(round: &'r mut Round<'a>) -> Self {
        BatchFilter { round }
    }

    /// What is left of the batch, and the aborted transaction that it ends and that must stay in the index.
    pub(super) fn apply(self, batch: &Batch<'_>) -> Result<(Option<Kept>, Option<AbortedTxn>), LogError> {
        let header = &batch.header;
        self.round.stats.bytes_read += batch.bytes().len() as u64;
        let can_discard = self.round.txns.on_batch(batch)?;
        let ended = self.round.txns.ended.take();
        let horizon_passed = header
            .delete_horizon_ms()
            .is_some_and(|horizon| horizon <= self.round.now_ms);
        let discard = can_discard && (!header.is_control() || horizon_passed);
        let keep_empty = self.holds_producer_state(header) || header.next_offset() == self.round.end_offset;
        let kept = if discard {
            None
        } else {
            self.filter_records(batch, can_discard && header.is_control())?
        };
        let kept = kept.or_else(|| keep_empty.then(|| empty_batch(header)));
        if let Some((header, bytes)) = &kept {
            self.round.stats.messages_retained += header.record_count.max(0) as u64;
            self.round.stats.bytes_retained += bytes.len() as u64;
        }
        Ok((kept, ended))
    }

    /// The last batch of a producer that is still remembered holds its sequence or its epoch.
    fn holds_producer_state(&self, header: &BatchHeader) -> bool {
        header.has_producer_id()
            && self
                .round
                .last_records
                .get(&header.producer_id)
                .is_some_and(|last| match last.data_offset {
                    Some(offset) => header.last_offset() == offset,
                    None => header.is_control() && header.producer_epoch == last.epoch,
                })
    }

    /// `None` if no record is to be kept.
    fn filter_records(&self, batch: &Batch<'_>, marker_of_empty_txn: bool) -> Result<Option<Kept>, LogError> {
        let header = &batch.header;
        let (mut kept, mut all, mut tombstones) = (0, true, false);
        let mut records = batch.records()?;
        while let Some(record) = records.next() {
            let record = record?;
            if self.retains(header, record.key, record.value, record.offset) {
                kept += 1;
                tombstones |= record.value.is_none();
            } else {
                all = false;
            }
        }
        if kept == 0 {
            return Ok(None);
        }
        let sets_horizon = (tombstones || marker_of_empty_txn) && header.delete_horizon_ms().is_none();
        if all && !sets_horizon {
            return Ok(Some((*header, Bytes::copy_from_slice(batch.bytes()))));
        }
        let horizon = match sets_horizon {
            true => Some(self.round.now_ms.saturating_add(self.round.delete_retention_ms)),
            false => header.delete_horizon_ms(),
        };
        self.rebuild(batch, horizon).map(Some)
    }

    fn retains(&self, header: &BatchHeader, key: Option<&[u8]>, value: Option<&[u8]>, offset: i64) -> bool {
        if header.is_control() || offset >= self.round.map.end_offset() {
            return true;
        }
        let Some(key) = key else {
            return false;
        };
        let keeps_tombstone = header
            .delete_horizon_ms()
            .is_none_or(|horizon| self.round.now_ms < horizon);
        self.round.map.is_last(key, offset) && (value.is_some() || keeps_tombstone)
    }

    fn rebuild(&self, batch: &Batch<'_>, delete_horizon_ms: Option<i64>) -> Result<Kept, LogError> {
        let header = &batch.header;
        let append_time = header.timestamp_type() == TimestampType::LogAppendTime;
        let mut builder = RecordBatchBuilder::new(BatchOptions {
            base_offset: header.base_offset,
            partition_leader_epoch: header.partition_leader_epoch,
            compression: header.compression()?,
            level: None,
            log_append_time_ms: append_time.then_some(header.max_timestamp),
            delete_horizon_ms,
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
            base_sequence: header.base_sequence,
            transactional: header.is_transactional(),
            control: header.is_control(),
        });
        let mut records = batch.records()?;
        while let Some(record) = records.next() {
            let record = record?;
            if self.retains(header, record.key, record.value, record.offset) {
                builder.append_record_with_offset(&record);
            }
        }
        // The last sequence number follows from the last offset: it must not change.
        let bytes = builder.build_ending_at(header.last_offset_delta);
        match Batch::parse(&bytes)? {
            Some(rebuilt) => Ok((rebuilt.header, bytes)),
            None => unreachable!("a built batch is whole"),
        }
    }
}

/// A batch of the same offsets and producer, without records.
fn empty_batch(header: &BatchHeader) -> Kept {
    const TIMESTAMP_TYPE_TRANSACTIONAL_CONTROL: i16 = 0x38;
    let mut empty = BatchHeader {
        batch_length: (RECORD_BATCH_OVERHEAD - LOG_OVERHEAD) as i32,
        attributes: header.attributes & TIMESTAMP_TYPE_TRANSACTIONAL_CONTROL,
        base_timestamp: NO_TIMESTAMP,
        record_count: 0,
        ..*header
    };
    empty.update_crc(&[]);
    (empty, Bytes::copy_from_slice(&empty.write()))
}
