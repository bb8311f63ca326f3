//! DeleteTopics (20), v1-6: by name, and by id from v6 on (KIP-516). Files go in the background; the name is free when
//! the response goes out.

use std::collections::HashMap;

use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, TopicName};
use uuid::Uuid;

use super::shared::{error_fields, topic_name};
use crate::broker::metadata::{ApiError, MetadataImage, MetadataRecord};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

/// The first version whose clients know that a quota was exceeded.
const STRICT_QUOTA: i16 = 5;

pub async fn handle(cx: &RequestContext, req: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let by_name = |name: TopicName| DeleteTopicState::default().with_name(Some(name));
    let wanted: Vec<DeleteTopicState> = if cx.api_version >= 6 {
        req.topics
    } else {
        req.topic_names.into_iter().map(by_name).collect()
    };
    let mut counts: HashMap<(Option<TopicName>, Uuid), usize> = HashMap::new();
    for topic in &wanted {
        *counts.entry((topic.name.clone(), topic.topic_id)).or_default() += 1;
    }
    let mut responses = Vec::with_capacity(wanted.len());
    for topic in wanted {
        let answer = DeletableTopicResult::default()
            .with_name(topic.name.clone())
            .with_topic_id(topic.topic_id);
        let (answer, result) = match counts.remove(&(topic.name.clone(), topic.topic_id)) {
            None => continue, // answered already, as a duplicate
            Some(1) => match delete(cx, &topic) {
                Ok((name, id)) => (answer.with_name(Some(name)).with_topic_id(id), Ok(())),
                // Who asks by id learns the name if it may.
                Err((name, e)) => (answer.clone().with_name(name.or(answer.name)), Err(e)),
            },
            Some(_) => {
                let what = if topic.name.is_some() { "name" } else { "id" };
                (
                    answer,
                    Err(ApiError::new(
                        ErrorCode::INVALID_REQUEST,
                        format!("Duplicate topic {what}."),
                    )),
                )
            }
        };
        let (code, message) = error_fields(result.as_ref().err());
        responses.push(answer.with_error_code(code).with_error_message(message));
    }
    DeleteTopicsResponse::default().with_responses(responses)
}

/// A refusal, with the topic's name where it may be told.
type Refused = (Option<TopicName>, ApiError);

fn delete(cx: &RequestContext, topic: &DeleteTopicState) -> Result<(TopicName, Uuid), Refused> {
    let refused = |why: &str| Err((None, ApiError::new(ErrorCode::INVALID_REQUEST, why)));
    if !cx.node.config().bool("delete.topic.enable") {
        if cx.api_version < 3 {
            return refused("Topic deletion is disabled.");
        }
        return Err((None, ErrorCode::TOPIC_DELETION_DISABLED.into()));
    }
    if topic.name.is_some() && !topic.topic_id.is_nil() {
        return refused("You may not specify both topic name and topic id.");
    }
    if topic.name.is_none() && topic.topic_id.is_nil() {
        return refused("Neither topic name nor id were specified.");
    }
    let has_cluster = cx.may(Operation::Delete, Resource::Cluster);
    let may = |operation, name: &str| has_cluster || cx.may(operation, Resource::Topic(name));
    let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    if let Some(name) = topic.name.as_ref().filter(|name| !may(Operation::Describe, name)) {
        return Err((Some(name.clone()), denied.into()));
    }
    let mut shown = None;
    let deleted = cx.node.controller().change(|image: &MetadataImage| {
        let found = match &topic.name {
            Some(name) => image.topic(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?,
            None => image.topic_by_id(topic.topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?,
        };
        if !may(Operation::Delete, &found.name) {
            shown = may(Operation::Describe, &found.name).then(|| topic_name(&found.name));
            return Err(denied.into());
        }
        cx.record_mutation(found.partitions.len(), STRICT_QUOTA)?;
        let record = MetadataRecord::RemoveTopic { topic_id: found.id };
        Ok((vec![record], (topic_name(&found.name), found.id)))
    });
    deleted.map_err(|e| (shown, e))
}
