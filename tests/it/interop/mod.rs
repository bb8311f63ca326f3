//! Other clients against `kt broker`.

mod librdkafka_groups;
