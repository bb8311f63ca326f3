//! `kafka-e2e-latency.sh` (Kafka: `EndToEndLatency`): one record at a time goes to the cluster and comes back.
//!
//! Two things differ inside. The fetch that brings a record back waits at the broker for it, where Java's asks again and
//! again (`fetch.max.wait.ms=0`). And the position is not committed at the end: Java does so for a group that nobody
//! will ever join again.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rand::Rng;

use super::recorder::Recorder;
use super::{recorder, unconstructed};
use crate::TopicPartition;
use crate::cli::compat::deserialize::java_double;
use crate::cli::connect::Target;
use crate::cli::tool::{Grammar, Line, Tool};
use crate::cli::{CliError, CliResult, Manner, Opt, Parsed, Ui};
use crate::client::acked::{AckedProducer, Reports};
use crate::client::admin::{Admin, IsolationLevel, NewTopic, OffsetInfo, OffsetSpec};
use crate::client::fetch::{FetchSettings, Fetcher, Start};
use crate::client::produce::Outgoing;
use crate::client::props::Properties;
use crate::client::{ApiError, Bootstrap, ConnectConfig, librdkafka, record_size};
use crate::runs;
use crate::wire::ErrorCode;

pub static TOOL: Tool = Tool {
    script: "kafka-e2e-latency",
    names: &["perf-test e2e-latency", "e2e-latency"],
    about: "This tool measures end-to-end latency in Kafka by sending messages and timing their reception.",
    opts: OPTS,
    bare: None,
    help_after_error: true,
    grammar: Grammar::JoptSimpleOf(convert_legacy_args),
    run: runs!(run),
};

const OPTS: &[Opt] = &[
    Opt::value("bootstrap-server", "String: bootstrap-server")
        .help("The brokers to begin with, HOST:PORT, separated by commas."),
    Opt::optional("command-config", "String: config-file")
        .help("A file of properties for producer, consumer and admin."),
    Opt::flag("help").help("Print this help."),
    Opt::optional("num-headers", "Integer: count")
        .default("0")
        .help("How many headers each record has."),
    Opt::value("num-records", "Integer: count").help("How many records to send, one after the other."),
    Opt::value("producer-acks", "String: producer-acks").help("Who acknowledges a record: 1 (the leader) or all."),
    Opt::optional("record-header-key-size", "Integer: bytes")
        .default("0")
        .help("Bytes of each header's key."),
    Opt::optional("record-header-size", "Integer: bytes")
        .default("0")
        .help("Bytes of each header's value; -1 is a null."),
    Opt::optional("record-key-size", "Integer: bytes")
        .default("0")
        .help("Bytes of each record's key; 0 is no key."),
    Opt::value("record-size", "Integer: bytes").help("Bytes of each record's value."),
    Opt::value("topic", "String: topic-name").help("The topic to write to and to read from; made if there is none."),
    recorder::REPORT_OPT,
    Opt::flag("version").help("Print Kafka's version."),
];

/// The options that make a command line one of names. Without any of them it is one of positions.
const NAMES: [&str; 5] = [
    "--bootstrap-server",
    "--topic",
    "--num-records",
    "--producer-acks",
    "--record-size",
];

/// Five or six words by position become options.
fn convert_legacy_args(ui: &mut Ui, words: Vec<String>) -> CliResult<Vec<String>> {
    let named = words.iter().any(|word| NAMES.contains(&word.as_str()));
    let asks = ui.manner == Manner::Kt && words.iter().any(|word| word.starts_with('-'));
    if words.is_empty() || named || asks {
        return Ok(words);
    }
    if !matches!(words.len(), 5 | 6) {
        return Err(CliError::failed(format!(
            "Invalid number of arguments. Expected 5 or 6 positional arguments, but got {}. Usage: bootstrap-server topic \
             num-records producer-acks record-size [optional] command-config",
            words.len()
        )));
    }
    let listed = NAMES.join(", ");
    writeln!(
        ui.out(),
        "WARNING: Positional argument usage is deprecated and will be removed in Apache Kafka 5.0. Please use named \
         arguments instead: {listed}, --command-config"
    )?;
    let names = NAMES.into_iter().chain(["--command-config"]);
    Ok(names
        .zip(words)
        .flat_map(|(name, word)| [name.to_string(), word])
        .collect())
}

/// What to send.
struct Test {
    topic: String,
    records: u32,
    value: usize,
    /// 0: no key.
    key: usize,
    headers: usize,
    header_key: usize,
    /// `None`: null.
    header_value: Option<usize>,
}

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let opts = &line.options;
    let test = check(ui, opts)?;
    let target = Target::resolve(ui, opts, Target::of(opts)?)?;
    let mut props = target.connect.props.clone();
    props.set("bootstrap.servers", target.bootstrap_servers());
    let (consumer_props, producer_props) = client_props(&props, opts.value("producer-acks")?.unwrap_or("all"));
    // For what it finds wrong with the properties, as the consumer is made before the producer.
    librdkafka::consumer(&consumer_props).map_err(|e| unconstructed("consumer", e))?;
    let (producer, reports) = AckedProducer::new(&producer_props).map_err(|e| unconstructed("producer", e))?;
    let connect = ConnectConfig {
        bootstrap: Bootstrap::Servers(target.bootstrap_servers().to_owned()),
        props: consumer_props,
    };
    let admin = Admin::connect(&connect).await?;
    let topics = admin.list_topics(true).await.map_err(|e| {
        CliError::failed(match e.code {
            ErrorCode::REQUEST_TIMED_OUT => "Timeout expired while fetching topic metadata".to_owned(),
            _ => e.text().to_owned(),
        })
    })?;
    if !topics.iter().any(|t| t.name == test.topic) {
        create_topic(ui, &admin, &test.topic).await?;
    }
    let ends = ends(&admin, &test.topic)
        .await
        .map_err(|e| CliError::failed(e.text()))?;
    let mut settings = FetchSettings::from_props(&connect.props);
    settings.min_bytes = 1;
    settings.max_wait_ms = 500;
    let fetcher = Fetcher::start(&connect, settings, ends).map_err(|e| CliError::failed(e.text()))?;
    let mut ends = Ends {
        producer,
        reports,
        fetcher,
        props: producer_props,
    };
    let mut latencies = Vec::with_capacity(test.records as usize);
    let mut recorder = Recorder::with_latencies("e2e-latency");
    let kafka_text = recorder::kafka_text(ui);
    for n in 0..test.records {
        let sample = Sample::new(&test);
        let begin = Instant::now();
        let got = ends.there_and_back(&test.topic, &sample).await?;
        let elapsed = begin.elapsed();
        sample.validate(&got).map_err(CliError::failed)?;
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        recorder.add_latency(micros, (test.value + test.key) as u64);
        if n % 1000 == 0 && kafka_text {
            writeln!(ui.out(), "{n}\t{}", java_double(nanos(elapsed) / 1000.0 / 1000.0))?;
            ui.flush()?;
        }
        latencies.push(elapsed);
    }
    if kafka_text {
        print_results(ui, &mut latencies)?;
    }
    recorder.finish(1, 0).tell(ui, opts.value("report")?)
}

fn check(ui: &Ui, opts: &Parsed) -> CliResult<Test> {
    if ui.manner == Manner::Script {
        opts.require(&["bootstrap-server"]).map_err(CliError::usage_with_help)?;
    }
    opts.require(&["topic", "num-records", "producer-acks", "record-size"])
        .map_err(CliError::usage_with_help)?;
    let acks = opts.value("producer-acks")?.unwrap_or_default();
    if !["1", "all"].contains(&acks) {
        return Err(CliError::usage_with_help(
            "Invalid value for --producer-acks. Latency testing requires synchronous acknowledgement. Please use '1' or \
             'all'.",
        ));
    }
    let number = |name: &str, least: i32, what: &str| -> CliResult<i32> {
        let value = opts.parsed::<i32>(name)?.unwrap_or(0);
        if value < least {
            return Err(CliError::usage_with_help(format!("Value for --{name} must be {what}.")));
        }
        Ok(value)
    };
    let size = |n: i32| usize::try_from(n).unwrap_or(0);
    let records = number("num-records", 1, "a positive integer")?;
    let value = number("record-size", 0, "a non-negative integer")?;
    let key = number("record-key-size", 0, "a non-negative integer")?;
    let header_key = number("record-header-key-size", 0, "a non-negative integer")?;
    let null = "a non-negative integer or -1 for null header value";
    let header_value = number("record-header-size", -1, null)?;
    let headers = number("num-headers", 0, "a non-negative integer")?;
    Ok(Test {
        topic: opts.value("topic")?.unwrap_or_default().to_owned(),
        records: records.unsigned_abs(),
        value: size(value),
        key: size(key),
        headers: size(headers),
        header_key: size(header_key),
        header_value: usize::try_from(header_value).ok(),
    })
}

/// The consumer's properties and the producer's.
fn client_props(given: &Properties, acks: &str) -> (Properties, Properties) {
    let mut consumer = given.clone();
    let group = format!("test-group-{}", chrono::Utc::now().timestamp_millis());
    for (key, value) in [
        ("group.id", group.as_str()),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "latest"),
        ("fetch.max.wait.ms", "0"),
    ] {
        consumer.set(key, value);
    }
    let mut producer = given.clone();
    for (key, value) in [
        ("linger.ms", "0"),
        ("max.block.ms", "9223372036854775807"),
        ("acks", acks),
    ] {
        producer.set(key, value);
    }
    (consumer, producer)
}

async fn create_topic(ui: &mut Ui, admin: &Admin, topic: &str) -> CliResult {
    writeln!(
        ui.out(),
        "Topic \"{topic}\" does not exist. Will create topic with 1 partition(s) and replication factor = 1"
    )?;
    let new = NewTopic {
        name: topic.to_owned(),
        partitions: Some(1),
        replication_factor: Some(1),
        ..NewTopic::default()
    };
    for (_, created) in admin.create_topics(&[new], false).await {
        if let Err(e) = created {
            writeln!(ui.out(), "Creation of topic {topic} failed")?;
            return Err(CliError::failed(e.as_execution_exception()));
        }
    }
    Ok(())
}

/// Where each of the topic's partitions ends now; waits until each has a leader.
async fn ends(admin: &Admin, topic: &str) -> Result<Vec<(TopicPartition, Start)>, ApiError> {
    let mut partitions = Vec::new();
    for (_, described) in admin.describe_topics(&[topic.to_owned()], false).await {
        for p in described?.partitions {
            let topic = topic.into();
            let partition = p.partition;
            partitions.push((TopicPartition { topic, partition }, OffsetSpec::Latest));
        }
    }
    let found = admin.list_offsets(&partitions, IsolationLevel::ReadUncommitted).await;
    let start = |(tp, end): (_, Result<OffsetInfo, ApiError>)| end.map(|end| (tp, Start::Offset(end.offset)));
    found.into_iter().map(start).collect()
}

/// How long to wait for a record to come back, in ms.
const POLL_TIMEOUT_MS: u64 = 60_000;

/// What is fetched of a record.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    key: Option<Vec<u8>>,
    value: Vec<u8>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

/// The two ends of the way.
struct Ends {
    producer: AckedProducer,
    reports: Reports,
    fetcher: Fetcher,
    /// The producer's.
    props: Properties,
}

impl Ends {
    /// Sends, waits for the acknowledgement, then for whatever comes back.
    async fn there_and_back(&mut self, topic: &str, sample: &Sample) -> CliResult<Vec<Got>> {
        let failed = |e: &ApiError| CliError::failed(e.to_string());
        let record = Outgoing {
            topic,
            key: sample.key.as_deref(),
            value: Some(&sample.value),
            headers: &sample.headers,
            ..Outgoing::default()
        };
        if let Some(e) = record_size::refusal(record_size::upper_bound(&record), record_size::most(&self.props)) {
            return Err(failed(&e));
        }
        self.producer.send(record, 0);
        match self.reports.recv().await {
            Some(report) => report.result.map_err(|e| failed(&e))?,
            None => return Err(CliError::failed("the producer ended without a word")),
        };
        let deadline = tokio::time::Instant::now() + Duration::from_millis(POLL_TIMEOUT_MS);
        let mut got = Vec::new();
        while got.is_empty() {
            let Ok(next) = tokio::time::timeout_at(deadline, self.fetcher.next()).await else {
                break;
            };
            let fetched = next.unwrap_or_else(|| Err(ApiError::kafka("the fetcher ended without a word")));
            let fetched = fetched.map_err(|e| CliError::failed(e.text()))?;
            let each = |record: &crate::record::Record<'_>| {
                got.push(Got {
                    key: record.key.map(<[u8]>::to_vec),
                    value: record.value.unwrap_or_default().to_vec(),
                    headers: (record.headers)
                        .map(|h| (String::from_utf8_lossy(h.key).into_owned(), h.value.map(<[u8]>::to_vec)))
                        .collect(),
                });
                ControlFlow::Continue(())
            };
            fetched.visit(each).map_err(|e| CliError::failed(e.to_string()))?;
        }
        Ok(got)
    }
}

/// A record to send.
struct Sample {
    key: Option<Vec<u8>>,
    value: Vec<u8>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Sample {
    /// Each part is one letter, again and again, as Kafka fills them.
    fn new(test: &Test) -> Self {
        let mut random = rand::rng();
        let mut bytes = |size: usize| vec![b'A' + random.random_range(0..26u8); size];
        let key = (test.key > 0).then(|| bytes(test.key));
        let value = bytes(test.value);
        let mut header = || {
            let name = String::from_utf8_lossy(&bytes(test.header_key)).into_owned();
            (name, test.header_value.map(&mut bytes))
        };
        let headers = (0..test.headers).map(|_| header()).collect();
        Self { key, value, headers }
    }

    /// Whether what came back is this record and nothing else.
    fn validate(&self, got: &[Got]) -> Result<(), String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let Some(first) = got.first() else {
            return Err(format!(
                "poll() timed out before finding a result (timeout:[{POLL_TIMEOUT_MS}ms])"
            ));
        };
        if first.value != self.value {
            return Err(format!(
                "The message value read [{}] did not match the message value sent [{}]",
                text(&first.value),
                text(&self.value)
            ));
        }
        match (&self.key, &first.key) {
            (Some(_), None) => return Err("Expected message key but received null".to_owned()),
            (Some(sent), Some(read)) if sent != read => {
                return Err(format!(
                    "The message key read [{}] did not match the message key sent [{}]",
                    text(read),
                    text(sent)
                ));
            }
            (None, Some(read)) => return Err(format!("Expected null message key but received [{}]", text(read))),
            _ => {}
        }
        if !self.headers.is_empty() {
            if first.headers.is_empty() {
                return Err("Expected message headers but received none".to_owned());
            }
            for (sent, read) in self.headers.iter().zip(&first.headers) {
                if sent != read {
                    return Err(format!(
                        "The message header read [{}:{}] did not match the message header sent [{}:{}]",
                        read.0,
                        java_bytes(read.1.as_deref()),
                        sent.0,
                        java_bytes(sent.1.as_deref())
                    ));
                }
            }
            if self.headers.len() != first.headers.len() {
                return Err("Header count mismatch between sent and received messages".to_owned());
            }
        }
        if got.len() != 1 {
            return Err(format!(
                "Only one result was expected during this test. We found [{}]",
                got.len()
            ));
        }
        Ok(())
    }
}

/// Java's `Arrays.toString` of bytes, which are signed there.
fn java_bytes(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "null".to_owned(),
        Some(bytes) => {
            let all: Vec<String> = bytes.iter().map(|b| b.cast_signed().to_string()).collect();
            format!("[{}]", all.join(", "))
        }
    }
}

#[allow(clippy::cast_precision_loss)] // below 2^52
fn nanos(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

/// The last two lines. There is at least one latency.
fn print_results(ui: &mut Ui, latencies: &mut [Duration]) -> CliResult {
    latencies.sort_unstable();
    let total: f64 = latencies.iter().copied().map(nanos).sum();
    #[allow(clippy::cast_precision_loss)] // an i32
    let average = total / latencies.len() as f64 / 1000.0 / 1000.0;
    let at = |thousandths: usize| {
        latencies
            .get(latencies.len() * thousandths / 1000)
            .map_or(0, Duration::as_millis)
    };
    writeln!(ui.out(), "Avg latency: {average:.4} ms")?;
    writeln!(
        ui.out(),
        "Percentiles: 50th = {}, 99th = {}, 99.9th = {}",
        at(500),
        at(990),
        at(999)
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Sample, Got) {
        let headers = vec![("H".to_owned(), Some(vec![200]))];
        let sample = Sample {
            key: Some(b"K".to_vec()),
            value: b"V".to_vec(),
            headers: headers.clone(),
        };
        let got = Got {
            key: Some(b"K".to_vec()),
            value: b"V".to_vec(),
            headers,
        };
        (sample, got)
    }

    #[test]
    fn what_comes_back_changed_is_told() {
        let told = |change: fn(&mut Got)| {
            let (sample, mut got) = sample();
            change(&mut got);
            sample.validate(&[got]).unwrap_err()
        };
        assert!(told(|g| g.value = vec![]).starts_with("The message value read [] did not match"));
        assert_eq!(told(|g| g.key = None), "Expected message key but received null");
        assert_eq!(
            told(|g| g.headers.clear()),
            "Expected message headers but received none"
        );
        assert_eq!(
            told(|g| g.headers[0].1 = None),
            "The message header read [H:null] did not match the message header sent [H:[-56]]"
        );
        let (sample, got) = sample();
        assert_eq!(
            sample.validate(&[]).unwrap_err(),
            "poll() timed out before finding a result (timeout:[60000ms])"
        );
        assert_eq!(sample.validate(&[got]), Ok(()));
    }
}
