//! When a new segment begins: by size, by time, by full indexes, by offsets too far apart.

use std::fs;

use super::support::*;
use crate::log::{AppendOrigin, LogConfig, offset_file};
use crate::record::{BatchOptions, RecordBatchBuilder};

fn bases(t: &TestLog) -> Vec<i64> {
    let names = fs::read_dir(t.dir()).unwrap().map(|e| e.unwrap().file_name());
    let mut bases: Vec<i64> = names.filter_map(|name| crate::log::file_offset(&name, "log")).collect();
    bases.sort_unstable();
    bases
}

#[test]
fn a_segment_is_no_larger_than_it_may_be() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 1000,
        ..Default::default()
    });
    let size = batch(&[&"x".repeat(100)]).len();
    for _ in 0..20 {
        t.append(batch(&[&"x".repeat(100)])).unwrap();
    }
    let in_one = (1000 / size) as i64;
    assert_eq!(bases(&t), (0..20).step_by(in_one as usize).collect::<Vec<_>>());
    let closed = fs::metadata(offset_file(&t.dir(), 0, "log")).unwrap().len();
    assert_eq!(closed, in_one as u64 * size as u64);
    // A batch larger than a segment has no place.
    assert_eq!(code(t.append(batch(&[&"x".repeat(1000)]))), 18);
}

#[test]
fn a_segment_is_no_older_than_it_may_be_by_its_records_times() {
    let mut t = TestLog::new(LogConfig {
        segment_ms: 1000,
        ..Default::default()
    });
    for after in [0, 1000, 500] {
        t.append(batch_at(NOW + after, &["x"])).unwrap();
    }
    assert_eq!(bases(&t), [0]);
    // The first batch of the segment counts, also one that an earlier run wrote.
    t.reopen(true);
    t.append(batch_at(NOW + 1001, &["x"])).unwrap();
    assert_eq!(bases(&t), [0, 3]);
    t.append(batch_at(NOW + 2001, &["x"])).unwrap();
    assert_eq!(bases(&t), [0, 3]);
    t.append(batch_at(NOW + 2002, &["x"])).unwrap();
    assert_eq!(bases(&t), [0, 3, 5]);
}

#[test]
fn jitter_makes_a_segment_end_early_and_the_same_one_always_then() {
    let mut t = TestLog::new(LogConfig {
        segment_ms: 100_000,
        segment_jitter_ms: 90_000,
        ..Default::default()
    });
    for n in 0..2000 {
        t.append(batch_at(NOW + n * 1000, &["x"])).unwrap();
    }
    let bases = bases(&t);
    let lengths: Vec<i64> = bases.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(lengths.len() > 20, "{lengths:?}");
    assert!(
        lengths.iter().all(|seconds| (10..=101).contains(seconds)),
        "{lengths:?}"
    );
    assert!(lengths.iter().any(|seconds| *seconds != lengths[0]), "{lengths:?}");
}

#[test]
fn a_full_index_ends_the_segment() {
    for (entries, kind) in [(10, "index"), (10, "timeindex")] {
        let mut t = TestLog::new(LogConfig {
            segment_index_bytes: if kind == "index" { 8 * entries } else { 12 * entries },
            index_interval_bytes: 0,
            ..Default::default()
        });
        // Without rising times the time index gets no entries.
        for n in 0..30 {
            t.append(batch_at(if kind == "index" { NOW } else { NOW + n }, &["x"]))
                .unwrap();
        }
        let bases = bases(&t);
        assert!(bases.len() > 2, "{kind}: {bases:?}");
        for base in &bases {
            let size = fs::metadata(offset_file(&t.dir(), *base, kind)).unwrap().len();
            assert!(size <= 12 * entries, "{kind} of {base}: {size}");
        }
        t.reopen(true);
        assert_eq!(t.values(0).len(), 30);
    }
}

#[test]
fn offsets_too_far_from_the_base_begin_a_segment() {
    let mut t = TestLog::new(LogConfig::default());
    let far = |base_offset: i64| {
        let mut builder = RecordBatchBuilder::new(BatchOptions {
            base_offset,
            ..Default::default()
        });
        builder.append(NOW, Some(b"k"), Some(b"v"));
        builder.build()
    };
    let limit = i64::from(i32::MAX);
    for offset in [0, limit, limit + 1, limit + 2] {
        t.append_from(far(offset), AppendOrigin::Replication).unwrap();
    }
    assert_eq!(bases(&t), [0, limit + 1]);
    for clean in [true, false] {
        t.reopen(clean);
        let found: Vec<i64> = t.values(0).into_iter().map(|(offset, _)| offset).collect();
        assert_eq!(found, [0, limit, limit + 1, limit + 2]);
    }
}
