//! ListPartitionReassignments (46), v0: moves that are going on. KIP-455.

use kafka_protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use kafka_protocol::messages::{ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse};

use super::shared::{broker_ids, text, topic_name};
use crate::broker::request::{Operation, RequestContext, Resource};

pub async fn handle(cx: &RequestContext, req: ListPartitionReassignmentsRequest) -> ListPartitionReassignmentsResponse {
    let answer = ListPartitionReassignmentsResponse::default().with_error_message(None);
    if let Err(e) = cx.authorize(Operation::Describe, Resource::Cluster) {
        let partition = |index: &i32| OngoingPartitionReassignment::default().with_partition_index(*index);
        let asked = req.topics.iter().flatten().map(|t| {
            OngoingTopicReassignment::default()
                .with_name(t.name.clone())
                .with_partitions(t.partition_indexes.iter().map(partition).collect())
        });
        return answer
            .with_topics(asked.collect())
            .with_error_code(e.code.code())
            .with_error_message(Some(text(&e.text())));
    }
    let is_wanted = |topic: &str, partition: i32| match &req.topics {
        None => true,
        Some(topics) => topics
            .iter()
            .any(|t| t.name.as_str() == topic && t.partition_indexes.contains(&partition)),
    };
    let image = cx.image();
    let ongoing = image.topics.values().filter_map(|topic| {
        let moves: Vec<_> = (0..)
            .zip(&topic.partitions)
            .filter(|(index, p)| p.is_reassigning() && is_wanted(&topic.name, *index))
            .map(|(index, p)| {
                OngoingPartitionReassignment::default()
                    .with_partition_index(index)
                    .with_replicas(broker_ids(&p.replicas))
                    .with_adding_replicas(broker_ids(&p.adding_replicas))
                    .with_removing_replicas(broker_ids(&p.removing_replicas))
            })
            .collect();
        let row = OngoingTopicReassignment::default().with_name(topic_name(&topic.name));
        (!moves.is_empty()).then(|| row.with_partitions(moves))
    });
    answer.with_topics(ongoing.collect())
}
