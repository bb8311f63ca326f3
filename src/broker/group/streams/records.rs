//! The records of a streams group (KIP-1071): six types, each flexible at version 0. The values are written as the
//! messages are, field by field.

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::StrBytes;

use crate::broker::group::codec::{CodecError, Reader, key_of};
use crate::broker::group::consumer::records::{TargetAssignmentEpoch, decode_target_epoch, encode_target_epoch};
use crate::wire::fields::{Field, Nullable, message};
use crate::wire::streams::{Endpoint, KeyValue, TaskIds, Topology};

const GROUP_METADATA: i16 = 17;
/// Kafka keeps the subscribed topics' partitions here in versions before 4.1; nobody writes it any more.
const PARTITION_METADATA: i16 = 18;
const MEMBER_METADATA: i16 = 19;
const TARGET_ASSIGNMENT_METADATA: i16 = 20;
const TARGET_ASSIGNMENT_MEMBER: i16 = 21;
const CURRENT_MEMBER_ASSIGNMENT: i16 = 22;
const TOPOLOGY: i16 = 23;

/// One record, without the group it belongs to. A `None` value is a tombstone.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamsRecord {
    GroupMetadata(Option<StreamsGroupEpoch>),
    Member {
        member_id: String,
        value: Option<StreamsMemberMetadata>,
    },
    TargetAssignmentMetadata(Option<TargetAssignmentEpoch>),
    TargetAssignmentMember {
        member_id: String,
        value: Option<TargetTasks>,
    },
    CurrentAssignment {
        member_id: String,
        value: Option<CurrentTasks>,
    },
    Topology(Option<Topology>),
}

message! {
    StreamsGroupEpoch {
        epoch: i32 = 0;
        /// Changes when a topic of the topology is created, deleted or gets partitions.
        metadata_hash: i64 = 0;
    }
}

message! {
    /// What a member said of itself.
    StreamsMemberMetadata {
        instance_id: Option<StrBytes> = None;
        rack_id: Option<StrBytes> = None;
        client_id: StrBytes = StrBytes::default();
        client_host: StrBytes = StrBytes::default();
        rebalance_timeout_ms: i32 = -1;
        topology_epoch: i32 = 0;
        /// Members of one process share their state directory.
        process_id: StrBytes = StrBytes::default();
        user_endpoint: Nullable<Endpoint> = Nullable(None);
        client_tags: Vec<KeyValue> = Vec::new();
    }
}

message! {
    TargetTasks {
        active: Vec<TaskIds> = Vec::new();
        standby: Vec<TaskIds> = Vec::new();
        warmup: Vec<TaskIds> = Vec::new();
    }
}

message! {
    CurrentTasks {
        member_epoch: i32 = 0;
        previous_member_epoch: i32 = 0;
        /// Kafka's `MemberState` as a number.
        state: i8 = 0;
        active: Vec<TaskIds> = Vec::new();
        standby: Vec<TaskIds> = Vec::new();
        warmup: Vec<TaskIds> = Vec::new();
        active_pending_revocation: Vec<TaskIds> = Vec::new();
        standby_pending_revocation: Vec<TaskIds> = Vec::new();
        warmup_pending_revocation: Vec<TaskIds> = Vec::new();
    }
}

/// Version 0 and the fields.
fn encode<T: Field>(value: &T) -> Bytes {
    let mut bytes = BytesMut::from(&[0, 0][..]);
    // Nothing in a record is longer than the request it came from; there is nothing to refuse.
    let _ = value.put(&mut bytes, 0);
    bytes.freeze()
}

fn decode<T: Field>(what: &'static str, bytes: &[u8]) -> Result<T, CodecError> {
    let mut reader = Reader::new(what, bytes);
    reader.version(0)?;
    let mut rest = Bytes::copy_from_slice(&bytes[2..]);
    T::get(&mut rest, 0).map_err(|_| CodecError::Truncated(what))
}

impl StreamsRecord {
    pub fn is_tombstone(&self) -> bool {
        match self {
            Self::GroupMetadata(value) => value.is_none(),
            Self::Member { value, .. } => value.is_none(),
            Self::TargetAssignmentMetadata(value) => value.is_none(),
            Self::TargetAssignmentMember { value, .. } => value.is_none(),
            Self::CurrentAssignment { value, .. } => value.is_none(),
            Self::Topology(value) => value.is_none(),
        }
    }

    pub fn encode(&self, group_id: &str) -> (Bytes, Option<Bytes>) {
        let (key_type, member_id, value) = match self {
            Self::GroupMetadata(value) => (GROUP_METADATA, None, value.as_ref().map(encode)),
            Self::Member { member_id, value } => (MEMBER_METADATA, Some(member_id), value.as_ref().map(encode)),
            Self::TargetAssignmentMetadata(value) => (TARGET_ASSIGNMENT_METADATA, None, value.map(encode_target_epoch)),
            Self::TargetAssignmentMember { member_id, value } => {
                (TARGET_ASSIGNMENT_MEMBER, Some(member_id), value.as_ref().map(encode))
            }
            Self::CurrentAssignment { member_id, value } => {
                (CURRENT_MEMBER_ASSIGNMENT, Some(member_id), value.as_ref().map(encode))
            }
            Self::Topology(value) => (TOPOLOGY, None, value.as_ref().map(encode)),
        };
        (key_of(key_type, group_id, member_id.map(String::as_str)), value)
    }

    /// Reads the rest of a key of type `key_type`, and its value. `None` when the type is not one of this protocol.
    pub fn decode(
        key_type: i16,
        key: &mut Reader<'_>,
        value: Option<&[u8]>,
    ) -> Result<Option<(String, Self)>, CodecError> {
        if !matches!(key_type, GROUP_METADATA..=TOPOLOGY) || key_type == PARTITION_METADATA {
            return Ok(None);
        }
        let group_id = key.string()?;
        let record = match key_type {
            GROUP_METADATA => Self::GroupMetadata(value.map(|v| decode("StreamsGroupMetadataValue", v)).transpose()?),
            MEMBER_METADATA => Self::Member {
                member_id: key.string()?,
                value: value
                    .map(|v| decode("StreamsGroupMemberMetadataValue", v))
                    .transpose()?,
            },
            TARGET_ASSIGNMENT_METADATA => Self::TargetAssignmentMetadata(value.map(decode_target_epoch).transpose()?),
            TARGET_ASSIGNMENT_MEMBER => Self::TargetAssignmentMember {
                member_id: key.string()?,
                value: value
                    .map(|v| decode("StreamsGroupTargetAssignmentMemberValue", v))
                    .transpose()?,
            },
            CURRENT_MEMBER_ASSIGNMENT => Self::CurrentAssignment {
                member_id: key.string()?,
                value: value
                    .map(|v| decode("StreamsGroupCurrentMemberAssignmentValue", v))
                    .transpose()?,
            },
            _ => Self::Topology(value.map(|v| decode("StreamsGroupTopologyValue", v)).transpose()?),
        };
        Ok(Some((group_id, record)))
    }
}
