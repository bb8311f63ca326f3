//! CreateAcls (30), v1-3: gives and takes rights. KIP-140, KIP-290.

use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::create_acls_response::AclCreationResult;
use kafka_protocol::messages::{CreateAclsRequest, CreateAclsResponse};

use super::shared::{check_acls_changeable, error_fields};
use crate::broker::acl::{Acl, manage};
use crate::broker::metadata::ApiError;
use crate::broker::request::RequestContext;

pub async fn handle(cx: &RequestContext, req: CreateAclsRequest) -> CreateAclsResponse {
    let acls: Vec<Acl> = req.creations.iter().map(acl).collect();
    if !acls.iter().all(Acl::is_known) {
        // As Kafka does with a request it cannot read.
        cx.close_connection();
        return CreateAclsResponse::default();
    }
    let results = create(cx, &acls).unwrap_or_else(|e| vec![Err(e); acls.len()]);
    let row = |result: &Result<(), ApiError>| {
        let (code, message) = error_fields(result.as_ref().err());
        AclCreationResult::default()
            .with_error_code(code)
            .with_error_message(message)
    };
    CreateAclsResponse::default().with_results(results.iter().map(row).collect())
}

fn create(cx: &RequestContext, acls: &[Acl]) -> Result<Vec<Result<(), ApiError>>, ApiError> {
    check_acls_changeable(cx)?;
    cx.node
        .controller()
        .change(|image| Ok(manage::create(&image.acls, acls)))
}

fn acl(creation: &AclCreation) -> Acl {
    Acl {
        resource_type: creation.resource_type,
        resource_name: creation.resource_name.to_string(),
        pattern_type: creation.resource_pattern_type,
        principal: creation.principal.to_string(),
        host: creation.host.to_string(),
        operation: creation.operation,
        permission: creation.permission_type,
    }
}
