//! What a topology needs of the cluster (Kafka: `InternalTopicManager`): how many tasks each subtopology has, and which
//! internal topics are missing.

use std::collections::{BTreeMap, BTreeSet};

use fancy_regex::Regex;

use crate::broker::group::consumer::ClusterView;
use crate::wire::streams::{Subtopology, TopicInfo, Topology};

/// Status codes of the heartbeat's answer.
pub const STALE_TOPOLOGY: i8 = 0;
pub const MISSING_SOURCE_TOPICS: i8 = 1;
pub const INCORRECTLY_PARTITIONED_TOPICS: i8 = 2;
pub const MISSING_INTERNAL_TOPICS: i8 = 3;
pub const SHUTDOWN_APPLICATION: i8 = 4;

/// An internal topic that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalTopic {
    pub name: String,
    pub partitions: i32,
    /// 0 where the broker is to choose.
    pub replication_factor: i16,
    pub configs: Vec<(String, String)>,
}

/// A topology in the cluster as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configured {
    /// Tasks by subtopology; empty while something is missing.
    pub tasks: BTreeMap<String, i32>,
    pub missing_internal: Vec<InternalTopic>,
    /// What keeps the topology from running: code and text.
    pub problem: Option<(i8, String)>,
    /// The topics each subtopology reads.
    pub sources: BTreeMap<String, BTreeSet<String>>,
}

/// The topics of the cluster that a subtopology reads, by name or expression, its repartition topics included.
fn sources(subtopology: &Subtopology, names: &[String]) -> BTreeSet<String> {
    let named = subtopology.source_topics.iter().map(|name| name.to_string());
    let internal = subtopology.repartition_source_topics.iter().map(|t| t.name.to_string());
    let matched = subtopology
        .source_topic_regex
        .iter()
        .flat_map(|regex| matching(regex, names));
    named.chain(internal).chain(matched).collect()
}

fn matching(regex: &str, names: &[String]) -> Vec<String> {
    let Ok(regex) = Regex::new(&format!("^(?:{regex})$")) else {
        return Vec::new();
    };
    let matched = names.iter().filter(|name| regex.is_match(name).unwrap_or(false));
    matched.cloned().collect()
}

fn listed<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    names.join(", ")
}

/// Puts a topology into the cluster.
pub fn configure(topology: &Topology, cluster: &dyn ClusterView) -> Configured {
    let names = if topology.subtopologies.iter().any(|s| !s.source_topic_regex.is_empty()) {
        cluster.names()
    } else {
        Vec::new()
    };
    let mut configured = Configured::default();
    for subtopology in &topology.subtopologies {
        let id = subtopology.subtopology_id.to_string();
        configured.sources.insert(id, sources(subtopology, &names));
    }
    let internal: BTreeMap<String, &TopicInfo> = topology
        .subtopologies
        .iter()
        .flat_map(|s| &s.repartition_source_topics)
        .map(|info| (info.name.to_string(), info))
        .collect();
    let external = configured
        .sources
        .values()
        .flatten()
        .filter(|name| !internal.contains_key(*name));
    let missing: BTreeSet<&String> = external.filter(|name| cluster.topic(name).is_none()).collect();
    if !missing.is_empty() {
        let text = format!("Source topics {} are missing.", listed(missing));
        configured.problem = Some((MISSING_SOURCE_TOPICS, text));
        return configured;
    }
    let counts = match partition_counts(topology, &configured.sources, &internal, cluster) {
        Ok(counts) => counts,
        Err(text) => {
            configured.problem = Some((INCORRECTLY_PARTITIONED_TOPICS, text));
            return configured;
        }
    };
    let tasks = configured.sources.iter().map(|(id, sources)| {
        let most = sources.iter().filter_map(|name| counts.get(name)).max();
        (id.clone(), most.copied().unwrap_or(0))
    });
    let tasks: BTreeMap<String, i32> = tasks.collect();
    let mut wanted: BTreeMap<String, InternalTopic> = BTreeMap::new();
    for subtopology in &topology.subtopologies {
        for info in &subtopology.repartition_source_topics {
            let partitions = counts.get(&info.name.to_string()).copied().unwrap_or(1);
            wanted.insert(info.name.to_string(), internal_topic(info, partitions));
        }
        for info in &subtopology.state_changelog_topics {
            let partitions = tasks.get(&subtopology.subtopology_id.to_string()).copied().unwrap_or(1);
            wanted.insert(info.name.to_string(), internal_topic(info, partitions));
        }
    }
    for topic in wanted.into_values() {
        match cluster.topic(&topic.name) {
            None => configured.missing_internal.push(topic),
            Some((_, partitions)) if partitions != topic.partitions => {
                let text = format!(
                    "Existing topic {} has different number of partitions: expected {}, actual {partitions}.",
                    topic.name, topic.partitions
                );
                configured.problem = Some((INCORRECTLY_PARTITIONED_TOPICS, text));
            }
            Some(_) => {}
        }
    }
    if configured.problem.is_none() && !configured.missing_internal.is_empty() {
        let text = listed(configured.missing_internal.iter().map(|topic| &topic.name));
        configured.problem = Some((
            MISSING_INTERNAL_TOPICS,
            format!("Internal topics are missing: [{text}]"),
        ));
    }
    if configured.problem.is_none() {
        configured.tasks = tasks;
    }
    configured
}

fn internal_topic(info: &TopicInfo, partitions: i32) -> InternalTopic {
    let configs = info.topic_configs.iter();
    InternalTopic {
        name: info.name.to_string(),
        partitions: partitions.max(1),
        replication_factor: info.replication_factor,
        configs: configs.map(|c| (c.key.to_string(), c.value.to_string())).collect(),
    }
}

/// The partitions of every topic that is read. A repartition topic that names no number gets that of what is written
/// into it, and all of a copartition group have the same.
fn partition_counts(
    topology: &Topology,
    sources: &BTreeMap<String, BTreeSet<String>>,
    internal: &BTreeMap<String, &TopicInfo>,
    cluster: &dyn ClusterView,
) -> Result<BTreeMap<String, i32>, String> {
    let mut counts: BTreeMap<String, i32> = BTreeMap::new();
    for name in sources.values().flatten() {
        let fixed = match internal.get(name) {
            Some(info) => Some(info.partitions).filter(|partitions| *partitions > 0),
            None => cluster.topic(name).map(|(_, partitions)| partitions),
        };
        counts.extend(fixed.map(|partitions| (name.clone(), partitions)));
    }
    // Each round settles at least one topic of a chain; a topology is no cycle without a source.
    for _ in 0..=internal.len() {
        for subtopology in &topology.subtopologies {
            let reads = &sources[&subtopology.subtopology_id.to_string()];
            if !reads.iter().all(|name| counts.contains_key(name)) {
                continue;
            }
            let most = reads
                .iter()
                .filter_map(|name| counts.get(name))
                .max()
                .copied()
                .unwrap_or(1);
            for sink in &subtopology.repartition_sink_topics {
                counts.entry(sink.to_string()).or_insert(most);
            }
        }
        copartition(topology, &mut counts, internal)?;
    }
    let unsettled: Vec<&String> = internal.keys().filter(|name| !counts.contains_key(*name)).collect();
    if unsettled.is_empty() {
        Ok(counts)
    } else {
        Err(format!(
            "Failed to compute number of partitions for all repartition topics: {}",
            listed(unsettled)
        ))
    }
}

fn copartition(
    topology: &Topology,
    counts: &mut BTreeMap<String, i32>,
    internal: &BTreeMap<String, &TopicInfo>,
) -> Result<(), String> {
    for subtopology in &topology.subtopologies {
        for group in &subtopology.copartition_groups {
            let at = |index: &i16| usize::try_from(*index).ok();
            let named = group.source_topics.iter().filter_map(at);
            let named = named
                .filter_map(|index| subtopology.source_topics.get(index))
                .map(|name| name.to_string());
            let repartition = group.repartition_source_topics.iter().filter_map(at);
            let repartition = repartition
                .filter_map(|index| subtopology.repartition_source_topics.get(index))
                .map(|info| info.name.to_string());
            let members: Vec<String> = named.chain(repartition).collect();
            let is_free = |name: &String| internal.get(name).is_some_and(|info| info.partitions <= 0);
            let fixed: BTreeMap<&String, i32> = members
                .iter()
                .filter(|name| !is_free(name))
                .filter_map(|name| Some((name, *counts.get(name)?)))
                .collect();
            let distinct: BTreeSet<i32> = fixed.values().copied().collect();
            if distinct.len() > 1 {
                let topics = listed(fixed.keys().copied());
                return Err(format!(
                    "Following topics do not have the same number of partitions: [{topics}]"
                ));
            }
            let known = members.iter().filter_map(|name| counts.get(name)).max().copied();
            if let Some(partitions) = distinct.first().copied().or(known) {
                for name in members.iter().filter(|name| is_free(name)) {
                    counts.insert(name.clone(), partitions);
                }
            }
        }
    }
    Ok(())
}
