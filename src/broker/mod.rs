//! The embedded Kafka cluster.
