//! CreateTopics (19), v2-7. The new topics are there, with leaders, when the response goes out. KIP-525 returns their
//! configs.

use std::collections::HashMap;

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};

use super::shared::{error_fields, raw_ids, text};
use crate::broker::config::{Props, describe};
use crate::broker::metadata::topics::{self, NewTopic, PlannedTopic};
use crate::broker::metadata::{ApiError, MetadataImage, names};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

/// The first version whose clients know that a quota was exceeded.
const STRICT_QUOTA: i16 = 6;

pub async fn handle(cx: &RequestContext, req: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for topic in &req.topics {
        *counts.entry(&topic.name).or_default() += 1;
    }
    let mut results = Vec::with_capacity(req.topics.len());
    for topic in &req.topics {
        let result = if counts.get(topic.name.as_str()).is_some_and(|n| *n > 1) {
            if results.iter().any(|r: &CreatableTopicResult| r.name == topic.name) {
                continue;
            }
            Err(ApiError::new(ErrorCode::INVALID_REQUEST, "Duplicate topic name."))
        } else {
            create(cx, topic, req.validate_only)
        };
        results.push(respond(cx, topic, result));
    }
    CreateTopicsResponse::default().with_topics(results)
}

fn create(cx: &RequestContext, topic: &CreatableTopic, validate_only: bool) -> Result<(PlannedTopic, Props), ApiError> {
    if topic.name.as_str() == names::CLUSTER_METADATA {
        let text = format!("Creation of internal topic {} is prohibited.", names::CLUSTER_METADATA);
        return Err(ApiError::new(ErrorCode::INVALID_REQUEST, text));
    }
    let may_create = |resource| cx.may(Operation::Create, resource);
    if !may_create(Resource::Cluster) && !may_create(Resource::Topic(&topic.name)) {
        let why = "Authorization failed.";
        return Err(ApiError::new(ErrorCode::TOPIC_AUTHORIZATION_FAILED, why));
    }
    let nulls: Vec<&str> = topic
        .configs
        .iter()
        .filter(|c| c.value.is_none())
        .map(|c| c.name.as_str())
        .collect();
    let new = NewTopic {
        name: topic.name.to_string(),
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: topic
            .assignments
            .iter()
            .map(|a| (a.partition_index, raw_ids(&a.broker_ids)))
            .collect(),
        configs: topic
            .configs
            .iter()
            .filter_map(|c| Some((c.name.to_string(), c.value.as_ref()?.to_string())))
            .collect(),
    };
    let config = cx.node.config();
    let plan = |image: &MetadataImage| {
        if !nulls.is_empty() {
            let text = format!("Null value not supported for topic configs: {}", nulls.join(","));
            return Err(ApiError::new(ErrorCode::INVALID_CONFIG, text));
        }
        topics::create(image, &config, &new)
    };
    let planned = if validate_only {
        let planned = plan(&cx.image())?;
        cx.record_mutation(planned.partitions.try_into().unwrap_or(0), STRICT_QUOTA)?;
        planned
    } else {
        cx.node.controller().change(|image| {
            let planned = plan(image)?;
            cx.record_mutation(planned.partitions.try_into().unwrap_or(0), STRICT_QUOTA)?;
            Ok((planned.records.clone(), planned))
        })?
    };
    Ok((planned, new.configs))
}

fn respond(
    cx: &RequestContext,
    topic: &CreatableTopic,
    result: Result<(PlannedTopic, Props), ApiError>,
) -> CreatableTopicResult {
    let (code, message) = error_fields(result.as_ref().err());
    // Java's Admin does not survive a null list of configs.
    let answer = CreatableTopicResult::default()
        .with_name(topic.name.clone())
        .with_error_code(code)
        .with_error_message(message)
        .with_configs(Some(Vec::new()));
    let Ok((planned, configs)) = result else { return answer };
    let answer = answer.with_topic_id(planned.id);
    if let Err(denied) = cx.authorize(Operation::DescribeConfigs, Resource::Topic(&topic.name)) {
        return answer.with_topic_config_error_code(denied.code.code());
    }
    let entries = describe::topic(&cx.node.config(), Some(&configs))
        .into_iter()
        .map(|entry| {
            CreatableTopicConfigs::default()
                .with_name(text(&entry.name))
                .with_value(entry.value.as_deref().map(text))
                .with_read_only(false)
                .with_config_source(entry.source as i8)
                .with_is_sensitive(entry.is_sensitive)
        });
    answer
        .with_num_partitions(planned.partitions)
        .with_replication_factor(planned.replication_factor)
        .with_configs(Some(entries.collect()))
}
