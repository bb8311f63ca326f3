//! Named clusters in a TOML file, and `kt context list|use|show`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ui::Format;
use super::{CliError, CliResult, Ui, table::Sheet};
use crate::client::config_def;

/// What stands for a password (Kafka: `Password.HIDDEN`).
const HIDDEN: &str = "[hidden]";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Lists the contexts; the current one is marked.
    List {
        /// How to print them: table, json, jsonl or csv.
        #[arg(short, long)]
        output: Option<String>,
    },
    /// Makes a context the current one.
    Use { name: String },
    /// Shows a context, the current one when none is named.
    Show { name: Option<String> },
}

/// The contexts file: `$KT_CONFIG`, else `kt/config.toml` in `$XDG_CONFIG_HOME` or `~/.config`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The context used when `--context` names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// One cluster, and how to reach it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Context {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_server: Option<String>,
    /// A Java-style properties file; a relative path is relative to the contexts file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_config: Option<PathBuf>,
    /// Changes need `--yes`.
    #[serde(default)]
    pub protected: bool,
    /// Client properties, stronger than those of `command_config`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}

impl Contexts {
    /// Where the contexts file is, whether it exists or not.
    pub fn path() -> Option<PathBuf> {
        if let Some(p) = std::env::var_os("KT_CONFIG") {
            return Some(p.into());
        }
        let base = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        base.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))
            .map(|b| b.join("kt/config.toml"))
    }

    /// Reads the contexts file; a missing one has no contexts.
    ///
    /// # Errors
    /// The file cannot be read, or what is wrong in it and where.
    pub fn load() -> CliResult<Self> {
        match Self::path() {
            Some(path) => Self::read(&path),
            None => Ok(Self::default()),
        }
    }

    fn read(path: &Path) -> CliResult<Self> {
        match std::fs::read_to_string(path) {
            // The error's own text shows the line, which may hold a password.
            Ok(text) => toml::from_str(&text).map_err(|e| {
                let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                CliError::failed(format!("{}, line {line}: {}", path.display(), e.message()))
            }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(CliError::failed(format!("{}: {e}", path.display()))),
        }
    }

    /// The context of that name, or the current one; none when no name is given and none is current.
    ///
    /// # Errors
    /// There is no such context.
    pub fn pick(&self, name: Option<&str>) -> CliResult<Option<(String, Context)>> {
        let Some(name) = name.or(self.current.as_deref()) else {
            return Ok(None);
        };
        match self.contexts.get(name) {
            Some(c) => Ok(Some((name.to_string(), c.clone()))),
            None => Err(CliError::failed(format!("no context '{name}': see 'kt context list'"))),
        }
    }

    fn save(&self, path: &Path) -> CliResult {
        let failed = |e: String| CliError::failed(format!("{}: {e}", path.display()));
        let text = toml::to_string_pretty(self).map_err(|e| failed(e.to_string()))?;
        let dir = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir).map_err(|e| failed(e.to_string()))?;
        let mut file = tempfile::NamedTempFile::new_in(dir).map_err(|e| failed(e.to_string()))?;
        file.write_all(text.as_bytes()).map_err(|e| failed(e.to_string()))?;
        file.persist(path).map_err(|e| failed(e.to_string()))?;
        Ok(())
    }
}

pub fn run(ui: &mut Ui, command: Command) -> CliResult {
    let mut all = Contexts::load()?;
    match command {
        Command::List { output } => {
            if let Some(o) = output {
                ui.set_format(&o)?;
            }
            if all.contexts.is_empty() && matches!(ui.format(), Format::Kafka | Format::Table) {
                let place = Contexts::path().map_or("the contexts file".into(), |p| p.display().to_string());
                return ui.say_err(&format!("no contexts in {place}"));
            }
            let mut sheet = Sheet::new(&["current", "name", "bootstrap_server", "protected"]);
            for (name, c) in &all.contexts {
                let current = all.current.as_ref() == Some(name);
                sheet.push(vec![
                    json!(if current { "*" } else { "" }),
                    json!(name),
                    json!(c.bootstrap_server),
                    json!(c.protected),
                ]);
            }
            sheet.print(ui)
        }
        Command::Use { name } => {
            all.pick(Some(&name))?;
            all.current = Some(name);
            match Contexts::path() {
                Some(path) => all.save(&path),
                None => Err(CliError::failed("neither KT_CONFIG nor HOME is set")),
            }
        }
        Command::Show { name } => match all.pick(name.as_deref())? {
            Some((name, mut context)) => {
                let secrets = context
                    .properties
                    .iter_mut()
                    .filter(|(key, _)| config_def::is_password(key));
                secrets.for_each(|(_, value)| HIDDEN.clone_into(value));
                let one = Contexts {
                    current: None,
                    contexts: BTreeMap::from([(name, context)]),
                };
                let text = toml::to_string_pretty(&one).map_err(|e| CliError::failed(e.to_string()))?;
                write!(ui.out(), "{text}")?;
                Ok(())
            }
            None => Err(CliError::failed("no context is current: see 'kt context use'")),
        },
    }
}
