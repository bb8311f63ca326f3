//! Reading partitions by ourselves: Fetch through [`crate::wire`], batches walked in place by [`crate::record`]. Kafka:
//! `Fetcher`, `FetchCollector`.
//!
//! librdkafka makes a message of each record, which costs more than the record does; here a record is borrowed from the
//! bytes that the broker sent. A thread of its own reads the sockets, one connection for each leader, so that the next
//! fetch is on its way while the caller walks over the last one.
//!
//! ```no_run
//! # async fn demo(connect: kt::client::ConnectConfig) -> Result<(), kt::client::ApiError> {
//! use std::ops::ControlFlow;
//! use kt::client::fetch::{FetchSettings, Fetcher, Start};
//! let partition = kt::TopicPartition { topic: "orders".into(), partition: 0 };
//! let mut fetcher = Fetcher::start(&connect, FetchSettings::default(), vec![(partition, Start::Earliest)])?;
//! while let Some(fetched) = fetcher.next().await {
//!     fetched?.visit(|record| { println!("{}", record.offset); ControlFlow::Continue(()) })?;
//! }
//! # Ok(()) }
//! ```
//!
//! - leaders move, epochs are fenced, topics are made anew: the partitions concerned are looked up again, the others go on
//! - compaction gaps, control batches and aborted transactions never reach the caller, and positions pass them
//! - memory: [`FetchSettings::buffer_bytes`] of data not yet looked at, and one response for each leader
//!
//! Group membership is librdkafka's: `membership` (feature `cli`).

mod data;
#[cfg(feature = "cli")]
pub mod membership;
mod position;
mod reader;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::admin::IsolationLevel;
use super::config::ConnectConfig;
use super::error::ApiError;
use super::props::Properties;
use super::samples::Samples;
use crate::TopicPartition;
use crate::record::RecordError;

pub use data::{Aborted, Fetched};
pub use position::Start;

/// How to fetch; the defaults are those of Kafka's `ConsumerConfig`.
#[derive(Debug, Clone)]
pub struct FetchSettings {
    /// `max.partition.fetch.bytes`.
    pub partition_bytes: i32,
    /// `fetch.max.bytes`: of one response.
    pub response_bytes: i32,
    /// `fetch.min.bytes`: the broker waits for so many.
    pub min_bytes: i32,
    /// `fetch.max.wait.ms`: but not longer than this.
    pub max_wait_ms: i32,
    /// `isolation.level`.
    pub isolation: IsolationLevel,
    /// `check.crcs`.
    pub check_crcs: bool,
    /// `auto.offset.reset`: where to go on when an offset is out of range. `None` makes that an error.
    pub reset: Option<Start>,
    /// Bytes fetched and not yet dropped by the caller; fetching waits above that. At least one response fits.
    pub buffer_bytes: usize,
}

impl Default for FetchSettings {
    fn default() -> Self {
        FetchSettings {
            partition_bytes: 1 << 20,
            response_bytes: 50 << 20,
            min_bytes: 1,
            max_wait_ms: 500,
            isolation: IsolationLevel::ReadUncommitted,
            check_crcs: true,
            reset: Some(Start::Latest),
            buffer_bytes: 64 << 20,
        }
    }
}

impl FetchSettings {
    /// From a consumer's properties; values that are no numbers are as good as none, since librdkafka's configuration
    /// refuses them first.
    pub fn from_props(props: &Properties) -> Self {
        let default = FetchSettings::default();
        let number = |key, default| props.get(key).and_then(|v| v.trim().parse().ok()).unwrap_or(default);
        let is = |key, word: &str| props.get(key).is_some_and(|v| v.trim().eq_ignore_ascii_case(word));
        FetchSettings {
            partition_bytes: number("max.partition.fetch.bytes", default.partition_bytes),
            response_bytes: number("fetch.max.bytes", default.response_bytes),
            min_bytes: number("fetch.min.bytes", default.min_bytes),
            max_wait_ms: number("fetch.max.wait.ms", default.max_wait_ms),
            isolation: if is("isolation.level", "read_committed") {
                IsolationLevel::ReadCommitted
            } else {
                IsolationLevel::ReadUncommitted
            },
            check_crcs: !is("check.crcs", "false"),
            reset: match props.get("auto.offset.reset").map(str::trim) {
                Some(word) if word.eq_ignore_ascii_case("earliest") => Some(Start::Earliest),
                Some(word) if word.eq_ignore_ascii_case("none") => None,
                _ => Some(Start::Latest),
            },
            buffer_bytes: default.buffer_bytes,
        }
    }
}

/// What the fetches of a [`Fetcher`] were like.
#[derive(Clone, Copy, Debug, Default)]
pub struct FetchStatistics {
    /// From a request to its response, the broker's waiting included.
    pub latency_ms: Samples,
    /// Bytes of records in a response that had some.
    pub response_bytes: Samples,
    pub throttle_ms: Samples,
}

impl FetchStatistics {
    /// Those of another as well.
    pub fn merge(&mut self, other: &FetchStatistics) {
        self.latency_ms.merge(&other.latency_ms);
        self.response_bytes.merge(&other.response_bytes);
        self.throttle_ms.merge(&other.throttle_ms);
    }
}

/// Reads partitions until it is dropped.
#[derive(Debug)]
pub struct Fetcher {
    incoming: mpsc::UnboundedReceiver<Result<Fetched, ApiError>>,
    statistics: Arc<Mutex<FetchStatistics>>,
}

impl Fetcher {
    /// Begins to read. Returns at once: what goes wrong comes with [`Fetcher::next`].
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        connect: &ConnectConfig,
        settings: FetchSettings,
        partitions: Vec<(TopicPartition, Start)>,
    ) -> Result<Self, ApiError> {
        let (out, incoming) = mpsc::unbounded_channel();
        let statistics = Arc::<Mutex<FetchStatistics>>::default();
        let counted = statistics.clone();
        let connect = connect.clone();
        let no_thread = |e: std::io::Error| ApiError::kafka(format!("no thread to fetch with: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(no_thread)?;
        thread::Builder::new()
            .name("kt-fetch".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = out.closed() => {}
                        end = reader::read(&connect, (settings, counted), partitions, &out) => {
                            if let Err(e) = end {
                                // Nobody listens any more: nobody to tell.
                                let _ = out.send(Err(e));
                            }
                        }
                    }
                });
                runtime.shutdown_background();
            })
            .map_err(no_thread)?;
        Ok(Fetcher { incoming, statistics })
    }

    /// What the fetches were like so far.
    pub fn statistics(&self) -> FetchStatistics {
        *self.statistics.lock()
    }

    /// The next records of some partition; waits for them. `None` after an error. May be dropped while it waits.
    ///
    /// # Errors
    /// Those after which Java's consumer gives up: no right to read, an offset out of range without a reset policy.
    pub async fn next(&mut self) -> Option<Result<Fetched, ApiError>> {
        self.incoming.recv().await
    }
}

impl From<RecordError> for ApiError {
    fn from(e: RecordError) -> Self {
        ApiError::new(e.code(), Some(e.to_string()))
    }
}
