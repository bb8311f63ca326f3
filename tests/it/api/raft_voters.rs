//! AddRaftVoter (80) and RemoveRaftVoter (81), where the voters are fixed: `kraft.version` is 0, as a node alone has it.

use kafka_protocol::messages::add_raft_voter_request::Listener;
use kafka_protocol::messages::{DescribeClusterRequest, RemoveRaftVoterRequest};
use kt::wire::raft::AddRaftVoterRequest;
use uuid::Uuid;

use crate::support::broker::AnyBroker;
use crate::support::wire::Wire;

const UNSUPPORTED_VERSION: i16 = 35;
const INVALID_REQUEST: i16 = 42;
const INCONSISTENT_CLUSTER_ID: i16 = 104;

/// Code and text that adding this voter is answered with, and removing it.
fn answers(wire: &mut Wire, add: &AddRaftVoterRequest) -> [(i16, String); 2] {
    let remove = RemoveRaftVoterRequest::default()
        .with_cluster_id(add.cluster_id.clone())
        .with_voter_id(add.voter_id)
        .with_voter_directory_id(add.voter_directory_id);
    let (added, removed) = (wire.call(add, 1), wire.call(&remove, 0));
    [
        (added.error_code, added.error_message),
        (removed.error_code, removed.error_message),
    ]
    .map(|(code, text)| (code, text.unwrap_or_default().to_string()))
}

#[test]
fn other_voters_are_refused_in_kafka_s_words() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let cluster_id = wire.call(&DescribeClusterRequest::default(), 1).cluster_id;
    let listener = Listener::default()
        .with_name("CONTROLLER".into())
        .with_host("127.0.0.1".into())
        .with_port(9093);
    let good = AddRaftVoterRequest {
        cluster_id: Some(cluster_id.clone()),
        timeout_ms: 5_000,
        voter_id: 2,
        voter_directory_id: Uuid::from_u128(7),
        listeners: vec![listener.clone()],
        ..AddRaftVoterRequest::default()
    };
    let unsupported = ["adding", "removing"].map(|what| {
        let text = format!("Cluster doesn't support {what} voter because the kraft.version feature is 0");
        (UNSUPPORTED_VERSION, text)
    });
    assert_eq!(answers(&mut wire, &good), unsupported);
    let no_cluster = AddRaftVoterRequest {
        cluster_id: None,
        ..good.clone()
    };
    assert_eq!(answers(&mut wire, &no_cluster), unsupported);

    let elsewhere = AddRaftVoterRequest {
        cluster_id: Some("elsewhere".into()),
        ..good.clone()
    };
    for (code, text) in answers(&mut wire, &elsewhere) {
        let expected = format!(
            "The given id \"elsewhere\" doesn't match the cluster id \"{}\"",
            &*cluster_id
        );
        assert_eq!((code, text), (INCONSISTENT_CLUSTER_ID, expected));
    }

    let no_directory = AddRaftVoterRequest {
        voter_directory_id: Uuid::nil(),
        ..good.clone()
    };
    let no_id = AddRaftVoterRequest {
        voter_id: -1,
        ..good.clone()
    };
    let invalid = ["Add", "Remove"].map(|what| {
        let text = format!("{what} voter request didn't include a valid voter");
        (INVALID_REQUEST, text)
    });
    for bad in [no_directory, no_id] {
        assert_eq!(answers(&mut wire, &bad), invalid);
    }

    let no_listener = AddRaftVoterRequest {
        listeners: vec![listener.with_name("elsewhere".into())],
        ..good
    };
    let [added, removed] = answers(&mut wire, &no_listener);
    let text = "Add voter request didn't include the endpoint (Endpoints(endpoints={ListenerName(ELSEWHERE)=\
                127.0.0.1/<unresolved>:9093})) for the default listener ListenerName(CONTROLLER)";
    assert_eq!(added, (INVALID_REQUEST, text.to_owned()));
    assert_eq!(removed, unsupported[1]);
}
