//! Being a member of a share group (Kafka: `ShareMembershipManager`, `ShareHeartbeatRequestManager`).

use std::time::Duration;

use base64::Engine as _;
use kafka_protocol::messages::find_coordinator_response::FindCoordinatorResponse;
use kafka_protocol::messages::{
    FindCoordinatorRequest, GroupId, ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use tokio::time::Instant;
use uuid::Uuid;

use super::ShareSettings;
use crate::client::admin::Admin;
use crate::client::cluster::{Target, Verdict};
use crate::client::error::ApiError;
use crate::wire::ErrorCode;

const JOINING: i32 = 0;
const LEAVING: i32 = -1;
/// Until the coordinator has said how often it wants to hear of us.
const FIRST_INTERVAL: Duration = Duration::from_millis(500);
/// How long to wait before the coordinator is looked up again (`retry.backoff.ms`).
const BACKOFF: Duration = Duration::from_millis(100);

pub(super) struct Membership {
    admin: Admin,
    group: StrBytes,
    rack: Option<StrBytes>,
    topics: Vec<TopicName>,
    member_id: StrBytes,
    epoch: i32,
    coordinator: Option<i32>,
    next_beat: Instant,
}

impl Membership {
    pub fn new(admin: Admin, settings: &ShareSettings, topics: &[String]) -> Self {
        let id = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes());
        let text = |s: &str| StrBytes::from_string(s.to_owned());
        Self {
            admin,
            group: text(&settings.group),
            rack: settings.rack.as_deref().map(text),
            topics: topics.iter().map(|t| TopicName(text(t))).collect(),
            member_id: StrBytes::from_string(id),
            epoch: JOINING,
            coordinator: None,
            next_beat: Instant::now(),
        }
    }

    pub fn member_id(&self) -> &StrBytes {
        &self.member_id
    }

    pub fn next_beat(&self) -> Instant {
        self.next_beat
    }

    /// Tells the coordinator that we are here. The answer is our partitions, where they have changed.
    ///
    /// # Errors
    /// What no further heartbeat can cure.
    pub async fn heartbeat(&mut self) -> Result<Option<Vec<(Uuid, Vec<i32>)>>, ApiError> {
        let deadline = Instant::now() + self.admin.timeout();
        loop {
            let last = match self.beat().await {
                Ok(answer) => match ErrorCode::from(answer.error_code) {
                    ErrorCode::NONE => return Ok(self.take(answer)),
                    // Thrown out: as a new member with the same name.
                    ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::FENCED_MEMBER_EPOCH => {
                        self.epoch = JOINING;
                        ErrorCode::from(answer.error_code).into()
                    }
                    code if code.is_retriable() => code.into(),
                    code => return Err(ApiError::new(code, answer.error_message.map(|m| m.to_string()))),
                },
                Err(e) if e.code == ErrorCode::UNSUPPORTED_VERSION => return Err(unsupported()),
                Err(e) if e.is_retriable() => e,
                Err(e) => return Err(e),
            };
            self.coordinator = None;
            if Instant::now() + BACKOFF >= deadline {
                return Err(last);
            }
            tokio::time::sleep(BACKOFF).await;
        }
    }

    fn take(&mut self, answer: ShareGroupHeartbeatResponse) -> Option<Vec<(Uuid, Vec<i32>)>> {
        self.epoch = answer.member_epoch;
        let ms = u64::try_from(answer.heartbeat_interval_ms).ok().filter(|&ms| ms > 0);
        self.next_beat = Instant::now() + ms.map_or(FIRST_INTERVAL, Duration::from_millis);
        let topics = answer.assignment?.topic_partitions;
        Some(topics.into_iter().map(|t| (t.topic_id, t.partitions)).collect())
    }

    async fn beat(&mut self) -> Result<ShareGroupHeartbeatResponse, ApiError> {
        let coordinator = match self.coordinator {
            Some(node) => node,
            None => self.find_coordinator().await?,
        };
        self.coordinator = Some(coordinator);
        let joining = self.epoch == JOINING;
        let make = |_| {
            ShareGroupHeartbeatRequest::default()
                .with_group_id(GroupId(self.group.clone()))
                .with_member_id(self.member_id.clone())
                .with_member_epoch(self.epoch)
                .with_rack_id(self.rack.clone().filter(|_| joining))
                .with_subscribed_topic_names(joining.then(|| self.topics.clone()))
        };
        let target = Target::Node(coordinator);
        self.admin
            .request("shareGroupHeartbeat", target, make, |_| Verdict::Done)
            .await
    }

    async fn find_coordinator(&self) -> Result<i32, ApiError> {
        let make = |version: i16| match version {
            4.. => FindCoordinatorRequest::default().with_coordinator_keys(vec![self.group.clone()]),
            _ => FindCoordinatorRequest::default().with_key(self.group.clone()),
        };
        let code = |r: &FindCoordinatorResponse| r.coordinators.first().map_or(r.error_code, |c| c.error_code);
        let judge = |r: &FindCoordinatorResponse| Verdict::of_code(code(r));
        let answer = self.admin.request("findCoordinator", Target::Any, make, judge).await?;
        match ErrorCode::from(code(&answer)) {
            ErrorCode::NONE => {}
            error @ ErrorCode::GROUP_AUTHORIZATION_FAILED => {
                let text = format!("Not authorized to access group: {}", &*self.group);
                return Err(ApiError::with_text(error, text));
            }
            error => return Err(error.into()),
        }
        Ok(answer.coordinators.first().map_or(answer.node_id.0, |c| c.node_id.0))
    }

    /// Leaves. If that fails, the session's end does the same.
    pub async fn leave(mut self) {
        if self.epoch > JOINING {
            self.epoch = LEAVING;
            let _ = self.beat().await;
        }
    }
}

/// As Java's consumer says it of a cluster without share groups.
fn unsupported() -> ApiError {
    ApiError::with_text(
        ErrorCode::UNSUPPORTED_VERSION,
        "The cluster does not support the share group protocol using ShareGroupHeartbeat API version 1 or later. This \
         version of the API was introduced in Apache Kafka v4.1.",
    )
}
