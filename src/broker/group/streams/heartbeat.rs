//! StreamsGroupHeartbeat, the one request of the members, and what time does to members that stop sending it.

use std::collections::BTreeMap;

use super::assignor::{TaskOwner, assign};
use super::records::{StreamsMemberMetadata, StreamsRecord, TargetTasks};
use super::tasks::{TaskSet, to_wire};
use super::topology::{Configured, InternalTopic, SHUTDOWN_APPLICATION, STALE_TOPOLOGY, configure};
use super::{KIND, StreamsGroup, StreamsMember};
use crate::broker::group::consumer::records::TargetAssignmentEpoch;
use crate::broker::group::consumer::{ClusterView, JOIN_EPOCH, LEAVE_EPOCH, LEAVE_STATIC_EPOCH, MemberState};
use crate::broker::group::membership::{self, GroupError, check_epoch, check_not_blank};
use crate::broker::group::turn::Turn;
use crate::wire::error::ErrorCode;
use crate::wire::fields::Nullable;
use crate::wire::streams::{Endpoint, KeyValue, TaskOffset, Topology};
use kafka_protocol::protocol::StrBytes;

/// A heartbeat. What is `None` has not changed since the member's last.
#[derive(Debug, Clone, Default)]
pub struct StreamsHeartbeat {
    pub member_id: String,
    pub member_epoch: i32,
    pub endpoint_epoch: i32,
    pub instance_id: Option<StrBytes>,
    pub rack_id: Option<StrBytes>,
    /// -1 if it has not changed.
    pub rebalance_timeout_ms: i32,
    pub topology: Option<Topology>,
    /// The tasks the member has now.
    pub owned: Option<TaskSet>,
    pub process_id: Option<StrBytes>,
    pub user_endpoint: Option<Endpoint>,
    pub client_tags: Option<Vec<KeyValue>>,
    pub task_offsets: Option<Vec<TaskOffset>>,
    pub task_end_offsets: Option<Vec<TaskOffset>>,
    pub shutdown_application: bool,
    pub client_id: String,
    pub client_host: String,
}

/// Which partitions can be queried where: endpoint, active tasks' and standby tasks' topics with partitions.
pub type Queryable = (Endpoint, BTreeMap<String, Vec<i32>>, BTreeMap<String, Vec<i32>>);

#[derive(Debug, Clone, PartialEq)]
pub struct StreamsHeartbeatAnswer {
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    /// What the member is to run from now on; `None` if that is unchanged.
    pub tasks: Option<TaskSet>,
    /// Codes and texts.
    pub status: Vec<(i8, String)>,
    pub missing_topics: Vec<InternalTopic>,
    pub endpoint_epoch: i32,
    /// `None` if the member knows.
    pub queryable: Option<Vec<Queryable>>,
}

impl StreamsHeartbeat {
    /// Checks what can be checked without the group.
    pub fn validate(&self, group_id: &str) -> Result<(), GroupError> {
        let invalid = |text: &str| Err(GroupError::invalid(text));
        check_not_blank(&[
            ("MemberId", Some(&self.member_id)),
            ("GroupId", Some(group_id)),
            ("InstanceId", self.instance_id.as_deref()),
            ("RackId", self.rack_id.as_deref()),
        ])?;
        match self.member_epoch {
            JOIN_EPOCH => {
                if self.rebalance_timeout_ms == -1 {
                    return invalid("RebalanceTimeoutMs must be provided in first request.");
                }
                if self.owned.as_ref().is_none_or(|owned| !owned.is_empty()) {
                    return invalid("ActiveTasks must be empty when (re-)joining.");
                }
                if self.topology.is_none() {
                    return invalid("Topology must be non-null when (re-)joining.");
                }
                if self.process_id.is_none() {
                    return invalid("ProcessId must be provided in first request.");
                }
            }
            LEAVE_STATIC_EPOCH if self.instance_id.is_none() => return invalid("InstanceId can't be null."),
            epoch if epoch < LEAVE_STATIC_EPOCH => return invalid("MemberEpoch is invalid."),
            _ => {}
        }
        let regexes = self.topology.iter().flat_map(|t| &t.subtopologies);
        for regex in regexes.flat_map(|s| &s.source_topic_regex) {
            if fancy_regex::Regex::new(regex).is_err() {
                let text = format!(
                    "SourceTopicRegex `{}` is not a valid regular expression.",
                    regex.as_str()
                );
                return Err(GroupError::new(ErrorCode::STREAMS_INVALID_TOPOLOGY, text));
            }
        }
        Ok(())
    }
}

impl StreamsGroup {
    /// Takes a heartbeat. `validate` has let it pass.
    pub fn heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        request: &StreamsHeartbeat,
    ) -> Result<StreamsHeartbeatAnswer, GroupError> {
        if matches!(request.member_epoch, LEAVE_EPOCH | LEAVE_STATIC_EPOCH) {
            return self.leave(turn, request);
        }
        let cluster = turn.cluster;
        self.admit(turn, request)?;
        let topology_changed = self.update_topology(turn, request)?;
        let member_changed = self.update_metadata(turn, request);
        let configured = self.topology.as_ref().map(|topology| configure(topology, cluster));
        let configured = configured.unwrap_or_default();
        let was_ready = self.is_ready;
        self.is_ready = configured.problem.is_none();
        let is_called_for = topology_changed || member_changed || was_ready != self.is_ready;
        self.update_epochs(turn, &configured, is_called_for);
        let changed = self.reconcile(turn, &request.member_id, request.owned.as_ref());
        if changed {
            self.endpoint_epoch = self.endpoint_epoch.wrapping_add(1);
        }
        if request.shutdown_application {
            self.shutdown_requested_by = Some(request.member_id.clone());
        }
        self.answer(turn, request, configured, changed)
    }

    fn answer(
        &mut self,
        turn: &Turn<'_>,
        request: &StreamsHeartbeat,
        configured: Configured,
        changed: bool,
    ) -> Result<StreamsHeartbeatAnswer, GroupError> {
        let cluster = turn.cluster;
        let setting = |name: &str| cluster.group_setting(&self.group_id, name);
        let heartbeat_interval_ms =
            setting("streams.heartbeat.interval.ms").unwrap_or(turn.config.streams_heartbeat_interval_ms);
        let session_timeout_ms = self.session_timeout_ms(turn);
        let topology_epoch = self.topology.as_ref().map_or(0, |topology| topology.epoch);
        let queryable = (request.endpoint_epoch != self.endpoint_epoch).then(|| self.queryable(&configured, cluster));
        let queryable = queryable.filter(|all| !all.is_empty());
        let mut status: Vec<(i8, String)> = configured.problem.into_iter().collect();
        if let Some(member_id) = &self.shutdown_requested_by {
            let text = format!(
                "Streams group member {member_id} encountered a fatal error and requested a shutdown for the entire application."
            );
            status.push((SHUTDOWN_APPLICATION, text));
        }
        let endpoint_epoch = self.endpoint_epoch;
        let Some(member) = self.members.get_mut(&request.member_id) else {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID.into());
        };
        member.deadlines.begin_session(turn.after_ms(session_timeout_ms));
        if let Some(offsets) = &request.task_offsets {
            member.task_offsets.clone_from(offsets);
        }
        if let Some(offsets) = &request.task_end_offsets {
            member.task_end_offsets.clone_from(offsets);
        }
        if member.metadata.topology_epoch < topology_epoch {
            let theirs = member.metadata.topology_epoch;
            let text =
                format!("The member's topology epoch {theirs} is behind the group's topology epoch {topology_epoch}.");
            status.push((STALE_TOPOLOGY, text));
        }
        let is_full = request.member_epoch == JOIN_EPOCH
            || (request.rebalance_timeout_ms != -1 && request.topology.is_some() && request.owned.is_some());
        Ok(StreamsHeartbeatAnswer {
            member_epoch: member.member_epoch,
            heartbeat_interval_ms,
            tasks: (changed || is_full).then(|| member.assigned.clone()),
            status,
            missing_topics: configured.missing_internal,
            endpoint_epoch,
            queryable,
        })
    }

    /// Where the state of which partitions can be asked for, of members that can be asked.
    fn queryable(&self, configured: &Configured, cluster: &dyn ClusterView) -> Vec<Queryable> {
        let topics = |tasks: &super::tasks::Tasks| -> BTreeMap<String, Vec<i32>> {
            let mut all: BTreeMap<String, Vec<i32>> = BTreeMap::new();
            for (subtopology, partitions) in tasks {
                for topic in configured.sources.get(subtopology).into_iter().flatten() {
                    let count = cluster.topic(topic).map_or(0, |(_, count)| count);
                    let there = partitions.iter().copied().filter(|partition| *partition < count);
                    all.entry(topic.clone()).or_default().extend(there);
                }
            }
            all
        };
        let of = |member: &StreamsMember| {
            let endpoint = member.metadata.user_endpoint.0.clone()?;
            Some((
                endpoint,
                topics(&member.assigned.active),
                topics(&member.assigned.standby),
            ))
        };
        self.members.values().filter_map(of).collect()
    }

    /// Makes sure that the member may be in, at the epoch it says.
    fn admit(&mut self, turn: &mut Turn<'_>, request: &StreamsHeartbeat) -> Result<(), GroupError> {
        let member_id = &request.member_id;
        let is_joining = request.member_epoch == JOIN_EPOCH;
        if let Some(instance_id) = &request.instance_id {
            match self.static_members.owner(instance_id).cloned() {
                None if is_joining => {}
                None => return Err(GroupError::unknown_member(member_id, &self.group_id)),
                Some(owner) if owner == *member_id => {}
                Some(owner) if is_joining => self.take_over(turn, instance_id, &owner)?,
                Some(owner) => return Err(GroupError::fenced_instance(member_id, instance_id, &owner)),
            }
        }
        match self.members.get(member_id) {
            None if is_joining && self.members.len() >= turn.config.streams_max_size => {
                Err(GroupError::full(KIND, turn.config.streams_max_size))
            }
            None if is_joining => Ok(()),
            None => Err(GroupError::unknown_member(member_id, &self.group_id)),
            Some(_) if is_joining => Ok(()),
            Some(member) => check_epoch(KIND, request.member_epoch, member.epochs(), || {
                request.owned.as_ref().is_some_and(|owned| member.has_all(owned))
            }),
        }
    }

    /// A static member is back under another member id; its former self makes way if it said good-bye.
    fn take_over(&mut self, turn: &mut Turn<'_>, instance_id: &str, old_id: &str) -> Result<(), GroupError> {
        let has_left = self
            .members
            .get(old_id)
            .is_none_or(|old| old.member_epoch == LEAVE_STATIC_EPOCH);
        if !has_left {
            let text = format!(
                "Static member with instance id {instance_id} cannot join the group because the instance id is owned by member {old_id}."
            );
            return Err(GroupError::new(ErrorCode::UNRELEASED_INSTANCE_ID, text));
        }
        self.remove_member(turn, old_id);
        Ok(())
    }

    /// Keeps the topology of the first member, or one of a later epoch. True if it is new.
    fn update_topology(&mut self, turn: &mut Turn<'_>, request: &StreamsHeartbeat) -> Result<bool, GroupError> {
        let Some(theirs) = &request.topology else {
            return Ok(false);
        };
        match &self.topology {
            Some(ours) if ours == theirs || ours.epoch > theirs.epoch => return Ok(false),
            Some(ours) if ours.epoch == theirs.epoch && !self.is_empty() => {
                let text = format!(
                    "Topology updates are not allowed without a new topology epoch. The epoch of both is {}.",
                    ours.epoch
                );
                return Err(GroupError::new(ErrorCode::STREAMS_INVALID_TOPOLOGY, text));
            }
            _ => {}
        }
        self.write(turn, StreamsRecord::Topology(Some(theirs.clone())));
        Ok(true)
    }

    /// Keeps what the member says of itself. True if that calls for another assignment.
    fn update_metadata(&mut self, turn: &mut Turn<'_>, request: &StreamsHeartbeat) -> bool {
        let old = self.members.get(&request.member_id).map(|member| &member.metadata);
        let mut new: StreamsMemberMetadata = old.cloned().unwrap_or_default();
        new.client_id = StrBytes::from_string(request.client_id.clone());
        new.client_host = StrBytes::from_string(request.client_host.clone());
        if request.instance_id.is_some() {
            new.instance_id.clone_from(&request.instance_id);
        }
        if request.rack_id.is_some() {
            new.rack_id.clone_from(&request.rack_id);
        }
        if request.rebalance_timeout_ms != -1 {
            new.rebalance_timeout_ms = request.rebalance_timeout_ms;
        }
        if let Some(topology) = &request.topology {
            new.topology_epoch = topology.epoch;
        }
        if let Some(process_id) = &request.process_id {
            new.process_id.clone_from(process_id);
        }
        if request.user_endpoint.is_some() {
            new.user_endpoint = Nullable(request.user_endpoint.clone());
        }
        if let Some(tags) = &request.client_tags {
            new.client_tags.clone_from(tags);
        }
        if old == Some(&new) {
            return false;
        }
        let calls_for_assignment = old.is_none_or(|old| {
            old.topology_epoch != new.topology_epoch
                || old.process_id != new.process_id
                || old.client_tags != new.client_tags
                || old.rack_id != new.rack_id
        });
        let member_id = request.member_id.clone();
        self.write(
            turn,
            StreamsRecord::Member {
                member_id,
                value: Some(new),
            },
        );
        calls_for_assignment
    }

    /// Moves the group epoch on if members, topology or topics call for it, and the target assignment after it.
    fn update_epochs(&mut self, turn: &mut Turn<'_>, configured: &Configured, is_called_for: bool) {
        let hash = hash_of_topics(configured, turn.cluster);
        if is_called_for || hash != self.metadata_hash {
            self.write_epoch(turn, hash);
        }
        if self.target_epoch < self.epoch {
            self.assign(turn, configured);
        }
    }

    /// Computes the target assignment for the present epoch; only members whose target changes get a record.
    fn assign(&mut self, turn: &mut Turn<'_>, configured: &Configured) {
        let owner = |(member_id, member): (&String, &StreamsMember)| {
            let owner = TaskOwner {
                process_id: member.metadata.process_id.to_string(),
                previous: self.target.get(member_id).cloned().unwrap_or_default(),
            };
            (member_id.clone(), owner)
        };
        let topology_epoch = self.topology.as_ref().map_or(0, |topology| topology.epoch);
        // Members of a former topology would not know these tasks.
        let current = |(_, member): &(&String, &StreamsMember)| member.metadata.topology_epoch == topology_epoch;
        let owners: BTreeMap<String, TaskOwner> = self.members.iter().filter(current).map(owner).collect();
        let standby = turn
            .cluster
            .group_setting(&self.group_id, "streams.num.standby.replicas");
        let standby = standby.unwrap_or(turn.config.streams_num_standby_replicas);
        let mut targets = assign(&configured.tasks, &owners, standby);
        for member_id in self.members.keys() {
            targets.entry(member_id.clone()).or_default();
        }
        for (member_id, tasks) in targets {
            if self.target.get(&member_id) != Some(&tasks) {
                let value = Some(TargetTasks {
                    active: to_wire(&tasks.active),
                    standby: to_wire(&tasks.standby),
                    warmup: to_wire(&tasks.warmup),
                });
                self.write(turn, StreamsRecord::TargetAssignmentMember { member_id, value });
            }
        }
        let target = TargetAssignmentEpoch {
            assignment_epoch: self.epoch,
            timestamp_ms: turn.now_ms,
        };
        self.write(turn, StreamsRecord::TargetAssignmentMetadata(Some(target)));
    }

    fn leave(&mut self, turn: &mut Turn<'_>, request: &StreamsHeartbeat) -> Result<StreamsHeartbeatAnswer, GroupError> {
        let member_id = &request.member_id;
        if let Some(instance_id) = &request.instance_id
            && let Some(owner) = self.static_members.owner(instance_id)
            && owner != member_id
        {
            return Err(GroupError::fenced_instance(member_id, instance_id, owner));
        }
        let Some(member) = self.members.get_mut(member_id) else {
            return Err(GroupError::unknown_member(member_id, &self.group_id));
        };
        if request.member_epoch == LEAVE_STATIC_EPOCH {
            // Its session goes on: if it does not come back in time, it is out.
            member.deadlines.await_revocation(None, false);
            let mut value = member.current_tasks();
            value.member_epoch = LEAVE_STATIC_EPOCH;
            let value = Some(value);
            let member_id = member_id.clone();
            self.write(turn, StreamsRecord::CurrentAssignment { member_id, value });
        } else {
            self.fence(turn, member_id);
        }
        Ok(StreamsHeartbeatAnswer {
            member_epoch: request.member_epoch,
            heartbeat_interval_ms: 0,
            tasks: None,
            status: Vec::new(),
            missing_topics: Vec::new(),
            endpoint_epoch: self.endpoint_epoch,
            queryable: None,
        })
    }

    /// Takes a member out. The target is computed anew when the next member is heard of, as in Kafka.
    fn fence(&mut self, turn: &mut Turn<'_>, member_id: &str) {
        self.remove_member(turn, member_id);
        if self.is_empty() {
            self.shutdown_requested_by = None;
        }
        let hash = self.metadata_hash;
        self.write_epoch(turn, hash);
    }

    fn remove_member(&mut self, turn: &mut Turn<'_>, member_id: &str) {
        let member_id = member_id.to_owned();
        self.write(
            turn,
            StreamsRecord::CurrentAssignment {
                member_id: member_id.clone(),
                value: None,
            },
        );
        self.write(
            turn,
            StreamsRecord::TargetAssignmentMember {
                member_id: member_id.clone(),
                value: None,
            },
        );
        self.write(turn, StreamsRecord::Member { member_id, value: None });
    }

    fn session_timeout_ms(&self, turn: &Turn<'_>) -> i32 {
        let own = turn.cluster.group_setting(&self.group_id, "streams.session.timeout.ms");
        own.unwrap_or(turn.config.streams_session_timeout_ms)
    }

    /// Starts the sessions of a group that was read from the log.
    pub fn on_loaded(&mut self, turn: &mut Turn<'_>) {
        let session_timeout_ms = self.session_timeout_ms(turn);
        self.is_ready = self
            .topology
            .as_ref()
            .is_some_and(|topology| configure(topology, turn.cluster).problem.is_none());
        for member in self.members.values_mut() {
            member.deadlines.begin_session(turn.after_ms(session_timeout_ms));
            if member.state == MemberState::UnrevokedPartitions {
                let deadline_ms = turn.after_ms(member.metadata.rebalance_timeout_ms);
                member
                    .deadlines
                    .await_revocation(Some((deadline_ms, member.member_epoch)), false);
            }
        }
    }

    /// When [`StreamsGroup::on_time`] is next due.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.members
            .values()
            .filter_map(|member| member.deadlines.next_ms())
            .min()
    }

    /// Takes out members that were silent for a session, or did not give tasks back in time.
    pub fn on_time(&mut self, turn: &mut Turn<'_>) {
        let now_ms = turn.now_ms;
        let is_late = |member: &StreamsMember| member.deadlines.have_passed(now_ms, member.member_epoch);
        let late = self.members.iter().filter(|(_, member)| is_late(member));
        let late: Vec<String> = late.map(|(member_id, _)| member_id.clone()).collect();
        for member_id in late {
            self.fence(turn, &member_id);
        }
        for member in self.members.values_mut() {
            member.deadlines.drop_passed_revocation(now_ms);
        }
    }
}

/// Of the topology's topics.
fn hash_of_topics(configured: &Configured, cluster: &dyn ClusterView) -> i64 {
    let names: std::collections::BTreeSet<&String> = configured.sources.values().flatten().collect();
    membership::hash_of_topics(names.into_iter().filter_map(|name| cluster.topic(name)))
}
