//! ACLs, SCRAM users and tokens in the metadata: Apache Kafka reads what kt wrote, and kt what Apache Kafka wrote.

use kafka_protocol::messages::{CreateAclsRequest, DescribeAclsRequest};

use super::granted::{ALLOW, DENY, LITERAL, PREFIXED, topic_acl};
use super::{AUTHORIZER, text};
use crate::api::tokens;
use crate::support::broker::Broker;
use crate::support::kafka::{self, Kafka};
use crate::support::wire::Wire;

const SUPER_USERS: (&str, &str) = ("super.users", "User:ANONYMOUS;User:alice");
/// Every change makes a snapshot.
const SNAPSHOTS: (&str, &str) = ("metadata.log.max.record.bytes.between.snapshots", "100");

fn add(wire: &mut Wire, name: &str) {
    let acls = vec![
        topic_acl(LITERAL, name, 3, ALLOW),
        topic_acl(PREFIXED, name, 4, DENY).with_principal(text("User:bob")),
    ];
    let results = wire.call(&CreateAclsRequest::default().with_creations(acls), 3).results;
    assert!(results.iter().all(|r| r.error_code == 0), "{results:?}");
}

/// All ACLs, in order.
fn list(wire: &mut Wire) -> Vec<String> {
    let request = DescribeAclsRequest::default()
        .with_resource_type_filter(1)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(1)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(1)
        .with_permission_type(1);
    let answer = wire.call(&request, 3);
    assert_eq!(answer.error_code, 0);
    let mut rows = Vec::new();
    for r in &answer.resources {
        rows.extend(r.acls.iter().map(|a| {
            let (who, what) = (&a.principal, (a.operation, a.permission_type));
            format!(
                "{} {} {} {who} {what:?}",
                r.resource_type, r.resource_name, r.pattern_type
            )
        }));
    }
    rows.sort();
    rows
}

#[test]
fn rights_move_between_kafka_and_kt() {
    if !kafka::available() {
        return;
    }
    let settings = [AUTHORIZER, SUPER_USERS, SNAPSHOTS].map(|(k, v)| format!("{k}={v}"));
    let work = tempfile::tempdir().expect("a temp dir");
    let data = work.path().join("data");

    let kafka = Kafka::start(1, &settings);
    let mut wire = Wire::connect(&kafka.brokers[0]);
    add(&mut wire, "of-kafka");
    let written = list(&mut wire);
    assert_eq!(written.len(), 2);
    kafka.kill_nodes();
    std::process::Command::new("cp")
        .arg("-r")
        .args([kafka.data_dir(1), data.clone()])
        .status()
        .expect("cp");
    drop(kafka);

    let users = r#"org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret";"#;
    let kt = Broker::on(
        &data,
        &[
            AUTHORIZER,
            SUPER_USERS,
            SNAPSHOTS,
            ("listeners", "SASL_PLAINTEXT://127.0.0.1:0"),
            ("sasl.enabled.mechanisms", "PLAIN"),
            ("listener.name.sasl_plaintext.plain.sasl.jaas.config", users),
            ("delegation.token.secret.key", "token-secret"),
        ],
    )
    .expect("kt broker on Kafka's data");
    let mut wire = tokens::as_user(&kt, "alice");
    assert_eq!(list(&mut wire), written);
    add(&mut wire, "of-kt");
    let (code, ..) = tokens::create(&mut wire, &["bob"], None);
    assert_eq!(code, 0);
    let grown = list(&mut wire);
    assert_eq!(grown.len(), 4);
    assert_eq!(kt.stop(), Some(0));

    let kafka = Kafka::on(&data, &settings);
    assert_eq!(list(&mut Wire::connect(&kafka.brokers[0])), grown);
}
