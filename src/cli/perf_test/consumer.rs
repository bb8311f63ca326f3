//! `kafka-consumer-perf-test.sh` (Kafka: `ConsumerPerformance`).

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use chrono::Local;
use tokio::signal::unix::{SignalKind, signal};

use super::consumer_beyond::{self, Beyond, CLIENTS_OPT, DURATION_OPT};
use super::metrics::{self, Consumed, Fetches, Metrics};
use super::recorder::{self, Recorder, float as count, megabytes};
use super::stats::java_fixed;
use super::unconstructed;
use crate::TopicPartition;
use crate::cli::compat::date_format::JavaDateFormat;
use crate::cli::compat::key_values;
use crate::cli::connect::{Given, Target};
use crate::cli::tool::{Grammar, Line, Tool};
use crate::cli::{CliError, CliResult, Manner, Opt, Parsed, Ui};
use crate::client::fetch::membership::{Change, Member};
use crate::client::fetch::{FetchSettings, Fetched, Fetcher};
use crate::client::props::Properties;
use crate::client::{ApiError, Bootstrap, ConnectConfig, topic_name};
use crate::record::RecordError;
use crate::runs;

pub static TOOL: Tool = Tool {
    script: "kafka-consumer-perf-test",
    names: &["perf-test consumer", "consumer-perf-test"],
    about: "This tool is used to verify the consumer performance.",
    opts: OPTS,
    bare: None,
    help_after_error: true,
    grammar: Grammar::JoptSimple,
    run: runs!(run),
};

const OPTS: &[Opt] = &[
    Opt::value("bootstrap-server", "String: server to connect to")
        .help("The brokers to begin with, HOST:PORT, separated by commas."),
    Opt::value("command-config", "String: config file")
        .help("A file of consumer properties; --command-property is stronger."),
    Opt::value("command-property", "String: prop1=val1").help("A consumer property, key=value. May be repeated."),
    Opt::value("consumer.config", "String: config file")
        .deprecated()
        .help("The same as --command-config, which replaces it."),
    Opt::value("date-format", "String: date format")
        .default("yyyy-MM-dd HH:mm:ss:SSS")
        .help("How times are printed (Java's SimpleDateFormat)."),
    Opt::value("fetch-size", "Integer: size")
        .default("1048576")
        .help("At most so many bytes of a partition in one fetch."),
    CLIENTS_OPT,
    DURATION_OPT,
    Opt::flag("from-latest").help("Without a committed offset start after the latest record, not at the earliest."),
    Opt::value("group", "String: gid").help("The consumer group (perf-consumer-N by default)."),
    Opt::flag("help").help("Print this help."),
    Opt::flag("hide-header").help("Leave out the line of column names."),
    Opt::value("include", "String: Java regex (String)").help("A regular expression of topics to read."),
    Opt::value("messages", "Long: count")
        .deprecated()
        .help("The same as --num-records, which replaces it."),
    Opt::value("num-records", "Long: count").help("How many records to read."),
    Opt::flag("print-metrics").help("Print the consumer's metrics at the end."),
    recorder::REPORT_OPT,
    Opt::value("reporting-interval", "Long: interval_ms")
        .default("5000")
        .help("With --show-detailed-stats: a line each so many ms."),
    Opt::flag("show-detailed-stats").help("A line for each interval, in place of one at the end."),
    Opt::value("socket-buffer-size", "Integer: size")
        .default("2097152")
        .help("Bytes of the socket's receive buffer."),
    Opt::optional("timeout", "Long: milliseconds")
        .default("10000")
        .help("End when no record came for so long, in ms."),
    Opt::value("topic", "String: topic").help("The topic to read."),
    Opt::flag("version").help("Print Kafka's version."),
];

const EXTENDED: &str = "rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec";

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let opts = &line.options;
    let beyond = match ui.manner {
        Manner::Kt => Beyond::of(opts)?,
        Manner::Script => None,
    };
    check(ui, opts)?;
    let kafka_text = recorder::kafka_text(ui);
    if !opts.has("hide-header") && kafka_text {
        let first = if opts.has("show-detailed-stats") {
            "time, threadId"
        } else {
            "start.time, end.time"
        };
        writeln!(
            ui.out(),
            "{first}, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, {EXTENDED}"
        )?;
    }
    let props = props(ui, opts)?;
    let test = Test {
        records: opts
            .parsed::<i64>("num-records")?
            .or(opts.parsed("messages")?)
            .unwrap_or(0),
        timeout_ms: opts.parsed("timeout")?.unwrap_or(10_000),
        interval_ms: opts.parsed("reporting-interval")?.unwrap_or(5000),
        detailed: opts.has("show-detailed-stats") && kafka_text,
        format: JavaDateFormat::new(opts.value("date-format")?.unwrap_or_default()).map_err(CliError::failed)?,
    };
    if test.interval_ms <= 0 {
        return Err(CliError::failed("Reporting interval must be greater than 0."));
    }
    let topic = match (opts.value("topic")?, opts.value("include")?) {
        (Some(topic), _) => topic.to_owned(),
        (None, pattern) => format!("^({})$", pattern.unwrap_or_default()),
    };
    check_names(&props, opts.value("topic")?)?;
    if let Some(beyond) = beyond {
        let (test, props, topic) = (&test, &props, topic.as_str());
        return consumer_beyond::run(
            ui,
            consumer_beyond::Job {
                opts,
                test,
                props,
                topic,
                beyond,
            },
        )
        .await;
    }
    let (start, started) = (Local::now(), Instant::now());
    let mut reader = Reader::join(&props, &topic).map_err(|e| unconstructed("consumer", e))?;
    let mut recorder = Recorder::new("consumer");
    let read = test.consume(ui, &mut reader, &mut recorder).await?;
    let (end, elapsed) = (Local::now(), started.elapsed());
    let mut summary = recorder.finish(1, 0);
    summary.rebalance_ms = u64::try_from(read.join.as_millis()).ok();
    let fetches = reader.close();
    if !opts.has("show-detailed-stats") && kafka_text {
        let fetch = elapsed.saturating_sub(read.join);
        let times = format!("{}, {}", test.format.text(&start), test.format.text(&end));
        writeln!(ui.out(), "{times}, {}", columns(&read, elapsed, read.join, fetch))?;
    }
    summary.tell(ui, opts.value("report")?)?;
    if opts.has("print-metrics") && kafka_text {
        let mut table = Metrics::new(props.get("client.id").unwrap_or_default(), elapsed);
        metrics::consumer(&mut table, &fetches);
        table.print(ui.out())?;
    }
    if read.records < test.wanted() {
        Err(CliError::told_quietly())
    } else {
        Ok(())
    }
}

fn check(ui: &mut Ui, opts: &Parsed) -> CliResult {
    let one_of = |a: &str, b: &str| match opts.has(a) == opts.has(b) {
        true => Err(CliError::usage_with_help(format!(
            "Exactly one of the following arguments is required: [{a}], [{b}]"
        ))),
        false => Ok(()),
    };
    if ui.manner == Manner::Script {
        opts.require(&["bootstrap-server"]).map_err(CliError::usage_with_help)?;
    }
    one_of("topic", "include")?;
    if !opts.has("duration") || opts.has("messages") {
        one_of("messages", "num-records")?;
    }
    if opts.has("consumer.config") && opts.has("command-config") {
        return Err(CliError::usage_with_help(
            "Option \"[consumer.config]\" can't be used with option \"[command-config]\"",
        ));
    }
    for (old, new) in [("messages", "num-records"), ("consumer.config", "command-config")] {
        if opts.has(old) {
            writeln!(ui.out(), "Warning: --{old} is deprecated. Use --{new} instead.")?;
        }
    }
    Ok(())
}

/// What Java's consumer says of an empty group and of names that no topic can have.
fn check_names(props: &Properties, topic: Option<&str>) -> CliResult {
    if props.get("group.id").is_some_and(|group| group.trim().is_empty()) {
        let why = "The configured group.id should not be an empty string or whitespace.";
        return Err(CliError::failed(format!(
            "Failed to construct kafka consumer\nCaused by: org.apache.kafka.common.errors.InvalidGroupIdException: {why}"
        )));
    }
    match topic {
        Some(topic) if topic.trim().is_empty() => Err(CliError::failed(
            "Topic collection to subscribe to cannot contain null or empty topic",
        )),
        Some(topic) if !topic_name::is_legal(topic) => Err(CliError::failed(format!("Invalid topics: [{topic}]"))),
        _ => Ok(()),
    }
}

fn props(ui: &Ui, opts: &Parsed) -> CliResult<Properties> {
    let config_file = match opts.value("command-config")? {
        Some(f) => Some(f),
        None => opts.value("consumer.config")?,
    };
    let given = Given {
        servers: opts.value("bootstrap-server")?,
        controllers: None,
        config_file,
        overrides: key_values::parse(opts.values("command-property")),
    };
    let target = Target::resolve(ui, opts, given)?;
    let mut props = target.connect.props.clone();
    props.set("bootstrap.servers", target.bootstrap_servers());
    let group = opts.value("group")?.map(str::to_string);
    props.set(
        "group.id",
        group.unwrap_or_else(|| format!("perf-consumer-{}", rand::random_range(0..100_000))),
    );
    props.set(
        "receive.buffer.bytes",
        opts.parsed::<i32>("socket-buffer-size")?
            .unwrap_or_default()
            .to_string(),
    );
    props.set(
        "max.partition.fetch.bytes",
        opts.parsed::<i32>("fetch-size")?.unwrap_or_default().to_string(),
    );
    props.set(
        "auto.offset.reset",
        if opts.has("from-latest") { "latest" } else { "earliest" },
    );
    props.set("check.crcs", "false");
    props.set_default("client.id", "perf-consumer-client");
    Ok(props)
}

/// A member of a group, and what reads its partitions.
pub(super) struct Reader {
    member: Member,
    fetcher: Option<Fetcher>,
    connect: ConnectConfig,
    settings: FetchSettings,
    fetches: Fetches,
    joining: Instant,
}

/// What a reader hears of.
pub(super) enum Event {
    /// Other partitions than before are to be read.
    Assigned,
    Fetched(Fetched),
}

impl Reader {
    /// Joins the group of the properties for a topic, or for those that match where it begins with `^`.
    pub(super) fn join(props: &Properties, topic: &str) -> Result<Self, ApiError> {
        let settings = FetchSettings::from_props(props);
        Ok(Self {
            member: Member::join(props, &[topic], settings.reset)?,
            fetcher: None,
            connect: ConnectConfig {
                bootstrap: Bootstrap::Servers(props.get("bootstrap.servers").unwrap_or_default().to_owned()),
                props: props.clone(),
            },
            settings,
            fetches: Fetches::default(),
            joining: Instant::now(),
        })
    }

    /// Takes note of what was read of a partition.
    pub(super) fn note(&mut self, fetched: &Fetched, next: i64, read: Consumed) {
        let topic = &*fetched.partition.topic;
        let fetches = &mut self.fetches;
        match fetches.by_topic.get_mut(topic) {
            Some(before) => {
                before.records += read.records;
                before.bytes += read.bytes;
            }
            None => drop(fetches.by_topic.insert(topic.to_owned(), read)),
        }
        let lag = u64::try_from(fetched.high_watermark.saturating_sub(next)).unwrap_or(0);
        let (now, most) = fetches
            .lag
            .entry((topic.to_owned(), fetched.partition.partition))
            .or_default();
        (*now, *most) = (lag, lag.max(*most));
    }

    fn take_statistics(&mut self) {
        if let Some(fetcher) = self.fetcher.take() {
            self.fetches.told.merge(&fetcher.statistics());
        }
    }

    /// Where the next consumer is to go on with a partition.
    pub(super) fn set_position(&self, partition: &TopicPartition, next: i64) {
        self.member.set_position(partition, next);
    }

    /// Commits and leaves the group; the answer is what its fetches were like.
    pub(super) fn close(mut self) -> Fetches {
        self.take_statistics();
        // As Java's: a commit that fails when the consumer closes is logged at most.
        let _ = self.member.close();
        self.fetches
    }

    pub(super) async fn next(&mut self) -> CliResult<Event> {
        let java = |e: ApiError| CliError::failed(e.text());
        let Reader { member, fetcher, .. } = self;
        let fetched = async {
            match fetcher {
                Some(fetcher) => fetcher.next().await,
                None => std::future::pending().await,
            }
        };
        let change = tokio::select! {
            biased;
            change = member.changed() => change,
            fetched = fetched => {
                let ended = || Err(ApiError::kafka("the fetcher ended without a word"));
                return fetched.unwrap_or_else(ended).map(Event::Fetched).map_err(java);
            }
        };
        match change {
            Some(Change::Assigned(starts)) => {
                self.take_statistics();
                self.fetches.assigned = starts.len();
                self.fetches
                    .rebalances
                    .add(self.joining.elapsed().as_secs_f64() * 1000.0);
                self.fetcher = match starts.is_empty() {
                    true => None,
                    false => Some(Fetcher::start(&self.connect, self.settings.clone(), starts).map_err(java)?),
                };
                Ok(Event::Assigned)
            }
            Some(Change::Failed(e)) => Err(java(e)),
            None => Err(CliError::failed("the group's thread ended without a word")),
        }
    }
}

pub(super) struct Test {
    records: i64,
    pub timeout_ms: i64,
    interval_ms: i64,
    detailed: bool,
    pub format: JavaDateFormat,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Read {
    pub records: u64,
    pub bytes: u64,
    /// From the start to the first assignment of partitions.
    pub join: Duration,
}

impl Read {
    /// Counts records up to `wanted`; the answer is the offset to go on with.
    pub(super) fn take(&mut self, fetched: &Fetched, wanted: u64) -> Result<i64, RecordError> {
        let (mut records, mut bytes) = (self.records, self.bytes);
        let next = fetched.visit(|record| {
            records += 1;
            bytes += (record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len)) as u64;
            if records < wanted {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        (self.records, self.bytes) = (records, bytes);
        next
    }
}

impl Test {
    pub(super) fn wanted(&self) -> u64 {
        u64::try_from(self.records).unwrap_or(0)
    }

    async fn consume(&self, ui: &mut Ui, reader: &mut Reader, recorder: &mut Recorder) -> CliResult<Read> {
        let idle = Duration::from_millis(u64::try_from(self.timeout_ms).unwrap_or(0));
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut read = Read::default();
        let started = Instant::now();
        let mut reported = (started, Read::default());
        let mut last_record = tokio::time::Instant::now();
        while read.records < self.wanted() {
            let event = tokio::select! {
                biased;
                event = reader.next() => event?,
                () = tokio::time::sleep_until(last_record + idle) => {
                    writeln!(
                        if recorder::kafka_text(ui) { ui.out() } else { ui.err() },
                        "WARNING: Exiting before consuming the expected number of records: timeout ({} ms) exceeded. \
                         You can use the --timeout option to increase the timeout.",
                        self.timeout_ms
                    )?;
                    break;
                }
                _ = interrupt.recv() => break,
            };
            match event {
                Event::Assigned if read.join.is_zero() => read.join = started.elapsed(),
                Event::Assigned => {}
                Event::Fetched(fetched) => {
                    let (before, before_bytes) = (read.records, read.bytes);
                    let next = read
                        .take(&fetched, self.wanted())
                        .map_err(|e| CliError::failed(e.to_string()))?;
                    reader.set_position(&fetched.partition, next);
                    let got = Consumed {
                        records: read.records - before,
                        bytes: read.bytes - before_bytes,
                    };
                    reader.note(&fetched, next, got);
                    recorder.add(got.records, got.bytes);
                    if read.records > before {
                        last_record = tokio::time::Instant::now();
                    }
                    self.tell_progress(ui, &read, &mut reported)?;
                }
            }
        }
        Ok(read)
    }

    fn tell_progress(&self, ui: &mut Ui, read: &Read, reported: &mut (Instant, Read)) -> CliResult {
        let elapsed = reported.0.elapsed();
        if elapsed.as_millis() < u128::try_from(self.interval_ms).unwrap_or(0) {
            return Ok(());
        }
        if self.detailed {
            let join = if reported.1.records == 0 {
                read.join
            } else {
                Duration::ZERO
            };
            let part = Read {
                records: read.records - reported.1.records,
                bytes: read.bytes - reported.1.bytes,
                join,
            };
            let fetch = elapsed.saturating_sub(join);
            let seconds = elapsed.as_secs_f64();
            let rate = |x: f64| if fetch.is_zero() { 0.0 } else { x / fetch.as_secs_f64() };
            writeln!(
                ui.out(),
                "{}, 0, {}, {}, {}, {}, {}, {}, {}, {}",
                self.format.text(&Local::now()),
                java_fixed(megabytes(read.bytes), 4),
                java_fixed(megabytes(part.bytes) / seconds, 4),
                read.records,
                java_fixed(count(part.records) / seconds, 4),
                join.as_millis(),
                fetch.as_millis(),
                java_fixed(rate(megabytes(part.bytes)), 4),
                java_fixed(rate(count(part.records)), 4)
            )?;
            ui.flush()?;
        }
        *reported = (Instant::now(), *read);
        Ok(())
    }
}

/// The columns after the times.
pub(super) fn columns(read: &Read, elapsed: Duration, join: Duration, fetch: Duration) -> String {
    let (mb, n) = (megabytes(read.bytes), count(read.records));
    format!(
        "{}, {}, {}, {}, {}, {}, {}, {}",
        java_fixed(mb, 4),
        java_fixed(mb / elapsed.as_secs_f64(), 4),
        read.records,
        java_fixed(n / elapsed.as_secs_f64(), 4),
        join.as_millis(),
        fetch.as_millis(),
        java_fixed(mb / fetch.as_secs_f64(), 4),
        java_fixed(n / fetch.as_secs_f64(), 4)
    )
}
