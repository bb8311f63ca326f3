//! Which member runs which task (Kafka: `StickyTaskAssignor`): active tasks stay where they are, as far as members are
//! then equally loaded; standby tasks go to other processes than the active ones.

use std::collections::{BTreeMap, BTreeSet};

use super::tasks::{TaskSet, Tasks, contains, count, each, insert};

/// A member as the assignor sees it.
#[derive(Debug, Clone, Default)]
pub struct TaskOwner {
    pub process_id: String,
    /// What it was to have until now.
    pub previous: TaskSet,
}

/// Gives each member its tasks. `tasks` are the numbers of tasks of the subtopologies.
pub fn assign(
    tasks: &BTreeMap<String, i32>,
    members: &BTreeMap<String, TaskOwner>,
    standby_replicas: i32,
) -> BTreeMap<String, TaskSet> {
    let mut assigned: BTreeMap<String, TaskSet> = members.keys().map(|id| (id.clone(), TaskSet::default())).collect();
    if members.is_empty() {
        return assigned;
    }
    let all: Tasks = tasks
        .iter()
        .map(|(id, count)| (id.clone(), (0..*count).collect()))
        .collect();
    let total = count(&all);
    let (least, mut extra) = (total / members.len(), total % members.len());
    let mut left = all.clone();
    for (member_id, owner) in members {
        let Some(mine) = assigned.get_mut(member_id) else {
            continue;
        };
        for task in each(&owner.previous.active) {
            let quota = least + usize::from(extra > 0);
            if count(&mine.active) < quota && take(&mut left, task) {
                insert(&mut mine.active, task);
            }
        }
        if count(&mine.active) > least {
            extra -= 1;
        }
    }
    for task in each(&left) {
        let had_standby = |id: &String| members.get(id).is_some_and(|m| contains(&m.previous.standby, task));
        let next = assigned
            .iter_mut()
            .min_by_key(|(id, mine)| (count(&mine.active), !had_standby(id), (*id).clone()));
        if let Some((_, mine)) = next {
            insert(&mut mine.active, task);
        }
    }
    for _ in 0..standby_replicas.max(0) {
        for task in each(&all) {
            add_standby(&mut assigned, members, task);
        }
    }
    assigned
}

fn take(left: &mut Tasks, (subtopology, partition): (&str, i32)) -> bool {
    left.get_mut(subtopology)
        .is_some_and(|partitions| partitions.remove(&partition))
}

/// One more copy of a task's state, in a process that has none yet.
fn add_standby(assigned: &mut BTreeMap<String, TaskSet>, members: &BTreeMap<String, TaskOwner>, task: (&str, i32)) {
    let process_of = |id: &String| members.get(id).map(|member| member.process_id.clone());
    let has = |mine: &TaskSet| contains(&mine.active, task) || contains(&mine.standby, task);
    let taken: BTreeSet<Option<String>> = assigned
        .iter()
        .filter(|(_, mine)| has(mine))
        .map(|(id, _)| process_of(id))
        .collect();
    let had = |id: &String| {
        let previous = members.get(id).map(|member| &member.previous);
        previous.is_some_and(|previous| contains(&previous.standby, task) || contains(&previous.active, task))
    };
    let next = assigned
        .iter_mut()
        .filter(|(id, _)| !taken.contains(&process_of(id)))
        .min_by_key(|(id, mine)| (!had(id), count(&mine.active) + count(&mine.standby), (*id).clone()));
    if let Some((_, mine)) = next {
        insert(&mut mine.standby, task);
    }
}
