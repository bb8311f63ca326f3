//! Tasks: a partition of a subtopology, in one of three roles.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::protocol::StrBytes;

use crate::wire::streams::TaskIds;

/// Partitions by subtopology.
pub type Tasks = BTreeMap<String, BTreeSet<i32>>;

/// The tasks of one member, by role (Kafka: `TasksTuple`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskSet {
    pub active: Tasks,
    pub standby: Tasks,
    pub warmup: Tasks,
}

impl TaskSet {
    pub fn roles(&self) -> [&Tasks; 3] {
        [&self.active, &self.standby, &self.warmup]
    }

    pub fn is_empty(&self) -> bool {
        self.roles().iter().all(|tasks| tasks.is_empty())
    }

    /// Each task, whatever its role.
    pub fn all(&self) -> impl Iterator<Item = (&str, i32)> {
        self.roles().into_iter().flat_map(each)
    }

    pub fn from_wire(active: &[TaskIds], standby: &[TaskIds], warmup: &[TaskIds]) -> Self {
        Self {
            active: from_wire(active),
            standby: from_wire(standby),
            warmup: from_wire(warmup),
        }
    }
}

pub fn each(tasks: &Tasks) -> impl Iterator<Item = (&str, i32)> {
    tasks
        .iter()
        .flat_map(|(subtopology, partitions)| partitions.iter().map(|p| (subtopology.as_str(), *p)))
}

pub fn contains(tasks: &Tasks, task: (&str, i32)) -> bool {
    tasks.get(task.0).is_some_and(|partitions| partitions.contains(&task.1))
}

pub fn insert(tasks: &mut Tasks, task: (&str, i32)) {
    tasks.entry(task.0.to_owned()).or_default().insert(task.1);
}

pub fn count(tasks: &Tasks) -> usize {
    tasks.values().map(BTreeSet::len).sum()
}

/// What of `tasks` is in `others`, and what is not.
pub fn split(tasks: &Tasks, others: &Tasks) -> (Tasks, Tasks) {
    let (mut inside, mut outside) = (Tasks::new(), Tasks::new());
    for task in each(tasks) {
        let side = if contains(others, task) {
            &mut inside
        } else {
            &mut outside
        };
        insert(side, task);
    }
    (inside, outside)
}

pub fn from_wire(tasks: &[TaskIds]) -> Tasks {
    let mut all = Tasks::new();
    for ids in tasks.iter().filter(|ids| !ids.partitions.is_empty()) {
        let partitions = all.entry(ids.subtopology_id.to_string()).or_default();
        partitions.extend(&ids.partitions);
    }
    all
}

pub fn to_wire(tasks: &Tasks) -> Vec<TaskIds> {
    let ids = |(subtopology, partitions): (&String, &BTreeSet<i32>)| TaskIds {
        subtopology_id: StrBytes::from_string(subtopology.clone()),
        partitions: partitions.iter().copied().collect(),
    };
    tasks.iter().map(ids).collect()
}
