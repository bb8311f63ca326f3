//! The commands that are `kt`'s own, read by clap; the scripts have their own option tables.

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use super::{
    CliError, CliResult, Manner, Ui, broker, broker_ctl, context, dev, generate, install_links, multicall, perf_test,
    ready, tour,
};

/// Apache Kafka's command-line tools in one binary, and a Kafka cluster inside it.
#[derive(Debug, Parser)]
#[command(
    name = "kt",
    version,
    disable_help_subcommand = true,
    after_help = "Run 'kt TOOL --help' for a tool's options."
)]
struct Kt {
    #[command(subcommand)]
    command: Native,
}

#[derive(Debug, Subcommand)]
enum Native {
    /// Runs a Kafka cluster in this process, for tests, CI and learning.
    Broker(broker::Args),
    /// Makes a kt broker on this machine compact or retain a topic at once.
    #[command(subcommand)]
    BrokerCtl(broker_ctl::Command),
    /// Runs a command with a broker beside it and returns the command's exit code.
    Dev(dev::Args),
    /// Tells by its exit code whether a cluster is there and works.
    Ready(ready::Args),
    /// Walks through every tool against a broker of its own.
    Tour(tour::Args),
    /// Lists, chooses and shows named clusters.
    #[command(subcommand)]
    Context(context::Command),
    /// Measures how fast a cluster takes and gives records.
    #[command(subcommand)]
    PerfTest(PerfTest),
    /// Makes links named like Kafka's scripts, so that they run this binary.
    InstallLinks(install_links::Args),
    /// Writes the shell completions and man pages.
    #[command(hide = true)]
    Generate {
        /// The folder that gets `completions/` and `man/`.
        dir: PathBuf,
    },
}

/// What `kt perf-test` has beside the scripts.
#[derive(Debug, Subcommand)]
enum PerfTest {
    Compare(perf_test::compare::Args),
}

/// The whole command line as clap sees it: own commands, and the scripts with their option tables.
pub fn command() -> clap::Command {
    let mut all = Kt::command();
    for tool in multicall::TOOLS {
        all = generate::add_tool(all, tool);
    }
    all
}

/// Runs the command of `kt`'s own that `words` name.
pub fn run(ui: &mut Ui, words: &[String]) -> CliResult {
    debug_assert_eq!(ui.manner, Manner::Kt);
    let matches = match command().try_get_matches_from(std::iter::once("kt").chain(words.iter().map(String::as_str))) {
        Ok(m) => m,
        Err(e) => {
            let text = e.render();
            let styled = if e.use_stderr() {
                ui.err_is_terminal()
            } else {
                ui.out_is_terminal()
            };
            let text = if styled {
                text.ansi().to_string()
            } else {
                text.to_string()
            };
            if e.use_stderr() {
                write!(ui.err(), "{text}")?;
                return Err(CliError::told());
            }
            write!(ui.out(), "{text}")?;
            return Ok(());
        }
    };
    let kt = <Kt as clap::FromArgMatches>::from_arg_matches(&matches).map_err(|e| CliError::usage(e.to_string()))?;
    let concurrently = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let alone = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    match kt.command {
        Native::Broker(a) => broker::run(ui, &a, |option| is_given(&matches, option)),
        Native::BrokerCtl(c) => alone()?.block_on(broker_ctl::run(ui, c)),
        Native::Dev(a) => concurrently()?.block_on(dev::run(ui, a)),
        Native::Ready(a) => alone()?.block_on(ready::run(ui, a)),
        Native::Tour(a) => concurrently()?.block_on(tour::run(ui, a)),
        Native::Context(c) => context::run(ui, c),
        Native::PerfTest(PerfTest::Compare(a)) => perf_test::compare::run(ui, &a),
        Native::InstallLinks(a) => install_links::run(ui, &a),
        Native::Generate { dir } => generate::run(&dir),
    }
}

/// Whether an option of the subcommand stands on the command line.
fn is_given(matches: &clap::ArgMatches, option: &str) -> bool {
    let sub = matches.subcommand().map(|(_, m)| m);
    sub.and_then(|m| m.value_source(option)) == Some(clap::parser::ValueSource::CommandLine)
}
