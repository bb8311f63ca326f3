//! The group coordinator (Kafka: the `group-coordinator` module): consumer groups and their committed offsets.
//!
//! - [`coordinator`]: what the APIs call; one shard per partition of `__consumer_offsets`, appends, timers, loading
//! - `shard`: the groups and offsets of one partition, as a state machine
//! - [`classic`]: groups that agree on an assignment among their members (JoinGroup, SyncGroup)
//! - [`consumer`]: groups the coordinator assigns (KIP-848)
//! - `membership`: what the three kinds of group have in common whose members send one heartbeat for everything
//! - `migration`: groups that change from the one protocol to the other while they work
//! - [`share`]: groups whose members share partitions, record by record (KIP-932)
//! - [`streams`]: groups of Kafka Streams, which are given tasks (KIP-1071)
//! - [`offsets`]: committed offsets and their expiry; `pending` those of open transactions
//! - [`records`]: what is kept in the log, the only thing that survives a restart
//!
//! Nothing here knows a socket or a clock but [`coordinator`].

pub mod classic;
pub(in crate::broker) mod codec;
pub mod config;
pub mod consumer;
pub mod coordinator;
#[cfg(test)]
mod coordinator_tests;
mod membership;
mod migration;
#[cfg(test)]
mod migration_tests;
pub mod offsets;
mod offsets_topic;
mod pending;
pub mod records;
mod service;
pub mod shard;
pub mod share;
pub mod streams;
mod subscription;
#[cfg(test)]
mod transaction_tests;
mod turn;

pub use config::GroupCoordinatorConfig;
pub use coordinator::{GroupCoordinator, OffsetsLog};
pub use membership::GroupError;
pub use offsets_topic::OffsetsTopic;
