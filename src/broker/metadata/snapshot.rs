//! Snapshots of the metadata, `<end offset>-<epoch>.checkpoint` beside the log (Kafka: `Snapshots`, `RecordsSnapshotWriter`,
//! KIP-630): a header, the records that make an image from nothing, a footer. A log may begin where a snapshot ends.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::image::MetadataImage;
use super::record::{EndPoint, MetadataRecord, PartitionRecord, RegisterBroker};
use crate::internal_topic::control::{ControlType, encode_value};
use crate::record::{BatchOptions, Batches, RecordBatchBuilder};

const SUFFIX: &str = ".checkpoint";
/// Whatever is still being written.
const PARTIAL_SUFFIX: &str = ".checkpoint.part";
/// A batch is closed when it has grown to this.
const BATCH_BYTES: usize = 1 << 20;

/// A snapshot on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The offset of the first record that is not in it.
    pub end_offset: i64,
    pub epoch: i32,
    pub path: PathBuf,
}

/// What a snapshot holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub records: Vec<MetadataRecord>,
    /// It holds the voters of a dynamic quorum (KIP-853).
    pub has_voters: bool,
}

/// The snapshots of a log's directory, the newest first. What a stop left half written is removed.
pub(super) fn all(dir: &Path) -> io::Result<Vec<Snapshot>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
            continue;
        };
        if name.ends_with(PARTIAL_SUFFIX) {
            fs::remove_file(&path)?;
        } else if let Some((end_offset, epoch)) = name.strip_suffix(SUFFIX).and_then(parse_id) {
            found.push(Snapshot {
                end_offset,
                epoch,
                path,
            });
        }
    }
    found.sort_by_key(|s| std::cmp::Reverse((s.end_offset, s.epoch)));
    Ok(found)
}

fn parse_id(stem: &str) -> Option<(i64, i32)> {
    let (offset, epoch) = stem.split_once('-')?;
    let is_number = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    (is_number(offset, 20) && is_number(epoch, 10))
        .then(|| Some((offset.parse().ok()?, epoch.parse().ok()?)))
        .flatten()
}

/// Reads a snapshot whole.
///
/// # Errors
/// If it is damaged or not complete, or cannot be read.
pub(super) fn read(path: &Path) -> io::Result<Content> {
    let bytes = fs::read(path)?;
    let mut content = Content::default();
    let mut is_complete = false;
    for batch in Batches::new(&bytes) {
        let batch = batch.map_err(io::Error::other)?;
        batch.ensure_valid().map_err(io::Error::other)?;
        let mut records = batch.records().map_err(io::Error::other)?;
        while let Some(record) = records.next() {
            let record = record.map_err(io::Error::other)?;
            if batch.header.is_control() {
                match ControlType::of_key(record.key.unwrap_or_default()) {
                    ControlType::SnapshotFooter => is_complete = true,
                    ControlType::KRaftVoters => content.has_voters = true,
                    _ => {}
                }
            } else if let Some(value) = record.value {
                content
                    .records
                    .push(MetadataRecord::decode(value).map_err(io::Error::other)?);
            }
        }
    }
    if !is_complete {
        return Err(io::Error::other(format!(
            "{}: the snapshot has no footer",
            path.display()
        )));
    }
    Ok(content)
}

/// Writes a snapshot of `records`, on disk when this returns.
///
/// # Errors
/// If the disk fails; there is no such snapshot then.
pub(super) fn write(
    dir: &Path,
    (end_offset, epoch): (i64, i32),
    records: &[MetadataRecord],
    now_ms: i64,
) -> io::Result<Snapshot> {
    let stem = format!("{end_offset:020}-{epoch:010}");
    let partial = dir.join(format!("{stem}{PARTIAL_SUFFIX}"));
    let path = dir.join(format!("{stem}{SUFFIX}"));
    let file = fs::File::create(&partial)?;
    io::Write::write_all(&mut &file, &bytes(epoch, records, now_ms)?)?;
    file.sync_all()?;
    fs::rename(&partial, &path)?;
    fs::File::open(dir)?.sync_all()?;
    Ok(Snapshot {
        end_offset,
        epoch,
        path,
    })
}

/// A snapshot file's content.
pub(super) fn bytes(epoch: i32, records: &[MetadataRecord], now_ms: i64) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let builder = |base_offset, control| {
        RecordBatchBuilder::new(BatchOptions {
            base_offset,
            partition_leader_epoch: epoch,
            control,
            ..BatchOptions::default()
        })
    };
    let control = |base_offset, kind: ControlType, json: &serde_json::Value, out: &mut Vec<u8>| -> io::Result<()> {
        let value = encode_value(kind, 0, json).map_err(io::Error::other)?;
        let mut batch = builder(base_offset, true);
        batch.append(now_ms, Some(&kind.key()), Some(&value));
        out.extend_from_slice(&batch.build());
        Ok(())
    };
    control(
        0,
        ControlType::SnapshotHeader,
        &json!({"lastContainedLogTimestamp": now_ms}),
        &mut out,
    )?;
    let mut batch = builder(1, false);
    let mut is_empty = true;
    for (offset, record) in (1..).zip(records) {
        if batch.estimated_size() > BATCH_BYTES {
            out.extend_from_slice(&std::mem::replace(&mut batch, builder(offset, false)).build());
        }
        batch.append(now_ms, None, Some(&record.encode().map_err(io::Error::other)?));
        is_empty = false;
    }
    if !is_empty {
        out.extend_from_slice(&batch.build());
    }
    control(
        1 + records.len() as i64,
        ControlType::SnapshotFooter,
        &json!({}),
        &mut out,
    )?;
    Ok(out)
}

/// The records that make this image from nothing, in the order of Kafka's `MetadataImage.write`.
pub(super) fn records(image: &MetadataImage) -> Vec<MetadataRecord> {
    let mut out = Vec::new();
    out.extend(image.features.iter().map(|(name, level)| MetadataRecord::FeatureLevel {
        name: name.clone(),
        level: *level,
    }));
    for broker in image.brokers.values() {
        out.push(MetadataRecord::RegisterBroker(RegisterBroker {
            broker_id: broker.id,
            incarnation_id: broker.incarnation_id,
            broker_epoch: broker.epoch,
            end_points: broker.end_points.iter().map(EndPoint::clone).collect(),
            features: broker.features.clone(),
            rack: broker.rack.clone(),
            fenced: broker.fenced,
            log_dirs: broker.log_dirs.clone(),
        }));
    }
    for topic in image.topics.values() {
        out.push(MetadataRecord::Topic {
            name: topic.name.to_string(),
            topic_id: topic.id,
        });
        for (partition_id, p) in (0..).zip(&topic.partitions) {
            out.push(MetadataRecord::Partition(PartitionRecord {
                partition_id,
                topic_id: topic.id,
                replicas: p.replicas.clone(),
                isr: p.isr.clone(),
                removing_replicas: p.removing_replicas.clone(),
                adding_replicas: p.adding_replicas.clone(),
                leader: p.leader,
                leader_epoch: p.leader_epoch,
                partition_epoch: p.partition_epoch,
                directories: p.directories.clone(),
                eligible_leader_replicas: p.eligible_leader_replicas.clone(),
                last_known_elr: p.last_known_elr.clone(),
            }));
        }
    }
    for ((resource_type, resource_name), props) in image.configs.iter() {
        out.extend(props.iter().map(|(name, value)| MetadataRecord::Config {
            resource_type: *resource_type,
            resource_name: resource_name.clone(),
            name: name.clone(),
            value: Some(value.clone()),
        }));
    }
    for (entity, values) in image.client_quotas.iter() {
        out.extend(values.iter().map(|(key, value)| MetadataRecord::ClientQuota {
            entity: entity.clone(),
            key: key.clone(),
            value: Some(*value),
        }));
    }
    if image.next_producer_id > 0 {
        out.push(MetadataRecord::ProducerIds {
            broker_id: image.controller_id,
            broker_epoch: image.brokers.get(&image.controller_id).map_or(-1, |b| b.epoch),
            next_producer_id: image.next_producer_id,
        });
    }
    out.extend(
        image
            .acls
            .iter()
            .map(|(id, acl)| MetadataRecord::AccessControlEntry { id, acl: acl.clone() }),
    );
    out.extend(image.scram.values().cloned().map(MetadataRecord::UserScramCredential));
    out.extend(image.tokens.values().cloned().map(MetadataRecord::DelegationToken));
    out.extend(image.others.iter().cloned().map(MetadataRecord::Other));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::acl::Acl;
    use crate::broker::metadata::bootstrap;
    use crate::broker::metadata::image::resource_type;
    use crate::log::inspect::fuzz_rounds;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    use uuid::Uuid;

    fn image() -> MetadataImage {
        let mut image = MetadataImage::default();
        bootstrap::records().iter().for_each(|r| image.apply(r));
        let topic_id = Uuid::from_u128(9);
        image.apply(&MetadataRecord::Topic {
            name: "t".into(),
            topic_id,
        });
        for partition_id in 0..3000 {
            image.apply(&MetadataRecord::Partition(PartitionRecord {
                partition_id,
                topic_id,
                replicas: vec![1, 2, 3],
                isr: vec![2],
                removing_replicas: vec![],
                adding_replicas: vec![3],
                leader: 2,
                leader_epoch: 7,
                partition_epoch: 8,
                directories: vec![Uuid::from_u128(1); 3],
                eligible_leader_replicas: vec![1],
                last_known_elr: vec![],
            }));
        }
        image.apply(&MetadataRecord::Config {
            resource_type: resource_type::TOPIC,
            resource_name: "t".into(),
            name: "retention.ms".into(),
            value: Some("5".into()),
        });
        image.apply(&MetadataRecord::ProducerIds {
            broker_id: 0,
            broker_epoch: -1,
            next_producer_id: 2000,
        });
        image.apply(&MetadataRecord::AccessControlEntry {
            id: Uuid::from_u128(4),
            acl: Acl {
                resource_type: 2,
                resource_name: "t".into(),
                pattern_type: 3,
                principal: "User:a".into(),
                host: "*".into(),
                operation: 3,
                permission: 3,
            },
        });
        image.apply(&MetadataRecord::ClientQuota {
            entity: vec![("user".into(), None)],
            key: "producer_byte_rate".into(),
            value: Some(5.0),
        });
        image
    }

    #[test]
    fn an_image_comes_back_from_its_snapshot() {
        let dir = tempfile::tempdir().unwrap();
        let before = image();
        let written = write(dir.path(), (77, 3), &records(&before), 5).unwrap();
        fs::write(
            dir.path().join("00000000000000000099-0000000003.checkpoint.part"),
            "half",
        )
        .unwrap();
        fs::write(dir.path().join("bootstrap.checkpoint"), "").unwrap();
        assert_eq!(all(dir.path()).unwrap(), std::slice::from_ref(&written));
        assert_eq!(
            written.path.file_name().unwrap(),
            "00000000000000000077-0000000003.checkpoint"
        );
        let mut after = MetadataImage::default();
        read(&written.path).unwrap().records.iter().for_each(|r| after.apply(r));
        assert_eq!(records(&after), records(&before));
        assert_eq!(after.topic("t").unwrap(), before.topic("t").unwrap());
    }

    #[test]
    fn a_cut_or_damaged_snapshot_is_refused() {
        let whole = bytes(1, &bootstrap::records(), 5).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        for at in 0..whole.len() {
            fs::write(&path, &whole[..at]).unwrap();
            assert!(read(&path).is_err(), "cut at {at}");
        }
        let mut bad = whole.clone();
        bad[whole.len() / 2] ^= 1;
        fs::write(&path, &bad).unwrap();
        assert!(read(&path).is_err());
    }

    #[test]
    fn damaged_records_are_errors_or_records() {
        let samples: Vec<_> = records(&image()).iter().map(|r| r.encode().unwrap()).collect();
        for seed in 0..fuzz_rounds(20_000, 1_000_000) {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut bytes = samples[rng.random_range(0..samples.len())].clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            bytes.truncate(rng.random_range(0..bytes.len() * 2));
            let mut image = MetadataImage::default();
            if let Ok(record) = MetadataRecord::decode(&bytes) {
                image.apply(&record);
            }
        }
    }
}
