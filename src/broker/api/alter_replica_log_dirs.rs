//! AlterReplicaLogDirs (34), v1-2: the log directory a replica is to move to, or the one it is in to call a move off.
//! KIP-113. Kafka remembers directories for replicas that come later; here they are told that there are none.

use kafka_protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use kafka_protocol::messages::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};

use std::path::Path;

use crate::TopicPartition;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: AlterReplicaLogDirsRequest) -> AlterReplicaLogDirsResponse {
    let allowed = cx.authorize(Operation::Alter, Resource::Cluster);
    let mut results: Vec<AlterReplicaLogDirTopicResult> = Vec::new();
    for dir in &req.dirs {
        for topic in &dir.topics {
            let row = |partition: &i32| {
                let tp = TopicPartition::new(topic.name.as_str(), *partition);
                let done = match &allowed {
                    Err(e) => Err(e.code),
                    Ok(()) => cx
                        .replicas()
                        .move_to(&tp, Path::new(dir.path.as_str()), cx.node.now_ms()),
                };
                AlterReplicaLogDirPartitionResult::default()
                    .with_partition_index(*partition)
                    .with_error_code(done.err().unwrap_or(ErrorCode::NONE).code())
            };
            let partitions: Vec<_> = topic.partitions.iter().map(row).collect();
            match results.iter_mut().find(|r| r.topic_name == topic.name) {
                Some(result) => result.partitions.extend(partitions),
                None => results.push(
                    AlterReplicaLogDirTopicResult::default()
                        .with_topic_name(topic.name.clone())
                        .with_partitions(partitions),
                ),
            }
        }
    }
    AlterReplicaLogDirsResponse::default().with_results(results)
}
