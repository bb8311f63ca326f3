//! RemoveRaftVoter (81), v0: one controller less in the metadata's quorum. See [`super::raft_voters`].

use kafka_protocol::messages::{RemoveRaftVoterRequest, RemoveRaftVoterResponse};

use super::raft_voters::{Voter, check, unsupported};
use super::shared::error_fields;
use crate::broker::request::RequestContext;

pub async fn handle(cx: &RequestContext, req: RemoveRaftVoterRequest) -> RemoveRaftVoterResponse {
    let voter = Voter {
        cluster_id: req.cluster_id.as_deref(),
        id: req.voter_id,
        directory: req.voter_directory_id,
    };
    let refused = check(cx, &voter, "Remove")
        .err()
        .unwrap_or_else(|| unsupported("removing"));
    let (code, message) = error_fields(Some(&refused));
    RemoveRaftVoterResponse::default()
        .with_error_code(code)
        .with_error_message(message)
}
