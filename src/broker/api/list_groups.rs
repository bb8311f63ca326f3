//! ListGroups (16), v0-5. The groups this broker coordinates; v4 filters by state, v5 by type.

use std::collections::HashSet;

use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{ListGroupsRequest, ListGroupsResponse};
use kafka_protocol::protocol::StrBytes;

use crate::broker::request::{Operation, RequestContext, Resource};

/// v4 shows states.
const STATES: i16 = 4;
/// v5 shows types.
const TYPES: i16 = 5;

pub async fn handle(cx: &RequestContext, req: ListGroupsRequest) -> ListGroupsResponse {
    let sees_all = cx.authorize(Operation::Describe, Resource::Cluster).is_ok();
    let listed = match cx
        .node
        .groups()
        .list_groups(&lower(&req.states_filter), &lower(&req.types_filter))
    {
        Ok(listed) => listed,
        Err(code) => return ListGroupsResponse::default().with_error_code(code.code()),
    };
    let visible = listed.into_iter().filter(|group| {
        sees_all
            || cx
                .authorize(Operation::Describe, Resource::Group(&group.group_id))
                .is_ok()
    });
    let groups = visible.map(|group| {
        let mut row = ListedGroup::default()
            .with_group_id(StrBytes::from_string(group.group_id).into())
            .with_protocol_type(group.protocol_type.into());
        if cx.api_version >= STATES {
            row.group_state = group.state.into();
        }
        if cx.api_version >= TYPES {
            row.group_type = group.group_type.into();
        }
        row
    });
    ListGroupsResponse::default().with_groups(groups.collect())
}

/// Filters match whatever the case.
fn lower(filter: &[StrBytes]) -> HashSet<String> {
    filter.iter().map(|text| text.trim().to_ascii_lowercase()).collect()
}
