//! What AddRaftVoter and RemoveRaftVoter have in common. KIP-853. The quorum is this node and stays so, as that of a Kafka
//! whose `kraft.version` is 0; checks come in Kafka's order (`KafkaRaftClient`).

use uuid::Uuid;

use crate::broker::metadata::ApiError;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

/// The voter that a request names.
pub struct Voter<'a> {
    pub cluster_id: Option<&'a str>,
    pub id: i32,
    pub directory: Uuid,
}

/// What both check first; `what` is how Kafka names the request.
pub fn check(cx: &RequestContext, voter: &Voter<'_>, what: &str) -> Result<(), ApiError> {
    cx.authorize(Operation::Alter, Resource::Cluster)?;
    let image = cx.image();
    if let Some(given) = voter.cluster_id.filter(|id| *id != image.cluster_id.as_ref()) {
        let why = format!(
            "The given id \"{given}\" doesn't match the cluster id \"{}\"",
            image.cluster_id
        );
        return Err(ApiError::new(ErrorCode::INCONSISTENT_CLUSTER_ID, why));
    }
    if voter.id < 0 || voter.directory.is_nil() {
        let why = format!("{what} voter request didn't include a valid voter");
        return Err(ApiError::new(ErrorCode::INVALID_REQUEST, why));
    }
    Ok(())
}

/// Voters never change; `what` would be done to them.
pub fn unsupported(what: &str) -> ApiError {
    let why = format!("Cluster doesn't support {what} voter because the kraft.version feature is 0");
    ApiError::new(ErrorCode::UNSUPPORTED_VERSION, why)
}
