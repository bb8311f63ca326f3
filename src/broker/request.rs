//! What a handler knows about a request besides its body (Kafka: `RequestContext`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::StrBytes;

use super::metadata::{ApiError, MetadataImage};
use super::node::Node;
use super::replica::{Partition, ReplicaManager};
use crate::TopicPartition;
use crate::wire::ErrorCode;

/// What one wants to do with a resource (Kafka: `AclOperation`). The numbers are those of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    All = 2,
    Read = 3,
    Write = 4,
    Create = 5,
    Delete = 6,
    Alter = 7,
    Describe = 8,
    ClusterAction = 9,
    DescribeConfigs = 10,
    AlterConfigs = 11,
    IdempotentWrite = 12,
}

/// What rights are given on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    Cluster,
    Topic(&'a str),
    Group(&'a str),
    TransactionalId(&'a str),
}

/// Where a connection came in and who is on it; the same for all of its requests.
#[derive(Debug)]
pub struct ConnectionInfo {
    /// Upper-case listener name.
    pub listener: String,
    pub peer: SocketAddr,
    /// `User:NAME`; `User:ANONYMOUS` without authentication.
    pub principal: String,
}

/// One request.
#[derive(Debug)]
pub struct RequestContext {
    pub node: Arc<Node>,
    pub connection: Arc<ConnectionInfo>,
    pub api_key: ApiKey,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<StrBytes>,
    no_response: AtomicBool,
    close: AtomicBool,
}

impl RequestContext {
    pub fn new(
        node: Arc<Node>,
        connection: Arc<ConnectionInfo>,
        api_key: ApiKey,
        header: &kafka_protocol::messages::RequestHeader,
    ) -> Self {
        Self {
            node,
            connection,
            api_key,
            api_version: header.request_api_version,
            correlation_id: header.correlation_id,
            client_id: header.client_id.clone(),
            no_response: AtomicBool::new(false),
            close: AtomicBool::new(false),
        }
    }

    /// The client's name, empty if it has none.
    pub fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or_default()
    }

    /// The client's address as Kafka shows it in groups: `/127.0.0.1`.
    pub fn client_host(&self) -> String {
        format!("/{}", self.connection.peer.ip())
    }

    pub fn principal(&self) -> &str {
        &self.connection.principal
    }

    pub fn image(&self) -> Arc<MetadataImage> {
        self.node.image()
    }

    pub fn replicas(&self) -> &ReplicaManager {
        self.node.replicas()
    }

    /// The partition, if this broker leads it.
    ///
    /// # Errors
    /// [`ErrorCode::UNKNOWN_TOPIC_OR_PARTITION`], [`ErrorCode::NOT_LEADER_OR_FOLLOWER`].
    pub fn leader(&self, topic: &str, partition: i32) -> Result<Arc<Partition>, ErrorCode> {
        self.replicas().leader(&TopicPartition::new(topic, partition))
    }

    /// Whether the principal may do it. There are no ACLs yet: everybody may do everything.
    ///
    /// # Errors
    /// None so far.
    pub fn authorize(&self, _operation: Operation, _resource: Resource<'_>) -> Result<(), ApiError> {
        Ok(())
    }

    /// The client wants no response (Produce with acks=0).
    pub fn suppress_response(&self) {
        self.no_response.store(true, Ordering::Relaxed);
    }

    pub fn is_response_suppressed(&self) -> bool {
        self.no_response.load(Ordering::Relaxed)
    }

    /// End the connection after this request: the only way to tell of an error without a response.
    pub fn close_connection(&self) {
        self.close.store(true, Ordering::Relaxed);
    }

    pub fn is_closing(&self) -> bool {
        self.close.load(Ordering::Relaxed)
    }
}
