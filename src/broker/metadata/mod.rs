//! The cluster's metadata: an immutable [`MetadataImage`], and the [`Controller`] that alone may make the next one,
//! after it has appended the change to `__cluster_metadata` (KIP-500, KIP-631).

pub mod bootstrap;
pub mod config_rules;
pub mod configs;
pub mod controller;
pub mod election;
pub mod image;
mod log;
pub mod names;
pub mod reassign;
pub mod record;
mod snapshot;
pub mod topics;

pub use controller::{ApiError, Controller};
pub use image::{MetadataImage, PartitionImage, TopicImage};
pub use record::MetadataRecord;
