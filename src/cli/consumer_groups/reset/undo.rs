//! `--undo-file`: the offsets from before a reset, as a plan for `--reset-offsets --from-file`.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{NewOffsets, csv};
use crate::cli::{CliError, CliResult, Ui};

/// A file that is written before each group's reset, so that a command that dies half-way leaves it complete.
#[derive(Debug)]
pub(super) struct UndoFile {
    path: PathBuf,
    /// Plans for one group do not name it.
    one_group: bool,
    lines: String,
}

impl UndoFile {
    /// # Errors
    /// There is such a file already: it may be the only way back from an earlier reset.
    pub(super) fn new(path: &str, one_group: bool) -> CliResult<Self> {
        let path = PathBuf::from(path);
        if path.exists() {
            return Err(CliError::failed(format!(
                "{} exists: nothing was reset",
                path.display()
            )));
        }
        Ok(Self {
            path,
            one_group,
            lines: String::new(),
        })
    }

    /// Adds a group's old offsets. Partitions that had none are named: a plan cannot bring that back.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn save(&mut self, ui: &mut Ui, new: &NewOffsets) -> CliResult {
        let group = (!self.one_group).then_some(new.group.as_str());
        let mut without = Vec::new();
        for (tp, _) in &new.offsets {
            match new.old.get(tp) {
                Some(offset) => self.lines.push_str(&csv::line(group, tp, *offset)),
                None => without.push(tp.to_string()),
            }
        }
        if !without.is_empty() {
            let names = without.join(", ");
            let undo = "--delete-offsets removes what is committed now";
            ui.say_err(&format!("group '{}' had no offsets of {names}: {undo}", new.group))?;
        }
        self.write()
            .map_err(|e| CliError::failed(format!("{}: {e}: nothing was reset", self.path.display())))
    }

    fn write(&self) -> std::io::Result<()> {
        let dir = self
            .path
            .parent()
            .filter(|d| !d.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(self.lines.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}
