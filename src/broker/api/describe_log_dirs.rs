//! DescribeLogDirs (35), v1-5: what lies in each log directory. KIP-113, KIP-827 (sizes of the volume), KIP-1066 (whether
//! it gets new partitions).

use std::collections::BTreeMap;
use std::path::Path;

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
        let dir = cx
            .replicas()
            .dir_of(partition)
            .and_then(|d| dirs.iter().position(|other| other.path == d.path));
        if let (Some(at), Some(row)) = (dir, describe(partition)) {
            rows[at].entry(partition.tp.topic.to_string()).or_default().push(row);
        }
    }
    let health = cx.replicas().health();
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

fn describe(partition: &Partition) -> Option<DescribeLogDirsPartition> {
    let log = partition.log().ok()?;
    Some(
        DescribeLogDirsPartition::default()
            .with_partition_index(partition.tp.partition)
            .with_partition_size(i64::try_from(log.size_bytes()).unwrap_or(i64::MAX))
            .with_offset_lag((log.high_watermark() - log.log_end_offset()).max(0))
            .with_is_future_key(false),
    )
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
