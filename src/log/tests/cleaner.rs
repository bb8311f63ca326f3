//! What compaction keeps and what it lets go.

use super::support::*;
use crate::log::{AppendOrigin, LogConfig};
use crate::record::control::EndTxnMarker;
use crate::record::{BatchOptions, Batches, Compression, RecordBatchBuilder};

fn compacted() -> TestLog {
    TestLog::new(LogConfig {
        compact: true,
        delete: false,
        segment_bytes: 400,
        delete_retention_ms: 1000,
        file_delete_delay_ms: 0,
        ..Default::default()
    })
}

fn keyed(compression: Compression, records: &[(&str, Option<&str>)]) -> bytes::Bytes {
    let mut builder = RecordBatchBuilder::new(BatchOptions {
        compression,
        ..Default::default()
    });
    for (key, value) in records {
        builder.append(NOW, Some(key.as_bytes()), value.map(str::as_bytes));
    }
    builder.build()
}

/// Key and value of every record, with its offset.
fn contents(t: &mut TestLog) -> Vec<(i64, String, Option<String>)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (mut at, end) = (t.log().log_start_offset(), t.log().log_end_offset());
    let mut out = Vec::new();
    while at < end {
        let bytes = t.log().read(at, 1 << 20, end, true).unwrap().records().unwrap();
        assert!(!bytes.is_empty(), "nothing readable from {at} to {end}");
        for batch in Batches::new(&bytes) {
            let batch = batch.unwrap();
            batch.ensure_valid().unwrap();
            let mut records = batch.records().unwrap();
            while let Some(record) = records.next().map(Result::unwrap) {
                out.push((
                    record.offset,
                    text(record.key.unwrap_or_default()),
                    record.value.map(text),
                ));
            }
            at = batch.header.next_offset();
        }
    }
    out
}

/// Rolls, so that everything before is in reach of the cleaner.
fn fill(t: &mut TestLog) {
    t.append(keyed(Compression::None, &[("fill", Some(&"x".repeat(320)))]))
        .unwrap();
}

#[test]
fn the_last_record_of_a_key_stays_at_its_offset() {
    for compression in Compression::ALL {
        let mut t = compacted();
        for i in 0..10 {
            let value = format!("v{i}");
            let records = [
                ("a", Some(value.as_str())),
                ("b", Some(value.as_str())),
                (value.as_str(), Some("once")),
            ];
            t.append(keyed(compression, &records)).unwrap();
        }
        fill(&mut t);
        let before = contents(&mut t);
        let end = t.log().log_end_offset();
        let stats = t.log().compact(NOW).unwrap().unwrap();
        assert!(stats.bytes_retained < stats.bytes_read);
        let active = t.log().active_base_offset();
        let expected: Vec<_> = before
            .iter()
            .filter(|(offset, key, _)| {
                *offset >= active || !before.iter().any(|(o, k, _)| o > offset && *o < active && k == key)
            })
            .cloned()
            .collect();
        assert_eq!(contents(&mut t), expected, "{compression}");
        assert!(t.log().compact(NOW).unwrap().is_none(), "nothing is dirty any more");
        for clean in [true, false] {
            t.reopen(clean);
            assert_eq!(contents(&mut t), expected);
            assert_eq!(t.log().log_end_offset(), end);
        }
    }
}

#[test]
fn tombstones_go_after_their_horizon_and_not_before() {
    let mut t = compacted();
    t.append(keyed(Compression::None, &[("a", Some("1")), ("b", Some("1"))]))
        .unwrap();
    t.append(keyed(Compression::None, &[("a", None)])).unwrap();
    fill(&mut t);
    fill(&mut t);
    let keys = |t: &mut TestLog| contents(t).into_iter().map(|(o, k, _)| (o, k)).collect::<Vec<_>>();
    t.log().compact(NOW).unwrap().unwrap();
    assert_eq!(
        keys(&mut t)[..2],
        [(1, "b".into()), (2, "a".into())],
        "the tombstone outlives the record"
    );
    fill(&mut t);
    t.log().compact(NOW + 999).unwrap().unwrap();
    assert!(keys(&mut t).contains(&(2, "a".into())));
    fill(&mut t);
    t.log().compact(NOW + 1001).unwrap().unwrap();
    assert_eq!(keys(&mut t)[0], (1, "b".into()));
    assert!(!keys(&mut t).iter().any(|(_, k)| k == "a"));
}

#[test]
fn aborted_records_go_and_producers_stay_known() {
    let mut t = compacted();
    t.append(transactional(1, 0, 0, &["aborted"])).unwrap();
    t.abort(1);
    t.append(produced(5, 0, 0, &["superseded"])).unwrap();
    t.append(produced(6, 0, 0, &["last of k"])).unwrap();
    fill(&mut t);
    t.log().compact(NOW).unwrap().unwrap();
    let kept: Vec<_> = contents(&mut t).into_iter().filter_map(|(_, _, v)| v).collect();
    assert!(kept.contains(&"last of k".to_owned()) && !kept.contains(&"superseded".to_owned()));
    assert!(!kept.contains(&"aborted".to_owned()));
    // Producer 5 has no record left, but its sequence is still known, also from the log alone.
    for clean in [true, false] {
        assert!(t.append(produced(5, 0, 0, &["superseded"])).unwrap().duplicate);
        t.reopen(clean);
    }
}

#[test]
fn many_small_segments_become_one() {
    let mut t = compacted();
    for i in 0..40 {
        t.append(keyed(Compression::None, &[("k", Some(&format!("{i:0>150}")))]))
            .unwrap();
    }
    let before = t.log().segment_count();
    // The first round leaves most segments empty, the second one joins them.
    t.log().compact(NOW).unwrap().unwrap();
    fill(&mut t);
    t.log().compact(NOW).unwrap().unwrap();
    assert!(
        before > 15 && t.log().segment_count() < 5,
        "{before} {}",
        t.log().segment_count()
    );
    t.log().remove_deleted_files(i64::MAX).unwrap();
    let logs = std::fs::read_dir(t.dir()).unwrap().filter(|e| {
        let name = e.as_ref().unwrap().file_name().into_string().unwrap();
        assert!(
            !name.contains("deleted") && !name.contains("swap") && !name.contains("cleaned"),
            "{name}"
        );
        name.ends_with(".log")
    });
    assert_eq!(logs.count(), t.log().segment_count());
}

#[test]
fn a_truncation_during_the_cleaning_wins() {
    let mut t = compacted();
    for i in 0..20 {
        t.append(keyed(Compression::None, &[("k", Some(&format!("{i:0>150}")))]))
            .unwrap();
    }
    let plan = t.log().plan_cleaning(NOW, true).unwrap().unwrap();
    t.log().truncate_to(5, NOW).unwrap();
    if let Some(cleaned) = plan.run().unwrap() {
        t.log().finish_cleaning(cleaned, NOW).unwrap();
    }
    assert_eq!(contents(&mut t).len(), 5);
    assert_eq!(t.log().cleaner_offset(), 0);
}

#[test]
fn batches_keep_their_codec() {
    for compression in Compression::ALL {
        let mut t = compacted();
        for value in ["1", "2", "3"] {
            t.append(keyed(compression, &[("a", Some(value)), (value, Some("once"))]))
                .unwrap();
        }
        fill(&mut t);
        t.log().compact(NOW).unwrap().unwrap();
        let (start, end) = (t.log().log_start_offset(), t.log().active_base_offset());
        let bytes = t.log().read(start, 1 << 20, end, true).unwrap().records().unwrap();
        let codecs: Vec<_> = Batches::new(&bytes)
            .map(|batch| batch.unwrap().header.compression().unwrap())
            .collect();
        assert!(
            !codecs.is_empty() && codecs.iter().all(|c| *c == compression),
            "{codecs:?}"
        );
    }
}

#[test]
fn a_log_is_cleaned_once_enough_of_it_is_dirty_or_too_old() {
    let mut t = compacted();
    let config = t.log().config().clone();
    let with = |min_cleanable_dirty_ratio, max_compaction_lag_ms| LogConfig {
        min_cleanable_dirty_ratio,
        max_compaction_lag_ms,
        ..(*config).clone()
    };
    let is_due = |t: &mut TestLog, config: LogConfig, now: i64| {
        t.log().set_config(config.into());
        t.log().plan_cleaning(now, false).unwrap().is_some()
    };
    assert!(!is_due(&mut t, with(0.0, i64::MAX), NOW), "an empty log");
    fill(&mut t);
    assert!(
        !is_due(&mut t, with(0.0, i64::MAX), NOW),
        "the active segment is left alone"
    );
    for _ in 0..8 {
        fill(&mut t);
    }
    t.log().compact(NOW).unwrap().unwrap();
    for key in 0..9 {
        t.append(keyed(Compression::None, &[(&key.to_string(), Some(&"x".repeat(320)))]))
            .unwrap();
    }
    assert!(is_due(&mut t, with(0.5, i64::MAX), NOW));
    t.log().compact(NOW).unwrap().unwrap();
    fill(&mut t);
    fill(&mut t);
    assert!(
        !is_due(&mut t, with(0.5, i64::MAX), NOW),
        "three of eleven segments are dirty"
    );
    assert!(is_due(&mut t, with(0.1, i64::MAX), NOW));
    assert!(!is_due(&mut t, with(0.5, 5000), NOW + 5000));
    assert!(
        is_due(&mut t, with(0.5, 5000), NOW + 5001),
        "max.compaction.lag.ms is over"
    );
}

#[test]
fn young_records_wait_for_their_lag() {
    let mut t = compacted();
    let config = LogConfig {
        min_compaction_lag_ms: 1000,
        ..(**t.log().config()).clone()
    };
    t.log().set_config(config.into());
    for n in 0..4 {
        let mut builder = RecordBatchBuilder::new(BatchOptions::default());
        builder.append(NOW + n * 500, Some(b"k"), Some("x".repeat(320).as_bytes()));
        t.append(builder.build()).unwrap();
    }
    assert!(t.log().compact(NOW + 999).unwrap().is_none());
    t.log().compact(NOW + 1500).unwrap().unwrap();
    let offsets = |t: &mut TestLog| contents(t).into_iter().map(|(o, ..)| o).collect::<Vec<_>>();
    assert_eq!(offsets(&mut t), [1, 2, 3], "offset 2 is too young to supersede 1");
    t.log().compact(NOW + 10_000).unwrap().unwrap();
    assert_eq!(offsets(&mut t), [2, 3], "the active segment is left alone");
}

#[test]
fn markers_go_when_their_transactions_records_are_gone_and_the_horizon_has_passed() {
    let mut t = compacted();
    t.append(transactional(1, 0, 0, &["old"])).unwrap();
    let commit = EndTxnMarker {
        committed: true,
        coordinator_epoch: 0,
    };
    t.append_from(commit.to_batch(1, 0, NOW), AppendOrigin::Coordinator)
        .unwrap();
    // Another producer's record of the same key; the first one goes on, so that nothing is kept for its sequence.
    t.append(produced(2, 0, 0, &["new"])).unwrap();
    t.append(produced(1, 0, 1, &[&"y".repeat(320)])).unwrap();
    fill(&mut t);
    fill(&mut t);
    let markers = |t: &mut TestLog| {
        let (start, end) = (t.log().log_start_offset(), t.log().log_end_offset());
        let mut found = 0;
        let mut at = start;
        while at < end {
            let bytes = t.log().read(at, 1 << 20, end, true).unwrap().records().unwrap();
            for batch in Batches::new(&bytes) {
                let header = batch.unwrap().header;
                found += usize::from(header.is_control() && header.record_count > 0);
                at = header.next_offset();
            }
        }
        found
    };
    t.log().compact(NOW).unwrap().unwrap();
    assert_eq!(markers(&mut t), 1);
    fill(&mut t);
    t.log().compact(NOW + 1).unwrap().unwrap();
    assert_eq!(
        markers(&mut t),
        1,
        "delete.retention.ms counts from the first cleaning without records"
    );
    fill(&mut t);
    t.log().compact(NOW + 2000).unwrap().unwrap();
    assert_eq!(markers(&mut t), 0);
}
