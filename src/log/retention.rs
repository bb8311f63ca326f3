//! What makes a log shorter: retention, a moved log start, truncation. Removed files are first renamed to `.deleted`.

use super::error::code;
use super::partition_log::PartitionLog;
use super::segment::{Segment, remove_files};
use super::{LogError, loader};

impl PartitionLog {
    /// Moves the log start up, as DeleteRecords does; segments wholly below it go with the next
    /// [`PartitionLog::delete_old_segments`]. Returns whether it moved.
    ///
    /// # Errors
    /// OFFSET_OUT_OF_RANGE (1) above the high watermark; otherwise the disk failed.
    pub fn advance_log_start(&mut self, offset: i64) -> Result<bool, LogError> {
        if offset > self.high_watermark {
            return Err(LogError::api(
                code::OFFSET_OUT_OF_RANGE,
                format!(
                    "Cannot increment the log start offset to {offset} of partition {} since it is larger than the high watermark {}",
                    self.topic_partition, self.high_watermark
                ),
            ));
        }
        if offset <= self.log_start_offset {
            return Ok(false);
        }
        self.log_start_offset = offset;
        self.epochs.truncate_from_start(offset)?;
        self.producers.on_log_start(offset);
        Ok(true)
    }

    /// Applies `retention.ms`, `retention.bytes` and the log start to whole segments; returns how many went. A log that
    /// is only compacted loses no more than what lies below its start.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn delete_old_segments(&mut self, now_ms: i64) -> Result<usize, LogError> {
        let mut deleted = 0;
        if self.config.delete {
            deleted += self.delete_by_time(now_ms)?;
            deleted += self.delete_by_size(now_ms)?;
        }
        let start = self.log_start_offset;
        deleted += self.delete_while(now_ms, |_, next_base| Ok(next_base.is_some_and(|next| next <= start)))?;
        self.remove_deleted_files(now_ms)?;
        Ok(deleted)
    }

    fn delete_by_time(&mut self, now_ms: i64) -> Result<usize, LogError> {
        let retention_ms = self.config.retention_ms;
        if retention_ms < 0 {
            return Ok(0);
        }
        self.delete_while(now_ms, |segment, _| {
            Ok(now_ms.saturating_sub(segment.largest_timestamp()?) > retention_ms)
        })
    }

    fn delete_by_size(&mut self, now_ms: i64) -> Result<usize, LogError> {
        let Ok(retention_bytes) = u64::try_from(self.config.retention_bytes) else {
            return Ok(0);
        };
        let mut excess = self.size_bytes().saturating_sub(retention_bytes);
        self.delete_while(now_ms, |segment, _| match excess.checked_sub(segment.size()) {
            Some(left) if excess > 0 => {
                excess = left;
                Ok(true)
            }
            _ => Ok(false),
        })
    }

    /// Deletes segments from the oldest on while `expired` says so and the high watermark is past them. `expired` is
    /// given the base offset of the segment that follows.
    fn delete_while(
        &mut self,
        now_ms: i64,
        mut expired: impl FnMut(&Segment, Option<i64>) -> Result<bool, LogError>,
    ) -> Result<usize, LogError> {
        let bases: Vec<i64> = self.segments.keys().copied().collect();
        let mut victims = Vec::new();
        for (i, base) in bases.iter().enumerate() {
            let next_base = bases.get(i + 1).copied();
            let segment = &self.segments[base];
            let empty_active = next_base.is_none() && segment.size() == 0;
            if empty_active
                || self.high_watermark < next_base.unwrap_or(self.log_end_offset)
                || !expired(segment, next_base)?
            {
                break;
            }
            victims.push(*base);
        }
        if victims.len() == bases.len() {
            self.roll(self.log_end_offset, now_ms)?;
        }
        for base in &victims {
            self.delete_segment(*base, now_ms)?;
        }
        if let Some((&first, _)) = self.segments.first_key_value().filter(|_| !victims.is_empty())
            && first > self.log_start_offset
        {
            self.high_watermark = self.high_watermark.max(first);
            self.advance_log_start(first)?;
        }
        Ok(victims.len())
    }

    /// Takes a segment out and marks its files; the producer snapshot at its base goes too.
    pub(super) fn delete_segment(&mut self, base: i64, now_ms: i64) -> Result<(), LogError> {
        self.retire_segment(base, now_ms)?;
        Ok(self.producers.remove_snapshot(base)?)
    }

    /// Takes a segment out and marks its files.
    pub(super) fn retire_segment(&mut self, base: i64, now_ms: i64) -> Result<(), LogError> {
        if let Some(mut segment) = self.segments.remove(&base) {
            let files = segment.mark_deleted()?;
            let at = now_ms.saturating_add(self.config.file_delete_delay_ms);
            self.deleted_files.extend(files.into_iter().map(|path| (at, path)));
        }
        Ok(())
    }

    /// Removes renamed files whose `file.delete.delay.ms` is over.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn remove_deleted_files(&mut self, now_ms: i64) -> Result<(), LogError> {
        let (due, later): (Vec<_>, Vec<_>) = self.deleted_files.drain(..).partition(|(at, _)| *at <= now_ms);
        self.deleted_files = later;
        Ok(remove_files(due.into_iter().map(|(_, path)| path))?)
    }

    /// Cuts the log so that it ends at `offset`; the batch that holds it goes as a whole. Returns whether anything went.
    ///
    /// # Errors
    /// INVALID_REQUEST (42) for a negative offset; otherwise the disk failed.
    pub fn truncate_to(&mut self, offset: i64, now_ms: i64) -> Result<bool, LogError> {
        if offset < 0 {
            return Err(LogError::api(
                code::INVALID_REQUEST,
                format!(
                    "Cannot truncate partition {} to a negative offset ({offset}).",
                    self.topic_partition
                ),
            ));
        }
        if offset >= self.log_end_offset {
            self.epochs.truncate_from_end(offset)?;
            return Ok(false);
        }
        if self
            .segments
            .first_key_value()
            .is_some_and(|(&first, _)| first > offset)
        {
            self.truncate_fully_and_start_at(offset, now_ms)?;
            return Ok(true);
        }
        let result = self.cut(offset, now_ms);
        self.guard(result)?;
        Ok(true)
    }

    fn cut(&mut self, offset: i64, now_ms: i64) -> Result<(), LogError> {
        let above: Vec<i64> = self.segments.range(offset + 1..).map(|(&base, _)| base).collect();
        for base in above {
            self.delete_now(base)?;
        }
        self.active().truncate_to(offset)?;
        self.end_at(offset);
        self.epochs.truncate_from_end(offset)?;
        self.log_start_offset = self.log_start_offset.min(offset);
        self.high_watermark = self.high_watermark.min(offset);
        loader::rebuild_producers(
            &mut self.producers,
            &self.segments,
            (self.log_start_offset, offset),
            false,
            now_ms,
        )
    }

    fn end_at(&mut self, offset: i64) {
        self.truncations += 1;
        self.log_end_offset = offset;
        self.recovery_point = self.recovery_point.min(offset);
    }

    /// Removes the files of a segment at once, so that one with the same name can be made.
    fn delete_now(&mut self, base: i64) -> Result<(), LogError> {
        if let Some(segment) = self.segments.remove(&base) {
            remove_files(segment.paths())?;
            self.producers.remove_snapshot(base)?;
        }
        Ok(())
    }

    /// Empties the log and lets it begin at `offset`, as a follower does that is behind its leader's log start.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn truncate_fully_and_start_at(&mut self, offset: i64, now_ms: i64) -> Result<(), LogError> {
        for base in self.segments.keys().copied().collect::<Vec<_>>() {
            self.delete_now(base)?;
        }
        Segment::reset_indexes(&self.dir, offset)?;
        self.segments.insert(offset, Segment::open(&self.dir, offset, now_ms)?);
        self.epochs.clear()?;
        self.producers.truncate_fully(offset)?;
        self.end_at(offset);
        self.log_start_offset = offset;
        self.high_watermark = offset;
        Ok(())
    }
}
