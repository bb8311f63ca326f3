//! ReadShareGroupState (84), v0. The state of share partitions, for the leader of the partition. KIP-932.

use super::share_state::{act, error_of};
use crate::broker::request::RequestContext;
use crate::broker::share::coordinator::{ShareKey, StateBatch as Kept};
use crate::wire::share_state::{
    ReadPartitionResult, ReadShareGroupStateRequest, ReadShareGroupStateResponse, ReadTopicResult, StateBatch,
};

pub async fn handle(cx: &RequestContext, req: ReadShareGroupStateRequest) -> ReadShareGroupStateResponse {
    let results = req.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            let of = (topic.topic_id, wanted.partition);
            let read = |key: &ShareKey| cx.node.shares().coordinator()?.read(key, wanted.leader_epoch);
            let done = act(cx, &req.group_id, of, read);
            let (error_code, error_message) = error_of(&done);
            let state = done.unwrap_or_default();
            let batch = |batch: &Kept| StateBatch {
                first_offset: batch.first,
                last_offset: batch.last,
                delivery_state: batch.state,
                delivery_count: batch.delivery_count,
            };
            ReadPartitionResult {
                partition: wanted.partition,
                error_code,
                error_message,
                state_epoch: state.state_epoch,
                start_offset: state.start_offset,
                state_batches: state.batches.iter().map(batch).collect(),
            }
        });
        ReadTopicResult {
            topic_id: topic.topic_id,
            partitions: partitions.collect(),
        }
    });
    ReadShareGroupStateResponse {
        results: results.collect(),
    }
}
