//! What commands talk through: properties, connections, cluster routing, [`admin`], produce and consume.
//!
//! ```no_run
//! # async fn demo() -> Result<(), kt::client::AdminError> {
//! use kt::client::{Bootstrap, ConnectConfig, admin::Admin, props::Properties};
//! let connect = ConnectConfig { bootstrap: Bootstrap::Servers("127.0.0.1:9092".into()), props: Properties::new() };
//! let admin = Admin::connect(&connect).await?;         // reads the configuration, resolves names; opens no socket yet
//! for topic in admin.list_topics(true).await? {        // one call, one deadline (default.api.timeout.ms)
//!     println!("{}", topic.name);
//! }
//! # Ok(()) }
//! ```
//!
//! - [`props`]: Java's `.properties` format; [`config`]: the typed keys of Kafka's AdminClientConfig with its error texts
//! - [`error`]: [`ApiError`], an error as Kafka's Java clients have it: code, exception class, text, cause
//! - [`conn`]: one socket, pipelined; [`cluster`]: bootstrap, metadata, routing, retries, deadlines
//! - [`admin`]: the methods of Kafka's `Admin`, one file per noun
//! - [`fetch`]: records of partitions, read by ourselves; [`share`]: the same for share groups
//! - [`security`], [`jaas`], [`oauth`], [`tls`]: who we are and whom we trust
//! - `librdkafka` (feature `cli`): the same properties for producers and consumers; `produce`: a producer on it, `acked`: one that reports each record
//!
//! Two kinds of failure, one type: a method's own `Err` means the whole call failed (no broker in time, wrong password);
//! answers about several things are [`admin::Items`], each with its own `Result`.

#[cfg(feature = "cli")]
pub mod acked;
pub mod admin;
#[cfg(feature = "cli")]
pub mod bulk;
pub mod cluster;
pub mod config;
pub mod config_def;
pub mod config_providers;
pub mod conn;
#[cfg(test)]
mod conn_tests;
#[cfg(feature = "cli")]
pub mod consume;
pub mod error;
pub mod fetch;
pub mod jaas;
#[cfg(feature = "cli")]
pub mod librdkafka;
pub mod oauth;
#[cfg(feature = "cli")]
pub mod produce;
pub mod props;
#[cfg(feature = "cli")]
pub mod record_size;
pub mod samples;
mod sasl;
pub mod security;
pub mod share;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod topic_name;

pub use config::{Bootstrap, ClientConfig, ConnectConfig};
pub use error::{AdminError, ApiError};
