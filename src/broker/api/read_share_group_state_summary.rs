//! ReadShareGroupStateSummary (87), v0-1. Where share partitions stand; v1 tells how many records are done. KIP-932.

use super::share_state::{act, error_of};
use crate::broker::request::RequestContext;
use crate::wire::share_state::{
    ReadShareGroupStateSummaryRequest, ReadShareGroupStateSummaryResponse, SummaryPartitionResult, SummaryTopicResult,
};

pub async fn handle(cx: &RequestContext, req: ReadShareGroupStateSummaryRequest) -> ReadShareGroupStateSummaryResponse {
    let results = req.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            let of = (topic.topic_id, wanted.partition);
            let done = act(cx, &req.group_id, of, |key| {
                cx.node.shares().coordinator()?.summary(key)
            });
            let (error_code, error_message) = error_of(&done);
            // Of one that was never begun nothing is known, which is no error.
            let state = done.ok().flatten().unwrap_or_default();
            SummaryPartitionResult {
                partition: wanted.partition,
                error_code,
                error_message,
                state_epoch: state.state_epoch,
                leader_epoch: state.leader_epoch,
                start_offset: state.start_offset,
                delivery_complete_count: state.delivery_complete_count,
            }
        });
        SummaryTopicResult {
            topic_id: topic.topic_id,
            partitions: partitions.collect(),
        }
    });
    ReadShareGroupStateSummaryResponse {
        results: results.collect(),
    }
}
