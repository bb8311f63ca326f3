//! Replication throttles: set when moves start, taken off when all are done (KIP-73, KIP-113).

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexSet;

use super::Stop;
use super::plan::{Move, Plan, joined, topic_throttles};
use crate::TopicPartition;
use crate::cli::Ui;
use crate::cli::compat::java_hash::hash_map_order;
use crate::client::admin::{Admin, AlterConfigOp, ConfigResource, DescribeClusterOptions, ResourceType};

const BROKER_RATES: [&str; 2] = [
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
];
const BROKER_DIR_RATE: &str = "replica.alter.log.dirs.io.max.bytes.per.second";
const TOPIC_LEADERS: &str = "leader.replication.throttled.replicas";
const TOPIC_FOLLOWERS: &str = "follower.replication.throttled.replicas";

async fn alter(admin: &Admin, changes: Vec<(ConfigResource, Vec<AlterConfigOp>)>) -> Result<(), Stop> {
    for (_, done) in admin.incremental_alter_configs(&changes, false).await {
        done?;
    }
    Ok(())
}

fn broker(id: i32) -> ConfigResource {
    ConfigResource::new(ResourceType::Broker, id.to_string())
}

fn topic(name: &str) -> ConfigResource {
    ConfigResource::new(ResourceType::Topic, name)
}

/// Throttles the brokers and topics that move to `rate` bytes a second.
pub async fn set_for_moves(admin: &Admin, moves: &BTreeMap<TopicPartition, Move>, rate: i64) -> Result<(), Stop> {
    let topics = topic_throttles(moves).into_iter().map(|(name, (leaders, followers))| {
        (
            topic(name),
            vec![
                AlterConfigOp::set(TOPIC_LEADERS, leaders),
                AlterConfigOp::set(TOPIC_FOLLOWERS, followers),
            ],
        )
    });
    alter(admin, topics.collect()).await?;
    let ids: BTreeSet<i32> = moves
        .values()
        .flat_map(|m| m.sources.union(&m.destinations).copied().collect::<Vec<_>>())
        .collect();
    let rates = ids.into_iter().map(|id| {
        (
            broker(id),
            BROKER_RATES
                .map(|key| AlterConfigOp::set(key, rate.to_string()))
                .to_vec(),
        )
    });
    alter(admin, rates.collect()).await
}

/// Throttles moves between directories of these brokers to `rate` bytes a second.
pub async fn set_for_dirs(admin: &Admin, brokers: &BTreeSet<i32>, rate: i64) -> Result<(), Stop> {
    let one = |id: &i32| (broker(*id), vec![AlterConfigOp::set(BROKER_DIR_RATE, rate.to_string())]);
    alter(admin, brokers.iter().map(one).collect()).await
}

/// Takes all throttles off (Kafka: `clearAllThrottles`).
pub async fn clear_all(ui: &mut Ui, admin: &Admin, plan: &Plan) -> Result<(), Stop> {
    let nodes = admin.describe_cluster(DescribeClusterOptions::default()).await?.nodes;
    let mut ids: IndexSet<i32> = nodes.iter().map(|n| n.id).collect();
    ids.extend(plan.partitions.iter().flat_map(|(_, r)| r.iter().copied()));
    let ids = hash_map_order(ids.into_iter().collect(), |id: &i32| id);
    let s = |n: usize| if n == 1 { "" } else { "s" };
    writeln!(
        ui.out(),
        "Clearing broker-level throttles on broker{} {}",
        s(ids.len()),
        joined(&ids, ",")
    )?;
    let keys = [BROKER_RATES[0], BROKER_RATES[1], BROKER_DIR_RATE];
    alter(
        admin,
        ids.into_iter()
            .map(|id| (broker(id), keys.map(AlterConfigOp::delete).to_vec()))
            .collect(),
    )
    .await?;
    let topics = plan.topics();
    writeln!(
        ui.out(),
        "Clearing topic-level throttles on topic{} {}",
        s(topics.len()),
        joined(&topics, ",")
    )?;
    let keys = [TOPIC_LEADERS, TOPIC_FOLLOWERS];
    alter(
        admin,
        topics
            .into_iter()
            .map(|t| (topic(t), keys.map(AlterConfigOp::delete).to_vec()))
            .collect(),
    )
    .await
}
