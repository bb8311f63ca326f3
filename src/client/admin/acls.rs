//! Access control lists (KIP-140, KIP-290). Types, operations and permissions are Kafka's numbers; their names are the
//! tools' business.

use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse, DescribeAclsRequest,
    DescribeAclsResponse,
};

use super::*;

/// Kafka: `AclBinding`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AclBinding {
    /// `ResourceType`: 2 topic, 3 group, 4 cluster, 5 transactional id, 6 delegation token, 7 user.
    pub resource_type: i8,
    pub resource_name: String,
    /// `PatternType`: 3 literal, 4 prefixed.
    pub pattern_type: i8,
    /// `User:alice`
    pub principal: String,
    /// `*` or an address.
    pub host: String,
    /// `AclOperation`: 2 all, 3 read, 4 write, 5 create, 6 delete, 7 alter, 8 describe, ...
    pub operation: i8,
    /// `AclPermissionType`: 2 deny, 3 allow.
    pub permission_type: i8,
}

/// Kafka: `AclBindingFilter`. Number 1 is ANY, `None` any text; pattern type 2 is MATCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclBindingFilter {
    pub resource_type: i8,
    pub resource_name: Option<String>,
    pub pattern_type: i8,
    pub principal: Option<String>,
    pub host: Option<String>,
    pub operation: i8,
    pub permission_type: i8,
}

impl AclBindingFilter {
    /// Kafka: `AclBindingFilter.ANY`.
    pub const ANY: AclBindingFilter = AclBindingFilter {
        resource_type: 1,
        resource_name: None,
        pattern_type: 1,
        principal: None,
        host: None,
        operation: 1,
        permission_type: 1,
    };
}

impl Admin {
    /// Kafka: `describeAcls`.
    ///
    /// # Errors
    /// Those of every call; `SECURITY_DISABLED` without an authorizer.
    pub async fn describe_acls(&self, filter: &AclBindingFilter) -> Result<Vec<AclBinding>, AdminError> {
        let make = |_| {
            DescribeAclsRequest::default()
                .with_resource_type_filter(filter.resource_type)
                .with_resource_name_filter(filter.resource_name.as_deref().map(text))
                .with_pattern_type_filter(filter.pattern_type)
                .with_principal_filter(filter.principal.as_deref().map(text))
                .with_host_filter(filter.host.as_deref().map(text))
                .with_operation(filter.operation)
                .with_permission_type(filter.permission_type)
        };
        let judge = |r: &DescribeAclsResponse| judge_codes([r.error_code]);
        let answer = self
            .request("describeAcls", self.any_or_controller(), make, judge)
            .await?;
        ApiError::check(answer.error_code, answer.error_message.as_deref())?;
        let mut out = Vec::new();
        for resource in &answer.resources {
            for acl in &resource.acls {
                out.push(AclBinding {
                    resource_type: resource.resource_type,
                    resource_name: resource.resource_name.to_string(),
                    pattern_type: resource.pattern_type,
                    principal: acl.principal.to_string(),
                    host: acl.host.to_string(),
                    operation: acl.operation,
                    permission_type: acl.permission_type,
                });
            }
        }
        Ok(out)
    }

    /// Kafka: `createAcls`.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn create_acls(&self, acls: &[AclBinding]) -> Result<Items<AclBinding, ()>, AdminError> {
        let creation = |a: &AclBinding| {
            AclCreation::default()
                .with_resource_type(a.resource_type)
                .with_resource_name(text(&a.resource_name))
                .with_resource_pattern_type(a.pattern_type)
                .with_principal(text(&a.principal))
                .with_host(text(&a.host))
                .with_operation(a.operation)
                .with_permission_type(a.permission_type)
        };
        let make = |_| CreateAclsRequest::default().with_creations(acls.iter().map(creation).collect());
        let judge = |r: &CreateAclsResponse| judge_codes(r.results.iter().map(|c| c.error_code));
        let answer = self
            .request("createAcls", self.any_or_controller(), make, judge)
            .await?;
        let missing = "The broker reported no creation result for the given ACL.";
        let outcome = |i: usize| match answer.results.get(i) {
            Some(r) => ApiError::check(r.error_code, r.error_message.as_deref()),
            None => Err(ApiError::with_text(ErrorCode::UNKNOWN_SERVER_ERROR, missing)),
        };
        Ok(acls.iter().enumerate().map(|(i, a)| (a.clone(), outcome(i))).collect())
    }

    /// Kafka: `deleteAcls`: what each filter matched, each with its own outcome; one result for each filter.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn delete_acls(
        &self,
        filters: &[AclBindingFilter],
    ) -> Result<Vec<Result<Items<AclBinding, ()>, ApiError>>, AdminError> {
        let wire = |f: &AclBindingFilter| {
            DeleteAclsFilter::default()
                .with_resource_type_filter(f.resource_type)
                .with_resource_name_filter(f.resource_name.as_deref().map(text))
                .with_pattern_type_filter(f.pattern_type)
                .with_principal_filter(f.principal.as_deref().map(text))
                .with_host_filter(f.host.as_deref().map(text))
                .with_operation(f.operation)
                .with_permission_type(f.permission_type)
        };
        let make = |_| DeleteAclsRequest::default().with_filters(filters.iter().map(wire).collect());
        let judge = |r: &DeleteAclsResponse| judge_codes(r.filter_results.iter().map(|f| f.error_code));
        let answer = self
            .request("deleteAcls", self.any_or_controller(), make, judge)
            .await?;
        let outcome = |i: usize| {
            let missing = "The broker reported no deletion result for the given filter.";
            let result = answer.filter_results.get(i);
            let result = result.ok_or_else(|| ApiError::with_text(ErrorCode::UNKNOWN_SERVER_ERROR, missing))?;
            ApiError::check(result.error_code, result.error_message.as_deref())?;
            let binding = |m: &kafka_protocol::messages::delete_acls_response::DeleteAclsMatchingAcl| AclBinding {
                resource_type: m.resource_type,
                resource_name: m.resource_name.to_string(),
                pattern_type: m.pattern_type,
                principal: m.principal.to_string(),
                host: m.host.to_string(),
                operation: m.operation,
                permission_type: m.permission_type,
            };
            let matching = result.matching_acls.iter();
            Ok(matching
                .map(|m| (binding(m), ApiError::check(m.error_code, m.error_message.as_deref())))
                .collect())
        };
        Ok((0..filters.len()).map(outcome).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_real_cluster_without_authorizer_says_so() {
        let Some(admin) = live::admin().await else { return };
        let e = admin.describe_acls(&AclBindingFilter::ANY).await.unwrap_err();
        assert_eq!(e.code, ErrorCode::SECURITY_DISABLED);
    }
}
