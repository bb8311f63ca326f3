//! What Kafka's tools inherit from Java: option parsers, regular expressions, number formats.

pub mod argparse;
pub mod date_format;
pub mod deserialize;
pub mod help;
pub mod jackson;
pub mod java;
pub mod java_hash;
pub mod java_pattern;
pub mod java_regex;
pub mod json_record;
pub mod key_values;
pub mod opts;
pub mod re2;
pub mod time;
