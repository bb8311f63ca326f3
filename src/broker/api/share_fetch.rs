//! ShareFetch (78), v1-2. Acquires records for a member of a share group, and takes what it says of those it has. KIP-932;
//! v2 renews locks (KIP-1222) and takes records one by one (KIP-1206).

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::ShareFetchResponse as Answer;
use kafka_protocol::messages::share_fetch_response::{
    AcquiredRecords, LeaderIdAndEpoch, PartitionData, ShareFetchableTopicResponse,
};

use super::shared::text;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::share::GroupSettings;
use crate::broker::share::fetch::{ShareFetch, ShareFetched};
use crate::broker::share::partition::{AckBatch, AckError};
use crate::broker::share::session::{FINAL_EPOCH, FetchSession, INITIAL_EPOCH, IdPartition, SessionKey};
use crate::wire::ErrorCode;
use crate::wire::share::{AcknowledgementBatch, ShareFetchRequest, ShareFetchResponse, ShareTopic};

/// `share_acquire_mode` of those who want no record above their limit.
const RECORD_LIMIT: i8 = 1;

/// The acknowledgements of one partition.
pub type Acknowledgements = Vec<(IdPartition, Vec<AckBatch>)>;

pub async fn handle(cx: &RequestContext, req: ShareFetchRequest) -> ShareFetchResponse {
    let refused = |code: ErrorCode| {
        Answer::default()
            .with_error_code(code.code())
            .with_error_message(Some(text(code.message())))
    };
    ShareFetchResponse(fetch(cx, &req).await.unwrap_or_else(refused))
}

async fn fetch(cx: &RequestContext, req: &ShareFetchRequest) -> Result<Answer, ErrorCode> {
    let session = session_key(cx, req.group_id.as_ref().map(|g| g.as_str()), req.member_id.as_deref())?;
    let acknowledgements: Acknowledgements = acknowledgements(&req.topics)
        .filter(|(_, batches)| !batches.is_empty())
        .collect();
    let settings = GroupSettings::of(&cx.node, &session.group_id);
    let shares = cx.node.shares();
    let opened = shares.sessions().open(&FetchSession {
        key: session.clone(),
        epoch: req.share_session_epoch,
        added: added(req),
        forgotten: forgotten(req),
        has_acknowledgements: !acknowledgements.is_empty(),
        connection: cx.connection.id,
    })?;
    shares.release(&session, &opened.ended);
    let settings = settings.with_renewal(req.is_renew_ack);
    let acknowledged = acknowledge_all(cx, &session, &settings, acknowledgements);
    if req.share_session_epoch == FINAL_EPOCH {
        shares.close_session(&session);
        return Ok(response(&settings, Vec::new(), acknowledged, false));
    }
    // Who renews locks has records enough.
    let wanted = if req.is_renew_ack { &[][..] } else { &opened.wanted };
    let (allowed, denied) = split(cx, wanted);
    let limit = usize::try_from(cx.node.config().i64("fetch.max.bytes")).unwrap_or(0);
    let params = ShareFetch {
        session,
        settings,
        // Who brought acknowledgements wants to hear of them; Kafka answers when there are records or the time is over.
        max_wait: Duration::from_millis(u64::try_from(req.max_wait_ms).unwrap_or(0)),
        min_bytes: usize::try_from(req.min_bytes).unwrap_or(0),
        max_bytes: usize::try_from(req.max_bytes).unwrap_or(0).min(limit),
        max_records: req.max_records,
        batch_size: req.batch_size,
        is_strict: req.share_acquire_mode == RECORD_LIMIT,
    };
    let fetched = shares.fetch(&params, &allowed).await;
    let mut results: Vec<(IdPartition, Result<ShareFetched, ErrorCode>)> = Vec::new();
    for (partition, fetched) in allowed.into_iter().zip(fetched) {
        let result = match fetched.error {
            ErrorCode::NONE => Ok(fetched),
            error => Err(error),
        };
        results.push((partition, result));
    }
    results.extend(denied.into_iter().map(|(partition, error)| (partition, Err(error))));
    let is_full = req.share_session_epoch == INITIAL_EPOCH;
    Ok(response(&settings, results, acknowledged, is_full))
}

/// Who asks; may it read with the group?
pub fn session_key(cx: &RequestContext, group: Option<&str>, member: Option<&str>) -> Result<SessionKey, ErrorCode> {
    let (Some(group_id), Some(member_id)) = (group, member) else {
        return Err(ErrorCode::INVALID_REQUEST);
    };
    if group_id.is_empty() || member_id.is_empty() {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    cx.authorize(Operation::Read, Resource::Group(group_id))
        .map_err(|_| ErrorCode::GROUP_AUTHORIZATION_FAILED)?;
    Ok(SessionKey {
        group_id: group_id.to_owned(),
        member_id: member_id.to_owned(),
    })
}

fn added(req: &ShareFetchRequest) -> Vec<IdPartition> {
    let each = req.topics.iter();
    each.flat_map(|t| t.partitions.iter().map(|p| (t.topic_id, p.partition_index)))
        .collect()
}

fn forgotten(req: &ShareFetchRequest) -> Vec<IdPartition> {
    let each = req.forgotten_topics_data.iter();
    each.flat_map(|t| t.partitions.iter().map(|p| (t.topic_id, *p)))
        .collect()
}

/// What is said of each partition, and be it nothing.
pub fn acknowledgements(topics: &[ShareTopic]) -> impl Iterator<Item = (IdPartition, Vec<AckBatch>)> {
    let batch = |batch: &AcknowledgementBatch| AckBatch {
        first: batch.first_offset,
        last: batch.last_offset,
        types: batch.acknowledge_types.clone(),
    };
    topics.iter().flat_map(move |topic| {
        topic.partitions.iter().map(move |partition| {
            let batches = partition.acknowledgement_batches.iter().map(batch).collect();
            ((topic.topic_id, partition.partition_index), batches)
        })
    })
}

/// Takes all acknowledgements of a request, each partition for itself.
pub fn acknowledge_all(
    cx: &RequestContext,
    session: &SessionKey,
    settings: &GroupSettings,
    acknowledgements: Acknowledgements,
) -> Vec<(IdPartition, Result<(), AckError>)> {
    let (allowed, denied) = split(cx, &acknowledgements.iter().map(|(p, _)| *p).collect::<Vec<_>>());
    let mut results = Vec::with_capacity(acknowledgements.len());
    for (partition, batches) in acknowledgements.iter().filter(|(p, _)| allowed.contains(p)) {
        let result = cx.node.shares().acknowledge(session, *partition, batches, settings);
        results.push((*partition, result));
    }
    let refused = |code: ErrorCode| AckError {
        code,
        message: code.message(),
    };
    results.extend(
        denied
            .into_iter()
            .map(|(partition, code)| (partition, Err(refused(code)))),
    );
    results
}

/// The partitions that are there and may be read, and why the others may not.
fn split(cx: &RequestContext, partitions: &[IdPartition]) -> (Vec<IdPartition>, Vec<(IdPartition, ErrorCode)>) {
    let image = cx.image();
    let (mut allowed, mut denied) = (Vec::new(), Vec::new());
    for (topic_id, partition) in partitions {
        let check = || -> Result<(), ErrorCode> {
            let topic = image.topic_by_id(*topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?;
            cx.authorize(Operation::Read, Resource::Topic(&topic.name))
                .map_err(|_| ErrorCode::TOPIC_AUTHORIZATION_FAILED)?;
            let there = image.partition(&topic.name, *partition);
            there.map(drop).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
        };
        match check() {
            Ok(()) => allowed.push((*topic_id, *partition)),
            Err(code) => denied.push(((*topic_id, *partition), code)),
        }
    }
    (allowed, denied)
}

/// A continued session is told of partitions only that have something to say.
fn response(
    settings: &GroupSettings,
    fetched: Vec<(IdPartition, Result<ShareFetched, ErrorCode>)>,
    acknowledged: Vec<(IdPartition, Result<(), AckError>)>,
    is_full: bool,
) -> Answer {
    let mut partitions: BTreeMap<IdPartition, PartitionData> = BTreeMap::new();
    for (partition, result) in fetched {
        match result {
            Ok(fetched) if is_full || !fetched.acquired.is_empty() => {
                partitions.insert(partition, with_records(partition.1, fetched));
            }
            Ok(_) => {}
            Err(code) => {
                let data = empty(partition.1)
                    .with_error_code(code.code())
                    .with_error_message(Some(text(code.message())));
                partitions.insert(partition, data);
            }
        }
    }
    for (partition, result) in acknowledged {
        let data = partitions.entry(partition).or_insert_with(|| empty(partition.1));
        if let Err(error) = result {
            data.acknowledge_error_code = error.code.code();
            data.acknowledge_error_message = Some(text(error.message));
        }
    }
    let mut topics: Vec<ShareFetchableTopicResponse> = Vec::new();
    for ((topic_id, _), data) in partitions {
        match topics.last_mut() {
            Some(topic) if topic.topic_id == topic_id => topic.partitions.push(data),
            _ => topics.push(
                ShareFetchableTopicResponse::default()
                    .with_topic_id(topic_id)
                    .with_partitions(vec![data]),
            ),
        }
    }
    Answer::default()
        .with_acquisition_lock_timeout_ms(settings.limits.lock_duration_ms)
        .with_responses(topics)
}

fn empty(partition: i32) -> PartitionData {
    PartitionData::default()
        .with_partition_index(partition)
        .with_current_leader(LeaderIdAndEpoch::default())
        .with_records(Some(bytes::Bytes::new()))
}

fn with_records(partition: i32, fetched: ShareFetched) -> PartitionData {
    let acquired = fetched.acquired.iter().map(|acquired| {
        AcquiredRecords::default()
            .with_first_offset(acquired.first)
            .with_last_offset(acquired.last)
            .with_delivery_count(acquired.delivery_count)
    });
    empty(partition)
        .with_acquired_records(acquired.collect())
        .with_records(Some(fetched.records))
}
