//! `kt dump-log DIR` and `--verify`, beyond the script: a row for each file of a partition, a log directory or a list.
//!
//! Without `--verify` only sizes, names and batch headers are looked at; with it the checksum of every batch, the order
//! of offsets, and the indexes against the log.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::table::Sheet;
use crate::cli::{CliError, CliResult, ui};
use crate::log::inspect::{self, Format, InspectError, LogFile, OffsetIndexFile, TimeIndexFile};
use crate::log::{checkpoint, log_dir};

use super::log::PROGRESS_FROM;
use super::{Dump, base_offset};

/// The latest format of batches there is.
const NEWEST_MAGIC: i8 = 2;
const COLUMNS: &[&str] = &[
    "file",
    "kind",
    "first_offset",
    "last_offset",
    "entries",
    "bytes",
    "health",
];

/// What one file holds.
#[derive(Debug, Default)]
struct Found {
    kind: &'static str,
    first_offset: Option<i64>,
    last_offset: Option<i64>,
    /// Batches of a log, entries of an index or a checkpoint, producers of a snapshot.
    entries: Option<u64>,
    problems: Problems,
}

/// The first problem, and how many there are: a file may have as many as batches.
#[derive(Debug, Default)]
struct Problems {
    first: Option<String>,
    count: usize,
}

impl Problems {
    fn push(&mut self, problem: String) {
        self.first.get_or_insert(problem);
        self.count += 1;
    }

    fn extend(&mut self, problems: impl IntoIterator<Item = String>) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Found {
    fn new(kind: &'static str) -> Self {
        Found {
            kind,
            ..Found::default()
        }
    }

    fn health(&self) -> String {
        match (&self.problems.first, self.problems.count) {
            (None, _) => "ok".to_owned(),
            (Some(one), 1) => one.clone(),
            (Some(first), count) => format!("{first} (and {} more)", count - 1),
        }
    }
}

impl Dump<'_> {
    /// Surveys files and folders. Damage makes the command fail.
    pub(super) fn survey(&mut self, paths: &[String]) -> CliResult {
        let mut files = Vec::new();
        for path in paths {
            list(Path::new(path), &mut files).map_err(|e| CliError::failed(format!("{path}: {e}")))?;
        }
        let mut sheet = Sheet::new(COLUMNS);
        let mut damaged = false;
        let size = |file: &PathBuf| fs::metadata(file).map(|m| m.len()).unwrap_or_default();
        let total: u64 = files.iter().map(size).sum();
        // Nothing is printed before the end, so a bar is in nobody's way.
        let bar = ui::progress_bytes(self.ui, (total >= PROGRESS_FROM).then_some(total));
        let mut done = 0;
        for file in &files {
            let bytes = size(file);
            let found = self.look_at(file, &|position| bar.set_position(done + position));
            done += bytes;
            damaged |= !found.problems.is_empty();
            sheet.push(vec![
                file.display().to_string().into(),
                found.kind.into(),
                found.first_offset.into(),
                found.last_offset.into(),
                found.entries.into(),
                bytes.into(),
                found.health().into(),
            ]);
        }
        bar.finish_and_clear();
        sheet.print(self.ui)?;
        if damaged { Err(CliError::told_quietly()) } else { Ok(()) }
    }

    fn look_at(&mut self, file: &Path, at: &dyn Fn(u64)) -> Found {
        let name = file
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        let dir = file.parent().unwrap_or(Path::new("."));
        let suffix = name.rfind('.').map_or("", |at| &name[at..]);
        match suffix {
            ".log" => segment(file, base_offset(&name).ok(), self.options.verify, at),
            ".checkpoint" => segment(file, None, self.options.verify, at),
            ".index" => self.index_file(file, &name),
            ".timeindex" => self.time_index_file(file, &name),
            ".txnindex" => counted("transaction index", inspect::read_txn_index(file).map(|all| all.len())),
            ".snapshot" => counted("producers", inspect::read_producer_snapshot(file).map(|all| all.len())),
            _ if name == "leader-epoch-checkpoint" => {
                counted("leader epochs", checkpoint::read_epochs(file).map(|all| all.len()))
            }
            _ if name.ends_with("-offset-checkpoint") => {
                counted("offsets", checkpoint::read_offsets(file).map(|all| all.len()))
            }
            _ if name == "partition.metadata" => counted("topic id", log_dir::read_partition_metadata(dir).map(|_| 1)),
            _ if name == "meta.properties" => counted("directory id", log_dir::MetaProperties::read(dir).map(|_| 1)),
            _ => Found::new("other"),
        }
    }

    fn index_file(&mut self, file: &Path, name: &str) -> Found {
        let mut found = Found::new("offset index");
        let opened = base(name).and_then(|base| OffsetIndexFile::open(file, base));
        match opened {
            Err(e) => found.problems.push(e.to_string()),
            Ok(index) => {
                let used = index.used();
                found.entries = Some(used as u64);
                found.first_offset = (used > 0).then(|| index.entry(0).offset);
                found.last_offset = used.checked_sub(1).map(|n| index.entry(n).offset);
                found.problems.extend(index.sanity_check().err().map(|e| e.to_string()));
            }
        }
        self.against_the_log(&mut found, |dump| dump.index(&file.display().to_string(), name));
        found
    }

    fn time_index_file(&mut self, file: &Path, name: &str) -> Found {
        let mut found = Found::new("time index");
        let opened = base(name).and_then(|base| TimeIndexFile::open(file, base));
        match opened {
            Err(e) => found.problems.push(e.to_string()),
            Ok(index) => {
                let used = index.used();
                found.entries = Some(used as u64);
                found.first_offset = (used > 0).then(|| index.entry(0).offset);
                found.last_offset = used.checked_sub(1).map(|n| index.entry(n).offset);
                found.problems.extend(index.sanity_check().err().map(|e| e.to_string()));
            }
        }
        self.against_the_log(&mut found, |dump| dump.time_index(&file.display().to_string(), name));
        found
    }

    /// Compares an index with its log by the way that prints it, with nothing printed.
    fn against_the_log(&mut self, found: &mut Found, compare: impl FnOnce(&mut Self) -> CliResult) {
        if !self.options.verify || !found.problems.is_empty() {
            return;
        }
        self.options.verify_only = true;
        let report = std::mem::take(&mut self.report);
        let end = compare(self);
        self.buffer.clear();
        found.problems.extend(end.err().map(|e| e.to_string()));
        found
            .problems
            .extend(std::mem::replace(&mut self.report, report).findings());
    }
}

fn base(name: &str) -> Result<i64, InspectError> {
    base_offset(name).map_err(|e| InspectError::Corrupt(e.to_string()))
}

fn counted<E: std::fmt::Display>(kind: &'static str, read: Result<usize, E>) -> Found {
    let mut found = Found::new(kind);
    match read {
        Ok(entries) => found.entries = Some(entries as u64),
        Err(e) => found.problems.push(e.to_string()),
    }
    found
}

/// Walks over the batches of a log or of a KRaft snapshot, and tells `at` how far it is.
fn segment(file: &Path, base: Option<i64>, verify: bool, at: &dyn Fn(u64)) -> Found {
    let mut found = Found::new(if base.is_some() { "log" } else { "snapshot" });
    if let Err(e) = walk(file, verify, &mut found, at) {
        found.problems.push(e.to_string());
    }
    if let (Some(base), Some(first)) = (base, found.first_offset)
        && first < base
    {
        found
            .problems
            .push(format!("begins with offset {first}, below the {base} of its name"));
    }
    found
}

fn walk(file: &Path, verify: bool, found: &mut Found, at: &dyn Fn(u64)) -> Result<(), InspectError> {
    let log = LogFile::open(file)?;
    let mut batches = log.batches(0, log.size());
    let mut count = 0;
    loop {
        let position = batches.position();
        let (first, last) = if verify || count == 0 {
            let Some(batch) = batches.next()? else { break };
            if verify && !batch.is_valid() {
                found.problems.push(format!("bad checksum at position {position}"));
            }
            match batch.format {
                Format::Default(header) if header.magic > NEWEST_MAGIC && verify => {
                    let magic = header.magic;
                    found
                        .problems
                        .push(format!("batches of magic {magic} are not known: position {position}"));
                    (header.base_offset, header.last_offset())
                }
                Format::Default(header) => (header.base_offset, header.last_offset()),
                Format::Legacy(legacy) => (legacy.last_offset(), legacy.last_offset()),
            }
        } else {
            let Some(head) = batches.next_head()? else { break };
            (head.last_offset, head.last_offset)
        };
        if let Some(before) = found.last_offset.filter(|before| first <= *before) {
            found
                .problems
                .push(format!("offset {first} at position {position} is not above {before}"));
        }
        if last < first {
            found.problems.push(format!(
                "the batch at position {position} has offsets from {first} to {last}"
            ));
        }
        found.first_offset.get_or_insert(first);
        found.last_offset = Some(last);
        count += 1;
        if count % 1024 == 0 {
            at(position);
        }
        found.entries = Some(count);
    }
    found.entries = Some(count);
    let trailing = log.size() - batches.position();
    if trailing > 0 {
        found.problems.push(format!("{trailing} bytes at the end are no batch"));
    }
    Ok(())
}

/// The files at `path`: itself, those in it, or those in the partitions in it.
fn list(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        fs::metadata(path)?;
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path)?
        .map(|e| e.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    for entry in entries {
        if !entry.is_dir() {
            files.push(entry);
        } else if entry.join("partition.metadata").exists() || holds_segments(&entry) {
            list(&entry, files)?;
        }
    }
    Ok(())
}

fn holds_segments(dir: &Path) -> bool {
    let logs = |e: std::io::Result<fs::DirEntry>| e.is_ok_and(|e| e.path().extension().is_some_and(|x| x == "log"));
    fs::read_dir(dir).is_ok_and(|mut entries| entries.any(logs))
}
