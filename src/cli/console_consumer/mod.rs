//! `kafka-console-consumer.sh` (Kafka: `ConsoleConsumer`).

pub mod formatter;
