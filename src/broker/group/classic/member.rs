//! A member of a classic group (Kafka: `ClassicGroupMember`).

use bytes::Bytes;
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};

use crate::broker::group::records::MemberMetadata;
use crate::broker::group::turn::{Reply, ReplyId, Turn};
use crate::wire::error::ErrorCode;

/// An assignment strategy a member supports, and what it says to it (for consumers: its subscription).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    pub name: String,
    pub metadata: Bytes,
}

#[derive(Debug, Default)]
pub struct ClassicMember {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub client_id: String,
    /// With the leading `/` that Java's addresses print with.
    pub client_host: String,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    pub protocol_type: String,
    /// In the order of preference.
    pub protocols: Vec<Protocol>,
    /// Empty until the leader has assigned.
    pub assignment: Bytes,
    /// The JoinGroup that waits for the others.
    pub(in crate::broker::group) awaiting_join: Option<ReplyId>,
    /// The SyncGroup that waits for the leader.
    pub(in crate::broker::group) awaiting_sync: Option<ReplyId>,
    /// True until its first JoinGroup is answered. It knows no member id yet and cannot heartbeat.
    pub(in crate::broker::group) is_new: bool,
    /// When its session ends, unless it is heard of before. `None` once that time passed while it was waiting.
    pub(in crate::broker::group) heartbeat_deadline_ms: Option<i64>,
}

impl ClassicMember {
    pub(super) fn from_record(record: MemberMetadata, protocol: &str) -> Self {
        Self {
            member_id: record.member_id,
            instance_id: record.group_instance_id,
            client_id: record.client_id,
            client_host: record.client_host,
            rebalance_timeout_ms: match record.rebalance_timeout_ms {
                -1 => record.session_timeout_ms,
                timeout_ms => timeout_ms,
            },
            session_timeout_ms: record.session_timeout_ms,
            protocols: vec![Protocol {
                name: protocol.to_owned(),
                metadata: record.subscription,
            }],
            assignment: record.assignment,
            ..Self::default()
        }
    }

    /// What the member says to a protocol.
    pub fn metadata(&self, protocol: &str) -> Option<&Bytes> {
        self.protocols
            .iter()
            .find(|candidate| candidate.name == protocol)
            .map(|candidate| &candidate.metadata)
    }

    /// The JoinGroup it waits for an answer to.
    pub fn awaiting_join(&self) -> Option<ReplyId> {
        self.awaiting_join
    }

    /// The SyncGroup it waits for an answer to.
    pub fn awaiting_sync(&self) -> Option<ReplyId> {
        self.awaiting_sync
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|candidate| candidate.name == protocol)
    }

    /// Whether the end of its session is to be overlooked: a member that waits for an answer cannot heartbeat.
    /// A new member may not wait for ever, as its client may be gone and have retried.
    pub(super) fn has_satisfied_heartbeat(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }

    pub(super) fn answer_join(&mut self, turn: &mut Turn<'_>, response: JoinGroupResponse) {
        if let Some(id) = self.awaiting_join.take() {
            turn.replies.push((id, Reply::Join(response)));
        }
    }

    /// True if a SyncGroup was waiting.
    pub(super) fn answer_sync(&mut self, turn: &mut Turn<'_>, response: SyncGroupResponse) -> bool {
        match self.awaiting_sync.take() {
            Some(id) => {
                turn.replies.push((id, Reply::Sync(response)));
                true
            }
            None => false,
        }
    }
}

/// A JoinGroup answer with an error.
pub(in crate::broker::group) fn join_error(member_id: &str, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(error.code())
        .with_generation_id(-1)
        .with_protocol_name(None)
        .with_member_id(member_id.to_owned().into())
}

/// A SyncGroup answer with an error.
pub(in crate::broker::group) fn sync_error(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse::default().with_error_code(error.code())
}
