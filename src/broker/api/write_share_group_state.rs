//! WriteShareGroupState (85), v0-1. Changes the state of share partitions; v1 tells how many records are done. KIP-932.

use super::share_state::{act, error_of};
use crate::broker::request::RequestContext;
use crate::broker::share::coordinator::{StateBatch, StateWrite};
use crate::wire::share_state::{
    WriteShareGroupStateRequest, WriteShareGroupStateResponse, WrittenPartition, WrittenTopic,
};

pub async fn handle(cx: &RequestContext, req: WriteShareGroupStateRequest) -> WriteShareGroupStateResponse {
    let results = req.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            let of = (topic.topic_id, wanted.partition);
            let batches = wanted.state_batches.iter().map(|batch| StateBatch {
                first: batch.first_offset,
                last: batch.last_offset,
                state: batch.delivery_state,
                delivery_count: batch.delivery_count,
            });
            let write = StateWrite {
                state_epoch: wanted.state_epoch,
                leader_epoch: wanted.leader_epoch,
                start_offset: wanted.start_offset,
                delivery_complete_count: wanted.delivery_complete_count,
                batches: batches.collect(),
            };
            let done = act(cx, &req.group_id, of, |key| {
                cx.node.shares().coordinator()?.write(key, &write)
            });
            let (error_code, error_message) = error_of(&done);
            WrittenPartition {
                partition: wanted.partition,
                error_code,
                error_message,
            }
        });
        WrittenTopic {
            topic_id: topic.topic_id,
            partitions: partitions.collect(),
        }
    });
    WriteShareGroupStateResponse {
        results: results.collect(),
    }
}
