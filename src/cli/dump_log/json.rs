//! `-o json` and `-o jsonl`: one object for each record, or for each batch without deep iteration. Fields are named as in
//! the text. Keys, values and headers are text where they are UTF-8, else `{"base64": "..."}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::cli::CliResult;
use crate::internal_topic::control::{self, ControlType};
use crate::log::inspect::{FileBatch, Format};
use crate::record::legacy::{LegacyBatch, LegacyRecord};
use crate::record::{BatchHeader, Record};

use super::decoder::{Decoder, Fields};
use super::text;

/// Appends a line with one object, the file it is from in front.
pub(super) fn line(out: &mut Vec<u8>, file: &str, object: Value) {
    let mut with_file = Map::new();
    with_file.insert("file".to_owned(), file.into());
    if let Value::Object(fields) = object {
        with_file.extend(fields);
    }
    out.extend_from_slice(Value::Object(with_file).to_string().as_bytes());
    out.push(b'\n');
}

/// Puts objects behind one another: a line each, or as elements of one array.
#[derive(Debug)]
pub(super) struct Writer {
    array: bool,
    objects: u64,
}

impl Writer {
    /// One array of all objects.
    pub(super) fn array() -> Self {
        Writer {
            array: true,
            objects: 0,
        }
    }

    /// An object a line.
    pub(super) fn lines() -> Self {
        Writer {
            array: false,
            objects: 0,
        }
    }

    /// Takes lines with an object each.
    pub(super) fn lines_of(&mut self, lines: &[u8], out: &mut Vec<u8>) {
        if !self.array {
            out.extend_from_slice(lines);
            return;
        }
        for line in lines.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            out.extend_from_slice(if self.objects == 0 { b"[\n" } else { b",\n" });
            out.extend_from_slice(line);
            self.objects += 1;
        }
    }

    pub(super) fn object(&mut self, out: &mut Vec<u8>, file: &str, object: Value) {
        let mut text = Vec::new();
        line(&mut text, file, object);
        self.lines_of(&text, out);
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.array {
            out.extend_from_slice(if self.objects == 0 { b"[]\n" } else { b"\n]\n" });
        }
    }
}

/// Text, or base64 of what is none.
pub(super) fn text_or_base64(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| base64(bytes), Value::from)
}

pub(super) fn base64(bytes: &[u8]) -> Value {
    json!({"base64": STANDARD.encode(bytes)})
}

/// The object of a batch.
pub(super) fn batch(batch: &FileBatch<'_>) -> Value {
    match batch.format {
        Format::Default(header) => json!({
            "baseOffset": header.base_offset,
            "lastOffset": header.last_offset(),
            "count": header.record_count,
            "baseSequence": header.base_sequence,
            "lastSequence": header.last_sequence(),
            "producerId": header.producer_id,
            "producerEpoch": header.producer_epoch,
            "partitionLeaderEpoch": header.partition_leader_epoch,
            "isTransactional": header.is_transactional(),
            "isControl": header.is_control(),
            "deleteHorizonMs": header.delete_horizon_ms(),
            "position": batch.position,
            "timestampType": header.timestamp_type().name(),
            "maxTimestamp": header.max_timestamp,
            "size": batch.bytes.len(),
            "magic": header.magic,
            "compresscodec": header.compression().ok().map(|c| c.name()),
            "crc": header.crc,
            "isvalid": batch.is_valid(),
        }),
        Format::Legacy(legacy) => json!({
            "lastOffset": legacy.last_offset(),
            "position": batch.position,
            "timestampType": text::timestamp_type(legacy.timestamp_type()),
            "maxTimestamp": legacy.timestamp(),
            "size": batch.bytes.len(),
            "magic": legacy.magic(),
            "compresscodec": legacy.compression().ok().map(|c| c.name()),
            "crc": legacy.crc(),
            "isvalid": legacy.is_valid(),
        }),
    }
}

/// The object of a record.
pub(super) fn record(header: &BatchHeader, record: &Record<'_>, decoder: Decoder) -> CliResult<Value> {
    let headers: Vec<Value> = record
        .headers
        .map(|h| json!({"key": text_or_base64(h.key), "value": h.value.map(text_or_base64)}))
        .collect();
    let mut object = json!({
        "offset": record.offset,
        "timestampType": header.timestamp_type().name(),
        "timestamp": record.timestamp,
        "sequence": record.sequence,
        "producerId": header.producer_id,
        "producerEpoch": header.producer_epoch,
        "partitionLeaderEpoch": header.partition_leader_epoch,
        "isTransactional": header.is_transactional(),
        "headers": headers,
    });
    if header.is_control() {
        object["control"] = control_record(record)?;
        return Ok(object);
    }
    let fields = Fields {
        offset: record.offset,
        key: record.key,
        value: record.value,
    };
    let (key, value) = decoder.json(&fields)?;
    object["key"] = key.into();
    object["value"] = value.into();
    Ok(object)
}

fn control_record(record: &Record<'_>) -> CliResult<Value> {
    let id = text::control_type_id(record.key.unwrap_or_default())?;
    let kind = ControlType::from_id(id);
    let value = record.value.unwrap_or_default();
    let mut object = json!({"type": kind.name(), "id": id});
    match kind.schema() {
        Some(schema) => object["data"] = control::decode_value(schema, value)?,
        None if matches!(kind, ControlType::Abort | ControlType::Commit) => {
            object["coordinatorEpoch"] = text::coordinator_epoch(value)?.into();
        }
        None => {}
    }
    Ok(object)
}

/// The object of a record of magic 0 or 1.
pub(super) fn legacy_record(batch: &LegacyBatch<'_>, record: &LegacyRecord<'_>, decoder: Decoder) -> CliResult<Value> {
    let fields = Fields {
        offset: record.offset,
        key: record.key()?,
        value: record.value()?,
    };
    let (key, value) = decoder.json(&fields)?;
    Ok(json!({
        "offset": record.offset,
        "timestampType": text::timestamp_type(batch.timestamp_type()),
        "timestamp": record.timestamp,
        "isValid": record.is_valid,
        "crc": record.crc,
        "key": key,
        "value": value,
    }))
}
