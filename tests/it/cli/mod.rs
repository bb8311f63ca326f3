//! Tests by script: the binary, from argv to exit code, stdout and stderr.

mod beyond;
mod broker_ctl;
mod dump_log_file;
mod generated;
mod perf;
mod perf_beyond;
mod perf_kafka;
