//! What the streams APIs ask of the group coordinator.

use super::{StreamsGroup, StreamsHeartbeat, StreamsHeartbeatAnswer};
use crate::broker::group::GroupError;
use crate::broker::group::consumer::JOIN_EPOCH;
use crate::broker::group::coordinator::GroupCoordinator;
use crate::broker::group::shard::{Group, Shard};
use crate::broker::group::turn::Turn;
use crate::wire::error::ErrorCode;

impl GroupCoordinator {
    /// StreamsGroupHeartbeat.
    pub async fn streams_group_heartbeat(
        &self,
        group_id: &str,
        request: &StreamsHeartbeat,
    ) -> Result<StreamsHeartbeatAnswer, GroupError> {
        self.event(group_id, |shard, turn| shard.streams_heartbeat(turn, group_id, request))
            .await?
    }
}

impl Shard {
    /// StreamsGroupHeartbeat. A group comes to be with its first member; an empty classic one of Streams changes its
    /// protocol, and keeps its offsets.
    fn streams_heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        group_id: &str,
        request: &StreamsHeartbeat,
    ) -> Result<StreamsHeartbeatAnswer, GroupError> {
        let is_joining = request.member_epoch == JOIN_EPOCH;
        match self.group_mut(group_id) {
            Some(Group::Streams(group)) => return group.heartbeat(turn, request),
            Some(Group::Classic(group)) if group.is_empty() && is_joining => {}
            Some(_) => {
                let text = format!("Group {group_id} is not a streams group.");
                return Err(GroupError::new(ErrorCode::GROUP_ID_NOT_FOUND, text));
            }
            None if !is_joining => {
                let text = format!("Streams group {group_id} not found.");
                return Err(GroupError::new(ErrorCode::GROUP_ID_NOT_FOUND, text));
            }
            None => {}
        }
        let mut group = StreamsGroup::new(group_id);
        let mut inner = Turn::new(turn.now_ms, turn.config, turn.cluster);
        let answer = group.heartbeat(&mut inner, request)?;
        self.bury(turn, group_id);
        turn.records.append(&mut inner.records);
        self.insert_group(group_id, Group::Streams(group));
        Ok(answer)
    }
}
