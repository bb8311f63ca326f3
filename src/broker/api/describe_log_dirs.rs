//! DescribeLogDirs (35), v1-5: what lies in each log directory. KIP-113, KIP-827 (sizes of the volume), KIP-1066 (whether
//! it gets new partitions).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kafka_protocol::messages::describe_log_dirs_response::{DescribeLogDirsPartition, DescribeLogDirsTopic};
use kafka_protocol::protocol::StrBytes;

use super::shared::{text, topic_name};
use crate::TopicPartition;
use crate::broker::replica::Partition;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;
use crate::wire::log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult};

type Rows = BTreeMap<String, Vec<DescribeLogDirsPartition>>;

pub async fn handle(
    cx: &RequestContext,
    DescribeLogDirsRequest(req): DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    if let Err(e) = cx.authorize(Operation::Describe, Resource::Cluster) {
        // Before version 3 only the empty list tells of it.
        return DescribeLogDirsResponse {
            error_code: if cx.api_version >= 3 { e.code.code() } else { 0 },
            ..DescribeLogDirsResponse::default()
        };
    }
    let is_wanted = |tp: &TopicPartition| match &req.topics {
        None => true,
        Some(topics) => topics
            .iter()
            .any(|t| t.topic.as_str() == tp.topic.as_ref() && t.partitions.contains(&tp.partition)),
    };
    let dirs = cx.replicas().dirs();
    let mut rows: Vec<Rows> = vec![Rows::new(); dirs.len()];
    for partition in cx.replicas().partitions().iter().filter(|p| is_wanted(&p.tp)) {
        for (path, row) in describe(partition) {
            if let Some(at) = dirs.iter().position(|dir| dir.path == path) {
                rows[at].entry(partition.tp.topic.to_string()).or_default().push(row);
            }
        }
    }
    let (config, health) = (cx.node.config(), cx.replicas().health());
    let results = dirs.iter().zip(health).zip(rows).map(|((dir, health), rows)| {
        if health.failure().is_some() {
            return DescribeLogDirsResult {
                error_code: ErrorCode::KAFKA_STORAGE_ERROR.code(),
                log_dir: log_dir_name(&dir.path),
                ..DescribeLogDirsResult::default()
            };
        }
        let (total_bytes, usable_bytes) = volume(&dir.path);
        let topic = |(name, mut partitions): (String, Vec<DescribeLogDirsPartition>)| {
            partitions.sort_by_key(|p| p.partition_index);
            DescribeLogDirsTopic::default()
                .with_name(topic_name(&name))
                .with_partitions(partitions)
        };
        DescribeLogDirsResult {
            log_dir: log_dir_name(&dir.path),
            topics: rows.into_iter().map(topic).collect(),
            total_bytes,
            usable_bytes,
            is_cordoned: config.is_cordoned(&dir.path),
            ..DescribeLogDirsResult::default()
        }
    });
    DescribeLogDirsResponse {
        results: results.collect(),
        ..DescribeLogDirsResponse::default()
    }
}

fn log_dir_name(path: &Path) -> StrBytes {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    text(&path.to_string_lossy())
}

/// The log of a partition with its directory, and the one that is to take its place, if it moves.
fn describe(partition: &Partition) -> Vec<(PathBuf, DescribeLogDirsPartition)> {
    let row = |size_bytes: u64, lag: i64| {
        DescribeLogDirsPartition::default()
            .with_partition_index(partition.tp.partition)
            .with_partition_size(i64::try_from(size_bytes).unwrap_or(i64::MAX))
            .with_offset_lag(lag.max(0))
    };
    let future = partition.future_state();
    let Ok(log) = partition.log() else {
        return Vec::new();
    };
    let lag = log.high_watermark() - log.log_end_offset();
    let current = log
        .dir()
        .parent()
        .map(|dir| (dir.to_owned(), row(log.size_bytes(), lag)));
    let future = future.map(|future| {
        let lag = log.log_end_offset() - future.log_end_offset;
        (future.dir, row(future.size_bytes, lag).with_is_future_key(true))
    });
    current.into_iter().chain(future).collect()
}

/// Size of the volume a directory is on, and how much of it can be used; -1 where the system does not say.
fn volume(path: &Path) -> (i64, i64) {
    use std::os::unix::ffi::OsStrExt;
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_bytes()) else {
        return (-1, -1);
    };
    let mut stat = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero byte and `stat` is room for one struct, which the call fills if it returns 0.
    let stat = unsafe {
        if libc::statvfs(path.as_ptr(), stat.as_mut_ptr()) != 0 {
            return (-1, -1);
        }
        stat.assume_init()
    };
    let bytes = |blocks: u64| i64::try_from(blocks.saturating_mul(stat.f_frsize)).unwrap_or(i64::MAX);
    (bytes(stat.f_blocks), bytes(stat.f_bavail))
}
