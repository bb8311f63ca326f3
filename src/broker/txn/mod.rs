//! The transaction coordinator (Kafka: `kafka.coordinator.transaction`; KIP-98, KIP-360, KIP-447, KIP-890).
//!
//! - [`coordinator`]: what the APIs call; one shard per partition of `__transaction_state`, appends, timeouts, loading
//! - [`shard`]: the transactional ids of one partition, as a state machine
//! - [`state`]: a transactional id and the transitions of its transaction
//! - [`records`]: what is kept in the log, the only thing that survives a restart
//! - `markers`: the ends of transactions in the partitions they wrote to
//! - `verify`: the question a partition asks before a transaction begins in it
//!
//! Nothing here knows a socket or a clock but [`coordinator`].

pub mod config;
pub mod coordinator;
#[cfg(test)]
mod coordinator_tests;
mod markers;
pub mod records;
pub mod shard;
#[cfg(test)]
mod shard_tests;
pub mod state;
mod topic;
mod verify;

pub use config::TransactionConfig;
pub use coordinator::{TransactionCoordinator, TransactionLog};
pub use markers::write_marker;
pub use topic::TransactionTopic;
pub use verify::{Verification, begin_verification};
