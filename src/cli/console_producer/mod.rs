//! `kafka-console-producer.sh` (Kafka: `ConsoleProducer`): lines of standard input become records.
//!
//! Beyond the script: `--file` with a progress bar, and `--input-format jsonl`, which reads what
//! `kt console-consumer -o jsonl` prints back without loss.

pub mod lines;
pub mod options;
pub mod reader;

use std::fs::File;
use std::io::{BufReader, IsTerminal, Read};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use self::lines::JavaLines;
use self::reader::{LineReader, Record};
use super::compat::json_record;
use super::tool::{Grammar, Line, Tool};
use super::{CliError, CliResult, Parsed, Ui, ui};
use crate::client::ApiError;
use crate::client::produce::{Failed, Outgoing, Producer, max_block, wait_on_metadata};
use crate::client::props::Properties;
use crate::runs;

pub static TOOL: Tool = Tool {
    script: "kafka-console-producer",
    names: &["console-producer"],
    about: "This tool helps to read data from standard input and publish it to Kafka.",
    opts: options::OPTS,
    bare: None,
    help_after_error: true,
    grammar: Grammar::JoptSimple,
    run: runs!(run),
};

/// Lines in one message between the reading thread and the sender, and messages that may wait.
const LINES_AT_ONCE: usize = 1000;
const MESSAGES_WAITING: usize = 4;

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let opts = &line.options;
    options::check(ui, opts)?;
    let class = opts.value("line-reader")?.unwrap_or_default();
    if class != options::LINE_READER {
        return Err(CliError::failed(format!("java.lang.ClassNotFoundException: {class}")));
    }
    let topic = opts.value("topic")?.unwrap_or_default().to_string();
    let json = input_is_json(opts)?;
    let mut reader = LineReader::new(&options::reader_props(opts)?)
        .map_err(|e| CliError::failed(format!("org.apache.kafka.common.KafkaException: {e}")))?;
    let (props, target) = options::producer_props(ui, opts)?;
    target.allow_change(opts)?;
    let mut sender = Sender::new(&props, topic, opts.has("sync"))?;
    let (input, total) = open_input(opts)?;
    let progress = ui::progress_bytes(ui, opts.has("file").then_some(total));
    let prompt = std::io::stdin().is_terminal() && ui.out_is_terminal() && !opts.has("file");
    let ignore_partitions = opts.has("ignore-partitions");
    let mut read = |line: &str| -> Result<Record, String> {
        if !json {
            return reader.read(line);
        }
        let mut record = json_record::parse(line)?;
        if ignore_partitions {
            record.partition = None;
        }
        Ok(record)
    };
    let mut batches = spawn_reader(input);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    if prompt {
        write!(ui.out(), ">")?;
        ui.flush()?;
    }
    let end = loop {
        let lines = tokio::select! {
            lines = batches.recv() => lines,
            () = sender.producer.some_failed() => {
                sender.tell_failures(ui)?;
                continue;
            }
            _ = interrupt.recv() => break Err(CliError::Exit(130)),
            _ = terminate.recv() => break Err(CliError::Exit(143)),
        };
        let Some(lines) = lines else { break Ok(()) };
        let done = match lines {
            Ok(lines) => {
                progress.inc(lines.iter().map(|l| l.len() as u64 + 1).sum());
                sender.send_lines(ui, &lines, &mut read).await
            }
            Err(e) => Err(CliError::Io(e)),
        };
        if done.is_err() {
            break done;
        }
        if prompt {
            write!(ui.out(), ">")?;
            ui.flush()?;
        }
    };
    progress.finish_and_clear();
    sender.finish(ui)?;
    end?;
    if sender.any_failed {
        Err(CliError::told_quietly())
    } else {
        Ok(())
    }
}

fn input_is_json(opts: &Parsed) -> CliResult<bool> {
    match opts.value("input-format")? {
        Some("jsonl" | "json") => Ok(true),
        Some("lines") | None => Ok(false),
        Some(other) => Err(CliError::usage(format!(
            "unknown input format '{other}': lines or jsonl"
        ))),
    }
}

/// Standard input or the file, and its size in bytes.
fn open_input(opts: &Parsed) -> CliResult<(Box<dyn Read + Send>, u64)> {
    match opts.value("file")? {
        None => Ok((Box::new(std::io::stdin()), 0)),
        Some(path) => {
            let failed = |e: std::io::Error| CliError::failed(format!("{path}: {e}"));
            let file = File::open(path).map_err(failed)?;
            let size = file.metadata().map_err(failed)?.len();
            Ok((Box::new(file), size))
        }
    }
}

/// Reads on a thread of its own, since reading a terminal cannot be interrupted. Lines come in groups, but none waits for
/// input that is not there yet.
fn spawn_reader(input: Box<dyn Read + Send>) -> mpsc::Receiver<std::io::Result<Vec<String>>> {
    let (to, from) = mpsc::channel(MESSAGES_WAITING);
    std::thread::spawn(move || {
        let mut lines = JavaLines::new(BufReader::with_capacity(64 * 1024, input));
        loop {
            let mut group = Vec::new();
            let end = loop {
                match lines.next_line() {
                    Ok(Some(line)) => group.push(line),
                    Ok(None) => break Some(None),
                    Err(e) => break Some(Some(e)),
                }
                if group.len() >= LINES_AT_ONCE || !lines.has_whole_line() {
                    break None;
                }
            };
            if !group.is_empty() && to.blocking_send(Ok(group)).is_err() {
                return;
            }
            match end {
                None => {}
                Some(None) => return,
                Some(Some(e)) => {
                    // nobody is there to hear it when the command has ended
                    let _ = to.blocking_send(Err(e));
                    return;
                }
            }
        }
    });
    from
}

struct Sender {
    producer: Producer,
    props: Properties,
    topic: String,
    sync: bool,
    max_block: Duration,
    topic_is_known: bool,
    any_failed: bool,
}

impl Sender {
    fn new(props: &Properties, topic: String, sync: bool) -> CliResult<Self> {
        let java = |e: ApiError| CliError::failed(e.to_string());
        Ok(Self {
            producer: Producer::new(props).map_err(java)?,
            props: props.clone(),
            topic,
            sync,
            max_block: max_block(props),
            topic_is_known: false,
            any_failed: false,
        })
    }

    async fn send_lines(
        &mut self,
        ui: &mut Ui,
        lines: &[String],
        read: &mut impl FnMut(&str) -> Result<Record, String>,
    ) -> CliResult {
        for line in lines {
            let record =
                read(line).map_err(|e| CliError::failed(format!("org.apache.kafka.common.KafkaException: {e}")))?;
            self.send(ui, &record).await?;
        }
        self.tell_failures(ui)
    }

    async fn send(&mut self, ui: &mut Ui, record: &Record) -> CliResult {
        if !self.topic_is_known {
            if let Err(error) = wait_on_metadata(&self.props, &self.topic, self.max_block).await {
                let failed = Failed {
                    topic: self.topic.clone(),
                    key_len: record.key.as_ref().map(Vec::len),
                    value_len: record.value.as_ref().map(Vec::len),
                    error,
                };
                return self.tell(ui, &failed);
            }
            self.topic_is_known = true;
        }
        self.producer.send(Outgoing {
            topic: &self.topic,
            partition: record.partition,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &record.headers,
            timestamp: record.timestamp,
        });
        if self.sync {
            self.producer.flush();
            self.tell_failures(ui)?;
        }
        Ok(())
    }

    fn tell_failures(&mut self, ui: &mut Ui) -> CliResult {
        for failed in self.producer.take_failed() {
            self.tell(ui, &failed)?;
        }
        Ok(())
    }

    /// With `--sync` the first failure ends the command; without, each is logged and the rest goes on.
    fn tell(&mut self, ui: &mut Ui, failed: &Failed) -> CliResult {
        self.any_failed = true;
        if self.sync {
            return Err(CliError::failed(format!(
                "java.util.concurrent.ExecutionException: {}",
                failed.error
            )));
        }
        let size = |n: Option<usize>| n.map_or("null".to_string(), |n| format!("{n} bytes"));
        let text = format!(
            "Error when sending message to topic {} with key: {}, value: {} with error:",
            failed.topic,
            size(failed.key_len),
            size(failed.value_len)
        );
        ui.log(
            "ERROR",
            &text,
            "org.apache.kafka.clients.producer.internals.ErrorLoggingCallback",
        )?;
        ui.say_err(&failed.error.to_string())
    }

    /// Delivers what is under way; what fails now is told as well.
    fn finish(&mut self, ui: &mut Ui) -> CliResult {
        self.producer.flush();
        let sync = std::mem::replace(&mut self.sync, false);
        let told = self.tell_failures(ui);
        self.sync = sync;
        told
    }
}
