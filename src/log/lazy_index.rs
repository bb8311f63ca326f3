//! An index that is opened when it is first needed (Kafka: `LazyIndex`): a start opens no index of a closed segment, and
//! a log of many segments holds few files open.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::LogError;

/// What `.index` and `.timeindex` have in common.
pub(super) trait Index: Sized {
    /// Opens the file; with `create` one that is missing is made.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] if its size cannot be.
    fn open(path: PathBuf, base_offset: i64, create: bool) -> Result<Self, LogError>;

    /// # Errors
    /// [`LogError::Corrupt`] if the entries at the ends cannot be.
    fn sanity_check(&self) -> Result<(), LogError>;

    /// Notes that the file was renamed.
    fn set_path(&mut self, path: PathBuf);

    /// Brings the file to the disk.
    fn sync(&self) -> io::Result<()>;
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct LazyIndex<I> {
    path: PathBuf,
    index: OnceLock<I>,
}

impl<I: Index> LazyIndex<I> {
    /// An index that was not opened yet.
    pub(super) fn closed(path: PathBuf) -> Self {
        LazyIndex {
            path,
            index: OnceLock::new(),
        }
    }

    /// An index that is in use, its file made if it is missing.
    pub(super) fn open(path: PathBuf, base_offset: i64) -> Result<Self, LogError> {
        let index = I::open(path.clone(), base_offset, true)?.into();
        Ok(LazyIndex { path, index })
    }

    /// An index that nothing was written to yet: its file is made if it is missing, and not kept open.
    pub(super) fn empty(path: PathBuf) -> io::Result<Self> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        Ok(Self::closed(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn set_path(&mut self, path: PathBuf) {
        if let Some(index) = self.index.get_mut() {
            index.set_path(path.clone());
        }
        self.path = path;
    }

    pub(super) fn opened(&self) -> Option<&I> {
        self.index.get()
    }

    /// The index, opened if need be; one whose file is missing or damaged is replaced by what `remake` makes.
    pub(super) fn get(&self, base_offset: i64, remake: impl FnOnce() -> Result<I, LogError>) -> Result<&I, LogError> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let opened = I::open(self.path.clone(), base_offset, false).and_then(|index| {
            index.sanity_check()?;
            Ok(index)
        });
        let index = match opened {
            Err(LogError::Corrupt { .. }) => remake()?,
            Err(LogError::Io(e)) if e.kind() == io::ErrorKind::NotFound => remake()?,
            other => other?,
        };
        Ok(self.index.get_or_init(|| index))
    }

    /// The same to be changed; `None` if it is not open.
    pub(super) fn opened_mut(&mut self) -> Option<&mut I> {
        self.index.get_mut()
    }

    /// Brings the file to the disk, also one that was closed since it was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self.index.get() {
            Some(index) => index.sync(),
            None => File::open(&self.path)?.sync_data(),
        }
    }

    /// Closes the file until it is needed again.
    pub(super) fn release(&mut self) {
        self.index.take();
    }
}
