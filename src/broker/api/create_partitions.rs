//! CreatePartitions (37), v0-3: more partitions for a topic, placed by the controller or by hand.

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use super::shared::{error_fields, raw_ids};
use crate::broker::metadata::topics::{self, Growth};
use crate::broker::metadata::{ApiError, MetadataImage};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

/// The first version whose clients know that a quota was exceeded.
const STRICT_QUOTA: i16 = 3;

pub async fn handle(cx: &RequestContext, req: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let mut results: Vec<CreatePartitionsTopicResult> = Vec::with_capacity(req.topics.len());
    for topic in &req.topics {
        if results.iter().any(|r| r.name == topic.name) {
            continue;
        }
        let result = if req.topics.iter().filter(|t| t.name == topic.name).count() > 1 {
            Err(ApiError::new(ErrorCode::INVALID_REQUEST, "Duplicate topic name."))
        } else {
            grow(cx, topic, req.validate_only)
        };
        let (code, message) = error_fields(result.as_ref().err());
        // Kafka has no text for this one.
        let message = message.filter(|_| code != ErrorCode::TOPIC_AUTHORIZATION_FAILED.code());
        results.push(
            CreatePartitionsTopicResult::default()
                .with_name(topic.name.clone())
                .with_error_code(code)
                .with_error_message(message),
        );
    }
    CreatePartitionsResponse::default().with_results(results)
}

fn grow(cx: &RequestContext, topic: &CreatePartitionsTopic, validate_only: bool) -> Result<(), ApiError> {
    cx.authorize(Operation::Alter, Resource::Topic(&topic.name))?;
    let assignments = topic.assignments.as_ref();
    let assignments: Option<Vec<Vec<i32>>> =
        assignments.map(|all| all.iter().map(|a| raw_ids(&a.broker_ids)).collect());
    let config = cx.node.config();
    let plan = |image: &MetadataImage| {
        let growth = Growth {
            name: &topic.name,
            count: topic.count,
            assignments: assignments.as_deref(),
        };
        let records = topics::grow(image, &config, &growth)?;
        cx.record_mutation(records.len(), STRICT_QUOTA)?;
        Ok(records)
    };
    if validate_only {
        return plan(&cx.image()).map(drop);
    }
    cx.node.controller().change(|image| Ok((plan(image)?, ())))
}
