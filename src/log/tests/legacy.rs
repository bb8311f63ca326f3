//! Logs that began under a Kafka before 0.11: their messages are served as they are, and nothing of them is lost.

use std::fs;
use std::path::Path;

use super::support::*;
use crate::log::{LogConfig, offset_file};
use crate::record::batch::batch_size;

const KINDS: [&str; 9] = [
    "legacy-m0-none-none-0",
    "legacy-m0-gzip-none-0",
    "legacy-m0-snappy-none-0",
    "legacy-m0-lz4-none-0",
    "legacy-m1-none-CreateTime-0",
    "legacy-m1-gzip-CreateTime-0",
    "legacy-m1-snappy-CreateTime-0",
    "legacy-m1-lz4-CreateTime-0",
    "legacy-m1-gzip-LogAppendTime-0",
];

/// The log Kafka's tools were tried on: nine records.
fn messages(kind: &str) -> Vec<u8> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dump-log");
    fs::read(offset_file(&fixtures.join(kind), 0, "log")).unwrap()
}

fn log_of(bytes: &[u8]) -> TestLog {
    let mut t = TestLog::new(LogConfig {
        index_interval_bytes: 100,
        ..Default::default()
    });
    t.log.take().unwrap().close(false).unwrap();
    for entry in fs::read_dir(t.dir()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    fs::write(offset_file(&t.dir(), 0, "log"), bytes).unwrap();
    t
}

#[test]
fn old_messages_are_served_as_they_are_and_new_batches_follow() {
    for kind in KINDS {
        let whole = messages(kind);
        for clean in [true, false] {
            let mut t = log_of(&whole);
            t.reopen(clean);
            assert_eq!(t.log().log_end_offset(), 9, "{kind}");
            assert!(t.log().epoch_entries().is_empty(), "{kind}: old messages have no epoch");
            let read = |t: &mut TestLog, offset| {
                let end = t.log().log_end_offset();
                t.log().read(offset, 1 << 20, end, true).unwrap().records().unwrap()
            };
            assert_eq!(read(&mut t, 0), whole, "{kind}");
            let last = read(&mut t, 8);
            assert!(whole.ends_with(&last) && !last.is_empty(), "{kind}");
            assert_eq!(t.append(batch(&["new"])).unwrap().first_offset, 9);
            t.reopen(false);
            assert_eq!(t.log().log_end_offset(), 10, "{kind}");
            assert_eq!(t.values(9), [(9, "new".to_owned())]);
        }
    }
}

#[test]
fn a_damaged_old_message_is_cut_off_and_none_before_it() {
    for kind in KINDS {
        let whole = messages(kind);
        let mut ends = vec![0];
        while let Some(size) = whole
            .get(ends[ends.len() - 1]..)
            .and_then(|rest| batch_size(rest).unwrap())
        {
            ends.push(ends[ends.len() - 1] + size);
        }
        // Every byte of the last two messages.
        for cut in ends[ends.len() - 3]..whole.len() {
            let mut t = log_of(&whole[..cut]);
            t.reopen(false);
            let size = fs::metadata(offset_file(&t.dir(), 0, "log")).unwrap().len() as usize;
            assert_eq!(
                Some(&size),
                ends.iter().rfind(|end| **end <= cut),
                "{kind} cut at {cut}"
            );
        }
        let mut bad = whole.clone();
        let last = bad.len() - 1;
        bad[last] ^= 1;
        let mut t = log_of(&bad);
        t.reopen(false);
        assert!(t.log().log_end_offset() < 9, "{kind}");
    }
}

#[test]
fn old_messages_are_found_by_time() {
    for kind in KINDS.iter().filter(|k| k.contains("CreateTime")) {
        let mut t = log_of(&messages(kind));
        t.reopen(false);
        for n in 0..9 {
            let found = t.log().offset_for_timestamp(1_700_000_000_000 + n, 9).unwrap().unwrap();
            assert_eq!((found.offset, found.timestamp), (n, 1_700_000_000_000 + n), "{kind}");
        }
        assert_eq!(t.log().max_timestamp_offset().unwrap().unwrap().offset, 8);
        assert!(t.log().offset_for_timestamp(1_700_000_000_009, 9).unwrap().is_none());
    }
}
