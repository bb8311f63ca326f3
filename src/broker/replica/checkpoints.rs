//! Writes the checkpoint files of every log directory: how far logs were flushed, where they start, how far they are
//! committed (Kafka: `LogManager.checkpointLogRecoveryOffsets` and its like).

use std::collections::BTreeMap;

use super::ReplicaManager;
use crate::TopicPartition;
use crate::log::checkpoint;

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Recovery,
    LogStart,
    Replication,
    /// All of them; the recovery points are the logs' ends, as after a clean close.
    AllFlushed,
}

type Offsets = BTreeMap<TopicPartition, i64>;

/// Writes checkpoint files. A directory whose files cannot be written goes offline.
pub(crate) fn write(replicas: &ReplicaManager, which: Which) {
    let mut by_dir: Vec<(Offsets, Offsets, Offsets)> = vec![Default::default(); replicas.dirs().len()];
    for (at, (recovery, start, _)) in by_dir.iter_mut().enumerate() {
        for (tp, recovered, started) in replicas.unopened_in(at) {
            recovery.insert(tp.clone(), recovered);
            start.insert(tp, started);
        }
    }
    for partition in replicas.partitions() {
        let future = partition.future_state();
        let Ok(log) = partition.log() else { continue };
        let moves_to = future.and_then(|f| replicas.dirs().iter().position(|d| d.path == f.dir));
        if let Some(at) = moves_to.filter(|_| log.log_start_offset() > 0) {
            by_dir[at].1.insert(partition.tp.clone(), log.log_start_offset());
        }
        let Some(parent) = log.dir().parent() else { continue };
        let Some(at) = replicas.dirs().iter().position(|d| d.path == parent) else {
            continue;
        };
        let (recovery, start, replication) = &mut by_dir[at];
        let tp = partition.tp.clone();
        let recovered = match which {
            Which::AllFlushed => log.log_end_offset(),
            _ => log.recovery_point(),
        };
        recovery.insert(tp.clone(), recovered);
        if log.log_start_offset() > 0 {
            start.insert(tp.clone(), log.log_start_offset());
        }
        replication.insert(tp, log.high_watermark());
    }
    for (health, (recovery, start, replication)) in replicas.health().iter().zip(&by_dir) {
        // What is written of an offline directory would lack its partitions.
        if health.failure().is_some() {
            continue;
        }
        let files = [
            (Which::Recovery, checkpoint::RECOVERY_POINT_FILE, recovery),
            (Which::LogStart, checkpoint::LOG_START_OFFSET_FILE, start),
            (Which::Replication, checkpoint::REPLICATION_OFFSET_FILE, replication),
        ];
        let wanted = files
            .into_iter()
            .filter(|(kind, ..)| which == Which::AllFlushed || which == *kind);
        let written = wanted
            .map(|(_, name, offsets)| (name, offsets))
            .try_for_each(|(name, offsets)| {
                checkpoint::write_offsets(&health.path().join(name), offsets.iter().map(|(tp, o)| (tp, *o)), true)
            });
        // Where the reason is kept, [`super::dir_health`] tells it.
        let _ = health.watch(written);
    }
}
