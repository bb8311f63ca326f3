//! Seeded damage to every kind of file: the readers end with an answer or an error, without a panic and without memory
//! that a damaged length claims. `KT_NIGHTLY=1` makes it a million inputs.

use std::fs;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Format, InspectError, LogFile, OffsetIndexFile, TimeIndexFile, read_producer_snapshot, read_txn_index};
use crate::log::tests::memory::bounded;
use crate::record::{BatchOptions, Compression, RecordBatchBuilder};

/// How many inputs a test takes; `KT_FUZZ_ROUNDS` says it for all of them.
pub(crate) fn rounds(normal: u64, nightly: u64) -> u64 {
    if let Some(asked) = std::env::var("KT_FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()) {
        return asked;
    }
    match std::env::var_os("KT_NIGHTLY") {
        Some(v) if v != "0" => nightly,
        _ => normal,
    }
}

/// A log with a batch of each codec.
fn log(rng: &mut StdRng) -> Vec<u8> {
    let mut out = Vec::new();
    let mut base_offset = 0;
    for compression in Compression::ALL {
        let mut builder = RecordBatchBuilder::new(BatchOptions {
            base_offset,
            compression,
            producer_id: 7,
            producer_epoch: 0,
            base_sequence: base_offset as i32,
            ..Default::default()
        });
        for n in 0..rng.random_range(1..8) {
            let value = vec![n as u8; rng.random_range(0..300)];
            builder.append_with_headers(1000 + n, Some(b"key"), Some(&value), &[("h", Some(b"v")), ("n", None)]);
            base_offset += 1;
        }
        out.extend_from_slice(&builder.build());
    }
    out
}

/// Messages of magic 0 and 1, one of them with others inside.
fn legacy(rng: &mut StdRng) -> Vec<u8> {
    let message = |offset: i64, magic: u8, attributes: u8, value: &[u8]| {
        let mut body = vec![magic, attributes];
        if magic == 1 {
            body.extend_from_slice(&1234i64.to_be_bytes());
        }
        body.extend_from_slice(&(-1i32).to_be_bytes());
        body.extend_from_slice(&(value.len() as i32).to_be_bytes());
        body.extend_from_slice(value);
        let mut crc = flate2::Crc::new();
        crc.update(&body);
        let mut out = offset.to_be_bytes().to_vec();
        out.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
        out.extend_from_slice(&crc.sum().to_be_bytes());
        out.extend_from_slice(&body);
        out
    };
    let mut out = message(0, 0, 0, b"plain");
    for (codec, id) in [(Compression::Gzip, 1), (Compression::Snappy, 2), (Compression::Lz4, 3)] {
        let magic = rng.random_range(0..2);
        let inner = [message(0, magic, 0, b"inner"), message(1, magic, 0, &[7; 200])].concat();
        let mut packed = Vec::new();
        codec.compress(&inner, None, &mut packed).unwrap();
        out.extend(message(5, magic, id, &packed));
    }
    out
}

fn numbers(rng: &mut StdRng, entry: usize) -> Vec<u8> {
    (0..rng.random_range(0..20) * entry)
        .map(|_| rng.random_range(0..256) as u8)
        .collect()
}

fn snapshot(rng: &mut StdRng) -> Vec<u8> {
    let count = rng.random_range(0..5usize);
    let mut entries = (count as i32).to_be_bytes().to_vec();
    entries.extend((0..count * 46).map(|_| rng.random_range(0..256) as u8));
    let crc = crc32c::crc32c(&entries);
    [&1i16.to_be_bytes()[..], &crc.to_be_bytes(), &entries].concat()
}

fn damage(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(0..4) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_within(at..),
            2 => bytes[at] = [0, 0x7f, 0x80, 0xff][rng.random_range(0..4)],
            3 => bytes.extend_from_slice(&[0; 40]),
            4 => {
                let length = [i32::MAX, i32::MIN, -1, 0, 14][rng.random_range(0..5)].to_be_bytes();
                bytes.iter_mut().skip(at).zip(length).for_each(|(b, l)| *b = l);
            }
            _ => bytes[at] ^= 1 << rng.random_range(0..8),
        }
    }
}

/// Reads all there is of a log; answers how many records that was.
fn read_log(path: &Path) -> Result<u64, InspectError> {
    let log = LogFile::open(path)?;
    let corrupt = |e: crate::record::RecordError| InspectError::Corrupt(e.to_string());
    let mut batches = log.batches(0, log.size());
    let mut count = 0;
    while let Some(batch) = batches.next()? {
        batch.is_valid();
        match batch.format {
            Format::Legacy(legacy) => {
                let Ok(records) = legacy.records() else { continue };
                let _ = records.for_each(|record| {
                    count += 1;
                    let _ = (record.key(), record.value());
                    Ok::<(), crate::record::RecordError>(())
                });
            }
            Format::Default(_) => {
                let mut records = batch.as_default()?.records().map_err(corrupt)?;
                while let Some(record) = records.next() {
                    count += record.map_err(corrupt)?.headers.count() as u64 + 1;
                }
            }
        }
    }
    Ok(count)
}

fn read_indexes(path: &Path, base: i64) -> Result<u64, InspectError> {
    let index = OffsetIndexFile::open(path, base)?;
    let _ = index.sanity_check();
    for n in 0..index.len() {
        index.lookup(index.entry(n).offset);
        index.lookup(n as i64);
    }
    let times = TimeIndexFile::open(path, base)?;
    let _ = times.sanity_check();
    (0..times.len()).for_each(|n| {
        times.entry(n);
    });
    let txns = read_txn_index(path)?.len();
    Ok((index.len() + times.len() + txns) as u64)
}

#[test]
fn readers_of_every_kind_survive_damage() {
    let mut rng = StdRng::seed_from_u64(0x4b54);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("00000000000000000000.log");
    let (mut whole, mut failed, mut read) = (0u64, 0u64, 0u64);
    let rounds = rounds(2000, 1_000_000);
    for round in 0..rounds {
        let kind = round % 4;
        let mut bytes = match kind {
            0 => log(&mut rng),
            1 => legacy(&mut rng),
            2 => numbers(&mut rng, [8, 12, 34][(round / 4 % 3) as usize]),
            _ => snapshot(&mut rng),
        };
        damage(&mut rng, &mut bytes);
        fs::write(&path, &bytes).unwrap();
        let base_offset = rng.random();
        let end = bounded(|| match kind {
            0 | 1 => read_log(&path),
            2 => read_indexes(&path, base_offset),
            _ => read_producer_snapshot(&path).map(|entries| entries.len() as u64),
        });
        match end {
            Ok(n) => (whole, read) = (whole + 1, read + n),
            Err(_) => failed += 1,
        }
    }
    assert!(
        whole > rounds / 10 && failed > rounds / 10 && read > rounds,
        "{whole} whole with {read} entries, {failed} failed"
    );
}
