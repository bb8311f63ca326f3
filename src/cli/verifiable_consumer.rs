//! `kafka-verifiable-consumer.sh` (Kafka: `VerifiableConsumer`): reads a topic as a member of a group and tells each event.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use futures::FutureExt as _;
use serde_json::json;

use super::compat::argparse::{Namespace, Spec};
use super::compat::help;
use super::connect::{Given, Target};
use super::perf_test::unconstructed;
use super::tool::{Grammar, Line, Tool};
use super::verifiable_events::{self as events, Stop};
use super::verifiable_producer::config_file;
use super::{CliError, CliResult, Manner, Opt, Ui};
use crate::TopicPartition;
use crate::client::fetch::membership::{Change, Member};
use crate::client::fetch::{FetchSettings, Fetched, Fetcher};
use crate::client::props::Properties;
use crate::client::{ApiError, Bootstrap, ConnectConfig, topic_name};
use crate::runs;
use crate::wire::ErrorCode;

pub static TOOL: Tool = Tool {
    script: "kafka-verifiable-consumer",
    names: &["verifiable-consumer"],
    about: "This tool consumes messages from a specific topic and emits consumer events (e.g. group rebalances, received messages, and offsets committed) as JSON objects to STDOUT.",
    opts: OPTS,
    bare: None,
    help_after_error: false,
    grammar: Grammar::Own,
    run: runs!(run),
};

const OPTS: &[Opt] = &[
    Opt::value("topic", "TOPIC").help("The topic to read."),
    Opt::value("group-protocol", "GROUP-PROTOCOL")
        .default("classic")
        .help("How the group works: classic or consumer (KIP-848)."),
    Opt::value("group-remote-assignor", "GROUP-REMOTE-ASSIGNOR")
        .help("Who assigns partitions at the broker; for --group-protocol consumer."),
    Opt::value("group-id", "GROUP-ID").help("The group to join."),
    Opt::value("group-instance-id", "GROUP-INSTANCE-ID").help("The name of a static member."),
    Opt::value("max-messages", "MAX-MESSAGES")
        .default("-1")
        .help("How many records to read; -1 for as many as until a signal comes."),
    Opt::value("session-timeout", "TIMEOUT-MS")
        .help("How long the group waits for a silent member, in ms; for --group-protocol classic."),
    Opt::flag("verbose").help("An event for each record too."),
    Opt::flag("enable-autocommit").help("Commit as the consumer does by itself, not after each poll."),
    Opt::value("reset-policy", "RESET-POLICY")
        .default("earliest")
        .help("Where to begin without a committed offset: earliest, latest or none (an error)."),
    Opt::value("assignment-strategy", "ASSIGNMENT-STRATEGY")
        .default(RANGE)
        .help("Kafka's class that assigns partitions; for --group-protocol classic."),
    Opt::value("consumer.config", "CONFIG-FILE")
        .deprecated()
        .help("The same as --command-config, which replaces it."),
    Opt::value("command-config", "CONFIG-FILE").help("A file of consumer properties; the options are stronger."),
    Opt::value("bootstrap-server", "HOST1:PORT1[,HOST2:PORT2[...]]").help("The brokers to begin with."),
];

const RANGE: &str = "org.apache.kafka.clients.consumer.RangeAssignor";

const SPEC: Spec = Spec {
    prog: "verifiable-consumer",
    usage: &[
        "verifiable-consumer [-h] --topic TOPIC",
        "                    [--group-protocol GROUP-PROTOCOL]",
        "                    [--group-remote-assignor GROUP-REMOTE-ASSIGNOR]",
        "                    --group-id GROUP-ID",
        "                    [--group-instance-id GROUP-INSTANCE-ID]",
        "                    [--max-messages MAX-MESSAGES]",
        "                    [--session-timeout TIMEOUT-MS] [--verbose]",
        "                    [--enable-autocommit]",
        "                    [--reset-policy RESET-POLICY]",
        "                    [--assignment-strategy ASSIGNMENT-STRATEGY]",
        "                    [--consumer.config CONFIG-FILE]",
        "                    [--command-config CONFIG-FILE]",
        "                    --bootstrap-server HOST1:PORT1[,HOST2:PORT2[...]]",
    ],
    opts: OPTS,
    many: &[],
    required: &["topic", "group-id"],
    one_of: &[],
};

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
    let props = props(ui, &ns)?;
    let number = |name: &str| ns.number::<i32>(name, "Integer").map_err(|e| SPEC.error(&e));
    let limit = u64::try_from(number("max-messages")?.unwrap_or(-1)).ok();
    if props.get("group.id").is_some_and(|group| group.trim().is_empty()) {
        let why = "The configured group.id should not be an empty string or whitespace.";
        return Err(CliError::failed(format!(
            "org.apache.kafka.common.KafkaException: Failed to construct kafka consumer\n\
             Caused by: org.apache.kafka.common.errors.InvalidGroupIdException: {why}"
        )));
    }
    let topic = ns.value("topic").unwrap_or_default();
    let settings = FetchSettings::from_props(&props);
    let mut stop = Stop::listen()?;
    // Kafka's consumer joins when it is polled first: with nothing to read it does not.
    let joins = limit != Some(0) && legal_name(topic);
    let member = joins.then(|| Member::join(&props, &[topic], settings.reset));
    let member = member.transpose().map_err(|e| unconstructed("consumer", e))?;
    let mut consuming = Consuming {
        member,
        fetcher: None,
        connect: ConnectConfig {
            bootstrap: Bootstrap::Servers(props.get("bootstrap.servers").unwrap_or_default().to_owned()),
            props: props.clone(),
        },
        settings,
        assigned: Vec::new(),
        joined: false,
        waiting: VecDeque::new(),
        limit,
        consumed: 0,
        poll_records: number_of(&props, "max.poll.records", 500),
        commits: !ns.has("enable-autocommit"),
        verbose: ns.has("verbose"),
    };
    events::print_bare(ui, "startup_complete")?;
    let ended = if legal_name(topic) {
        consuming.run(ui, &mut stop).await
    } else {
        let text = format!("Invalid topics: [{topic}]");
        Err(End::Failed(ApiError::with_text(
            ErrorCode::INVALID_TOPIC_EXCEPTION,
            text,
        )))
    };
    finish(ui, consuming, ended)
}

/// The last events; a signal's comes before them, as Java's shutdown hook prints it when it begins.
fn finish(ui: &mut Ui, mut consuming: Consuming, ended: Result<(), End>) -> CliResult {
    match &ended {
        Err(End::Cli(CliError::Exit(_))) => events::print_bare(ui, "shutdown_requested")?,
        Err(End::Failed(e)) => {
            let class = "org.apache.kafka.tools.VerifiableConsumer";
            ui.log(
                "ERROR",
                "Error during processing, terminating consumer process: ",
                class,
            )?;
            ui.say_err(&e.to_string())?;
        }
        _ => {}
    }
    consuming.fetcher = None;
    if !consuming.assigned.is_empty() {
        let fields = json!({"partitions": events::partitions(&consuming.assigned)});
        events::print(ui, "partitions_revoked", fields)?;
    }
    if let Some(member) = consuming.member.take() {
        // As Java's: a commit that fails when the consumer closes is logged at most.
        let _ = member.close();
    }
    events::print_bare(ui, "shutdown_complete")?;
    match ended {
        Err(End::Cli(e)) => Err(e),
        Err(End::Failed(_)) => {
            events::print_bare(ui, "shutdown_requested")?;
            Err(CliError::told_quietly())
        }
        Ok(()) => events::print_bare(ui, "shutdown_requested"),
    }
}

/// Whether a topic can have this name.
fn legal_name(topic: &str) -> bool {
    !topic.is_empty() && topic_name::is_legal(topic)
}

fn number_of(props: &Properties, key: &str, default: usize) -> usize {
    props.get(key).and_then(|v| v.trim().parse().ok()).unwrap_or(default)
}

fn props(ui: &mut Ui, ns: &Namespace) -> CliResult<Properties> {
    let session = ns
        .number::<i32>("session-timeout", "Integer")
        .map_err(|e| SPEC.error(&e))?;
    if ui.manner == Manner::Script && !ns.has("bootstrap-server") {
        return Err(SPEC.error("one of the arguments --bootstrap-server is required"));
    }
    let config = config_file(ui, &SPEC, ns, "consumer.config")?;
    let given = Given {
        servers: ns.value("bootstrap-server"),
        ..Given::default()
    };
    let target = Target::resolve_named(ui, None, given)?;
    let mut props = target.connect.props.clone();
    props.override_with(&config);
    props.set("bootstrap.servers", target.bootstrap_servers());
    let protocol = ns.value("group-protocol").unwrap_or("classic");
    if protocol.eq_ignore_ascii_case("consumer") {
        if session.is_some() {
            return Err(CliError::failed(
                "org.apache.kafka.common.config.ConfigException: session.timeout.ms cannot be set when group.protocol=CONSUMER",
            ));
        }
        props.set("group.protocol", protocol.to_ascii_lowercase());
        if let Some(assignor) = ns.value("group-remote-assignor") {
            props.set("group.remote.assignor", assignor);
        }
    } else if protocol.eq_ignore_ascii_case("classic") {
        let strategy = ns.value("assignment-strategy").unwrap_or(RANGE);
        props.set("partition.assignment.strategy", strategy);
        let heartbeat = number_of(&props, "heartbeat.interval.ms", 3000);
        if let Some(ms) = session {
            if usize::try_from(ms).is_ok_and(|ms| ms <= heartbeat) {
                return Err(CliError::failed(
                    "org.apache.kafka.common.KafkaException: Failed to construct kafka consumer\n\
                     Caused by: java.lang.IllegalArgumentException: Heartbeat must be set lower than the session timeout",
                ));
            }
            props.set("session.timeout.ms", ms.to_string());
        }
    } else {
        return Err(CliError::failed(format!(
            "java.lang.IllegalArgumentException: No enum constant org.apache.kafka.clients.consumer.GroupProtocol.{}",
            protocol.to_uppercase()
        )));
    }
    for (key, option) in [("group.id", "group-id"), ("group.instance.id", "group-instance-id")] {
        if let Some(value) = ns.value(option) {
            props.set(key, value);
        }
    }
    props.set("enable.auto.commit", ns.has("enable-autocommit").to_string());
    props.set("auto.offset.reset", ns.value("reset-policy").unwrap_or("earliest"));
    Ok(props)
}

/// A record that is to be told.
struct Read {
    partition: TopicPartition,
    offset: i64,
    key: Option<String>,
    value: Option<String>,
}

/// Where to go on with partitions.
type Offsets = [(TopicPartition, i64)];

/// The offsets behind the last records of each partition; those of a partition stand together.
fn ends(polled: &[Read]) -> Vec<(TopicPartition, i64)> {
    let parts = polled.chunk_by(|a, b| a.partition == b.partition);
    let end = |part: &[Read]| part.last().map(|last| (last.partition.clone(), last.offset + 1));
    parts.filter_map(end).collect()
}

/// Why it ended before all was read.
enum End {
    /// Java's consumer gives up; the tool says so and exits 0.
    Failed(ApiError),
    /// A signal, or output that cannot be written.
    Cli(CliError),
}

impl From<CliError> for End {
    fn from(e: CliError) -> Self {
        Self::Cli(e)
    }
}

impl From<ApiError> for End {
    fn from(e: ApiError) -> Self {
        Self::Failed(e)
    }
}

struct Consuming {
    member: Option<Member>,
    fetcher: Option<Fetcher>,
    connect: ConnectConfig,
    settings: FetchSettings,
    assigned: Vec<TopicPartition>,
    /// Something was assigned once.
    joined: bool,
    /// Fetched and not told yet.
    waiting: VecDeque<Read>,
    limit: Option<u64>,
    consumed: u64,
    /// `max.poll.records`
    poll_records: usize,
    commits: bool,
    verbose: bool,
}

impl Consuming {
    async fn run(&mut self, ui: &mut Ui, stop: &mut Stop) -> Result<(), End> {
        while self.limit.is_none_or(|limit| self.consumed < limit) {
            if self.waiting.is_empty() {
                self.wait(ui, stop).await?;
                continue;
            }
            // Java's poll answers with all that has come, up to `max.poll.records`.
            while self.waiting.len() < self.poll_records
                && let Some(Some(fetched)) = self.fetcher.as_mut().and_then(|f| f.next().now_or_never())
            {
                self.keep(&fetched?)?;
            }
            let many = self.waiting.len().min(self.poll_records);
            let mut polled: Vec<Read> = self.waiting.drain(..many).collect();
            polled.sort_by(|a, b| a.partition.cmp(&b.partition));
            let ends = ends(&polled);
            let offsets = self.tell_records(ui, &polled)?;
            // By itself Java's consumer commits all that it was polled for, also what is above the limit.
            self.commit(ui, &offsets, if self.commits { &offsets } else { &ends })?;
        }
        Ok(())
    }

    /// Waits for whatever comes first.
    async fn wait(&mut self, ui: &mut Ui, stop: &mut Stop) -> Result<(), End> {
        let Some(member) = self.member.as_mut() else {
            return Err(stop.requested().await.into());
        };
        let fetcher = &mut self.fetcher;
        let fetched = async {
            match fetcher {
                Some(fetcher) => fetcher.next().await,
                None => std::future::pending().await,
            }
        };
        let over = || ApiError::kafka("the group's thread ended without a word");
        tokio::select! {
            biased;
            signal = stop.requested() => Err(signal.into()),
            change = member.changed() => match change {
                Some(Change::Assigned(starts)) => self.assign(ui, starts),
                Some(Change::Failed(e)) => Err(e.into()),
                None => Err(over().into()),
            },
            fetched = fetched => self.keep(&fetched.unwrap_or_else(|| Err(over()))?),
        }
    }

    fn assign(&mut self, ui: &mut Ui, starts: Vec<(TopicPartition, crate::client::fetch::Start)>) -> Result<(), End> {
        let now: Vec<TopicPartition> = starts.iter().map(|(tp, _)| tp.clone()).collect();
        let revoked: Vec<_> = self.assigned.iter().filter(|tp| !now.contains(tp)).collect();
        if !revoked.is_empty() {
            let fields = json!({"partitions": events::partitions(revoked.iter().copied())});
            events::print(ui, "partitions_revoked", fields)?;
        }
        let mut added: Vec<_> = now.iter().filter(|tp| !self.assigned.contains(tp)).collect();
        added.sort();
        if !added.is_empty() || (revoked.is_empty() && !self.joined) {
            let fields = json!({"partitions": events::partitions(added)});
            events::print(ui, "partitions_assigned", fields)?;
            self.joined = true;
        }
        self.waiting.retain(|read| now.contains(&read.partition));
        self.assigned = now;
        self.assigned.sort();
        self.fetcher = match starts.is_empty() {
            true => None,
            false => Some(Fetcher::start(&self.connect, self.settings.clone(), starts)?),
        };
        // What was fetched of partitions that stay is fetched again from the position.
        self.waiting.clear();
        Ok(())
    }

    fn keep(&mut self, fetched: &Fetched) -> Result<(), End> {
        let text = |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8_lossy(b).into_owned());
        let waiting = &mut self.waiting;
        let visited = fetched.visit(|record| {
            waiting.push_back(Read {
                partition: fetched.partition.clone(),
                offset: record.offset,
                key: text(record.key),
                value: text(record.value),
            });
            ControlFlow::Continue(())
        });
        visited.map_err(ApiError::from)?;
        Ok(())
    }

    /// Tells of a poll's records as far as they are wanted; the answer is what to commit.
    fn tell_records(&mut self, ui: &mut Ui, polled: &[Read]) -> CliResult<Vec<(TopicPartition, i64)>> {
        let mut summaries = Vec::new();
        let mut offsets = Vec::new();
        for records in polled.chunk_by(|a, b| a.partition == b.partition) {
            let left = self.limit.map_or(u64::MAX, |limit| limit - self.consumed);
            let wanted = records.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let records = &records[..wanted];
            let (Some(first), Some(last)) = (records.first(), records.last()) else {
                break;
            };
            let (topic, partition) = (&*first.partition.topic, first.partition.partition);
            offsets.push((first.partition.clone(), last.offset + 1));
            summaries.push(json!({
                "topic": topic,
                "partition": partition,
                "count": wanted,
                "minOffset": first.offset,
                "maxOffset": last.offset,
            }));
            for read in records.iter().filter(|_| self.verbose) {
                let (key, value, offset) = (&read.key, &read.value, read.offset);
                let fields =
                    json!({"key": key, "value": value, "topic": topic, "partition": partition, "offset": offset});
                events::print(ui, "record_data", fields)?;
            }
            self.consumed += wanted as u64;
        }
        let fields = json!({"count": polled.len(), "partitions": summaries});
        events::print(ui, "records_consumed", fields)?;
        Ok(offsets)
    }

    fn commit(&mut self, ui: &mut Ui, offsets: &Offsets, positions: &Offsets) -> Result<(), End> {
        let Some(member) = &self.member else { return Ok(()) };
        for (partition, offset) in positions {
            member.set_position(partition, *offset);
        }
        if !self.commits {
            return Ok(());
        }
        let committed = member.commit_sync(offsets);
        if let Err(e) = &committed
            && e.code == ErrorCode::FENCED_INSTANCE_ID
        {
            return Err(e.clone().into());
        }
        let one = |(tp, offset): &(TopicPartition, i64)| json!({"topic": *tp.topic, "partition": tp.partition, "offset": offset});
        let list: Vec<_> = offsets.iter().map(one).collect();
        let fields = match committed {
            Ok(()) => json!({"offsets": list, "success": true}),
            Err(e) => json!({"offsets": list, "error": e.text(), "success": false}),
        };
        Ok(events::print(ui, "offsets_committed", fields)?)
    }
}
