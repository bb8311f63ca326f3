//! Other clients against `kt broker`, and `kt` beside other clients.

mod java;
mod librdkafka;
mod librdkafka_groups;
