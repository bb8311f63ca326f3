//! The partitions on this broker (Kafka: `ReplicaManager`, `LogManager`).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use uuid::Uuid;

use super::Partition;
use super::dir_health::DirHealth;
use super::mover::discard;
use super::partition::Leadership;
use super::placement::{Placement, set_aside};
use crate::TopicPartition;
use crate::broker::config::BrokerConfig;
use crate::broker::config::topic::TopicConfig;
use crate::broker::metadata::image::{TopicImage, resource_type};
use crate::broker::metadata::{ApiError, MetadataImage, PartitionImage, names};
use crate::log::{LogConfig, LogError, OpenOptions, PartitionLog, checkpoint, log_dir};
use crate::wire::ErrorCode;

/// One directory of `log.dirs`.
#[derive(Debug, Clone)]
pub struct LogDir {
    pub path: PathBuf,
    /// Nil if that could not be read.
    pub id: Uuid,
    /// The broker that used it last stopped in order.
    pub clean_shutdown: bool,
    /// Why it cannot be used since the start.
    pub failure: Option<String>,
}

impl LogDir {
    pub(in crate::broker) fn offline(path: &Path, why: String) -> Self {
        Self {
            path: path.to_owned(),
            id: Uuid::nil(),
            clean_shutdown: false,
            failure: Some(why),
        }
    }
}

/// How the partitions went out of service.
#[derive(Debug, Default)]
pub struct Closed {
    pub problems: Vec<String>,
    /// The directories whose logs the next start need not check.
    pub clean: Vec<LogDir>,
}

/// What the checkpoints of a directory said at the start.
#[derive(Debug, Default)]
struct Checkpoints {
    recovery: BTreeMap<TopicPartition, i64>,
    log_start: BTreeMap<TopicPartition, i64>,
    cleaner: BTreeMap<TopicPartition, i64>,
}

/// Fewer replicas than this are not worth a thread of their own.
const REPLICAS_A_THREAD: usize = 8;

/// What a broker's settings say of the producers that its logs remember.
#[derive(Debug, Clone, Copy, Default)]
struct ProducerRules {
    expiration_ms: i64,
    verify_transactions: bool,
}

impl From<&BrokerConfig> for ProducerRules {
    fn from(config: &BrokerConfig) -> Self {
        Self {
            expiration_ms: config.i64("producer.id.expiration.ms"),
            verify_transactions: config.bool("transaction.partition.verification.enable"),
        }
    }
}

impl ProducerRules {
    fn give_to(self, log: &mut PartitionLog) {
        log.set_producer_rules(self.expiration_ms, self.verify_transactions);
    }
}

/// A replica to be opened.
#[derive(Debug)]
struct Coming<'a> {
    tp: TopicPartition,
    topic_id: Uuid,
    image: &'a PartitionImage,
    /// Place in the manager's `dirs`.
    dir: usize,
    config: Arc<LogConfig>,
}

/// See the module's text.
#[derive(Debug)]
pub struct ReplicaManager {
    node_id: i32,
    dirs: Vec<LogDir>,
    checkpoints: Vec<Checkpoints>,
    /// In the order of `dirs`.
    health: Vec<Arc<DirHealth>>,
    dir_failed: Arc<Notify>,
    producer_rules: RwLock<ProducerRules>,
    partitions: RwLock<HashMap<TopicPartition, Arc<Partition>>>,
    /// Partitions whose files could not be opened, with the directory they are in.
    unopened: RwLock<HashMap<TopicPartition, usize>>,
    /// Replicas that are to move to another directory.
    moves: Mutex<VecDeque<TopicPartition>>,
    /// Told when there is another of them.
    move_asked: Notify,
    /// Told when a replica is in another directory than the metadata has it.
    placed: Notify,
}

impl ReplicaManager {
    /// # Errors
    /// If the checkpoint files of no directory can be read.
    pub fn new(node_id: i32, dirs: Vec<LogDir>) -> io::Result<Self> {
        let read = |dir: &LogDir| -> io::Result<Checkpoints> {
            if let Some(why) = &dir.failure {
                return Err(io::Error::other(why.clone()));
            }
            Ok(Checkpoints {
                recovery: read_checkpoint(&dir.path, checkpoint::RECOVERY_POINT_FILE)?,
                log_start: read_checkpoint(&dir.path, checkpoint::LOG_START_OFFSET_FILE)?,
                cleaner: read_checkpoint(&dir.path, checkpoint::CLEANER_OFFSET_FILE)?,
            })
        };
        let dir_failed = Arc::new(Notify::new());
        let (mut checkpoints, mut health) = (Vec::new(), Vec::new());
        let mut failure = None;
        for dir in &dirs {
            let state = DirHealth::new(dir.path.clone(), dir_failed.clone());
            let known = read(dir).unwrap_or_else(|e| {
                state.fail(&e);
                failure = Some(e);
                Checkpoints::default()
            });
            checkpoints.push(known);
            health.push(state);
        }
        if let Some(e) = failure.filter(|_| health.iter().all(|h| h.failure().is_some())) {
            return Err(e);
        }
        Ok(Self {
            node_id,
            health,
            dirs,
            checkpoints,
            dir_failed,
            producer_rules: RwLock::default(),
            partitions: RwLock::default(),
            unopened: RwLock::default(),
            moves: Mutex::default(),
            move_asked: Notify::new(),
            placed: Notify::new(),
        })
    }

    /// The next replica that is to move.
    pub(super) async fn next_move(&self) -> TopicPartition {
        loop {
            if let Some(tp) = self.moves.lock().pop_front() {
                return tp;
            }
            self.move_asked.notified().await;
        }
    }

    pub(super) fn ask_for_move(&self, tp: &TopicPartition) {
        self.moves.lock().push_back(tp.clone());
        self.move_asked.notify_one();
    }

    /// Returns when a replica has been placed elsewhere than the metadata says since the last return.
    pub async fn placed(&self) {
        self.placed.notified().await;
    }

    pub(super) fn tell_placed(&self) {
        self.placed.notify_one();
    }

    /// The directories' states, in the order of [`Self::dirs`].
    pub fn health(&self) -> &[Arc<DirHealth>] {
        &self.health
    }

    /// Returns when a directory has gone offline since the last return.
    pub async fn dir_failed(&self) {
        self.dir_failed.notified().await;
    }

    /// What the checkpoints said at the start of partitions that could not be opened and so cannot say it: recovery point
    /// and log start, of those in the directory at `dir`.
    pub(super) fn unopened_in(&self, dir: usize) -> Vec<(TopicPartition, i64, i64)> {
        let known = &self.checkpoints[dir];
        let at = |map: &BTreeMap<TopicPartition, i64>, tp| map.get(tp).copied().unwrap_or(0);
        let unopened = self.unopened.read();
        let here = unopened.iter().filter(|(_, at)| **at == dir);
        here.map(|(tp, _)| (tp.clone(), at(&known.recovery, tp), at(&known.log_start, tp)))
            .collect()
    }

    pub fn dirs(&self) -> &[LogDir] {
        &self.dirs
    }

    /// Whether the directory at this place of [`Self::dirs`] can be used.
    pub(super) fn is_online(&self, at: usize) -> bool {
        self.health[at].failure().is_none()
    }

    /// The directories that can be used, with their places in [`Self::dirs`].
    pub(in crate::broker) fn online_dirs(&self) -> impl Iterator<Item = (usize, &LogDir)> {
        let all = self.dirs.iter().enumerate();
        all.filter(|(at, _)| self.is_online(*at))
    }

    /// The place of the directory with this id. One that is unknown may be a directory that could not be read at the start.
    fn place_of_id(&self, id: Uuid) -> Option<usize> {
        if id.is_nil() {
            return None;
        }
        let place = |id: Uuid| self.dirs.iter().position(|dir| dir.id == id);
        place(id).or_else(|| place(Uuid::nil()))
    }

    /// Whether this broker's replica is in a directory that cannot be used.
    pub(in crate::broker) fn is_lost(&self, image: &PartitionImage) -> bool {
        let replica = image.replicas.iter().position(|id| *id == self.node_id);
        let id = replica.and_then(|at| image.directories.get(at));
        let place = id.and_then(|id| self.place_of_id(*id));
        place.is_some_and(|at| !self.is_online(at))
    }

    /// A partition that has a replica here.
    ///
    /// # Errors
    /// [`ErrorCode::UNKNOWN_TOPIC_OR_PARTITION`]; [`ErrorCode::KAFKA_STORAGE_ERROR`] if its files cannot be used.
    pub fn partition(&self, tp: &TopicPartition) -> Result<Arc<Partition>, ErrorCode> {
        match self.partitions.read().get(tp) {
            Some(partition) if partition.health().failure().is_some() => Err(ErrorCode::KAFKA_STORAGE_ERROR),
            Some(partition) => Ok(partition.clone()),
            None if self.unopened.read().contains_key(tp) => Err(ErrorCode::KAFKA_STORAGE_ERROR),
            None => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        }
    }

    /// As [`Self::partition`], and this broker leads it.
    ///
    /// # Errors
    /// Also [`ErrorCode::NOT_LEADER_OR_FOLLOWER`].
    pub fn leader(&self, tp: &TopicPartition) -> Result<Arc<Partition>, ErrorCode> {
        let partition = self.partition(tp)?;
        if partition.is_leader() {
            Ok(partition)
        } else {
            Err(ErrorCode::NOT_LEADER_OR_FOLLOWER)
        }
    }

    /// All partitions here, in no order.
    pub fn partitions(&self) -> Vec<Arc<Partition>> {
        self.partitions.read().values().cloned().collect()
    }

    /// Follows a change of metadata: replicas come, change hands, and go. Problems with one partition's files are
    /// returned and do not keep the others back.
    pub fn apply(&self, config: &BrokerConfig, old: &MetadataImage, new: &MetadataImage, now_ms: i64) -> Vec<String> {
        let (mut problems, mut coming) = (Vec::new(), Vec::new());
        *self.producer_rules.write() = ProducerRules::from(config);
        let mut placement = Placement::new(self, config);
        for (name, topic) in new.topics.iter() {
            let before = old.topics.get(name);
            if before.is_some_and(|b| Arc::ptr_eq(b, topic)) {
                continue;
            }
            if before.is_some_and(|b| b.id != topic.id) {
                self.remove_topic(name, &mut problems);
            }
            let props = new.config(resource_type::TOPIC, name);
            let log_config = TopicConfig {
                broker: config,
                topic: props,
            }
            .log_config();
            coming.extend(self.apply_topic(topic, &log_config, &mut placement, &mut problems));
        }
        for name in old.topics.keys().filter(|name| !new.topics.contains_key(*name)) {
            self.remove_topic(name, &mut problems);
        }
        let threads = usize::try_from(config.i64("num.recovery.threads.per.data.dir")).unwrap_or(1);
        problems.extend(self.take_up_all(&coming, threads.max(1) * self.dirs.len(), now_ms));
        problems
    }

    /// Lets the replicas of a topic change hands or go; returns those that come.
    fn apply_topic<'a>(
        &self,
        topic: &'a TopicImage,
        config: &Arc<LogConfig>,
        placement: &mut Placement<'_>,
        problems: &mut Vec<String>,
    ) -> Vec<Coming<'a>> {
        let mut coming = Vec::new();
        for (index, image) in (0..).zip(&topic.partitions) {
            let tp = TopicPartition::new(topic.name.clone(), index);
            let present = self.partitions.read().get(&tp).cloned();
            match (present, image.replicas.iter().position(|id| *id == self.node_id)) {
                (Some(partition), Some(_)) => {
                    let was_leader = partition.is_leader();
                    partition.set_leadership(image.into());
                    if !was_leader
                        && partition.is_leader()
                        && let Err(e) = become_leader(&partition, self.node_id)
                    {
                        problems.push(format!("{tp}: {}", e.text()));
                    }
                }
                (Some(_), None) => self.remove(&tp, problems),
                (None, Some(replica)) => {
                    let assigned = image.directories.get(replica);
                    let assigned = assigned.and_then(|id| self.place_of_id(*id));
                    let dir = placement.of(&tp, topic.id, assigned);
                    if assigned != Some(dir) {
                        self.tell_placed();
                    }
                    coming.push(Coming {
                        tp,
                        topic_id: topic.id,
                        image,
                        dir,
                        config: config.clone(),
                    });
                }
                (None, None) => {}
            }
        }
        coming
    }

    /// Opens replicas, many of them on several threads as Kafka does at its start.
    fn take_up_all(&self, coming: &[Coming<'_>], threads: usize, now_ms: i64) -> Vec<String> {
        let threads = threads.min(coming.len() / REPLICAS_A_THREAD);
        if threads <= 1 {
            return coming.iter().filter_map(|c| self.take_up(c, now_ms)).collect();
        }
        let next = AtomicUsize::new(0);
        let work = || {
            let one = || coming.get(next.fetch_add(1, Ordering::Relaxed));
            std::iter::from_fn(one)
                .filter_map(|c| self.take_up(c, now_ms))
                .collect()
        };
        let mut problems: Vec<String> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let ended = running.into_iter().map(|thread| thread.join());
            ended
                .flat_map(|found: std::thread::Result<Vec<String>>| match found {
                    Ok(problems) => problems,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
                .collect()
        });
        problems.sort_unstable();
        problems
    }

    /// Opens a replica and serves it; the problem, if there is one.
    fn take_up(&self, coming: &Coming<'_>, now_ms: i64) -> Option<String> {
        let Coming { tp, image, dir, .. } = coming;
        let log = match self.open(coming, now_ms) {
            Ok(log) => log,
            Err(e) => {
                self.unopened.write().insert(tp.clone(), *dir);
                return Some(format!("{tp} is offline: {}", e.text()));
            }
        };
        let partition = Partition::new(log, self.node_id, Leadership::from(*image), self.health[*dir].clone());
        let led = become_leader(&partition, self.node_id);
        self.partitions.write().insert(tp.clone(), Arc::new(partition));
        led.err().map(|e| format!("{tp}: {}", e.text()))
    }

    fn open(&self, coming: &Coming<'_>, now_ms: i64) -> Result<PartitionLog, ApiError> {
        let Coming { tp, topic_id, dir, .. } = coming;
        let (topic_id, dir) = (*topic_id, *dir);
        if let Some(why) = self.health[dir].failure() {
            return Err(ApiError::new(ErrorCode::KAFKA_STORAGE_ERROR, why));
        }
        let (dir, checkpoints) = (&self.dirs[dir], &self.checkpoints[dir]);
        let path = dir.path.join(tp.to_string());
        set_stray_aside(&path, tp, topic_id)?;
        // A topic of the same name that is gone left its entries behind, but no directory.
        let is_known = path.exists();
        let at = |map: &BTreeMap<TopicPartition, i64>| map.get(tp).copied().filter(|_| is_known).unwrap_or(0);
        let options = OpenOptions {
            clean_shutdown: dir.clean_shutdown,
            recovery_point: at(&checkpoints.recovery),
            log_start_offset: at(&checkpoints.log_start),
            now_ms,
            producer_id_expiration_ms: self.producer_rules.read().expiration_ms,
        };
        let mut log = PartitionLog::open(&path, tp.clone(), topic_id, coming.config.clone(), options)?;
        log.set_cleaner_offset(at(&checkpoints.cleaner));
        self.producer_rules.read().give_to(&mut log);
        Ok(log)
    }

    fn remove_topic(&self, name: &str, problems: &mut Vec<String>) {
        let is_of = |tp: &&TopicPartition| tp.topic.as_ref() == name;
        let mut tps: Vec<_> = self.partitions.read().keys().filter(is_of).cloned().collect();
        tps.extend(self.unopened.read().keys().filter(is_of).cloned());
        for tp in tps {
            self.remove(&tp, problems);
        }
    }

    /// The directory is renamed at once, so that a new topic may take the name, and emptied in the background.
    fn remove(&self, tp: &TopicPartition, problems: &mut Vec<String>) {
        self.unopened.write().remove(tp);
        let Some(removed) = self.partitions.write().remove(tp) else {
            return;
        };
        if let Some(future) = removed.future().take() {
            discard(future.log);
        }
        let Some(log) = removed.take_log() else {
            return;
        };
        match log.mark_deleted() {
            Ok(dir) => {
                std::thread::spawn(move || std::fs::remove_dir_all(dir));
            }
            Err(e) => problems.push(format!("{tp}: {e}")),
        }
    }

    /// Renames the directories of partitions that the metadata gives no replica here, as Kafka does at a start: what is left
    /// of topics that were deleted while it was down. Returns what it did.
    pub fn set_strays_aside(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (_, dir) in self.online_dirs() {
            let found = log_dir::partition_dirs(&dir.path).unwrap_or_default();
            for (kind, path) in found {
                let log_dir::PartitionDir::Live(tp) = kind else {
                    continue;
                };
                if self.may_be_of(&tp, &path) || tp.topic.as_ref() == names::CLUSTER_METADATA {
                    continue;
                }
                told.push(match set_aside(&path, &tp) {
                    Ok(aside) => format!("{} has no topic and is now {}", path.display(), aside.display()),
                    Err(e) => format!("{} has no topic and cannot be renamed: {e}", path.display()),
                });
            }
        }
        told
    }

    /// Whether a directory with the name of a partition may hold that partition, and not one of a topic of the same name that
    /// is gone.
    fn may_be_of(&self, tp: &TopicPartition, path: &Path) -> bool {
        let Some(partition) = self.partitions.read().get(tp).cloned() else {
            return self.unopened.read().contains_key(tp);
        };
        !matches!(log_dir::read_partition_metadata(path), Ok(Some(id)) if id != partition.topic_id)
    }

    /// Gives every log of these topics the settings now in force.
    pub fn update_configs(&self, config: &BrokerConfig, image: &MetadataImage, is_touched: impl Fn(&str) -> bool) {
        let mut by_topic: HashMap<Arc<str>, Arc<LogConfig>> = HashMap::new();
        for partition in self.partitions().iter().filter(|p| is_touched(&p.tp.topic)) {
            let topic = &partition.tp.topic;
            let log_config = by_topic.entry(topic.clone()).or_insert_with(|| {
                TopicConfig {
                    broker: config,
                    topic: image.config(resource_type::TOPIC, topic),
                }
                .log_config()
            });
            if let Ok(mut log) = partition.log() {
                log.set_config(log_config.clone());
                ProducerRules::from(config).give_to(&mut log);
            }
        }
    }

    /// Takes all partitions out of service; `clean` if the next start is not to check the logs.
    pub fn close(&self, clean: bool) -> Closed {
        let mut problems: Vec<String> = Vec::new();
        let mut is_clean = vec![clean; self.dirs.len()];
        if clean {
            super::checkpoints::write(self, super::checkpoints::Which::AllFlushed);
            for (at, health) in self.health.iter().enumerate() {
                if let Some(why) = health.failure() {
                    is_clean[at] = false;
                    problems.push(format!("{} is offline: {why}", health.path().display()));
                }
            }
            for (tp, at) in self.unopened.read().iter() {
                is_clean[*at] = false;
                problems.push(format!("{tp} is offline"));
            }
        }
        let partitions: Vec<_> = self.partitions.write().drain().collect();
        for (tp, partition) in partitions {
            // The next start begins the copy anew.
            drop(partition.future().take());
            let is_online = partition.health().failure().is_none();
            let place = self.place_of(&partition);
            if let Some(Err(e)) = partition.take_log().map(|log| log.close(clean && is_online)) {
                place.into_iter().for_each(|at| is_clean[at] = false);
                problems.push(format!("{tp}: {e}"));
            }
        }
        let dirs = self.dirs.iter().zip(is_clean).filter(|(_, is_clean)| *is_clean);
        Closed {
            problems,
            clean: dirs.map(|(dir, _)| dir.clone()).collect(),
        }
    }
}

/// A leader that is its own whole ISR has committed all it has.
fn become_leader(partition: &Partition, node_id: i32) -> Result<(), ApiError> {
    let leadership = partition.leadership();
    let mut log = partition.log()?;
    if leadership.leader == node_id {
        log.begin_epoch(leadership.leader_epoch)?;
    }
    if leadership.isr == [node_id] {
        let end = log.log_end_offset();
        log.set_high_watermark(end);
    }
    Ok(())
}

/// Puts aside what another topic of the same name left, deleted while this broker was down (Kafka: stray partitions).
fn set_stray_aside(path: &Path, tp: &TopicPartition, topic_id: Uuid) -> Result<(), LogError> {
    match log_dir::read_partition_metadata(path)? {
        Some(other) if other != topic_id => {
            set_aside(path, tp)?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A damaged checkpoint counts as none, as in Kafka: more is checked then than need be.
fn read_checkpoint(dir: &Path, name: &str) -> io::Result<BTreeMap<TopicPartition, i64>> {
    match checkpoint::read_offsets(&dir.join(name)) {
        Ok(offsets) => Ok(offsets),
        Err(LogError::Io(e)) => Err(e),
        Err(_) => Ok(BTreeMap::new()),
    }
}
