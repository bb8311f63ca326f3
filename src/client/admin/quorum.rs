//! The metadata quorum and the cluster's features (KIP-595, KIP-836, KIP-853, KIP-584).

use kafka_protocol::messages::add_raft_voter_request::Listener;
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::describe_quorum_response::ReplicaState as WireReplica;
use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, ApiVersionsRequest, ApiVersionsResponse, DescribeQuorumRequest,
    DescribeQuorumResponse, RemoveRaftVoterRequest, RemoveRaftVoterResponse, UnregisterBrokerRequest,
    UnregisterBrokerResponse, UpdateFeaturesRequest, UpdateFeaturesResponse,
};
use uuid::Uuid;

use super::*;

/// Kafka: `QuorumInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumInfo {
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub high_watermark: i64,
    pub voters: Vec<ReplicaState>,
    pub observers: Vec<ReplicaState>,
    /// Voters with the endpoints they told; empty before KIP-853.
    pub nodes: Vec<QuorumNode>,
}

/// Kafka: `QuorumInfo.ReplicaState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaState {
    pub replica_id: i32,
    /// All zeros if not known.
    pub directory_id: Uuid,
    pub log_end_offset: i64,
    /// Milliseconds since 1970, as the next; `None` if never.
    pub last_fetch_timestamp: Option<i64>,
    pub last_caught_up_timestamp: Option<i64>,
}

/// Kafka: `QuorumInfo.Node`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumNode {
    pub node_id: i32,
    pub endpoints: Vec<RaftVoterEndpoint>,
}

/// Kafka: `RaftVoterEndpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftVoterEndpoint {
    /// The listener's name.
    pub name: String,
    pub host: String,
    pub port: u16,
}

/// Kafka: `FeatureMetadata`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureMetadata {
    /// Name, and the level in force everywhere.
    pub finalized: Vec<(String, i16)>,
    /// `None` if not known.
    pub finalized_epoch: Option<i64>,
    /// Name, lowest and highest level this node knows.
    pub supported: Vec<(String, i16, i16)>,
}

/// Kafka: `FeatureUpdate.UpgradeType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum UpgradeType {
    Upgrade = 1,
    SafeDowngrade = 2,
    UnsafeDowngrade = 3,
}

impl Admin {
    /// Kafka: `describeMetadataQuorum`.
    ///
    /// # Errors
    /// Those of every call, and the partition's.
    pub async fn describe_metadata_quorum(&self) -> Result<QuorumInfo, AdminError> {
        let make = |_| {
            let partition = PartitionData::default().with_partition_index(0);
            let topic = TopicData::default()
                .with_topic_name(topic_name("__cluster_metadata"))
                .with_partitions(vec![partition]);
            DescribeQuorumRequest::default().with_topics(vec![topic])
        };
        let judge = |r: &DescribeQuorumResponse| Verdict::of_code(r.error_code);
        let answer = self
            .request("describeMetadataQuorum", self.any_or_controller(), make, judge)
            .await?;
        ApiError::check(answer.error_code, answer.error_message.as_deref())?;
        let partition = answer.topics.first().and_then(|t| t.partitions.first());
        let partition = partition.ok_or_else(|| ApiError::kafka("DescribeQuorum response without the partition"))?;
        ApiError::check(partition.error_code, partition.error_message.as_deref())?;
        let endpoint = |l: &kafka_protocol::messages::describe_quorum_response::Listener| RaftVoterEndpoint {
            name: l.name.to_string(),
            host: l.host.to_string(),
            port: l.port,
        };
        let nodes = answer.nodes.iter();
        Ok(QuorumInfo {
            leader_id: partition.leader_id.0,
            leader_epoch: partition.leader_epoch,
            high_watermark: partition.high_watermark,
            voters: partition.current_voters.iter().map(replica_state).collect(),
            observers: partition.observers.iter().map(replica_state).collect(),
            nodes: nodes
                .map(|n| QuorumNode {
                    node_id: n.node_id.0,
                    endpoints: n.listeners.iter().map(endpoint).collect(),
                })
                .collect(),
        })
    }

    /// Kafka: `addRaftVoter`.
    ///
    /// # Errors
    /// Those of every call, and the controller's refusal.
    pub async fn add_raft_voter(
        &self,
        voter_id: i32,
        directory_id: Uuid,
        endpoints: &[RaftVoterEndpoint],
    ) -> Result<(), AdminError> {
        let make = |_| {
            let listener = |e: &RaftVoterEndpoint| {
                Listener::default()
                    .with_name(text(&e.name))
                    .with_host(text(&e.host))
                    .with_port(e.port)
            };
            AddRaftVoterRequest::default()
                .with_timeout_ms(self.timeout_ms())
                .with_voter_id(voter_id)
                .with_voter_directory_id(directory_id)
                .with_listeners(endpoints.iter().map(listener).collect())
        };
        let judge = |r: &AddRaftVoterResponse| judge_codes([r.error_code]);
        let answer = self
            .request("addRaftVoter", self.any_or_controller(), make, judge)
            .await?;
        ApiError::check(answer.error_code, answer.error_message.as_deref())
    }

    /// Kafka: `removeRaftVoter`.
    ///
    /// # Errors
    /// Those of every call, and the controller's refusal.
    pub async fn remove_raft_voter(&self, voter_id: i32, directory_id: Uuid) -> Result<(), AdminError> {
        let make = |_| {
            RemoveRaftVoterRequest::default()
                .with_voter_id(voter_id)
                .with_voter_directory_id(directory_id)
        };
        let judge = |r: &RemoveRaftVoterResponse| judge_codes([r.error_code]);
        let answer = self
            .request("removeRaftVoter", self.any_or_controller(), make, judge)
            .await?;
        ApiError::check(answer.error_code, answer.error_message.as_deref())
    }

    /// Kafka: `describeFeatures`, as this node or any node knows them.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn describe_features(&self, node: Option<i32>) -> Result<FeatureMetadata, AdminError> {
        let make = |version: i16| {
            let request = ApiVersionsRequest::default();
            let name = if version >= 3 { "kt" } else { "" };
            let number = if version >= 3 { env!("CARGO_PKG_VERSION") } else { "" };
            request
                .with_client_software_name(text(name))
                .with_client_software_version(text(number))
        };
        let target = node.map_or(self.any_or_controller(), Target::Node);
        let judge = |r: &ApiVersionsResponse| Verdict::of_code(r.error_code);
        let answer = self.request("describeFeatures", target, make, judge).await?;
        ApiError::check(answer.error_code, None)?;
        let finalized = answer.finalized_features.iter();
        let supported = answer.supported_features.iter();
        Ok(FeatureMetadata {
            finalized: finalized.map(|f| (f.name.to_string(), f.max_version_level)).collect(),
            finalized_epoch: Some(answer.finalized_features_epoch).filter(|&e| e >= 0),
            supported: supported
                .map(|f| (f.name.to_string(), f.min_version, f.max_version))
                .collect(),
        })
    }

    /// Kafka: `updateFeatures`: new levels by name; level 0 takes a feature away.
    ///
    /// # Errors
    /// Those of every call; an error of the whole request becomes that of every feature.
    pub async fn update_features(
        &self,
        updates: &[(String, i16, UpgradeType)],
        validate_only: bool,
    ) -> Result<Items<String, ()>, AdminError> {
        let make = |version: i16| {
            let key = |(name, level, upgrade): &(String, i16, UpgradeType)| {
                let key = FeatureUpdateKey::default()
                    .with_feature(text(name))
                    .with_max_version_level(*level);
                match version {
                    0 => key.with_allow_downgrade(*upgrade != UpgradeType::Upgrade),
                    _ => key.with_upgrade_type(*upgrade as i8),
                }
            };
            UpdateFeaturesRequest::default()
                .with_timeout_ms(self.timeout_ms())
                .with_feature_updates(updates.iter().map(key).collect())
                .with_validate_only(validate_only && version >= 1)
        };
        let judge = |r: &UpdateFeaturesResponse| judge_codes([r.error_code]);
        let answer = self.request("updateFeatures", Target::Controller, make, judge).await?;
        let whole = ApiError::check(answer.error_code, answer.error_message.as_deref());
        let outcome = |name: &String| {
            whole.clone()?;
            // Since version 2 a good answer names no features.
            match answer.results.iter().find(|r| *r.feature.as_str() == **name) {
                Some(r) => ApiError::check(r.error_code, r.error_message.as_deref()),
                None => Ok(()),
            }
        };
        Ok(updates.iter().map(|(name, ..)| (name.clone(), outcome(name))).collect())
    }

    /// Kafka: `unregisterBroker`.
    ///
    /// # Errors
    /// Those of every call, and the controller's refusal.
    pub async fn unregister_broker(&self, broker_id: i32) -> Result<(), AdminError> {
        let make = |_| UnregisterBrokerRequest::default().with_broker_id(BrokerId(broker_id));
        let judge = |r: &UnregisterBrokerResponse| match ErrorCode::from(r.error_code) {
            code @ ErrorCode::REQUEST_TIMED_OUT => Verdict::Retry(code.into()),
            _ => judge_codes([r.error_code]),
        };
        let answer = self
            .request("unregisterBroker", self.any_or_controller(), make, judge)
            .await?;
        ApiError::check(answer.error_code, answer.error_message.as_deref())
    }
}

fn replica_state(r: &WireReplica) -> ReplicaState {
    ReplicaState {
        replica_id: r.replica_id.0,
        directory_id: r.replica_directory_id,
        log_end_offset: r.log_end_offset,
        last_fetch_timestamp: Some(r.last_fetch_timestamp).filter(|&ms| ms >= 0),
        last_caught_up_timestamp: Some(r.last_caught_up_timestamp).filter(|&ms| ms >= 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_quorum_and_features_of_a_real_cluster() {
        let Some(admin) = live::admin().await else { return };
        let quorum = admin.describe_metadata_quorum().await.unwrap();
        assert!(quorum.voters.iter().any(|v| v.replica_id == quorum.leader_id));
        let features = admin.describe_features(None).await.unwrap();
        assert!(
            features
                .finalized
                .iter()
                .any(|(name, level)| name == "metadata.version" && *level > 0)
        );
        let updates = [("no.such.feature".to_string(), 1, UpgradeType::Upgrade)];
        let items = admin.update_features(&updates, true).await.unwrap();
        assert!(items[0].1.is_err());
        assert_eq!(
            admin.unregister_broker(4711).await.unwrap_err().code,
            ErrorCode::BROKER_ID_NOT_REGISTERED
        );
    }
}
