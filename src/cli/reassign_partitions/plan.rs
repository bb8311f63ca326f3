//! The JSON of plans and topic lists, read and written; which throttles a plan needs. Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::Hash;

use indexmap::IndexSet;
use serde_json::{Value, json};

use super::Failure;
use crate::TopicPartition;
use crate::cli::compat::jackson;
use crate::cli::compat::java_hash::{JavaHash, hash_map_order};
use crate::client::admin::{PartitionReassignment, TopicPartitionReplica};

/// A plan: where each partition's replicas go, and to which directories, where that is said.
#[derive(Debug, Default)]
pub struct Plan {
    pub partitions: Vec<(TopicPartition, Vec<i32>)>,
    pub log_dirs: BTreeMap<ReplicaKey, String>,
}

/// Broker, topic, partition: the order in which Kafka tells of replicas.
pub type ReplicaKey = (i32, TopicPartition);

pub const ANY: &str = "any";

impl Plan {
    /// # Errors
    /// Kafka's text for what is wrong with the JSON.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let value = parse_json(text)?;
        check_version(&value)?;
        let mut plan = Self::default();
        for item in array(&value, "partitions")? {
            let topic = string(field(item, "topic")?)?;
            let tp = TopicPartition::new(topic, integer(field(item, "partition")?)?);
            let replicas = list(field(item, "replicas")?)?
                .iter()
                .map(integer)
                .collect::<Result<Vec<i32>, _>>()?;
            let dirs = match item.get("log_dirs") {
                None => vec![ANY.to_string(); replicas.len()],
                Some(dirs) => list(dirs)?
                    .iter()
                    .map(|d| string(d).map(str::to_string))
                    .collect::<Result<Vec<_>, _>>()?,
            };
            if dirs.len() != replicas.len() {
                return Err(Failure::command(format!(
                    "Size of replicas list {replicas:?} is different from size of log dirs list [{}] for partition {tp}",
                    dirs.join(", ")
                )));
            }
            for (replica, dir) in replicas.iter().zip(dirs).filter(|(_, d)| d != ANY) {
                plan.log_dirs.insert((*replica, tp.clone()), dir);
            }
            plan.partitions.push((tp, replicas));
        }
        Ok(plan)
    }

    /// Kafka's `parseExecuteAssignmentArgs`.
    ///
    /// # Errors
    /// An empty plan or replica list, a partition or replica that stands there twice.
    pub fn check(&self) -> Result<(), Failure> {
        let refuse = |text: String| Err(Failure::command(text));
        if self.partitions.is_empty() {
            return refuse("Partition reassignment list cannot be empty".into());
        }
        if self.partitions.iter().any(|(_, r)| r.is_empty()) {
            return refuse("Partition replica list cannot be empty".into());
        }
        let twice = duplicates(self.partitions.iter().map(|(tp, _)| tp));
        if !twice.is_empty() {
            return refuse(format!(
                "Partition reassignment contains duplicate topic partitions: {}",
                joined(&twice, ",")
            ));
        }
        let bad: Vec<String> = self
            .partitions
            .iter()
            .map(|(tp, replicas)| (tp, duplicates(replicas.iter())))
            .filter(|(_, twice)| !twice.is_empty())
            .map(|(tp, twice)| format!("{tp} contains multiple entries for {}", joined(&twice, ",")))
            .collect();
        if bad.is_empty() {
            return Ok(());
        }
        refuse(format!(
            "Partition replica lists may not contain duplicate entries: {}",
            bad.join(". ")
        ))
    }

    /// The replicas whose directories are said.
    pub fn replicas(&self) -> Vec<(TopicPartitionReplica, String)> {
        self.log_dirs
            .iter()
            .map(|((b, tp), dir)| (replica(*b, tp), dir.clone()))
            .collect()
    }

    /// Its topics, in the order of Java's sets.
    pub fn topics(&self) -> Vec<&str> {
        let names: IndexSet<&str> = self.partitions.iter().map(|(tp, _)| &*tp.topic).collect();
        hash_map_order(names.into_iter().collect(), |name| *name)
    }

    /// The brokers its replicas shall be on, in the order of Java's sets.
    pub fn brokers(&self) -> Vec<i32> {
        let ids: IndexSet<i32> = self.partitions.iter().flat_map(|(_, r)| r.iter().copied()).collect();
        hash_map_order(ids.into_iter().collect(), |id| id)
    }
}

pub fn replica(broker_id: i32, tp: &TopicPartition) -> TopicPartitionReplica {
    TopicPartitionReplica {
        partition: tp.clone(),
        broker_id,
    }
}

/// What stands more than once, each named once, in the order of Java's sets.
pub fn duplicates<'a, T: Eq + Hash + JavaHash>(all: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let (mut seen, mut twice) = (HashSet::new(), IndexSet::new());
    for item in all {
        if !seen.insert(item) {
            twice.insert(item);
        }
    }
    hash_map_order(twice.into_iter().collect(), |item| *item)
}

pub fn joined<T: ToString>(all: impl IntoIterator<Item = T>, separator: &str) -> String {
    all.into_iter()
        .map(|x| x.to_string())
        .collect::<Vec<_>>()
        .join(separator)
}

/// The topics to move.
///
/// # Errors
/// Kafka's text for what is wrong with the JSON, or topics that stand there twice.
pub fn parse_topics(text: &str) -> Result<Vec<String>, Failure> {
    let value: Value = parse_json(text).map_err(|e| match e.cause {
        Some(_) => Failure::operation("The input string is not a valid JSON"),
        None => e,
    })?;
    check_version(&value)?;
    let topics = array(&value, "topics")?
        .iter()
        .map(|t| string(field(t, "topic")?).map(str::to_string));
    let topics = topics.collect::<Result<Vec<_>, _>>()?;
    let twice = duplicates(topics.iter());
    if twice.is_empty() {
        return Ok(topics);
    }
    Err(Failure::command(format!(
        "List of topics to reassign contains duplicate entries: [{}]",
        joined(twice, ", ")
    )))
}

/// The broker ids of `--broker-list`.
///
/// # Errors
/// A word that is no number, or an id that stands there twice.
pub fn parse_brokers(list: &str) -> Result<Vec<i32>, Failure> {
    let number = |w: &str| {
        w.parse()
            .map_err(|_| Failure::of("java.lang.NumberFormatException", format!("For input string: \"{w}\"")))
    };
    // Java's split leaves out empty words at the end
    let kept = list.trim_end_matches(',');
    let words = if kept.is_empty() && !list.is_empty() {
        None
    } else {
        Some(kept.split(','))
    };
    let ids = words
        .into_iter()
        .flatten()
        .map(number)
        .collect::<Result<Vec<i32>, _>>()?;
    let twice = duplicates(ids.iter());
    if twice.is_empty() {
        return Ok(ids);
    }
    Err(Failure::command(format!(
        "Broker list contains duplicate entries: [{}]",
        joined(twice, ", ")
    )))
}

/// Partitions, replicas and directories as one line of JSON (Kafka: `formatAsReassignmentJson`).
pub fn format(partitions: &BTreeMap<TopicPartition, Vec<i32>>, log_dirs: &BTreeMap<ReplicaKey, String>) -> String {
    let one = |(tp, replicas): (&TopicPartition, &Vec<i32>)| {
        let dirs: Vec<&str> = replicas
            .iter()
            .map(|r| log_dirs.get(&(*r, tp.clone())).map_or(ANY, String::as_str))
            .collect();
        json!({"topic": &*tp.topic, "partition": tp.partition, "replicas": replicas, "log_dirs": dirs})
    };
    json!({"version": 1, "partitions": partitions.iter().map(one).collect::<Vec<_>>()}).to_string()
}

fn parse_json(text: &str) -> Result<Value, Failure> {
    match jackson::parse(text) {
        Ok(value) => value.ok_or_else(|| Failure::of(MAPPING, "Expected JSON object, received ")),
        Err(e) => Err(Failure {
            cause: Some(e.class),
            ..Failure::operation(e.message)
        }),
    }
}

fn check_version(value: &Value) -> Result<(), Failure> {
    let object = value.as_object().ok_or_else(|| expected("object", value))?;
    match object.get("version").map(integer).transpose()? {
        None | Some(1) => Ok(()),
        Some(other) => Err(Failure::operation(format!("Not supported version field value {other}"))),
    }
}

const MAPPING: &str = "com.fasterxml.jackson.databind.JsonMappingException";

fn expected(what: &str, value: &Value) -> Failure {
    Failure::of(MAPPING, format!("Expected JSON {what}, received {value}"))
}

fn field<'a>(item: &'a Value, name: &str) -> Result<&'a Value, Failure> {
    let object = item.as_object().ok_or_else(|| expected("object", item))?;
    object
        .get(name)
        .ok_or_else(|| Failure::of(MAPPING, format!("No such field exists: `{name}`")))
}

fn array<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], Failure> {
    match value.get(name) {
        None => Ok(&[]),
        Some(v) => v.as_array().map(Vec::as_slice).ok_or_else(|| expected("array", v)),
    }
}

/// A list of numbers or texts (Kafka: `DecodeSeq`).
fn list(v: &Value) -> Result<&[Value], Failure> {
    let items = v.as_array().map(Vec::as_slice);
    items.ok_or_else(|| Failure::of(MAPPING, format!("Expected `JSON array` value, received {v}")))
}

fn integer(v: &Value) -> Result<i32, Failure> {
    let number = v.as_i64().and_then(|n| i32::try_from(n).ok());
    number.ok_or_else(|| Failure::of(MAPPING, format!("Expected `Integer` value, received {v}")))
}

fn string(v: &Value) -> Result<&str, Failure> {
    v.as_str()
        .ok_or_else(|| Failure::of(MAPPING, format!("Expected `String` value, received {v}")))
}

/// Brokers a partition moves from and to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Move {
    pub sources: BTreeSet<i32>,
    pub destinations: BTreeSet<i32>,
}

/// The moves under way and the new ones together (Kafka: `calculateProposedMoveMap`).
pub fn moves(
    current: &[(TopicPartition, PartitionReassignment)],
    proposed: &[(TopicPartition, Vec<i32>)],
    now: &BTreeMap<TopicPartition, Vec<i32>>,
) -> BTreeMap<TopicPartition, Move> {
    let mut all: BTreeMap<TopicPartition, Move> = BTreeMap::new();
    for (tp, r) in current {
        let destinations: BTreeSet<i32> = r.adding_replicas.iter().copied().collect();
        let sources = r
            .replicas
            .iter()
            .copied()
            .filter(|b| !destinations.contains(b))
            .collect();
        all.insert(tp.clone(), Move { sources, destinations });
    }
    for (tp, replicas) in proposed {
        let sources: BTreeSet<i32> = match all.get(tp) {
            Some(m) => m.sources.clone(),
            None => now.get(tp).into_iter().flatten().copied().collect(),
        };
        let destinations = replicas.iter().copied().filter(|b| !sources.contains(b)).collect();
        all.insert(tp.clone(), Move { sources, destinations });
    }
    all
}

/// `leader.replication.throttled.replicas` and `follower.replication.throttled.replicas` of each topic that moves.
pub fn topic_throttles(moves: &BTreeMap<TopicPartition, Move>) -> BTreeMap<&str, (String, String)> {
    let mut all: BTreeMap<&str, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for (tp, m) in moves {
        let (leaders, followers) = all.entry(&tp.topic).or_default();
        leaders.extend(m.sources.iter().map(|b| format!("{}:{b}", tp.partition)));
        followers.extend(
            m.destinations
                .difference(&m.sources)
                .map(|b| format!("{}:{b}", tp.partition)),
        );
    }
    all.into_iter()
        .map(|(t, (l, f))| (t, (joined(l, ","), joined(f, ","))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(r: Result<Plan, Failure>) -> String {
        r.and_then(|p| p.check()).unwrap_err().message
    }

    #[test]
    fn a_plan_goes_there_and_back() {
        let line =
            r#"{"version":1,"partitions":[{"topic":"a","partition":0,"replicas":[3,1],"log_dirs":["any","/d"]}]}"#;
        let plan = Plan::parse(line).unwrap();
        assert!(plan.check().is_ok());
        assert_eq!(format(&plan.partitions.into_iter().collect(), &plan.log_dirs), line);
    }

    #[test]
    fn bad_plans_are_refused_in_kafkas_words() {
        let part = |s: &str| Plan::parse(&format!(r#"{{"version":1,"partitions":[{s}]}}"#));
        assert_eq!(text(part("")), "Partition reassignment list cannot be empty");
        assert_eq!(
            text(part(r#"{"topic":"a","partition":0,"replicas":[]}"#)),
            "Partition replica list cannot be empty"
        );
        let one = r#"{"topic":"mv","partition":0,"replicas":[1]}"#;
        assert_eq!(
            text(part(&format!("{one},{one}"))),
            "Partition reassignment contains duplicate topic partitions: mv-0"
        );
        assert_eq!(
            text(part(r#"{"topic":"a","partition":0,"replicas":[1,1]}"#)),
            "Partition replica lists may not contain duplicate entries: a-0 contains multiple entries for 1"
        );
        assert_eq!(
            text(part(r#"{"topic":"a","partition":0,"replicas":[1],"log_dirs":[]}"#)),
            "Size of replicas list [1] is different from size of log dirs list [] for partition a-0"
        );
        assert_eq!(text(part(r#"{"topic":"a"}"#)), "No such field exists: `partition`");
        assert!(text(Plan::parse("not json")).starts_with("Unrecognized token 'not': was expecting"));
        assert_eq!(
            text(Plan::parse(r#"{"version":2}"#)),
            "Not supported version field value 2"
        );
    }

    #[test]
    fn throttles_name_old_and_new_brokers() {
        let tp = TopicPartition::new("t", 1);
        let now = BTreeMap::from([(tp.clone(), vec![1, 2])]);
        let m = moves(&[], &[(tp, vec![2, 3])], &now);
        assert_eq!(
            topic_throttles(&m),
            BTreeMap::from([("t", ("1:1,1:2".to_string(), "1:3".to_string()))])
        );
    }
}
