//! Tests of the log as a whole: calls in, files and bytes out.

mod append;
mod cleaner;
mod fixtures;
mod fuzz;
mod lazy;
mod legacy;
pub(super) mod memory;
mod read;
mod recovery;
mod relocate;
mod retention;
mod rolling;
mod support;
mod transactions;
