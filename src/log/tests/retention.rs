//! Segments that expire, logs that are cut or begin later.

use super::support::*;
use crate::log::{LogConfig, OpenOptions};

fn segments(config: LogConfig) -> TestLog {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 200,
        ..config
    });
    for i in 0..10i64 {
        t.append(batch_at(NOW + i * 1000, &["x".repeat(100).as_str()])).unwrap();
    }
    assert_eq!(t.log().segment_count(), 10);
    t
}

#[test]
fn old_segments_expire_by_time_and_the_start_moves() {
    let mut t = segments(LogConfig {
        retention_ms: 5000,
        file_delete_delay_ms: 100,
        ..Default::default()
    });
    let now = NOW + 9000;
    assert_eq!(t.log().delete_old_segments(now).unwrap(), 4);
    assert_eq!(t.log().log_start_offset(), 4);
    assert_eq!(t.log().read(3, 10, 10, true).unwrap_err().code(), 1);
    let deleted = |t: &TestLog| {
        let names = std::fs::read_dir(t.dir())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|n| n.ends_with(".deleted")).count()
    };
    assert_eq!(deleted(&t), 12, "three files of four segments");
    t.log().remove_deleted_files(now + 99).unwrap();
    assert_eq!(deleted(&t), 12);
    t.log().remove_deleted_files(now + 100).unwrap();
    assert_eq!(deleted(&t), 0);
    assert_eq!(t.log().delete_old_segments(NOW + 100_000).unwrap(), 6);
    assert_eq!(
        (
            t.log().log_start_offset(),
            t.log().log_end_offset(),
            t.log().segment_count()
        ),
        (10, 10, 1)
    );
    t.append(batch(&["later"])).unwrap();
    t.reopen(true);
    assert_eq!(t.values(10), [(10, "later".into())]);
}

#[test]
fn size_keeps_at_least_what_it_says() {
    let mut t = segments(LogConfig::default());
    let one = t.log().size_bytes() / 10;
    t.log().set_config(std::sync::Arc::new(LogConfig {
        segment_bytes: 200,
        retention_bytes: 3 * one as i64 + 1,
        retention_ms: -1,
        ..Default::default()
    }));
    assert_eq!(t.log().delete_old_segments(NOW).unwrap(), 6);
    assert_eq!(t.log().log_start_offset(), 6);
}

#[test]
fn nothing_above_the_high_watermark_expires() {
    let mut t = segments(LogConfig {
        retention_ms: 1,
        ..Default::default()
    });
    t.log().set_high_watermark(3);
    assert_eq!(t.log().delete_old_segments(NOW + 1_000_000).unwrap(), 3);
}

#[test]
fn a_moved_start_frees_whole_segments_even_when_compacted_and_survives() {
    let mut t = segments(LogConfig {
        compact: true,
        delete: false,
        ..Default::default()
    });
    assert_eq!(t.log().advance_log_start(11).unwrap_err().code(), 1);
    assert!(t.log().advance_log_start(5).unwrap());
    assert!(!t.log().advance_log_start(4).unwrap());
    assert_eq!(t.log().delete_old_segments(NOW).unwrap(), 5);
    t.log().advance_log_start(7).unwrap();
    let options = OpenOptions {
        log_start_offset: 7,
        now_ms: NOW,
        ..Default::default()
    };
    t.reopen_with(options);
    assert_eq!(t.log().log_start_offset(), 7);
    assert_eq!(t.values(7).len(), 3);
    t.reopen_with(OpenOptions {
        log_start_offset: 20,
        ..options
    });
    assert_eq!(
        (t.log().log_start_offset(), t.log().log_end_offset()),
        (20, 20),
        "a start beyond the end"
    );
}

#[test]
fn truncation_forgets_records_epochs_and_sequences() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 200,
        ..Default::default()
    });
    let origin = crate::log::AppendOrigin::Client;
    for (epoch, seq) in [(1, 0), (1, 1), (2, 2), (2, 3), (3, 4), (3, 5)] {
        t.log()
            .append_as_leader(produced(9, 0, seq, &["xxxxxxxxxxxxxxxxxxxxxxxxxx"]), epoch, origin, NOW)
            .unwrap();
    }
    assert!(!t.log().truncate_to(6, NOW).unwrap());
    assert!(t.log().truncate_to(3, NOW).unwrap());
    for clean in [true, false] {
        assert_eq!((t.log().log_end_offset(), t.log().latest_epoch()), (3, Some(2)));
        assert_eq!(t.log().epoch_end_offset(1), (1, 2));
        assert_eq!(t.log().active_producers()[0].last_sequence, 2);
        t.reopen(clean);
    }
    t.append(produced(9, 0, 3, &["again"])).unwrap();
    t.log().truncate_fully_and_start_at(100, NOW).unwrap();
    assert_eq!(
        (
            t.log().log_start_offset(),
            t.log().log_end_offset(),
            t.log().latest_epoch()
        ),
        (100, 100, None)
    );
    assert_eq!(t.append(batch(&["a"])).unwrap().first_offset, 100);
}

#[test]
fn a_deleted_log_is_renamed_and_reads_go_on() {
    let mut t = segments(LogConfig::default());
    let found = t.log().read(0, 1000, 10, true).unwrap();
    let path = t.log.take().unwrap().mark_deleted().unwrap();
    assert!(!t.dir().exists() && path.file_name().unwrap().to_str().unwrap().ends_with("-delete"));
    std::fs::remove_dir_all(path).unwrap();
    assert!(!found.records().unwrap().is_empty());
}
