//! The command line: one file or folder per script.
//!
//! A tool is a static [`Tool`]: its names, its option table and its run function. [`multicall::TOOLS`] lists them all;
//! dispatch, help, completions, man pages and `kt install-links` derive from that table.

pub mod argv;
pub mod broker;
pub mod broker_api_versions;
pub mod broker_ctl;
pub mod compat;
pub mod configs;
pub mod connect;
pub mod console_consumer;
pub mod console_producer;
pub mod consumer_groups;
pub mod context;
pub mod delete_records;
pub mod dev;
pub mod dump_log;
pub mod error;
pub mod generate;
pub mod get_offsets;
pub mod groups;
pub mod install_links;
pub mod log_dirs;
pub mod multicall;
pub mod native;
pub mod perf_test;
pub mod ready;
pub mod reassign_partitions;
pub mod server_start;
pub mod table;
pub mod tool;
pub mod topics;
pub mod tour;
pub mod ui;
pub mod verifiable_consumer;
pub mod verifiable_events;
pub mod verifiable_producer;

pub use compat::opts::{Opt, Parsed};
pub use error::{CliError, CliResult};
pub use multicall::main;
pub use tool::Tool;
pub use ui::{Manner, Ui};
