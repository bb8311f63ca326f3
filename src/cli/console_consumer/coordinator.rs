//! Formatters of Kafka's own topics: one JSON object a record, with nothing in between (Kafka:
//! `CoordinatorRecordMessageFormatter` and its subclasses).

use std::io::Write;

use serde_json::{Value, json};

use super::formatter::{FormatError, Received};
use crate::internal_topic::{self, json as java_json};

/// Whose records a formatter shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinator {
    /// `OffsetsMessageFormatter`: committed offsets.
    Offsets,
    /// `GroupMetadataMessageFormatter`: classic groups.
    GroupMetadata,
    /// `ShareGroupMessageFormatter`.
    ShareGroup,
    /// `TransactionLogMessageFormatter`.
    TransactionLog,
    /// `ShareGroupStateMessageFormatter`.
    ShareGroupState,
}

impl Coordinator {
    /// By the full class name.
    pub fn by_class(class: &str) -> Option<Self> {
        Some(match class.strip_prefix("org.apache.kafka.tools.consumer.")? {
            "OffsetsMessageFormatter" => Self::Offsets,
            "GroupMetadataMessageFormatter" => Self::GroupMetadata,
            "ShareGroupMessageFormatter" => Self::ShareGroup,
            "TransactionLogMessageFormatter" => Self::TransactionLog,
            "group.share.ShareGroupStateMessageFormatter" => Self::ShareGroupState,
            _ => return None,
        })
    }

    fn shows(self, record_type: i16) -> bool {
        match self {
            Self::Offsets => matches!(record_type, 0 | 1),
            Self::GroupMetadata => record_type == 2,
            Self::ShareGroup => (10..=15).contains(&record_type),
            Self::TransactionLog => record_type == 0,
            Self::ShareGroupState => matches!(record_type, 0 | 1),
        }
    }

    /// Writes the record's object; nothing for record types that are not this formatter's.
    ///
    /// # Errors
    /// Bytes that are no such record, or writing failed.
    pub fn write(self, r: &Received<'_>, out: &mut dyn Write) -> Result<(), FormatError> {
        use internal_topic::{group, share, txn};
        let Some(key) = r.key else { return Ok(()) };
        let wrong = |e: internal_topic::KeyedError| {
            FormatError::Data(format!("Could not read record at offset {} due to: {e}", r.offset))
        };
        let decoded = match self {
            Self::TransactionLog => txn::decode_key(key),
            Self::ShareGroupState => share::decode_key(key),
            _ => group::decode_key(key),
        };
        let key = match decoded {
            Ok(k) if self.shows(k.record_type) => k,
            Ok(_) | Err(internal_topic::KeyedError::UnknownType(_)) => return Ok(()),
            Err(e) => return Err(wrong(e)),
        };
        let value = match r.value {
            None => Value::Null,
            Some(bytes) => {
                let v = match self {
                    Self::TransactionLog => txn::decode_value_as_printed(key.record_type, bytes),
                    Self::ShareGroupState => share::decode_value_as_printed(key.record_type, bytes),
                    _ => group::decode_value_as_printed(key.record_type, bytes),
                }
                .map_err(wrong)?;
                json!({"version": v.version, "data": v.json})
            }
        };
        let object = json!({"key": {"type": key.record_type, "data": key.json}, "value": value});
        out.write_all(java_json::to_text(&object).as_bytes())?;
        Ok(())
    }
}
