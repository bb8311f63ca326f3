//! `.log` segments and `.checkpoint` snapshots: batches, and with deep iteration their records.

use std::path::Path;

use crate::cli::{CliError, CliResult};
use crate::internal_topic::DecodeError;
use crate::log::inspect::{FileBatch, Format, LogFile};
use crate::record::{Compression, Record};

use super::decoder::{Decoder, Fields};
use super::{Dump, base_offset, json, text};

/// Digits of offset and epoch in the name of a KRaft snapshot.
const OFFSET_WIDTH: usize = 20;
const EPOCH_WIDTH: usize = 10;

/// Output is handed on when so many bytes have come together.
const FLUSH_ABOVE: usize = 256 << 10;
/// The lines of a compressed batch are held back until it is read, up to so many bytes.
const HELD_BACK: usize = 64 << 20;

/// Where the printing of a file stands.
struct Progress<'a> {
    file: &'a str,
    decoder: Decoder,
    last_offset: i64,
}

impl From<DecodeError> for CliError {
    fn from(e: DecodeError) -> Self {
        CliError::failed(e.to_string())
    }
}

impl Dump<'_> {
    pub(super) fn log(&mut self, file: &str, file_name: &str) -> CliResult {
        let decoder = self.options.decoder()?;
        let max_bytes = self.options.max_bytes()?;
        if file_name.ends_with(".log") {
            let start = base_offset(file_name)?;
            self.say(format_args!("Log starting offset: {start}"));
        } else if file_name == "bootstrap.checkpoint" {
            self.say(format_args!("KRaft bootstrap snapshot"));
        } else {
            let (offset, epoch) = snapshot_id(file_name)?;
            self.say(format_args!("Snapshot end offset: {offset}, epoch: {epoch}"));
        }
        let log = LogFile::open(Path::new(file))?;
        let end = log.slice_end(0, max_bytes)?;
        let mut cursor = log.batches(0, end);
        let mut progress = Progress {
            file,
            decoder,
            last_offset: -1,
        };
        while let Some(batch) = cursor.next()? {
            let position = batch.position;
            self.batch(&batch, &mut progress)
                .map_err(|e| located(e, file, position))?;
            if self.buffer.len() > FLUSH_ABOVE {
                self.flush()?;
            }
        }
        let trailing = end - cursor.position();
        if trailing > 0 && max_bytes == i32::MAX {
            self.report.note_failure();
            match self.json {
                None => self.say(format_args!("Found {trailing} invalid bytes at the end of {file_name}")),
                Some(_) => self.say_err(&format!("Found {trailing} invalid bytes at the end of {file_name}"))?,
            }
        }
        Ok(())
    }

    /// Whether the options leave out the whole batch.
    fn is_left_out(&self, batch: &FileBatch<'_>) -> bool {
        match batch.format {
            Format::Default(header) => {
                header.last_offset() < self.options.from_offset || header.base_offset >= self.options.to_offset
            }
            // The first offset of a legacy batch is only known inside.
            Format::Legacy(legacy) => legacy.last_offset() < self.options.from_offset,
        }
    }

    fn batch(&mut self, batch: &FileBatch<'_>, progress: &mut Progress<'_>) -> CliResult {
        if self.is_left_out(batch) {
            if let Format::Default(header) = batch.format {
                progress.last_offset = header.last_offset();
            }
            return Ok(());
        }
        if !batch.is_valid() {
            self.report.note_failure();
        }
        match &mut self.json {
            None => text::batch(&mut self.buffer, batch)?,
            Some(json) if !self.options.deep => json.object(&mut self.buffer, json::batch(batch)),
            Some(_) => {}
        }
        match batch.format {
            _ if !self.options.deep => Ok(()),
            Format::Default(_) => self.records(batch, progress),
            Format::Legacy(_) => self.legacy_records(batch, progress),
        }
    }

    fn records(&mut self, batch: &FileBatch<'_>, progress: &mut Progress<'_>) -> CliResult {
        let batch = batch.as_default()?;
        let mut records = batch.records()?;
        // Kafka walks over no records before it looks at what is there.
        if batch.header.record_count == 0 {
            return Ok(());
        }
        // Kafka reads all records of a compressed batch before it shows one, and looks whether bytes are left behind the
        // last record before it shows that.
        let compressed = batch.header.compression()? != Compression::None;
        let flush_above = if compressed { HELD_BACK } else { FLUSH_ABOVE };
        let start = self.buffer.len();
        let (mut mark, mut count) = (start, 0);
        while let Some(record) = records.next() {
            let record = match record {
                Ok(record) => record,
                Err(e) => {
                    let shown = if compressed { start } else { mark };
                    if compressed || count == batch.header.record_count {
                        self.buffer.truncate(shown);
                    }
                    return Err(e.into());
                }
            };
            if self.buffer.len() > flush_above {
                self.flush()?;
            }
            mark = self.buffer.len();
            count += 1;
            self.note_offset(record.offset, progress);
            if record.offset < self.options.from_offset || record.offset >= self.options.to_offset {
                continue;
            }
            self.record(&batch, &record, progress.decoder)?;
        }
        Ok(())
    }

    fn note_offset(&mut self, offset: i64, progress: &mut Progress<'_>) {
        let last = std::mem::replace(&mut progress.last_offset, offset);
        if offset != last.wrapping_add(1) {
            self.report.non_consecutive(progress.file, last, offset);
        }
    }

    fn record(&mut self, batch: &crate::record::Batch<'_>, record: &Record<'_>, decoder: Decoder) -> CliResult {
        let header = &batch.header;
        let fields = Fields {
            offset: record.offset,
            key: record.key,
            value: record.value,
        };
        if let Some(json) = &mut self.json {
            let object = json::record(header, record, decoder)?;
            json.object(&mut self.buffer, object);
            return Ok(());
        }
        let skip = self.options.skip_record_metadata;
        if !skip {
            text::record(&mut self.buffer, record, header.timestamp_type());
            if header.is_control() {
                text::control(&mut self.buffer, record)?;
            }
        }
        if self.options.print_data && !header.is_control() {
            decoder.write(&mut self.buffer, &fields, if skip { "| " } else { " " })?;
        }
        self.buffer.push(b'\n');
        Ok(())
    }

    fn legacy_records(&mut self, batch: &FileBatch<'_>, progress: &mut Progress<'_>) -> CliResult {
        let Format::Legacy(legacy) = batch.format else {
            return Ok(());
        };
        let kind = legacy.timestamp_type();
        legacy.records()?.for_each(|record| -> CliResult {
            self.flush_if_large()?;
            self.note_offset(record.offset, progress);
            if record.offset < self.options.from_offset || record.offset >= self.options.to_offset {
                return Ok(());
            }
            let fields = Fields {
                offset: record.offset,
                key: record.key,
                value: record.value,
            };
            if let Some(json) = &mut self.json {
                let object = json::legacy_record(&legacy, &record, progress.decoder)?;
                json.object(&mut self.buffer, object);
                return Ok(());
            }
            let skip = self.options.skip_record_metadata;
            if !skip {
                text::legacy_record(&mut self.buffer, &record, kind);
            }
            if self.options.print_data {
                progress
                    .decoder
                    .write(&mut self.buffer, &fields, if skip { "| " } else { " " })?;
            }
            self.buffer.push(b'\n');
            Ok(())
        })
    }
}

/// Says behind Kafka's words where the damage is.
fn located(e: CliError, file: &str, position: u64) -> CliError {
    match e {
        CliError::Failed { message, script_exit } => CliError::Failed {
            message: format!("{message} ({file}, batch at position {position})"),
            script_exit,
        },
        other => other,
    }
}

/// `Snapshots.parse`: end offset and epoch of `00000000000000002715-0000000001.checkpoint`.
fn snapshot_id(file_name: &str) -> CliResult<(i64, i32)> {
    let offset = file_name.get(..OFFSET_WIDTH).and_then(|digits| digits.parse().ok());
    let epoch = file_name
        .get(OFFSET_WIDTH + 1..OFFSET_WIDTH + 1 + EPOCH_WIDTH)
        .and_then(|digits| digits.parse().ok());
    offset.zip(epoch).ok_or_else(|| {
        CliError::failed(format!(
            "{file_name} is not named as a snapshot: OFFSET-EPOCH.checkpoint"
        ))
    })
}
