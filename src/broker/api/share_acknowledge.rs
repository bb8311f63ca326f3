//! ShareAcknowledge (79), v1-2. What became of records that a member of a share group has acquired. KIP-932; v2
//! renews locks (KIP-1222).

use std::collections::BTreeMap;

use kafka_protocol::messages::share_acknowledge_response::{PartitionData, ShareAcknowledgeTopicResponse};
use uuid::Uuid;

use super::share_fetch::{acknowledge_all, acknowledgements, session_key};
use super::shared::text;
use crate::broker::request::RequestContext;
use crate::broker::share::GroupSettings;
use crate::broker::share::session::FINAL_EPOCH;
use crate::wire::ErrorCode;
use crate::wire::share::{ShareAcknowledgeRequest, ShareAcknowledgeResponse};

pub async fn handle(cx: &RequestContext, req: ShareAcknowledgeRequest) -> ShareAcknowledgeResponse {
    match acknowledge(cx, &req) {
        Ok(response) => response,
        Err(code) => ShareAcknowledgeResponse {
            error_code: code.code(),
            error_message: Some(text(code.message())),
            ..ShareAcknowledgeResponse::default()
        },
    }
}

fn acknowledge(cx: &RequestContext, req: &ShareAcknowledgeRequest) -> Result<ShareAcknowledgeResponse, ErrorCode> {
    let session = session_key(cx, req.group_id.as_ref().map(|g| g.as_str()), req.member_id.as_deref())?;
    let settings = GroupSettings::of(&cx.node, &session.group_id).with_renewal(req.is_renew_ack);
    let shares = cx.node.shares();
    shares.sessions().acknowledge(&session, req.share_session_epoch)?;
    let results = acknowledge_all(cx, &session, &settings, acknowledgements(&req.topics).collect());
    if req.share_session_epoch == FINAL_EPOCH {
        shares.close_session(&session);
    }
    let mut topics: BTreeMap<Uuid, Vec<PartitionData>> = BTreeMap::new();
    for ((topic_id, partition), result) in results {
        let mut data = PartitionData::default().with_partition_index(partition);
        if let Err(error) = result {
            data.error_code = error.code.code();
            data.error_message = Some(text(error.message));
        }
        topics.entry(topic_id).or_default().push(data);
    }
    let topics = topics.into_iter().map(|(topic_id, partitions)| {
        ShareAcknowledgeTopicResponse::default()
            .with_topic_id(topic_id)
            .with_partitions(partitions)
    });
    Ok(ShareAcknowledgeResponse {
        acquisition_lock_timeout_ms: settings.limits.lock_duration_ms,
        responses: topics.collect(),
        ..ShareAcknowledgeResponse::default()
    })
}
