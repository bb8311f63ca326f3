//! AlterPartitionReassignments (45), v0-1: other replicas for a partition. KIP-455. While there is one broker, the only
//! legal target is where the replicas are already.

use kafka_protocol::messages::alter_partition_reassignments_request::ReassignablePartition;
use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::{AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse};

use super::shared::{error_fields, raw_ids};
use crate::broker::metadata::{ApiError, MetadataImage, reassign};
use crate::broker::request::{Operation, RequestContext, Resource};

pub async fn handle(
    cx: &RequestContext,
    req: AlterPartitionReassignmentsRequest,
) -> AlterPartitionReassignmentsResponse {
    let denied = cx.authorize(Operation::Alter, Resource::Cluster).err();
    let (code, message) = error_fields(denied.as_ref());
    let mut responses = Vec::with_capacity(req.topics.len());
    for topic in &req.topics {
        let partition = |p: &ReassignablePartition| {
            let result = match &denied {
                Some(denied) => Err(denied.clone()),
                None => alter(cx, &topic.name, p, req.allow_replication_factor_change),
            };
            let (code, message) = error_fields(result.as_ref().err());
            ReassignablePartitionResponse::default()
                .with_partition_index(p.partition_index)
                .with_error_code(code)
                .with_error_message(message)
        };
        responses.push(
            ReassignableTopicResponse::default()
                .with_name(topic.name.clone())
                .with_partitions(topic.partitions.iter().map(partition).collect()),
        );
    }
    AlterPartitionReassignmentsResponse::default()
        .with_allow_replication_factor_change(req.allow_replication_factor_change)
        .with_error_code(code)
        .with_error_message(message)
        .with_responses(responses)
}

fn alter(
    cx: &RequestContext,
    topic: &str,
    p: &ReassignablePartition,
    allow_factor_change: bool,
) -> Result<(), ApiError> {
    let target = p.replicas.as_deref().map(raw_ids);
    cx.node.controller().change(|image: &MetadataImage| {
        let wanted = reassign::Target {
            topic,
            partition: p.partition_index,
            replicas: target.as_deref(),
        };
        Ok((reassign::alter(image, &wanted, allow_factor_change)?, ()))
    })
}
