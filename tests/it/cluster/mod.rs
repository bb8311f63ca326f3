//! Promises of the cluster: what survives which failure.

mod bad_bytes;
mod durability;
mod failed_dir;
mod flush;
mod log_dirs;
mod memory;
mod producer_expiry;
mod quotas;
mod read_only;
mod restart;
mod secrets;
mod secure;
mod secure_flags;
mod secure_oauth;
mod sigkill;
mod soak;
mod storage_failure;
mod transactions;
mod truncation;
