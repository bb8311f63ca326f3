//! One broker of a cluster: its configuration, its partitions, its view of the metadata (Kafka: `BrokerServer`).

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use uuid::Uuid;

use super::acl::Authorizer;
use super::config::{BrokerConfig, ConfigError, Endpoint, Props};
use super::group::coordinator::Clock;
use super::group::{GroupCoordinator, GroupCoordinatorConfig, OffsetsTopic};
use super::listener::Connections;
use super::metadata::bootstrap::{FEATURES, KRAFT_VERSION};
use super::metadata::controller::Publisher;
use super::metadata::image::resource_type;
use super::metadata::record::{EndPoint, RegisterBroker};
use super::metadata::topics::{self, NewTopic};
use super::metadata::{ApiError, Controller, MetadataImage, MetadataRecord, election, names};
use super::quota::Quotas;
use super::release::Release;
use super::replica::fetch_session::FetchSessions;
use super::replica::{ReplicaManager, checkpoints};
use super::request_memory::RequestMemory;
use super::share::SharePartitionManager;
use super::share::coordinator::ShareCoordinator;
use super::token::Tokens;
use super::txn::{TransactionConfig, TransactionCoordinator, TransactionTopic};
use crate::wire::ErrorCode;

/// Producer ids are taken from the controller in blocks of this many (Kafka: `ProducerIdsBlock`).
const PRODUCER_ID_BLOCK: i64 = 1000;

/// See the module's text.
#[derive(Debug)]
pub struct Node {
    id: i32,
    incarnation_id: Uuid,
    config: RwLock<Arc<BrokerConfig>>,
    authorizer: Option<Authorizer>,
    controller: Arc<Controller>,
    replicas: ReplicaManager,
    groups: Arc<GroupCoordinator>,
    transactions: Arc<TransactionCoordinator>,
    shares: Arc<SharePartitionManager>,
    fetch_sessions: FetchSessions,
    connections: Connections,
    quotas: Quotas,
    tokens: Option<Tokens>,
    request_memory: RequestMemory,
    /// What clients of each listener are told.
    advertised: OnceLock<Vec<Endpoint>>,
    /// The next producer id, and the end of the block it comes from.
    producer_ids: Mutex<(i64, i64)>,
    /// Levels set with `kafka-configs --entity-type broker-loggers`.
    loggers: Mutex<BTreeMap<String, String>>,
    shutdown: watch::Sender<bool>,
    options: NodeOptions,
}

/// What is no key of server.properties.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeOptions {
    pub log_to_stderr: bool,
    /// The release that clients are to take this broker for.
    pub as_version: Option<Release>,
}

impl Node {
    pub(super) fn new(
        id: i32,
        config: BrokerConfig,
        controller: Arc<Controller>,
        replicas: ReplicaManager,
        options: NodeOptions,
    ) -> Result<Arc<Self>, ConfigError> {
        let slots = usize::try_from(config.i64("max.incremental.fetch.session.cache.slots")).unwrap_or(0);
        let quotas = Quotas::new(&config);
        let tokens = Tokens::new(&config);
        let group_config = GroupCoordinatorConfig::from(&config);
        let transaction_config = TransactionConfig::from(&config);
        let request_memory = RequestMemory::new(config.i64("queued.max.request.bytes"));
        let clock: Clock = Arc::new(|| chrono::Utc::now().timestamp_millis());
        let authorizer = Authorizer::new(&config)?;
        let share_sessions = usize::try_from(config.i64("group.share.max.share.sessions")).unwrap_or(0);
        let share_updates = config.i32("share.coordinator.snapshot.update.records.per.snapshot");
        let node = Arc::new_cyclic(|node: &Weak<Self>| Self {
            id,
            incarnation_id: Uuid::new_v4(),
            authorizer,
            config: RwLock::new(Arc::new(config)),
            controller,
            replicas,
            groups: Arc::new(GroupCoordinator::new(
                group_config,
                Arc::new(OffsetsTopic::new(node.clone())),
                clock.clone(),
            )),
            transactions: Arc::new(TransactionCoordinator::new(
                transaction_config,
                Arc::new(TransactionTopic::new(node.clone())),
                clock.clone(),
            )),
            shares: Arc::new(SharePartitionManager::new(
                node.clone(),
                ShareCoordinator::new(Arc::new(OffsetsTopic::share_state(node.clone())), clock, share_updates),
                share_sessions,
            )),
            fetch_sessions: FetchSessions::new(slots),
            connections: Connections::default(),
            quotas,
            tokens,
            request_memory,
            advertised: OnceLock::new(),
            producer_ids: Mutex::default(),
            loggers: Mutex::default(),
            shutdown: watch::Sender::new(false),
            options,
        });
        Ok(node)
    }

    pub fn id(&self) -> i32 {
        self.id
    }

    /// The configuration now in force.
    pub fn config(&self) -> Arc<BrokerConfig> {
        self.config.read().clone()
    }

    /// Who decides what principals may do; `None` allows everything.
    pub fn authorizer(&self) -> Option<&Authorizer> {
        self.authorizer.as_ref()
    }

    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    pub fn image(&self) -> Arc<MetadataImage> {
        self.controller.image()
    }

    pub fn replicas(&self) -> &ReplicaManager {
        &self.replicas
    }

    /// The coordinator of consumer groups.
    pub fn groups(&self) -> &Arc<GroupCoordinator> {
        &self.groups
    }

    /// The coordinator of transactions.
    pub fn transactions(&self) -> &Arc<TransactionCoordinator> {
        &self.transactions
    }

    /// The share partitions this broker leads.
    pub fn shares(&self) -> &Arc<SharePartitionManager> {
        &self.shares
    }

    pub fn fetch_sessions(&self) -> &FetchSessions {
        &self.fetch_sessions
    }

    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The release that clients are to take this broker for.
    pub fn as_version(&self) -> Option<Release> {
        self.options.as_version
    }

    /// What requests may take of memory.
    pub fn request_memory(&self) -> &RequestMemory {
        &self.request_memory
    }

    /// What clients did lately, and how much they may.
    pub fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Delegation tokens, where they are enabled.
    pub fn tokens(&self) -> Option<&Tokens> {
        self.tokens.as_ref()
    }

    pub fn loggers(&self) -> &Mutex<BTreeMap<String, String>> {
        &self.loggers
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        chrono::Utc::now().timestamp_millis()
    }

    /// Becomes true when the broker stops.
    pub fn shutdown_signal(&self) -> watch::Receiver<bool> {
        self.shutdown.subscribe()
    }

    pub(super) fn begin_shutdown(&self) {
        self.shutdown.send_replace(true);
    }

    /// What the operator should know. An embedded broker is silent unless it was asked not to be.
    pub fn log(&self, text: &str) {
        if self.options.log_to_stderr {
            eprintln!("[broker {}] {text}", self.id);
        }
    }

    pub fn advertised(&self) -> &[Endpoint] {
        self.advertised.get().map_or(&[], Vec::as_slice)
    }

    /// Takes up the partitions the metadata gives this broker, which has registered, and from now on follows every change.
    pub(super) fn join(self: &Arc<Self>) {
        let image = self.image();
        self.adopt_config(&image);
        let problems = self
            .replicas
            .apply(&self.config(), &MetadataImage::default(), &image, self.now_ms());
        problems.iter().for_each(|p| self.log(p));
        self.replicas.set_strays_aside().iter().for_each(|p| self.log(p));
        self.replicas
            .resume_moves(self.now_ms())
            .iter()
            .for_each(|p| self.log(p));
        let publisher: Arc<dyn Publisher> = self.clone();
        self.controller.subscribe(Arc::downgrade(&publisher));
    }

    /// Registers with the controller, unfenced: clients may come.
    pub(super) fn register(&self, advertised: Vec<Endpoint>) -> Result<(), ApiError> {
        let end_points = advertised
            .iter()
            .map(|e| EndPoint {
                name: e.name.clone(),
                host: e.host.clone(),
                port: e.port,
                security_protocol: e.protocol as i16,
            })
            .collect();
        let _ = self.advertised.set(advertised);
        let mut features: Vec<_> = FEATURES
            .iter()
            .map(|(name, min, max, _)| ((*name).to_owned(), *min, *max))
            .collect();
        features.push((KRAFT_VERSION.0.to_owned(), KRAFT_VERSION.1, KRAFT_VERSION.2));
        let broker_epoch = self.controller.end_offset();
        let registration = MetadataRecord::RegisterBroker(RegisterBroker {
            broker_id: self.id,
            incarnation_id: self.incarnation_id,
            broker_epoch,
            end_points,
            features,
            rack: self.config().str("broker.rack").map(str::to_owned),
            fenced: true,
            log_dirs: self.online_dir_ids(),
        });
        self.controller.change(|_| Ok((vec![registration], ())))?;
        self.set_fenced(false)
    }

    /// Fences or unfences this broker; unfenced, it leads what it led before, and where nobody does.
    pub(super) fn set_fenced(&self, fenced: bool) -> Result<(), ApiError> {
        self.controller.change(|image| {
            let broker_epoch = image.brokers.get(&self.id).map_or(-1, |b| b.epoch);
            let mut records = vec![MetadataRecord::BrokerRegistrationChange {
                broker_id: self.id,
                broker_epoch,
                fenced: if fenced { 1 } else { -1 },
                log_dirs: Vec::new(),
            }];
            if !fenced {
                records.extend(election::elect_returned(image, self.id, |p| self.replicas.is_lost(p)));
            }
            Ok((records, ()))
        })
    }

    fn online_dir_ids(&self) -> Vec<Uuid> {
        self.replicas.online_dirs().map(|(_, dir)| dir.id).collect()
    }

    /// Gives up leading partitions whose log directory has failed, if others have not: their clients are not to ask here
    /// again and again (Kafka: `ReplicationControlManager.handleDirectoriesOffline`).
    pub(super) fn give_up_failed_dirs(&self) -> Result<(), ApiError> {
        let log_dirs = self.online_dir_ids();
        if log_dirs.is_empty() {
            return Ok(());
        }
        self.controller.change(|image| {
            let registered = image.brokers.get(&self.id);
            let Some(broker) = registered.filter(|broker| broker.log_dirs != log_dirs) else {
                return Ok((Vec::new(), ()));
            };
            let mut records = election::elect_others(image, self.id, |p| self.replicas.is_lost(p));
            records.push(MetadataRecord::BrokerRegistrationChange {
                broker_id: self.id,
                broker_epoch: broker.epoch,
                fenced: 0,
                log_dirs: log_dirs.clone(),
            });
            Ok((records, ()))
        })
    }

    fn adopt_config(&self, image: &MetadataImage) {
        let none = Props::new();
        let of = |name: &str| image.config(resource_type::BROKER, name).unwrap_or(&none);
        let next = self.config().with_dynamic(of(""), of(&self.id.to_string()));
        *self.config.write() = Arc::new(next);
    }

    /// Writes where logs start, so that records deleted stay deleted after a crash.
    pub fn checkpoint_log_starts(&self) {
        checkpoints::write(&self.replicas, checkpoints::Which::LogStart);
    }

    /// Makes a topic as a client's mention of it does (`auto.create.topics.enable`, or a coordinator's own topic), with
    /// the broker's defaults; nothing happens if it is there.
    ///
    /// # Errors
    /// A name that is none, or too few brokers.
    pub fn auto_create_topic(&self, name: &str) -> Result<(), ApiError> {
        let config = self.config();
        let topic = auto_topic(&config, name);
        self.controller.change(|image| {
            if image.topic(name).is_some() {
                return Ok((Vec::new(), ()));
            }
            let planned = topics::create(image, &config, &topic)?;
            Ok((planned.records, ()))
        })
    }

    /// A producer id nobody had before.
    ///
    /// # Errors
    /// If the controller cannot write the block it comes from.
    pub fn next_producer_id(&self) -> Result<i64, ApiError> {
        let mut block = self.producer_ids.lock();
        if block.0 == block.1 {
            *block = self.controller.change(|image| {
                let first = image.next_producer_id;
                let broker_epoch = image.brokers.get(&self.id).map_or(-1, |b| b.epoch);
                let next_producer_id = first
                    .checked_add(PRODUCER_ID_BLOCK)
                    .ok_or(ApiError::from(ErrorCode::UNKNOWN_SERVER_ERROR))?;
                let record = MetadataRecord::ProducerIds {
                    broker_id: self.id,
                    broker_epoch,
                    next_producer_id,
                };
                Ok((vec![record], (first, next_producer_id)))
            })?;
        }
        block.0 += 1;
        Ok(block.0 - 1)
    }
}

impl Publisher for Node {
    fn publish(&self, old: &MetadataImage, new: &Arc<MetadataImage>) {
        let configs_changed = !Arc::ptr_eq(&old.configs, &new.configs);
        let broker_key = |name: &str| (resource_type::BROKER, name.to_owned());
        let mine = [broker_key(""), broker_key(&self.id.to_string())];
        let broker_changed = configs_changed && mine.iter().any(|k| old.configs.get(k) != new.configs.get(k));
        if broker_changed {
            self.adopt_config(new);
        }
        let config = self.config();
        let problems = self.replicas.apply(&config, old, new, self.now_ms());
        problems.iter().for_each(|p| self.log(p));
        self.groups.on_metadata_changed(old, new);
        if old.topic(names::TRANSACTION_STATE) != new.topic(names::TRANSACTION_STATE) {
            self.transactions.on_leadership_changed();
        }
        self.shares.on_metadata_changed(old, new);
        if configs_changed {
            let is_touched = |topic: &str| {
                let of = |image: &MetadataImage| image.config(resource_type::TOPIC, topic).cloned();
                broker_changed || of(old) != of(new)
            };
            self.replicas.update_configs(&config, new, is_touched);
        }
    }
}

/// What an automatically made topic is like; coordinators' topics are compacted (Kafka: `AutoTopicCreationManager`).
fn auto_topic(config: &BrokerConfig, name: &str) -> NewTopic {
    let short = |key: &str| i16::try_from(config.i64(key)).unwrap_or(1);
    let props = |pairs: &[(&str, String)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    let base = NewTopic {
        name: name.to_owned(),
        partitions: -1,
        replication_factor: -1,
        ..NewTopic::default()
    };
    match name {
        names::GROUP_METADATA => NewTopic {
            partitions: config.i32("offsets.topic.num.partitions"),
            replication_factor: short("offsets.topic.replication.factor"),
            configs: props(&[
                ("cleanup.policy", "compact".to_owned()),
                ("compression.type", "producer".to_owned()),
                ("segment.bytes", config.i64("offsets.topic.segment.bytes").to_string()),
            ]),
            ..base
        },
        names::TRANSACTION_STATE => NewTopic {
            partitions: config.i32("transaction.state.log.num.partitions"),
            replication_factor: short("transaction.state.log.replication.factor"),
            configs: props(&[
                ("cleanup.policy", "compact".to_owned()),
                ("compression.type", "uncompressed".to_owned()),
                (
                    "min.insync.replicas",
                    config.i64("transaction.state.log.min.isr").to_string(),
                ),
                (
                    "segment.bytes",
                    config.i64("transaction.state.log.segment.bytes").to_string(),
                ),
                ("unclean.leader.election.enable", "false".to_owned()),
            ]),
            ..base
        },
        names::SHARE_GROUP_STATE => NewTopic {
            partitions: config.i32("share.coordinator.state.topic.num.partitions"),
            replication_factor: short("share.coordinator.state.topic.replication.factor"),
            configs: props(&[
                ("cleanup.policy", "delete".to_owned()),
                ("compression.type", "producer".to_owned()),
                (
                    "min.insync.replicas",
                    config.i64("share.coordinator.state.topic.min.isr").to_string(),
                ),
                ("retention.ms", "-1".to_owned()),
                (
                    "segment.bytes",
                    config.i64("share.coordinator.state.topic.segment.bytes").to_string(),
                ),
            ]),
            ..base
        },
        _ => base,
    }
}
