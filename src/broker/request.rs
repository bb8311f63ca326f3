//! What a handler knows about a request besides its body (Kafka: `RequestContext`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::wire::api::ApiKey;
use kafka_protocol::protocol::StrBytes;
use parking_lot::Mutex;

use super::acl::authorizer::Requester;
use super::acl::binding::{CLUSTER_NAME, resource_type};
use super::config::SecurityProtocol;
use super::metadata::{ApiError, MetadataImage};
use super::node::Node;
use super::quota::Client;
use super::replica::{Partition, ReplicaManager};
use super::request_memory::Reservation;
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
    CreateTokens = 13,
    DescribeTokens = 14,
    TwoPhaseCommit = 15,
}

/// What rights are given on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    Cluster,
    Topic(&'a str),
    Group(&'a str),
    TransactionalId(&'a str),
    DelegationToken(&'a str),
    /// A principal, `TYPE:NAME`.
    User(&'a str),
}

impl<'a> Resource<'a> {
    /// The type's number and the name ACLs know it by.
    fn pattern(self) -> (i8, &'a str) {
        match self {
            Self::Cluster => (resource_type::CLUSTER, CLUSTER_NAME),
            Self::Topic(name) => (resource_type::TOPIC, name),
            Self::Group(name) => (resource_type::GROUP, name),
            Self::TransactionalId(name) => (resource_type::TRANSACTIONAL_ID, name),
            Self::DelegationToken(name) => (resource_type::DELEGATION_TOKEN, name),
            Self::User(name) => (resource_type::USER, name),
        }
    }

    /// What a client is told who may not do it.
    fn denial(self) -> ErrorCode {
        match self {
            Self::Cluster => ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
            Self::Topic(_) => ErrorCode::TOPIC_AUTHORIZATION_FAILED,
            Self::Group(_) => ErrorCode::GROUP_AUTHORIZATION_FAILED,
            Self::TransactionalId(_) => ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            Self::DelegationToken(_) | Self::User(_) => ErrorCode::DELEGATION_TOKEN_AUTHORIZATION_FAILED,
        }
    }

    /// What can be done with such a resource (Kafka: `AclEntry.supportedOperations`).
    fn operations(self) -> &'static [Operation] {
        use Operation::{
            Alter, AlterConfigs, ClusterAction, Create, CreateTokens, Delete, Describe, DescribeConfigs,
            DescribeTokens, IdempotentWrite, Read, TwoPhaseCommit, Write,
        };
        match self {
            Self::Topic(_) => &[
                Read,
                Write,
                Create,
                Describe,
                Delete,
                Alter,
                DescribeConfigs,
                AlterConfigs,
            ],
            Self::Group(_) => &[Read, Describe, Delete, DescribeConfigs, AlterConfigs],
            Self::Cluster => &[
                Create,
                ClusterAction,
                DescribeConfigs,
                AlterConfigs,
                IdempotentWrite,
                Alter,
                Describe,
            ],
            Self::TransactionalId(_) => &[Describe, Write, TwoPhaseCommit],
            Self::DelegationToken(_) => &[Describe],
            Self::User(_) => &[CreateTokens, DescribeTokens],
        }
    }
}

/// Whoever did not say who they are.
pub const ANONYMOUS: &str = "User:ANONYMOUS";

/// Where a connection came in and who is on it; the same for all of its requests.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// No other connection of this process has it.
    pub id: u64,
    /// Upper-case listener name.
    pub listener: String,
    pub peer: SocketAddr,
    pub protocol: SecurityProtocol,
    /// `User:NAME`; `User:ANONYMOUS` without authentication.
    pub principal: String,
    /// The client logged in with a delegation token.
    pub by_token: bool,
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
    /// The request's length on the wire, without its header.
    pub body_bytes: usize,
    no_response: AtomicBool,
    close: AtomicBool,
    /// For how long the client must be quiet, in milliseconds.
    throttle_ms: AtomicI64,
    /// The memory that the request's bytes take.
    memory: Mutex<Option<Reservation>>,
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
            body_bytes: 0,
            throttle_ms: AtomicI64::new(0),
            no_response: AtomicBool::new(false),
            close: AtomicBool::new(false),
            memory: Mutex::default(),
        }
    }

    /// The same, of a request with so many bytes.
    pub fn of_length(mut self, body_bytes: usize) -> Self {
        self.body_bytes = body_bytes;
        self
    }

    /// Whether requests about delegation tokens are taken here: from clients whose name somebody has checked, and who did
    /// not come with a token themselves.
    ///
    /// # Errors
    /// [`ErrorCode::DELEGATION_TOKEN_REQUEST_NOT_ALLOWED`].
    pub fn check_token_request(&self) -> Result<(), ErrorCode> {
        let is_named = match self.connection.protocol {
            SecurityProtocol::Plaintext => false,
            SecurityProtocol::Ssl => self.principal() != ANONYMOUS,
            SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl => true,
        };
        if is_named && !self.connection.by_token {
            Ok(())
        } else {
            Err(ErrorCode::DELEGATION_TOKEN_REQUEST_NOT_ALLOWED)
        }
    }

    /// Takes charge of the memory that the request's bytes take, until [`RequestContext::release_memory`] or the end.
    pub fn holding(self, memory: Reservation) -> Self {
        *self.memory.lock() = Some(memory);
        self
    }

    /// The request is decoded and its bytes are not needed any more.
    pub fn release_memory(&self) {
        self.memory.lock().take();
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

    /// Whether the principal may do it; where no authorizer is configured everybody may do everything.
    ///
    /// # Errors
    /// The resource's `*_AUTHORIZATION_FAILED`, without a special text.
    pub fn authorize(&self, operation: Operation, resource: Resource<'_>) -> Result<(), ApiError> {
        if self.may(operation, resource) {
            Ok(())
        } else {
            Err(resource.denial().into())
        }
    }

    /// As [`Self::authorize`], for what is filtered silently.
    pub fn may(&self, operation: Operation, resource: Resource<'_>) -> bool {
        let Some(authorizer) = self.node.authorizer() else {
            return true;
        };
        authorizer.is_allowed(&self.image().acls, self.requester(), operation, resource.pattern())
    }

    /// Whether the principal may write to any topic at all, which lets it have a producer id (KIP-679).
    pub fn may_write_somewhere(&self) -> bool {
        let Some(authorizer) = self.node.authorizer() else {
            return true;
        };
        let acls = &self.image().acls;
        authorizer.is_allowed_somewhere(acls, self.requester(), Operation::Write, resource_type::TOPIC)
    }

    /// What the principal may do with a resource, as the bit field of responses (KIP-430).
    pub fn authorized_operations(&self, resource: Resource<'_>) -> i32 {
        let allowed = resource.operations().iter().filter(|op| self.may(**op, resource));
        allowed.fold(0, |bits, op| bits | 1 << (*op as i32))
    }

    /// What the principal may do with the cluster: nothing, for who may not describe it.
    pub fn cluster_authorized_operations(&self) -> i32 {
        if self.may(Operation::Describe, Resource::Cluster) {
            self.authorized_operations(Resource::Cluster)
        } else {
            0
        }
    }

    fn requester(&self) -> Requester<'_> {
        Requester {
            principal: self.principal(),
            host: self.connection.peer.ip().to_canonical(),
        }
    }

    /// The client as quotas see it.
    pub fn quota_client(&self) -> Client<'_> {
        let principal = self.principal();
        Client {
            user: principal.split_once(':').map_or(principal, |(_, name)| name),
            client_id: self.client_id(),
        }
    }

    /// Has the client be quiet for so long after this request, or longer if it must be already.
    pub fn throttle(&self, ms: i64) {
        self.throttle_ms.fetch_max(ms, Ordering::Relaxed);
    }

    pub fn throttle_ms(&self) -> i64 {
        self.throttle_ms.load(Ordering::Relaxed)
    }

    /// Reckons with a change of so many partitions. Clients that know the error, from version `strict_since` on, are
    /// refused while they are in debt; others only have to wait (KIP-599).
    ///
    /// # Errors
    /// [`ErrorCode::THROTTLING_QUOTA_EXCEEDED`].
    pub fn record_mutation(&self, partitions: usize, strict_since: i16) -> Result<(), ApiError> {
        let strict = self.api_version >= strict_since;
        let now_ms = self.node.now_ms();
        let quotas = self.node.quotas();
        match quotas.mutate(&self.image(), self.quota_client(), (partitions, strict), now_ms) {
            Ok(ms) => {
                self.throttle(ms);
                Ok(())
            }
            Err(ms) => {
                self.throttle(ms);
                Err(ErrorCode::THROTTLING_QUOTA_EXCEEDED.into())
            }
        }
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
