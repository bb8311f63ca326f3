//! An ACL and a filter of ACLs (Kafka: `AclBinding`, `AclBindingFilter`). The numbers are those of the wire and of
//! records, so that ACLs other controllers wrote are kept as they are.

/// What rights are given on (Kafka: `ResourceType`).
pub mod resource_type {
    pub const ANY: i8 = 1;
    pub const TOPIC: i8 = 2;
    pub const GROUP: i8 = 3;
    pub const CLUSTER: i8 = 4;
    pub const TRANSACTIONAL_ID: i8 = 5;
    pub const DELEGATION_TOKEN: i8 = 6;
    pub const USER: i8 = 7;
}

/// How a resource's name is read (Kafka: `PatternType`).
pub mod pattern_type {
    pub const ANY: i8 = 1;
    pub const MATCH: i8 = 2;
    pub const LITERAL: i8 = 3;
    pub const PREFIXED: i8 = 4;
}

/// Kafka: `AclPermissionType`.
pub mod permission {
    pub const ANY: i8 = 1;
    pub const DENY: i8 = 2;
    pub const ALLOW: i8 = 3;
}

/// Kafka: `AclOperation`; the operations one can ask for are [`crate::broker::request::Operation`].
pub mod operation {
    pub const ANY: i8 = 1;
    pub const ALL: i8 = 2;
    pub const LAST: i8 = 15;
}

/// Any name, host, or user.
pub const WILDCARD: &str = "*";
/// Any user, as a principal.
pub const WILDCARD_PRINCIPAL: &str = "User:*";
/// The name of the only cluster there is.
pub const CLUSTER_NAME: &str = "kafka-cluster";

/// One right that is given or taken away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Acl {
    pub resource_type: i8,
    pub resource_name: String,
    pub pattern_type: i8,
    /// `TYPE:NAME`.
    pub principal: String,
    pub host: String,
    pub operation: i8,
    pub permission: i8,
}

/// Which ACLs; `None` and `ANY` are all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclFilter {
    pub resource_type: i8,
    pub resource_name: Option<String>,
    pub pattern_type: i8,
    pub principal: Option<String>,
    pub host: Option<String>,
    pub operation: i8,
    pub permission: i8,
}

/// Whether Kafka has a name for each of the numbers; those without are `UNKNOWN` to it, as is 0.
fn all_known(resource_type: i8, pattern_type: i8, operation: i8, permission: i8) -> bool {
    (1..=resource_type::USER).contains(&resource_type)
        && (1..=pattern_type::PREFIXED).contains(&pattern_type)
        && (1..=operation::LAST).contains(&operation)
        && (1..=permission::ALLOW).contains(&permission)
}

impl Acl {
    pub fn is_known(&self) -> bool {
        all_known(self.resource_type, self.pattern_type, self.operation, self.permission)
    }
}

impl AclFilter {
    pub fn is_known(&self) -> bool {
        all_known(self.resource_type, self.pattern_type, self.operation, self.permission)
    }

    /// The ACLs Kafka means by this filter: `MATCH` is every pattern that covers the name.
    pub fn matches(&self, acl: &Acl) -> bool {
        let is = |wanted: i8, any: i8, value: i8| wanted == any || wanted == value;
        let same = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|w| w == value);
        is(self.resource_type, resource_type::ANY, acl.resource_type)
            && is(self.operation, operation::ANY, acl.operation)
            && is(self.permission, permission::ANY, acl.permission)
            && same(&self.principal, &acl.principal)
            && same(&self.host, &acl.host)
            && self.matches_pattern(acl)
    }

    fn matches_pattern(&self, acl: &Acl) -> bool {
        if self.pattern_type != pattern_type::MATCH {
            let of_type = self.pattern_type == pattern_type::ANY || self.pattern_type == acl.pattern_type;
            return of_type && self.resource_name.as_deref().is_none_or(|n| n == acl.resource_name);
        }
        let Some(name) = &self.resource_name else { return true };
        match acl.pattern_type {
            pattern_type::PREFIXED => name.starts_with(&acl.resource_name),
            _ => *name == acl.resource_name || acl.resource_name == WILDCARD,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(pattern: i8, name: &str) -> Acl {
        Acl {
            resource_type: resource_type::TOPIC,
            resource_name: name.to_owned(),
            pattern_type: pattern,
            principal: "User:a".to_owned(),
            host: "*".to_owned(),
            operation: 3,
            permission: permission::ALLOW,
        }
    }

    #[test]
    fn filters_by_pattern() {
        let filter = |pattern_type, name: Option<&str>| AclFilter {
            resource_type: resource_type::ANY,
            resource_name: name.map(str::to_owned),
            pattern_type,
            principal: None,
            host: None,
            operation: operation::ANY,
            permission: permission::ANY,
        };
        use pattern_type::{ANY, LITERAL, MATCH, PREFIXED};
        let all = [
            acl(LITERAL, "foo"),
            acl(LITERAL, "*"),
            acl(PREFIXED, "fo"),
            acl(PREFIXED, "x"),
        ];
        let count = |f: AclFilter| all.iter().filter(|a| f.matches(a)).count();
        assert_eq!(count(filter(ANY, None)), 4);
        assert_eq!(count(filter(MATCH, None)), 4);
        assert_eq!(count(filter(MATCH, Some("foo"))), 3);
        assert_eq!(count(filter(LITERAL, Some("foo"))), 1);
        assert_eq!(count(filter(ANY, Some("fo"))), 1);
        assert_eq!(count(filter(PREFIXED, None)), 2);
        assert_eq!(
            count(AclFilter {
                principal: Some("User:b".into()),
                ..filter(ANY, None)
            }),
            0
        );
    }
}
