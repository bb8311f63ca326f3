//! Which log directory a replica is in, or gets (Kafka: `LogManager.getOrCreateLog`, `nextLogDirs`, KIP-858).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::{Partition, ReplicaManager};
use crate::TopicPartition;
use crate::broker::config::BrokerConfig;
use crate::log::log_dir;

/// Finds directories for the replicas of one change of metadata.
#[derive(Debug)]
pub(super) struct Placement<'a> {
    manager: &'a ReplicaManager,
    config: &'a BrokerConfig,
    /// Partitions in each directory, those found here included; reckoned when the first is new.
    counts: Option<Vec<usize>>,
}

impl<'a> Placement<'a> {
    pub fn new(manager: &'a ReplicaManager, config: &'a BrokerConfig) -> Self {
        Self {
            manager,
            config,
            counts: None,
        }
    }

    /// The place in the manager's `dirs`: where the files are, else where the metadata has them, else where there are the
    /// fewest partitions. The files are what counts: a broker may end between a move and the word of it.
    pub fn of(&mut self, tp: &TopicPartition, topic_id: Uuid, assigned: Option<usize>) -> usize {
        let dirs = self.manager.dirs();
        if dirs.len() == 1 {
            return 0;
        }
        let path = |at: usize| dirs[at].path.join(tp.to_string());
        let has_files = |at: &usize| {
            let id = log_dir::read_partition_metadata(&path(*at));
            path(*at).is_dir() && id.is_ok_and(|id| id.is_none_or(|id| id == topic_id))
        };
        let found: Vec<usize> = (0..dirs.len())
            .filter(|at| self.manager.is_online(*at))
            .filter(has_files)
            .collect();
        let kept = assigned.filter(|at| found.contains(at)).or(found.first().copied());
        // Two that hold the same: the broker ended while one took the other's place.
        for at in found.iter().filter(|at| Some(**at) != kept) {
            discard_dir(path(*at), tp);
        }
        let at = kept.or(assigned).unwrap_or_else(|| self.emptiest());
        if let Some(counts) = &mut self.counts {
            counts[at] += 1;
        }
        at
    }

    fn emptiest(&mut self) -> usize {
        let manager = self.manager;
        let counts = self.counts.get_or_insert_with(|| {
            let count = |at: usize| {
                manager
                    .partitions()
                    .iter()
                    .filter(|p| manager.place_of(p) == Some(at))
                    .count()
            };
            (0..manager.dirs().len()).map(count).collect()
        });
        let is_online = |at: &usize| manager.is_online(*at);
        let takes_more = |at: &usize| is_online(at) && !self.config.is_cordoned(&manager.dirs()[*at].path);
        let all = 0..counts.len();
        let pick = all.clone().filter(takes_more).min_by_key(|at| counts[*at]);
        pick.or_else(|| all.filter(is_online).min_by_key(|at| counts[*at]))
            .unwrap_or(0)
    }
}

/// Gives a directory a name that says it is of no topic (Kafka: stray partitions), and returns that.
pub(super) fn set_aside(path: &Path, tp: &TopicPartition) -> io::Result<PathBuf> {
    let aside = path.with_file_name(log_dir::stray_dir_name(tp));
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

/// Gives a directory a name that says it is to go, and removes it in the background, or at the next start.
pub(super) fn discard_dir(path: PathBuf, tp: &TopicPartition) {
    let aside = path.with_file_name(log_dir::delete_dir_name(tp));
    if std::fs::rename(&path, &aside).is_ok() {
        std::thread::spawn(move || std::fs::remove_dir_all(aside));
    }
}

impl ReplicaManager {
    /// The place in `dirs` of the directory that a partition is in.
    pub(super) fn place_of(&self, partition: &Partition) -> Option<usize> {
        let health = partition.health();
        self.health().iter().position(|other| Arc::ptr_eq(other, &health))
    }

    /// Every partition here, with the id of its directory.
    pub(in crate::broker) fn placements(&self) -> Vec<(Arc<Partition>, Uuid)> {
        let placed = |partition: Arc<Partition>| {
            let dir = self.dirs()[self.place_of(&partition)?].id;
            Some((partition, dir))
        };
        self.partitions().into_iter().filter_map(placed).collect()
    }
}
