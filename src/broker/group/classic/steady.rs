//! What members do between joining and leaving: SyncGroup, Heartbeat, LeaveGroup.

use bytes::Bytes;
use kafka_protocol::messages::SyncGroupResponse;

use super::member::{join_error, sync_error};
use super::{ClassicGroup, State};
use crate::broker::group::turn::{Reply, ReplyId, Turn};
use crate::wire::error::ErrorCode;

/// A SyncGroup request.
#[derive(Debug, Clone, Default)]
pub struct SyncRequest {
    /// Where the answer goes.
    pub reply: ReplyId,
    pub member_id: String,
    pub instance_id: Option<String>,
    pub generation_id: i32,
    /// SyncGroup v5 names the protocol its sender believes in.
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    /// Member id and assignment; only the leader's count.
    pub assignments: Vec<(String, Bytes)>,
}

impl ClassicGroup {
    /// Takes a SyncGroup. The leader's is kept and then answers those of all others; theirs wait for it.
    pub fn sync(&mut self, turn: &mut Turn<'_>, request: SyncRequest) {
        if let Err(error) = self.validate_sync(&request) {
            turn.replies.push((request.reply, Reply::Sync(sync_error(error))));
            return;
        }
        self.pending_sync.remove(&request.member_id);
        if self.pending_sync.is_empty() {
            self.sync_deadline_ms = None;
        }
        if self.state == State::Stable {
            let assignment = self
                .members
                .get(&request.member_id)
                .map(|member| member.assignment.clone());
            let response = self.synced(assignment.unwrap_or_default());
            turn.replies.push((request.reply, Reply::Sync(response)));
            return;
        }
        let is_leader = self.is_leader(&request.member_id);
        if let Some(member) = self.members.get_mut(&request.member_id) {
            // A client that sends a second SyncGroup has given up the first.
            member.answer_sync(turn, sync_error(ErrorCode::REBALANCE_IN_PROGRESS));
            member.awaiting_sync = Some(request.reply);
        }
        if is_leader {
            self.assign(turn, request.assignments);
        }
    }

    fn validate_sync(&self, request: &SyncRequest) -> Result<(), ErrorCode> {
        let differs =
            |theirs: &Option<String>, ours: &Option<String>| theirs.is_some() && ours.is_some() && theirs != ours;
        if self.is_empty() {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        self.validate_member(&request.member_id, request.instance_id.as_deref())?;
        if request.generation_id != self.generation_id {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        if differs(&request.protocol_type, &self.protocol_type) || differs(&request.protocol_name, &self.protocol_name)
        {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        match self.state {
            State::PreparingRebalance => Err(ErrorCode::REBALANCE_IN_PROGRESS),
            _ => Ok(()),
        }
    }

    /// Ends the rebalance with the leader's assignment. Whom the leader has left out gets an empty one.
    fn assign(&mut self, turn: &mut Turn<'_>, assignments: Vec<(String, Bytes)>) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
        }
        for (member_id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&member_id) {
                member.assignment = assignment;
            }
        }
        // Kafka writes the record before it turns the group stable, so the time in it is that of the last JoinGroup.
        turn.records.push(self.record());
        self.transition_to(turn, State::Stable);
        for index in 0..self.members.len() {
            let response = self.synced(self.members[index].assignment.clone());
            let member = &mut self.members[index];
            if member.answer_sync(turn, response) {
                // Its session may have run out unnoticed while it waited.
                member.heartbeat_deadline_ms = Some(turn.after_ms(member.session_timeout_ms));
            }
        }
    }

    fn synced(&self, assignment: Bytes) -> SyncGroupResponse {
        SyncGroupResponse::default()
            .with_protocol_type(self.protocol_type.clone().map(Into::into))
            .with_protocol_name(self.protocol_name.clone().map(Into::into))
            .with_assignment(assignment)
    }

    /// Gives up an unfinished rebalance: assignments are void, and who waits for one is told why.
    pub(super) fn propagate_sync_error(&mut self, turn: &mut Turn<'_>, error: ErrorCode) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
            if member.answer_sync(turn, sync_error(error)) {
                member.heartbeat_deadline_ms = Some(turn.after_ms(member.session_timeout_ms));
            }
        }
    }

    /// Takes a Heartbeat. REBALANCE_IN_PROGRESS tells the member to join again.
    pub fn heartbeat(
        &mut self,
        turn: &Turn<'_>,
        member_id: &str,
        instance_id: Option<&str>,
        generation_id: i32,
    ) -> Result<(), ErrorCode> {
        self.validate_member(member_id, instance_id)?;
        if generation_id != self.generation_id {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        match self.state {
            State::Empty | State::Dead => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            State::PreparingRebalance => {
                self.restart_session(turn, member_id);
                Err(ErrorCode::REBALANCE_IN_PROGRESS)
            }
            State::CompletingRebalance | State::Stable => {
                self.restart_session(turn, member_id);
                Ok(())
            }
        }
    }

    /// Takes out members by id or, as administrators do, by instance id alone. One result per member; one rebalance for
    /// all of them.
    pub fn leave(&mut self, turn: &mut Turn<'_>, members: &[(String, Option<String>)]) -> Vec<Result<(), ErrorCode>> {
        let results: Vec<_> = members
            .iter()
            .map(|(member_id, instance_id)| self.leave_one(turn, member_id, instance_id.as_deref()))
            .collect();
        if results.iter().any(Result::is_ok) {
            match self.state {
                State::Stable | State::CompletingRebalance => self.prepare_rebalance(turn),
                State::PreparingRebalance => self.maybe_complete_join(turn),
                State::Empty | State::Dead => {}
            }
        }
        results
    }

    fn leave_one(&mut self, turn: &mut Turn<'_>, member_id: &str, instance_id: Option<&str>) -> Result<(), ErrorCode> {
        if member_id.is_empty() {
            let known = instance_id
                .and_then(|instance_id| self.static_members.get(instance_id))
                .cloned();
            let member_id = known.ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
            self.drop_member(turn, &member_id);
            return Ok(());
        }
        if self.pending_join.remove(member_id).is_some() {
            return Ok(());
        }
        self.validate_member(member_id, instance_id)?;
        self.drop_member(turn, member_id);
        Ok(())
    }

    /// Removes a member. A JoinGroup it waits for is answered with UNKNOWN_MEMBER_ID, so a client still there retries.
    pub(super) fn drop_member(&mut self, turn: &mut Turn<'_>, member_id: &str) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.answer_join(turn, join_error("", ErrorCode::UNKNOWN_MEMBER_ID));
            member.answer_sync(turn, sync_error(ErrorCode::UNKNOWN_MEMBER_ID));
        }
        self.remove_member(member_id);
    }
}
