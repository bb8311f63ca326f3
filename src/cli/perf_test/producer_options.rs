//! The options of `kafka-producer-perf-test.sh` (argparse4j), and what Kafka's `ConfigPostProcessor` makes of them.

use super::producer_beyond::{CLIENTS_OPT, DURATION_OPT, KEYS_OPT, LATENCY_OPT};
use super::recorder::REPORT_OPT;
use crate::cli::compat::argparse::{Namespace, Spec};
use crate::cli::connect::{Given, Target};
use crate::cli::{CliError, CliResult, Opt, Ui};
use crate::client::props::Properties;

pub const OPTS: &[Opt] = &[
    Opt::value("bootstrap-server", "BOOTSTRAP-SERVER")
        .help("The brokers to begin with; stronger than bootstrap.servers."),
    Opt::value("topic", "TOPIC").help("The topic that records go to."),
    Opt::value("num-records", "NUM-RECORDS").help("How many records to send."),
    Opt::value("payload-delimiter", "PAYLOAD-DELIMITER")
        .default("\\n")
        .help("What parts the payloads in --payload-file, a regular expression."),
    Opt::value("throughput", "THROUGHPUT").help("At most so many records a second, about; -1 for as many as can be."),
    Opt::value("producer-props", "PROP-NAME=PROP-VALUE")
        .deprecated()
        .help("The same as --command-property, which replaces it."),
    Opt::value("command-property", "PROP-NAME=PROP-VALUE").help("Producer properties, one or several."),
    Opt::value("producer.config", "CONFIG-FILE")
        .deprecated()
        .help("The same as --command-config, which replaces it."),
    Opt::value("command-config", "CONFIG-FILE").help("A file of producer properties."),
    Opt::flag("print-metrics").help("Print the producer's metrics at the end."),
    Opt::value("transactional-id", "TRANSACTIONAL-ID").help("Send in transactions under this id."),
    Opt::value("transaction-duration-ms", "TRANSACTION-DURATION")
        .help("Commit a transaction after so long, in ms (3000 by default)."),
    Opt::value("warmup-records", "WARMUP-RECORDS")
        .default("0")
        .help("The first records that the steady-state line leaves out."),
    Opt::value("reporting-interval", "INTERVAL-MS")
        .default("5000")
        .help("A line of progress each so many ms."),
    Opt::value("record-size", "RECORD-SIZE").help("Random records of so many bytes."),
    Opt::value("payload-file", "PAYLOAD-FILE").help("Records chosen at random from this file."),
    Opt::flag("payload-monotonic").help("Records that are numbers, counted up from 0."),
    CLIENTS_OPT,
    DURATION_OPT,
    KEYS_OPT,
    LATENCY_OPT,
    REPORT_OPT,
];

pub const SPEC: Spec = Spec {
    prog: "kafka-producer-perf-test",
    usage: &[
        "kafka-producer-perf-test",
        "[-h] [--bootstrap-server BOOTSTRAP-SERVER] --topic TOPIC",
        "--num-records NUM-RECORDS [--payload-delimiter PAYLOAD-DELIMITER]",
        "--throughput THROUGHPUT",
        "[--producer-props PROP-NAME=PROP-VALUE [PROP-NAME=PROP-VALUE ...]]",
        "[--command-property PROP-NAME=PROP-VALUE [PROP-NAME=PROP-VALUE ...]]",
        "[--producer.config CONFIG-FILE] [--command-config CONFIG-FILE]",
        "[--print-metrics] [--transactional-id TRANSACTIONAL-ID]",
        "[--transaction-duration-ms TRANSACTION-DURATION]",
        "[--warmup-records WARMUP-RECORDS] [--reporting-interval INTERVAL-MS]",
        "(--record-size RECORD-SIZE | --payload-file PAYLOAD-FILE |",
        "--payload-monotonic)",
    ],
    opts: OPTS,
    many: &["producer-props", "command-property"],
    required: &["throughput", "num-records", "topic"],
    one_of: &["record-size", "payload-file", "payload-monotonic"],
};

/// What records are made of.
#[derive(Debug)]
pub enum Payload {
    /// Random capital letters.
    Random(usize),
    /// One of these, at random.
    Chosen(Vec<Vec<u8>>),
    /// The record's number as text.
    Monotonic,
}

/// A test to run.
#[derive(Debug)]
pub struct Plan {
    pub topic: String,
    pub records: u64,
    /// Records a second; negative for no limit.
    pub throughput: f64,
    pub warmup: u64,
    pub reporting_interval_ms: i64,
    pub payload: Payload,
    pub props: Properties,
    /// How long a transaction lasts, when records go in transactions.
    pub transaction_ms: Option<i64>,
    pub print_metrics: bool,
}

const DEFAULT_TRANSACTION_MS: i64 = 3000;

/// Checks the values in Kafka's order and reads the files.
///
/// # Errors
/// The usage with argparse4j's or Kafka's text; a property that is not `key=value`; a file that cannot be read.
pub fn plan(ui: &mut Ui, ns: &Namespace) -> CliResult<Plan> {
    let refuse = |text: &str| Err(SPEC.error(text));
    let number = |name: &str| ns.number::<i64>(name, "Long").map_err(|e| SPEC.error(&e));
    let small = |name: &str| ns.number::<i32>(name, "Integer").map_err(|e| SPEC.error(&e));
    let records = number("num-records")?.unwrap_or_default();
    let throughput = ns
        .number::<f64>("throughput", "Double")
        .map_err(|e| SPEC.error(&e))?
        .unwrap_or(-1.0);
    let record_size = small("record-size")?;
    let transaction_ms = number("transaction-duration-ms")?;
    let warmup = number("warmup-records")?.unwrap_or(0);
    let reporting_interval_ms = number("reporting-interval")?.unwrap_or(5000);
    if records <= 0 {
        return refuse("--num-records should be greater than zero.");
    }
    if warmup >= records {
        return refuse(
            "The value for --warmup-records must be strictly fewer than the number of records in the test, --num-records.",
        );
    }
    if record_size.is_some_and(|s| s <= 0) {
        return refuse("--record-size should be greater than zero.");
    }
    let sources = [
        "bootstrap-server",
        "command-property",
        "producer-props",
        "producer.config",
        "command-config",
    ];
    if ui.manner == crate::cli::Manner::Script && !sources.iter().any(|s| ns.has(s)) {
        return refuse(
            "At least one of --bootstrap-server, --command-property, --producer-props, --producer.config or --command-config must be specified.",
        );
    }
    for (old, new) in [
        ("producer-props", "command-property"),
        ("producer.config", "command-config"),
    ] {
        if ns.has(old) && ns.has(new) {
            return refuse(&format!("--{new} and --{old} cannot be specified together."));
        }
    }
    if transaction_ms.is_some_and(|ms| ms <= 0) {
        return refuse("--transaction-duration-ms should be greater than zero.");
    }
    if reporting_interval_ms <= 0 {
        return refuse("--reporting-interval should be greater than zero.");
    }
    let payload = match (ns.value("payload-file"), record_size) {
        (Some(file), _) => Payload::Chosen(read_payloads(ui, file, ns.value("payload-delimiter").unwrap_or("\\n"))?),
        (None, Some(size)) => Payload::Random(usize::try_from(size).unwrap_or(0)),
        (None, None) => Payload::Monotonic,
    };
    for (old, new) in [
        ("producer-props", "command-property"),
        ("producer.config", "command-config"),
    ] {
        if ns.has(old) {
            writeln!(
                ui.out(),
                "Option --{old} has been deprecated and will be removed in a future version. Use --{new} instead."
            )?;
        }
    }
    let mut props = producer_props(ui, ns)?;
    let transaction_ms = transactions(&mut props, ns, transaction_ms);
    Ok(Plan {
        topic: ns.value("topic").unwrap_or_default().to_string(),
        records: records.unsigned_abs(),
        throughput,
        warmup: u64::try_from(warmup).unwrap_or(0),
        reporting_interval_ms,
        payload,
        props,
        transaction_ms,
        print_metrics: ns.has("print-metrics"),
    })
}

fn producer_props(ui: &Ui, ns: &Namespace) -> CliResult<Properties> {
    let mut overrides = Properties::new();
    for word in ns
        .values("command-property")
        .or(ns.values("producer-props"))
        .unwrap_or_default()
    {
        match word.split('=').collect::<Vec<_>>().as_slice() {
            [key, value] if !value.is_empty() => overrides.set(*key, *value),
            _ => {
                return Err(CliError::failed(format!(
                    "java.lang.IllegalArgumentException: Invalid property: {word}"
                )));
            }
        }
    }
    let given = Given {
        servers: ns.value("bootstrap-server").or(overrides.get("bootstrap.servers")),
        controllers: None,
        config_file: ns.value("command-config").or(ns.value("producer.config")),
        overrides: overrides.clone(),
    };
    let target = Target::resolve_named(ui, None, given)?;
    let mut props = target.connect.props.clone();
    props.set("bootstrap.servers", target.bootstrap_servers());
    props.set_default("client.id", "perf-producer-client");
    Ok(props)
}

/// Whether records go in transactions, and how long each lasts.
fn transactions(props: &mut Properties, ns: &Namespace, duration_ms: Option<i64>) -> Option<i64> {
    if let Some(id) = ns.value("transactional-id") {
        props.set("transactional.id", id);
    }
    match (props.contains_key("transactional.id"), duration_ms) {
        (false, None) => None,
        (false, Some(ms)) => {
            props.set(
                "transactional.id",
                format!("performance-producer-{}", uuid::Uuid::new_v4()),
            );
            Some(ms)
        }
        (true, ms) => Some(ms.unwrap_or(DEFAULT_TRANSACTION_MS)),
    }
}

fn read_payloads(ui: &mut Ui, file: &str, delimiter: &str) -> CliResult<Vec<Vec<u8>>> {
    let here = std::env::current_dir()?;
    let path = if file.is_empty() { here } else { here.join(file) };
    writeln!(ui.out(), "Reading payloads from: {}", path.display())?;
    if path.is_dir() {
        // Java's Scanner finds nothing in a folder, and takes that for its end
        writeln!(ui.out(), "Number of records read: 0")?;
        let text =
            "java.lang.IllegalArgumentException: No payload file, record size or payload-monotonic option provided.";
        return Err(CliError::failed(text));
    }
    let bytes = std::fs::read(&path).unwrap_or_default();
    if bytes.is_empty() {
        let text = "java.lang.IllegalArgumentException: File does not exist or empty file provided.";
        return Err(CliError::failed(text));
    }
    let delimiter = if delimiter == "\\n" { "\n" } else { delimiter };
    let split = crate::cli::compat::java_regex::JavaSplit::new(delimiter).map_err(CliError::failed)?;
    let text = String::from_utf8_lossy(&bytes);
    let payloads: Vec<Vec<u8>> = split.scan(&text).into_iter().map(|p| p.as_bytes().to_vec()).collect();
    writeln!(ui.out(), "Number of records read: {}", payloads.len())?;
    if payloads.is_empty() {
        return Err(CliError::failed(format!(
            "{}: no payload between its delimiters",
            path.display()
        )));
    }
    Ok(payloads)
}
