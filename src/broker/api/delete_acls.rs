//! DeleteAcls (31), v1-3: removes the ACLs that filters match, and tells which. KIP-140, KIP-290.

use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::delete_acls_response::{DeleteAclsFilterResult, DeleteAclsMatchingAcl};
use kafka_protocol::messages::{DeleteAclsRequest, DeleteAclsResponse};
use kafka_protocol::protocol::StrBytes;

use super::shared::{check_acls_changeable, error_fields, text};
use crate::broker::acl::{Acl, AclFilter, manage};
use crate::broker::metadata::ApiError;
use crate::broker::request::RequestContext;

pub async fn handle(cx: &RequestContext, req: DeleteAclsRequest) -> DeleteAclsResponse {
    let filters: Vec<AclFilter> = req.filters.iter().map(filter).collect();
    if !filters.iter().all(AclFilter::is_known) {
        // As Kafka does with a request it cannot read.
        cx.close_connection();
        return DeleteAclsResponse::default();
    }
    let rows = match delete(cx, &filters) {
        Ok(matched) => matched
            .iter()
            .map(|acls| {
                DeleteAclsFilterResult::default()
                    .with_error_message(None)
                    .with_matching_acls(acls.iter().map(matching).collect())
            })
            .collect(),
        Err(e) => {
            let (code, message) = error_fields(Some(&e));
            let row = DeleteAclsFilterResult::default()
                .with_error_code(code)
                .with_error_message(message);
            vec![row; filters.len()]
        }
    };
    DeleteAclsResponse::default().with_filter_results(rows)
}

fn delete(cx: &RequestContext, filters: &[AclFilter]) -> Result<Vec<Vec<Acl>>, ApiError> {
    check_acls_changeable(cx)?;
    cx.node
        .controller()
        .change(|image| manage::delete(&image.acls, filters))
}

fn filter(wanted: &DeleteAclsFilter) -> AclFilter {
    let owned = |text: &Option<StrBytes>| text.as_ref().map(ToString::to_string);
    AclFilter {
        resource_type: wanted.resource_type_filter,
        resource_name: owned(&wanted.resource_name_filter),
        pattern_type: wanted.pattern_type_filter,
        principal: owned(&wanted.principal_filter),
        host: owned(&wanted.host_filter),
        operation: wanted.operation,
        permission: wanted.permission_type,
    }
}

fn matching(acl: &Acl) -> DeleteAclsMatchingAcl {
    DeleteAclsMatchingAcl::default()
        .with_error_message(None)
        .with_resource_type(acl.resource_type)
        .with_resource_name(text(&acl.resource_name))
        .with_pattern_type(acl.pattern_type)
        .with_principal(text(&acl.principal))
        .with_host(text(&acl.host))
        .with_operation(acl.operation)
        .with_permission_type(acl.permission)
}
