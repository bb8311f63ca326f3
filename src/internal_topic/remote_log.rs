//! The records of `__remote_log_metadata`, framed like those of [`super::metadata`]. Kafka: `RemoteLogMetadataSerde`.

use serde_json::Value;

use super::encode::EncodeError;
use super::keyed::KeyedError;
use super::metadata::{Record, decode_framed, encode_framed};
use super::schema::remote_log::TYPES;
pub use super::schema::remote_log::record_type;

/// Takes a record apart. Every field is present, absent ones hold their defaults.
pub fn decode_value(bytes: &[u8]) -> Result<Record, KeyedError> {
    decode_framed(TYPES, bytes, true)
}

/// The bytes of a record in `version` of its message.
pub fn encode_value(record_type: i16, version: i16, json: &Value) -> Result<Vec<u8>, EncodeError> {
    encode_framed(TYPES, record_type, version, json)
}
