//! The integration tests: the real binary, real sockets, real files.
//!
//! `support` starts things and stops them; `golden` runs the recorded scenarios of tests/golden; `cli`, `api`, `cluster`
//! and `interop` hold tests by what they are about: a script, an API, a promise of the cluster, another client.

mod api;
mod cli;
mod cluster;
mod golden;
mod interop;
mod support;
