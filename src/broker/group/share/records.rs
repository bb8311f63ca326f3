//! The records of a share group (KIP-932): six types, each flexible at version 0.

use bytes::Bytes;
use uuid::Uuid;

use crate::broker::group::codec::{CodecError, Reader, Writer, key_of};
use crate::broker::group::consumer::records::{
    TargetAssignmentEpoch, TopicIdPartitions, decode_target, decode_target_epoch, encode_target, encode_target_epoch,
    read_i32s, read_many, write_i32s,
};

const MEMBER_METADATA: i16 = 10;
const GROUP_METADATA: i16 = 11;
const TARGET_ASSIGNMENT_METADATA: i16 = 12;
const TARGET_ASSIGNMENT_MEMBER: i16 = 13;
const CURRENT_MEMBER_ASSIGNMENT: i16 = 14;
const STATE_PARTITION_METADATA: i16 = 15;

/// One record, without the group it belongs to. A `None` value is a tombstone.
#[derive(Debug, Clone, PartialEq)]
pub enum ShareRecord {
    Member {
        member_id: String,
        value: Option<ShareMemberMetadata>,
    },
    GroupMetadata(Option<ShareGroupEpoch>),
    TargetAssignmentMetadata(Option<TargetAssignmentEpoch>),
    TargetAssignmentMember {
        member_id: String,
        value: Option<TopicIdPartitions>,
    },
    CurrentAssignment {
        member_id: String,
        value: Option<ShareCurrentAssignment>,
    },
    StatePartitions(Option<StatePartitions>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareGroupEpoch {
    pub epoch: i32,
    /// Changes when a subscribed topic is created, deleted or gets partitions.
    pub metadata_hash: i64,
}

/// What a member said of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShareMemberMetadata {
    pub rack_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub subscribed_topic_names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShareCurrentAssignment {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub assigned: TopicIdPartitions,
}

/// Partitions of one topic.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamedPartitions {
    pub topic_id: Uuid,
    pub topic_name: String,
    pub partitions: Vec<i32>,
}

/// How far the share coordinator has got with the group's partitions (Kafka: `ShareGroupStatePartitionMetadata`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatePartitions {
    pub initializing: Vec<NamedPartitions>,
    pub initialized: Vec<NamedPartitions>,
    /// Topic ids and names.
    pub deleting: Vec<(Uuid, String)>,
}

impl ShareRecord {
    pub fn is_tombstone(&self) -> bool {
        match self {
            Self::Member { value, .. } => value.is_none(),
            Self::GroupMetadata(value) => value.is_none(),
            Self::TargetAssignmentMetadata(value) => value.is_none(),
            Self::TargetAssignmentMember { value, .. } => value.is_none(),
            Self::CurrentAssignment { value, .. } => value.is_none(),
            Self::StatePartitions(value) => value.is_none(),
        }
    }

    pub fn encode(&self, group_id: &str) -> (Bytes, Option<Bytes>) {
        let (key_type, member_id, value) = match self {
            Self::Member { member_id, value } => (
                MEMBER_METADATA,
                Some(member_id),
                value.as_ref().map(ShareMemberMetadata::encode),
            ),
            Self::GroupMetadata(value) => (GROUP_METADATA, None, value.map(ShareGroupEpoch::encode)),
            Self::TargetAssignmentMetadata(value) => (TARGET_ASSIGNMENT_METADATA, None, value.map(encode_target_epoch)),
            Self::TargetAssignmentMember { member_id, value } => (
                TARGET_ASSIGNMENT_MEMBER,
                Some(member_id),
                value.as_ref().map(encode_target),
            ),
            Self::CurrentAssignment { member_id, value } => (
                CURRENT_MEMBER_ASSIGNMENT,
                Some(member_id),
                value.as_ref().map(ShareCurrentAssignment::encode),
            ),
            Self::StatePartitions(value) => (
                STATE_PARTITION_METADATA,
                None,
                value.as_ref().map(StatePartitions::encode),
            ),
        };
        (key_of(key_type, group_id, member_id.map(String::as_str)), value)
    }

    /// Reads the rest of a key of type `key_type`, and its value. `None` when the type is not one of this protocol.
    pub fn decode(
        key_type: i16,
        key: &mut Reader<'_>,
        value: Option<&[u8]>,
    ) -> Result<Option<(String, Self)>, CodecError> {
        if !matches!(key_type, MEMBER_METADATA..=STATE_PARTITION_METADATA) {
            return Ok(None);
        }
        let group_id = key.string()?;
        let record = match key_type {
            MEMBER_METADATA => Self::Member {
                member_id: key.string()?,
                value: value.map(ShareMemberMetadata::decode).transpose()?,
            },
            GROUP_METADATA => Self::GroupMetadata(value.map(ShareGroupEpoch::decode).transpose()?),
            TARGET_ASSIGNMENT_METADATA => Self::TargetAssignmentMetadata(value.map(decode_target_epoch).transpose()?),
            TARGET_ASSIGNMENT_MEMBER => Self::TargetAssignmentMember {
                member_id: key.string()?,
                value: value.map(decode_target).transpose()?,
            },
            CURRENT_MEMBER_ASSIGNMENT => Self::CurrentAssignment {
                member_id: key.string()?,
                value: value.map(ShareCurrentAssignment::decode).transpose()?,
            },
            _ => Self::StatePartitions(value.map(StatePartitions::decode).transpose()?),
        };
        Ok(Some((group_id, record)))
    }
}

impl ShareGroupEpoch {
    fn encode(self) -> Bytes {
        let mut value = Writer::starting_with(0);
        value.i32(self.epoch);
        value.i64(self.metadata_hash);
        value.no_tagged_fields();
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut value = Reader::new("ShareGroupMetadataValue", bytes);
        value.version(0)?;
        Ok(Self {
            epoch: value.i32()?,
            metadata_hash: value.i64()?,
        })
    }
}

impl ShareMemberMetadata {
    fn encode(&self) -> Bytes {
        let mut value = Writer::starting_with(0);
        value.compact_nullable_string(self.rack_id.as_deref());
        value.compact_string(&self.client_id);
        value.compact_string(&self.client_host);
        value.compact_array_length(self.subscribed_topic_names.len());
        for topic in &self.subscribed_topic_names {
            value.compact_string(topic);
        }
        value.no_tagged_fields();
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut value = Reader::new("ShareGroupMemberMetadataValue", bytes);
        value.version(0)?;
        Ok(Self {
            rack_id: value.compact_nullable_string()?,
            client_id: value.compact_string()?,
            client_host: value.compact_string()?,
            subscribed_topic_names: {
                let count = value.compact_array_length()?;
                read_many(count, || value.compact_string())?
            },
        })
    }
}

impl ShareCurrentAssignment {
    fn encode(&self) -> Bytes {
        let mut value = Writer::starting_with(0);
        value.i32(self.member_epoch);
        value.i32(self.previous_member_epoch);
        // A share member is always stable.
        value.i8(0);
        value.compact_array_length(self.assigned.len());
        for (topic_id, partitions) in &self.assigned {
            value.uuid(*topic_id);
            write_i32s(&mut value, partitions);
            value.no_tagged_fields();
        }
        value.no_tagged_fields();
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut value = Reader::new("ShareGroupCurrentMemberAssignmentValue", bytes);
        value.version(0)?;
        let member_epoch = value.i32()?;
        let previous_member_epoch = value.i32()?;
        value.i8()?;
        let count = value.compact_array_length()?;
        let assigned = read_many(count, || {
            let topic = (value.uuid()?, read_i32s(&mut value)?);
            value.skip_tagged_fields()?;
            Ok(topic)
        })?;
        Ok(Self {
            member_epoch,
            previous_member_epoch,
            assigned,
        })
    }
}

impl StatePartitions {
    fn encode(&self) -> Bytes {
        let mut value = Writer::starting_with(0);
        for topics in [&self.initializing, &self.initialized] {
            value.compact_array_length(topics.len());
            for topic in topics {
                value.uuid(topic.topic_id);
                value.compact_string(&topic.topic_name);
                write_i32s(&mut value, &topic.partitions);
                value.no_tagged_fields();
            }
        }
        value.compact_array_length(self.deleting.len());
        for (topic_id, topic_name) in &self.deleting {
            value.uuid(*topic_id);
            value.compact_string(topic_name);
            value.no_tagged_fields();
        }
        value.no_tagged_fields();
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        fn topics(value: &mut Reader<'_>) -> Result<Vec<NamedPartitions>, CodecError> {
            let count = value.compact_array_length()?;
            read_many(count, || {
                let topic = NamedPartitions {
                    topic_id: value.uuid()?,
                    topic_name: value.compact_string()?,
                    partitions: read_i32s(value)?,
                };
                value.skip_tagged_fields()?;
                Ok(topic)
            })
        }
        let mut value = Reader::new("ShareGroupStatePartitionMetadataValue", bytes);
        value.version(0)?;
        Ok(Self {
            initializing: topics(&mut value)?,
            initialized: topics(&mut value)?,
            deleting: {
                let count = value.compact_array_length()?;
                read_many(count, || {
                    let topic = (value.uuid()?, value.compact_string()?);
                    value.skip_tagged_fields()?;
                    Ok(topic)
                })?
            },
        })
    }
}
