//! `kt perf-test`: how fast a cluster takes and gives records (Kafka: `ProducerPerformance`, `ConsumerPerformance`,
//! `EndToEndLatency`).

pub mod compare;
pub mod consumer;
pub mod consumer_beyond;
pub mod e2e_latency;
pub mod keys;
mod metrics;
pub mod producer;
pub mod producer_beyond;
pub mod producer_options;
pub mod recorder;
pub mod report;
pub mod share_consumer;
pub mod stats;
pub mod summary;

use super::CliError;
use crate::client::ApiError;

/// Why Java's `KafkaProducer` or `KafkaConsumer` cannot be made: what is wrong with the servers is found out late, and is a cause.
pub(super) fn unconstructed(what: &str, e: ApiError) -> CliError {
    const LATE: [&str; 3] = ["Invalid url in", "Invalid port in", "No resolvable bootstrap urls"];
    if LATE.iter().any(|text| e.text().starts_with(text)) {
        return CliError::failed(format!("Failed to construct kafka {what}\nCaused by: {e}"));
    }
    match what {
        "consumer" => CliError::failed(e.text()),
        _ => CliError::failed(e.to_string()),
    }
}
