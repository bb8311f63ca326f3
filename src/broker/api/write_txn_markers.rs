//! WriteTxnMarkers (27), v1-2. The ends of transactions, from coordinators or from an administrator who ends one that hangs.

use std::sync::Arc;

use crate::TopicPartition;
use crate::broker::replica::TxnMarker;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::txn::write_marker;
use crate::wire::ErrorCode;
use crate::wire::txn::{
    WritableTxnMarker, WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
    WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};

pub async fn handle(cx: &RequestContext, req: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse {
    let allowed = cx
        .authorize(Operation::Alter, Resource::Cluster)
        .or_else(|_| cx.authorize(Operation::ClusterAction, Resource::Cluster))
        .map_err(|denied| denied.code);
    let mut results = Vec::with_capacity(req.markers.len());
    for marker in &req.markers {
        results.push(write(cx, marker, allowed).await);
    }
    WriteTxnMarkersResponse { markers: results }
}

async fn write(
    cx: &RequestContext,
    request: &WritableTxnMarker,
    allowed: Result<(), ErrorCode>,
) -> WritableTxnMarkerResult {
    let marker = TxnMarker {
        producer_id: request.producer_id,
        producer_epoch: request.producer_epoch,
        coordinator_epoch: request.coordinator_epoch,
        committed: request.transaction_result,
        transaction_version: i16::from(request.transaction_version),
    };
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let name: Arc<str> = topic.name.as_str().into();
        let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
        for index in &topic.partition_indexes {
            let written = match allowed {
                Ok(()) => write_marker(&cx.node, &TopicPartition::new(name.clone(), *index), &marker).await,
                Err(code) => Err(code),
            };
            partitions.push(WritableTxnMarkerPartitionResult {
                partition_index: *index,
                error_code: written.err().unwrap_or(ErrorCode::NONE).code(),
            });
        }
        topics.push(WritableTxnMarkerTopicResult {
            name: topic.name.clone(),
            partitions,
        });
    }
    WritableTxnMarkerResult {
        producer_id: request.producer_id,
        topics,
    }
}
