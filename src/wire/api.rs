//! API keys and their versions (Kafka: `ApiKeys`, `NodeApiVersions`).

use kafka_protocol::messages as m;
pub use kafka_protocol::protocol::VersionRange;
use kafka_protocol::protocol::{Message, Request};

use super::{log_dirs, offsets, raft, share, share_state, streams, txn};

macro_rules! api_keys {
    ($($name:ident = $code:literal,)*) => {
        /// An API by its number. All that `kafka-protocol` knows, and those whose messages are ours.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $($name = $code,)*
        }

        impl TryFrom<i16> for ApiKey {
            type Error = ();

            fn try_from(code: i16) -> Result<Self, ()> {
                match code {
                    $($code => Ok(Self::$name),)*
                    _ => Err(()),
                }
            }
        }
    };
}

#[rustfmt::skip]
api_keys! {
    Produce = 0, Fetch = 1, ListOffsets = 2, Metadata = 3, OffsetCommit = 8, OffsetFetch = 9, FindCoordinator = 10,
    JoinGroup = 11, Heartbeat = 12, LeaveGroup = 13, SyncGroup = 14, DescribeGroups = 15, ListGroups = 16,
    SaslHandshake = 17, ApiVersions = 18, CreateTopics = 19, DeleteTopics = 20, DeleteRecords = 21,
    InitProducerId = 22, OffsetForLeaderEpoch = 23, AddPartitionsToTxn = 24, AddOffsetsToTxn = 25, EndTxn = 26,
    WriteTxnMarkers = 27, TxnOffsetCommit = 28, DescribeAcls = 29, CreateAcls = 30, DeleteAcls = 31,
    DescribeConfigs = 32, AlterConfigs = 33, AlterReplicaLogDirs = 34, DescribeLogDirs = 35, SaslAuthenticate = 36,
    CreatePartitions = 37, CreateDelegationToken = 38, RenewDelegationToken = 39, ExpireDelegationToken = 40,
    DescribeDelegationToken = 41, DeleteGroups = 42, ElectLeaders = 43, IncrementalAlterConfigs = 44,
    AlterPartitionReassignments = 45, ListPartitionReassignments = 46, OffsetDelete = 47, DescribeClientQuotas = 48,
    AlterClientQuotas = 49, DescribeUserScramCredentials = 50, AlterUserScramCredentials = 51, Vote = 52,
    BeginQuorumEpoch = 53, EndQuorumEpoch = 54, DescribeQuorum = 55, AlterPartition = 56, UpdateFeatures = 57,
    Envelope = 58, FetchSnapshot = 59, DescribeCluster = 60, DescribeProducers = 61, BrokerRegistration = 62,
    BrokerHeartbeat = 63, UnregisterBroker = 64, DescribeTransactions = 65, ListTransactions = 66,
    AllocateProducerIds = 67, ConsumerGroupHeartbeat = 68, ConsumerGroupDescribe = 69, ControllerRegistration = 70,
    GetTelemetrySubscriptions = 71, PushTelemetry = 72, AssignReplicasToDirs = 73, ListConfigResources = 74,
    DescribeTopicPartitions = 75, ShareGroupHeartbeat = 76, ShareGroupDescribe = 77, ShareFetch = 78,
    ShareAcknowledge = 79, AddRaftVoter = 80, RemoveRaftVoter = 81, UpdateRaftVoter = 82,
    InitializeShareGroupState = 83, ReadShareGroupState = 84, WriteShareGroupState = 85, DeleteShareGroupState = 86,
    ReadShareGroupStateSummary = 87, StreamsGroupHeartbeat = 88, StreamsGroupDescribe = 89,
    DescribeShareGroupOffsets = 90, AlterShareGroupOffsets = 91, DeleteShareGroupOffsets = 92,
}

/// The same API in `kafka-protocol`; `None` for one it does not have.
fn theirs(key: ApiKey) -> Option<m::ApiKey> {
    m::ApiKey::try_from(key as i16).ok()
}

/// The versions of an API that this build can encode and decode: those of `kafka-protocol`, and those of our own
/// messages beside it ([`super::log_dirs`], [`super::offsets`], [`super::raft`], [`super::share`], [`super::share_state`], [`super::streams`], [`super::txn`]).
pub fn supported_range(key: ApiKey) -> VersionRange {
    match key {
        ApiKey::OffsetCommit => offsets::OffsetCommitRequest::VERSIONS,
        ApiKey::OffsetFetch => offsets::OffsetFetchRequest::VERSIONS,
        ApiKey::DescribeLogDirs => log_dirs::DescribeLogDirsRequest::VERSIONS,
        ApiKey::AddRaftVoter => raft::AddRaftVoterRequest::VERSIONS,
        ApiKey::ShareFetch => share::ShareFetchRequest::VERSIONS,
        ApiKey::ShareAcknowledge => share::ShareAcknowledgeRequest::VERSIONS,
        ApiKey::DescribeShareGroupOffsets => share::DescribeShareGroupOffsetsRequest::VERSIONS,
        ApiKey::WriteTxnMarkers => txn::WriteTxnMarkersRequest::VERSIONS,
        ApiKey::WriteShareGroupState => share_state::WriteShareGroupStateRequest::VERSIONS,
        ApiKey::ReadShareGroupStateSummary => share_state::ReadShareGroupStateSummaryRequest::VERSIONS,
        ApiKey::StreamsGroupHeartbeat => streams::StreamsGroupHeartbeatRequest::VERSIONS,
        ApiKey::StreamsGroupDescribe => streams::StreamsGroupDescribeRequest::VERSIONS,
        _ => theirs(key).map_or(VersionRange { min: 0, max: -1 }, |key| key.valid_versions()),
    }
}

/// The header version of a request of `key` at `version`.
pub fn request_header_version(key: ApiKey, version: i16) -> i16 {
    // Messages that only we have are flexible in all versions.
    theirs(key).map_or(2, |key| key.request_header_version(version))
}

/// The header version of a response to `key` at `version`. ApiVersions always answers with header version 0, so that a
/// client can read the answer before it knows what the broker speaks (KIP-511).
pub fn response_header_version(key: ApiKey, version: i16) -> i16 {
    theirs(key).map_or(1, |key| key.response_header_version(version))
}

/// The version whose layout a message of `version` has. Some versions only give new meaning to old fields: ListOffsets
/// 11 knows one more special timestamp (KIP-1023), and `kafka-protocol` ends at 10.
pub fn layout_version(key: i16, version: i16) -> i16 {
    if key == ApiKey::ListOffsets as i16 && version == 11 {
        10
    } else {
        version
    }
}

/// The versions of a request that a client can send: those of the codec, and those that share a layout with one of them.
pub fn client_range<R: Request>() -> VersionRange {
    let VersionRange { min, max } = R::VERSIONS;
    let shares_layout = layout_version(R::KEY, max + 1) == max;
    VersionRange {
        min,
        max: max + i16::from(shares_layout),
    }
}

/// The API with this number, if this build knows it.
pub fn api_key(code: i16) -> Option<ApiKey> {
    ApiKey::try_from(code).ok()
}

/// The name of Kafka's enum constant for an API, such as `LIST_OFFSETS`: what messages of Kafka's clients say.
pub fn constant_name(key: ApiKey) -> String {
    let mut out = String::new();
    for (i, c) in format!("{key:?}").chars().enumerate() {
        if c.is_ascii_uppercase() && i > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_versions_responses_always_have_header_version_zero() {
        for v in 0..=supported_range(ApiKey::ApiVersions).max {
            assert_eq!(response_header_version(ApiKey::ApiVersions, v), 0);
        }
    }

    #[test]
    fn a_version_that_shares_a_layout_can_be_sent() {
        use kafka_protocol::messages::{ListOffsetsRequest, MetadataRequest};
        assert_eq!(client_range::<ListOffsetsRequest>().max, 11);
        assert_eq!(client_range::<MetadataRequest>(), supported_range(ApiKey::Metadata));
    }

    #[test]
    fn constants_read_as_in_kafka() {
        assert_eq!(constant_name(ApiKey::DescribeCluster), "DESCRIBE_CLUSTER");
        assert_eq!(constant_name(ApiKey::Produce), "PRODUCE");
    }
}
