//! `leader-epoch-checkpoint`: at which offset each leader epoch began (Kafka: `LeaderEpochFileCache`, KIP-101).

use std::io;
use std::path::{Path, PathBuf};

use super::LogError;
use super::checkpoint;

/// An epoch and the offset of its first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEntry {
    pub epoch: i32,
    pub start_offset: i64,
}

/// The answer for an epoch that is not known.
pub const UNDEFINED_EPOCH: i32 = -1;
/// The end offset that goes with it.
pub const UNDEFINED_EPOCH_OFFSET: i64 = -1;

/// Epochs and start offsets, both rising. Every change is written through, but for a later epoch that has no record yet.
#[derive(Debug)]
pub(super) struct EpochCache {
    path: PathBuf,
    entries: Vec<EpochEntry>,
    /// What the file holds; `None` if there is none.
    written: Option<Vec<EpochEntry>>,
}

impl EpochCache {
    pub(super) fn open(path: PathBuf) -> Result<Self, LogError> {
        let entries = checkpoint::read_epochs(&path)?;
        // No entries may also mean no file: then one is to be written.
        let written = (!entries.is_empty() || path.exists()).then(|| entries.clone());
        Ok(EpochCache { path, entries, written })
    }

    pub(super) fn set_dir(&mut self, dir: &Path) {
        self.path = dir.join(checkpoint::LEADER_EPOCH_FILE);
    }

    /// Takes the entries of another log that holds the same records.
    pub(super) fn copy_from(&mut self, other: &EpochCache) -> io::Result<()> {
        self.entries.clone_from(&other.entries);
        self.write()
    }

    pub(super) fn entries(&self) -> &[EpochEntry] {
        &self.entries
    }

    pub(super) fn latest(&self) -> Option<EpochEntry> {
        self.entries.last().copied()
    }

    /// Notes that `epoch` begins at `start_offset`, unless it is known already. What contradicts it is dropped. The first
    /// epoch of a log is written at once, others with their first record: a start of many partitions need not write a
    /// file for each.
    pub(super) fn begin(&mut self, epoch: i32, start_offset: i64) -> io::Result<()> {
        self.note(epoch, start_offset);
        match self.written.as_ref().is_none_or(Vec::is_empty) {
            true => self.write(),
            false => Ok(()),
        }
    }

    /// As [`EpochCache::begin`], for a record at `start_offset`.
    pub(super) fn assign(&mut self, epoch: i32, start_offset: i64) -> io::Result<()> {
        if epoch < 0 {
            return Ok(());
        }
        self.note(epoch, start_offset);
        self.write()
    }

    fn note(&mut self, epoch: i32, start_offset: i64) {
        let is_known = |last: EpochEntry| last.epoch == epoch && start_offset >= last.start_offset;
        if epoch < 0 || self.latest().is_some_and(is_known) {
            return;
        }
        self.entries
            .retain(|e| e.epoch < epoch && e.start_offset < start_offset);
        self.entries.push(EpochEntry { epoch, start_offset });
    }

    /// The last epoch that is at most `epoch`, and where it ends; undefined (-1, -1) if `epoch` is ahead of the log.
    pub(super) fn end_offset_for(&self, epoch: i32, log_end_offset: i64) -> (i32, i64) {
        let Some(latest) = self.latest().filter(|_| epoch != UNDEFINED_EPOCH) else {
            return (UNDEFINED_EPOCH, UNDEFINED_EPOCH_OFFSET);
        };
        if epoch == latest.epoch {
            return (epoch, log_end_offset);
        }
        let higher = self.entries.partition_point(|e| e.epoch <= epoch);
        match (higher.checked_sub(1).map(|i| self.entries[i]), self.entries.get(higher)) {
            (_, None) => (UNDEFINED_EPOCH, UNDEFINED_EPOCH_OFFSET),
            (None, Some(next)) => (epoch, next.start_offset),
            (Some(floor), Some(next)) => (floor.epoch, next.start_offset),
        }
    }

    /// The epoch that `offset` belongs to.
    pub(super) fn epoch_for(&self, offset: i64) -> Option<i32> {
        let after = self.entries.partition_point(|e| e.start_offset <= offset);
        after.checked_sub(1).map(|i| self.entries[i].epoch)
    }

    /// Drops what begins at or after the end of a log that is being opened. What begins just there was begun and not written
    /// to, and the file stays: the next start finds the same. What begins later was lost, which the file is to say.
    pub(super) fn cut_at_end(&mut self, end_offset: i64) -> io::Result<()> {
        if self.latest().is_some_and(|latest| latest.start_offset > end_offset) {
            return self.truncate_from_end(end_offset);
        }
        self.entries
            .truncate(self.entries.partition_point(|e| e.start_offset < end_offset));
        Ok(())
    }

    /// Drops what begins at or after the new end of the log.
    pub(super) fn truncate_from_end(&mut self, end_offset: i64) -> io::Result<()> {
        let keep = self.entries.partition_point(|e| e.start_offset < end_offset);
        if keep < self.entries.len() {
            self.entries.truncate(keep);
            self.write()?;
        }
        Ok(())
    }

    /// Drops what ended before the new start of the log; the epoch that holds it then begins there.
    pub(super) fn truncate_from_start(&mut self, start_offset: i64) -> io::Result<()> {
        let after = self.entries.partition_point(|e| e.start_offset <= start_offset);
        if let Some(last) = after.checked_sub(1)
            && self.entries[last].start_offset < start_offset
        {
            self.entries.drain(..last);
            self.entries[0].start_offset = start_offset;
            self.write()?;
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.entries.clear();
        self.write()
    }

    /// Writes the file, also when nothing is in it: Kafka makes one for every log. One that holds the same is left alone.
    pub(super) fn write(&mut self) -> io::Result<()> {
        if self.written.as_ref() != Some(&self.entries) {
            checkpoint::write_epochs(&self.path, &self.entries)?;
            self.written = Some(self.entries.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(i32, i64)]) -> (tempfile::TempDir, EpochCache) {
        let dir = tempfile::tempdir().unwrap();
        let mut cache = EpochCache::open(dir.path().join(checkpoint::LEADER_EPOCH_FILE)).unwrap();
        for &(epoch, offset) in entries {
            cache.assign(epoch, offset).unwrap();
        }
        (dir, cache)
    }

    #[test]
    fn end_offsets_answer_as_kip_101_says() {
        let (_dir, cache) = cache(&[(1, 10), (3, 20), (5, 30)]);
        assert_eq!(cache.end_offset_for(5, 42), (5, 42));
        assert_eq!(cache.end_offset_for(4, 42), (3, 30));
        assert_eq!(cache.end_offset_for(3, 42), (3, 30));
        assert_eq!(cache.end_offset_for(1, 42), (1, 20));
        assert_eq!(cache.end_offset_for(0, 42), (0, 10));
        assert_eq!(cache.end_offset_for(6, 42), (-1, -1));
        assert_eq!(cache.end_offset_for(-1, 42), (-1, -1));
    }

    #[test]
    fn truncation_keeps_the_epoch_of_what_is_left_and_reaches_the_file() {
        let (dir, mut cache) = cache(&[(1, 10), (3, 20), (5, 30)]);
        cache.truncate_from_start(25).unwrap();
        cache.truncate_from_end(30).unwrap();
        let again = EpochCache::open(dir.path().join(checkpoint::LEADER_EPOCH_FILE)).unwrap();
        assert_eq!(
            again.entries(),
            &[EpochEntry {
                epoch: 3,
                start_offset: 25
            }]
        );
        assert_eq!(again.epoch_for(24), None);
        assert_eq!(again.epoch_for(25), Some(3));
    }

    #[test]
    fn an_end_cuts_what_was_lost_from_the_file_and_what_was_only_begun_from_memory() {
        let file = |dir: &tempfile::TempDir| {
            let again = EpochCache::open(dir.path().join(checkpoint::LEADER_EPOCH_FILE)).unwrap();
            again.entries().iter().map(|e| e.epoch).collect::<Vec<_>>()
        };
        let (dir, mut cache) = cache(&[(1, 10), (3, 20), (5, 30)]);
        cache.cut_at_end(30).unwrap();
        assert_eq!(cache.latest().map(|e| e.epoch), Some(3));
        assert_eq!(file(&dir), [1, 3, 5]);
        let mut cache = EpochCache::open(dir.path().join(checkpoint::LEADER_EPOCH_FILE)).unwrap();
        cache.cut_at_end(24).unwrap();
        assert_eq!(cache.latest().map(|e| e.epoch), Some(3));
        assert_eq!(file(&dir), [1, 3]);
    }

    #[test]
    fn an_assignment_drops_what_contradicts_it() {
        let (_dir, mut cache) = cache(&[(1, 10), (3, 20), (5, 30)]);
        cache.assign(6, 15).unwrap();
        assert_eq!(
            cache
                .entries()
                .iter()
                .map(|e| (e.epoch, e.start_offset))
                .collect::<Vec<_>>(),
            [(1, 10), (6, 15)]
        );
    }
}
