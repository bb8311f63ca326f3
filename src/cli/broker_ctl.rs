//! `kt broker-ctl`: what a test wants of `kt broker` and Kafka's protocol has no request for. The broker's log directory is
//! asked of the broker itself; the rest goes through a socket in it, so both must be on one machine.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::connect::{Given, Target};
use super::table::Sheet;
use super::{CliError, CliResult, Ui};
use crate::broker::CONTROL_SOCKET_FILE;
use crate::client::admin::{Admin, DescribeClusterOptions};
use crate::client::props::Properties;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Ends the active segments of a compacted topic and compacts them now, however little there is to clean.
    Compact(Args),
    /// Applies the retention of a topic now.
    Retain(Args),
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The topic.
    topic: String,
    /// The broker, HOST:PORT.
    #[arg(long, value_name = "SERVERS")]
    bootstrap_server: Option<String>,
    /// A file of client properties.
    #[arg(long, value_name = "FILE")]
    command_config: Option<PathBuf>,
    /// The context to connect with.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// Asks the broker and prints what it did to each partition.
///
/// # Errors
/// If there is no `kt broker` on this machine behind the address, or it refuses.
pub async fn run(ui: &mut Ui, command: Command) -> CliResult {
    let (name, args) = match &command {
        Command::Compact(args) => ("compact", args),
        Command::Retain(args) => ("retain", args),
    };
    let file = args.command_config.as_ref().map(|p| p.to_string_lossy().into_owned());
    let given = Given {
        servers: args.bootstrap_server.as_deref(),
        controllers: None,
        config_file: file.as_deref(),
        overrides: Properties::new(),
    };
    let target = Target::resolve_named(ui, args.context.as_deref(), given)?;
    let admin = Admin::connect(&target.connect).await?;
    let nodes = admin.describe_cluster(DescribeClusterOptions::default()).await?.nodes;
    let ids: Vec<i32> = nodes.iter().map(|n| n.id).collect();
    let mut sheet = Sheet::new(&[
        "topic",
        "partition",
        "bytes_before",
        "bytes_after",
        "segments_before",
        "segments_after",
        "log_start_offset",
    ]);
    for (_, dirs) in admin.describe_log_dirs(&ids).await {
        let dirs = dirs?;
        let dir = dirs
            .first()
            .ok_or_else(|| CliError::failed("the broker has no log directory"))?;
        let reply = ask(Path::new(&dir.log_dir), &json!({"command": name, "topic": args.topic}))?;
        if let Some(why) = reply["error"].as_str() {
            return Err(CliError::failed(format!("{name} {}: {why}", args.topic)));
        }
        for row in reply["partitions"].as_array().into_iter().flatten() {
            let of = |key: &str| row[key].clone();
            sheet.push(vec![
                json!(args.topic),
                of("partition"),
                of("bytes_before"),
                of("bytes_after"),
                of("segments_before"),
                of("segments_after"),
                of("log_start_offset"),
            ]);
        }
    }
    sheet.print(ui)
}

fn ask(dir: &Path, question: &Value) -> CliResult<Value> {
    let path = dir.join(CONTROL_SOCKET_FILE);
    let failed = |e: std::io::Error| {
        CliError::failed(format!(
            "{}: {e}; only a kt broker on this machine has such a socket",
            path.display()
        ))
    };
    let socket = UnixStream::connect(&path).map_err(failed)?;
    (&socket)
        .write_all(format!("{question}\n").as_bytes())
        .map_err(failed)?;
    let mut line = String::new();
    BufReader::new(&socket).read_line(&mut line).map_err(failed)?;
    serde_json::from_str(&line).map_err(|e| CliError::failed(format!("{}: {e}", path.display())))
}
