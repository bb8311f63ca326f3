//! InitializeShareGroupState (83), v0. Begins the state of share partitions. KIP-932.

use super::share_state::{act, error_of};
use crate::broker::request::RequestContext;
use crate::broker::share::coordinator::ShareKey;
use crate::wire::share_state::{
    InitializeShareGroupStateRequest, InitializeShareGroupStateResponse, InitializedPartition, InitializedTopic,
};

pub async fn handle(cx: &RequestContext, req: InitializeShareGroupStateRequest) -> InitializeShareGroupStateResponse {
    let results = req.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            let of = (topic.topic_id, wanted.partition);
            let begin = |key: &ShareKey| {
                cx.node
                    .shares()
                    .begin_state(key, wanted.state_epoch, wanted.start_offset)
            };
            let done = act(cx, &req.group_id, of, begin);
            let (error_code, error_message) = error_of(&done);
            InitializedPartition {
                partition: wanted.partition,
                error_code,
                error_message,
            }
        });
        InitializedTopic {
            topic_id: topic.topic_id,
            partitions: partitions.collect(),
        }
    });
    InitializeShareGroupStateResponse {
        results: results.collect(),
    }
}
