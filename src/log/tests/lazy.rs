//! Closed segments: a start knows them by the directory's listing, and their files are opened when somebody needs them.

use std::fs;

use super::support::*;
use crate::log::{LogConfig, offset_file};

/// One record a segment, the n-th at `NOW + n`.
fn log_of(segments: i64) -> TestLog {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 200,
        index_interval_bytes: 1,
        file_delete_delay_ms: 0,
        ..Default::default()
    });
    for n in 0..segments {
        t.append(batch_at(NOW + n, &[&format!("{n:0>100}")])).unwrap();
    }
    assert_eq!(t.log().segment_count() as i64, segments);
    t.reopen(true);
    t
}

/// Files below the log's directory that this process has open, other tests' not counted.
fn descriptors(t: &TestLog) -> usize {
    let dir = fs::canonicalize(t.dir()).unwrap();
    let all = fs::read_dir("/proc/self/fd").unwrap();
    let targets = all.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
    targets.filter(|path| path.starts_with(&dir)).count()
}

#[test]
fn a_start_opens_the_files_of_the_last_segment_alone() {
    let mut counts = [3, 60].map(|segments| {
        let mut t = log_of(segments);
        let opened = t.log().open_files();
        assert_eq!(t.log().log_end_offset(), segments);
        if cfg!(target_os = "linux") {
            assert_eq!(descriptors(&t), opened);
        }
        opened
    });
    counts.sort_unstable();
    assert_eq!(counts, [3, 3], "records, .index, .timeindex");
}

#[test]
fn what_was_opened_to_be_read_is_closed_again() {
    let mut t = log_of(40);
    let values = t.values(0);
    assert_eq!(values.len(), 40);
    assert!(t.log().open_files() > 80);
    let slice = t.log().read(5, 1000, 40, true).unwrap();
    t.log().release_files();
    assert_eq!(
        t.log().open_files(),
        4,
        "the last segment, and the records that are being read"
    );
    assert_eq!(slice.records().unwrap().len(), slice.len());
    drop(slice);
    t.log().release_files();
    assert_eq!(
        t.log().open_files(),
        1,
        "the records of the last segment, which nobody wrote to meanwhile"
    );
    assert_eq!(t.values(0), values);
}

#[test]
fn a_log_that_is_idle_holds_one_file_and_opens_its_indexes_to_write() {
    let mut t = TestLog::new(LogConfig {
        index_interval_bytes: 1,
        ..Default::default()
    });
    assert_eq!(t.log().open_files(), 1);
    let names = [".index", ".timeindex"].map(|end| t.dir().join(format!("{:020}{end}", 0)));
    assert!(names.iter().all(|path| path.exists()));
    for n in 0..6 {
        t.append(batch_at(NOW + n, &["a record"])).unwrap();
        assert_eq!(t.log().open_files(), if n == 0 { 1 } else { 3 });
        t.log().release_files();
        t.log().release_files();
        assert_eq!(t.log().open_files(), 1);
    }
    assert_eq!(t.values(0).len(), 6);
    let entries = names.map(|path| fs::metadata(path).unwrap().len());
    assert_eq!(entries, [5 * 8, 5 * 12], "one for each batch but the first");
}

#[test]
fn times_are_found_without_holding_files() {
    let mut t = log_of(40);
    let found = t.log().offset_for_timestamp(NOW + 30, 40).unwrap().unwrap();
    assert_eq!((found.offset, found.timestamp), (30, NOW + 30));
    assert!(
        t.log().open_files() <= 6,
        "those of the last segment and of the one with the record"
    );
    assert_eq!(t.log().max_timestamp_offset().unwrap().unwrap().offset, 39);
    // Retention by time asks the time indexes too.
    t.log().release_files();
    let config = LogConfig {
        retention_ms: 1000,
        ..(**t.log().config()).clone()
    };
    t.log().set_config(config.into());
    assert_eq!(t.log().delete_old_segments(NOW + 1000 + 21).unwrap(), 21);
    assert_eq!((t.log().log_start_offset(), t.log().open_files()), (21, 3));
    assert_eq!(t.values(21).len(), 19);
}

#[test]
fn a_segment_that_was_closed_is_written_again_after_a_truncation() {
    let mut t = log_of(10);
    // At its end, so that nothing of it is cut, and within.
    for to in [7, 3] {
        t.log().truncate_to(to, NOW).unwrap();
        let kept = t.values(0);
        t.append(batch_at(NOW + to, &["new"])).unwrap();
        let mut expected = kept.clone();
        expected.push((to, "new".into()));
        assert_eq!(t.values(0), expected);
        t.reopen(true);
        assert_eq!(t.values(0), expected);
        t.reopen(false);
        assert_eq!(t.values(0), expected);
    }
}

#[test]
fn damaged_indexes_of_closed_segments_are_made_anew_when_they_are_needed() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 40_000,
        ..Default::default()
    });
    for n in 0..100 {
        t.append(batch_at(NOW + n, &[&"x".repeat(1000)])).unwrap();
    }
    t.reopen(true);
    let values = t.values(0);
    let files = ["index", "timeindex"].map(|kind| offset_file(&t.dir(), 0, kind));
    let good = files.each_ref().map(|path| fs::read(path).unwrap());
    assert!(good.iter().all(|bytes| bytes.len() > 50));
    let damages: [fn(&std::path::Path); 3] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, [1, 2, 3]).unwrap(),
        |path| fs::write(path, [0; 24 * 17]).unwrap(),
    ];
    for damage in damages {
        t.log.take().unwrap().close(true).unwrap();
        files.iter().for_each(|path| damage(path));
        t.reopen(true);
        assert_eq!(t.values(0), values);
        assert_eq!(t.log().offset_for_timestamp(NOW + 20, 100).unwrap().unwrap().offset, 20);
        assert_eq!(files.each_ref().map(|path| fs::read(path).unwrap()), good);
    }
}

#[test]
fn records_that_vanished_fail_a_read_and_are_not_made() {
    let mut t = log_of(5);
    let path = offset_file(&t.dir(), 2, "log");
    fs::remove_file(&path).unwrap();
    assert!(t.log().read(2, 1000, 5, true).is_err());
    assert!(!path.exists());
    assert_eq!(t.log().read(3, 1000, 5, true).unwrap().fetch_offset, 3);
}
