//! Appending to a log, as leader and as follower.

use std::fmt;

use bytes::Bytes;

use super::error::code;
use super::partition_log::PartitionLog;
use super::producer_state::Verdict;
use super::segment::{Incoming, Segment};
use super::{AbortedTxn, LogError, VerificationGuard};
use crate::record::control::EndTxnMarker;
use crate::record::validate::{Rules, Validated, validate};
use crate::record::{Batch, Batches, RecordError, TimestampType};

/// Who appends, and with it what is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendOrigin {
    /// A producer: everything is checked.
    Client,
    /// A group or transaction coordinator: no sequences, control batches allowed.
    Coordinator,
    /// The metadata log's leader: offsets and epoch are already set.
    RaftLeader,
    /// A follower, with what its leader sent.
    Replication,
}

/// Who appends, and on what grounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendTerms {
    pub origin: AppendOrigin,
    /// That the coordinator knows of the transaction the batch begins, from [`PartitionLog::begin_verification`].
    pub guard: Option<VerificationGuard>,
    /// Of a marker: the `transaction.version` its transaction was made with. From 2 on its epoch must be a new one.
    pub transaction_version: i16,
}

impl From<AppendOrigin> for AppendTerms {
    fn from(origin: AppendOrigin) -> Self {
        Self {
            origin,
            guard: None,
            transaction_version: 0,
        }
    }
}

/// What an append did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendInfo {
    pub first_offset: i64,
    pub last_offset: i64,
    /// -1 unless the topic has LogAppendTime.
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    /// Number of records appended; 0 for a duplicate.
    pub records: i64,
    /// Bytes written; 0 for a duplicate.
    pub bytes: usize,
    /// The batch was appended before, at these offsets.
    pub duplicate: bool,
}

impl PartitionLog {
    /// Appends a produced batch: checks it, gives it offsets and leader epoch, writes it in one write.
    ///
    /// With [`AppendOrigin::RaftLeader`] the batches keep their offsets, and with [`AppendOrigin::Replication`] their
    /// leader epochs too.
    ///
    /// # Errors
    /// [`LogError::Api`] with Kafka's code and text if the batch is refused; otherwise the disk failed.
    pub fn append_as_leader(
        &mut self,
        records: Bytes,
        leader_epoch: i32,
        terms: impl Into<AppendTerms>,
        now_ms: i64,
    ) -> Result<AppendInfo, LogError> {
        let terms = terms.into();
        match terms.origin {
            AppendOrigin::Client | AppendOrigin::Coordinator => {
                self.append_assigned(records, leader_epoch, terms, now_ms)
            }
            AppendOrigin::Replication => self.append_as_is(&records, terms.origin, None, now_ms),
            AppendOrigin::RaftLeader => self.append_as_is(&records, terms.origin, Some(leader_epoch), now_ms),
        }
    }

    /// Appends what a leader sent, offsets and epochs as they are. A batch cut off at the end is left out.
    ///
    /// # Errors
    /// As [`PartitionLog::append_as_leader`]; OFFSET_OUT_OF_RANGE if the first batch begins before the log's end.
    pub fn append_as_follower(&mut self, records: &Bytes, now_ms: i64) -> Result<AppendInfo, LogError> {
        self.append_as_is(records, AppendOrigin::Replication, None, now_ms)
    }

    fn append_assigned(
        &mut self,
        records: Bytes,
        leader_epoch: i32,
        terms: AppendTerms,
        now_ms: i64,
    ) -> Result<AppendInfo, LogError> {
        self.check_writable()?;
        let config = self.config.clone();
        let valid = validate(
            &records,
            &Rules {
                topic_partition: &self.topic_partition,
                client: terms.origin == AppendOrigin::Client,
                compacted: config.compact,
                timestamp_type: config.message_timestamp_type,
                timestamp_before_max_ms: config.message_timestamp_before_max_ms,
                timestamp_after_max_ms: config.message_timestamp_after_max_ms,
                compression: config.compression_type,
                compression_level: config.compression_level,
                max_message_bytes: config.max_message_bytes,
                first_offset: self.log_end_offset,
                leader_epoch,
                now_ms,
            },
        )?;
        let head = valid.header.write();
        let marker = marker_of(&valid)?;
        let verdict = self.producers.prepare(&valid.header, marker, terms)?;
        if let Verdict::Duplicate {
            first_offset,
            last_offset,
            timestamp,
        } = verdict
        {
            return Ok(AppendInfo {
                first_offset,
                last_offset,
                log_append_time_ms: timestamp,
                log_start_offset: self.log_start_offset,
                records: 0,
                bytes: 0,
                duplicate: true,
            });
        }
        let info = AppendInfo {
            first_offset: valid.header.base_offset,
            last_offset: valid.header.last_offset(),
            log_append_time_ms: match config.message_timestamp_type {
                TimestampType::LogAppendTime => now_ms,
                TimestampType::CreateTime => -1,
            },
            log_start_offset: self.log_start_offset,
            records: valid.records,
            bytes: head.len() + valid.body.len(),
            duplicate: false,
        };
        let assigned = self.epochs.assign(leader_epoch, info.first_offset);
        self.guard(assigned.map_err(LogError::Io))?;
        self.write((&head, &valid.body), &[valid.header], now_ms)?;
        self.take_over(verdict)?;
        self.advance_to(info.last_offset + 1, now_ms)?;
        Ok(info)
    }

    /// Appends batches whose offsets are set; `epoch` is what every batch must carry.
    fn append_as_is(
        &mut self,
        records: &Bytes,
        origin: AppendOrigin,
        epoch: Option<i32>,
        now_ms: i64,
    ) -> Result<AppendInfo, LogError> {
        self.check_writable()?;
        let batches = self.check_given(records, epoch)?;
        let mut info = AppendInfo {
            first_offset: batches.first().map_or(self.log_end_offset, |b| b.header.base_offset),
            last_offset: batches
                .last()
                .map_or(self.log_end_offset - 1, |b| b.header.last_offset()),
            log_append_time_ms: -1,
            log_start_offset: self.log_start_offset,
            records: 0,
            bytes: 0,
            duplicate: false,
        };
        if batches.is_empty() {
            return Ok(info);
        }
        let headers: Vec<_> = batches.iter().map(|b| b.header).collect();
        info.records = headers.iter().map(|h| i64::from(h.record_count)).sum();
        info.bytes = batches.iter().map(|b| b.bytes().len()).sum();
        for header in &headers {
            let assigned = self.epochs.assign(header.partition_leader_epoch, header.base_offset);
            self.guard(assigned.map_err(LogError::Io))?;
        }
        self.write((&records[..info.bytes], &[]), &headers, now_ms)?;
        for batch in &batches {
            let verdict = self
                .producers
                .prepare(&batch.header, batch_marker(batch)?, origin.into())?;
            self.take_over(verdict)?;
        }
        self.advance_to(info.last_offset + 1, now_ms)?;
        Ok(info)
    }

    /// The batches of a follower's or the metadata leader's append, checked.
    fn check_given<'a>(&self, records: &'a [u8], epoch: Option<i32>) -> Result<Vec<Batch<'a>>, LogError> {
        let mut batches: Vec<Batch<'a>> = Vec::new();
        let mut next = self.log_end_offset;
        for batch in Batches::new(records) {
            let batch = batch?;
            let header = &batch.header;
            if let Some(expected) = epoch
                && header.partition_leader_epoch != expected
            {
                return Err(LogError::api(
                    code::INVALID_RECORD,
                    format!(
                        "Append from Raft leader did not set the batch epoch correctly, expected {expected} but the batch has {}",
                        header.partition_leader_epoch
                    ),
                ));
            }
            batch.ensure_valid()?;
            // One that cannot be read must not get into the log, where a start would find it.
            batch_marker(&batch)?;
            if header.base_offset < next || header.last_offset() < header.base_offset {
                return Err(LogError::api(
                    code::OFFSET_OUT_OF_RANGE,
                    format!(
                        "Unexpected offset in append to {}. First offset {} is less than the next offset {next}. \
                         Log start offset = {}",
                        self.topic_partition, header.base_offset, self.log_start_offset
                    ),
                ));
            }
            next = header.next_offset();
            batches.push(batch);
        }
        Ok(batches)
    }

    fn check_writable(&self) -> Result<(), LogError> {
        match &self.failed {
            None => Ok(()),
            Some(why) => Err(LogError::api(
                code::KAFKA_STORAGE_ERROR,
                format!("The log dir of {} is offline: {why}", self.topic_partition),
            )),
        }
    }

    /// Rolls if needed and writes.
    fn write(
        &mut self,
        bytes: (&[u8], &[u8]),
        headers: &[crate::record::BatchHeader],
        now_ms: i64,
    ) -> Result<(), LogError> {
        let size = (bytes.0.len() + bytes.1.len()) as u64;
        if size > self.config.segment_bytes {
            return Err(LogError::api(
                code::RECORD_LIST_TOO_LARGE,
                format!(
                    "Message batch size is {size} bytes in append to partition {}, which exceeds the maximum configured \
                     segment size of {}.",
                    self.topic_partition, self.config.segment_bytes
                ),
            ));
        }
        let (Some(first), Some(last)) = (headers.first(), headers.last()) else {
            return Ok(());
        };
        let incoming = Incoming {
            bytes: size,
            last_offset: last.last_offset(),
            max_timestamp: headers.iter().map(|h| h.max_timestamp).max().unwrap_or(-1),
            jitter_ms: self.roll_jitter_ms(),
            now_ms,
        };
        let config = self.config.clone();
        if self.active().should_roll(&config, &incoming)? {
            let rolled = self.roll(first.base_offset.max(self.log_end_offset), now_ms);
            self.guard(rolled)?;
        }
        let written = self.active().append(bytes, headers, config.index_interval_bytes);
        self.guard(written)
    }

    /// The same for one segment however often it is asked, different among segments and partitions.
    fn roll_jitter_ms(&self) -> i64 {
        if self.config.segment_jitter_ms <= 0 {
            return 0;
        }
        let seed = crc32c::crc32c(format!("{} {}", self.topic_partition, self.active_base_offset()).as_bytes());
        i64::from(seed) % self.config.segment_jitter_ms.min(self.config.segment_ms.max(1))
    }

    fn take_over(&mut self, verdict: Verdict) -> Result<(), LogError> {
        let Verdict::Append(update) = verdict else {
            return Ok(());
        };
        let Some((txn, last_stable_offset)) = self.producers.commit(update) else {
            return Ok(());
        };
        if txn.aborted {
            let (producer_id, first_offset, last_offset) = (txn.producer_id, txn.first_offset, txn.last_offset);
            let entry = AbortedTxn {
                producer_id,
                first_offset,
                last_offset,
                last_stable_offset,
            };
            let noted = self.active().txn_index.append(entry);
            self.guard(noted)?;
        }
        Ok(())
    }

    fn advance_to(&mut self, next_offset: i64, now_ms: i64) -> Result<(), LogError> {
        self.log_end_offset = next_offset;
        self.producers.set_map_end_offset(next_offset);
        if next_offset - self.recovery_point >= self.config.flush_messages {
            self.flush(now_ms)?;
        }
        Ok(())
    }

    /// Closes the active segment, if it holds anything, and begins one at the log's end.
    ///
    /// # Errors
    /// If the disk fails; the log then takes no more writes.
    pub fn roll_active(&mut self, now_ms: i64) -> Result<(), LogError> {
        self.check_writable()?;
        if self.active().size() == 0 {
            return Ok(());
        }
        let rolled = self.roll(self.log_end_offset, now_ms);
        self.guard(rolled)
    }

    /// Closes the active segment and begins one at `base_offset`, which must not lie before the log's end.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn roll(&mut self, base_offset: i64, now_ms: i64) -> Result<(), LogError> {
        self.active().seal()?;
        self.producers.set_map_end_offset(base_offset);
        self.producers.take_snapshot(false)?;
        Segment::reset_indexes(&self.dir, base_offset)?;
        let segment = Segment::open(&self.dir, base_offset, now_ms)?;
        if self.config.preallocate {
            segment.preallocate(self.config.segment_bytes)?;
        }
        self.segments.insert(base_offset, segment);
        Ok(())
    }
}

fn batch_marker(batch: &Batch<'_>) -> Result<Option<EndTxnMarker>, RecordError> {
    if !batch.header.is_control() || !batch.header.has_producer_id() {
        return Ok(None);
    }
    match batch.records()?.next() {
        Some(record) => EndTxnMarker::parse(&record?),
        None => Ok(None),
    }
}

fn marker_of(valid: &Validated) -> Result<Option<EndTxnMarker>, RecordError> {
    if !valid.header.is_control() || !valid.header.has_producer_id() {
        return Ok(None);
    }
    match crate::record::RecordReader::new(&valid.header, &valid.body)?.next() {
        Some(record) => EndTxnMarker::parse(&record?),
        None => Ok(None),
    }
}

impl fmt::Display for AppendOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AppendOrigin::Client => "CLIENT",
            AppendOrigin::Coordinator => "COORDINATOR",
            AppendOrigin::RaftLeader => "RAFT_LEADER",
            AppendOrigin::Replication => "REPLICATION",
        })
    }
}
