//! Hands argv to [`kt::cli`] and turns the result into an exit code: the only place that exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(kt::cli::main(std::env::args_os().collect()))
}
