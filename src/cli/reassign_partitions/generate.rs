//! A proposal: replicas spread over brokers, racks in turn (Kafka: `StripedReplicaPlacer` as the tool uses it). Pure.

use std::collections::{BTreeMap, VecDeque};

use rand::Rng;
use rand::seq::SliceRandom;

use super::Failure;

/// A broker to place replicas on.
#[derive(Clone, Debug)]
pub struct Broker {
    pub id: i32,
    pub rack: Option<String>,
}

/// Replicas of `partitions` partitions, `factor` each; the start is random, as in Kafka.
///
/// # Errors
/// There are fewer brokers than replicas.
pub fn place(
    brokers: &[Broker],
    partitions: usize,
    factor: usize,
    random: &mut impl Rng,
) -> Result<Vec<Vec<i32>>, Failure> {
    if brokers.is_empty() {
        return Err(Failure::of(
            "org.apache.kafka.common.errors.InvalidReplicationFactorException",
            "All brokers are currently fenced, or have all their log directories cordoned.",
        ));
    }
    if factor > brokers.len() {
        return Err(Failure::of(
            "org.apache.kafka.common.errors.InvalidReplicationFactorException",
            format!(
                "The target replication factor of {factor} cannot be reached because only {} broker(s) are registered or some \
                 brokers have all their log directories cordoned.",
                brokers.len()
            ),
        ));
    }
    let mut racks: BTreeMap<Option<&str>, Vec<i32>> = BTreeMap::new();
    for b in brokers {
        racks.entry(b.rack.as_deref()).or_default().push(b.id);
    }
    let mut racks: Vec<VecDeque<i32>> = racks.into_values().map(VecDeque::from).collect();
    for rack in &mut racks {
        rack.make_contiguous().shuffle(random);
    }
    racks.shuffle(random);
    let mut first = random.random_range(0..racks.len());
    let mut placed = Vec::with_capacity(partitions);
    for _ in 0..partitions {
        placed.push(one_partition(&mut racks, first, factor));
        first = (first + 1) % racks.len();
    }
    Ok(placed)
}

/// One replica from each rack in turn, each rack's brokers in turn.
fn one_partition(racks: &mut [VecDeque<i32>], first: usize, factor: usize) -> Vec<i32> {
    let mut replicas: Vec<i32> = Vec::with_capacity(factor);
    let mut at = first;
    while replicas.len() < factor {
        let rack = &mut racks[at % racks.len()];
        if let Some(i) = rack.iter().position(|b| !replicas.contains(b))
            && let Some(broker) = rack.remove(i)
        {
            replicas.push(broker);
            rack.push_back(broker);
        }
        at += 1;
    }
    replicas
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    fn broker(id: i32, rack: &str) -> Broker {
        Broker {
            id,
            rack: Some(rack.to_string()),
        }
    }

    #[test]
    fn replicas_differ_stand_in_different_racks_and_leaders_are_spread() {
        let brokers = [broker(1, "a"), broker(2, "a"), broker(3, "b"), broker(4, "b")];
        for seed in 0..50 {
            let placed = place(&brokers, 8, 2, &mut SmallRng::seed_from_u64(seed)).unwrap();
            for replicas in &placed {
                assert_ne!(
                    replicas[0] <= 2,
                    replicas[1] <= 2,
                    "one replica in each rack: {replicas:?}"
                );
            }
            for id in 1..=4 {
                assert_eq!(
                    placed.iter().filter(|r| r.contains(&id)).count(),
                    4,
                    "broker {id} has its share"
                );
            }
        }
    }

    #[test]
    fn too_few_brokers_are_named() {
        let e = place(&[broker(1, "a")], 1, 2, &mut SmallRng::seed_from_u64(1)).unwrap_err();
        assert!(
            e.message
                .starts_with("The target replication factor of 2 cannot be reached because only 1 broker(s)")
        );
    }
}
