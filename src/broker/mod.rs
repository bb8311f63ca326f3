//! The embedded Kafka cluster.
pub mod group;
