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

/// Appends a line with the object of a record, written field by field: there may be millions.
pub(super) fn record_line(
    out: &mut Vec<u8>,
    file: &str,
    header: &BatchHeader,
    record: &Record<'_>,
    decoder: Decoder,
) -> CliResult {
    let number = |out: &mut Vec<u8>, name: &str, n: i64| {
        out.extend_from_slice(name.as_bytes());
        text::int(out, n);
    };
    out.extend_from_slice(b"{\"file\":");
    string(out, file);
    number(out, ",\"offset\":", record.offset);
    out.extend_from_slice(b",\"timestampType\":");
    string(out, header.timestamp_type().name());
    number(out, ",\"timestamp\":", record.timestamp);
    number(out, ",\"sequence\":", i64::from(record.sequence));
    number(out, ",\"producerId\":", header.producer_id);
    number(out, ",\"producerEpoch\":", i64::from(header.producer_epoch));
    number(
        out,
        ",\"partitionLeaderEpoch\":",
        i64::from(header.partition_leader_epoch),
    );
    out.extend_from_slice(b",\"isTransactional\":");
    out.extend_from_slice(if header.is_transactional() { b"true" } else { b"false" });
    out.extend_from_slice(b",\"headers\":[");
    for (n, header) in record.headers.enumerate() {
        out.extend_from_slice(if n == 0 { b"{\"key\":" } else { b",{\"key\":" });
        write_text_or_base64(out, Some(header.key));
        out.extend_from_slice(b",\"value\":");
        write_text_or_base64(out, header.value);
        out.push(b'}');
    }
    out.push(b']');
    if header.is_control() {
        out.extend_from_slice(b",\"control\":");
        value(out, &control_record(record)?);
    } else {
        let fields = Fields {
            offset: record.offset,
            key: record.key,
            value: record.value,
        };
        decoder.write_json(out, &fields)?;
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

pub(super) fn value(out: &mut Vec<u8>, value: &Value) {
    // Writing to a Vec does not fail.
    let _ = serde_json::to_writer(out, value);
}

fn string(out: &mut Vec<u8>, text: &str) {
    // As above.
    let _ = serde_json::to_writer(out, text);
}

/// Writes what [`text_or_base64`] gives.
pub(super) fn write_text_or_base64(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes.map(std::str::from_utf8) {
        None => out.extend_from_slice(b"null"),
        Some(Ok(text)) => string(out, text),
        Some(Err(_)) => value(out, &base64(bytes.unwrap_or_default())),
    }
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
