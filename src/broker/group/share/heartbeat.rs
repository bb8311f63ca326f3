//! ShareGroupHeartbeat, the one request of the members, and what time does to members that stop sending it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::assignor::{Subscriber, assign};
use super::records::{ShareCurrentAssignment, ShareMemberMetadata, ShareRecord};
use super::{KIND, NamedAssignment, ShareGroup, ShareMember, extend, subtract};
use crate::broker::group::consumer::records::{TargetAssignmentEpoch, to_record};
use crate::broker::group::consumer::{Assignment, ClusterView, JOIN_EPOCH, LEAVE_EPOCH};
use crate::broker::group::membership::{GroupError, MemberEpochs, check_epoch, check_not_blank, hash_of_topics};
use crate::broker::group::turn::Turn;

/// A heartbeat. What is `None` has not changed since the member's last.
#[derive(Debug, Clone, Default)]
pub struct ShareHeartbeat {
    pub member_id: String,
    pub member_epoch: i32,
    pub rack_id: Option<String>,
    pub subscribed_topic_names: Option<Vec<String>>,
    pub client_id: String,
    pub client_host: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareHeartbeatAnswer {
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    /// What the member is to fetch from now on; `None` if that is unchanged.
    pub assignment: Option<Assignment>,
    /// Partitions whose state the share coordinator is to begin, and the epoch to begin it at.
    pub to_initialize: NamedAssignment,
    pub group_epoch: i32,
}

impl ShareHeartbeat {
    /// Checks what can be checked without the group.
    pub fn validate(&self, group_id: &str) -> Result<(), GroupError> {
        let invalid = |text: &str| Err(GroupError::invalid(text));
        check_not_blank(&[
            ("MemberId", Some(&self.member_id)),
            ("GroupId", Some(group_id)),
            ("RackId", self.rack_id.as_deref()),
        ])?;
        if self.member_epoch < LEAVE_EPOCH {
            return invalid("MemberEpoch is invalid.");
        }
        let names = self.subscribed_topic_names.as_ref();
        if self.member_epoch == JOIN_EPOCH && names.is_none_or(Vec::is_empty) {
            return invalid("SubscribedTopicNames must be set in first request.");
        }
        Ok(())
    }
}

impl ShareGroup {
    /// Takes a heartbeat. `validate` has let it pass.
    pub fn heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        request: &ShareHeartbeat,
    ) -> Result<ShareHeartbeatAnswer, GroupError> {
        let topics = turn.cluster;
        if request.member_epoch == LEAVE_EPOCH {
            if !self.members.contains_key(&request.member_id) {
                return Err(GroupError::unknown_member(&request.member_id, &self.group_id));
            }
            self.fence(turn, topics, &request.member_id);
            return Ok(ShareHeartbeatAnswer {
                member_epoch: LEAVE_EPOCH,
                heartbeat_interval_ms: 0,
                assignment: None,
                to_initialize: NamedAssignment::new(),
                group_epoch: self.epoch,
            });
        }
        self.admit(turn, request)?;
        let subscription_changed = self.update_metadata(turn, request);
        self.update_epochs(turn, topics, subscription_changed);
        let changed = self.reconcile(turn, &request.member_id);
        let to_initialize = self.begin_states(turn, topics);
        let setting = |name: &str| topics.group_setting(&self.group_id, name);
        let heartbeat_interval_ms =
            setting("share.heartbeat.interval.ms").unwrap_or(turn.config.share_heartbeat_interval_ms);
        let session_timeout_ms = self.session_timeout_ms(turn);
        let group_epoch = self.epoch;
        let Some(member) = self.members.get_mut(&request.member_id) else {
            return Err(GroupError::unknown_member(&request.member_id, &self.group_id));
        };
        member.deadlines.begin_session(turn.after_ms(session_timeout_ms));
        let is_full = request.member_epoch == JOIN_EPOCH || request.subscribed_topic_names.is_some();
        Ok(ShareHeartbeatAnswer {
            member_epoch: member.member_epoch,
            heartbeat_interval_ms,
            assignment: (changed || is_full).then(|| member.assigned.clone()),
            to_initialize,
            group_epoch,
        })
    }

    /// Whether the member may be in, at the epoch it says.
    fn admit(&self, turn: &Turn<'_>, request: &ShareHeartbeat) -> Result<(), GroupError> {
        let member = self.members.get(&request.member_id);
        if request.member_epoch == JOIN_EPOCH {
            let max_size = turn.config.share_max_size;
            if member.is_none() && self.members.len() >= max_size {
                return Err(GroupError::full(KIND, max_size));
            }
            return Ok(());
        }
        let member = member.ok_or_else(|| GroupError::unknown_member(&request.member_id, &self.group_id))?;
        let epochs = MemberEpochs {
            now: member.member_epoch,
            previous: member.previous_member_epoch,
        };
        check_epoch(KIND, request.member_epoch, epochs, || true)
    }

    /// Keeps what the member says of itself. True if that calls for another assignment.
    fn update_metadata(&mut self, turn: &mut Turn<'_>, request: &ShareHeartbeat) -> bool {
        let old = self.members.get(&request.member_id).map(|member| &member.metadata);
        let mut new: ShareMemberMetadata = old.cloned().unwrap_or_default();
        new.client_id.clone_from(&request.client_id);
        new.client_host.clone_from(&request.client_host);
        if request.rack_id.is_some() {
            new.rack_id.clone_from(&request.rack_id);
        }
        if let Some(names) = &request.subscribed_topic_names {
            new.subscribed_topic_names = names.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        }
        if old == Some(&new) {
            return false;
        }
        let calls_for_assignment = old.is_none_or(|old| old.subscribed_topic_names != new.subscribed_topic_names);
        let member_id = request.member_id.clone();
        self.write(
            turn,
            ShareRecord::Member {
                member_id,
                value: Some(new),
            },
        );
        calls_for_assignment
    }

    /// Moves the group epoch on if members, topics or begun states call for it, and the target assignment after it.
    fn update_epochs(&mut self, turn: &mut Turn<'_>, topics: &dyn ClusterView, is_called_for: bool) {
        let hash = self.hash_of_topics(topics);
        let assignable = self.assignable(topics);
        let is_given = |topic: &Uuid, partition: &i32| {
            let has = |target: &Assignment| target.get(topic).is_some_and(|given| given.contains(partition));
            self.target.values().any(has)
        };
        let is_pending = assignable
            .iter()
            .any(|(topic, partitions)| partitions.iter().any(|partition| !is_given(topic, partition)));
        if is_called_for || is_pending || hash != self.metadata_hash {
            self.write_epoch(turn, hash);
        }
        if self.target_epoch < self.epoch {
            self.assign(turn, topics, &assignable);
        }
    }

    /// The topics that somebody subscribes to and that exist.
    fn subscribed_topics(&self, topics: &dyn ClusterView) -> BTreeMap<Uuid, (String, i32)> {
        let names = self
            .members
            .values()
            .flat_map(|member| &member.metadata.subscribed_topic_names);
        let names: BTreeSet<&String> = names.collect();
        let known = names.into_iter().filter_map(|name| {
            let (id, count) = topics.topic(name)?;
            Some((id, (name.clone(), count)))
        });
        known.collect()
    }

    /// The subscribed partitions that have a state.
    fn assignable(&self, topics: &dyn ClusterView) -> Assignment {
        let subscribed = self.subscribed_topics(topics);
        let begun = self
            .initialized
            .iter()
            .filter(|(topic, _)| subscribed.contains_key(*topic));
        begun
            .map(|(topic, (_, partitions))| (*topic, partitions.clone()))
            .collect()
    }

    /// Of the subscribed topics.
    fn hash_of_topics(&self, topics: &dyn ClusterView) -> i64 {
        let subscribed = self.subscribed_topics(topics).into_iter();
        hash_of_topics(subscribed.map(|(id, (_, partitions))| (id, partitions)))
    }

    /// Computes the target assignment for the present epoch; only members whose target changes get a record.
    fn assign(&mut self, turn: &mut Turn<'_>, topics: &dyn ClusterView, assignable: &Assignment) {
        let subscriber = |(member_id, member): (&String, &ShareMember)| {
            let names = member.metadata.subscribed_topic_names.iter();
            let subscriber = Subscriber {
                topics: names.filter_map(|name| topics.topic(name)).map(|(id, _)| id).collect(),
                previous: self.target.get(member_id).cloned().unwrap_or_default(),
            };
            (member_id.clone(), subscriber)
        };
        let subscribers: BTreeMap<String, Subscriber> = self.members.iter().map(subscriber).collect();
        for (member_id, assignment) in assign(assignable, &subscribers) {
            if self.target.get(&member_id) != Some(&assignment) {
                let value = Some(to_record(&assignment));
                self.write(turn, ShareRecord::TargetAssignmentMember { member_id, value });
            }
        }
        let target = TargetAssignmentEpoch {
            assignment_epoch: self.epoch,
            timestamp_ms: turn.now_ms,
        };
        self.write(turn, ShareRecord::TargetAssignmentMetadata(Some(target)));
    }

    /// Gives the member its target at once: nobody has to give anything back first. True if it has other partitions now.
    fn reconcile(&mut self, turn: &mut Turn<'_>, member_id: &str) -> bool {
        let Some(member) = self.members.get(member_id) else {
            return false;
        };
        let target = self.target.get(member_id).cloned().unwrap_or_default();
        let changed = member.assigned != target;
        if !changed && member.member_epoch == self.target_epoch {
            return false;
        }
        let value = ShareCurrentAssignment {
            member_epoch: self.target_epoch,
            previous_member_epoch: member.member_epoch,
            assigned: to_record(&target),
        };
        let member_id = member_id.to_owned();
        self.write(
            turn,
            ShareRecord::CurrentAssignment {
                member_id,
                value: Some(value),
            },
        );
        changed
    }

    /// Names the subscribed partitions that have no state and for which none is being begun.
    fn begin_states(&mut self, turn: &mut Turn<'_>, topics: &dyn ClusterView) -> NamedAssignment {
        let mut missing = NamedAssignment::new();
        for (topic_id, (name, count)) in self.subscribed_topics(topics) {
            if self.deleting.contains_key(&topic_id) {
                continue;
            }
            let begun = self.initialized.get(&topic_id).map(|(_, partitions)| partitions);
            let is_missing = |partition: &i32| {
                begun.is_none_or(|begun| !begun.contains(partition))
                    && !self.in_progress.contains(&(topic_id, *partition))
            };
            let partitions: BTreeSet<i32> = (0..count).filter(is_missing).collect();
            if !partitions.is_empty() {
                missing.insert(topic_id, (name, partitions));
            }
        }
        if missing.is_empty() {
            return missing;
        }
        self.in_progress.extend(each(&missing));
        let mut initializing = self.initializing.clone();
        extend(&mut initializing, &missing);
        if initializing != self.initializing {
            let (initialized, deleting) = (self.initialized.clone(), self.deleting.clone());
            self.write_state_partitions(turn, &initializing, &initialized, &deleting);
        }
        missing
    }

    /// The share coordinator has begun the state of these partitions: they can be assigned.
    pub fn initialized(&mut self, turn: &mut Turn<'_>, partitions: &NamedAssignment) {
        self.not_in_progress(partitions);
        let (mut initializing, mut initialized) = (self.initializing.clone(), self.initialized.clone());
        subtract(&mut initializing, partitions);
        extend(&mut initialized, partitions);
        let deleting = self.deleting.clone();
        self.write_state_partitions(turn, &initializing, &initialized, &deleting);
    }

    /// The share coordinator could not begin them: the next heartbeat has it tried again.
    pub fn not_in_progress(&mut self, partitions: &NamedAssignment) {
        for partition in each(partitions) {
            self.in_progress.remove(&partition);
        }
    }

    /// Takes a member out. The target is computed anew when the next member is heard of, as in Kafka.
    fn fence(&mut self, turn: &mut Turn<'_>, topics: &dyn ClusterView, member_id: &str) {
        // Its share session is another matter: it ends with its connection, or by the member's own word.
        let member_id = member_id.to_owned();
        self.write(
            turn,
            ShareRecord::CurrentAssignment {
                member_id: member_id.clone(),
                value: None,
            },
        );
        self.write(
            turn,
            ShareRecord::TargetAssignmentMember {
                member_id: member_id.clone(),
                value: None,
            },
        );
        self.write(turn, ShareRecord::Member { member_id, value: None });
        let metadata_hash = self.hash_of_topics(topics);
        self.write_epoch(turn, metadata_hash);
    }

    fn session_timeout_ms(&self, turn: &Turn<'_>) -> i32 {
        let own = turn.cluster.group_setting(&self.group_id, "share.session.timeout.ms");
        own.unwrap_or(turn.config.share_session_timeout_ms)
    }

    /// Starts the sessions of a group that was read from the log.
    pub fn on_loaded(&mut self, turn: &mut Turn<'_>) {
        let session_timeout_ms = self.session_timeout_ms(turn);
        for member in self.members.values_mut() {
            member.deadlines.begin_session(turn.after_ms(session_timeout_ms));
        }
    }

    /// When [`ShareGroup::on_time`] is next due.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.members
            .values()
            .filter_map(|member| member.deadlines.next_ms())
            .min()
    }

    /// Takes out members that were silent for a session.
    pub fn on_time(&mut self, turn: &mut Turn<'_>) {
        let topics = turn.cluster;
        let now_ms = turn.now_ms;
        let is_late = |member: &ShareMember| member.deadlines.have_passed(now_ms, member.member_epoch);
        let late = self.members.iter().filter(|(_, member)| is_late(member));
        let late: Vec<String> = late.map(|(member_id, _)| member_id.clone()).collect();
        for member_id in late {
            self.fence(turn, topics, &member_id);
        }
    }
}

fn each(partitions: &NamedAssignment) -> impl Iterator<Item = (Uuid, i32)> + '_ {
    partitions
        .iter()
        .flat_map(|(topic, (_, partitions))| partitions.iter().map(move |partition| (*topic, *partition)))
}
