//! Tests by script: the binary, from argv to exit code, stdout and stderr.

mod beyond;
mod generated;
mod perf;
