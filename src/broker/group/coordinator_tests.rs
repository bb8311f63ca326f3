//! The coordinator over a log in memory: what is answered, what is kept, and what a restart makes of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::classic::{JoinRequest, Protocol, SyncRequest};
use super::config::GroupCoordinatorConfig;
use super::consumer::{ALL_TOPICS, Assignment, ClusterView, EmptyCluster, HeartbeatRequest};
use super::coordinator::{EachEntry, Entry, GroupCoordinator, KeyValue, OffsetsLog, partition_for};
use super::offsets::{OffsetCommit, PartitionCommit};
use crate::broker::replica::{TxnMarker, TxnProducer};
use crate::wire::error::ErrorCode;

const PARTITIONS: i32 = 3;

/// What is in the log, with its partition.
enum Kept {
    Record(i32, Option<i64>, KeyValue),
    Marker(i32, TxnMarker),
}

pub(super) struct MemoryLog {
    records: Mutex<Vec<Kept>>,
    epoch: AtomicI32,
    broken: AtomicBool,
}

impl OffsetsLog for MemoryLog {
    fn partition_count(&self) -> i32 {
        PARTITIONS
    }

    fn leader_epoch(&self, _: i32) -> Option<i32> {
        Some(self.epoch.load(Ordering::SeqCst)).filter(|epoch| *epoch >= 0)
    }

    fn append(
        &self,
        partition: i32,
        records: &[KeyValue],
        producer: Option<TxnProducer>,
        _: i64,
    ) -> Result<i64, ErrorCode> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        let mut log = self.records.lock();
        let producer_id = producer.map(|producer| producer.producer_id);
        let kept = |record: &KeyValue| Kept::Record(partition, producer_id, record.clone());
        log.extend(records.iter().map(kept));
        Ok(log.len() as i64 - 1)
    }

    fn append_marker(&self, partition: i32, marker: &TxnMarker, _: i64) -> Result<i64, ErrorCode> {
        let mut log = self.records.lock();
        log.push(Kept::Marker(partition, *marker));
        Ok(log.len() as i64 - 1)
    }

    fn committed(&self, _: i32, _: i64) -> BoxFuture<'static, Result<(), ErrorCode>> {
        futures::future::ready(Ok(())).boxed()
    }

    fn cluster(&self) -> Arc<dyn ClusterView> {
        Arc::new(EmptyCluster)
    }

    fn load(&self, partition: i32, each: &mut EachEntry<'_>) -> Result<(), ErrorCode> {
        for (offset, kept) in (0..).zip(self.records.lock().iter()) {
            match kept {
                Kept::Record(of, producer_id, (key, value)) if *of == partition => each(Entry::Record {
                    offset,
                    producer_id: *producer_id,
                    key,
                    value: value.as_deref(),
                }),
                Kept::Marker(of, marker) if *of == partition => each(Entry::EndOfTransaction {
                    producer_id: marker.producer_id,
                    committed: marker.committed,
                }),
                _ => {}
            }
        }
        Ok(())
    }

    fn delete_before(&self, _: i32, _: i64) -> Result<(), ErrorCode> {
        unreachable!("offsets are deleted one by one")
    }
}

pub(super) struct World {
    pub(super) log: Arc<MemoryLog>,
    now_ms: Arc<AtomicI64>,
    pub(super) config: GroupCoordinatorConfig,
}

impl World {
    pub(super) fn new() -> Self {
        let log = MemoryLog {
            records: Mutex::default(),
            epoch: AtomicI32::new(0),
            broken: AtomicBool::new(false),
        };
        Self {
            log: Arc::new(log),
            now_ms: Arc::new(AtomicI64::new(1_000_000)),
            config: GroupCoordinatorConfig::default(),
        }
    }

    /// A coordinator that knows what is in the log, and nothing else.
    pub(super) fn coordinator(&self) -> Arc<GroupCoordinator> {
        let now_ms = self.now_ms.clone();
        let clock = Arc::new(move || now_ms.load(Ordering::SeqCst));
        Arc::new(GroupCoordinator::new(self.config.clone(), self.log.clone(), clock))
    }

    pub(super) fn pass_ms(&self, time_ms: i64) {
        self.now_ms.fetch_add(time_ms, Ordering::SeqCst);
    }
}

pub(super) fn join_request(member_id: &str) -> JoinRequest {
    JoinRequest {
        reply: 0,
        member_id: member_id.to_owned(),
        instance_id: None,
        client_id: "c".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![Protocol {
            name: "range".to_owned(),
            metadata: Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t"),
        }],
        requires_known_member_id: false,
        supports_skipping_assignment: false,
    }
}

/// Joins a group alone and becomes stable; gives the member id.
pub(super) async fn settle(coordinator: &GroupCoordinator, group_id: &str) -> String {
    let joined = coordinator.join_group(group_id, join_request(""), ALL_TOPICS).await;
    assert_eq!(joined.error_code, 0);
    let request = SyncRequest {
        member_id: joined.member_id.to_string(),
        generation_id: joined.generation_id,
        assignments: vec![(joined.member_id.to_string(), Bytes::from_static(b"all"))],
        ..SyncRequest::default()
    };
    assert_eq!(&coordinator.sync_group(group_id, request).await.assignment[..], b"all");
    joined.member_id.to_string()
}

pub(super) fn commit(topic: &str, partition: i32, offset: i64) -> OffsetCommit {
    OffsetCommit {
        generation_id: -1,
        api_version: 9,
        partitions: vec![PartitionCommit {
            topic: topic.to_owned(),
            partition,
            offset,
            leader_epoch: -1,
            ..PartitionCommit::default()
        }],
        ..OffsetCommit::default()
    }
}

pub(super) fn committed(coordinator: &GroupCoordinator, group_id: &str, topic: &str, partition: i32) -> Option<i64> {
    let look = |offsets: Option<&super::offsets::TopicOffsets>, _: &dyn Fn(&str, i32) -> bool| {
        offsets?.get(topic)?.get(&partition).map(|o| o.offset)
    };
    coordinator.fetch_offsets(group_id, ("", -1), look).unwrap()
}

pub(super) fn state(coordinator: &GroupCoordinator, group_id: &str) -> Option<&'static str> {
    coordinator
        .describe_group(group_id, |group| group.map(|group| group.state_name()))
        .unwrap()
}

#[test]
fn groups_live_where_kafka_puts_them() {
    assert_eq!(partition_for("", 50), 0);
    assert_eq!(partition_for("a", 50), 97 % 50);
    assert_eq!(partition_for("console-consumer-4344", 5), 4);
    assert_eq!(partition_for("cg-words", 5), 0);
    // "polygenelubricants" is the well-known text whose hash is Java's smallest number.
    assert_eq!(partition_for("polygenelubricants", 50), 0);
}

#[tokio::test]
async fn offsets_and_members_survive_a_restart() {
    let world = World::new();
    let before = world.coordinator();
    let member_id = settle(&before, "g").await;
    let mut request = commit("t", 0, 42);
    request.member_id = member_id.clone();
    request.generation_id = 1;
    assert_eq!(before.commit_offsets("g", &request).await, Ok(vec![Ok(())]));
    assert_eq!(
        before.commit_offsets("simple", &commit("t", 1, 7)).await,
        Ok(vec![Ok(())])
    );

    let after = world.coordinator();
    assert_eq!(committed(&after, "g", "t", 0), Some(42));
    assert_eq!(committed(&after, "simple", "t", 1), Some(7));
    assert_eq!(committed(&after, "g", "t", 1), None);
    assert_eq!(state(&after, "g"), Some("Stable"));
    assert_eq!(after.heartbeat("g", (&member_id, None), 1).await, Ok(()));
    let listed = after.list_groups(&HashSet::new(), &HashSet::new()).unwrap();
    let rows: Vec<_> = listed
        .iter()
        .map(|row| (&row.group_id[..], &row.protocol_type[..], row.state))
        .collect();
    assert_eq!(rows, [("g", "consumer", "Stable"), ("simple", "", "Empty")]);
    let only_empty = after
        .list_groups(&HashSet::from(["empty".to_owned()]), &HashSet::new())
        .unwrap();
    assert_eq!(only_empty.len(), 1);
}

#[tokio::test]
async fn a_deleted_group_is_gone_for_good() {
    let world = World::new();
    let coordinator = world.coordinator();
    assert_eq!(coordinator.delete_group("g").await, Err(ErrorCode::GROUP_ID_NOT_FOUND));
    let member_id = settle(&coordinator, "g").await;
    let mut request = commit("t", 0, 1);
    (request.member_id, request.generation_id) = (member_id.clone(), 1);
    coordinator.commit_offsets("g", &request).await.unwrap();
    assert_eq!(coordinator.delete_group("g").await, Err(ErrorCode::NON_EMPTY_GROUP));
    coordinator.leave_group("g", &[(member_id, None)]).await.unwrap();
    assert_eq!(coordinator.delete_group("g").await, Ok(()));
    for coordinator in [coordinator, world.coordinator()] {
        assert_eq!(state(&coordinator, "g"), None);
        assert_eq!(committed(&coordinator, "g", "t", 0), None);
    }
}

#[tokio::test]
async fn offsets_of_a_subscribed_topic_cannot_be_deleted() {
    let world = World::new();
    let coordinator = world.coordinator();
    let partitions = [("t".to_owned(), 0), ("other".to_owned(), 0), ("other".to_owned(), 5)];
    assert_eq!(
        coordinator.delete_offsets("g", &partitions).await,
        Err(ErrorCode::GROUP_ID_NOT_FOUND)
    );
    assert_eq!(
        coordinator.delete_offsets("g", &[]).await,
        Err(ErrorCode::GROUP_ID_NOT_FOUND)
    );
    assert_eq!(
        coordinator.delete_offsets("", &partitions).await,
        Err(ErrorCode::INVALID_GROUP_ID)
    );
    coordinator.commit_offsets("g", &commit("t", 0, 1)).await.unwrap();
    coordinator.commit_offsets("g", &commit("other", 0, 1)).await.unwrap();
    settle(&coordinator, "g").await;
    assert_eq!(
        coordinator.delete_offsets("g", &partitions).await,
        Ok(vec![Err(ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC), Ok(()), Ok(())])
    );
    let again = world.coordinator();
    assert_eq!(
        (committed(&again, "g", "t", 0), committed(&again, "g", "other", 0)),
        (Some(1), None)
    );
}

#[tokio::test]
async fn an_answer_never_goes_out_before_its_record() {
    let world = World::new();
    let coordinator = world.coordinator();
    settle(&coordinator, "g").await;
    world.log.broken.store(true, Ordering::SeqCst);
    assert_eq!(
        coordinator.commit_offsets("g2", &commit("t", 0, 9)).await,
        Err(ErrorCode::NOT_COORDINATOR)
    );
    let joined = coordinator.join_group("new", join_request(""), ALL_TOPICS).await;
    assert_eq!(ErrorCode::from(joined.error_code), ErrorCode::NOT_COORDINATOR);
    world.log.broken.store(false, Ordering::SeqCst);
    assert_eq!(
        committed(&coordinator, "g2", "t", 0),
        None,
        "what the log does not have never was"
    );
    assert_eq!(state(&coordinator, "g"), Some("Stable"));
}

#[tokio::test]
async fn who_waits_is_sent_on_when_another_node_leads() {
    let world = World::new();
    let coordinator = world.coordinator();
    settle(&coordinator, "g").await;
    let second = tokio::spawn({
        let coordinator = coordinator.clone();
        async move { coordinator.join_group("g", join_request(""), ALL_TOPICS).await }
    });
    while state(&coordinator, "g") != Some("PreparingRebalance") {
        tokio::task::yield_now().await;
    }
    world.log.epoch.store(-1, Ordering::SeqCst);
    coordinator.on_leadership_changed();
    assert_eq!(
        ErrorCode::from(second.await.unwrap().error_code),
        ErrorCode::NOT_COORDINATOR
    );
    assert_eq!(
        coordinator.heartbeat("g", ("m", None), 1).await,
        Err(ErrorCode::NOT_COORDINATOR)
    );
}

#[tokio::test]
async fn sessions_end_by_themselves() {
    let world = World::new();
    let coordinator = world.coordinator();
    settle(&coordinator, "g").await;
    world.pass_ms(10_000);
    let (stop, signal) = watch::channel(false);
    let timers = tokio::spawn(coordinator.clone().run(signal));
    let empty = async {
        while state(&coordinator, "g") != Some("Empty") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), empty)
        .await
        .expect("the group is empty");
    stop.send_replace(true);
    timers.await.unwrap();
    let refused = coordinator.join_group("g", join_request(""), ALL_TOPICS).await;
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::COORDINATOR_NOT_AVAILABLE
    );
}

#[tokio::test]
async fn offsets_expire_when_nobody_uses_them() {
    let mut world = World::new();
    world.config.offsets_retention_ms = 60_000;
    let coordinator = world.coordinator();
    coordinator.commit_offsets("simple", &commit("t", 0, 1)).await.unwrap();
    let mut with_own_retention = commit("t", 1, 1);
    with_own_retention.retention_ms = Some(600_000);
    coordinator.commit_offsets("simple", &with_own_retention).await.unwrap();
    let member_id = settle(&coordinator, "used").await;
    let mut request = commit("t", 0, 1);
    (request.member_id, request.generation_id) = (member_id.clone(), 1);
    coordinator.commit_offsets("used", &request).await.unwrap();

    world.pass_ms(60_000);
    coordinator.expire_offsets().await;
    assert_eq!(committed(&coordinator, "simple", "t", 0), None);
    assert_eq!(committed(&coordinator, "simple", "t", 1), Some(1));
    assert_eq!(
        committed(&coordinator, "used", "t", 0),
        Some(1),
        "a subscribed topic's offsets stay"
    );

    coordinator.leave_group("used", &[(member_id, None)]).await.unwrap();
    world.pass_ms(59_999);
    coordinator.expire_offsets().await;
    assert_eq!(
        committed(&coordinator, "used", "t", 0),
        Some(1),
        "retention counts from when it became empty"
    );
    world.pass_ms(1);
    coordinator.expire_offsets().await;
    assert_eq!(
        (committed(&coordinator, "used", "t", 0), state(&coordinator, "used")),
        (None, None)
    );
    assert_eq!(state(&world.coordinator(), "used"), None);
    world.pass_ms(600_000);
    coordinator.expire_offsets().await;
    assert_eq!(state(&coordinator, "simple"), None);
}

#[tokio::test]
async fn requests_that_cannot_be_are_refused() {
    let world = World::new();
    let coordinator = world.coordinator();
    let error = |code: i16| ErrorCode::from(code);
    assert_eq!(
        error(
            coordinator
                .join_group("", join_request(""), ALL_TOPICS)
                .await
                .error_code
        ),
        ErrorCode::INVALID_GROUP_ID
    );
    let mut hasty = join_request("");
    hasty.session_timeout_ms = 10;
    assert_eq!(
        error(coordinator.join_group("g", hasty, ALL_TOPICS).await.error_code),
        ErrorCode::INVALID_SESSION_TIMEOUT
    );
    let unknown = coordinator.join_group("g", join_request("m"), ALL_TOPICS).await;
    assert_eq!(
        (error(unknown.error_code), &unknown.member_id[..]),
        (ErrorCode::UNKNOWN_MEMBER_ID, "m")
    );
    assert_eq!(state(&coordinator, "g"), None);
    let mut late = commit("t", 0, 1);
    late.generation_id = 3;
    assert_eq!(
        coordinator.commit_offsets("g", &late).await,
        Err(ErrorCode::GROUP_ID_NOT_FOUND)
    );
    late.api_version = 8;
    assert_eq!(
        coordinator.commit_offsets("g", &late).await,
        Err(ErrorCode::ILLEGAL_GENERATION)
    );
    let mut chatty = commit("t", 0, 1);
    chatty.partitions[0].metadata = "x".repeat(4_097);
    let results = coordinator.commit_offsets("g", &chatty).await;
    assert_eq!(results, Ok(vec![Err(ErrorCode::OFFSET_METADATA_TOO_LARGE)]));
}

#[tokio::test]
async fn offsets_of_deleted_topics_go_with_them() {
    let world = World::new();
    let coordinator = world.coordinator();
    coordinator.commit_offsets("g", &commit("gone", 0, 1)).await.unwrap();
    coordinator.commit_offsets("g", &commit("kept", 0, 1)).await.unwrap();
    let (stop, signal) = watch::channel(false);
    let timers = tokio::spawn(coordinator.clone().run(signal));
    coordinator.on_topics_deleted(["gone".to_owned()]);
    while committed(&coordinator, "g", "gone", 0).is_some() {
        tokio::task::yield_now().await;
    }
    stop.send_replace(true);
    timers.await.unwrap();
    let after = world.coordinator();
    assert_eq!(
        (committed(&after, "g", "gone", 0), committed(&after, "g", "kept", 0)),
        (None, Some(1))
    );
}

/// A heartbeat of a lone member of the consumer protocol.
fn heartbeat(member_epoch: i32) -> HeartbeatRequest {
    HeartbeatRequest {
        member_id: "m".to_owned(),
        member_epoch,
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        owned: Some(Assignment::new()),
        ..HeartbeatRequest::default()
    }
}

#[tokio::test]
async fn an_empty_group_may_change_its_protocol_and_keeps_its_offsets() {
    let world = World::new();
    let coordinator = world.coordinator();
    let group_type = |coordinator: &GroupCoordinator| {
        coordinator
            .describe_group("g", |group| group.map(|group| group.type_name()))
            .unwrap()
    };
    let member_id = settle(&coordinator, "g").await;
    coordinator.commit_offsets("simple", &commit("t", 0, 3)).await.unwrap();
    let refused = coordinator
        .consumer_group_heartbeat("g", &heartbeat(0), ALL_TOPICS)
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::GROUP_ID_NOT_FOUND);
    coordinator.leave_group("g", &[(member_id, None)]).await.unwrap();
    coordinator.commit_offsets("g", &commit("t", 0, 7)).await.unwrap();
    assert_eq!(
        coordinator
            .consumer_group_heartbeat("g", &heartbeat(0), ALL_TOPICS)
            .await
            .unwrap()
            .member_epoch,
        2
    );
    for coordinator in [&coordinator, &world.coordinator()] {
        assert_eq!(
            (group_type(coordinator), committed(coordinator, "g", "t", 0)),
            (Some("consumer"), Some(7))
        );
    }

    let refused = coordinator.join_group("g", join_request(""), ALL_TOPICS).await;
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::INCONSISTENT_GROUP_PROTOCOL
    );
    coordinator
        .consumer_group_heartbeat("g", &heartbeat(-1), ALL_TOPICS)
        .await
        .unwrap();
    settle(&coordinator, "g").await;
    for coordinator in [&coordinator, &world.coordinator()] {
        assert_eq!(
            (group_type(coordinator), committed(coordinator, "g", "t", 0)),
            (Some("classic"), Some(7))
        );
    }
}

#[tokio::test]
async fn a_consumer_group_is_deleted_with_all_its_records() {
    let world = World::new();
    let coordinator = world.coordinator();
    let unknown = coordinator
        .consumer_group_heartbeat("g", &heartbeat(5), ALL_TOPICS)
        .await
        .unwrap_err();
    assert_eq!(unknown.code, ErrorCode::GROUP_ID_NOT_FOUND);
    coordinator
        .consumer_group_heartbeat("g", &heartbeat(0), ALL_TOPICS)
        .await
        .unwrap();
    assert_eq!(coordinator.delete_group("g").await, Err(ErrorCode::NON_EMPTY_GROUP));
    coordinator
        .consumer_group_heartbeat("g", &heartbeat(-1), ALL_TOPICS)
        .await
        .unwrap();
    assert_eq!(coordinator.delete_group("g").await, Ok(()));
    for coordinator in [coordinator, world.coordinator()] {
        assert_eq!(state(&coordinator, "g"), None);
    }
}
