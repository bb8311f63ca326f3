//! What one event does to a group: the records to append, and the parked requests to answer once they are appended.

use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};

use super::config::GroupCoordinatorConfig;
use super::consumer::ClusterView;
use super::records::Record;
use crate::broker::replica::TxnProducer;

/// Names a JoinGroup or SyncGroup request that may wait for others before it is answered.
pub type ReplyId = u64;

/// The answer to a parked request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Join(JoinGroupResponse),
    Sync(SyncGroupResponse),
}

/// One event in the life of a coordinator: the time it happens at, and what follows from it.
#[derive(Debug)]
pub struct Turn<'a> {
    pub now_ms: i64,
    pub config: &'a GroupCoordinatorConfig,
    /// The cluster at that time.
    pub cluster: &'a dyn ClusterView,
    /// To be appended before anything is answered.
    pub records: Vec<Record>,
    /// Whose transaction the records belong to.
    pub producer: Option<TxnProducer>,
    /// To be sent after the records are appended.
    pub replies: Vec<(ReplyId, Reply)>,
}

impl<'a> Turn<'a> {
    pub fn new(now_ms: i64, config: &'a GroupCoordinatorConfig, cluster: &'a dyn ClusterView) -> Self {
        Self {
            now_ms,
            config,
            cluster,
            records: Vec::new(),
            producer: None,
            replies: Vec::new(),
        }
    }

    /// The instant `timeout_ms` from now.
    pub fn after_ms(&self, timeout_ms: i32) -> i64 {
        self.now_ms.saturating_add(i64::from(timeout_ms))
    }
}
