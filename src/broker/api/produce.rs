//! Produce (0), v3-13: appends batches to the partitions this broker leads. Topics by id from v13 on (KIP-516). With
//! acks=0 there is no response; an error then ends the connection. From v12 on a transaction's partitions are added to it
//! here, before that they are verified (KIP-890).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::shared::{resolve_topic, text};
use crate::TopicPartition;
use crate::broker::metadata::names;
use crate::broker::quota::Kind;
use crate::broker::replica::Partition;
use crate::broker::replica::partition::AppendError;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::txn::state::ProducerIdAndEpoch;
use crate::broker::txn::{Verification, begin_verification};
use crate::log::{AppendInfo, AppendOrigin, AppendTerms, VerificationGuard};
use crate::record::{Batch, BatchHeader};
use crate::wire::ErrorCode;

/// A partition's part of a request: what to append and where, or why not.
type Screened = (i32, Result<(Arc<Partition>, Bytes), Refusal>);

/// What became of a partition's batch.
struct Refusal {
    error: AppendError,
    /// The client is told more than the code's own text.
    has_text: bool,
}

impl<E: Into<AppendError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        let error = error.into();
        // As in Kafka, only a refusal of single records has a text; for the rest clients know the code's own.
        let has_text = !error.batch_errors.is_empty();
        Self { error, has_text }
    }
}

pub async fn handle(cx: &RequestContext, req: ProduceRequest) -> ProduceResponse {
    let acks = req.acks;
    let mut topics: Vec<(TopicProduceData, Vec<Screened>)> = req
        .topic_data
        .into_iter()
        .map(|topic| screen_topic(cx, topic, acks))
        .collect();
    let transactional_id = req.transactional_id.as_ref().map(|id| id.as_str());
    let guards = begin_transaction(cx, transactional_id, &mut topics).await;
    let responses: Vec<_> = topics
        .into_iter()
        .map(|(topic, partitions)| {
            let append_one = |(index, screened): Screened| respond(index, append(cx, screened, &guards));
            TopicProduceResponse::default()
                .with_name(topic.name)
                .with_topic_id(topic.topic_id)
                .with_partition_responses(partitions.into_iter().map(append_one).collect())
        })
        .collect();
    let bytes = cx.body_bytes as f64;
    let quotas = cx.node.quotas();
    cx.throttle(quotas.record(&cx.image(), Kind::Produce, cx.quota_client(), bytes, cx.node.now_ms()));
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

fn screen_topic(cx: &RequestContext, mut topic: TopicProduceData, acks: i16) -> (TopicProduceData, Vec<Screened>) {
    let name = resolve_topic(&cx.image(), cx.api_version >= 13, &topic.name, topic.topic_id);
    let data = std::mem::take(&mut topic.partition_data);
    let screen_one = |data: PartitionProduceData| {
        let index = data.index;
        let result = match &name {
            Ok(name) => screen(cx, name, data, acks),
            Err(error) => Err(Refusal::from(*error)),
        };
        (index, result)
    };
    (topic, data.into_iter().map(screen_one).collect())
}

fn screen(
    cx: &RequestContext,
    topic: &str,
    data: PartitionProduceData,
    acks: i16,
) -> Result<(Arc<Partition>, Bytes), Refusal> {
    cx.authorize(Operation::Write, Resource::Topic(topic))
        .map_err(|e| AppendError::from(e.code))?;
    if !(-1..=1).contains(&acks) {
        return Err(ErrorCode::INVALID_REQUIRED_ACKS.into());
    }
    if names::is_internal(topic) && cx.client_id() != "__admin_client" {
        let message = format!("Cannot append to internal topic {topic}");
        return Err(Refusal::from(AppendError {
            code: ErrorCode::INVALID_TOPIC_EXCEPTION,
            message,
            batch_errors: Vec::new(),
        }));
    }
    let partition = cx.leader(topic, data.index)?;
    let records = data
        .records
        .filter(|r| !r.is_empty())
        .ok_or(ErrorCode::INVALID_RECORD)?;
    Ok((partition, records))
}

/// What batches that begin a transaction in their partition are to be appended with. Those that must not become refusals.
async fn begin_transaction(
    cx: &RequestContext,
    transactional_id: Option<&str>,
    topics: &mut [(TopicProduceData, Vec<Screened>)],
) -> HashMap<TopicPartition, VerificationGuard> {
    let mut guards = HashMap::new();
    let mut batches = Vec::new();
    let mut producers: Vec<ProducerIdAndEpoch> = Vec::new();
    for (partition, records) in accepted(topics) {
        let Some(header) = transactional(records) else { continue };
        let producer = ProducerIdAndEpoch {
            id: header.producer_id,
            epoch: header.producer_epoch,
        };
        if !producers.contains(&producer) {
            producers.push(producer);
        }
        batches.push((partition.tp.clone(), header.base_sequence));
    }
    let Some(producer) = producers.first().copied() else {
        return guards;
    };
    let allowed = transactional_id.filter(|id| cx.may(Operation::Write, Resource::TransactionalId(id)));
    let refusal = match allowed {
        None => Some(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
        Some(_) if producers.len() > 1 => Some(ErrorCode::INVALID_PRODUCER_ID_MAPPING),
        Some(_) => None,
    };
    if let Some(code) = refusal {
        let all = topics.iter_mut().flat_map(|(_, partitions)| partitions);
        all.for_each(|(_, screened)| *screened = Err(code.into()));
        return guards;
    }
    let how = Verification::of_produce(cx.api_version);
    let mut begun = begin_verification(&cx.node, allowed.unwrap_or_default(), producer, &batches, how).await;
    for (_, screened) in topics.iter_mut().flat_map(|(_, partitions)| partitions) {
        let Ok((partition, _)) = screened else { continue };
        match begun.remove(&partition.tp) {
            Some(Ok(Some(guard))) => {
                guards.insert(partition.tp.clone(), guard);
            }
            Some(Err(code)) => *screened = Err(unverified(code, how)),
            Some(Ok(None)) | None => {}
        }
    }
    guards
}

fn accepted(topics: &[(TopicProduceData, Vec<Screened>)]) -> impl Iterator<Item = &(Arc<Partition>, Bytes)> {
    let partitions = topics.iter().flat_map(|(_, partitions)| partitions);
    partitions.filter_map(|(_, screened)| screened.as_ref().ok())
}

/// The header of a transactional batch; one that cannot be read is refused later.
fn transactional(records: &Bytes) -> Option<BatchHeader> {
    let header = Batch::parse(records).ok()??.header;
    (header.has_producer_id() && header.is_transactional()).then_some(header)
}

/// Producers before KIP-890 know nothing of coordinators in the answer to Produce: they are told to try again.
fn unverified(code: ErrorCode, how: Verification) -> Refusal {
    let (code, message) = match code {
        ErrorCode::INVALID_TXN_STATE => (code, "Partition was not added to the transaction".to_owned()),
        ErrorCode::NETWORK_EXCEPTION
        | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
        | ErrorCode::COORDINATOR_NOT_AVAILABLE
        | ErrorCode::NOT_COORDINATOR => try_again(code),
        ErrorCode::CONCURRENT_TRANSACTIONS if !how.supports_epoch_bump() => try_again(code),
        code => return code.into(),
    };
    let error = AppendError {
        code,
        message,
        batch_errors: Vec::new(),
    };
    Refusal { error, has_text: true }
}

fn try_again(why: ErrorCode) -> (ErrorCode, String) {
    let message = format!(
        "Unable to verify the partition has been added to the transaction. Underlying error: {}",
        why.name()
    );
    (ErrorCode::NOT_ENOUGH_REPLICAS, message)
}

fn append(
    cx: &RequestContext,
    screened: Result<(Arc<Partition>, Bytes), Refusal>,
    guards: &HashMap<TopicPartition, VerificationGuard>,
) -> Result<AppendInfo, Refusal> {
    let (partition, records) = screened?;
    let terms = AppendTerms {
        guard: guards.get(&partition.tp).copied(),
        ..AppendOrigin::Client.into()
    };
    Ok(partition.append(owned(records), terms, cx.node.now_ms())?)
}

/// The log writes its offsets into the batch in place, which it can where nobody else has the bytes.
fn owned(records: Bytes) -> Bytes {
    records
}

fn respond(index: i32, result: Result<AppendInfo, Refusal>) -> PartitionProduceResponse {
    let answer = PartitionProduceResponse::default().with_index(index);
    match result {
        Ok(info) => answer
            .with_base_offset(info.first_offset)
            .with_log_append_time_ms(info.log_append_time_ms)
            .with_log_start_offset(info.log_start_offset),
        Err(Refusal { error: e, has_text }) => {
            let errors = e.batch_errors.iter().map(|(at, why)| {
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(*at)
                    .with_batch_index_error_message(Some(text(why)))
            });
            let message = has_text.then(|| text(&e.message));
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
