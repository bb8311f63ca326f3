//! What a fetch and a search by time find.

use super::support::*;
use crate::log::LogConfig;
use crate::record::Batches;

fn many() -> TestLog {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 3000,
        index_interval_bytes: 200,
        ..Default::default()
    });
    for i in 0..300i64 {
        t.append(batch_at(NOW + i * 10, &[&format!("{i}a"), &format!("{i}b")]))
            .unwrap();
    }
    t
}

#[test]
fn every_offset_is_found_in_every_segment() {
    let mut t = many();
    assert!(t.log().segment_count() > 5);
    for clean in [true, false] {
        for offset in 0..600 {
            let end = t.log().log_end_offset();
            let bytes = t.log().read(offset, 1, end, true).unwrap().records().unwrap();
            let first = Batches::new(&bytes).next().unwrap().unwrap();
            assert_eq!(first.header.base_offset, offset / 2 * 2);
        }
        t.reopen(clean);
    }
}

#[test]
fn a_read_stops_at_its_bounds() {
    let mut t = many();
    let log = t.log();
    assert!(log.read(600, 100, 600, true).unwrap().is_empty());
    assert_eq!(log.read(601, 100, 600, true).unwrap_err().code(), 1);
    assert_eq!(log.read(-1, 100, 600, true).unwrap_err().code(), 1);
    for upper in [1, 2, 3, 4, 40, 41, 599, 600] {
        let mut seen = 0;
        let mut at = 0;
        while at < upper {
            let found = log.read(at, 1 << 20, upper, true).unwrap();
            if found.is_empty() {
                break;
            }
            for batch in Batches::new(&found.records().unwrap()) {
                at = batch.unwrap().header.next_offset();
                seen = at;
            }
        }
        assert_eq!(seen, upper / 2 * 2, "whole batches before {upper}");
    }
    let none = log.read(0, 10, 600, false).unwrap();
    assert!(none.first_entry_incomplete && none.len() == 10);
}

#[test]
fn times_find_the_first_record_that_is_not_earlier() {
    let mut t = many();
    for clean in [true, false] {
        let log = t.log();
        for i in 0..300i64 {
            for early in [0, 1, 9] {
                let found = log.offset_for_timestamp(NOW + i * 10 - early, 600).unwrap().unwrap();
                assert_eq!((found.offset, found.timestamp), (i * 2, NOW + i * 10));
            }
        }
        assert_eq!(log.offset_for_timestamp(NOW + 3000, 600).unwrap(), None);
        assert_eq!(
            log.offset_for_timestamp(NOW + 2990, 598).unwrap(),
            None,
            "not above the bound"
        );
        let max = log.max_timestamp_offset().unwrap().unwrap();
        assert_eq!((max.offset, max.timestamp), (598, NOW + 2990));
        t.reopen(clean);
    }
}

#[test]
fn times_out_of_order_are_found_too() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 500,
        index_interval_bytes: 1,
        ..Default::default()
    });
    let times = [5i64, 3, 9, 1, 9, 7, 30, 2, 8];
    for time in times {
        t.append(batch_at(NOW + time, &["x"])).unwrap();
    }
    for target in 0..=30 {
        let expected = times.iter().position(|&t| t >= target).map(|i| i as i64);
        let found = t.log().offset_for_timestamp(NOW + target, 100).unwrap();
        assert_eq!(found.map(|m| m.offset), expected, "{target}");
    }
    assert_eq!(t.log().max_timestamp_offset().unwrap().unwrap().offset, 6);
}

#[test]
fn the_largest_timestamp_may_be_that_of_a_deleted_record_as_in_kafka() {
    let mut t = TestLog::new(LogConfig::default());
    for time in [9, 1, 2] {
        t.append(batch_at(NOW + time, &["x"])).unwrap();
    }
    t.log().set_high_watermark(3);
    for start in [1, 3] {
        t.log().advance_log_start(start).unwrap();
        let max = t.log().max_timestamp_offset().unwrap().unwrap();
        assert_eq!((max.offset, max.timestamp), (0, NOW + 9), "from {start}");
    }
    assert_eq!(t.log().offset_for_timestamp(NOW, 100).unwrap(), None);
}
