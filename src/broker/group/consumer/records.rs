//! The records of a group of the consumer protocol (KIP-848): six types, each flexible at version 0.

use bytes::Bytes;
use uuid::Uuid;

use super::Assignment;
use crate::broker::group::classic::Protocol;
use crate::broker::group::codec::{CodecError, Reader, Writer, key_of};

const GROUP_METADATA: i16 = 3;
/// What Kafka 4.0 kept of the subscribed topics; later versions only delete it.
const PARTITION_METADATA: i16 = 4;
const MEMBER_METADATA: i16 = 5;
const TARGET_ASSIGNMENT_METADATA: i16 = 6;
const TARGET_ASSIGNMENT_MEMBER: i16 = 7;
const CURRENT_MEMBER_ASSIGNMENT: i16 = 8;
const REGULAR_EXPRESSION: i16 = 16;

/// Partitions by topic id, as the records and the heartbeats carry them.
pub type TopicIdPartitions = Vec<(Uuid, Vec<i32>)>;

pub(in crate::broker::group) fn to_record(assignment: &Assignment) -> TopicIdPartitions {
    let topics = assignment.iter();
    topics
        .map(|(id, partitions)| (*id, partitions.iter().copied().collect()))
        .collect()
}

pub(in crate::broker::group) fn by_topic(topics: TopicIdPartitions) -> Assignment {
    let topics = topics.into_iter();
    topics
        .map(|(id, partitions)| (id, partitions.into_iter().collect()))
        .collect()
}

/// One record, without the group it belongs to. A `None` value is a tombstone.
#[derive(Debug, Clone, PartialEq)]
pub enum ConsumerRecord {
    /// The group's epoch and the hash of its subscribed topics.
    GroupMetadata(Option<GroupEpoch>),
    PartitionMetadataTombstone,
    Member {
        member_id: String,
        value: Option<MemberMetadata>,
    },
    TargetAssignmentMetadata(Option<TargetAssignmentEpoch>),
    TargetAssignmentMember {
        member_id: String,
        value: Option<TopicIdPartitions>,
    },
    CurrentAssignment {
        member_id: String,
        value: Option<CurrentAssignment>,
    },
    RegularExpression {
        regex: String,
        value: Option<ResolvedRegex>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupEpoch {
    pub epoch: i32,
    /// Changes when a subscribed topic is created, deleted or gets partitions (KIP-1101); 0 for no topics.
    pub metadata_hash: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetAssignmentEpoch {
    pub assignment_epoch: i32,
    pub timestamp_ms: i64,
}

/// What a member said of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberMetadata {
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub subscribed_topic_names: Vec<String>,
    pub subscribed_topic_regex: Option<String>,
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<String>,
    /// Of a member that speaks the classic protocol.
    pub classic: Option<ClassicMetadata>,
}

/// What a member of the classic protocol said when it joined (`ClassicMemberMetadata`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassicMetadata {
    pub session_timeout_ms: i32,
    /// In the order of preference.
    pub protocols: Vec<Protocol>,
}

/// Where a member stands between its last and its target assignment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CurrentAssignment {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    /// Kafka's `MemberState` as a number.
    pub state: i8,
    pub assigned: Vec<EpochPartitions>,
    pub pending_revocation: Vec<EpochPartitions>,
}

/// Partitions of one topic, each with the member epoch at which the member got it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EpochPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
    /// As long as `partitions`, or empty in records before Kafka 4.3.
    pub assignment_epochs: Vec<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedRegex {
    pub topics: Vec<String>,
    /// The offset of the metadata image it was resolved with.
    pub version: i64,
    pub timestamp_ms: i64,
}

impl ConsumerRecord {
    pub fn encode(&self, group_id: &str) -> (Bytes, Option<Bytes>) {
        let (key_type, second, value) = match self {
            Self::GroupMetadata(value) => (GROUP_METADATA, None, value.map(encode_group_epoch)),
            Self::PartitionMetadataTombstone => (PARTITION_METADATA, None, None),
            Self::Member { member_id, value } => (
                MEMBER_METADATA,
                Some(member_id),
                value.as_ref().map(MemberMetadata::encode),
            ),
            Self::TargetAssignmentMetadata(value) => (TARGET_ASSIGNMENT_METADATA, None, value.map(encode_target_epoch)),
            Self::TargetAssignmentMember { member_id, value } => (
                TARGET_ASSIGNMENT_MEMBER,
                Some(member_id),
                value.as_ref().map(encode_target),
            ),
            Self::CurrentAssignment { member_id, value } => (
                CURRENT_MEMBER_ASSIGNMENT,
                Some(member_id),
                value.as_ref().map(CurrentAssignment::encode),
            ),
            Self::RegularExpression { regex, value } => (
                REGULAR_EXPRESSION,
                Some(regex),
                value.as_ref().map(ResolvedRegex::encode),
            ),
        };
        (key_of(key_type, group_id, second.map(String::as_str)), value)
    }

    /// Reads the rest of a key of type `key_type`, and its value. `None` when the type is not one of this protocol, or
    /// the value is one that is not kept.
    pub fn decode(
        key_type: i16,
        key: &mut Reader<'_>,
        value: Option<&[u8]>,
    ) -> Result<Option<(String, Self)>, CodecError> {
        if !matches!(
            key_type,
            GROUP_METADATA..=CURRENT_MEMBER_ASSIGNMENT | REGULAR_EXPRESSION
        ) {
            return Ok(None);
        }
        let group_id = key.string()?;
        let record = match key_type {
            GROUP_METADATA => Self::GroupMetadata(value.map(decode_group_epoch).transpose()?),
            PARTITION_METADATA if value.is_some() => return Ok(None),
            PARTITION_METADATA => Self::PartitionMetadataTombstone,
            MEMBER_METADATA => Self::Member {
                member_id: key.string()?,
                value: value.map(MemberMetadata::decode).transpose()?,
            },
            TARGET_ASSIGNMENT_METADATA => Self::TargetAssignmentMetadata(value.map(decode_target_epoch).transpose()?),
            TARGET_ASSIGNMENT_MEMBER => Self::TargetAssignmentMember {
                member_id: key.string()?,
                value: value.map(decode_target).transpose()?,
            },
            CURRENT_MEMBER_ASSIGNMENT => Self::CurrentAssignment {
                member_id: key.string()?,
                value: value.map(CurrentAssignment::decode).transpose()?,
            },
            _ => Self::RegularExpression {
                regex: key.string()?,
                value: value.map(ResolvedRegex::decode).transpose()?,
            },
        };
        Ok(Some((group_id, record)))
    }
}

fn encode_group_epoch(group: GroupEpoch) -> Bytes {
    let mut value = Writer::starting_with(0);
    value.i32(group.epoch);
    tagged_i64(&mut value, group.metadata_hash);
    value.finish()
}

fn decode_group_epoch(bytes: &[u8]) -> Result<GroupEpoch, CodecError> {
    let mut value = Reader::new("ConsumerGroupMetadataValue", bytes);
    value.version(0)?;
    Ok(GroupEpoch {
        epoch: value.i32()?,
        metadata_hash: read_tagged_i64(&mut value)?,
    })
}

pub(in crate::broker::group) fn encode_target_epoch(target: TargetAssignmentEpoch) -> Bytes {
    let mut value = Writer::starting_with(0);
    value.i32(target.assignment_epoch);
    tagged_i64(&mut value, target.timestamp_ms);
    value.finish()
}

pub(in crate::broker::group) fn decode_target_epoch(bytes: &[u8]) -> Result<TargetAssignmentEpoch, CodecError> {
    let mut value = Reader::new("ConsumerGroupTargetAssignmentMetadataValue", bytes);
    value.version(0)?;
    Ok(TargetAssignmentEpoch {
        assignment_epoch: value.i32()?,
        timestamp_ms: read_tagged_i64(&mut value)?,
    })
}

/// Ends a struct whose only tagged field is an int64 with tag 0 and default 0.
fn tagged_i64(value: &mut Writer, field: i64) {
    if field == 0 {
        return value.no_tagged_fields();
    }
    let mut inner = Writer::default();
    inner.i64(field);
    value.one_tagged_field(0, inner);
}

fn read_tagged_i64(value: &mut Reader<'_>) -> Result<i64, CodecError> {
    let mut read = 0;
    value.tagged_fields(|tag, field| {
        if tag == 0 {
            read = field.i64()?;
        }
        Ok(())
    })?;
    Ok(read)
}

pub(in crate::broker::group) fn write_i32s(value: &mut Writer, numbers: &[i32]) {
    value.compact_array_length(numbers.len());
    for number in numbers {
        value.i32(*number);
    }
}

pub(in crate::broker::group) fn read_i32s(value: &mut Reader<'_>) -> Result<Vec<i32>, CodecError> {
    let count = value.compact_array_length()?;
    read_many(count, || value.i32())
}

/// Reads `count` items without reserving for them, so a count that lies runs into the end of the bytes first.
pub(in crate::broker::group) fn read_many<T>(
    count: usize,
    mut one: impl FnMut() -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(one()?);
    }
    Ok(items)
}

pub(in crate::broker::group) fn encode_target(topics: &TopicIdPartitions) -> Bytes {
    let mut value = Writer::starting_with(0);
    value.compact_array_length(topics.len());
    for (topic_id, partitions) in topics {
        value.uuid(*topic_id);
        write_i32s(&mut value, partitions);
        value.no_tagged_fields();
    }
    value.no_tagged_fields();
    value.finish()
}

pub(in crate::broker::group) fn decode_target(bytes: &[u8]) -> Result<TopicIdPartitions, CodecError> {
    let mut value = Reader::new("ConsumerGroupTargetAssignmentMemberValue", bytes);
    value.version(0)?;
    let count = value.compact_array_length()?;
    read_many(count, || {
        let topic = (value.uuid()?, read_i32s(&mut value)?);
        value.skip_tagged_fields()?;
        Ok(topic)
    })
}

impl MemberMetadata {
    fn encode(&self) -> Bytes {
        let mut value = Writer::starting_with(0);
        value.compact_nullable_string(self.instance_id.as_deref());
        value.compact_nullable_string(self.rack_id.as_deref());
        value.compact_string(&self.client_id);
        value.compact_string(&self.client_host);
        value.compact_array_length(self.subscribed_topic_names.len());
        for topic in &self.subscribed_topic_names {
            value.compact_string(topic);
        }
        value.compact_nullable_string(self.subscribed_topic_regex.as_deref());
        value.i32(self.rebalance_timeout_ms);
        value.compact_nullable_string(self.server_assignor.as_deref());
        // Kafka always writes its tagged `ClassicMemberMetadata`; a 0 says that there is none.
        let mut classic = Writer::default();
        classic.i8(i8::from(self.classic.is_some()));
        if let Some(metadata) = &self.classic {
            classic.i32(metadata.session_timeout_ms);
            classic.compact_array_length(metadata.protocols.len());
            for protocol in &metadata.protocols {
                classic.compact_string(&protocol.name);
                classic.compact_bytes(&protocol.metadata);
                classic.no_tagged_fields();
            }
            classic.no_tagged_fields();
        }
        value.one_tagged_field(0, classic);
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut value = Reader::new("ConsumerGroupMemberMetadataValue", bytes);
        value.version(0)?;
        let mut member = Self {
            instance_id: value.compact_nullable_string()?,
            rack_id: value.compact_nullable_string()?,
            client_id: value.compact_string()?,
            client_host: value.compact_string()?,
            subscribed_topic_names: {
                let count = value.compact_array_length()?;
                read_many(count, || value.compact_string())?
            },
            subscribed_topic_regex: value.compact_nullable_string()?,
            rebalance_timeout_ms: value.i32()?,
            server_assignor: value.compact_nullable_string()?,
            classic: None,
        };
        value.tagged_fields(|tag, field| {
            if tag == 0 && field.i8()? != 0 {
                member.classic = Some(ClassicMetadata::decode(field)?);
            }
            Ok(())
        })?;
        Ok(member)
    }
}

impl ClassicMetadata {
    fn decode(value: &mut Reader<'_>) -> Result<Self, CodecError> {
        let session_timeout_ms = value.i32()?;
        let count = value.compact_array_length()?;
        let protocols = read_many(count, || {
            let protocol = Protocol {
                name: value.compact_string()?,
                metadata: value.compact_bytes()?,
            };
            value.skip_tagged_fields()?;
            Ok(protocol)
        })?;
        value.skip_tagged_fields()?;
        Ok(Self {
            session_timeout_ms,
            protocols,
        })
    }
}

impl EpochPartitions {
    fn write_all(topics: &[Self], value: &mut Writer) {
        value.compact_array_length(topics.len());
        for topic in topics {
            value.uuid(topic.topic_id);
            write_i32s(value, &topic.partitions);
            if topic.assignment_epochs.is_empty() {
                value.no_tagged_fields();
            } else {
                let mut epochs = Writer::default();
                write_i32s(&mut epochs, &topic.assignment_epochs);
                value.one_tagged_field(0, epochs);
            }
        }
    }

    fn read_all(value: &mut Reader<'_>) -> Result<Vec<Self>, CodecError> {
        let count = value.compact_array_length()?;
        read_many(count, || {
            let mut topic = Self {
                topic_id: value.uuid()?,
                partitions: read_i32s(value)?,
                assignment_epochs: Vec::new(),
            };
            value.tagged_fields(|tag, field| {
                if tag == 0 {
                    topic.assignment_epochs = read_i32s(field)?;
                }
                Ok(())
            })?;
            Ok(topic)
        })
    }
}

impl CurrentAssignment {
    fn encode(&self) -> Bytes {
        let mut value = Writer::starting_with(0);
        value.i32(self.member_epoch);
        value.i32(self.previous_member_epoch);
        value.i8(self.state);
        EpochPartitions::write_all(&self.assigned, &mut value);
        EpochPartitions::write_all(&self.pending_revocation, &mut value);
        value.no_tagged_fields();
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut value = Reader::new("ConsumerGroupCurrentMemberAssignmentValue", bytes);
        value.version(0)?;
        Ok(Self {
            member_epoch: value.i32()?,
            previous_member_epoch: value.i32()?,
            state: value.i8()?,
            assigned: EpochPartitions::read_all(&mut value)?,
            pending_revocation: EpochPartitions::read_all(&mut value)?,
        })
    }
}

impl ResolvedRegex {
    fn encode(&self) -> Bytes {
        let mut value = Writer::starting_with(0);
        value.compact_array_length(self.topics.len());
        for topic in &self.topics {
            value.compact_string(topic);
        }
        value.i64(self.version);
        value.i64(self.timestamp_ms);
        value.no_tagged_fields();
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut value = Reader::new("ConsumerGroupRegularExpressionValue", bytes);
        value.version(0)?;
        let count = value.compact_array_length()?;
        Ok(Self {
            topics: read_many(count, || value.compact_string())?,
            version: value.i64()?,
            timestamp_ms: value.i64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::broker::group::records::Record;

    /// A key and a value as Kafka 4.3.1 wrote them.
    type Written = (&'static [u8], Option<&'static [u8]>);

    /// Each of these decodes, and encodes to the same bytes.
    #[test]
    fn the_records_are_what_kafka_writes() {
        let written: [Written; 9] = [
            (
                b"\x00\x05\x00\x06ver-g3\x00\x16WUmTVoDZThy3sucR3ndwWQ",
                Some(b"\x00\x00\x03i1\x00\x13consumer-ver-g3-i1\x0b/127.0.0.1\x02\x04ver\x01\x00\x04\x93\xe0\x08uniform\x01\x00\x01\x00"),
            ),
            (b"\x00\x03\x00\x06ver-g3", Some(b"\x00\x00\x00\x00\x00\x02\x01\x00\x08\xee,G\x02L\"O\x15")),
            (b"\x00\x03\x00\x06ver-g3", Some(b"\x00\x00\x00\x00\x00\x03\x00")),
            (
                b"\x00\x07\x00\x06ver-g3\x00\x16WUmTVoDZThy3sucR3ndwWQ",
                Some(b"\x00\x00\x02p\x0eNn\xf5\x1fNZ\xaa1\xd4\xe2\xfb\xfa\x8e+\x02\x00\x00\x00\x00\x00\x00"),
            ),
            (b"\x00\x06\x00\x06ver-g3", Some(b"\x00\x00\x00\x00\x00\x02\x01\x00\x08\x00\x00\x01\xa1\xfdi\xab\x87")),
            (
                b"\x00\x08\x00\x06ver-g3\x00\x16WUmTVoDZThy3sucR3ndwWQ",
                Some(b"\x00\x00\xff\xff\xff\xfe\x00\x00\x00\x00\x00\x02p\x0eNn\xf5\x1fNZ\xaa1\xd4\xe2\xfb\xfa\x8e+\x02\x00\x00\x00\x00\x01\x00\x05\x02\x00\x00\x00\x00\x01\x00"),
            ),
            (b"\x00\x08\x00\x06ver-g3\x00\x16WUmTVoDZThy3sucR3ndwWQ", None),
            (b"\x00\x04\x00\x06cg-new", None),
            (b"\x00\x06\x00\x06cg-new", None),
        ];
        for (key, value) in written {
            let record = Record::decode(key, value).unwrap().unwrap();
            let (key_again, value_again) = record.encode();
            assert_eq!((&key_again[..], value_again.as_deref()), (key, value), "{record:?}");
        }
    }
}
