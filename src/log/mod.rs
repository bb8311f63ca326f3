//! One file per kind of file that Kafka keeps on disk, and the partition log made of them.
//!
//! [`PartitionLog`] is Kafka's `UnifiedLog`: append, read, roll, truncate, retention, compaction. It is synchronous and
//! knows no other partition; the broker holds each one behind a lock. [`log_dir`] is the directory that holds them,
//! [`inspect`] reads any of the files without a broker.

mod append;
pub mod checkpoint;
mod cleaner;
mod config;
mod epoch_cache;
mod error;
mod flush;
mod index;
pub mod inspect;
mod lazy_index;
mod listing;
mod loader;
pub mod log_dir;
mod offset_index;
mod partition_log;
pub mod producer_snapshot;
mod producer_state;
mod read;
mod relocate;
mod retention;
mod scan;
mod segment;
mod time_index;
mod txn_index;
mod verification;

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub use append::{AppendInfo, AppendOrigin, AppendTerms};
pub use cleaner::{Cleaned, CleanerStats, CleaningPlan};
pub use config::LogConfig;
pub use epoch_cache::EpochEntry;
pub use error::LogError;
pub use flush::FlushJob;
pub use partition_log::{OpenOptions, PartitionLog};
pub use producer_state::ActiveProducer;
pub use read::{FetchData, FileSlice, TimestampMatch};
pub use time_index::TimestampOffset;
pub use txn_index::AbortedTxn;
pub use verification::{FirstBatch, VerificationGuard};

/// `<dir>/<offset, 20 digits>.<suffix>`.
pub fn offset_file(dir: &Path, offset: i64, suffix: &str) -> PathBuf {
    dir.join(format!("{offset:020}.{suffix}"))
}

/// The offset in a file name with exactly this suffix.
pub fn file_offset(name: &OsStr, suffix: &str) -> Option<i64> {
    let stem = name.to_str()?.strip_suffix(suffix)?.strip_suffix('.')?;
    (!stem.is_empty() && stem.bytes().all(|b| b.is_ascii_digit()))
        .then(|| stem.parse().ok())
        .flatten()
}
