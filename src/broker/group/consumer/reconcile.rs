//! Leading one member from what it has to what it shall have (Kafka: `CurrentAssignmentBuilder`).

use std::collections::HashSet;

use uuid::Uuid;

use super::records::ConsumerRecord;
use super::{Assignment, ConsumerGroup, ConsumerMember, EpochAssignment, MemberState};
use crate::broker::group::turn::Turn;

impl ConsumerGroup {
    /// Takes the member one step on. `owned` is what it says it has, if it says so.
    pub(super) fn reconcile(&mut self, turn: &mut Turn<'_>, member_id: &str, owned: Option<&Assignment>) {
        let Some(member) = self.members.get(member_id) else {
            return;
        };
        let next = match member.state {
            MemberState::Stable if member.member_epoch == self.target_epoch => None,
            MemberState::Stable => Some(self.step(member_id, member, member.member_epoch, owned)),
            MemberState::UnrevokedPartitions if still_owns(owned, &member.pending_revocation) => None,
            MemberState::UnrevokedPartitions => Some(self.step(member_id, member, member.member_epoch, owned)),
            // It has given back all it had to; what it waits for may be free now.
            MemberState::UnreleasedPartitions => Some(self.step(member_id, member, self.target_epoch, owned)),
        };
        let Some(next) = next else { return };
        let is_same = next.current_assignment() == member.current_assignment();
        let revoking = (next.state == MemberState::UnrevokedPartitions)
            .then(|| (turn.after_ms(next.metadata.rebalance_timeout_ms), next.member_epoch));
        if !is_same {
            let value = Some(next.current_assignment());
            self.write(
                turn,
                ConsumerRecord::CurrentAssignment {
                    member_id: member_id.to_owned(),
                    value,
                },
            );
        }
        if let Some(member) = self.members.get_mut(member_id) {
            member.deadlines.await_revocation(revoking, is_same);
        }
    }

    /// The next state of a member: first it gives back what it shall not have; only then it reaches the target's epoch
    /// and gets what is free of the rest.
    fn step(
        &self,
        member_id: &str,
        member: &ConsumerMember,
        member_epoch: i32,
        owned: Option<&Assignment>,
    ) -> ConsumerMember {
        let none = Assignment::new();
        let target = self.target.get(member_id).unwrap_or(&none);
        let (kept, revoked) = split(&member.assigned, target);
        let mut next = member.clone();
        if !revoked.is_empty() && still_owns(owned, &revoked) {
            next.state = MemberState::UnrevokedPartitions;
            if member.member_epoch != member_epoch {
                next.previous_member_epoch = member.member_epoch;
            }
            next.member_epoch = member_epoch;
            next.assigned = kept;
            next.pending_revocation = revoked;
            return next;
        }
        let taken = self.owned_by_others(member_id);
        let mut assigned = kept;
        let mut is_waiting = false;
        for (topic_id, partitions) in target {
            for partition in partitions {
                if taken.contains(&(*topic_id, *partition)) {
                    is_waiting = true;
                } else {
                    assigned
                        .entry(*topic_id)
                        .or_default()
                        .entry(*partition)
                        .or_insert(self.target_epoch);
                }
            }
        }
        next.state = if is_waiting {
            MemberState::UnreleasedPartitions
        } else {
            MemberState::Stable
        };
        if member.member_epoch != self.target_epoch {
            next.previous_member_epoch = member.member_epoch;
        }
        next.member_epoch = self.target_epoch;
        next.assigned = assigned;
        next.pending_revocation.clear();
        next
    }

    /// Whether something of its target is still with others.
    pub(super) fn waits_for_others(&self, member_id: &str, member: &ConsumerMember) -> bool {
        let taken = self.owned_by_others(member_id);
        let target = self.target.get(member_id).into_iter().flatten();
        let missing = target.flat_map(|(id, partitions)| {
            let assigned = member.assigned.get(id);
            let has = move |partition: &&i32| assigned.is_some_and(|a| a.contains_key(partition));
            partitions.iter().filter(move |p| !has(p)).map(|p| (*id, *p))
        });
        missing.into_iter().any(|partition| taken.contains(&partition))
    }

    /// Partitions that other members have, or have not yet given back.
    fn owned_by_others(&self, member_id: &str) -> HashSet<(Uuid, i32)> {
        let others = self
            .members
            .iter()
            .filter(|(id, _)| *id != member_id)
            .map(|(_, member)| member);
        let owned = others.flat_map(|member| member.assigned.iter().chain(&member.pending_revocation));
        owned
            .flat_map(|(id, partitions)| partitions.keys().map(|partition| (*id, *partition)))
            .collect()
    }
}

/// Whether the member still has any of these. If it did not say what it has, it may have them all.
fn still_owns(owned: Option<&Assignment>, revoked: &EpochAssignment) -> bool {
    let Some(owned) = owned else { return true };
    revoked.iter().any(|(id, partitions)| {
        owned
            .get(id)
            .is_some_and(|owned| partitions.keys().any(|partition| owned.contains(partition)))
    })
}

/// What of `assigned` is in `target`, and what is not.
fn split(assigned: &EpochAssignment, target: &Assignment) -> (EpochAssignment, EpochAssignment) {
    let (mut kept, mut revoked) = (EpochAssignment::new(), EpochAssignment::new());
    for (id, partitions) in assigned {
        for (partition, epoch) in partitions {
            let stays = target.get(id).is_some_and(|target| target.contains(partition));
            let side = if stays { &mut kept } else { &mut revoked };
            side.entry(*id).or_default().insert(*partition, *epoch);
        }
    }
    (kept, revoked)
}
