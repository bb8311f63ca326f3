//! One partition on this broker (Kafka: `Partition`): its log behind a lock, its leadership, its waiters.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard, RwLock};
use uuid::Uuid;

use super::dir_health::DirHealth;
use super::waiters::{Waiter, Waiters};
use crate::TopicPartition;
use crate::broker::metadata::{ApiError, PartitionImage};
use crate::log::{AppendInfo, AppendTerms, LogError, PartitionLog};
use crate::wire::ErrorCode;

/// Who leads, as this broker last heard it.
#[derive(Debug, Clone, Default)]
pub struct Leadership {
    pub leader: i32,
    pub leader_epoch: i32,
    pub isr: Vec<i32>,
    pub replicas: Vec<i32>,
}

impl From<&PartitionImage> for Leadership {
    fn from(image: &PartitionImage) -> Self {
        Self {
            leader: image.leader,
            leader_epoch: image.leader_epoch,
            isr: image.isr.clone(),
            replicas: image.replicas.clone(),
        }
    }
}

/// See the module's text.
#[derive(Debug)]
pub struct Partition {
    pub tp: TopicPartition,
    pub topic_id: Uuid,
    node_id: i32,
    /// `None` once the partition was closed or removed.
    log: Mutex<Option<PartitionLog>>,
    leadership: RwLock<Leadership>,
    waiters: Waiters,
    health: RwLock<Arc<DirHealth>>,
    /// Its log in another directory, while it moves there. Locked before `log`.
    future: Mutex<Option<FutureLog>>,
    /// Held while the log is compacted, and while another takes its place. Locked before `future`.
    upkeep: Mutex<()>,
}

/// How much of a log that moves is copied at once.
pub(super) const COPY_BYTES: usize = 1 << 20;

/// A log that is to take the present one's place.
#[derive(Debug)]
pub struct FutureLog {
    pub log: PartitionLog,
    pub health: Arc<DirHealth>,
}

/// What is told of a [`FutureLog`].
#[derive(Debug, Clone)]
pub struct FutureState {
    /// The log directory.
    pub dir: PathBuf,
    pub size_bytes: u64,
    pub log_end_offset: i64,
}

/// A refused append: the code, its text, and single records that are to blame.
#[derive(Debug, Clone)]
pub struct AppendError {
    pub code: ErrorCode,
    pub message: String,
    /// Index in the batch and text.
    pub batch_errors: Vec<(i32, String)>,
}

impl From<LogError> for AppendError {
    fn from(e: LogError) -> Self {
        let (code, message) = (ErrorCode::from(e.code()), e.to_string());
        match e {
            LogError::Api { batch_errors, .. } => Self {
                code,
                message,
                batch_errors,
            },
            _ => Self {
                code,
                message,
                batch_errors: Vec::new(),
            },
        }
    }
}

impl From<ErrorCode> for AppendError {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            message: code.message().to_owned(),
            batch_errors: Vec::new(),
        }
    }
}

impl From<LogError> for ApiError {
    fn from(e: LogError) -> Self {
        ApiError::new(ErrorCode::from(e.code()), e.to_string())
    }
}

impl Partition {
    pub fn new(log: PartitionLog, node_id: i32, leadership: Leadership, health: Arc<DirHealth>) -> Self {
        Self {
            tp: log.topic_partition().clone(),
            topic_id: log.topic_id(),
            node_id,
            log: Mutex::new(Some(log)),
            leadership: RwLock::new(leadership),
            waiters: Waiters::default(),
            health: RwLock::new(health),
            future: Mutex::new(None),
            upkeep: Mutex::new(()),
        }
    }

    /// Of the directory the log is in.
    pub fn health(&self) -> Arc<DirHealth> {
        self.health.read().clone()
    }

    /// Keeps the log from being compacted, or from another's taking its place meanwhile.
    pub fn upkeep(&self) -> MutexGuard<'_, ()> {
        self.upkeep.lock()
    }

    /// Where the log is moving, if it is. Never lock the log before.
    pub fn future(&self) -> MutexGuard<'_, Option<FutureLog>> {
        self.future.lock()
    }

    /// How far a move has come.
    pub fn future_state(&self) -> Option<FutureState> {
        let future = self.future();
        let log = &future.as_ref()?.log;
        Some(FutureState {
            dir: log.dir().parent()?.to_owned(),
            size_bytes: log.size_bytes(),
            log_end_offset: log.log_end_offset(),
        })
    }

    /// Copies the little that a future log still lacks, and puts it in the log's place; gives the old log back. Who reads
    /// and writes goes on with the new one.
    ///
    /// # Errors
    /// As [`PartitionLog::copy_some`] and [`PartitionLog::give_way_to`]; the log stays as it is then.
    pub fn promote(&self, mut future: FutureLog, now_ms: i64) -> Result<PartitionLog, LogError> {
        let mut slot = self.log.lock();
        let Some(log) = slot.as_mut() else {
            return Ok(future.log);
        };
        while future.log.copy_some(log, COPY_BYTES, now_ms)? > 0 {}
        let replaced = log.give_way_to(future.log, now_ms)?;
        *self.health.write() = future.health;
        Ok(replaced)
    }

    pub fn leadership(&self) -> Leadership {
        self.leadership.read().clone()
    }

    /// Takes what the controller decided; fetches that wait look again.
    pub fn set_leadership(&self, leadership: Leadership) {
        *self.leadership.write() = leadership;
        self.waiters.wake_all();
    }

    pub fn leader_epoch(&self) -> i32 {
        self.leadership.read().leader_epoch
    }

    pub fn is_leader(&self) -> bool {
        self.leadership.read().leader == self.node_id
    }

    /// Fences requests of another leader's time (KIP-320). An epoch of -1 is not checked.
    pub fn check_leader_epoch(&self, epoch: i32) -> Result<(), ErrorCode> {
        let current = self.leader_epoch();
        match epoch {
            -1 => Ok(()),
            e if e < current => Err(ErrorCode::FENCED_LEADER_EPOCH),
            e if e > current => Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
            _ => Ok(()),
        }
    }

    /// The log, locked. Never hold it across an await.
    ///
    /// # Errors
    /// [`ErrorCode::KAFKA_STORAGE_ERROR`] while the directory is offline, [`ErrorCode::NOT_LEADER_OR_FOLLOWER`] once the
    /// partition is gone.
    pub fn log(&self) -> Result<MappedMutexGuard<'_, PartitionLog>, ErrorCode> {
        if self.health.read().failure().is_some() {
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        MutexGuard::try_map(self.log.lock(), Option::as_mut).map_err(|_| ErrorCode::NOT_LEADER_OR_FOLLOWER)
    }

    /// Appends a batch as leader, in the page cache when it returns, and wakes who waits.
    pub fn append(
        &self,
        records: Bytes,
        terms: impl Into<AppendTerms>,
        now_ms: i64,
    ) -> Result<AppendInfo, AppendError> {
        let (leader_epoch, alone) = {
            let leadership = self.leadership.read();
            if leadership.leader != self.node_id {
                return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER.into());
            }
            (leadership.leader_epoch, leadership.isr == [self.node_id])
        };
        let info = {
            let mut log = self.log()?;
            let appended = log.append_as_leader(records, leader_epoch, terms, now_ms);
            let info = self.health().watch(appended)?;
            if alone {
                let end = log.log_end_offset();
                log.set_high_watermark(end);
            }
            info
        };
        self.waiters.wake_all();
        Ok(info)
    }

    /// Wakes `waiter` at the next change.
    pub fn watch(&self, waiter: &Arc<Waiter>) {
        self.waiters.add(waiter);
    }

    /// Tells who waits that something changed, other than by [`Self::append`].
    pub fn wake(&self) {
        self.waiters.wake_all();
    }

    /// Takes the log out: the partition answers nothing more.
    pub fn take_log(&self) -> Option<PartitionLog> {
        let log = self.log.lock().take();
        self.waiters.wake_all();
        log
    }
}
