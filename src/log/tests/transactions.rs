//! Who may begin a transaction in a log, and with which epochs and sequences (KIP-890).

use super::support::*;
use crate::log::{AppendInfo, AppendOrigin, AppendTerms, FirstBatch, LogConfig, LogError, VerificationGuard};
use crate::record::control::EndTxnMarker;

const EXPIRATION_MS: i64 = 1_000;

/// A log that verifies transactions.
fn verifying() -> TestLog {
    let mut t = TestLog::new(LogConfig::default());
    t.log().set_producer_rules(EXPIRATION_MS, true);
    t
}

fn begin(t: &mut TestLog, epoch: i16, sequence: i32, supports_epoch_bump: bool) -> Option<VerificationGuard> {
    let batch = FirstBatch {
        producer_id: 7,
        producer_epoch: epoch,
        base_sequence: sequence,
        supports_epoch_bump,
    };
    t.log().begin_verification(&batch, NOW)
}

fn append(
    t: &mut TestLog,
    guard: Option<VerificationGuard>,
    epoch: i16,
    sequence: i32,
) -> Result<AppendInfo, LogError> {
    let terms = AppendTerms {
        guard,
        ..AppendOrigin::Client.into()
    };
    let batch = transactional(7, epoch, sequence, &["x"]);
    let info = t.log().append_as_leader(batch, 0, terms, NOW);
    let end = t.log().log_end_offset();
    t.log().set_high_watermark(end);
    info
}

fn end(t: &mut TestLog, epoch: i16, committed: bool, transaction_version: i16) -> Result<AppendInfo, LogError> {
    let marker = EndTxnMarker {
        committed,
        coordinator_epoch: 0,
    };
    let terms = AppendTerms {
        transaction_version,
        ..AppendOrigin::Coordinator.into()
    };
    let info = t.log().append_as_leader(marker.to_batch(7, epoch, NOW), 0, terms, NOW);
    let end = t.log().log_end_offset();
    t.log().set_high_watermark(end);
    info
}

#[test]
fn a_transaction_begins_with_a_guard_and_goes_on_without() {
    let mut t = verifying();
    assert_eq!(code(append(&mut t, None, 0, 0)), 48);
    let guard = begin(&mut t, 0, 0, false);
    assert!(guard.is_some());
    assert_eq!(
        begin(&mut t, 0, 0, false),
        guard,
        "a batch sent again waits for the same answer"
    );
    assert_eq!(append(&mut t, guard, 0, 0).unwrap().first_offset, 0);
    assert_eq!(begin(&mut t, 0, 1, false), None);
    assert_eq!(append(&mut t, None, 0, 1).unwrap().first_offset, 1);
    end(&mut t, 0, true, 0).unwrap();
    assert_eq!(code(append(&mut t, guard, 0, 2)), 48, "it has ended");
}

#[test]
fn a_guard_does_not_outlive_a_transaction_that_ended_meanwhile() {
    let mut t = verifying();
    let guard = begin(&mut t, 0, 0, false);
    end(&mut t, 0, false, 0).unwrap();
    assert_eq!(code(append(&mut t, guard, 0, 0)), 48);
    let guard = begin(&mut t, 0, 0, false);
    t.log().remove_expired_producers(NOW + EXPIRATION_MS);
    assert_eq!(code(append(&mut t, guard, 0, 0)), 48, "nobody waits so long");
}

#[test]
fn offsets_of_a_group_need_a_guard_too() {
    let mut t = verifying();
    let batch = transactional(7, 0, -1, &["x"]);
    assert_eq!(code(t.append_from(batch.clone(), AppendOrigin::Coordinator)), 48);
    let terms = AppendTerms {
        guard: begin(&mut t, 0, -1, true),
        ..AppendOrigin::Coordinator.into()
    };
    assert!(t.log().append_as_leader(batch, 0, terms, NOW).is_ok());
}

#[test]
fn later_batches_wait_for_the_first_that_was_seen() {
    let mut t = verifying();
    let guard = begin(&mut t, 0, 3, false);
    begin(&mut t, 0, 5, false);
    assert_eq!(code(append(&mut t, guard, 0, 5)), 45);
    assert!(append(&mut t, guard, 0, 3).is_ok());
}

#[test]
fn a_new_epoch_begins_with_the_first_sequence() {
    let mut t = verifying();
    let guard = begin(&mut t, 0, 2, true);
    assert_eq!(
        code(append(&mut t, guard, 0, 2)),
        45,
        "also where nothing is known of the producer"
    );
    let guard = begin(&mut t, 0, 0, true);
    assert!(append(&mut t, guard, 0, 0).is_ok());
    end(&mut t, 1, true, 2).unwrap();
    let guard = begin(&mut t, 1, 1, true);
    assert_eq!(code(append(&mut t, guard, 1, 1)), 45);
    let guard = begin(&mut t, 1, 0, true);
    assert!(append(&mut t, guard, 1, 0).is_ok());
}

#[test]
fn the_marker_of_a_new_client_raises_the_epoch() {
    let mut t = verifying();
    let guard = begin(&mut t, 0, 0, true);
    append(&mut t, guard, 0, 0).unwrap();
    assert_eq!(
        code(end(&mut t, 0, true, 2)),
        47,
        "the transaction is open in this epoch"
    );
    end(&mut t, 1, true, 2).unwrap();
    assert_eq!(t.log().active_producers()[0].producer_epoch, 1);
    assert!(end(&mut t, 1, true, 2).is_ok(), "written again");
    assert_eq!(code(end(&mut t, 0, true, 2)), 47);
    let guard = begin(&mut t, 0, 1, true);
    assert_eq!(code(append(&mut t, guard, 0, 1)), 47, "too late");
    assert!(
        end(&mut t, 1, true, 0).is_ok(),
        "an old client's marker keeps the epoch"
    );
}

#[test]
fn an_epoch_is_not_another_ones_transaction() {
    let mut t = verifying();
    let guard = begin(&mut t, 0, 0, true);
    append(&mut t, guard, 0, 0).unwrap();
    assert!(begin(&mut t, 1, 0, true).is_some());
    assert_eq!(code(append(&mut t, None, 1, 0)), 48);
}

#[test]
fn readers_are_told_of_aborts_in_what_they_read() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 200,
        ..LogConfig::default()
    });
    for sequence in 0..6 {
        append(&mut t, None, 0, sequence).unwrap();
        end(&mut t, 0, false, 0).unwrap();
    }
    assert!(t.log().segment_count() > 2);
    let log_end = t.log().log_end_offset();
    let found = t.log().read(0, 1 << 20, log_end, true).unwrap();
    let in_segment = found.records().unwrap().len();
    assert!(in_segment > 0 && in_segment <= 200);
    let aborted: Vec<i64> = t
        .log()
        .aborted_in(&found)
        .unwrap()
        .iter()
        .map(|a| a.first_offset)
        .collect();
    assert!(!aborted.is_empty() && aborted.len() < 6, "{aborted:?}");
    assert_eq!(aborted[0], 0);
    let nothing = t.log().read(log_end, 1 << 20, log_end, true).unwrap();
    assert_eq!(t.log().aborted_in(&nothing).unwrap(), []);
}

#[test]
fn without_verification_only_what_the_client_does_not_add_itself_is_asked_about() {
    let mut t = TestLog::new(LogConfig::default());
    t.log().set_producer_rules(EXPIRATION_MS, false);
    assert_eq!(begin(&mut t, 0, 0, false), None, "it has added the partition");
    let guard = begin(&mut t, 0, 0, true);
    assert!(guard.is_some(), "the leader is to add the partition");
    assert_eq!(append(&mut t, guard, 0, 0).unwrap().first_offset, 0);
    assert_eq!(begin(&mut t, 0, 1, true), None);
}
