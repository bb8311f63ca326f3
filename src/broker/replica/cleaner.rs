//! Compacts the logs that are dirty enough (Kafka: `LogCleaner`, `LogCleanerManager`). A partition is locked while its
//! cleaning is planned and while the new segments take their places, not while they are written.

use std::collections::BTreeMap;
use std::io;

use super::{Partition, ReplicaManager};
use crate::TopicPartition;
use crate::log::{LogError, checkpoint};

/// Cleans every log that needs it and notes how far that went. Returns what went wrong.
pub(crate) fn clean_logs(replicas: &ReplicaManager, now_ms: i64) -> Vec<String> {
    let mut problems = Vec::new();
    let mut cleaned = false;
    for partition in replicas.partitions() {
        match clean(&partition, now_ms, false) {
            Ok(did) => cleaned |= did,
            Err(e) => problems.push(format!("cleaning of {} failed: {e}", partition.tp)),
        }
    }
    if cleaned && let Err(e) = write_checkpoints(replicas) {
        problems.push(format!("{} cannot be written: {e}", checkpoint::CLEANER_OFFSET_FILE));
    }
    problems
}

/// Cleans one log; with `force` whatever there is to clean. Whether it did anything.
pub(crate) fn clean(partition: &Partition, now_ms: i64, force: bool) -> Result<bool, LogError> {
    let _upkeep = partition.upkeep();
    let Ok(plan) = partition.log().map(|log| log.plan_cleaning(now_ms, force)) else {
        return Ok(false); // the partition is gone
    };
    let health = partition.health();
    let cleaned = health.watch(plan)?.map(|plan| health.watch(plan.run())).transpose()?;
    let Some(cleaned) = cleaned.flatten() else {
        return Ok(false);
    };
    if let Ok(mut log) = partition.log() {
        health.watch(log.finish_cleaning(cleaned, now_ms))?;
    }
    Ok(true)
}

pub(crate) fn write_checkpoints(replicas: &ReplicaManager) -> io::Result<()> {
    let mut by_dir: Vec<BTreeMap<TopicPartition, i64>> = vec![BTreeMap::new(); replicas.dirs().len()];
    for partition in replicas.partitions() {
        let Ok(log) = partition.log() else { continue };
        let dir = replicas.dirs().iter().position(|d| log.dir().parent() == Some(&d.path));
        if let Some(dir) = dir.filter(|_| log.cleaner_offset() > 0) {
            by_dir[dir].insert(partition.tp.clone(), log.cleaner_offset());
        }
    }
    for (health, offsets) in replicas.health().iter().zip(&by_dir) {
        if health.failure().is_none() {
            let path = health.path().join(checkpoint::CLEANER_OFFSET_FILE);
            let rows = offsets.iter().map(|(tp, offset)| (tp, *offset));
            health.watch(checkpoint::write_offsets(&path, rows, true))?;
        }
    }
    Ok(())
}
