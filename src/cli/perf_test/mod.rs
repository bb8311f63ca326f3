//! `kt perf-test`: how fast a cluster takes and gives records (Kafka: `ProducerPerformance`, `ConsumerPerformance`).

pub mod consumer;
pub mod producer;
pub mod producer_options;
pub mod stats;
