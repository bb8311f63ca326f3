//! ConsumerGroupDescribe (69), v0-1. State, epochs and members of groups of the consumer protocol, with what each member
//! has and what it shall have. A group of another kind is GROUP_ID_NOT_FOUND: clients then ask DescribeGroups.

use kafka_protocol::messages::consumer_group_describe_response::{
    Assignment as WireAssignment, DescribedGroup, Member, TopicPartitions,
};
use kafka_protocol::messages::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse};
use uuid::Uuid;

use super::shared::{UNSEEN_TOPICS, check_all_seen, describe_group, text};
use crate::broker::group::consumer::{ConsumerGroup, ConsumerMember};
use crate::broker::group::shard::Group;
use crate::broker::metadata::{ApiError, MetadataImage};
use crate::broker::request::{RequestContext, Resource};

/// v1 tells members of the classic protocol apart.
const MEMBER_TYPE: i16 = 1;
const CLASSIC_MEMBER: i8 = 0;
const CONSUMER_MEMBER: i8 = 1;

pub async fn handle(cx: &RequestContext, req: ConsumerGroupDescribeRequest) -> ConsumerGroupDescribeResponse {
    let image = cx.image();
    let groups = req.group_ids.into_iter().map(|group_id| {
        let mut described = describe(cx, &image, &group_id)
            .unwrap_or_else(refused)
            .with_group_id(group_id);
        if req.include_authorized_operations && described.error_code == 0 {
            described.authorized_operations = cx.authorized_operations(Resource::Group(&described.group_id));
        }
        described
    });
    ConsumerGroupDescribeResponse::default().with_groups(groups.collect())
}

fn describe(cx: &RequestContext, image: &MetadataImage, group_id: &str) -> Result<DescribedGroup, ApiError> {
    let described = describe_group(cx, group_id, "consumer", |group| match group {
        Group::Consumer(group) => Some(described(group, image, cx.api_version)),
        _ => None,
    })?;
    let assignments = described
        .members
        .iter()
        .flat_map(|m| [&m.assignment, &m.target_assignment]);
    let named = assignments.flat_map(|a| a.topic_partitions.iter().map(|t| t.topic_name.as_str()));
    check_all_seen(cx, named, UNSEEN_TOPICS)?;
    Ok(described)
}

fn refused(error: ApiError) -> DescribedGroup {
    DescribedGroup::default()
        .with_error_code(error.code.code())
        .with_error_message(Some(text(&error.text())))
}

fn described(group: &ConsumerGroup, image: &MetadataImage, version: i16) -> DescribedGroup {
    DescribedGroup::default()
        .with_group_state(group.state().name().into())
        .with_group_epoch(group.epoch())
        .with_assignment_epoch(group.target_epoch())
        .with_assignor_name(group.assignor().name().into())
        .with_members(
            group
                .members()
                .map(|(member_id, m)| member(group, member_id, m, image, version))
                .collect(),
        )
}

fn member(
    group: &ConsumerGroup,
    member_id: &str,
    member: &ConsumerMember,
    image: &MetadataImage,
    version: i16,
) -> Member {
    let metadata = &member.metadata;
    let text = |text: &Option<String>| text.clone().map(Into::into);
    let target = group.target(member_id).into_iter().flatten();
    let topics = metadata.subscribed_topic_names.iter().map(|name| {
        let name: kafka_protocol::protocol::StrBytes = name.clone().into();
        name.into()
    });
    Member::default()
        .with_member_id(member_id.to_owned().into())
        .with_instance_id(text(&metadata.instance_id))
        .with_rack_id(text(&metadata.rack_id))
        .with_member_epoch(member.member_epoch)
        .with_client_id(metadata.client_id.clone().into())
        .with_client_host(metadata.client_host.clone().into())
        .with_subscribed_topic_names(topics.collect())
        .with_subscribed_topic_regex(text(&metadata.subscribed_topic_regex))
        .with_assignment(to_wire(
            image,
            member.assigned.iter().map(|(id, p)| (*id, p.keys().copied().collect())),
        ))
        .with_target_assignment(to_wire(image, target.map(|(id, p)| (*id, p.iter().copied().collect()))))
        .with_member_type(match member.classic() {
            _ if version < MEMBER_TYPE => -1,
            Some(_) => CLASSIC_MEMBER,
            None => CONSUMER_MEMBER,
        })
}

/// Topics that are gone have no name to show, and are left out.
fn to_wire(image: &MetadataImage, topics: impl Iterator<Item = (Uuid, Vec<i32>)>) -> WireAssignment {
    let topics = topics.filter_map(|(topic_id, partitions)| {
        let name: kafka_protocol::protocol::StrBytes = image.topic_by_id(topic_id)?.name.to_string().into();
        let topic = TopicPartitions::default()
            .with_topic_id(topic_id)
            .with_topic_name(name.into());
        Some(topic.with_partitions(partitions))
    });
    WireAssignment::default().with_topic_partitions(topics.collect())
}
