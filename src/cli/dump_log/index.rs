//! `.index`, `.timeindex`, `.txnindex` and `.snapshot` files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::CliResult;
use crate::log::inspect::{
    self, BatchCursor, FileBatch, Format, InspectError, LogFile, OffsetIndexFile, TimeIndexEntry, TimeIndexFile,
};
use crate::record::batch::decrement_sequence;

use super::{Dump, base_offset, java, text};

const NO_TIMESTAMP: i64 = -1;

/// The file of the same segment with another suffix.
fn sibling(file: &str, file_name: &str, suffix: &str) -> PathBuf {
    let stem = file_name.split('.').next().unwrap_or_default();
    let absolute = java::absolute(file);
    Path::new(&absolute).with_file_name(format!("{stem}{suffix}"))
}

impl Dump<'_> {
    pub(super) fn index(&mut self, file: &str, file_name: &str) -> CliResult {
        let base = base_offset(file_name)?;
        let max_message_size = self.options.max_message_size()?;
        let log = LogFile::open(&sibling(file, file_name, ".log"))?;
        let index = OffsetIndexFile::open(Path::new(file), base)?;
        if index.is_empty() {
            self.say(format_args!("{file} is empty."));
            return Ok(());
        }
        if self.options.sanity_only {
            index.sanity_check()?;
            self.say(format_args!("{file} passed sanity check."));
            return Ok(());
        }
        let selection = self.options.selection.clone();
        for n in 0..index.used() {
            let entry = index.entry(n);
            let end = log.slice_end(i64::from(entry.position), max_message_size)?;
            let found = log.head_at(entry.position as u64, end)?.ok_or_else(|| {
                InspectError::Corrupt(format!(
                    "{file}: entry {n} points to position {} where the log has no batch of at most {max_message_size} bytes",
                    entry.position
                ))
            })?;
            if found.last_offset != entry.offset {
                self.report.index_mismatch(file, entry.offset, found.last_offset);
            }
            if self.options.verify_only || !selection.takes_entry(entry.offset, None) {
                continue;
            }
            if let Some(json) = &mut self.json {
                json.object(
                    &mut self.buffer,
                    file,
                    json!({"offset": entry.offset, "position": entry.position}),
                );
            } else {
                self.buffer.extend_from_slice(b"offset: ");
                text::int(&mut self.buffer, entry.offset);
                self.buffer.extend_from_slice(b" position: ");
                text::int(&mut self.buffer, i64::from(entry.position));
                self.buffer.push(b'\n');
            }
            self.flush_if_large()?;
        }
        Ok(())
    }

    pub(super) fn time_index(&mut self, file: &str, file_name: &str) -> CliResult {
        let base = base_offset(file_name)?;
        let log = LogFile::open(&sibling(file, file_name, ".log"))?;
        let offsets = OffsetIndexFile::open(&sibling(file, file_name, ".index"), base)?;
        let index = TimeIndexFile::open(Path::new(file), base)?;
        if self.options.sanity_only {
            index.sanity_check()?;
            self.say(format_args!("{file} passed sanity check."));
            return Ok(());
        }
        let selection = self.options.selection.clone();
        let position_of = |entry: &TimeIndexEntry| offsets.lookup(entry.offset).position;
        let mut to_come: HashSet<u64> = (0..index.used()).map(|n| position_of(&index.entry(n)) as u64).collect();
        let mut previous = NO_TIMESTAMP;
        for n in 0..index.used() {
            let entry = index.entry(n);
            let position = i64::from(position_of(&entry));
            let end = log.slice_end(position, i32::MAX)?;
            // Kafka walks to the end of the log for each entry: what is broken there is told before the entry. Where a walk has
            // come by another need not begin.
            if to_come.contains(&(position as u64)) {
                walk(log.batches(position as u64, end), &mut to_come)?;
            }
            self.verify_time_entry(file, entry, previous, log.batches(position as u64, end))?;
            previous = entry.timestamp;
            if self.options.verify_only || !selection.takes_entry(entry.offset, Some(entry.timestamp)) {
                continue;
            }
            if let Some(json) = &mut self.json {
                json.object(
                    &mut self.buffer,
                    file,
                    json!({"timestamp": entry.timestamp, "offset": entry.offset}),
                );
            } else {
                self.buffer.extend_from_slice(b"timestamp: ");
                text::int(&mut self.buffer, entry.timestamp);
                self.buffer.extend_from_slice(b" offset: ");
                text::int(&mut self.buffer, entry.offset);
                self.buffer.push(b'\n');
            }
            self.flush_if_large()?;
        }
        Ok(())
    }

    /// The entry must name the last offset of a batch, and the largest timestamp in it.
    fn verify_time_entry(
        &mut self,
        file: &str,
        entry: TimeIndexEntry,
        previous: i64,
        mut batches: BatchCursor<'_>,
    ) -> CliResult {
        let found = loop {
            let before = batches.position();
            match batches.next_head()? {
                None => break None,
                Some(head) if head.last_offset >= entry.offset => {
                    batches.rewind_to(before);
                    break Some(head);
                }
                Some(_) => {}
            }
        };
        match found {
            None => self.report.not_found(file, entry.offset, -1),
            Some(head) if head.last_offset != entry.offset => {
                self.report.not_found(file, entry.offset, head.last_offset);
            }
            Some(_) => {
                let batch = batches.next()?;
                let largest = batch.map_or(Ok(NO_TIMESTAMP), |batch| max_timestamp(&batch))?;
                if largest != entry.timestamp {
                    self.report.timestamp_mismatch(file, entry.timestamp, largest);
                }
                if previous >= entry.timestamp {
                    self.report.out_of_order(file, entry.timestamp, previous);
                }
            }
        }
        Ok(())
    }

    pub(super) fn txn_index(&mut self, file: &str, file_name: &str) -> CliResult {
        base_offset(file_name)?;
        for txn in inspect::read_txn_index(Path::new(file))? {
            if let Some(json) = &mut self.json {
                let object = json!({
                    "version": txn.version, "producerId": txn.producer_id, "firstOffset": txn.first_offset,
                    "lastOffset": txn.last_offset, "lastStableOffset": txn.last_stable_offset,
                });
                json.object(&mut self.buffer, file, object);
                continue;
            }
            self.say(format_args!(
                "version: {} producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}",
                txn.version, txn.producer_id, txn.first_offset, txn.last_offset, txn.last_stable_offset
            ));
        }
        Ok(())
    }

    pub(super) fn producer_snapshot(&mut self, file: &str) -> CliResult {
        let entries = match inspect::read_producer_snapshot(Path::new(file)) {
            Ok(entries) => entries,
            Err(InspectError::Corrupt(why)) => {
                self.report.note_failure();
                return self.say_err(&why);
            }
            Err(e) => return Err(e.into()),
        };
        for entry in entries {
            let first_sequence = decrement_sequence(entry.last_sequence, entry.offset_delta);
            let in_txn = (entry.current_txn_first_offset >= 0).then_some(entry.current_txn_first_offset);
            if let Some(json) = &mut self.json {
                let object = json!({
                    "producerId": entry.producer_id, "producerEpoch": entry.producer_epoch,
                    "coordinatorEpoch": entry.coordinator_epoch, "currentTxnFirstOffset": in_txn,
                    "lastTimestamp": entry.timestamp, "firstSequence": first_sequence,
                    "lastSequence": entry.last_sequence, "lastOffset": entry.last_offset,
                    "offsetDelta": entry.offset_delta,
                });
                json.object(&mut self.buffer, file, object);
                continue;
            }
            let mut txn = Vec::new();
            text::optional_long(&mut txn, in_txn);
            let head = format!(
                "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {} lastTimestamp: {} ",
                entry.producer_id,
                entry.producer_epoch,
                entry.coordinator_epoch,
                String::from_utf8_lossy(&txn),
                entry.timestamp
            );
            if entry.last_offset < 0 {
                self.say(format_args!("{}", head.trim_end()));
                continue;
            }
            self.say(format_args!(
                "{head}firstSequence: {first_sequence} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
                entry.last_sequence, entry.last_offset, entry.offset_delta, entry.timestamp
            ));
        }
        Ok(())
    }
}

/// Walks to the end, and takes the places it comes by from those to come.
fn walk(mut batches: BatchCursor<'_>, to_come: &mut HashSet<u64>) -> Result<(), InspectError> {
    loop {
        to_come.remove(&batches.position());
        if batches.next_head()?.is_none() {
            return Ok(());
        }
    }
}

/// The largest timestamp of a batch's records, whatever its header says.
fn max_timestamp(batch: &FileBatch<'_>) -> CliResult<i64> {
    let mut largest = NO_TIMESTAMP;
    match batch.format {
        Format::Legacy(legacy) => legacy.records()?.for_each(|record| -> CliResult {
            largest = largest.max(record.timestamp);
            Ok(())
        })?,
        Format::Default(header) if header.record_count == 0 => {}
        Format::Default(_) => {
            let mut records = batch.as_default()?.records()?;
            while let Some(record) = records.next_meta() {
                largest = largest.max(record?.timestamp);
            }
        }
    }
    Ok(largest)
}
