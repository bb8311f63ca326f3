//! `kafka-log-dirs.sh` (Kafka: `org.apache.kafka.tools.LogDirsCommand`): what lies in which folder of which broker.
//!
//! `-o json|jsonl|csv|table` (as `kt log-dirs`): a row of [`COLUMNS`] for each replica; `topic` and what follows is null for
//! a folder that cannot be read, of which `error` tells why. `size` is in bytes, `offset_lag` in records.

use serde_json::{Value, json};

use super::compat::java::parse_int;
use super::compat::java_hash::{hash_map_order, hash_map_order_from};
use super::connect::{Target, log_authentication, warn_unused};
use super::table::Sheet;
use super::tool::{Grammar, Line};
use super::ui::Format;
use super::{CliError, CliResult, Manner, Opt, Parsed, Tool, Ui};
use crate::client::admin::{Admin, ClusterDescription, DescribeClusterOptions, LogDirDescription};
use crate::client::{AdminError, ApiError};
use crate::runs;

#[rustfmt::skip]
static OPTS: &[Opt] = &[
    Opt::value("bootstrap-server", "String: The server(s) to use for bootstrapping").help("REQUIRED: the Kafka servers to connect to, host:port, comma-separated."),
    Opt::value("broker-list", "String: Broker list").default("").help("Ids of the brokers to ask, 0,1,2; all of them if none are given."),
    Opt::value("command-config", "String: Admin client property file").help("A properties file for the Admin client."),
    Opt::flag("describe").help("Show the folders and what is in them."),
    Opt::flag("help").help("Show this help."),
    Opt::value("topic-list", "String: Topic list").default("").help("Topics to show, topic1,topic2; all of them if none are given."),
    Opt::flag("version").help("Show Kafka's version."),
];

pub static TOOL: Tool = Tool {
    script: "kafka-log-dirs",
    names: &["log-dirs"],
    about: "This tool helps to query log directory usage on the specified brokers.",
    opts: OPTS,
    bare: None,
    help_after_error: false,
    grammar: Grammar::JoptSimple,
    run: runs!(run),
};

const COLUMNS: &[&str] = &[
    "broker",
    "log_dir",
    "error",
    "topic",
    "partition",
    "size",
    "offset_lag",
    "is_future",
];

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let p = &line.options;
    if ui.manner == Manner::Script {
        p.require(&["bootstrap-server"]).map_err(CliError::usage_with_help)?;
    }
    p.require(&["describe"]).map_err(CliError::usage_with_help)?;
    let mut target = Target::resolve(ui, p, Target::of(p)?)?;
    target.connect.props.set_default("client.id", "log-dirs-tool");
    let admin = Admin::connect(&target.connect).await?;
    warn_unused(
        ui,
        admin.unknown_keys(),
        "org.apache.kafka.clients.admin.AdminClientConfig",
    )?;
    let topics = list(p, "topic-list")?;
    let cluster = match admin.describe_cluster(DescribeClusterOptions::default()).await {
        Ok(cluster) => cluster,
        Err(e) => {
            log_authentication(ui, &target.connect, &e)?;
            return Err(told(e));
        }
    };
    let brokers = chosen_brokers(&cluster, p)?;
    let as_text = ui.format() == Format::Kafka;
    if as_text {
        writeln!(ui.out(), "Querying brokers for log directories information")?;
    }
    let mut found = Vec::new();
    for (broker, outcome) in admin.describe_log_dirs(&brokers).await {
        let dirs = outcome.map_err(told)?;
        found.push((
            broker,
            dirs.into_iter().map(|dir| only(dir, &topics)).collect::<Vec<_>>(),
        ));
    }
    if !as_text {
        return sheet(&found).print(ui);
    }
    let asked = joined(&brokers);
    writeln!(ui.out(), "Received log directory information from brokers {asked}")?;
    writeln!(ui.out(), "{}", as_json(found))?;
    Ok(())
}

/// A failed request, as the message of Java's `ExecutionException`.
fn told(e: AdminError) -> CliError {
    CliError::failed(e.to_string())
}

/// The items of a comma-separated option, empty ones left out.
fn list(p: &Parsed, option: &str) -> CliResult<Vec<String>> {
    let items = p.value(option)?.unwrap_or_default().split(',');
    Ok(items.filter(|item| !item.is_empty()).map(str::to_string).collect())
}

/// The brokers of `--broker-list`, or all, in the order of Java's sets.
fn chosen_brokers(cluster: &ClusterDescription, p: &Parsed) -> CliResult<Vec<i32>> {
    let known = hash_map_order(cluster.nodes.iter().map(|n| n.id).collect(), |id: &i32| id);
    let mut wanted = Vec::new();
    for id in list(p, "broker-list")? {
        let id = parse_int(&id).map_err(CliError::failed)?;
        if !wanted.contains(&id) {
            wanted.push(id);
        }
    }
    let (there, missing): (Vec<i32>, Vec<i32>) = wanted.into_iter().partition(|id| known.contains(id));
    if !missing.is_empty() {
        let missing = hash_map_order(missing, |id: &i32| id);
        return Err(CliError::failed(format!(
            "ERROR: The given brokers do not exist from --broker-list: {}. Current existent brokers: {}",
            joined(&missing),
            joined(&known)
        )));
    }
    Ok(if there.is_empty() {
        known
    } else {
        hash_map_order(there, |id: &i32| id)
    })
}

fn joined(ids: &[i32]) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

/// The folder with replicas of these topics alone; none means all. They stay in the order of the client's map, in which
/// they come into the printed one.
fn only(mut dir: LogDirDescription, topics: &[String]) -> LogDirDescription {
    dir.replicas = hash_map_order(dir.replicas, |(tp, _)| tp);
    dir.replicas
        .retain(|(tp, _)| topics.is_empty() || topics.iter().any(|t| **t == *tp.topic));
    dir
}

fn error_class(dir: &LogDirDescription) -> Value {
    dir.error.as_ref().map(ApiError::exception_class).into()
}

/// One line of JSON, everything in the order of the Java maps that Kafka's tool prints.
fn as_json(found: Vec<(i32, Vec<LogDirDescription>)>) -> Value {
    let brokers: Vec<Value> = hash_map_order_from(found.len(), found, |(id, _)| id)
        .into_iter()
        .map(|(id, dirs)| {
            let dirs = hash_map_order_from(dirs.len(), dirs, |dir| dir.log_dir.as_str());
            json!({ "broker": id, "logDirs": dirs.into_iter().map(dir_json).collect::<Vec<_>>() })
        })
        .collect();
    json!({ "brokers": brokers, "version": 1 })
}

fn dir_json(dir: LogDirDescription) -> Value {
    let error = error_class(&dir);
    let replicas = hash_map_order(dir.replicas, |(tp, _)| tp);
    let partitions: Vec<Value> = replicas
        .iter()
        .map(|(tp, replica)| {
            json!({
                "partition": tp.to_string(),
                "size": replica.size,
                "offsetLag": replica.offset_lag,
                "isFuture": replica.is_future,
            })
        })
        .collect();
    json!({ "partitions": partitions, "error": error, "logDir": dir.log_dir })
}

fn sheet(found: &[(i32, Vec<LogDirDescription>)]) -> Sheet {
    let mut sheet = Sheet::new(COLUMNS);
    for (broker, dirs) in found {
        for dir in dirs {
            let mut replicas: Vec<_> = dir.replicas.iter().collect();
            replicas.sort_by(|a, b| a.0.cmp(&b.0));
            let path = dir.log_dir.as_str();
            if dir.error.is_some() {
                let mut row = vec![(*broker).into(), path.into(), error_class(dir)];
                row.resize(COLUMNS.len(), Value::Null);
                sheet.push(row);
            }
            for (tp, replica) in replicas {
                sheet.push(vec![
                    (*broker).into(),
                    path.into(),
                    error_class(dir),
                    (*tp.topic).into(),
                    tp.partition.into(),
                    replica.size.into(),
                    replica.offset_lag.into(),
                    replica.is_future.into(),
                ]);
            }
        }
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TopicPartition;
    use crate::client::admin::ReplicaInfo;
    use crate::wire::ErrorCode;

    fn dir(path: &str, error: Option<ErrorCode>, topics: &[&str]) -> LogDirDescription {
        let replica = ReplicaInfo {
            size: 7,
            offset_lag: 0,
            is_future: false,
        };
        LogDirDescription {
            log_dir: path.to_string(),
            error: error.map(ApiError::from),
            replicas: topics.iter().map(|t| (TopicPartition::new(*t, 0), replica)).collect(),
            total_bytes: None,
            usable_bytes: None,
        }
    }

    #[test]
    fn json_is_kafkas_to_the_letter() {
        let dirs = vec![
            only(dir("/a", None, &["mv", "t"]), &["mv".to_string()]),
            dir("/b", Some(ErrorCode::KAFKA_STORAGE_ERROR), &[]),
        ];
        let want = concat!(
            r#"{"brokers":[{"broker":1,"logDirs":[{"partitions":[{"partition":"mv-0","size":7,"offsetLag":0,"#,
            r#""isFuture":false}],"error":null,"logDir":"/a"},{"partitions":[],"#,
            r#""error":"org.apache.kafka.common.errors.KafkaStorageException","logDir":"/b"}]}],"version":1}"#
        );
        assert_eq!(as_json(vec![(1, dirs)]).to_string(), want);
    }
}
