//! The embedded Kafka cluster: genuine protocol, genuine files on disk, in one process.
//!
//! [`Cluster`] is the way in for other people's tests. Inside: `cluster -> node -> {listener, connection, api}`,
//! `api -> {replica, group, metadata}`; nothing imports `api` but [`connection`].

pub mod api;
mod authn;
mod background;
pub mod cluster;
pub mod config;
pub mod connection;
pub mod group;
mod jaas;
pub mod listener;
mod loggers;
pub mod metadata;
pub mod node;
pub mod replica;
pub mod request;
mod storage;
mod tls;

pub use cluster::{Cluster, ClusterBuilder};
pub use metadata::topics::NewTopic;
pub use node::Node;
pub use request::RequestContext;
