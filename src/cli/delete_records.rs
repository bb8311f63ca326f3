//! `kafka-delete-records.sh`: moves the start of partitions up to an offset (Kafka: `DeleteRecordsCommand`, KIP-107).
//!
//! Beyond the script: `--topic` with `--before-offset` or `--before-time` in place of the JSON file, and `-o` with the
//! columns (stable) `topic`, `partition`, `low_watermark`, `error`.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::compat::jackson;
use super::compat::java_hash::hash_map_order;
use super::compat::time::parse_time;
use super::connect::{self, Target};
use super::table::Sheet;
use super::tool::{Grammar, Line};
use super::ui::Format;
use super::{CliError, CliResult, Manner, Opt, Parsed, Tool, Ui};
use crate::TopicPartition;
use crate::client::ApiError;
use crate::client::admin::{Admin, IsolationLevel, OffsetSpec};
use crate::client::props::Properties;

pub static TOOL: Tool = Tool {
    script: "kafka-delete-records",
    names: &["delete-records"],
    about: "This tool helps to delete records of the given partitions down to the specified offset.",
    opts: OPTS,
    bare: None,
    help_after_error: false,
    grammar: Grammar::JoptSimple,
    run: crate::runs!(run),
};

static OPTS: &[Opt] = &[
    Opt::value("bootstrap-server", "String: server(s) to use for bootstrapping")
        .help("REQUIRED: The brokers to connect to."),
    Opt::value("command-config", "String: command config property file path")
        .help("A properties file with settings of the client."),
    Opt::flag("help").help("Print this help."),
    Opt::value("offset-json-file", "String: Offset json file path").help(
        "REQUIRED: The JSON file with an offset per partition, before which all is deleted (-1: everything). The \
         format is:\n{\"partitions\":\n  [{\"topic\": \"foo\", \"partition\": 1, \"offset\": 1}],\n \"version\":1\n}",
    ),
    Opt::flag("version").help("Print Kafka's version."),
    Opt::value("topic", "TOPIC")
        .beyond()
        .help("In place of the JSON file: the topic to delete records of."),
    Opt::value("partition", "N,...")
        .beyond()
        .help("With --topic: its partitions; all without it."),
    Opt::value("before-offset", "OFFSET")
        .beyond()
        .help("With --topic: delete the records before this offset (-1: all)."),
    Opt::value("before-time", "TIME").beyond().help(
        "With --topic: delete up to the first record that is not older than this: 2026-11-21T09:00:00Z, '2h ago', or \
         milliseconds since 1970.",
    ),
];

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let p = &line.options;
    let by_option = check(ui, p)?;
    if let Some(file) = p.value("command-config")? {
        Properties::load(file).map_err(|e| CliError::failed(e.text()))?;
    }
    let target = Target::resolve(ui, p, Target::of(p)?)?;
    let admin = Admin::connect(&target.connect)
        .await
        .map_err(|e| CliError::failed(e.text()))?;
    connect::warn_unused(
        ui,
        admin.unknown_keys(),
        "org.apache.kafka.clients.admin.AdminClientConfig",
    )?;
    let before = match by_option {
        true => before_of_options(&admin, p).await?,
        false => before_of_file(p.value("offset-json-file")?.unwrap_or_default())?,
    };
    target.allow_change(p)?;
    if ui.format() == Format::Kafka {
        writeln!(ui.out(), "Executing records delete operation")?;
    }
    let items = admin.delete_records(&hash_map_order(before, |(tp, _)| tp)).await;
    print(ui, &items)
}

/// Whether the options beyond the script say what to delete.
fn check(ui: &Ui, p: &Parsed) -> CliResult<bool> {
    let by_option = ["topic", "partition", "before-offset", "before-time"]
        .iter()
        .any(|o| p.has(o));
    if by_option {
        if p.has("offset-json-file") {
            return Err(CliError::usage("either --offset-json-file or --topic, not both"));
        }
        if !p.has("topic") || p.has("before-offset") == p.has("before-time") {
            return Err(CliError::usage(
                "--topic and one of --before-offset and --before-time are needed",
            ));
        }
        return Ok(true);
    }
    let required: &[&str] = match ui.manner {
        Manner::Script => &["bootstrap-server", "offset-json-file"],
        Manner::Kt => &["offset-json-file"],
    };
    p.require(required).map_err(CliError::usage_with_help)?;
    Ok(false)
}

fn print(ui: &mut Ui, items: &[(TopicPartition, Result<i64, ApiError>)]) -> CliResult {
    if ui.format() == Format::Kafka {
        writeln!(ui.out(), "Records delete operation completed:")?;
        for (tp, low_watermark) in items {
            match low_watermark {
                Ok(offset) => writeln!(ui.out(), "partition: {tp}\tlow_watermark: {offset}")?,
                Err(e) => writeln!(ui.out(), "partition: {tp}\terror: {e}")?,
            }
        }
    } else {
        let mut sorted: Vec<_> = items.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        let mut sheet = Sheet::new(&["topic", "partition", "low_watermark", "error"]);
        for (tp, result) in sorted {
            let (low, error) = (result.as_ref().ok(), result.as_ref().err().map(|e| e.text()));
            sheet.push(vec![json!(&*tp.topic), json!(tp.partition), json!(low), json!(error)]);
        }
        sheet.print(ui)?;
    }
    match items.iter().any(|(_, r)| r.is_err()) {
        true => Err(CliError::told_quietly()),
        false => Ok(()),
    }
}

fn before_of_file(path: &str) -> CliResult<Vec<(TopicPartition, i64)>> {
    let text = std::fs::read(path).map_err(|_| CliError::failed(format!("Unable to read file {path}")))?;
    parse_json(&String::from_utf8_lossy(&text)).map_err(CliError::failed)
}

/// Kafka's `parseOffsetJsonStringWithoutDedup`, and its check for partitions that are named twice.
fn parse_json(text: &str) -> Result<Vec<(TopicPartition, i64)>, String> {
    let js = match jackson::parse(text) {
        Ok(Some(js)) => js,
        Ok(None) => return Err("Expected JSON object, received ".to_string()),
        Err(_) => return Err("The input string is not a valid JSON".to_string()),
    };
    let object = js
        .as_object()
        .ok_or_else(|| format!("Expected JSON object, received {js}"))?;
    match object.get("version") {
        None => {}
        Some(v) if v.as_i64() == Some(1) => {}
        Some(v) => {
            let version = integer(v)?;
            return Err(format!("Not supported version field value {version}"));
        }
    }
    let partitions = object.get("partitions").ok_or("Missing partitions field")?;
    let partitions = partitions
        .as_array()
        .ok_or_else(|| format!("Expected JSON array, received {partitions}"))?;
    let mut offsets: Vec<(TopicPartition, i64)> = Vec::new();
    let mut times: HashMap<TopicPartition, u32> = HashMap::new();
    for p in partitions {
        let object = p
            .as_object()
            .ok_or_else(|| format!("Expected JSON object, received {p}"))?;
        let field = |name: &str| {
            object
                .get(name)
                .ok_or_else(|| format!("No such field exists: `{name}`"))
        };
        let topic = field("topic")?;
        let topic = topic
            .as_str()
            .ok_or_else(|| format!("Expected `String` value, received {topic}"))?;
        let tp = TopicPartition::new(topic, integer(field("partition")?)?);
        let offset = field("offset")?;
        let offset = offset
            .as_i64()
            .ok_or_else(|| format!("Expected `Long` value, received {offset}"))?;
        let seen = times.entry(tp.clone()).or_default();
        *seen += 1;
        if *seen == 1 {
            offsets.push((tp, offset));
        }
    }
    let twice: Vec<TopicPartition> = offsets
        .iter()
        .map(|(tp, _)| tp)
        .filter(|tp| times[tp] > 1)
        .cloned()
        .collect();
    if !twice.is_empty() {
        let names: Vec<String> = hash_map_order(twice, |tp| tp)
            .iter()
            .map(TopicPartition::to_string)
            .collect();
        let names = names.join(",");
        return Err(format!("Offset json file contains duplicate topic partitions: {names}"));
    }
    Ok(offsets)
}

fn integer(v: &Value) -> Result<i32, String> {
    let n = v.as_i64().and_then(|n| i32::try_from(n).ok());
    n.ok_or_else(|| format!("Expected `Integer` value, received {v}"))
}

/// `--topic`, `--partition`, `--before-offset`, `--before-time`.
async fn before_of_options(admin: &Admin, p: &Parsed) -> CliResult<Vec<(TopicPartition, i64)>> {
    let topic = p.value("topic")?.unwrap_or_default().to_string();
    let partitions: Vec<TopicPartition> = match p.value("partition")? {
        Some(list) => {
            let number = |text: &str| match text.trim().parse() {
                Ok(n) => Ok(TopicPartition::new(topic.as_str(), n)),
                Err(_) => Err(CliError::usage(format!(
                    "--partition expects numbers separated by commas, not '{list}'"
                ))),
            };
            let mut partitions = list.split(',').map(number).collect::<CliResult<Vec<_>>>()?;
            partitions.sort();
            partitions.dedup();
            partitions
        }
        None => {
            let described = admin.describe_topics(std::slice::from_ref(&topic), false).await;
            let described = described.into_iter().next().map(|(_, d)| d);
            match described {
                Some(Ok(d)) => d
                    .partitions
                    .iter()
                    .map(|p| TopicPartition::new(topic.as_str(), p.partition))
                    .collect(),
                Some(Err(e)) => return Err(CliError::failed(format!("{topic}: {}", e.text()))),
                None => Vec::new(),
            }
        }
    };
    if let Some(offset) = p.parsed::<i64>("before-offset")? {
        return Ok(partitions.into_iter().map(|tp| (tp, offset)).collect());
    }
    let time = parse_time(p.value("before-time")?.unwrap_or_default(), chrono::Utc::now()).map_err(CliError::usage)?;
    let wanted: Vec<_> = partitions
        .into_iter()
        .map(|tp| (tp, OffsetSpec::Timestamp(time)))
        .collect();
    let mut before = Vec::new();
    for (tp, found) in admin.list_offsets(&wanted, IsolationLevel::ReadUncommitted).await {
        let found = found.map_err(|e| CliError::failed(format!("{tp}: {}", e.text())))?;
        // no record is that young: -1 stands for the whole log, in both places
        before.push((tp, found.offset));
    }
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::parse_json;

    #[test]
    fn offsets_are_read() {
        let text = r#"{"partitions": [{"topic": "del", "partition": 0, "offset": 3}, {"topic": "del", "partition": 1, "offset": -1}], "version": 1} x"#;
        let read: Vec<String> = parse_json(text)
            .unwrap()
            .iter()
            .map(|(tp, o)| format!("{tp} {o}"))
            .collect();
        assert_eq!(read, ["del-0 3", "del-1 -1"]);
    }

    #[test]
    fn errors_are_kafkas() {
        let twice = r#"{"partitions": [{"topic": "d", "partition": 0, "offset": 4}, {"topic": "d", "partition": 0, "offset": 5}]}"#;
        for (text, error) in [
            ("{\"partitions\": [ oops", "The input string is not a valid JSON"),
            (
                "{\"version\": 2, \"partitions\": []}",
                "Not supported version field value 2",
            ),
            ("{}", "Missing partitions field"),
            (twice, "Offset json file contains duplicate topic partitions: d-0"),
            ("[]", "Expected JSON object, received []"),
            (
                "{\"partitions\": [{\"partition\": 0}]}",
                "No such field exists: `topic`",
            ),
        ] {
            assert_eq!(parse_json(text).unwrap_err(), error, "{text}");
        }
    }
}
