//! A log that moves to another directory: all it has is copied to a future log there, which then takes its place (Kafka:
//! `LogManager.replaceCurrentWithFutureLog`, KIP-113).

use std::fs::File;
use std::path::Path;

use bytes::Bytes;

use super::log_dir;
use super::partition_log::{OpenOptions, PartitionLog};
use super::{FetchData, LogError};
use crate::record::Batches;

impl PartitionLog {
    /// Opens the log that is to take this one's place, empty, in another log directory.
    ///
    /// # Errors
    /// If one of the disks fails, or the first batch cannot be read.
    pub fn open_future(&self, log_dir: &Path, now_ms: i64) -> Result<PartitionLog, LogError> {
        let dir = log_dir.join(log_dir::future_dir_name(&self.topic_partition));
        let options = OpenOptions {
            now_ms,
            ..OpenOptions::default()
        };
        let (tp, config) = (self.topic_partition.clone(), self.config.clone());
        let mut future = PartitionLog::open(&dir, tp, self.topic_id, config, options)?;
        future.begin_copy_of(self, now_ms)?;
        Ok(future)
    }

    /// What `current` has behind this future log's end, up to `max_bytes`. Where retention was faster than the copy, the copy
    /// begins anew.
    ///
    /// # Errors
    /// As [`Self::open_future`].
    pub fn next_to_copy(
        &mut self,
        current: &PartitionLog,
        max_bytes: usize,
        now_ms: i64,
    ) -> Result<FetchData, LogError> {
        if self.log_end_offset < current.log_start_offset {
            self.begin_copy_of(current, now_ms)?;
        }
        let from = self.log_end_offset.max(current.log_start_offset);
        current.read(from, max_bytes, current.log_end_offset, true)
    }

    /// Empties a future log and lets it begin where `current` does: with the batch that holds its start.
    fn begin_copy_of(&mut self, current: &PartitionLog, now_ms: i64) -> Result<(), LogError> {
        let start = current.log_start_offset;
        let first = current.read(start, 1, current.log_end_offset, true)?.records()?;
        let batch = Batches::new(&first).next().transpose()?;
        let base = batch.map_or(start, |b| b.header.base_offset.min(start));
        self.truncate_fully_and_start_at(base, now_ms)
    }

    /// Appends batches of the current log, each as it is; one that is cut off at the end is left out.
    ///
    /// # Errors
    /// As [`Self::append_as_follower`].
    pub fn append_copied(&mut self, records: &Bytes, now_ms: i64) -> Result<(), LogError> {
        let mut position = 0;
        for batch in Batches::new(records) {
            let length = batch?.bytes().len();
            self.append_as_follower(&records.slice(position..position + length), now_ms)?;
            position += length;
        }
        Ok(())
    }

    /// Copies what `current` has behind this log's end, up to `max_bytes`; how many bytes that were.
    ///
    /// # Errors
    /// As [`Self::append_as_follower`], and if one of the disks fails.
    pub fn copy_some(&mut self, current: &PartitionLog, max_bytes: usize, now_ms: i64) -> Result<usize, LogError> {
        let records = self.next_to_copy(current, max_bytes, now_ms)?.records()?;
        self.append_copied(&records, now_ms)?;
        Ok(records.len())
    }

    /// Puts a future log that holds all of this one's records in its place, and gives the old one back. The directory gets
    /// its name before the old one loses it, so that a crash leaves at least one of that name, and at most two that hold
    /// the same.
    ///
    /// # Errors
    /// If the disk fails before the future log is in its place; this log is as it was then.
    pub fn give_way_to(&mut self, mut future: PartitionLog, now_ms: i64) -> Result<PartitionLog, LogError> {
        assert_eq!(
            future.log_end_offset, self.log_end_offset,
            "a future log that is not complete"
        );
        future.set_high_watermark(self.high_watermark);
        future.advance_log_start(self.log_start_offset)?;
        future.config = self.config.clone();
        future.cleaner_offset = self.cleaner_offset;
        // Who planned something on the old files must not find them here.
        future.truncations = self.truncations + 1;
        future.epochs.copy_from(&self.epochs)?;
        future.producers.take_over(&mut self.producers);
        if let Err(e) = future.settle(now_ms) {
            self.producers.take_over(&mut future.producers);
            return Err(e);
        }
        Ok(std::mem::replace(self, future))
    }

    /// Brings everything to the disk and takes the name of the partition.
    fn settle(&mut self, now_ms: i64) -> Result<(), LogError> {
        self.producers.take_snapshot(true)?;
        self.flush(now_ms)?;
        self.rename_dir(&self.topic_partition.to_string())?;
        match self.dir.parent() {
            Some(log_dir) => Ok(File::open(log_dir)?.sync_all()?),
            None => Ok(()),
        }
    }
}
