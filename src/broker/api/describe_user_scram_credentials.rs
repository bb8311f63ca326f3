//! DescribeUserScramCredentials (50), v0: who has a SCRAM password, and with how many iterations. KIP-554.

use std::collections::BTreeMap;

use kafka_protocol::messages::describe_user_scram_credentials_response::{
    CredentialInfo, DescribeUserScramCredentialsResult,
};
use kafka_protocol::messages::{DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse};

use super::shared::text;
use crate::broker::metadata::MetadataImage;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

pub async fn handle(
    cx: &RequestContext,
    req: DescribeUserScramCredentialsRequest,
) -> DescribeUserScramCredentialsResponse {
    let answer = DescribeUserScramCredentialsResponse::default();
    if let Err(e) = cx.authorize(Operation::Describe, Resource::Cluster) {
        return answer
            .with_error_code(e.code.code())
            .with_error_message(Some(text(&e.text())));
    }
    let image = cx.image();
    let mut users: BTreeMap<String, usize> = BTreeMap::new();
    match req.users.filter(|users| !users.is_empty()) {
        None => users.extend(image.scram.keys().map(|(user, _)| (user.clone(), 1))),
        Some(given) => given
            .iter()
            .for_each(|u| *users.entry(u.name.to_string()).or_default() += 1),
    }
    let results = users.iter().map(|(user, times)| describe(&image, user, *times));
    answer.with_error_message(None).with_results(results.collect())
}

fn describe(image: &MetadataImage, user: &str, times: usize) -> DescribeUserScramCredentialsResult {
    let answer = DescribeUserScramCredentialsResult::default()
        .with_user(text(user))
        .with_error_message(None);
    let error = |code: ErrorCode, why: String| {
        answer
            .clone()
            .with_error_code(code.code())
            .with_error_message(Some(text(&why)))
    };
    if times > 1 {
        let why = format!("Cannot describe SCRAM credentials for the same user twice in a single request: {user}");
        return error(ErrorCode::DUPLICATE_RESOURCE, why);
    }
    let mine = image
        .scram
        .range((user.to_owned(), i8::MIN)..=(user.to_owned(), i8::MAX));
    let infos: Vec<_> = mine
        .map(|((_, mechanism), c)| {
            CredentialInfo::default()
                .with_mechanism(*mechanism)
                .with_iterations(c.iterations)
        })
        .collect();
    if infos.is_empty() {
        let why = format!("Attempt to describe a user credential that does not exist: {user}");
        return error(ErrorCode::RESOURCE_NOT_FOUND, why);
    }
    answer.with_credential_infos(infos)
}
