//! Small things several APIs need to say the same way.

use std::collections::HashSet;

use kafka_protocol::messages::{BrokerId, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::broker::group::shard::Group;
use crate::broker::metadata::image::resource_type;
use crate::broker::metadata::{ApiError, MetadataImage, names};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

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

/// A producer that another one has fenced: clients before the version that knows PRODUCER_FENCED are told of their epoch.
pub fn fenced_since(version: i16, asked: i16, code: ErrorCode) -> ErrorCode {
    if code == ErrorCode::PRODUCER_FENCED && asked < version {
        ErrorCode::INVALID_PRODUCER_EPOCH
    } else {
        code
    }
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

/// The version from which on OffsetCommit and OffsetFetch name topics by their ids.
pub const TOPIC_IDS_IN_OFFSETS: i16 = 10;

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

/// Type and name of a principal.
pub fn principal_parts(principal: &str) -> (&str, &str) {
    principal.split_once(':').unwrap_or(("User", principal))
}

/// Whether all of these topics may be seen. Who may not see one of them must not learn of it through a group's members.
pub fn may_describe_all<'a>(cx: &RequestContext, mut topics: impl Iterator<Item = &'a str>) -> bool {
    cx.node.authorizer().is_none() || topics.all(|t| cx.may(Operation::Describe, Resource::Topic(t)))
}

/// Whether all topics that a group's description names may be seen.
///
/// # Errors
/// TOPIC_AUTHORIZATION_FAILED, with this text.
pub fn check_all_seen<'a>(
    cx: &RequestContext,
    topics: impl Iterator<Item = &'a str>,
    why: &str,
) -> Result<(), ApiError> {
    match may_describe_all(cx, topics) {
        true => Ok(()),
        false => Err(ApiError::new(ErrorCode::TOPIC_AUTHORIZATION_FAILED, why)),
    }
}

/// What is said of members' topics that the client may not see.
pub const UNSEEN_TOPICS: &str = "The group has described topic(s) that the client is not authorized to describe.";

/// Describes a group of one kind, such as `share`, to who may see it; `describe` has nothing to say of another kind.
///
/// # Errors
/// GROUP_AUTHORIZATION_FAILED, INVALID_GROUP_ID, GROUP_ID_NOT_FOUND, and those of a coordinator.
pub fn describe_group<T>(
    cx: &RequestContext,
    group_id: &str,
    kind: &str,
    describe: impl FnOnce(&Group) -> Option<T>,
) -> Result<T, ApiError> {
    cx.authorize(Operation::Describe, Resource::Group(group_id))?;
    if group_id.is_empty() {
        return Err(ErrorCode::INVALID_GROUP_ID.into());
    }
    let not_found = |why| ApiError::new(ErrorCode::GROUP_ID_NOT_FOUND, why);
    cx.node.groups().describe_group(group_id, |group| match group {
        Some(group) => describe(group).ok_or_else(|| not_found(format!("Group {group_id} is not a {kind} group."))),
        None => Err(not_found(format!("Group {group_id} not found."))),
    })?
}

/// What must be allowed for a change of a resource's configuration.
pub fn altered_resource(kind: i8, name: &str) -> Resource<'_> {
    match kind {
        resource_type::TOPIC => Resource::Topic(name),
        resource_type::GROUP => Resource::Group(name),
        _ => Resource::Cluster,
    }
}

/// Whether ACLs can be changed, and by this principal.
///
/// # Errors
/// [`ErrorCode::CLUSTER_AUTHORIZATION_FAILED`], [`ErrorCode::SECURITY_DISABLED`].
pub fn check_acls_changeable(cx: &RequestContext) -> Result<(), ApiError> {
    cx.authorize(Operation::Alter, Resource::Cluster)?;
    match cx.node.authorizer() {
        Some(_) => Ok(()),
        None => Err(ApiError::new(
            ErrorCode::SECURITY_DISABLED,
            "No Authorizer is configured.",
        )),
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
