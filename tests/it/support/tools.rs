//! Kafka's scripts under their own names: `kt` through links, or Kafka's own classes in one JVM (tests/kafka/ToolServer.java).

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::process::Process;
use super::{Outcome, kafka, kt, tests_dir};

/// No run of a tool takes longer.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The scripts that the scenarios know, with the class that Kafka's script runs. `kt` does not have them all.
pub const SCRIPTS: &[(&str, &str)] = &[
    (
        "kafka-broker-api-versions.sh",
        "org.apache.kafka.tools.BrokerApiVersionsCommand",
    ),
    ("kafka-configs.sh", "kafka.admin.ConfigCommand"),
    (
        "kafka-console-consumer.sh",
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
    ),
    ("kafka-console-producer.sh", "org.apache.kafka.tools.ConsoleProducer"),
    (
        "kafka-consumer-groups.sh",
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    ),
    (
        "kafka-consumer-perf-test.sh",
        "org.apache.kafka.tools.ConsumerPerformance",
    ),
    ("kafka-delete-records.sh", "org.apache.kafka.tools.DeleteRecordsCommand"),
    ("kafka-dump-log.sh", "org.apache.kafka.tools.DumpLogSegments"),
    ("kafka-get-offsets.sh", "org.apache.kafka.tools.GetOffsetShell"),
    ("kafka-groups.sh", "org.apache.kafka.tools.GroupsCommand"),
    ("kafka-log-dirs.sh", "org.apache.kafka.tools.LogDirsCommand"),
    ("kafka-e2e-latency.sh", "org.apache.kafka.tools.EndToEndLatency"),
    (
        "kafka-producer-perf-test.sh",
        "org.apache.kafka.tools.ProducerPerformance",
    ),
    (
        "kafka-reassign-partitions.sh",
        "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    ),
    ("kafka-topics.sh", "org.apache.kafka.tools.TopicCommand"),
    (
        "kafka-verifiable-consumer.sh",
        "org.apache.kafka.tools.VerifiableConsumer",
    ),
    (
        "kafka-verifiable-producer.sh",
        "org.apache.kafka.tools.VerifiableProducer",
    ),
    (
        "kafka-share-consumer-perf-test.sh",
        "org.apache.kafka.tools.ShareConsumerPerformance",
    ),
    ("kafka-acls.sh", "org.apache.kafka.tools.AclCommand"),
    ("kafka-client-metrics.sh", "org.apache.kafka.tools.ClientMetricsCommand"),
    (
        "kafka-console-share-consumer.sh",
        "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
    ),
    (
        "kafka-delegation-tokens.sh",
        "org.apache.kafka.tools.DelegationTokenCommand",
    ),
    ("kafka-features.sh", "org.apache.kafka.tools.FeatureCommand"),
    (
        "kafka-metadata-quorum.sh",
        "org.apache.kafka.tools.MetadataQuorumCommand",
    ),
    (
        "kafka-share-groups.sh",
        "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
    ),
    (
        "kafka-streams-groups.sh",
        "org.apache.kafka.tools.streams.StreamsGroupCommand",
    ),
    ("kafka-transactions.sh", "org.apache.kafka.tools.TransactionsCommand"),
];

/// Tools that ask the JVM itself to exit and to run their hooks, so that the tool server cannot serve them.
const OWN_PROCESS: [&str; 2] = ["kafka-verifiable-consumer.sh", "kafka-verifiable-producer.sh"];

/// Somebody who can run the scripts in a working folder.
#[derive(Debug)]
pub enum Tools {
    Kt { links: tempfile::TempDir, cwd: PathBuf },
    Kafka(ToolServer),
}

impl Tools {
    /// `kt` under the scripts' names.
    pub fn kt(cwd: &Path) -> Self {
        let links = tempfile::tempdir().expect("a temp dir");
        for (script, _) in SCRIPTS {
            symlink(kt(), links.path().join(script)).expect("a link in a fresh folder");
        }
        Self::Kt {
            links,
            cwd: cwd.to_owned(),
        }
    }

    /// Kafka's own tools.
    pub fn kafka(cwd: &Path) -> Self {
        Self::Kafka(ToolServer::start(cwd))
    }

    pub fn start(&self, script: &str, argv: &[String], stdin: &[u8]) -> Running {
        match self {
            Self::Kt { links, cwd } => {
                let mut command = Command::new(links.path().join(script));
                command
                    .args(argv)
                    .current_dir(cwd)
                    .env_clear()
                    .env("PATH", "/usr/bin:/bin")
                    .env("LANG", "C.UTF-8")
                    .env("TZ", "UTC")
                    .env("HOME", links.path());
                Running::Process(Process::start(&mut command, stdin))
            }
            Self::Kafka(server) if OWN_PROCESS.contains(&script) || script.ends_with(".java") => {
                Running::Process(Process::start(&mut server.own_process(script, argv), stdin))
            }
            Self::Kafka(server) => Running::InServer(server.run(script, argv, stdin)),
        }
    }

    pub fn run(&self, script: &str, argv: &[String], stdin: &[u8]) -> Outcome {
        self.start(script, argv, stdin).wait()
    }
}

/// A tool at work.
#[derive(Debug)]
pub enum Running {
    Process(Process),
    InServer(TcpStream),
}

impl Running {
    pub fn wait(self) -> Outcome {
        match self {
            Self::Process(process) => process.wait(LIMIT),
            Self::InServer(socket) => read_outcome(&socket),
        }
    }

    /// Ends the tool as SIGTERM does and waits for it.
    pub fn terminate(self) -> Outcome {
        match &self {
            Self::Process(process) => process.signal(libc::SIGTERM),
            Self::InServer(socket) => (&*socket).write_all(b"TERM\n").expect("a tool server that listens"),
        }
        self.wait()
    }
}

fn read_outcome(socket: &TcpStream) -> Outcome {
    socket.set_read_timeout(Some(LIMIT)).expect("a limit above zero");
    let mut line = String::new();
    if BufReader::new(socket).read_line(&mut line).is_err() {
        return Outcome {
            exit: -1,
            ..Outcome::default()
        };
    }
    let reply: Value = serde_json::from_str(&line).expect("a line of JSON from the tool server");
    let bytes = |side: &str| {
        BASE64_STANDARD
            .decode(reply[side].as_str().unwrap_or_default())
            .unwrap_or_default()
    };
    Outcome {
        exit: reply["exit"].as_i64().and_then(|n| i32::try_from(n).ok()).unwrap_or(-1),
        stdout: bytes("stdout"),
        stderr: bytes("stderr"),
    }
}

/// The JVM that runs Kafka's tools. It ends when its standard input closes, so it never outlives its owner.
#[derive(Debug)]
pub struct ToolServer {
    child: Child,
    port: u16,
    cwd: PathBuf,
}

/// A JVM with Kafka's jars; what it runs is still to be said.
fn java(cwd: &Path) -> Command {
    let config = tests_dir("kafka").join("log4j2.properties");
    let mut command = Command::new("java");
    command
        .args(["-Xmx768M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args(["-XX:-UsePerfData", "-Dfile.encoding=UTF-8", "-Duser.timezone=UTC"])
        .arg(format!("-Dlog4j2.configurationFile=file:{}", config.display()))
        .arg("-cp")
        .arg(kafka::home().join("libs/*"))
        .current_dir(cwd)
        .env_remove("COLUMNS");
    command
}

/// Runs a program of tests/kafka with Kafka's jars.
pub fn java_program(cwd: &Path, file: &str, argv: &[&str]) -> Outcome {
    kafka::install();
    let mut command = java(cwd);
    command.arg(tests_dir("kafka").join(file)).args(argv);
    Process::start(&mut command, b"").wait(Duration::from_secs(90))
}

/// The main class behind a script's name.
pub fn class_of(script: &str) -> &'static str {
    SCRIPTS
        .iter()
        .find(|(name, _)| *name == script)
        .unwrap_or_else(|| panic!("no class is known for {script}"))
        .1
}

impl ToolServer {
    pub fn start(cwd: &Path) -> Self {
        kafka::install();
        let mut child = java(cwd)
            .arg(tests_dir("kafka").join("ToolServer.java"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("java");
        let out = child.stdout.take().expect("a pipe was asked for");
        let mut line = String::new();
        BufReader::new(out)
            .read_line(&mut line)
            .expect("the tool server's first line");
        let port = line
            .trim()
            .strip_prefix("port=")
            .and_then(|port| port.parse().ok())
            .unwrap_or_else(|| panic!("the tool server said {line:?}"));
        let cwd = cwd.to_owned();
        Self { child, port, cwd }
    }

    fn own_process(&self, script: &str, argv: &[String]) -> Command {
        let mut command = java(&self.cwd);
        if script.ends_with(".java") {
            command.arg(tests_dir("kafka").join(script));
        } else {
            command.arg(class_of(script));
        }
        command.args(argv);
        command
    }

    fn run(&self, script: &str, argv: &[String], stdin: &[u8]) -> TcpStream {
        let class = class_of(script);
        let request = json!({"class": class, "argv": argv, "stdin": BASE64_STANDARD.encode(stdin)});
        let socket = TcpStream::connect(("127.0.0.1", self.port)).expect("a tool server that listens");
        (&socket)
            .write_all(format!("{request}\n").as_bytes())
            .expect("a tool server that reads");
        socket
    }
}

impl Drop for ToolServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
