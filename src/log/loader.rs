//! Opens the files of a log and repairs what a stop left behind (Kafka: `LogLoader`, `LogSegment.recover`).
//!
//! After a clean stop, and below the recovery point, closed segments are known by the directory's listing alone; their
//! files are opened when somebody needs them. Only the last segment is looked at. After an unclean one, every segment that reaches past the recovery
//! point is read batch by batch, cut at the first bad one, and its indexes are made anew; later segments go away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use super::epoch_cache::{EpochCache, EpochEntry};
use super::listing::Listing;
use super::producer_state::{ProducerState, Verdict};
use super::scan::BatchScan;
use super::segment::{DELETED_SUFFIX, LOG_SUFFIX, Segment, SegmentFiles, remove_files};
use super::{AppendOrigin, LogConfig, LogError, OpenOptions, checkpoint, file_offset};
use crate::TopicPartition;
use crate::record::Batch;
use crate::record::control::EndTxnMarker;

/// A loaded log.
pub(super) struct Loaded {
    pub segments: BTreeMap<i64, Segment>,
    pub epochs: EpochCache,
    pub producers: ProducerState,
    pub log_start_offset: i64,
    pub log_end_offset: i64,
    pub recovery_point: i64,
}

/// Suffix of files that the cleaner is writing.
pub(super) const CLEANED_SUFFIX: &str = ".cleaned";
/// Suffix of files that are whole and about to take their place.
pub(super) const SWAP_SUFFIX: &str = ".swap";

pub(super) fn load(
    dir: &Path,
    topic_partition: &TopicPartition,
    config: &LogConfig,
    options: &OpenOptions,
) -> Result<Loaded, LogError> {
    let mut listing = Listing::read(dir)?;
    if listing.has_leftovers {
        finish_swaps(dir)?;
        listing = Listing::read(dir)?;
    }
    listing.remove_orphans()?;
    let epochs = EpochCache::open(dir.join(checkpoint::LEADER_EPOCH_FILE));
    let epochs = match epochs {
        Err(LogError::Corrupt { path, .. }) => {
            fs::remove_file(&path)?;
            EpochCache::open(path)
        }
        other => other,
    };
    let mut loader = Loader {
        dir,
        config,
        options,
        segments: BTreeMap::new(),
        epochs: epochs?,
        producers: ProducerState::new(
            topic_partition.clone(),
            dir,
            listing.snapshots,
            options.producer_id_expiration_ms,
        ),
    };
    if loader.epochs.entries().is_empty() {
        loader.epochs.write()?;
    }
    loader.open_segments(&listing.segments)?;
    loader.finish()
}

/// Completes or undoes a cleaning that was interrupted while its files took their places.
fn finish_swaps(dir: &Path) -> io::Result<()> {
    let mut cleaned_from = i64::MAX;
    let mut swaps = BTreeSet::new();
    let mut stray = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let Some(text) = name.to_str() else { continue };
        if let Some(original) = text.strip_suffix(CLEANED_SUFFIX) {
            cleaned_from = cleaned_from.min(file_offset(original.as_ref(), LOG_SUFFIX).unwrap_or(i64::MAX));
            stray.push(dir.join(text));
        } else if text.ends_with(DELETED_SUFFIX) || text.ends_with(".tmp") {
            stray.push(dir.join(text));
        } else if let Some(original) = text.strip_suffix(SWAP_SUFFIX) {
            swaps.insert(original.to_owned());
        }
    }
    remove_files(stray)?;
    // While any file is still `.cleaned`, no original was removed: those that came to `.swap` are not needed.
    for original in &swaps {
        let Some((offset, _)) = original.split_once('.') else {
            continue;
        };
        if offset.parse().is_ok_and(|offset: i64| offset >= cleaned_from) {
            fs::remove_file(dir.join(format!("{original}{SWAP_SUFFIX}")))?;
        }
    }
    for original in &swaps {
        let swap = dir.join(format!("{original}{SWAP_SUFFIX}"));
        if !swap.exists() {
            continue;
        }
        if let Some(base) = file_offset(original.as_ref(), LOG_SUFFIX) {
            remove_replaced(dir, base, &swap)?;
        }
        fs::rename(&swap, dir.join(original))?;
    }
    Ok(())
}

/// Removes the segments that a swap file stands for: those that begin within it.
fn remove_replaced(dir: &Path, base: i64, swap: &Path) -> io::Result<()> {
    let file = fs::File::open(swap)?;
    let mut scan = super::scan::HeaderScan::new(&file, swap, 0, file.metadata()?.len());
    let mut end = base + 1;
    while let Ok(Some(batch)) = scan.next() {
        end = batch.header.next_offset();
    }
    for entry in fs::read_dir(dir)? {
        if let Some(other) = file_offset(&entry?.file_name(), LOG_SUFFIX)
            && other > base
            && other < end
        {
            remove_files(Segment::file_names(dir, other, ""))?;
        }
    }
    Ok(())
}

struct Loader<'a> {
    dir: &'a Path,
    config: &'a LogConfig,
    options: &'a OpenOptions,
    segments: BTreeMap<i64, Segment>,
    epochs: EpochCache,
    producers: ProducerState,
}

impl Loader<'_> {
    fn open_segments(&mut self, files: &BTreeMap<i64, SegmentFiles>) -> Result<(), LogError> {
        let mut files = files.iter().map(|(&base, files)| (base, files)).peekable();
        while let Some((base, listed)) = files.next() {
            let next = files.peek().map(|(next, _)| *next);
            // A segment that ends at or before the recovery point was flushed.
            let flushed = next.is_some_and(|next| next <= self.options.recovery_point);
            let opened = match next {
                Some(_) if self.options.clean_shutdown || flushed => self.take_closed(base, listed)?,
                _ => self.open_checked(base, listed)?,
            };
            let segment = match opened {
                Some(segment) if self.options.clean_shutdown || flushed => segment,
                other => {
                    let (segment, whole) = self.recover(base, other)?;
                    self.segments.insert(base, segment);
                    if !whole && !self.options.clean_shutdown {
                        return Ok(self.remove_segments(files.map(|(base, _)| base))?);
                    }
                    continue;
                }
            };
            self.segments.insert(base, segment);
        }
        match self.segments.values_mut().next_back() {
            Some(active) => active.load_tail(),
            None => Ok(()),
        }
    }

    /// A segment that need not be checked, as Kafka has it: its indexes exist, and whoever needs one looks at it. `None`
    /// if they must be made anew.
    fn take_closed(&self, base: i64, files: &SegmentFiles) -> Result<Option<Segment>, LogError> {
        if !files.offset_index || !files.time_index {
            return Ok(None);
        }
        match Segment::closed(self.dir, base, files, self.options.now_ms) {
            Err(LogError::Corrupt { .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Opens a segment whose indexes exist and look sane; `None` if they must be made anew.
    fn open_checked(&self, base: i64, files: &SegmentFiles) -> Result<Option<Segment>, LogError> {
        if !files.offset_index || !files.time_index {
            return Ok(None);
        }
        match Segment::open(self.dir, base, self.options.now_ms).and_then(Segment::sanity_checked) {
            Err(LogError::Corrupt { .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Reads all batches of a segment, cuts it at the first bad one and makes its indexes anew. Returns whether it was
    /// whole.
    fn recover(&mut self, base: i64, opened: Option<Segment>) -> Result<(Segment, bool), LogError> {
        let mut segment = match opened {
            Some(segment) => segment,
            None => {
                Segment::reset_indexes(self.dir, base)?;
                Segment::open(self.dir, base, self.options.now_ms)?
            }
        };
        let start = self.options.log_start_offset;
        rebuild_producers(
            &mut self.producers,
            &self.segments,
            (start, base),
            false,
            self.options.now_ms,
        )?;
        segment.clear_indexes()?;
        let file = segment.file()?.clone();
        let mut scan = BatchScan::new(&file, 0, segment.size());
        let mut next = base;
        let valid = loop {
            let position = scan.position();
            let Some(Ok((at, batch))) = scan.next()? else {
                break position;
            };
            let header = batch.header;
            let in_range = header.last_offset().saturating_sub(base) <= i64::from(i32::MAX);
            if !in_range
                || batch.ensure_valid().is_err()
                || header.base_offset < next
                || header.last_offset() < header.base_offset - 1
            {
                break position;
            }
            segment.note(
                &super::scan::BatchAt { position: at, header },
                self.config.index_interval_bytes,
            )?;
            let is_new_epoch = |last: EpochEntry| header.partition_leader_epoch > last.epoch;
            if !header.is_legacy() && self.epochs.latest().is_none_or(is_new_epoch) {
                self.epochs.assign(header.partition_leader_epoch, header.base_offset)?;
            }
            if let Some(txn) = replay(&mut self.producers, &batch)? {
                segment.txn_index.append(txn)?;
            }
            next = header.next_offset().max(next);
            self.producers.set_map_end_offset(next);
        };
        let whole = valid == segment.size();
        if !whole {
            segment.set_end(valid)?;
        }
        segment.seal()?;
        self.producers.set_map_end_offset(next);
        self.producers.take_snapshot(false)?;
        Ok((segment, whole))
    }

    fn remove_segments(&mut self, bases: impl Iterator<Item = i64>) -> io::Result<()> {
        for base in bases {
            remove_files(Segment::file_names(self.dir, base, ""))?;
            self.producers.remove_snapshot(base)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Loaded, LogError> {
        let now_ms = self.options.now_ms;
        let mut end = match self.segments.values().next_back() {
            Some(active) => active.next_offset()?,
            None => self.options.log_start_offset,
        };
        let first = self.segments.keys().next().copied();
        let log_start_offset = self.options.log_start_offset.max(first.unwrap_or(0));
        if end < log_start_offset {
            // The log was cut below its start, which cannot be served: begin anew there.
            let all: Vec<i64> = self.segments.keys().copied().collect();
            self.segments.clear();
            self.remove_segments(all.into_iter())?;
            end = log_start_offset;
        }
        if self.segments.is_empty() {
            Segment::reset_indexes(self.dir, log_start_offset)?;
            let segment = Segment::open(self.dir, log_start_offset, now_ms)?;
            if self.config.preallocate {
                segment.preallocate(self.config.segment_bytes)?;
            }
            self.segments.insert(log_start_offset, segment);
        }
        self.epochs.cut_at_end(end)?;
        self.epochs.truncate_from_start(log_start_offset)?;
        let clean = self.options.clean_shutdown;
        rebuild_producers(
            &mut self.producers,
            &self.segments,
            (log_start_offset, end),
            clean,
            now_ms,
        )?;
        let segments = self.segments;
        self.producers
            .retain_snapshots(|offset| segments.contains_key(&offset))?;
        Ok(Loaded {
            segments,
            epochs: self.epochs,
            producers: self.producers,
            log_start_offset,
            log_end_offset: end,
            recovery_point: if clean {
                end
            } else {
                self.options.recovery_point.min(end)
            },
        })
    }
}

/// Brings producer states to the offset `end`: from the newest snapshot before it, then from the batches since.
///
/// After a clean stop without any snapshot the log is taken to hold no producers, as Kafka does.
pub(super) fn rebuild_producers(
    producers: &mut ProducerState,
    segments: &BTreeMap<i64, Segment>,
    (start, end): (i64, i64),
    clean: bool,
    now_ms: i64,
) -> Result<(), LogError> {
    if clean && !producers.has_snapshots() {
        producers.set_map_end_offset(end);
        return Ok(());
    }
    let was_empty = producers.is_empty() && producers.map_end_offset() >= end;
    producers.truncate_and_reload(start, end, now_ms)?;
    if was_empty || end <= producers.map_end_offset() {
        producers.set_map_end_offset(end);
        return Ok(());
    }
    let from = producers.map_end_offset();
    let floor = segments.range(..=from).next_back().map_or(from, |(&base, _)| base);
    for segment in segments.range(floor..end).map(|(_, s)| s) {
        if segment.base_offset() > from {
            producers.set_map_end_offset(segment.base_offset());
            producers.take_snapshot(false)?;
        }
        let Some(first) = segment.find(from.max(segment.base_offset()))? else {
            continue;
        };
        let mut scan = BatchScan::new(segment.file()?, first.position, segment.size());
        while let Some(batch) = scan.next()? {
            let (_, batch) = batch?;
            if batch.header.base_offset >= end {
                break;
            }
            replay(producers, &batch)?;
        }
    }
    producers.set_map_end_offset(end);
    Ok(producers.take_snapshot(false)?)
}

/// Lets a batch of the log act on the producer states; returns the transaction that it aborted.
fn replay(producers: &mut ProducerState, batch: &Batch<'_>) -> Result<Option<super::AbortedTxn>, LogError> {
    if !batch.header.has_producer_id() {
        return Ok(None);
    }
    let marker = match batch.header.is_control() {
        true => match batch.records()?.next() {
            Some(record) => EndTxnMarker::parse(&record?)?,
            None => None,
        },
        false => None,
    };
    let verdict = match producers.prepare(&batch.header, marker, AppendOrigin::Replication.into()) {
        Ok(verdict) => verdict,
        // What stands in the log stands there; Kafka's replay refuses only what a leader would, and a leader accepted it.
        Err(_) => return Ok(None),
    };
    let Verdict::Append(update) = verdict else {
        return Ok(None);
    };
    Ok(producers
        .commit(update)
        .filter(|(txn, _)| txn.aborted)
        .map(|(txn, last_stable_offset)| super::AbortedTxn {
            producer_id: txn.producer_id,
            first_offset: txn.first_offset,
            last_offset: txn.last_offset,
            last_stable_offset,
        }))
}
