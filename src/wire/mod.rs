//! Framing over the `kafka-protocol` crate, for the client and the broker alike.
//!
//! - [`error`]: every error code of Kafka 4.3.1 with its name, Java exception and default text
//! - [`api`]: which versions of an API both sides know, and their header versions
//! - [`frame`]: length-prefixed frames; requests and responses to bytes and back
//! - [`guard`]: no length in foreign bytes makes the decoder allocate more than they hold
//! - [`sasl`]: PLAIN, SCRAM and OAUTHBEARER messages, both sides
//! - [`fields`]: the field types of messages that are written by hand
//! - [`share`], [`txn`]: messages of share groups and transactions in versions that `kafka-protocol` does not have
//! - [`offsets`], [`log_dirs`], [`raft`]: OffsetCommit and OffsetFetch 10, DescribeLogDirs 5, AddRaftVoter 1
//! - [`share_state`]: messages of brokers to the share coordinator
//! - [`streams`]: messages of streams groups, which `kafka-protocol` does not have
//! - [`tls`]: rustls configurations of clients and brokers

pub mod api;
pub mod error;
pub mod fields;
pub mod frame;
pub mod guard;
pub mod log_dirs;
pub mod offsets;
pub mod raft;
pub mod sasl;
pub mod share;
pub mod share_state;
pub mod streams;
pub mod tls;
pub mod txn;

pub use error::ErrorCode;
