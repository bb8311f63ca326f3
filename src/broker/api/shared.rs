//! Small things several APIs need to say the same way.

use std::collections::HashSet;

use kafka_protocol::messages::{BrokerId, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::broker::metadata::image::resource_type;
use crate::broker::metadata::{ApiError, MetadataImage, names};
use crate::broker::request::{Operation, Resource};
use crate::wire::ErrorCode;

const fn bits(operations: &[Operation]) -> i32 {
    let (mut bits, mut at) = (0, 0);
    while at < operations.len() {
        bits |= 1 << operations[at] as i32;
        at += 1;
    }
    bits
}

/// What may be done with a topic, as the bit field of responses (Kafka: `AclEntry.supportedOperations`).
pub const TOPIC_OPERATIONS: i32 = bits(&[
    Operation::Read,
    Operation::Write,
    Operation::Create,
    Operation::Describe,
    Operation::Delete,
    Operation::Alter,
    Operation::DescribeConfigs,
    Operation::AlterConfigs,
]);

/// What may be done with the cluster.
pub const CLUSTER_OPERATIONS: i32 = bits(&[
    Operation::Create,
    Operation::ClusterAction,
    Operation::DescribeConfigs,
    Operation::AlterConfigs,
    Operation::IdempotentWrite,
    Operation::Alter,
    Operation::Describe,
]);

pub fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

pub fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

pub fn broker_ids(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().map(|id| BrokerId(*id)).collect()
}

pub fn raw_ids(ids: &[BrokerId]) -> Vec<i32> {
    ids.iter().map(|id| id.0).collect()
}

/// The error fields of an item: code, and the text, null if there is no error.
pub fn error_fields(error: Option<&ApiError>) -> (i16, Option<StrBytes>) {
    match error {
        None => (ErrorCode::NONE.code(), None),
        Some(e) => (e.code.code(), Some(text(&e.text()))),
    }
}

/// Topics no client may bring into being by mentioning them: coordinators make their own, the metadata log is none.
pub fn is_uncreatable(name: &str) -> bool {
    name == names::CLUSTER_METADATA
}

/// The name of a topic given by name (older versions) or by id.
///
/// # Errors
/// [`ErrorCode::UNKNOWN_TOPIC_ID`].
pub fn resolve_topic(image: &MetadataImage, by_id: bool, name: &TopicName, id: Uuid) -> Result<TopicName, ErrorCode> {
    if !by_id {
        return Ok(name.clone());
    }
    image
        .topic_by_id(id)
        .map(|t| topic_name(&t.name))
        .ok_or(ErrorCode::UNKNOWN_TOPIC_ID)
}

/// What must be allowed for a change of a resource's configuration.
pub fn altered_resource(kind: i8, name: &str) -> Resource<'_> {
    match kind {
        resource_type::TOPIC => Resource::Topic(name),
        resource_type::GROUP => Resource::Group(name),
        _ => Resource::Cluster,
    }
}

/// Checks the keys of a change of configuration: each once, and none without the value it needs (the second of each).
pub fn check_altered(given: &[(&str, bool)]) -> Result<(), ApiError> {
    let refused = |why: String| Err(ApiError::new(ErrorCode::INVALID_REQUEST, why));
    let mut seen = HashSet::new();
    if !given.iter().all(|(name, _)| seen.insert(*name)) {
        return refused("Error due to duplicate config keys".to_owned());
    }
    let nulls: Vec<&str> = given
        .iter()
        .filter(|(_, is_null)| *is_null)
        .map(|(name, _)| *name)
        .collect();
    if !nulls.is_empty() {
        return refused(format!("Null value not supported for : {}", nulls.join(", ")));
    }
    Ok(())
}
