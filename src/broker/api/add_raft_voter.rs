//! AddRaftVoter (80), v0-1: another controller for the metadata's quorum. See [`super::raft_voters`].

use super::raft_voters::{Voter, check, unsupported};
use super::shared::error_fields;
use crate::broker::metadata::ApiError;
use crate::broker::request::RequestContext;
use crate::wire::ErrorCode;
use crate::wire::raft::{AddRaftVoterRequest, AddRaftVoterResponse};

pub async fn handle(cx: &RequestContext, req: AddRaftVoterRequest) -> AddRaftVoterResponse {
    let voter = Voter {
        cluster_id: req.cluster_id.as_deref(),
        id: req.voter_id,
        directory: req.voter_directory_id,
    };
    let refused = check(cx, &voter, "Add")
        .and_then(|()| check_listener(cx, &req))
        .err()
        .unwrap_or_else(|| unsupported("adding"));
    let (error_code, error_message) = error_fields(Some(&refused));
    AddRaftVoterResponse {
        error_code,
        error_message,
        ..AddRaftVoterResponse::default()
    }
}

/// A voter that comes must say where the controllers find it.
fn check_listener(cx: &RequestContext, req: &AddRaftVoterRequest) -> Result<(), ApiError> {
    let config = cx.node.config();
    let Some(wanted) = config.list("controller.listener.names").first() else {
        return Ok(());
    };
    // Listeners have names in upper case.
    let given = req.listeners.iter().map(|l| (l.name.to_uppercase(), l));
    let given: Vec<_> = given.collect();
    if given.iter().any(|(name, _)| name == wanted) {
        return Ok(());
    }
    let rows = given
        .iter()
        .map(|(name, l)| format!("ListenerName({name})={}/<unresolved>:{}", l.host, l.port));
    let why = format!(
        "Add voter request didn't include the endpoint (Endpoints(endpoints={{{}}})) for the default listener \
         ListenerName({wanted})",
        rows.collect::<Vec<_>>().join(", ")
    );
    Err(ApiError::new(ErrorCode::INVALID_REQUEST, why))
}
