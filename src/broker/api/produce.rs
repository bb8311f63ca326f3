//! Produce (0), v3-13: appends batches to the partitions this broker leads. Topics by id from v13 on (KIP-516). With
//! acks=0 there is no response; an error then ends the connection.

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::shared::{resolve_topic, text};
use crate::broker::metadata::names;
use crate::broker::replica::partition::AppendError;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::log::{AppendInfo, AppendOrigin};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: ProduceRequest) -> ProduceResponse {
    let acks = req.acks;
    let responses: Vec<_> = req
        .topic_data
        .into_iter()
        .map(|topic| produce_topic(cx, topic, acks))
        .collect();
    if acks == 0 {
        cx.suppress_response();
        if responses
            .iter()
            .flat_map(|t| &t.partition_responses)
            .any(|p| p.error_code != 0)
        {
            cx.close_connection();
        }
    }
    ProduceResponse::default().with_responses(responses)
}

fn produce_topic(cx: &RequestContext, topic: TopicProduceData, acks: i16) -> TopicProduceResponse {
    let name = resolve_topic(&cx.image(), cx.api_version >= 13, &topic.name, topic.topic_id);
    let append_one = |data: PartitionProduceData| {
        let index = data.index;
        let result = match &name {
            Ok(name) => append(cx, name, data, acks),
            Err(error) => Err(AppendError::from(*error)),
        };
        respond(index, result)
    };
    TopicProduceResponse::default()
        .with_name(topic.name)
        .with_topic_id(topic.topic_id)
        .with_partition_responses(topic.partition_data.into_iter().map(append_one).collect())
}

fn append(cx: &RequestContext, topic: &str, data: PartitionProduceData, acks: i16) -> Result<AppendInfo, AppendError> {
    cx.authorize(Operation::Write, Resource::Topic(topic))
        .map_err(|e| AppendError::from(e.code))?;
    if !(-1..=1).contains(&acks) {
        return Err(ErrorCode::INVALID_REQUIRED_ACKS.into());
    }
    if names::is_internal(topic) && cx.client_id() != "__admin_client" {
        let message = format!("Cannot append to internal topic {topic}");
        return Err(AppendError {
            code: ErrorCode::INVALID_TOPIC_EXCEPTION,
            message,
            batch_errors: Vec::new(),
        });
    }
    let partition = cx.leader(topic, data.index)?;
    let records = data
        .records
        .filter(|r| !r.is_empty())
        .ok_or(ErrorCode::INVALID_RECORD)?;
    partition.append(owned(records), AppendOrigin::Client, cx.node.now_ms())
}

/// The log writes its offsets into the batch in place, which it can where nobody else has the bytes.
fn owned(records: Bytes) -> Bytes {
    records
}

fn respond(index: i32, result: Result<AppendInfo, AppendError>) -> PartitionProduceResponse {
    let answer = PartitionProduceResponse::default().with_index(index);
    match result {
        Ok(info) => answer
            .with_base_offset(info.first_offset)
            .with_log_append_time_ms(info.log_append_time_ms)
            .with_log_start_offset(info.log_start_offset),
        Err(e) => {
            let errors = e.batch_errors.iter().map(|(at, why)| {
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(*at)
                    .with_batch_index_error_message(Some(text(why)))
            });
            // As in Kafka, only a refusal of single records has a text; for the rest clients know the code's own.
            let message = (!e.batch_errors.is_empty()).then(|| text(&e.message));
            answer
                .with_error_code(e.code.code())
                .with_base_offset(-1)
                .with_log_append_time_ms(-1)
                .with_log_start_offset(-1)
                .with_record_errors(errors.collect())
                .with_error_message(message)
        }
    }
}
