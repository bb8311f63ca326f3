//! One segment: `.log` and its indexes (Kafka: `LogSegment`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::lazy_index::{Index, LazyIndex};
use super::offset_index::OffsetIndex;
use super::scan::{BatchAt, HeaderScan};
use super::time_index::{TimeIndex, TimestampOffset};
use super::txn_index::TransactionIndex;
use super::{LogConfig, LogError, offset_file};
use crate::record::{BatchHeader, NO_TIMESTAMP};

/// Suffix of the records.
pub const LOG_SUFFIX: &str = "log";
/// Suffix of the offset index.
pub const INDEX_SUFFIX: &str = "index";
/// Suffix of the time index.
pub const TIME_INDEX_SUFFIX: &str = "timeindex";
/// Suffix of the index of aborted transactions.
pub const TXN_INDEX_SUFFIX: &str = "txnindex";

/// Bytes of records between the entries of an index that is made anew: Kafka's default of `index.interval.bytes`.
const REMADE_INDEX_INTERVAL: u64 = 4096;

/// The files of a closed segment are opened when they are first needed, and may be closed again.
#[derive(Debug)]
pub(super) struct Segment {
    base_offset: i64,
    path: PathBuf,
    file: OnceLock<Arc<File>>,
    size: u64,
    /// Its size when [`Segment::release_if_idle`] was called last.
    idle_since_size: Option<u64>,
    offset_index: LazyIndex<OffsetIndex>,
    time_index: LazyIndex<TimeIndex>,
    pub(super) txn_index: TransactionIndex,
    bytes_since_index_entry: u64,
    /// The largest timestamp, and the last offset of the batch that has it; empty until somebody asks.
    max_timestamp: OnceLock<TimestampOffset>,
    /// Largest timestamp of the first batch: the age of the segment counts from there.
    rolling_based_ms: Option<i64>,
    created_ms: i64,
}

impl Segment {
    /// Opens the files of a segment, creating the missing ones. A new `.log` is created empty.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] if an index has a size that cannot be.
    pub(super) fn open(dir: &Path, base_offset: i64, now_ms: i64) -> Result<Self, LogError> {
        Self::open_with_suffix(dir, base_offset, "", now_ms)
    }

    /// The same with something behind the names of the files, as the cleaner's have.
    pub(super) fn open_with_suffix(dir: &Path, base_offset: i64, suffix: &str, now_ms: i64) -> Result<Self, LogError> {
        let [path, offset_index, time_index, txn_index] = Self::file_names(dir, base_offset, suffix);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        let size = file.seek(SeekFrom::End(0))?;
        // Most partitions of a large cluster are empty: their indexes hold no files open.
        let (offset_index, time_index) = match size {
            0 => (LazyIndex::empty(offset_index)?, LazyIndex::empty(time_index)?),
            _ => (
                LazyIndex::open(offset_index, base_offset)?,
                LazyIndex::open(time_index, base_offset)?,
            ),
        };
        let segment = Segment {
            base_offset,
            path,
            file: Arc::new(file).into(),
            size,
            offset_index,
            time_index,
            idle_since_size: None,
            txn_index: TransactionIndex::open(txn_index)?,
            bytes_since_index_entry: 0,
            max_timestamp: OnceLock::new(),
            rolling_based_ms: None,
            created_ms: now_ms,
        };
        Ok(segment)
    }

    /// A closed segment of `size` bytes whose files are there and whole. Only aborted transactions are read, if there are
    /// any.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] if the index of aborted transactions is damaged.
    pub(super) fn closed(dir: &Path, base_offset: i64, files: &SegmentFiles, now_ms: i64) -> Result<Self, LogError> {
        let [path, offset_index, time_index, txn_index] = Self::file_names(dir, base_offset, "");
        let txn_index = match files.txn_index {
            true => TransactionIndex::open(txn_index)?,
            false => TransactionIndex::absent(txn_index),
        };
        Ok(Segment {
            base_offset,
            path,
            file: OnceLock::new(),
            size: files.size,
            idle_since_size: None,
            offset_index: LazyIndex::closed(offset_index),
            time_index: LazyIndex::closed(time_index),
            txn_index,
            bytes_since_index_entry: 0,
            max_timestamp: OnceLock::new(),
            rolling_based_ms: None,
            created_ms: now_ms,
        })
    }

    /// The segment, if its indexes may be.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] if they cannot.
    pub(super) fn sanity_checked(self) -> Result<Self, LogError> {
        self.offset_index()?.sanity_check()?;
        self.time_index()?.sanity_check()?;
        Ok(self)
    }

    /// Replaces the indexes by empty ones, whatever they hold, so that [`Segment::open`] succeeds.
    pub(super) fn reset_indexes(dir: &Path, base_offset: i64) -> io::Result<()> {
        for suffix in [INDEX_SUFFIX, TIME_INDEX_SUFFIX] {
            File::create(offset_file(dir, base_offset, suffix))?;
        }
        TransactionIndex::create(offset_file(dir, base_offset, TXN_INDEX_SUFFIX))?;
        Ok(())
    }

    pub(super) fn base_offset(&self) -> i64 {
        self.base_offset
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The records, opened if need be. Writing goes on at their end.
    pub(super) fn file(&self) -> io::Result<&Arc<File>> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let mut file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        file.seek(SeekFrom::Start(self.size))?;
        Ok(self.file.get_or_init(|| Arc::new(file)))
    }

    pub(super) fn offset_index(&self) -> Result<&OffsetIndex, LogError> {
        self.offset_index.get(self.base_offset, || {
            File::create(self.offset_index.path())?;
            let mut index = OffsetIndex::open(self.offset_index.path().to_owned(), self.base_offset, false)?;
            self.index_anew(|offset, position, _| index.append(offset, position))?;
            Ok(index)
        })
    }

    pub(super) fn time_index(&self) -> Result<&TimeIndex, LogError> {
        self.time_index.get(self.base_offset, || {
            File::create(self.time_index.path())?;
            let mut index = TimeIndex::open(self.time_index.path().to_owned(), self.base_offset, false)?;
            let largest = self.index_anew(|_, _, largest| index.maybe_append(largest))?;
            index.maybe_append(largest)?;
            Ok(index)
        })
    }

    fn offset_index_mut(&mut self) -> Result<&mut OffsetIndex, LogError> {
        self.offset_index()?;
        opened(self.offset_index.opened_mut())
    }

    fn time_index_mut(&mut self) -> Result<&mut TimeIndex, LogError> {
        self.time_index()?;
        opened(self.time_index.opened_mut())
    }

    /// Reads all headers, and calls `entry` for what an index is to hold: last offset and position of a batch, the largest
    /// timestamp so far. Returns the largest timestamp of all.
    fn index_anew(
        &self,
        mut entry: impl FnMut(i64, u32, TimestampOffset) -> Result<(), LogError>,
    ) -> Result<TimestampOffset, LogError> {
        let (mut largest, mut since) = (self.no_timestamp(), 0);
        let mut scan = self.scan(0)?;
        while let Some(batch) = scan.next()? {
            let last_offset = batch.header.last_offset();
            largest = later(largest, batch.header.max_timestamp, last_offset);
            if since > REMADE_INDEX_INTERVAL
                && let Ok(position) = u32::try_from(batch.position)
            {
                entry(last_offset, position, largest)?;
                since = 0;
            }
            since += batch.size();
        }
        Ok(largest)
    }

    /// Closes the files; what needs them opens them again. Records that somebody is reading stay open.
    pub(super) fn release(&mut self) {
        if self.file.get().is_some_and(|file| Arc::strong_count(file) == 1) {
            self.file.take();
        }
        self.offset_index.release();
        self.time_index.release();
    }

    /// Closes the indexes of the segment that is written to, if nothing was written since the last call.
    pub(super) fn release_if_idle(&mut self) {
        if self.idle_since_size.replace(self.size) == Some(self.size) {
            self.offset_index.release();
            self.time_index.release();
        }
    }

    /// How many files are open.
    pub(super) fn open_files(&self) -> usize {
        usize::from(self.file.get().is_some())
            + usize::from(self.offset_index.opened().is_some())
            + usize::from(self.time_index.opened().is_some())
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The largest timestamp, and the last offset of the batch that has it; -1 without any.
    pub(super) fn max_timestamp(&self) -> Result<TimestampOffset, LogError> {
        if let Some(known) = self.max_timestamp.get() {
            return Ok(*known);
        }
        // Whoever looks for a time asks many segments: their files do not stay open for it.
        let opened = match self.time_index.opened() {
            Some(index) => Ok(index.last()),
            None => TimeIndex::open(self.time_index.path().to_owned(), self.base_offset, false).and_then(|index| {
                index.sanity_check()?;
                Ok(index.last())
            }),
        };
        let mut largest = match opened {
            Ok(last) => last,
            Err(_) => self.time_index()?.last(),
        };
        if largest.timestamp == NO_TIMESTAMP && self.size > 0 {
            largest = self.index_anew(|_, _, _| Ok(()))?;
        }
        Ok(*self.max_timestamp.get_or_init(|| largest))
    }

    fn no_timestamp(&self) -> TimestampOffset {
        TimestampOffset {
            timestamp: NO_TIMESTAMP,
            offset: self.base_offset,
        }
    }

    /// The time that retention measures: the largest timestamp, else when the file was last written.
    pub(super) fn largest_timestamp(&self) -> Result<i64, LogError> {
        let largest = self.max_timestamp()?.timestamp;
        if largest >= 0 {
            return Ok(largest);
        }
        let modified = self.file()?.metadata()?.modified()?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(since.as_millis() as i64)
    }

    /// Kafka's conditions for a new segment before `incoming` bytes with these offsets and timestamp are appended.
    pub(super) fn should_roll(&mut self, config: &LogConfig, incoming: &Incoming) -> Result<bool, LogError> {
        if incoming.last_offset - self.base_offset > i64::from(i32::MAX) {
            return Ok(true);
        }
        if self.size + incoming.bytes > config.segment_bytes {
            return Ok(self.size > 0);
        }
        if self.size == 0 {
            return Ok(false);
        }
        let waited = match self.rolling_base()? {
            Some(base) => incoming.max_timestamp.saturating_sub(base),
            None => incoming.now_ms.saturating_sub(self.created_ms),
        };
        Ok(waited > config.max_segment_ms().saturating_sub(incoming.jitter_ms)
            || self.offset_index()?.is_full(config.segment_index_bytes)
            || self.time_index()?.is_full(config.segment_index_bytes))
    }

    fn rolling_base(&mut self) -> Result<Option<i64>, LogError> {
        if self.rolling_based_ms.is_none() && self.size > 0 {
            let first = self.scan(0)?.next()?;
            self.rolling_based_ms = first.map(|b| b.header.max_timestamp);
        }
        Ok(self.rolling_based_ms.filter(|&t| t >= 0))
    }

    /// Appends whole batches, given as the bytes `head` and `body` one after the other and as their headers.
    ///
    /// # Errors
    /// If the disk fails; the file then ends where it ended before, as far as the disk allows.
    pub(super) fn append(
        &mut self,
        bytes: (&[u8], &[u8]),
        headers: &[BatchHeader],
        interval: u64,
    ) -> Result<(), LogError> {
        if let Err(e) = write_both(self.file()?, bytes.0, bytes.1) {
            self.set_end(self.size)?;
            return Err(e.into());
        }
        let mut position = self.size;
        self.size += (bytes.0.len() + bytes.1.len()) as u64;
        for header in headers {
            self.note(
                &BatchAt {
                    position,
                    header: *header,
                },
                interval,
            )?;
            position += header.size_in_bytes() as u64;
        }
        Ok(())
    }

    /// Notes a written batch in the indexes: one entry for every `interval` bytes at most.
    pub(super) fn note(&mut self, batch: &BatchAt, interval: u64) -> Result<(), LogError> {
        let (header, last_offset) = (&batch.header, batch.header.last_offset());
        if self.rolling_based_ms.is_none() {
            self.rolling_based_ms = Some(header.max_timestamp);
        }
        let known = self.max_timestamp()?;
        let largest = later(known, header.max_timestamp, last_offset);
        if largest != known {
            self.max_timestamp = largest.into();
        }
        if self.bytes_since_index_entry > interval
            && let Ok(position) = u32::try_from(batch.position)
        {
            self.offset_index_mut()?.append(last_offset, position)?;
            self.time_index_mut()?.maybe_append(largest)?;
            self.bytes_since_index_entry = 0;
        }
        self.bytes_since_index_entry += batch.size();
        Ok(())
    }

    /// The headers from `position`, where a batch must begin, to the end.
    pub(super) fn scan(&self, position: u64) -> io::Result<HeaderScan<'_>> {
        Ok(HeaderScan::new(self.file()?, &self.path, position, self.size))
    }

    /// The first batch that ends at or after `offset`.
    pub(super) fn find(&self, offset: i64) -> Result<Option<BatchAt>, LogError> {
        let mut scan = self.scan(u64::from(self.offset_index()?.lookup(offset)?))?;
        while let Some(batch) = scan.next()? {
            if batch.header.last_offset() >= offset {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// The offset after the last record.
    pub(super) fn next_offset(&self) -> Result<i64, LogError> {
        let mut scan = self.scan(u64::from(self.offset_index()?.lookup(i64::MAX)?))?;
        let mut next = self.base_offset;
        while let Some(batch) = scan.next()? {
            next = batch.header.next_offset();
        }
        Ok(next)
    }

    /// Reads what the indexes do not hold: the largest timestamp of the tail. For a segment that was just opened and is
    /// known to be whole.
    pub(super) fn load_tail(&mut self) -> Result<(), LogError> {
        let from = u64::from(self.offset_index()?.lookup(i64::MAX)?);
        let mut largest = self.time_index()?.last();
        let mut scan = self.scan(from)?;
        while let Some(batch) = scan.next()? {
            largest = later(largest, batch.header.max_timestamp, batch.header.last_offset());
        }
        self.max_timestamp = largest.into();
        self.bytes_since_index_entry = self.size - from.min(self.size);
        Ok(())
    }

    /// Cuts the file to `size` bytes, where a batch must end.
    pub(super) fn set_end(&mut self, size: u64) -> io::Result<()> {
        let mut file = &**self.file()?;
        file.set_len(size)?;
        file.seek(SeekFrom::Start(size))?;
        self.size = size;
        Ok(())
    }

    /// Removes the batches at or after `offset`; returns how many bytes went.
    pub(super) fn truncate_to(&mut self, offset: i64) -> Result<u64, LogError> {
        let before = self.size;
        if let Some(batch) = self.find(offset)? {
            self.set_end(batch.position)?;
        }
        self.offset_index_mut()?.truncate_to(offset)?;
        self.time_index_mut()?.truncate_to(offset)?;
        self.txn_index.truncate_to(offset)?;
        self.load_tail()?;
        self.rolling_based_ms = None;
        Ok(before - self.size)
    }

    /// Empties the indexes and what was derived from the records, to be noted anew.
    pub(super) fn clear_indexes(&mut self) -> Result<(), LogError> {
        self.offset_index_mut()?.clear()?;
        self.time_index_mut()?.clear()?;
        self.txn_index.clear()?;
        self.max_timestamp = self.no_timestamp().into();
        self.bytes_since_index_entry = 0;
        self.rolling_based_ms = None;
        Ok(())
    }

    /// Gives the file its full size at once (`preallocate`); what lies behind the records reads as zeros.
    pub(super) fn preallocate(&self, bytes: u64) -> io::Result<()> {
        self.file()?.set_len(bytes.max(self.size))
    }

    /// Completes the time index with the largest timestamp, as a segment that grows no more has it, and cuts off what was
    /// allocated in advance.
    pub(super) fn seal(&mut self) -> Result<(), LogError> {
        let file = self.file()?;
        if file.metadata()?.len() > self.size {
            file.set_len(self.size)?;
        }
        if self.size > 0 {
            let largest = self.max_timestamp()?;
            self.time_index_mut()?.maybe_append(largest)?;
        }
        Ok(())
    }

    /// Brings everything to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file()?.sync_data()?;
        self.offset_index.sync()?;
        self.time_index.sync()?;
        self.txn_index.sync()
    }

    /// Notes that the files were moved to `dir`.
    pub(super) fn set_dir(&mut self, dir: &Path) {
        self.set_paths(Self::file_names(dir, self.base_offset, ""));
    }

    fn set_paths(&mut self, [log, offset_index, time_index, txn_index]: [PathBuf; 4]) {
        self.path = log;
        self.offset_index.set_path(offset_index);
        self.time_index.set_path(time_index);
        self.txn_index.set_path(txn_index);
    }

    /// The files of a segment, records first.
    pub(super) fn file_names(dir: &Path, base_offset: i64, suffix: &str) -> [PathBuf; 4] {
        [LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX]
            .map(|kind| dir.join(format!("{base_offset:020}.{kind}{suffix}")))
    }

    /// Renames the files so that their names end in `suffix`, the records last: a start goes by their name.
    pub(super) fn rename(&mut self, dir: &Path, suffix: &str) -> io::Result<()> {
        let to = Self::file_names(dir, self.base_offset, suffix);
        for (from, to) in self.paths().into_iter().zip(&to).rev() {
            match fs::rename(from, to) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        self.set_paths(to);
        Ok(())
    }

    /// The files that exist, records first.
    pub(super) fn paths(&self) -> [&Path; 4] {
        [
            self.path(),
            self.offset_index.path(),
            self.time_index.path(),
            self.txn_index.path(),
        ]
    }

    /// Renames the files to `.deleted`; they go away with [`remove_files`].
    pub(super) fn mark_deleted(&mut self) -> io::Result<Vec<PathBuf>> {
        let mut renamed = Vec::new();
        for path in self.paths() {
            let mut to = path.as_os_str().to_owned();
            to.push(DELETED_SUFFIX);
            match fs::rename(path, &to) {
                Ok(()) => renamed.push(PathBuf::from(to)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(renamed)
    }
}

/// What a directory's listing says of a segment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SegmentFiles {
    /// Bytes of records.
    pub size: u64,
    pub offset_index: bool,
    pub time_index: bool,
    pub txn_index: bool,
}

fn opened<I>(index: Option<&mut I>) -> Result<&mut I, LogError> {
    match index {
        Some(index) => Ok(index),
        None => unreachable!("it was opened just before"),
    }
}

/// The largest timestamp when a batch follows: the first one that has it stays.
fn later(largest: TimestampOffset, timestamp: i64, offset: i64) -> TimestampOffset {
    match timestamp > largest.timestamp {
        true => TimestampOffset { timestamp, offset },
        false => largest,
    }
}

/// Suffix of files that are about to be removed.
pub const DELETED_SUFFIX: &str = ".deleted";

/// Removes files, missing ones included.
pub(super) fn remove_files<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> io::Result<()> {
    for path in paths {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// What is about to be appended, as far as rolling cares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming {
    pub bytes: u64,
    pub last_offset: i64,
    pub max_timestamp: i64,
    pub jitter_ms: i64,
    pub now_ms: i64,
}

/// One vectored write, more only if the system takes less.
fn write_both(file: &File, head: &[u8], body: &[u8]) -> io::Result<()> {
    let mut slices = [IoSlice::new(head), IoSlice::new(body)];
    let mut slices = &mut slices[..];
    let mut file = file;
    while slices.iter().any(|s| !s.is_empty()) {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => IoSlice::advance_slices(&mut slices, n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
