//! The records of `__consumer_offsets` that a group coordinator writes and replays, byte for byte as Kafka writes them
//! (Kafka: `GroupCoordinatorRecordHelpers` and `GroupCoordinatorRecordSerde`).
//!
//! A record without a value is a tombstone. Of a type that is not known [`Record::decode`]
//! answers `None`, and the record stays in the log.

use bytes::Bytes;
use uuid::Uuid;

use super::codec::{CodecError, Reader, Writer};
use super::consumer::records::ConsumerRecord;
use super::share::records::ShareRecord;
use super::streams::records::StreamsRecord;

/// Key type of a committed offset; 0 is the type of the same key before Kafka 0.9.
const OFFSET_COMMIT: i16 = 1;
const LEGACY_OFFSET_COMMIT: i16 = 0;
/// Key type of a classic group.
const GROUP_METADATA: i16 = 2;

/// One record of the topic.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    OffsetCommit {
        group_id: String,
        topic: String,
        partition: i32,
        value: Option<OffsetAndMetadata>,
    },
    GroupMetadata {
        group_id: String,
        value: Option<GroupMetadataValue>,
    },
    /// A record of a group of the consumer protocol (KIP-848).
    Consumer { group_id: String, record: ConsumerRecord },
    /// A record of a share group (KIP-932).
    Share { group_id: String, record: ShareRecord },
    /// A record of a streams group (KIP-1071).
    Streams { group_id: String, record: StreamsRecord },
}

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetAndMetadata {
    pub offset: i64,
    /// The leader epoch of the last consumed record, -1 when the client did not tell.
    pub leader_epoch: i32,
    pub metadata: String,
    pub commit_timestamp_ms: i64,
    /// When the offset ends, if the commit came with a retention of its own (OffsetCommit v2 to v4).
    pub expire_timestamp_ms: Option<i64>,
    /// Nil in records written before Kafka 4.1.
    pub topic_id: Uuid,
}

/// What is kept of a classic group: the result of its last complete rebalance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupMetadataValue {
    pub protocol_type: String,
    pub generation: i32,
    pub protocol: Option<String>,
    pub leader: Option<String>,
    /// -1 when the record is older than this field.
    pub current_state_timestamp_ms: i64,
    pub members: Vec<MemberMetadata>,
}

/// A member of a stable classic group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberMetadata {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    /// -1 when the record is older than this field.
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl Record {
    /// The group this record belongs to.
    pub fn group_id(&self) -> &str {
        match self {
            Self::OffsetCommit { group_id, .. }
            | Self::GroupMetadata { group_id, .. }
            | Self::Consumer { group_id, .. }
            | Self::Share { group_id, .. }
            | Self::Streams { group_id, .. } => group_id,
        }
    }

    /// The record's key and, unless it is a tombstone, its value.
    pub fn encode(&self) -> (Bytes, Option<Bytes>) {
        match self {
            Self::OffsetCommit {
                group_id,
                topic,
                partition,
                value,
            } => {
                let mut key = Writer::starting_with(OFFSET_COMMIT);
                key.string(group_id);
                key.string(topic);
                key.i32(*partition);
                (key.finish(), value.as_ref().map(OffsetAndMetadata::encode))
            }
            Self::GroupMetadata { group_id, value } => {
                let mut key = Writer::starting_with(GROUP_METADATA);
                key.string(group_id);
                (key.finish(), value.as_ref().map(GroupMetadataValue::encode))
            }
            Self::Consumer { group_id, record } => record.encode(group_id),
            Self::Share { group_id, record } => record.encode(group_id),
            Self::Streams { group_id, record } => record.encode(group_id),
        }
    }

    /// Reads a record; `None` when it is of a type this coordinator does not keep.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Self>, CodecError> {
        let mut reader = Reader::new("key", key);
        Ok(match reader.i16()? {
            LEGACY_OFFSET_COMMIT | OFFSET_COMMIT => Some(Self::OffsetCommit {
                group_id: reader.string()?,
                topic: reader.string()?,
                partition: reader.i32()?,
                value: value.map(OffsetAndMetadata::decode).transpose()?,
            }),
            GROUP_METADATA => Some(Self::GroupMetadata {
                group_id: reader.string()?,
                value: value.map(GroupMetadataValue::decode).transpose()?,
            }),
            key_type => {
                if let Some((group_id, record)) = ShareRecord::decode(key_type, &mut reader, value)? {
                    return Ok(Some(Self::Share { group_id, record }));
                }
                if let Some((group_id, record)) = StreamsRecord::decode(key_type, &mut reader, value)? {
                    return Ok(Some(Self::Streams { group_id, record }));
                }
                ConsumerRecord::decode(key_type, &mut reader, value)?
                    .map(|(group_id, record)| Self::Consumer { group_id, record })
            }
        })
    }
}

impl OffsetAndMetadata {
    /// Version 4, or 1 for an offset with a retention of its own: the only version that has the field.
    fn encode(&self) -> Bytes {
        if let Some(expire_timestamp_ms) = self.expire_timestamp_ms {
            let mut value = Writer::starting_with(1);
            value.i64(self.offset);
            value.string(&self.metadata);
            value.i64(self.commit_timestamp_ms);
            value.i64(expire_timestamp_ms);
            return value.finish();
        }
        let mut value = Writer::starting_with(4);
        value.i64(self.offset);
        value.i32(self.leader_epoch);
        value.compact_string(&self.metadata);
        value.i64(self.commit_timestamp_ms);
        if self.topic_id.is_nil() {
            value.no_tagged_fields();
        } else {
            let mut topic_id = Writer::default();
            topic_id.uuid(self.topic_id);
            value.one_tagged_field(0, topic_id);
        }
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut value = Reader::new("OffsetCommitValue", bytes);
        let version = value.version(4)?;
        let offset = value.i64()?;
        let leader_epoch = if version >= 3 { value.i32()? } else { -1 };
        let metadata = if version >= 4 {
            value.compact_string()?
        } else {
            value.string()?
        };
        let commit_timestamp_ms = value.i64()?;
        let expire_timestamp_ms = if version == 1 {
            Some(value.i64()?).filter(|time| *time != -1)
        } else {
            None
        };
        let mut topic_id = Uuid::nil();
        if version >= 4 {
            value.tagged_fields(|tag, field| {
                if tag == 0 {
                    topic_id = field.uuid()?;
                }
                Ok(())
            })?;
        }
        Ok(Self {
            offset,
            leader_epoch,
            metadata,
            commit_timestamp_ms,
            expire_timestamp_ms,
            topic_id,
        })
    }
}

impl GroupMetadataValue {
    /// Version 3, the newest that Kafka 4.3 writes.
    fn encode(&self) -> Bytes {
        let mut value = Writer::starting_with(3);
        value.string(&self.protocol_type);
        value.i32(self.generation);
        value.nullable_string(self.protocol.as_deref());
        value.nullable_string(self.leader.as_deref());
        value.i64(self.current_state_timestamp_ms);
        value.i32(self.members.len() as i32);
        for member in &self.members {
            value.string(&member.member_id);
            value.nullable_string(member.group_instance_id.as_deref());
            value.string(&member.client_id);
            value.string(&member.client_host);
            value.i32(member.rebalance_timeout_ms);
            value.i32(member.session_timeout_ms);
            value.bytes(&member.subscription);
            value.bytes(&member.assignment);
        }
        value.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut value = Reader::new("GroupMetadataValue", bytes);
        let version = value.version(4)?;
        let flexible = version >= 4;
        let mut group = Self {
            protocol_type: if flexible {
                value.compact_string()?
            } else {
                value.string()?
            },
            generation: value.i32()?,
            protocol: if flexible {
                value.compact_nullable_string()?
            } else {
                value.nullable_string()?
            },
            leader: if flexible {
                value.compact_nullable_string()?
            } else {
                value.nullable_string()?
            },
            current_state_timestamp_ms: if version >= 2 { value.i64()? } else { -1 },
            members: Vec::new(),
        };
        let count = if flexible {
            value.compact_array_length()?
        } else {
            value.array_length()?
        };
        for _ in 0..count {
            group.members.push(MemberMetadata::decode(&mut value, version)?);
        }
        if flexible {
            value.skip_tagged_fields()?;
        }
        Ok(group)
    }
}

impl MemberMetadata {
    fn decode(value: &mut Reader<'_>, version: i16) -> Result<Self, CodecError> {
        if version >= 4 {
            let member = Self {
                member_id: value.compact_string()?,
                group_instance_id: value.compact_nullable_string()?,
                client_id: value.compact_string()?,
                client_host: value.compact_string()?,
                rebalance_timeout_ms: value.i32()?,
                session_timeout_ms: value.i32()?,
                subscription: value.compact_bytes()?,
                assignment: value.compact_bytes()?,
            };
            value.skip_tagged_fields()?;
            return Ok(member);
        }
        Ok(Self {
            member_id: value.string()?,
            group_instance_id: if version >= 3 { value.nullable_string()? } else { None },
            client_id: value.string()?,
            client_host: value.string()?,
            rebalance_timeout_ms: if version >= 1 { value.i32()? } else { -1 },
            session_timeout_ms: value.i32()?,
            subscription: value.bytes()?,
            assignment: value.bytes()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(record: &Record) -> (Vec<u8>, Option<Vec<u8>>) {
        let (key, value) = record.encode();
        (key.to_vec(), value.map(|value| value.to_vec()))
    }

    /// Bytes that Kafka 4.3.1 itself wrote.
    #[test]
    fn an_offset_commit_is_what_kafka_writes() {
        let key = b"\x00\x01\x00\x05g-two\x00\x04grp2\x00\x00\x00\x01";
        let value = b"\x00\x04\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x03m1\x00\x00\x01\xa1\xfd]\xc8\x95\x01\x00\x10(\x16\x9b\xc6\xbb\x97F*\x93\x14\xe9Z\x15\x86`\x8d";
        let record = Record::decode(key, Some(value)).unwrap().unwrap();
        let Record::OffsetCommit {
            group_id,
            topic,
            partition,
            value: Some(offset),
        } = &record
        else {
            panic!("{record:?}")
        };
        assert_eq!((group_id.as_str(), topic.as_str(), *partition), ("g-two", "grp2", 1));
        assert_eq!(
            (offset.offset, offset.leader_epoch, offset.metadata.as_str()),
            (5, 0, "m1")
        );
        assert_eq!(
            offset.topic_id,
            Uuid::from_bytes(*b"(\x16\x9b\xc6\xbb\x97F*\x93\x14\xe9Z\x15\x86`\x8d")
        );
        assert_eq!(encoded(&record), (key.to_vec(), Some(value.to_vec())));
    }

    #[test]
    fn a_group_is_what_kafka_writes() {
        let key = b"\x00\x02\x00\x15console-consumer-4344";
        let value = b"\x00\x03\x00\x08consumer\x00\x00\x00\x01\x00\x05range\x005console-consumer-dbbb226d-4b93-436d-a233-9d2c6270d973\x00\x00\x01\xa1\xfdZ\xa7\xaa\x00\x00\x00\x01\x005console-consumer-dbbb226d-4b93-436d-a233-9d2c6270d973\xff\xff\x00\x10console-consumer\x00\n/127.0.0.1\x00\x04\x93\xe0\x00\x00\xaf\xc8\x00\x00\x00\x1b\x00\x03\x00\x00\x00\x01\x00\x05words\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\x00\x00\x00\x19\x00\x03\x00\x00\x00\x01\x00\x05words\x00\x00\x00\x01\x00\x00\x00\x00\xff\xff\xff\xff";
        let record = Record::decode(key, Some(value)).unwrap().unwrap();
        let Record::GroupMetadata { value: Some(group), .. } = &record else {
            panic!("{record:?}")
        };
        assert_eq!((group.protocol_type.as_str(), group.generation), ("consumer", 1));
        assert_eq!(group.protocol.as_deref(), Some("range"));
        assert_eq!(group.members[0].client_host, "/127.0.0.1");
        assert_eq!(
            (
                group.members[0].rebalance_timeout_ms,
                group.members[0].session_timeout_ms
            ),
            (300_000, 45_000)
        );
        assert_eq!(encoded(&record), (key.to_vec(), Some(value.to_vec())));
    }

    #[test]
    fn a_tombstone_has_no_value() {
        let record = Record::GroupMetadata {
            group_id: "g".into(),
            value: None,
        };
        assert_eq!(encoded(&record), (b"\x00\x02\x00\x01g".to_vec(), None));
        assert_eq!(Record::decode(b"\x00\x02\x00\x01g", None), Ok(Some(record)));
    }

    #[test]
    fn an_offset_with_its_own_retention_uses_version_1() {
        let record = Record::OffsetCommit {
            group_id: "g".into(),
            topic: "t".into(),
            partition: 0,
            value: Some(OffsetAndMetadata {
                offset: 7,
                leader_epoch: -1,
                metadata: String::new(),
                commit_timestamp_ms: 10,
                expire_timestamp_ms: Some(20),
                topic_id: Uuid::nil(),
            }),
        };
        let (key, value) = record.encode();
        assert_eq!(value.as_ref().unwrap()[..2], [0, 1]);
        assert_eq!(Record::decode(&key, value.as_deref()), Ok(Some(record)));
    }

    #[test]
    fn records_of_later_types_are_left_alone() {
        assert_eq!(Record::decode(b"\x00\x12\x00\x03sg3", None), Ok(None));
        assert_eq!(Record::decode(b"\x00\x63\x00\x03sg3", Some(b"\x00\x00\x00")), Ok(None));
    }

    /// Every prefix of a valid value, and lengths that lie, end in an error.
    #[test]
    fn malformed_bytes_are_errors() {
        let record = Record::GroupMetadata {
            group_id: "g".into(),
            value: Some(GroupMetadataValue {
                protocol_type: "consumer".into(),
                members: vec![MemberMetadata {
                    member_id: "m".into(),
                    ..Default::default()
                }],
                ..Default::default()
            }),
        };
        let (key, value) = record.encode();
        let value = value.unwrap();
        for end in 0..value.len() {
            assert!(Record::decode(&key, Some(&value[..end])).is_err(), "prefix of {end}");
        }
        assert_eq!(Record::decode(b"\x00", None), Err(CodecError::Truncated("key")));
        let many_members =
            b"\x00\x03\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff\xff\xff";
        assert!(Record::decode(b"\x00\x02\x00\x01g", Some(many_members)).is_err());
        assert_eq!(
            Record::decode(b"\x00\x02\x00\x01g", Some(b"\x00\x09")),
            Err(CodecError::UnknownVersion {
                what: "GroupMetadataValue",
                version: 9
            })
        );
    }
}
