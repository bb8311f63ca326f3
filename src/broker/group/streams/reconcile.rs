//! Leading one member from the tasks it has to those it shall have (Kafka: streams' `CurrentAssignmentBuilder`).

use std::collections::HashSet;

use super::records::StreamsRecord;
use super::tasks::{TaskSet, Tasks, contains, each, insert, split};
use super::{StreamsGroup, StreamsMember};
use crate::broker::group::consumer::MemberState;
use crate::broker::group::turn::Turn;

/// Tasks that are not free, by subtopology and partition.
type Taken<'a> = HashSet<(&'a str, i32)>;

impl StreamsGroup {
    /// Takes the member one step on. `owned` is what it says it has, if it says so. True if its tasks have changed.
    pub(super) fn reconcile(&mut self, turn: &mut Turn<'_>, member_id: &str, owned: Option<&TaskSet>) -> bool {
        let Some(member) = self.members.get(member_id) else {
            return false;
        };
        let next = match member.state {
            MemberState::Stable if member.member_epoch == self.target_epoch => None,
            MemberState::UnrevokedPartitions if still_owns(owned, &member.pending_revocation) => None,
            MemberState::Stable | MemberState::UnrevokedPartitions => {
                Some(self.step(member_id, member, member.member_epoch, owned))
            }
            // It has given back all it had to; what it waits for may be free now.
            MemberState::UnreleasedPartitions => Some(self.step(member_id, member, self.target_epoch, owned)),
        };
        let Some(next) = next else { return false };
        let is_same = next.current_tasks() == member.current_tasks();
        let has_changed = next.assigned != member.assigned;
        let revoking = (next.state == MemberState::UnrevokedPartitions)
            .then(|| (turn.after_ms(next.metadata.rebalance_timeout_ms), next.member_epoch));
        if !is_same {
            let value = Some(next.current_tasks());
            let member_id = member_id.to_owned();
            self.write(turn, StreamsRecord::CurrentAssignment { member_id, value });
        }
        if let Some(member) = self.members.get_mut(member_id) {
            member.deadlines.await_revocation(revoking, is_same);
        }
        has_changed
    }

    /// The next state of a member: first it gives back what it shall not have; only then it reaches the target's epoch
    /// and gets what is free of the rest.
    fn step(
        &self,
        member_id: &str,
        member: &StreamsMember,
        member_epoch: i32,
        owned: Option<&TaskSet>,
    ) -> StreamsMember {
        let none = TaskSet::default();
        let target = self.target.get(member_id).unwrap_or(&none);
        let (active, no_more_active) = split(&member.assigned.active, &target.active);
        let (standby, no_more_standby) = split(&member.assigned.standby, &target.standby);
        let (warmup, no_more_warmup) = split(&member.assigned.warmup, &target.warmup);
        let mut next = member.clone();
        next.assigned = TaskSet {
            active,
            standby,
            warmup,
        };
        let revoked = TaskSet {
            active: no_more_active,
            standby: no_more_standby,
            warmup: no_more_warmup,
        };
        if !revoked.is_empty() && still_owns(owned, &revoked) {
            next.state = MemberState::UnrevokedPartitions;
            if member.member_epoch != member_epoch {
                next.previous_member_epoch = member.member_epoch;
            }
            next.member_epoch = member_epoch;
            next.pending_revocation = revoked;
            return next;
        }
        let process_id = &member.metadata.process_id;
        let (active_elsewhere, here) = self.taken_by_others(member_id, process_id);
        let mut is_waiting = false;
        let mut give = |to: &mut Tasks, wanted: &Tasks, is_active: bool| {
            for task in each(wanted).filter(|task| !contains(to, *task)).collect::<Vec<_>>() {
                if here.contains(&task) || (is_active && active_elsewhere.contains(&task)) {
                    is_waiting = true;
                } else {
                    insert(to, task);
                }
            }
        };
        give(&mut next.assigned.active, &target.active, true);
        give(&mut next.assigned.standby, &target.standby, false);
        give(&mut next.assigned.warmup, &target.warmup, false);
        next.state = if is_waiting {
            MemberState::UnreleasedPartitions
        } else {
            MemberState::Stable
        };
        if member.member_epoch != self.target_epoch {
            next.previous_member_epoch = member.member_epoch;
        }
        next.member_epoch = self.target_epoch;
        next.pending_revocation = TaskSet::default();
        next
    }

    /// Tasks that others run, or have not yet given back; and tasks whose state others of the same process hold.
    fn taken_by_others(&self, member_id: &str, process_id: &str) -> (Taken<'_>, Taken<'_>) {
        let (mut active, mut here) = (Taken::new(), Taken::new());
        for (_, other) in self.members.iter().filter(|(id, _)| *id != member_id) {
            for tasks in [&other.assigned, &other.pending_revocation] {
                active.extend(each(&tasks.active));
                if other.metadata.process_id.as_str() == process_id {
                    here.extend(tasks.all());
                }
            }
        }
        (active, here)
    }
}

/// Whether the member still has any of these. If it did not say what it has, it may have them all.
fn still_owns(owned: Option<&TaskSet>, revoked: &TaskSet) -> bool {
    let Some(owned) = owned else { return true };
    let pairs = owned.roles().into_iter().zip(revoked.roles());
    pairs
        .into_iter()
        .any(|(owned, revoked)| each(revoked).any(|task| contains(owned, task)))
}
