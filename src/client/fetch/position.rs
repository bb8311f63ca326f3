//! Where reading begins.

use crate::TopicPartition;
use crate::client::admin::{Admin, IsolationLevel, OffsetSpec};
use crate::client::error::ApiError;

/// Where to begin with a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Earliest,
    /// The end of the log (`read_uncommitted`) or the last stable offset.
    Latest,
    Offset(i64),
}

/// The offsets that these starts stand for now.
///
/// # Errors
/// What makes it futile to ask for one of them.
pub(super) async fn resolve(
    admin: &Admin,
    isolation: IsolationLevel,
    partitions: Vec<(TopicPartition, Start)>,
) -> Result<Vec<(TopicPartition, i64)>, ApiError> {
    let mut known = Vec::with_capacity(partitions.len());
    let mut wanted = Vec::new();
    for (partition, start) in partitions {
        match start {
            Start::Offset(offset) => known.push((partition, offset)),
            Start::Earliest => wanted.push((partition, OffsetSpec::Earliest)),
            Start::Latest => wanted.push((partition, OffsetSpec::Latest)),
        }
    }
    if !wanted.is_empty() {
        for (partition, found) in admin.list_offsets(&wanted, isolation).await {
            known.push((partition, found?.offset));
        }
    }
    Ok(known)
}
