//! The embedded Kafka cluster: genuine protocol, genuine files on disk, in one process.
//!
//! [`Cluster`] is the way in for other people's tests. Inside: `cluster -> node -> {listener, connection, api}`,
//! `api -> {replica, group, txn, metadata}`; nothing imports `api` but [`connection`].

pub mod acl;
pub mod api;
mod authn;
mod background;
pub mod cluster;
pub mod config;
pub mod connection;
mod control;
pub mod group;
mod jaas;
pub mod listener;
mod loggers;
mod maintenance;
pub mod metadata;
pub mod node;
pub mod quota;
pub mod release;
pub mod replica;
pub mod request;
mod request_memory;
mod response;
pub mod share;
mod storage;
mod tls;
pub mod token;
pub mod txn;
mod x500;

pub use cluster::{Cluster, ClusterBuilder};
pub use control::SOCKET_FILE as CONTROL_SOCKET_FILE;
pub use maintenance::{Maintained, Maintenance};
pub use metadata::topics::NewTopic;
pub use node::Node;
pub use release::Release;
pub use request::RequestContext;
