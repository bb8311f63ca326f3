//! Keys and values of coordinator topics: two bytes of record type before the key, two bytes of version before the
//! value. Kafka: `CoordinatorRecordSerde`.

use serde_json::Value;

use super::decode::{DecodeError, decode, decode_filled};
use super::encode::{EncodeError, encode_into};
use super::schema::Schema;

/// The record types of one topic: key and value table of each.
pub(super) type Types = &'static [(&'static Schema, &'static Schema)];

/// Why the key or value of a record cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyedError {
    #[error("Could not read the record type or version: {0} bytes")]
    TooShort(usize),
    #[error("Unknown record type {0}")]
    UnknownType(i16),
    #[error("{0}")]
    Message(#[from] DecodeError),
    /// The text Kafka has for it.
    #[error("{0}")]
    Frame(String),
}

/// A record key taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub record_type: i16,
    pub json: Value,
}

/// A record value taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned {
    pub version: i16,
    pub json: Value,
}

/// The leading `i16` and the rest.
pub fn split_version(bytes: &[u8]) -> Result<(i16, &[u8]), KeyedError> {
    match bytes.split_first_chunk::<2>() {
        Some((head, rest)) => Ok((i16::from_be_bytes(*head), rest)),
        None => Err(KeyedError::TooShort(bytes.len())),
    }
}

pub(super) fn find(types: Types, record_type: i16) -> Result<(&'static Schema, &'static Schema), KeyedError> {
    types
        .iter()
        .find(|(key, _)| key.api_key == Some(record_type))
        .copied()
        .ok_or(KeyedError::UnknownType(record_type))
}

pub(super) fn decode_key(types: Types, bytes: &[u8]) -> Result<Key, KeyedError> {
    let (record_type, rest) = split_version(bytes)?;
    let json = decode(find(types, record_type)?.0, 0, rest)?;
    Ok(Key { record_type, json })
}

pub(super) fn decode_value(types: Types, record_type: i16, bytes: &[u8]) -> Result<Versioned, KeyedError> {
    let schema = find(types, record_type)?.1;
    let (version, rest) = split_version(bytes)?;
    Ok(Versioned {
        version,
        json: decode_filled(schema, version, rest)?,
    })
}

/// As [`decode_value`], but only with the fields that Kafka's own JSON of this version has.
pub(super) fn decode_value_as_printed(types: Types, record_type: i16, bytes: &[u8]) -> Result<Versioned, KeyedError> {
    let schema = find(types, record_type)?.1;
    let (version, rest) = split_version(bytes)?;
    Ok(Versioned {
        version,
        json: decode(schema, version, rest)?,
    })
}

pub(super) fn encode_key(types: Types, record_type: i16, json: &Value) -> Result<Vec<u8>, EncodeError> {
    let (schema, _) = find(types, record_type).map_err(|why| EncodeError(why.to_string()))?;
    let mut out = record_type.to_be_bytes().to_vec();
    encode_into(schema, 0, json, &mut out)?;
    Ok(out)
}

pub(super) fn encode_value(types: Types, record_type: i16, version: i16, json: &Value) -> Result<Vec<u8>, EncodeError> {
    let (_, schema) = find(types, record_type).map_err(|why| EncodeError(why.to_string()))?;
    let mut out = version.to_be_bytes().to_vec();
    encode_into(schema, version, json, &mut out)?;
    Ok(out)
}
