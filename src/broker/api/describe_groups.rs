//! DescribeGroups (15), v0-6. State and members of classic groups. What does not exist is `Dead`; v6 also says so with
//! GROUP_ID_NOT_FOUND (KIP-1043).

use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse};

use crate::broker::group::classic::{ClassicGroup, State};
use crate::broker::group::shard::Group;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::error::ErrorCode;

/// v3 can ask for the operations the client may do.
const AUTHORIZED_OPERATIONS: i16 = 3;
/// v6 has an error for groups that do not exist.
const GROUP_ID_NOT_FOUND: i16 = 6;

pub async fn handle(cx: &RequestContext, req: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let with_operations = cx.api_version >= AUTHORIZED_OPERATIONS && req.include_authorized_operations;
    let groups = req.groups.into_iter().map(|group_id| {
        let mut described = describe(cx, &group_id).with_group_id(group_id);
        if with_operations && described.error_code == 0 {
            described.authorized_operations = cx.authorized_operations(Resource::Group(&described.group_id));
        }
        described
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

fn describe(cx: &RequestContext, group_id: &str) -> DescribedGroup {
    let described = match cx.authorize(Operation::Describe, Resource::Group(group_id)) {
        Err(denied) => Err(denied.code),
        Ok(()) => cx.node.groups().describe_group(group_id, |group| match group {
            Some(Group::Classic(group)) => described(group),
            Some(_) => not_found(cx.api_version, format!("Group {group_id} is not a classic group.")),
            None => not_found(cx.api_version, format!("Group {group_id} not found.")),
        }),
    };
    described.unwrap_or_else(|code| DescribedGroup::default().with_error_code(code.code()))
}

fn not_found(version: i16, message: String) -> DescribedGroup {
    let described = DescribedGroup::default().with_group_state(State::Dead.name().into());
    if version < GROUP_ID_NOT_FOUND {
        return described;
    }
    described
        .with_error_code(ErrorCode::GROUP_ID_NOT_FOUND.code())
        .with_error_message(Some(message.into()))
}

/// Protocol and subscriptions are shown of stable groups only; during a rebalance they are about to change.
fn described(group: &ClassicGroup) -> DescribedGroup {
    let protocol = group.protocol_name().filter(|_| group.state() == State::Stable);
    let members = group.members().map(|member| {
        let metadata = protocol.and_then(|protocol| member.metadata(protocol));
        DescribedGroupMember::default()
            .with_member_id(member.member_id.clone().into())
            .with_group_instance_id(member.instance_id.clone().map(Into::into))
            .with_client_id(member.client_id.clone().into())
            .with_client_host(member.client_host.clone().into())
            .with_member_metadata(metadata.cloned().unwrap_or_default())
            .with_member_assignment(member.assignment.clone())
    });
    DescribedGroup::default()
        .with_group_state(group.state().name().into())
        .with_protocol_type(group.protocol_type().to_owned().into())
        .with_protocol_data(protocol.unwrap_or_default().to_owned().into())
        .with_members(members.collect())
}
