//! Record batches as bytes: header views, record iteration, codecs and validation (Kafka: `org.apache.kafka.common.record`).
//!
//! Everything here works on bytes that somebody else sent or wrote: a reader never panics and never allocates by a
//! length that the bytes claim without having seen the bytes.

pub mod batch;
pub mod builder;
pub mod codec;
pub mod control;
mod error;
mod gzip;
pub mod legacy;
pub mod reader;
pub mod validate;
pub mod varint;
mod xerial;
mod zstd_stream;

pub use batch::{Batch, BatchHeader, Batches, TimestampType};
pub use builder::{BatchOptions, RecordBatchBuilder};
pub use codec::Compression;
pub use error::RecordError;
pub use reader::{Header, Headers, Record, RecordMeta, RecordReader};

/// A batch without a producer id (Kafka: `RecordBatch.NO_PRODUCER_ID`).
pub const NO_PRODUCER_ID: i64 = -1;
/// A batch without a producer epoch.
pub const NO_PRODUCER_EPOCH: i16 = -1;
/// A batch without a sequence number.
pub const NO_SEQUENCE: i32 = -1;
/// A record without a timestamp.
pub const NO_TIMESTAMP: i64 = -1;
/// A batch whose leader epoch is not known.
pub const NO_PARTITION_LEADER_EPOCH: i32 = -1;
