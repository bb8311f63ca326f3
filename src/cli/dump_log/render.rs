//! Batches and their records as text or as lines of JSON: a pure function of bytes, run by several workers at once.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use crate::cli::{CliError, CliResult};
use crate::internal_topic::DecodeError;
use crate::log::inspect::{FileBatch, Format};
use crate::record::legacy::LegacyBatch;
use crate::record::{Batch, Compression, Record};

use super::decoder::{Decoder, Fields};
use super::selection::Selection;
use super::{json, text};

/// Text is handed on when so many bytes have come together.
const PIECE: usize = 256 << 10;
/// The lines of a compressed batch are held back until it is read, up to so many bytes.
const HELD_BACK: usize = 64 << 20;

/// What to show of a log.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) deep: bool,
    pub(super) print_data: bool,
    pub(super) skip_record_metadata: bool,
    pub(super) selection: Arc<Selection>,
    pub(super) decoder: Decoder,
    /// As JSON, a line each.
    pub(super) json: bool,
    /// The file's name, for JSON and for errors.
    pub(super) file: String,
}

/// A stretch of output, and what was found on the way.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) text: Vec<u8>,
    pub(super) offsets: Offsets,
    /// A checksum does not match.
    pub(super) damaged: bool,
    /// Why the output ends here.
    pub(super) failure: Option<CliError>,
}

impl Default for Piece {
    fn default() -> Self {
        /// What the last line may be longer than the piece.
        const A_LINE: usize = 16 << 10;
        Piece {
            text: Vec::with_capacity(PIECE + A_LINE),
            offsets: Offsets::default(),
            damaged: false,
            failure: None,
        }
    }
}

/// The offsets of consecutive records, and where they are not consecutive.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    pub(super) first: Option<i64>,
    pub(super) last: Option<i64>,
    pub(super) gaps: Vec<(i64, i64)>,
}

impl Offsets {
    /// Takes the next offset.
    pub(super) fn note(&mut self, offset: i64) {
        match self.last.replace(offset) {
            None => self.first = Some(offset),
            Some(last) if last.wrapping_add(1) != offset => self.gaps.push((last, offset)),
            Some(_) => {}
        }
    }

    /// Takes a batch whose records are not looked at.
    fn pass_over(&mut self, first: i64, last: i64) {
        self.note(first);
        self.last = Some(last);
    }
}

impl From<DecodeError> for CliError {
    fn from(e: DecodeError) -> Self {
        CliError::failed(e.to_string())
    }
}

/// Renders batch after batch into pieces.
#[derive(Debug)]
pub(super) struct Renderer<'a> {
    shape: &'a Shape,
    piece: Piece,
    line: text::Line,
    to: &'a SyncSender<Piece>,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(shape: &'a Shape, to: &'a SyncSender<Piece>) -> Self {
        Renderer {
            shape,
            piece: Piece::default(),
            line: text::Line::default(),
            to,
        }
    }

    /// Hands on what is there. Fails when nobody takes it any more.
    pub(super) fn flush(&mut self) -> CliResult {
        let closed = |_| CliError::Io(std::io::ErrorKind::BrokenPipe.into());
        self.to.send(std::mem::take(&mut self.piece)).map_err(closed)
    }

    /// Renders one batch; an error goes out as the last piece, and the answer is then false.
    pub(super) fn batch(&mut self, batch: &FileBatch<'_>) -> bool {
        let end = self
            .try_batch(batch)
            .and_then(|()| match self.piece.text.len() > PIECE {
                true => self.flush(),
                false => Ok(()),
            });
        match end {
            Ok(()) => true,
            Err(e) => {
                self.piece.failure = Some(located(e, &self.shape.file, batch.position));
                // If nobody listens there is nobody to tell.
                let _ = self.flush();
                false
            }
        }
    }

    fn try_batch(&mut self, batch: &FileBatch<'_>) -> CliResult {
        if let Format::Default(header) = batch.format
            && !self.shape.selection.is_everything()
            && self.shape.selection.leaves_out(&header)
        {
            self.piece.offsets.pass_over(header.base_offset, header.last_offset());
            return Ok(());
        }
        let valid = batch.is_valid();
        self.piece.damaged |= !valid;
        let start = self.piece.text.len();
        if !self.shape.json {
            text::batch(&mut self.piece.text, batch, valid)?;
        } else if !self.shape.deep {
            json::line(&mut self.piece.text, &self.shape.file, json::batch(batch));
        }
        let shown = match batch.format {
            _ if !self.shape.deep => return Ok(()),
            Format::Default(_) => self.records(&batch.as_default()?)?,
            Format::Legacy(legacy) => self.legacy_records(&legacy)?,
        };
        // A batch none of whose records is wanted is not wanted itself. (If its lines had gone out, one was.)
        if !shown && !self.shape.selection.is_everything() {
            self.piece.text.truncate(start);
        }
        Ok(())
    }

    /// Answers whether any was wanted.
    ///
    /// Kafka reads all records of a compressed batch before it shows one, and looks whether bytes are left behind the
    /// last record before it shows that.
    fn records(&mut self, batch: &Batch<'_>) -> CliResult<bool> {
        let mut records = batch.records()?;
        // Kafka walks over no records before it looks at what is there.
        if batch.header.record_count == 0 {
            return Ok(false);
        }
        let compressed = batch.header.compression()? != Compression::None;
        let flush_above = if compressed { HELD_BACK } else { PIECE };
        let start = self.piece.text.len();
        let (mut mark, mut count, mut shown) = (start, 0, false);
        while let Some(record) = records.next() {
            let record = match record {
                Ok(record) => record,
                Err(e) => {
                    if compressed {
                        self.piece.text.truncate(start);
                    } else if count == batch.header.record_count {
                        self.piece.text.truncate(mark);
                    }
                    return Err(e.into());
                }
            };
            if self.piece.text.len() > flush_above {
                self.flush()?;
            }
            mark = self.piece.text.len();
            count += 1;
            self.piece.offsets.note(record.offset);
            if self.shape.selection.takes(&record) {
                shown = true;
                let Err(e) = self.record(batch, &record) else { continue };
                // What Kafka has read by now is told first: all of a compressed batch, else the end behind the last record.
                while (compressed || count == batch.header.record_count)
                    && let Some(next) = records.next()
                {
                    if let Err(worse) = next {
                        self.piece.text.truncate(if compressed { start } else { mark });
                        return Err(worse.into());
                    }
                }
                return Err(e);
            }
        }
        Ok(shown)
    }

    fn record(&mut self, batch: &Batch<'_>, record: &Record<'_>) -> CliResult {
        let header = &batch.header;
        let prefix = self.prefix();
        let out = &mut self.piece.text;
        if self.shape.json {
            let start = out.len();
            return json::record_line(out, &self.shape.file, header, record, self.shape.decoder)
                .inspect_err(|_| out.truncate(start));
        }
        if !self.shape.skip_record_metadata {
            text::record(out, record, header.timestamp_type(), &mut self.line);
            if header.is_control() {
                text::control(out, record)?;
            }
        }
        if self.shape.print_data && !header.is_control() {
            let fields = Fields {
                offset: record.offset,
                key: record.key,
                value: record.value,
            };
            self.shape.decoder.write(out, &fields, prefix)?;
        }
        self.piece.text.push(b'\n');
        Ok(())
    }

    /// What stands before a key: the indent, unless the metadata has it.
    fn prefix(&self) -> &'static str {
        if self.shape.skip_record_metadata { "| " } else { " " }
    }

    fn legacy_records(&mut self, batch: &LegacyBatch<'_>) -> CliResult<bool> {
        let mut shown = false;
        let kind = batch.timestamp_type();
        batch.records()?.for_each(|record| -> CliResult {
            if self.piece.text.len() > PIECE {
                self.flush()?;
            }
            self.piece.offsets.note(record.offset);
            if !self.shape.selection.takes_legacy(&record) {
                return Ok(());
            }
            shown = true;
            let prefix = self.prefix();
            let out = &mut self.piece.text;
            if self.shape.json {
                json::line(
                    out,
                    &self.shape.file,
                    json::legacy_record(batch, &record, self.shape.decoder)?,
                );
                return Ok(());
            }
            if !self.shape.skip_record_metadata {
                text::legacy_record(out, &record, kind);
            }
            if self.shape.print_data {
                let decoder = self.shape.decoder;
                let key = if decoder.reads_keys() { record.key() } else { Ok(None) };
                match key.and_then(|key| Ok((key, record.value()?))) {
                    Ok((key, value)) => {
                        let offset = record.offset;
                        decoder.write(out, &Fields { offset, key, value }, prefix)?;
                    }
                    Err(why) if decoder.write_unreadable(out, record.offset, &why, prefix) => {}
                    Err(why) => return Err(why.into()),
                }
            }
            out.push(b'\n');
            Ok(())
        })?;
        Ok(shown)
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
