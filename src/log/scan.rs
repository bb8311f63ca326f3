//! Walks over the batch headers of a segment file without reading the records.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::LogError;
use crate::record::batch::{RECORD_BATCH_OVERHEAD, batch_size};
use crate::record::{Batch, BatchHeader, RecordError};

/// Batches that follow one another are mostly small: one read then gives many headers.
const WINDOW: usize = 4096;

/// A batch's place in its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchAt {
    pub position: u64,
    pub header: BatchHeader,
}

impl BatchAt {
    pub(super) fn size(&self) -> u64 {
        self.header.size_in_bytes() as u64
    }

    pub(super) fn end(&self) -> u64 {
        self.position + self.size()
    }
}

#[derive(Debug)]
pub(super) struct HeaderScan<'a> {
    file: &'a File,
    path: &'a Path,
    position: u64,
    end: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl<'a> HeaderScan<'a> {
    /// Scans from `position`, where a batch must begin, to `end`.
    pub(super) fn new(file: &'a File, path: &'a Path, position: u64, end: u64) -> Self {
        HeaderScan {
            file,
            path,
            position,
            end,
            window: Vec::new(),
            window_at: 0,
        }
    }

    /// The next batch that lies wholly before the end; `None` when there is none.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] if what stands there cannot be a batch of magic 2.
    pub(super) fn next(&mut self) -> Result<Option<BatchAt>, LogError> {
        let left = self.end.saturating_sub(self.position);
        if left < RECORD_BATCH_OVERHEAD as u64 {
            return Ok(None);
        }
        let at = match self.position.checked_sub(self.window_at) {
            Some(at) if at + RECORD_BATCH_OVERHEAD as u64 <= self.window.len() as u64 => at as usize,
            _ => {
                self.window.resize(left.min(WINDOW as u64) as usize, 0);
                self.window_at = self.position;
                self.file.read_exact_at(&mut self.window, self.position)?;
                0
            }
        };
        let Some(head) = self.window[at..].first_chunk::<RECORD_BATCH_OVERHEAD>() else {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        };
        let header = BatchHeader::parse(head);
        let corrupt = |message: String| LogError::corrupt(self.path, format!("at {}: {message}", self.position));
        let size = batch_size(head).map_err(|e| corrupt(e.to_string()))?.unwrap_or(0) as u64;
        if header.magic != 2 || size < RECORD_BATCH_OVERHEAD as u64 {
            return Err(corrupt(format!(
                "no record batch of magic 2 (magic {}, {size} bytes)",
                header.magic
            )));
        }
        if size > left {
            return Ok(None);
        }
        let batch = BatchAt {
            position: self.position,
            header,
        };
        self.position += size;
        Ok(Some(batch))
    }
}

/// Reads whole batches of a segment file through one buffer, which grows to the largest batch and no further.
#[derive(Debug)]
pub(super) struct BatchScan<'a> {
    file: &'a File,
    position: u64,
    end: u64,
    window: Vec<u8>,
    /// Where in the file the window begins.
    window_at: u64,
}

/// How much [`BatchScan`] reads at once.
const READ_AHEAD: usize = 256 * 1024;

impl<'a> BatchScan<'a> {
    pub(super) fn new(file: &'a File, position: u64, end: u64) -> Self {
        BatchScan {
            file,
            position,
            end,
            window: Vec::new(),
            window_at: position,
        }
    }

    /// Where the next batch begins.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next batch and its position; `None` if less than a whole batch is left. The outer error is the disk's, the
    /// inner one says that no batch of magic 2 stands here.
    pub(super) fn next(&mut self) -> io::Result<Option<Result<(u64, Batch<'_>), RecordError>>> {
        let left = self.end.saturating_sub(self.position);
        if left < RECORD_BATCH_OVERHEAD as u64 {
            return Ok(None);
        }
        self.fill(RECORD_BATCH_OVERHEAD)?;
        let size = match batch_size(self.at_position()) {
            Ok(size) => size.unwrap_or(RECORD_BATCH_OVERHEAD),
            Err(e) => return Ok(Some(Err(e))),
        };
        if size as u64 > left {
            return Ok(None);
        }
        self.fill(size)?;
        let position = self.position;
        let at = (position - self.window_at) as usize;
        match Batch::parse(&self.window[at..]) {
            Ok(Some(batch)) => {
                self.position += size as u64;
                Ok(Some(Ok((position, batch))))
            }
            Ok(None) => Ok(None),
            Err(e) => Ok(Some(Err(e))),
        }
    }

    fn at_position(&self) -> &[u8] {
        &self.window[(self.position - self.window_at) as usize..]
    }

    /// Makes sure that the window holds `size` bytes from the position on; they must be in the file.
    fn fill(&mut self, size: usize) -> io::Result<()> {
        let at = (self.position - self.window_at) as usize;
        if at <= self.window.len() && self.window.len() - at >= size {
            return Ok(());
        }
        let wanted = size.max(READ_AHEAD).min((self.end - self.position) as usize);
        self.window.resize(wanted, 0);
        self.window_at = self.position;
        self.file.read_exact_at(&mut self.window, self.position)
    }
}
