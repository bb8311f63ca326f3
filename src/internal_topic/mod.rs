//! The records Kafka keeps in its own topics, driven by field tables.
//!
//! [`schema`] holds one table per message of Apache Kafka 4.3.1 (generated, see `generate.rs`); [`decode`] turns bytes
//! into JSON of the shape Kafka's generated `*JsonConverter` classes give, [`encode`] turns such JSON into bytes.
//! [`group`], [`txn`], [`share`] and [`metadata`] add the type and version that precede a record's key and value in
//! `__consumer_offsets`, `__transaction_state`, `__share_group_state` and `__cluster_metadata`.
//!
//! JSON shapes: field names in camelCase, in the order of the table; bytes are base64 text, a uuid its 22 characters,
//! 64-bit integers are numbers. A tagged field that holds its default is left out, as Kafka does ([`decode_filled`]
//! puts it in). When encoding, a field that is missing takes its default.

pub mod control;
mod decode;
mod encode;
#[cfg(test)]
mod generate;
pub mod group;
pub mod java_utf8;
pub mod json;
pub mod keyed;
pub mod metadata;
pub mod remote_log;
pub mod schema;
pub mod share;
#[cfg(test)]
mod tests;
pub mod txn;
mod uuid_text;

pub use decode::{DecodeError, decode, decode_filled, decode_prefix};
pub use encode::{EncodeError, encode, encode_into};
pub use keyed::KeyedError;
pub use schema::Schema;
pub use uuid_text::{parse_uuid, uuid_text};
