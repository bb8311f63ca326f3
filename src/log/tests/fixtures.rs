//! Directories that Apache Kafka 4.3.1 wrote: opened as they are, and made anew from their records alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use crate::TopicPartition;
use crate::log::{LogConfig, OpenOptions, PartitionLog, producer_snapshot};
use crate::record::Batches;

/// When the directories were written, so that no producer has expired.
const THEN: i64 = 1_795_260_000_000;

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/segments");
    let mut dirs: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .collect();
    dirs.sort();
    assert!(dirs.len() > 10);
    dirs
}

fn copy(from: &Path, keep: impl Fn(&str) -> bool) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if keep(entry.file_name().to_str().unwrap()) {
            fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
        }
    }
    to
}

fn open(dir: &Path, clean_shutdown: bool) -> PartitionLog {
    let options = OpenOptions {
        clean_shutdown,
        now_ms: THEN,
        ..Default::default()
    };
    PartitionLog::open(
        dir,
        TopicPartition::new("f", 0),
        Uuid::nil(),
        Arc::new(LogConfig::default()),
        options,
    )
    .unwrap()
}

/// Offsets of the last records, by the name of the newest producer snapshot.
fn newest_snapshot(dir: &Path) -> Option<(i64, PathBuf)> {
    let names = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    names
        .filter_map(|p| crate::log::file_offset(p.file_name()?, "snapshot").map(|offset| (offset, p)))
        .max()
}

fn batches(log: &PartitionLog) -> usize {
    let (mut at, mut count) = (log.log_start_offset(), 0);
    while at < log.log_end_offset() {
        let bytes = log
            .read(at, 1 << 20, log.log_end_offset(), true)
            .unwrap()
            .records()
            .unwrap();
        for batch in Batches::new(&bytes) {
            let batch = batch.unwrap();
            batch.ensure_valid().unwrap();
            let mut records = batch.records().unwrap();
            while let Some(record) = records.next() {
                record.unwrap();
            }
            at = batch.header.next_offset();
            count += 1;
        }
    }
    count
}

#[test]
fn kafkas_directories_open_and_every_record_is_read() {
    for dir in fixtures() {
        let work = copy(&dir, |_| true);
        let log = open(work.path(), true);
        if let Some((end, _)) = newest_snapshot(&dir) {
            assert_eq!(log.log_end_offset(), end, "{}", dir.display());
        }
        assert!(batches(&log) > 0, "{}", dir.display());
        log.close(true).unwrap();
        // An orderly stop changes nothing that Kafka wrote.
        for entry in fs::read_dir(&dir).unwrap() {
            let (name, path) = {
                let e = entry.unwrap();
                (e.file_name(), e.path())
            };
            if name.to_str().unwrap().ends_with("index") || name.to_str().unwrap().ends_with("log") {
                assert_eq!(
                    fs::read(work.path().join(&name)).unwrap(),
                    fs::read(&path).unwrap(),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn indexes_and_producers_made_from_the_records_are_kafkas() {
    for dir in fixtures() {
        let work = copy(&dir, |name| name.ends_with(".log"));
        open(work.path(), false).close(true).unwrap();
        for entry in fs::read_dir(&dir).unwrap() {
            let (name, path) = {
                let e = entry.unwrap();
                (e.file_name(), e.path())
            };
            if name.to_str().unwrap().ends_with("index") {
                let made = fs::read(work.path().join(&name)).unwrap();
                assert_eq!(made, fs::read(&path).unwrap(), "{}", path.display());
            }
        }
        let Some((end, path)) = newest_snapshot(&dir) else {
            continue;
        };
        let (made_end, made) = newest_snapshot(work.path()).unwrap();
        let by_id = |path: &Path| -> BTreeMap<i64, _> {
            producer_snapshot::read(path)
                .unwrap()
                .into_iter()
                .map(|e| (e.producer_id, e))
                .collect()
        };
        assert_eq!((made_end, by_id(&made)), (end, by_id(&path)), "{}", path.display());
    }
}

#[test]
fn aborted_transactions_of_kafka_are_told() {
    let txn = fixtures().into_iter().find(|d| d.ends_with("txn-0")).unwrap();
    let work = copy(&txn, |_| true);
    let log = open(work.path(), true);
    let aborted = log.aborted_transactions(0, log.log_end_offset());
    assert_eq!(
        aborted
            .iter()
            .map(|t| (t.producer_id, t.first_offset, t.last_offset))
            .collect::<Vec<_>>(),
        [(45, 4, 6)]
    );
    assert_eq!(log.active_producers()[0].producer_epoch, 3);
}
