//! The values of control records. Generated, see `generate.rs`.

use super::*;

pub static END_TXN_MARKER: Schema = Schema {
    name: "EndTxnMarker",
    api_key: None,
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("coordinatorEpoch", Kind::Int32, since(0)),
    ],
};

pub static KRAFT_VERSION_RECORD: Schema = Schema {
    name: "KRaftVersionRecord",
    api_key: None,
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("version", Kind::Int16, since(0)),
        field("kRaftVersion", Kind::Int16, since(0)),
    ],
};

pub static LEADER_CHANGE_MESSAGE: Schema = Schema {
    name: "LeaderChangeMessage",
    api_key: None,
    valid: range(0, 1),
    flexible: since(0),
    fields: &[
        field("version", Kind::Int16, since(0)),
        field("leaderId", Kind::Int32, since(0)),
        field("voters", Kind::Array(&Kind::Struct(&[
            field("voterId", Kind::Int32, since(0)),
            field("voterDirectoryId", Kind::Uuid, since(1)),
        ])), since(0)),
        field("grantingVoters", Kind::Array(&Kind::Struct(&[
            field("voterId", Kind::Int32, since(0)),
            field("voterDirectoryId", Kind::Uuid, since(1)),
        ])), since(0)),
    ],
};

pub static SNAPSHOT_FOOTER_RECORD: Schema = Schema {
    name: "SnapshotFooterRecord",
    api_key: None,
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("version", Kind::Int16, since(0)),
    ],
};

pub static SNAPSHOT_HEADER_RECORD: Schema = Schema {
    name: "SnapshotHeaderRecord",
    api_key: None,
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("version", Kind::Int16, since(0)),
        field("lastContainedLogTimestamp", Kind::Int64, since(0)),
    ],
};

pub static VOTERS_RECORD: Schema = Schema {
    name: "VotersRecord",
    api_key: None,
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("version", Kind::Int16, since(0)),
        field("voters", Kind::Array(&Kind::Struct(&[
            field("voterId", Kind::Int32, since(0)),
            field("voterDirectoryId", Kind::Uuid, since(0)),
            field("endpoints", Kind::Array(&Kind::Struct(&[
                field("name", Kind::Text, since(0)),
                field("host", Kind::Text, since(0)),
                field("port", Kind::UInt16, since(0)),
            ])), since(0)),
            field("kRaftVersionFeature", Kind::Struct(&[
                field("minSupportedVersion", Kind::Int16, since(0)),
                field("maxSupportedVersion", Kind::Int16, since(0)),
            ]), since(0)),
        ])), since(0)),
    ],
};

