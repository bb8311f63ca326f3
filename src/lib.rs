//! `kt`: Apache Kafka's command-line tools in one binary, and a Kafka cluster inside it.
//!
//! As a library it is an embeddable broker for tests: see [`broker`].
#![warn(missing_debug_implementations)]
#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(feature = "cli")]
mod allocator;
pub mod internal_topic;
pub mod log;
pub mod record;
mod topic_partition;
pub mod wire;

#[cfg(feature = "broker")]
pub mod broker;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;

pub use topic_partition::TopicPartition;
