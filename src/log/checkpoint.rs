//! Checkpoint files: a version line, a count line, then an entry a line (Kafka: `CheckpointFile`).
//!
//! Written beside the old file and renamed over it, so that a reader finds the old or the new one whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::LogError;
use super::epoch_cache::EpochEntry;
use crate::TopicPartition;

/// Offsets up to which a partition's log was flushed.
pub const RECOVERY_POINT_FILE: &str = "recovery-point-offset-checkpoint";
/// First offsets of logs whose start was moved.
pub const LOG_START_OFFSET_FILE: &str = "log-start-offset-checkpoint";
/// High watermarks.
pub const REPLICATION_OFFSET_FILE: &str = "replication-offset-checkpoint";
/// How far compaction came.
pub const CLEANER_OFFSET_FILE: &str = "cleaner-offset-checkpoint";
/// In a partition's directory: its leader epochs.
pub const LEADER_EPOCH_FILE: &str = "leader-epoch-checkpoint";

/// Writes `bytes` to a file beside `path` and renames it. With `sync`, the bytes are on disk before the name is.
pub fn replace_file(path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let tmp = path.with_file_name(name);
    let mut file = File::create(&tmp)?;
    file.write_all(bytes)?;
    if sync {
        file.sync_data()?;
    }
    drop(file);
    fs::rename(&tmp, path)
}

/// Reads a small text file; `None` if there is none.
///
/// # Errors
/// [`LogError::Corrupt`] if it is no text; otherwise the disk failed.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, LogError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => Err(LogError::corrupt(path, "the file is no text")),
        Err(e) => Err(e.into()),
    }
}

/// The entry lines of a checkpoint, their version and count checked.
fn lines<'a>(path: &Path, text: &'a str) -> Result<Vec<&'a str>, LogError> {
    let corrupt = |message: String| LogError::corrupt(path, message);
    let mut lines = text.lines();
    match lines.next().map(|line| line.trim().parse::<i32>()) {
        Some(Ok(0)) => {}
        Some(Ok(version)) => {
            return Err(corrupt(format!(
                "Unrecognized version of the checkpoint file: {version}"
            )));
        }
        _ => return Err(corrupt("Malformed line in checkpoint file: no version".into())),
    }
    let expected = lines.next().and_then(|line| line.trim().parse::<usize>().ok());
    let expected = expected.ok_or_else(|| corrupt("Malformed line in checkpoint file: no count".into()))?;
    let entries: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    if entries.len() != expected {
        return Err(corrupt(format!(
            "Expected {expected} entries in checkpoint file, but found only {}",
            entries.len()
        )));
    }
    Ok(entries)
}

fn malformed(path: &Path, line: &str) -> LogError {
    LogError::corrupt(path, format!("Malformed line in checkpoint file: '{line}'"))
}

/// Reads offsets by partition; a missing file holds none.
///
/// # Errors
/// [`LogError::Corrupt`] for another version, a wrong count or a malformed line.
pub fn read_offsets(path: &Path) -> Result<BTreeMap<TopicPartition, i64>, LogError> {
    let Some(text) = read_text(path)? else {
        return Ok(BTreeMap::new());
    };
    lines(path, &text)?
        .into_iter()
        .map(|line| {
            let mut words = line.split_whitespace();
            let (Some(topic), Some(partition), Some(offset), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                return Err(malformed(path, line));
            };
            match (partition.parse(), offset.parse()) {
                (Ok(partition), Ok(offset)) => Ok((TopicPartition::new(topic, partition), offset)),
                _ => Err(malformed(path, line)),
            }
        })
        .collect()
}

/// Writes offsets by partition (Kafka: `OffsetCheckpointFile`).
pub fn write_offsets<'a>(
    path: &Path,
    offsets: impl ExactSizeIterator<Item = (&'a TopicPartition, i64)>,
    sync: bool,
) -> io::Result<()> {
    let mut text = format!("0\n{}\n", offsets.len());
    for (tp, offset) in offsets {
        text.push_str(&format!("{} {} {offset}\n", tp.topic, tp.partition));
    }
    replace_file(path, text.as_bytes(), sync)
}

/// Reads leader epochs (Kafka: `LeaderEpochCheckpointFile`); a missing file holds none.
///
/// # Errors
/// [`LogError::Corrupt`] for another version, a wrong count or a malformed line.
pub fn read_epochs(path: &Path) -> Result<Vec<EpochEntry>, LogError> {
    let Some(text) = read_text(path)? else {
        return Ok(Vec::new());
    };
    lines(path, &text)?
        .into_iter()
        .map(|line| {
            match line
                .split_once(' ')
                .map(|(epoch, offset)| (epoch.parse(), offset.trim().parse()))
            {
                Some((Ok(epoch), Ok(start_offset))) => Ok(EpochEntry { epoch, start_offset }),
                _ => Err(malformed(path, line)),
            }
        })
        .collect()
}

/// Writes leader epochs.
pub fn write_epochs(path: &Path, entries: &[EpochEntry]) -> io::Result<()> {
    let mut text = format!("0\n{}\n", entries.len());
    for entry in entries {
        text.push_str(&format!("{} {}\n", entry.epoch, entry.start_offset));
    }
    replace_file(path, text.as_bytes(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_survive_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(REPLICATION_OFFSET_FILE);
        assert!(read_offsets(&path).unwrap().is_empty());
        let map = BTreeMap::from([
            (TopicPartition::new("a", 0), 5),
            (TopicPartition::new("b-c", 12), i64::MAX),
        ]);
        write_offsets(&path, map.iter().map(|(tp, o)| (tp, *o)), true).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "0\n2\na 0 5\nb-c 12 9223372036854775807\n"
        );
        assert_eq!(read_offsets(&path).unwrap(), map);
        for bad in [
            "",
            "1\n0\n",
            "0\n",
            "0\n2\na 0 5\n",
            "0\n1\na 0\n",
            "0\n1\na 0 x\n",
            "0\nx\n",
        ] {
            fs::write(&path, bad).unwrap();
            assert!(matches!(read_offsets(&path), Err(LogError::Corrupt { .. })), "{bad:?}");
        }
    }
}
