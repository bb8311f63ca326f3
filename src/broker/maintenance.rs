//! Compaction and retention at once, where Kafka's cleaner and its scheduler come by when it is time: for tests that want
//! to see what is left.

use std::sync::Arc;

use super::metadata::ApiError;
use super::node::Node;
use super::replica::{Partition, cleaner};
use crate::log::LogError;
use crate::wire::ErrorCode;

/// What to do with a topic's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maintenance {
    /// Ends the active segments, so that every record is in reach, and cleans, however little there is to clean. Lags and
    /// delete horizons hold (`min.compaction.lag.ms`, `delete.retention.ms`).
    Compact,
    /// Applies `retention.ms`, `retention.bytes` and the log start; the files go at once, without `file.delete.delay.ms`.
    Retain,
}

impl Maintenance {
    /// Its name: `compact`, `retain`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "compact" => Some(Self::Compact),
            "retain" => Some(Self::Retain),
            _ => None,
        }
    }
}

/// What it did to one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maintained {
    pub partition: i32,
    pub bytes_before: u64,
    pub bytes_after: u64,
    pub segments_before: usize,
    pub segments_after: usize,
    pub log_start_offset: i64,
}

/// Does it to all partitions of a topic on this broker, one after the other. Reads and writes files: not for a thread that
/// serves clients.
///
/// # Errors
/// UNKNOWN_TOPIC_OR_PARTITION; INVALID_CONFIG for compaction of a topic that is not compacted; KAFKA_STORAGE_ERROR.
pub fn maintain(node: &Node, topic: &str, what: Maintenance) -> Result<Vec<Maintained>, ApiError> {
    let mut partitions = node.replicas().partitions();
    partitions.retain(|p| p.tp.topic.as_ref() == topic);
    if partitions.is_empty() {
        return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into());
    }
    partitions.sort_by_key(|p| p.tp.partition);
    let done = partitions.iter().map(|p| one(node, p, what)).collect();
    if what == Maintenance::Compact {
        cleaner::write_checkpoints(node.replicas())?;
    }
    done
}

fn one(node: &Node, partition: &Arc<Partition>, what: Maintenance) -> Result<Maintained, ApiError> {
    let now_ms = node.now_ms();
    let (bytes_before, segments_before) = {
        let log = partition.log()?;
        (log.size_bytes(), log.segment_count())
    };
    match what {
        Maintenance::Compact => {
            if !partition.log()?.config().compact {
                let why = format!("cleanup.policy of {} has no compact", partition.tp.topic);
                return Err(ApiError::new(ErrorCode::INVALID_CONFIG, why));
            }
            let rolled = partition.log()?.roll_active(now_ms);
            partition.health().watch(rolled)?;
            cleaner::clean(partition, now_ms, true)?;
        }
        Maintenance::Retain => {
            let mut log = partition.log()?;
            let retained = log.delete_old_segments(now_ms);
            partition.health().watch::<_, LogError>(retained)?;
        }
    }
    let removed = partition.log()?.remove_deleted_files(i64::MAX);
    partition.health().watch(removed)?;
    partition.wake();
    let log = partition.log()?;
    Ok(Maintained {
        partition: partition.tp.partition,
        bytes_before,
        bytes_after: log.size_bytes(),
        segments_before,
        segments_after: log.segment_count(),
        log_start_offset: log.log_start_offset(),
    })
}
