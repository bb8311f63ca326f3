//! The log of one partition (Kafka: `UnifiedLog`, `LocalLog`): its state, its end, its producers and epochs.
//!
//! Appending is in `append`, reading in `read`, what makes it shorter in `retention`, opening in `loader`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::epoch_cache::{EpochCache, EpochEntry};
use super::producer_state::{ActiveProducer, ProducerState};
use super::segment::Segment;
use super::txn_index::AbortedTxn;
use super::{FirstBatch, LogConfig, LogError, VerificationGuard, loader, log_dir};
use crate::TopicPartition;

/// What is known about a log before it is opened.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// The broker that wrote it stopped in order: nothing needs to be checked.
    pub clean_shutdown: bool,
    /// What lies before was flushed, from the recovery point checkpoint; 0 if unknown.
    pub recovery_point: i64,
    /// From the log start offset checkpoint; 0 if unknown.
    pub log_start_offset: i64,
    pub now_ms: i64,
    /// `producer.id.expiration.ms`.
    pub producer_id_expiration_ms: i64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            clean_shutdown: true,
            recovery_point: 0,
            log_start_offset: 0,
            now_ms: 0,
            producer_id_expiration_ms: 24 * 60 * 60 * 1000,
        }
    }
}

/// One partition's records, indexes and state on disk.
#[derive(Debug)]
pub struct PartitionLog {
    pub(super) topic_partition: TopicPartition,
    pub(super) topic_id: Uuid,
    pub(super) dir: PathBuf,
    pub(super) config: Arc<LogConfig>,
    /// By base offset; never empty, the last one is active.
    pub(super) segments: BTreeMap<i64, Segment>,
    pub(super) epochs: EpochCache,
    pub(super) producers: ProducerState,
    pub(super) log_start_offset: i64,
    pub(super) log_end_offset: i64,
    pub(super) high_watermark: i64,
    pub(super) recovery_point: i64,
    pub(super) last_flush_ms: i64,
    /// Renamed files and the time from which they may go away.
    pub(super) deleted_files: Vec<(i64, PathBuf)>,
    /// Where compaction will begin next.
    pub(super) cleaner_offset: i64,
    /// How often the log was cut: what was flushed before may have been written anew since.
    pub(super) truncations: u64,
    /// The disk failed during a write: nothing is written any more.
    pub(super) failed: Option<String>,
}

impl PartitionLog {
    /// Opens the log in `dir`, a partition's directory, and creates directory and files if they are missing. The high
    /// watermark begins at the log start; the caller knows where it really is.
    ///
    /// # Errors
    /// If the disk fails. Damaged files are repaired or cut as Kafka does, not reported.
    pub fn open(
        dir: &Path,
        topic_partition: TopicPartition,
        topic_id: Uuid,
        config: Arc<LogConfig>,
        options: OpenOptions,
    ) -> Result<Self, LogError> {
        fs::create_dir_all(dir)?;
        if !topic_id.is_nil() && log_dir::read_partition_metadata(dir)?.is_none() {
            log_dir::write_partition_metadata(dir, topic_id)?;
        }
        let loaded = loader::load(dir, &topic_partition, &config, &options)?;
        Ok(PartitionLog {
            topic_partition,
            topic_id,
            dir: dir.to_owned(),
            config,
            segments: loaded.segments,
            epochs: loaded.epochs,
            producers: loaded.producers,
            log_start_offset: loaded.log_start_offset,
            log_end_offset: loaded.log_end_offset,
            high_watermark: loaded.log_start_offset,
            recovery_point: loaded.recovery_point,
            last_flush_ms: options.now_ms,
            deleted_files: Vec::new(),
            cleaner_offset: 0,
            truncations: 0,
            failed: None,
        })
    }

    pub fn topic_partition(&self) -> &TopicPartition {
        &self.topic_partition
    }

    pub fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    /// The partition's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn config(&self) -> &Arc<LogConfig> {
        &self.config
    }

    /// Takes effect from the next operation on.
    pub fn set_config(&mut self, config: Arc<LogConfig>) {
        self.config = config;
    }

    /// The first offset that can be read.
    pub fn log_start_offset(&self) -> i64 {
        self.log_start_offset
    }

    /// The offset of the next record.
    pub fn log_end_offset(&self) -> i64 {
        self.log_end_offset
    }

    /// Records before it are committed.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// Moves the high watermark, kept between log start and log end. It may go back, as Kafka's does after truncation.
    pub fn set_high_watermark(&mut self, offset: i64) {
        self.high_watermark = offset.clamp(self.log_start_offset, self.log_end_offset);
        self.producers.on_high_watermark(self.high_watermark);
    }

    /// The high watermark, or the first offset of the oldest open transaction before it.
    pub fn last_stable_offset(&self) -> i64 {
        match self.producers.first_unstable_offset() {
            Some(first) => first.clamp(self.log_start_offset, self.high_watermark.max(self.log_start_offset)),
            None => self.high_watermark,
        }
    }

    /// What lies before this offset was flushed: the recovery point checkpoint's value.
    pub fn recovery_point(&self) -> i64 {
        self.recovery_point
    }

    /// Bytes of all segments, indexes not counted.
    pub fn size_bytes(&self) -> u64 {
        self.segments.values().map(Segment::size).sum()
    }

    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Closes the files of all segments but the last, and the indexes of that one if nothing was written since the last
    /// call; they are opened again when they are needed.
    pub fn release_files(&mut self) {
        let closed = self.segments.len() - 1;
        self.segments.values_mut().take(closed).for_each(Segment::release);
        self.active().release_if_idle();
    }

    /// How many files of segments are open.
    pub fn open_files(&self) -> usize {
        self.segments.values().map(Segment::open_files).sum()
    }

    /// Base offset of the segment that grows.
    pub fn active_base_offset(&self) -> i64 {
        self.segments
            .keys()
            .next_back()
            .copied()
            .unwrap_or(self.log_start_offset)
    }

    pub(super) fn active(&mut self) -> &mut Segment {
        match self.segments.values_mut().next_back() {
            Some(segment) => segment,
            None => unreachable!("a log has an active segment"),
        }
    }

    /// The producers that are remembered, by id.
    pub fn active_producers(&self) -> Vec<ActiveProducer> {
        self.producers.active()
    }

    /// Begins to ask the transaction coordinator about a batch: the guard to append it with once the coordinator has
    /// agreed. None if the producer's transaction is open here already, or nothing is verified and the producer adds its
    /// partitions itself.
    pub fn begin_verification(&mut self, batch: &FirstBatch, now_ms: i64) -> Option<VerificationGuard> {
        self.producers.begin_verification(batch, now_ms)
    }

    /// How long idle producers are remembered (`producer.id.expiration.ms`), and whether a transaction's first batch needs
    /// a guard (`transaction.partition.verification.enable`).
    pub fn set_producer_rules(&mut self, expiration_ms: i64, verify_transactions: bool) {
        self.producers.set_rules(expiration_ms, verify_transactions);
    }

    /// Forgets producers that wrote nothing for `producer.id.expiration.ms`.
    pub fn remove_expired_producers(&mut self, now_ms: i64) {
        self.producers.remove_expired(now_ms);
    }

    /// The latest leader epoch of any record.
    pub fn latest_epoch(&self) -> Option<i32> {
        self.epochs.latest().map(|e| e.epoch)
    }

    /// The leader epochs and where they began.
    pub fn epoch_entries(&self) -> &[EpochEntry] {
        self.epochs.entries()
    }

    /// The last epoch that is at most `epoch`, and its end offset; (-1, -1) if the log does not know (KIP-101).
    pub fn epoch_end_offset(&self, epoch: i32) -> (i32, i64) {
        self.epochs.end_offset_for(epoch, self.log_end_offset)
    }

    /// The leader epoch of the record at `offset`.
    pub fn epoch_for_offset(&self, offset: i64) -> Option<i32> {
        self.epochs.epoch_for(offset)
    }

    /// Notes that a leader epoch begins at the log's end, as a new leader does. Unless it is the log's first, it is on disk
    /// with its first record.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn begin_epoch(&mut self, epoch: i32) -> Result<(), LogError> {
        Ok(self.epochs.begin(epoch, self.log_end_offset)?)
    }

    /// The aborted transactions that overlap `from..to`.
    pub fn aborted_transactions(&self, from: i64, to: i64) -> Vec<AbortedTxn> {
        let first = self.segments.range(..=from).next_back().map_or(from, |(&base, _)| base);
        let mut found = Vec::new();
        for segment in self.segments.range(first..).map(|(_, s)| s) {
            for txn in segment.txn_index.entries() {
                if txn.last_offset >= from && txn.first_offset < to {
                    found.push(*txn);
                }
                // Every transaction that ends later began at or after this.
                if txn.last_stable_offset >= to {
                    return found;
                }
            }
        }
        found
    }

    /// Ends the use of the log. A clean close leaves complete indexes and a producer snapshot on disk, flushed, so that
    /// the next start need not check; otherwise nothing is written.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn close(mut self, clean: bool) -> Result<(), LogError> {
        if !clean || self.failed.is_some() {
            return Ok(());
        }
        self.producers.take_snapshot(true)?;
        self.active().seal()?;
        let now_ms = self.last_flush_ms;
        self.flush(now_ms)?;
        self.remove_deleted_files(i64::MAX)
    }

    /// Renames the directory, to the name of a deletion for example; the log goes on there.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn rename_dir(&mut self, name: &str) -> Result<(), LogError> {
        let to = self.dir.with_file_name(name);
        fs::rename(&self.dir, &to)?;
        for segment in self.segments.values_mut() {
            segment.set_dir(&to);
        }
        self.epochs.set_dir(&to);
        self.producers.set_dir(&to);
        for (_, path) in &mut self.deleted_files {
            if let Some(file) = path.file_name() {
                *path = to.join(file);
            }
        }
        self.dir = to;
        Ok(())
    }

    /// Renames the directory to `<topic>-<partition>.<id>-delete` and ends the use of the log; the caller removes the
    /// returned directory when it likes, a start does so otherwise.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn mark_deleted(mut self) -> Result<PathBuf, LogError> {
        let name = log_dir::delete_dir_name(&self.topic_partition);
        self.rename_dir(&name)?;
        Ok(self.dir)
    }

    /// Remembers that the disk failed, so that nothing is written behind a hole.
    pub(super) fn guard<T>(&mut self, result: Result<T, LogError>) -> Result<T, LogError> {
        if let Err(e @ (LogError::Io(_) | LogError::Corrupt { .. })) = &result {
            self.failed = Some(e.to_string());
        }
        result
    }

    /// Why the log takes no more writes, if it does not: the directory should go offline.
    pub fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }
}
