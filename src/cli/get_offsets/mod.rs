//! `kafka-get-offsets.sh`: offsets of partitions (Kafka: `GetOffsetShell`, `TopicPartitionFilter`).
//!
//! `-o` columns (stable): `topic`, `partition`, `offset`, `timestamp` (of the record found, milliseconds since 1970),
//! `leader_epoch`. Partitions where nothing is found are left out, as in Kafka.

mod filter;

use serde_json::json;

use super::connect::{self, Target};
use super::console_producer::options::validate_bootstrap;
use super::table::Sheet;
use super::tool::{Grammar, Line};
use super::ui::Format;
use super::{CliError, CliResult, Manner, Opt, Parsed, Tool, Ui};
use crate::TopicPartition;
use crate::client::ApiError;
use crate::client::admin::{Admin, IsolationLevel, OffsetInfo, OffsetSpec};
use crate::client::props::Properties;
use filter::TopicPartitionFilter;

pub static TOOL: Tool = Tool {
    script: "kafka-get-offsets",
    names: &["get-offsets"],
    about: "An interactive shell for getting topic-partition offsets.",
    opts: OPTS,
    bare: None,
    help_after_error: false,
    grammar: Grammar::JoptSimpleSaying("Error occurred: "),
    run: crate::runs!(run),
};

static OPTS: &[Opt] = &[
    Opt::value("bootstrap-server", "String: HOST1:PORT1,...,HOST3:PORT3")
        .help("REQUIRED. The brokers to connect to: HOST1:PORT1,HOST2:PORT2."),
    Opt::value("command-config", "String: config file").help("A properties file with settings of the client."),
    Opt::flag("exclude-internal-topics").help("Leave internal topics out."),
    Opt::flag("help").help("Print this help."),
    Opt::value("partitions", "String: partition ids")
        .help("Only these partitions, separated by commas. Not with --topic-partitions."),
    Opt::value(
        "time",
        "String: <timestamp> / -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or earliest-local / -5 or \
         latest-tiered / -6 or earliest-pending-upload",
    )
    .default("latest")
    .help("Which offset: an end of the log, or the first one at or after a time in milliseconds since 1970 (none if there is no such record)."),
    Opt::value("topic", "String: topic")
        .help("The topics, by a regular expression that matches the whole name; all without it. Not with --topic-partitions."),
    Opt::value("topic-partitions", "String: topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3").help(
        "Patterns separated by commas, each TOPIC, TOPIC:PARTITIONS or :PARTITIONS. The topic is a regular expression; \
         partitions are a number, FROM-TO (without TO), FROM- or -TO.",
    ),
    Opt::flag("version").help("Print Kafka's version."),
];

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    match offsets(ui, &line.options).await {
        Err(CliError::Usage { message, help: false }) => Err(CliError::failed(format!("Error occurred: {message}"))),
        Err(CliError::Failed { message, script_exit }) => Err(CliError::Failed {
            message: format!("Error occurred: {message}"),
            script_exit,
        }),
        other => other,
    }
}

async fn offsets(ui: &mut Ui, p: &Parsed) -> CliResult {
    if ui.manner == Manner::Script {
        p.require(&["bootstrap-server"]).map_err(CliError::usage_with_help)?;
    }
    if p.has("bootstrap-server") {
        validate_bootstrap(p.value("bootstrap-server")?).map_err(CliError::usage_with_help)?;
    }
    if p.has("topic-partitions") && (p.has("topic") || p.has("partitions")) {
        return Err(CliError::failed(
            "--topic-partitions cannot be used with --topic or --partitions",
        ));
    }
    let spec = offset_spec(p.value("time")?.unwrap_or("latest"))?;
    let filter = match p.value("topic-partitions")? {
        Some(patterns) => TopicPartitionFilter::of_patterns(patterns),
        None => TopicPartitionFilter::of_topic_and_partitions(p.value("topic")?, p.value("partitions")?),
    };
    let filter = filter.map_err(CliError::failed)?;
    if let Some(file) = p.value("command-config")? {
        Properties::load(file).map_err(|e| CliError::failed(e.text()))?;
    }
    let mut target = Target::resolve(ui, p, Target::of(p)?)?;
    target.connect.props.set("client.id", "GetOffsetShell");
    let admin = Admin::connect(&target.connect)
        .await
        .map_err(|e| CliError::failed(e.text()))?;
    connect::warn_unused(
        ui,
        admin.unknown_keys(),
        "org.apache.kafka.clients.admin.AdminClientConfig",
    )?;
    let execution = |e: &ApiError| CliError::failed(e.to_string());
    let partitions = partitions(&admin, &filter, p.has("exclude-internal-topics"))
        .await
        .map_err(|e| execution(&e))?;
    if partitions.is_empty() {
        return Err(CliError::failed(
            "Could not match any topic-partitions with the specified filters",
        ));
    }
    let wanted: Vec<_> = partitions.into_iter().map(|tp| (tp, spec)).collect();
    let items = admin.list_offsets(&wanted, IsolationLevel::ReadUncommitted).await;
    print(ui, items)
}

fn print(ui: &mut Ui, items: Vec<(TopicPartition, Result<OffsetInfo, ApiError>)>) -> CliResult {
    let mut found: Vec<(TopicPartition, OffsetInfo)> = Vec::new();
    let mut failed = false;
    for (tp, info) in items {
        match info {
            Ok(info) if info.offset == -1 => {}
            Ok(info) => found.push((tp, info)),
            Err(e) => {
                failed = true;
                ui.say_err(&format!(
                    "Skip getting offsets for topic-partition {tp} due to error: {e}"
                ))?;
            }
        }
    }
    if ui.format() == Format::Kafka {
        // sorted as text: t-10 before t-2
        found.sort_by_cached_key(|(tp, _)| tp.to_string());
        for (tp, info) in &found {
            writeln!(ui.out(), "{}:{}:{}", tp.topic, tp.partition, info.offset)?;
        }
    } else {
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let mut sheet = Sheet::new(&["topic", "partition", "offset", "timestamp", "leader_epoch"]);
        for (tp, info) in &found {
            let timestamp = Some(info.timestamp).filter(|t| *t >= 0);
            sheet.push(vec![
                json!(&*tp.topic),
                json!(tp.partition),
                json!(info.offset),
                json!(timestamp),
                json!(info.leader_epoch),
            ]);
        }
        sheet.print(ui)?;
    }
    if failed { Err(CliError::told_quietly()) } else { Ok(()) }
}

/// The partitions that the filter lets through.
async fn partitions(
    admin: &Admin,
    filter: &TopicPartitionFilter,
    exclude_internal: bool,
) -> Result<Vec<TopicPartition>, ApiError> {
    let topics = admin.list_topics(!exclude_internal).await?;
    let topics: Vec<String> = topics
        .into_iter()
        .map(|t| t.name)
        .filter(|t| filter.allows_topic(t))
        .collect();
    let mut partitions = Vec::new();
    for (topic, described) in admin.describe_topics(&topics, false).await {
        let all = described?
            .partitions
            .into_iter()
            .map(|p| TopicPartition::new(topic.as_str(), p.partition));
        partitions.extend(all.filter(|tp| filter.allows(tp)));
    }
    Ok(partitions)
}

/// Kafka's `parseOffsetSpec`.
fn offset_spec(time: &str) -> CliResult<OffsetSpec> {
    let named = match time {
        "latest" => Some(OffsetSpec::Latest),
        "earliest" => Some(OffsetSpec::Earliest),
        "max-timestamp" => Some(OffsetSpec::MaxTimestamp),
        "earliest-local" => Some(OffsetSpec::EarliestLocal),
        "latest-tiered" => Some(OffsetSpec::LatestTiered),
        "earliest-pending-upload" => Some(OffsetSpec::EarliestPendingUpload),
        _ => None,
    };
    if let Some(spec) = named {
        return Ok(spec);
    }
    let number = time.strip_prefix('+').unwrap_or(time).parse::<i64>();
    let number = number.map_err(|_| {
        CliError::failed(format!(
            "Malformed time argument {time}. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or \
             earliest-local / -5 or latest-tiered / -6 or earliest-pending-upload, or a specified long format timestamp"
        ))
    })?;
    Ok(match number {
        -1 => OffsetSpec::Latest,
        -2 => OffsetSpec::Earliest,
        -3 => OffsetSpec::MaxTimestamp,
        -4 => OffsetSpec::EarliestLocal,
        -5 => OffsetSpec::LatestTiered,
        -6 => OffsetSpec::EarliestPendingUpload,
        ms => OffsetSpec::Timestamp(ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(offset_spec("-3").unwrap(), OffsetSpec::MaxTimestamp);
        assert_eq!(
            offset_spec("earliest-pending-upload").unwrap(),
            OffsetSpec::EarliestPendingUpload
        );
        assert_eq!(
            offset_spec("1700000000000").unwrap(),
            OffsetSpec::Timestamp(1_700_000_000_000)
        );
        assert_eq!(offset_spec("-9").unwrap(), OffsetSpec::Timestamp(-9));
        assert!(
            offset_spec("Latest")
                .unwrap_err()
                .to_string()
                .starts_with("Malformed time argument Latest. Please use")
        );
    }
}
