//! Other clients against `kt broker`, and `kt` beside other clients.

mod data_dir;
mod data_dir_groups;
mod data_dir_transactions;
mod java;
mod java_groups;
mod java_partitioner;
mod java_transactions;
mod leader_moves;
mod librdkafka;
mod librdkafka_groups;
mod librdkafka_transactions;
