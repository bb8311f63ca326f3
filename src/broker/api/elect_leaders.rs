//! ElectLeaders (43), v0-2: preferred and unclean elections. KIP-183, KIP-460. While there is one broker, every
//! partition has its preferred leader.

use std::collections::BTreeMap;

use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};

use super::shared::{error_fields, topic_name};
use crate::broker::metadata::record::PartitionChange;
use crate::broker::metadata::{ApiError, MetadataImage, MetadataRecord};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

pub async fn handle(cx: &RequestContext, req: ElectLeadersRequest) -> ElectLeadersResponse {
    let kind = if cx.api_version == 0 {
        PREFERRED
    } else {
        req.election_type
    };
    if let Err(e) = cx.authorize(Operation::Alter, Resource::Cluster) {
        return denied(cx, &req, &e);
    }
    if !(PREFERRED..=UNCLEAN).contains(&kind) {
        return ElectLeadersResponse::default().with_error_code(ErrorCode::INVALID_REQUEST.code());
    }
    let all = req.topic_partitions.is_none();
    let wanted: Vec<(String, i32)> = match &req.topic_partitions {
        Some(topics) => topics
            .iter()
            .flat_map(|t| t.partitions.iter().map(|p| (t.topic.to_string(), *p)))
            .collect(),
        None => {
            let image = cx.image();
            let each = image.topics.values();
            each.flat_map(|t| (0..t.partitions.len() as i32).map(|p| (t.name.to_string(), p)))
                .collect()
        }
    };
    let mut results: BTreeMap<String, Vec<PartitionResult>> = BTreeMap::new();
    for (topic, partition) in wanted {
        let result = cx
            .node
            .controller()
            .change(|image| Ok((elect(image, &topic, partition, kind)?, ())));
        // Asked for all, Kafka lists only what it changed or could not.
        if all && matches!(&result, Err(e) if e.code == ErrorCode::ELECTION_NOT_NEEDED) {
            continue;
        }
        let (code, message) = error_fields(result.as_ref().err());
        let row = PartitionResult::default()
            .with_partition_id(partition)
            .with_error_code(code)
            .with_error_message(message);
        results.entry(topic).or_default().push(row);
    }
    let row = |(topic, partitions): (String, Vec<PartitionResult>)| {
        ReplicaElectionResult::default()
            .with_topic(topic_name(&topic))
            .with_partition_result(partitions)
    };
    ElectLeadersResponse::default().with_replica_election_results(results.into_iter().map(row).collect())
}

/// The refusal, for the whole and for each partition.
fn denied(cx: &RequestContext, req: &ElectLeadersRequest, e: &ApiError) -> ElectLeadersResponse {
    let (code, message) = error_fields(Some(e));
    let row = |partition: &i32| {
        PartitionResult::default()
            .with_partition_id(*partition)
            .with_error_code(code)
            .with_error_message(message.clone())
    };
    let results = req.topic_partitions.iter().flatten().map(|t| {
        ReplicaElectionResult::default()
            .with_topic(t.topic.clone())
            .with_partition_result(t.partitions.iter().map(row).collect())
    });
    // Version 0 has no place for an error of the whole.
    ElectLeadersResponse::default()
        .with_error_code(if cx.api_version >= 1 { code } else { 0 })
        .with_replica_election_results(results.collect())
}

fn elect(image: &MetadataImage, topic: &str, partition: i32, kind: i8) -> Result<Vec<MetadataRecord>, ApiError> {
    let unknown = |why: String| ApiError::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, why);
    let found = image
        .topic(topic)
        .ok_or_else(|| unknown(format!("No such topic as {topic}")))?;
    let p = image
        .partition(topic, partition)
        .ok_or_else(|| unknown(format!("No such partition as {topic}-{partition}")))?;
    let preferred = p.replicas.first().copied().unwrap_or(-1);
    if (kind == PREFERRED && p.leader == preferred) || (kind == UNCLEAN && p.leader >= 0) {
        return Err(ErrorCode::ELECTION_NOT_NEEDED.into());
    }
    let is_live = |id: &i32| image.brokers.get(id).is_some_and(|b| !b.fenced);
    let candidate = match kind {
        PREFERRED => Some(preferred).filter(|id| p.isr.contains(id) && is_live(id)),
        _ => p.isr.iter().chain(&p.replicas).copied().find(is_live),
    };
    let Some(leader) = candidate else {
        return Err(if kind == PREFERRED {
            ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE.into()
        } else {
            ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE.into()
        });
    };
    Ok(vec![MetadataRecord::PartitionChange(PartitionChange {
        partition_id: partition,
        topic_id: found.id,
        leader: Some(leader),
        isr: (!p.isr.contains(&leader)).then(|| vec![leader]),
        ..PartitionChange::default()
    })])
}
