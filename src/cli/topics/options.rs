//! The options of `kafka-topics.sh`, which of them go together, and their values (Kafka: `TopicCommandOptions`).

use std::collections::BTreeMap;

use super::Failure;
use super::log_config;
use crate::cli::compat::java;
use crate::cli::{CliError, CliResult, Manner, Opt, Parsed, Ui};
use crate::client::ApiError;

#[rustfmt::skip]
pub static OPTS: &[Opt] = &[
    Opt::flag("alter").help("Give a topic more partitions. (Configurations are changed with kafka-configs.)"),
    Opt::flag("at-min-isr-partitions").help("With --describe: only partitions with just as many in-sync replicas as min.insync.replicas asks for."),
    Opt::value("bootstrap-server", "String: server to connect to").help("REQUIRED: the Kafka servers to connect to, host:port, comma-separated."),
    Opt::value("command-config", "String: command config property file").help("A properties file for the Admin client."),
    Opt::value("config", "String: name=value").help("A configuration of the topic that --create makes; may be repeated. Names:\n\
        cleanup.policy\ncompression.gzip.level\ncompression.lz4.level\ncompression.type\ncompression.zstd.level\n\
        delete.retention.ms\nfile.delete.delay.ms\nflush.messages\nflush.ms\nfollower.replication.throttled.replicas\n\
        index.interval.bytes\nleader.replication.throttled.replicas\nlocal.retention.bytes\nlocal.retention.ms\n\
        max.compaction.lag.ms\nmax.message.bytes\nmessage.timestamp.after.max.ms\nmessage.timestamp.before.max.ms\n\
        message.timestamp.type\nmin.cleanable.dirty.ratio\nmin.compaction.lag.ms\nmin.insync.replicas\npreallocate\n\
        remote.log.copy.disable\nremote.log.delete.on.disable\nremote.storage.enable\nretention.bytes\nretention.ms\n\
        segment.bytes\nsegment.index.bytes\nsegment.jitter.ms\nsegment.ms\nunclean.leader.election.enable"),
    Opt::flag("create").help("Make a topic."),
    Opt::flag("delete").help("Delete topics."),
    Opt::value("delete-config", "String: name").deprecated().help("Does nothing since 4.0; use kafka-configs."),
    Opt::flag("describe").help("Show topics, their configurations and their partitions."),
    Opt::flag("exclude-internal").help("With --list or --describe: leave Kafka's own topics out."),
    Opt::flag("help").help("Show this help."),
    Opt::flag("if-exists").help("With --alter, --delete or --describe: a topic that is not there is no error."),
    Opt::flag("if-not-exists").help("With --create: a topic that is already there is no error."),
    Opt::flag("list").help("List the names of all topics."),
    Opt::value("partition-size-limit-per-response", "Integer: maximum number of partitions per response").help("How many partitions one DescribeTopicPartitions response may hold."),
    Opt::value("partitions", "Integer: # of partitions").help("How many partitions the topic gets (--create) or grows to (--alter). Without it --create takes the broker's num.partitions. Keyed records of a topic that grows go to other partitions than before."),
    Opt::value("replica-assignment", "String: broker_id_for_part1_replica1 : broker_id_for_part1_replica2 , broker_id_for_part2_replica1 : broker_id_for_part2_replica2 , ...").help("Which brokers hold each partition, in place of Kafka's own choice."),
    Opt::value("replication-factor", "Integer: replication factor").help("How many replicas each partition of the new topic has; without it the broker's default.replication.factor."),
    Opt::value("topic", "String: topic").help("The topic's name; except for --create a regular expression, or several with commas between them."),
    Opt::value("topic-id", "String: topic-id").help("With --describe: the topic by its id."),
    Opt::flag("topics-with-overrides").help("With --describe: only topics with configurations of their own, without their partitions."),
    Opt::flag("unavailable-partitions").help("With --describe: only partitions without a living leader."),
    Opt::flag("under-min-isr-partitions").help("With --describe: only partitions with fewer in-sync replicas than min.insync.replicas asks for."),
    Opt::flag("under-replicated-partitions").help("With --describe: only partitions with replicas that are not in sync."),
    Opt::flag("version").help("Show Kafka's version."),
];

/// What the command does; the names of Kafka's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Create,
    List,
    Alter,
    Describe,
    Delete,
}

impl Action {
    const ALL: [(Action, &'static str); 5] = [
        (Action::Create, "create"),
        (Action::List, "list"),
        (Action::Alter, "alter"),
        (Action::Describe, "describe"),
        (Action::Delete, "delete"),
    ];

    pub fn is_change(self) -> bool {
        matches!(self, Self::Create | Self::Alter | Self::Delete)
    }
}

/// The flags that choose partitions by their state.
const REPORTS: [&str; 4] = [
    "under-replicated-partitions",
    "under-min-isr-partitions",
    "at-min-isr-partitions",
    "unavailable-partitions",
];

/// Which options go with which action. An option with a wrong action is an error; both are said.
const ONLY_WITH: [(&str, &[&str]); 12] = [
    ("config", &["alter", "create"]),
    ("partitions", &["alter", "create"]),
    ("replication-factor", &["create"]),
    ("replica-assignment", &["alter", "create"]),
    (REPORTS[0], &["describe"]),
    (REPORTS[1], &["describe"]),
    (REPORTS[2], &["describe"]),
    (REPORTS[3], &["describe"]),
    ("topics-with-overrides", &["describe"]),
    ("if-exists", &["alter", "delete", "describe"]),
    ("if-not-exists", &["create"]),
    ("exclude-internal", &["list", "describe"]),
];

/// Checks the command line in Kafka's order.
///
/// # Errors
/// Not exactly one action, an option missing, or two that exclude each other.
pub fn check(ui: &mut Ui, p: &Parsed) -> CliResult<Action> {
    let actions: Vec<Action> = Action::ALL
        .iter()
        .filter(|(_, name)| p.has(name))
        .map(|(a, _)| *a)
        .collect();
    let &[action] = actions.as_slice() else {
        return Err(CliError::usage_with_help(
            "Command must include exactly one action: --list, --describe, --create, --alter or --delete",
        ));
    };
    if p.has("delete-config") {
        ui.say_err(
            "delete-config option is no longer supported and deprecated since version 4.0. \
             The config will be fully removed in future releases.",
        )?;
    }
    check_required(ui, p, action)?;
    check_excluded(p).map_err(CliError::usage_with_help)?;
    Ok(action)
}

fn check_required(ui: &mut Ui, p: &Parsed, action: Action) -> CliResult {
    if !p.has("bootstrap-server") && ui.manner == Manner::Script {
        return Err(CliError::usage("--bootstrap-server must be specified"));
    }
    let (by_name, by_id) = (p.has("topic"), p.has("topic-id"));
    if action == Action::Describe && p.has("if-exists") {
        if !by_name && !by_id {
            return Err(CliError::usage_with_help(
                "--topic or --topic-id is required to describe a topic",
            ));
        }
        if by_name && by_id {
            writeln!(
                ui.out(),
                "Only topic id will be used when both --topic and --topic-id are specified and topicId is not Uuid.ZERO_UUID"
            )?;
        }
    }
    if action.is_change() {
        p.require(&["topic"]).map_err(CliError::usage_with_help)?;
    }
    if action == Action::Alter {
        if p.has("bootstrap-server") && p.has("config") {
            return Err(CliError::usage_with_help(
                "Option combination \"[[config], [bootstrap-server]]\" can't be used with option \"[alter]\" \
                 (To alter topic configurations, the kafka-configs tool can be used.)",
            ));
        }
        p.require(&["partitions"]).map_err(CliError::usage_with_help)?;
    }
    Ok(())
}

fn check_excluded(p: &Parsed) -> Result<(), String> {
    for (option, actions) in ONLY_WITH {
        let others: Vec<&str> = Action::ALL
            .iter()
            .map(|(_, name)| *name)
            .filter(|n| !actions.contains(n))
            .collect();
        p.forbid(option, &others)?;
        if REPORTS.contains(&option) {
            p.forbid(option, &["topics-with-overrides"])?;
        }
        if option == "replica-assignment" && p.has("create") {
            p.forbid(option, &["partitions", "replication-factor"])?;
        }
    }
    Ok(())
}

/// What `--create` and `--alter` say of a topic (Kafka: `CommandTopicPartition`).
#[derive(Debug, PartialEq, Eq)]
pub struct TopicArgs {
    pub name: String,
    pub partitions: Option<i32>,
    pub replication_factor: Option<i32>,
    /// Replicas by partition; empty if Kafka is to choose.
    pub assignment: BTreeMap<i32, Vec<i32>>,
    pub configs: Vec<(String, String)>,
}

impl TopicArgs {
    /// Reads the values, in Kafka's order.
    ///
    /// # Errors
    /// A value that does not parse or that was given twice.
    pub fn read(p: &Parsed) -> Result<Self, Failure> {
        let assignment = match p.value("replica-assignment")? {
            None | Some("") => None,
            Some(text) => Some(text),
        };
        Ok(Self {
            name: p.value("topic")?.unwrap_or_default().to_string(),
            partitions: p.parsed("partitions")?,
            replication_factor: p.parsed("replication-factor")?,
            assignment: assignment.map(parse_assignment).transpose()?.unwrap_or_default(),
            configs: parse_configs(p.values("config"))?,
        })
    }
}

/// `1:2,2:3`: replicas of partition 0, replicas of partition 1.
fn parse_assignment(text: &str) -> Result<BTreeMap<i32, Vec<i32>>, ApiError> {
    let mut all: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for (partition, list) in (0i32..).zip(java::split(text, ',')) {
        let brokers = java::split(list, ':')
            .into_iter()
            .map(|id| java::parse_int(id.trim_matches(|c: char| c <= ' ')))
            .collect::<Result<Vec<i32>, String>>()
            .map_err(|e| ApiError::of_class("java.lang.NumberFormatException", e))?;
        let twice: std::collections::BTreeSet<i32> = brokers
            .iter()
            .copied()
            .filter(|b| brokers.iter().filter(|o| *o == b).count() > 1)
            .collect();
        if !twice.is_empty() {
            let twice: Vec<String> = twice.iter().map(i32::to_string).collect();
            return Err(ApiError::of_class(
                "org.apache.kafka.tools.AdminCommandFailedException",
                format!(
                    "Partition replica lists may not contain duplicate entries: {}",
                    twice.join(",")
                ),
            ));
        }
        if all.get(&0).is_some_and(|first| first.len() != brokers.len()) {
            let brokers: Vec<String> = brokers.iter().map(i32::to_string).collect();
            return Err(ApiError::of_class(
                "org.apache.kafka.tools.AdminOperationException",
                format!(
                    "Partition {partition} has different replication factor: [{}]",
                    brokers.join(", ")
                ),
            ));
        }
        all.insert(partition, brokers);
    }
    Ok(all)
}

/// `name=value`s, white space around them dropped; the last value of a name counts.
fn parse_configs<'a>(given: impl Iterator<Item = &'a str>) -> Result<Vec<(String, String)>, ApiError> {
    let pairs: Vec<Vec<&str>> = given.map(split_pair).collect();
    let mut configs: Vec<(String, String)> = Vec::new();
    for pair in pairs {
        let [name, value] = pair.as_slice() else {
            return Err(ApiError::of_class(
                "java.lang.IllegalArgumentException",
                "requirement failed: Invalid topic config: all configs to be added must be in the format \"key=val\".",
            ));
        };
        let (name, value) = ((*name).to_string(), (*value).to_string());
        match configs.iter_mut().find(|(n, _)| *n == name) {
            Some(entry) => entry.1 = value,
            None => configs.push((name, value)),
        }
    }
    log_config::validate(&configs)?;
    Ok(configs)
}

/// Java's `split("\\s*=\\s*")`, each part trimmed: empty parts at the end are not there.
fn split_pair(s: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = s.split('=').map(str::trim).collect();
    while parts.len() > 1 && parts.last().is_some_and(|p| p.is_empty()) {
        parts.pop();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_parse_as_in_kafka() {
        let all = parse_assignment("1:2, 2 : 3,").unwrap();
        assert_eq!(all.into_iter().collect::<Vec<_>>(), [(0, vec![1, 2]), (1, vec![2, 3])]);
        let told = |s: &str| parse_assignment(s).unwrap_err().text().to_string();
        assert_eq!(told("a:b"), "For input string: \"a\"");
        assert_eq!(told("1:2,3"), "Partition 1 has different replication factor: [3]");
        assert_eq!(
            told("1:1"),
            "Partition replica lists may not contain duplicate entries: 1"
        );
        assert!(parse_assignment(",").unwrap().is_empty());
    }

    #[test]
    fn configs_are_pairs_and_the_last_one_counts() {
        let read = |all: &[&str]| parse_configs(all.iter().copied());
        let want = vec![("retention.ms".to_string(), "2".to_string())];
        assert_eq!(read(&["retention.ms=1", "retention.ms = 2"]), Ok(want));
        for bad in ["retention.ms", "retention.ms= ", "retention.ms=1=2", "="] {
            assert!(
                read(&[bad]).unwrap_err().text().ends_with("in the format \"key=val\"."),
                "{bad}"
            );
        }
    }
}
