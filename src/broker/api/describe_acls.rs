//! DescribeAcls (29), v1-3: the ACLs a filter matches, by resource. KIP-140, KIP-290.

use std::collections::BTreeMap;

use kafka_protocol::messages::describe_acls_response::{AclDescription, DescribeAclsResource};
use kafka_protocol::messages::{DescribeAclsRequest, DescribeAclsResponse};
use kafka_protocol::protocol::StrBytes;

use super::shared::{error_fields, text};
use crate::broker::acl::{Acl, AclFilter};
use crate::broker::metadata::ApiError;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: DescribeAclsRequest) -> DescribeAclsResponse {
    let filter = filter(&req);
    if !filter.is_known() {
        // As Kafka does with a request it cannot read.
        cx.close_connection();
        return DescribeAclsResponse::default();
    }
    match describe(cx, &filter) {
        Ok(resources) => DescribeAclsResponse::default()
            .with_error_message(None)
            .with_resources(resources),
        Err(e) => {
            let (code, message) = error_fields(Some(&e));
            DescribeAclsResponse::default()
                .with_error_code(code)
                .with_error_message(message)
        }
    }
}

fn describe(cx: &RequestContext, filter: &AclFilter) -> Result<Vec<DescribeAclsResource>, ApiError> {
    cx.authorize(Operation::Describe, Resource::Cluster)?;
    if cx.node.authorizer().is_none() {
        let why = "No Authorizer is configured on the broker";
        return Err(ApiError::new(ErrorCode::SECURITY_DISABLED, why));
    }
    let image = cx.image();
    let mut resources: BTreeMap<(i8, &str, i8), Vec<AclDescription>> = BTreeMap::new();
    for (_, acl) in image.acls.iter().filter(|(_, acl)| filter.matches(acl)) {
        let resource = (acl.resource_type, acl.resource_name.as_str(), acl.pattern_type);
        resources.entry(resource).or_default().push(row(acl));
    }
    let resource = |((kind, name, pattern), acls): ((i8, &str, i8), Vec<AclDescription>)| {
        DescribeAclsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_pattern_type(pattern)
            .with_acls(acls)
    };
    Ok(resources.into_iter().map(resource).collect())
}

fn filter(req: &DescribeAclsRequest) -> AclFilter {
    let owned = |text: &Option<StrBytes>| text.as_ref().map(ToString::to_string);
    AclFilter {
        resource_type: req.resource_type_filter,
        resource_name: owned(&req.resource_name_filter),
        pattern_type: req.pattern_type_filter,
        principal: owned(&req.principal_filter),
        host: owned(&req.host_filter),
        operation: req.operation,
        permission: req.permission_type,
    }
}

fn row(acl: &Acl) -> AclDescription {
    AclDescription::default()
        .with_principal(text(&acl.principal))
        .with_host(text(&acl.host))
        .with_operation(acl.operation)
        .with_permission_type(acl.permission)
}
