//! Which records move a partition to other brokers (Kafka: `ReplicationControlManager.alterPartitionReassignments`).

use super::record::PartitionChange;
use super::{ApiError, MetadataImage, MetadataRecord, topics};
use crate::wire::ErrorCode;

/// A partition and where it is to be; `None` calls a move off.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub replicas: Option<&'a [i32]>,
}

/// Plans one move. Replicas that have to be copied first need another broker, which there is not yet: only orders of
/// the present replicas are legal so far.
pub fn alter(
    image: &MetadataImage,
    target: &Target<'_>,
    allow_factor_change: bool,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let unknown = |why: String| ApiError::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, why);
    let topic = image
        .topic(target.topic)
        .ok_or_else(|| unknown(format!("Unable to find a topic named {}.", target.topic)))?;
    let part = image.partition(target.topic, target.partition).ok_or_else(|| {
        unknown(format!(
            "Unable to find partition {}:{}.",
            target.topic, target.partition
        ))
    })?;
    let Some(replicas) = target.replicas else {
        return Err(ErrorCode::NO_REASSIGNMENT_IN_PROGRESS.into());
    };
    topics::check_replicas(image, replicas, None)?;
    if !allow_factor_change && replicas.len() != part.replicas.len() {
        return Err(ApiError::new(
            ErrorCode::INVALID_REPLICATION_FACTOR,
            format!(
                "The replication factor is changed from {} to {}",
                part.replicas.len(),
                replicas.len()
            ),
        ));
    }
    if replicas == part.replicas {
        return Ok(Vec::new());
    }
    let mut directories = Vec::with_capacity(replicas.len());
    for id in replicas {
        let Some(at) = part.replicas.iter().position(|r| r == id) else {
            let why = format!(
                "Broker {id} has no replica of {}-{} to begin with.",
                target.topic, target.partition
            );
            return Err(ApiError::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, why));
        };
        directories.push(part.directories.get(at).copied().unwrap_or_default());
    }
    Ok(vec![MetadataRecord::PartitionChange(PartitionChange {
        partition_id: target.partition,
        topic_id: topic.id,
        replicas: Some(replicas.to_vec()),
        directories: Some(directories),
        ..PartitionChange::default()
    })])
}
