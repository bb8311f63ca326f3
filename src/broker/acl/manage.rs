//! Which records a change of ACLs takes (Kafka: `AclControlManager`, `AclApis`). Plans only.

use uuid::Uuid;

use super::authorizer::resource_type_name;
use super::binding::{Acl, AclFilter, CLUSTER_NAME, operation, pattern_type, permission, resource_type};
use super::image::AclsImage;
use crate::broker::metadata::{ApiError, MetadataRecord};
use crate::wire::ErrorCode;

/// Kafka's limit on the records one request may make.
const MAX_RECORDS: usize = 10_000;

fn refused<T>(why: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::new(ErrorCode::INVALID_REQUEST, why))
}

/// Checks a new ACL, with Kafka's texts.
///
/// # Errors
/// [`ErrorCode::INVALID_REQUEST`].
pub fn validate(acl: &Acl) -> Result<(), ApiError> {
    if acl.resource_type == resource_type::CLUSTER && acl.resource_name != CLUSTER_NAME {
        return refused(format!(
            "The only valid name for the CLUSTER resource is {CLUSTER_NAME}"
        ));
    }
    if acl.resource_name.is_empty() {
        return refused("Invalid empty resource name");
    }
    if acl.resource_type <= resource_type::ANY {
        return refused(format!(
            "Invalid resourceType {}",
            resource_type_name(acl.resource_type)
        ));
    }
    match acl.pattern_type {
        pattern_type::LITERAL | pattern_type::PREFIXED => {}
        pattern_type::MATCH => return refused("Invalid patternType MATCH"),
        pattern_type::ANY => return refused("Invalid patternType ANY"),
        _ => return refused("Invalid patternType UNKNOWN"),
    }
    if acl.operation <= operation::ANY {
        return refused("Invalid operation ANY");
    }
    if acl.permission <= permission::ANY {
        return refused("Invalid permissionType ANY");
    }
    if !acl.principal.contains(':') {
        return refused(format!(
            "Could not parse principal from `{}` (no colon is present separating the principal type from the principal \
             name)",
            acl.principal
        ));
    }
    Ok(())
}

/// Records for the ACLs that are valid and not there yet, and a result for each; an ACL that is there is no error.
pub fn create(image: &AclsImage, acls: &[Acl]) -> (Vec<MetadataRecord>, Vec<Result<(), ApiError>>) {
    let mut fresh: Vec<&Acl> = Vec::new();
    let mut results = Vec::with_capacity(acls.len());
    for acl in acls {
        let result = validate(acl);
        if result.is_ok() && !image.contains(acl) && !fresh.contains(&acl) {
            fresh.push(acl);
        }
        results.push(result);
    }
    let record = |acl: &Acl| MetadataRecord::AccessControlEntry {
        id: new_id(image),
        acl: acl.clone(),
    };
    (fresh.into_iter().map(record).collect(), results)
}

fn new_id(image: &AclsImage) -> Uuid {
    loop {
        let id = Uuid::new_v4();
        if !image.contains_id(id) {
            return id;
        }
    }
}

/// Records for the removal of what the filters match, and for each filter what it matched.
///
/// # Errors
/// More ACLs than one request may remove.
pub fn delete(image: &AclsImage, filters: &[AclFilter]) -> Result<(Vec<MetadataRecord>, Vec<Vec<Acl>>), ApiError> {
    let mut ids = std::collections::BTreeSet::new();
    let mut matched = Vec::with_capacity(filters.len());
    for filter in filters {
        let found: Vec<_> = image.iter().filter(|(_, acl)| filter.matches(acl)).collect();
        ids.extend(found.iter().map(|(id, _)| *id));
        if ids.len() > MAX_RECORDS {
            return Err(ApiError::new(
                ErrorCode::UNKNOWN_SERVER_ERROR,
                format!("Cannot remove more than {MAX_RECORDS} acls in a single delete operation."),
            ));
        }
        matched.push(found.into_iter().map(|(_, acl)| acl.clone()).collect());
    }
    let record = |id| MetadataRecord::RemoveAccessControlEntry { id };
    Ok((ids.into_iter().map(record).collect(), matched))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl() -> Acl {
        Acl {
            resource_type: resource_type::TOPIC,
            resource_name: "t".to_owned(),
            pattern_type: pattern_type::LITERAL,
            principal: "User:a".to_owned(),
            host: "*".to_owned(),
            operation: 3,
            permission: permission::ALLOW,
        }
    }

    #[test]
    fn refusals_read_as_in_kafka() {
        let why = |change: fn(&mut Acl)| {
            let mut acl = acl();
            change(&mut acl);
            validate(&acl).unwrap_err().text()
        };
        assert_eq!(why(|a| a.resource_type = 1), "Invalid resourceType ANY");
        assert_eq!(why(|a| a.pattern_type = 2), "Invalid patternType MATCH");
        assert_eq!(why(|a| a.operation = 1), "Invalid operation ANY");
        assert_eq!(why(|a| a.permission = 1), "Invalid permissionType ANY");
        assert_eq!(why(|a| a.resource_name.clear()), "Invalid empty resource name");
        let cluster = why(|a| a.resource_type = resource_type::CLUSTER);
        assert_eq!(cluster, "The only valid name for the CLUSTER resource is kafka-cluster");
        assert_eq!(
            why(|a| a.principal = "alice".into()),
            "Could not parse principal from `alice` (no colon is present separating the principal type from the \
             principal name)"
        );
    }

    #[test]
    fn an_acl_is_made_once_and_removed_once() {
        let mut image = AclsImage::default();
        let (records, results) = create(&image, &[acl(), acl()]);
        assert_eq!((records.len(), results), (1, vec![Ok(()), Ok(())]));
        let MetadataRecord::AccessControlEntry { id, acl: made } = records[0].clone() else {
            panic!("{records:?}")
        };
        image.add(id, made);
        assert!(create(&image, &[acl()]).0.is_empty());
        let all = AclFilter {
            resource_type: resource_type::ANY,
            resource_name: None,
            pattern_type: pattern_type::ANY,
            principal: None,
            host: None,
            operation: operation::ANY,
            permission: permission::ANY,
        };
        let (records, matched) = delete(&image, &[all.clone(), all]).unwrap();
        assert_eq!(records, [MetadataRecord::RemoveAccessControlEntry { id }]);
        assert_eq!(matched, [vec![acl()], vec![acl()]]);
    }
}
