//! `--verify`: how far the moves of a plan are.

use std::collections::BTreeMap;

use super::plan::{Plan, ReplicaKey, joined};
use super::{Stop, throttle};
use crate::TopicPartition;
use crate::cli::Ui;
use crate::client::ApiError;
use crate::client::admin::{Admin, TopicDescription};
use crate::wire::ErrorCode;

/// Kafka: `PartitionReassignmentState`.
struct State {
    current: Vec<i32>,
    target: Vec<i32>,
    done: bool,
}

/// Kafka: `LogDirMoveState`.
#[derive(Debug)]
pub enum DirState {
    /// No directory of the broker has the replica.
    MissingReplica,
    MissingDir,
    Active {
        current: String,
        target: String,
        future: String,
    },
    Cancelled {
        current: String,
        target: String,
    },
    Completed,
}

/// Tells of each partition, then of each replica whose directory the plan names; takes throttles off when nothing moves.
pub async fn run(ui: &mut Ui, plan: &Plan, preserve_throttles: bool, admin: &Admin) -> Result<(), Stop> {
    let (states, ongoing) = partition_states(admin, plan).await?;
    writeln!(ui.out(), "Status of partition reassignment:")?;
    for (tp, s) in &states {
        let line = match (s.done, s.current == s.target) {
            (false, _) => format!("Reassignment of partition {tp} is still in progress."),
            (true, true) => format!("Reassignment of partition {tp} is completed."),
            (true, false) => format!(
                "There is no active reassignment of partition {tp}, but replica set is {} rather than {}.",
                joined(&s.current, ","),
                joined(&s.target, ",")
            ),
        };
        writeln!(ui.out(), "{line}")?;
    }
    let dirs = dir_states(admin, plan).await?;
    let lines: Vec<String> = dirs.iter().map(|((broker, tp), s)| dir_line(*broker, tp, s)).collect();
    writeln!(ui.out(), "{}", lines.join("\n"))?;
    let moving = dirs.values().any(|s| matches!(s, DirState::Active { .. }));
    if ongoing || moving || preserve_throttles {
        return Ok(());
    }
    throttle::clear_all(ui, admin, plan).await
}

async fn partition_states(admin: &Admin, plan: &Plan) -> Result<(BTreeMap<TopicPartition, State>, bool), Stop> {
    let current: BTreeMap<_, _> = admin.list_partition_reassignments(None).await?.into_iter().collect();
    let quiet = plan.partitions.iter().filter(|(tp, _)| !current.contains_key(tp));
    let mut topics: Vec<String> = quiet.map(|(tp, _)| tp.topic.to_string()).collect();
    topics.sort();
    topics.dedup();
    let described: BTreeMap<String, Result<TopicDescription, ApiError>> =
        admin.describe_topics(&topics, false).await.into_iter().collect();
    let mut states = BTreeMap::new();
    for (tp, target) in &plan.partitions {
        let state = match current.get(tp) {
            Some(r) => State {
                current: r.replicas.clone(),
                target: target.clone(),
                done: false,
            },
            None => State {
                current: replicas_now(&described, tp)?,
                target: target.clone(),
                done: true,
            },
        };
        states.insert(tp.clone(), state);
    }
    Ok((states, !current.is_empty()))
}

/// The partition's replicas; none if there is no such partition.
fn replicas_now(
    described: &BTreeMap<String, Result<TopicDescription, ApiError>>,
    tp: &TopicPartition,
) -> Result<Vec<i32>, Stop> {
    match described.get(&*tp.topic) {
        Some(Ok(t)) => {
            let found = t.partitions.iter().find(|p| p.partition == tp.partition);
            Ok(found
                .map(|p| p.replicas.iter().map(|n| n.id).collect())
                .unwrap_or_default())
        }
        Some(Err(e)) if e.code != ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => Err(e.clone().into()),
        _ => Ok(Vec::new()),
    }
}

/// Kafka: `findLogDirMoveStates`.
pub async fn dir_states(admin: &Admin, plan: &Plan) -> Result<BTreeMap<ReplicaKey, DirState>, Stop> {
    let replicas: Vec<_> = plan.replicas().into_iter().map(|(r, _)| r).collect();
    let mut states = BTreeMap::new();
    for (r, info) in admin.describe_replica_log_dirs(&replicas).await {
        let info = info?;
        let key = (r.broker_id, r.partition);
        let target = plan.log_dirs.get(&key).cloned().unwrap_or_default();
        let state = match (info.current_log_dir, info.future_log_dir) {
            (None, None) => DirState::MissingReplica,
            (None, Some(_)) => DirState::MissingDir,
            (Some(current), Some(future)) => DirState::Active {
                current,
                target,
                future,
            },
            (Some(current), None) if current == target => DirState::Completed,
            (Some(current), None) => DirState::Cancelled { current, target },
        };
        states.insert(key, state);
    }
    Ok(states)
}

fn dir_line(broker: i32, tp: &TopicPartition, state: &DirState) -> String {
    match state {
        DirState::MissingDir => format!(
            "Partition {tp} is not found in any live log dir on broker {broker}. There is likely an offline log directory on the broker."
        ),
        DirState::MissingReplica => {
            format!("Partition {tp} cannot be found in any live log directory on broker {broker}.")
        }
        DirState::Active { target, future, .. } if target == future => {
            format!("Reassignment of replica {tp}-{broker} is still in progress.")
        }
        DirState::Active { target, future, .. } => {
            format!("Partition {tp} on broker {broker} is being moved to log dir {future} instead of {target}.")
        }
        DirState::Cancelled { current, target } => {
            format!("Partition {tp} on broker {broker} is not being moved from log dir {current} to {target}.")
        }
        DirState::Completed => format!("Reassignment of replica {tp}-{broker} completed successfully."),
    }
}
