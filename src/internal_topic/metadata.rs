//! The records of `__cluster_metadata`: values only, framed by three unsigned varints: frame version 1, record type, version.
//! Kafka: `MetadataRecordSerde`, `AbstractApiMessageSerde`.

use serde_json::Value;

use super::decode::{DecodeError, Input, decode_filled, decode_later, decode_prefix};
use super::encode::{EncodeError, encode_into, put_unsigned_varint};
use super::keyed::KeyedError;
use super::schema::Schema;
use super::schema::metadata::TYPES;
pub use super::schema::metadata::record_type;

/// A record taken apart.
#[derive(Debug, Clone)]
pub struct Record {
    pub schema: &'static Schema,
    pub version: i16,
    pub json: Value,
}

impl Record {
    /// The record type, one of [`record_type`].
    pub fn record_type(&self) -> i16 {
        self.schema.api_key.unwrap_or(-1)
    }
}

/// The table of a record type.
pub fn schema(record_type: i16) -> Option<&'static Schema> {
    find(TYPES, record_type)
}

/// Takes a record apart in the shape of Kafka's JSON converters: tagged fields with their defaults are left out.
pub fn decode_value_as_printed(bytes: &[u8]) -> Result<Record, KeyedError> {
    decode_framed(TYPES, bytes, false)
}

/// Takes a record apart. Every field is present, absent ones hold their defaults.
pub fn decode_value(bytes: &[u8]) -> Result<Record, KeyedError> {
    decode_framed(TYPES, bytes, true)
}

/// The bytes of a record in `version` of its message.
pub fn encode_value(record_type: i16, version: i16, json: &Value) -> Result<Vec<u8>, EncodeError> {
    encode_framed(TYPES, record_type, version, json)
}

fn find(types: &[&'static Schema], record_type: i16) -> Option<&'static Schema> {
    types.iter().find(|s| s.api_key == Some(record_type)).copied()
}

/// `AbstractApiMessageSerde.read`.
pub(super) fn decode_framed(types: &[&'static Schema], bytes: &[u8], fill: bool) -> Result<Record, KeyedError> {
    let mut input = Input { left: bytes };
    match short(&mut input, "frame version")? {
        1 => {}
        0 => {
            return frame(
                "Could not deserialize metadata record with frame version 0. \
                 Note that upgrades from the preview release of KRaft in 2.8 to newer versions are not supported."
                    .to_owned(),
            );
        }
        other => {
            return frame(format!(
                "Could not deserialize metadata record due to unknown frame version {other}\
                 (only frame version 1 is supported)"
            ));
        }
    }
    let record_type = short(&mut input, "type")?;
    let version = short(&mut input, "version")?;
    let schema = find(types, record_type).ok_or(KeyedError::UnknownType(record_type))?;
    let failed = |_: DecodeError| KeyedError::Frame(format!("Failed to deserialize record with type {record_type}"));
    let (json, used) = if fill {
        decode_prefix(schema, version, input.left)
    } else {
        decode_later(schema, version, input.left)
    }
    .map_err(failed)?;
    if used < input.left.len() {
        return frame(format!(
            "Found {} byte(s) of garbage after {record_type}",
            input.left.len() - used
        ));
    }
    let json = if fill {
        decode_filled(schema, version, input.left).map_err(failed)?
    } else {
        json
    };
    Ok(Record { schema, version, json })
}

fn frame<T>(text: String) -> Result<T, KeyedError> {
    Err(KeyedError::Frame(text))
}

fn short(input: &mut Input<'_>, what: &str) -> Result<i16, KeyedError> {
    match input.unsigned_varint() {
        Err(_) => frame(format!("Error while reading {what}")),
        Ok(n) => match n as i32 {
            n if n > i32::from(i16::MAX) => frame(format!("Value for {what} was too large.")),
            // Kafka's number is signed, and cut to its lower half if it is below zero.
            n => Ok(n as i16),
        },
    }
}

pub(super) fn encode_framed(
    types: &[&'static Schema],
    record_type: i16,
    version: i16,
    json: &Value,
) -> Result<Vec<u8>, EncodeError> {
    let schema = find(types, record_type).ok_or_else(|| EncodeError(format!("Unknown record type {record_type}")))?;
    let mut out = Vec::with_capacity(64);
    put_unsigned_varint(&mut out, 1);
    put_unsigned_varint(&mut out, u32::from(record_type.unsigned_abs()));
    put_unsigned_varint(&mut out, u32::from(version.unsigned_abs()));
    encode_into(schema, version, json, &mut out)?;
    Ok(out)
}
