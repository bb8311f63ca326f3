//! Metadata (3), v0-13: brokers, topics, leaders. Mentioning a topic makes it where `auto.create.topics.enable` and the
//! client allow it. Topics by id from v12 on (KIP-516).

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::shared::{broker_ids, is_uncreatable, topic_name};
use crate::broker::metadata::{PartitionImage, TopicImage, names};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: MetadataRequest) -> MetadataResponse {
    // Version 0 has no way to ask for none: an empty list is all.
    let wanted = req.topics.filter(|topics| !(cx.api_version == 0 && topics.is_empty()));
    let may_create = cx.api_version < 4 || req.allow_auto_topic_creation;
    let with_operations = req.include_topic_authorized_operations;
    let mut topics: Vec<MetadataResponseTopic> = match wanted {
        None => {
            let image = cx.image();
            let visible = image.topics.values().filter(|t| may_describe(cx, &t.name));
            visible.map(|t| describe(cx, t)).collect()
        }
        Some(wanted) => wanted.iter().map(|t| one(cx, t, may_create)).collect(),
    };
    if with_operations {
        for topic in topics.iter_mut().filter(|t| t.error_code == 0) {
            let name = topic.name.clone().unwrap_or_default();
            topic.topic_authorized_operations = cx.authorized_operations(Resource::Topic(&name));
        }
    }
    let image = cx.image();
    let response = MetadataResponse::default()
        .with_brokers(brokers(cx))
        .with_cluster_id(Some(StrBytes::from_string(image.cluster_id.to_string())))
        .with_controller_id(BrokerId(cx.node.id()))
        .with_topics(topics);
    if req.include_cluster_authorized_operations {
        return response.with_cluster_authorized_operations(cx.cluster_authorized_operations());
    }
    response
}

fn brokers(cx: &RequestContext) -> Vec<MetadataResponseBroker> {
    let image = cx.image();
    let row = |b: &crate::broker::metadata::image::BrokerImage| {
        let at = b.listener(&cx.connection.listener)?;
        Some(
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(b.id))
                .with_host(StrBytes::from_string(at.host.clone()))
                .with_port(i32::from(at.port))
                .with_rack(b.rack.clone().map(StrBytes::from_string)),
        )
    };
    image.live_brokers().filter_map(row).collect()
}

/// Whoever may not see a topic is not told whether it is there.
fn may_describe(cx: &RequestContext, topic: &str) -> bool {
    cx.may(Operation::Describe, Resource::Topic(topic))
}

fn one(cx: &RequestContext, topic: &MetadataRequestTopic, may_create: bool) -> MetadataResponseTopic {
    // An id counts before a name, which then is empty rather than null with some clients.
    let Some(name) = topic.name.as_ref().filter(|_| topic.topic_id.is_nil()) else {
        // Version 12 must not say null, so an id without a name has the empty name there.
        let nameless = (cx.api_version < 13).then(TopicName::default);
        return match cx.image().topic_by_id(topic.topic_id) {
            Some(found) if may_describe(cx, &found.name) => describe(cx, found),
            // Ids are no secret, names are.
            Some(found) => error(nameless, found.id, ErrorCode::TOPIC_AUTHORIZATION_FAILED),
            None => error(nameless, topic.topic_id, ErrorCode::UNKNOWN_TOPIC_ID),
        };
    };
    let denied = || error(Some(name.clone()), Uuid::nil(), ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    if !may_describe(cx, name) {
        return denied();
    }
    if let Some(found) = cx.image().topic(name) {
        return describe(cx, found);
    }
    let would_create = may_create && cx.node.config().bool("auto.create.topics.enable");
    let create = |resource| cx.may(Operation::Create, resource);
    if would_create && !create(Resource::Cluster) && !create(Resource::Topic(name)) {
        return denied();
    }
    if names::validate(name).is_err() {
        return error(Some(name.clone()), Uuid::nil(), ErrorCode::INVALID_TOPIC_EXCEPTION);
    }
    if !would_create || is_uncreatable(name) {
        return error(Some(name.clone()), Uuid::nil(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
    match cx.node.auto_create_topic(name) {
        Ok(()) => match cx.image().topic(name) {
            Some(made) => describe(cx, made),
            None => error(Some(name.clone()), Uuid::nil(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        },
        Err(e) => error(Some(name.clone()), Uuid::nil(), e.code),
    }
}

fn error(name: Option<TopicName>, topic_id: Uuid, code: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_error_code(code.code())
        .with_name(name)
        .with_topic_id(topic_id)
}

fn describe(cx: &RequestContext, topic: &TopicImage) -> MetadataResponseTopic {
    let partitions = (0..).zip(&topic.partitions).map(|(index, p)| partition(cx, index, p));
    MetadataResponseTopic::default()
        .with_name(Some(topic_name(&topic.name)))
        .with_topic_id(topic.id)
        .with_is_internal(names::is_internal(&topic.name))
        .with_partitions(partitions.collect())
}

fn partition(cx: &RequestContext, index: i32, p: &PartitionImage) -> MetadataResponsePartition {
    let image = cx.image();
    let is_down = |id: &&i32| image.brokers.get(*id).is_none_or(|b| b.fenced);
    let offline: Vec<i32> = p.replicas.iter().filter(is_down).copied().collect();
    let code = if p.leader < 0 {
        ErrorCode::LEADER_NOT_AVAILABLE
    } else {
        ErrorCode::NONE
    };
    MetadataResponsePartition::default()
        .with_error_code(code.code())
        .with_partition_index(index)
        .with_leader_id(BrokerId(p.leader))
        .with_leader_epoch(p.leader_epoch)
        .with_replica_nodes(broker_ids(&p.replicas))
        .with_isr_nodes(broker_ids(&p.isr))
        .with_offline_replicas(broker_ids(&offline))
}
