//! One segment: `.log` and its indexes (Kafka: `LogSegment`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

#[derive(Debug)]
pub(super) struct Segment {
    base_offset: i64,
    path: PathBuf,
    file: Arc<File>,
    size: u64,
    pub(super) offset_index: OffsetIndex,
    pub(super) time_index: TimeIndex,
    pub(super) txn_index: TransactionIndex,
    bytes_since_index_entry: u64,
    /// The largest timestamp, and the last offset of the batch that has it.
    max_timestamp: TimestampOffset,
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
        let offset_index = OffsetIndex::open(offset_index, base_offset)?;
        let time_index = TimeIndex::open(time_index, base_offset)?;
        let txn_index = TransactionIndex::open(txn_index)?;
        let max_timestamp = time_index.last();
        Ok(Segment {
            base_offset,
            path,
            file: Arc::new(file),
            size,
            offset_index,
            time_index,
            txn_index,
            bytes_since_index_entry: 0,
            max_timestamp,
            rolling_based_ms: None,
            created_ms: now_ms,
        })
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

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn max_timestamp(&self) -> TimestampOffset {
        self.max_timestamp
    }

    /// The time that retention measures: the largest timestamp, else when the file was last written.
    pub(super) fn largest_timestamp(&self) -> io::Result<i64> {
        if self.max_timestamp.timestamp >= 0 {
            return Ok(self.max_timestamp.timestamp);
        }
        let modified = self.file.metadata()?.modified()?;
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
            || self.offset_index.is_full(config.segment_index_bytes)
            || self.time_index.is_full(config.segment_index_bytes))
    }

    fn rolling_base(&mut self) -> Result<Option<i64>, LogError> {
        if self.rolling_based_ms.is_none() && self.size > 0 {
            let first = self.scan(0).next()?;
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
        if let Err(e) = write_both(&self.file, bytes.0, bytes.1) {
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
        if header.max_timestamp > self.max_timestamp.timestamp {
            self.max_timestamp = TimestampOffset {
                timestamp: header.max_timestamp,
                offset: last_offset,
            };
        }
        if self.bytes_since_index_entry > interval
            && let Ok(position) = u32::try_from(batch.position)
        {
            self.offset_index.append(last_offset, position)?;
            self.time_index.maybe_append(self.max_timestamp)?;
            self.bytes_since_index_entry = 0;
        }
        self.bytes_since_index_entry += batch.size();
        Ok(())
    }

    /// The headers from `position`, where a batch must begin, to the end.
    pub(super) fn scan(&self, position: u64) -> HeaderScan<'_> {
        HeaderScan::new(&self.file, &self.path, position, self.size)
    }

    /// The first batch that ends at or after `offset`.
    pub(super) fn find(&self, offset: i64) -> Result<Option<BatchAt>, LogError> {
        let mut scan = self.scan(u64::from(self.offset_index.lookup(offset)?));
        while let Some(batch) = scan.next()? {
            if batch.header.last_offset() >= offset {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// The offset after the last record.
    pub(super) fn next_offset(&self) -> Result<i64, LogError> {
        let mut scan = self.scan(u64::from(self.offset_index.lookup(i64::MAX)?));
        let mut next = self.base_offset;
        while let Some(batch) = scan.next()? {
            next = batch.header.next_offset();
        }
        Ok(next)
    }

    /// Reads what the indexes do not hold: the largest timestamp of the tail. For a segment that was just opened and is
    /// known to be whole.
    pub(super) fn load_tail(&mut self) -> Result<(), LogError> {
        let from = u64::from(self.offset_index.lookup(i64::MAX)?);
        let mut largest = self.time_index.last();
        let mut scan = self.scan(from);
        while let Some(batch) = scan.next()? {
            if batch.header.max_timestamp > largest.timestamp {
                largest = TimestampOffset {
                    timestamp: batch.header.max_timestamp,
                    offset: batch.header.last_offset(),
                };
            }
        }
        self.max_timestamp = largest;
        self.bytes_since_index_entry = self.size - from.min(self.size);
        Ok(())
    }

    /// Cuts the file to `size` bytes, where a batch must end.
    pub(super) fn set_end(&mut self, size: u64) -> io::Result<()> {
        self.file.set_len(size)?;
        (&*self.file).seek(SeekFrom::Start(size))?;
        self.size = size;
        Ok(())
    }

    /// Removes the batches at or after `offset`; returns how many bytes went.
    pub(super) fn truncate_to(&mut self, offset: i64) -> Result<u64, LogError> {
        let before = self.size;
        if let Some(batch) = self.find(offset)? {
            self.set_end(batch.position)?;
        }
        self.offset_index.truncate_to(offset)?;
        self.time_index.truncate_to(offset)?;
        self.txn_index.truncate_to(offset)?;
        self.load_tail()?;
        self.rolling_based_ms = None;
        Ok(before - self.size)
    }

    /// Empties the indexes and what was derived from the records, to be noted anew.
    pub(super) fn clear_indexes(&mut self) -> io::Result<()> {
        self.offset_index.clear()?;
        self.time_index.clear()?;
        self.txn_index.clear()?;
        self.max_timestamp = TimestampOffset {
            timestamp: NO_TIMESTAMP,
            offset: self.base_offset,
        };
        self.bytes_since_index_entry = 0;
        self.rolling_based_ms = None;
        Ok(())
    }

    /// Gives the file its full size at once (`preallocate`); what lies behind the records reads as zeros.
    pub(super) fn preallocate(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes.max(self.size))
    }

    /// Completes the time index with the largest timestamp, as a segment that grows no more has it, and cuts off what was
    /// allocated in advance.
    pub(super) fn seal(&mut self) -> Result<(), LogError> {
        if self.file.metadata()?.len() > self.size {
            self.file.set_len(self.size)?;
        }
        if self.size > 0 {
            self.time_index.maybe_append(self.max_timestamp)?;
        }
        Ok(())
    }

    /// Brings everything to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()?;
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
