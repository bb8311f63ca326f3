//! `kt generate DIR`: completions and man pages, from the same tables that parse the command lines.

use std::path::Path;

use clap::{Arg, ArgAction, Command};
use clap_complete::{Shell, generate_to};

use super::compat::opts::{Arity, COMMON};
use super::tool::Tool;
use super::{CliError, CliResult, native};

/// Adds a script's command for completions and man pages, below the words that its name begins with; a name of another
/// shape stands beside it. clap never parses a script's command line.
pub fn add_tool(all: Command, tool: &Tool) -> Command {
    let (name, others) = (tool.names[0], &tool.names[1..]);
    let Some((group, last)) = name.split_once(' ') else {
        return all.subcommand(tool_command(tool, name).visible_aliases(others.iter().copied()));
    };
    let all = others
        .iter()
        .fold(all, |all, other| all.subcommand(tool_command(tool, other).hide(true)));
    let nested = tool_command(tool, last);
    if all.find_subcommand(group).is_some() {
        return all.mut_subcommand(group, |g| g.subcommand(nested));
    }
    // perf-test is the only group there is.
    let about = "Measures how fast a cluster takes and gives records";
    let group = Command::new(group.to_owned()).about(about).subcommand_required(true);
    all.subcommand(group.subcommand(nested))
}

fn tool_command(tool: &Tool, name: &'static str) -> Command {
    let mut c = Command::new(name)
        .about(tool.about)
        .disable_help_flag(true)
        .disable_version_flag(true);
    for o in tool.opts.iter().chain(COMMON) {
        let mut arg = Arg::new(o.name).long(o.name).help(o.help).hide(o.deprecated);
        if let Some(s) = o.short {
            arg = arg.short(s);
        }
        arg = match o.arity {
            Arity::Flag => arg.action(ArgAction::SetTrue),
            Arity::Required => arg.action(ArgAction::Append).value_name(o.value_name),
            Arity::Optional => arg.action(ArgAction::Append).num_args(0..=1).value_name(o.value_name),
        };
        c = c.arg(arg);
    }
    c
}

/// Writes `DIR/completions` and `DIR/man`.
pub fn run(dir: &Path) -> CliResult {
    let failed = |e: std::io::Error| CliError::failed(format!("{}: {e}", dir.display()));
    let (completions, man) = (dir.join("completions"), dir.join("man"));
    std::fs::create_dir_all(&completions).map_err(failed)?;
    std::fs::create_dir_all(&man).map_err(failed)?;
    let mut all = native::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut all, "kt", &completions).map_err(failed)?;
    }
    clap_mangen::generate_to(native::command(), &man).map_err(failed)?;
    Ok(())
}
