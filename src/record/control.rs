//! Control records: the marker at the end of a transaction, and what KRaft writes into its log (Kafka: `ControlRecordType`).

use bytes::Bytes;

use super::{BatchOptions, NO_SEQUENCE, Record, RecordBatchBuilder, RecordError};

/// The kind of a control record, from its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlRecordType {
    Abort,
    Commit,
    LeaderChange,
    SnapshotHeader,
    SnapshotFooter,
    KRaftVersion,
    KRaftVoters,
    /// A type of a later Kafka.
    Unknown(i16),
}

impl ControlRecordType {
    pub fn from_id(id: i16) -> Self {
        match id {
            0 => ControlRecordType::Abort,
            1 => ControlRecordType::Commit,
            2 => ControlRecordType::LeaderChange,
            3 => ControlRecordType::SnapshotHeader,
            4 => ControlRecordType::SnapshotFooter,
            5 => ControlRecordType::KRaftVersion,
            6 => ControlRecordType::KRaftVoters,
            other => ControlRecordType::Unknown(other),
        }
    }

    pub fn id(self) -> i16 {
        match self {
            ControlRecordType::Abort => 0,
            ControlRecordType::Commit => 1,
            ControlRecordType::LeaderChange => 2,
            ControlRecordType::SnapshotHeader => 3,
            ControlRecordType::SnapshotFooter => 4,
            ControlRecordType::KRaftVersion => 5,
            ControlRecordType::KRaftVoters => 6,
            ControlRecordType::Unknown(id) => id,
        }
    }

    /// Reads the key of a control record: version and type.
    ///
    /// # Errors
    /// [`RecordError::Invalid`] if the key is too short or its version negative.
    pub fn parse(key: &[u8]) -> Result<Self, RecordError> {
        match *key {
            [v0, v1, t0, t1, ..] if i16::from_be_bytes([v0, v1]) >= 0 => {
                Ok(Self::from_id(i16::from_be_bytes([t0, t1])))
            }
            [v0, v1, _, _, ..] => Err(RecordError::Invalid(format!(
                "Invalid version found for control record: {}. May indicate data corruption",
                i16::from_be_bytes([v0, v1])
            ))),
            _ => Err(RecordError::Invalid(format!(
                "Invalid value size found for end control record key. Must have at least 4 bytes, but found only {}",
                key.len()
            ))),
        }
    }

    /// The key of such a record, version 0.
    pub fn key(self) -> [u8; 4] {
        let [a, b] = self.id().to_be_bytes();
        [0, 0, a, b]
    }
}

/// A transaction's end (Kafka: `EndTransactionMarker`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndTxnMarker {
    pub committed: bool,
    pub coordinator_epoch: i32,
}

impl EndTxnMarker {
    /// Reads the record of a control batch; `None` if it is a control record of another kind.
    ///
    /// # Errors
    /// [`RecordError::Invalid`] if key or value are malformed.
    pub fn parse(record: &Record<'_>) -> Result<Option<Self>, RecordError> {
        let committed = match ControlRecordType::parse(record.key.unwrap_or_default())? {
            ControlRecordType::Commit => true,
            ControlRecordType::Abort => false,
            _ => return Ok(None),
        };
        let value = record.value.unwrap_or_default();
        let (Some(version), Some(epoch)) = (value.first_chunk::<2>(), value.get(2..6)) else {
            return Err(RecordError::Invalid(format!(
                "Invalid value size found for end transaction marker. Must have at least 6 bytes, but found only {}",
                value.len()
            )));
        };
        if i16::from_be_bytes(*version) < 0 {
            return Err(RecordError::Invalid(
                "Invalid version found for end transaction marker".into(),
            ));
        }
        let coordinator_epoch = i32::from_be_bytes([epoch[0], epoch[1], epoch[2], epoch[3]]);
        Ok(Some(EndTxnMarker {
            committed,
            coordinator_epoch,
        }))
    }

    /// A control batch with this marker alone, to be appended with [`crate::log::AppendOrigin::Coordinator`].
    pub fn to_batch(self, producer_id: i64, producer_epoch: i16, timestamp_ms: i64) -> Bytes {
        let mut builder = RecordBatchBuilder::new(BatchOptions {
            producer_id,
            producer_epoch,
            base_sequence: NO_SEQUENCE,
            transactional: true,
            control: true,
            ..Default::default()
        });
        let kind = if self.committed {
            ControlRecordType::Commit
        } else {
            ControlRecordType::Abort
        };
        let mut value = [0; 6];
        value[2..].copy_from_slice(&self.coordinator_epoch.to_be_bytes());
        builder.append(timestamp_ms, Some(&kind.key()), Some(&value));
        builder.build()
    }
}
