//! DescribeQuorum (55), v0-2: the Raft quorum of the metadata, which is this node alone. KIP-595, KIP-853. It has no
//! controller listener, so no node's listeners are told.

use kafka_protocol::messages::describe_quorum_request::PartitionData as Asked;
use kafka_protocol::messages::describe_quorum_response::{Node, PartitionData, ReplicaState, TopicData};
use kafka_protocol::messages::{BrokerId, DescribeQuorumRequest, DescribeQuorumResponse};

use super::shared::text;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

const TOPIC: &str = "__cluster_metadata";

pub async fn handle(cx: &RequestContext, req: DescribeQuorumRequest) -> DescribeQuorumResponse {
    if let Err(e) = cx.authorize(Operation::Describe, Resource::Cluster) {
        return DescribeQuorumResponse::default()
            .with_error_code(e.code.code())
            .with_error_message(Some(text(e.code.message())));
    }
    let topics = req.topics.iter().map(|topic| {
        let is_it = |p: &Asked| topic.topic_name.as_str() == TOPIC && p.partition_index == 0;
        let row = |p: &Asked| {
            let answer = PartitionData::default().with_partition_index(p.partition_index);
            match is_it(p) {
                true => quorum(cx, answer),
                false => answer.with_error_code(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.code()),
            }
        };
        TopicData::default()
            .with_topic_name(topic.topic_name.clone())
            .with_partitions(topic.partitions.iter().map(row).collect())
    });
    DescribeQuorumResponse::default()
        .with_topics(topics.collect())
        .with_nodes(vec![Node::default().with_node_id(BrokerId(cx.node.id()))])
}

fn quorum(cx: &RequestContext, answer: PartitionData) -> PartitionData {
    let (id, now_ms) = (BrokerId(cx.node.id()), cx.node.now_ms());
    let end_offset = cx.node.controller().end_offset();
    let leader = ReplicaState::default()
        .with_replica_id(id)
        .with_log_end_offset(end_offset)
        .with_last_fetch_timestamp(now_ms)
        .with_last_caught_up_timestamp(now_ms);
    answer
        .with_leader_id(id)
        .with_leader_epoch(cx.node.controller().epoch())
        .with_high_watermark(end_offset)
        .with_current_voters(vec![leader])
}
