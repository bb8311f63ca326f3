//! The records of `__share_group_state`. Generated, see `generate.rs`.

use super::*;

pub static SHARE_SNAPSHOT_KEY: Schema = Schema {
    name: "ShareSnapshotKey",
    api_key: Some(0),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("topicId", Kind::Uuid, range(0, 0)),
        field("partition", Kind::Int32, range(0, 0)),
    ],
};

pub static SHARE_SNAPSHOT_VALUE: Schema = Schema {
    name: "ShareSnapshotValue",
    api_key: Some(0),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("snapshotEpoch", Kind::Int32, since(0)),
        field("stateEpoch", Kind::Int32, since(0)),
        field("leaderEpoch", Kind::Int32, since(0)),
        field("startOffset", Kind::Int64, since(0)),
        field("deliveryCompleteCount", Kind::Int32, since(0)).tag(0, since(0)).default(Default::Int(-1)),
        field("createTimestamp", Kind::Int64, since(0)),
        field("writeTimestamp", Kind::Int64, since(0)),
        field("stateBatches", Kind::Array(&Kind::Struct(&[
            field("firstOffset", Kind::Int64, since(0)),
            field("lastOffset", Kind::Int64, since(0)),
            field("deliveryState", Kind::Int8, since(0)),
            field("deliveryCount", Kind::Int16, since(0)),
        ])), since(0)),
    ],
};

pub static SHARE_UPDATE_KEY: Schema = Schema {
    name: "ShareUpdateKey",
    api_key: Some(1),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("topicId", Kind::Uuid, range(0, 0)),
        field("partition", Kind::Int32, range(0, 0)),
    ],
};

pub static SHARE_UPDATE_VALUE: Schema = Schema {
    name: "ShareUpdateValue",
    api_key: Some(1),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("snapshotEpoch", Kind::Int32, since(0)),
        field("leaderEpoch", Kind::Int32, since(0)),
        field("startOffset", Kind::Int64, since(0)),
        field("deliveryCompleteCount", Kind::Int32, since(0)).tag(0, since(0)).default(Default::Int(-1)),
        field("stateBatches", Kind::Array(&Kind::Struct(&[
            field("firstOffset", Kind::Int64, since(0)),
            field("lastOffset", Kind::Int64, since(0)),
            field("deliveryState", Kind::Int8, since(0)),
            field("deliveryCount", Kind::Int16, since(0)),
        ])), since(0)),
    ],
};

/// The numbers of the record types.
pub mod record_type {
pub const SHARE_SNAPSHOT: i16 = 0;
pub const SHARE_UPDATE: i16 = 1;
}

/// Key and value of every record type of `__share_group_state`.
pub static TYPES: &[(&Schema, &Schema)] = &[
    (&SHARE_SNAPSHOT_KEY, &SHARE_SNAPSHOT_VALUE),
    (&SHARE_UPDATE_KEY, &SHARE_UPDATE_VALUE),
];
