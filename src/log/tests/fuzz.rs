//! Seeded damage to batches and files: readers answer with an error or with records, never with a panic, and an append
//! never leaves a log that cannot be opened.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::memory::bounded;
use super::support::*;
use crate::log::checkpoint::{read_epochs, read_offsets};
use crate::log::inspect::fuzz_rounds;
use crate::log::log_dir::{MetaProperties, read_partition_metadata};
use crate::log::{AppendOrigin, LogConfig, OpenOptions};
use crate::record::{BatchHeader, BatchOptions, Batches, Compression, RecordBatchBuilder};

fn sample(rng: &mut StdRng) -> Vec<u8> {
    let compression = Compression::ALL[rng.random_range(0..5)];
    let mut builder = RecordBatchBuilder::new(BatchOptions {
        compression,
        ..Default::default()
    });
    for i in 0..rng.random_range(1..6) {
        let value = vec![i as u8; rng.random_range(0..200)];
        builder.append_with_headers(
            NOW + i64::from(i),
            Some(b"key"),
            Some(&value),
            &[("h", Some(b"v")), ("n", None)],
        );
    }
    builder.build().to_vec()
}

/// Changes some bytes, cuts, or repeats a part.
fn damage(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..4) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..5) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_within(at..),
            2 => bytes[at] = [0, 0x7f, 0x80, 0xff][rng.random_range(0..4)],
            _ => bytes[at] ^= 1 << rng.random_range(0..8),
        }
    }
}

/// Gives a damaged batch the right checksum, so that what lies behind it is reached.
fn mend(bytes: &mut [u8]) {
    if let Some(head) = bytes.first_chunk() {
        let mut header = BatchHeader::parse(head);
        header.update_crc(&bytes[61..]);
        bytes[17..21].copy_from_slice(&header.crc.to_be_bytes());
    }
}

fn seeded(test: impl Fn(&mut StdRng)) {
    for seed in 0..fuzz_rounds(1000, 1_000_000) {
        let run = AssertUnwindSafe(|| bounded(|| test(&mut StdRng::seed_from_u64(seed))));
        assert!(catch_unwind(run).is_ok(), "seed {seed}");
    }
}

#[test]
fn damaged_batches_are_errors_or_records() {
    seeded(|rng| {
        let mut bytes = sample(rng);
        damage(rng, &mut bytes);
        for batch in Batches::new(&bytes) {
            let Ok(batch) = batch else { break };
            for meta in [false, true] {
                let Ok(mut records) = batch.records() else { break };
                let mut seen = 0;
                loop {
                    let more = if meta {
                        records.next_meta().map(|r| r.is_ok())
                    } else {
                        records
                            .next()
                            .map(|r| r.map(|r| assert!(r.headers.count() < 1000)).is_ok())
                    };
                    seen += 1;
                    assert!(seen < 1_000_000);
                    if more.is_none() {
                        break;
                    }
                }
            }
        }
    });
}

/// How many records can be read. Which offsets those of a plain batch claim is the producer's business, as in Kafka.
fn records(t: &mut TestLog) -> i64 {
    let (mut at, end, mut count) = (0, t.log().log_end_offset(), 0);
    while at < end {
        let bytes = t.log().read(at, 1 << 20, end, true).unwrap().records().unwrap();
        for batch in Batches::new(&bytes) {
            let batch = batch.unwrap();
            let mut records = batch.records().unwrap();
            while let Some(record) = records.next() {
                record.unwrap();
                count += 1;
            }
            assert!(batch.header.next_offset() > at);
            at = batch.header.next_offset();
        }
    }
    count
}

#[test]
fn damaged_batches_with_a_right_checksum_never_spoil_the_log() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 20_000,
        index_interval_bytes: 64,
        ..Default::default()
    });
    let mut accepted = 0;
    for seed in 0..fuzz_rounds(1000, 1_000_000) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut bytes = sample(&mut rng);
        damage(&mut rng, &mut bytes);
        mend(&mut bytes);
        let before = t.log().log_end_offset();
        match bounded(|| t.append(Bytes::from(bytes))) {
            Ok(info) => {
                accepted += 1;
                assert_eq!(
                    (info.first_offset, info.last_offset),
                    (before, before + info.records - 1),
                    "seed {seed}"
                );
            }
            Err(e) => assert!([2, 10, 32, 45, 47, 48, 87].contains(&e.code()), "seed {seed}: {e}"),
        }
    }
    assert!(accepted > 100, "{accepted}");
    let end = t.log().log_end_offset();
    assert_eq!(records(&mut t), end);
    t.reopen(false);
    assert_eq!((t.log().log_end_offset(), records(&mut t)), (end, end));
}

#[test]
fn what_a_leader_sends_is_checked_too() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 20_000,
        ..LogConfig::default()
    });
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..fuzz_rounds(1000, 1_000_000) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut bytes = sample(&mut rng);
        let end = t.log().log_end_offset();
        bytes[..8].copy_from_slice(&end.to_be_bytes());
        damage(&mut rng, &mut bytes);
        mend(&mut bytes);
        match bounded(|| t.append_from(Bytes::from(bytes), AppendOrigin::Replication)) {
            Ok(_) => taken += 1,
            Err(e) => {
                assert!(t.log().failure().is_none(), "seed {seed}: {e}");
                refused += 1;
            }
        }
        if seed % 50 == 0 {
            let end = t.log().log_end_offset();
            bounded(|| t.reopen(false));
            assert_eq!(t.log().log_end_offset(), end, "seed {seed}: what was taken is there");
            t.log().truncate_fully_and_start_at(0, NOW).unwrap();
        }
    }
    assert!(taken > 100 && refused > 100, "{taken} taken, {refused} refused");
}

#[test]
fn damaged_files_open_after_an_unclean_stop() {
    let mut t = TestLog::new(LogConfig {
        segment_bytes: 600,
        index_interval_bytes: 64,
        ..Default::default()
    });
    for seq in 0..12 {
        t.append(produced(1, 0, seq, &["x".repeat(60).as_str()])).unwrap();
    }
    t.reopen(true);
    t.log.take().unwrap().close(true).unwrap();
    let files: Vec<_> = fs::read_dir(t.dir()).unwrap().map(|e| e.unwrap().path()).collect();
    let contents: Vec<_> = files.iter().map(|p| fs::read(p).unwrap()).collect();
    for seed in 0..fuzz_rounds(100, 100_000) {
        let mut rng = StdRng::seed_from_u64(seed);
        for entry in fs::read_dir(t.dir()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (path, bytes) in files.iter().zip(&contents) {
            let mut bytes = bytes.clone();
            // The topic id is not part of the log: a damaged one is reported, not repaired.
            if rng.random_bool(0.3) && !path.ends_with("partition.metadata") {
                damage(&mut rng, &mut bytes);
            }
            fs::write(path, bytes).unwrap();
        }
        let clean_shutdown = false;
        bounded(|| {
            t.reopen_with(OpenOptions {
                clean_shutdown,
                now_ms: NOW,
                ..Default::default()
            })
        });
        t.values(0);
        t.append(batch(&["still works"])).unwrap();
        t.log.take().unwrap().close(true).unwrap();
    }
}

/// The small files a broker reads at its start.
#[test]
fn damaged_checkpoints_and_properties_are_errors_or_values() {
    let dir = tempfile::tempdir().unwrap();
    let samples: [&[u8]; 4] = [
        b"0\n2\nt 0 15\nt 1 77\n",
        b"0\n2\n0 0\n5 1000\n",
        b"version: 0\ntopic_id: q_vN0sZWSYKKwRcN6Ib1Uw",
        b"#\ncluster.id=c\nversion=1\ndirectory.id=q_vN0sZWSYKKwRcN6Ib1Uw\nnode.id=1\n",
    ];
    for seed in 0..fuzz_rounds(1000, 1_000_000) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut bytes = samples[rng.random_range(0..4)].to_vec();
        damage(&mut rng, &mut bytes);
        for name in ["any", "partition.metadata", "meta.properties"] {
            fs::write(dir.path().join(name), &bytes).unwrap();
        }
        let path = dir.path().join("any");
        bounded(|| {
            let _ = (read_offsets(&path), read_epochs(&path));
            let _ = (read_partition_metadata(dir.path()), MetaProperties::read(dir.path()));
        });
    }
}
