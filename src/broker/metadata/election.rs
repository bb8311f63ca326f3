//! Which replica leads a partition that has no leader (Kafka: `ReplicationControlManager`, `PartitionChangeBuilder`).

use super::image::{MetadataImage, PartitionImage};
use super::record::{MetadataRecord, PartitionChange};

/// The leader of a partition that has none.
const NO_LEADER: i32 = -1;

/// The changes that make the broker `id`, now that it is back, lead the partitions it led when it went and those without a
/// leader that it may lead; a Kafka that was stopped in order leaves all of its partitions so. Each begins a leader epoch:
/// what the broker has lost meanwhile is known to be of one before (KIP-101). It leads none that `is_lost`: their log
/// directory did not come back (KIP-858).
pub fn elect_returned(
    image: &MetadataImage,
    id: i32,
    is_lost: impl Fn(&PartitionImage) -> bool,
) -> Vec<MetadataRecord> {
    changes(image, |p| {
        if is_lost(p) {
            // What is left of it has not been seen: it is not eligible.
            return without(p, id, false);
        }
        if p.leader != id && !(p.leader < 0 && may_lead(p, id)) {
            return None;
        }
        let in_sync = p.isr.contains(&id);
        Some(PartitionChange {
            leader: Some(id),
            isr: (!in_sync).then(|| vec![id]),
            eligible_leader_replicas: (!p.eligible_leader_replicas.is_empty()).then(Vec::new),
            last_known_elr: (!p.last_known_elr.is_empty()).then(Vec::new),
            ..PartitionChange::default()
        })
    })
}

/// The changes after which the broker `id` neither leads nor is in sync where `is_lost`: its log directory has failed
/// (Kafka: `ReplicationControlManager.handleDirectoriesOffline`). The last one in sync stays eligible (KIP-966).
pub fn elect_others(image: &MetadataImage, id: i32, is_lost: impl Fn(&PartitionImage) -> bool) -> Vec<MetadataRecord> {
    changes(image, |p| is_lost(p).then(|| without(p, id, true)).flatten())
}

/// `change` says what changes of a partition, and leaves it open which it is.
fn changes(image: &MetadataImage, change: impl Fn(&PartitionImage) -> Option<PartitionChange>) -> Vec<MetadataRecord> {
    let topics = image.topics.values();
    let partitions = topics.flat_map(|t| (0..).zip(&t.partitions).map(|(index, p)| (t.id, index, p)));
    let record = |(topic_id, partition_id, p)| {
        Some(MetadataRecord::PartitionChange(PartitionChange {
            topic_id,
            partition_id,
            ..change(p)?
        }))
    };
    partitions.filter_map(record).collect()
}

/// The change that takes a broker out of the leader's place and out of those in sync, if it is there.
fn without(p: &PartitionImage, id: i32, is_eligible: bool) -> Option<PartitionChange> {
    let leads = p.leader == id;
    let in_sync = p.isr.contains(&id);
    let isr: Vec<i32> = p.isr.iter().copied().filter(|other| *other != id).collect();
    let was_last = in_sync && isr.is_empty();
    (leads || in_sync).then(|| PartitionChange {
        leader: leads.then_some(NO_LEADER),
        isr: in_sync.then_some(isr),
        eligible_leader_replicas: (was_last && is_eligible).then(|| vec![id]),
        last_known_elr: was_last.then(|| vec![id]),
        ..PartitionChange::default()
    })
}

/// In sync, eligible all the same, or the last that was when nobody is left (KIP-966).
fn may_lead(p: &PartitionImage, id: i32) -> bool {
    let nobody = p.isr.is_empty() && p.eligible_leader_replicas.is_empty();
    p.replicas.contains(&id)
        && (p.isr.contains(&id) || p.eligible_leader_replicas.contains(&id) || nobody && p.last_known_elr == [id])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::broker::metadata::image::TopicImage;

    #[test]
    fn who_comes_back_leads_in_a_new_epoch_and_leaves_the_others_their_leaders() {
        let partition = |leader| PartitionImage {
            replicas: vec![1, 2],
            isr: vec![1, 2],
            leader,
            ..PartitionImage::default()
        };
        let topic = TopicImage {
            name: "t".into(),
            id: Uuid::from_u128(7),
            partitions: vec![partition(1), partition(2), partition(-1)],
        };
        let image = MetadataImage {
            topics: Arc::new([("t".into(), topic.into())].into()),
            ..MetadataImage::default()
        };
        let elected: Vec<i32> = elect_returned(&image, 1, |_| false)
            .iter()
            .map(|record| match record {
                MetadataRecord::PartitionChange(change) => {
                    assert_eq!((change.leader, &change.isr), (Some(1), &None));
                    change.partition_id
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(elected, [0, 2]);
    }

    #[test]
    fn nobody_leads_what_was_in_a_failed_directory() {
        let lost = Uuid::from_u128(8);
        let partition = |leader, isr: &[i32], directory| PartitionImage {
            replicas: vec![1, 2],
            isr: isr.to_vec(),
            leader,
            directories: vec![directory, Uuid::nil()],
            ..PartitionImage::default()
        };
        let there = Uuid::from_u128(9);
        let topic = TopicImage {
            name: "t".into(),
            id: Uuid::from_u128(7),
            partitions: vec![
                partition(1, &[1], lost),
                partition(1, &[1, 2], lost),
                partition(2, &[2, 1], lost),
                partition(2, &[2], lost),
                partition(1, &[1], there),
                partition(-1, &[], lost),
            ],
        };
        let image = MetadataImage {
            topics: Arc::new([("t".into(), topic.into())].into()),
            ..MetadataImage::default()
        };
        let is_lost = |p: &PartitionImage| p.directories[0] == lost;
        let told = |records: Vec<MetadataRecord>| -> Vec<_> {
            let change = |record| match record {
                MetadataRecord::PartitionChange(c) => (
                    c.partition_id,
                    c.leader,
                    c.isr,
                    c.eligible_leader_replicas,
                    c.last_known_elr,
                ),
                other => panic!("{other:?}"),
            };
            records.into_iter().map(change).collect()
        };
        let gone = [
            (0, Some(-1), Some(vec![]), Some(vec![1]), Some(vec![1])),
            (1, Some(-1), Some(vec![2]), None, None),
            (2, None, Some(vec![2]), None, None),
        ];
        assert_eq!(told(elect_others(&image, 1, is_lost)), gone);
        let mut returned = gone.to_vec();
        returned[0].3 = None;
        returned.push((4, Some(1), None, None, None));
        assert_eq!(told(elect_returned(&image, 1, is_lost)), returned);
    }

    #[test]
    fn a_replica_leads_if_it_was_in_sync_or_is_eligible() {
        let partition = |isr: &[i32], elr: &[i32], last: &[i32]| PartitionImage {
            replicas: vec![1, 2],
            isr: isr.to_vec(),
            eligible_leader_replicas: elr.to_vec(),
            last_known_elr: last.to_vec(),
            leader: -1,
            ..PartitionImage::default()
        };
        assert!(may_lead(&partition(&[1, 2], &[], &[]), 1));
        assert!(may_lead(&partition(&[], &[1], &[]), 1));
        assert!(may_lead(&partition(&[], &[], &[1]), 1));
        assert!(!may_lead(&partition(&[2], &[], &[1]), 1), "2 has more");
        assert!(!may_lead(&partition(&[], &[], &[1, 2]), 1), "which of them has more?");
        assert!(!may_lead(&partition(&[3], &[3], &[3]), 3), "no replica");
    }
}
