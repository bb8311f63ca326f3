//! Walks over the batch headers of a segment file without reading the records.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::LogError;
use crate::record::batch::{LEGACY_OVERHEAD, MAGIC_OFFSET, RECORD_BATCH_OVERHEAD, batch_size};
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
    /// [`LogError::Corrupt`] if what stands there cannot be a batch or a message.
    pub(super) fn next(&mut self) -> Result<Option<BatchAt>, LogError> {
        let left = self.end.saturating_sub(self.position);
        if left < LEGACY_OVERHEAD as u64 {
            return Ok(None);
        }
        let wanted = left.min(RECORD_BATCH_OVERHEAD as u64);
        let at = match self.position.checked_sub(self.window_at) {
            Some(at) if at + wanted <= self.window.len() as u64 => at as usize,
            _ => {
                self.window.resize(left.min(WINDOW as u64) as usize, 0);
                self.window_at = self.position;
                self.file.read_exact_at(&mut self.window, self.position)?;
                0
            }
        };
        let head = &self.window[at..at + wanted as usize];
        let corrupt = |message: String| LogError::corrupt(self.path, format!("at {}: {message}", self.position));
        let size = batch_size(head).map_err(|e| corrupt(e.to_string()))?.unwrap_or(0) as u64;
        let header = match head.first_chunk::<RECORD_BATCH_OVERHEAD>() {
            _ if head[MAGIC_OFFSET] < 2 => BatchHeader::legacy(head),
            Some(_) if size < RECORD_BATCH_OVERHEAD as u64 => {
                return Err(corrupt(format!("a record batch of {size} bytes")));
            }
            head => head.map(BatchHeader::parse),
        };
        let Some(header) = header.filter(|_| size <= left) else {
            return Ok(None);
        };
        let batch = BatchAt {
            position: self.position,
            header,
        };
        self.position += size;
        Ok(Some(batch))
    }
}

/// How much [`Window`] reads at once.
const READ_AHEAD: usize = 256 * 1024;

/// A part of a file in memory: grows to what is asked for and no further.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Where in the file the bytes begin.
    at: u64,
}

impl Window {
    /// The `size` bytes at `position`, which must lie before `end`; reads ahead up to there.
    pub(super) fn get(&mut self, file: &File, position: u64, size: usize, end: u64) -> io::Result<&[u8]> {
        let inside = position.checked_sub(self.at).map(|at| at as usize);
        let at = match inside.filter(|at| at.checked_add(size).is_some_and(|to| to <= self.bytes.len())) {
            Some(at) => at,
            None => {
                let wanted = (size.max(READ_AHEAD) as u64)
                    .min(end.saturating_sub(position))
                    .max(size as u64);
                self.bytes.resize(wanted as usize, 0);
                self.at = position;
                if let Err(e) = file.read_exact_at(&mut self.bytes, position) {
                    self.bytes.clear();
                    return Err(e);
                }
                0
            }
        };
        Ok(&self.bytes[at..at + size])
    }
}

/// Reads whole batches of a segment file through one buffer.
#[derive(Debug)]
pub(super) struct BatchScan<'a> {
    file: &'a File,
    position: u64,
    end: u64,
    window: Window,
}

impl<'a> BatchScan<'a> {
    pub(super) fn new(file: &'a File, position: u64, end: u64) -> Self {
        BatchScan {
            file,
            position,
            end,
            window: Window::default(),
        }
    }

    /// Where the next batch begins.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next batch and its position; `None` if less than a whole batch is left. The outer error is the disk's, the
    /// inner one says that neither a batch nor a message stands here.
    pub(super) fn next(&mut self) -> io::Result<Option<Result<(u64, Batch<'_>), RecordError>>> {
        let left = self.end.saturating_sub(self.position);
        if left < LEGACY_OVERHEAD as u64 {
            return Ok(None);
        }
        let wanted = left.min(RECORD_BATCH_OVERHEAD as u64) as usize;
        let head = self.window.get(self.file, self.position, wanted, self.end)?;
        let size = match batch_size(head) {
            Ok(size) => size.unwrap_or(RECORD_BATCH_OVERHEAD),
            Err(e) => return Ok(Some(Err(e))),
        };
        if size as u64 > left {
            return Ok(None);
        }
        let position = self.position;
        match Batch::stored(self.window.get(self.file, position, size, self.end)?) {
            Ok(Some(batch)) => {
                self.position += size as u64;
                Ok(Some(Ok((position, batch))))
            }
            Ok(None) => Ok(None),
            Err(e) => Ok(Some(Err(e))),
        }
    }
}
