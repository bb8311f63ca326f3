//! The decision (Kafka: `StandardAuthorizerData`): super users may do all; else one DENY is enough to refuse, one ALLOW is
//! needed to allow, and where no ACL speaks of the resource `allow.everyone.if.no.acl.found` counts.

use std::collections::HashSet;
use std::net::IpAddr;

use super::binding::{Acl, WILDCARD, WILDCARD_PRINCIPAL, operation, pattern_type, permission, resource_type};
use super::image::AclsImage;
use crate::broker::config::{BrokerConfig, ConfigError};
use crate::broker::request::Operation;

/// The only authorizer there is.
pub const STANDARD_AUTHORIZER: &str = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";

/// What the configuration says of authorization.
#[derive(Debug, Clone, Default)]
pub struct Authorizer {
    super_users: HashSet<String>,
    allow_if_no_acl: bool,
}

/// Who asks, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Requester<'a> {
    /// `TYPE:NAME`.
    pub principal: &'a str,
    pub host: IpAddr,
}

impl Authorizer {
    /// The authorizer the configuration asks for; `None` if it asks for none, which allows everything.
    ///
    /// # Errors
    /// An `authorizer.class.name` that is not Kafka's own, or a super user that is no principal.
    pub fn new(config: &BrokerConfig) -> Result<Option<Self>, ConfigError> {
        match config.str("authorizer.class.name").unwrap_or_default().trim() {
            "" => return Ok(None),
            STANDARD_AUTHORIZER => {}
            other => {
                return Err(ConfigError(format!(
                    "authorizer.class.name={other}: only {STANDARD_AUTHORIZER} can be had"
                )));
            }
        }
        let text = |key: &str| config.statics().get(key).map(|v| v.trim()).unwrap_or_default();
        let mut super_users = HashSet::new();
        for user in text("super.users").split(';').map(str::trim).filter(|u| !u.is_empty()) {
            if !user.contains(':') {
                return Err(ConfigError(format!(
                    "expected a string in format principalType:principalName but got {user}"
                )));
            }
            super_users.insert(user.to_owned());
        }
        Ok(Some(Self {
            super_users,
            allow_if_no_acl: text("allow.everyone.if.no.acl.found").eq_ignore_ascii_case("true"),
        }))
    }

    /// Whether the requester may do this with the resource of that name.
    pub fn is_allowed(
        &self,
        acls: &AclsImage,
        who: Requester<'_>,
        op: Operation,
        (resource_type, name): (i8, &str),
    ) -> bool {
        if self.super_users.contains(who.principal) {
            return true;
        }
        let host = who.host.to_string();
        let (mut is_mentioned, mut is_allowed) = (false, false);
        for acl in acls.matching(resource_type, name) {
            is_mentioned = true;
            match verdict(acl, who.principal, &host, op as i8) {
                Some(permission::DENY) => return false,
                Some(_) => is_allowed = true,
                None => {}
            }
        }
        if is_mentioned { is_allowed } else { self.allow_if_no_acl }
    }

    /// Whether the requester may do this with at least one resource of a type, whichever it is (KIP-679).
    pub fn is_allowed_somewhere(&self, acls: &AclsImage, who: Requester<'_>, op: Operation, resource_type: i8) -> bool {
        // A name nobody has: what holds for it holds for names without ACLs of their own.
        if self.is_allowed(acls, who, op, (resource_type, "hardcode")) {
            return true;
        }
        let host = who.host.to_string();
        let concerns = |acl: &&Acl| {
            applies(acl, who.principal, &host) && (acl.operation == op as i8 || acl.operation == operation::ALL)
        };
        let (denied, allowed): (Vec<&Acl>, Vec<&Acl>) = acls
            .of_type(resource_type)
            .filter(concerns)
            .partition(|acl| acl.permission == permission::DENY);
        let covers = |denied: &Acl, name: &str, is_prefix: bool| match denied.pattern_type {
            pattern_type::PREFIXED => name.starts_with(&denied.resource_name),
            _ => denied.resource_name == WILDCARD || (!is_prefix && denied.resource_name == name),
        };
        allowed.iter().any(|acl| {
            let is_prefix = acl.pattern_type == pattern_type::PREFIXED;
            !denied.iter().any(|d| covers(d, &acl.resource_name, is_prefix))
        })
    }
}

fn applies(acl: &Acl, principal: &str, host: &str) -> bool {
    (acl.principal == principal || acl.principal == WILDCARD_PRINCIPAL) && (acl.host == WILDCARD || acl.host == host)
}

/// What an ACL of the right resource says: its permission, or nothing.
fn verdict(acl: &Acl, principal: &str, host: &str, op: i8) -> Option<i8> {
    const DESCRIBE: i8 = Operation::Describe as i8;
    const DESCRIBE_CONFIGS: i8 = Operation::DescribeConfigs as i8;
    const IMPLY_DESCRIBE: [i8; 5] = [
        DESCRIBE,
        Operation::Read as i8,
        Operation::Write as i8,
        Operation::Delete as i8,
        Operation::Alter as i8,
    ];
    const IMPLY_DESCRIBE_CONFIGS: [i8; 2] = [DESCRIBE_CONFIGS, Operation::AlterConfigs as i8];
    let speaks_of = match op {
        _ if acl.operation == operation::ALL => true,
        // Who may read may describe; who may not read may yet describe.
        DESCRIBE if acl.permission == permission::ALLOW => IMPLY_DESCRIBE.contains(&acl.operation),
        DESCRIBE_CONFIGS if acl.permission == permission::ALLOW => IMPLY_DESCRIBE_CONFIGS.contains(&acl.operation),
        op => acl.operation == op,
    };
    (speaks_of && applies(acl, principal, host)).then_some(acl.permission)
}

/// The name of a type of resource in Kafka's texts; others are `UNKNOWN`.
pub fn resource_type_name(code: i8) -> &'static str {
    match code {
        resource_type::ANY => "ANY",
        resource_type::TOPIC => "TOPIC",
        resource_type::GROUP => "GROUP",
        resource_type::CLUSTER => "CLUSTER",
        resource_type::TRANSACTIONAL_ID => "TRANSACTIONAL_ID",
        resource_type::DELEGATION_TOKEN => "DELEGATION_TOKEN",
        resource_type::USER => "USER",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::broker::config::Props;

    fn authorizer(extra: &[(&str, &str)]) -> Authorizer {
        let mut props = Props::from([("authorizer.class.name".to_owned(), STANDARD_AUTHORIZER.to_owned())]);
        props.extend(extra.iter().map(|(k, v)| (k.to_string(), v.to_string())));
        Authorizer::new(&BrokerConfig::new(props).unwrap()).unwrap().unwrap()
    }

    /// `ALLOW User:a READ TOPIC LITERAL name [host]`
    fn acls(lines: &[&str]) -> AclsImage {
        let mut image = AclsImage::default();
        for (at, line) in lines.iter().enumerate() {
            let words: Vec<&str> = line.split(' ').collect();
            let acl = Acl {
                permission: if words[0] == "DENY" {
                    permission::DENY
                } else {
                    permission::ALLOW
                },
                principal: words[1].to_owned(),
                operation: match words[2] {
                    "ALL" => operation::ALL,
                    "READ" => Operation::Read as i8,
                    "WRITE" => Operation::Write as i8,
                    "ALTER_CONFIGS" => Operation::AlterConfigs as i8,
                    other => panic!("{other}"),
                },
                resource_type: if words[3] == "TOPIC" {
                    resource_type::TOPIC
                } else {
                    resource_type::CLUSTER
                },
                pattern_type: if words[4] == "LITERAL" {
                    pattern_type::LITERAL
                } else {
                    pattern_type::PREFIXED
                },
                resource_name: words[5].to_owned(),
                host: words.get(6).unwrap_or(&"*").to_string(),
            };
            image.add(Uuid::from_u128(at as u128), acl);
        }
        image
    }

    fn may(image: &AclsImage, principal: &str, op: Operation, topic: &str) -> bool {
        let who = Requester {
            principal,
            host: [127, 0, 0, 1].into(),
        };
        authorizer(&[]).is_allowed(image, who, op, (resource_type::TOPIC, topic))
    }

    #[test]
    fn one_deny_outweighs_every_allow() {
        let image = acls(&[
            "ALLOW User:a ALL TOPIC LITERAL *",
            "ALLOW User:a READ TOPIC LITERAL secret",
            "DENY User:* READ TOPIC PREFIXED sec",
        ]);
        assert!(may(&image, "User:a", Operation::Read, "open"));
        assert!(!may(&image, "User:a", Operation::Read, "secret"));
        assert!(may(&image, "User:a", Operation::Write, "secret"));
        assert!(
            may(&image, "User:a", Operation::Describe, "secret"),
            "a DENY of READ is none of DESCRIBE"
        );
        assert!(!may(&image, "User:b", Operation::Write, "open"));
    }

    #[test]
    fn some_operations_imply_others() {
        let image = acls(&[
            "ALLOW User:a READ TOPIC LITERAL t",
            "ALLOW User:b ALTER_CONFIGS TOPIC LITERAL t",
        ]);
        assert!(may(&image, "User:a", Operation::Describe, "t"));
        assert!(!may(&image, "User:a", Operation::DescribeConfigs, "t"));
        assert!(may(&image, "User:b", Operation::DescribeConfigs, "t"));
        assert!(!may(&image, "User:b", Operation::Describe, "t"));
        let denied = acls(&["ALLOW User:a READ TOPIC LITERAL t", "DENY User:a WRITE TOPIC LITERAL t"]);
        assert!(may(&denied, "User:a", Operation::Describe, "t"));
    }

    #[test]
    fn hosts_and_strangers() {
        let image = acls(&[
            "ALLOW User:* READ TOPIC LITERAL t 127.0.0.1",
            "ALLOW User:a WRITE TOPIC LITERAL t 10.0.0.1",
        ]);
        assert!(may(&image, "User:whoever", Operation::Read, "t"));
        assert!(!may(&image, "User:a", Operation::Write, "t"));
        let who = Requester {
            principal: "User:a",
            host: [10, 0, 0, 1].into(),
        };
        assert!(authorizer(&[]).is_allowed(&image, who, Operation::Write, (resource_type::TOPIC, "t")));
    }

    #[test]
    fn without_acls_the_configuration_counts() {
        let who = |principal| Requester {
            principal,
            host: [127, 0, 0, 1].into(),
        };
        let image = acls(&["ALLOW User:a READ TOPIC LITERAL t"]);
        let open = authorizer(&[
            ("allow.everyone.if.no.acl.found", "true"),
            ("super.users", "User:root; User:CN=x,O=y"),
        ]);
        let may =
            |principal, topic| open.is_allowed(&image, who(principal), Operation::Read, (resource_type::TOPIC, topic));
        assert!(may("User:b", "other"));
        assert!(!may("User:b", "t"), "the topic has an ACL, if not this one");
        assert!(may("User:root", "t") && may("User:CN=x,O=y", "t"));
    }

    #[test]
    fn a_right_somewhere() {
        let somewhere = |lines: &[&str], principal| {
            let who = Requester {
                principal,
                host: [127, 0, 0, 1].into(),
            };
            authorizer(&[]).is_allowed_somewhere(&acls(lines), who, Operation::Write, resource_type::TOPIC)
        };
        assert!(somewhere(&["ALLOW User:a WRITE TOPIC LITERAL t"], "User:a"));
        assert!(!somewhere(&["ALLOW User:a WRITE TOPIC LITERAL t"], "User:b"));
        assert!(!somewhere(&["ALLOW User:a READ TOPIC LITERAL t"], "User:a"));
        let taken = [
            "ALLOW User:a WRITE TOPIC LITERAL team-t",
            "DENY User:a ALL TOPIC PREFIXED team",
        ];
        assert!(!somewhere(&taken, "User:a"));
        let part = [
            "ALLOW User:a WRITE TOPIC PREFIXED te",
            "DENY User:a ALL TOPIC PREFIXED team",
        ];
        assert!(somewhere(&part, "User:a"));
        assert!(!somewhere(
            &[
                "ALLOW User:a WRITE TOPIC PREFIXED te",
                "DENY User:a WRITE TOPIC LITERAL *"
            ],
            "User:a"
        ));
    }

    #[test]
    fn only_kafka_s_own_class() {
        let config = |class: &str| {
            BrokerConfig::new(Props::from([("authorizer.class.name".to_owned(), class.to_owned())])).unwrap()
        };
        assert!(Authorizer::new(&config("")).unwrap().is_none());
        assert!(Authorizer::new(&config("com.example.Mine")).is_err());
    }
}
