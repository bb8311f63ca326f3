//! Reading from many partitions at once, and waiting until there is enough (Kafka: `ReplicaManager.fetchMessages`,
//! `DelayedFetch`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Partition, ReplicaManager, Waiter};
use crate::TopicPartition;
use crate::broker::metadata::ApiError;
use crate::log::{AbortedTxn, FetchData};
use crate::wire::ErrorCode;

/// How far a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Up to the log's end: followers, and brokers reading their own topics.
    LogEnd,
    /// Up to the high watermark (`read_uncommitted`).
    HighWatermark,
    /// Up to the last stable offset (`read_committed`).
    Committed,
}

/// What to read of one partition.
#[derive(Debug, Clone)]
pub struct PartitionFetch {
    pub tp: TopicPartition,
    pub fetch_offset: i64,
    pub max_bytes: usize,
    /// -1 if the reader does not know.
    pub current_leader_epoch: i32,
    /// -1 unless the reader checks for truncation (KIP-595).
    pub last_fetched_epoch: i32,
}

/// How much, and how long to wait for it.
#[derive(Debug, Clone, Copy)]
pub struct FetchParams {
    pub isolation: Isolation,
    pub min_bytes: usize,
    pub max_bytes: usize,
    pub max_wait: Duration,
}

/// What was read of one partition.
#[derive(Debug)]
pub struct PartitionData {
    pub error: ErrorCode,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    /// Only for [`Isolation::Committed`].
    pub aborted: Option<Vec<AbortedTxn>>,
    pub data: Option<FetchData>,
    /// Epoch and end offset where the reader's log parts from this one.
    pub diverging: Option<(i32, i64)>,
}

impl PartitionData {
    pub fn error(error: ErrorCode) -> Self {
        Self {
            error,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            aborted: None,
            data: None,
            diverging: None,
        }
    }

    pub fn len(&self) -> usize {
        self.data.as_ref().map_or(0, FetchData::len)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads until there are `min_bytes`, something fails, or the time is over. The first batch of the first partition that
/// has one is returned even above the limits, so that a reader always gets on.
pub async fn fetch(
    replicas: &ReplicaManager,
    params: FetchParams,
    wanted: &[PartitionFetch],
    shutdown: &mut watch::Receiver<bool>,
) -> Vec<PartitionData> {
    let deadline = Instant::now() + params.max_wait;
    let partitions: Vec<_> = wanted.iter().map(|w| replicas.leader(&w.tp)).collect();
    let waiter = Waiter::new();
    loop {
        let may_wait = !params.max_wait.is_zero() && Instant::now() < deadline;
        if may_wait {
            partitions.iter().flatten().for_each(|p| p.watch(&waiter));
        }
        let results = read_all(&partitions, params, wanted);
        let total: usize = results.iter().map(PartitionData::len).sum();
        let is_news = |r: &PartitionData| r.error != ErrorCode::NONE || r.diverging.is_some();
        if !may_wait || total >= params.min_bytes || wanted.is_empty() || results.iter().any(is_news) {
            return results;
        }
        tokio::select! {
            () = waiter.changed() => {}
            () = tokio::time::sleep_until(deadline) => {}
            _ = shutdown.wait_for(|stop| *stop) => return results,
        }
    }
}

fn read_all(
    partitions: &[Result<Arc<Partition>, ErrorCode>],
    params: FetchParams,
    wanted: &[PartitionFetch],
) -> Vec<PartitionData> {
    let mut left = params.max_bytes;
    let mut min_one = true;
    let read = |(partition, wanted): (&Result<Arc<Partition>, ErrorCode>, &PartitionFetch)| {
        let partition = match partition {
            Ok(partition) => partition,
            Err(error) => return PartitionData::error(*error),
        };
        let limit = Limit {
            max_bytes: wanted.max_bytes.min(left),
            min_one,
            isolation: params.isolation,
        };
        let result = read_one(partition, wanted, limit).unwrap_or_else(PartitionData::error);
        left = left.saturating_sub(result.len());
        min_one &= result.is_empty();
        result
    };
    partitions.iter().zip(wanted).map(read).collect()
}

#[derive(Clone, Copy)]
struct Limit {
    max_bytes: usize,
    min_one: bool,
    isolation: Isolation,
}

fn read_one(partition: &Partition, wanted: &PartitionFetch, limit: Limit) -> Result<PartitionData, ErrorCode> {
    partition.check_leader_epoch(wanted.current_leader_epoch)?;
    let log = partition.log()?;
    let mut result = PartitionData {
        error: ErrorCode::NONE,
        high_watermark: log.high_watermark(),
        last_stable_offset: log.last_stable_offset(),
        log_start_offset: log.log_start_offset(),
        aborted: None,
        data: None,
        diverging: None,
    };
    if wanted.last_fetched_epoch >= 0 {
        let (epoch, end) = log.epoch_end_offset(wanted.last_fetched_epoch);
        if epoch < 0 || end < 0 {
            return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
        }
        if epoch < wanted.last_fetched_epoch || end < wanted.fetch_offset {
            result.diverging = Some((epoch, end));
            return Ok(result);
        }
    }
    let upper = match limit.isolation {
        Isolation::LogEnd => log.log_end_offset(),
        Isolation::HighWatermark => log.high_watermark(),
        Isolation::Committed => log.last_stable_offset(),
    };
    let data = log.read(wanted.fetch_offset, limit.max_bytes, upper, limit.min_one);
    let data = match partition.health().watch(data) {
        Ok(data) => data,
        Err(e) => {
            result.error = ApiError::from(e).code;
            if result.error == ErrorCode::OFFSET_OUT_OF_RANGE {
                result.high_watermark = -1;
                result.last_stable_offset = -1;
                result.log_start_offset = -1;
            }
            return Ok(result);
        }
    };
    // Half a batch is of no use to anybody.
    let mut data = data;
    if data.first_entry_incomplete {
        data.slice = None;
    }
    if limit.isolation == Isolation::Committed {
        let aborted = log.aborted_in(&data);
        result.aborted = Some(partition.health().watch(aborted).map_err(|e| ApiError::from(e).code)?);
    }
    result.data = Some(data);
    Ok(result)
}
