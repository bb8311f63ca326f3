//! What the share APIs ask of the group coordinator, one method a request.

use std::collections::HashSet;

use uuid::Uuid;

use super::{NamedAssignment, ShareGroup, ShareHeartbeat, ShareHeartbeatAnswer};
use crate::broker::group::GroupError;
use crate::broker::group::consumer::JOIN_EPOCH;
use crate::broker::group::coordinator::GroupCoordinator;
use crate::broker::group::shard::{Group, Shard};
use crate::broker::group::turn::Turn;
use crate::wire::error::ErrorCode;

impl GroupCoordinator {
    /// ShareGroupHeartbeat.
    pub async fn share_group_heartbeat(
        &self,
        group_id: &str,
        request: &ShareHeartbeat,
    ) -> Result<ShareHeartbeatAnswer, GroupError> {
        self.event(group_id, |shard, turn| shard.share_heartbeat(turn, group_id, request))
            .await?
    }

    /// Tells a share group that the states of these partitions were begun, or that they could not be.
    pub async fn share_states_begun(
        &self,
        group_id: &str,
        partitions: &NamedAssignment,
        done: bool,
    ) -> Result<(), ErrorCode> {
        self.event(group_id, |shard, turn| {
            if let Ok(group) = shard.share_group(group_id) {
                if done {
                    group.initialized(turn, partitions);
                } else {
                    group.not_in_progress(partitions);
                }
            }
        })
        .await
    }

    /// Hands a share group to `look`.
    ///
    /// # Errors
    /// GROUP_ID_NOT_FOUND.
    pub fn look_at_share_group<T>(&self, group_id: &str, look: impl FnOnce(&ShareGroup) -> T) -> Result<T, ErrorCode> {
        self.describe_group(group_id, |group| match group {
            Some(Group::Share(group)) => Ok(look(group)),
            _ => Err(ErrorCode::GROUP_ID_NOT_FOUND),
        })?
    }

    /// The partitions of a share group that have a state; none for any other group.
    pub fn share_states_of(&self, group_id: &str) -> Result<NamedAssignment, ErrorCode> {
        self.describe_group(group_id, |group| match group {
            Some(Group::Share(group)) => group.known_partitions(),
            _ => NamedAssignment::new(),
        })
    }

    /// The group's part of AlterShareGroupOffsets, which makes the group if there is none; gives the epoch to begin the states at.
    pub async fn alter_share_group_offsets(
        &self,
        group_id: &str,
        partitions: &NamedAssignment,
    ) -> Result<i32, ErrorCode> {
        self.event(group_id, |shard, turn| {
            if shard.group(group_id).is_none() {
                shard.insert_group(group_id, Group::Share(ShareGroup::new(group_id)));
            }
            shard.share_group(group_id)?.alter_offsets(turn, partitions)
        })
        .await?
    }

    /// The first part of DeleteShareGroupOffsets; gives the partitions whose states are to go.
    pub async fn begin_share_state_deletion(
        &self,
        group_id: &str,
        topics: &HashSet<Uuid>,
    ) -> Result<NamedAssignment, ErrorCode> {
        self.change_share_group(group_id, |group, turn| group.begin_deletion(turn, topics))
            .await
    }

    /// The last part of it, once they are gone.
    pub async fn end_share_state_deletion(&self, group_id: &str, topics: &HashSet<Uuid>) -> Result<(), ErrorCode> {
        self.change_share_group(group_id, |group, turn| {
            group.end_deletion(turn, topics);
            Ok(())
        })
        .await
    }

    async fn change_share_group<T>(
        &self,
        group_id: &str,
        change: impl FnOnce(&mut ShareGroup, &mut Turn<'_>) -> Result<T, ErrorCode>,
    ) -> Result<T, ErrorCode> {
        self.event(group_id, |shard, turn| change(shard.share_group(group_id)?, turn))
            .await?
    }
}

impl Shard {
    /// The share group of that name.
    fn share_group(&mut self, group_id: &str) -> Result<&mut ShareGroup, ErrorCode> {
        match self.group_mut(group_id) {
            Some(Group::Share(group)) => Ok(group),
            _ => Err(ErrorCode::GROUP_ID_NOT_FOUND),
        }
    }

    /// ShareGroupHeartbeat. A group comes to be with its first member.
    fn share_heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        group_id: &str,
        request: &ShareHeartbeat,
    ) -> Result<ShareHeartbeatAnswer, GroupError> {
        match self.group_mut(group_id) {
            Some(Group::Share(group)) => return group.heartbeat(turn, request),
            Some(_) => {
                let text = format!("Group {group_id} is not a share group.");
                return Err(GroupError::new(ErrorCode::GROUP_ID_NOT_FOUND, text));
            }
            None if request.member_epoch != JOIN_EPOCH => {
                let text = format!("Share group {group_id} not found.");
                return Err(GroupError::new(ErrorCode::GROUP_ID_NOT_FOUND, text));
            }
            None => {}
        }
        let mut group = ShareGroup::new(group_id);
        let answer = group.heartbeat(turn, request);
        if answer.is_ok() {
            self.insert_group(group_id, Group::Share(group));
        }
        answer
    }
}
