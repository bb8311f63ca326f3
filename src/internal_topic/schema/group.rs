//! The records of `__consumer_offsets`. Generated, see `generate.rs`.

use super::*;

pub static LEGACY_OFFSET_COMMIT_KEY: Schema = Schema {
    name: "LegacyOffsetCommitKey",
    api_key: Some(0),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("group", Kind::Text, range(0, 0)),
        field("topic", Kind::Text, range(0, 0)),
        field("partition", Kind::Int32, range(0, 0)),
    ],
};

pub static LEGACY_OFFSET_COMMIT_VALUE: Schema = Schema {
    name: "LegacyOffsetCommitValue",
    api_key: Some(0),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("offset", Kind::Int64, range(0, 0)),
        field("metadata", Kind::Text, range(0, 0)),
        field("commitTimestamp", Kind::Int64, range(0, 0)),
    ],
};

pub static OFFSET_COMMIT_KEY: Schema = Schema {
    name: "OffsetCommitKey",
    api_key: Some(1),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("group", Kind::Text, range(0, 0)),
        field("topic", Kind::Text, range(0, 0)),
        field("partition", Kind::Int32, range(0, 0)),
    ],
};

pub static OFFSET_COMMIT_VALUE: Schema = Schema {
    name: "OffsetCommitValue",
    api_key: Some(1),
    valid: range(0, 4),
    flexible: since(4),
    fields: &[
        field("offset", Kind::Int64, since(0)),
        field("leaderEpoch", Kind::Int32, since(3)).default(Default::Int(-1)).ignorable(),
        field("metadata", Kind::Text, since(0)),
        field("commitTimestamp", Kind::Int64, since(0)),
        field("expireTimestamp", Kind::Int64, range(1, 1)).default(Default::Int(-1)).ignorable(),
        field("topicId", Kind::Uuid, since(4)).tag(0, since(4)).ignorable(),
    ],
};

pub static GROUP_METADATA_KEY: Schema = Schema {
    name: "GroupMetadataKey",
    api_key: Some(2),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("group", Kind::Text, range(0, 0)),
    ],
};

pub static GROUP_METADATA_VALUE: Schema = Schema {
    name: "GroupMetadataValue",
    api_key: Some(2),
    valid: range(0, 4),
    flexible: since(4),
    fields: &[
        field("protocolType", Kind::Text, since(0)),
        field("generation", Kind::Int32, since(0)),
        field("protocol", Kind::Text, since(0)).nullable(since(0)),
        field("leader", Kind::Text, since(0)).nullable(since(0)),
        field("currentStateTimestamp", Kind::Int64, since(2)).default(Default::Int(-1)).ignorable(),
        field("members", Kind::Array(&Kind::Struct(&[
            field("memberId", Kind::Text, since(0)),
            field("groupInstanceId", Kind::Text, since(3)).nullable(since(3)).default(Default::Null).ignorable(),
            field("clientId", Kind::Text, since(0)),
            field("clientHost", Kind::Text, since(0)),
            field("rebalanceTimeout", Kind::Int32, since(1)).default(Default::Int(-1)).ignorable(),
            field("sessionTimeout", Kind::Int32, since(0)),
            field("subscription", Kind::Bytes, since(0)),
            field("assignment", Kind::Bytes, since(0)),
        ])), since(0)),
    ],
};

pub static CONSUMER_GROUP_METADATA_KEY: Schema = Schema {
    name: "ConsumerGroupMetadataKey",
    api_key: Some(3),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
    ],
};

pub static CONSUMER_GROUP_METADATA_VALUE: Schema = Schema {
    name: "ConsumerGroupMetadataValue",
    api_key: Some(3),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("epoch", Kind::Int32, since(0)),
        field("metadataHash", Kind::Int64, since(0)).tag(0, since(0)),
    ],
};

pub static CONSUMER_GROUP_PARTITION_METADATA_KEY: Schema = Schema {
    name: "ConsumerGroupPartitionMetadataKey",
    api_key: Some(4),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
    ],
};

pub static CONSUMER_GROUP_PARTITION_METADATA_VALUE: Schema = Schema {
    name: "ConsumerGroupPartitionMetadataValue",
    api_key: Some(4),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("topics", Kind::Array(&Kind::Struct(&[
            field("topicId", Kind::Uuid, since(0)),
            field("topicName", Kind::Text, since(0)),
            field("numPartitions", Kind::Int32, since(0)),
            field("partitionMetadata", Kind::Array(&Kind::Struct(&[
                field("partition", Kind::Int32, since(0)),
                field("racks", Kind::Array(&Kind::Text), since(0)),
            ])), since(0)),
        ])), since(0)),
    ],
};

pub static CONSUMER_GROUP_MEMBER_METADATA_KEY: Schema = Schema {
    name: "ConsumerGroupMemberMetadataKey",
    api_key: Some(5),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("memberId", Kind::Text, range(0, 0)),
    ],
};

pub static CONSUMER_GROUP_MEMBER_METADATA_VALUE: Schema = Schema {
    name: "ConsumerGroupMemberMetadataValue",
    api_key: Some(5),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("instanceId", Kind::Text, since(0)).nullable(since(0)),
        field("rackId", Kind::Text, since(0)).nullable(since(0)),
        field("clientId", Kind::Text, since(0)),
        field("clientHost", Kind::Text, since(0)),
        field("subscribedTopicNames", Kind::Array(&Kind::Text), since(0)),
        field("subscribedTopicRegex", Kind::Text, since(0)).nullable(since(0)),
        field("rebalanceTimeoutMs", Kind::Int32, since(0)).default(Default::Int(-1)),
        field("serverAssignor", Kind::Text, since(0)).nullable(since(0)),
        field("classicMemberMetadata", Kind::Struct(&[
            field("sessionTimeoutMs", Kind::Int32, since(0)),
            field("supportedProtocols", Kind::Array(&Kind::Struct(&[
                field("name", Kind::Text, since(0)),
                field("metadata", Kind::Bytes, since(0)),
            ])), since(0)),
        ]), since(0)).nullable(since(0)).tag(0, since(0)),
    ],
};

pub static CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY: Schema = Schema {
    name: "ConsumerGroupTargetAssignmentMetadataKey",
    api_key: Some(6),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
    ],
};

pub static CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE: Schema = Schema {
    name: "ConsumerGroupTargetAssignmentMetadataValue",
    api_key: Some(6),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("assignmentEpoch", Kind::Int32, since(0)),
        field("assignmentTimestamp", Kind::Int64, since(0)).tag(0, since(0)).ignorable(),
    ],
};

pub static CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY: Schema = Schema {
    name: "ConsumerGroupTargetAssignmentMemberKey",
    api_key: Some(7),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("memberId", Kind::Text, range(0, 0)),
    ],
};

pub static CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE: Schema = Schema {
    name: "ConsumerGroupTargetAssignmentMemberValue",
    api_key: Some(7),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("topicPartitions", Kind::Array(&Kind::Struct(&[
            field("topicId", Kind::Uuid, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
        ])), since(0)),
    ],
};

pub static CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY: Schema = Schema {
    name: "ConsumerGroupCurrentMemberAssignmentKey",
    api_key: Some(8),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("memberId", Kind::Text, range(0, 0)),
    ],
};

pub static CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE: Schema = Schema {
    name: "ConsumerGroupCurrentMemberAssignmentValue",
    api_key: Some(8),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("memberEpoch", Kind::Int32, since(0)),
        field("previousMemberEpoch", Kind::Int32, since(0)),
        field("state", Kind::Int8, since(0)),
        field("assignedPartitions", Kind::Array(&Kind::Struct(&[
            field("topicId", Kind::Uuid, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
            field("assignmentEpochs", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(0, since(0)),
        ])), since(0)),
        field("partitionsPendingRevocation", Kind::Array(&Kind::Struct(&[
            field("topicId", Kind::Uuid, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
            field("assignmentEpochs", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(0, since(0)),
        ])), since(0)),
    ],
};

pub static SHARE_GROUP_MEMBER_METADATA_KEY: Schema = Schema {
    name: "ShareGroupMemberMetadataKey",
    api_key: Some(10),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("memberId", Kind::Text, range(0, 0)),
    ],
};

pub static SHARE_GROUP_MEMBER_METADATA_VALUE: Schema = Schema {
    name: "ShareGroupMemberMetadataValue",
    api_key: Some(10),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("rackId", Kind::Text, since(0)).nullable(since(0)),
        field("clientId", Kind::Text, since(0)),
        field("clientHost", Kind::Text, since(0)),
        field("subscribedTopicNames", Kind::Array(&Kind::Text), since(0)),
    ],
};

pub static SHARE_GROUP_METADATA_KEY: Schema = Schema {
    name: "ShareGroupMetadataKey",
    api_key: Some(11),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
    ],
};

pub static SHARE_GROUP_METADATA_VALUE: Schema = Schema {
    name: "ShareGroupMetadataValue",
    api_key: Some(11),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("epoch", Kind::Int32, since(0)),
        field("metadataHash", Kind::Int64, since(0)),
    ],
};

pub static SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_KEY: Schema = Schema {
    name: "ShareGroupTargetAssignmentMetadataKey",
    api_key: Some(12),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
    ],
};

pub static SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE: Schema = Schema {
    name: "ShareGroupTargetAssignmentMetadataValue",
    api_key: Some(12),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("assignmentEpoch", Kind::Int32, since(0)),
        field("assignmentTimestamp", Kind::Int64, since(0)).tag(0, since(0)).ignorable(),
    ],
};

pub static SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY: Schema = Schema {
    name: "ShareGroupTargetAssignmentMemberKey",
    api_key: Some(13),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("memberId", Kind::Text, range(0, 0)),
    ],
};

pub static SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE: Schema = Schema {
    name: "ShareGroupTargetAssignmentMemberValue",
    api_key: Some(13),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("topicPartitions", Kind::Array(&Kind::Struct(&[
            field("topicId", Kind::Uuid, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
        ])), since(0)),
    ],
};

pub static SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY: Schema = Schema {
    name: "ShareGroupCurrentMemberAssignmentKey",
    api_key: Some(14),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("memberId", Kind::Text, range(0, 0)),
    ],
};

pub static SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE: Schema = Schema {
    name: "ShareGroupCurrentMemberAssignmentValue",
    api_key: Some(14),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("memberEpoch", Kind::Int32, since(0)),
        field("previousMemberEpoch", Kind::Int32, since(0)),
        field("state", Kind::Int8, since(0)),
        field("assignedPartitions", Kind::Array(&Kind::Struct(&[
            field("topicId", Kind::Uuid, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
        ])), since(0)),
    ],
};

pub static SHARE_GROUP_STATE_PARTITION_METADATA_KEY: Schema = Schema {
    name: "ShareGroupStatePartitionMetadataKey",
    api_key: Some(15),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
    ],
};

pub static SHARE_GROUP_STATE_PARTITION_METADATA_VALUE: Schema = Schema {
    name: "ShareGroupStatePartitionMetadataValue",
    api_key: Some(15),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("initializingTopics", Kind::Array(&Kind::Struct(&[
            field("topicId", Kind::Uuid, since(0)),
            field("topicName", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
        ])), since(0)),
        field("initializedTopics", Kind::Array(&Kind::Struct(&[
            field("topicId", Kind::Uuid, since(0)),
            field("topicName", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
        ])), since(0)),
        field("deletingTopics", Kind::Array(&Kind::Struct(&[
            field("topicId", Kind::Uuid, since(0)),
            field("topicName", Kind::Text, since(0)),
        ])), since(0)),
    ],
};

pub static CONSUMER_GROUP_REGULAR_EXPRESSION_KEY: Schema = Schema {
    name: "ConsumerGroupRegularExpressionKey",
    api_key: Some(16),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("regularExpression", Kind::Text, range(0, 0)),
    ],
};

pub static CONSUMER_GROUP_REGULAR_EXPRESSION_VALUE: Schema = Schema {
    name: "ConsumerGroupRegularExpressionValue",
    api_key: Some(16),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("topics", Kind::Array(&Kind::Text), since(0)),
        field("version", Kind::Int64, since(0)),
        field("timestamp", Kind::Int64, since(0)),
    ],
};

pub static STREAMS_GROUP_METADATA_KEY: Schema = Schema {
    name: "StreamsGroupMetadataKey",
    api_key: Some(17),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
    ],
};

pub static STREAMS_GROUP_METADATA_VALUE: Schema = Schema {
    name: "StreamsGroupMetadataValue",
    api_key: Some(17),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("epoch", Kind::Int32, since(0)),
        field("metadataHash", Kind::Int64, since(0)),
        field("validatedTopologyEpoch", Kind::Int32, since(0)).tag(0, since(0)).default(Default::Int(-1)),
        field("lastAssignmentConfigs", Kind::Array(&Kind::Struct(&[
            field("key", Kind::Text, since(0)),
            field("value", Kind::Text, since(0)),
        ])), since(0)).nullable(since(0)).tag(1, since(0)),
    ],
};

pub static STREAMS_GROUP_MEMBER_METADATA_KEY: Schema = Schema {
    name: "StreamsGroupMemberMetadataKey",
    api_key: Some(19),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("memberId", Kind::Text, range(0, 0)),
    ],
};

pub static STREAMS_GROUP_MEMBER_METADATA_VALUE: Schema = Schema {
    name: "StreamsGroupMemberMetadataValue",
    api_key: Some(19),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("instanceId", Kind::Text, since(0)).nullable(since(0)),
        field("rackId", Kind::Text, since(0)).nullable(since(0)),
        field("clientId", Kind::Text, since(0)),
        field("clientHost", Kind::Text, since(0)),
        field("rebalanceTimeoutMs", Kind::Int32, since(0)).default(Default::Int(-1)),
        field("topologyEpoch", Kind::Int32, since(0)),
        field("processId", Kind::Text, since(0)),
        field("userEndpoint", Kind::Struct(&[
            field("host", Kind::Text, since(0)),
            field("port", Kind::UInt16, since(0)),
        ]), since(0)).nullable(since(0)).default(Default::Null),
        field("clientTags", Kind::Array(&Kind::Struct(&[
            field("key", Kind::Text, since(0)),
            field("value", Kind::Text, since(0)),
        ])), since(0)),
    ],
};

pub static STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_KEY: Schema = Schema {
    name: "StreamsGroupTargetAssignmentMetadataKey",
    api_key: Some(20),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
    ],
};

pub static STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE: Schema = Schema {
    name: "StreamsGroupTargetAssignmentMetadataValue",
    api_key: Some(20),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("assignmentEpoch", Kind::Int32, since(0)),
        field("assignmentTimestamp", Kind::Int64, since(0)).tag(0, since(0)).ignorable(),
    ],
};

pub static STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY: Schema = Schema {
    name: "StreamsGroupTargetAssignmentMemberKey",
    api_key: Some(21),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("memberId", Kind::Text, range(0, 0)),
    ],
};

pub static STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE: Schema = Schema {
    name: "StreamsGroupTargetAssignmentMemberValue",
    api_key: Some(21),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("activeTasks", Kind::Array(&Kind::Struct(&[
            field("subtopologyId", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
        ])), since(0)),
        field("standbyTasks", Kind::Array(&Kind::Struct(&[
            field("subtopologyId", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
        ])), since(0)),
        field("warmupTasks", Kind::Array(&Kind::Struct(&[
            field("subtopologyId", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
        ])), since(0)),
    ],
};

pub static STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY: Schema = Schema {
    name: "StreamsGroupCurrentMemberAssignmentKey",
    api_key: Some(22),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
        field("memberId", Kind::Text, range(0, 0)),
    ],
};

pub static STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE: Schema = Schema {
    name: "StreamsGroupCurrentMemberAssignmentValue",
    api_key: Some(22),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("memberEpoch", Kind::Int32, since(0)),
        field("previousMemberEpoch", Kind::Int32, since(0)),
        field("state", Kind::Int8, since(0)),
        field("activeTasks", Kind::Array(&Kind::Struct(&[
            field("subtopologyId", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
            field("assignmentEpochs", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(0, since(0)),
        ])), since(0)),
        field("standbyTasks", Kind::Array(&Kind::Struct(&[
            field("subtopologyId", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
            field("assignmentEpochs", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(0, since(0)),
        ])), since(0)),
        field("warmupTasks", Kind::Array(&Kind::Struct(&[
            field("subtopologyId", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
            field("assignmentEpochs", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(0, since(0)),
        ])), since(0)),
        field("activeTasksPendingRevocation", Kind::Array(&Kind::Struct(&[
            field("subtopologyId", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
            field("assignmentEpochs", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(0, since(0)),
        ])), since(0)),
        field("standbyTasksPendingRevocation", Kind::Array(&Kind::Struct(&[
            field("subtopologyId", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
            field("assignmentEpochs", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(0, since(0)),
        ])), since(0)),
        field("warmupTasksPendingRevocation", Kind::Array(&Kind::Struct(&[
            field("subtopologyId", Kind::Text, since(0)),
            field("partitions", Kind::Array(&Kind::Int32), since(0)),
            field("assignmentEpochs", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(0, since(0)),
        ])), since(0)),
    ],
};

pub static STREAMS_GROUP_TOPOLOGY_KEY: Schema = Schema {
    name: "StreamsGroupTopologyKey",
    api_key: Some(23),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("groupId", Kind::Text, range(0, 0)),
    ],
};

pub static STREAMS_GROUP_TOPOLOGY_VALUE: Schema = Schema {
    name: "StreamsGroupTopologyValue",
    api_key: Some(23),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("epoch", Kind::Int32, since(0)),
        field("subtopologies", Kind::Array(&Kind::Struct(&[
            field("subtopologyId", Kind::Text, since(0)),
            field("sourceTopics", Kind::Array(&Kind::Text), since(0)),
            field("sourceTopicRegex", Kind::Array(&Kind::Text), since(0)),
            field("stateChangelogTopics", Kind::Array(&Kind::Struct(&[
                field("name", Kind::Text, since(0)),
                field("partitions", Kind::Int32, since(0)),
                field("replicationFactor", Kind::Int16, since(0)),
                field("topicConfigs", Kind::Array(&Kind::Struct(&[
                    field("key", Kind::Text, since(0)),
                    field("value", Kind::Text, since(0)),
                ])), since(0)),
            ])), since(0)),
            field("repartitionSinkTopics", Kind::Array(&Kind::Text), since(0)),
            field("repartitionSourceTopics", Kind::Array(&Kind::Struct(&[
                field("name", Kind::Text, since(0)),
                field("partitions", Kind::Int32, since(0)),
                field("replicationFactor", Kind::Int16, since(0)),
                field("topicConfigs", Kind::Array(&Kind::Struct(&[
                    field("key", Kind::Text, since(0)),
                    field("value", Kind::Text, since(0)),
                ])), since(0)),
            ])), since(0)),
            field("copartitionGroups", Kind::Array(&Kind::Struct(&[
                field("sourceTopics", Kind::Array(&Kind::Int16), since(0)),
                field("sourceTopicRegex", Kind::Array(&Kind::Int16), since(0)),
                field("repartitionSourceTopics", Kind::Array(&Kind::Int16), since(0)),
            ])), since(0)),
        ])), since(0)),
    ],
};

/// The numbers of the record types.
pub mod record_type {
pub const LEGACY_OFFSET_COMMIT: i16 = 0;
pub const OFFSET_COMMIT: i16 = 1;
pub const GROUP_METADATA: i16 = 2;
pub const CONSUMER_GROUP_METADATA: i16 = 3;
pub const CONSUMER_GROUP_PARTITION_METADATA: i16 = 4;
pub const CONSUMER_GROUP_MEMBER_METADATA: i16 = 5;
pub const CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA: i16 = 6;
pub const CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER: i16 = 7;
pub const CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT: i16 = 8;
pub const SHARE_GROUP_MEMBER_METADATA: i16 = 10;
pub const SHARE_GROUP_METADATA: i16 = 11;
pub const SHARE_GROUP_TARGET_ASSIGNMENT_METADATA: i16 = 12;
pub const SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER: i16 = 13;
pub const SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT: i16 = 14;
pub const SHARE_GROUP_STATE_PARTITION_METADATA: i16 = 15;
pub const CONSUMER_GROUP_REGULAR_EXPRESSION: i16 = 16;
pub const STREAMS_GROUP_METADATA: i16 = 17;
pub const STREAMS_GROUP_MEMBER_METADATA: i16 = 19;
pub const STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA: i16 = 20;
pub const STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER: i16 = 21;
pub const STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT: i16 = 22;
pub const STREAMS_GROUP_TOPOLOGY: i16 = 23;
}

/// Key and value of every record type of `__consumer_offsets`.
pub static TYPES: &[(&Schema, &Schema)] = &[
    (&LEGACY_OFFSET_COMMIT_KEY, &LEGACY_OFFSET_COMMIT_VALUE),
    (&OFFSET_COMMIT_KEY, &OFFSET_COMMIT_VALUE),
    (&GROUP_METADATA_KEY, &GROUP_METADATA_VALUE),
    (&CONSUMER_GROUP_METADATA_KEY, &CONSUMER_GROUP_METADATA_VALUE),
    (&CONSUMER_GROUP_PARTITION_METADATA_KEY, &CONSUMER_GROUP_PARTITION_METADATA_VALUE),
    (&CONSUMER_GROUP_MEMBER_METADATA_KEY, &CONSUMER_GROUP_MEMBER_METADATA_VALUE),
    (&CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY, &CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE),
    (&CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY, &CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE),
    (&CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY, &CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE),
    (&SHARE_GROUP_MEMBER_METADATA_KEY, &SHARE_GROUP_MEMBER_METADATA_VALUE),
    (&SHARE_GROUP_METADATA_KEY, &SHARE_GROUP_METADATA_VALUE),
    (&SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_KEY, &SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE),
    (&SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY, &SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE),
    (&SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY, &SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE),
    (&SHARE_GROUP_STATE_PARTITION_METADATA_KEY, &SHARE_GROUP_STATE_PARTITION_METADATA_VALUE),
    (&CONSUMER_GROUP_REGULAR_EXPRESSION_KEY, &CONSUMER_GROUP_REGULAR_EXPRESSION_VALUE),
    (&STREAMS_GROUP_METADATA_KEY, &STREAMS_GROUP_METADATA_VALUE),
    (&STREAMS_GROUP_MEMBER_METADATA_KEY, &STREAMS_GROUP_MEMBER_METADATA_VALUE),
    (&STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_KEY, &STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE),
    (&STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY, &STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE),
    (&STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY, &STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE),
    (&STREAMS_GROUP_TOPOLOGY_KEY, &STREAMS_GROUP_TOPOLOGY_VALUE),
];
