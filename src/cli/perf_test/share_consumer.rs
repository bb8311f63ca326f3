//! `kafka-share-consumer-perf-test.sh` (Kafka: `ShareConsumerPerformance`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Local};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::recorder::Recorder;
use super::stats::java_fixed;
use super::{recorder, unconstructed};
use crate::cli::compat::date_format::JavaDateFormat;
use crate::cli::compat::key_values;
use crate::cli::connect::{Given, Target};
use crate::cli::tool::{Grammar, Line, Tool};
use crate::cli::{CliError, CliResult, Manner, Opt, Parsed, Ui};
use crate::client::props::Properties;
use crate::client::share::{AcknowledgeType, ShareBatch, ShareConsumer, ShareSettings};
use crate::client::{ApiError, Bootstrap, ClientConfig, ConnectConfig, topic_name};
use crate::runs;
use crate::wire::ErrorCode;

pub static TOOL: Tool = Tool {
    script: "kafka-share-consumer-perf-test",
    names: &["perf-test share-consumer", "share-consumer-perf-test"],
    about: "This tool is used to verify the share consumer performance.",
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
        .help("A file of share consumer properties; --command-property is stronger."),
    Opt::value("command-property", "String: prop1=val1").help("A share consumer property, key=value. May be repeated."),
    Opt::value("consumer.config", "String: config file")
        .deprecated()
        .help("The same as --command-config, which replaces it."),
    Opt::value("date-format", "String: date format")
        .default("yyyy-MM-dd HH:mm:ss:SSS")
        .help("How times are printed (Java's SimpleDateFormat)."),
    Opt::value("fetch-size", "Integer: size")
        .default("1048576")
        .help("At most so many bytes in one fetch."),
    Opt::value("group", "String: gid")
        .default("perf-share-consumer")
        .help("The share group."),
    Opt::flag("help").help("Print this help."),
    Opt::flag("hide-header").help("Leave out the line of column names."),
    Opt::value("messages", "Long: count")
        .deprecated()
        .help("The same as --num-records, which replaces it."),
    Opt::value("num-records", "Long: count").help("How many records to read."),
    Opt::flag("print-metrics").help("Print metrics at the end."),
    recorder::REPORT_OPT,
    Opt::value("reporting-interval", "Long: interval_ms")
        .default("5000")
        .help("With --show-detailed-stats: a line each so many ms."),
    Opt::flag("show-consumer-stats").help("A line for each share consumer at the end."),
    Opt::flag("show-detailed-stats").help("A line for each interval and share consumer."),
    Opt::value("socket-buffer-size", "Integer: size")
        .default("2097152")
        .help("Bytes of the socket's receive buffer (left to the system here)."),
    Opt::value("threads", "Integer: count")
        .default("1")
        .help("How many share consumers read at once."),
    Opt::optional("timeout", "Long: milliseconds")
        .default("10000")
        .help("End when no record came for so long, in ms."),
    Opt::value("topic", "String: topic").help("The topic to read."),
    Opt::flag("version").help("Print Kafka's version."),
];

/// As long as Java's loop waits for records before it looks at the clock.
const POLL: Duration = Duration::from_millis(100);

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let opts = &line.options;
    check(ui, opts)?;
    let kafka_text = recorder::kafka_text(ui);
    if !opts.has("hide-header") && kafka_text {
        writeln!(
            ui.out(),
            "start.time, end.time, data.consumed.in.MB, MB.sec, nMsg.sec, data.consumed.in.nMsg, fetch.time.ms"
        )?;
    }
    let threads = opts.parsed::<i32>("threads")?.unwrap_or(1);
    let props = props(ui, opts)?;
    let test = Arc::new(test(ui, opts, &props, threads)?);
    check_names(ui, &props, &test.topic)?;
    let consumers = usize::try_from(threads).unwrap_or(0);
    let (start, started) = (Local::now(), Instant::now());
    let each = read_all(ui, &test, &props, consumers).await?;
    let (end, elapsed) = (Local::now(), started.elapsed());
    if !kafka_text {
        return conclude(ui, opts, &test, consumers);
    }
    let times = |format: &JavaDateFormat| format!("{}, {}", format.text(&start), format.text(&end));
    if opts.has("show-consumer-stats") {
        for (index, read) in each.iter().enumerate() {
            let client = client_id(&props, consumers, index);
            let figures = figures(read.bytes, read.records, elapsed);
            writeln!(
                ui.out(),
                "Share consumer {} having client id {client} consumption metrics- {}, {figures}",
                index + 1,
                times(&test.format)
            )?;
        }
    }
    let (records, bytes) = test.totals();
    if records < test.wanted() {
        writeln!(
            ui.out(),
            "WARNING: Exiting before consuming the expected number of records: timeout ({} ms) exceeded. \
             You can use the --timeout option to increase the timeout.",
            test.timeout_ms
        )?;
    }
    let figures = figures(bytes, records, elapsed);
    writeln!(ui.out(), "{}, {figures}", times(&test.format))?;
    if opts.has("print-metrics") {
        for (index, read) in each.iter().enumerate() {
            let client = client_id(&props, consumers, index);
            let name =
                format!("consumer-share-fetch-manager-metrics:acknowledgements-send-total:{{client-id={client}}}");
            let acknowledged = java_fixed(recorder::float(read.records), 3);
            writeln!(ui.out(), "\n{:width$}   Value", "Metric Name", width = name.len())?;
            writeln!(ui.out(), "{name} : {acknowledged}")?;
        }
    }
    conclude(ui, opts, &test, consumers)
}

/// What is told beyond Kafka's lines, and how it ends.
fn conclude(ui: &mut Ui, opts: &Parsed, test: &Test, consumers: usize) -> CliResult {
    let recorder = std::mem::replace(&mut *test.recorder.lock(), Recorder::new("share-consumer"));
    let summary = recorder.finish(u64::try_from(consumers).unwrap_or(0), 0);
    summary.tell(ui, opts.value("report")?)?;
    if test.totals().0 < test.wanted() {
        Err(CliError::told_quietly())
    } else {
        Ok(())
    }
}

fn check(ui: &mut Ui, opts: &Parsed) -> CliResult {
    if ui.manner == Manner::Script {
        opts.require(&["bootstrap-server"]).map_err(CliError::usage_with_help)?;
    }
    opts.require(&["topic"]).map_err(CliError::usage_with_help)?;
    if opts.has("messages") == opts.has("num-records") {
        return Err(CliError::usage_with_help(
            "Exactly one of the following arguments is required: [messages], [num-records]",
        ));
    }
    opts.forbid("consumer.config", &["command-config"])
        .map_err(CliError::usage_with_help)?;
    for (old, new) in [("messages", "num-records"), ("consumer.config", "command-config")] {
        if opts.has(old) {
            writeln!(ui.out(), "Warning: --{old} is deprecated. Use --{new} instead.")?;
        }
    }
    Ok(())
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
    props.set("group.id", opts.value("group")?.unwrap_or_default());
    let number = |name: &str| -> CliResult<String> { Ok(opts.parsed::<i32>(name)?.unwrap_or_default().to_string()) };
    props.set("receive.buffer.bytes", number("socket-buffer-size")?);
    props.set("fetch.max.bytes", number("fetch-size")?);
    props.set("check.crcs", "false");
    props.set_default("client.id", "perf-share-consumer-client");
    Ok(props)
}

/// What Java's share consumer says when it is made and when it asks for the topic.
fn check_names(ui: &mut Ui, props: &Properties, topic: &str) -> CliResult {
    if props.get("group.id").is_some_and(|group| group.trim().is_empty()) {
        let why = "You must provide a valid group.id in the consumer configuration.";
        let class = "org.apache.kafka.common.errors.InvalidGroupIdException";
        return Err(CliError::failed(format!(
            "Failed to construct Kafka share consumer\nCaused by: {class}: {why}"
        )));
    }
    let connect = ConnectConfig {
        bootstrap: Bootstrap::Servers(props.get("bootstrap.servers").unwrap_or_default().to_owned()),
        props: props.clone(),
    };
    if let Err(e) = ClientConfig::for_admin(&connect) {
        let config = e.chain().last().cloned().unwrap_or(e);
        return Err(match unconstructed("consumer", config) {
            CliError::Failed { message, script_exit } => CliError::Failed {
                message: message.replace("kafka consumer", "Kafka share consumer"),
                script_exit,
            },
            other => other,
        });
    }
    if !topic_name::is_legal(topic) {
        let (client, group) = (
            props.get("client.id").unwrap_or_default(),
            props.get("group.id").unwrap_or_default(),
        );
        let log = format!(
            "[ShareConsumer clientId={client}, groupId={group}] Metadata response reported invalid topics [{topic}]"
        );
        ui.log("ERROR", &log, "org.apache.kafka.clients.Metadata")?;
        let e = ApiError::with_text(ErrorCode::INVALID_TOPIC_EXCEPTION, format!("Invalid topics: [{topic}]"));
        return Err(CliError::failed(e.to_string()));
    }
    Ok(())
}

/// What all consumers share.
struct Test {
    topic: String,
    records: i64,
    timeout_ms: i64,
    /// `None`: none that is possible, which Java finds out at the first record.
    interval: Option<Duration>,
    detailed: bool,
    format: JavaDateFormat,
    read: AtomicU64,
    bytes: AtomicU64,
    recorder: Mutex<Recorder>,
}

fn test(ui: &Ui, opts: &Parsed, props: &Properties, threads: i32) -> CliResult<Test> {
    let records = opts.parsed::<i64>("num-records")?.or(opts.parsed("messages")?);
    let interval_ms: i64 = opts.parsed("reporting-interval")?.unwrap_or(5000);
    let detailed = opts.has("show-detailed-stats") && recorder::kafka_text(ui);
    if threads <= 0 {
        // What Java's thread pool says.
        return Err(CliError::failed("null"));
    }
    debug_assert!(props.contains_key("group.id"));
    Ok(Test {
        topic: opts.value("topic")?.unwrap_or_default().to_owned(),
        records: records.unwrap_or(0),
        timeout_ms: opts.parsed("timeout")?.unwrap_or(10_000),
        interval: u64::try_from(interval_ms)
            .ok()
            .filter(|&ms| ms > 0)
            .map(Duration::from_millis),
        detailed,
        format: JavaDateFormat::new(opts.value("date-format")?.unwrap_or_default()).map_err(CliError::failed)?,
        read: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        recorder: Mutex::new(Recorder::new("share-consumer")),
    })
}

impl Test {
    fn wanted(&self) -> u64 {
        u64::try_from(self.records).unwrap_or(0)
    }

    fn totals(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

fn client_id(props: &Properties, consumers: usize, index: usize) -> String {
    let id = props.get("client.id").unwrap_or_default();
    if consumers == 1 {
        id.to_owned()
    } else {
        format!("{id}-{}", index + 1)
    }
}

/// Runs the consumers, each on the threads of a runtime of their own, and prints their lines as they come.
async fn read_all(ui: &mut Ui, test: &Arc<Test>, props: &Properties, consumers: usize) -> CliResult<Vec<Read>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(consumers.min(std::thread::available_parallelism().map_or(1, usize::from)))
        .enable_all()
        .build()?;
    let (lines, mut printed) = mpsc::unbounded_channel();
    let reads: Vec<_> = (0..consumers)
        .map(|index| {
            let mut props = props.clone();
            props.set("client.id", client_id(&props, consumers, index));
            let reading = Reading {
                test: test.clone(),
                index,
                lines: lines.clone(),
                read: Read::default(),
                reported: (Local::now(), Instant::now(), Read::default()),
            };
            runtime.spawn(reading.run(props))
        })
        .collect();
    drop(lines);
    while let Some(line) = printed.recv().await {
        writeln!(ui.out(), "{line}")?;
        ui.flush()?;
    }
    let mut all = Vec::new();
    let mut failed = None;
    for read in reads {
        match read.await {
            Ok(Ok(read)) => all.push(read),
            Ok(Err(e)) => failed = failed.or(Some(CliError::failed(e.to_string()))),
            Err(e) => failed = failed.or(Some(CliError::failed(e.to_string()))),
        }
    }
    runtime.shutdown_background();
    failed.map_or(Ok(all), Err)
}

#[derive(Clone, Copy, Default)]
struct Read {
    records: u64,
    bytes: u64,
}

/// One share consumer at work.
struct Reading {
    test: Arc<Test>,
    index: usize,
    lines: mpsc::UnboundedSender<String>,
    read: Read,
    /// When the last line was told, and of what.
    reported: (DateTime<Local>, Instant, Read),
}

impl Reading {
    async fn run(mut self, props: Properties) -> Result<Read, ApiError> {
        if self.test.wanted() == 0 {
            return Ok(self.read);
        }
        let settings = ShareSettings::from_props(props.get("group.id").unwrap_or_default(), &props);
        let connect = ConnectConfig {
            bootstrap: Bootstrap::Servers(props.get("bootstrap.servers").unwrap_or_default().to_owned()),
            props,
        };
        let topics = [self.test.topic.clone()];
        let mut consumer = ShareConsumer::join(&connect, settings, &topics).await?;
        let timeout = Duration::from_millis(u64::try_from(self.test.timeout_ms).unwrap_or(0));
        let mut last = Instant::now();
        while self.test.totals().0 < self.test.wanted() && last.elapsed() <= timeout {
            let Ok(next) = tokio::time::timeout(POLL, consumer.next()).await else {
                continue;
            };
            let batch = next?;
            if self.count(&batch)? > 0 {
                last = Instant::now();
            }
            consumer.acknowledge(&batch, AcknowledgeType::Accept);
        }
        consumer.close().await;
        Ok(self.read)
    }

    /// Counts a batch's records. The answer is how many there were.
    fn count(&mut self, batch: &ShareBatch) -> Result<u64, ApiError> {
        let before = self.read;
        let mut now = before;
        let Some(interval) = self.test.interval else {
            let text = "Reporting interval must be greater than 0.";
            return Err(ApiError::of_class("java.lang.IllegalArgumentException", text));
        };
        let mut due = self.test.detailed && self.reported.1.elapsed() >= interval;
        let mut first = None;
        batch.visit(|record, _| {
            now.records += 1;
            now.bytes += (record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len)) as u64;
            if std::mem::take(&mut due) {
                // Java tells at the first record after the interval, before it counts the others of its poll.
                first = Some(now);
            }
        })?;
        if let Some(read) = first {
            self.tell(read);
        }
        self.read = now;
        let (records, bytes) = (now.records - before.records, now.bytes - before.bytes);
        self.test.read.fetch_add(records, Ordering::Relaxed);
        self.test.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.test.recorder.lock().add(records, bytes);
        Ok(records)
    }

    fn tell(&mut self, read: Read) {
        let (time, instant) = (Local::now(), Instant::now());
        let (since, started, last) = &self.reported;
        let elapsed = instant.duration_since(*started);
        let seconds = elapsed.as_millis().max(1);
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let rate = |x: f64| x * 1000.0 / seconds as f64;
        let line = format!(
            "{}, {}, {}, {}, {}, {}, {} for share consumer {}",
            self.test.format.text(since),
            self.test.format.text(&time),
            java_fixed(recorder::megabytes(read.bytes), 4),
            java_fixed(rate(recorder::megabytes(read.bytes - last.bytes)), 4),
            java_fixed(rate(recorder::float(read.records - last.records)), 4),
            read.records,
            elapsed.as_millis(),
            self.index + 1
        );
        self.reported = (time, instant, read);
        // The printer is gone only when the tool ends.
        let _ = self.lines.send(line);
    }
}

/// The columns after the times.
fn figures(bytes: u64, records: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let mb = recorder::megabytes(bytes);
    format!(
        "{}, {}, {}, {records}, {}",
        java_fixed(mb, 4),
        java_fixed(mb / seconds, 4),
        java_fixed(recorder::float(records) / seconds, 4),
        elapsed.as_millis()
    )
}
