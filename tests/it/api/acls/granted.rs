//! ACLs made, listed, kept and removed over the wire, and what they allow.

use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest, DescribeClusterRequest, InitProducerIdRequest,
    MetadataRequest,
};

use super::{Guarded, TOPIC, TOPIC_DENIED, text, topic_name};
use crate::support::broker::Broker;
use crate::support::wire::Wire;

const READ: i8 = 3;
const WRITE: i8 = 4;
const DESCRIBE: i8 = 8;
pub(super) const LITERAL: i8 = 3;
pub(super) const PREFIXED: i8 = 4;
pub(super) const DENY: i8 = 2;
pub(super) const ALLOW: i8 = 3;

pub(super) fn topic_acl(pattern: i8, name: &str, operation: i8, permission: i8) -> AclCreation {
    AclCreation::default()
        .with_resource_type(2)
        .with_resource_name(text(name))
        .with_resource_pattern_type(pattern)
        .with_principal(text("User:ANONYMOUS"))
        .with_host(text("*"))
        .with_operation(operation)
        .with_permission_type(permission)
}

fn create(wire: &mut Wire, acls: Vec<AclCreation>) -> Vec<(i16, Option<String>)> {
    let results = wire.call(&CreateAclsRequest::default().with_creations(acls), 3).results;
    results
        .iter()
        .map(|r| (r.error_code, r.error_message.as_ref().map(ToString::to_string)))
        .collect()
}

fn describe_of(wire: &mut Wire, topic: &str) -> (i16, i32) {
    let wanted = MetadataRequestTopic::default().with_name(Some(topic_name(topic)));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![wanted]))
        .with_include_topic_authorized_operations(true);
    let answer = wire.call(&request, 12);
    (
        answer.topics[0].error_code,
        answer.topics[0].topic_authorized_operations,
    )
}

const OK: (i16, Option<String>) = (0, None);

#[test]
fn rights_are_kept_over_a_restart_and_taken_back() {
    let guarded = Guarded::open();
    let mut wire = Wire::connect(guarded.broker.bootstrap());
    let made = create(
        &mut wire,
        vec![
            topic_acl(PREFIXED, "den", READ, ALLOW),
            topic_acl(LITERAL, TOPIC, WRITE, ALLOW),
            topic_acl(LITERAL, TOPIC, WRITE, DENY),
            topic_acl(PREFIXED, "free", WRITE, ALLOW),
            topic_acl(LITERAL, "", READ, ALLOW),
            topic_acl(LITERAL, TOPIC, 1, ALLOW),
        ],
    );
    let refused = |why: &str| (42, Some(why.to_owned()));
    let expected = [
        vec![OK; 4],
        vec![refused("Invalid empty resource name"), refused("Invalid operation ANY")],
    ];
    assert_eq!(made, expected.concat());
    let (guarded, mut wire) = {
        let guarded = guarded.close();
        let wire = Wire::connect(guarded.broker.bootstrap());
        (guarded, wire)
    };
    let operations = |list: &[i8]| list.iter().fold(0, |bits, op| bits | 1 << op);
    assert_eq!(
        describe_of(&mut wire, TOPIC),
        (0, operations(&[READ, DESCRIBE])),
        "DENY outweighs ALLOW, and READ implies DESCRIBE"
    );
    assert_eq!(describe_of(&mut wire, "other").0, TOPIC_DENIED);
    let producer = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(1_000);
    assert_eq!(
        wire.call(&producer, 4).error_code,
        0,
        "who may write somewhere may have a producer id"
    );
    drop(guarded);
}

#[test]
fn filters_list_and_remove() {
    let guarded = Guarded::open();
    let mut wire = Wire::connect(guarded.broker.bootstrap());
    let acls = vec![
        topic_acl(LITERAL, "foo", READ, ALLOW),
        topic_acl(LITERAL, "*", READ, ALLOW),
        topic_acl(PREFIXED, "fo", WRITE, ALLOW),
        topic_acl(PREFIXED, "x", WRITE, DENY),
    ];
    assert_eq!(create(&mut wire, acls.clone()), vec![OK; 4]);
    assert_eq!(create(&mut wire, acls), vec![OK; 4], "what is there is no error");
    let count = |wire: &mut Wire, pattern: i8, name: Option<&str>, permission: i8| -> usize {
        let request = DescribeAclsRequest::default()
            .with_resource_type_filter(2)
            .with_resource_name_filter(name.map(text))
            .with_pattern_type_filter(pattern)
            .with_principal_filter(None)
            .with_host_filter(None)
            .with_operation(1)
            .with_permission_type(permission);
        let answer = wire.call(&request, 3);
        assert_eq!(answer.error_code, 0);
        answer.resources.iter().map(|r| r.acls.len()).sum()
    };
    const ANY: i8 = 1;
    const MATCH: i8 = 2;
    assert_eq!(count(&mut wire, ANY, None, 1), 4);
    assert_eq!(count(&mut wire, MATCH, Some("foo"), 1), 3);
    assert_eq!(count(&mut wire, LITERAL, Some("foo"), 1), 1);
    assert_eq!(count(&mut wire, ANY, None, DENY), 1);

    let filter = |name: Option<&str>| {
        DeleteAclsFilter::default()
            .with_resource_type_filter(2)
            .with_resource_name_filter(name.map(text))
            .with_pattern_type_filter(MATCH)
            .with_principal_filter(None)
            .with_host_filter(None)
            .with_operation(1)
            .with_permission_type(1)
    };
    let request = DeleteAclsRequest::default().with_filters(vec![filter(Some("foo")), filter(Some("none"))]);
    let answer = wire.call(&request, 3);
    let matched: Vec<usize> = answer.filter_results.iter().map(|r| r.matching_acls.len()).collect();
    assert_eq!(
        matched,
        [3, 1],
        "a filter tells what it matches, also what another took"
    );
    assert_eq!(count(&mut wire, ANY, None, 1), 1);
}

#[test]
fn without_an_authorizer_there_are_no_acls() {
    let broker = Broker::start();
    let mut wire = Wire::connect(broker.bootstrap());
    const SECURITY_DISABLED: i16 = 54;
    let made = create(&mut wire, vec![topic_acl(LITERAL, "t", READ, ALLOW)]);
    assert_eq!(
        made,
        [(SECURITY_DISABLED, Some("No Authorizer is configured.".to_owned()))]
    );
    let cluster = DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
    let all = wire.call(&cluster, 1).cluster_authorized_operations;
    assert_eq!(all, [5, 7, 8, 9, 10, 11, 12].iter().fold(0, |bits, op| bits | 1 << op));
}

/// A number Kafka has no name for makes a request that it cannot read.
#[test]
fn unknown_numbers_end_the_connection() {
    let guarded = Guarded::open();
    let mut wire = Wire::connect(guarded.broker.bootstrap());
    let unknown = topic_acl(LITERAL, "t", 77, ALLOW);
    wire.send_request(&CreateAclsRequest::default().with_creations(vec![unknown]), 3);
    wire.expect_closed();
}
