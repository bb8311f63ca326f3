//! The fetching thread: a task for each leader, and one that finds the leaders.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{FetchRequest, FetchResponse, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::{StrBytes, VersionRange};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use super::data::{Aborted, End, Fetched, NO_EPOCH, end_of};
use super::position::{Start, resolve};
use super::{FetchSettings, FetchStatistics};
use crate::TopicPartition;
use crate::client::admin::{Admin, IsolationLevel};
use crate::client::cluster::{Target, Verdict};
use crate::client::config::ConnectConfig;
use crate::client::conn::Conn;
use crate::client::error::ApiError;
use crate::wire::ErrorCode;

/// The first version that names topics by their ids, and the last that does by their names.
const FIRST_WITH_IDS: i16 = 13;
/// The first version that takes the epoch of what was read last (KIP-595).
const FIRST_WITH_FETCHED_EPOCH: i16 = 12;
/// How long to wait before a partition without a leader is looked up again (`retry.backoff.ms`).
const BACKOFF: Duration = Duration::from_millis(100);

type Out = mpsc::UnboundedSender<Result<Fetched, ApiError>>;

/// What all tasks share.
struct Shared {
    settings: FetchSettings,
    statistics: Arc<Mutex<FetchStatistics>>,
    out: Out,
    /// Partitions whose leader is to be looked up.
    lost: mpsc::UnboundedSender<Vec<Wanted>>,
    /// A permit for each KiB.
    room: Arc<Semaphore>,
    room_total: u32,
}

/// A partition whose leader is to be found.
#[derive(Debug, Clone)]
struct Wanted {
    partition: TopicPartition,
    start: Start,
    /// As [`Place::fetched_epoch`].
    fetched_epoch: i32,
}

/// A partition as its leader's task knows it.
#[derive(Debug, Clone)]
struct Place {
    partition: TopicPartition,
    topic_id: Uuid,
    leader_epoch: i32,
    offset: i64,
    /// The epoch of the record in front of `offset`: a leader whose log differs there says so. -1 if it is not known.
    fetched_epoch: i32,
}

impl Place {
    /// To be looked up, and read from `start`.
    fn lost(self, start: Start) -> Wanted {
        let goes_on = start == Start::Offset(self.offset);
        Wanted {
            partition: self.partition,
            start,
            fetched_epoch: if goes_on { self.fetched_epoch } else { NO_EPOCH },
        }
    }
}

/// Reads for ever.
///
/// # Errors
/// Those after which Java's consumer gives up.
pub(super) async fn read(
    connect: &ConnectConfig,
    (settings, statistics): (FetchSettings, Arc<Mutex<FetchStatistics>>),
    partitions: Vec<(TopicPartition, Start)>,
    out: &Out,
) -> Result<(), ApiError> {
    let admin = Admin::connect(connect).await?;
    let (lost, mut found_lost) = mpsc::unbounded_channel();
    let room_total = u32::try_from(settings.buffer_bytes / 1024)
        .unwrap_or(u32::MAX >> 4)
        .max(1);
    let shared = Arc::new(Shared {
        settings,
        statistics,
        out: out.clone(),
        lost,
        room: Arc::new(Semaphore::new(room_total as usize)),
        room_total,
    });
    let mut tasks = tokio::task::JoinSet::new();
    let as_wanted = |(partition, start)| Wanted {
        partition,
        start,
        fetched_epoch: NO_EPOCH,
    };
    let mut next: Vec<Wanted> = partitions.into_iter().map(as_wanted).collect();
    let mut first = true;
    loop {
        if !next.is_empty() {
            if !first {
                tokio::time::sleep(BACKOFF).await;
            }
            first = false;
            for (leader, places) in by_leader(&admin, &shared, next).await? {
                tasks.spawn(follow(admin.clone(), shared.clone(), leader, places));
            }
        }
        next = tokio::select! {
            Some(lost) = found_lost.recv() => lost,
            Some(end) = tasks.join_next() => match end {
                Ok(Err(e)) => return Err(e),
                Ok(Ok(())) => Vec::new(),
                Err(e) => return Err(ApiError::kafka(format!("a fetching task ended: {e}"))),
            },
            // Nothing to read, for ever: the caller hears nothing, as with an empty assignment.
            else => std::future::pending().await,
        };
    }
}

/// Looks up leaders and offsets. Partitions that have no leader now are given back to be asked for again.
async fn by_leader(admin: &Admin, shared: &Shared, wanted: Vec<Wanted>) -> Result<Vec<(i32, Vec<Place>)>, ApiError> {
    let found = metadata(admin, &wanted).await?;
    let mut waiting = Vec::new();
    let mut ready = Vec::new();
    for wanted in wanted {
        match leader_of(&found, &wanted.partition)? {
            Some(leader) => ready.push((wanted, leader)),
            None => waiting.push(wanted),
        }
    }
    if !waiting.is_empty() {
        // The receiver lives as long as the loop that calls this.
        let _ = shared.lost.send(waiting);
    }
    let starts = ready
        .iter()
        .map(|(wanted, _)| (wanted.partition.clone(), wanted.start))
        .collect();
    let offsets: HashMap<TopicPartition, i64> = resolve(admin, shared.settings.isolation, starts)
        .await?
        .into_iter()
        .collect();
    let mut leaders: HashMap<i32, Vec<Place>> = HashMap::new();
    for (wanted, (leader, leader_epoch, topic_id)) in ready {
        leaders.entry(leader).or_default().push(Place {
            offset: offsets.get(&wanted.partition).copied().unwrap_or_default(),
            partition: wanted.partition,
            topic_id,
            leader_epoch,
            fetched_epoch: wanted.fetched_epoch,
        });
    }
    Ok(leaders.into_iter().collect())
}

async fn metadata(admin: &Admin, wanted: &[Wanted]) -> Result<MetadataResponse, ApiError> {
    let mut names: Vec<Arc<str>> = wanted.iter().map(|wanted| wanted.partition.topic.clone()).collect();
    names.sort();
    names.dedup();
    let make = |_| {
        let topic = |name: &Arc<str>| {
            MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(name.to_string()))))
        };
        MetadataRequest::default()
            .with_topics(Some(names.iter().map(topic).collect()))
            .with_allow_auto_topic_creation(false)
    };
    admin
        .request("fetch(api=METADATA)", Target::Any, make, |_| Verdict::Done)
        .await
}

/// Leader, its epoch and the topic's id; `None` if there is no leader for now.
fn leader_of(found: &MetadataResponse, of: &TopicPartition) -> Result<Option<(i32, i32, Uuid)>, ApiError> {
    let Some(topic) = found
        .topics
        .iter()
        .find(|t| t.name.as_ref().is_some_and(|name| **name == *of.topic))
    else {
        return Ok(None);
    };
    match ErrorCode::from(topic.error_code) {
        ErrorCode::NONE => {}
        code if code.is_retriable() => return Ok(None),
        code => return Err(unreadable(code, of)),
    }
    let partition = topic.partitions.iter().find(|p| p.partition_index == of.partition);
    Ok(partition
        .filter(|p| p.leader_id.0 >= 0 && p.error_code != ErrorCode::LEADER_NOT_AVAILABLE.code())
        .map(|p| (p.leader_id.0, p.leader_epoch, topic.topic_id)))
}

fn unreadable(code: ErrorCode, partition: &TopicPartition) -> ApiError {
    if code == ErrorCode::TOPIC_AUTHORIZATION_FAILED {
        return ApiError::with_text(code, format!("Not authorized to access topics: [{}]", partition.topic));
    }
    ApiError::new(code, None)
}

/// Fetches from one leader until nothing is left to fetch there.
async fn follow(admin: Admin, shared: Arc<Shared>, leader: i32, mut places: Vec<Place>) -> Result<(), ApiError> {
    let conn = match admin.dedicated_connection(leader).await {
        Ok(conn) => conn,
        Err(e) if e.is_retriable() => {
            admin.forget_nodes();
            shared.lose(places);
            return Ok(());
        }
        Err(e) => return Err(e),
    };
    while !places.is_empty() {
        let with_ids = places.iter().all(|place| !place.topic_id.is_nil());
        let max = if with_ids { i16::MAX } else { FIRST_WITH_IDS - 1 };
        let version = conn.version_within::<FetchRequest>(VersionRange { min: 0, max })?;
        let asked = Instant::now();
        let response = fetch(&admin, &conn, &shared, version, &places).await;
        if let Ok(response) = &response {
            shared.count(response, asked.elapsed());
        }
        match response {
            Ok(response) => places = shared.take(response, version, places).await?,
            Err(e) if e.is_retriable() => {
                admin.forget_nodes();
                shared.lose(std::mem::take(&mut places));
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

async fn fetch(
    admin: &Admin,
    conn: &Conn,
    shared: &Shared,
    version: i16,
    places: &[Place],
) -> Result<FetchResponse, ApiError> {
    let settings = &shared.settings;
    let mut topics: Vec<FetchTopic> = Vec::new();
    let mut at: HashMap<&str, usize> = HashMap::new();
    for place in places {
        let index = *at.entry(&place.partition.topic).or_insert_with(|| {
            let topic = FetchTopic::default();
            topics.push(if version >= FIRST_WITH_IDS {
                topic.with_topic_id(place.topic_id)
            } else {
                topic.with_topic(TopicName(StrBytes::from_string(place.partition.topic.to_string())))
            });
            topics.len() - 1
        });
        let is_compared = version >= FIRST_WITH_FETCHED_EPOCH;
        topics[index].partitions.push(
            FetchPartition::default()
                .with_partition(place.partition.partition)
                .with_current_leader_epoch(place.leader_epoch)
                .with_fetch_offset(place.offset)
                .with_last_fetched_epoch(if is_compared { place.fetched_epoch } else { NO_EPOCH })
                .with_partition_max_bytes(settings.partition_bytes),
        );
    }
    let request = FetchRequest::default()
        .with_max_wait_ms(settings.max_wait_ms)
        .with_min_bytes(settings.min_bytes)
        .with_max_bytes(settings.response_bytes)
        .with_isolation_level(i8::from(settings.isolation == IsolationLevel::ReadCommitted))
        .with_topics(topics);
    let wait = Duration::from_millis(u64::try_from(settings.max_wait_ms).unwrap_or(0));
    conn.call(&request, version, admin.request_timeout() + wait).await
}

/// What became of a partition in a response.
enum Outcome {
    /// Records, and the epoch of the last.
    Data(Fetched, i32),
    Nothing,
    /// What was read last is gone from the log, which has others from this offset on.
    Truncated(End),
    /// Its leader is to be looked up.
    Lost(Start),
}

impl Shared {
    fn count(&self, response: &FetchResponse, took: Duration) {
        let mut statistics = self.statistics.lock();
        statistics.latency_ms.add(took.as_secs_f64() * 1000.0);
        statistics.throttle_ms.add(f64::from(response.throttle_time_ms));
        let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
        let bytes: usize = partitions.filter_map(|p| p.records.as_ref()).map(Bytes::len).sum();
        if bytes > 0 {
            #[allow(clippy::cast_precision_loss)] // a response is smaller than 2^31
            statistics.response_bytes.add(bytes as f64);
        }
    }

    fn lose(&self, places: Vec<Place>) {
        let lost = places.into_iter().map(|place| {
            let start = Start::Offset(place.offset);
            place.lost(start)
        });
        // Nobody listens any more: the fetcher is being dropped.
        let _ = self.lost.send(lost.collect());
    }

    /// Hands data on and moves the places; those whose partition was lost are gone from the answer.
    async fn take(
        &self,
        response: FetchResponse,
        version: i16,
        mut places: Vec<Place>,
    ) -> Result<Vec<Place>, ApiError> {
        match ErrorCode::from(response.error_code) {
            ErrorCode::NONE => {}
            code if code.is_retriable() => {
                self.lose(places);
                return Ok(Vec::new());
            }
            code => return Err(ApiError::new(code, None)),
        }
        let mut lost = Vec::new();
        let mut got = 0;
        for topic in response.responses {
            for data in topic.partitions {
                let is_it = |place: &Place| {
                    place.partition.partition == data.partition_index
                        && match version >= FIRST_WITH_IDS {
                            true => place.topic_id == topic.topic_id,
                            false => *place.partition.topic == **topic.topic,
                        }
                };
                let Some(index) = places.iter().position(is_it) else {
                    continue;
                };
                match self.look_at(data, &places[index])? {
                    Outcome::Nothing => {}
                    Outcome::Lost(start) => lost.push(places.remove(index).lost(start)),
                    Outcome::Truncated(end) => {
                        places[index].offset = end.offset;
                        places[index].fetched_epoch = end.leader_epoch;
                    }
                    Outcome::Data(fetched, epoch) => {
                        // Those that had data stand behind the others next time.
                        let mut place = places.remove(index);
                        place.offset = fetched.next_offset;
                        place.fetched_epoch = epoch;
                        places.push(place);
                        got += 1;
                        self.hand_on(fetched).await?;
                    }
                }
            }
        }
        debug_assert!(got <= places.len());
        if !lost.is_empty() {
            let _ = self.lost.send(lost);
        }
        Ok(places)
    }

    async fn hand_on(&self, mut fetched: Fetched) -> Result<(), ApiError> {
        let kib = u32::try_from(fetched.records.len() / 1024 + 1).unwrap_or(u32::MAX);
        let permit = self.room.clone().acquire_many_owned(kib.min(self.room_total)).await;
        fetched._share = permit.ok().map(Arc::new);
        // Nobody listens any more: the fetcher is being dropped.
        let _ = self.out.send(Ok(fetched));
        Ok(())
    }

    fn look_at(&self, data: PartitionData, place: &Place) -> Result<Outcome, ApiError> {
        let stay = Start::Offset(place.offset);
        match ErrorCode::from(data.error_code) {
            ErrorCode::NONE if data.diverging_epoch.end_offset >= 0 => self.truncated(&data, place),
            ErrorCode::NONE => self.records(data, place),
            ErrorCode::OFFSET_OUT_OF_RANGE => match self.settings.reset {
                Some(start) => Ok(Outcome::Lost(start)),
                None => Err(ApiError::of_class(
                    "org.apache.kafka.clients.consumer.OffsetOutOfRangeException",
                    format!(
                        "Fetch position {} is out of range for partition {}, raising error to the application since no reset policy is configured.",
                        place.offset, place.partition
                    ),
                )),
            },
            code if code.is_retriable()
                || matches!(code, ErrorCode::UNKNOWN_SERVER_ERROR | ErrorCode::INCONSISTENT_TOPIC_ID) =>
            {
                Ok(Outcome::Lost(stay))
            }
            code => Err(unreadable(code, &place.partition)),
        }
    }

    /// `FetchCollector` goes on where the logs begin to differ, unless there is no `auto.offset.reset`.
    fn truncated(&self, data: &PartitionData, place: &Place) -> Result<Outcome, ApiError> {
        let end = End {
            offset: data.diverging_epoch.end_offset.min(place.offset),
            leader_epoch: data.diverging_epoch.epoch,
        };
        match self.settings.reset {
            Some(_) => Ok(Outcome::Truncated(end)),
            None => Err(ApiError::of_class(
                "org.apache.kafka.clients.consumer.LogTruncationException",
                format!(
                    "Truncated partitions detected with divergent offsets {{{}=OffsetAndMetadata{{offset={}, leaderEpoch={}, metadata=''}}}}",
                    place.partition, end.offset, end.leader_epoch
                ),
            )),
        }
    }

    fn records(&self, data: PartitionData, place: &Place) -> Result<Outcome, ApiError> {
        let records: Bytes = data.records.unwrap_or_default();
        if records.is_empty() {
            return Ok(Outcome::Nothing);
        }
        let damaged = |why: String| {
            ApiError::kafka(format!(
                "Received exception when fetching the next record from {}. If needed, please seek past the record to continue consumption. ({why})",
                place.partition
            ))
        };
        let end = end_of(&records).map_err(|e| damaged(e.to_string()))?.ok_or_else(|| {
            damaged(format!(
                "no whole batch in {} bytes at offset {}",
                records.len(),
                place.offset
            ))
        })?;
        // A fetch begins with the batch that holds the offset, so it always gets on.
        let next_offset = end.offset.max(place.offset);
        let aborted = (self.settings.isolation == IsolationLevel::ReadCommitted).then(|| {
            let list = data.aborted_transactions.unwrap_or_default();
            let one = |txn: kafka_protocol::messages::fetch_response::AbortedTransaction| Aborted {
                producer_id: txn.producer_id.0,
                first_offset: txn.first_offset,
            };
            list.into_iter().map(one).collect()
        });
        let fetched = Fetched {
            partition: place.partition.clone(),
            from: place.offset,
            next_offset,
            high_watermark: data.high_watermark,
            records,
            aborted,
            check_crcs: self.settings.check_crcs,
            _share: None,
        };
        Ok(Outcome::Data(fetched, end.leader_epoch))
    }
}
