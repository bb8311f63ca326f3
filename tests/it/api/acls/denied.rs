//! What each API tells a principal without rights: one row an API.

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use kafka_protocol::messages::alter_replica_log_dirs_request::{AlterReplicaLogDir, AlterReplicaLogDirTopic};
use kafka_protocol::messages::alter_user_scram_credentials_request::ScramCredentialDeletion;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::incremental_alter_configs_request::AlterConfigsResource as IncrementalResource;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::*;
use uuid::Uuid;

use super::{
    CLUSTER_DENIED, GROUP_DENIED, Guarded, TOPIC, TOPIC_DENIED, TRANSACTION_DENIED, text, topic_name, transactions,
};
use crate::support::wire::Wire;
use kt::wire::api::{ApiKey, layout_version};
use kt::wire::{log_dirs, offsets, raft, share, share_state, streams};

/// A connection of a principal without rights.
pub(super) struct Caller {
    pub(super) wire: Wire,
    topic_id: Uuid,
}

/// An API, the error it answers, and a request in a version with the errors in its answer.
struct Row {
    key: ApiKey,
    expected: i16,
    ask: fn(&mut Caller, i16) -> Vec<i16>,
}

fn group(name: &str) -> GroupId {
    GroupId(text(name))
}

const GROUP: &str = "denied-group";
/// Members of share groups name themselves by a Kafka uuid.
const MEMBER: &str = "HZiGhNNgR6if4FyZ_ICfXg";
/// SaslHandshake and SaslAuthenticate belong to connections with SASL.
const ILLEGAL_SASL_STATE: i16 = 34;

/// DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: tokens are not spoken of where nobody knows who one is.
const NOT_ALLOWED_HERE: i16 = 64;

macro_rules! rows {
    ($($key:ident $expected:expr, |$c:ident, $v:ident| $ask:expr;)*) => {
        &[$(Row { key: ApiKey::$key, expected: $expected, ask: |$c, $v| $ask }),*]
    };
}

/// By number. An API that is added to the broker's table needs a row here: what Kafka answers who may not use it.
#[rustfmt::skip]
const ROWS: &[Row] = rows! {
    Produce TOPIC_DENIED, |c, v| produce(c, v);
    Fetch TOPIC_DENIED, |c, v| fetch(c, v);
    ListOffsets TOPIC_DENIED, |c, v| list_offsets(c, v);
    Metadata TOPIC_DENIED, |c, v| metadata(c, v);
    OffsetCommit GROUP_DENIED, |c, v| offset_commit(c, v);
    OffsetFetch GROUP_DENIED, |c, v| offset_fetch(c, v);
    FindCoordinator GROUP_DENIED, |c, v| find_coordinator(c, v);
    JoinGroup GROUP_DENIED, |c, v| vec![c.wire.call(&JoinGroupRequest::default().with_group_id(group(GROUP)).with_session_timeout_ms(10_000), v).error_code];
    Heartbeat GROUP_DENIED, |c, v| vec![c.wire.call(&HeartbeatRequest::default().with_group_id(group(GROUP)), v).error_code];
    LeaveGroup GROUP_DENIED, |c, v| vec![c.wire.call(&LeaveGroupRequest::default().with_group_id(group(GROUP)), v).error_code];
    SyncGroup GROUP_DENIED, |c, v| sync_group(c, v);
    DescribeGroups GROUP_DENIED, |c, v| c.wire.call(&DescribeGroupsRequest::default().with_groups(vec![group(GROUP)]), v).groups.iter().map(|g| g.error_code).collect();
    ListGroups 0, |c, v| { let answer = c.wire.call(&ListGroupsRequest::default(), v); assert!(answer.groups.is_empty()); vec![answer.error_code] };
    SaslHandshake ILLEGAL_SASL_STATE, |c, v| vec![c.wire.call(&SaslHandshakeRequest::default().with_mechanism(text("PLAIN")), v).error_code];
    ApiVersions 0, |c, v| vec![c.wire.call(&api_versions(v), v).error_code];
    CreateTopics TOPIC_DENIED, |c, v| create_topics(c, v);
    DeleteTopics TOPIC_DENIED, |c, v| delete_topics(c, v);
    DeleteRecords TOPIC_DENIED, |c, v| delete_records(c, v);
    InitProducerId CLUSTER_DENIED, |c, v| vec![c.wire.call(&InitProducerIdRequest::default().with_transactional_id(None).with_transaction_timeout_ms(60_000), v).error_code];
    OffsetForLeaderEpoch TOPIC_DENIED, |c, v| offset_for_leader_epoch(c, v);
    AddPartitionsToTxn TRANSACTION_DENIED, |c, v| transactions::add_partitions(c, v);
    AddOffsetsToTxn TRANSACTION_DENIED, |c, v| transactions::add_offsets(c, v);
    EndTxn TRANSACTION_DENIED, |c, v| transactions::end(c, v);
    WriteTxnMarkers CLUSTER_DENIED, |c, v| transactions::write_markers(c, v);
    TxnOffsetCommit TRANSACTION_DENIED, |c, v| transactions::commit_offsets(c, v);
    DescribeAcls CLUSTER_DENIED, |c, v| vec![c.wire.call(&all_acls(), v).error_code];
    CreateAcls CLUSTER_DENIED, |c, v| create_acls(c, v);
    DeleteAcls CLUSTER_DENIED, |c, v| delete_acls(c, v);
    DescribeConfigs 0, |c, v| describe_configs(c, v);
    AlterConfigs TOPIC_DENIED, |c, v| alter_configs(c, v);
    AlterReplicaLogDirs CLUSTER_DENIED, |c, v| alter_replica_log_dirs(c, v);
    DescribeLogDirs CLUSTER_DENIED, |c, v| describe_log_dirs(c, v);
    SaslAuthenticate ILLEGAL_SASL_STATE, |c, v| vec![c.wire.call(&SaslAuthenticateRequest::default(), v).error_code];
    CreatePartitions TOPIC_DENIED, |c, v| create_partitions(c, v);
    CreateDelegationToken NOT_ALLOWED_HERE, |c, v| vec![c.wire.call(&CreateDelegationTokenRequest::default(), v).error_code];
    RenewDelegationToken NOT_ALLOWED_HERE, |c, v| vec![c.wire.call(&RenewDelegationTokenRequest::default(), v).error_code];
    ExpireDelegationToken NOT_ALLOWED_HERE, |c, v| vec![c.wire.call(&ExpireDelegationTokenRequest::default(), v).error_code];
    DescribeDelegationToken NOT_ALLOWED_HERE, |c, v| vec![c.wire.call(&DescribeDelegationTokenRequest::default(), v).error_code];
    DeleteGroups GROUP_DENIED, |c, v| c.wire.call(&DeleteGroupsRequest::default().with_groups_names(vec![group(GROUP)]), v).results.iter().map(|g| g.error_code).collect();
    ElectLeaders CLUSTER_DENIED, |c, v| elect_leaders(c, v);
    IncrementalAlterConfigs 0, |c, v| incremental_alter_configs(c, v);
    AlterPartitionReassignments CLUSTER_DENIED, |c, v| alter_reassignments(c, v);
    ListPartitionReassignments CLUSTER_DENIED, |c, v| list_reassignments(c, v);
    OffsetDelete GROUP_DENIED, |c, v| offset_delete(c, v);
    DescribeClientQuotas CLUSTER_DENIED, |c, v| vec![c.wire.call(&DescribeClientQuotasRequest::default(), v).error_code];
    AlterClientQuotas CLUSTER_DENIED, |c, v| alter_client_quotas(c, v);
    DescribeUserScramCredentials CLUSTER_DENIED, |c, v| vec![c.wire.call(&DescribeUserScramCredentialsRequest::default(), v).error_code];
    AlterUserScramCredentials CLUSTER_DENIED, |c, v| alter_scram(c, v);
    DescribeQuorum CLUSTER_DENIED, |c, v| vec![c.wire.call(&DescribeQuorumRequest::default(), v).error_code];
    UpdateFeatures CLUSTER_DENIED, |c, v| vec![c.wire.call(&UpdateFeaturesRequest::default(), v).error_code];
    DescribeCluster 0, |c, v| describe_cluster(c, v);
    DescribeProducers TOPIC_DENIED, |c, v| describe_producers(c, v);
    UnregisterBroker CLUSTER_DENIED, |c, v| vec![c.wire.call(&UnregisterBrokerRequest::default(), v).error_code];
    DescribeTransactions TRANSACTION_DENIED, |c, v| transactions::describe(c, v);
    ListTransactions 0, |c, v| transactions::list(c, v);
    ConsumerGroupHeartbeat GROUP_DENIED, |c, v| consumer_group_heartbeat(c, v);
    ConsumerGroupDescribe GROUP_DENIED, |c, v| c.wire.call(&ConsumerGroupDescribeRequest::default().with_group_ids(vec![group(GROUP)]), v).groups.iter().map(|g| g.error_code).collect();
    ListConfigResources CLUSTER_DENIED, |c, v| vec![c.wire.call(&ListConfigResourcesRequest::default(), v).error_code];
    DescribeTopicPartitions TOPIC_DENIED, |c, v| describe_topic_partitions(c, v);
    ShareGroupHeartbeat GROUP_DENIED, |c, v| vec![c.wire.call(&ShareGroupHeartbeatRequest::default().with_group_id(group(GROUP)).with_member_id(text("m")).with_subscribed_topic_names(Some(vec![topic_name(TOPIC)])), v).error_code];
    ShareGroupDescribe GROUP_DENIED, |c, v| c.wire.call(&ShareGroupDescribeRequest::default().with_group_ids(vec![group(GROUP)]), v).groups.iter().map(|g| g.error_code).collect();
    ShareFetch GROUP_DENIED, |c, v| vec![c.wire.call(&share::ShareFetchRequest { group_id: Some(group(GROUP)), member_id: Some(text(MEMBER)), ..Default::default() }, v).0.error_code];
    ShareAcknowledge GROUP_DENIED, |c, v| vec![c.wire.call(&share::ShareAcknowledgeRequest { group_id: Some(group(GROUP)), member_id: Some(text(MEMBER)), ..Default::default() }, v).error_code];
    AddRaftVoter CLUSTER_DENIED, |c, v| vec![c.wire.call(&raft::AddRaftVoterRequest::default(), v).error_code];
    RemoveRaftVoter CLUSTER_DENIED, |c, v| vec![c.wire.call(&RemoveRaftVoterRequest::default(), v).error_code];
    InitializeShareGroupState CLUSTER_DENIED, |c, v| c.wire.call(&share_state::InitializeShareGroupStateRequest { topics: vec![share_state::InitializeTopic { partitions: vec![Default::default()], ..Default::default() }], ..Default::default() }, v).results.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect();
    ReadShareGroupState CLUSTER_DENIED, |c, v| c.wire.call(&share_state::ReadShareGroupStateRequest { topics: vec![share_state::ReadTopic { partitions: vec![Default::default()], ..Default::default() }], ..Default::default() }, v).results.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect();
    WriteShareGroupState CLUSTER_DENIED, |c, v| c.wire.call(&share_state::WriteShareGroupStateRequest { topics: vec![share_state::WriteTopic { partitions: vec![Default::default()], ..Default::default() }], ..Default::default() }, v).results.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect();
    DeleteShareGroupState CLUSTER_DENIED, |c, v| c.wire.call(&share_state::DeleteShareGroupStateRequest { topics: vec![share_state::DeleteTopic { partitions: vec![Default::default()], ..Default::default() }], ..Default::default() }, v).results.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect();
    ReadShareGroupStateSummary CLUSTER_DENIED, |c, v| c.wire.call(&share_state::ReadShareGroupStateSummaryRequest { topics: vec![share_state::SummaryTopic { partitions: vec![Default::default()], ..Default::default() }], ..Default::default() }, v).results.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect();
    StreamsGroupHeartbeat GROUP_DENIED, |c, v| vec![c.wire.call(&streams::StreamsGroupHeartbeatRequest { group_id: group(GROUP), member_id: text(MEMBER), ..Default::default() }, v).error_code];
    StreamsGroupDescribe GROUP_DENIED, |c, v| c.wire.call(&streams::StreamsGroupDescribeRequest { group_ids: vec![group(GROUP)], ..Default::default() }, v).groups.iter().map(|g| g.error_code).collect();
    DescribeShareGroupOffsets GROUP_DENIED, |c, v| describe_share_group_offsets(c, v);
    AlterShareGroupOffsets GROUP_DENIED, |c, v| vec![c.wire.call(&AlterShareGroupOffsetsRequest::default().with_group_id(group(GROUP)), v).error_code];
    DeleteShareGroupOffsets GROUP_DENIED, |c, v| vec![c.wire.call(&DeleteShareGroupOffsetsRequest::default().with_group_id(group(GROUP)), v).error_code];
};

fn alter_replica_log_dirs(c: &mut Caller, version: i16) -> Vec<i16> {
    let topic = AlterReplicaLogDirTopic::default()
        .with_name(topic_name(TOPIC))
        .with_partitions(vec![0]);
    let dir = AlterReplicaLogDir::default()
        .with_path(text("/"))
        .with_topics(vec![topic]);
    let request = AlterReplicaLogDirsRequest::default().with_dirs(vec![dir]);
    let answer = c.wire.call(&request, version);
    let partitions = answer.results.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|p| p.error_code).collect()
}

fn produce(c: &mut Caller, v: i16) -> Vec<i16> {
    let partition = PartitionProduceData::default().with_records(Some(bytes::Bytes::new()));
    let mut topic = TopicProduceData::default().with_partition_data(vec![partition]);
    if v >= 13 {
        topic.topic_id = c.topic_id;
    } else {
        topic.name = topic_name(TOPIC);
    }
    let request = ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(1)
        .with_timeout_ms(1_000)
        .with_topic_data(vec![topic]);
    let answer = c.wire.call(&request, v);
    let codes = answer.responses.iter().flat_map(|t| &t.partition_responses);
    codes.map(|p| p.error_code).collect()
}

fn fetch(c: &mut Caller, v: i16) -> Vec<i16> {
    let partition = FetchPartition::default().with_partition_max_bytes(1_000);
    let mut topic = FetchTopic::default().with_partitions(vec![partition]);
    if v >= 13 {
        topic.topic_id = c.topic_id;
    } else {
        topic.topic = topic_name(TOPIC);
    }
    let mut request = FetchRequest::default().with_max_bytes(1_000).with_topics(vec![topic]);
    if v < 15 {
        request.replica_id = BrokerId(-1);
    }
    if v >= 7 {
        request.session_epoch = -1;
    }
    let answer = c.wire.call(&request, v);
    let codes = answer.responses.iter().flat_map(|t| &t.partitions);
    codes.map(|p| p.error_code).collect()
}

fn list_offsets(c: &mut Caller, v: i16) -> Vec<i16> {
    let partition = ListOffsetsPartition::default().with_timestamp(-1);
    let topic = ListOffsetsTopic::default()
        .with_name(topic_name(TOPIC))
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(vec![topic]);
    let answer = c.wire.call(&request, v);
    answer
        .topics
        .iter()
        .flat_map(|t| &t.partitions)
        .map(|p| p.error_code)
        .collect()
}

/// By name and by id; a list of all topics is empty, and nothing tells of a topic that is not there.
fn metadata(c: &mut Caller, v: i16) -> Vec<i16> {
    let all = c.wire.call(
        &MetadataRequest::default().with_topics(if v == 0 { Some(Vec::new()) } else { None }),
        v,
    );
    assert!(all.topics.is_empty(), "{:?}", all.topics);
    let names = [TOPIC, "not-there"].map(|n| MetadataRequestTopic::default().with_name(Some(topic_name(n))));
    let answer = c
        .wire
        .call(&MetadataRequest::default().with_topics(Some(names.to_vec())), v);
    assert!(answer.topics.iter().all(|t| t.topic_id.is_nil()));
    let mut codes: Vec<i16> = answer.topics.iter().map(|t| t.error_code).collect();
    if v >= 12 {
        let by_id = MetadataRequestTopic::default()
            .with_name(None)
            .with_topic_id(c.topic_id);
        let answer = c
            .wire
            .call(&MetadataRequest::default().with_topics(Some(vec![by_id])), v);
        assert!(
            answer
                .topics
                .iter()
                .all(|t| t.name.as_ref().is_none_or(|n| n.is_empty()))
        );
        codes.extend(answer.topics.iter().map(|t| t.error_code));
    }
    codes
}

fn offset_commit(c: &mut Caller, v: i16) -> Vec<i16> {
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name(TOPIC))
        .with_topic_id(c.topic_id)
        .with_partitions(vec![
            OffsetCommitRequestPartition::default().with_committed_metadata(Some(text(""))),
        ]);
    let request = OffsetCommitRequest::default()
        .with_group_id(group(GROUP))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    let answer = c.wire.call(&offsets::OffsetCommitRequest(request), v);
    answer
        .topics
        .iter()
        .flat_map(|t| &t.partitions)
        .map(|p| p.error_code)
        .collect()
}

fn offset_fetch(c: &mut Caller, v: i16) -> Vec<i16> {
    if v >= 8 {
        let wanted = OffsetFetchRequestGroup::default()
            .with_group_id(group(GROUP))
            .with_topics(None);
        let request = OffsetFetchRequest::default().with_groups(vec![wanted]);
        let answer = c.wire.call(&offsets::OffsetFetchRequest(request), v);
        return answer.groups.iter().map(|g| g.error_code).collect();
    }
    let topic = OffsetFetchRequestTopic::default()
        .with_name(topic_name(TOPIC))
        .with_partition_indexes(vec![0]);
    let request = OffsetFetchRequest::default()
        .with_group_id(group(GROUP))
        .with_topics(Some(vec![topic]));
    let answer = c.wire.call(&request, v);
    match v {
        1 => answer
            .topics
            .iter()
            .flat_map(|t| &t.partitions)
            .map(|p| p.error_code)
            .collect(),
        _ => vec![answer.error_code],
    }
}

fn find_coordinator(c: &mut Caller, v: i16) -> Vec<i16> {
    if v >= 4 {
        let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(GROUP)]);
        return c
            .wire
            .call(&request, v)
            .coordinators
            .iter()
            .map(|k| k.error_code)
            .collect();
    }
    vec![
        c.wire
            .call(&FindCoordinatorRequest::default().with_key(text(GROUP)), v)
            .error_code,
    ]
}

fn sync_group(c: &mut Caller, v: i16) -> Vec<i16> {
    let mut request = SyncGroupRequest::default().with_group_id(group(GROUP));
    if v >= 5 {
        request.protocol_type = Some(text("consumer"));
        request.protocol_name = Some(text("range"));
    }
    vec![c.wire.call(&request, v).error_code]
}

fn api_versions(v: i16) -> ApiVersionsRequest {
    if v < 3 {
        return ApiVersionsRequest::default();
    }
    ApiVersionsRequest::default()
        .with_client_software_name(text("kt"))
        .with_client_software_version(text("1"))
}

fn create_topics(c: &mut Caller, v: i16) -> Vec<i16> {
    let topic = |name: &str| {
        CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(1)
            .with_replication_factor(1)
    };
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic(TOPIC), topic("another")])
        .with_timeout_ms(1_000);
    let answer = c.wire.call(&request, v);
    if v >= 1 {
        let texts = answer.topics.iter().map(|t| t.error_message.as_deref());
        assert!(texts.eq([Some("Authorization failed."); 2]));
    }
    answer.topics.iter().map(|t| t.error_code).collect()
}

fn delete_topics(c: &mut Caller, v: i16) -> Vec<i16> {
    if v < 6 {
        let request = DeleteTopicsRequest::default()
            .with_topic_names(vec![topic_name(TOPIC), topic_name("not-there")])
            .with_timeout_ms(1_000);
        return c
            .wire
            .call(&request, v)
            .responses
            .iter()
            .map(|t| t.error_code)
            .collect();
    }
    let topics = vec![
        DeleteTopicState::default().with_name(Some(topic_name(TOPIC))),
        DeleteTopicState::default().with_name(Some(topic_name("not-there"))),
        DeleteTopicState::default().with_name(None).with_topic_id(c.topic_id),
    ];
    let request = DeleteTopicsRequest::default()
        .with_topics(topics)
        .with_timeout_ms(1_000);
    let answer = c.wire.call(&request, v);
    let by_id = answer
        .responses
        .iter()
        .find(|t| t.topic_id == c.topic_id)
        .expect("an answer by id");
    assert_eq!(by_id.name, None, "whoever may not see a topic is not told its name");
    answer.responses.iter().map(|t| t.error_code).collect()
}

fn delete_records(c: &mut Caller, v: i16) -> Vec<i16> {
    let topic = DeleteRecordsTopic::default()
        .with_name(topic_name(TOPIC))
        .with_partitions(vec![DeleteRecordsPartition::default()]);
    let request = DeleteRecordsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(1_000);
    let answer = c.wire.call(&request, v);
    answer
        .topics
        .iter()
        .flat_map(|t| &t.partitions)
        .map(|p| p.error_code)
        .collect()
}

fn offset_for_leader_epoch(c: &mut Caller, v: i16) -> Vec<i16> {
    let topic = OffsetForLeaderTopic::default()
        .with_topic(topic_name(TOPIC))
        .with_partitions(vec![OffsetForLeaderPartition::default().with_current_leader_epoch(-1)]);
    let mut request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
    if v >= 3 {
        request.replica_id = BrokerId(-1);
    }
    let answer = c.wire.call(&request, v);
    answer
        .topics
        .iter()
        .flat_map(|t| &t.partitions)
        .map(|p| p.error_code)
        .collect()
}

fn all_acls() -> DescribeAclsRequest {
    DescribeAclsRequest::default()
        .with_resource_type_filter(1)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(1)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(1)
        .with_permission_type(1)
}

fn create_acls(c: &mut Caller, v: i16) -> Vec<i16> {
    let acl = AclCreation::default()
        .with_resource_type(2)
        .with_resource_name(text(TOPIC))
        .with_resource_pattern_type(3)
        .with_principal(text("User:ANONYMOUS"))
        .with_host(text("*"))
        .with_operation(2)
        .with_permission_type(3);
    let answer = c.wire.call(&CreateAclsRequest::default().with_creations(vec![acl]), v);
    answer.results.iter().map(|r| r.error_code).collect()
}

fn delete_acls(c: &mut Caller, v: i16) -> Vec<i16> {
    let filter = DeleteAclsFilter::default()
        .with_resource_type_filter(1)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(1)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(1)
        .with_permission_type(1);
    let answer = c.wire.call(&DeleteAclsRequest::default().with_filters(vec![filter]), v);
    answer.filter_results.iter().map(|r| r.error_code).collect()
}

/// Each kind of resource has its own error; what is left is told as 0.
fn describe_configs(c: &mut Caller, v: i16) -> Vec<i16> {
    let kinds = [
        (2, TOPIC, TOPIC_DENIED),
        (2, "not-there", TOPIC_DENIED),
        (4, "1", CLUSTER_DENIED),
        (32, GROUP, GROUP_DENIED),
    ];
    let resource = |kind: i8, name: &str| {
        DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configuration_keys(None)
    };
    let request = DescribeConfigsRequest::default().with_resources(kinds.map(|(k, n, _)| resource(k, n)).to_vec());
    let answer = c.wire.call(&request, v);
    assert!(answer.results.iter().all(|r| r.configs.is_empty()));
    let code = |kind: i8, name: &str| {
        answer
            .results
            .iter()
            .find(|r| r.resource_type == kind && r.resource_name == *name)
    };
    kinds
        .iter()
        .map(|(k, n, expected)| code(*k, n).map_or(-1, |r| r.error_code) - expected)
        .collect()
}

fn alter_configs(c: &mut Caller, v: i16) -> Vec<i16> {
    let resource = AlterConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text(TOPIC));
    let answer = c
        .wire
        .call(&AlterConfigsRequest::default().with_resources(vec![resource]), v);
    answer.responses.iter().map(|r| r.error_code).collect()
}

fn incremental_alter_configs(c: &mut Caller, v: i16) -> Vec<i16> {
    let kinds = [
        (2, TOPIC, TOPIC_DENIED),
        (4, "1", CLUSTER_DENIED),
        (32, GROUP, GROUP_DENIED),
        (16, "m", CLUSTER_DENIED),
    ];
    let resource = |kind: i8, name: &str| {
        IncrementalResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
    };
    let resources = kinds.map(|(k, n, _)| resource(k, n)).to_vec();
    let answer = c
        .wire
        .call(&IncrementalAlterConfigsRequest::default().with_resources(resources), v);
    let code = |kind: i8| answer.responses.iter().find(|r| r.resource_type == kind);
    kinds
        .iter()
        .map(|(k, _, expected)| code(*k).map_or(-1, |r| r.error_code) - expected)
        .collect()
}

/// The refusal has a place of its own from version 3 on; before, the list is empty.
fn describe_log_dirs(c: &mut Caller, v: i16) -> Vec<i16> {
    let request = DescribeLogDirsRequest::default().with_topics(None);
    let answer = c.wire.call(&log_dirs::DescribeLogDirsRequest(request), v);
    assert!(answer.results.is_empty());
    vec![if v >= 3 { answer.error_code } else { CLUSTER_DENIED }]
}

fn create_partitions(c: &mut Caller, v: i16) -> Vec<i16> {
    let topic = CreatePartitionsTopic::default()
        .with_name(topic_name(TOPIC))
        .with_count(2)
        .with_assignments(None);
    let request = CreatePartitionsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(1_000);
    c.wire.call(&request, v).results.iter().map(|r| r.error_code).collect()
}

fn elect_leaders(c: &mut Caller, v: i16) -> Vec<i16> {
    let topic = elect_leaders_request::TopicPartitions::default()
        .with_topic(topic_name(TOPIC))
        .with_partitions(vec![0]);
    let request = ElectLeadersRequest::default()
        .with_topic_partitions(Some(vec![topic]))
        .with_timeout_ms(1_000);
    let answer = c.wire.call(&request, v);
    let results = answer.replica_election_results.iter().flat_map(|t| &t.partition_result);
    let mut codes: Vec<i16> = results.map(|p| p.error_code).collect();
    if v >= 1 {
        codes.push(answer.error_code);
    }
    codes
}

fn alter_reassignments(c: &mut Caller, v: i16) -> Vec<i16> {
    let topic = ReassignableTopic::default()
        .with_name(topic_name(TOPIC))
        .with_partitions(vec![ReassignablePartition::default().with_replicas(None)]);
    let request = AlterPartitionReassignmentsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(1_000);
    let answer = c.wire.call(&request, v);
    let partitions = answer.responses.iter().flat_map(|t| &t.partitions);
    partitions.map(|p| p.error_code).chain([answer.error_code]).collect()
}

fn list_reassignments(c: &mut Caller, v: i16) -> Vec<i16> {
    let topic = ListPartitionReassignmentsTopics::default()
        .with_name(topic_name(TOPIC))
        .with_partition_indexes(vec![0]);
    let request = ListPartitionReassignmentsRequest::default()
        .with_topics(Some(vec![topic]))
        .with_timeout_ms(1_000);
    vec![c.wire.call(&request, v).error_code]
}

fn offset_delete(c: &mut Caller, v: i16) -> Vec<i16> {
    let topic = OffsetDeleteRequestTopic::default()
        .with_name(topic_name(TOPIC))
        .with_partitions(vec![OffsetDeleteRequestPartition::default()]);
    let request = OffsetDeleteRequest::default()
        .with_group_id(group(GROUP))
        .with_topics(vec![topic]);
    vec![c.wire.call(&request, v).error_code]
}

fn alter_client_quotas(c: &mut Caller, v: i16) -> Vec<i16> {
    let entity = EntityData::default()
        .with_entity_type(text("user"))
        .with_entity_name(Some(text("u")));
    let op = OpData::default().with_key(text("producer_byte_rate")).with_value(1.0);
    let entry = EntryData::default().with_entity(vec![entity]).with_ops(vec![op]);
    let answer = c
        .wire
        .call(&AlterClientQuotasRequest::default().with_entries(vec![entry]), v);
    answer.entries.iter().map(|e| e.error_code).collect()
}

fn alter_scram(c: &mut Caller, v: i16) -> Vec<i16> {
    let deletion = ScramCredentialDeletion::default()
        .with_name(text("u"))
        .with_mechanism(1);
    let answer = c.wire.call(
        &AlterUserScramCredentialsRequest::default().with_deletions(vec![deletion]),
        v,
    );
    answer.results.iter().map(|r| r.error_code).collect()
}

fn describe_cluster(c: &mut Caller, v: i16) -> Vec<i16> {
    let request = DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
    let answer = c.wire.call(&request, v);
    assert_eq!(answer.cluster_authorized_operations, 0);
    vec![answer.error_code]
}

fn describe_producers(c: &mut Caller, v: i16) -> Vec<i16> {
    let topic = describe_producers_request::TopicRequest::default()
        .with_name(topic_name(TOPIC))
        .with_partition_indexes(vec![0]);
    let answer = c
        .wire
        .call(&DescribeProducersRequest::default().with_topics(vec![topic]), v);
    answer
        .topics
        .iter()
        .flat_map(|t| &t.partitions)
        .map(|p| p.error_code)
        .collect()
}

fn consumer_group_heartbeat(c: &mut Caller, v: i16) -> Vec<i16> {
    let request = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(group(GROUP))
        .with_member_id(text("m"))
        .with_rebalance_timeout_ms(10_000)
        .with_subscribed_topic_names(Some(vec![topic_name(TOPIC)]))
        .with_topic_partitions(Some(Vec::new()));
    vec![c.wire.call(&request, v).error_code]
}

fn describe_share_group_offsets(c: &mut Caller, v: i16) -> Vec<i16> {
    let wanted = describe_share_group_offsets_request::DescribeShareGroupOffsetsRequestGroup::default()
        .with_group_id(group(GROUP))
        .with_topics(None);
    let request = DescribeShareGroupOffsetsRequest::default().with_groups(vec![wanted]);
    let answer = c.wire.call(&share::DescribeShareGroupOffsetsRequest(request), v);
    answer.groups.iter().map(|g| g.error_code).collect()
}

fn describe_topic_partitions(c: &mut Caller, v: i16) -> Vec<i16> {
    let all = DescribeTopicPartitionsRequest::default().with_response_partition_limit(100);
    assert!(c.wire.call(&all, v).topics.is_empty());
    let names = [TOPIC, "not-there"];
    let wanted = names.map(|n| describe_topic_partitions_request::TopicRequest::default().with_name(topic_name(n)));
    let answer = c.wire.call(&all.with_topics(wanted.to_vec()), v);
    assert!(
        answer
            .topics
            .iter()
            .all(|t| t.topic_id.is_nil() && t.partitions.is_empty())
    );
    answer.topics.iter().map(|t| t.error_code).collect()
}

#[test]
fn every_api_refuses_who_has_no_rights() {
    let named = std::env::var("KT_TEST_DENIED").ok();
    let guarded = named.is_none().then(|| Guarded::open().close());
    let (bootstrap, topic_id) = match (&named, &guarded) {
        (Some(named), _) => {
            let (bootstrap, id) = named.split_once(',').expect("HOST:PORT,TOPIC_ID");
            (
                bootstrap.to_owned(),
                kt::internal_topic::parse_uuid(id).map(Uuid::from_bytes).expect("an id"),
            )
        }
        (None, Some(guarded)) => (guarded.broker.bootstrap().to_owned(), guarded.topic_id),
        (None, None) => unreachable!("one of the two is there"),
    };
    let mut wrong = Vec::new();
    for api in kt::broker::api::TABLE {
        let Some(row) = ROWS.iter().find(|row| row.key == api.key) else {
            panic!(
                "{:?} has no row here: say what Kafka answers a principal without rights",
                api.key
            );
        };
        for version in api.versions.min..=api.versions.max {
            if layout_version(api.key as i16, version) != version {
                continue; // another version of the same layout: clients of this test cannot send it
            }
            let wire = Wire::connect(&bootstrap);
            let codes = (row.ask)(&mut Caller { wire, topic_id }, version);
            if codes.is_empty() || codes.iter().any(|code| *code != row.expected) {
                wrong.push(format!("{:?} v{version}: {codes:?}, not {}", row.key, row.expected));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rows_are_in_order_and_each_is_an_api() {
    assert!(ROWS.is_sorted_by_key(|row| row.key as i16));
    let is_api = |row: &&Row| kt::broker::api::TABLE.iter().any(|api| api.key == row.key);
    assert_eq!(ROWS.iter().filter(is_api).count(), ROWS.len());
}
