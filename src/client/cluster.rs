//! A cluster as a client sees it: bootstrap, metadata, which node to ask, retries, deadlines (Kafka: `KafkaAdminClient`,
//! `AdminMetadataManager`).
//!
//! Connections are kept per address, so a bootstrap server that turns out to be a broker is not connected twice.
//! A [`CallSpec`] has one deadline for everything: finding nodes, connecting, retries with exponential back-off.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::metadata_response::MetadataResponseBroker;
use kafka_protocol::messages::{DescribeClusterRequest, MetadataRequest};
use kafka_protocol::protocol::{Request, VersionRange};
use parking_lot::Mutex;
use rand::Rng;
use tokio::time::Instant;

use super::config::{Address, ClientConfig};
use super::conn::{Conn, ConnSecurity, ConnSettings};
use super::error::ApiError;
use crate::wire::ErrorCode;

/// A broker or controller (Kafka: `org.apache.kafka.common.Node`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub id: i32,
    pub host: String,
    pub port: u16,
    pub rack: Option<String>,
    pub is_fenced: bool,
}

impl Node {
    pub(crate) fn from_metadata(b: &MetadataResponseBroker) -> Self {
        let rack = b.rack.as_ref().map(|r| r.to_string());
        let port = u16::try_from(b.port).unwrap_or(0);
        Node {
            id: b.node_id.0,
            host: b.host.to_string(),
            port,
            rack,
            is_fenced: false,
        }
    }

    pub(crate) fn from_describe_cluster(b: &DescribeClusterBroker) -> Self {
        let rack = b.rack.as_ref().map(|r| r.to_string());
        let port = u16::try_from(b.port).unwrap_or(0);
        Node {
            id: b.broker_id.0,
            host: b.host.to_string(),
            port,
            rack,
            is_fenced: b.is_fenced,
        }
    }

    fn address(&self) -> Address {
        Address {
            host: self.host.clone(),
            port: self.port,
        }
    }
}

/// `host:port (id: 1 rack: null isFenced: false)`, as Kafka prints nodes.
impl std::fmt::Display for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rack = self.rack.as_deref().unwrap_or("null");
        write!(
            f,
            "{}:{} (id: {} rack: {} isFenced: {})",
            self.host, self.port, self.id, rack, self.is_fenced
        )
    }
}

/// What the last metadata said.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub cluster_id: Option<String>,
    pub controller_id: Option<i32>,
    pub nodes: BTreeMap<i32, Node>,
}

impl View {
    /// The node with this id; one without an address (as Kafka's `Node.noNode`-like place holders) if it is not alive.
    pub fn node_or_placeholder(&self, id: i32) -> Node {
        let unknown = || Node {
            id,
            host: String::new(),
            port: 0,
            rack: None,
            is_fenced: false,
        };
        self.nodes.get(&id).cloned().unwrap_or_else(unknown)
    }
}

/// Who has to answer a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Any node.
    Any,
    /// The active controller (or the broker that forwards to it).
    Controller,
    /// This node and no other.
    Node(i32),
}

/// A call: its name as Kafka's Admin says it in timeouts, who answers, until when.
#[derive(Clone, Copy, Debug)]
pub struct CallSpec {
    pub name: &'static str,
    pub target: Target,
    pub deadline: Instant,
    /// The versions that can say what the call means, both inclusive: older ones lack a field, newer ones may want ids
    /// where the caller has names.
    pub versions: VersionRange,
}

/// Every version.
pub const ANY_VERSION: VersionRange = VersionRange { min: 0, max: i16::MAX };

/// What a response means for the call.
#[derive(Clone, Debug)]
pub enum Verdict {
    Done,
    /// Ask the same node again after a back-off.
    Retry(ApiError),
    /// As `Retry`, with fresh metadata: the node asked was the wrong one.
    Relocate(ApiError),
}

impl Verdict {
    /// `Done`, or another try for a retriable code.
    pub fn of_code(code: i16) -> Verdict {
        match ErrorCode::from(code) {
            ErrorCode::NOT_CONTROLLER => Verdict::Relocate(ErrorCode::NOT_CONTROLLER.into()),
            code if code.is_retriable() => Verdict::Retry(code.into()),
            _ => Verdict::Done,
        }
    }
}

/// The connection slot of one address: a lock, so that one task connects while the others wait for it.
type Slot = Arc<tokio::sync::Mutex<Option<Arc<Conn>>>>;

/// Shared by every clone of an Admin.
#[derive(Debug)]
pub struct Cluster {
    config: ClientConfig,
    settings: ConnSettings,
    slots: Mutex<HashMap<Address, Slot>>,
    view: Mutex<Option<Arc<View>>>,
    /// One metadata request at a time.
    refreshing: tokio::sync::Mutex<()>,
}

impl Cluster {
    /// Resolves the bootstrap addresses; opens no socket.
    ///
    /// # Errors
    /// `ConfigException: No resolvable bootstrap urls given in bootstrap.servers`.
    pub async fn new(mut config: ClientConfig) -> Result<Self, ApiError> {
        let mut resolvable = Vec::new();
        for address in &config.bootstrap {
            match tokio::net::lookup_host((address.host.as_str(), address.port))
                .await
                .map(|mut all| all.next())
            {
                Ok(Some(_)) => resolvable.push(address.clone()),
                _ => config.warnings.push(format!(
                    "Couldn't resolve server {address} from bootstrap.servers as DNS resolution failed for {}",
                    address.host
                )),
            }
        }
        if resolvable.is_empty() {
            let text = "No resolvable bootstrap urls given in bootstrap.servers";
            return Err(ApiError::kafka("Failed to create new KafkaAdminClient").caused_by(ApiError::config(text)));
        }
        config.bootstrap = resolvable;
        let settings = ConnSettings {
            client_id: config.client_id.clone(),
            setup_timeout: config.connection_setup_timeout,
            request_timeout: config.request_timeout,
            security: ConnSecurity::from_props(&config.props).map_err(|e| {
                let network = ApiError::kafka("Failed to create new NetworkClient").caused_by(e);
                ApiError::kafka("Failed to create new KafkaAdminClient").caused_by(network)
            })?,
        };
        let (slots, view, refreshing) = Default::default();
        Ok(Self {
            config,
            settings,
            slots,
            view,
            refreshing,
        })
    }

    pub fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// The nodes of the cluster; asks for metadata if there is none yet.
    ///
    /// # Errors
    /// `Timed out waiting for a node assignment. Call: NAME`, or what makes every try futile (authentication).
    pub async fn view(&self, spec: &CallSpec) -> Result<Arc<View>, ApiError> {
        if let Some(view) = self.view.lock().clone() {
            return Ok(view);
        }
        let mut backoff = Backoff::new(self.config.reconnect_backoff, self.config.reconnect_backoff_max);
        let no_node = || ApiError::timeout(format!("Timed out waiting for a node assignment. Call: {}", spec.name));
        loop {
            match within(spec.deadline, self.refresh()).await {
                None => return Err(no_node()),
                Some(Ok(view)) => return Ok(view),
                Some(Err(e)) if !e.is_retriable() => return Err(e),
                Some(Err(_)) => {}
            }
            if !backoff.wait(spec.deadline).await {
                return Err(no_node());
            }
        }
    }

    /// Forgets the metadata, so that the next call asks for it.
    pub fn invalidate(&self) {
        self.view.lock().take();
    }

    /// Sends a request made for the version both sides know to the call's target, again and again while the failure is
    /// retriable, until `judge` accepts the response.
    ///
    /// # Errors
    /// What `judge` gave last as cause of `Call(callName=...) timed out at ...`, Kafka's two `Timed out waiting ...`
    /// texts, and any error that trying again does not cure.
    pub async fn call<R, F, J>(&self, spec: CallSpec, make: F, judge: J) -> Result<R::Response, ApiError>
    where
        R: Request,
        F: Fn(i16) -> R,
        J: Fn(&R::Response) -> Verdict,
    {
        let mut attempts = Attempts::new(self, spec);
        loop {
            let error = match self.attempt(&spec, &make).await {
                Ok(response) => match judge(&response) {
                    Verdict::Done => return Ok(response),
                    Verdict::Retry(e) => e,
                    Verdict::Relocate(e) => {
                        self.invalidate();
                        e
                    }
                },
                Err(Failure::Final(e)) => return Err(e),
                Err(Failure::Lost(e)) => {
                    self.invalidate();
                    e
                }
            };
            attempts.after(error).await?;
        }
    }

    async fn attempt<R: Request>(&self, spec: &CallSpec, make: &impl Fn(i16) -> R) -> Result<R::Response, Failure> {
        let conn = self.connection(spec).await?;
        let version = conn.version_within::<R>(spec.versions).map_err(Failure::Final)?;
        let left = spec.deadline.saturating_duration_since(Instant::now());
        let timeout = self.config.request_timeout.min(left);
        conn.call(&make(version), version, timeout).await.map_err(Failure::of)
    }

    /// An open connection to the call's target.
    async fn connection(&self, spec: &CallSpec) -> Result<Arc<Conn>, Failure> {
        let view = self.view(spec).await.map_err(Failure::Final)?;
        let no_assignment =
            || ApiError::timeout(format!("Timed out waiting for a node assignment. Call: {}", spec.name));
        let no_node = || Failure::Lost(no_assignment());
        let candidates: Vec<Address> = match spec.target {
            Target::Any => self.any_order(&view),
            Target::Controller => match view.controller_id.and_then(|id| view.nodes.get(&id)) {
                Some(node) => vec![node.address()],
                None => return Err(no_node()),
            },
            Target::Node(id) => match view.nodes.get(&id) {
                Some(node) => vec![node.address()],
                None => return Err(no_node()),
            },
        };
        // Kafka does not count a failed connection as an attempt: the call is given to a node again and again.
        let mut last = no_node();
        for address in candidates {
            match within(spec.deadline, self.connect(&address)).await {
                Some(Ok(conn)) => return Ok(conn),
                Some(Err(e)) if !e.is_retriable() => return Err(Failure::Final(e)),
                Some(Err(e)) => last = Failure::Lost(no_assignment().caused_by(e)),
                None => {
                    let text = format!("Timed out waiting to send the call. Call: {}", spec.name);
                    return Err(Failure::Final(ApiError::timeout(text)));
                }
            }
        }
        Err(last)
    }

    /// Addresses for a call that any node can answer: connected ones first.
    fn any_order(&self, view: &View) -> Vec<Address> {
        let mut all: Vec<Address> = view.nodes.values().map(Node::address).collect();
        all.sort_by_key(|address| !self.is_connected(address));
        all
    }

    fn is_connected(&self, address: &Address) -> bool {
        let slots = self.slots.lock();
        let conn = slots.get(address).and_then(|slot| slot.try_lock().ok()?.clone());
        conn.is_some_and(|conn| !conn.is_stale())
    }

    /// The connection to an address, opened if need be.
    async fn connect(&self, address: &Address) -> Result<Arc<Conn>, ApiError> {
        let slot = self.slots.lock().entry(address.clone()).or_default().clone();
        let mut slot = slot.lock().await;
        if let Some(conn) = slot.as_ref().filter(|conn| !conn.is_stale()) {
            return Ok(conn.clone());
        }
        let conn = Arc::new(Conn::open(address, &self.settings).await?);
        *slot = Some(conn.clone());
        Ok(conn)
    }

    /// A connection to this node, for callers that want the node's versions.
    ///
    /// # Errors
    /// If the node is unknown or cannot be reached; no retries.
    pub async fn connection_to(&self, spec: &CallSpec) -> Result<Arc<Conn>, ApiError> {
        self.connection(spec).await.map_err(Failure::into_error)
    }

    /// A new connection to a node, not shared with anybody.
    pub(crate) async fn dedicated(&self, spec: &CallSpec, node: i32) -> Result<Conn, ApiError> {
        let view = self.view(spec).await?;
        let unknown = || ApiError::disconnected(format!("node {node} is not in the metadata"));
        let address = view.nodes.get(&node).map(Node::address).ok_or_else(unknown)?;
        Conn::open(&address, &self.settings).await
    }

    /// Asks the nodes known so far, then the bootstrap servers, for metadata; the first answer counts.
    async fn refresh(&self) -> Result<Arc<View>, ApiError> {
        let _one_at_a_time = self.refreshing.lock().await;
        if let Some(view) = self.view.lock().clone() {
            return Ok(view);
        }
        let mut addresses: Vec<Address> = self.slots.lock().keys().cloned().collect();
        addresses.retain(|a| self.is_connected(a));
        addresses.extend(
            self.config
                .bootstrap
                .iter()
                .filter(|a| !addresses.contains(a))
                .cloned()
                .collect::<Vec<_>>(),
        );
        let mut last: ApiError = ErrorCode::BROKER_NOT_AVAILABLE.into();
        for address in addresses {
            match self.ask_metadata(&address).await {
                Ok(view) if !view.nodes.is_empty() => {
                    let view = Arc::new(view);
                    *self.view.lock() = Some(view.clone());
                    return Ok(view);
                }
                Ok(_) => last = ErrorCode::LEADER_NOT_AVAILABLE.into(),
                Err(e) if !e.is_retriable() => return Err(e),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    async fn ask_metadata(&self, address: &Address) -> Result<View, ApiError> {
        let conn = self.connect(address).await?;
        if self.config.to_controllers {
            self.ask_controllers(&conn).await
        } else {
            self.ask_brokers(&conn).await
        }
    }

    async fn ask_brokers(&self, conn: &Conn) -> Result<View, ApiError> {
        let version = conn.version_of::<MetadataRequest>()?;
        // No topics: version 0 can only say that it wants all.
        let request = MetadataRequest::default()
            .with_topics(Some(Vec::new()))
            .with_allow_auto_topic_creation(true);
        let answer = conn.call(&request, version, self.config.request_timeout).await?;
        let nodes = answer.brokers.iter().map(Node::from_metadata);
        Ok(View {
            cluster_id: answer.cluster_id.as_ref().map(|id| id.to_string()),
            controller_id: Some(answer.controller_id.0).filter(|&id| id >= 0),
            nodes: nodes.map(|n| (n.id, n)).collect(),
        })
    }

    async fn ask_controllers(&self, conn: &Conn) -> Result<View, ApiError> {
        let version = conn.version_of::<DescribeClusterRequest>()?;
        let request = DescribeClusterRequest::default().with_endpoint_type(if version >= 1 { 2 } else { 1 });
        let answer = conn.call(&request, version, self.config.request_timeout).await?;
        ApiError::check(answer.error_code, answer.error_message.as_deref())?;
        let nodes = answer.brokers.iter().map(Node::from_describe_cluster);
        Ok(View {
            cluster_id: Some(answer.cluster_id.to_string()),
            controller_id: Some(answer.controller_id.0).filter(|&id| id >= 0),
            nodes: nodes.map(|n| (n.id, n)).collect(),
        })
    }
}

/// Why one attempt failed.
enum Failure {
    /// No other attempt can do better.
    Final(ApiError),
    /// The node or its whereabouts were lost: ask for metadata and try again.
    Lost(ApiError),
}

impl Failure {
    fn of(error: ApiError) -> Self {
        if error.is_retriable() {
            Failure::Lost(error)
        } else {
            Failure::Final(error)
        }
    }

    fn into_error(self) -> ApiError {
        match self {
            Failure::Final(e) | Failure::Lost(e) => e,
        }
    }
}

/// Counts the attempts of a call and waits between them.
pub(crate) struct Attempts {
    spec: CallSpec,
    tries: i32,
    max_retries: i32,
    backoff: Backoff,
}

impl Attempts {
    pub(crate) fn new(cluster: &Cluster, spec: CallSpec) -> Self {
        let config = &cluster.config;
        let backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
        Self {
            spec,
            tries: 0,
            max_retries: config.retries,
            backoff,
        }
    }

    /// What the call is named from now on: a look-up and what follows it share their tries.
    pub(crate) fn rename(&mut self, name: &'static str) {
        self.spec.name = name;
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// Kafka's timeout when deadline or `retries` are used up.
    pub(crate) async fn after(&mut self, error: ApiError) -> Result<(), ApiError> {
        self.tries = self.tries.saturating_add(1);
        if self.tries > self.max_retries || !self.backoff.wait(self.spec.deadline).await {
            return Err(self.timed_out(error));
        }
        Ok(())
    }

    fn timed_out(&self, cause: ApiError) -> ApiError {
        if cause.code == ErrorCode::REQUEST_TIMED_OUT {
            return cause;
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        let left = self.spec.deadline.saturating_duration_since(Instant::now()).as_millis();
        ApiError::timeout(format!(
            "Call(callName={}, deadlineMs={}, tries={}, nextAllowedTryMs={}) timed out at {now} after {} attempt(s)",
            self.spec.name,
            now + left,
            self.tries,
            now + self.backoff.next_ms(),
            self.tries
        ))
        .caused_by(cause)
    }
}

/// Exponential back-off with Kafka's factor 2 and jitter of 20 %.
#[derive(Debug)]
struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    fn new(first: Duration, max: Duration) -> Self {
        Self {
            next: first.min(max),
            max,
        }
    }

    fn next_ms(&self) -> u128 {
        self.next.as_millis()
    }

    /// Waits; `false` at once or at the deadline if the wait would reach past it.
    async fn wait(&mut self, deadline: Instant) -> bool {
        let pause = self.next.mul_f64(rand::rng().random_range(0.8..=1.2)).min(self.max);
        self.next = (self.next * 2).min(self.max);
        let until = Instant::now() + pause;
        tokio::time::sleep_until(until.min(deadline)).await;
        until < deadline
    }
}

/// The future's output, or `None` at the deadline.
async fn within<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout_at(deadline, future).await.ok()
}
