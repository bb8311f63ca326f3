//! `--describe`: topics with their configurations, partitions with leader, replicas, in-sync and eligible replicas.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::{Map, Value};

use super::{Failure, existing_topics, illegal_argument};
use crate::TopicPartition;
use crate::cli::compat::java::{parse_int, parse_uuid};
use crate::cli::compat::java_hash::{hash_map_order, hash_map_order_from};
use crate::cli::table::Sheet;
use crate::cli::ui::Format;
use crate::cli::{Parsed, Ui};
use crate::client::ApiError;
use crate::client::admin::{
    Admin, ConfigEntry, ConfigResource, DescribeClusterOptions, DescribeConfigsOptions, Node, PartitionReassignment,
    ResourceType, TopicDescription, TopicPartitionInfo, topic_id_text,
};
use crate::wire::ErrorCode;

/// How many partitions one DescribeTopicPartitions response may hold unless told otherwise.
const PARTITIONS_PER_RESPONSE: i32 = 2000;

/// The fields of `--describe`: `leader` is null without one; `elr` and `last_known_elr` (KIP-966) are null where the broker
/// does not tell; `adding_replicas` and `removing_replicas` are null unless the partition is being reassigned.
pub const PARTITION_COLUMNS: &[&str] = &[
    "topic",
    "topic_id",
    "partition",
    "leader",
    "replicas",
    "isr",
    "elr",
    "last_known_elr",
    "adding_replicas",
    "removing_replicas",
];

/// The fields of `--describe --topics-with-overrides`; `configs` is an object of what is not Kafka's default.
pub const TOPIC_COLUMNS: &[&str] = &["topic", "topic_id", "partition_count", "replication_factor", "configs"];

/// What is shown of each topic and which partitions (Kafka: `DescribeOptions`).
#[derive(Clone, Debug, Default)]
struct View {
    under_replicated: bool,
    unavailable: bool,
    under_min_isr: bool,
    at_min_isr: bool,
    with_overrides: bool,
    live_brokers: Vec<i32>,
}

impl View {
    fn of(p: &Parsed) -> Self {
        Self {
            under_replicated: p.has("under-replicated-partitions"),
            unavailable: p.has("unavailable-partitions"),
            under_min_isr: p.has("under-min-isr-partitions"),
            at_min_isr: p.has("at-min-isr-partitions"),
            with_overrides: p.has("topics-with-overrides"),
            live_brokers: Vec::new(),
        }
    }

    /// Whether topics are shown at all, and all partitions: no report was asked for.
    fn shows_topics(&self) -> bool {
        !(self.under_replicated || self.unavailable || self.under_min_isr || self.at_min_isr)
    }
}

/// A topic with all that is shown of it.
#[derive(Clone, Debug)]
struct Topic {
    description: TopicDescription,
    /// In the order Kafka's tool prints them.
    configs: Vec<ConfigEntry>,
    reassignments: HashMap<i32, PartitionReassignment>,
}

pub async fn run(ui: &mut Ui, admin: &Admin, p: &Parsed) -> Result<(), Failure> {
    let descriptions = described_topics(admin, p).await?;
    let mut view = View::of(p);
    let resources: Vec<ConfigResource> = descriptions
        .iter()
        .map(|t| ConfigResource::new(ResourceType::Topic, &t.name))
        .collect();
    let (configs, live_brokers, reassignments) = futures::join!(
        admin.describe_configs(&resources, DescribeConfigsOptions::default()),
        live_brokers(admin, view.unavailable),
        reassignments(admin, &descriptions),
    );
    view.live_brokers = live_brokers?;
    let mut reassignments = reassignments?;
    let mut sheet = Sheet::new(if view.with_overrides {
        TOPIC_COLUMNS
    } else {
        PARTITION_COLUMNS
    });
    for (description, (_, configs)) in descriptions.into_iter().zip(configs) {
        let topic = Topic {
            configs: hash_map_order(configs?, |c| c.name.as_str()),
            reassignments: reassignments.remove(&description.name).unwrap_or_default(),
            description,
        };
        match ui.format() {
            Format::Kafka => print_topic(ui.out(), &topic, &view)?,
            _ => add_rows(&mut sheet, &topic, &view)?,
        }
    }
    match ui.format() {
        Format::Kafka => Ok(()),
        _ => Ok(sheet.print(ui)?),
    }
}

/// The topics chosen by id or by name, in the order of Kafka's tool: that of a `HashMap` made for their number.
async fn described_topics(admin: &Admin, p: &Parsed) -> Result<Vec<TopicDescription>, Failure> {
    let id = p
        .value("topic-id")?
        .map(parse_uuid)
        .transpose()
        .map_err(illegal_argument)?;
    if let Some(id) = id.filter(|id| !id.is_nil()) {
        let known = admin.list_topics(!p.has("exclude-internal")).await?;
        if !known.iter().any(|t| t.topic_id == id) {
            if p.has("if-exists") {
                return Ok(Vec::new());
            }
            let shown = topic_id_text(&id);
            return Err(illegal_argument(format!(
                "TopicId '{shown}' does not exist as expected"
            )));
        }
        let described = admin.describe_topics_by_id(&[id], false).await;
        return Ok(described.into_iter().map(|(_, t)| t).collect::<Result<_, _>>()?);
    }
    let names = existing_topics(admin, p).await?;
    let limit = p
        .parsed("partition-size-limit-per-response")?
        .unwrap_or(PARTITIONS_PER_RESPONSE);
    let described = admin.describe_topics_limited(&names, false, limit).await;
    let topics: Vec<TopicDescription> = described.into_iter().map(|(_, t)| t).collect::<Result<_, _>>()?;
    let count = topics.len();
    Ok(hash_map_order_from(count, topics, |t| t.name.as_str()))
}

async fn live_brokers(admin: &Admin, wanted: bool) -> Result<Vec<i32>, Failure> {
    if !wanted {
        return Ok(Vec::new());
    }
    let cluster = admin.describe_cluster(DescribeClusterOptions::default()).await?;
    Ok(cluster.nodes.iter().map(|n| n.id).collect())
}

type ByTopic = HashMap<String, HashMap<i32, PartitionReassignment>>;

/// The reassignments under way; none where the broker does not tell or this user may not know.
async fn reassignments(admin: &Admin, topics: &[TopicDescription]) -> Result<ByTopic, Failure> {
    let partitions: Vec<TopicPartition> = topics
        .iter()
        .flat_map(|t| {
            t.partitions
                .iter()
                .map(|p| TopicPartition::new(t.name.as_str(), p.partition))
        })
        .collect();
    let mut found = ByTopic::new();
    if partitions.is_empty() {
        return Ok(found);
    }
    match admin.list_partition_reassignments(Some(&partitions)).await {
        Ok(all) => {
            for (tp, r) in all {
                found.entry(tp.topic.to_string()).or_default().insert(tp.partition, r);
            }
            Ok(found)
        }
        Err(e)
            if matches!(
                e.code,
                ErrorCode::UNSUPPORTED_VERSION | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
            ) =>
        {
            Ok(found)
        }
        Err(e) => Err(ApiError::of_class("java.lang.RuntimeException", e.as_execution_exception()).into()),
    }
}

impl Topic {
    fn overrides(&self) -> impl Iterator<Item = &ConfigEntry> {
        self.configs.iter().filter(|c| !c.is_default())
    }

    fn shown_topic(&self, view: &View) -> bool {
        view.shows_topics() && (!view.with_overrides || self.overrides().next().is_some())
    }

    fn replication_factor(&self, partition: &TopicPartitionInfo) -> usize {
        match self.reassignments.get(&partition.partition) {
            Some(r) if is_under_way(partition, r) => r.replicas.len().saturating_sub(r.adding_replicas.len()),
            _ => partition.replicas.len(),
        }
    }

    fn min_isr(&self) -> Result<usize, Failure> {
        let value = self
            .configs
            .iter()
            .find(|c| c.name == "min.insync.replicas")
            .and_then(|c| c.value.as_deref());
        let number = parse_int(value.unwrap_or("null"))
            .map_err(|e| Failure::from(ApiError::of_class("java.lang.NumberFormatException", e)))?;
        Ok(usize::try_from(number).unwrap_or(0))
    }

    fn shown_partitions(&self, view: &View) -> Result<Vec<&TopicPartitionInfo>, Failure> {
        if view.with_overrides {
            return Ok(Vec::new());
        }
        let all = self.description.partitions.iter();
        if view.shows_topics() {
            return Ok(all.collect());
        }
        let min_isr = if view.under_min_isr || view.at_min_isr {
            self.min_isr()?
        } else {
            0
        };
        let leads = |p: &TopicPartitionInfo| p.leader.as_ref().is_some_and(|l| view.live_brokers.contains(&l.id));
        Ok(all
            .filter(|p| {
                let in_sync = p.isr.len();
                (view.under_replicated && self.replication_factor(p) > in_sync)
                    || (view.unavailable && !leads(p))
                    || (view.under_min_isr && (p.leader.is_none() || in_sync < min_isr))
                    || (view.at_min_isr && in_sync == min_isr)
            })
            .collect())
    }
}

/// It may have ended between the two questions: then none of its brokers is left among the replicas.
fn is_under_way(partition: &TopicPartitionInfo, r: &PartitionReassignment) -> bool {
    let changing = |id: &i32| r.adding_replicas.contains(id) || r.removing_replicas.contains(id);
    partition.replicas.iter().any(|n| changing(&n.id))
}

fn print_topic(out: &mut dyn Write, topic: &Topic, view: &View) -> Result<(), Failure> {
    let t = &topic.description;
    if topic.shown_topic(view) {
        write!(out, "Topic: {}", t.name)?;
        if !t.topic_id.is_nil() {
            write!(out, "\tTopicId: {}", topic_id_text(&t.topic_id))?;
        }
        let factor = t.partitions.first().map_or(0, |first| topic.replication_factor(first));
        let configs: Vec<String> = topic
            .overrides()
            .map(|c| format!("{}={}", c.name, c.value.as_deref().unwrap_or("null")))
            .collect();
        writeln!(
            out,
            "\tPartitionCount: {}\tReplicationFactor: {factor}\tConfigs: {}",
            t.partitions.len(),
            configs.join(",")
        )?;
    }
    for p in topic.shown_partitions(view)? {
        print_partition(out, &t.name, p, topic.reassignments.get(&p.partition))?;
    }
    Ok(())
}

fn print_partition(
    out: &mut dyn Write,
    topic: &str,
    p: &TopicPartitionInfo,
    reassignment: Option<&PartitionReassignment>,
) -> io::Result<()> {
    let leader = p.leader.as_ref().map_or("none".to_string(), |n| n.id.to_string());
    write!(
        out,
        "\tTopic: {topic}\tPartition: {}\tLeader: {leader}\tReplicas: {}\tIsr: {}",
        p.partition,
        node_ids(&p.replicas),
        node_ids(&p.isr)
    )?;
    if let Some(r) = reassignment {
        let (adding, removing) = (joined(&r.adding_replicas), joined(&r.removing_replicas));
        write!(out, "\tAdding Replicas: {adding}\tRemoving Replicas: {removing}")?;
    }
    let eligible = |nodes: &Option<Vec<Node>>| nodes.as_deref().map_or("N/A".to_string(), node_ids);
    writeln!(
        out,
        "\tElr: {}\tLastKnownElr: {}",
        eligible(&p.elr),
        eligible(&p.last_known_elr)
    )
}

fn node_ids(nodes: &[Node]) -> String {
    joined(&nodes.iter().map(|n| n.id).collect::<Vec<_>>())
}

fn joined(ids: &[i32]) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

fn add_rows(sheet: &mut Sheet, topic: &Topic, view: &View) -> Result<(), Failure> {
    let t = &topic.description;
    let id = topic_id_text(&t.topic_id);
    if view.with_overrides {
        if topic.shown_topic(view) {
            let configs: Map<String, Value> = topic
                .overrides()
                .map(|c| (c.name.clone(), c.value.clone().into()))
                .collect();
            let factor = t.partitions.first().map_or(0, |first| topic.replication_factor(first));
            let counts = [t.partitions.len().into(), factor.into()];
            let [partitions, factor] = counts;
            sheet.push(vec![
                t.name.as_str().into(),
                id.into(),
                partitions,
                factor,
                configs.into(),
            ]);
        }
        return Ok(());
    }
    let nodes = |nodes: &[Node]| Value::from(nodes.iter().map(|n| n.id).collect::<Vec<_>>());
    for p in topic.shown_partitions(view)? {
        let moving = topic.reassignments.get(&p.partition);
        sheet.push(vec![
            t.name.as_str().into(),
            id.as_str().into(),
            p.partition.into(),
            p.leader.as_ref().map(|n| n.id).into(),
            nodes(&p.replicas),
            nodes(&p.isr),
            p.elr.as_deref().map_or(Value::Null, nodes),
            p.last_known_elr.as_deref().map_or(Value::Null, nodes),
            moving.map_or(Value::Null, |r| r.adding_replicas.clone().into()),
            moving.map_or(Value::Null, |r| r.removing_replicas.clone().into()),
        ]);
    }
    Ok(())
}
