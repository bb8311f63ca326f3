//! The order in which a `java.util.HashMap` gives its keys: what several tools print in, because Kafka's do.

use crate::TopicPartition;

/// Java's `hashCode()`.
pub trait JavaHash {
    fn java_hash(&self) -> i32;
}

impl JavaHash for str {
    fn java_hash(&self) -> i32 {
        self.encode_utf16()
            .fold(0i32, |h, unit| h.wrapping_mul(31).wrapping_add(i32::from(unit)))
    }
}

impl JavaHash for String {
    fn java_hash(&self) -> i32 {
        self.as_str().java_hash()
    }
}

impl JavaHash for TopicPartition {
    fn java_hash(&self) -> i32 {
        let partition = 31i32.wrapping_add(self.partition);
        partition.wrapping_mul(31).wrapping_add(self.topic.java_hash())
    }
}

impl JavaHash for i32 {
    fn java_hash(&self) -> i32 {
        *self
    }
}

/// Lays items (distinct keys, in the order they were put in) into the order of a `HashMap` that grew to hold them.
pub fn hash_map_order<T, K: JavaHash + ?Sized>(items: Vec<T>, key: impl Fn(&T) -> &K) -> Vec<T> {
    hash_map_order_from(16, items, key)
}

/// As [`hash_map_order`], for a map made with `new HashMap<>(capacity)`: few items then lie in a smaller table.
pub fn hash_map_order_from<T, K: JavaHash + ?Sized>(
    capacity: usize,
    mut items: Vec<T>,
    key: impl Fn(&T) -> &K,
) -> Vec<T> {
    let mut capacity = capacity.max(1).next_power_of_two();
    while items.len() * 4 > capacity * 3 {
        capacity *= 2;
    }
    // Keys of one bucket keep the order they came in, also when the table grows: a stable sort.
    items.sort_by_key(|item| {
        let h = key(item).java_hash().cast_unsigned();
        (h ^ (h >> 16)) as usize & (capacity - 1)
    });
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_codes_are_javas() {
        assert_eq!("".java_hash(), 0);
        assert_eq!("hello".java_hash(), 99_162_322);
        assert_eq!("Aa".java_hash(), "BB".java_hash());
    }

    #[test]
    fn a_map_made_for_its_size_orders_topics_as_kafka_does() {
        // topics --describe of recorded runs
        let all: [&[&str]; 2] = [
            &["solo3", "under", "unclean"],
            &[
                "__share_group_state",
                "defaults",
                "cfg",
                "__transaction_state",
                "orders",
                "t1",
                "__consumer_offsets",
                "t2",
                "users_events",
                "tmp.a",
            ],
        ];
        for want in all {
            let mut sorted = want.to_vec();
            sorted.sort_unstable();
            assert_eq!(hash_map_order_from(want.len(), sorted, |s| *s), want);
        }
    }

    #[test]
    fn groups_and_partitions_come_in_kafkas_order() {
        // As Kafka printed them: --delete --all-groups and --reset-offsets of recorded runs.
        let mut groups: Vec<String> = [
            "g-consumer",
            "cg-words",
            "g-classic",
            "cg-sys",
            "cg-new",
            "g-two",
            "g-prop",
            "cg-sigterm",
            "g-reset",
        ]
        .map(String::from)
        .to_vec();
        let printed = groups.clone();
        groups.sort();
        assert_eq!(hash_map_order(groups, |g| g), printed);
        let partitions: Vec<_> = (0..3).map(|p| TopicPartition::new("grp", p)).collect();
        let order: Vec<i32> = hash_map_order(partitions, |tp| tp)
            .iter()
            .map(|tp| tp.partition)
            .collect();
        assert_eq!(order, [1, 2, 0]);
    }
}
