//! DeleteShareGroupOffsets (92), v0. Forgets what a share group without members knows of whole topics.

use std::collections::HashSet;

use kafka_protocol::messages::delete_share_group_offsets_response::DeleteShareGroupOffsetsResponseTopic as WireTopic;
use kafka_protocol::messages::{DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse, TopicName};
use uuid::Uuid;

use super::shared::text;
use crate::broker::metadata::ApiError;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: DeleteShareGroupOffsetsRequest) -> DeleteShareGroupOffsetsResponse {
    match delete(cx, &req).await {
        Ok(topics) => DeleteShareGroupOffsetsResponse::default().with_responses(topics),
        Err(error) => DeleteShareGroupOffsetsResponse::default()
            .with_error_code(error.code.code())
            .with_error_message(Some(text(&error.text()))),
    }
}

async fn delete(cx: &RequestContext, req: &DeleteShareGroupOffsetsRequest) -> Result<Vec<WireTopic>, ApiError> {
    let group_id = req.group_id.as_str();
    cx.authorize(Operation::Delete, Resource::Group(group_id))?;
    if group_id.is_empty() {
        return Err(ErrorCode::INVALID_GROUP_ID.into());
    }
    let image = cx.image();
    let mut found: HashSet<Uuid> = HashSet::new();
    let mut answers: Vec<(TopicName, Result<Uuid, ErrorCode>)> = Vec::with_capacity(req.topics.len());
    for topic in &req.topics {
        let name = topic.topic_name.as_str();
        let denied = cx.authorize(Operation::Read, Resource::Topic(name)).err();
        let checked = match (denied, image.topic(name)) {
            (Some(denied), _) => Err(denied.code),
            (None, Some(topic)) => Ok(topic.id),
            (None, None) => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        };
        found.extend(checked.ok());
        answers.push((topic.topic_name.clone(), checked));
    }
    let groups = cx.node.groups();
    let doomed = groups.begin_share_state_deletion(group_id, &found).await?;
    let deleted = cx.node.shares().delete_states(group_id, &doomed);
    if deleted.is_ok() && !doomed.is_empty() {
        groups.end_share_state_deletion(group_id, &found).await?;
    }
    let answered = answers.into_iter().map(|(name, checked)| {
        let answer = WireTopic::default().with_topic_name(name);
        let (answer, error) = match checked {
            Err(code) => (answer, Some((code, code.message()))),
            Ok(id) if !doomed.contains_key(&id) => (
                answer.with_topic_id(id),
                Some((
                    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                    "There is no offset information to delete.",
                )),
            ),
            Ok(id) => (
                answer.with_topic_id(id),
                deleted.err().map(|code| (code, code.message())),
            ),
        };
        match error {
            None => answer,
            Some((code, message)) => answer
                .with_error_code(code.code())
                .with_error_message(Some(text(message))),
        }
    });
    Ok(answered.collect())
}
