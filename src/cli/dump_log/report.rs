//! What a run tells on stderr once all files are through: indexes that do not fit their logs, gaps between offsets.

use std::collections::BTreeMap;

use crate::cli::{CliResult, Ui};

use super::java;

/// Findings by file, in the order in which the files came.
#[derive(Debug)]
struct ByFile<T>(Vec<(String, T)>);

impl<T> Default for ByFile<T> {
    fn default() -> Self {
        ByFile(Vec::new())
    }
}

impl<T: Default> ByFile<T> {
    fn of(&mut self, file: &str) -> &mut T {
        let path = java::absolute(file);
        let at = self.0.iter().position(|(known, _)| *known == path).unwrap_or_else(|| {
            self.0.push((path, T::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    /// As Kafka's `HashMap` walks them.
    fn walk(&self) -> impl Iterator<Item = &(String, T)> {
        let keys: Vec<String> = self.0.iter().map(|(path, _)| path.clone()).collect();
        java::hash_map_order(&keys).into_iter().filter_map(|at| self.0.get(at))
    }
}

#[derive(Debug, Default)]
pub(super) struct Report {
    /// Index offset -> offset found in the log.
    index: ByFile<BTreeMap<i64, i64>>,
    /// Index timestamp, log timestamp.
    timestamp_mismatch: ByFile<Vec<(i64, i64)>>,
    /// Index timestamp, the one before it.
    out_of_order: ByFile<Vec<(i64, i64)>>,
    /// Indexed offset, offset found in the log.
    not_found: ByFile<Vec<(i64, i64)>>,
    /// Offset -> the one that follows it.
    non_consecutive: ByFile<BTreeMap<i64, i64>>,
    failures: bool,
}

impl Report {
    pub(super) fn index_mismatch(&mut self, file: &str, index_offset: i64, log_offset: i64) {
        self.index.of(file).insert(index_offset, log_offset);
    }

    pub(super) fn timestamp_mismatch(&mut self, file: &str, index_timestamp: i64, log_timestamp: i64) {
        self.timestamp_mismatch.of(file).push((index_timestamp, log_timestamp));
    }

    pub(super) fn out_of_order(&mut self, file: &str, index_timestamp: i64, previous: i64) {
        self.out_of_order.of(file).push((index_timestamp, previous));
    }

    pub(super) fn not_found(&mut self, file: &str, index_offset: i64, log_offset: i64) {
        self.not_found.of(file).push((index_offset, log_offset));
    }

    pub(super) fn non_consecutive(&mut self, file: &str, first: i64, second: i64) {
        self.non_consecutive.of(file).insert(first, second);
    }

    /// Something is wrong that was told already: a bad checksum, bytes at the end, an unknown file.
    pub(super) fn note_failure(&mut self) {
        self.failures = true;
    }

    /// Gaps between offsets are no damage: compaction and transactions leave them.
    pub(super) fn is_damaged(&self) -> bool {
        let time_index = [&self.timestamp_mismatch, &self.out_of_order, &self.not_found];
        self.failures || !self.index.0.is_empty() || time_index.iter().any(|found| !found.0.is_empty())
    }

    /// What does not fit the log, in a line each.
    pub(super) fn findings(&self) -> Vec<String> {
        let index = self.index.0.iter().flat_map(|(_, pairs)| pairs);
        let index = index.map(|(at, log)| format!("offset {at} is {log} in the log"));
        let pairs = |found: &ByFile<Vec<(i64, i64)>>| -> Vec<(i64, i64)> {
            found.0.iter().flat_map(|(_, pairs)| pairs.iter().copied()).collect()
        };
        let times = pairs(&self.timestamp_mismatch);
        let times = times
            .iter()
            .map(|(at, log)| format!("timestamp {at} is {log} in the log"));
        let order = pairs(&self.out_of_order);
        let order = order
            .iter()
            .map(|(at, before)| format!("timestamp {at} is not above {before}"));
        let missing = pairs(&self.not_found);
        let missing = missing
            .iter()
            .map(|(at, _)| format!("offset {at} ends no batch of the log"));
        index.chain(times).chain(order).chain(missing).collect()
    }

    pub(super) fn print(&self, ui: &mut Ui) -> CliResult {
        for (file, pairs) in self.index.walk() {
            ui.say_err(&format!("Mismatches in :{file}"))?;
            for (index, log) in pairs.iter().rev() {
                ui.say_err(&format!("  Index offset: {index}, log offset: {log}"))?;
            }
        }
        for (file, pairs) in self.timestamp_mismatch.walk() {
            ui.say_err(&format!("Found timestamp mismatch in :{file}"))?;
            for (index, log) in pairs {
                ui.say_err(&format!("  Index timestamp: {index}, log timestamp: {log}"))?;
            }
        }
        for (file, pairs) in self.out_of_order.walk() {
            ui.say_err(&format!("Found out of order timestamp in :{file}"))?;
            for (index, previous) in pairs {
                ui.say_err(&format!(
                    "  Index timestamp: {index}, Previously indexed timestamp: {previous}"
                ))?;
            }
        }
        for (file, pairs) in self.not_found.walk() {
            ui.say_err(&format!("The following indexed offsets are not found in :{file}"))?;
            for (index, log) in pairs {
                ui.say_err(&format!("Indexed offset: {index}, found log offset: {log}"))?;
            }
        }
        for (file, pairs) in self.non_consecutive.walk() {
            ui.say_err(&format!("Non-consecutive offsets in {file}"))?;
            for (first, second) in pairs {
                ui.say_err(&format!("  {first} is followed by {second}"))?;
            }
        }
        Ok(())
    }
}
