//! `kt install-links DIR`: the scripts' names, each a link to this binary.

use std::path::{Path, PathBuf};

use super::{CliError, CliResult, Ui, multicall::TOOLS};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder for the links; made if it is missing.
    dir: PathBuf,
    /// Replace files that are there already.
    #[arg(long)]
    force: bool,
}

/// Links every script's name, with and without `.sh`. Nothing is linked when one name is taken and `--force` is not given.
pub fn run(ui: &mut Ui, args: &Args) -> CliResult {
    let binary = std::env::current_exe()?;
    std::fs::create_dir_all(&args.dir).map_err(|e| CliError::failed(format!("{}: {e}", args.dir.display())))?;
    let links: Vec<PathBuf> = TOOLS
        .iter()
        .flat_map(|t| [format!("{}.sh", t.script), t.script.to_string()])
        .map(|n| args.dir.join(n))
        .collect();
    if let Some(taken) = links.iter().find(|l| !args.force && taken(l, &binary)) {
        return Err(CliError::failed(format!(
            "{} is there already; --force replaces it",
            taken.display()
        )));
    }
    for link in &links {
        replace(&binary, link).map_err(|e| CliError::failed(format!("{}: {e}", link.display())))?;
    }
    writeln!(ui.out(), "{} links in {}", links.len(), args.dir.display())?;
    Ok(())
}

fn taken(link: &Path, binary: &Path) -> bool {
    link.symlink_metadata().is_ok() && std::fs::read_link(link).ok().as_deref() != Some(binary)
}

fn replace(binary: &Path, link: &Path) -> std::io::Result<()> {
    if link.symlink_metadata().is_ok() {
        std::fs::remove_file(link)?;
    }
    std::os::unix::fs::symlink(binary, link)
}
