//! Offsets committed within transactions that have not ended yet (Kafka: `OffsetMetadataManager`'s pending transactional
//! offsets).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::records::OffsetAndMetadata;

/// Offsets of one producer's transaction in one group, by topic and partition.
type OfGroup = BTreeMap<(String, i32), Pending>;

/// Of all groups of one coordinator partition.
#[derive(Debug, Default)]
pub struct PendingOffsets {
    by_producer: HashMap<i64, BTreeMap<String, OfGroup>>,
    /// Producers with an open transaction that has touched the group.
    open: HashMap<String, HashSet<i64>>,
    /// Counts what was added: what stands later in the log is the newer offset, whichever transaction ends first.
    added: u64,
}

#[derive(Debug)]
struct Pending {
    value: OffsetAndMetadata,
    order: u64,
    /// An offset that stands later in the log counts already.
    is_superseded: bool,
}

/// An offset that a committed transaction leaves behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Committed {
    pub group_id: String,
    pub topic: String,
    pub partition: i32,
    pub value: OffsetAndMetadata,
}

impl PendingOffsets {
    /// Takes over an offset that a producer commits in its transaction.
    pub fn add(&mut self, producer_id: i64, group_id: &str, tp: (String, i32), value: OffsetAndMetadata) {
        self.added += 1;
        let pending = Pending {
            value,
            order: self.added,
            is_superseded: false,
        };
        let groups = self.by_producer.entry(producer_id).or_default();
        groups.entry(group_id.to_owned()).or_default().insert(tp, pending);
        self.open.entry(group_id.to_owned()).or_default().insert(producer_id);
    }

    /// An offset outside of any transaction goes before all that were pending.
    pub fn supersede(&mut self, group_id: &str, topic: &str, partition: i32) {
        self.supersede_before(group_id, topic, partition, u64::MAX);
    }

    fn supersede_before(&mut self, group_id: &str, topic: &str, partition: i32, order: u64) {
        let Some(open) = self.open.get(group_id) else { return };
        let key = (topic.to_owned(), partition);
        for producer_id in open {
            let group = self
                .by_producer
                .get_mut(producer_id)
                .and_then(|groups| groups.get_mut(group_id));
            if let Some(pending) = group.and_then(|group| group.get_mut(&key))
                && pending.order < order
            {
                pending.is_superseded = true;
            }
        }
    }

    /// Forgets what is pending for a partition: its offset was deleted.
    pub fn remove(&mut self, group_id: &str, topic: &str, partition: i32) {
        let Some(open) = self.open.get(group_id) else { return };
        let key = (topic.to_owned(), partition);
        for producer_id in open {
            let groups = self.by_producer.get_mut(producer_id);
            if let Some(group) = groups.and_then(|groups| groups.get_mut(group_id)) {
                group.remove(&key);
            }
        }
    }

    /// Ends a producer's transaction; what it commits, if it does.
    pub fn end(&mut self, producer_id: i64, is_commit: bool) -> Vec<Committed> {
        let groups = self.by_producer.remove(&producer_id).unwrap_or_default();
        let mut committed = Vec::new();
        for (group_id, offsets) in groups {
            if let Some(open) = self.open.get_mut(&group_id) {
                open.remove(&producer_id);
                if open.is_empty() {
                    self.open.remove(&group_id);
                }
            }
            for ((topic, partition), pending) in offsets {
                if is_commit && !pending.is_superseded {
                    self.supersede_before(&group_id, &topic, partition, pending.order);
                    committed.push(Committed {
                        group_id: group_id.clone(),
                        topic,
                        partition,
                        value: pending.value,
                    });
                }
            }
        }
        committed
    }

    /// Whether an open transaction has touched the group.
    pub fn is_open(&self, group_id: &str) -> bool {
        self.open.contains_key(group_id)
    }

    /// Whether an open transaction has an offset of this partition.
    pub fn contains(&self, group_id: &str, topic: &str, partition: i32) -> bool {
        let Some(open) = self.open.get(group_id) else {
            return false;
        };
        let key = (topic.to_owned(), partition);
        let has_offset = |producer_id: &i64| {
            let offsets = self.by_producer.get(producer_id)?.get(group_id)?;
            Some(offsets.contains_key(&key))
        };
        open.iter().any(|producer_id| has_offset(producer_id) == Some(true))
    }

    /// The partitions that open transactions have offsets of; some perhaps more than once.
    pub fn of_group(&self, group_id: &str) -> impl Iterator<Item = (&str, i32)> {
        let producers = self.open.get(group_id).into_iter().flatten();
        let offsets = producers.filter_map(move |producer_id| self.by_producer.get(producer_id)?.get(group_id));
        offsets.flat_map(|offsets| offsets.keys().map(|(topic, partition)| (topic.as_str(), *partition)))
    }

    /// Groups that an open transaction has touched.
    pub fn group_ids(&self) -> impl Iterator<Item = &String> {
        self.open.keys()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn offset(offset: i64) -> OffsetAndMetadata {
        OffsetAndMetadata {
            offset,
            leader_epoch: -1,
            metadata: String::new(),
            commit_timestamp_ms: 0,
            expire_timestamp_ms: None,
            topic_id: Uuid::nil(),
        }
    }

    fn tp() -> (String, i32) {
        ("t".to_owned(), 0)
    }

    fn offsets(committed: &[Committed]) -> Vec<i64> {
        committed.iter().map(|c| c.value.offset).collect()
    }

    #[test]
    fn only_a_commit_leaves_offsets() {
        let mut pending = PendingOffsets::default();
        pending.add(1, "g", tp(), offset(5));
        pending.add(2, "g", tp(), offset(6));
        assert!(pending.contains("g", "t", 0) && !pending.contains("g", "t", 1) && !pending.contains("h", "t", 0));
        assert_eq!(pending.end(1, false), []);
        assert!(pending.contains("g", "t", 0), "the other producer's is still open");
        assert_eq!(offsets(&pending.end(2, true)), [6]);
        assert!(!pending.is_open("g"));
        assert_eq!(pending.end(2, true), [], "it has ended");
    }

    #[test]
    fn the_later_record_counts_whichever_transaction_ends_first() {
        let mut pending = PendingOffsets::default();
        pending.add(1, "g", tp(), offset(5));
        pending.add(2, "g", tp(), offset(6));
        assert_eq!(offsets(&pending.end(2, true)), [6]);
        assert_eq!(offsets(&pending.end(1, true)), [] as [i64; 0]);
        pending.add(1, "g", tp(), offset(7));
        pending.supersede("g", "t", 0);
        assert!(
            pending.contains("g", "t", 0),
            "it makes the offset unstable all the same"
        );
        assert_eq!(pending.end(1, true), []);
        pending.add(1, "g", tp(), offset(8));
        pending.supersede("g", "t", 0);
        pending.add(1, "g", tp(), offset(9));
        assert_eq!(
            offsets(&pending.end(1, true)),
            [9],
            "newer than what superseded the other"
        );
    }

    #[test]
    fn a_deleted_offset_stays_deleted() {
        let mut pending = PendingOffsets::default();
        pending.add(1, "g", tp(), offset(5));
        pending.remove("g", "t", 0);
        assert!(pending.is_open("g") && !pending.contains("g", "t", 0));
        assert_eq!(pending.end(1, true), []);
    }
}
