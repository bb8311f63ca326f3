//! Log directories of brokers: what lies where, and moving replicas between them (KIP-113, KIP-827).

use std::collections::HashMap;

use indexmap::IndexMap;
use kafka_protocol::messages::alter_replica_log_dirs_request::{AlterReplicaLogDir, AlterReplicaLogDirTopic};
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::{AlterReplicaLogDirsRequest, DescribeLogDirsRequest, DescribeLogDirsResponse};

use super::*;
use crate::TopicPartition;

/// Kafka: `LogDirDescription`.
#[derive(Clone, Debug)]
pub struct LogDirDescription {
    pub log_dir: String,
    /// Set for a directory that is offline.
    pub error: Option<ApiError>,
    /// As the broker lists them; a replica on the move is there twice, once in its future directory.
    pub replicas: Vec<(TopicPartition, ReplicaInfo)>,
    /// Of the volume; `None` from brokers before 3.3, as the next.
    pub total_bytes: Option<i64>,
    pub usable_bytes: Option<i64>,
}

/// Kafka: `ReplicaInfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaInfo {
    /// Bytes of all its segments.
    pub size: i64,
    /// How far it is behind: a current replica the high watermark, a future one the current replica.
    pub offset_lag: i64,
    /// Whether it will replace the replica in another directory.
    pub is_future: bool,
}

/// Kafka: `TopicPartitionReplica`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartitionReplica {
    pub partition: TopicPartition,
    pub broker_id: i32,
}

/// `topic-partition-broker`, as Kafka prints it.
impl std::fmt::Display for TopicPartitionReplica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.partition, self.broker_id)
    }
}

/// Kafka: `ReplicaLogDirInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaLogDirInfo {
    /// `None` if the broker has no such replica.
    pub current_log_dir: Option<String>,
    pub current_offset_lag: i64,
    /// `None` unless the replica is moving between directories.
    pub future_log_dir: Option<String>,
    pub future_offset_lag: i64,
}

impl Admin {
    /// Kafka: `describeLogDirs`: each broker is asked about its own, all at the same time.
    pub async fn describe_log_dirs(&self, brokers: &[i32]) -> Items<i32, Vec<LogDirDescription>> {
        let asks = brokers.iter().map(|&broker| async move {
            let dirs = self.log_dirs_of(broker, "describeLogDirs", None).await;
            (broker, dirs)
        });
        futures::future::join_all(asks).await
    }

    /// Kafka: `describeReplicaLogDirs`.
    pub async fn describe_replica_log_dirs(
        &self,
        replicas: &[TopicPartitionReplica],
    ) -> Items<TopicPartitionReplica, ReplicaLogDirInfo> {
        let mut by_broker: IndexMap<i32, Vec<TopicPartition>> = IndexMap::new();
        for replica in replicas {
            by_broker
                .entry(replica.broker_id)
                .or_default()
                .push(replica.partition.clone());
        }
        let asks = by_broker.iter().map(|(&broker, partitions)| async move {
            (
                broker,
                self.log_dirs_of(broker, "describeReplicaLogDirs", Some(partitions))
                    .await,
            )
        });
        let answers: HashMap<i32, _> = futures::future::join_all(asks).await.into_iter().collect();
        let item = |replica: &TopicPartitionReplica| match answers.get(&replica.broker_id) {
            Some(Ok(dirs)) => Ok(locate(dirs, &replica.partition)),
            Some(Err(e)) => Err(e.clone()),
            None => Err(ErrorCode::BROKER_NOT_AVAILABLE.into()),
        };
        replicas.iter().map(|r| (r.clone(), item(r))).collect()
    }

    /// Kafka: `alterReplicaLogDirs`: the directory each replica shall move to.
    pub async fn alter_replica_log_dirs(
        &self,
        moves: &[(TopicPartitionReplica, String)],
    ) -> Items<TopicPartitionReplica, ()> {
        let mut by_broker: IndexMap<i32, Vec<(&TopicPartition, &str)>> = IndexMap::new();
        for (replica, dir) in moves {
            by_broker
                .entry(replica.broker_id)
                .or_default()
                .push((&replica.partition, dir));
        }
        let asks = by_broker.iter().map(|(&broker, moves)| async move {
            let make = |_| alter_request(moves);
            (
                broker,
                self.request("alterReplicaLogDirs", Target::Node(broker), make, |_| Verdict::Done)
                    .await,
            )
        });
        let answers: HashMap<i32, _> = futures::future::join_all(asks).await.into_iter().collect();
        let item = |replica: &TopicPartitionReplica| {
            let answer = match answers.get(&replica.broker_id) {
                Some(Ok(answer)) => answer,
                Some(Err(e)) => return Err(e.clone()),
                None => return Err(ErrorCode::BROKER_NOT_AVAILABLE.into()),
            };
            let topic = answer
                .results
                .iter()
                .find(|t| *t.topic_name.as_str() == *replica.partition.topic);
            let found = topic.and_then(|t| {
                t.partitions
                    .iter()
                    .find(|p| p.partition_index == replica.partition.partition)
            });
            match found {
                Some(p) => ApiError::check(p.error_code, None),
                None => Err(ApiError::kafka(format!(
                    "The response from broker {} did not contain a result for replica {replica}",
                    replica.broker_id
                ))),
            }
        };
        moves.iter().map(|(r, _)| (r.clone(), item(r))).collect()
    }

    async fn log_dirs_of(
        &self,
        broker: i32,
        name: &'static str,
        partitions: Option<&Vec<TopicPartition>>,
    ) -> Result<Vec<LogDirDescription>, ApiError> {
        let make = |_| {
            let topics = partitions.map(|all| {
                let mut topics: IndexMap<&str, Vec<i32>> = IndexMap::new();
                for tp in all {
                    topics.entry(&tp.topic).or_default().push(tp.partition);
                }
                let topic = |(name, partitions)| {
                    DescribableLogDirTopic::default()
                        .with_topic(topic_name(name))
                        .with_partitions(partitions)
                };
                topics.into_iter().map(topic).collect()
            });
            DescribeLogDirsRequest::default().with_topics(topics)
        };
        self.brokers_only()?;
        let answer = self
            .request(name, Target::Node(broker), make, |_| Verdict::Done)
            .await?;
        if answer.results.is_empty() && partitions.is_none() {
            // Before version 3 an empty answer was the only sign of a missing right.
            let code = ErrorCode::from(answer.error_code);
            return Err(if code.is_none() {
                ErrorCode::CLUSTER_AUTHORIZATION_FAILED
            } else {
                code
            }
            .into());
        }
        ApiError::check(answer.error_code, None)?;
        Ok(descriptions(&answer))
    }
}

fn descriptions(answer: &DescribeLogDirsResponse) -> Vec<LogDirDescription> {
    let description = |dir: &kafka_protocol::messages::describe_log_dirs_response::DescribeLogDirsResult| {
        let mut replicas = Vec::new();
        for topic in &dir.topics {
            for p in &topic.partitions {
                let info = ReplicaInfo {
                    size: p.partition_size,
                    offset_lag: p.offset_lag,
                    is_future: p.is_future_key,
                };
                replicas.push((TopicPartition::new(topic.name.as_str(), p.partition_index), info));
            }
        }
        LogDirDescription {
            log_dir: dir.log_dir.to_string(),
            error: ApiError::check(dir.error_code, None).err(),
            replicas,
            total_bytes: Some(dir.total_bytes).filter(|&n| n >= 0),
            usable_bytes: Some(dir.usable_bytes).filter(|&n| n >= 0),
        }
    };
    answer.results.iter().map(description).collect()
}

fn locate(dirs: &[LogDirDescription], partition: &TopicPartition) -> ReplicaLogDirInfo {
    let mut out = ReplicaLogDirInfo {
        current_offset_lag: -1,
        future_offset_lag: -1,
        ..ReplicaLogDirInfo::default()
    };
    for dir in dirs {
        for (_, info) in dir.replicas.iter().filter(|(tp, _)| tp == partition) {
            if info.is_future {
                out.future_log_dir = Some(dir.log_dir.clone());
                out.future_offset_lag = info.offset_lag;
            } else {
                out.current_log_dir = Some(dir.log_dir.clone());
                out.current_offset_lag = info.offset_lag;
            }
        }
    }
    out
}

fn alter_request(moves: &[(&TopicPartition, &str)]) -> AlterReplicaLogDirsRequest {
    let mut dirs: IndexMap<&str, IndexMap<&str, Vec<i32>>> = IndexMap::new();
    for (tp, dir) in moves {
        dirs.entry(dir)
            .or_default()
            .entry(&tp.topic)
            .or_default()
            .push(tp.partition);
    }
    let topic = |(name, partitions): (&str, Vec<i32>)| {
        AlterReplicaLogDirTopic::default()
            .with_name(topic_name(name))
            .with_partitions(partitions)
    };
    let dir = |(path, topics): (&str, IndexMap<&str, Vec<i32>>)| {
        AlterReplicaLogDir::default()
            .with_path(text(path))
            .with_topics(topics.into_iter().map(topic).collect())
    };
    AlterReplicaLogDirsRequest::default().with_dirs(dirs.into_iter().map(dir).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_real_brokers_directories() {
        let Some(admin) = live::admin().await else { return };
        let node = admin
            .describe_cluster(DescribeClusterOptions::default())
            .await
            .unwrap()
            .nodes[0]
            .id;
        let quick = admin.with_timeout(Duration::from_secs(1));
        let items = quick.describe_log_dirs(&[node, 4711]).await;
        assert!(items[0].1.as_ref().unwrap()[0].total_bytes.is_some());
        let e = items[1].1.as_ref().unwrap_err();
        assert_eq!(
            e.text(),
            "Timed out waiting for a node assignment. Call: describeLogDirs"
        );
        let replica = TopicPartitionReplica {
            partition: TopicPartition::new("client-no-such", 0),
            broker_id: node,
        };
        let items = admin.alter_replica_log_dirs(&[(replica.clone(), "/nope".into())]).await;
        assert_eq!(items[0].1.as_ref().unwrap_err().exception(), "LogDirNotFoundException");
        let items = admin.describe_replica_log_dirs(&[replica]).await;
        assert_eq!(items[0].1.as_ref().unwrap().current_log_dir, None);
    }
}
