//! Fetch (1), v4-18: records from the partitions this broker leads; waits on a notification until `min_bytes` are there.
//! Sessions (KIP-227), topics by id from v13 on (KIP-516), truncation detection (KIP-320, KIP-595).

use std::collections::HashMap;
use std::time::Duration;

use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use uuid::Uuid;

use super::fetch_reply::{FetchReply, TopicReply};
use crate::TopicPartition;
use crate::broker::quota::Kind;
use crate::broker::replica::fetch::{FetchParams, Isolation, PartitionData, PartitionFetch, fetch};
use crate::broker::replica::fetch_session::{
    INVALID_SESSION_ID, SessionContext, SessionKey, SessionPartition, SessionRequest, Told,
};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: FetchRequest) -> FetchReply {
    let by_id = cx.api_version >= 13;
    let params = params(cx, &req);
    let session = match cx
        .node
        .fetch_sessions()
        .open(session_request(req, by_id), cx.node.now_ms())
    {
        Ok(session) => session,
        Err(error) => {
            return FetchReply {
                error: error.code(),
                ..FetchReply::default()
            };
        }
    };
    let mut results = read(cx, params, &session).await;
    if let Some(throttled) = throttled(cx, params, &session, &results) {
        return throttled;
    }
    let told: Vec<Told> = results.iter().map(told).collect();
    let included = cx.node.fetch_sessions().close(&session, &told);
    let mut topics: Vec<TopicReply> = Vec::new();
    for (((key, _), data), included) in session.wanted.iter().zip(results.drain(..)).zip(included) {
        if !included {
            continue;
        }
        let same = |t: &TopicReply| t.name == key.topic && t.id == key.topic_id;
        if !topics.last().is_some_and(same) {
            topics.push(TopicReply {
                name: key.topic.clone(),
                id: key.topic_id,
                partitions: Vec::new(),
            });
        }
        if let Some(topic) = topics.last_mut() {
            topic.partitions.push((key.partition, data));
        }
    }
    FetchReply {
        error: 0,
        session_id: session.session_id,
        topics,
    }
}

/// The empty answer to a client that read too much already: what was read is not sent, and does not count.
fn throttled(
    cx: &RequestContext,
    params: FetchParams,
    session: &SessionContext,
    results: &[PartitionData],
) -> Option<FetchReply> {
    let (quotas, image, who) = (cx.node.quotas(), cx.image(), cx.quota_client());
    if params.isolation == Isolation::LogEnd || !quotas.has_limit(&image, Kind::Fetch, who) {
        return None;
    }
    let bytes = results.iter().map(PartitionData::len).sum::<usize>() as f64;
    let now_ms = cx.node.now_ms();
    let throttle_ms = quotas.record(&image, Kind::Fetch, who, bytes, now_ms);
    if throttle_ms == 0 {
        return None;
    }
    cx.throttle(throttle_ms);
    quotas.unrecord(&image, Kind::Fetch, who, bytes, now_ms);
    let mut session_id = session.session_id;
    if !session.is_incremental {
        cx.node.fetch_sessions().forget(session_id);
        session_id = INVALID_SESSION_ID;
    }
    Some(FetchReply {
        session_id,
        ..FetchReply::default()
    })
}

fn params(cx: &RequestContext, req: &FetchRequest) -> FetchParams {
    let limit = usize::try_from(cx.node.config().i64("fetch.max.bytes")).unwrap_or(0);
    let quota = cx.node.quotas().max_fetch_bytes(&cx.image(), cx.quota_client());
    let limit = limit.min(quota.unwrap_or(limit));
    let replica_id = if cx.api_version >= 15 {
        req.replica_state.replica_id.0
    } else {
        req.replica_id.0
    };
    FetchParams {
        isolation: match (replica_id >= 0, req.isolation_level) {
            (true, _) => Isolation::LogEnd,
            (false, 1) => Isolation::Committed,
            _ => Isolation::HighWatermark,
        },
        min_bytes: usize::try_from(req.min_bytes).unwrap_or(0),
        max_bytes: usize::try_from(req.max_bytes).unwrap_or(0).min(limit),
        max_wait: Duration::from_millis(u64::try_from(req.max_wait_ms).unwrap_or(0)),
    }
}

fn session_request(req: FetchRequest, by_id: bool) -> SessionRequest {
    let key = |topic: &str, topic_id: Uuid, partition: i32| {
        let topic = if by_id { String::new() } else { topic.to_owned() };
        SessionKey {
            topic,
            topic_id: if by_id { topic_id } else { Uuid::nil() },
            partition,
        }
    };
    let wanted = |t: &FetchTopic, p: &FetchPartition| {
        let partition = SessionPartition {
            fetch_offset: p.fetch_offset,
            max_bytes: p.partition_max_bytes,
            current_leader_epoch: p.current_leader_epoch,
            last_fetched_epoch: p.last_fetched_epoch,
            high_watermark: -1,
            log_start_offset: -1,
        };
        (key(&t.topic, t.topic_id, p.partition), partition)
    };
    let partitions = req
        .topics
        .iter()
        .flat_map(|t| t.partitions.iter().map(move |p| wanted(t, p)))
        .collect();
    let forgotten = req.forgotten_topics_data.iter();
    let forgotten = forgotten
        .flat_map(|t| t.partitions.iter().map(move |p| key(&t.topic, t.topic_id, *p)))
        .collect();
    SessionRequest {
        session_id: req.session_id,
        epoch: req.session_epoch,
        uses_topic_ids: by_id,
        partitions,
        forgotten,
    }
}

/// Results in the order of the session's partitions; those that have no topic are errors.
async fn read(cx: &RequestContext, params: FetchParams, session: &SessionContext) -> Vec<PartitionData> {
    let is_follower = params.isolation == Isolation::LogEnd;
    let may_follow = is_follower && cx.may(Operation::ClusterAction, Resource::Cluster);
    let may_read = |topic: &str| match is_follower {
        true => may_follow,
        false => cx.may(Operation::Read, Resource::Topic(topic)),
    };
    let image = cx.image();
    let mut slots: Vec<Option<PartitionData>> = Vec::with_capacity(session.wanted.len());
    let mut wanted = Vec::with_capacity(session.wanted.len());
    let mut names: HashMap<Uuid, Option<std::sync::Arc<str>>> = HashMap::new();
    for (key, p) in &session.wanted {
        let topic = if key.topic_id.is_nil() {
            Some(std::sync::Arc::from(key.topic.as_str()))
        } else {
            let find = || image.topic_by_id(key.topic_id).map(|t| t.name.clone());
            names.entry(key.topic_id).or_insert_with(find).clone()
        };
        let Some(topic) = topic else {
            slots.push(Some(PartitionData::error(ErrorCode::UNKNOWN_TOPIC_ID)));
            continue;
        };
        if !may_read(&topic) {
            slots.push(Some(PartitionData::error(ErrorCode::TOPIC_AUTHORIZATION_FAILED)));
            continue;
        }
        slots.push(None);
        wanted.push(PartitionFetch {
            tp: TopicPartition {
                topic,
                partition: key.partition,
            },
            fetch_offset: p.fetch_offset,
            max_bytes: usize::try_from(p.max_bytes).unwrap_or(0),
            current_leader_epoch: p.current_leader_epoch,
            last_fetched_epoch: p.last_fetched_epoch,
        });
    }
    let has_errors = slots.iter().any(Option::is_some);
    let params = if has_errors {
        FetchParams {
            max_wait: Duration::ZERO,
            ..params
        }
    } else {
        params
    };
    let mut read = fetch(cx.replicas(), params, &wanted, &mut cx.node.shutdown_signal())
        .await
        .into_iter();
    let fill = |slot: Option<PartitionData>| {
        slot.or_else(|| read.next())
            .unwrap_or_else(|| PartitionData::error(ErrorCode::UNKNOWN_SERVER_ERROR))
    };
    slots.into_iter().map(fill).collect()
}

fn told(data: &PartitionData) -> Told {
    Told {
        high_watermark: data.high_watermark,
        log_start_offset: data.log_start_offset,
        has_records: !data.is_empty(),
        is_special: data.error != ErrorCode::NONE || data.diverging.is_some(),
    }
}
