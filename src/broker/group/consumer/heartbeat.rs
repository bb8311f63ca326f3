//! ConsumerGroupHeartbeat, the one request of the protocol, and what time does to members that stop sending it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::records::{ConsumerRecord, GroupEpoch, MemberMetadata, ResolvedRegex, TargetAssignmentEpoch, to_record};
use super::{
    Assignment, ClusterView, ConsumerGroup, ConsumerMember, Downgrade, GroupError, JOIN_EPOCH, KIND, LEAVE_EPOCH,
    LEAVE_STATIC_EPOCH, MemberState, TopicsMark, compile,
};
use crate::broker::group::consumer::assignor::{Assignor, Subscriber};
use crate::broker::group::membership::{check_epoch, check_not_blank, hash_of_topics};
use crate::broker::group::turn::Turn;
use crate::wire::error::ErrorCode;

/// The longest that regular expressions are not looked at after they have changed.
const REGEX_REFRESH_MIN_INTERVAL_MS: i32 = 10_000;
/// The longest that what regular expressions match stands while no topics come or go: rights may have changed (Kafka:
/// `group.consumer.regex.refresh.interval.ms`).
const REGEX_REFRESH_INTERVAL_MS: i64 = 600_000;

/// A heartbeat. What is `None` has not changed since the member's last.
#[derive(Debug, Clone, Default)]
pub struct HeartbeatRequest {
    pub member_id: String,
    pub member_epoch: i32,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    /// -1 if it has not changed.
    pub rebalance_timeout_ms: i32,
    pub subscribed_topic_names: Option<Vec<String>>,
    pub subscribed_topic_regex: Option<String>,
    pub server_assignor: Option<String>,
    /// The partitions the member has now.
    pub owned: Option<Assignment>,
    pub client_id: String,
    pub client_host: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatAnswer {
    pub member_id: String,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    /// What the member is to have from now on; `None` if that is unchanged.
    pub assignment: Option<Assignment>,
}

impl HeartbeatRequest {
    /// Checks what can be checked without the group. `client_makes_ids` is true since v1.
    pub fn validate(&self, group_id: &str, client_makes_ids: bool) -> Result<(), GroupError> {
        let invalid = |text: &str| Err(GroupError::invalid(text));
        let has_id = client_makes_ids || self.member_epoch != JOIN_EPOCH;
        check_not_blank(&[
            ("GroupId", Some(group_id)),
            ("MemberId", has_id.then_some(&self.member_id)),
            ("InstanceId", self.instance_id.as_deref()),
            ("RackId", self.rack_id.as_deref()),
        ])?;
        match self.member_epoch {
            JOIN_EPOCH => {
                if self.rebalance_timeout_ms == -1 {
                    return invalid("RebalanceTimeoutMs must be provided in first request.");
                }
                if self.owned.as_ref().is_none_or(|owned| !owned.is_empty()) {
                    return invalid("TopicPartitions must be empty when (re-)joining.");
                }
                // An empty regular expression is one: the member is in the group without a subscription.
                if self.subscribed_topic_names.is_none() && self.subscribed_topic_regex.is_none() {
                    return invalid(
                        "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
                    );
                }
            }
            LEAVE_STATIC_EPOCH if self.instance_id.is_none() => return invalid("InstanceId can't be null."),
            epoch if epoch < LEAVE_STATIC_EPOCH => return invalid("MemberEpoch is invalid."),
            _ => {}
        }
        match self.server_assignor.as_deref() {
            Some(name) if Assignor::from_name(name).is_none() => Err(GroupError::new(
                ErrorCode::UNSUPPORTED_ASSIGNOR,
                format!("ServerAssignor {name} is not supported. Supported assignors: uniform, range."),
            )),
            _ => Ok(()),
        }
    }

    /// Whether it tells all there is to tell, as after a lost answer; it is then answered in full.
    fn is_full(&self) -> bool {
        self.member_epoch == JOIN_EPOCH
            || (self.rebalance_timeout_ms != -1 && self.subscribed_topic_names.is_some() && self.owned.is_some())
    }
}

impl ConsumerGroup {
    /// Takes a heartbeat. `validate` has let it pass.
    pub fn heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        request: &HeartbeatRequest,
    ) -> Result<HeartbeatAnswer, GroupError> {
        let topics = turn.cluster;
        if let Some(regex) = request
            .subscribed_topic_regex
            .as_deref()
            .filter(|regex| !regex.is_empty())
        {
            compile(regex)?;
        }
        match request.member_epoch {
            LEAVE_EPOCH | LEAVE_STATIC_EPOCH => self.leave(turn, topics, request),
            _ => self.stay(turn, topics, request),
        }
    }

    fn stay(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &dyn ClusterView,
        request: &HeartbeatRequest,
    ) -> Result<HeartbeatAnswer, GroupError> {
        if request.member_epoch == JOIN_EPOCH
            && !self.members.contains_key(&request.member_id)
            && self.members.len() >= turn.config.consumer_max_size
        {
            return Err(GroupError::full(KIND, turn.config.consumer_max_size));
        }
        let member_id = request.member_id.clone();
        self.admit(turn, request)?;
        let subscription_changed = self.update_metadata(turn, request);
        self.update_epochs(turn, topics, subscription_changed);

        let before = self
            .members
            .get(&member_id)
            .map(|member| member.assigned.clone())
            .unwrap_or_default();
        self.reconcile(turn, &member_id, request.owned.as_ref());
        let interval_ms = self.heartbeat_interval_ms(turn);
        let session_timeout_ms = self.session_timeout_ms(turn);
        let Some(member) = self.members.get_mut(&member_id) else {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID.into());
        };
        member.deadlines.begin_session(turn.after_ms(session_timeout_ms));
        let changed = member.assigned != before;
        Ok(HeartbeatAnswer {
            member_epoch: member.member_epoch,
            heartbeat_interval_ms: interval_ms,
            assignment: (changed || request.is_full()).then(|| partitions_of(member)),
            member_id,
        })
    }

    /// Makes sure that the member is in, at the epoch it says.
    fn admit(&mut self, turn: &mut Turn<'_>, request: &HeartbeatRequest) -> Result<(), GroupError> {
        let member_id = &request.member_id;
        let is_joining = request.member_epoch == JOIN_EPOCH;
        if let Some(instance_id) = &request.instance_id {
            match self.static_members.owner(instance_id).cloned() {
                None if is_joining => return Ok(()),
                None => return Err(GroupError::unknown_member(member_id, &self.group_id)),
                Some(owner) if owner == *member_id => {}
                Some(owner) if is_joining => return self.take_over(turn, instance_id, &owner, member_id),
                Some(owner) => return Err(GroupError::fenced_instance(member_id, instance_id, &owner)),
            }
        }
        match self.members.get(member_id) {
            Some(_) | None if is_joining => Ok(()),
            Some(member) => check_epoch(KIND, request.member_epoch, member.epochs(), || {
                request.owned.as_ref().is_some_and(|owned| member.has_all(owned))
            }),
            None => Err(GroupError::unknown_member(member_id, &self.group_id)),
        }
    }

    /// A static member is back under another member id: it takes what its former self had, if that one said good-bye.
    fn take_over(
        &mut self,
        turn: &mut Turn<'_>,
        instance_id: &str,
        old_id: &str,
        member_id: &str,
    ) -> Result<(), GroupError> {
        let Some(old) = self.members.get(old_id) else {
            return Ok(());
        };
        if old.member_epoch != LEAVE_STATIC_EPOCH {
            return Err(GroupError::new(
                ErrorCode::UNRELEASED_INSTANCE_ID,
                format!(
                    "Static member {member_id} with instance id {instance_id} cannot join the group because the \
                     instance id is owned by member {old_id}."
                ),
            ));
        }
        self.replace_static(turn, old_id, member_id);
        Ok(())
    }

    /// Gives a static member's place to another member id.
    pub(super) fn replace_static(&mut self, turn: &mut Turn<'_>, old_id: &str, member_id: &str) {
        let Some(mut old) = self.members.get(old_id).cloned() else {
            return;
        };
        let target = self.target.get(old_id).map(to_record);
        self.remove_member(turn, old_id);
        old.member_epoch = 0;
        old.previous_member_epoch = 0;
        let member_id = member_id.to_owned();
        let metadata = old.metadata.clone();
        self.write(
            turn,
            ConsumerRecord::Member {
                member_id: member_id.clone(),
                value: Some(metadata),
            },
        );
        let value = Some(target.unwrap_or_default());
        self.write(
            turn,
            ConsumerRecord::TargetAssignmentMember {
                member_id: member_id.clone(),
                value,
            },
        );
        let value = Some(old.current_assignment());
        self.write(turn, ConsumerRecord::CurrentAssignment { member_id, value });
    }

    /// Keeps what the member says of itself. True if that calls for another assignment.
    fn update_metadata(&mut self, turn: &mut Turn<'_>, request: &HeartbeatRequest) -> bool {
        let old = self.members.get(&request.member_id).map(|member| &member.metadata);
        let is_new = old.is_none();
        let old = old.cloned().unwrap_or_else(|| MemberMetadata {
            rebalance_timeout_ms: -1,
            ..Default::default()
        });
        let mut new = old.clone();
        new.client_id.clone_from(&request.client_id);
        new.client_host.clone_from(&request.client_host);
        if request.instance_id.is_some() {
            new.instance_id.clone_from(&request.instance_id);
        }
        if request.rack_id.is_some() {
            new.rack_id.clone_from(&request.rack_id);
        }
        if request.rebalance_timeout_ms != -1 {
            new.rebalance_timeout_ms = request.rebalance_timeout_ms;
        }
        if request.server_assignor.is_some() {
            new.server_assignor.clone_from(&request.server_assignor);
        }
        if let Some(names) = &request.subscribed_topic_names {
            new.subscribed_topic_names = names.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        }
        if let Some(regex) = &request.subscribed_topic_regex {
            new.subscribed_topic_regex = Some(regex.clone());
        }
        if !is_new && new == old {
            return false;
        }
        let calls_for_assignment = is_new
            || new.subscribed_topic_names != old.subscribed_topic_names
            || new.subscribed_topic_regex != old.subscribed_topic_regex
            || new.server_assignor != old.server_assignor;
        let member_id = request.member_id.clone();
        self.write(
            turn,
            ConsumerRecord::Member {
                member_id,
                value: Some(new),
            },
        );
        calls_for_assignment
    }

    /// Moves the group epoch on if members or topics call for it, and the target assignment after it.
    pub(super) fn update_epochs(&mut self, turn: &mut Turn<'_>, topics: &dyn ClusterView, mut is_called_for: bool) {
        is_called_for |= self.resolve_regexes(turn, topics);
        let hash = self.hash_of_topics(topics);
        if is_called_for || hash != self.metadata_hash {
            let group = GroupEpoch {
                epoch: self.epoch.saturating_add(1),
                metadata_hash: hash,
            };
            self.write(turn, ConsumerRecord::GroupMetadata(Some(group)));
        }
        if self.target_epoch < self.epoch {
            self.assign(turn, topics);
        }
    }

    /// Looks again at what the subscribed regular expressions match, and forgets those nobody subscribes to. True if the
    /// topics of somebody have changed. Members see what the one may see whose turn it is, whatever their own rights, as in
    /// Kafka.
    fn resolve_regexes(&mut self, turn: &mut Turn<'_>, topics: &dyn ClusterView) -> bool {
        let regexes = self
            .members
            .values()
            .filter_map(|member| member.metadata.subscribed_topic_regex.clone());
        let wanted: BTreeSet<String> = regexes.filter(|regex| !regex.is_empty()).collect();
        let obsolete: Vec<String> = self
            .regexes
            .keys()
            .filter(|regex| !wanted.contains(*regex))
            .cloned()
            .collect();
        for regex in obsolete {
            self.write(turn, ConsumerRecord::RegularExpression { regex, value: None });
        }
        let are_resolved = wanted.iter().all(|regex| self.regexes.contains_key(regex));
        let mark = topics.topics_mark();
        if wanted.is_empty() || (are_resolved && (self.regexes_are_recent(turn) || self.regexes_stand(turn, &mark))) {
            return false;
        }
        self.regexes_looked_at = Some((turn.now_ms, mark));
        let mut names = topics.names();
        names.sort();
        let mut changed = false;
        for regex in wanted {
            // What was compiled once compiles again; a match that takes too long counts as none.
            let Ok(compiled) = compile(&regex) else { continue };
            let matched: Vec<String> = names
                .iter()
                .filter(|name| compiled.is_match(name).unwrap_or(false) && topics.may_see(name))
                .cloned()
                .collect();
            if self
                .regexes
                .get(&regex)
                .is_none_or(|resolved| resolved.topics != matched)
            {
                let value = Some(ResolvedRegex {
                    topics: matched,
                    version: 0,
                    timestamp_ms: turn.now_ms,
                });
                self.write(turn, ConsumerRecord::RegularExpression { regex, value });
                changed = true;
            }
        }
        changed
    }

    /// Whether what the regular expressions match has changed so lately that some member may not have heard of it. It is not
    /// looked at again until then, so that topics made together come to all members in the same steps. Kafka waits ten seconds.
    fn regexes_are_recent(&self, turn: &Turn<'_>) -> bool {
        let last_ms = self.regexes.values().map(|resolved| resolved.timestamp_ms).max();
        let wait_ms = i64::from(self.heartbeat_interval_ms(turn).min(REGEX_REFRESH_MIN_INTERVAL_MS));
        last_ms.is_some_and(|last_ms| turn.now_ms < last_ms.saturating_add(wait_ms))
    }

    /// Whether no topics have come or gone since the last look, and it is not long ago.
    fn regexes_stand(&self, turn: &Turn<'_>, mark: &Option<TopicsMark>) -> bool {
        self.regexes_looked_at.as_ref().is_some_and(|(at_ms, seen)| {
            let is_young = turn.now_ms < at_ms.saturating_add(REGEX_REFRESH_INTERVAL_MS);
            is_young && mark.is_some() && mark == seen
        })
    }

    /// Of the subscribed topics.
    fn hash_of_topics(&self, topics: &dyn ClusterView) -> i64 {
        let names: BTreeSet<&str> = self
            .members
            .values()
            .flat_map(|member| self.topics_of(member))
            .collect();
        hash_of_topics(names.into_iter().filter_map(|name| topics.topic(name)))
    }

    /// Computes the target assignment for the present epoch; only members whose target changes get a record.
    fn assign(&mut self, turn: &mut Turn<'_>, topics: &dyn ClusterView) {
        let mut counts: BTreeMap<Uuid, i32> = BTreeMap::new();
        let mut subscribers: BTreeMap<String, Subscriber> = BTreeMap::new();
        for (member_id, member) in &self.members {
            let known: Vec<(Uuid, i32)> = self.topics_of(member).filter_map(|name| topics.topic(name)).collect();
            counts.extend(known.iter().copied());
            let subscriber = Subscriber {
                topics: known.into_iter().map(|(id, _)| id).collect(),
                previous: self.target.get(member_id).cloned().unwrap_or_default(),
            };
            subscribers.insert(member_id.clone(), subscriber);
        }
        for (member_id, assignment) in self.assignor().assign(&counts, &subscribers) {
            if self.target.get(&member_id) != Some(&assignment) {
                let value = Some(to_record(&assignment));
                self.write(turn, ConsumerRecord::TargetAssignmentMember { member_id, value });
            }
        }
        let target = TargetAssignmentEpoch {
            assignment_epoch: self.epoch,
            timestamp_ms: turn.now_ms,
        };
        self.write(turn, ConsumerRecord::TargetAssignmentMetadata(Some(target)));
    }

    fn leave(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &dyn ClusterView,
        request: &HeartbeatRequest,
    ) -> Result<HeartbeatAnswer, GroupError> {
        let mut member_id = request.member_id.clone();
        if let Some(instance_id) = &request.instance_id {
            let owner = self.static_members.owner(instance_id);
            let owner = owner.ok_or_else(|| GroupError::unknown_member(&member_id, &self.group_id))?;
            if *owner != member_id {
                return Err(GroupError::fenced_instance(&member_id, instance_id, owner));
            }
            member_id.clone_from(owner);
        }
        let Some(member) = self.members.get_mut(&member_id) else {
            return Err(GroupError::unknown_member(&member_id, &self.group_id));
        };
        if request.member_epoch == LEAVE_STATIC_EPOCH {
            // Its session goes on: if it does not come back in time, it is out.
            member.deadlines.await_revocation(None, false);
            let mut value = member.current_assignment();
            value.member_epoch = LEAVE_STATIC_EPOCH;
            value.pending_revocation.clear();
            self.write(
                turn,
                ConsumerRecord::CurrentAssignment {
                    member_id: member_id.clone(),
                    value: Some(value),
                },
            );
        } else {
            self.fence(turn, topics, &[&member_id]);
        }
        let member_epoch = request.member_epoch;
        Ok(HeartbeatAnswer {
            member_id,
            member_epoch,
            heartbeat_interval_ms: 0,
            assignment: None,
        })
    }

    /// Takes members out. The target is computed anew when the next member is heard of, as in Kafka. A group that only
    /// classic members are left in is to be theirs, and needs no epoch.
    pub(super) fn fence(&mut self, turn: &mut Turn<'_>, topics: &dyn ClusterView, member_ids: &[&str]) {
        for member_id in member_ids {
            self.remove_member(turn, member_id);
        }
        if self.may_become_classic(turn) {
            self.downgrade = Some(Downgrade::Rebalance);
            return;
        }
        let metadata_hash = self.hash_of_topics(topics);
        let group = GroupEpoch {
            epoch: self.epoch.saturating_add(1),
            metadata_hash,
        };
        self.write(turn, ConsumerRecord::GroupMetadata(Some(group)));
    }

    fn remove_member(&mut self, turn: &mut Turn<'_>, member_id: &str) {
        let member_id = member_id.to_owned();
        self.write(
            turn,
            ConsumerRecord::CurrentAssignment {
                member_id: member_id.clone(),
                value: None,
            },
        );
        self.write(
            turn,
            ConsumerRecord::TargetAssignmentMember {
                member_id: member_id.clone(),
                value: None,
            },
        );
        self.write(turn, ConsumerRecord::Member { member_id, value: None });
    }

    fn heartbeat_interval_ms(&self, turn: &Turn<'_>) -> i32 {
        let own = turn
            .cluster
            .group_setting(&self.group_id, "consumer.heartbeat.interval.ms");
        own.unwrap_or(turn.config.consumer_heartbeat_interval_ms)
    }

    fn session_timeout_ms(&self, turn: &Turn<'_>) -> i32 {
        let own = turn
            .cluster
            .group_setting(&self.group_id, "consumer.session.timeout.ms");
        own.unwrap_or(turn.config.consumer_session_timeout_ms)
    }

    /// Starts the sessions of a group that was read from the log.
    pub fn on_loaded(&mut self, turn: &mut Turn<'_>) {
        let session_timeout_ms = self.session_timeout_ms(turn);
        for member in self.members.values_mut() {
            let own = member
                .metadata
                .classic
                .as_ref()
                .map(|classic| classic.session_timeout_ms);
            member
                .deadlines
                .begin_session(turn.after_ms(own.unwrap_or(session_timeout_ms)));
            if member.state == MemberState::UnrevokedPartitions {
                let deadline_ms = turn.after_ms(member.metadata.rebalance_timeout_ms);
                member
                    .deadlines
                    .await_revocation(Some((deadline_ms, member.member_epoch)), false);
            }
        }
    }

    /// When [`ConsumerGroup::on_time`] is next due.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        let deadlines = self
            .members
            .values()
            .flat_map(|member| [member.deadlines.next_ms(), member.classic_deadline_ms]);
        deadlines.flatten().min()
    }

    /// Takes out members that were silent for a session, or did not give partitions back in time.
    pub fn on_time(&mut self, turn: &mut Turn<'_>) {
        let topics = turn.cluster;
        let now_ms = turn.now_ms;
        let is_late = |member: &ConsumerMember| {
            member.deadlines.have_passed(now_ms, member.member_epoch)
                || member
                    .classic_deadline_ms
                    .is_some_and(|deadline_ms| deadline_ms <= now_ms)
        };
        let late: Vec<String> = self
            .members
            .iter()
            .filter(|(_, member)| is_late(member))
            .map(|(member_id, _)| member_id.clone())
            .collect();
        for member_id in late {
            self.fence(turn, topics, &[&member_id]);
            if self.downgrade.is_some() {
                return;
            }
        }
        for member in self.members.values_mut() {
            member.deadlines.drop_passed_revocation(now_ms);
        }
    }
}

pub(super) fn partitions_of(member: &ConsumerMember) -> Assignment {
    member
        .assigned
        .iter()
        .map(|(id, partitions)| (*id, partitions.keys().copied().collect()))
        .collect()
}
