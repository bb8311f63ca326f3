//! What one of Kafka's scripts is to `kt`.

use std::future::Future;
use std::pin::Pin;

use super::compat::opts::{Opt, Parsed};
use super::error::CliResult;
use super::ui::Ui;

/// What a tool's run function returns.
pub type Running<'a> = Pin<Box<dyn Future<Output = CliResult> + 'a>>;

/// One of Kafka's scripts.
#[derive(Clone, Copy)]
pub struct Tool {
    /// The script without `.sh`: `kafka-topics`.
    pub script: &'static str,
    /// As `kt` calls it; the words of one name each: `topics`, `perf-test producer`.
    pub names: &'static [&'static str],
    /// The first line of help. An interface: where help is an error, this is its message.
    pub about: &'static str,
    /// The first line instead of `about` when there are no words at all.
    pub bare: Option<&'static str>,
    pub opts: &'static [Opt],
    /// Kafka's script prints the whole help behind a parse error; the others print the message alone.
    pub help_after_error: bool,
    pub grammar: Grammar,
    pub run: for<'a> fn(&'a mut Ui, Line) -> Running<'a>,
}

impl std::fmt::Debug for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tool")
            .field("script", &self.script)
            .finish_non_exhaustive()
    }
}

/// Who reads the tool's command line.
#[derive(Clone, Copy, Debug)]
pub enum Grammar {
    /// [`super::compat::opts::parse`]; `--help`, `--version` and the common options are dealt with before the tool runs.
    JoptSimple,
    /// The same, with a text in front of the parser's errors.
    JoptSimpleSaying(&'static str),
    /// The same, of the words that this makes of the words given (a tool that still takes its older command line).
    JoptSimpleOf(fn(&mut Ui, Vec<String>) -> CliResult<Vec<String>>),
    /// The tool itself, from the raw words (argparse4j tools, tools with words for a command line).
    Own,
}

/// A tool's command line.
#[derive(Debug)]
pub struct Line {
    pub tool: &'static Tool,
    /// The words after the tool's name.
    pub words: Vec<String>,
    /// The options read; empty for [`Grammar::Own`].
    pub options: Parsed,
}

/// Makes a `run` of [`Tool`] from an `async fn(&mut Ui, Line) -> CliResult`.
#[macro_export]
macro_rules! runs {
    ($f:path) => {
        |ui, line| Box::pin($f(ui, line))
    };
}
