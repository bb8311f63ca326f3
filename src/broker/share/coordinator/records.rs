//! The records of `__share_group_state` (Kafka: `ShareCoordinatorRecordHelpers`): a snapshot of a share partition's state,
//! and updates on top of it.

use bytes::Bytes;
use uuid::Uuid;

use crate::broker::group::codec::{CodecError, Reader, Writer};

const SNAPSHOT: i16 = 0;
const UPDATE: i16 = 1;
/// The tag of `deliveryCompleteCount`, which is absent where it is not known (-1).
const COMPLETE_COUNT_TAG: u32 = 0;

/// Names a share partition: one partition of a topic, as one group consumes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShareKey {
    pub group_id: String,
    pub topic_id: Uuid,
    pub partition: i32,
}

/// The state of the records from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateBatch {
    pub first: i64,
    pub last: i64,
    /// Kafka's `RecordState` as a number.
    pub state: i8,
    pub delivery_count: i16,
}

/// All that is known of a share partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub epoch: i32,
    pub state_epoch: i32,
    pub leader_epoch: i32,
    /// -1 until the share partition was first read from.
    pub start_offset: i64,
    /// Records at or after the start offset that need no more delivery; -1 if not known.
    pub delivery_complete_count: i32,
    pub create_timestamp_ms: i64,
    pub write_timestamp_ms: i64,
    pub batches: Vec<StateBatch>,
}

/// What has changed since the snapshot of the same epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    pub snapshot_epoch: i32,
    /// -1 if unchanged.
    pub leader_epoch: i32,
    /// -1 if unchanged.
    pub start_offset: i64,
    pub delivery_complete_count: i32,
    pub batches: Vec<StateBatch>,
}

/// One record of the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateRecord {
    Snapshot(ShareKey, Snapshot),
    /// The state is deleted.
    Tombstone(ShareKey),
    Update(ShareKey, Update),
}

impl StateRecord {
    /// The record's key and, unless it is a tombstone, its value.
    pub fn encode(&self) -> (Bytes, Option<Bytes>) {
        match self {
            Self::Snapshot(key, snapshot) => (encode_key(SNAPSHOT, key), Some(snapshot.encode())),
            Self::Tombstone(key) => (encode_key(SNAPSHOT, key), None),
            Self::Update(key, update) => (encode_key(UPDATE, key), Some(update.encode())),
        }
    }

    /// Reads a record; `None` when it is of a type that is not known.
    ///
    /// # Errors
    /// Bytes that end too early, or lie about their lengths.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Self>, CodecError> {
        let mut reader = Reader::new("share state key", key);
        let key_type = reader.i16()?;
        if key_type != SNAPSHOT && key_type != UPDATE {
            return Ok(None);
        }
        let key = ShareKey {
            group_id: reader.string()?,
            topic_id: reader.uuid()?,
            partition: reader.i32()?,
        };
        Ok(match (key_type, value) {
            (SNAPSHOT, Some(value)) => Some(Self::Snapshot(key, Snapshot::decode(value)?)),
            (SNAPSHOT, None) => Some(Self::Tombstone(key)),
            (_, Some(value)) => Some(Self::Update(key, Update::decode(value)?)),
            (_, None) => None,
        })
    }
}

fn encode_key(key_type: i16, key: &ShareKey) -> Bytes {
    let mut writer = Writer::starting_with(key_type);
    writer.string(&key.group_id);
    writer.uuid(key.topic_id);
    writer.i32(key.partition);
    writer.finish()
}

impl Snapshot {
    fn encode(&self) -> Bytes {
        let mut value = Writer::starting_with(0);
        value.i32(self.epoch);
        value.i32(self.state_epoch);
        value.i32(self.leader_epoch);
        value.i64(self.start_offset);
        value.i64(self.create_timestamp_ms);
        value.i64(self.write_timestamp_ms);
        write_batches(&mut value, &self.batches);
        write_complete_count(&mut value, self.delivery_complete_count);
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut value = Reader::new("ShareSnapshotValue", bytes);
        value.version(0)?;
        let mut snapshot = Self {
            epoch: value.i32()?,
            state_epoch: value.i32()?,
            leader_epoch: value.i32()?,
            start_offset: value.i64()?,
            delivery_complete_count: -1,
            create_timestamp_ms: value.i64()?,
            write_timestamp_ms: value.i64()?,
            batches: read_batches(&mut value)?,
        };
        snapshot.delivery_complete_count = read_complete_count(&mut value)?;
        Ok(snapshot)
    }
}

impl Update {
    fn encode(&self) -> Bytes {
        let mut value = Writer::starting_with(0);
        value.i32(self.snapshot_epoch);
        value.i32(self.leader_epoch);
        value.i64(self.start_offset);
        write_batches(&mut value, &self.batches);
        write_complete_count(&mut value, self.delivery_complete_count);
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut value = Reader::new("ShareUpdateValue", bytes);
        value.version(0)?;
        let mut update = Self {
            snapshot_epoch: value.i32()?,
            leader_epoch: value.i32()?,
            start_offset: value.i64()?,
            delivery_complete_count: -1,
            batches: read_batches(&mut value)?,
        };
        update.delivery_complete_count = read_complete_count(&mut value)?;
        Ok(update)
    }
}

fn write_batches(value: &mut Writer, batches: &[StateBatch]) {
    value.compact_array_length(batches.len());
    for batch in batches {
        value.i64(batch.first);
        value.i64(batch.last);
        value.i8(batch.state);
        value.i16(batch.delivery_count);
        value.no_tagged_fields();
    }
}

/// Nothing is reserved for them: a count that lies runs into the end of the bytes.
fn read_batches(value: &mut Reader<'_>) -> Result<Vec<StateBatch>, CodecError> {
    let mut batches = Vec::new();
    for _ in 0..value.compact_array_length()? {
        batches.push(StateBatch {
            first: value.i64()?,
            last: value.i64()?,
            state: value.i8()?,
            delivery_count: value.i16()?,
        });
        value.skip_tagged_fields()?;
    }
    Ok(batches)
}

fn write_complete_count(value: &mut Writer, count: i32) {
    if count == -1 {
        return value.no_tagged_fields();
    }
    let mut field = Writer::default();
    field.i32(count);
    value.one_tagged_field(COMPLETE_COUNT_TAG, field);
}

fn read_complete_count(value: &mut Reader<'_>) -> Result<i32, CodecError> {
    let mut count = -1;
    value.tagged_fields(|tag, field| {
        if tag == COMPLETE_COUNT_TAG {
            count = field.i32()?;
        }
        Ok(())
    })?;
    Ok(count)
}
