//! AddRaftVoter 1, which may be answered before the new voter set is committed (KIP-1186). `kafka-protocol` has version 0.

use kafka_protocol::messages::add_raft_voter_request::Listener;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::fields::{message, request};

message! {
    /// AddRaftVoter, v0-1.
    AddRaftVoterRequest {
        cluster_id: Option<StrBytes> = None;
        timeout_ms: i32 = 0;
        voter_id: i32 = 0;
        voter_directory_id: Uuid = Uuid::nil();
        listeners: Vec<Listener> = Vec::new();
        ack_when_committed: bool = true, since 1;
    }
}

message! {
    /// The answer to AddRaftVoter.
    AddRaftVoterResponse {
        throttle_time_ms: i32 = 0;
        error_code: i16 = 0;
        error_message: Option<StrBytes> = None;
    }
}

request!(AddRaftVoterRequest, AddRaftVoterResponse, 80, 0..=1);

#[cfg(test)]
mod tests {
    use kafka_protocol::messages as m;
    use kafka_protocol::protocol::Decodable;

    use super::*;
    use crate::wire::fields::encoded;

    #[test]
    fn version_0_is_what_the_crate_writes_and_1_says_more() {
        let listener = Listener::default()
            .with_name(StrBytes::from_static_str("CONTROLLER"))
            .with_host(StrBytes::from_static_str("h"))
            .with_port(9093);
        let ours = AddRaftVoterRequest {
            cluster_id: Some(StrBytes::from_static_str("c")),
            timeout_ms: 9,
            voter_id: 3,
            voter_directory_id: Uuid::from_u128(7),
            listeners: vec![listener.clone()],
            ack_when_committed: false,
        };
        let theirs = m::AddRaftVoterRequest::default()
            .with_cluster_id(Some(StrBytes::from_static_str("c")))
            .with_timeout_ms(9)
            .with_voter_id(3)
            .with_voter_directory_id(Uuid::from_u128(7))
            .with_listeners(vec![listener]);
        assert_eq!(encoded(&ours, 0), encoded(&theirs, 0));
        assert_eq!(encoded(&ours, 1).len(), encoded(&ours, 0).len() + 1);
        assert_eq!(AddRaftVoterRequest::decode(&mut encoded(&ours, 1), 1).unwrap(), ours);
        let answer = AddRaftVoterResponse {
            error_code: 42,
            ..AddRaftVoterResponse::default()
        };
        let theirs = m::AddRaftVoterResponse::default()
            .with_error_code(42)
            .with_error_message(None);
        assert_eq!(encoded(&answer, 1), encoded(&theirs, 0));
    }
}
