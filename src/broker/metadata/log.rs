//! `__cluster_metadata-0`: the raft log of one voter (Kafka: `KafkaRaftLog`, `FileQuorumStateStore`, KIP-595, KIP-630).

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use super::image::MetadataImage;
use super::names::CLUSTER_METADATA;
use super::record::MetadataRecord;
use super::snapshot::{self, Snapshot};
use crate::TopicPartition;
use crate::broker::config::BrokerConfig;
use crate::internal_topic::control::{ControlType, encode_value};
use crate::log::{AppendOrigin, LogConfig, OpenOptions, PartitionLog};
use crate::record::{BatchOptions, Batches, RecordBatchBuilder};

/// The id of the metadata topic (Kafka: `Uuid.METADATA_TOPIC_ID`).
const TOPIC_ID: Uuid = Uuid::from_u128(1);

/// How much is read at once on replay.
const REPLAY_BYTES: usize = 1 << 20;

const QUORUM_STATE: &str = "quorum-state";

/// How the metadata log is kept (Kafka: `MetadataLogConfig`).
#[derive(Debug, Clone, Copy)]
pub struct MetadataLogConfig {
    pub segment_bytes: u64,
    pub segment_ms: i64,
    /// So many bytes of records after a snapshot the next one is made.
    pub bytes_between_snapshots: u64,
    /// So many bytes of log and snapshots are kept, as far as a snapshot stands for what goes; -1 is no limit.
    pub retention_bytes: i64,
}

impl From<&BrokerConfig> for MetadataLogConfig {
    fn from(config: &BrokerConfig) -> Self {
        let bytes = |key: &str| u64::try_from(config.i64(key)).unwrap_or(u64::MAX);
        Self {
            segment_bytes: bytes("metadata.log.segment.bytes"),
            segment_ms: config.i64("metadata.log.segment.ms"),
            bytes_between_snapshots: bytes("metadata.log.max.record.bytes.between.snapshots"),
            retention_bytes: config.i64("metadata.max.retention.bytes"),
        }
    }
}

/// What identifies the controller that the log is of, and how the log was left.
#[derive(Debug, Clone)]
pub struct ControllerOptions<'a> {
    pub log_dir: &'a Path,
    pub node_id: i32,
    pub cluster_id: &'a str,
    pub clean_shutdown: bool,
    pub now_ms: i64,
    pub log: MetadataLogConfig,
}

#[derive(Debug)]
pub(super) struct MetadataLog {
    log: PartitionLog,
    config: MetadataLogConfig,
    epoch: i32,
    /// Newest first.
    snapshots: Vec<Snapshot>,
    /// A dynamic quorum's voters are in its snapshots, and this broker does not write them: it makes no snapshots then.
    has_voters: bool,
    bytes_since_snapshot: u64,
}

impl MetadataLog {
    /// Opens or makes the log, hands every record to `replay`, and starts a new epoch with a leader change message.
    pub(super) fn open(options: &ControllerOptions<'_>, mut replay: impl FnMut(&MetadataRecord)) -> io::Result<Self> {
        let tp = TopicPartition::new(CLUSTER_METADATA, 0);
        let dir = options.log_dir.join(tp.to_string());
        let is_new = !dir.exists();
        let open = OpenOptions {
            clean_shutdown: options.clean_shutdown,
            recovery_point: 0,
            log_start_offset: 0,
            now_ms: options.now_ms,
            ..OpenOptions::default()
        };
        let log_config = LogConfig {
            segment_bytes: options.log.segment_bytes,
            segment_ms: options.log.segment_ms,
            ..LogConfig::default()
        };
        let mut log = PartitionLog::open(&dir, tp, TOPIC_ID, Arc::new(log_config), open).map_err(io::Error::other)?;
        let snapshots = snapshot::all(&dir)?;
        let (from, mut has_voters) = restore(&mut log, &snapshots, &mut replay, options.now_ms)?;
        let (bytes_since_snapshot, voters_in_log) = replay_all(&log, from, &mut replay)?;
        has_voters |= voters_in_log;
        if is_new {
            write_atomically(
                options.log_dir.join("bootstrap.checkpoint"),
                &super::bootstrap::checkpoint(options.now_ms)?,
            )?;
        }
        let voted = quorum_state(&dir);
        let known = log.latest_epoch().into_iter().chain(snapshots.first().map(|s| s.epoch));
        let epoch = known
            .chain(voted["leaderEpoch"].as_i64().and_then(|e| i32::try_from(e).ok()))
            .max()
            .unwrap_or(0)
            + 1;
        let voters = json!([{"voterId": options.node_id}]);
        let change = json!({"leaderId": options.node_id, "voters": voters, "grantingVoters": voters});
        let value = encode_value(ControlType::LeaderChange, 0, &change).map_err(io::Error::other)?;
        let state = if voted["data_version"] == 1 {
            json!({"leaderId": options.node_id, "leaderEpoch": epoch, "votedId": -1,
                "votedDirectoryId": "AAAAAAAAAAAAAAAAAAAAAA", "data_version": 1})
        } else {
            json!({"clusterId": "", "leaderId": options.node_id, "leaderEpoch": epoch, "votedId": -1,
                "appliedOffset": 0, "currentVoters": voters, "data_version": 0})
        };
        write_atomically(dir.join(QUORUM_STATE), state.to_string().as_bytes())?;
        let mut opened = Self {
            log,
            config: options.log,
            epoch,
            snapshots,
            has_voters,
            bytes_since_snapshot,
        };
        let mut batch = opened.batch(true);
        batch.append(options.now_ms, Some(&ControlType::LeaderChange.key()), Some(&value));
        opened.append_batch(batch.build())?;
        Ok(opened)
    }

    pub(super) fn end_offset(&self) -> i64 {
        self.log.log_end_offset()
    }

    pub(super) fn epoch(&self) -> i32 {
        self.epoch
    }

    /// Appends records as one batch: all of them are there after a crash, or none.
    pub(super) fn append(&mut self, records: &[MetadataRecord]) -> io::Result<()> {
        let now_ms = chrono::Utc::now().timestamp_millis();
        let mut batch = self.batch(false);
        for record in records {
            batch.append(now_ms, None, Some(&record.encode().map_err(io::Error::other)?));
        }
        self.append_batch(batch.build())
    }

    /// A batch at the log's end: in a raft log the leader sets offsets and epoch itself.
    fn batch(&self, control: bool) -> RecordBatchBuilder {
        RecordBatchBuilder::new(BatchOptions {
            base_offset: self.log.log_end_offset(),
            partition_leader_epoch: self.epoch,
            control,
            ..BatchOptions::default()
        })
    }

    fn append_batch(&mut self, batch: Bytes) -> io::Result<()> {
        let now_ms = chrono::Utc::now().timestamp_millis();
        let appended = self
            .log
            .append_as_leader(batch, self.epoch, AppendOrigin::RaftLeader, now_ms)
            .map_err(io::Error::other)?;
        self.bytes_since_snapshot += appended.bytes as u64;
        self.log.set_high_watermark(self.log.log_end_offset());
        Ok(())
    }

    /// Makes a snapshot of `image`, which holds all records of the log, if it is time for one; old ones go with the part
    /// of the log they stand for.
    pub(super) fn maybe_snapshot(&mut self, image: &MetadataImage) -> io::Result<()> {
        if self.has_voters || self.bytes_since_snapshot < self.config.bytes_between_snapshots {
            return Ok(());
        }
        // The log must be on disk before anything claims to stand for it.
        let now_ms = chrono::Utc::now().timestamp_millis();
        self.log.flush(now_ms).map_err(io::Error::other)?;
        let id = (self.log.log_end_offset(), self.epoch);
        let made = snapshot::write(self.log.dir(), id, &snapshot::records(image), now_ms)?;
        self.snapshots.insert(0, made);
        self.bytes_since_snapshot = 0;
        self.clean(now_ms)
    }

    /// Applies `metadata.max.retention.bytes`: the oldest snapshot goes while there is a younger one, and the log's
    /// segments before what is then the oldest.
    fn clean(&mut self, now_ms: i64) -> io::Result<()> {
        let Ok(limit) = u64::try_from(self.config.retention_bytes) else {
            return Ok(());
        };
        let size_of = |s: &Snapshot| fs::metadata(&s.path).map_or(0, |m| m.len());
        let mut size = self.log.size_bytes() + self.snapshots.iter().map(size_of).sum::<u64>();
        while size > limit && self.snapshots.len() > 1 {
            let Some(oldest) = self.snapshots.pop() else { break };
            size -= size_of(&oldest);
            fs::remove_file(&oldest.path)?;
            if let Some(next) = self.snapshots.last() {
                let before = self.log.size_bytes();
                self.log.advance_log_start(next.end_offset).map_err(io::Error::other)?;
                self.log.delete_old_segments(now_ms).map_err(io::Error::other)?;
                size -= before - self.log.size_bytes();
            }
        }
        Ok(())
    }

    pub(super) fn close(self) -> io::Result<()> {
        self.log.close(true).map_err(io::Error::other)
    }
}

/// Hands over the newest snapshot that can be read, and says from where on the log counts, and whether it holds voters.
fn restore(
    log: &mut PartitionLog,
    snapshots: &[Snapshot],
    replay: &mut impl FnMut(&MetadataRecord),
    now_ms: i64,
) -> io::Result<(i64, bool)> {
    for snapshot in snapshots {
        // One older than the log's start leaves a gap; without any, the log must be whole.
        if snapshot.end_offset < log.log_start_offset() {
            break;
        }
        let Ok(content) = snapshot::read(&snapshot.path) else {
            continue;
        };
        content.records.iter().for_each(&mut *replay);
        if snapshot.end_offset > log.log_end_offset() {
            log.truncate_fully_and_start_at(snapshot.end_offset, now_ms)
                .map_err(io::Error::other)?;
        }
        return Ok((snapshot.end_offset, content.has_voters));
    }
    match log.log_start_offset() {
        0 => Ok((0, false)),
        start => Err(io::Error::other(format!(
            "{CLUSTER_METADATA} begins at offset {start} and no snapshot of what was before can be read"
        ))),
    }
}

/// Hands over the records from `offset` on; how many bytes they are, and whether there are voters among them.
fn replay_all(
    log: &PartitionLog,
    mut offset: i64,
    replay: &mut impl FnMut(&MetadataRecord),
) -> io::Result<(u64, bool)> {
    let end = log.log_end_offset();
    let (mut size, mut has_voters) = (0, false);
    while offset < end {
        let data = log.read(offset, REPLAY_BYTES, end, true).map_err(io::Error::other)?;
        let before = offset;
        let bytes = data.records()?;
        for batch in Batches::new(&bytes) {
            let batch = batch.map_err(io::Error::other)?;
            let first = offset;
            offset = batch.header.last_offset() + 1;
            size += batch.bytes().len() as u64;
            let mut records = batch.records().map_err(io::Error::other)?;
            while let Some(record) = records.next() {
                let record = record.map_err(io::Error::other)?;
                if batch.header.is_control() {
                    let kind = ControlType::of_key(record.key.unwrap_or_default());
                    has_voters |= kind == ControlType::KRaftVoters;
                } else if let Some(value) = record.value
                    && record.offset >= first
                {
                    replay(&MetadataRecord::decode(value).map_err(io::Error::other)?);
                }
            }
        }
        if offset == before {
            return Err(io::Error::other(format!(
                "no batch of {CLUSTER_METADATA} at offset {offset}"
            )));
        }
    }
    Ok((size, has_voters))
}

/// What the last leader noted of its election; null if there is nothing.
fn quorum_state(dir: &Path) -> serde_json::Value {
    let text = fs::read(dir.join(QUORUM_STATE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// A reader sees the old file or the new one, never a part.
pub(super) fn write_atomically(path: PathBuf, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("tmp");
    let mut file = fs::File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(partial, path)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::broker::metadata::{ApiError, Controller};

    fn open(log_dir: &Path, config: MetadataLogConfig) -> Controller {
        let options = ControllerOptions {
            log_dir,
            node_id: 1,
            cluster_id: "c",
            clean_shutdown: false,
            now_ms: 5,
            log: config,
        };
        Controller::open(&options).unwrap()
    }

    fn config() -> MetadataLogConfig {
        MetadataLogConfig {
            segment_bytes: 2000,
            segment_ms: i64::MAX,
            bytes_between_snapshots: 1000,
            retention_bytes: 20_000,
        }
    }

    fn add_topic(controller: &Controller, n: u128) {
        let name = format!("t{n}");
        let topic_id = Uuid::from_u128(n);
        let done: Result<(), ApiError> =
            controller.change(|_| Ok((vec![MetadataRecord::Topic { name, topic_id }], ())));
        done.unwrap();
    }

    #[test]
    fn the_log_stays_small_and_a_snapshot_stands_for_what_went() {
        let dir = tempfile::tempdir().unwrap();
        let log_dir = dir.path().join("__cluster_metadata-0");
        let controller = open(dir.path(), config());
        (0..200).for_each(|n| add_topic(&controller, n));
        let before = controller.image();
        drop(controller);
        let size: u64 = fs::read_dir(&log_dir)
            .unwrap()
            .map(|f| f.unwrap().metadata().unwrap().len())
            .sum();
        assert!(size < 40_000, "{size} bytes are kept");
        assert!(!log_dir.join("00000000000000000000.log").exists());

        let controller = open(dir.path(), config());
        assert_eq!(snapshot::records(&controller.image()), snapshot::records(&before));
        drop(controller);
        // A damaged snapshot is passed over for the one before it.
        let newest = snapshot::all(&log_dir).unwrap().remove(0);
        fs::write(&newest.path, "damaged").unwrap();
        let controller = open(dir.path(), config());
        assert_eq!(snapshot::records(&controller.image()), snapshot::records(&before));
        add_topic(&controller, 999);
        drop(controller);
        for snapshot in snapshot::all(&log_dir).unwrap() {
            fs::write(&snapshot.path, "damaged").unwrap();
        }
        let options = |clean_shutdown| ControllerOptions {
            log_dir: dir.path(),
            node_id: 1,
            cluster_id: "c",
            clean_shutdown,
            now_ms: 5,
            log: config(),
        };
        let said = Controller::open(&options(true)).unwrap_err().to_string();
        assert!(said.contains("no snapshot"), "{said}");
    }

    #[test]
    fn a_transaction_without_an_end_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let controller = open(dir.path(), config());
        add_topic(&controller, 1);
        let begin = vec![MetadataRecord::BeginTransaction { name: "x".into() }];
        let done: Result<(), ApiError> = controller.change(|_| Ok((begin, ())));
        done.unwrap();
        add_topic(&controller, 2);
        drop(controller);
        for _ in 0..2 {
            let controller = open(dir.path(), config());
            assert!(controller.image().topic("t1").is_some() && controller.image().topic("t2").is_none());
        }
    }
}
