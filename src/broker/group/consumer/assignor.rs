//! The assignors a coordinator has (Kafka: `UniformAssignor` and `RangeAssignor` of the group coordinator).

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Assignment;

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Assignor {
    /// As even as subscriptions allow, moving no partition that need not move.
    #[default]
    Uniform,
    /// Neighbouring partitions of each topic together; partitions of equal number of equally subscribed topics too.
    Range,
}

/// A member as an assignor sees it.
#[derive(Debug, Clone, Default)]
pub struct Subscriber {
    /// The topics it subscribes to, as far as they exist.
    pub topics: BTreeSet<Uuid>,
    /// What it was to have until now.
    pub previous: Assignment,
}

/// Assignments by member.
pub type Assignments = BTreeMap<String, Assignment>;

impl Assignor {
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Uniform, Self::Range]
            .into_iter()
            .find(|assignor| assignor.name() == name)
    }

    /// Gives every partition of every subscribed topic to one subscriber. `counts` are the partitions of the topics.
    pub fn assign(self, counts: &BTreeMap<Uuid, i32>, members: &BTreeMap<String, Subscriber>) -> Assignments {
        match self {
            Self::Uniform => Uniform::new(counts, members).assign(),
            Self::Range => range(counts, members),
        }
    }
}

fn range(counts: &BTreeMap<Uuid, i32>, members: &BTreeMap<String, Subscriber>) -> Assignments {
    let mut assignments: Assignments = members.keys().map(|id| (id.clone(), Assignment::new())).collect();
    for (topic, count) in counts {
        let subscribers: Vec<&String> = members
            .iter()
            .filter(|(_, member)| member.topics.contains(topic))
            .map(|(id, _)| id)
            .collect();
        let Ok(divisor) = i32::try_from(subscribers.len()) else {
            continue;
        };
        let mut next = 0;
        for (index, member_id) in (0i32..).zip(subscribers) {
            let share = count / divisor + i32::from(index < count % divisor);
            if share > 0
                && let Some(assignment) = assignments.get_mut(member_id)
            {
                assignment.insert(*topic, (next..next + share).collect());
            }
            next += share;
        }
    }
    assignments
}

/// The state of one uniform assignment; members and topics by index.
struct Uniform<'a> {
    ids: Vec<&'a String>,
    members: Vec<&'a Subscriber>,
    counts: &'a BTreeMap<Uuid, i32>,
    assignments: Vec<Assignment>,
    loads: Vec<usize>,
}

impl<'a> Uniform<'a> {
    fn new(counts: &'a BTreeMap<Uuid, i32>, members: &'a BTreeMap<String, Subscriber>) -> Self {
        Self {
            ids: members.keys().collect(),
            members: members.values().collect(),
            counts,
            assignments: vec![Assignment::new(); members.len()],
            loads: vec![0; members.len()],
        }
    }

    fn assign(mut self) -> Assignments {
        for (topic, partition) in self.keep_previous() {
            let subscribed = (0..self.members.len()).filter(|index| self.members[*index].topics.contains(&topic));
            if let Some(least) = subscribed.min_by_key(|index| self.loads[*index]) {
                self.give(least, topic, partition);
            }
        }
        self.balance();
        self.ids.into_iter().cloned().zip(self.assignments).collect()
    }

    fn give(&mut self, member: usize, topic: Uuid, partition: i32) {
        self.assignments[member].entry(topic).or_default().insert(partition);
        self.loads[member] += 1;
    }

    fn take(&mut self, member: usize, topic: Uuid, partition: i32) {
        if let Some(partitions) = self.assignments[member].get_mut(&topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                self.assignments[member].remove(&topic);
            }
            self.loads[member] -= 1;
        }
    }

    /// Leaves with each member what it had and may have; returns the partitions nobody has.
    fn keep_previous(&mut self) -> Vec<(Uuid, i32)> {
        let mut owners: BTreeMap<(Uuid, i32), usize> = BTreeMap::new();
        for (index, member) in self.members.iter().enumerate() {
            for (topic, partitions) in member
                .previous
                .iter()
                .filter(|(topic, _)| member.topics.contains(topic))
            {
                let count = self.counts.get(topic).copied().unwrap_or(0);
                for partition in partitions.iter().filter(|partition| **partition < count) {
                    owners.entry((*topic, *partition)).or_insert(index);
                }
            }
        }
        let mut free = Vec::new();
        for (topic, count) in self.counts {
            for partition in 0..*count {
                match owners.get(&(*topic, partition)) {
                    Some(owner) => self.give(*owner, *topic, partition),
                    None => free.push((*topic, partition)),
                }
            }
        }
        free
    }

    /// Moves partitions from members with more to subscribers with at least two fewer, until there are none. Every move
    /// makes the sum of the squared loads smaller, so this ends.
    fn balance(&mut self) {
        loop {
            let mut moved = false;
            let mut by_load: Vec<usize> = (0..self.members.len()).collect();
            by_load.sort_by_key(|index| self.loads[*index]);
            for receiver in by_load {
                while let Some((giver, topic, partition)) = self.find_move(receiver) {
                    self.take(giver, topic, partition);
                    self.give(receiver, topic, partition);
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// A partition the receiver may have, of the most loaded member that has at least two more.
    fn find_move(&self, receiver: usize) -> Option<(usize, Uuid, i32)> {
        let wanted = &self.members[receiver].topics;
        let mut givers: Vec<usize> = (0..self.members.len())
            .filter(|giver| self.loads[*giver] >= self.loads[receiver] + 2)
            .collect();
        givers.sort_by_key(|giver| std::cmp::Reverse(self.loads[*giver]));
        givers.into_iter().find_map(|giver| {
            let (topic, partitions) = self.assignments[giver]
                .iter()
                .find(|(topic, _)| wanted.contains(topic))?;
            // The last ones go, so that members keep runs of neighbouring partitions.
            partitions.last().map(|partition| (giver, *topic, *partition))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn subscriber(topics: &[u128], previous: &Assignments, id: &str) -> Subscriber {
        Subscriber {
            topics: topics.iter().map(|number| topic(*number)).collect(),
            previous: previous.get(id).cloned().unwrap_or_default(),
        }
    }

    fn loads(assignments: &Assignments) -> Vec<usize> {
        assignments
            .values()
            .map(|assignment| assignment.values().map(BTreeSet::len).sum())
            .collect()
    }

    fn moved(before: &Assignments, after: &Assignments) -> usize {
        let has = |assignments: &Assignments, id: &String, topic: &Uuid, partition: &i32| {
            assignments
                .get(id)
                .and_then(|a| a.get(topic))
                .is_some_and(|p| p.contains(partition))
        };
        let all = after
            .iter()
            .flat_map(|(id, a)| a.iter().flat_map(move |(t, p)| p.iter().map(move |p| (id, t, p))));
        all.filter(|(id, topic, partition)| !has(before, id, topic, partition))
            .count()
    }

    #[test]
    fn range_gives_neighbours_and_the_first_members_the_rest() {
        let counts = BTreeMap::from([(topic(1), 7), (topic(2), 7)]);
        let none = Assignments::new();
        let members = ["a", "b", "c"]
            .map(|id| (id.to_owned(), subscriber(&[1, 2], &none, id)))
            .into_iter()
            .collect();
        let assignments = Assignor::Range.assign(&counts, &members);
        for id in [1, 2] {
            assert_eq!(assignments["a"][&topic(id)], BTreeSet::from([0, 1, 2]));
            assert_eq!(assignments["b"][&topic(id)], BTreeSet::from([3, 4]));
            assert_eq!(assignments["c"][&topic(id)], BTreeSet::from([5, 6]));
        }
    }

    #[test]
    fn uniform_is_even_and_moves_as_little_as_it_can() {
        let counts = BTreeMap::from([(topic(1), 6), (topic(2), 4)]);
        let mut before = Assignments::new();
        for size in [1, 2, 3, 4, 10, 12, 3, 1] {
            let ids: Vec<String> = (0..size).map(|number| format!("m{number:02}")).collect();
            let members = ids
                .iter()
                .map(|id| (id.clone(), subscriber(&[1, 2], &before, id)))
                .collect();
            let after = Assignor::Uniform.assign(&counts, &members);
            let loads = loads(&after);
            assert_eq!(loads.iter().sum::<usize>(), 10);
            assert!(
                loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1,
                "{size}: {loads:?}"
            );
            let orphans: usize = before
                .iter()
                .filter(|(id, _)| !ids.contains(id))
                .map(|(_, a)| a.values().map(BTreeSet::len).sum::<usize>())
                .sum();
            let newcomers: usize = after
                .iter()
                .filter(|(id, _)| !before.contains_key(*id))
                .map(|(_, a)| a.values().map(BTreeSet::len).sum::<usize>())
                .sum();
            assert_eq!(moved(&before, &after), orphans.max(newcomers), "{size} members");
            before = after;
        }
    }

    #[test]
    fn uniform_respects_who_wants_what() {
        let counts = BTreeMap::from([(topic(1), 2), (topic(2), 10)]);
        let none = Assignments::new();
        let members = BTreeMap::from([
            ("a".to_owned(), subscriber(&[1], &none, "a")),
            ("b".to_owned(), subscriber(&[1, 2], &none, "b")),
            ("c".to_owned(), subscriber(&[2], &none, "c")),
            ("d".to_owned(), subscriber(&[], &none, "d")),
        ]);
        let assignments = Assignor::Uniform.assign(&counts, &members);
        assert_eq!(loads(&assignments), [2, 5, 5, 0]);
        assert_eq!(assignments["a"].keys().collect::<Vec<_>>(), [&topic(1)]);
    }
}
