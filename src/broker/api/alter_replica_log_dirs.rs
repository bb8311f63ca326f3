//! AlterReplicaLogDirs (34), v1-2: where a replica is to lie. KIP-113. Replicas stay in the directory they are in: a move
//! to another one is refused.

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
                    Ok(()) => place(cx, &tp, Path::new(dir.path.as_str())),
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

fn place(cx: &RequestContext, tp: &TopicPartition, wanted: &Path) -> Result<(), ErrorCode> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let wanted = absolute(wanted);
    if !cx.replicas().dirs().iter().any(|dir| absolute(&dir.path) == wanted) {
        return Err(ErrorCode::LOG_DIR_NOT_FOUND);
    }
    // Kafka remembers where a replica is to lie that comes later; here it is told that there is none.
    let partition = cx.replicas().partition(tp)?;
    match cx.replicas().dir_of(&partition) {
        Some(dir) if absolute(&dir.path) == wanted => Ok(()),
        _ => Err(ErrorCode::UNSUPPORTED_VERSION),
    }
}
