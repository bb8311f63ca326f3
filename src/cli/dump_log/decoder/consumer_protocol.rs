//! The blobs of classic consumers inside a group's metadata, shown decoded. Kafka: `ConsumerProtocol`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::internal_topic::keyed::split_version;
use crate::internal_topic::schema::protocol::{CONSUMER_PROTOCOL_ASSIGNMENT, CONSUMER_PROTOCOL_SUBSCRIPTION};
use crate::internal_topic::{Schema, decode};

/// Replaces `subscription` and `assignment` of each member by what they hold, if the group's protocol is `consumer`.
/// What cannot be decoded stays base64.
pub(super) fn expand(group: &mut Value) {
    if group.get("protocolType").and_then(Value::as_str) != Some("consumer") {
        return;
    }
    for member in group
        .get_mut("members")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        replace(member, "subscription", &CONSUMER_PROTOCOL_SUBSCRIPTION);
        replace(member, "assignment", &CONSUMER_PROTOCOL_ASSIGNMENT);
    }
}

fn replace(member: &mut Value, field: &str, schema: &Schema) {
    let Some(blob) = member
        .get(field)
        .and_then(Value::as_str)
        .and_then(|text| STANDARD.decode(text).ok())
    else {
        return;
    };
    let Ok((version, rest)) = split_version(&blob) else {
        return;
    };
    if let Ok(decoded) = decode(schema, version, rest) {
        member[field] = decoded;
    }
}
