//! The directories a broker keeps its data in: whose they are, locked while in use (Kafka: `MetaPropertiesEnsemble`,
//! `kafka-storage format`). A directory that is not formatted is formatted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::config::BrokerConfig;
use super::metadata::topics::new_topic_id;
use super::replica::manager::LogDir;
use crate::internal_topic::uuid_text;
use crate::log::log_dir::{
    DirLock, MetaProperties, PartitionDir, mark_clean_shutdown, partition_dirs, take_clean_shutdown,
};

#[derive(Debug)]
pub(super) struct Storage {
    node_id: i32,
    cluster_id: String,
    dirs: Vec<LogDir>,
    metadata_dir: PathBuf,
    _locks: Vec<DirLock>,
}

impl Storage {
    /// Locks the directories of a configuration, formats those that are new, and removes what a delete left behind. One
    /// that cannot be used is left out as in Kafka (`LogManager.createAndValidateLogDirs`), unless it is the last, or the one
    /// of the metadata.
    ///
    /// # Errors
    /// A directory in use, or of another cluster or node; none that can be used.
    pub(super) fn open(config: &BrokerConfig) -> io::Result<Self> {
        let paths: Vec<PathBuf> = config.log_dirs().iter().map(PathBuf::from).collect();
        let metadata_dir = config
            .str("metadata.log.dir")
            .map_or_else(|| paths[0].clone(), PathBuf::from);
        let mut all = paths.clone();
        if !all.contains(&metadata_dir) {
            all.push(metadata_dir.clone());
        }
        let mut locks = Vec::new();
        let mut present = Vec::new();
        for path in &all {
            let opened = match take(path) {
                Ok((lock, meta)) => {
                    locks.push(lock);
                    Ok(meta)
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock || *path == metadata_dir => return Err(e),
                Err(e) => Err(e.to_string()),
            };
            present.push(opened);
        }
        let known = present.iter().flatten().flatten().next();
        let node_id = if config.is_set("node.id") || config.is_set("broker.id") {
            config.node_id()
        } else {
            known.map_or_else(|| config.node_id(), |m| m.node_id)
        };
        let cluster_id = known.map_or_else(|| uuid_text(new_topic_id().as_bytes()), |m| m.cluster_id.clone());
        let mut dirs = Vec::new();
        for (path, meta) in all.iter().zip(present) {
            let used = match meta {
                Ok(meta) => prepare(path, meta, &cluster_id, node_id),
                Err(why) => Ok(LogDir::offline(path, why)),
            };
            let used = match used {
                Err(e) if e.kind() == io::ErrorKind::InvalidInput || *path == metadata_dir => return Err(e),
                Err(e) => LogDir::offline(path, e.to_string()),
                Ok(used) => used,
            };
            if paths.contains(path) {
                dirs.push(used);
            }
        }
        if let Some(why) = dirs.iter().map(|dir| dir.failure.as_ref()).collect::<Option<Vec<_>>>() {
            return Err(io::Error::other(format!("no log directory can be used: {why:?}")));
        }
        Ok(Self {
            node_id,
            cluster_id,
            dirs,
            metadata_dir,
            _locks: locks,
        })
    }

    pub(super) fn node_id(&self) -> i32 {
        self.node_id
    }

    pub(super) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub(super) fn log_dirs(&self) -> &[LogDir] {
        &self.dirs
    }

    pub(super) fn metadata_dir(&self) -> PathBuf {
        self.metadata_dir.clone()
    }

    pub(super) fn clean_shutdown(&self) -> bool {
        let mut online = self.dirs.iter().filter(|d| d.failure.is_none());
        online.all(|d| d.clean_shutdown)
    }

    /// The next start need not check the logs of these directories.
    pub(super) fn mark_clean(dirs: &[LogDir], broker_epoch: i64) -> io::Result<()> {
        dirs.iter().try_for_each(|d| mark_clean_shutdown(&d.path, broker_epoch))
    }
}

/// Makes a directory this broker's own, for now; what it says of its owner.
fn take(path: &Path) -> io::Result<(DirLock, Option<MetaProperties>)> {
    fs::create_dir_all(path).map_err(|e| named(path, &e))?;
    let lock = DirLock::acquire(path)?;
    Ok((lock, MetaProperties::read(path).map_err(io::Error::other)?))
}

/// Checks a directory, or formats it, and cleans it up.
fn prepare(path: &Path, meta: Option<MetaProperties>, cluster_id: &str, node_id: i32) -> io::Result<LogDir> {
    let meta = match meta {
        Some(meta) => meta,
        None => {
            let meta = MetaProperties {
                cluster_id: cluster_id.to_owned(),
                node_id,
                directory_id: new_topic_id(),
            };
            meta.write(path).map_err(|e| named(path, &e))?;
            meta
        }
    };
    check_owner(path, &meta, cluster_id, node_id)?;
    let clean_shutdown = take_clean_shutdown(path).map_err(|e| named(path, &e))?;
    remove_leftovers(path).map_err(|e| named(path, &e))?;
    Ok(LogDir {
        path: path.to_owned(),
        id: meta.directory_id,
        clean_shutdown,
        failure: None,
    })
}

fn check_owner(path: &Path, meta: &MetaProperties, cluster_id: &str, node_id: i32) -> io::Result<()> {
    let text = if meta.cluster_id != cluster_id {
        format!(
            "{} belongs to cluster {}, not {cluster_id}",
            path.display(),
            meta.cluster_id
        )
    } else if meta.node_id != node_id {
        format!("{} belongs to node {}, not {node_id}", path.display(), meta.node_id)
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// Says which directory cannot be used.
fn named(path: &Path, e: &io::Error) -> io::Error {
    io::Error::new(
        e.kind(),
        format!("Error while using log directory {}: {e}", path.display()),
    )
}

fn remove_leftovers(path: &Path) -> io::Result<()> {
    for (kind, dir) in partition_dirs(path)? {
        if matches!(kind, PartitionDir::Delete(_)) {
            fs::remove_dir_all(dir)?;
        }
    }
    Ok(())
}
