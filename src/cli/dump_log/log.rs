//! `.log` segments and `.checkpoint` snapshots: one thread reads, several render, their output is put in order again.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::allocator::keep_freed_memory;
use crate::cli::{CliError, CliResult, ui};
use crate::log::inspect::{BatchCursor, Chunk, InspectError, LogFile};

use super::blocks::Blocks;
use super::render::{Offsets, Piece, Renderer, Shape};
use super::{Dump, base_offset};

/// Digits of offset and epoch in the name of a KRaft snapshot.
const OFFSET_WIDTH: usize = 20;
const EPOCH_WIDTH: usize = 10;
/// Pieces that a worker may be ahead of the output.
const PIECES_AHEAD: usize = 8;
const MOST_WORKERS: usize = 8;
/// Files of so many bytes show how far they are read.
pub(super) const PROGRESS_FROM: u64 = 64 << 20;

/// What the reader puts in line.
enum Next {
    /// The output of a chunk, and how much of the file is then through.
    Pieces { pieces: Receiver<Piece>, read: u64 },
    /// The last: how many bytes are no batch, or why reading stopped.
    End(Result<u64, InspectError>),
}

type Work = (Chunk, SyncSender<Piece>);

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
        let shape = Shape {
            deep: self.options.deep,
            print_data: self.options.print_data,
            skip_record_metadata: self.options.skip_record_metadata,
            selection: self.options.selection.clone(),
            decoder,
            json: self.json.is_some(),
            file: file.to_owned(),
        };
        let trailing = self.render(log.batches(0, end), end, &shape)?;
        if trailing > 0 && max_bytes == i32::MAX {
            self.report.note_failure();
            match self.json {
                None => self.say(format_args!("Found {trailing} invalid bytes at the end of {file_name}")),
                Some(_) => self.say_err(&format!("Found {trailing} invalid bytes at the end of {file_name}"))?,
            }
        }
        Ok(())
    }

    /// Shows all batches; the answer is how many bytes before `end` are no whole batch.
    fn render(&mut self, batches: BatchCursor<'_>, end: u64, shape: &Shape) -> CliResult<u64> {
        self.flush()?;
        self.ui.flush()?;
        keep_freed_memory();
        let workers = thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS);
        thread::scope(|scope| {
            let (in_line, line) = sync_channel(workers * 2);
            let (to_workers, work) = sync_channel::<Work>(workers);
            let work = std::sync::Arc::new(Mutex::new(work));
            for _ in 0..workers {
                let work = work.clone();
                scope.spawn(move || render_chunks(&work, shape));
            }
            // The workers alone hold the receiving end: once they are gone the reader stops.
            drop(work);
            scope.spawn(move || read_chunks(batches, end, &to_workers, &in_line));
            self.collect(line, end, shape)
        })
    }

    /// Writes the pieces in the order of the file.
    fn collect(&mut self, line: Receiver<Next>, size: u64, shape: &Shape) -> CliResult<u64> {
        let shows_progress = size >= PROGRESS_FROM && !self.ui.out_is_terminal();
        let bar = ui::progress_bytes(self.ui, shows_progress.then_some(size));
        let mut blocks = self.ui.out_file()?.map(Blocks::new).transpose()?;
        let mut last_offset = -1;
        let end = line.into_iter().find_map(|next| match next {
            Next::End(end) => Some(end.map_err(CliError::from)),
            Next::Pieces { pieces, read } => {
                let written = pieces
                    .into_iter()
                    .try_for_each(|piece| self.piece(piece, shape, blocks.as_mut(), &mut last_offset));
                bar.set_position(read);
                written.err().map(Err)
            }
        });
        bar.finish_and_clear();
        // What was shown before a failure stays shown.
        let written = blocks.map_or(Ok(()), Blocks::finish);
        let end = end.unwrap_or_else(|| Err(CliError::failed("the reader of the log ended without a word")))?;
        written?;
        Ok(end)
    }

    fn piece(&mut self, piece: Piece, shape: &Shape, blocks: Option<&mut Blocks>, last_offset: &mut i64) -> CliResult {
        let text = match &mut self.json {
            None => piece.text,
            Some(json) => {
                json.lines_of(&piece.text, &mut self.buffer);
                std::mem::take(&mut self.buffer)
            }
        };
        match blocks {
            Some(blocks) => blocks.push(text)?,
            None => self.ui.out().write_all(&text)?,
        }
        if piece.damaged {
            self.report.note_failure();
        }
        self.note_gaps(&piece.offsets, shape, last_offset);
        piece.failure.map_or(Ok(()), Err)
    }

    fn note_gaps(&mut self, offsets: &Offsets, shape: &Shape, last_offset: &mut i64) {
        let (Some(first), Some(last)) = (offsets.first, offsets.last) else {
            return;
        };
        let before = (*last_offset, first);
        let gaps = std::iter::once(before).filter(|(last, first)| last.wrapping_add(1) != *first);
        for (last, first) in gaps.chain(offsets.gaps.iter().copied()) {
            self.report.non_consecutive(&shape.file, last, first);
        }
        *last_offset = last;
    }
}

/// Cuts the file into chunks, each with a place in the line of outputs. Ends when the file does or nobody listens.
fn read_chunks(mut batches: BatchCursor<'_>, end: u64, to_workers: &SyncSender<Work>, in_line: &SyncSender<Next>) {
    loop {
        let mut chunk = Chunk::default();
        let read = batches.next_chunk(&mut chunk);
        if !chunk.is_empty() {
            let (out, pieces) = sync_channel(PIECES_AHEAD);
            if in_line
                .send(Next::Pieces {
                    pieces,
                    read: batches.position(),
                })
                .is_err()
                || to_workers.send((chunk, out)).is_err()
            {
                return;
            }
        }
        let ended = match read {
            Ok(true) => continue,
            Ok(false) => Ok(end - batches.position()),
            Err(e) => Err(e),
        };
        // Nobody listens any more: nothing to tell.
        let _ = in_line.send(Next::End(ended));
        return;
    }
}

/// A worker: renders chunks until there are no more, or until one fails.
fn render_chunks(work: &Mutex<Receiver<Work>>, shape: &Shape) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((chunk, out)) = next else {
            return;
        };
        let mut renderer = Renderer::new(shape, &out);
        let whole = chunk.batches().all(|batch| renderer.batch(&batch));
        if whole && renderer.flush().is_err() {
            return;
        }
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
