//! `kt dev -- COMMAND`: a command with a broker beside it, and the command's exit code. One line for CI.

use std::process::ExitStatus;

use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::broker::{ClusterArgs, start};
use super::connect::BOOTSTRAP_VARIABLE;
use super::{CliError, CliResult, Ui};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The command and its arguments. It finds the broker in KT_BOOTSTRAP_SERVER and BOOTSTRAP_SERVERS.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Starts the broker, runs the command, stops the broker.
///
/// # Errors
/// The broker or the command cannot be started; or [`CliError::Exit`] with the command's own code (128 + N when signal N ended it).
pub async fn run(ui: &mut Ui, args: Args) -> CliResult {
    let cluster = start(&args.cluster).await?;
    let servers = cluster.bootstrap_servers().to_string();
    let (program, rest) = args
        .command
        .split_first()
        .ok_or_else(|| CliError::usage("no command after --"))?;
    let child = Command::new(program)
        .args(rest)
        .env(BOOTSTRAP_VARIABLE, &servers)
        .env("BOOTSTRAP_SERVERS", &servers)
        .kill_on_drop(true)
        .spawn();
    let ended = match child {
        Ok(child) => wait(child).await,
        Err(e) => Err(e),
    };
    cluster.stop().await;
    match ended {
        Ok(status) => match exit_code(status) {
            0 => Ok(()),
            code => Err(CliError::Exit(code)),
        },
        Err(e) => {
            ui.say_err(&format!("{program}: {e}"))?;
            Err(CliError::Exit(127))
        }
    }
}

/// Waits for the child; SIGTERM to us goes on to it (SIGINT reaches both from the terminal).
async fn wait(mut child: tokio::process::Child) -> std::io::Result<ExitStatus> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = terminate.recv() => if let Some(pid) = child.id().and_then(|p| i32::try_from(p).ok()) {
                // SAFETY: kill takes plain numbers; the pid is our own child's, not yet waited for.
                unsafe { libc::kill(pid, libc::SIGTERM) };
            },
            _ = interrupt.recv() => {}
        }
    }
}

fn exit_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|s| 128 + s)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
