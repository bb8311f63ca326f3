//! Reads the files of a log directory offline, as they lie there: what `kafka-dump-log.sh` shows, and what tests compare.
//!
//! Nothing is opened for writing, nothing is repaired, and what a file claims is checked against what it holds. Error
//! texts are those of Kafka's `FileRecords`, `FileLogInputStream`, `OffsetIndex`, `TimeIndex` and `ProducerStateManager`.

mod error;
mod index;
mod log_file;
mod snapshot;

pub use error::InspectError;
pub use index::{AbortedTxn, IndexEntry, OffsetIndexFile, TimeIndexEntry, TimeIndexFile, read_txn_index};
pub use log_file::{BatchCursor, BatchHead, Chunk, FileBatch, Format, LogFile};
pub use snapshot::{ProducerEntry, read_producer_snapshot};

#[cfg(test)]
mod fuzz;
#[cfg(test)]
pub(crate) use fuzz::rounds as fuzz_rounds;
