//! DeleteGroups (42), v0-2. Takes groups without members away, with their offsets; of share
//! groups also the state of what they consumed.

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};

use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::error::ErrorCode;

pub async fn handle(cx: &RequestContext, req: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut results = Vec::with_capacity(req.groups_names.len());
    for group_id in req.groups_names {
        let code = delete(cx, &group_id).await.err().unwrap_or(ErrorCode::NONE);
        results.push(
            DeletableGroupResult::default()
                .with_group_id(group_id)
                .with_error_code(code.code()),
        );
    }
    DeleteGroupsResponse::default().with_results(results)
}

async fn delete(cx: &RequestContext, group_id: &str) -> Result<(), ErrorCode> {
    cx.authorize(Operation::Delete, Resource::Group(group_id))
        .map_err(|denied| denied.code)?;
    let doomed = cx.node.groups().share_states_of(group_id)?;
    cx.node.groups().delete_group(group_id).await?;
    // What cannot be deleted now belongs to nobody, and is begun anew by a group of the same name.
    let _ = cx.node.shares().delete_states(group_id, &doomed);
    Ok(())
}
