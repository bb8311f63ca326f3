//! Partitions on this broker: their logs, who waits for them, and the sessions of those who fetch
//! (Kafka: `ReplicaManager`, `Partition`).

pub(crate) mod checkpoints;
pub(crate) mod cleaner;
pub mod dir_health;
pub mod fetch;
pub mod fetch_session;
pub mod manager;
pub(crate) mod mover;
pub mod partition;
mod placement;
mod txn;
pub mod waiters;

pub use manager::ReplicaManager;
pub use partition::Partition;
pub use txn::{TxnMarker, TxnProducer};
pub use waiters::Waiter;
