//! Groups that change their protocol while they work (KIP-848, online migration; `group.consumer.migration.policy`).

use super::consumer::{ConsumerGroup, Downgrade};
use super::records::Record;
use super::shard::{Group, Shard};
use super::turn::Turn;
use crate::wire::error::ErrorCode;

impl Shard {
    /// Makes a consumer group of a classic one that has members, with them in it. False if that cannot be, or is not wanted.
    pub(super) fn upgrade(&mut self, turn: &mut Turn<'_>, group_id: &str) -> bool {
        let Some(Group::Classic(classic)) = self.group(group_id) else {
            return false;
        };
        let has_room = classic.members().count() < turn.config.consumer_max_size;
        if !turn.config.consumer_upgrade || !classic.uses_consumer_protocol() || !has_room {
            return false;
        }
        let before = turn.records.len();
        turn.records.push(Record::GroupMetadata {
            group_id: group_id.to_owned(),
            value: None,
        });
        let Ok(group) = ConsumerGroup::from_classic(turn, classic) else {
            turn.records.truncate(before);
            return false;
        };
        // A JoinGroup that waits is told of a rebalance, as in Kafka: the client asks again.
        turn.replies
            .extend(classic.parked_errors(ErrorCode::REBALANCE_IN_PROGRESS));
        self.insert_group(group_id, Group::Consumer(group));
        true
    }

    /// Makes a classic group of a consumer group that an event has left only classic members in.
    pub(super) fn downgrade_if_due(&mut self, turn: &mut Turn<'_>, group_id: &str) {
        let Some(Group::Consumer(group)) = self.group(group_id) else {
            return;
        };
        let Some(downgrade) = group.downgrade() else { return };
        let mut classic = group.to_classic(turn);
        if downgrade == Downgrade::Rebalance {
            classic.prepare_rebalance(turn);
        }
        self.insert_group(group_id, Group::Classic(classic));
    }
}
