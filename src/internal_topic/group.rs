//! The records of `__consumer_offsets`. Kafka: `GroupCoordinatorRecordSerde`.
//!
//! [`record_type`] has the numbers of the record types; the first two bytes of a key are one of them.

use serde_json::Value;

use super::encode::EncodeError;
use super::keyed::{self, Key, KeyedError, Versioned};
use super::schema::Schema;
use super::schema::group::TYPES;
pub use super::schema::group::record_type;

/// The tables of a record type's key and value.
pub fn schemas(record_type: i16) -> Result<(&'static Schema, &'static Schema), KeyedError> {
    keyed::find(TYPES, record_type)
}

/// Takes a key apart: its record type and fields.
pub fn decode_key(bytes: &[u8]) -> Result<Key, KeyedError> {
    keyed::decode_key(TYPES, bytes)
}

/// Takes the value of a record of `record_type` apart. Every field is present, absent ones hold their defaults.
pub fn decode_value(record_type: i16, bytes: &[u8]) -> Result<Versioned, KeyedError> {
    keyed::decode_value(TYPES, record_type, bytes)
}

/// As [`decode_value`], but only with the fields that Kafka's own JSON of this version has.
pub fn decode_value_as_printed(record_type: i16, bytes: &[u8]) -> Result<Versioned, KeyedError> {
    keyed::decode_value_as_printed(TYPES, record_type, bytes)
}

/// The bytes of a key.
pub fn encode_key(record_type: i16, json: &Value) -> Result<Vec<u8>, EncodeError> {
    keyed::encode_key(TYPES, record_type, json)
}

/// The bytes of a value in `version` of its message.
pub fn encode_value(record_type: i16, version: i16, json: &Value) -> Result<Vec<u8>, EncodeError> {
    keyed::encode_value(TYPES, record_type, version, json)
}
