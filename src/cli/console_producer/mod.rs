//! `kafka-console-producer.sh` (Kafka: `ConsoleProducer`).

pub mod lines;
pub mod reader;
