//! Whether a log directory can still be used (Kafka: `LogDirFailureChannel`). The first read or write that the disk refuses
//! takes the directory offline, with every partition in it, until the next start: nothing is written behind a hole.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use crate::log::LogError;

/// See the module's text. Shared by the partitions of a directory.
#[derive(Debug)]
pub struct DirHealth {
    path: PathBuf,
    failure: OnceLock<String>,
    /// Told at the first failure of any directory of the broker.
    failed: Arc<Notify>,
}

impl DirHealth {
    pub fn new(path: PathBuf, failed: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self {
            path,
            failure: OnceLock::new(),
            failed,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the directory offline. Only the first reason is kept.
    pub fn fail(&self, why: impl Display) {
        if self.failure.set(why.to_string()).is_ok() {
            self.failed.notify_one();
        }
    }

    /// Why the directory is offline, if it is.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Passes a result on; one that says that the disk failed takes the directory offline.
    pub fn watch<T, E: DiskFailure + Display>(&self, result: Result<T, E>) -> Result<T, E> {
        if let Err(e) = &result
            && e.is_disk_failure()
        {
            self.fail(e);
        }
        result
    }
}

/// An error that may come from the disk.
pub trait DiskFailure {
    fn is_disk_failure(&self) -> bool;
}

impl DiskFailure for io::Error {
    fn is_disk_failure(&self) -> bool {
        true
    }
}

impl DiskFailure for LogError {
    fn is_disk_failure(&self) -> bool {
        matches!(self, LogError::Io(_))
    }
}
