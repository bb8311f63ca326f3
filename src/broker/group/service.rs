//! What the APIs ask of the coordinator, one method a request.

use std::collections::HashSet;

use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};

use super::classic::{JoinRequest, SyncRequest, join_error, sync_error};
use super::consumer::{HeartbeatAnswer, HeartbeatRequest, Sight};
use super::coordinator::GroupCoordinator;
use super::membership::GroupError;
use super::offsets::{OffsetCommit, TopicOffsets};
use super::shard::{Group, ListedGroup};
use super::turn::Reply;
use crate::broker::replica::{TxnMarker, TxnProducer};
use crate::wire::error::ErrorCode;

impl GroupCoordinator {
    /// JoinGroup; waits for the rebalance. `request.reply` is set here.
    pub async fn join_group(&self, group_id: &str, mut request: JoinRequest, sight: Sight<'_>) -> JoinGroupResponse {
        let member_id = request.member_id.clone();
        if group_id.is_empty() {
            return join_error(&member_id, ErrorCode::INVALID_GROUP_ID);
        }
        let limits = self.config().min_session_timeout_ms..=self.config().max_session_timeout_ms;
        if !limits.contains(&request.session_timeout_ms) {
            return join_error(&member_id, ErrorCode::INVALID_SESSION_TIMEOUT);
        }
        let (reply, answer) = self.park();
        request.reply = reply;
        if let Err(error) = self
            .event_seen(group_id, sight, |shard, turn| shard.join(turn, group_id, request))
            .await
        {
            self.forget(reply);
            return join_error(&member_id, error);
        }
        match answer.await {
            Ok(Reply::Join(response)) => response,
            // A later JoinGroup of the same member has taken its place, or the broker stops.
            _ => join_error(&member_id, ErrorCode::COORDINATOR_NOT_AVAILABLE),
        }
    }

    /// SyncGroup; waits for the leader. `request.reply` is set here.
    pub async fn sync_group(&self, group_id: &str, mut request: SyncRequest) -> SyncGroupResponse {
        if group_id.is_empty() {
            return sync_error(ErrorCode::INVALID_GROUP_ID);
        }
        let (reply, answer) = self.park();
        request.reply = reply;
        if let Err(error) = self
            .event(group_id, |shard, turn| shard.sync(turn, group_id, request))
            .await
        {
            self.forget(reply);
            return sync_error(error);
        }
        match answer.await {
            Ok(Reply::Sync(response)) => response,
            _ => sync_error(ErrorCode::COORDINATOR_NOT_AVAILABLE),
        }
    }

    /// Heartbeat.
    pub async fn heartbeat(
        &self,
        group_id: &str,
        member: (&str, Option<&str>),
        generation_id: i32,
    ) -> Result<(), ErrorCode> {
        if group_id.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        self.event(group_id, |shard, turn| {
            shard.heartbeat(turn, group_id, member, generation_id)
        })
        .await?
    }

    /// ConsumerGroupHeartbeat.
    pub async fn consumer_group_heartbeat(
        &self,
        group_id: &str,
        request: &HeartbeatRequest,
        sight: Sight<'_>,
    ) -> Result<HeartbeatAnswer, GroupError> {
        self.event_seen(group_id, sight, |shard, turn| {
            shard.consumer_heartbeat(turn, group_id, request)
        })
        .await?
    }

    /// LeaveGroup: one result per member.
    pub async fn leave_group(
        &self,
        group_id: &str,
        members: &[(String, Option<String>)],
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        if group_id.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        self.event(group_id, |shard, turn| shard.leave(turn, group_id, members))
            .await
    }

    /// OffsetCommit: one result per partition, or one error for all of them.
    pub async fn commit_offsets(
        &self,
        group_id: &str,
        commit: &OffsetCommit,
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        self.event(group_id, |shard, turn| shard.commit_offsets(turn, group_id, commit))
            .await?
    }

    /// TxnOffsetCommit: one result per partition, or one error for all of them. The coordinator of the transaction must
    /// know of the group's partition already.
    pub async fn commit_transactional_offsets(
        &self,
        group_id: &str,
        producer: TxnProducer,
        commit: &OffsetCommit,
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        if group_id.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        self.event(group_id, |shard, turn| {
            shard.commit_transactional_offsets(turn, group_id, producer, commit)
        })
        .await?
    }

    /// The end of a transaction in one partition of `__consumer_offsets`.
    pub async fn complete_transaction(&self, partition: i32, marker: &TxnMarker) -> Result<(), ErrorCode> {
        self.end_transaction(partition, marker).await
    }

    /// OffsetFetch: hands the group's offsets to `look`, and whether an open transaction has an offset of a partition. A
    /// group that does not exist has none. Members of a group of the consumer protocol say who they are; all others are
    /// `("", -1)`.
    pub fn fetch_offsets<T>(
        &self,
        group_id: &str,
        member: (&str, i32),
        look: impl FnOnce(Option<&TopicOffsets>, &dyn Fn(&str, i32) -> bool) -> T,
    ) -> Result<T, ErrorCode> {
        self.read(self.partition_for(group_id), |shard| {
            let is_pending = |topic: &str, partition| shard.has_pending_offset(group_id, topic, partition);
            shard
                .offsets(group_id, member)
                .map(|offsets| look(offsets, &is_pending))
        })?
    }

    /// OffsetDelete: one result per partition, or one error for all of them.
    pub async fn delete_offsets(
        &self,
        group_id: &str,
        partitions: &[(String, i32)],
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        if group_id.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        self.event(group_id, |shard, turn| shard.delete_offsets(turn, group_id, partitions))
            .await?
    }

    /// DeleteGroups, for one group.
    pub async fn delete_group(&self, group_id: &str) -> Result<(), ErrorCode> {
        self.event(group_id, |shard, turn| shard.delete_group(turn, group_id))
            .await?
    }

    /// Hands a group to `look`, or `None` if there is none of that name.
    pub fn describe_group<T>(&self, group_id: &str, look: impl FnOnce(Option<&Group>) -> T) -> Result<T, ErrorCode> {
        self.read(self.partition_for(group_id), |shard| look(shard.group(group_id)))
    }

    /// ListGroups over all partitions this node coordinates, sorted. Filters are in small letters; empty ones let all
    /// groups through.
    pub fn list_groups(
        &self,
        states: &HashSet<String>,
        types: &HashSet<String>,
    ) -> Result<Vec<ListedGroup>, ErrorCode> {
        let mut groups = Vec::new();
        for partition in self.led_partitions() {
            match self.read(partition, |shard| shard.list(states, types)) {
                Ok(listed) => groups.extend(listed),
                Err(ErrorCode::NOT_COORDINATOR) => {}
                Err(error) => return Err(error),
            }
        }
        groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
        Ok(groups)
    }
}
