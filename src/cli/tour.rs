//! `kt tour`: every tool once, against a broker of its own; each command is shown before its output.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::broker::{ClusterArgs, start};
use super::connect::BOOTSTRAP_VARIABLE;
use super::{CliError, CliResult, Ui};

/// One stop: what is shown of it, the command's words, and what goes to its standard input.
struct Stop {
    why: &'static str,
    words: &'static [&'static str],
    stdin: &'static str,
}

const fn stop(why: &'static str, words: &'static [&'static str]) -> Stop {
    Stop { why, words, stdin: "" }
}

const STOPS: &[Stop] = &[
    stop(
        "A topic with three partitions.",
        &["topics", "--create", "--topic", "orders", "--partitions", "3"],
    ),
    stop(
        "Where its partitions live.",
        &["topics", "--describe", "--topic", "orders"],
    ),
    Stop {
        why: "Records with keys: one key always lands in one partition.",
        words: &[
            "console-producer",
            "--topic",
            "orders",
            "--reader-property",
            "parse.key=true",
            "--reader-property",
            "key.separator=:",
        ],
        stdin: "alice:apples\nbob:bread\nalice:avocado\ncarol:cheese\nbob:beer\n",
    },
    stop(
        "Read them back as a member of a group.",
        &[
            "console-consumer",
            "--topic",
            "orders",
            "--group",
            "tour",
            "--from-beginning",
            "--max-messages",
            "5",
            "--formatter-property",
            "print.key=true",
            "--formatter-property",
            "print.partition=true",
        ],
    ),
    stop(
        "How far the group has come.",
        &["consumer-groups", "--describe", "--group", "tour"],
    ),
    stop(
        "Send the group back to the start.",
        &[
            "consumer-groups",
            "--reset-offsets",
            "--group",
            "tour",
            "--topic",
            "orders",
            "--to-earliest",
            "--execute",
        ],
    ),
    stop("All groups.", &["groups", "--list"]),
    stop("The end of each partition.", &["get-offsets", "--topic", "orders"]),
    stop(
        "Keep records for a day.",
        &[
            "configs",
            "--alter",
            "--entity-type",
            "topics",
            "--entity-name",
            "orders",
            "--add-config",
            "retention.ms=86400000",
        ],
    ),
    stop(
        "What is set on the topic, and where from.",
        &[
            "configs",
            "--describe",
            "--entity-type",
            "topics",
            "--entity-name",
            "orders",
        ],
    ),
    stop(
        "Delete what stands below an offset.",
        &[
            "delete-records",
            "--topic",
            "orders",
            "--partition",
            "0",
            "--before-offset",
            "1",
        ],
    ),
    stop(
        "A topic for speed.",
        &["topics", "--create", "--topic", "speed", "--partitions", "2"],
    ),
    stop(
        "How fast records go in.",
        &[
            "perf-test",
            "producer",
            "--topic",
            "speed",
            "--num-records",
            "200000",
            "--record-size",
            "100",
            "--throughput",
            "-1",
        ],
    ),
    stop(
        "And out.",
        &["perf-test", "consumer", "--topic", "speed", "--num-records", "200000"],
    ),
    stop(
        "What is on disk.",
        &["log-dirs", "--describe", "--topic-list", "orders"],
    ),
    stop("Are partitions on the move?", &["reassign-partitions", "--list"]),
    stop(
        "Which requests the broker answers, and in which versions.",
        &["broker-api-versions"],
    ),
    stop(
        "A partition's file, record by record.",
        &[
            "dump-log",
            "--print-data-log",
            "--files",
            "{data}/orders-1/00000000000000000000.log",
        ],
    ),
    stop(
        "The same data as JSON, for a script.",
        &["topics", "--describe", "--topic", "orders", "-o", "json"],
    ),
    stop(
        "Is the cluster healthy? The exit code says it.",
        &["ready", "--timeout", "10s", "--round-trip"],
    ),
    stop("Away with it.", &["topics", "--delete", "--topic", "orders"]),
];

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Walks through the tools. Ends at the first command that fails.
///
/// # Errors
/// The broker does not start, or a command exits with another code than 0.
pub async fn run(ui: &mut Ui, _args: Args) -> CliResult {
    let data = tempfile::Builder::new().prefix("kt-tour-").tempdir()?;
    let cluster = start(&ClusterArgs::in_dir(data.path())).await?;
    let servers = cluster.bootstrap_servers().to_string();
    writeln!(ui.out(), "# A Kafka broker runs inside this process, at {servers}.")?;
    let mut result = Ok(());
    for s in STOPS {
        result = visit(ui, s, &servers, data.path()).await;
        if result.is_err() {
            break;
        }
    }
    cluster.stop().await;
    result?;
    writeln!(
        ui.out(),
        "\n# {} commands. 'kt TOOL --help' tells what else each can do.",
        STOPS.len()
    )?;
    Ok(())
}

async fn visit(ui: &mut Ui, stop: &Stop, servers: &str, data: &Path) -> CliResult {
    let words: Vec<String> = stop
        .words
        .iter()
        .map(|w| w.replace("{data}", &data.to_string_lossy()))
        .collect();
    writeln!(ui.out(), "\n# {}", stop.why)?;
    for line in stop.stdin.lines() {
        writeln!(ui.out(), "#   < {line}")?;
    }
    writeln!(ui.out(), "$ kt {}", words.join(" "))?;
    ui.flush()?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(&words)
        .env(BOOTSTRAP_VARIABLE, servers)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(stop.stdin.as_bytes()).await?;
    }
    let done = child.wait_with_output().await?;
    ui.out().write_all(&done.stdout)?;
    ui.flush()?;
    if done.status.success() {
        Ok(())
    } else {
        Err(CliError::failed(format!(
            "kt {} failed: {}",
            words.join(" "),
            done.status
        )))
    }
}
