//! The only way from a command to the terminal: data on stdout, everything else on stderr.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;

use super::{CliError, CliResult};

/// Which of the two names a tool was called by, and so whose exit codes and help it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// By the script's name (`kafka-topics.sh`): Kafka to the letter, its lies included.
    Script,
    /// As `kt TOOL`: the same stdout, but exit codes tell the truth and there are options beyond the script's.
    Kt,
}

/// How a command prints its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Kafka's own text.
    Kafka,
    Table,
    Json,
    Jsonl,
    Csv,
}

/// A command's output streams.
pub struct Ui {
    pub manner: Manner,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    out_is_stdout: bool,
    out_is_terminal: bool,
    err_is_terminal: bool,
    format: Option<Format>,
    /// Bytes of stdout are flushed after each line when a person or a pipe waits for them.
    client_logs: bool,
}

impl fmt::Debug for Ui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ui")
            .field("manner", &self.manner)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl Ui {
    /// The process's own stdout (buffered; flushed by [`Ui::flush`] and at the end) and stderr.
    pub fn stdio(manner: Manner) -> Self {
        Self {
            manner,
            out: Box::new(BufWriter::with_capacity(64 * 1024, io::stdout())),
            err: Box::new(io::stderr()),
            out_is_stdout: true,
            out_is_terminal: io::stdout().is_terminal(),
            err_is_terminal: io::stderr().is_terminal(),
            format: None,
            client_logs: true,
        }
    }

    /// Streams of the caller's, for tests; neither is a terminal.
    pub fn with_streams(manner: Manner, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            manner,
            out,
            err,
            out_is_stdout: false,
            out_is_terminal: false,
            err_is_terminal: false,
            format: None,
            client_logs: true,
        }
    }

    /// Where data goes.
    pub fn out(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.out
    }

    /// The file that stdout is, if it is one. [`Ui::flush`] comes first, or what was written before comes later.
    ///
    /// # Errors
    /// No descriptor is free.
    pub fn out_file(&self) -> io::Result<Option<File>> {
        if !self.out_is_stdout {
            return Ok(None);
        }
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(file.metadata()?.is_file().then_some(file))
    }

    /// Where all else goes. Flushes nothing of stdout.
    pub fn err(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.err
    }

    pub fn flush(&mut self) -> CliResult {
        self.out.flush()?;
        self.err.flush()?;
        Ok(())
    }

    pub fn out_is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// Whether progress bars and colours may be shown on stderr.
    pub fn err_is_terminal(&self) -> bool {
        self.err_is_terminal
    }

    /// One line of plain text on stderr. What was written to stdout before appears before it.
    pub fn say_err(&mut self, line: &str) -> CliResult {
        self.out.flush()?;
        writeln!(self.err, "{line}")?;
        Ok(())
    }

    /// A line as log4j prints it for Kafka's tools: `[2026-11-21 09:00:13,926] ERROR message (class)` on stderr.
    pub fn log(&mut self, level: &str, message: &str, class: &str) -> CliResult {
        if !self.client_logs {
            return Ok(());
        }
        let time = chrono::Local::now().format("%Y-%m-%d %H:%M:%S,%3f");
        self.out.flush()?;
        writeln!(self.err, "[{time}] {level} {message} ({class})")?;
        Ok(())
    }

    /// The output format that `-o` chose; without it a table on a terminal (as `kt TOOL` only) and Kafka's text elsewhere.
    pub fn format(&self) -> Format {
        match self.format {
            Some(f) => f,
            None if self.manner == Manner::Kt && self.out_is_terminal => Format::Table,
            None => Format::Kafka,
        }
    }

    /// Takes the value of `-o`.
    pub fn set_format(&mut self, name: &str) -> CliResult {
        self.format = Some(match name {
            "kafka" | "text" => Format::Kafka,
            "table" => Format::Table,
            "json" => Format::Json,
            "jsonl" => Format::Jsonl,
            "csv" => Format::Csv,
            other => {
                return Err(CliError::usage(format!(
                    "unknown output format '{other}': one of kafka, table, json, jsonl, csv"
                )));
            }
        });
        Ok(())
    }
}

/// A bar of bytes on stderr: shown when stderr is a terminal and there is a total, hidden otherwise.
pub fn progress_bytes(ui: &Ui, total: Option<u64>) -> indicatif::ProgressBar {
    match total {
        Some(total) if ui.err_is_terminal() => {
            let bar = indicatif::ProgressBar::new(total);
            let style = indicatif::ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
            bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()));
            bar
        }
        _ => indicatif::ProgressBar::hidden(),
    }
}
