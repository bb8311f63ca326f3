//! The end of a transaction in a partition it wrote to (Kafka: `KafkaApis.handleWriteTxnMarkersRequest`). Offsets are
//! taken over by the group coordinator, which writes the marker itself.

use crate::TopicPartition;
use crate::broker::metadata::names;
use crate::broker::node::Node;
use crate::broker::replica::TxnMarker;
use crate::wire::ErrorCode;

/// Writes a marker and returns when it is replicated.
///
/// # Errors
/// UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR; INVALID_PRODUCER_EPOCH or
/// TRANSACTION_COORDINATOR_FENCED if the partition knows of a later producer or coordinator.
pub async fn write_marker(node: &Node, tp: &TopicPartition, marker: &TxnMarker) -> Result<(), ErrorCode> {
    let partition = node.replicas().leader(tp)?;
    if &*tp.topic == names::GROUP_METADATA {
        let written = node.groups().complete_transaction(tp.partition, marker).await;
        return written.map_err(|error| match error {
            // Transaction coordinators know partitions, not group coordinators.
            ErrorCode::COORDINATOR_NOT_AVAILABLE
            | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
            | ErrorCode::NOT_COORDINATOR => ErrorCode::NOT_LEADER_OR_FOLLOWER,
            error => error,
        });
    }
    let appended = partition.append_marker(marker, node.now_ms());
    let offset = appended.map_err(|error| error.code)?.last_offset;
    partition.committed(offset).await
}
