//! Control records: the key says which kind it is, the value is a message. Kafka: `ControlRecordType`,
//! `ControlRecordUtils`, `EndTransactionMarker`.

use serde_json::Value;

use super::decode::{DecodeError, decode};
use super::encode::{EncodeError, encode};
use super::schema::{Schema, control};

/// What a control record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlType {
    Abort,
    Commit,
    LeaderChange,
    SnapshotHeader,
    SnapshotFooter,
    KRaftVersion,
    KRaftVoters,
    Unknown,
}

impl ControlType {
    /// The type in a control record's key: version and type, two bytes each.
    pub fn of_key(key: &[u8]) -> ControlType {
        match key {
            [_, _, hi, lo, ..] => Self::from_id(i16::from_be_bytes([*hi, *lo])),
            _ => ControlType::Unknown,
        }
    }

    pub fn from_id(id: i16) -> ControlType {
        match id {
            0 => ControlType::Abort,
            1 => ControlType::Commit,
            2 => ControlType::LeaderChange,
            3 => ControlType::SnapshotHeader,
            4 => ControlType::SnapshotFooter,
            5 => ControlType::KRaftVersion,
            6 => ControlType::KRaftVoters,
            _ => ControlType::Unknown,
        }
    }

    pub fn id(self) -> i16 {
        match self {
            ControlType::Abort => 0,
            ControlType::Commit => 1,
            ControlType::LeaderChange => 2,
            ControlType::SnapshotHeader => 3,
            ControlType::SnapshotFooter => 4,
            ControlType::KRaftVersion => 5,
            ControlType::KRaftVoters => 6,
            ControlType::Unknown => -1,
        }
    }

    /// The key of such a record.
    pub fn key(self) -> [u8; 4] {
        let [hi, lo] = self.id().to_be_bytes();
        [0, 0, hi, lo]
    }

    /// Kafka's name of it.
    pub fn name(self) -> &'static str {
        match self {
            ControlType::Abort => "ABORT",
            ControlType::Commit => "COMMIT",
            ControlType::LeaderChange => "LEADER_CHANGE",
            ControlType::SnapshotHeader => "SNAPSHOT_HEADER",
            ControlType::SnapshotFooter => "SNAPSHOT_FOOTER",
            ControlType::KRaftVersion => "KRAFT_VERSION",
            ControlType::KRaftVoters => "KRAFT_VOTERS",
            ControlType::Unknown => "UNKNOWN",
        }
    }

    /// The table of the value, for the records of the raft log.
    pub fn schema(self) -> Option<&'static Schema> {
        match self {
            ControlType::LeaderChange => Some(&control::LEADER_CHANGE_MESSAGE),
            ControlType::SnapshotHeader => Some(&control::SNAPSHOT_HEADER_RECORD),
            ControlType::SnapshotFooter => Some(&control::SNAPSHOT_FOOTER_RECORD),
            ControlType::KRaftVersion => Some(&control::KRAFT_VERSION_RECORD),
            ControlType::KRaftVoters => Some(&control::VOTERS_RECORD),
            ControlType::Abort | ControlType::Commit | ControlType::Unknown => None,
        }
    }
}

/// Takes the value of a raft control record apart. Its first field is the version it was written in.
pub fn decode_value(schema: &Schema, bytes: &[u8]) -> Result<Value, DecodeError> {
    let version = match bytes {
        [hi, lo, ..] => i16::from_be_bytes([*hi, *lo]),
        _ => return Err(DecodeError::Underflow),
    };
    decode(schema, version.min(schema.valid.max), bytes)
}

/// The value of a raft control record; the JSON's `version` is set to `version`.
pub fn encode_value(kind: ControlType, version: i16, json: &Value) -> Result<Vec<u8>, EncodeError> {
    let schema = kind
        .schema()
        .ok_or_else(|| EncodeError(format!("{} has no message", kind.name())))?;
    let mut json = json.clone();
    if let Some(map) = json.as_object_mut() {
        map.insert("version".to_owned(), version.into());
    }
    encode(schema, version, &json)
}

/// The value of a transaction marker: version 0 and the coordinator's epoch.
pub fn end_txn_marker(coordinator_epoch: i32) -> [u8; 6] {
    let [a, b, c, d] = coordinator_epoch.to_be_bytes();
    [0, 0, a, b, c, d]
}
