//! Reading from a log: by offset and by time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use super::error::code;
use super::partition_log::PartitionLog;
use super::segment::Segment;
use super::{AbortedTxn, LogError, TimestampOffset};
use crate::record::legacy::LegacyBatch;
use crate::record::{Batch, NO_PARTITION_LEADER_EPOCH};

/// A part of a file, for `sendfile` or to be read later: the file stays open as long as this lives, also when the
/// segment is deleted meanwhile.
#[derive(Debug, Clone)]
pub struct FileSlice {
    pub file: Arc<File>,
    pub position: u64,
    pub len: usize,
}

impl FileSlice {
    /// Reads the bytes.
    ///
    /// # Errors
    /// If the disk fails, or the file was cut meanwhile.
    pub fn read(&self) -> io::Result<Bytes> {
        let mut bytes = vec![0; self.len];
        self.file.read_exact_at(&mut bytes, self.position)?;
        Ok(Bytes::from(bytes))
    }
}

/// What a fetch found.
#[derive(Debug, Clone, Default)]
pub struct FetchData {
    /// The offset that was asked for. The first batch may begin before it.
    pub fetch_offset: i64,
    /// Whole batches, the last one perhaps cut off; `None` if there is nothing to read.
    pub slice: Option<FileSlice>,
    /// The first batch did not fit and was not asked for at any size.
    pub first_entry_incomplete: bool,
    /// The base offset of the segment that `slice` is a part of.
    pub segment_base: i64,
}

impl FetchData {
    /// Bytes found.
    pub fn len(&self) -> usize {
        self.slice.as_ref().map_or(0, |s| s.len)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the bytes; needs no lock on the log.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn records(&self) -> io::Result<Bytes> {
        self.slice.as_ref().map_or(Ok(Bytes::new()), FileSlice::read)
    }
}

/// A record found by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampMatch {
    pub timestamp: i64,
    pub offset: i64,
    pub leader_epoch: i32,
}

/// The first record at or after a time in a message of magic 0 or 1.
fn find_in_message(bytes: &[u8], timestamp: i64, log_start_offset: i64) -> Result<Option<TimestampMatch>, LogError> {
    let mut found = None;
    LegacyBatch::new(bytes).records()?.for_each(|record| {
        if found.is_none() && record.timestamp >= timestamp && record.offset >= log_start_offset {
            found = Some(TimestampMatch {
                timestamp: record.timestamp,
                offset: record.offset,
                leader_epoch: NO_PARTITION_LEADER_EPOCH,
            });
        }
        Ok::<(), LogError>(())
    })?;
    Ok(found)
}

impl PartitionLog {
    /// Finds up to `max_bytes` of the batches from `offset` on that lie before `upper` (high watermark, last stable
    /// offset or log end). With `min_one` the first batch is given whole even if it is larger.
    ///
    /// # Errors
    /// OFFSET_OUT_OF_RANGE (1) outside log start and log end; otherwise the disk failed.
    pub fn read(&self, offset: i64, max_bytes: usize, upper: i64, min_one: bool) -> Result<FetchData, LogError> {
        if offset < self.log_start_offset || offset > self.log_end_offset {
            return Err(LogError::api(
                code::OFFSET_OUT_OF_RANGE,
                format!(
                    "Received request for offset {offset} for partition {}, but we only have log segments in the range {} to {}.",
                    self.topic_partition, self.log_start_offset, self.log_end_offset
                ),
            ));
        }
        let mut found = FetchData {
            fetch_offset: offset,
            ..Default::default()
        };
        let upper = upper.min(self.log_end_offset);
        if offset >= upper {
            return Ok(found);
        }
        let floor = self
            .segments
            .range(..=offset)
            .next_back()
            .map_or(offset, |(&base, _)| base);
        for segment in self.segments.range(floor..).map(|(_, s)| s) {
            if segment.base_offset() >= upper {
                break;
            }
            let Some(first) = segment.find(offset)? else {
                continue; // compaction left nothing at or after the offset here
            };
            if first.header.base_offset >= upper {
                break;
            }
            let end = self.end_position(segment, upper)?;
            let available = end.saturating_sub(first.position);
            let wanted = if min_one {
                first.size().max(max_bytes as u64)
            } else {
                max_bytes as u64
            };
            let len = available.min(wanted);
            found.first_entry_incomplete = len < first.size() && available > 0;
            if len > 0 {
                found.segment_base = segment.base_offset();
                found.slice = Some(FileSlice {
                    file: segment.file()?.clone(),
                    position: first.position,
                    len: len as usize,
                });
            }
            return Ok(found);
        }
        Ok(found)
    }

    /// The aborted transactions that a reader of committed records must know for what a fetch found.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn aborted_in(&self, found: &FetchData) -> Result<Vec<AbortedTxn>, LogError> {
        let (Some(slice), Some(segment)) = (&found.slice, self.segments.get(&found.segment_base)) else {
            return Ok(Vec::new());
        };
        let end = segment.offset_index()?.upper_bound(slice.position + slice.len as u64)?;
        let next_base = || {
            let next = self.segments.range(found.segment_base + 1..).next();
            next.map_or(self.log_end_offset, |(&base, _)| base)
        };
        Ok(self.aborted_transactions(found.fetch_offset, end.unwrap_or_else(next_base)))
    }

    /// Where in the segment the batches before `upper` end.
    fn end_position(&self, segment: &Segment, upper: i64) -> Result<u64, LogError> {
        if upper >= self.log_end_offset {
            return Ok(segment.size());
        }
        let next_base = self
            .segments
            .range(segment.base_offset() + 1..)
            .next()
            .map(|(&base, _)| base);
        if next_base.is_some_and(|base| base <= upper) {
            return Ok(segment.size());
        }
        Ok(segment.find(upper)?.map_or(segment.size(), |b| b.position))
    }

    /// The first record at or after `timestamp` (milliseconds) that lies before `upper`.
    ///
    /// # Errors
    /// If the disk fails or a batch cannot be read.
    pub fn offset_for_timestamp(&self, timestamp: i64, upper: i64) -> Result<Option<TimestampMatch>, LogError> {
        for segment in self.segments.values() {
            if segment.max_timestamp()?.timestamp < timestamp {
                continue;
            }
            if let Some(found) = self.find_in_segment(segment, timestamp, self.log_start_offset)? {
                return Ok(Some(found).filter(|m| m.offset < upper));
            }
        }
        Ok(None)
    }

    /// The first record of a segment that is as late as `timestamp` and has no offset below `lowest`.
    fn find_in_segment(
        &self,
        segment: &Segment,
        timestamp: i64,
        lowest: i64,
    ) -> Result<Option<TimestampMatch>, LogError> {
        // No record before this offset is as late as the timestamp asked for.
        let from = segment
            .time_index()?
            .lookup(timestamp.saturating_sub(1))?
            .offset
            .max(lowest);
        let mut scan = segment.scan(u64::from(segment.offset_index()?.lookup(from)?))?;
        while let Some(at) = scan.next()? {
            if at.header.last_offset() < lowest || at.header.max_timestamp < timestamp {
                continue;
            }
            let bytes = FileSlice {
                file: segment.file()?.clone(),
                position: at.position,
                len: at.header.size_in_bytes(),
            };
            let bytes = bytes.read()?;
            if at.header.is_legacy() {
                if let Some(found) = find_in_message(&bytes, timestamp, lowest)? {
                    return Ok(Some(found));
                }
                continue;
            }
            let Some(batch) = Batch::parse(&bytes)? else {
                return Ok(None);
            };
            let mut records = batch.records()?;
            while let Some(record) = records.next_meta() {
                let record = record?;
                if record.timestamp >= timestamp && record.offset >= lowest {
                    return Ok(Some(TimestampMatch {
                        timestamp: record.timestamp,
                        offset: record.offset,
                        leader_epoch: at.header.partition_leader_epoch,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// The record with the largest timestamp, the first one if several have it (ListOffsets' max timestamp, KIP-734). As in
    /// Kafka it may lie below the log's start, where records were deleted and their segment is still there.
    ///
    /// # Errors
    /// If the disk fails or a batch cannot be read.
    pub fn max_timestamp_offset(&self) -> Result<Option<TimestampMatch>, LogError> {
        let mut best: Option<(TimestampOffset, &Segment)> = None;
        for segment in self.segments.values() {
            let largest = segment.max_timestamp()?;
            if best.is_none_or(|(t, _)| t.timestamp < largest.timestamp) {
                best = Some((largest, segment));
            }
        }
        match best {
            Some((largest, segment)) if largest.timestamp >= 0 => {
                self.find_in_segment(segment, largest.timestamp, segment.base_offset())
            }
            _ => Ok(None),
        }
    }
}
