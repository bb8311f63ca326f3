//! The records of `__remote_log_metadata`, in the `toString` of Kafka's `RemoteLogMetadata` classes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::internal_topic::remote_log::{self, record_type};

use super::{Fields, serde_error};

const SEGMENT_STATES: [&str; 4] = [
    "COPY_SEGMENT_STARTED",
    "COPY_SEGMENT_FINISHED",
    "DELETE_SEGMENT_STARTED",
    "DELETE_SEGMENT_FINISHED",
];
const DELETE_STATES: [&str; 3] = [
    "DELETE_PARTITION_MARKED",
    "DELETE_PARTITION_STARTED",
    "DELETE_PARTITION_FINISHED",
];

const NO_STATE: &str = "state can not be null";

/// The record as text, or why it is none.
pub(super) fn describe(fields: &Fields<'_>) -> String {
    let failed = |why: &str| format!("Error at offset {}, skipping. {why}", fields.offset);
    let Some(value) = fields.value else {
        return failed(
            "Cannot invoke \"java.nio.ByteBuffer.remaining()\" because the return value of \
             \"org.apache.kafka.common.record.internal.Record.value()\" is null",
        );
    };
    let record = match remote_log::decode_value(value) {
        Ok(record) => record,
        Err(why) => return failed(&serde_error(&why)),
    };
    let json = &record.json;
    let text = match record.record_type() {
        record_type::REMOTE_LOG_SEGMENT_METADATA => segment(json),
        record_type::REMOTE_LOG_SEGMENT_METADATA_UPDATE => update(json),
        record_type::REMOTE_PARTITION_DELETE_METADATA => partition_delete(json),
        _ => snapshot(json),
    };
    text.unwrap_or_else(|why| failed(&why))
}

/// What Kafka's constructors insist on.
fn check_range(json: &Value) -> Result<(), String> {
    let start = json["startOffset"].as_i64().unwrap_or_default();
    let end = json["endOffset"].as_i64().unwrap_or_default();
    if start < 0 {
        return Err(format!(
            "Unexpected start offset = {start}. StartOffset for a remote segment cannot be negative"
        ));
    }
    if end < start {
        return Err(format!(
            "Unexpected end offset = {end}. EndOffset for a remote segment cannot be less than startOffset = {start}"
        ));
    }
    check_epochs(json)
}

fn check_epochs(json: &Value) -> Result<(), String> {
    match json["segmentLeaderEpochs"].as_array() {
        Some(epochs) if !epochs.is_empty() => Ok(()),
        _ => Err("segmentLeaderEpochs can not be null or empty".to_owned()),
    }
}

fn segment(json: &Value) -> Result<String, String> {
    check_range(json)?;
    Ok(format!(
        "RemoteLogSegmentMetadata{{remoteLogSegmentId={}, startOffset={}, endOffset={}, brokerId={}, \
         maxTimestampMs={}, eventTimestampMs={}, segmentLeaderEpochs={}, segmentSizeInBytes={}, customMetadata={}, \
         state={}, txnIdxEmpty={}}}",
        segment_id(&json["remoteLogSegmentId"]),
        json["startOffset"],
        json["endOffset"],
        json["brokerId"],
        json["maxTimestampMs"],
        json["eventTimestampMs"],
        leader_epochs(&json["segmentLeaderEpochs"]),
        json["segmentSizeInBytes"],
        custom_metadata(&json["customMetadata"]),
        state(&SEGMENT_STATES, &json["remoteLogSegmentState"]).ok_or(NO_STATE)?,
        json["txnIndexEmpty"],
    ))
}

fn update(json: &Value) -> Result<String, String> {
    Ok(format!(
        "RemoteLogSegmentMetadataUpdate{{remoteLogSegmentId={}, customMetadata={}, state={}, eventTimestampMs={}, \
         brokerId={}}}",
        segment_id(&json["remoteLogSegmentId"]),
        custom_metadata(&json["customMetadata"]),
        state(&SEGMENT_STATES, &json["remoteLogSegmentState"]).ok_or(NO_STATE)?,
        json["eventTimestampMs"],
        json["brokerId"],
    ))
}

fn partition_delete(json: &Value) -> Result<String, String> {
    Ok(format!(
        "RemotePartitionDeleteMetadata{{topicPartition={}, state={}, eventTimestampMs={}, brokerId={}}}",
        topic_id_partition(&json["topicIdPartition"]),
        state(&DELETE_STATES, &json["remotePartitionDeleteState"]).ok_or("null")?,
        json["eventTimestampMs"],
        json["brokerId"],
    ))
}

fn snapshot(json: &Value) -> Result<String, String> {
    check_epochs(json)?;
    Ok(format!(
        "RemoteLogSegmentMetadataSnapshot{{segmentId={}, startOffset={}, endOffset={}, maxTimestampMs={}, \
         segmentLeaderEpochs={}, segmentSizeInBytes={}, customMetadata={}, state={}, txnIdxEmpty={}}}",
        text(&json["segmentId"]),
        json["startOffset"],
        json["endOffset"],
        json["maxTimestampMs"],
        leader_epochs(&json["segmentLeaderEpochs"]),
        json["segmentSizeInBytes"],
        custom_metadata(&json["customMetadata"]),
        state(&SEGMENT_STATES, &json["remoteLogSegmentState"]).ok_or(NO_STATE)?,
        json["txnIndexEmpty"],
    ))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn segment_id(id: &Value) -> String {
    format!(
        "RemoteLogSegmentId{{topicIdPartition={}, id={}}}",
        topic_id_partition(&id["topicIdPartition"]),
        text(&id["id"])
    )
}

fn topic_id_partition(of: &Value) -> String {
    format!("{}:{}-{}", text(&of["id"]), text(&of["name"]), of["partition"])
}

/// A `TreeMap` from epoch to offset.
fn leader_epochs(epochs: &Value) -> String {
    let mut map = std::collections::BTreeMap::new();
    for entry in epochs.as_array().into_iter().flatten() {
        map.insert(entry["leaderEpoch"].as_i64(), &entry["offset"]);
    }
    let entries: Vec<String> = map
        .into_iter()
        .map(|(epoch, offset)| format!("{}={offset}", epoch.unwrap_or_default()))
        .collect();
    format!("{{{}}}", entries.join(", "))
}

fn custom_metadata(of: &Value) -> String {
    match of.as_str().map(|text| STANDARD.decode(text)) {
        Some(Ok(bytes)) => format!("Optional[CustomMetadata{{{} bytes}}]", bytes.len()),
        _ => "Optional.empty".to_owned(),
    }
}

fn state(names: &[&'static str], id: &Value) -> Option<&'static str> {
    names.get(usize::try_from(id.as_i64()?).ok()?).copied()
}
