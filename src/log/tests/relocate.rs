//! A log that moves to another directory.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::support::*;
use crate::TopicPartition;
use crate::log::{LogConfig, OpenOptions, PartitionLog};

/// Copies until nothing is left to copy.
fn copy(t: &mut TestLog, future: &mut PartitionLog) {
    while future.copy_some(t.log(), 200, NOW).unwrap() > 0 {}
}

fn open(dir: &Path) -> PartitionLog {
    let options = OpenOptions {
        clean_shutdown: false,
        now_ms: NOW,
        ..OpenOptions::default()
    };
    let (tp, config) = (TopicPartition::new("t", 0), Arc::new(LogConfig::default()));
    PartitionLog::open(dir, tp, Uuid::from_u128(7), config, options).unwrap()
}

/// Everything that is asked of a log afterwards: records, epochs, transactions, producers.
fn state(log: &PartitionLog) -> impl PartialEq + std::fmt::Debug + use<> {
    let (start, end) = (log.log_start_offset(), log.log_end_offset());
    let records = log.read(start, 1 << 20, end, true).unwrap().records().unwrap();
    let producers = log.active_producers();
    let producers: Vec<_> = producers
        .iter()
        .map(|p| {
            (
                p.producer_id,
                p.producer_epoch,
                p.last_sequence,
                p.current_txn_start_offset,
            )
        })
        .collect();
    let epochs = log.epoch_entries().to_vec();
    (
        records,
        epochs,
        (start, end),
        log.aborted_transactions(start, end),
        producers,
    )
}

#[test]
fn a_log_is_the_same_in_another_directory() {
    let other = tempfile::tempdir().unwrap();
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 600,
        ..LogConfig::default()
    });
    t.append(batch(&["a", "b", "c"])).unwrap();
    t.append(produced(5, 0, 0, &["of 5"])).unwrap();
    t.append(transactional(1, 0, 0, &["aborted"])).unwrap();
    t.abort(1);
    for n in 0..20 {
        t.append(batch(&[&format!("{n}{}", "x".repeat(60))])).unwrap();
    }
    // In the middle of the first batch.
    t.log().advance_log_start(2).unwrap();
    let mut future = t.log().open_future(other.path(), NOW).unwrap();
    copy(&mut t, &mut future);
    t.append(transactional(2, 0, 0, &["open"])).unwrap();
    t.append(batch(&["later"])).unwrap();
    t.log().begin_epoch(3).unwrap();
    copy(&mut t, &mut future);
    let (before, stable, high_watermark) = (state(t.log()), t.log().last_stable_offset(), t.log().high_watermark());
    let old = t.log().give_way_to(future, NOW).unwrap();
    let (place, dir) = (t.dir(), other.path().join("t-0"));
    assert_eq!((t.log().dir(), old.dir()), (dir.as_path(), place.as_path()));
    assert_eq!(state(t.log()), before);
    assert_eq!(
        (t.log().last_stable_offset(), t.log().high_watermark()),
        (stable, high_watermark)
    );
    assert!(t.append(produced(5, 0, 0, &["of 5"])).unwrap().duplicate);
    t.append(batch(&["in the new place"])).unwrap();
    let gone = old.mark_deleted().unwrap();
    assert!(gone.is_dir() && !t.dir().exists());

    let (before, start) = (state(t.log()), t.log().log_start_offset());
    drop(t.log.take());
    let mut again = open(&dir);
    again.set_high_watermark(again.log_end_offset());
    again.advance_log_start(start).unwrap();
    assert_eq!(state(&again), before, "also after a crash");
}

#[test]
fn what_a_producer_did_is_known_though_its_records_are_gone() {
    let other = tempfile::tempdir().unwrap();
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 200,
        ..LogConfig::default()
    });
    t.append(produced(5, 0, 0, &["of 5"])).unwrap();
    for _ in 0..5 {
        t.append(batch(&[&"x".repeat(100)])).unwrap();
    }
    let end = t.log().log_end_offset();
    t.log().advance_log_start(end).unwrap();
    t.log().delete_old_segments(NOW).unwrap();
    let mut future = t.log().open_future(other.path(), NOW).unwrap();
    copy(&mut t, &mut future);
    t.log().give_way_to(future, NOW).unwrap();
    let known = |log: &PartitionLog| log.active_producers().iter().any(|p| p.producer_id == 5);
    assert!(known(t.log()));
    drop(t.log.take());
    assert!(known(&open(&other.path().join("t-0"))), "also after a crash");
}

#[test]
fn a_future_log_that_retention_has_overtaken_begins_anew() {
    let other = tempfile::tempdir().unwrap();
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 200,
        ..LogConfig::default()
    });
    for n in 0..6 {
        t.append(batch(&[&format!("{n}{}", "x".repeat(100))])).unwrap();
    }
    let mut future = t.log().open_future(other.path(), NOW).unwrap();
    assert!(future.copy_some(t.log(), 1, NOW).unwrap() > 0);
    assert_eq!(future.log_end_offset(), 1);
    t.log().advance_log_start(4).unwrap();
    t.log().delete_old_segments(NOW).unwrap();
    copy(&mut t, &mut future);
    assert_eq!(future.log_start_offset(), 4, "what lies before is gone");
    let before = state(t.log());
    t.log().give_way_to(future, NOW).unwrap();
    assert_eq!(state(t.log()), before);
}
