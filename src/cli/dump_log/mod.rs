//! `kafka-dump-log.sh`: what is in the files of a log directory. Kafka: `DumpLogSegments`.
//!
//! Beyond the script: files without `--files`, folders, `--verify`, `--from-offset`, `--to-offset`, `--from-time`,
//! `--to-time`, `--filter`, `-o json|jsonl`. As `kt dump-log` damage makes the command fail.

mod blocks;
mod decoder;
mod index;
mod java;
mod json;
mod log;
mod options;
mod render;
mod report;
mod selection;
mod survey;
#[cfg(test)]
mod tests;
mod text;

use std::path::Path;

use super::tool::{Grammar, Line};
use super::ui::Format;
use super::{CliError, CliResult, Manner, Tool, Ui};
use crate::log::inspect::InspectError;
use options::Options;
use report::Report;

/// `kafka-dump-log.sh`.
pub static TOOL: Tool = Tool {
    script: "kafka-dump-log",
    names: &["dump-log"],
    about: "This tool helps to parse a log file and dump its contents to the console, useful for debugging a seemingly corrupt log segment.",
    opts: options::OPTS,
    bare: None,
    help_after_error: false,
    grammar: Grammar::JoptSimple,
    run: crate::runs!(run),
};

/// One run: its options, its output on the way, and what to tell at the end.
struct Dump<'a> {
    ui: &'a mut Ui,
    options: Options,
    report: Report,
    /// Output that was not yet handed to `ui`.
    buffer: Vec<u8>,
    json: Option<json::Writer>,
}

impl From<InspectError> for CliError {
    fn from(e: InspectError) -> Self {
        CliError::failed(e.to_string())
    }
}

impl From<crate::record::RecordError> for CliError {
    fn from(e: crate::record::RecordError) -> Self {
        CliError::failed(e.to_string())
    }
}

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let options = Options::new(line.options, ui.manner)?;
    if options.files.is_empty() && !options.has_files {
        return Err(CliError::usage_with_help("Missing required argument \"[files]\""));
    }
    let survey = options.verify || ui.manner == Manner::Kt && options.files.iter().any(|f| Path::new(f).is_dir());
    if survey {
        let files = options.files.clone();
        return Dump {
            ui,
            options,
            report: Report::default(),
            buffer: Vec::new(),
            json: None,
        }
        .survey(&files);
    }
    let json = match ui.format() {
        Format::Json => Some(json::Writer::array()),
        Format::Jsonl => Some(json::Writer::lines()),
        Format::Kafka | Format::Table => None,
        Format::Csv => return Err(CliError::usage("dump-log prints kafka, json or jsonl, not csv")),
    };
    let files = options.files.clone();
    let mut dump = Dump {
        ui,
        options,
        report: Report::default(),
        buffer: Vec::new(),
        json,
    };
    let mut end = files.iter().try_for_each(|file| dump.file(file));
    if let Some(json) = &mut dump.json {
        json.finish(&mut dump.buffer);
    }
    // What was printed before a failure stays printed.
    end = dump.flush().and(end);
    end?;
    let Dump { ui, report, .. } = dump;
    report.print(ui)?;
    match report.is_damaged() {
        true => Err(CliError::told_quietly()),
        false => Ok(()),
    }
}

impl Dump<'_> {
    /// A line of text around the data; not in JSON.
    fn say(&mut self, line: std::fmt::Arguments<'_>) {
        if self.json.is_none() {
            use std::io::Write as _;
            let _ = writeln!(self.buffer, "{line}");
        }
    }

    fn say_err(&mut self, line: &str) -> CliResult {
        self.flush()?;
        self.ui.say_err(line)
    }

    fn flush(&mut self) -> CliResult {
        self.ui.out().write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Flushes once enough has come together.
    fn flush_if_large(&mut self) -> CliResult {
        if self.buffer.len() >= 256 * 1024 {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn file(&mut self, name: &str) -> CliResult {
        let file = java::normalize(name);
        self.say(format_args!("Dumping {file}"));
        let path = Path::new(&file);
        let file_name = path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        let suffix = file_name.rfind('.').map_or("", |at| &file_name[at..]);
        match suffix {
            ".log" | ".checkpoint" => self.log(&file, &file_name),
            ".index" => self.index(&file, &file_name),
            ".timeindex" => self.time_index(&file, &file_name),
            ".snapshot" => self.producer_snapshot(&file),
            ".txnindex" => self.txn_index(&file, &file_name),
            _ => {
                self.report.note_failure();
                if self.ui.manner == Manner::Kt && !path.exists() {
                    return self.say_err(&format!("{file}: no such file or folder"));
                }
                self.say_err(&format!("Ignoring unknown file {file}"))
            }
        }
    }
}

/// The offset that a segment's file is named after: all before the first dot.
fn base_offset(file_name: &str) -> CliResult<i64> {
    let stem = file_name.split('.').next().unwrap_or_default();
    java::parse_long(stem).ok_or_else(|| CliError::failed(format!("For input string: \"{stem}\"")))
}
