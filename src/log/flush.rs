//! Bringing a log to the disk (Kafka: `UnifiedLog.flush`). Kafka leaves it to the operating system, except for segments
//! that were rolled, so that a start after a crash need not read them.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::LogError;
use super::partition_log::PartitionLog;
use super::segment::Segment;

/// Rolled segments that are not yet known to be on disk. To be run without the log's lock.
#[derive(Debug)]
pub struct FlushJob {
    files: Vec<PathBuf>,
    up_to: i64,
    truncations: u64,
}

impl FlushJob {
    /// Flushes the files; one that is gone needs it no more.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn run(&self) -> io::Result<()> {
        for path in &self.files {
            match File::open(path).and_then(|file| file.sync_data()) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }
}

impl PartitionLog {
    /// Brings everything to the disk and moves the recovery point to the log's end.
    ///
    /// # Errors
    /// If the disk fails; the log then takes no more writes.
    pub fn flush(&mut self, now_ms: i64) -> Result<(), LogError> {
        if self.recovery_point >= self.log_end_offset {
            return Ok(());
        }
        let from = self.first_unflushed_base();
        let done = self.segments.range(from..).try_for_each(|(_, s)| s.sync());
        self.guard(done.map_err(LogError::Io))?;
        self.recovery_point = self.log_end_offset;
        self.last_flush_ms = now_ms;
        Ok(())
    }

    /// Whether `flush.ms` says that it is time.
    pub fn flush_due(&self, now_ms: i64) -> bool {
        self.recovery_point < self.log_end_offset && now_ms.saturating_sub(self.last_flush_ms) >= self.config.flush_ms
    }

    /// The rolled segments past the recovery point; `None` if there are none.
    pub fn plan_flush(&self) -> Option<FlushJob> {
        let up_to = self.active_base_offset();
        if self.recovery_point >= up_to {
            return None;
        }
        let rolled = self.segments.range(self.first_unflushed_base()..up_to);
        let files = rolled.flat_map(|(_, s)| s.paths().map(|p| p.to_owned())).collect();
        Some(FlushJob {
            files,
            up_to,
            truncations: self.truncations,
        })
    }

    /// Moves the recovery point behind what a job flushed, unless the log was cut meanwhile.
    pub fn finish_flush(&mut self, job: &FlushJob) {
        if job.truncations == self.truncations {
            self.recovery_point = self.recovery_point.max(job.up_to);
        }
    }

    fn first_unflushed_base(&self) -> i64 {
        let segment = self.segments.range(..=self.recovery_point).next_back();
        segment.map_or(i64::MIN, |(_, s)| Segment::base_offset(s))
    }
}
