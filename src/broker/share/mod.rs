//! Share groups' records (KIP-932): who is given which records of a partition, and what became of them.
//!
//! - [`manager`]: what the APIs call; one share partition per partition a group consumes, sessions, lock timeouts
//! - [`fetch`]: reading for a share group, and waiting until there is something to hand out
//! - [`partition`]: the records in flight of one share partition, as a state machine
//! - [`session`]: which partitions a member fetches from
//! - [`coordinator`]: the state that outlives a restart, in `__share_group_state`
//!
//! Who is a member and which partitions it is assigned is the group coordinator's, `group::share`.

pub mod coordinator;
pub mod fetch;
pub mod manager;
pub mod partition;
mod runs;
pub mod session;
mod settings;

pub use manager::SharePartitionManager;
pub use settings::GroupSettings;
