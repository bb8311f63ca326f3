//! Moves of replicas from one log directory to another, one at a time (Kafka: `ReplicaAlterLogDirsManager`,
//! `ReplicaAlterLogDirsThread`, KIP-113). A future log in the other directory gets a copy of everything, while the present
//! one is written and read, and then takes its place. A broker that ends meanwhile begins the copy anew at its start.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::checkpoints::{self, Which};
use super::partition::{COPY_BYTES, FutureLog};
use super::placement::{discard_dir, set_aside};
use super::{Partition, ReplicaManager};
use crate::TopicPartition;
use crate::broker::metadata::image::resource_type;
use crate::broker::node::Node;
use crate::log::log_dir::{PartitionDir, partition_dirs};
use crate::log::{LogError, PartitionLog};
use crate::wire::ErrorCode;

/// The bytes a second that moves may copy, a dynamic setting.
const THROTTLE: &str = "replica.alter.log.dirs.io.max.bytes.per.second";

/// What a step of a move did.
enum Step {
    Copied(usize),
    /// The replica is there, or the move was called off.
    Done,
}

/// Works at the moves that were asked for, until the broker stops.
pub(in crate::broker) async fn run(node: Arc<Node>) {
    let mut shutdown = node.shutdown_signal();
    loop {
        let tp = tokio::select! {
            tp = node.replicas().next_move() => tp,
            _ = shutdown.wait_for(|stop| *stop) => return,
        };
        loop {
            let (on, of) = (node.clone(), tp.clone());
            let work = move || on.replicas().move_on(&of, on.now_ms());
            let copied = match tokio::task::spawn_blocking(work).await {
                Ok(Ok(Step::Copied(bytes))) => bytes,
                Ok(Ok(Step::Done)) | Err(_) => break,
                Ok(Err(e)) => {
                    node.log(&format!("{tp} stays in its log directory: {e}"));
                    break;
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause(&node, copied)) => {}
                _ = shutdown.wait_for(|stop| *stop) => return,
            }
        }
    }
}

/// How long to be quiet after so many bytes.
fn pause(node: &Node, bytes: usize) -> Duration {
    let image = node.image();
    let of = |broker: &str| {
        image
            .config(resource_type::BROKER, broker)?
            .get(THROTTLE)?
            .parse::<f64>()
            .ok()
    };
    match of(&node.id().to_string()).or_else(|| of("")) {
        Some(rate) if rate > 0.0 => Duration::try_from_secs_f64(bytes as f64 / rate).unwrap_or(Duration::MAX),
        _ => Duration::ZERO,
    }
}

impl ReplicaManager {
    /// Begins to move a replica, or calls a move off where `wanted` is the directory it is in.
    ///
    /// # Errors
    /// [`ErrorCode::LOG_DIR_NOT_FOUND`], [`ErrorCode::KAFKA_STORAGE_ERROR`], and as [`Self::partition`].
    pub fn move_to(&self, tp: &TopicPartition, wanted: &Path, now_ms: i64) -> Result<(), ErrorCode> {
        let wanted = absolute(wanted);
        let at = self.dirs().iter().position(|dir| absolute(&dir.path) == wanted);
        let at = at.ok_or(ErrorCode::LOG_DIR_NOT_FOUND)?;
        let health = &self.health()[at];
        if health.failure().is_some() {
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        let partition = self.partition(tp)?;
        let mut slot = partition.future();
        if slot.as_ref().is_some_and(|future| Arc::ptr_eq(&future.health, health)) {
            return Ok(());
        }
        if let Some(other) = slot.take() {
            discard(other.log);
        }
        if self.place_of(&partition) == Some(at) {
            return Ok(());
        }
        // What lies there under the partition's name is of no topic that is left.
        let there = self.dirs()[at].path.join(tp.to_string());
        if there.exists() {
            health
                .watch(set_aside(&there, tp))
                .map_err(|_| ErrorCode::KAFKA_STORAGE_ERROR)?;
        }
        let opened = partition.log()?.open_future(&self.dirs()[at].path, now_ms);
        let log = health.watch(opened).map_err(|e| ErrorCode::from(e.code()))?;
        *slot = Some(FutureLog {
            log,
            health: health.clone(),
        });
        self.ask_for_move(tp);
        Ok(())
    }

    /// Copies some more, or ends the move when all is copied.
    fn move_on(&self, tp: &TopicPartition, now_ms: i64) -> Result<Step, LogError> {
        let Ok(partition) = self.partition(tp) else {
            return Ok(Step::Done);
        };
        let step = match copy(&partition, now_ms) {
            Ok(Step::Copied(0)) => self.complete(&partition, now_ms),
            other => other,
        };
        if step.is_err()
            && let Some(future) = partition.future().take()
        {
            discard(future.log);
        }
        step
    }

    fn complete(&self, partition: &Arc<Partition>, now_ms: i64) -> Result<Step, LogError> {
        // Where the log starts must be known in the other directory before it counts there.
        checkpoints::write(self, Which::LogStart);
        let upkeep = partition.upkeep();
        let Some(future) = partition.future().take() else {
            return Ok(Step::Done);
        };
        let (health, dir) = (future.health.clone(), future.log.dir().to_owned());
        let promoted = health.watch(partition.promote(future, now_ms));
        drop(upkeep);
        match promoted {
            Ok(replaced) => discard(replaced),
            Err(e) => {
                discard_dir(dir, &partition.tp);
                return Err(e);
            }
        }
        partition.wake();
        self.tell_placed();
        Ok(Step::Done)
    }

    /// Begins moves anew that the end of the broker broke off: what they left tells where to.
    pub fn resume_moves(&self, now_ms: i64) -> Vec<String> {
        let mut told = Vec::new();
        for (_, dir) in self.online_dirs().filter(|_| self.dirs().len() > 1) {
            for (kind, path) in partition_dirs(&dir.path).unwrap_or_default() {
                let PartitionDir::Future(tp) = kind else { continue };
                discard_dir(path, &tp);
                if self.partition(&tp).is_err() {
                    continue;
                }
                told.push(match self.move_to(&tp, &dir.path, now_ms) {
                    Ok(()) => format!("{tp} goes on moving to {}", dir.path.display()),
                    Err(code) => format!("{tp} cannot go on moving to {}: {}", dir.path.display(), code.message()),
                });
            }
        }
        told
    }
}

/// Copies a part; nothing is left to copy when that is empty. The log is locked only to find what to copy.
fn copy(partition: &Partition, now_ms: i64) -> Result<Step, LogError> {
    let mut slot = partition.future();
    let Some(future) = slot.as_mut() else {
        return Ok(Step::Done);
    };
    let data = {
        let Ok(log) = partition.log() else {
            return Ok(Step::Done);
        };
        future.log.next_to_copy(&log, COPY_BYTES, now_ms)?
    };
    let records = partition.health().watch(data.records())?;
    let appended = future.log.append_copied(&records, now_ms);
    let flushed = appended.and_then(|()| {
        if records.is_empty() {
            future.log.flush(now_ms)
        } else {
            Ok(())
        }
    });
    future.health.watch(flushed)?;
    Ok(Step::Copied(records.len()))
}

/// Removes a log that is not needed any more; a start does so otherwise.
pub(super) fn discard(log: PartitionLog) {
    if let Ok(dir) = log.mark_deleted() {
        std::thread::spawn(move || std::fs::remove_dir_all(dir));
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
