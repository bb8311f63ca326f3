//! Every API the broker answers: one line each in [`TABLE`], one file each beside this one. ApiVersions advertises
//! exactly this table: the APIs of Kafka 4.3.1 in its versions.

use std::future::Future;
use std::pin::Pin;

use crate::wire::api::ApiKey;
use bytes::Bytes;
use kafka_protocol::protocol::{Encodable, Request, VersionRange};

use super::request::RequestContext;
use super::response::Response;
use crate::wire::api::{layout_version, response_header_version};
use crate::wire::frame::{FrameError, decode, encode_response};

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod add_raft_voter;
mod alter_client_quotas;
mod alter_configs;
mod alter_partition_reassignments;
mod alter_replica_log_dirs;
mod alter_share_group_offsets;
mod alter_user_scram_credentials;
mod api_versions;
mod consumer_group_describe;
mod consumer_group_heartbeat;
mod create_acls;
mod create_delegation_token;
mod create_partitions;
mod create_topics;
mod delete_acls;
mod delete_groups;
mod delete_records;
mod delete_share_group_offsets;
mod delete_share_group_state;
mod delete_topics;
mod describe_acls;
mod describe_client_quotas;
mod describe_cluster;
mod describe_configs;
mod describe_delegation_token;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_share_group_offsets;
mod describe_topic_partitions;
mod describe_transactions;
mod describe_user_scram_credentials;
mod elect_leaders;
mod end_txn;
mod expire_delegation_token;
mod fetch;
mod fetch_reply;
mod find_coordinator;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod initialize_share_group_state;
mod join_group;
mod leave_group;
mod list_config_resources;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod list_transactions;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod offset_screen;
mod produce;
mod raft_voters;
mod read_share_group_state;
mod read_share_group_state_summary;
mod remove_raft_voter;
mod renew_delegation_token;
mod sasl_authenticate;
mod sasl_handshake;
mod share_acknowledge;
mod share_fetch;
mod share_group_describe;
mod share_group_heartbeat;
mod share_state;
pub mod shared;
mod streams_group_describe;
mod streams_group_heartbeat;
mod sync_group;
mod txn_offset_commit;
mod unregister_broker;
mod update_features;
mod write_share_group_state;
mod write_txn_markers;

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response, FrameError>> + Send + 'a>>;

/// One API.
pub struct Api {
    pub key: ApiKey,
    pub versions: VersionRange,
    handle: for<'a> fn(&'a RequestContext, Bytes) -> Answer<'a>,
}

impl Api {
    /// The versions that are answered: fewer, or none, where the broker is to pass for an older one.
    fn versions_of(&self, cx: &RequestContext) -> Option<VersionRange> {
        match cx.node.as_version() {
            None => Some(self.versions),
            Some(release) => release.versions(self.key, self.versions),
        }
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.key, self.versions)
    }
}

/// Rows of the table: `key, lowest..=highest version, handler, request;`
macro_rules! apis {
    ($($key:ident, $min:literal..=$max:literal, $handler:ident, $request:ident;)*) => {
        &[$(Api {
            key: ApiKey::$key,
            versions: VersionRange { min: $min, max: $max },
            handle: |cx, body| Box::pin(run::<requests::$request, _>(cx, body, $handler::handle)),
        }),*]
    };
}

/// The messages of `kafka-protocol`, and our own where it has not all versions.
mod requests {
    pub use kafka_protocol::messages::*;

    pub use crate::wire::log_dirs::DescribeLogDirsRequest;
    pub use crate::wire::offsets::{OffsetCommitRequest, OffsetFetchRequest};
    pub use crate::wire::raft::AddRaftVoterRequest;
    pub use crate::wire::streams::{StreamsGroupDescribeRequest, StreamsGroupHeartbeatRequest};

    pub use crate::wire::share_state::{
        DeleteShareGroupStateRequest, InitializeShareGroupStateRequest, ReadShareGroupStateRequest,
        ReadShareGroupStateSummaryRequest, WriteShareGroupStateRequest,
    };

    pub use crate::wire::share::{DescribeShareGroupOffsetsRequest, ShareAcknowledgeRequest, ShareFetchRequest};
    pub use crate::wire::txn::WriteTxnMarkersRequest;
}

/// All APIs, by number.
#[rustfmt::skip]
pub static TABLE: &[Api] = apis! {
    Produce,                       3..=13, produce,                        ProduceRequest;
    Fetch,                         4..=18, fetch,                          FetchRequest;
    ListOffsets,                   1..=11, list_offsets,                   ListOffsetsRequest;
    Metadata,                      0..=13, metadata,                       MetadataRequest;
    OffsetCommit,                  2..=10, offset_commit,                  OffsetCommitRequest;
    OffsetFetch,                   1..=10, offset_fetch,                   OffsetFetchRequest;
    FindCoordinator,               0..=6,  find_coordinator,               FindCoordinatorRequest;
    JoinGroup,                     0..=9,  join_group,                     JoinGroupRequest;
    Heartbeat,                     0..=4,  heartbeat,                      HeartbeatRequest;
    LeaveGroup,                    0..=5,  leave_group,                    LeaveGroupRequest;
    SyncGroup,                     0..=5,  sync_group,                     SyncGroupRequest;
    DescribeGroups,                0..=6,  describe_groups,                DescribeGroupsRequest;
    ListGroups,                    0..=5,  list_groups,                    ListGroupsRequest;
    SaslHandshake,                 0..=1,  sasl_handshake,                 SaslHandshakeRequest;
    ApiVersions,                   0..=4,  api_versions,                   ApiVersionsRequest;
    CreateTopics,                  2..=7,  create_topics,                  CreateTopicsRequest;
    DeleteTopics,                  1..=6,  delete_topics,                  DeleteTopicsRequest;
    DeleteRecords,                 0..=2,  delete_records,                 DeleteRecordsRequest;
    InitProducerId,                0..=5,  init_producer_id,               InitProducerIdRequest;
    OffsetForLeaderEpoch,          2..=4,  offset_for_leader_epoch,        OffsetForLeaderEpochRequest;
    AddPartitionsToTxn,            0..=5,  add_partitions_to_txn,          AddPartitionsToTxnRequest;
    AddOffsetsToTxn,               0..=4,  add_offsets_to_txn,             AddOffsetsToTxnRequest;
    EndTxn,                        0..=5,  end_txn,                        EndTxnRequest;
    WriteTxnMarkers,               1..=2,  write_txn_markers,              WriteTxnMarkersRequest;
    TxnOffsetCommit,               0..=5,  txn_offset_commit,              TxnOffsetCommitRequest;
    DescribeAcls,                  1..=3,  describe_acls,                  DescribeAclsRequest;
    CreateAcls,                    1..=3,  create_acls,                    CreateAclsRequest;
    DeleteAcls,                    1..=3,  delete_acls,                    DeleteAclsRequest;
    DescribeConfigs,               1..=4,  describe_configs,               DescribeConfigsRequest;
    AlterConfigs,                  0..=2,  alter_configs,                  AlterConfigsRequest;
    AlterReplicaLogDirs,           1..=2,  alter_replica_log_dirs,         AlterReplicaLogDirsRequest;
    DescribeLogDirs,               1..=5,  describe_log_dirs,              DescribeLogDirsRequest;
    SaslAuthenticate,              0..=2,  sasl_authenticate,              SaslAuthenticateRequest;
    CreatePartitions,              0..=3,  create_partitions,              CreatePartitionsRequest;
    CreateDelegationToken,         1..=3,  create_delegation_token,        CreateDelegationTokenRequest;
    RenewDelegationToken,          1..=2,  renew_delegation_token,         RenewDelegationTokenRequest;
    ExpireDelegationToken,         1..=2,  expire_delegation_token,        ExpireDelegationTokenRequest;
    DescribeDelegationToken,       1..=3,  describe_delegation_token,      DescribeDelegationTokenRequest;
    DeleteGroups,                  0..=2,  delete_groups,                  DeleteGroupsRequest;
    ElectLeaders,                  0..=2,  elect_leaders,                  ElectLeadersRequest;
    IncrementalAlterConfigs,       0..=1,  incremental_alter_configs,      IncrementalAlterConfigsRequest;
    AlterPartitionReassignments,   0..=1,  alter_partition_reassignments,  AlterPartitionReassignmentsRequest;
    ListPartitionReassignments,    0..=0,  list_partition_reassignments,   ListPartitionReassignmentsRequest;
    OffsetDelete,                  0..=0,  offset_delete,                  OffsetDeleteRequest;
    DescribeClientQuotas,          0..=1,  describe_client_quotas,         DescribeClientQuotasRequest;
    AlterClientQuotas,             0..=1,  alter_client_quotas,            AlterClientQuotasRequest;
    DescribeUserScramCredentials,  0..=0,  describe_user_scram_credentials,DescribeUserScramCredentialsRequest;
    AlterUserScramCredentials,     0..=0,  alter_user_scram_credentials,   AlterUserScramCredentialsRequest;
    DescribeQuorum,                0..=2,  describe_quorum,                DescribeQuorumRequest;
    UpdateFeatures,                0..=2,  update_features,                UpdateFeaturesRequest;
    DescribeCluster,               0..=2,  describe_cluster,               DescribeClusterRequest;
    DescribeProducers,             0..=0,  describe_producers,             DescribeProducersRequest;
    UnregisterBroker,              0..=0,  unregister_broker,              UnregisterBrokerRequest;
    DescribeTransactions,          0..=0,  describe_transactions,          DescribeTransactionsRequest;
    ListTransactions,              0..=2,  list_transactions,              ListTransactionsRequest;
    ConsumerGroupHeartbeat,        0..=1,  consumer_group_heartbeat,       ConsumerGroupHeartbeatRequest;
    ConsumerGroupDescribe,         0..=1,  consumer_group_describe,        ConsumerGroupDescribeRequest;
    ListConfigResources,           0..=1,  list_config_resources,          ListConfigResourcesRequest;
    DescribeTopicPartitions,       0..=0,  describe_topic_partitions,      DescribeTopicPartitionsRequest;
    ShareGroupHeartbeat,           1..=1,  share_group_heartbeat,          ShareGroupHeartbeatRequest;
    ShareGroupDescribe,            1..=1,  share_group_describe,           ShareGroupDescribeRequest;
    ShareFetch,                    1..=2,  share_fetch,                    ShareFetchRequest;
    ShareAcknowledge,              1..=2,  share_acknowledge,              ShareAcknowledgeRequest;
    AddRaftVoter,                  0..=1,  add_raft_voter,                 AddRaftVoterRequest;
    RemoveRaftVoter,               0..=0,  remove_raft_voter,              RemoveRaftVoterRequest;
    InitializeShareGroupState,     0..=0,  initialize_share_group_state,   InitializeShareGroupStateRequest;
    ReadShareGroupState,           0..=0,  read_share_group_state,         ReadShareGroupStateRequest;
    WriteShareGroupState,          0..=1,  write_share_group_state,        WriteShareGroupStateRequest;
    DeleteShareGroupState,         0..=0,  delete_share_group_state,       DeleteShareGroupStateRequest;
    ReadShareGroupStateSummary,    0..=1,  read_share_group_state_summary, ReadShareGroupStateSummaryRequest;
    StreamsGroupHeartbeat,         0..=0,  streams_group_heartbeat,        StreamsGroupHeartbeatRequest;
    StreamsGroupDescribe,          0..=0,  streams_group_describe,         StreamsGroupDescribeRequest;
    DescribeShareGroupOffsets,     0..=1,  describe_share_group_offsets,   DescribeShareGroupOffsetsRequest;
    AlterShareGroupOffsets,        0..=0,  alter_share_group_offsets,      AlterShareGroupOffsetsRequest;
    DeleteShareGroupOffsets,       0..=0,  delete_share_group_offsets,     DeleteShareGroupOffsetsRequest;
};

/// What became of a request.
#[derive(Debug)]
pub enum Dispatch {
    Response(Response),
    /// The client wants no response, or the connection is to end without one.
    Nothing,
    /// No such API here, or not this version of it: the connection must end.
    Unsupported,
}

/// The row of an API.
pub fn find(key: ApiKey) -> Option<&'static Api> {
    TABLE.iter().find(|api| api.key == key)
}

/// Decodes, handles and encodes.
///
/// # Errors
/// Malformed bytes; the connection must end.
pub async fn dispatch(cx: &RequestContext, body: Bytes) -> Result<Dispatch, FrameError> {
    let Some(api) = find(cx.api_key) else {
        return Ok(Dispatch::Unsupported);
    };
    let known = |versions: VersionRange| (versions.min..=versions.max).contains(&cx.api_version);
    if !api.versions_of(cx).is_some_and(known) {
        // KIP-511: a client from the future learns in version 0 what there is.
        if cx.api_key == ApiKey::ApiVersions {
            let response = api_versions::unsupported_version(cx);
            return Ok(Dispatch::Response(response.encode(0, 0, cx.correlation_id)?));
        }
        return Ok(Dispatch::Unsupported);
    }
    let response = (api.handle)(cx, body).await?;
    if cx.is_response_suppressed() || cx.is_closing() {
        return Ok(Dispatch::Nothing);
    }
    Ok(Dispatch::Response(response))
}

/// What a handler answers.
trait Reply {
    /// As it goes on the wire: length, header, body.
    fn encode(self, version: i16, header_version: i16, correlation_id: i32) -> Result<Response, FrameError>;
}

impl<T: Encodable> Reply for T {
    fn encode(self, version: i16, header_version: i16, correlation_id: i32) -> Result<Response, FrameError> {
        let bytes = encode_response(&self, version, header_version, correlation_id)?;
        Ok(Response::from(bytes.freeze()))
    }
}

/// An API's handler: an async function of a request with its context.
trait Handler<'a, R> {
    type Reply: Reply;
    type Output: Future<Output = Self::Reply> + Send + 'a;
    fn call(self, cx: &'a RequestContext, request: R) -> Self::Output;
}

impl<'a, R, F, Fut> Handler<'a, R> for F
where
    F: FnOnce(&'a RequestContext, R) -> Fut,
    Fut: Future + Send + 'a,
    Fut::Output: Reply,
{
    type Reply = Fut::Output;
    type Output = Fut;

    fn call(self, cx: &'a RequestContext, request: R) -> Fut {
        self(cx, request)
    }
}

async fn run<'a, R, H>(cx: &'a RequestContext, mut body: Bytes, handler: H) -> Result<Response, FrameError>
where
    R: Request,
    H: Handler<'a, R>,
{
    let layout = layout_version(cx.api_key as i16, cx.api_version);
    let request = decode::<R>(&mut body, layout, "request")?;
    drop(body);
    // A produced batch goes to the log as it came; of other requests nothing large is kept, however long they wait.
    if cx.api_key != ApiKey::Produce {
        cx.release_memory();
    }
    let response = handler.call(cx, request).await;
    if cx.is_response_suppressed() || cx.is_closing() {
        return Ok(Response::default());
    }
    let header_version = response_header_version(cx.api_key, layout);
    response.encode(layout, header_version, cx.correlation_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_within_what_can_be_decoded() {
        assert!(TABLE.is_sorted_by_key(|api| api.key as i16));
        for api in TABLE {
            let known = crate::wire::api::supported_range(api.key);
            assert!(
                known.min <= api.versions.min && layout_version(api.key as i16, api.versions.max) <= known.max,
                "{api:?}"
            );
        }
    }
}
