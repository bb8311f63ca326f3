//! Moving partitions between brokers and choosing their leaders (KIP-455, KIP-460).

use indexmap::IndexMap;
use kafka_protocol::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ElectLeadersRequest, ElectLeadersResponse,
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use super::*;
use crate::TopicPartition;

/// Kafka: `PartitionReassignment`: a move that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionReassignment {
    /// All replicas, the coming and the going ones included.
    pub replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub removing_replicas: Vec<i32>,
}

/// Kafka: `ElectionType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ElectionType {
    Preferred = 0,
    Unclean = 1,
}

fn grouped(partitions: &[TopicPartition]) -> IndexMap<&str, Vec<i32>> {
    let mut topics: IndexMap<&str, Vec<i32>> = IndexMap::new();
    for tp in partitions {
        topics.entry(&tp.topic).or_default().push(tp.partition);
    }
    topics
}

impl Admin {
    /// Kafka: `alterPartitionReassignments`: new replicas, or `None` to cancel the move under way.
    ///
    /// # Errors
    /// Those of every call, and an error of the whole request.
    pub async fn alter_partition_reassignments(
        &self,
        targets: &[(TopicPartition, Option<Vec<i32>>)],
    ) -> Result<Items<TopicPartition, ()>, AdminError> {
        self.alter_partition_reassignments_with(targets, true).await
    }

    /// As [`Admin::alter_partition_reassignments`]; `allow_factor_change` is false to have a change of how many replicas a
    /// partition has refused (KIP-860).
    ///
    /// # Errors
    /// As [`Admin::alter_partition_reassignments`].
    pub async fn alter_partition_reassignments_with(
        &self,
        targets: &[(TopicPartition, Option<Vec<i32>>)],
        allow_factor_change: bool,
    ) -> Result<Items<TopicPartition, ()>, AdminError> {
        let make = |version| {
            let mut topics: IndexMap<&str, Vec<ReassignablePartition>> = IndexMap::new();
            for (tp, replicas) in targets {
                let partition = ReassignablePartition::default()
                    .with_partition_index(tp.partition)
                    .with_replicas(replicas.as_deref().map(broker_ids));
                topics.entry(&tp.topic).or_default().push(partition);
            }
            let topic = |(name, partitions)| {
                ReassignableTopic::default()
                    .with_name(topic_name(name))
                    .with_partitions(partitions)
            };
            AlterPartitionReassignmentsRequest::default()
                .with_topics(topics.into_iter().map(topic).collect())
                .with_timeout_ms(self.timeout_ms())
                .with_allow_replication_factor_change(version < 1 || allow_factor_change)
        };
        let judge = |r: &AlterPartitionReassignmentsResponse| judge_codes([r.error_code]);
        let answer = self
            .request("alterPartitionReassignments", Target::Controller, make, judge)
            .await?;
        ApiError::check(answer.error_code, answer.error_message.as_deref())?;
        let mut items = Items::new();
        for topic in &answer.responses {
            for p in &topic.partitions {
                let tp = TopicPartition::new(topic.name.as_str(), p.partition_index);
                items.push((tp, ApiError::check(p.error_code, p.error_message.as_deref())));
            }
        }
        Ok(targets.iter().map(|(tp, _)| take(&mut items, tp)).collect())
    }

    /// Kafka: `listPartitionReassignments`: moves under way, of these partitions or of all; sorted.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn list_partition_reassignments(
        &self,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<Vec<(TopicPartition, PartitionReassignment)>, AdminError> {
        let make = |_| {
            let topic = |(name, indexes)| {
                ListPartitionReassignmentsTopics::default()
                    .with_name(topic_name(name))
                    .with_partition_indexes(indexes)
            };
            ListPartitionReassignmentsRequest::default()
                .with_topics(partitions.map(|all| grouped(all).into_iter().map(topic).collect()))
                .with_timeout_ms(self.timeout_ms())
        };
        let judge = |r: &ListPartitionReassignmentsResponse| judge_codes([r.error_code]);
        let answer = self
            .request("listPartitionReassignments", Target::Controller, make, judge)
            .await?;
        ApiError::check(answer.error_code, answer.error_message.as_deref())?;
        let mut moves = Vec::new();
        for topic in &answer.topics {
            for p in &topic.partitions {
                let moving = PartitionReassignment {
                    replicas: ids(&p.replicas),
                    adding_replicas: ids(&p.adding_replicas),
                    removing_replicas: ids(&p.removing_replicas),
                };
                moves.push((TopicPartition::new(topic.name.as_str(), p.partition_index), moving));
            }
        }
        moves.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(moves)
    }

    /// Kafka: `electLeaders`, for these partitions or for all. Partitions that needed no election are `Err` with
    /// `ELECTION_NOT_NEEDED`; asked for all, only those that had one are in the answer.
    ///
    /// # Errors
    /// Those of every call, and an error of the whole request.
    pub async fn elect_leaders(
        &self,
        election: ElectionType,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<Items<TopicPartition, ()>, AdminError> {
        let make = |version: i16| {
            let topic = |(name, indexes)| {
                TopicPartitions::default()
                    .with_topic(topic_name(name))
                    .with_partitions(indexes)
            };
            let request = ElectLeadersRequest::default()
                .with_topic_partitions(partitions.map(|all| grouped(all).into_iter().map(topic).collect()))
                .with_timeout_ms(self.timeout_ms());
            if version >= 1 {
                request.with_election_type(election as i8)
            } else {
                request
            }
        };
        let judge = |r: &ElectLeadersResponse| judge_codes([r.error_code]);
        let answer = self.request("electLeaders", Target::Controller, make, judge).await?;
        ApiError::check(answer.error_code, None)?;
        let mut items = Items::new();
        for topic in &answer.replica_election_results {
            for p in &topic.partition_result {
                let tp = TopicPartition::new(topic.topic.as_str(), p.partition_id);
                items.push((tp, ApiError::check(p.error_code, p.error_message.as_deref())));
            }
        }
        items.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_real_cluster_has_nothing_to_cancel() {
        let Some(admin) = live::admin().await else { return };
        let missing = TopicPartition::new("client-no-such-topic", 0);
        let items = admin
            .alter_partition_reassignments(&[(missing.clone(), None)])
            .await
            .unwrap();
        assert_eq!(
            items[0].1.as_ref().unwrap_err().code,
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        );
        assert_eq!(
            admin
                .list_partition_reassignments(Some(std::slice::from_ref(&missing)))
                .await
                .unwrap(),
            []
        );
        let items = admin
            .elect_leaders(ElectionType::Preferred, Some(&[missing]))
            .await
            .unwrap();
        assert_eq!(
            items[0].1.as_ref().unwrap_err().code,
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        );
    }
}
