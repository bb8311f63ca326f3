//! Compaction: keeps the last record of every key (Kafka: `LogCleaner`).
//!
//! In three steps, so that the long one needs no lock: [`PartitionLog::plan_cleaning`] says what to do,
//! [`CleaningPlan::run`] reads the old segments and writes new ones beside them, [`PartitionLog::finish_cleaning`] puts
//! them in their place. Tombstones and transaction markers go once their delete horizon (KAFKA-8522) has passed.
//!
//! The offset map holds the keys themselves, not hashes of them; its size is limited, and a log with more keys is cleaned
//! in several rounds.

mod filter;
mod offset_map;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::loader::{CLEANED_SUFFIX, SWAP_SUFFIX};
use super::partition_log::PartitionLog;
use super::producer_state::LastRecord;
use super::scan::BatchScan;
use super::segment::Segment;
use super::{AbortedTxn, LogConfig, LogError};
use filter::{BatchFilter, Round, TxnTracker};
use offset_map::OffsetMap;

/// A segment to be cleaned. Its file does not change any more.
#[derive(Debug)]
struct Source {
    base_offset: i64,
    file: Arc<File>,
    path: PathBuf,
    size: u64,
}

/// What a cleaning will read, and what it needs to know of the log.
#[derive(Debug)]
pub struct CleaningPlan {
    dir: PathBuf,
    config: Arc<LogConfig>,
    sources: Vec<Source>,
    first_dirty_offset: i64,
    /// Nothing at or after this offset is cleaned.
    first_uncleanable_offset: i64,
    aborted: Vec<AbortedTxn>,
    last_records: HashMap<i64, LastRecord>,
    now_ms: i64,
}

/// A new segment and the ones it replaces: base offset and file, to see that they are still the same.
type Replacement = (Segment, Vec<(i64, Arc<File>)>);

/// New segments, written but not yet in their place. Dropped files are removed by the next start.
#[derive(Debug)]
pub struct Cleaned {
    groups: Vec<Replacement>,
    end_offset: i64,
    stats: CleanerStats,
}

/// What a cleaning did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CleanerStats {
    pub messages_read: u64,
    pub messages_retained: u64,
    pub bytes_read: u64,
    pub bytes_retained: u64,
}

impl PartitionLog {
    /// The first offset that was not cleaned yet: the cleaner checkpoint's value.
    pub fn cleaner_offset(&self) -> i64 {
        self.cleaner_offset
    }

    /// Takes over the cleaner checkpoint after a start.
    pub fn set_cleaner_offset(&mut self, offset: i64) {
        self.cleaner_offset = offset;
    }

    /// What a cleaning would do now; `None` if the topic is not compacted or there is not enough to clean. With `force`
    /// any dirty segment is enough.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn plan_cleaning(&self, now_ms: i64, force: bool) -> Result<Option<CleaningPlan>, LogError> {
        if !self.config.compact {
            return Ok(None);
        }
        let first_dirty = match self.cleaner_offset {
            offset if offset < self.log_start_offset || offset > self.log_end_offset => self.log_start_offset,
            offset => offset,
        };
        let uncleanable = self.first_uncleanable_offset(first_dirty, now_ms)?;
        if uncleanable <= first_dirty {
            return Ok(None);
        }
        let dirty_base = self.segment_at(first_dirty).map_or(first_dirty, Segment::base_offset);
        let dirty: u64 = self
            .segments
            .range(dirty_base..uncleanable)
            .map(|(_, s)| s.size())
            .sum();
        let clean: u64 = self.segments.range(..dirty_base).map(|(_, s)| s.size()).sum();
        if dirty == 0 {
            return Ok(None);
        }
        let ratio = dirty as f64 / (clean + dirty) as f64;
        if !force
            && ratio <= self.config.min_cleanable_dirty_ratio
            && !self.overdue(first_dirty, uncleanable, now_ms)?
        {
            return Ok(None);
        }
        let source = |(&base_offset, s): (&i64, &Segment)| {
            Ok(Source {
                base_offset,
                file: s.file()?.clone(),
                path: s.path().to_owned(),
                size: s.size(),
            })
        };
        let sources = self.segments.range(..uncleanable).map(source);
        let sources = sources.collect::<io::Result<Vec<Source>>>()?;
        let from = sources.first().map_or(0, |s| s.base_offset);
        Ok(Some(CleaningPlan {
            dir: self.dir.clone(),
            config: self.config.clone(),
            sources,
            first_dirty_offset: first_dirty,
            first_uncleanable_offset: uncleanable,
            aborted: self.aborted_transactions(from, uncleanable),
            last_records: self.producers.last_records(),
            now_ms,
        }))
    }

    fn segment_at(&self, offset: i64) -> Option<&Segment> {
        self.segments.range(..=offset).next_back().map(|(_, s)| s)
    }

    /// Neither the active segment nor what lies above the last stable offset nor what is younger than
    /// `min.compaction.lag.ms` is cleaned; and only whole segments are.
    fn first_uncleanable_offset(&self, first_dirty: i64, now_ms: i64) -> Result<i64, LogError> {
        let active = self.active_base_offset();
        let mut limit = self.last_stable_offset().min(active);
        let lag = self.config.min_compaction_lag_ms;
        if lag > 0 {
            let floor = self.segment_at(first_dirty).map_or(first_dirty, Segment::base_offset);
            for (&base, segment) in self.segments.range(floor..active.max(floor)) {
                if segment.largest_timestamp()? > now_ms.saturating_sub(lag) {
                    limit = limit.min(base);
                    break;
                }
            }
        }
        // The segment that holds the limit stays as a whole.
        Ok(self.segment_at(limit).map_or(limit, Segment::base_offset))
    }

    /// Whether a dirty segment is older than `max.compaction.lag.ms`.
    fn overdue(&self, first_dirty: i64, uncleanable: i64, now_ms: i64) -> Result<bool, LogError> {
        let lag = self.config.max_compaction_lag_ms;
        if lag == i64::MAX {
            return Ok(false);
        }
        for segment in self.segments.range(first_dirty..uncleanable).map(|(_, s)| s) {
            if segment
                .scan(0)?
                .next()?
                .is_some_and(|b| b.header.max_timestamp < now_ms.saturating_sub(lag))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts cleaned segments in their place. A group whose sources changed meanwhile (truncated, deleted) is dropped.
    ///
    /// # Errors
    /// If the disk fails; the next start then completes or undoes the swap.
    pub fn finish_cleaning(&mut self, cleaned: Cleaned, now_ms: i64) -> Result<CleanerStats, LogError> {
        let mut untouched = true;
        for (segment, sources) in cleaned.groups {
            let current = sources.iter().all(|(base, file)| {
                self.segments
                    .get(base)
                    .is_some_and(|s| s.file().is_ok_and(|f| Arc::ptr_eq(f, file)) && *base != self.active_base_offset())
            });
            if current && untouched {
                let swapped = self.swap_in(segment, sources.iter().map(|(base, _)| *base), now_ms);
                self.guard(swapped)?;
            } else {
                untouched = false;
                super::segment::remove_files(segment.paths())?;
            }
        }
        if untouched {
            self.cleaner_offset = cleaned.end_offset;
        }
        Ok(cleaned.stats)
    }

    fn swap_in(
        &mut self,
        mut segment: Segment,
        sources: impl Iterator<Item = i64>,
        now_ms: i64,
    ) -> Result<(), LogError> {
        let base = segment.base_offset();
        segment.rename(&self.dir, SWAP_SUFFIX)?;
        for source in sources {
            if source == base {
                // Its snapshot stays: a segment still begins there.
                self.retire_segment(source, now_ms)?;
            } else {
                self.delete_segment(source, now_ms)?;
            }
        }
        segment.rename(&self.dir, "")?;
        self.segments.insert(base, segment);
        Ok(())
    }

    /// All three steps at once, whatever the dirty ratio. Returns nothing if there is nothing to clean.
    ///
    /// # Errors
    /// If the disk fails or a batch cannot be read.
    pub fn compact(&mut self, now_ms: i64) -> Result<Option<CleanerStats>, LogError> {
        let Some(plan) = self.plan_cleaning(now_ms, true)? else {
            return Ok(None);
        };
        match plan.run()? {
            Some(cleaned) => self.finish_cleaning(cleaned, now_ms).map(Some),
            None => Ok(None),
        }
    }
}

impl CleaningPlan {
    /// Reads the dirty part, then writes what is to be kept of all sources into new files. Takes as long as it takes; no
    /// lock is needed. `None` if the log was cut meanwhile.
    ///
    /// # Errors
    /// If the disk fails or a batch cannot be read; nothing is changed then.
    pub fn run(self) -> Result<Option<Cleaned>, LogError> {
        match self.clean() {
            Ok(cleaned) => Ok(Some(cleaned)),
            Err(LogError::Io(e)) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn clean(self) -> Result<Cleaned, LogError> {
        let map = self.build_offset_map()?;
        let end_offset = map.end_offset();
        let mut round = Round {
            map: &map,
            txns: TxnTracker::new(&self.aborted),
            last_records: &self.last_records,
            end_offset: self.first_uncleanable_offset,
            delete_retention_ms: self.config.delete_retention_ms,
            now_ms: self.now_ms,
            stats: CleanerStats::default(),
        };
        let mut groups = Vec::new();
        for group in self.group(end_offset) {
            let cleaned = self.clean_group(group, &mut round)?;
            groups.push((cleaned, group.iter().map(|s| (s.base_offset, s.file.clone())).collect()));
        }
        Ok(Cleaned {
            groups,
            end_offset,
            stats: round.stats,
        })
    }

    fn build_offset_map(&self) -> Result<OffsetMap, LogError> {
        let mut map = OffsetMap::new(self.first_dirty_offset);
        let mut txns = TxnTracker::new(&self.aborted);
        for (i, source) in self.sources.iter().enumerate() {
            let end = self
                .sources
                .get(i + 1)
                .map_or(self.first_uncleanable_offset, |next| next.base_offset);
            if end <= self.first_dirty_offset {
                continue;
            }
            let mut scan = BatchScan::new(&source.file, 0, source.size);
            while let Some(batch) = scan.next()? {
                let (_, batch) = batch.map_err(|e| LogError::corrupt(&source.path, e.to_string()))?;
                let aborted = txns.on_batch(&batch)?;
                if batch.header.last_offset() < self.first_dirty_offset {
                    continue;
                }
                if !batch.header.is_control() && !aborted && !map.put_batch(&batch, self.first_dirty_offset)? {
                    return Ok(map);
                }
                map.covered(batch.header.last_offset());
            }
            map.covered(end - 1);
        }
        Ok(map)
    }

    /// Neighbours that fit into one segment together; a log that was cleaned often would else be all small segments.
    fn group(&self, end_offset: i64) -> impl Iterator<Item = &[Source]> {
        let mut rest: &[Source] = &self.sources[..self.sources.partition_point(|s| s.base_offset < end_offset)];
        std::iter::from_fn(move || {
            let first = rest.first()?;
            let (mut size, mut taken) = (first.size, 1);
            while let Some(next) = rest.get(taken) {
                let end = rest
                    .get(taken + 1)
                    .map_or(self.first_uncleanable_offset, |s| s.base_offset);
                let fits =
                    size + next.size <= self.config.segment_bytes && end - 1 - first.base_offset <= i64::from(i32::MAX);
                if !fits {
                    break;
                }
                size += next.size;
                taken += 1;
            }
            let (group, others) = rest.split_at(taken);
            rest = others;
            Some(group)
        })
    }

    fn clean_group(&self, group: &[Source], round: &mut Round<'_>) -> Result<Segment, LogError> {
        let base = group.first().map_or(0, |s| s.base_offset);
        remove_leftovers(&self.dir, base)?;
        let mut cleaned = Segment::open_with_suffix(&self.dir, base, CLEANED_SUFFIX, self.now_ms)?;
        for source in group {
            let mut scan = BatchScan::new(&source.file, 0, source.size);
            while let Some(batch) = scan.next()? {
                let (_, batch) = batch.map_err(|e| LogError::corrupt(&source.path, e.to_string()))?;
                let (kept, ended) = BatchFilter::new(round).apply(&batch)?;
                if let Some(txn) = ended {
                    cleaned.txn_index.append(txn)?;
                }
                if let Some((header, bytes)) = kept {
                    cleaned.append((&bytes, &[]), &[header], self.config.index_interval_bytes)?;
                }
            }
        }
        cleaned.seal()?;
        cleaned.sync()?;
        Ok(cleaned)
    }
}

/// Files of a cleaning that failed.
fn remove_leftovers(dir: &Path, base: i64) -> io::Result<()> {
    super::segment::remove_files(Segment::file_names(dir, base, CLEANED_SUFFIX))
}
