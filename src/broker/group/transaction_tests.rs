//! Offsets committed in transactions: pending until the marker, also across a restart.

use super::coordinator::GroupCoordinator;
use super::coordinator_tests::{World, commit, committed, settle, state};
use crate::broker::replica::{TxnMarker, TxnProducer};
use crate::wire::error::ErrorCode;

fn producer(producer_id: i64) -> TxnProducer {
    TxnProducer {
        producer_id,
        producer_epoch: 0,
        guard: None,
    }
}

async fn pend(coordinator: &GroupCoordinator, producer_id: i64, offset: i64) {
    let commit = commit("t", 0, offset);
    let results = coordinator
        .commit_transactional_offsets("g", producer(producer_id), &commit)
        .await;
    assert_eq!(results, Ok(vec![Ok(())]));
}

async fn end(coordinator: &GroupCoordinator, producer_id: i64, committed: bool) {
    let marker = TxnMarker {
        producer_id,
        producer_epoch: 0,
        coordinator_epoch: 0,
        committed,
        transaction_version: 0,
    };
    let partition = coordinator.partition_for("g");
    assert_eq!(coordinator.complete_transaction(partition, &marker).await, Ok(()));
}

fn is_unstable(coordinator: &GroupCoordinator) -> bool {
    coordinator
        .fetch_offsets("g", ("", -1), |_, is_pending| is_pending("t", 0))
        .unwrap()
}

#[tokio::test]
async fn offsets_count_when_the_transaction_is_committed() {
    let world = World::new();
    let coordinator = world.coordinator();
    coordinator.commit_offsets("g", &commit("t", 0, 3)).await.unwrap();
    pend(&coordinator, 1, 7).await;
    for coordinator in [&coordinator, &world.coordinator()] {
        assert_eq!(committed(coordinator, "g", "t", 0), Some(3));
        assert!(is_unstable(coordinator));
    }
    end(&coordinator, 1, true).await;
    for coordinator in [&coordinator, &world.coordinator()] {
        assert_eq!(committed(coordinator, "g", "t", 0), Some(7));
        assert!(!is_unstable(coordinator));
    }
}

#[tokio::test]
async fn offsets_of_an_aborted_transaction_are_forgotten() {
    let world = World::new();
    let coordinator = world.coordinator();
    pend(&coordinator, 1, 7).await;
    assert_eq!(state(&coordinator, "g"), Some("Empty"), "the group is there");
    end(&coordinator, 1, false).await;
    for coordinator in [&coordinator, &world.coordinator()] {
        assert_eq!(committed(coordinator, "g", "t", 0), None);
        assert!(!is_unstable(coordinator));
    }
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_restart() {
    let world = World::new();
    pend(&world.coordinator(), 1, 7).await;
    end(&world.coordinator(), 1, true).await;
    assert_eq!(committed(&world.coordinator(), "g", "t", 0), Some(7));
}

#[tokio::test]
async fn a_later_commit_outside_counts_more() {
    let world = World::new();
    let coordinator = world.coordinator();
    pend(&coordinator, 1, 7).await;
    coordinator.commit_offsets("g", &commit("t", 0, 9)).await.unwrap();
    end(&coordinator, 1, true).await;
    for coordinator in [&coordinator, &world.coordinator()] {
        assert_eq!(committed(coordinator, "g", "t", 0), Some(9));
    }
}

#[tokio::test]
async fn open_transactions_keep_a_group_and_its_offsets() {
    let world = World::new();
    let coordinator = world.coordinator();
    coordinator.commit_offsets("g", &commit("t", 0, 3)).await.unwrap();
    pend(&coordinator, 1, 7).await;
    world.pass_ms(2 * world.config.offsets_retention_ms);
    coordinator.expire_offsets().await;
    assert_eq!(committed(&coordinator, "g", "t", 0), Some(3));
    end(&coordinator, 1, false).await;
    coordinator.expire_offsets().await;
    assert_eq!(state(&coordinator, "g"), None);
}

#[tokio::test]
async fn a_deleted_group_takes_pending_offsets_with_it() {
    let world = World::new();
    let coordinator = world.coordinator();
    pend(&coordinator, 1, 7).await;
    assert_eq!(coordinator.delete_group("g").await, Ok(()));
    end(&coordinator, 1, true).await;
    for coordinator in [&coordinator, &world.coordinator()] {
        assert_eq!(committed(coordinator, "g", "t", 0), None);
    }
}

#[tokio::test]
async fn who_names_a_member_must_be_it() {
    let world = World::new();
    let coordinator = world.coordinator();
    let member_id = settle(&coordinator, "g").await;
    let mut named = commit("t", 0, 7);
    let try_commit = async |commit: &_| coordinator.commit_transactional_offsets("g", producer(1), commit).await;
    assert_eq!(
        try_commit(&named).await,
        Ok(vec![Ok(())]),
        "as producers before KIP-447 do"
    );
    named.generation_id = 1;
    assert_eq!(try_commit(&named).await, Err(ErrorCode::UNKNOWN_MEMBER_ID));
    named.member_id = member_id;
    assert_eq!(try_commit(&named).await, Ok(vec![Ok(())]));
    named.generation_id = 2;
    assert_eq!(try_commit(&named).await, Err(ErrorCode::ILLEGAL_GENERATION));
    let unknown = coordinator.commit_transactional_offsets("h", producer(1), &named).await;
    assert_eq!(unknown, Err(ErrorCode::ILLEGAL_GENERATION));
}
