//! OffsetForLeaderEpoch (23), v2-4: where a leader's time ended, so that others find where their logs part. KIP-101,
//! KIP-279.

use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use crate::broker::metadata::ApiError;
use crate::broker::request::{Operation, RequestContext, Resource};

pub async fn handle(cx: &RequestContext, req: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
    let answer = |topic: &OffsetForLeaderTopic| {
        let partition = |p: &OffsetForLeaderPartition| {
            let answer = EpochEndOffset::default().with_partition(p.partition);
            match find(cx, &topic.topic, p) {
                Ok((epoch, end)) => answer.with_leader_epoch(epoch).with_end_offset(end),
                Err(e) => answer
                    .with_error_code(e.code.code())
                    .with_leader_epoch(-1)
                    .with_end_offset(-1),
            }
        };
        OffsetForLeaderTopicResult::default()
            .with_topic(topic.topic.clone())
            .with_partitions(topic.partitions.iter().map(partition).collect())
    };
    OffsetForLeaderEpochResponse::default().with_topics(req.topics.iter().map(answer).collect())
}

fn find(cx: &RequestContext, topic: &str, p: &OffsetForLeaderPartition) -> Result<(i32, i64), ApiError> {
    if !cx.may(Operation::ClusterAction, Resource::Cluster) {
        cx.authorize(Operation::Describe, Resource::Topic(topic))?;
    }
    let partition = cx.leader(topic, p.partition)?;
    partition.check_leader_epoch(p.current_leader_epoch)?;
    let current = partition.leader_epoch();
    let log = partition.log()?;
    // The leader's own epoch has not ended: its end is the log's end.
    if p.leader_epoch == current {
        return Ok((current, log.log_end_offset()));
    }
    Ok(log.epoch_end_offset(p.leader_epoch))
}
