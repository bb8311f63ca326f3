//! The embedded cluster as a library.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use kt::broker::Cluster;
//!
//! let cluster = Cluster::builder().topic("orders", 3).start().await?;
//! println!("bootstrap.servers={}", cluster.bootstrap_servers());
//! cluster.stop().await;
//! # Ok(())
//! # }
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::config::{BrokerConfig, EMBEDDED_DEFAULTS, Props};
use super::control::Control;
use super::listener::Listener;
use super::maintenance::{Maintained, Maintenance, maintain};
use super::metadata::controller::{ControllerOptions, MetadataLogConfig};
use super::metadata::record::ScramCredentialRecord;
use super::metadata::topics::{self, NewTopic};
use super::metadata::{ApiError, Controller, MetadataRecord};
use super::node::{Node, NodeOptions};
use super::release::Release;
use super::replica::ReplicaManager;
use super::storage::Storage;
use crate::wire::sasl::{ScramCredential, ScramMechanism};

/// How a cluster is to be. Without further words: one broker on a free port of 127.0.0.1, in a temporary directory.
#[derive(Debug, Default)]
pub struct ClusterBuilder {
    props: Props,
    data_dir: Option<PathBuf>,
    topics: Vec<NewTopic>,
    scram_users: Vec<ScramUser>,
    options: NodeOptions,
}

/// Somebody who can log in by SCRAM.
struct ScramUser {
    mechanism: ScramMechanism,
    name: String,
    password: String,
}

impl std::fmt::Debug for ScramUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.name, self.mechanism)
    }
}

impl ClusterBuilder {
    /// A key of server.properties.
    pub fn config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.props.insert(name.into(), value.into());
        self
    }

    /// Keys of server.properties; later ones count.
    pub fn configs(mut self, props: impl IntoIterator<Item = (String, String)>) -> Self {
        self.props.extend(props);
        self
    }

    /// Where the data lives. It stays there, and a later cluster on it goes on where this one stopped. Without it the
    /// data is in a temporary directory that is removed at the end.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(dir.into());
        self
    }

    /// A topic to be there when [`Self::start`] returns; one that is there already stays as it is.
    pub fn topic(self, name: impl Into<String>, partitions: i32) -> Self {
        self.topic_with(NewTopic {
            name: name.into(),
            partitions,
            replication_factor: -1,
            ..NewTopic::default()
        })
    }

    /// As [`Self::topic`], with all that a topic can have.
    pub fn topic_with(mut self, topic: NewTopic) -> Self {
        self.topics.push(topic);
        self
    }

    /// A user who can log in by SCRAM when [`Self::start`] returns, with this password from now on.
    pub fn scram_user(
        mut self,
        mechanism: ScramMechanism,
        name: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.scram_users.push(ScramUser {
            mechanism,
            name: name.into(),
            password: password.into(),
        });
        self
    }

    /// Log lines (malformed requests, failing files) go to stderr; the default is silence.
    pub fn log_to_stderr(mut self) -> Self {
        self.options.log_to_stderr = true;
        self
    }

    /// Clients take the broker for one of this release: it tells of no later versions of its APIs, and answers none.
    pub fn as_version(mut self, release: Release) -> Self {
        self.options.as_version = Some(release);
        self
    }

    /// Starts the cluster on the present tokio runtime; clients can connect when this returns.
    ///
    /// # Errors
    /// A configuration value its key does not take, an address that cannot be had, a data directory that is in use,
    /// belongs to another cluster, or holds something that is no Kafka log.
    pub async fn start(self) -> io::Result<Cluster> {
        let (config, temporary) = self.effective_config()?;
        let endpoints = config.endpoints().map_err(invalid)?;
        let backlog = u32::try_from(config.i64("socket.listen.backlog.size")).unwrap_or(50);
        let mut listeners = Vec::with_capacity(endpoints.len());
        for (endpoint, advertised) in endpoints {
            listeners.push(Listener::bind(endpoint, advertised, backlog).await?.secure(&config)?);
        }
        let storage = Storage::open(&config)?;
        let node_id = storage.node_id();
        let identity = identity(&config, node_id, &listeners);
        let config = config.with_static(identity).map_err(invalid)?;
        let controller = Arc::new(Controller::open(&ControllerOptions {
            log_dir: &storage.metadata_dir(),
            node_id,
            cluster_id: storage.cluster_id(),
            clean_shutdown: storage.clean_shutdown(),
            now_ms: chrono::Utc::now().timestamp_millis(),
            log: MetadataLogConfig::from(&config),
        })?);
        let replicas = ReplicaManager::new(node_id, storage.log_dirs().to_vec())?;
        let node = Node::new(node_id, config, controller, replicas, self.options).map_err(invalid)?;
        node.register(listeners.iter().map(|l| l.advertised.clone()).collect())
            .map_err(failed)?;
        node.join();
        for topic in &self.topics {
            create_if_missing(&node, topic).map_err(failed)?;
        }
        for user in &self.scram_users {
            set_password(&node, user).map_err(failed)?;
        }
        let bootstrap_servers = bootstrap_servers(&listeners)?;
        let mut tasks: Vec<_> = listeners
            .into_iter()
            .map(|l| tokio::spawn(l.run(node.clone())))
            .collect();
        for (_, dir) in node.replicas().online_dirs() {
            // Without it only `kt broker-ctl` does not work.
            match Control::bind(&dir.path) {
                Ok(Some(control)) => tasks.push(tokio::spawn(control.run(node.clone()))),
                Ok(None) => {}
                Err(e) => node.log(&format!("{}: no control socket: {e}", dir.path.display())),
            }
        }
        tasks.push(tokio::spawn(super::background::run(node.clone())));
        tasks.push(tokio::spawn(super::replica::mover::run(node.clone())));
        tasks.push(tokio::spawn(node.groups().clone().run(node.shutdown_signal())));
        tasks.push(tokio::spawn(node.transactions().clone().run(node.shutdown_signal())));
        tasks.push(tokio::spawn(node.shares().clone().run(node.shutdown_signal())));
        Ok(Cluster {
            node,
            tasks,
            _storage: storage,
            bootstrap_servers,
            temporary,
            is_stopped: false,
        })
    }

    /// The given properties over the embedded defaults; an address and a directory if none are given.
    fn effective_config(&self) -> io::Result<(BrokerConfig, Option<tempfile::TempDir>)> {
        let mut props: Props = EMBEDDED_DEFAULTS
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        props.extend(self.props.clone());
        props
            .entry("listeners".to_owned())
            .or_insert_with(|| "PLAINTEXT://127.0.0.1:0".to_owned());
        let mut temporary = None;
        if let Some(dir) = &self.data_dir {
            props.insert("log.dirs".to_owned(), path_text(dir)?);
        } else if !props.contains_key("log.dirs") && !props.contains_key("log.dir") {
            let dir = tempfile::Builder::new().prefix("kt-broker-").tempdir()?;
            props.insert("log.dirs".to_owned(), path_text(dir.path())?);
            temporary = Some(dir);
        }
        Ok((BrokerConfig::new(props).map_err(invalid)?, temporary))
    }
}

/// What Kafka needs to be told and an embedded broker knows by itself, so that it reads the same.
fn identity(config: &BrokerConfig, node_id: i32, listeners: &[Listener]) -> Props {
    let advertised: Vec<_> = listeners.iter().map(|l| l.advertised.to_string()).collect();
    let all = [
        ("advertised.listeners", advertised.join(",")),
        ("node.id", node_id.to_string()),
        ("broker.id", node_id.to_string()),
        ("process.roles", "broker,controller".to_owned()),
        ("controller.listener.names", "CONTROLLER".to_owned()),
    ];
    let missing = all.into_iter().filter(|(name, _)| !config.is_set(name));
    missing.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn path_text(path: &Path) -> io::Result<String> {
    let text = path.to_str().filter(|t| !t.contains(','));
    text.map(str::to_owned)
        .ok_or_else(|| invalid("a data directory's name must be UTF-8 without commas"))
}

fn invalid(e: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, e.to_string())
}

fn failed(e: ApiError) -> io::Error {
    io::Error::other(e.text())
}

fn create_if_missing(node: &Node, topic: &NewTopic) -> Result<(), ApiError> {
    let config = node.config();
    node.controller().change(|image| {
        if image.topic(&topic.name).is_some() {
            return Ok((Vec::new(), ()));
        }
        Ok((topics::create(image, &config, topic)?.records, ()))
    })
}

/// Writes a credential, unless the user has this password already.
fn set_password(node: &Node, user: &ScramUser) -> Result<(), ApiError> {
    const ITERATIONS: u32 = 4096;
    let (mechanism, password) = (user.mechanism, &user.password);
    node.controller().change(|image| {
        let there = image.scram.get(&(user.name.clone(), mechanism.code()));
        let is_same = |there: &ScramCredentialRecord| {
            let iterations = u32::try_from(there.iterations).unwrap_or(ITERATIONS);
            let again = ScramCredential::new(mechanism, password, there.salt.clone(), iterations);
            again.stored_key == there.stored_key
        };
        if there.is_some_and(is_same) {
            return Ok((Vec::new(), ()));
        }
        let salt = rand::random::<[u8; 16]>().to_vec();
        let made = ScramCredential::new(mechanism, password, salt, ITERATIONS);
        let record = MetadataRecord::UserScramCredential(ScramCredentialRecord {
            name: user.name.clone(),
            mechanism: mechanism.code(),
            salt: made.salt,
            stored_key: made.stored_key,
            server_key: made.server_key,
            iterations: i32::try_from(made.iterations).unwrap_or(i32::MAX),
        });
        Ok((vec![record], ()))
    })
}

fn bootstrap_servers(listeners: &[Listener]) -> io::Result<String> {
    let first = listeners
        .first()
        .ok_or_else(|| invalid("listeners names no listener for clients"))?;
    let host = &first.advertised.host;
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    Ok(format!("{host}:{}", first.advertised.port))
}

/// A running cluster. Dropping it is as killing it.
#[derive(Debug)]
pub struct Cluster {
    node: Arc<Node>,
    tasks: Vec<JoinHandle<()>>,
    /// Keeps the directories locked.
    _storage: Storage,
    bootstrap_servers: String,
    temporary: Option<tempfile::TempDir>,
    is_stopped: bool,
}

impl Cluster {
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// `HOST:PORT` for clients.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// The only broker so far.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// The first of the directories the data is in.
    pub fn data_dir(&self) -> &Path {
        &self.node.replicas().dirs()[0].path
    }

    /// Compacts a topic or applies its retention now; see [`Maintenance`].
    ///
    /// # Errors
    /// An unknown topic, one that is not compacted, or a disk that fails.
    pub async fn maintain(&self, topic: &str, what: Maintenance) -> io::Result<Vec<Maintained>> {
        let (node, topic) = (self.node.clone(), topic.to_owned());
        let done = tokio::task::spawn_blocking(move || maintain(&node, &topic, what)).await;
        done.map_err(io::Error::other)?.map_err(failed)
    }

    /// Names in the configuration that do nothing, by why.
    pub fn ignored_configs(&self) -> Vec<(&'static str, Vec<String>)> {
        let config = self.node.config();
        let (removed, unknown) = config.unknown_keys();
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let all = [
            ("ignored, removed from Kafka with ZooKeeper", owned(removed)),
            ("unknown configs", owned(unknown)),
        ];
        all.into_iter().filter(|(_, names)| !names.is_empty()).collect()
    }

    /// Stops in order: requests being served are answered, files are flushed and closed, so that the next start need
    /// not check them.
    pub async fn stop(mut self) {
        self.is_stopped = true;
        self.node.begin_shutdown();
        for task in self.tasks.drain(..) {
            let _ = task.await;
        }
        let broker_epoch = self.node.image().brokers.get(&self.node.id()).map_or(-1, |b| b.epoch);
        let mut problems: Vec<String> = self.node.set_fenced(true).err().map(|e| e.text()).into_iter().collect();
        let closed = self.node.replicas().close(true);
        problems.extend(self.node.controller().close().err().map(|e| e.to_string()));
        if problems.is_empty() {
            problems.extend(
                Storage::mark_clean(&closed.clean, broker_epoch)
                    .err()
                    .map(|e| e.to_string()),
            );
        }
        problems.extend(closed.problems);
        problems.iter().for_each(|p| self.node.log(p));
        if let Some(temporary) = self.temporary.take() {
            let _ = temporary.close();
        }
    }

    /// Ends it as `kill -9` would: nothing is flushed, nothing is answered.
    pub fn kill(self) {}
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !self.is_stopped {
            self.node.begin_shutdown();
            self.tasks.iter().for_each(JoinHandle::abort);
            self.node.replicas().close(false);
        }
    }
}
