//! Kafka's `Admin`: its method names, one file per noun.
//!
//! An [`Admin`] is cheap to clone; clones share connections and metadata. Every call has one deadline
//! (`default.api.timeout.ms`, or [`Admin::with_timeout`]) that covers finding the right node, retries and back-off.
//! The right node is the partition's leader, the group's coordinator, the controller or any broker, as in Kafka.
//!
//! A method that asks about several things returns [`Items`]: one `Result` for each, in the order asked, so that one
//! unknown topic does not hide the others. Its outer `Err` means that nothing could be asked at all.

mod acls;
mod cluster;
mod configs;
mod driver;
mod group_offsets;
mod groups;
mod log_dirs;
mod offsets;
mod quorum;
mod quotas;
mod reassignments;
mod record_times;
mod scram;
mod topic_changes;
mod topics;
mod transactions;

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::{BrokerId, TopicName};
use kafka_protocol::protocol::{Request, StrBytes};
use tokio::time::Instant;

pub use super::cluster::Node;
use super::cluster::{ANY_VERSION, CallSpec, Cluster, Target, Verdict, View};
use super::config::{ClientConfig, ConnectConfig};
use super::conn::Conn;
use super::error::{AdminError, ApiError};
use crate::wire::ErrorCode;

pub use acls::*;
pub use cluster::*;
pub use configs::*;
pub use group_offsets::*;
pub use groups::*;
pub use log_dirs::*;
pub use offsets::*;
pub use quorum::*;
pub use quotas::*;
pub use reassignments::*;
pub use scram::*;
pub use topic_changes::*;
pub use topics::*;
pub use transactions::*;

/// Answers about several things, each with its own outcome, in the order asked.
pub type Items<K, V> = Vec<(K, Result<V, ApiError>)>;

/// A client of a cluster's administrative requests.
#[derive(Clone, Debug)]
pub struct Admin {
    cluster: Arc<Cluster>,
    timeout: Duration,
}

impl Admin {
    /// Reads the configuration and resolves the bootstrap names. Opens no socket: an unreachable cluster shows in the
    /// first call, as in Kafka.
    ///
    /// # Errors
    /// Kafka's `ConfigException`, or `KafkaException: Failed to create new KafkaAdminClient` with its cause.
    pub async fn connect(connect: &ConnectConfig) -> Result<Admin, AdminError> {
        let config = ClientConfig::for_admin(connect)?;
        let timeout = config.api_timeout;
        Ok(Admin {
            cluster: Arc::new(Cluster::new(config).await?),
            timeout,
        })
    }

    /// The same client with another deadline for each call (`--timeout` of several tools; Kafka: `timeoutMs` of options).
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Admin {
        Admin {
            cluster: self.cluster.clone(),
            timeout,
        }
    }

    /// How long a call may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Keys of the properties that no Kafka client knows, to be named once.
    pub fn unknown_keys(&self) -> &[String] {
        &self.cluster.config().unknown_keys
    }

    /// What Kafka logs as WARN while it makes the client.
    pub fn warnings(&self) -> &[String] {
        &self.cluster.config().warnings
    }

    /// Whether this client was given `--bootstrap-controller`.
    pub fn uses_controllers(&self) -> bool {
        self.cluster.config().to_controllers
    }

    /// Sends any request to `target`, for what has no method here. `judge` says whether to try again.
    ///
    /// # Errors
    /// Those of [`Cluster::call`].
    pub async fn request<R: Request>(
        &self,
        name: &'static str,
        target: Target,
        make: impl Fn(i16) -> R,
        judge: impl Fn(&R::Response) -> Verdict,
    ) -> Result<R::Response, AdminError> {
        self.cluster.call(self.spec(name, target), make, judge).await
    }

    /// A connection to this node that nobody else uses, for requests that the node holds back: it answers the requests
    /// of a connection one after the other.
    ///
    /// # Errors
    /// If the node is unknown or cannot be reached; no retries.
    pub(crate) async fn dedicated_connection(&self, node: i32) -> Result<Conn, ApiError> {
        let spec = self.spec("connect", Target::Node(node));
        self.cluster.dedicated(&spec, node).await
    }

    /// Forgets where the nodes are, so that the next call asks.
    pub(crate) fn forget_nodes(&self) {
        self.cluster.invalidate();
    }

    /// `request.timeout.ms`.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.cluster.config().request_timeout
    }

    fn spec(&self, name: &'static str, target: Target) -> CallSpec {
        CallSpec {
            name,
            target,
            deadline: Instant::now() + self.timeout,
            versions: ANY_VERSION,
        }
    }

    async fn view(&self, spec: &CallSpec) -> Result<Arc<View>, AdminError> {
        self.cluster.view(spec).await
    }

    /// The nodes as they are now, for calls to all of them.
    async fn fresh_view(&self, spec: &CallSpec) -> Result<Arc<View>, AdminError> {
        self.cluster.invalidate();
        self.view(spec).await
    }

    /// Kafka's `LeastLoadedBrokerOrActiveKController`.
    fn any_or_controller(&self) -> Target {
        if self.uses_controllers() {
            Target::Controller
        } else {
            Target::Any
        }
    }

    /// For calls that controllers do not answer.
    fn brokers_only(&self) -> Result<(), AdminError> {
        if self.uses_controllers() {
            let text = "This Admin API is not yet supported when communicating directly with the controller quorum.";
            return Err(ApiError::with_text(ErrorCode::UNSUPPORTED_ENDPOINT_TYPE, text));
        }
        Ok(())
    }

    /// The `timeout_ms` field of a request sent now.
    fn timeout_ms(&self) -> i32 {
        let timeout = self.timeout.min(self.cluster.config().request_timeout);
        i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
    }
}

/// The item for `key` out of the answers, or the error Kafka's Admin gives for an answer that leaves it out.
fn take<K, V>(answers: &mut Vec<(K, Result<V, ApiError>)>, key: &K) -> (K, Result<V, ApiError>)
where
    K: PartialEq + Clone + std::fmt::Display,
{
    match answers.iter().position(|(k, _)| k == key) {
        Some(i) => answers.swap_remove(i),
        None => (
            key.clone(),
            Err(ApiError::kafka(format!(
                "The server response did not contain a result for {key}"
            ))),
        ),
    }
}

fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_string())
}

fn topic_name(s: &str) -> TopicName {
    TopicName(text(s))
}

fn ids(brokers: &[BrokerId]) -> Vec<i32> {
    brokers.iter().map(|id| id.0).collect()
}

fn broker_ids(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

/// Any unknown or retriable code of several makes the whole request be tried again elsewhere.
fn judge_codes(codes: impl IntoIterator<Item = i16>) -> Verdict {
    let not_controller = codes
        .into_iter()
        .any(|code| ErrorCode::from(code) == ErrorCode::NOT_CONTROLLER);
    if not_controller {
        Verdict::of_code(ErrorCode::NOT_CONTROLLER.code())
    } else {
        Verdict::Done
    }
}

#[cfg(test)]
pub(crate) mod live {
    //! Looks at a real cluster; the tests that use it do nothing unless `KT_TEST_BOOTSTRAP` names one.
    use super::*;
    use crate::client::{Bootstrap, props::Properties};

    pub(crate) async fn admin() -> Option<Admin> {
        let servers = std::env::var("KT_TEST_BOOTSTRAP").ok()?;
        let connect = ConnectConfig {
            bootstrap: Bootstrap::Servers(servers),
            props: Properties::new(),
        };
        Some(Admin::connect(&connect).await.expect("KT_TEST_BOOTSTRAP"))
    }

    /// Tries `look` until it gives something: brokers hear of a change one after the other, and none says when all have.
    pub(crate) async fn eventually<T>(look: impl AsyncFn() -> Option<T>) -> T {
        for _ in 0..200 {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the cluster did not get there within ten seconds");
    }
}
