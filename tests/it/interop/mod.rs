//! Other clients against `kt broker`, and `kt` beside other clients.

mod java;
mod java_partitioner;
mod librdkafka;
mod librdkafka_groups;
