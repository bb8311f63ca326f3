//! DeleteShareGroupState (86), v0. Forgets the state of share partitions. KIP-932.

use super::share_state::{act, error_of};
use crate::broker::request::RequestContext;
use crate::wire::share_state::{
    DeleteShareGroupStateRequest, DeleteShareGroupStateResponse, DeletedPartition, DeletedTopic,
};

pub async fn handle(cx: &RequestContext, req: DeleteShareGroupStateRequest) -> DeleteShareGroupStateResponse {
    let results = req.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            let of = (topic.topic_id, wanted.partition);
            let done = act(cx, &req.group_id, of, |key| {
                cx.node.shares().coordinator()?.delete(key)?;
                cx.node.shares().forget(key);
                Ok(())
            });
            let (error_code, error_message) = error_of(&done);
            DeletedPartition {
                partition: wanted.partition,
                error_code,
                error_message,
            }
        });
        DeletedTopic {
            topic_id: topic.topic_id,
            partitions: partitions.collect(),
        }
    });
    DeleteShareGroupStateResponse {
        results: results.collect(),
    }
}
