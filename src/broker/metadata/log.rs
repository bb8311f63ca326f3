//! `__cluster_metadata-0`: the raft log of one voter (Kafka: `KafkaRaftLog`, `FileQuorumStateStore`, KIP-595).

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use super::controller::ControllerOptions;
use super::names::CLUSTER_METADATA;
use super::record::MetadataRecord;
use crate::TopicPartition;
use crate::internal_topic::control::{ControlType, encode_value};
use crate::log::{AppendOrigin, LogConfig, OpenOptions, PartitionLog};
use crate::record::{BatchOptions, Batches, RecordBatchBuilder};

/// The id of the metadata topic (Kafka: `Uuid.METADATA_TOPIC_ID`).
const TOPIC_ID: Uuid = Uuid::from_u128(1);

/// How much is read at once on replay.
const REPLAY_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct MetadataLog {
    log: PartitionLog,
    epoch: i32,
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
        let log =
            PartitionLog::open(&dir, tp, TOPIC_ID, Arc::new(LogConfig::default()), open).map_err(io::Error::other)?;
        replay_all(&log, &mut replay)?;
        if is_new {
            write_atomically(
                options.log_dir.join("bootstrap.checkpoint"),
                &super::bootstrap::checkpoint(options.now_ms)?,
            )?;
        }
        let epoch = log.latest_epoch().unwrap_or(0) + 1;
        let voters = json!([{"voterId": options.node_id}]);
        let change = json!({"leaderId": options.node_id, "voters": voters, "grantingVoters": voters});
        let value = encode_value(ControlType::LeaderChange, 0, &change).map_err(io::Error::other)?;
        let state = json!({"clusterId": "", "leaderId": options.node_id, "leaderEpoch": epoch, "votedId": -1,
            "appliedOffset": 0, "currentVoters": voters, "data_version": 0});
        write_atomically(dir.join("quorum-state"), state.to_string().as_bytes())?;
        let mut opened = Self { log, epoch };
        let mut batch = opened.batch(true);
        batch.append(options.now_ms, Some(&ControlType::LeaderChange.key()), Some(&value));
        opened.append_batch(batch.build())?;
        Ok(opened)
    }

    pub(super) fn end_offset(&self) -> i64 {
        self.log.log_end_offset()
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
            .append_as_leader(batch, self.epoch, AppendOrigin::RaftLeader, now_ms);
        appended.map_err(io::Error::other)?;
        self.log.set_high_watermark(self.log.log_end_offset());
        Ok(())
    }

    pub(super) fn close(self) -> io::Result<()> {
        self.log.close(true).map_err(io::Error::other)
    }
}

fn replay_all(log: &PartitionLog, replay: &mut impl FnMut(&MetadataRecord)) -> io::Result<()> {
    let (mut offset, end) = (log.log_start_offset(), log.log_end_offset());
    while offset < end {
        let data = log.read(offset, REPLAY_BYTES, end, true).map_err(io::Error::other)?;
        let before = offset;
        let bytes = data.records()?;
        for batch in Batches::new(&bytes) {
            let batch = batch.map_err(io::Error::other)?;
            offset = batch.header.last_offset() + 1;
            if batch.header.is_control() {
                continue;
            }
            let mut records = batch.records().map_err(io::Error::other)?;
            while let Some(record) = records.next() {
                let record = record.map_err(io::Error::other)?;
                if let Some(value) = record.value {
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
    Ok(())
}

/// A reader sees the old file or the new one, never a part.
pub(super) fn write_atomically(path: PathBuf, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("tmp");
    let mut file = fs::File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(partial, path)
}
