//! Members of the classic protocol in a consumer group: a group that changes its protocol while it works, and back (KIP-848,
//! online migration). Kafka: `GroupMetadataManager.convertToConsumerGroup`, `classicGroupJoinToConsumerGroup` and its like,
//! `convertToClassicGroup`.
//!
//! To such a member the group looks like a classic one with somebody else for a leader: its generation is its member
//! epoch, it hears of a rebalance by its heartbeat, JoinGroup takes it on to what the group's target gives it, SyncGroup
//! tells it what that is. What it must give back it gives back by joining again without it.

use std::collections::BTreeSet;

use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use uuid::Uuid;

use super::heartbeat::partitions_of;
use super::records::{ClassicMetadata, ConsumerRecord, GroupEpoch, MemberMetadata, TargetAssignmentEpoch, to_record};
use super::{Assignment, ClusterView, ConsumerGroup, ConsumerMember, Downgrade, EpochAssignment, MemberState};
use crate::broker::group::classic::{
    CONSUMER_PROTOCOL_TYPE, ClassicGroup, ClassicMember, JoinRequest, Protocol, SyncRequest, join_error, sync_error,
};
use crate::broker::group::codec::CodecError;
use crate::broker::group::subscription::{NamedPartitions, Subscription, assignment, encode_assignment, subscription};
use crate::broker::group::turn::Turn;
use crate::wire::error::ErrorCode;

impl ConsumerMember {
    /// What it said as a member of the classic protocol, if it is one.
    pub fn classic(&self) -> Option<&ClassicMetadata> {
        self.metadata.classic.as_ref()
    }
}

/// What its first, and so favourite, protocol says.
fn subscription_of(protocols: &[Protocol]) -> Result<Subscription, CodecError> {
    match protocols.first() {
        Some(protocol) => subscription(&protocol.metadata),
        None => Ok(Subscription::default()),
    }
}

/// What of a member's metadata its subscription and its protocols tell.
fn said(subscription: &Subscription, session_timeout_ms: i32, protocols: &[Protocol]) -> MemberMetadata {
    let names: BTreeSet<String> = subscription.topics.iter().cloned().collect();
    MemberMetadata {
        rack_id: subscription.rack.clone(),
        subscribed_topic_names: names.into_iter().collect(),
        classic: Some(ClassicMetadata {
            session_timeout_ms,
            protocols: protocols.to_vec(),
        }),
        ..MemberMetadata::default()
    }
}

/// By id; topics that are gone are left out.
fn by_id(cluster: &dyn ClusterView, partitions: &NamedPartitions) -> Assignment {
    let known = partitions.iter().filter_map(|(topic, partitions)| {
        let (id, _) = cluster.topic(topic)?;
        Some((id, partitions.iter().copied().collect()))
    });
    known.collect()
}

impl ConsumerGroup {
    /// The group that a classic one becomes, its members and what they are assigned with it; all of it goes into the turn.
    ///
    /// # Errors
    /// A member whose subscription or assignment cannot be read: the group stays what it is.
    pub fn from_classic(turn: &mut Turn<'_>, classic: &ClassicGroup) -> Result<Self, CodecError> {
        let mut group = Self::new(classic.group_id());
        let epoch = classic.generation_id();
        let mut members = Vec::new();
        for member in classic.members() {
            let assigned = by_id(turn.cluster, &assignment(&member.assignment)?);
            let metadata = MemberMetadata {
                instance_id: member.instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                ..said(
                    &subscription_of(&member.protocols)?,
                    member.session_timeout_ms,
                    &member.protocols,
                )
            };
            members.push((member.member_id.clone(), metadata, assigned));
        }
        let born = GroupEpoch {
            epoch,
            metadata_hash: 0,
        };
        for (member_id, metadata, _) in &members {
            let (member_id, value) = (member_id.clone(), Some(metadata.clone()));
            group.write(turn, ConsumerRecord::Member { member_id, value });
        }
        group.write(turn, ConsumerRecord::GroupMetadata(Some(born)));
        for (member_id, _, assigned) in &members {
            let (member_id, value) = (member_id.clone(), Some(to_record(assigned)));
            group.write(turn, ConsumerRecord::TargetAssignmentMember { member_id, value });
        }
        let target = TargetAssignmentEpoch {
            assignment_epoch: epoch,
            timestamp_ms: turn.now_ms,
        };
        group.write(turn, ConsumerRecord::TargetAssignmentMetadata(Some(target)));
        for (member_id, metadata, assigned) in members {
            let at_epoch =
                |(id, partitions): (Uuid, BTreeSet<i32>)| (id, partitions.into_iter().map(|p| (p, epoch)).collect());
            let current = ConsumerMember {
                member_epoch: epoch,
                previous_member_epoch: epoch,
                assigned: assigned.into_iter().map(at_epoch).collect::<EpochAssignment>(),
                metadata,
                ..ConsumerMember::default()
            };
            let value = Some(current.current_assignment());
            group.write(
                turn,
                ConsumerRecord::CurrentAssignment {
                    member_id: member_id.clone(),
                    value,
                },
            );
            group.hear_of(turn, &member_id);
        }
        Ok(group)
    }

    /// Whether its members, of whom there are some, are all classic, and such a group is allowed to be one of theirs.
    pub(super) fn may_become_classic(&self, turn: &Turn<'_>) -> bool {
        let is_classic = |member: &ConsumerMember| member.classic().is_some();
        turn.config.consumer_downgrade
            && !self.is_empty()
            && self.members.len() <= turn.config.max_size
            && self.members.values().all(is_classic)
    }

    /// How the group is to become a classic one, if what has just happened calls for it.
    pub fn downgrade(&self) -> Option<Downgrade> {
        self.downgrade
    }

    /// The classic group this one becomes; the records that replace one by the other go into the turn.
    pub fn to_classic(&self, turn: &mut Turn<'_>) -> ClassicGroup {
        let members = self.members.iter().filter_map(|(member_id, member)| {
            let classic = member.classic()?;
            let version = subscription_of(&classic.protocols).map_or(0, |said| said.version);
            let target = self
                .target(member_id)
                .map(|target| self.named(turn.cluster, member, target));
            Some(ClassicMember {
                member_id: member_id.clone(),
                instance_id: member.metadata.instance_id.clone(),
                client_id: member.metadata.client_id.clone(),
                client_host: member.metadata.client_host.clone(),
                rebalance_timeout_ms: member.metadata.rebalance_timeout_ms,
                session_timeout_ms: classic.session_timeout_ms,
                protocol_type: CONSUMER_PROTOCOL_TYPE.to_owned(),
                protocols: classic.protocols.clone(),
                assignment: encode_assignment(version, &target.unwrap_or_default()),
                ..ClassicMember::default()
            })
        });
        let group = ClassicGroup::stable(turn, &self.group_id, self.epoch, members.collect());
        turn.records.extend(self.tombstones());
        turn.records.push(group.record());
        group
    }

    /// Begins a classic member's session anew.
    fn hear_of(&mut self, turn: &Turn<'_>, member_id: &str) {
        if let Some(member) = self.members.get_mut(member_id)
            && let Some(classic) = &member.metadata.classic
        {
            let deadline_ms = turn.after_ms(classic.session_timeout_ms);
            member.deadlines.begin_session(deadline_ms);
        }
    }

    /// A classic member is to be heard of within its rebalance timeout, by JoinGroup or by SyncGroup.
    fn await_rejoin(&mut self, turn: &Turn<'_>, member_id: &str) {
        if let Some(member) = self.members.get_mut(member_id) {
            let deadline_ms = turn.after_ms(member.metadata.rebalance_timeout_ms);
            member.classic_deadline_ms.get_or_insert(deadline_ms);
        }
    }

    /// JoinGroup of a classic member, old or new. It waits for nobody.
    pub fn join_classic(&mut self, turn: &mut Turn<'_>, request: &JoinRequest) -> JoinGroupResponse {
        self.try_join_classic(turn, request)
            .unwrap_or_else(|(member_id, error)| join_error(&member_id, error))
    }

    fn try_join_classic(
        &mut self,
        turn: &mut Turn<'_>,
        request: &JoinRequest,
    ) -> Result<JoinGroupResponse, (String, ErrorCode)> {
        let refused = |error| (request.member_id.clone(), error);
        if request.protocol_type != CONSUMER_PROTOCOL_TYPE || !self.shares_protocol(&request.protocols) {
            return Err(refused(ErrorCode::INCONSISTENT_GROUP_PROTOCOL));
        }
        let said = subscription_of(&request.protocols).map_err(|_| refused(ErrorCode::INCONSISTENT_GROUP_PROTOCOL))?;
        let is_full = self.members.len() >= turn.config.consumer_max_size;
        if is_full && !self.members.contains_key(&request.member_id) {
            return Err(refused(ErrorCode::GROUP_MAX_SIZE_REACHED));
        }
        let instance_id = request.instance_id.as_ref();
        let is_return = instance_id.is_some_and(|id| self.static_members.owner(id).is_some());
        let member_id = self.admit_classic(turn, request)?;
        let changed = self.update_classic(turn, request, &member_id, &said);
        let (cluster, epoch) = (turn.cluster, self.epoch);
        self.update_epochs(turn, cluster, changed);
        self.reconcile(turn, &member_id, Some(&by_id(cluster, &said.owned)));
        self.hear_of(turn, &member_id);
        let Some(member) = self.members.get_mut(&member_id) else {
            return Err((member_id, ErrorCode::UNKNOWN_MEMBER_ID));
        };
        // Now for its SyncGroup.
        member.classic_deadline_ms = Some(turn.after_ms(member.metadata.rebalance_timeout_ms));
        let generation_id = member.member_epoch;
        if is_return && self.may_become_classic(turn) {
            let fits = self.epoch == epoch;
            self.downgrade = Some(if fits { Downgrade::AsItIs } else { Downgrade::Rebalance });
        }
        let protocol = request.protocols.first().map(|p| p.name.clone());
        Ok(JoinGroupResponse::default()
            .with_generation_id(generation_id)
            .with_protocol_type(Some(CONSUMER_PROTOCOL_TYPE.into()))
            .with_protocol_name(protocol.map(Into::into))
            .with_member_id(member_id.into()))
    }

    /// Whether all classic members, and one with these protocols, have a protocol in common.
    fn shares_protocol(&self, protocols: &[Protocol]) -> bool {
        let others = || self.members.values().filter_map(ConsumerMember::classic);
        protocols.iter().any(|protocol| {
            let is_it = |other: &Protocol| other.name == protocol.name;
            others().all(|member| member.protocols.iter().any(is_it))
        })
    }

    /// The id the member has, or will have, in the group.
    fn admit_classic(&mut self, turn: &mut Turn<'_>, request: &JoinRequest) -> Result<String, (String, ErrorCode)> {
        let is_nameless = request.member_id.is_empty();
        let Some(instance_id) = &request.instance_id else {
            return match is_nameless {
                true if request.requires_known_member_id => {
                    Err((request.new_member_id(), ErrorCode::MEMBER_ID_REQUIRED))
                }
                true => Ok(request.new_member_id()),
                false => Ok(request.member_id.clone()),
            };
        };
        match self.static_members.owner(instance_id).cloned() {
            None if is_nameless => Ok(request.new_member_id()),
            None => Err((request.member_id.clone(), ErrorCode::UNKNOWN_MEMBER_ID)),
            Some(owner) if is_nameless => {
                let member_id = request.new_member_id();
                self.replace_static(turn, &owner, &member_id);
                Ok(member_id)
            }
            Some(owner) if owner == request.member_id => Ok(owner),
            Some(_) => Err((request.member_id.clone(), ErrorCode::FENCED_INSTANCE_ID)),
        }
    }

    /// Keeps what the member says. True if that calls for another assignment.
    fn update_classic(
        &mut self,
        turn: &mut Turn<'_>,
        request: &JoinRequest,
        member_id: &str,
        subscription: &Subscription,
    ) -> bool {
        let new = MemberMetadata {
            instance_id: request.instance_id.clone(),
            client_id: request.client_id.clone(),
            client_host: request.client_host.clone(),
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            ..said(subscription, request.session_timeout_ms, &request.protocols)
        };
        let old = self.members.get(member_id).map(|member| &member.metadata);
        let calls_for_assignment = old.is_none_or(|old| old.subscribed_topic_names != new.subscribed_topic_names);
        if old != Some(&new) {
            let (member_id, value) = (member_id.to_owned(), Some(new));
            self.write(turn, ConsumerRecord::Member { member_id, value });
        }
        calls_for_assignment
    }

    /// The member, if this is how it is known.
    fn known_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<&ConsumerMember, ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.owner(instance_id) {
                None => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(owner) if owner != member_id => return Err(ErrorCode::FENCED_INSTANCE_ID),
                Some(_) => {}
            }
        }
        self.members.get(member_id).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)
    }

    /// The member, if it is one of the classic protocol and this is how it is known.
    fn classic_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<&ConsumerMember, ErrorCode> {
        let member = self.known_member(member_id, instance_id)?;
        member.classic().map(|_| member).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)
    }

    /// SyncGroup of a classic member: what it is assigned.
    pub fn sync_classic(&mut self, turn: &mut Turn<'_>, request: &SyncRequest) -> SyncGroupResponse {
        self.try_sync_classic(turn, request).unwrap_or_else(sync_error)
    }

    fn try_sync_classic(&mut self, turn: &mut Turn<'_>, request: &SyncRequest) -> Result<SyncGroupResponse, ErrorCode> {
        let member = self.classic_member(&request.member_id, request.instance_id.as_deref())?;
        if request.generation_id != member.member_epoch {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        let protocols = member.classic().map_or(&[][..], |classic| &classic.protocols);
        let protocol = protocols.first().map(|protocol| protocol.name.clone());
        let differs = |theirs: &Option<String>, ours: Option<&str>| theirs.is_some() && theirs.as_deref() != ours;
        if differs(&request.protocol_type, Some(CONSUMER_PROTOCOL_TYPE))
            || differs(&request.protocol_name, protocol.as_deref())
        {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        if self.epoch > member.member_epoch && member.state != MemberState::UnrevokedPartitions {
            self.await_rejoin(turn, &request.member_id);
            return Err(ErrorCode::REBALANCE_IN_PROGRESS);
        }
        let version = subscription_of(protocols).map_or(0, |said| said.version);
        let assigned = partitions_of(member);
        let assignment = encode_assignment(version, &self.named(turn.cluster, member, &assigned));
        if let Some(member) = self.members.get_mut(&request.member_id) {
            member.classic_deadline_ms = None;
        }
        self.hear_of(turn, &request.member_id);
        Ok(SyncGroupResponse::default()
            .with_protocol_type(Some(CONSUMER_PROTOCOL_TYPE.into()))
            .with_protocol_name(protocol.map(Into::into))
            .with_assignment(assignment))
    }

    /// Partitions given to a member, by name: it is subscribed to all of them.
    fn named(&self, cluster: &dyn ClusterView, member: &ConsumerMember, given: &Assignment) -> NamedPartitions {
        let topics = self.topics_of(member).filter_map(|name| {
            let (id, _) = cluster.topic(name)?;
            let partitions = given.get(&id)?;
            Some((name.to_owned(), partitions.iter().copied().collect()))
        });
        topics.collect()
    }

    /// Heartbeat of a classic member.
    ///
    /// # Errors
    /// REBALANCE_IN_PROGRESS when it is to join again.
    pub fn heartbeat_classic(
        &mut self,
        turn: &Turn<'_>,
        (member_id, instance_id): (&str, Option<&str>),
        generation_id: i32,
    ) -> Result<(), ErrorCode> {
        let member = self.classic_member(member_id, instance_id)?;
        if generation_id != member.member_epoch {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        let is_behind = member.member_epoch < self.epoch
            || match member.state {
                MemberState::Stable => false,
                MemberState::UnrevokedPartitions => true,
                MemberState::UnreleasedPartitions => !self.waits_for_others(member_id, member),
            };
        self.hear_of(turn, member_id);
        if is_behind {
            self.await_rejoin(turn, member_id);
            return Err(ErrorCode::REBALANCE_IN_PROGRESS);
        }
        Ok(())
    }

    /// LeaveGroup: one result per member. An administrator may take out members of either protocol.
    pub fn leave_classic(
        &mut self,
        turn: &mut Turn<'_>,
        members: &[(String, Option<String>)],
    ) -> Vec<Result<(), ErrorCode>> {
        let found: Vec<_> = members
            .iter()
            .map(|(member_id, instance_id)| self.find_leaving(member_id, instance_id.as_deref()))
            .collect();
        let leaving: BTreeSet<&str> = found.iter().flatten().map(String::as_str).collect();
        if !leaving.is_empty() {
            let cluster = turn.cluster;
            self.fence(turn, cluster, &leaving.into_iter().collect::<Vec<_>>());
        }
        found.into_iter().map(|member_id| member_id.map(drop)).collect()
    }

    /// The id of a member that is to leave. An administrator names static members by their instance id alone.
    fn find_leaving(&self, member_id: &str, instance_id: Option<&str>) -> Result<String, ErrorCode> {
        match instance_id.and_then(|id| self.static_members.owner(id)) {
            Some(owner) if member_id.is_empty() => Ok(owner.clone()),
            _ => self.known_member(member_id, instance_id).map(|_| member_id.to_owned()),
        }
    }
}
