//! Which members of a share group get which partitions (Kafka: `SimpleAssignor`). A partition may have several members:
//! every member has something to do, every partition somebody, and nobody much more than another.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::broker::group::consumer::Assignment;

type TopicPartition = (Uuid, i32);

/// A member as the assignor sees it.
#[derive(Debug, Clone, Default)]
pub struct Subscriber {
    /// The topics it subscribes to, as far as they exist.
    pub topics: BTreeSet<Uuid>,
    /// What it was to have until now.
    pub previous: Assignment,
}

/// Gives each member its partitions. `partitions` are those that may be given, by topic.
pub fn assign(partitions: &Assignment, members: &BTreeMap<String, Subscriber>) -> BTreeMap<String, Assignment> {
    let mut assignments: BTreeMap<String, Assignment> =
        members.keys().map(|id| (id.clone(), Assignment::new())).collect();
    // Topics with the same subscribers are shared out together.
    let mut by_subscribers: BTreeMap<Vec<&String>, Vec<TopicPartition>> = BTreeMap::new();
    for (topic, partitions) in partitions {
        let subscribers: Vec<&String> = members
            .iter()
            .filter(|(_, member)| member.topics.contains(topic))
            .map(|(id, _)| id)
            .collect();
        if !subscribers.is_empty() {
            let together = by_subscribers.entry(subscribers).or_default();
            together.extend(partitions.iter().map(|partition| (*topic, *partition)));
        }
    }
    for (subscribers, partitions) in by_subscribers {
        for (member_id, (topic, partition)) in share_out(&partitions, &subscribers, members) {
            let assignment = assignments.entry(member_id.clone()).or_default();
            assignment.entry(topic).or_default().insert(partition);
        }
    }
    assignments
}

fn share_out<'a>(
    partitions: &[TopicPartition],
    subscribers: &[&'a String],
    members: &BTreeMap<String, Subscriber>,
) -> Vec<(&'a String, TopicPartition)> {
    if partitions.is_empty() {
        return Vec::new();
    }
    // How many members a partition shall have, and how many partitions a member at most.
    let sharing = subscribers.len().div_ceil(partitions.len());
    let load = (partitions.len() * sharing).div_ceil(subscribers.len());
    let mut of_member: Vec<BTreeSet<TopicPartition>> = vec![BTreeSet::new(); subscribers.len()];
    let mut shared_by: BTreeMap<TopicPartition, usize> = partitions.iter().map(|p| (*p, 0)).collect();
    for (index, member_id) in subscribers.iter().enumerate() {
        let previous = members.get(*member_id).map(|member| &member.previous);
        let previous = previous.into_iter().flatten();
        for kept in previous.flat_map(|(topic, partitions)| partitions.iter().map(|p| (*topic, *p))) {
            if of_member[index].len() < load
                && let Some(count) = shared_by.get_mut(&kept)
                && *count < sharing
            {
                *count += 1;
                of_member[index].insert(kept);
            }
        }
    }
    for (partition, count) in &mut shared_by {
        while *count < sharing {
            let free = (0..subscribers.len())
                .filter(|index| !of_member[*index].contains(partition))
                .min_by_key(|index| of_member[*index].len());
            let Some(index) = free.filter(|index| *count == 0 || of_member[*index].len() < load) else {
                break;
            };
            of_member[index].insert(*partition);
            *count += 1;
        }
    }
    // Who kept much may have left others with nothing.
    for owned in &mut of_member {
        if owned.is_empty()
            && let Some((partition, count)) = shared_by.iter_mut().min_by_key(|(_, count)| **count)
        {
            owned.insert(*partition);
            *count += 1;
        }
    }
    let all = subscribers.iter().zip(of_member);
    all.flat_map(|(id, owned)| owned.into_iter().map(move |partition| (*id, partition)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: Uuid = Uuid::from_u128(1);

    /// Members called a, b, ... on one topic; gives their partitions.
    fn shares(
        partitions: i32,
        members: usize,
        previous: &BTreeMap<String, Assignment>,
    ) -> BTreeMap<String, Assignment> {
        let all = Assignment::from([(TOPIC, (0..partitions).collect())]);
        let name = |index: usize| char::from(b'a' + index as u8).to_string();
        let members = (0..members).map(|index| {
            let subscriber = Subscriber {
                topics: [TOPIC].into(),
                previous: previous.get(&name(index)).cloned().unwrap_or_default(),
            };
            (name(index), subscriber)
        });
        assign(&all, &members.collect())
    }

    fn counts(assignments: &BTreeMap<String, Assignment>) -> Vec<usize> {
        let count = |assignment: &Assignment| assignment.values().map(BTreeSet::len).sum();
        assignments.values().map(count).collect()
    }

    #[test]
    fn everybody_works_and_nothing_is_left_alone() {
        let none = BTreeMap::new();
        assert_eq!(counts(&shares(1, 3, &none)), [1, 1, 1]);
        assert_eq!(counts(&shares(4, 2, &none)), [2, 2]);
        assert_eq!(counts(&shares(5, 2, &none)), [3, 2]);
        for (partitions, members) in [(1, 1), (3, 2), (2, 3), (3, 7), (7, 3), (10, 10)] {
            let assigned = shares(partitions, members, &none);
            assert!(!counts(&assigned).contains(&0), "{partitions} for {members}");
            let covered: BTreeSet<i32> = assigned.values().flat_map(|a| a[&TOPIC].clone()).collect();
            assert_eq!(covered.len(), partitions as usize, "{partitions} for {members}");
        }
    }

    #[test]
    fn members_keep_what_they_had() {
        let two = shares(4, 2, &BTreeMap::new());
        assert_eq!(shares(4, 2, &two), two);
        let three = shares(4, 3, &two);
        for member in ["a", "b"] {
            assert!(three[member][&TOPIC].is_subset(&two[member][&TOPIC]), "{three:?}");
        }
        assert!(!three["c"].is_empty());
        let one = shares(4, 1, &two);
        assert_eq!(counts(&one), [4]);
    }

    #[test]
    fn only_subscribed_topics_are_given() {
        let other = Uuid::from_u128(2);
        let all = Assignment::from([(TOPIC, [0, 1].into()), (other, [0].into())]);
        let subscriber = |topics: &[Uuid]| Subscriber {
            topics: topics.iter().copied().collect(),
            previous: all.clone(),
        };
        let members = BTreeMap::from([
            ("a".to_owned(), subscriber(&[TOPIC])),
            ("b".to_owned(), subscriber(&[TOPIC, other])),
            ("c".to_owned(), subscriber(&[])),
        ]);
        let assigned = assign(&all, &members);
        assert!(!assigned["a"].contains_key(&other));
        assert_eq!(assigned["b"][&other], [0].into());
        assert!(assigned["c"].is_empty());
    }
}
