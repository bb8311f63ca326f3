//! What a fetch brought of one partition: batches in place, walked without a copy (Kafka: `CompletedFetch`).

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use crate::TopicPartition;
use crate::record::batch::MAGIC_OFFSET;
use crate::record::control::EndTxnMarker;
use crate::record::legacy::LegacyBatch;
use crate::record::{Batch, Headers, NO_SEQUENCE, Record, RecordError, batch};

/// The epoch of a leader that is not known.
pub(super) const NO_EPOCH: i32 = -1;

/// A transaction that was aborted: its producer's records from an offset on, up to its marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted {
    pub producer_id: i64,
    pub first_offset: i64,
}

/// Records of one partition, as the broker sent them. Holding it holds its bytes, and its share of the fetcher's buffer.
#[derive(Debug)]
pub struct Fetched {
    pub partition: TopicPartition,
    /// The first offset wanted: a batch may begin below it.
    pub from: i64,
    /// Where the next fetch begins.
    pub next_offset: i64,
    pub high_watermark: i64,
    pub(super) records: Bytes,
    /// `None` for `read_uncommitted`.
    pub(super) aborted: Option<Vec<Aborted>>,
    pub(super) check_crcs: bool,
    pub(super) _share: Option<Arc<OwnedSemaphorePermit>>,
}

/// The next batch of any magic, `None` if no whole one is left.
fn next_batch<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, RecordError> {
    let Some(size) = batch::batch_size(rest)? else {
        return Ok(None);
    };
    let Some((whole, tail)) = rest.split_at_checked(size) else {
        return Ok(None);
    };
    *rest = tail;
    Ok(Some(whole))
}

fn is_legacy(bytes: &[u8]) -> bool {
    bytes.get(MAGIC_OFFSET).is_some_and(|magic| *magic < 2)
}

/// Where records end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// The offset behind the last whole batch.
    pub(super) offset: i64,
    /// The epoch of the leader that took that batch; -1 if the batch does not tell.
    pub(super) leader_epoch: i32,
}

/// Where the last whole batch ends; `None` if there is no whole batch.
///
/// # Errors
/// Bytes that are no batches.
pub(super) fn end_of(records: &[u8]) -> Result<Option<End>, RecordError> {
    let mut rest = records;
    let mut end = None;
    while let Some(bytes) = next_batch(&mut rest)? {
        let (last, leader_epoch) = if is_legacy(bytes) {
            (LegacyBatch::new(bytes).last_offset(), NO_EPOCH)
        } else {
            let header = parse(bytes)?.header;
            (header.last_offset(), header.partition_leader_epoch)
        };
        end = Some(End {
            offset: last.wrapping_add(1),
            leader_epoch,
        });
    }
    Ok(end)
}

fn parse(bytes: &[u8]) -> Result<Batch<'_>, RecordError> {
    Batch::parse(bytes)?.ok_or_else(|| RecordError::Corrupt("a batch is shorter than its header".to_owned()))
}

impl Fetched {
    /// Records that came by other ways than a Fetch: all of them are wanted, whatever transactions they belong to.
    pub(in crate::client) fn of_records(partition: TopicPartition, records: Bytes, check_crcs: bool) -> Self {
        Self {
            partition,
            from: 0,
            next_offset: 0,
            high_watermark: -1,
            records,
            aborted: None,
            check_crcs,
            _share: None,
        }
    }

    /// Bytes as they came.
    pub fn size_in_bytes(&self) -> usize {
        self.records.len()
    }

    /// Shows every record to `each` until that breaks. Control records, records below [`Fetched::from`], and with
    /// `read_committed` those of aborted transactions are stepped over. The answer is the offset to go on with.
    ///
    /// # Errors
    /// A damaged batch. What came before it has been shown.
    pub fn visit(&self, mut each: impl FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<i64, RecordError> {
        let mut filter = Filter::new(self.aborted.as_deref());
        let mut rest = &self.records[..];
        while let Some(bytes) = next_batch(&mut rest)? {
            let shown = if is_legacy(bytes) {
                self.legacy(bytes, &mut each)?
            } else {
                self.batch(&parse(bytes)?, &mut filter, &mut each)?
            };
            if let ControlFlow::Break(next) = shown {
                return Ok(next);
            }
        }
        Ok(self.next_offset)
    }

    fn batch(
        &self,
        batch: &Batch<'_>,
        filter: &mut Filter,
        each: &mut impl FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<i64>, RecordError> {
        if self.check_crcs {
            batch.ensure_valid()?;
        }
        if !filter.takes(batch)? || batch.header.record_count == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let mut records = batch.records()?;
        while let Some(record) = records.next() {
            let record = record?;
            if record.offset >= self.from && each(&record).is_break() {
                return Ok(ControlFlow::Break(record.offset.wrapping_add(1)));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn legacy(
        &self,
        bytes: &[u8],
        each: &mut impl FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<i64>, RecordError> {
        let mut shown = ControlFlow::Continue(());
        LegacyBatch::new(bytes).records()?.for_each(|record| {
            let record = Record {
                offset: record.offset,
                timestamp: record.timestamp,
                sequence: NO_SEQUENCE,
                attributes: 0,
                key: record.key()?,
                value: record.value()?,
                headers: Headers::default(),
                size_in_bytes: 0,
            };
            if shown.is_continue() && record.offset >= self.from && each(&record).is_break() {
                shown = ControlFlow::Break(record.offset.wrapping_add(1));
            }
            Ok::<(), RecordError>(())
        })?;
        Ok(shown)
    }
}

/// Which batches are of committed transactions or of none.
struct Filter {
    /// In the order of their offsets, the first at the end. `None`: everything is wanted.
    to_come: Option<Vec<Aborted>>,
    /// Producers inside an aborted transaction.
    aborting: HashSet<i64>,
}

impl Filter {
    fn new(aborted: Option<&[Aborted]>) -> Self {
        let to_come = aborted.map(|aborted| {
            let mut list = aborted.to_vec();
            list.sort_by_key(|txn| std::cmp::Reverse(txn.first_offset));
            list
        });
        Filter {
            to_come,
            aborting: HashSet::new(),
        }
    }

    fn takes(&mut self, batch: &Batch<'_>) -> Result<bool, RecordError> {
        let header = &batch.header;
        let Some(to_come) = &mut self.to_come else {
            return Ok(!header.is_control());
        };
        if !header.has_producer_id() {
            return Ok(!header.is_control());
        }
        while let Some(txn) = to_come.pop_if(|txn| txn.first_offset <= header.last_offset()) {
            self.aborting.insert(txn.producer_id);
        }
        if header.is_control() {
            // An empty control batch is what compaction leaves of a marker.
            if header.record_count > 0
                && let Some(record) = batch.records()?.next()
                && EndTxnMarker::parse(&record?)?.is_some_and(|marker| !marker.committed)
            {
                self.aborting.remove(&header.producer_id);
            }
            return Ok(false);
        }
        Ok(!(header.is_transactional() && self.aborting.contains(&header.producer_id)))
    }
}
