//! ShareGroupDescribe (77), v1. State, epochs and members of share groups, with what each member fetches.

use kafka_protocol::messages::share_group_describe_response::{
    Assignment as WireAssignment, DescribedGroup, Member, TopicPartitions,
};
use kafka_protocol::messages::{ShareGroupDescribeRequest, ShareGroupDescribeResponse};

use super::shared::{may_describe_all, text, topic_name};
use crate::broker::group::shard::Group;
use crate::broker::group::share::{ASSIGNOR_NAME, ShareGroup, ShareMember};
use crate::broker::metadata::MetadataImage;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::error::ErrorCode;

pub async fn handle(cx: &RequestContext, req: ShareGroupDescribeRequest) -> ShareGroupDescribeResponse {
    let image = cx.image();
    let groups = req.group_ids.into_iter().map(|group_id| {
        let mut described = describe(cx, &image, &group_id).with_group_id(group_id);
        if req.include_authorized_operations && described.error_code == 0 {
            described.authorized_operations = cx.authorized_operations(Resource::Group(&described.group_id));
        }
        described
    });
    ShareGroupDescribeResponse::default().with_groups(groups.collect())
}

fn describe(cx: &RequestContext, image: &MetadataImage, group_id: &str) -> DescribedGroup {
    let error = |code: ErrorCode, message: String| {
        DescribedGroup::default()
            .with_error_code(code.code())
            .with_error_message(Some(message.into()))
    };
    if let Err(denied) = cx.authorize(Operation::Describe, Resource::Group(group_id)) {
        return error(denied.code, denied.text());
    }
    if group_id.is_empty() {
        let code = ErrorCode::INVALID_GROUP_ID;
        return error(code, code.message().to_owned());
    }
    let described = cx.node.groups().describe_group(group_id, |group| match group {
        Some(Group::Share(group)) => described(group, image),
        Some(_) => error(
            ErrorCode::GROUP_ID_NOT_FOUND,
            format!("Group {group_id} is not a share group."),
        ),
        None => error(ErrorCode::GROUP_ID_NOT_FOUND, format!("Group {group_id} not found.")),
    });
    let described: DescribedGroup = described.unwrap_or_else(|code| error(code, code.message().to_owned()));
    let mut named = described.members.iter().flat_map(|member| {
        let assigned = member.assignment.topic_partitions.iter();
        let assigned = assigned.map(|topic| topic.topic_name.as_str());
        assigned.chain(member.subscribed_topic_names.iter().map(|name| name.as_str()))
    });
    if !may_describe_all(cx, &mut named) {
        return error(
            ErrorCode::TOPIC_AUTHORIZATION_FAILED,
            "The group has described topic(s) that the client is not authorized to describe.".to_owned(),
        );
    }
    drop(named);
    described
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
