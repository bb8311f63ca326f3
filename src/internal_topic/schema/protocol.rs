//! The blobs that classic consumers put into group records. Generated, see `generate.rs`.

use super::*;

pub static CONSUMER_PROTOCOL_ASSIGNMENT: Schema = Schema {
    name: "ConsumerProtocolAssignment",
    api_key: None,
    valid: range(0, 3),
    flexible: Versions::NONE,
    fields: &[
        field("assignedPartitions", Kind::Array(&Kind::Struct(&[
            field("topic", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
        ])), since(0)),
        field("userData", Kind::Bytes, since(0)).nullable(since(0)).default(Default::Null),
    ],
};

pub static CONSUMER_PROTOCOL_SUBSCRIPTION: Schema = Schema {
    name: "ConsumerProtocolSubscription",
    api_key: None,
    valid: range(0, 3),
    flexible: Versions::NONE,
    fields: &[
        field("topics", Kind::Array(&Kind::Text), since(0)),
        field("userData", Kind::Bytes, since(0)).nullable(since(0)).default(Default::Null),
        field("ownedPartitions", Kind::Array(&Kind::Struct(&[
            field("topic", Kind::Text, since(1)),
            field("partitions", Kind::Array(&Kind::Int32), since(1)),
        ])), since(1)).ignorable(),
        field("generationId", Kind::Int32, since(2)).default(Default::Int(-1)).ignorable(),
        field("rackId", Kind::Text, since(3)).nullable(since(3)).default(Default::Null).ignorable(),
    ],
};

