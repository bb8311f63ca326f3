//! JoinGroup, and the rebalance from its start to the answer that every member waits for.

use kafka_protocol::messages::JoinGroupResponse;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use uuid::Uuid;

use super::member::{ClassicMember, Protocol, join_error, sync_error};
use super::timers::JoinTimer;
use super::{ClassicGroup, State};
use crate::broker::group::turn::{Reply, ReplyId, Turn};
use crate::wire::error::ErrorCode;

/// A JoinGroup request with what the connection knows of its client.
#[derive(Debug, Clone)]
pub struct JoinRequest {
    /// Where the answer goes.
    pub reply: ReplyId,
    /// Empty for a member that has none yet.
    pub member_id: String,
    pub instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocol_type: String,
    pub protocols: Vec<Protocol>,
    /// JoinGroup v4: a new dynamic member is told its id first, and joins with it.
    pub requires_known_member_id: bool,
    /// JoinGroup v9: a returning static leader is told the members, and to leave the assignment as it is.
    pub supports_skipping_assignment: bool,
}

impl JoinRequest {
    /// An id for a member that has none yet.
    pub(in crate::broker::group) fn new_member_id(&self) -> String {
        let prefix = self.instance_id.as_deref().unwrap_or(&self.client_id);
        format!("{prefix}-{}", Uuid::new_v4())
    }
}

impl ClassicGroup {
    /// Takes a JoinGroup. The answer comes in this turn or a later one.
    pub fn join(&mut self, turn: &mut Turn<'_>, request: JoinRequest) {
        if !self.accepts(turn, &request.member_id) {
            self.remove_member(&request.member_id);
            return answer(turn, &request, "", ErrorCode::GROUP_MAX_SIZE_REACHED);
        }
        if !self.supports_protocols(&request.protocol_type, &request.protocols) {
            return answer(
                turn,
                &request,
                &request.member_id,
                ErrorCode::INCONSISTENT_GROUP_PROTOCOL,
            );
        }
        if request.member_id.is_empty() {
            self.join_new_member(turn, request)
        } else {
            self.rejoin(turn, request)
        }
    }

    /// Whether `group.max.size` leaves room. During a rebalance those who wait are counted, not those who were members:
    /// the last to rejoin are the ones refused.
    fn accepts(&self, turn: &Turn<'_>, member_id: &str) -> bool {
        match self.state {
            State::Empty | State::Dead => true,
            State::PreparingRebalance => {
                self.members
                    .get(member_id)
                    .is_some_and(|member| member.awaiting_join.is_some())
                    || self.awaiting_join_count() < turn.config.max_size
            }
            State::CompletingRebalance | State::Stable => {
                self.members.contains_key(member_id) || self.members.len() < turn.config.max_size
            }
        }
    }

    fn join_new_member(&mut self, turn: &mut Turn<'_>, request: JoinRequest) {
        let member_id = request.new_member_id();
        match &request.instance_id {
            Some(instance_id) => match self.static_members.get(instance_id).cloned() {
                Some(old_member_id) => self.replace_static_member(turn, request, &old_member_id, member_id),
                None => self.add_and_rebalance(turn, request, member_id),
            },
            None if request.requires_known_member_id => {
                self.pending_join
                    .insert(member_id.clone(), turn.after_ms(request.session_timeout_ms));
                answer(turn, &request, &member_id, ErrorCode::MEMBER_ID_REQUIRED);
            }
            None => self.add_and_rebalance(turn, request, member_id),
        }
    }

    /// A JoinGroup that names a member id.
    fn rejoin(&mut self, turn: &mut Turn<'_>, request: JoinRequest) {
        let member_id = request.member_id.clone();
        if self.pending_join.contains_key(&member_id) && request.instance_id.is_none() {
            return self.add_and_rebalance(turn, request, member_id);
        }
        if let Err(error) = self.validate_member(&member_id, request.instance_id.as_deref()) {
            return answer(turn, &request, &member_id, error);
        }
        let is_leader = self.is_leader(&member_id);
        let unchanged = self
            .members
            .get(&member_id)
            .is_some_and(|member| member.protocols == request.protocols);
        match self.state {
            State::PreparingRebalance => self.update_and_rebalance(turn, request),
            // It may have missed the answer to its JoinGroup: here it is again.
            State::CompletingRebalance if unchanged => {
                let response = self.joined(&member_id);
                turn.replies.push((request.reply, Reply::Join(response)));
            }
            State::CompletingRebalance => self.update_and_rebalance(turn, request),
            // A leader rejoins for changes that its own metadata does not show, such as new partitions.
            State::Stable if is_leader || !unchanged => self.update_and_rebalance(turn, request),
            State::Stable => {
                let response = self.joined(&member_id);
                turn.replies.push((request.reply, Reply::Join(response)));
            }
            State::Empty | State::Dead => answer(turn, &request, &member_id, ErrorCode::UNKNOWN_MEMBER_ID),
        }
    }

    fn add_and_rebalance(&mut self, turn: &mut Turn<'_>, request: JoinRequest, member_id: String) {
        if self.state == State::PreparingRebalance && self.previous_state == State::Empty {
            self.new_member_added = true;
        }
        self.add_member(ClassicMember {
            member_id,
            instance_id: request.instance_id,
            client_id: request.client_id,
            client_host: request.client_host,
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
            protocol_type: request.protocol_type,
            protocols: request.protocols,
            assignment: bytes::Bytes::new(),
            awaiting_join: Some(request.reply),
            awaiting_sync: None,
            is_new: true,
            heartbeat_deadline_ms: Some(turn.after_ms(turn.config.new_member_join_timeout_ms)),
        });
        self.rebalance_or_complete_join(turn);
    }

    fn update_and_rebalance(&mut self, turn: &mut Turn<'_>, request: JoinRequest) {
        self.update_member(turn, request);
        self.rebalance_or_complete_join(turn);
    }

    /// Takes over what a member says of itself now. A client that sends a second JoinGroup has given up the first.
    fn update_member(&mut self, turn: &mut Turn<'_>, request: JoinRequest) {
        if let Some(member) = self.members.get_mut(&request.member_id) {
            member.answer_join(turn, join_error(&request.member_id, ErrorCode::REBALANCE_IN_PROGRESS));
            member.protocols = request.protocols;
            member.rebalance_timeout_ms = request.rebalance_timeout_ms;
            member.session_timeout_ms = request.session_timeout_ms;
            member.awaiting_join = Some(request.reply);
        }
    }

    /// A static member is back under a new member id (KIP-345). It takes the place of its former self, which is fenced.
    fn replace_static_member(
        &mut self,
        turn: &mut Turn<'_>,
        mut request: JoinRequest,
        old_member_id: &str,
        member_id: String,
    ) {
        let Some(mut member) = self.members.shift_remove(old_member_id) else {
            return;
        };
        let old_leader = self.leader_id.clone();
        member.answer_join(turn, join_error(old_member_id, ErrorCode::FENCED_INSTANCE_ID));
        member.answer_sync(turn, sync_error(ErrorCode::FENCED_INSTANCE_ID));
        member.member_id = member_id.clone();
        member.is_new = false;
        if self.is_leader(old_member_id) {
            self.leader_id = Some(member_id.clone());
        }
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(instance_id.clone(), member_id.clone());
        }
        self.pending_sync.remove(old_member_id);
        self.members.insert(member_id.clone(), member);
        self.restart_session(turn, &member_id);

        let (reply, skips_assignment) = (request.reply, request.supports_skipping_assignment);
        request.member_id = member_id.clone();
        self.update_member(turn, request);
        match self.state {
            // The assignment stands as long as the protocol does: no rebalance, only the new id is to be kept.
            State::Stable if self.select_protocol() == self.protocol_name => {
                turn.records.push(self.record());
                let is_leader = self.is_leader(&member_id);
                let mut response = self.joined(&member_id);
                if skips_assignment {
                    response.skip_assignment = is_leader;
                } else {
                    // Under its old id as leader the client does not take itself for the leader, and leaves the
                    // assignment alone. That is how older clients are kept from assigning anew.
                    response.members.clear();
                    response.leader = old_leader.unwrap_or_default().into();
                }
                if let Some(member) = self.members.get_mut(&member_id) {
                    member.awaiting_join = None;
                }
                turn.replies.push((reply, Reply::Join(response)));
            }
            State::Stable => self.rebalance_or_complete_join(turn),
            // The leader may be assigning to the old id at this moment.
            State::CompletingRebalance => self.prepare_rebalance(turn),
            State::PreparingRebalance | State::Empty | State::Dead => self.maybe_complete_join(turn),
        }
    }

    pub(super) fn rebalance_or_complete_join(&mut self, turn: &mut Turn<'_>) {
        match self.state {
            State::Empty | State::CompletingRebalance | State::Stable => self.prepare_rebalance(turn),
            State::PreparingRebalance | State::Dead => self.maybe_complete_join(turn),
        }
    }

    /// Starts a rebalance: from here the group waits for its members to join.
    pub(in crate::broker::group) fn prepare_rebalance(&mut self, turn: &mut Turn<'_>) {
        if self.state == State::CompletingRebalance {
            self.propagate_sync_error(turn, ErrorCode::REBALANCE_IN_PROGRESS);
        }
        self.pending_sync.clear();
        self.sync_deadline_ms = None;

        let initial = self.state == State::Empty;
        self.transition_to(turn, State::PreparingRebalance);
        if initial {
            let delay_ms = turn.config.initial_rebalance_delay_ms;
            let remaining_ms = (self.rebalance_timeout_ms() - delay_ms).max(0);
            self.new_member_added = false;
            self.hold_back_join(turn, delay_ms, remaining_ms);
        } else if self.have_all_joined() {
            self.complete_join(turn);
        } else {
            self.join_timer = Some(JoinTimer::rebalance(turn.after_ms(self.rebalance_timeout_ms())));
        }
    }

    /// Waits `delay_ms` for more members before the first rebalance (KIP-134); the wait may be prolonged by up to
    /// `remaining_ms` as long as members keep coming.
    pub(super) fn hold_back_join(&mut self, turn: &mut Turn<'_>, delay_ms: i32, remaining_ms: i32) {
        if delay_ms == 0 {
            self.complete_join(turn);
        } else {
            self.join_timer = Some(JoinTimer::initial(turn.after_ms(delay_ms), delay_ms, remaining_ms));
        }
    }

    /// Ends the join phase if nobody is missing; a first rebalance ends by its timer only.
    pub(super) fn maybe_complete_join(&mut self, turn: &mut Turn<'_>) {
        if self.state == State::PreparingRebalance && self.previous_state != State::Empty && self.have_all_joined() {
            self.complete_join(turn);
        }
    }

    /// Ends the join phase: who has not joined is out, and the others get the new generation.
    pub(super) fn complete_join(&mut self, turn: &mut Turn<'_>) {
        self.join_timer = None;
        let missing: Vec<String> = self
            .members
            .values()
            .filter(|member| member.awaiting_join.is_none() && member.instance_id.is_none())
            .map(|member| member.member_id.clone())
            .collect();
        for member_id in missing {
            self.remove_member(&member_id);
        }
        if self.members.is_empty() {
            return self.become_empty(turn);
        }
        if !self.elect_joined_leader() {
            // Only static members are left and none has come back. Their sessions will tell.
            self.join_timer = Some(JoinTimer::rebalance(turn.after_ms(self.rebalance_timeout_ms())));
            return;
        }
        self.generation_id = self.generation_id.wrapping_add(1).max(0);
        self.protocol_name = self.select_protocol();
        self.refresh_subscribed_topics();
        self.transition_to(turn, State::CompletingRebalance);
        self.pending_sync = self.members.keys().cloned().collect();
        self.sync_deadline_ms = Some(turn.after_ms(self.rebalance_timeout_ms()));
        for index in 0..self.members.len() {
            let response = self.joined(&self.members[index].member_id);
            let member = &mut self.members[index];
            member.answer_join(turn, response);
            member.is_new = false;
            member.heartbeat_deadline_ms = Some(turn.after_ms(member.session_timeout_ms));
        }
    }

    fn become_empty(&mut self, turn: &mut Turn<'_>) {
        self.generation_id = self.generation_id.wrapping_add(1).max(0);
        self.protocol_name = None;
        self.refresh_subscribed_topics();
        self.transition_to(turn, State::Empty);
        self.pending_sync.clear();
        self.sync_deadline_ms = None;
        turn.records.push(self.record());
    }

    /// Keeps the leader if it has joined, else takes the first member that has. False if none has.
    fn elect_joined_leader(&mut self) -> bool {
        let joined = |member: &ClassicMember| member.awaiting_join.is_some();
        if self
            .leader_id
            .as_ref()
            .and_then(|leader| self.members.get(leader))
            .is_some_and(joined)
        {
            return true;
        }
        let leader = self
            .members
            .values()
            .find(|member| joined(member))
            .map(|member| member.member_id.clone());
        let elected = leader.is_some();
        self.leader_id = leader.or_else(|| self.leader_id.take());
        elected
    }

    /// The good answer to a JoinGroup; the leader's has the members.
    fn joined(&self, member_id: &str) -> JoinGroupResponse {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        let members = self
            .members
            .values()
            .filter(|_| self.is_leader(member_id))
            .map(|member| {
                JoinGroupResponseMember::default()
                    .with_member_id(member.member_id.clone().into())
                    .with_group_instance_id(member.instance_id.clone().map(Into::into))
                    .with_metadata(member.metadata(protocol).cloned().unwrap_or_default())
            });
        JoinGroupResponse::default()
            .with_generation_id(self.generation_id)
            .with_protocol_type(self.protocol_type.clone().map(Into::into))
            .with_protocol_name(self.protocol_name.clone().map(Into::into))
            .with_leader(self.leader_id.clone().unwrap_or_default().into())
            .with_member_id(member_id.to_owned().into())
            .with_members(members.collect())
    }
}

/// Answers a JoinGroup with an error, at once.
fn answer(turn: &mut Turn<'_>, request: &JoinRequest, member_id: &str, error: ErrorCode) {
    turn.replies
        .push((request.reply, Reply::Join(join_error(member_id, error))));
}
