//! The records of `__cluster_metadata`. Generated, see `generate.rs`.

use super::*;

pub static REGISTER_BROKER_RECORD: Schema = Schema {
    name: "RegisterBrokerRecord",
    api_key: Some(0),
    valid: range(0, 4),
    flexible: since(0),
    fields: &[
        field("brokerId", Kind::Int32, since(0)),
        field("isMigratingZkBroker", Kind::Bool, since(2)),
        field("incarnationId", Kind::Uuid, since(0)),
        field("brokerEpoch", Kind::Int64, since(0)),
        field("endPoints", Kind::Array(&Kind::Struct(&[
            field("name", Kind::Text, since(0)),
            field("host", Kind::Text, since(0)),
            field("port", Kind::UInt16, since(0)),
            field("securityProtocol", Kind::Int16, since(0)),
        ])), since(0)),
        field("features", Kind::Array(&Kind::Struct(&[
            field("name", Kind::Text, since(0)),
            field("minSupportedVersion", Kind::Int16, since(0)),
            field("maxSupportedVersion", Kind::Int16, since(0)),
        ])), since(0)),
        field("rack", Kind::Text, since(0)).nullable(since(0)),
        field("fenced", Kind::Bool, since(0)).default(Default::Bool(true)),
        field("inControlledShutdown", Kind::Bool, since(1)),
        field("logDirs", Kind::Array(&Kind::Uuid), since(3)).tag(0, since(3)),
        field("cordonedLogDirs", Kind::Array(&Kind::Uuid), since(4)).nullable(since(4)).tag(1, since(4)).default(Default::Null),
    ],
};

pub static UNREGISTER_BROKER_RECORD: Schema = Schema {
    name: "UnregisterBrokerRecord",
    api_key: Some(1),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("brokerId", Kind::Int32, since(0)),
        field("brokerEpoch", Kind::Int64, since(0)),
    ],
};

pub static TOPIC_RECORD: Schema = Schema {
    name: "TopicRecord",
    api_key: Some(2),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("name", Kind::Text, since(0)),
        field("topicId", Kind::Uuid, since(0)),
    ],
};

pub static PARTITION_RECORD: Schema = Schema {
    name: "PartitionRecord",
    api_key: Some(3),
    valid: range(0, 2),
    flexible: since(0),
    fields: &[
        field("partitionId", Kind::Int32, since(0)).default(Default::Int(-1)),
        field("topicId", Kind::Uuid, since(0)),
        field("replicas", Kind::Array(&Kind::Int32), since(0)),
        field("isr", Kind::Array(&Kind::Int32), since(0)),
        field("removingReplicas", Kind::Array(&Kind::Int32), since(0)),
        field("addingReplicas", Kind::Array(&Kind::Int32), since(0)),
        field("leader", Kind::Int32, since(0)).default(Default::Int(-1)),
        field("leaderRecoveryState", Kind::Int8, since(0)).tag(0, since(0)),
        field("leaderEpoch", Kind::Int32, since(0)).default(Default::Int(-1)),
        field("partitionEpoch", Kind::Int32, since(0)).default(Default::Int(-1)),
        field("directories", Kind::Array(&Kind::Uuid), since(1)),
        field("eligibleLeaderReplicas", Kind::Array(&Kind::Int32), since(2)).nullable(since(2)).tag(1, since(2)).default(Default::Null),
        field("lastKnownElr", Kind::Array(&Kind::Int32), since(2)).nullable(since(2)).tag(2, since(2)).default(Default::Null),
    ],
};

pub static CONFIG_RECORD: Schema = Schema {
    name: "ConfigRecord",
    api_key: Some(4),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("resourceType", Kind::Int8, since(0)),
        field("resourceName", Kind::Text, since(0)),
        field("name", Kind::Text, since(0)),
        field("value", Kind::Text, since(0)).nullable(since(0)),
    ],
};

pub static PARTITION_CHANGE_RECORD: Schema = Schema {
    name: "PartitionChangeRecord",
    api_key: Some(5),
    valid: range(0, 2),
    flexible: since(0),
    fields: &[
        field("partitionId", Kind::Int32, since(0)).default(Default::Int(-1)),
        field("topicId", Kind::Uuid, since(0)),
        field("isr", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(0, since(0)).default(Default::Null),
        field("leader", Kind::Int32, since(0)).tag(1, since(0)).default(Default::Int(-2)),
        field("replicas", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(2, since(0)).default(Default::Null),
        field("removingReplicas", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(3, since(0)).default(Default::Null),
        field("addingReplicas", Kind::Array(&Kind::Int32), since(0)).nullable(since(0)).tag(4, since(0)).default(Default::Null),
        field("leaderRecoveryState", Kind::Int8, since(0)).tag(5, since(0)).default(Default::Int(-1)),
        field("directories", Kind::Array(&Kind::Uuid), since(1)).nullable(since(1)).tag(8, since(1)).default(Default::Null),
        field("eligibleLeaderReplicas", Kind::Array(&Kind::Int32), since(2)).nullable(since(2)).tag(6, since(2)).default(Default::Null),
        field("lastKnownElr", Kind::Array(&Kind::Int32), since(2)).nullable(since(2)).tag(7, since(2)).default(Default::Null),
    ],
};

pub static FENCE_BROKER_RECORD: Schema = Schema {
    name: "FenceBrokerRecord",
    api_key: Some(7),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("id", Kind::Int32, since(0)),
        field("epoch", Kind::Int64, since(0)),
    ],
};

pub static UNFENCE_BROKER_RECORD: Schema = Schema {
    name: "UnfenceBrokerRecord",
    api_key: Some(8),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("id", Kind::Int32, since(0)),
        field("epoch", Kind::Int64, since(0)),
    ],
};

pub static REMOVE_TOPIC_RECORD: Schema = Schema {
    name: "RemoveTopicRecord",
    api_key: Some(9),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("topicId", Kind::Uuid, since(0)),
    ],
};

pub static DELEGATION_TOKEN_RECORD: Schema = Schema {
    name: "DelegationTokenRecord",
    api_key: Some(10),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("owner", Kind::Text, since(0)),
        field("requester", Kind::Text, since(0)),
        field("renewers", Kind::Array(&Kind::Text), since(0)),
        field("issueTimestamp", Kind::Int64, since(0)),
        field("maxTimestamp", Kind::Int64, since(0)),
        field("expirationTimestamp", Kind::Int64, since(0)),
        field("tokenId", Kind::Text, since(0)),
    ],
};

pub static USER_SCRAM_CREDENTIAL_RECORD: Schema = Schema {
    name: "UserScramCredentialRecord",
    api_key: Some(11),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("name", Kind::Text, since(0)),
        field("mechanism", Kind::Int8, since(0)),
        field("salt", Kind::Bytes, since(0)),
        field("storedKey", Kind::Bytes, since(0)),
        field("serverKey", Kind::Bytes, since(0)),
        field("iterations", Kind::Int32, since(0)),
    ],
};

pub static FEATURE_LEVEL_RECORD: Schema = Schema {
    name: "FeatureLevelRecord",
    api_key: Some(12),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("name", Kind::Text, since(0)),
        field("featureLevel", Kind::Int16, since(0)),
    ],
};

pub static CLIENT_QUOTA_RECORD: Schema = Schema {
    name: "ClientQuotaRecord",
    api_key: Some(14),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("entity", Kind::Array(&Kind::Struct(&[
            field("entityType", Kind::Text, since(0)),
            field("entityName", Kind::Text, since(0)).nullable(since(0)),
        ])), since(0)),
        field("key", Kind::Text, since(0)),
        field("value", Kind::Float64, since(0)),
        field("remove", Kind::Bool, since(0)),
    ],
};

pub static PRODUCER_IDS_RECORD: Schema = Schema {
    name: "ProducerIdsRecord",
    api_key: Some(15),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("brokerId", Kind::Int32, since(0)),
        field("brokerEpoch", Kind::Int64, since(0)).default(Default::Int(-1)),
        field("nextProducerId", Kind::Int64, since(0)),
    ],
};

pub static BROKER_REGISTRATION_CHANGE_RECORD: Schema = Schema {
    name: "BrokerRegistrationChangeRecord",
    api_key: Some(17),
    valid: range(0, 3),
    flexible: since(0),
    fields: &[
        field("brokerId", Kind::Int32, since(0)),
        field("brokerEpoch", Kind::Int64, since(0)),
        field("fenced", Kind::Int8, since(0)).tag(0, since(0)),
        field("inControlledShutdown", Kind::Int8, since(1)).tag(1, since(1)),
        field("logDirs", Kind::Array(&Kind::Uuid), since(2)).tag(2, since(2)),
        field("cordonedLogDirs", Kind::Array(&Kind::Uuid), since(3)).nullable(since(3)).tag(3, since(3)).default(Default::Null),
    ],
};

pub static ACCESS_CONTROL_ENTRY_RECORD: Schema = Schema {
    name: "AccessControlEntryRecord",
    api_key: Some(18),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("id", Kind::Uuid, since(0)),
        field("resourceType", Kind::Int8, since(0)),
        field("resourceName", Kind::Text, since(0)),
        field("patternType", Kind::Int8, since(0)),
        field("principal", Kind::Text, since(0)),
        field("host", Kind::Text, since(0)),
        field("operation", Kind::Int8, since(0)),
        field("permissionType", Kind::Int8, since(0)),
    ],
};

pub static REMOVE_ACCESS_CONTROL_ENTRY_RECORD: Schema = Schema {
    name: "RemoveAccessControlEntryRecord",
    api_key: Some(19),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("id", Kind::Uuid, since(0)),
    ],
};

pub static NO_OP_RECORD: Schema = Schema {
    name: "NoOpRecord",
    api_key: Some(20),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[],
};

pub static ZK_MIGRATION_STATE_RECORD: Schema = Schema {
    name: "ZkMigrationStateRecord",
    api_key: Some(21),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("zkMigrationState", Kind::Int8, since(0)),
    ],
};

pub static REMOVE_USER_SCRAM_CREDENTIAL_RECORD: Schema = Schema {
    name: "RemoveUserScramCredentialRecord",
    api_key: Some(22),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("name", Kind::Text, since(0)),
        field("mechanism", Kind::Int8, since(0)),
    ],
};

pub static BEGIN_TRANSACTION_RECORD: Schema = Schema {
    name: "BeginTransactionRecord",
    api_key: Some(23),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("name", Kind::Text, since(0)).nullable(since(0)).tag(0, since(0)).default(Default::Null),
    ],
};

pub static END_TRANSACTION_RECORD: Schema = Schema {
    name: "EndTransactionRecord",
    api_key: Some(24),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[],
};

pub static ABORT_TRANSACTION_RECORD: Schema = Schema {
    name: "AbortTransactionRecord",
    api_key: Some(25),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("reason", Kind::Text, since(0)).nullable(since(0)).tag(0, since(0)).default(Default::Null),
    ],
};

pub static REMOVE_DELEGATION_TOKEN_RECORD: Schema = Schema {
    name: "RemoveDelegationTokenRecord",
    api_key: Some(26),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("tokenId", Kind::Text, since(0)),
    ],
};

pub static REGISTER_CONTROLLER_RECORD: Schema = Schema {
    name: "RegisterControllerRecord",
    api_key: Some(27),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("controllerId", Kind::Int32, since(0)),
        field("incarnationId", Kind::Uuid, since(0)),
        field("zkMigrationReady", Kind::Bool, since(0)),
        field("endPoints", Kind::Array(&Kind::Struct(&[
            field("name", Kind::Text, since(0)),
            field("host", Kind::Text, since(0)),
            field("port", Kind::UInt16, since(0)),
            field("securityProtocol", Kind::Int16, since(0)),
        ])), since(0)),
        field("features", Kind::Array(&Kind::Struct(&[
            field("name", Kind::Text, since(0)),
            field("minSupportedVersion", Kind::Int16, since(0)),
            field("maxSupportedVersion", Kind::Int16, since(0)),
        ])), since(0)),
    ],
};

pub static CLEAR_ELR_RECORD: Schema = Schema {
    name: "ClearElrRecord",
    api_key: Some(28),
    valid: range(0, 0),
    flexible: since(0),
    fields: &[
        field("topicName", Kind::Text, since(0)),
    ],
};

/// The numbers of the record types.
pub mod record_type {
pub const REGISTER_BROKER: i16 = 0;
pub const UNREGISTER_BROKER: i16 = 1;
pub const TOPIC: i16 = 2;
pub const PARTITION: i16 = 3;
pub const CONFIG: i16 = 4;
pub const PARTITION_CHANGE: i16 = 5;
pub const FENCE_BROKER: i16 = 7;
pub const UNFENCE_BROKER: i16 = 8;
pub const REMOVE_TOPIC: i16 = 9;
pub const DELEGATION_TOKEN: i16 = 10;
pub const USER_SCRAM_CREDENTIAL: i16 = 11;
pub const FEATURE_LEVEL: i16 = 12;
pub const CLIENT_QUOTA: i16 = 14;
pub const PRODUCER_IDS: i16 = 15;
pub const BROKER_REGISTRATION_CHANGE: i16 = 17;
pub const ACCESS_CONTROL_ENTRY: i16 = 18;
pub const REMOVE_ACCESS_CONTROL_ENTRY: i16 = 19;
pub const NO_OP: i16 = 20;
pub const ZK_MIGRATION_STATE: i16 = 21;
pub const REMOVE_USER_SCRAM_CREDENTIAL: i16 = 22;
pub const BEGIN_TRANSACTION: i16 = 23;
pub const END_TRANSACTION: i16 = 24;
pub const ABORT_TRANSACTION: i16 = 25;
pub const REMOVE_DELEGATION_TOKEN: i16 = 26;
pub const REGISTER_CONTROLLER: i16 = 27;
pub const CLEAR_ELR: i16 = 28;
}

/// Every record type of `__cluster_metadata`.
pub static TYPES: &[&Schema] = &[
    &REGISTER_BROKER_RECORD,
    &UNREGISTER_BROKER_RECORD,
    &TOPIC_RECORD,
    &PARTITION_RECORD,
    &CONFIG_RECORD,
    &PARTITION_CHANGE_RECORD,
    &FENCE_BROKER_RECORD,
    &UNFENCE_BROKER_RECORD,
    &REMOVE_TOPIC_RECORD,
    &DELEGATION_TOKEN_RECORD,
    &USER_SCRAM_CREDENTIAL_RECORD,
    &FEATURE_LEVEL_RECORD,
    &CLIENT_QUOTA_RECORD,
    &PRODUCER_IDS_RECORD,
    &BROKER_REGISTRATION_CHANGE_RECORD,
    &ACCESS_CONTROL_ENTRY_RECORD,
    &REMOVE_ACCESS_CONTROL_ENTRY_RECORD,
    &NO_OP_RECORD,
    &ZK_MIGRATION_STATE_RECORD,
    &REMOVE_USER_SCRAM_CREDENTIAL_RECORD,
    &BEGIN_TRANSACTION_RECORD,
    &END_TRANSACTION_RECORD,
    &ABORT_TRANSACTION_RECORD,
    &REMOVE_DELEGATION_TOKEN_RECORD,
    &REGISTER_CONTROLLER_RECORD,
    &CLEAR_ELR_RECORD,
];
