//! ShareGroupDescribe (77), v1. State, epochs and members of share groups, with what each member fetches.

use kafka_protocol::messages::share_group_describe_response::{
    Assignment as WireAssignment, DescribedGroup, Member, TopicPartitions,
};
use kafka_protocol::messages::{ShareGroupDescribeRequest, ShareGroupDescribeResponse};

use super::shared::{UNSEEN_TOPICS, check_all_seen, describe_group, text, topic_name};
use crate::broker::group::shard::Group;
use crate::broker::group::share::{ASSIGNOR_NAME, ShareGroup, ShareMember};
use crate::broker::metadata::{ApiError, MetadataImage};
use crate::broker::request::{RequestContext, Resource};

pub async fn handle(cx: &RequestContext, req: ShareGroupDescribeRequest) -> ShareGroupDescribeResponse {
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
    ShareGroupDescribeResponse::default().with_groups(groups.collect())
}

fn describe(cx: &RequestContext, image: &MetadataImage, group_id: &str) -> Result<DescribedGroup, ApiError> {
    let described = describe_group(cx, group_id, "share", |group| match group {
        Group::Share(group) => Some(described(group, image)),
        _ => None,
    })?;
    let named = described.members.iter().flat_map(|member| {
        let assigned = member.assignment.topic_partitions.iter();
        let assigned = assigned.map(|topic| topic.topic_name.as_str());
        assigned.chain(member.subscribed_topic_names.iter().map(|name| name.as_str()))
    });
    check_all_seen(cx, named, UNSEEN_TOPICS)?;
    Ok(described)
}

fn refused(error: ApiError) -> DescribedGroup {
    DescribedGroup::default()
        .with_error_code(error.code.code())
        .with_error_message(Some(text(&error.text())))
}

fn described(group: &ShareGroup, image: &MetadataImage) -> DescribedGroup {
    let members = group.members().map(|(member_id, m)| member(member_id, m, image));
    DescribedGroup::default()
        .with_group_state(text(group.state_name()))
        .with_group_epoch(group.epoch())
        .with_assignment_epoch(group.target_epoch())
        .with_assignor_name(text(ASSIGNOR_NAME))
        .with_members(members.collect())
}

fn member(member_id: &str, member: &ShareMember, image: &MetadataImage) -> Member {
    let metadata = &member.metadata;
    // Topics that are gone have no name to show, and are left out.
    let topics = member.assigned.iter().filter_map(|(topic_id, partitions)| {
        let topic = TopicPartitions::default()
            .with_topic_id(*topic_id)
            .with_topic_name(topic_name(&image.topic_by_id(*topic_id)?.name));
        Some(topic.with_partitions(partitions.iter().copied().collect()))
    });
    let subscribed = metadata.subscribed_topic_names.iter().map(|name| topic_name(name));
    Member::default()
        .with_member_id(text(member_id))
        .with_rack_id(metadata.rack_id.as_deref().map(text))
        .with_member_epoch(member.member_epoch)
        .with_client_id(text(&metadata.client_id))
        .with_client_host(text(&metadata.client_host))
        .with_subscribed_topic_names(subscribed.collect())
        .with_assignment(WireAssignment::default().with_topic_partitions(topics.collect()))
}
