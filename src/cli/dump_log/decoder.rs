//! Keys and values as text or JSON. Kafka: the `MessageParser`s of `DumpLogSegments`, `org.apache.kafka.tools.api`.

use serde_json::{Value, json};

use crate::cli::{CliError, CliResult};
use crate::internal_topic::keyed::{KeyedError, split_version};
use crate::internal_topic::{self as internal, Schema, java_utf8, metadata};

use super::text;
use crate::record::RecordError;

mod consumer_protocol;
mod remote_log;

/// What the records of a log hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoder {
    /// Anything: a class each for keys and values.
    Classes {
        key: Plain,
        value: Plain,
    },
    Offsets,
    TransactionLog,
    ClusterMetadata,
    RemoteLogMetadata,
    ShareGroupState,
}

/// One of Kafka's own decoder classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Text,
    /// `DefaultDecoder`: Java prints an array's identity.
    Bytes,
    Integer,
    Long,
}

/// The part of a record that decoders look at.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) offset: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
}

/// A decoded key or value: text that Kafka prints as it stands, or JSON.
#[derive(Debug)]
pub(super) enum Shown {
    Text(String),
    Json(Value),
}

impl Shown {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Shown::Text(text) => out.extend_from_slice(text.as_bytes()),
            Shown::Json(value) => internal::json::write(value, out),
        }
    }

    pub(super) fn into_json(self) -> Value {
        match self {
            Shown::Text(text) => Value::String(text),
            Shown::Json(value) => value,
        }
    }
}

/// Key and value of a record, decoded.
pub(super) type Pair = (Option<Shown>, Option<Shown>);

impl Plain {
    /// `None` for a class that is none of Kafka's.
    pub(super) fn of_class(class: &str) -> Option<Plain> {
        Some(match class.strip_prefix("org.apache.kafka.tools.api.")? {
            "StringDecoder" => Plain::Text,
            "DefaultDecoder" => Plain::Bytes,
            "IntegerDecoder" => Plain::Integer,
            "LongDecoder" => Plain::Long,
            _ => return None,
        })
    }

    fn write(self, out: &mut Vec<u8>, bytes: &[u8]) -> CliResult {
        match self {
            Plain::Text => java_utf8::append(bytes, out),
            Plain::Bytes => out.extend_from_slice(format!("[B@{:x}", crc32c::crc32c(bytes)).as_bytes()),
            Plain::Integer => text::int(out, i64::from(i32::from_be_bytes(head(bytes)?))),
            Plain::Long => text::int(out, i64::from_be_bytes(head(bytes)?)),
        }
        Ok(())
    }

    fn json(self, bytes: &[u8]) -> CliResult<Value> {
        Ok(match self {
            Plain::Text => super::json::text_or_base64(bytes),
            Plain::Bytes => super::json::base64(bytes),
            Plain::Integer => i32::from_be_bytes(head(bytes)?).into(),
            Plain::Long => i64::from_be_bytes(head(bytes)?).into(),
        })
    }
}

fn head<const N: usize>(bytes: &[u8]) -> CliResult<[u8; N]> {
    bytes.first_chunk().copied().ok_or_else(|| {
        CliError::failed(format!(
            "a decoder of {N} bytes was given {} (java.nio.BufferUnderflowException)",
            bytes.len()
        ))
    })
}

impl Decoder {
    /// Appends key and payload, each with what stands before it: `prefix` before the first, a space before the second.
    pub(super) fn write(self, out: &mut Vec<u8>, fields: &Fields<'_>, prefix: &str) -> CliResult {
        let mut prefix = prefix;
        if let Decoder::Classes { key, value } = self {
            let mark = out.len();
            if let Some(bytes) = fields.key {
                out.extend_from_slice(prefix.as_bytes());
                out.extend_from_slice(b"key: ");
                key.write(out, bytes).inspect_err(|_| out.truncate(mark))?;
                prefix = " ";
            }
            if let Some(bytes) = fields.value {
                out.extend_from_slice(prefix.as_bytes());
                out.extend_from_slice(b"payload: ");
                // Kafka decodes both before it prints either.
                value.write(out, bytes).inspect_err(|_| out.truncate(mark))?;
            }
            return Ok(());
        }
        let (key, value) = self.decode(fields)?;
        if let Some(key) = key {
            out.extend_from_slice(prefix.as_bytes());
            out.extend_from_slice(b"key: ");
            key.write(out);
            prefix = " ";
        }
        if let Some(value) = value {
            out.extend_from_slice(prefix.as_bytes());
            out.extend_from_slice(b"payload: ");
            value.write(out);
        }
        Ok(())
    }

    /// Whether keys are looked at.
    pub(super) fn reads_keys(self) -> bool {
        !matches!(self, Decoder::ClusterMetadata | Decoder::RemoteLogMetadata)
    }

    /// Appends why a key or value cannot be taken out of its record. False if that ends the dump, as with decoder classes.
    pub(super) fn write_unreadable(self, out: &mut Vec<u8>, offset: i64, why: &RecordError, prefix: &str) -> bool {
        let told = match self {
            Decoder::Classes { .. } => return false,
            Decoder::ClusterMetadata => format!("{prefix}payload: Error at {offset}, skipping. {why}"),
            Decoder::RemoteLogMetadata => format!("{prefix}payload: Error at offset {offset}, skipping. {why}"),
            _ => format!("{prefix}key: Error at offset {offset}, skipping. {why}"),
        };
        out.extend_from_slice(told.as_bytes());
        true
    }

    /// Appends key and value as fields of a JSON object that has others in front.
    pub(super) fn write_json(self, out: &mut Vec<u8>, fields: &Fields<'_>) -> CliResult {
        if let Decoder::Classes {
            key: Plain::Text,
            value: Plain::Text,
        } = self
        {
            out.extend_from_slice(b",\"key\":");
            super::json::write_text_or_base64(out, fields.key);
            out.extend_from_slice(b",\"value\":");
            super::json::write_text_or_base64(out, fields.value);
            return Ok(());
        }
        let (key, value) = self.json(fields)?;
        out.extend_from_slice(b",\"key\":");
        super::json::value(out, &key.into());
        out.extend_from_slice(b",\"value\":");
        super::json::value(out, &value.into());
        Ok(())
    }

    /// Key and value for JSON output. A value that is no text is base64.
    pub(super) fn json(self, fields: &Fields<'_>) -> CliResult<(Option<Value>, Option<Value>)> {
        if let Decoder::Classes { key, value } = self {
            let key = fields.key.map(|bytes| key.json(bytes)).transpose()?;
            return Ok((key, fields.value.map(|bytes| value.json(bytes)).transpose()?));
        }
        let (key, value) = self.decode(fields)?;
        Ok((key.map(Shown::into_json), value.map(Shown::into_json)))
    }

    fn decode(self, fields: &Fields<'_>) -> CliResult<Pair> {
        match self {
            Decoder::Classes { .. } => Ok((None, None)),
            Decoder::Offsets => coordinator(fields, internal::group::schemas, |record_type, value| {
                if record_type == internal::group::record_type::GROUP_METADATA {
                    consumer_protocol::expand(value);
                }
            }),
            Decoder::TransactionLog => coordinator(fields, internal::txn::schemas, |_, _| {}),
            Decoder::ShareGroupState => coordinator(fields, internal::share::schemas, |_, _| {}),
            Decoder::ClusterMetadata => Ok((None, Some(cluster_metadata(fields)))),
            Decoder::RemoteLogMetadata => Ok((None, Some(Shown::Text(remote_log::describe(fields))))),
        }
    }
}

/// `CoordinatorRecordMessageParser`: what cannot be decoded is told in the key's place.
fn coordinator(
    fields: &Fields<'_>,
    schemas: fn(i16) -> Result<(&'static Schema, &'static Schema), KeyedError>,
    expand: impl FnOnce(i16, &mut Value),
) -> CliResult<Pair> {
    let offset = fields.offset;
    let Some(key) = fields.key else {
        return Err(CliError::failed(format!(
            "Failed to decode message at offset {offset} using the specified decoder (message had a missing key)"
        )));
    };
    let told = |text: String| Ok((Some(Shown::Text(text)), None));
    let failed = |why: String| told(format!("Error at offset {offset}, skipping. {why}"));
    let Ok((record_type, rest)) = split_version(key) else {
        return failed("Could not read version from key's buffer.".to_owned());
    };
    let Ok((key_schema, value_schema)) = schemas(record_type) else {
        return told(format!(
            "Unknown record type {record_type} at offset {offset}, skipping."
        ));
    };
    let unread = |version: i16, what: &str, why: &dyn std::fmt::Display| {
        failed(format!(
            "Could not read record with version {version} from {what}'s buffer due to: {why}."
        ))
    };
    let key = match internal::decode(key_schema, 0, rest) {
        Ok(data) => Shown::Json(json!({"type": record_type.to_string(), "data": data})),
        Err(why) => return unread(record_type, "key", &why),
    };
    let Some(value) = fields.value else {
        return Ok((Some(key), Some(Shown::Text("<DELETE>".to_owned()))));
    };
    let Ok((version, rest)) = split_version(value) else {
        return failed("Could not read version from value's buffer.".to_owned());
    };
    if !value_schema.valid.contains(version) {
        return failed(format!(
            "Found an unknown record version {version} for {record_type} type"
        ));
    }
    match internal::decode(value_schema, version, rest) {
        Ok(mut data) => {
            expand(record_type, &mut data);
            Ok((
                Some(key),
                Some(Shown::Json(json!({"version": version.to_string(), "data": data}))),
            ))
        }
        Err(why) => unread(version, "value", &why),
    }
}

/// `ClusterMetadataLogMessageParser`.
fn cluster_metadata(fields: &Fields<'_>) -> Shown {
    match metadata::decode_value_as_printed(fields.value.unwrap_or_default()) {
        Ok(record) => Shown::Json(json!({
            "type": record.schema.enum_name(), "version": record.version, "data": record.json,
        })),
        Err(why) => Shown::Text(format!("Error at {}, skipping. {}", fields.offset, serde_error(&why))),
    }
}

/// The text of `MetadataParseException`; that of an unknown type holds its cause's class.
fn serde_error(why: &KeyedError) -> String {
    match why {
        KeyedError::UnknownType(id) => {
            format!("org.apache.kafka.common.errors.UnsupportedVersionException: Unknown metadata id {id}")
        }
        other => other.to_string(),
    }
}
