//! `kafka-console-consumer.sh` (Kafka: `ConsoleConsumer`): records of topics on standard output.
//!
//! Beyond the script: `--stop-at-end`, `--from-time`, `--until-time`, `--filter`, and `-o json|jsonl|csv`. With one of the
//! first three and no `--group` the partitions are read directly, in no group.

pub mod coordinator;
pub mod filter;
pub mod formatter;
pub mod options;
pub mod range;

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use self::coordinator::Coordinator;
use self::filter::Filter;
use self::formatter::{DefaultFormatter, FormatError, Received, Timestamp};
use self::options::Start;
use self::range::{Range, Wanted};
use super::compat::json_record;
use super::tool::{Grammar, Line, Tool};
use super::ui::Format;
use super::{CliError, CliResult, Manner, Parsed, Ui};
use crate::TopicPartition;
use crate::client::ApiError;
use crate::client::consume::{Consumer, Event, Position, Record};
use crate::client::produce::wait_on_metadata;
use crate::client::props::Properties;
use crate::runs;
use crate::wire::ErrorCode;

pub static TOOL: Tool = Tool {
    script: "kafka-console-consumer",
    names: &["console-consumer"],
    about: "This tool helps to read data from Kafka topics and outputs it to standard output.",
    opts: options::OPTS,
    bare: None,
    help_after_error: true,
    grammar: Grammar::JoptSimple,
    run: runs!(run),
};

const CLASS: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";

/// What Kafka's consumer says when it joins a classic group.
const ADVERT: &str = "The consumer rebalance protocol (KIP-848) is production-ready! Set group.protocol=consumer to try it out. \
                      See https://kafka.apache.org/documentation/#consumer_rebalance_protocol";

/// How the reading ended, for the exit code.
enum End {
    /// All that was asked for, or nobody listens any more.
    Done,
    TimedOut,
    /// An error that Kafka logs before it exits 0.
    Failed,
    /// An error that Kafka's process exits 1 for.
    Broken(CliError),
    Signal(u8),
}

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let opts = &line.options;
    options::check(ui, opts)?;
    let (props, _target) = options::consumer_props(ui, opts)?;
    let start = options::start(opts)?;
    let timeout = match opts.parsed::<i64>("timeout-ms")? {
        Some(ms) => u64::try_from(ms).ok().map(Duration::from_millis),
        None => None,
    };
    let printer = printer(ui, opts)?;
    let partition: Option<i32> = opts.parsed("partition")?;
    let wanted = Wanted::of(opts)?;
    let filters = opts
        .values("filter")
        .map(Filter::parse)
        .collect::<Result<Vec<_>, _>>()
        .map_err(CliError::usage)?;
    let mut session = Session {
        printer,
        filters,
        skip_errors: opts.has("skip-message-on-error"),
        read: 0,
        printed: 0,
        max: None,
    };
    let classic = !props
        .get("group.protocol")
        .is_some_and(|p| p.eq_ignore_ascii_case("consumer"));
    if ui.manner == Manner::Script && classic && partition.is_none() {
        ui.say_err(ADVERT)?;
    }
    let end = match opts.parsed::<i32>("max-messages") {
        Ok(max) => {
            session.max = max.and_then(|n| u64::try_from(n).ok());
            read(
                ui,
                &mut session,
                Reading {
                    props: &props,
                    opts,
                    partition,
                    start,
                    timeout,
                    wanted,
                },
            )
            .await
        }
        Err(e) => End::Broken(unknown_error(ui, &e.to_string(), e.exception())?),
    };
    session.printer.finish(ui)?;
    let closed_pipe = matches!(&end, End::Broken(CliError::Io(e)) if e.kind() == std::io::ErrorKind::BrokenPipe);
    if closed_pipe {
        ui.err()
            .write_all(b"Unable to write to standard out, closing consumer.\n")?;
    } else {
        ui.flush()?;
    }
    writeln!(ui.err(), "Processed a total of {} messages", session.read)?;
    if opts.has("enable-systest-events") && !closed_pipe {
        writeln!(ui.out(), "shutdown_complete")?;
    }
    match end {
        End::Done => Ok(()),
        End::TimedOut if session.max.is_none() => Ok(()),
        End::TimedOut | End::Failed => Err(CliError::told_quietly()),
        End::Signal(code) => Err(CliError::Exit(code)),
        End::Broken(e) => Err(e),
    }
}

/// Logs what Kafka logs for anything unforeseen, and exits 1.
fn unknown_error(ui: &mut Ui, message: &str, class: &str) -> CliResult<CliError> {
    ui.log("ERROR", "Unknown error when running consumer: ", CLASS)?;
    ui.say_err(&format!("{class}: {message}"))?;
    Ok(CliError::told())
}

struct Reading<'a> {
    props: &'a Properties,
    opts: &'a Parsed,
    partition: Option<i32>,
    start: Start,
    timeout: Option<Duration>,
    wanted: Wanted,
}

/// Kafka's `ConsoleConsumer.process`.
async fn read(ui: &mut Ui, session: &mut Session, r: Reading<'_>) -> End {
    let result = open(ui, &r).await;
    let (consumer, mut range) = match result {
        Ok(open) => open,
        Err(Opening::Told(end)) => return end,
        Err(Opening::Java(e)) => return told(unknown_error(ui, e.text(), &e.exception_class())),
    };
    let end = receive_all(ui, session, &consumer, &mut range, &r).await;
    consumer.close();
    end
}

enum Opening {
    Told(End),
    Java(ApiError),
}

impl From<ApiError> for Opening {
    fn from(e: ApiError) -> Self {
        Self::Java(e)
    }
}

fn told(e: CliResult<CliError>) -> End {
    End::Broken(e.unwrap_or_else(|e| e))
}

async fn open(ui: &mut Ui, r: &Reading<'_>) -> Result<(Consumer, Option<Range>), Opening> {
    let consumer = Consumer::new(r.props, r.wanted.stop_at_end)?;
    let topic = r.opts.value("topic").ok().flatten();
    if r.wanted.any() && !r.opts.has("group") {
        let range = range::settle(r.props, r.opts, r.wanted, r.start)
            .await
            .map_err(|e| Opening::Told(End::Broken(e)))?;
        consumer.assign(&range.starts)?;
        return Ok((consumer, Some(range)));
    }
    if r.wanted.any() {
        let text = "--stop-at-end, --from-time and --until-time read partitions directly: not together with --group";
        return Err(Opening::Told(End::Broken(CliError::usage(text))));
    }
    if let Some(topic) = topic {
        // librdkafka passes over errors that end Java's consumer: a wrong password, a forbidden or impossible topic
        if let Err(e) = wait_on_metadata(r.props, topic, FIRST_LOOK).await
            && matches!(
                e.code,
                ErrorCode::SASL_AUTHENTICATION_FAILED
                    | ErrorCode::TOPIC_AUTHORIZATION_FAILED
                    | ErrorCode::INVALID_TOPIC_EXCEPTION
            )
        {
            return Err(Opening::Told(terminate(ui, &e)));
        }
    }
    match (topic, r.partition) {
        (Some(topic), Some(partition)) => {
            let position = match r.start {
                Start::Earliest => Position::Earliest,
                Start::Latest => Position::Latest,
                Start::Offset(n) => Position::Offset(n),
            };
            consumer.assign(&[(TopicPartition::new(topic, partition), position)])?;
        }
        (Some(topic), None) => consumer.subscribe(&[topic])?,
        (None, _) => {
            let pattern = r.opts.value("include").ok().flatten().unwrap_or_default();
            consumer.subscribe(&[&format!("^({pattern})$")])?;
        }
    }
    Ok((consumer, None))
}

/// How long the first look at the topic may take before librdkafka is left to it.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// Kafka logs an error of receiving, ends, and exits 0.
fn terminate(ui: &mut Ui, e: &ApiError) -> End {
    let said = ui
        .log(
            "ERROR",
            "Error processing message, terminating consumer process: ",
            CLASS,
        )
        .and_then(|()| ui.say_err(&e.to_string()));
    match said {
        Ok(()) => End::Failed,
        Err(e) => End::Broken(e),
    }
}

async fn receive_all(
    ui: &mut Ui,
    session: &mut Session,
    consumer: &Consumer,
    range: &mut Option<Range>,
    r: &Reading<'_>,
) -> End {
    let (mut interrupt, mut terminated) = match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(i), Ok(t)) => (i, t),
        (Err(e), _) | (_, Err(e)) => return End::Broken(e.into()),
    };
    let mut last = Instant::now();
    while session.max.is_none_or(|max| session.read < max) {
        if range
            .as_ref()
            .is_some_and(|g| r.wanted.stop_at_end && g.ends.is_empty())
        {
            return End::Done;
        }
        let give_up = r.timeout.map(|t| last + t);
        let event = tokio::select! {
            biased;
            _ = interrupt.recv() => return End::Signal(130),
            _ = terminated.recv() => return End::Signal(143),
            event = consumer.recv() => event,
            () = idle_until(ui, give_up) => return timed_out(ui),
        };
        let record = match event {
            Ok(Event::Record(record)) => record,
            Ok(Event::End(partition)) => {
                if let Some(g) = range {
                    g.ends.retain(|tp, _| tp.partition != partition);
                }
                continue;
            }
            Err(e) => return terminate(ui, &e),
        };
        last = Instant::now();
        if !wanted_still(range, &r.wanted, &record) {
            continue;
        }
        if let Err(end) = session.show(ui, &record) {
            return end;
        }
    }
    End::Done
}

/// Never ends without a time. What was printed is flushed before the wait, so that a person or a pipe sees it.
async fn idle_until(ui: &mut Ui, at: Option<Instant>) {
    // a closed pipe shows at the next record
    let _ = ui.flush();
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn timed_out(ui: &mut Ui) -> End {
    let said = ui
        .log(
            "ERROR",
            "Error processing message, terminating consumer process: ",
            CLASS,
        )
        .and_then(|()| ui.say_err("org.apache.kafka.common.errors.TimeoutException: null"));
    match said {
        Ok(()) => End::TimedOut,
        Err(e) => End::Broken(e),
    }
}

/// Whether the record lies inside the range; a partition that has come to its end is done.
fn wanted_still(range: &mut Option<Range>, wanted: &Wanted, record: &Record<'_>) -> bool {
    let Some(range) = range else { return true };
    if !wanted.stop_at_end {
        return true;
    }
    let tp = TopicPartition::new(record.topic(), record.partition());
    let Some(end) = range.ends.get(&tp).copied() else {
        return false;
    };
    let time = record.timestamp().map(|t| t.unwrap_or_else(|t| t));
    let late = matches!((time, wanted.until_time), (Some(t), Some(until)) if t >= until);
    if record.offset() + 1 >= end || late {
        range.ends.remove(&tp);
    }
    record.offset() < end && !late
}

struct Session {
    printer: Printer,
    filters: Vec<Filter>,
    skip_errors: bool,
    read: u64,
    printed: u64,
    max: Option<u64>,
}

impl Session {
    fn show(&mut self, ui: &mut Ui, record: &Record<'_>) -> Result<(), End> {
        let r = received(record);
        if !self.filters.iter().all(|f| f.passes(&r)) {
            return Ok(());
        }
        self.read += 1;
        match self.printer.print(ui, &r, self.printed == 0) {
            Ok(()) => {
                self.printed += 1;
                Ok(())
            }
            Err(FormatError::Io(e)) => Err(End::Broken(e.into())),
            Err(FormatError::Data(text)) => {
                const EXCEPTION: &str = "org.apache.kafka.common.errors.SerializationException";
                if !self.skip_errors {
                    return Err(told(unknown_error(ui, &text, EXCEPTION)));
                }
                ui.log("ERROR", "Error processing message, skipping this message: ", CLASS)
                    .and_then(|()| ui.say_err(&format!("{EXCEPTION}: {text}")))
                    .map_err(End::Broken)
            }
        }
    }
}

fn received<'a>(record: &'a Record<'_>) -> Received<'a> {
    Received {
        topic: record.topic(),
        partition: record.partition(),
        offset: record.offset(),
        timestamp: match record.timestamp() {
            None => Timestamp::None,
            Some(Ok(ms)) => Timestamp::Create(ms),
            Some(Err(ms)) => Timestamp::LogAppend(ms),
        },
        key: record.key(),
        value: record.value(),
        headers: record.headers().collect(),
    }
}

/// What turns records into output.
enum Printer {
    Default(DefaultFormatter),
    Coordinator(Coordinator),
    NoOp,
    Json { lines: bool, any: bool },
    Csv { any: bool },
}

fn printer(ui: &mut Ui, opts: &Parsed) -> CliResult<Printer> {
    let props = options::formatter_props(ui, opts)?;
    match ui.format() {
        Format::Json => {
            return Ok(Printer::Json {
                lines: false,
                any: false,
            });
        }
        Format::Jsonl => {
            return Ok(Printer::Json {
                lines: true,
                any: false,
            });
        }
        Format::Csv => return Ok(Printer::Csv { any: false }),
        Format::Kafka | Format::Table => {}
    }
    let class = opts.value("formatter")?.unwrap_or_default();
    match class.strip_prefix("org.apache.kafka.tools.consumer.") {
        Some("DefaultMessageFormatter" | "LoggingMessageFormatter") => {
            let formatter = DefaultFormatter::new(&props);
            for unknown in &formatter.unknown_classes {
                let text = format!("Unable to instantiate a deserializer from {unknown}");
                if ui.manner == Manner::Kt {
                    return Err(CliError::failed(format!(
                        "{text}: kt has the deserializers of Kafka's own package only"
                    )));
                }
                ui.log("ERROR", &text, options::DEFAULT_FORMATTER)?;
                ui.say_err(&format!("java.lang.ClassNotFoundException: {unknown}"))?;
            }
            Ok(Printer::Default(formatter))
        }
        Some("NoOpMessageFormatter") => Ok(Printer::NoOp),
        _ => match Coordinator::by_class(class) {
            Some(c) => Ok(Printer::Coordinator(c)),
            None => Err(CliError::usage_with_help(class)),
        },
    }
}

impl Printer {
    fn print(&mut self, ui: &mut Ui, r: &Received<'_>, first: bool) -> Result<(), FormatError> {
        match self {
            Self::Default(f) => f.write(r, ui.out()),
            Self::Coordinator(c) => c.write(r, ui.out()),
            Self::NoOp => Ok(()),
            Self::Json { lines, any } => {
                *any = true;
                let between = match (*lines, first) {
                    (true, _) => "",
                    (false, true) => "[\n",
                    (false, false) => ",\n",
                };
                let object = json_record::object(r);
                let after = if *lines { "\n" } else { "" };
                write!(ui.out(), "{between}{object}{after}").map_err(FormatError::Io)
            }
            Self::Csv { any } => {
                let head = !std::mem::replace(any, true);
                write_csv(ui, r, head).map_err(FormatError::Io)
            }
        }
    }

    /// Closes the JSON array.
    fn finish(&mut self, ui: &mut Ui) -> CliResult {
        match self {
            Self::Json {
                lines: false,
                any: true,
            } => writeln!(ui.out(), "\n]")?,
            Self::Json {
                lines: false,
                any: false,
            } => writeln!(ui.out(), "[]")?,
            _ => {}
        }
        Ok(())
    }
}

/// Columns topic, partition, offset, timestamp, key, value; bytes that are no UTF-8 are replaced.
fn write_csv(ui: &mut Ui, r: &Received<'_>, head: bool) -> std::io::Result<()> {
    let mut w = csv::Writer::from_writer(Vec::new());
    if head {
        w.write_record(["topic", "partition", "offset", "timestamp", "key", "value"])?;
    }
    let text = |b: Option<&[u8]>| b.map(|b| String::from_utf8_lossy(b).into_owned()).unwrap_or_default();
    let time = match r.timestamp {
        Timestamp::None => String::new(),
        Timestamp::Create(ms) | Timestamp::LogAppend(ms) => ms.to_string(),
    };
    w.write_record([
        r.topic,
        &r.partition.to_string(),
        &r.offset.to_string(),
        &time,
        &text(r.key),
        &text(r.value),
    ])?;
    let bytes = w.into_inner().map_err(|e| std::io::Error::other(e.to_string()))?;
    ui.out().write_all(&bytes)
}
