//! `kt generate DIR`: completions and man pages, from the same tables that parse the command lines.

use std::path::Path;

use clap::{Arg, ArgAction, Command};
use clap_complete::{Shell, generate_to};

use super::compat::opts::{Arity, COMMON};
use super::tool::Tool;
use super::{CliError, CliResult, native};

/// A script's command for completions and man pages. clap never parses a script's command line.
pub fn tool_command(tool: &Tool) -> Command {
    let name = tool.names[0].replace(' ', "-");
    let mut c = Command::new(name)
        .about(tool.about)
        .disable_help_flag(true)
        .disable_version_flag(true);
    for alias in &tool.names[1..] {
        c = c.visible_alias(alias.replace(' ', "-"));
    }
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
