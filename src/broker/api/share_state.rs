//! What the APIs of the share coordinator (83 to 87) have in common: brokers ask them, partition by partition.

use kafka_protocol::protocol::StrBytes;

use super::shared::text;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::share::coordinator::ShareKey;
use crate::broker::share::session::IdPartition;
use crate::wire::ErrorCode;

/// Does something to one share partition, if the principal is a broker.
///
/// # Errors
/// CLUSTER_AUTHORIZATION_FAILED, INVALID_REQUEST, or that of the deed.
pub fn act<T>(
    cx: &RequestContext,
    group_id: &str,
    (topic_id, partition): IdPartition,
    deed: impl FnOnce(&ShareKey) -> Result<T, ErrorCode>,
) -> Result<T, ErrorCode> {
    cx.authorize(Operation::ClusterAction, Resource::Cluster)
        .map_err(|denied| denied.code)?;
    let key = ShareKey {
        group_id: group_id.to_owned(),
        topic_id,
        partition,
    };
    if key.group_id.is_empty() || key.topic_id.is_nil() || key.partition < 0 {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    deed(&key)
}

/// Code and text.
pub fn error_of<T>(result: &Result<T, ErrorCode>) -> (i16, Option<StrBytes>) {
    match result {
        Ok(_) => (0, None),
        Err(code) => (code.code(), Some(text(code.message()))),
    }
}
