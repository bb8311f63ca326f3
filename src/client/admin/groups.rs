//! Groups: list, describe, delete, remove members (KIP-222, KIP-518, KIP-848, KIP-1043, KIP-1099).

use std::str::FromStr;

use bytes::{Buf, Bytes};
use futures::FutureExt;
use kafka_protocol::messages::consumer_group_describe_response as modern;
use kafka_protocol::messages::describe_groups_response as classic;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerProtocolAssignment, DeleteGroupsRequest, DescribeGroupsRequest, GroupId,
    LeaveGroupRequest, ListGroupsRequest,
};
use kafka_protocol::protocol::Decodable;

use super::driver::{Names, Outcome};
use super::*;
use crate::TopicPartition;

macro_rules! named_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident),* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($variant),*, Unknown }

        impl $name {
            /// The name Kafka prints and sends.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* Self::Unknown => "Unknown" }
            }
        }

        /// Never fails; other names are `Unknown`. Letter case does not matter.
        impl FromStr for $name {
            type Err = std::convert::Infallible;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                $(if s.eq_ignore_ascii_case(stringify!($variant)) { return Ok(Self::$variant); })*
                Ok(Self::Unknown)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

named_enum! {
    /// Kafka: `GroupType`.
    GroupType { Consumer, Classic, Share, Streams }
}

named_enum! {
    /// Kafka: `GroupState`.
    GroupState { PreparingRebalance, CompletingRebalance, Stable, Dead, Empty, Assigning, Reconciling, NotReady }
}

fn parse<T: FromStr<Err = std::convert::Infallible>>(s: &str) -> T {
    let Ok(value) = s.parse();
    value
}

/// Kafka: `GroupListing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    pub group_id: String,
    /// `None` from brokers before 3.8.
    pub group_type: Option<GroupType>,
    /// `consumer`, `share`, `streams`, `connect`, or empty for a group that only commits offsets.
    pub protocol: String,
    /// `None` from brokers before 2.6.
    pub state: Option<GroupState>,
}

impl GroupListing {
    /// Kafka: `isSimpleConsumerGroup`.
    pub fn is_simple_consumer_group(&self) -> bool {
        self.group_type.is_none_or(|t| t == GroupType::Classic) && self.protocol.is_empty()
    }
}

/// Kafka: `ListGroupsOptions`. Empty lists do not filter.
#[derive(Clone, Debug, Default)]
pub struct ListGroupsOptions {
    pub states: Vec<GroupState>,
    pub types: Vec<GroupType>,
    /// Kept by the client: brokers cannot filter by it.
    pub protocol_types: Vec<String>,
}

/// Kafka: `ListGroupsResult`: what could be listed, and the brokers that failed.
#[derive(Clone, Debug, Default)]
pub struct GroupListings {
    pub groups: Vec<GroupListing>,
    pub errors: Vec<ApiError>,
}

impl GroupListings {
    /// Kafka's `all()`: the groups, unless a broker failed.
    ///
    /// # Errors
    /// The first broker's error.
    pub fn all(self) -> Result<Vec<GroupListing>, ApiError> {
        match self.errors.into_iter().next() {
            Some(e) => Err(e),
            None => Ok(self.groups),
        }
    }
}

/// Kafka: `ConsumerGroupDescription`, and `ClassicGroupDescription` of groups that do not consume.
#[derive(Clone, Debug)]
pub struct GroupDescription {
    pub group_id: String,
    pub group_type: GroupType,
    /// A classic group's protocol type, `consumer` for consumer groups.
    pub protocol: String,
    pub state: GroupState,
    /// The partition assignor's name; a classic group's protocol data.
    pub partition_assignor: String,
    pub members: Vec<MemberDescription>,
    pub coordinator: Node,
    /// A set of bits by `AclOperation`, `i32::MIN` if not asked for.
    pub authorized_operations: i32,
    /// `None` for classic groups, as is the next.
    pub group_epoch: Option<i32>,
    pub target_assignment_epoch: Option<i32>,
}

impl GroupDescription {
    /// Kafka: `isSimpleConsumerGroup`.
    pub fn is_simple_consumer_group(&self) -> bool {
        self.protocol.is_empty()
    }
}

/// Kafka: `MemberDescription`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDescription {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    /// With a slash in front, as brokers send it.
    pub host: String,
    /// Sorted.
    pub assignment: Vec<TopicPartition>,
    /// What a member of a consumer group (KIP-848) shall have; `None` in classic groups.
    pub target_assignment: Option<Vec<TopicPartition>>,
    pub member_epoch: Option<i32>,
    /// Whether the member uses the new protocol in a group that is being upgraded; `None` if not known.
    pub upgraded: Option<bool>,
    pub rack_id: Option<String>,
}

impl Admin {
    /// Kafka: `listGroups`: every broker is asked about the groups it coordinates.
    ///
    /// # Errors
    /// `KafkaException: Failed to find brokers to send ListGroups` with the reason as its cause.
    pub async fn list_groups(&self, options: &ListGroupsOptions) -> Result<GroupListings, AdminError> {
        self.brokers_only()?;
        let spec = self.spec("findAllBrokers", Target::Any);
        let find = |e| ApiError::kafka("Failed to find brokers to send ListGroups").caused_by(e);
        let view = self.fresh_view(&spec).await.map_err(find)?;
        let asks = view
            .nodes
            .keys()
            .map(|&node| self.list_groups_at(node, spec.deadline, options));
        let mut all = GroupListings::default();
        for answer in futures::future::join_all(asks).await {
            match answer {
                Ok(groups) => all.groups.extend(groups),
                Err(e) => all.errors.push(e),
            }
        }
        all.groups
            .retain(|g| options.protocol_types.is_empty() || options.protocol_types.contains(&g.protocol));
        all.groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
        all.groups.dedup_by(|a, b| a.group_id == b.group_id);
        Ok(all)
    }

    async fn list_groups_at(
        &self,
        node: i32,
        deadline: Instant,
        options: &ListGroupsOptions,
    ) -> Result<Vec<GroupListing>, ApiError> {
        let make = |version: i16| {
            // Every group is classic where types are not known.
            let only_classic = options.types.iter().all(|t| *t == GroupType::Classic);
            let types = if version < 5 && only_classic {
                &[]
            } else {
                options.types.as_slice()
            };
            ListGroupsRequest::default()
                .with_states_filter(options.states.iter().map(|s| text(s.name())).collect())
                .with_types_filter(types.iter().map(|t| text(t.name())).collect())
        };
        let spec = CallSpec {
            deadline,
            ..self.spec("listGroups", Target::Node(node))
        };
        let judge = |r: &kafka_protocol::messages::ListGroupsResponse| match ErrorCode::from(r.error_code) {
            code @ (ErrorCode::COORDINATOR_LOAD_IN_PROGRESS | ErrorCode::COORDINATOR_NOT_AVAILABLE) => {
                Verdict::Retry(code.into())
            }
            _ => Verdict::Done,
        };
        let answer = self.cluster.call(spec, make, judge).await?;
        ApiError::check(answer.error_code, None)?;
        let some = |s: &str| (!s.is_empty()).then(|| s.to_string());
        Ok(answer
            .groups
            .iter()
            .map(|g| GroupListing {
                group_id: g.group_id.to_string(),
                group_type: some(&g.group_type).map(|t| parse(&t)),
                protocol: g.protocol_type.to_string(),
                state: some(&g.group_state).map(|s| parse(&s)),
            })
            .collect())
    }

    /// Kafka: `describeConsumerGroups`: by ConsumerGroupDescribe, and by DescribeGroups what is not such a group.
    pub async fn describe_consumer_groups(&self, groups: &[String]) -> Items<String, GroupDescription> {
        let names = Names {
            lookup: "describeConsumerGroups(api=FIND_COORDINATOR)",
            fulfil: "describeConsumerGroups(api=CONSUMER_GROUP_DESCRIBE)",
        };
        self.drive_groups(names, groups, |admin: Admin, spec: CallSpec, keys: Vec<String>| {
            async move {
                let mut out = match admin.consumer_group_describe(spec, &keys).await {
                    Ok(out) => out,
                    Err(e) if e.code == ErrorCode::UNSUPPORTED_VERSION => Vec::new(),
                    Err(e) => return Err(e),
                };
                // Kafka goes on with the classic API for groups the new one does not have.
                out.retain(|(_, o)| {
                    let Outcome::Done(Err(e)) = o else { return true };
                    e.code != ErrorCode::GROUP_ID_NOT_FOUND && e.code != ErrorCode::UNSUPPORTED_VERSION
                });
                let rest: Vec<String> = keys
                    .iter()
                    .filter(|k| !out.iter().any(|(o, _)| o == *k))
                    .cloned()
                    .collect();
                if !rest.is_empty() {
                    let spec = CallSpec {
                        name: "describeConsumerGroups(api=DESCRIBE_GROUPS)",
                        ..spec
                    };
                    out.extend(admin.classic_describe(spec, &rest, true).await?);
                }
                Ok(out)
            }
            .boxed()
        })
        .await
    }

    /// Kafka: `describeClassicGroups`, of any protocol.
    pub async fn describe_classic_groups(&self, groups: &[String]) -> Items<String, GroupDescription> {
        let names = Names {
            lookup: "describeClassicGroups(api=FIND_COORDINATOR)",
            fulfil: "describeClassicGroups(api=DESCRIBE_GROUPS)",
        };
        self.drive_groups(names, groups, |admin: Admin, spec: CallSpec, keys: Vec<String>| {
            async move { admin.classic_describe(spec, &keys, false).await }.boxed()
        })
        .await
    }

    async fn consumer_group_describe(
        &self,
        spec: CallSpec,
        groups: &[String],
    ) -> Result<Vec<(String, Outcome<GroupDescription>)>, ApiError> {
        let coordinator = self.coordinator_node(&spec).await?;
        let make = |_| {
            ConsumerGroupDescribeRequest::default()
                .with_group_ids(groups.iter().map(|g| GroupId(text(g))).collect())
                .with_include_authorized_operations(false)
        };
        let answer = self.cluster.call(spec, make, |_| Verdict::Done).await?;
        let item = |g: &modern::DescribedGroup| {
            let describe = || modern_description(g, coordinator.clone());
            (
                g.group_id.to_string(),
                Outcome::of_coordinator(g.error_code, g.error_message.as_deref(), describe),
            )
        };
        Ok(answer.groups.iter().map(item).collect())
    }

    async fn classic_describe(
        &self,
        spec: CallSpec,
        groups: &[String],
        consumers_only: bool,
    ) -> Result<Vec<(String, Outcome<GroupDescription>)>, ApiError> {
        let coordinator = self.coordinator_node(&spec).await?;
        let make = |_| {
            DescribeGroupsRequest::default()
                .with_groups(groups.iter().map(|g| GroupId(text(g))).collect())
                .with_include_authorized_operations(false)
        };
        let answer = self.cluster.call(spec, make, |_| Verdict::Done).await?;
        let item = |g: &classic::DescribedGroup| {
            let id = g.group_id.to_string();
            let foreign = !g.protocol_type.is_empty() && &*g.protocol_type != "consumer";
            if g.error_code == 0 && foreign && consumers_only {
                let text = format!("GroupId {id} is not a consumer group ({}).", &*g.protocol_type);
                let e = ApiError::of_class("java.lang.IllegalArgumentException", text);
                return (id, Outcome::Done(Err(e)));
            }
            let describe = || classic_description(g, coordinator.clone());
            (
                id,
                Outcome::of_coordinator(g.error_code, g.error_message.as_deref(), describe),
            )
        };
        Ok(answer.groups.iter().map(item).collect())
    }

    async fn coordinator_node(&self, spec: &CallSpec) -> Result<Node, ApiError> {
        let view = self.view(spec).await?;
        Ok(match spec.target {
            Target::Node(id) => view.node_or_placeholder(id),
            _ => view.node_or_placeholder(-1),
        })
    }

    /// Kafka: `deleteConsumerGroups`; groups of every type.
    pub async fn delete_groups(&self, groups: &[String]) -> Items<String, ()> {
        let names = Names {
            lookup: "deleteConsumerGroups(api=FIND_COORDINATOR)",
            fulfil: "deleteConsumerGroups(api=DELETE_GROUPS)",
        };
        self.drive_groups(names, groups, |admin: Admin, spec: CallSpec, keys: Vec<String>| {
            async move {
                let ids: Vec<GroupId> = keys.iter().map(|g| GroupId(text(g))).collect();
                let make = |_| DeleteGroupsRequest::default().with_groups_names(ids.clone());
                let answer = admin.cluster.call(spec, make, |_| Verdict::Done).await?;
                let results = answer.results.iter();
                Ok(results
                    .map(|r| {
                        (
                            r.group_id.to_string(),
                            Outcome::of_coordinator(r.error_code, None, || ()),
                        )
                    })
                    .collect())
            }
            .boxed()
        })
        .await
    }

    /// Kafka: `removeMembersFromConsumerGroup`, all members of the group.
    ///
    /// # Errors
    /// The group's error, or the first member's.
    pub async fn remove_all_members(&self, group: &str, reason: &str) -> Result<(), AdminError> {
        let keys = [group.to_string()];
        let described = &self.describe_consumer_groups(&keys).await.remove(0).1?;
        if described.members.is_empty() {
            return Ok(());
        }
        let identity = &|version: i16, m: &MemberDescription| {
            let reason = (version >= 5).then(|| text(reason));
            // A static member is removed by its instance id, a dynamic one by its member id.
            let (member, instance) = match &m.group_instance_id {
                Some(instance) => (String::new(), Some(text(instance))),
                None => (m.member_id.clone(), None),
            };
            MemberIdentity::default()
                .with_member_id(text(&member))
                .with_group_instance_id(instance)
                .with_reason(reason)
        };
        let names = Names {
            lookup: "leaveGroup(api=FIND_COORDINATOR)",
            fulfil: "leaveGroup(api=LEAVE_GROUP)",
        };
        let leave = |admin: Admin, spec: CallSpec, keys: Vec<String>| {
            async move {
                let make = |version: i16| {
                    let members = described.members.iter().map(|m| identity(version, m)).collect();
                    LeaveGroupRequest::default()
                        .with_group_id(GroupId(text(group)))
                        .with_members(members)
                };
                let spec = CallSpec {
                    versions: kafka_protocol::protocol::VersionRange { min: 3, max: i16::MAX },
                    ..spec
                };
                let answer = admin.cluster.call(spec, make, |_| Verdict::Done).await?;
                let member_error = answer
                    .members
                    .iter()
                    .find_map(|m| ApiError::check(m.error_code, None).err());
                let outcome = match Outcome::of_coordinator(answer.error_code, None, || ()) {
                    Outcome::Done(Ok(())) => Outcome::Done(member_error.map_or(Ok(()), Err)),
                    other => other,
                };
                Ok(vec![(keys[0].clone(), outcome)])
            }
            .boxed()
        };
        self.drive_groups(names, &keys, leave).await.remove(0).1
    }
}

fn partitions_of<'a>(topics: impl Iterator<Item = (&'a str, &'a [i32])>) -> Vec<TopicPartition> {
    let mut all: Vec<_> = topics
        .flat_map(|(topic, ps)| ps.iter().map(move |p| TopicPartition::new(topic, *p)))
        .collect();
    all.sort();
    all
}

fn modern_description(g: &modern::DescribedGroup, coordinator: Node) -> GroupDescription {
    let assigned = |a: &modern::Assignment| {
        partitions_of(
            a.topic_partitions
                .iter()
                .map(|t| (t.topic_name.as_str(), t.partitions.as_slice())),
        )
    };
    let member = |m: &modern::Member| MemberDescription {
        member_id: m.member_id.to_string(),
        group_instance_id: m.instance_id.as_ref().map(|i| i.to_string()),
        client_id: m.client_id.to_string(),
        host: m.client_host.to_string(),
        assignment: assigned(&m.assignment),
        target_assignment: Some(assigned(&m.target_assignment)),
        member_epoch: Some(m.member_epoch),
        // Version 1 tells: 0 is a classic member, 1 one of the new protocol.
        upgraded: (m.member_type >= 0).then_some(m.member_type == 1),
        rack_id: m.rack_id.as_ref().map(|r| r.to_string()),
    };
    GroupDescription {
        group_id: g.group_id.to_string(),
        group_type: GroupType::Consumer,
        protocol: "consumer".into(),
        state: parse(&g.group_state),
        partition_assignor: g.assignor_name.to_string(),
        members: g.members.iter().map(member).collect(),
        coordinator,
        authorized_operations: g.authorized_operations,
        group_epoch: Some(g.group_epoch),
        target_assignment_epoch: Some(g.assignment_epoch),
    }
}

fn classic_description(g: &classic::DescribedGroup, coordinator: Node) -> GroupDescription {
    let consumers = g.protocol_type.is_empty() || &*g.protocol_type == "consumer";
    let member = |m: &classic::DescribedGroupMember| MemberDescription {
        member_id: m.member_id.to_string(),
        group_instance_id: m.group_instance_id.as_ref().map(|i| i.to_string()),
        client_id: m.client_id.to_string(),
        host: m.client_host.to_string(),
        assignment: if consumers {
            decode_assignment(&m.member_assignment)
        } else {
            Vec::new()
        },
        target_assignment: None,
        member_epoch: None,
        upgraded: None,
        rack_id: None,
    };
    GroupDescription {
        group_id: g.group_id.to_string(),
        group_type: GroupType::Classic,
        protocol: g.protocol_type.to_string(),
        state: parse(&g.group_state),
        partition_assignor: g.protocol_data.to_string(),
        members: g.members.iter().map(member).collect(),
        coordinator,
        authorized_operations: g.authorized_operations,
        group_epoch: None,
        target_assignment_epoch: None,
    }
}

/// Kafka: `ConsumerProtocol.deserializeAssignment`. Bytes that are none assign nothing.
fn decode_assignment(bytes: &Bytes) -> Vec<TopicPartition> {
    let mut bytes = bytes.clone();
    if bytes.len() < 2 {
        return Vec::new();
    }
    // A newer version may add fields at the end only, so the newest known reads it.
    let version = bytes.get_i16().clamp(0, 3);
    match ConsumerProtocolAssignment::decode(&mut bytes, version) {
        Ok(a) => partitions_of(
            a.assigned_partitions
                .iter()
                .map(|t| (t.topic.as_str(), t.partitions.as_slice())),
        ),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas_and_letter_case_does_not_matter() {
        assert_eq!(
            parse::<GroupState>("preparingrebalance"),
            GroupState::PreparingRebalance
        );
        assert_eq!(GroupState::CompletingRebalance.to_string(), "CompletingRebalance");
        assert_eq!(parse::<GroupType>("share"), GroupType::Share);
        assert_eq!(parse::<GroupType>("nope"), GroupType::Unknown);
    }

    #[test]
    fn an_assignment_is_read_and_garbage_assigns_nothing() {
        let bytes: &[u8] = &[
            0, 1, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1, 255, 255, 255, 255,
        ];
        let got = decode_assignment(&Bytes::from_static(bytes));
        assert_eq!(got, [TopicPartition::new("t", 1), TopicPartition::new("t", 3)]);
        for cut in 0..bytes.len() - 4 {
            assert!(decode_assignment(&Bytes::copy_from_slice(&bytes[..cut])).is_empty());
        }
    }

    #[tokio::test]
    async fn an_unknown_group_of_a_real_cluster() {
        let Some(admin) = live::admin().await else { return };
        let groups = ["client-no-such-group".to_string()];
        let e = admin.describe_consumer_groups(&groups).await.remove(0).1.unwrap_err();
        assert_eq!(
            e.to_string(),
            "org.apache.kafka.common.errors.GroupIdNotFoundException: Group client-no-such-group not found."
        );
        let e = admin.delete_groups(&groups).await.remove(0).1.unwrap_err();
        assert_eq!(e.text(), "The group id does not exist.");
        admin
            .list_groups(&ListGroupsOptions::default())
            .await
            .unwrap()
            .all()
            .unwrap();
    }
}
