//! AlterUserScramCredentials (51), v0: sets and removes SCRAM passwords. KIP-554. Only the keys made from a password are
//! kept.

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::alter_user_scram_credentials_response::AlterUserScramCredentialsResult;
use kafka_protocol::messages::{AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse};

use super::shared::{error_fields, text};
use crate::broker::metadata::record::ScramCredentialRecord;
use crate::broker::metadata::{ApiError, MetadataImage, MetadataRecord};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;
use crate::wire::sasl::{ScramCredential, ScramMechanism};

const MIN_ITERATIONS: i32 = 4096;
const MAX_ITERATIONS: i32 = 16384;

pub async fn handle(cx: &RequestContext, req: AlterUserScramCredentialsRequest) -> AlterUserScramCredentialsResponse {
    let changed = cx.node.controller().change(|image| {
        let planned = plan(cx, image, &req);
        let records = planned.values().filter_map(|r| r.as_ref().ok().cloned()).collect();
        Ok((records, planned))
    });
    let users = req
        .deletions
        .iter()
        .map(|d| &d.name)
        .chain(req.upsertions.iter().map(|u| &u.name));
    let results: BTreeMap<String, Option<ApiError>> = match changed {
        Ok(planned) => planned.into_iter().map(|(user, result)| (user, result.err())).collect(),
        Err(e) => users.map(|user| (user.to_string(), Some(e.clone()))).collect(),
    };
    let answer = |(user, error): (&String, &Option<ApiError>)| {
        let (code, message) = error_fields(error.as_ref());
        AlterUserScramCredentialsResult::default()
            .with_user(text(user))
            .with_error_code(code)
            .with_error_message(message)
    };
    AlterUserScramCredentialsResponse::default().with_results(results.iter().map(answer).collect())
}

/// One record or refusal a user; a user named twice is refused.
fn plan(
    cx: &RequestContext,
    image: &MetadataImage,
    req: &AlterUserScramCredentialsRequest,
) -> BTreeMap<String, Result<MetadataRecord, ApiError>> {
    let mut planned = BTreeMap::new();
    let mut add = |user: &str, result: Result<MetadataRecord, ApiError>| {
        let result = match planned.remove(user) {
            None => result,
            Some(_) => Err(ApiError::new(
                ErrorCode::DUPLICATE_RESOURCE,
                "A user credential cannot be altered twice in the same request",
            )),
        };
        planned.insert(user.to_owned(), result);
    };
    let allowed = cx.authorize(Operation::Alter, Resource::Cluster);
    for deletion in &req.deletions {
        add(&deletion.name, allowed.clone().and_then(|()| delete(image, deletion)));
    }
    for upsertion in &req.upsertions {
        add(&upsertion.name, allowed.clone().and_then(|()| upsert(upsertion)));
    }
    planned
}

fn check(user: &str, mechanism: i8) -> Result<ScramMechanism, ApiError> {
    if user.is_empty() {
        return Err(ApiError::new(
            ErrorCode::UNACCEPTABLE_CREDENTIAL,
            "Username must not be empty",
        ));
    }
    ScramMechanism::by_code(mechanism)
        .ok_or_else(|| ApiError::new(ErrorCode::UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism"))
}

fn delete(image: &MetadataImage, deletion: &ScramCredentialDeletion) -> Result<MetadataRecord, ApiError> {
    let (name, mechanism) = (deletion.name.to_string(), deletion.mechanism);
    check(&name, mechanism)?;
    if !image.scram.contains_key(&(name.clone(), mechanism)) {
        let why = "Attempt to delete a user credential that does not exist";
        return Err(ApiError::new(ErrorCode::RESOURCE_NOT_FOUND, why));
    }
    Ok(MetadataRecord::RemoveUserScramCredential { name, mechanism })
}

fn upsert(upsertion: &ScramCredentialUpsertion) -> Result<MetadataRecord, ApiError> {
    let mechanism = check(&upsertion.name, upsertion.mechanism)?;
    let refused = |why: &str| Err(ApiError::new(ErrorCode::UNACCEPTABLE_CREDENTIAL, why));
    if upsertion.iterations < MIN_ITERATIONS {
        return refused("Too few iterations");
    }
    if upsertion.iterations > MAX_ITERATIONS {
        return refused("Too many iterations");
    }
    let salt = upsertion.salt.to_vec();
    let credential = ScramCredential::from_salted(
        mechanism,
        &upsertion.salted_password,
        salt.clone(),
        upsertion.iterations as u32,
    );
    Ok(MetadataRecord::UserScramCredential(ScramCredentialRecord {
        name: upsertion.name.to_string(),
        mechanism: upsertion.mechanism,
        salt,
        stored_key: credential.stored_key,
        server_key: credential.server_key,
        iterations: upsertion.iterations,
    }))
}
