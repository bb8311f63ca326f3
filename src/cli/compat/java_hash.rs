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

/// Lays items (distinct keys, in the order they were put in) into the order of a `HashMap` that grew to hold them.
pub fn hash_map_order<T, K: JavaHash + ?Sized>(mut items: Vec<T>, key: impl Fn(&T) -> &K) -> Vec<T> {
    let mut capacity: usize = 16;
    while items.len() > capacity / 4 * 3 {
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
