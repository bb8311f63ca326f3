//! DescribeProducers (61), v0: who writes to a partition. KIP-664.

use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::describe_producers_response::{PartitionResponse, ProducerState, TopicResponse};
use kafka_protocol::messages::{DescribeProducersRequest, DescribeProducersResponse, ProducerId};

use super::shared::error_fields;
use crate::broker::metadata::ApiError;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::log::ActiveProducer;

pub async fn handle(cx: &RequestContext, req: DescribeProducersRequest) -> DescribeProducersResponse {
    let answer = |topic: &TopicRequest| {
        let partition = |index: &i32| {
            let result = producers(cx, &topic.name, *index);
            let (code, message) = error_fields(result.as_ref().err());
            PartitionResponse::default()
                .with_partition_index(*index)
                .with_error_code(code)
                .with_error_message(message)
                .with_active_producers(result.unwrap_or_default().iter().map(row).collect())
        };
        TopicResponse::default()
            .with_name(topic.name.clone())
            .with_partitions(topic.partition_indexes.iter().map(partition).collect())
    };
    DescribeProducersResponse::default().with_topics(req.topics.iter().map(answer).collect())
}

fn producers(cx: &RequestContext, topic: &str, partition: i32) -> Result<Vec<ActiveProducer>, ApiError> {
    cx.authorize(Operation::Read, Resource::Topic(topic))?;
    Ok(cx.leader(topic, partition)?.log()?.active_producers())
}

fn row(p: &ActiveProducer) -> ProducerState {
    ProducerState::default()
        .with_producer_id(ProducerId(p.producer_id))
        .with_producer_epoch(i32::from(p.producer_epoch))
        .with_last_sequence(p.last_sequence)
        .with_last_timestamp(p.last_timestamp)
        .with_coordinator_epoch(p.coordinator_epoch)
        .with_current_txn_start_offset(p.current_txn_start_offset)
}
