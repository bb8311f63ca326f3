//! OffsetCommit (8), v2-10. Keeps how far a group has come. Partitions that do not exist are refused one by one. v10 names
//! topics by their ids (KIP-848).

use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::{self as m, OffsetCommitResponse};

use super::offset_screen::{Asked, Screen};
use super::shared::{TOPIC_IDS_IN_OFFSETS, resolve_topic};
use crate::broker::group::offsets::OffsetCommit;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::offsets::OffsetCommitRequest;

/// Versions before v5 may say how long to keep the offsets; -1 leaves that to the broker.
const NO_RETENTION_TIME: i16 = 5;

pub async fn handle(cx: &RequestContext, OffsetCommitRequest(req): OffsetCommitRequest) -> OffsetCommitResponse {
    let screen = match cx.authorize(Operation::Read, Resource::Group(&req.group_id)) {
        Ok(()) => screen(cx, &req),
        Err(denied) => Screen::refuse(cx, req.topics.iter().map(|t| t.partitions.len()).sum(), denied.code),
    };
    let results = match screen.commit.partitions.is_empty() {
        true => Ok(Vec::new()),
        false => cx.node.groups().commit_offsets(&req.group_id, &screen.commit).await,
    };
    response(req, screen.codes(results))
}

fn screen(cx: &RequestContext, req: &m::OffsetCommitRequest) -> Screen {
    let mut screen = Screen::of(
        cx,
        OffsetCommit {
            member_id: req.member_id.to_string(),
            instance_id: req.group_instance_id.as_ref().map(ToString::to_string),
            generation_id: req.generation_id_or_member_epoch,
            api_version: cx.api_version,
            retention_ms: Some(req.retention_time_ms).filter(|ms| cx.api_version < NO_RETENTION_TIME && *ms != -1),
            partitions: Vec::new(),
        },
    );
    for topic in &req.topics {
        let asked = topic.partitions.iter().map(|partition| Asked {
            partition: partition.partition_index,
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.as_deref(),
        });
        let by_id = cx.api_version >= TOPIC_IDS_IN_OFFSETS;
        match resolve_topic(&screen.image, by_id, &topic.name, topic.topic_id) {
            Ok(name) => screen.topic(cx, &name, asked),
            Err(unknown) => screen.refuse_topic(topic.partitions.len(), unknown),
        }
    }
    screen
}

fn response(req: m::OffsetCommitRequest, mut codes: impl Iterator<Item = i16>) -> OffsetCommitResponse {
    let topics = req.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(codes.next().unwrap_or_default())
        });
        let partitions = partitions.collect();
        OffsetCommitResponseTopic::default()
            .with_name(topic.name)
            .with_topic_id(topic.topic_id)
            .with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}
