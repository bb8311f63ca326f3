//! DescribeTopicPartitions (75), v0: partitions of topics in pages (KIP-966).

use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::{BrokerId, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, TopicName};

use super::shared::{broker_ids, topic_name};
use crate::broker::metadata::{PartitionImage, TopicImage, names};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let image = cx.image();
    let all = req.topics.is_empty();
    let mut wanted: Vec<String> = if all {
        image.topics.keys().map(|name| name.to_string()).collect()
    } else {
        req.topics.iter().map(|t| t.name.to_string()).collect()
    };
    wanted.sort();
    wanted.dedup();
    let start = req
        .cursor
        .as_ref()
        .map(|c| (c.topic_name.to_string(), c.partition_index.max(0)));
    if let Some((from, _)) = &start {
        wanted.retain(|name| name >= from);
    }
    let (wanted, hidden): (Vec<_>, Vec<_>) = wanted
        .into_iter()
        .partition(|name| cx.may(Operation::Describe, Resource::Topic(name)));
    let limit = req
        .response_partition_limit
        .min(cx.node.config().i32("max.request.partition.size.limit"))
        .max(1);
    let mut left = limit as usize;
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in wanted {
        if left == 0 {
            response.next_cursor = Some(cursor(&name, 0));
            break;
        }
        let Some(topic) = image.topic(&name) else {
            response.topics.push(missing(cx, &name));
            continue;
        };
        let first = start
            .as_ref()
            .filter(|(from, _)| *from == name)
            .map_or(0, |(_, partition)| *partition as usize);
        let page = topic.partitions.iter().enumerate().skip(first).take(left);
        let partitions: Vec<_> = page.map(|(index, p)| partition(cx, index as i32, p)).collect();
        let next = first + partitions.len();
        left -= partitions.len();
        response.topics.push(describe(cx, topic, partitions));
        if next < topic.partitions.len() {
            response.next_cursor = Some(cursor(&name, next as i32));
            break;
        }
    }
    // Whether these are there is not told; of all topics they are left out.
    if !all {
        response.topics.extend(hidden.iter().map(|name| {
            DescribeTopicPartitionsResponseTopic::default()
                .with_error_code(ErrorCode::TOPIC_AUTHORIZATION_FAILED.code())
                .with_name(Some(topic_name(name)))
        }));
    }
    response
}

fn cursor(topic: &str, partition: i32) -> Cursor {
    Cursor::default()
        .with_topic_name(topic_name(topic))
        .with_partition_index(partition)
}

fn missing(cx: &RequestContext, name: &str) -> DescribeTopicPartitionsResponseTopic {
    let code = match names::validate(name) {
        Ok(()) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        Err(e) => e.code,
    };
    DescribeTopicPartitionsResponseTopic::default()
        .with_error_code(code.code())
        .with_name(Some(TopicName(name.to_owned().into())))
        .with_is_internal(names::is_internal(name))
        .with_topic_authorized_operations(cx.authorized_operations(Resource::Topic(name)))
}

fn describe(
    cx: &RequestContext,
    topic: &TopicImage,
    partitions: Vec<DescribeTopicPartitionsResponsePartition>,
) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(topic_name(&topic.name)))
        .with_topic_id(topic.id)
        .with_is_internal(names::is_internal(&topic.name))
        .with_partitions(partitions)
        .with_topic_authorized_operations(cx.authorized_operations(Resource::Topic(&topic.name)))
}

fn partition(cx: &RequestContext, index: i32, p: &PartitionImage) -> DescribeTopicPartitionsResponsePartition {
    let image = cx.image();
    let is_down = |id: &&i32| image.brokers.get(*id).is_none_or(|b| b.fenced);
    let offline: Vec<i32> = p.replicas.iter().filter(is_down).copied().collect();
    let code = if p.leader < 0 {
        ErrorCode::LEADER_NOT_AVAILABLE
    } else {
        ErrorCode::NONE
    };
    // Java's Admin does not survive null lists of eligible replicas.
    DescribeTopicPartitionsResponsePartition::default()
        .with_error_code(code.code())
        .with_partition_index(index)
        .with_leader_id(BrokerId(p.leader))
        .with_leader_epoch(p.leader_epoch)
        .with_replica_nodes(broker_ids(&p.replicas))
        .with_isr_nodes(broker_ids(&p.isr))
        .with_eligible_leader_replicas(Some(broker_ids(&p.eligible_leader_replicas)))
        .with_last_known_elr(Some(broker_ids(&p.last_known_elr)))
        .with_offline_replicas(broker_ids(&offline))
}
