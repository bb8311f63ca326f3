//! `kafka-verifiable-producer.sh` (Kafka: `VerifiableProducer`): sends counted numbers and tells of each what became of it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::compat::argparse::{Namespace, Spec};
use super::compat::help;
use super::connect::{Given, Target};
use super::perf_test::unconstructed;
use super::tool::{Grammar, Line, Tool};
use super::verifiable_events::{self as events, Stop};
use super::{CliError, CliResult, Manner, Opt, Ui};
use crate::client::ApiError;
use crate::client::acked::{AckedProducer, Report, Reports};
use crate::client::produce::{Outgoing, max_block, wait_on_metadata};
use crate::client::props::Properties;
use crate::client::record_size;
use crate::runs;

pub static TOOL: Tool = Tool {
    script: "kafka-verifiable-producer",
    names: &["verifiable-producer"],
    about: "This tool produces increasing integers to the specified topic and prints JSON metadata to stdout on each \"send\" request, making externally visible which messages have been acked and which have not.",
    opts: OPTS,
    bare: None,
    help_after_error: false,
    grammar: Grammar::Own,
    run: runs!(run),
};

const OPTS: &[Opt] = &[
    Opt::value("topic", "TOPIC").help("The topic that records go to."),
    Opt::value("max-messages", "MAX-MESSAGES")
        .default("-1")
        .help("How many records to send; -1 for as many as until a signal comes."),
    Opt::value("throughput", "THROUGHPUT")
        .default("-1")
        .help("At most so many records a second, about; -1 for as many as can be."),
    Opt::value("acks", "ACKS")
        .default("-1")
        .help("Who acknowledges a record: 0, 1 or -1 (all)."),
    Opt::value("producer.config", "CONFIG-FILE")
        .deprecated()
        .help("The same as --command-config, which replaces it."),
    Opt::value("message-create-time", "CREATE-TIME")
        .default("-1")
        .help("The time of the first record, in ms since 1970; later ones grow with the time that passes."),
    Opt::value("value-prefix", "VALUE-PREFIX").help("A number and a dot in front of each value."),
    Opt::value("repeating-keys", "REPEATING-KEYS").help("Keys from 0 up to this number, then from 0 again."),
    Opt::value("command-config", "CONFIG-FILE").help("A file of producer properties, stronger than the options."),
    Opt::value("bootstrap-server", "HOST1:PORT1[,HOST2:PORT2[...]]").help("The brokers to begin with."),
];

const SPEC: Spec = Spec {
    prog: "verifiable-producer",
    usage: &[
        "verifiable-producer [-h] --topic TOPIC [--max-messages MAX-MESSAGES]",
        "                    [--throughput THROUGHPUT] [--acks ACKS]",
        "                    [--producer.config CONFIG-FILE]",
        "                    [--message-create-time CREATE-TIME]",
        "                    [--value-prefix VALUE-PREFIX]",
        "                    [--repeating-keys REPEATING-KEYS]",
        "                    [--command-config CONFIG-FILE]",
        "                    --bootstrap-server HOST1:PORT1[,HOST2:PORT2[...]]",
    ],
    opts: OPTS,
    many: &[],
    required: &["topic"],
    one_of: &[],
};

struct Plan {
    topic: String,
    /// Negative: until a signal comes.
    records: i32,
    /// Records a second; negative: no limit.
    throughput: i32,
    create_time: Option<i64>,
    value_prefix: Option<i32>,
    repeating_keys: Option<i32>,
    props: Properties,
}

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let script = ui.manner == Manner::Script;
    if line.words.is_empty() && script {
        return Ok(help::write(ui.out(), line.tool, Manner::Script)?);
    }
    let Some(ns) = SPEC.parse(&line.words).map_err(|e| SPEC.error(&e))? else {
        let manner = ui.manner;
        help::write(ui.out(), line.tool, manner)?;
        return if script { Err(CliError::Exit(1)) } else { Ok(()) };
    };
    let plan = plan(ui, &ns)?;
    let mut stop = Stop::listen()?;
    let (producer, reports) = AckedProducer::new(&plan.props).map_err(|e| unconstructed("producer", e))?;
    let started = Instant::now();
    let mut counts = Counts::default();
    events::print_bare(ui, "startup_complete")?;
    let mut sending = Sending {
        plan: &plan,
        producer,
        reports,
        known: false,
        create_time: plan.create_time,
        started,
    };
    let end = sending.run(ui, &mut stop, &mut counts).await;
    if let Err(e @ CliError::Io(_)) = end {
        return Err(e);
    }
    events::print_bare(ui, "shutdown_complete")?;
    #[allow(clippy::cast_precision_loss)] // counts far below 2^52
    let average = 1000.0 * (counts.acked as f64 / started.elapsed().as_millis().max(1) as f64);
    let data = json!({
        "sent": counts.sent,
        "acked": counts.acked,
        "target_throughput": plan.throughput,
        "avg_throughput": average,
    });
    events::print(ui, "tool_data", data)?;
    end?;
    if script || counts.acked == counts.sent {
        Ok(())
    } else {
        Err(CliError::told())
    }
}

fn plan(ui: &mut Ui, ns: &Namespace) -> CliResult<Plan> {
    let refuse = |text: String| SPEC.error(&text);
    let number = |name: &str| ns.number::<i32>(name, "Integer").map_err(refuse);
    let records = number("max-messages")?.unwrap_or(-1);
    let throughput = number("throughput")?.unwrap_or(-1);
    let acks = number("acks")?.unwrap_or(-1);
    if ![0, 1, -1].contains(&acks) {
        return Err(refuse(format!(
            "argument --acks: invalid choice: '{acks}' (choose from {{0,1,-1}})"
        )));
    }
    let create_time = ns.number::<i64>("message-create-time", "Long").map_err(refuse)?;
    let (value_prefix, repeating_keys) = (number("value-prefix")?, number("repeating-keys")?);
    if ui.manner == Manner::Script && !ns.has("bootstrap-server") {
        let text = "one of the arguments --bootstrap-server is required";
        return Err(refuse(text.to_owned()));
    }
    let config = config_file(ui, &SPEC, ns, "producer.config")?;
    let given = Given {
        servers: ns.value("bootstrap-server"),
        ..Given::default()
    };
    let target = Target::resolve_named(ui, None, given)?;
    let mut props = target.connect.props.clone();
    props.set("bootstrap.servers", target.bootstrap_servers());
    props.set("acks", acks.to_string());
    props.set("retries", "0");
    props.override_with(&config);
    Ok(Plan {
        topic: ns.value("topic").unwrap_or_default().to_owned(),
        records,
        throughput,
        create_time: create_time.filter(|&ms| ms != -1),
        value_prefix,
        repeating_keys,
        props,
    })
}

/// The properties of `--command-config`, or of the option that it replaces.
pub(super) fn config_file(ui: &mut Ui, spec: &Spec, ns: &Namespace, old: &str) -> CliResult<Properties> {
    if ns.has(old) && ns.has("command-config") {
        let text = format!("Options --{old} and --command-config are mutually exclusive.");
        return Err(spec.error(&text));
    }
    if ns.has(old) {
        writeln!(
            ui.out(),
            "Option --{old} has been deprecated and will be removed in a future version. Use --command-config instead."
        )?;
    }
    match ns.value("command-config").or(ns.value(old)) {
        Some(file) => Properties::load(file).map_err(|e| spec.error(e.text())),
        None => Ok(Properties::new()),
    }
}

#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    acked: u64,
    /// Acknowledged or failed.
    ended: u64,
}

struct Sending<'a> {
    plan: &'a Plan,
    producer: AckedProducer,
    reports: Reports,
    /// The topic's metadata were there once.
    known: bool,
    /// Of the next record.
    create_time: Option<i64>,
    started: Instant,
}

impl Sending<'_> {
    /// Sends until all is sent or a signal comes, then waits for the reports that are still to come.
    async fn run(&mut self, ui: &mut Ui, stop: &mut Stop, counts: &mut Counts) -> CliResult {
        let wanted = u64::try_from(self.plan.records).unwrap_or(u64::MAX);
        let mut end = Ok(());
        while end.is_ok() || counts.ended < counts.sent {
            let more = end.is_ok() && counts.sent < wanted;
            if !more && counts.ended == counts.sent {
                break;
            }
            let due = self.due(counts.sent);
            tokio::select! {
                biased;
                signal = stop.requested(), if end.is_ok() => end = Err(signal),
                Some(report) = self.reports.recv() => self.tell(ui, &report, counts)?,
                () = tokio::time::sleep_until(due), if more => self.send(ui, counts).await?,
            }
        }
        end
    }

    /// When the next record may go (Kafka: `ThroughputThrottler`).
    fn due(&self, sent: u64) -> tokio::time::Instant {
        let start = tokio::time::Instant::from_std(self.started);
        match (self.plan.throughput, sent) {
            (..0, _) | (_, 0) => start,
            // Kafka's throttler stops for good at a rate of nothing, behind the first record.
            (0, _) => start + Duration::from_secs(u64::from(u32::MAX)),
            #[allow(clippy::cast_precision_loss)] // counts far below 2^52
            (rate, sent) => start + Duration::from_secs_f64((sent - 1) as f64 / f64::from(rate)),
        }
    }

    fn value(&self, n: u64) -> String {
        match self.plan.value_prefix {
            Some(prefix) => format!("{prefix}.{n}"),
            None => n.to_string(),
        }
    }

    fn key(&self, n: u64) -> Option<String> {
        let repeat = self.plan.repeating_keys?;
        let repeat = u64::try_from(repeat).ok().filter(|&r| r > 0);
        Some(repeat.map_or(n, |r| n % r).to_string())
    }

    async fn send(&mut self, ui: &mut Ui, counts: &mut Counts) -> CliResult {
        let n = counts.sent;
        let (key, value) = (self.key(n), self.value(n));
        let timestamp = self.create_time();
        let record = Outgoing {
            topic: &self.plan.topic,
            key: key.as_deref().map(str::as_bytes),
            value: Some(value.as_bytes()),
            timestamp,
            ..Outgoing::default()
        };
        counts.sent += 1;
        let failed = match self.refused(&record).await {
            None => {
                self.producer.send(record, usize::try_from(n).unwrap_or(usize::MAX));
                return Ok(());
            }
            Some(e) => e,
        };
        let tag = usize::try_from(n).unwrap_or(usize::MAX);
        let result = Err(failed);
        self.tell(ui, &Report { tag, result }, counts)
    }

    /// Each record's time is the last one's and the whole time that has passed, as Kafka adds it up.
    fn create_time(&mut self) -> Option<i64> {
        let passed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let now = self.create_time;
        self.create_time = now.map(|ms| ms.saturating_add(passed));
        now
    }

    /// Why Java's producer would not even queue the record.
    async fn refused(&mut self, record: &Outgoing<'_>) -> Option<ApiError> {
        if !self.known {
            let props = &self.plan.props;
            if let Err(e) = wait_on_metadata(props, &self.plan.topic, max_block(props)).await {
                return Some(e);
            }
            self.known = true;
        }
        record_size::refusal(record_size::upper_bound(record), record_size::most(&self.plan.props))
    }

    fn tell(&self, ui: &mut Ui, report: &Report, counts: &mut Counts) -> CliResult {
        let n = report.tag as u64;
        let (key, value) = (self.key(n), self.value(n));
        let topic = &self.plan.topic;
        counts.ended += 1;
        match &report.result {
            Ok((partition, offset)) => {
                counts.acked += 1;
                let offset = (*offset).max(-1);
                let fields =
                    json!({"key": key, "value": value, "offset": offset, "topic": topic, "partition": partition});
                events::print(ui, "producer_send_success", fields)
            }
            Err(e) => {
                let exception = format!("class {}", e.exception_class());
                let fields =
                    json!({"topic": topic, "key": key, "value": value, "exception": exception, "message": e.text()});
                events::print(ui, "producer_send_error", fields)
            }
        }
    }
}
