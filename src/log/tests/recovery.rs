//! What is left of a log after a stop that was not clean.

use std::fs;

use super::support::*;
use crate::log::{AppendOrigin, LogConfig, OpenOptions, offset_file};
use crate::record::Batches;

fn config() -> LogConfig {
    LogConfig {
        index_interval_bytes: 100,
        ..Default::default()
    }
}

#[test]
fn a_tail_cut_at_any_byte_costs_the_batches_that_it_hits_and_no_more() {
    let mut t = TestLog::new(config());
    for i in 0..6 {
        t.append(produced(4, 0, i * 2, &[&format!("{i}a"), &format!("{i}b")]))
            .unwrap();
    }
    let path = offset_file(&t.dir(), 0, "log");
    let whole = fs::read(&path).unwrap();
    let mut ends = vec![0];
    for batch in Batches::new(&whole) {
        ends.push(ends[ends.len() - 1] + batch.unwrap().bytes().len());
    }
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        t.reopen(false);
        let batches = ends.iter().filter(|&&end| end <= cut).count() as i64 - 1;
        assert_eq!(t.log().log_end_offset(), batches * 2, "cut at {cut}");
        assert_eq!(t.values(0).len() as i64, batches * 2);
        let sequence = t
            .log()
            .active_producers()
            .first()
            .map_or(-1, |p| i64::from(p.last_sequence));
        assert_eq!(sequence, batches * 2 - 1, "the sequence goes with the records");
        t.append(produced(4, 0, batches as i32 * 2, &["more"])).unwrap();
    }
}

#[test]
fn a_damaged_byte_or_garbage_behind_the_end_is_cut_off() {
    let mut t = TestLog::new(config());
    for i in 0..4 {
        t.append(batch(&[&format!("{i}")])).unwrap();
    }
    let path = offset_file(&t.dir(), 0, "log");
    let whole = fs::read(&path).unwrap();
    let size = whole.len() / 4;
    for at in 0..whole.len() {
        let mut bad = whole.clone();
        bad[at] ^= 0x40;
        fs::write(&path, &bad).unwrap();
        t.reopen(false);
        // The leader epoch and a base offset that still rises are outside the checksum.
        let end = t.log().log_end_offset();
        assert!(end >= (at / size) as i64, "byte {at}: {end}");
        t.values(t.log.as_ref().unwrap().log_start_offset());
    }
    for tail in [
        vec![0; 1000],
        vec![0xff; 100],
        b"not a batch at all, but longer than a header of one, certainly".repeat(3),
    ] {
        fs::write(&path, [&whole[..], &tail].concat()).unwrap();
        t.reopen(false);
        assert_eq!(t.log().log_end_offset(), 4);
        assert_eq!(fs::metadata(&path).unwrap().len(), whole.len() as u64);
    }
}

#[test]
fn segments_behind_a_bad_one_go_and_flushed_ones_are_not_read() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 200,
        ..Default::default()
    });
    for i in 0..6 {
        t.append(batch(&[&format!("{i}{}", "x".repeat(100))])).unwrap();
    }
    let damage = |offset: i64| {
        let path = offset_file(&t.dir(), offset, "log");
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
    };
    damage(1);
    damage(4);
    let options = OpenOptions {
        clean_shutdown: false,
        recovery_point: 3,
        now_ms: NOW,
        ..Default::default()
    };
    t.reopen_with(options);
    assert_eq!(
        t.log().log_end_offset(),
        4,
        "segment 1 was flushed and is believed, 4 is cut, 5 goes"
    );
    assert!(!offset_file(&t.dir(), 5, "log").exists());
    t.reopen_with(OpenOptions {
        recovery_point: 0,
        ..options
    });
    assert_eq!(t.log().log_end_offset(), 1);
}

#[test]
fn lost_or_senseless_indexes_are_made_anew() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 1000,
        index_interval_bytes: 100,
        ..Default::default()
    });
    for i in 0..40 {
        t.append(batch_at(NOW + i, &["x".repeat(50).as_str()])).unwrap();
    }
    t.append(transactional(1, 0, 0, &["a"])).unwrap();
    t.abort(1);
    t.reopen(true);
    let files = |t: &TestLog| {
        let mut all: Vec<_> = fs::read_dir(t.dir()).unwrap().map(|e| e.unwrap().path()).collect();
        all.retain(|p| p.to_str().unwrap().ends_with("index"));
        all.sort();
        all.into_iter().map(|p| (fs::read(&p).unwrap(), p)).collect::<Vec<_>>()
    };
    let good = files(&t);
    assert!(good.iter().any(|(_, p)| p.to_str().unwrap().ends_with("txnindex")));
    for (i, (_, path)) in good.iter().enumerate() {
        match i % 3 {
            0 => fs::remove_file(path).unwrap(),
            1 => fs::write(path, [1, 2, 3]).unwrap(),
            _ => fs::write(path, [0; 24 * 17]).unwrap(),
        }
    }
    t.log.take().unwrap().close(false).unwrap();
    t.reopen(false);
    t.reopen(true);
    assert_eq!(files(&t), good);
    assert_eq!(t.log().aborted_transactions(0, 100).len(), 1);
}

#[test]
fn epochs_and_open_transactions_come_back_from_the_records_alone() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 300,
        ..Default::default()
    });
    for epoch in [0, 0, 2, 2, 7] {
        t.log()
            .append_as_leader(batch(&["x".repeat(80).as_str()]), epoch, AppendOrigin::Client, NOW)
            .unwrap();
    }
    t.log()
        .append_as_leader(transactional(3, 1, 0, &["open"]), 7, AppendOrigin::Client, NOW)
        .unwrap();
    t.log().set_high_watermark(6);
    let epochs = t.log().epoch_entries().to_vec();
    let stable = t.log().last_stable_offset();
    assert_eq!(stable, 5);
    t.log.take().unwrap().close(false).unwrap();
    for entry in fs::read_dir(t.dir()).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_str().unwrap().ends_with(".log") {
            fs::remove_file(path).unwrap();
        }
    }
    t.reopen(false);
    assert_eq!(t.log().epoch_entries(), epochs);
    assert_eq!(t.log().last_stable_offset(), stable);
    let open = |p: &crate::log::ActiveProducer| p.producer_id == 3 && p.current_txn_start_offset >= 0;
    assert!(t.log().active_producers().iter().any(open));
}

#[test]
fn a_swap_that_was_interrupted_is_completed_or_undone() {
    let make = || {
        let mut t = TestLog::new(LogConfig {
            compact: true,
            delete: false,
            segment_bytes: 400,
            file_delete_delay_ms: 1000,
            ..Default::default()
        });
        for i in 0..12 {
            t.append(batch(&[&format!("{i:0>100}")])).unwrap();
        }
        t
    };
    let suffix = |t: &TestLog, from: &str, to: &str| {
        for entry in fs::read_dir(t.dir()).unwrap() {
            let path = entry.unwrap().path();
            if let Some(stem) = path.to_str().unwrap().strip_suffix(from) {
                fs::rename(&path, format!("{stem}{to}")).unwrap();
            }
        }
    };
    // Written, but nothing renamed: the old segments count.
    let mut t = make();
    let before = t.values(0);
    let plan = t.log().plan_cleaning(NOW, true).unwrap().unwrap();
    plan.run().unwrap().unwrap();
    t.reopen(true);
    assert_eq!(t.values(0), before);
    // Renamed, but the old segments still there: the new one counts.
    let plan = t.log().plan_cleaning(NOW, true).unwrap().unwrap();
    plan.run().unwrap().unwrap();
    suffix(&t, ".cleaned", ".swap");
    t.reopen(false);
    let after = t.values(0);
    assert!(after.len() < before.len() && !after.is_empty());
    assert_eq!(after.last(), before.last());
    t.reopen(true);
    assert_eq!(t.values(0), after);
}

#[test]
fn rolled_segments_are_flushed_aside_and_not_read_again() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 200,
        ..Default::default()
    });
    for i in 0..5 {
        t.append(batch(&[&format!("{i}{}", "x".repeat(100))])).unwrap();
    }
    let job = t.log().plan_flush().unwrap();
    job.run().unwrap();
    t.log().finish_flush(&job);
    assert_eq!(t.log().recovery_point(), 4);
    assert!(t.log().plan_flush().is_none());
    t.append(batch(&["y".repeat(100).as_str()])).unwrap();
    let job = t.log().plan_flush().unwrap();
    t.log().truncate_to(2, NOW).unwrap();
    for _ in 0..4 {
        t.append(batch(&["z".repeat(100).as_str()])).unwrap();
    }
    job.run().unwrap();
    t.log().finish_flush(&job);
    assert_eq!(t.log().recovery_point(), 2, "what was flushed is not what is there now");
}

#[test]
fn a_preallocated_segment_is_cut_when_it_is_rolled_closed_or_recovered() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 500,
        preallocate: true,
        ..Default::default()
    });
    let size = |t: &TestLog, offset| fs::metadata(offset_file(&t.dir(), offset, "log")).unwrap().len();
    assert_eq!(size(&t, 0), 500);
    for i in 0..4 {
        t.append(batch(&[&format!("{i}{}", "x".repeat(100))])).unwrap();
    }
    assert!(size(&t, 0) < 500);
    let active = t.log().active_base_offset();
    assert_eq!(size(&t, active), 500);
    let before = t.values(0);
    t.reopen(false);
    assert_eq!((t.values(0), t.log().log_end_offset()), (before.clone(), 4));
    assert!(size(&t, active) < 500);
    for i in 4..8 {
        t.append(batch(&[&format!("{i}{}", "x".repeat(100))])).unwrap();
    }
    t.reopen(true);
    assert_eq!(t.values(0)[..4], before);
    assert_eq!(t.values(0).len(), 8);
    let active = t.log().active_base_offset();
    assert!(
        size(&t, active) < 500,
        "a clean close leaves nothing behind the records"
    );
}
