//! Reading for a share group, and waiting until there is something to hand out (Kafka: `DelayedShareFetch`).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::manager::{Entry, SharePartitionManager};
use super::partition::{Acquire, Acquired, FetchedBatch, Limits};
use super::session::{IdPartition, SessionKey};
use super::settings::GroupSettings;
use crate::broker::replica::fetch::Isolation;
use crate::broker::replica::{Partition, Waiter};
use crate::log::AbortedTxn;
use crate::record::Batches;
use crate::record::control::ControlRecordType;
use crate::wire::ErrorCode;

/// Reads that hand out nothing and yet get on, such as over markers of transactions, in one attempt.
const MAX_VOID_READS: usize = 64;

/// Who fetches, how much, and how long it may take.
#[derive(Debug, Clone)]
pub struct ShareFetch {
    pub session: SessionKey,
    pub settings: GroupSettings,
    pub max_wait: Duration,
    pub min_bytes: usize,
    pub max_bytes: usize,
    pub max_records: i32,
    pub batch_size: i32,
    /// Not one record above `max_records`.
    pub is_strict: bool,
}

/// What one partition gives.
#[derive(Debug, Clone)]
pub struct ShareFetched {
    pub error: ErrorCode,
    /// Whole batches that hold at least what was acquired.
    pub records: Bytes,
    pub acquired: Vec<Acquired>,
}

impl ShareFetched {
    fn nothing(error: ErrorCode) -> Self {
        Self {
            error,
            records: Bytes::new(),
            acquired: Vec::new(),
        }
    }
}

/// A share partition and its log.
struct Source {
    partition: Arc<Partition>,
    entry: Arc<Entry>,
    /// It was loaded for this fetch.
    is_new: bool,
}

impl SharePartitionManager {
    /// Acquires records for a member, one result per partition. Returns when there are some, when none of the partitions
    /// can give any, or when the time is over.
    pub async fn fetch(&self, fetch: &ShareFetch, wanted: &[IdPartition]) -> Vec<ShareFetched> {
        let Ok(mut shutdown) = self.node().map(|node| node.shutdown_signal()) else {
            return vec![ShareFetched::nothing(ErrorCode::NOT_LEADER_OR_FOLLOWER); wanted.len()];
        };
        let deadline = Instant::now() + fetch.max_wait;
        let waiter = Waiter::new();
        loop {
            let sources: Vec<_> = wanted.iter().map(|wanted| self.source(fetch, *wanted)).collect();
            let may_wait = Instant::now() < deadline && sources.iter().any(Result::is_ok);
            if may_wait {
                for source in sources.iter().flatten() {
                    source.partition.watch(&waiter);
                    source.entry.waiters.add(&waiter);
                }
            }
            if !may_wait || fetch.min_bytes <= 1 || available(&sources, fetch) >= fetch.min_bytes {
                let results = self.acquire_all(&sources, fetch);
                let is_something = |fetched: &ShareFetched| !fetched.acquired.is_empty();
                if !may_wait || results.iter().any(is_something) {
                    return results;
                }
            }
            tokio::select! {
                () = waiter.changed() => {}
                () = tokio::time::sleep_until(deadline) => {}
                _ = shutdown.wait_for(|stop| *stop) => {
                    return vec![ShareFetched::nothing(ErrorCode::NONE); wanted.len()];
                }
            }
        }
    }

    fn source(&self, fetch: &ShareFetch, wanted: IdPartition) -> Result<Source, ErrorCode> {
        let partition = self.partition(wanted)?;
        let (entry, is_new) = self.entry(&fetch.session.group_id, &partition)?;
        Ok(Source {
            partition,
            entry,
            is_new,
        })
    }

    fn acquire_all(&self, sources: &[Result<Source, ErrorCode>], fetch: &ShareFetch) -> Vec<ShareFetched> {
        let (mut bytes_left, mut records_left) = (fetch.max_bytes, fetch.max_records);
        // Kafka loads share partitions one by one, and answers when the first of them has records: a client sees its
        // first records of one partition alone.
        let first_alone = sources.iter().flatten().any(|source| source.is_new);
        let mut results = Vec::with_capacity(sources.len());
        for source in sources {
            let fetched = match source {
                Err(error) => ShareFetched::nothing(*error),
                Ok(_) if bytes_left == 0 || records_left <= 0 => ShareFetched::nothing(ErrorCode::NONE),
                Ok(source) => self
                    .acquire_one(source, fetch, bytes_left, records_left)
                    .unwrap_or_else(ShareFetched::nothing),
            };
            bytes_left = bytes_left.saturating_sub(fetched.records.len());
            let taken: i64 = fetched.acquired.iter().map(|a| a.last - a.first + 1).sum();
            records_left = records_left.saturating_sub(i32::try_from(taken).unwrap_or(i32::MAX));
            if first_alone && taken > 0 {
                records_left = 0;
            }
            results.push(fetched);
        }
        results
    }

    fn acquire_one(
        &self,
        source: &Source,
        fetch: &ShareFetch,
        max_bytes: usize,
        max_records: i32,
    ) -> Result<ShareFetched, ErrorCode> {
        let limits: Limits = fetch.settings.limits;
        let mut state = source.entry.state.lock();
        for _ in 0..MAX_VOID_READS {
            let (data, aborted, from, upper) = {
                let log = source.partition.log()?;
                state.log_start_moved(log.log_start_offset());
                let from = state.next_fetch_offset();
                let upper = upper_bound(&log, fetch.settings.isolation);
                if !state.can_acquire(&limits) || from >= upper {
                    break;
                }
                let data = log.read(from, max_bytes, upper, true);
                let data = data.map_err(|error| ErrorCode::from(error.code()))?;
                let aborted = match fetch.settings.isolation {
                    Isolation::Committed => log.aborted_transactions(from, upper),
                    _ => Vec::new(),
                };
                (data, aborted, from, upper)
            };
            let bytes = data.records().map_err(|_| ErrorCode::KAFKA_STORAGE_ERROR)?;
            let mut batches = scan(&bytes, aborted)?;
            if batches.is_empty() {
                // Compaction has left nothing between here and the bound.
                batches.push((0, void(from, upper - 1)));
            }
            let spans: Vec<FetchedBatch> = batches.iter().map(|(_, batch)| *batch).collect();
            let request = Acquire {
                member_id: fetch.session.member_id.as_str().into(),
                max_records,
                batch_size: fetch.batch_size,
                is_strict: fetch.is_strict,
                now_ms: self.node()?.now_ms(),
                limits,
            };
            let acquired = state.acquire(&request, from, &spans);
            if !acquired.is_empty() {
                self.schedule(request.now_ms.saturating_add(limits.lock_duration_ms.into()));
                let records = cut(&bytes, &batches, &acquired);
                return Ok(ShareFetched {
                    error: ErrorCode::NONE,
                    records,
                    acquired,
                });
            }
            if state.next_fetch_offset() == from {
                break;
            }
        }
        Ok(ShareFetched::nothing(ErrorCode::NONE))
    }
}

fn upper_bound(log: &crate::log::PartitionLog, isolation: Isolation) -> i64 {
    match isolation {
        Isolation::LogEnd => log.log_end_offset(),
        Isolation::HighWatermark => log.high_watermark(),
        Isolation::Committed => log.last_stable_offset(),
    }
}

/// Bytes that could be handed out now.
fn available(sources: &[Result<Source, ErrorCode>], fetch: &ShareFetch) -> usize {
    let of_one = |source: &Source| -> Option<usize> {
        let state = source.entry.state.lock();
        let log = source.partition.log().ok()?;
        let from = state.next_fetch_offset().max(log.log_start_offset());
        if !state.can_acquire(&fetch.settings.limits) {
            return None;
        }
        let upper = upper_bound(&log, fetch.settings.isolation);
        log.read(from, fetch.max_bytes, upper, true).ok().map(|data| data.len())
    };
    sources.iter().flatten().filter_map(of_one).sum()
}

fn void(first: i64, last: i64) -> FetchedBatch {
    FetchedBatch {
        first,
        last,
        is_void: true,
    }
}

/// The whole batches in `bytes`, each with the position it ends at. Those of aborted transactions and markers have
/// nothing to deliver.
fn scan(bytes: &[u8], mut aborted: Vec<AbortedTxn>) -> Result<Vec<(usize, FetchedBatch)>, ErrorCode> {
    aborted.sort_by_key(|txn| std::cmp::Reverse(txn.first_offset));
    let mut open = HashSet::new();
    let mut scanned = Vec::new();
    let mut end = 0;
    for batch in Batches::new(bytes) {
        let batch = batch.map_err(|_| ErrorCode::CORRUPT_MESSAGE)?;
        let header = &batch.header;
        end += batch.bytes().len();
        let last = header.last_offset();
        while let Some(txn) = aborted.pop_if(|txn| txn.first_offset <= last) {
            open.insert(txn.producer_id);
        }
        let is_void = if header.is_control() {
            if is_abort_marker(&batch)? {
                open.remove(&header.producer_id);
            }
            true
        } else {
            header.is_transactional() && open.contains(&header.producer_id)
        };
        let span = FetchedBatch {
            first: header.base_offset,
            last,
            is_void,
        };
        scanned.push((end, span));
    }
    Ok(scanned)
}

fn is_abort_marker(batch: &crate::record::Batch<'_>) -> Result<bool, ErrorCode> {
    let corrupt = |_| ErrorCode::CORRUPT_MESSAGE;
    let mut records = batch.records().map_err(corrupt)?;
    let Some(record) = records.next() else { return Ok(false) };
    let key = record.map_err(corrupt)?.key.unwrap_or_default();
    Ok(ControlRecordType::parse(key).map_err(corrupt)? == ControlRecordType::Abort)
}

/// From the first to the last batch that holds something acquired.
fn cut(bytes: &Bytes, batches: &[(usize, FetchedBatch)], acquired: &[Acquired]) -> Bytes {
    let first = acquired.first().map_or(0, |a| a.first);
    let last = acquired.last().map_or(0, |a| a.last);
    let start = batches.iter().take_while(|(_, batch)| batch.last < first).last();
    let end = batches.iter().find(|(_, batch)| batch.last >= last);
    let (start, end) = (
        start.map_or(0, |(end, _)| *end),
        end.map_or(bytes.len(), |(end, _)| *end),
    );
    bytes.slice(start.min(end)..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{BatchOptions, RecordBatchBuilder};

    fn batch(base_offset: i64, producer_id: i64, records: usize) -> Bytes {
        let mut builder = RecordBatchBuilder::new(BatchOptions {
            base_offset,
            producer_id,
            producer_epoch: 0,
            base_sequence: 0,
            transactional: producer_id >= 0,
            ..BatchOptions::default()
        });
        for _ in 0..records {
            builder.append(1, None, Some(b"v"));
        }
        builder.build()
    }

    fn aborted(producer_id: i64, first_offset: i64, last_offset: i64) -> AbortedTxn {
        AbortedTxn {
            producer_id,
            first_offset,
            last_offset,
            last_stable_offset: last_offset + 1,
        }
    }

    #[test]
    fn batches_of_aborted_transactions_are_void() {
        let log = [batch(0, 1, 2), batch(2, 2, 2), batch(4, 1, 1), batch(5, -1, 1)].concat();
        let voids = |aborted| -> Vec<bool> {
            let scanned = scan(&log, aborted).unwrap();
            scanned.iter().map(|(_, batch)| batch.is_void).collect()
        };
        assert_eq!(voids(vec![]), [false; 4]);
        assert_eq!(voids(vec![aborted(1, 0, 9)]), [true, false, true, false]);
        // The producer's first transaction was committed.
        assert_eq!(voids(vec![aborted(1, 4, 9)]), [false, false, true, false]);
    }

    #[test]
    fn only_batches_with_acquired_records_are_sent() {
        let log: Bytes = [batch(0, -1, 2), batch(2, -1, 2), batch(4, -1, 2)].concat().into();
        let scanned = scan(&log, Vec::new()).unwrap();
        let acquired = |first, last| Acquired {
            first,
            last,
            delivery_count: 1,
        };
        let third = log.len() / 3;
        assert_eq!(cut(&log, &scanned, &[acquired(2, 2)]), log.slice(third..2 * third));
        assert_eq!(
            cut(&log, &scanned, &[acquired(0, 0), acquired(3, 3)]),
            log.slice(..2 * third)
        );
        assert_eq!(cut(&log, &scanned, &[acquired(0, 5)]), log);
    }
}
