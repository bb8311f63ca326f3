//! How much of a partition of `__share_group_state` is still needed (Kafka: `ShareCoordinatorOffsetsManager`): nothing
//! before the oldest of the snapshots that are the last of their share partitions.

use std::collections::HashMap;

use super::records::{ShareKey, StateRecord};

/// See the module.
#[derive(Debug, Default)]
pub struct NeededRecords {
    /// Where the last snapshot of each share partition stands.
    snapshots: HashMap<ShareKey, i64>,
    from: Option<i64>,
}

impl NeededRecords {
    /// Takes note of a record of the log.
    pub fn note(&mut self, record: &StateRecord, offset: i64) {
        let (key, is_tombstone) = match record {
            StateRecord::Snapshot(key, _) => (key, false),
            StateRecord::Tombstone(key) => (key, true),
            StateRecord::Update(..) => return,
        };
        self.snapshots.insert(key.clone(), offset);
        self.from = self.snapshots.values().min().copied();
        if is_tombstone {
            self.snapshots.remove(key);
        }
    }

    /// The offset before which nothing is needed; `None` while nothing is known.
    pub fn from(&self) -> Option<i64> {
        self.from
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::StateWrite;
    use super::super::shard::StateShard;
    use super::*;

    fn key(partition: i32) -> ShareKey {
        ShareKey {
            group_id: "g".to_owned(),
            topic_id: Uuid::from_u128(7),
            partition,
        }
    }

    #[test]
    fn the_oldest_last_snapshot_is_where_the_log_may_begin() {
        let (mut shard, mut needed) = (StateShard::default(), NeededRecords::default());
        assert_eq!(needed.from(), None);
        let mut snapshot = |partition| shard.initialize(&key(partition), 0, 0, 0).unwrap().unwrap();
        let (one, other) = (snapshot(1), snapshot(2));
        needed.note(&one, 3);
        assert_eq!(needed.from(), Some(3));
        needed.note(&other, 4);
        assert_eq!(needed.from(), Some(3));
        needed.note(&one, 9);
        assert_eq!(needed.from(), Some(4));
        let write = StateWrite {
            state_epoch: 0,
            leader_epoch: 0,
            start_offset: 1,
            delivery_complete_count: 0,
            batches: Vec::new(),
        };
        needed.note(&shard.write(&key(2), &write, 500, 0).unwrap(), 10);
        assert_eq!(needed.from(), Some(4), "an update needs its snapshot");
        needed.note(&shard.delete(&key(2)).unwrap(), 11);
        assert_eq!(needed.from(), Some(9));
        needed.note(&shard.delete(&key(1)).unwrap(), 12);
        assert_eq!(needed.from(), Some(12), "of the last one its tombstone stays");
    }
}
