//! The records of `__remote_log_metadata`. Generated, see `generate.rs`.

use super::*;

pub static REMOTE_LOG_SEGMENT_METADATA_RECORD: Schema = Schema {
    name: "RemoteLogSegmentMetadataRecord",
    api_key: Some(0),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("remoteLogSegmentId", Kind::Struct(&[
            field("topicIdPartition", Kind::Struct(&[
                field("name", Kind::Text, since(0)),
                field("id", Kind::Uuid, since(0)),
                field("partition", Kind::Int32, since(0)),
            ]), since(0)),
            field("id", Kind::Uuid, since(0)),
        ]), since(0)),
        field("startOffset", Kind::Int64, since(0)),
        field("endOffset", Kind::Int64, since(0)),
        field("brokerId", Kind::Int32, since(0)),
        field("maxTimestampMs", Kind::Int64, since(0)),
        field("eventTimestampMs", Kind::Int64, since(0)),
        field("segmentLeaderEpochs", Kind::Array(&Kind::Struct(&[
            field("leaderEpoch", Kind::Int32, since(0)),
            field("offset", Kind::Int64, since(0)),
        ])), since(0)),
        field("segmentSizeInBytes", Kind::Int32, since(0)),
        field("customMetadata", Kind::Bytes, since(0)).nullable(since(0)).default(Default::Null),
        field("remoteLogSegmentState", Kind::Int8, since(0)),
        field("txnIndexEmpty", Kind::Bool, since(0)).tag(0, since(0)),
    ],
};

pub static REMOTE_LOG_SEGMENT_METADATA_UPDATE_RECORD: Schema = Schema {
    name: "RemoteLogSegmentMetadataUpdateRecord",
    api_key: Some(1),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("remoteLogSegmentId", Kind::Struct(&[
            field("topicIdPartition", Kind::Struct(&[
                field("name", Kind::Text, since(0)),
                field("id", Kind::Uuid, since(0)),
                field("partition", Kind::Int32, since(0)),
            ]), since(0)),
            field("id", Kind::Uuid, since(0)),
        ]), since(0)),
        field("brokerId", Kind::Int32, since(0)),
        field("eventTimestampMs", Kind::Int64, since(0)),
        field("customMetadata", Kind::Bytes, since(0)).nullable(since(0)).default(Default::Null),
        field("remoteLogSegmentState", Kind::Int8, since(0)),
    ],
};

pub static REMOTE_PARTITION_DELETE_METADATA_RECORD: Schema = Schema {
    name: "RemotePartitionDeleteMetadataRecord",
    api_key: Some(2),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("topicIdPartition", Kind::Struct(&[
            field("name", Kind::Text, since(0)),
            field("id", Kind::Uuid, since(0)),
            field("partition", Kind::Int32, since(0)),
        ]), since(0)),
        field("brokerId", Kind::Int32, since(0)),
        field("eventTimestampMs", Kind::Int64, since(0)),
        field("remotePartitionDeleteState", Kind::Int8, since(0)),
    ],
};

pub static REMOTE_LOG_SEGMENT_METADATA_SNAPSHOT_RECORD: Schema = Schema {
    name: "RemoteLogSegmentMetadataSnapshotRecord",
    api_key: Some(3),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("segmentId", Kind::Uuid, since(0)),
        field("startOffset", Kind::Int64, since(0)),
        field("endOffset", Kind::Int64, since(0)),
        field("brokerId", Kind::Int32, since(0)),
        field("maxTimestampMs", Kind::Int64, since(0)),
        field("eventTimestampMs", Kind::Int64, since(0)),
        field("segmentLeaderEpochs", Kind::Array(&Kind::Struct(&[
            field("leaderEpoch", Kind::Int32, since(0)),
            field("offset", Kind::Int64, since(0)),
        ])), since(0)),
        field("segmentSizeInBytes", Kind::Int32, since(0)),
        field("customMetadata", Kind::Bytes, since(0)).nullable(since(0)).default(Default::Null),
        field("remoteLogSegmentState", Kind::Int8, since(0)),
        field("txnIndexEmpty", Kind::Bool, since(0)).tag(0, since(0)),
    ],
};

/// The numbers of the record types.
pub mod record_type {
pub const REMOTE_LOG_SEGMENT_METADATA: i16 = 0;
pub const REMOTE_LOG_SEGMENT_METADATA_UPDATE: i16 = 1;
pub const REMOTE_PARTITION_DELETE_METADATA: i16 = 2;
pub const REMOTE_LOG_SEGMENT_METADATA_SNAPSHOT: i16 = 3;
}

/// Every record type of `__remote_log_metadata`.
pub static TYPES: &[&Schema] = &[
    &REMOTE_LOG_SEGMENT_METADATA_RECORD,
    &REMOTE_LOG_SEGMENT_METADATA_UPDATE_RECORD,
    &REMOTE_PARTITION_DELETE_METADATA_RECORD,
    &REMOTE_LOG_SEGMENT_METADATA_SNAPSHOT_RECORD,
];
