//! A log directory: who owns it, how it was left, which partitions lie in it (Kafka: `LogManager`, `MetaPropertiesEnsemble`).

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::LogError;
use super::checkpoint::{read_text, replace_file};
use crate::TopicPartition;

/// Names the cluster and the node that own the directory.
pub const META_PROPERTIES_FILE: &str = "meta.properties";
/// Locked while a broker runs.
pub const LOCK_FILE: &str = ".lock";
/// Exists if the last stop was clean; a start removes it.
pub const CLEAN_SHUTDOWN_FILE: &str = ".kafka_cleanshutdown";
/// In a partition's directory: its topic id.
pub const PARTITION_METADATA_FILE: &str = "partition.metadata";
/// Suffix of a partition's directory that is to be removed.
pub const DELETE_DIR_SUFFIX: &str = "-delete";
/// Suffix of a partition's directory that belongs to no topic.
pub const STRAY_DIR_SUFFIX: &str = "-stray";
/// Suffix of a replica that is moving to this directory.
pub const FUTURE_DIR_SUFFIX: &str = "-future";

/// The 22 characters of a Kafka `Uuid`.
pub fn uuid_to_text(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

/// Reads the 22 characters of a Kafka `Uuid`.
pub fn uuid_from_text(text: &str) -> Option<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(Uuid::from_bytes(bytes.try_into().ok()?))
}

/// `meta.properties`, version 1 (KRaft).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaProperties {
    pub cluster_id: String,
    pub node_id: i32,
    pub directory_id: Uuid,
}

impl MetaProperties {
    /// Reads the file; `None` if there is none.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] if a key is missing or malformed, or for another version.
    pub fn read(log_dir: &Path) -> Result<Option<Self>, LogError> {
        let path = log_dir.join(META_PROPERTIES_FILE);
        let Some(text) = read_text(&path)? else {
            return Ok(None);
        };
        let value = |key: &str| {
            let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            lines.find_map(|line| {
                line.split_once('=')
                    .filter(|(k, _)| k.trim() == key)
                    .map(|(_, v)| v.trim())
            })
        };
        let missing = |key: &str| LogError::corrupt(&path, format!("Failed to find or to read {key}"));
        if value("version") != Some("1") {
            return Err(missing("version"));
        }
        let cluster_id = value("cluster.id").ok_or_else(|| missing("cluster.id"))?.to_owned();
        let node_id = value("node.id")
            .and_then(|v| v.parse().ok())
            .ok_or_else(|| missing("node.id"))?;
        let directory_id = value("directory.id")
            .and_then(uuid_from_text)
            .ok_or_else(|| missing("directory.id"))?;
        Ok(Some(MetaProperties {
            cluster_id,
            node_id,
            directory_id,
        }))
    }

    /// Writes the file, flushed.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write(&self, log_dir: &Path) -> io::Result<()> {
        let text = format!(
            "#\n#{}\ncluster.id={}\nversion=1\ndirectory.id={}\nnode.id={}\n",
            chrono::Utc::now().format("%a %b %d %H:%M:%S UTC %Y"),
            self.cluster_id,
            uuid_to_text(self.directory_id),
            self.node_id
        );
        replace_file(&log_dir.join(META_PROPERTIES_FILE), text.as_bytes(), true)
    }
}

/// The lock on a log directory, held until dropped. Also holds against Java's `FileLock`.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Locks the directory for this broker alone.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if somebody else holds it.
    pub fn acquire(log_dir: &Path) -> io::Result<Self> {
        let path = log_dir.join(LOCK_FILE);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| io::Error::new(e.kind(), format!("Cannot open {}: {e}", path.display())))?;
        lock_whole(&file).map_err(|e| {
            let text = format!(
                "Failed to acquire lock on file {LOCK_FILE} in {}. A Kafka instance in another process or thread is \
                 using this directory. ({e})",
                log_dir.display()
            );
            io::Error::new(io::ErrorKind::WouldBlock, text)
        })?;
        Ok(DirLock { _file: file })
    }
}

fn lock_whole(file: &File) -> io::Result<()> {
    // An open file description's lock conflicts with the process locks that Java takes, and also within this process.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const COMMAND: libc::c_int = libc::F_OFD_SETLK;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const COMMAND: libc::c_int = libc::F_SETLK;
    // SAFETY: `flock` is plain data for which zeros are valid, and the descriptor is open for as long as `file` lives.
    let result = unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = libc::F_WRLCK as _;
        lock.l_whence = libc::SEEK_SET as _;
        libc::fcntl(file.as_raw_fd(), COMMAND, &lock)
    };
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Whether the last stop was clean; removes the mark, so that a crash from here on is seen as one.
///
/// # Errors
/// If the disk fails.
pub fn take_clean_shutdown(log_dir: &Path) -> io::Result<bool> {
    match fs::remove_file(log_dir.join(CLEAN_SHUTDOWN_FILE)) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// Marks a clean stop, after every log was closed.
///
/// # Errors
/// If the disk fails.
pub fn mark_clean_shutdown(log_dir: &Path, broker_epoch: i64) -> io::Result<()> {
    let text = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
    replace_file(&log_dir.join(CLEAN_SHUTDOWN_FILE), text.as_bytes(), true)
}

/// What a directory's name says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionDir {
    Live(TopicPartition),
    /// To be removed.
    Delete(TopicPartition),
    /// Without a topic.
    Stray(TopicPartition),
    /// A replica on its way here.
    Future(TopicPartition),
}

impl PartitionDir {
    /// Reads a directory's name; `None` if it is no partition's.
    pub fn parse(name: &str) -> Option<Self> {
        type Make = fn(TopicPartition) -> PartitionDir;
        let kinds: [(&str, Make); 3] = [
            (DELETE_DIR_SUFFIX, PartitionDir::Delete),
            (STRAY_DIR_SUFFIX, PartitionDir::Stray),
            (FUTURE_DIR_SUFFIX, PartitionDir::Future),
        ];
        for (suffix, make) in kinds {
            if let Some((live, id)) = name.strip_suffix(suffix).and_then(|rest| rest.rsplit_once('.'))
                && id.len() == 32
            {
                return parse_live(live).map(make);
            }
        }
        parse_live(name).map(PartitionDir::Live)
    }
}

fn parse_live(name: &str) -> Option<TopicPartition> {
    let (topic, partition) = name.rsplit_once('-')?;
    let digits = !partition.is_empty() && partition.bytes().all(|b| b.is_ascii_digit());
    (digits && !topic.is_empty())
        .then(|| partition.parse().ok().map(|p| TopicPartition::new(topic, p)))
        .flatten()
}

/// The partition directories of a log directory, in the order of their names.
///
/// # Errors
/// If the directory cannot be read.
pub fn partition_dirs(log_dir: &Path) -> io::Result<Vec<(PartitionDir, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(log_dir)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let kind = entry.file_name().to_str().and_then(PartitionDir::parse);
        found.extend(kind.map(|kind| (kind, entry.path())));
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(found)
}

/// The name for a partition's directory that is to be removed: unique, and no longer than a file name may be.
pub fn delete_dir_name(tp: &TopicPartition) -> String {
    suffixed_dir_name(tp, DELETE_DIR_SUFFIX)
}

/// The name for a partition's directory without a topic.
pub fn stray_dir_name(tp: &TopicPartition) -> String {
    suffixed_dir_name(tp, STRAY_DIR_SUFFIX)
}

/// The name for the directory of a replica on its way here.
pub fn future_dir_name(tp: &TopicPartition) -> String {
    suffixed_dir_name(tp, FUTURE_DIR_SUFFIX)
}

fn suffixed_dir_name(tp: &TopicPartition, suffix: &str) -> String {
    let end = format!("-{}.{}{suffix}", tp.partition, Uuid::new_v4().simple());
    let topic: String = tp.topic.chars().take(255 - end.len()).collect();
    topic + &end
}

/// Reads the topic id of a partition's directory; `None` if it has none.
///
/// # Errors
/// [`LogError::Corrupt`] if the file is malformed.
pub fn read_partition_metadata(dir: &Path) -> Result<Option<Uuid>, LogError> {
    let path = dir.join(PARTITION_METADATA_FILE);
    let Some(text) = read_text(&path)? else {
        return Ok(None);
    };
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| line.strip_prefix("version: "));
    let id = lines
        .next()
        .and_then(|line| line.strip_prefix("topic_id: "))
        .and_then(uuid_from_text);
    match (version, id) {
        (Some("0"), Some(id)) => Ok(Some(id)),
        _ => Err(LogError::corrupt(
            &path,
            "Malformed line in the partition metadata file",
        )),
    }
}

/// Writes the topic id of a partition's directory.
///
/// # Errors
/// If the disk fails.
pub fn write_partition_metadata(dir: &Path, topic_id: Uuid) -> io::Result<()> {
    let text = format!("version: 0\ntopic_id: {}", uuid_to_text(topic_id));
    replace_file(&dir.join(PARTITION_METADATA_FILE), text.as_bytes(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_names_tell_what_they_are() {
        let tp = TopicPartition::new("a-b.c", 7);
        assert_eq!(PartitionDir::parse("a-b.c-7"), Some(PartitionDir::Live(tp.clone())));
        assert_eq!(
            PartitionDir::parse(&delete_dir_name(&tp)),
            Some(PartitionDir::Delete(tp.clone()))
        );
        assert_eq!(PartitionDir::parse(&stray_dir_name(&tp)), Some(PartitionDir::Stray(tp)));
        for other in ["logs", "a-", "-1", "a-x", "a--", ""] {
            assert_eq!(PartitionDir::parse(other), None, "{other}");
        }
        let long = TopicPartition::new("t".repeat(249), 100);
        assert!(delete_dir_name(&long).len() <= 255);
    }

    #[test]
    fn meta_properties_and_partition_metadata_survive() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(MetaProperties::read(dir.path()).unwrap(), None);
        let meta = MetaProperties {
            cluster_id: "q_vN0sZWSYKKwRcN6Ib1Uw".into(),
            node_id: 3,
            directory_id: Uuid::new_v4(),
        };
        meta.write(dir.path()).unwrap();
        assert_eq!(MetaProperties::read(dir.path()).unwrap(), Some(meta));
        let id = Uuid::new_v4();
        write_partition_metadata(dir.path(), id).unwrap();
        assert_eq!(read_partition_metadata(dir.path()).unwrap(), Some(id));
        fs::write(dir.path().join(PARTITION_METADATA_FILE), "version: 0\ntopic_id: zzz").unwrap();
        assert!(matches!(
            read_partition_metadata(dir.path()),
            Err(LogError::Corrupt { .. })
        ));
    }

    #[test]
    fn a_locked_directory_is_refused_until_it_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DirLock::acquire(dir.path()).unwrap();
        assert_eq!(
            DirLock::acquire(dir.path()).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        drop(lock);
        DirLock::acquire(dir.path()).unwrap();
    }
}
