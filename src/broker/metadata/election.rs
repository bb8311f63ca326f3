//! Which replica leads a partition that has no leader (Kafka: `ReplicationControlManager`, `PartitionChangeBuilder`).

use super::image::{MetadataImage, PartitionImage};
use super::record::{MetadataRecord, PartitionChange};

/// The changes that make the broker `id`, now that it is back, lead the partitions it led when it went and those without a
/// leader that it may lead; a Kafka that was stopped in order leaves all of its partitions so. Each begins a leader epoch:
/// what the broker has lost meanwhile is known to be of one before (KIP-101).
pub fn elect_returned(image: &MetadataImage, id: i32) -> Vec<MetadataRecord> {
    let topics = image.topics.values();
    let partitions = topics.flat_map(|t| (0..).zip(&t.partitions).map(|(index, p)| (t.id, index, p)));
    partitions
        .filter(|(_, _, p)| p.leader == id || p.leader < 0 && may_lead(p, id))
        .map(|(topic_id, partition_id, p)| {
            let in_sync = p.isr.contains(&id);
            MetadataRecord::PartitionChange(PartitionChange {
                partition_id,
                topic_id,
                leader: Some(id),
                isr: (!in_sync).then(|| vec![id]),
                eligible_leader_replicas: (!p.eligible_leader_replicas.is_empty()).then(Vec::new),
                last_known_elr: (!p.last_known_elr.is_empty()).then(Vec::new),
                ..PartitionChange::default()
            })
        })
        .collect()
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
        let elected: Vec<i32> = elect_returned(&image, 1)
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
