//! The coordinator over a log in memory: what a restart completes, and markers that partitions do not take at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::config::TransactionConfig;
use super::coordinator::{EachRecord, TransactionCoordinator, TransactionLog};
use super::shard::{EndRequest, Filter, InitRequest};
use super::state::{ProducerIdAndEpoch, TransactionState};
use crate::TopicPartition;
use crate::broker::group::coordinator::KeyValue;
use crate::broker::replica::TxnMarker;
use crate::wire::ErrorCode;

struct Memory {
    records: Mutex<Vec<(i32, KeyValue)>>,
    markers: Mutex<Vec<(TopicPartition, TxnMarker)>>,
    /// What partitions answer to markers; others take them. No answer: there is no such partition.
    refusals: Mutex<HashMap<i32, Option<ErrorCode>>>,
    epoch: AtomicI32,
    is_broken: AtomicBool,
    next_producer_id: AtomicI64,
    now_ms: AtomicI64,
}

impl TransactionLog for Memory {
    fn partition_count(&self) -> i32 {
        3
    }

    fn leader_epoch(&self, _: i32) -> Option<i32> {
        Some(self.epoch.load(Ordering::SeqCst)).filter(|epoch| *epoch >= 0)
    }

    fn append(&self, partition: i32, records: &[KeyValue], _: i64) -> Result<i64, ErrorCode> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        let mut log = self.records.lock();
        log.extend(records.iter().map(|record| (partition, record.clone())));
        Ok(log.len() as i64 - 1)
    }

    fn committed(&self, _: i32, _: i64) -> BoxFuture<'static, Result<(), ErrorCode>> {
        futures::future::ready(Ok(())).boxed()
    }

    fn load(&self, partition: i32, each: &mut EachRecord<'_>) -> Result<(), ErrorCode> {
        for (of, (key, value)) in self.records.lock().iter() {
            if *of == partition {
                each(key, value.as_deref());
            }
        }
        Ok(())
    }

    fn transaction_version(&self) -> i16 {
        2
    }

    fn next_producer_id(&self) -> Result<i64, ErrorCode> {
        Ok(self.next_producer_id.fetch_add(1, Ordering::SeqCst))
    }

    fn write_marker(
        &self,
        tp: &TopicPartition,
        marker: TxnMarker,
    ) -> BoxFuture<'static, Option<Result<(), ErrorCode>>> {
        let refusal = self.refusals.lock().get(&tp.partition).copied();
        if refusal.is_none() {
            self.markers.lock().push((tp.clone(), marker));
        }
        let answer = match refusal {
            None => Some(Ok(())),
            Some(refusal) => refusal.map(Err),
        };
        futures::future::ready(answer).boxed()
    }
}

struct World(Arc<Memory>);

impl World {
    fn new() -> Self {
        Self(Arc::new(Memory {
            records: Mutex::default(),
            markers: Mutex::default(),
            refusals: Mutex::default(),
            epoch: AtomicI32::new(0),
            is_broken: AtomicBool::new(false),
            next_producer_id: AtomicI64::new(1000),
            now_ms: AtomicI64::new(1_000_000),
        }))
    }

    /// A coordinator that knows what is in the log, and nothing else.
    fn coordinator(&self) -> Arc<TransactionCoordinator> {
        let memory = self.0.clone();
        let clock = Arc::new(move || memory.now_ms.load(Ordering::SeqCst));
        let config = TransactionConfig::default();
        Arc::new(TransactionCoordinator::new(config, self.0.clone(), clock))
    }

    fn refuse(&self, partition: i32, answer: Option<ErrorCode>) {
        self.0.refusals.lock().insert(partition, answer);
    }

    fn accept(&self) {
        self.0.refusals.lock().clear();
    }

    /// Partitions that have a marker, in the order they came, with the decision.
    fn markers(&self) -> Vec<(i32, bool)> {
        let markers = self.0.markers.lock();
        markers
            .iter()
            .map(|(tp, marker)| (tp.partition, marker.committed))
            .collect()
    }
}

/// Begins a transaction of `id` in two partitions.
async fn begin(coordinator: &Arc<TransactionCoordinator>, id: &str) -> ProducerIdAndEpoch {
    let request = InitRequest {
        timeout_ms: 60_000,
        expected: None,
    };
    let producer = coordinator.init_producer_id(id, request).await.expect("a producer id");
    let partitions = [0, 1].map(|index| TopicPartition::new("t", index));
    let added = coordinator.add_partitions(id, producer, &partitions, 2).await;
    assert_eq!(added, Ok(()));
    producer
}

async fn end(
    coordinator: &Arc<TransactionCoordinator>,
    id: &str,
    producer: ProducerIdAndEpoch,
) -> Result<ProducerIdAndEpoch, ErrorCode> {
    let request = EndRequest {
        producer,
        committed: true,
        client_version: 2,
    };
    coordinator.end(id, request).await
}

fn state(coordinator: &Arc<TransactionCoordinator>, id: &str) -> TransactionState {
    coordinator.describe(id).expect("the id is known").state
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..200 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn a_transaction_is_complete_when_its_end_is_answered() {
    let world = World::new();
    let coordinator = world.coordinator();
    let producer = begin(&coordinator, "a").await;
    assert_eq!(producer, ProducerIdAndEpoch { id: 1000, epoch: 0 });
    let next = end(&coordinator, "a", producer).await;
    assert_eq!(next, Ok(ProducerIdAndEpoch { id: 1000, epoch: 1 }));
    assert_eq!(world.markers(), [(0, true), (1, true)]);
    assert_eq!(world.0.markers.lock()[0].1.producer_epoch, 1);
    for coordinator in [coordinator, world.coordinator()] {
        assert_eq!(state(&coordinator, "a"), TransactionState::CompleteCommit);
    }
}

#[tokio::test]
async fn what_was_decided_is_completed_after_a_restart() {
    let world = World::new();
    let coordinator = world.coordinator();
    let producer = begin(&coordinator, "a").await;
    world.refuse(1, Some(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    assert!(end(&coordinator, "a", producer).await.is_ok(), "it is decided");
    assert_eq!(state(&coordinator, "a"), TransactionState::PrepareCommit);
    assert_eq!(world.markers(), [(0, true)]);
    drop(coordinator);

    world.accept();
    world.0.markers.lock().clear();
    let coordinator = world.coordinator();
    state(&coordinator, "a");
    until("the transaction is complete", || {
        state(&coordinator, "a") == TransactionState::CompleteCommit
    })
    .await;
    assert!(world.markers().contains(&(1, true)), "{:?}", world.markers());
}

#[tokio::test]
async fn markers_are_sent_until_they_are_taken() {
    let world = World::new();
    let coordinator = world.coordinator();
    let producer = begin(&coordinator, "a").await;
    world.refuse(0, Some(ErrorCode::KAFKA_STORAGE_ERROR));
    let next = end(&coordinator, "a", producer).await.expect("it is decided");
    let added = coordinator
        .add_partitions("a", next, &[TopicPartition::new("t", 0)], 2)
        .await;
    assert_eq!(added, Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    world.accept();
    until("the transaction is complete", || {
        state(&coordinator, "a") == TransactionState::CompleteCommit
    })
    .await;
    let mut markers = world.markers();
    markers.sort_unstable();
    assert_eq!(markers, [(0, true), (1, true)], "each once");
}

#[tokio::test]
async fn topics_that_are_gone_hold_nothing_up() {
    let world = World::new();
    let coordinator = world.coordinator();
    let producer = begin(&coordinator, "a").await;
    world.refuse(0, None);
    assert!(end(&coordinator, "a", producer).await.is_ok());
    assert_eq!(state(&coordinator, "a"), TransactionState::CompleteCommit);
    assert_eq!(world.markers(), [(1, true)]);
}

#[tokio::test]
async fn what_could_not_be_written_has_not_happened() {
    let world = World::new();
    let coordinator = world.coordinator();
    let producer = begin(&coordinator, "a").await;
    world.0.is_broken.store(true, Ordering::SeqCst);
    assert_eq!(end(&coordinator, "a", producer).await, Err(ErrorCode::NOT_COORDINATOR));
    assert_eq!(state(&coordinator, "a"), TransactionState::Ongoing);
    assert_eq!(world.markers(), []);
    world.0.is_broken.store(false, Ordering::SeqCst);
    assert!(end(&coordinator, "a", producer).await.is_ok());
}

#[tokio::test]
async fn another_leader_is_another_coordinator() {
    let world = World::new();
    let coordinator = world.coordinator();
    let producer = begin(&coordinator, "a").await;
    world.0.epoch.store(-1, Ordering::SeqCst);
    assert_eq!(end(&coordinator, "a", producer).await, Err(ErrorCode::NOT_COORDINATOR));
    assert_eq!(coordinator.list(&Filter::default()), Ok(Vec::new()));
    assert_eq!(coordinator.describe("a").map(drop), Err(ErrorCode::NOT_COORDINATOR));
    world.0.epoch.store(7, Ordering::SeqCst);
    assert!(end(&coordinator, "a", producer).await.is_ok());
    assert_eq!(world.0.markers.lock()[0].1.coordinator_epoch, 7);
}

#[tokio::test]
async fn late_transactions_end_and_old_ids_go() {
    let world = World::new();
    let coordinator = world.coordinator();
    let producer = begin(&coordinator, "a").await;
    world.0.now_ms.fetch_add(60_001, Ordering::SeqCst);
    coordinator.abort_timed_out().await;
    assert_eq!(state(&coordinator, "a"), TransactionState::CompleteAbort);
    assert_eq!(world.markers(), [(0, false), (1, false)]);
    let added = coordinator
        .add_partitions("a", producer, &[TopicPartition::new("t", 0)], 2)
        .await;
    assert_eq!(added, Err(ErrorCode::PRODUCER_FENCED));
    let expiration_ms = TransactionConfig::default().id_expiration_ms;
    world.0.now_ms.fetch_add(expiration_ms, Ordering::SeqCst);
    coordinator.expire_ids().await;
    for coordinator in [coordinator, world.coordinator()] {
        assert_eq!(
            coordinator.describe("a").map(drop),
            Err(ErrorCode::TRANSACTIONAL_ID_NOT_FOUND)
        );
    }
}
