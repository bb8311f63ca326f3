//! One binary, many names: the table of tools, and the way from argv to one of them.

use std::ffi::OsString;
use std::path::Path;

use super::compat::{help, opts};
use super::tool::{Grammar, Line, Tool};
use super::{CliError, CliResult, Manner, Ui, argv};

/// Every script there is. Sorted by script.
#[rustfmt::skip] // a line each
pub static TOOLS: &[&Tool] = &[
    &super::broker_api_versions::TOOL,
    &super::configs::TOOL,
    &super::console_consumer::TOOL,
    &super::console_producer::TOOL,
    &super::consumer_groups::TOOL,
    &super::delete_records::TOOL,
    &super::dump_log::TOOL,
    &super::get_offsets::TOOL,
    &super::groups::TOOL,
    &super::log_dirs::TOOL,
    &super::perf_test::consumer::TOOL,
    &super::perf_test::e2e_latency::TOOL,
    &super::perf_test::producer::TOOL,
    &super::reassign_partitions::TOOL,
    &super::server_start::TOOL,
    &super::perf_test::share_consumer::TOOL,
    &super::topics::TOOL,
    &super::verifiable_consumer::TOOL,
    &super::verifiable_producer::TOOL,
];

/// Runs the command that argv names and returns its exit code.
pub fn main(argv: Vec<OsString>) -> u8 {
    let words: Vec<String> = argv.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    argv::hide_secrets(argv::of_clients);
    let program = words.first().map(|w| {
        Path::new(w)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    });
    let script = program
        .as_deref()
        .and_then(|p| find_script(p.strip_suffix(".sh").unwrap_or(p)));
    let (manner, result) = match script {
        Some(tool) => {
            let mut ui = Ui::stdio(Manner::Script);
            let end = run_tool(&mut ui, tool, words[1..].to_vec());
            (Manner::Script, conclude(&mut ui, Some(tool), end))
        }
        None => {
            let mut ui = Ui::stdio(Manner::Kt);
            let rest = words.get(1..).unwrap_or_default();
            match find_tool(rest) {
                Some((tool, used)) => {
                    let end = run_tool(&mut ui, tool, rest[used..].to_vec());
                    (Manner::Kt, conclude(&mut ui, Some(tool), end))
                }
                None => {
                    let end = super::native::run(&mut ui, rest);
                    (Manner::Kt, conclude(&mut ui, None, end))
                }
            }
        }
    };
    match result {
        Ok(()) => 0,
        Err(e) => e.exit_code(manner),
    }
}

/// Prints why a command failed, and the rest of its output.
fn conclude(ui: &mut Ui, tool: Option<&Tool>, end: CliResult) -> CliResult {
    let told = match &end {
        Ok(()) | Err(CliError::Told { .. } | CliError::Exit(_)) => Ok(()),
        Err(CliError::Io(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(CliError::Usage { message, help: true }) => ui.say_err(message).and_then(|()| match tool {
            Some(t) => Ok(help::options(ui.err(), t, Manner::Script)?),
            None => Ok(()),
        }),
        Err(e) => ui.say_err(&e.to_string()),
    };
    end.and(told).and(ui.flush())
}

fn find_script(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|t| t.script == name).copied()
}

/// The tool that the first words name, and how many words its name took.
fn find_tool(words: &[String]) -> Option<(&'static Tool, usize)> {
    let mut best: Option<(&'static Tool, usize)> = None;
    for tool in TOOLS {
        for name in tool.names {
            let parts: Vec<&str> = name.split(' ').collect();
            let longer = best.is_none_or(|(_, n)| parts.len() > n);
            if longer && words.len() >= parts.len() && parts.iter().zip(words).all(|(p, w)| p == w) {
                best = Some((tool, parts.len()));
            }
        }
    }
    best
}

fn run_tool(ui: &mut Ui, tool: &'static Tool, words: Vec<String>) -> CliResult {
    let words = match tool.grammar {
        Grammar::JoptSimpleOf(rewrite) => rewrite(ui, words)?,
        _ => words,
    };
    let options = match tool.grammar {
        Grammar::Own => opts::parse(&[], ui.manner, &[])?,
        Grammar::JoptSimple | Grammar::JoptSimpleSaying(_) | Grammar::JoptSimpleOf(_) => {
            let read = opts::parse(tool.opts, ui.manner, &words);
            let p = read.map_err(|e| CliError::Usage {
                message: match tool.grammar {
                    Grammar::JoptSimpleSaying(prefix) => format!("{prefix}{e}"),
                    _ => e.to_string(),
                },
                help: tool.help_after_error,
            })?;
            if words.is_empty() && ui.manner == Manner::Script {
                let message = tool.bare.unwrap_or(tool.about).to_owned();
                return Err(CliError::Usage { message, help: true });
            }
            if p.has("help") {
                return print_help(ui, tool);
            }
            if p.has("version") {
                writeln!(ui.out(), "{KAFKA_VERSION}")?;
                return Ok(());
            }
            if let Some(format) = p
                .value("output")
                .map_err(CliError::from)?
                .filter(|_| ui.manner == Manner::Kt)
            {
                ui.set_format(format)?;
            }
            p
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on((tool.run)(ui, Line { tool, words, options }))
}

/// The Kafka whose tools these are.
pub const KAFKA_VERSION: &str = "4.3.1";

/// By the script's name help goes to stderr and exits 1, as Kafka's does.
pub fn print_help(ui: &mut Ui, tool: &Tool) -> CliResult {
    match ui.manner {
        Manner::Script => {
            help::write(ui.err(), tool, Manner::Script)?;
            Err(CliError::Exit(1))
        }
        Manner::Kt => Ok(help::write(ui.out(), tool, Manner::Kt)?),
    }
}
