//! `kafka-consumer-groups.sh`: lists, describes, deletes groups and resets their offsets (Kafka: `ConsumerGroupCommand`,
//! `OffsetsUtils`).
//!
//! By the script's name nearly every failure is told on stdout and exits 0, as Kafka's does. As `kt consumer-groups` it
//! exits 1, and `-o` has these columns (documented, stable):
//! - list: `group`, `type`, `state`, `protocol`
//! - describe: `group`, `topic`, `partition`, `leader_epoch`, `current_offset`, `log_end_offset`, `lag`, `lag_ms` (time
//!   between the record at the committed offset and the newest one), `consumer_id`, `host`, `client_id`
//! - describe --members: `group`, `consumer_id`, `group_instance_id`, `host`, `client_id`, `partitions`, `current_epoch`,
//!   `current_assignment`, `target_epoch`, `target_assignment`, `upgraded`
//! - describe --state: `group`, `coordinator_id`, `coordinator`, `assignment_strategy`, `state`, `group_epoch`,
//!   `target_assignment_epoch`, `members`
//! - reset-offsets: `group`, `topic`, `partition`, `old_offset`, `new_offset`, `change`
//! - delete: `group`, `error`; delete-offsets: `group`, `topic`, `partition`, `error`

mod csv;
mod delete;
mod describe;
mod lag;
mod list;
mod options;
mod print;
mod reset;
mod wait;

use std::time::Duration;

use super::connect::{self, Target};
use super::tool::Grammar;
use super::ui::Format;
use super::{CliError, CliResult, Manner, Parsed, Tool, Ui, tool::Line};
use crate::cli::compat::opts::OptError;
use crate::cli::compat::re2;
use crate::client::admin::Admin;
use crate::client::props::Properties;
use crate::client::{AdminError, ApiError};
use options::Action;

pub static TOOL: Tool = Tool {
    script: "kafka-consumer-groups",
    names: &["consumer-groups"],
    about: "This tool helps to list all consumer groups, describe a consumer group, delete consumer group info, or \
            reset consumer group offsets.",
    opts: options::OPTS,
    bare: None,
    help_after_error: false,
    grammar: Grammar::JoptSimple,
    run: crate::runs!(run),
};

/// Why the command stops before its end.
#[derive(Debug)]
enum Stop {
    /// Java's `IllegalArgumentException`: the message, then the help.
    Illegal(String),
    /// Any other exception: told on stdout as Kafka does.
    Failed {
        /// `getMessage()`
        message: String,
        /// `toString()`
        exception: String,
    },
    Cli(CliError),
}

type Outcome<T = ()> = Result<T, Stop>;

impl Stop {
    /// An exception of this class.
    fn of_class(class: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Stop::Failed {
            exception: format!("{class}: {message}"),
            message,
        }
    }

    /// The error itself is thrown.
    fn thrown(e: &ApiError) -> Self {
        Stop::Failed {
            message: e.text().to_string(),
            exception: e.to_string(),
        }
    }

    /// A future's `ExecutionException` is thrown.
    fn execution(e: &ApiError) -> Self {
        Stop::Failed {
            message: e.to_string(),
            exception: e.as_execution_exception(),
        }
    }

    /// A `RuntimeException` around a future's `ExecutionException`.
    fn runtime(e: &ApiError) -> Self {
        Stop::caused_by(&e.as_execution_exception())
    }

    /// A `RuntimeException` around another, given as its `toString()`.
    fn caused_by(cause: &str) -> Self {
        Stop::of_class("java.lang.RuntimeException", cause)
    }
}

impl From<OptError> for Stop {
    fn from(e: OptError) -> Self {
        Stop::of_class(e.exception(), e.to_string())
    }
}

impl From<CliError> for Stop {
    fn from(e: CliError) -> Self {
        Stop::Cli(e)
    }
}

impl From<std::io::Error> for Stop {
    fn from(e: std::io::Error) -> Self {
        Stop::Cli(e.into())
    }
}

/// Kafka's `ConsumerGroupService`.
struct Service<'a> {
    admin: Admin,
    options: &'a Parsed,
    target: Target,
}

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let p = &line.options;
    let action = options::check(ui, p)?;
    if action == Action::ValidateRegex {
        return validate_regex(ui, p);
    }
    let end = async {
        let service = Service::connect(ui, p).await?;
        match action {
            Action::List => list::run(ui, &service).await,
            Action::Describe => describe::run(ui, &service).await,
            Action::Delete => delete::groups(ui, &service).await,
            Action::Reset => reset::run(ui, &service).await,
            Action::DeleteOffsets => delete::offsets(ui, &service).await,
            Action::ValidateRegex => Ok(()),
        }
    }
    .await;
    match end {
        Ok(()) => Ok(()),
        Err(Stop::Cli(e)) => Err(e),
        Err(Stop::Illegal(message)) => Err(CliError::usage_with_help(message)),
        Err(Stop::Failed { message, exception }) => {
            print_error(ui, &format!("Executing consumer group command failed due to {message}"))?;
            if ui.manner == Manner::Script {
                ui.say_err(&exception)?;
            }
            Err(CliError::told_quietly())
        }
    }
}

/// Kafka's `printError`: on stdout; on stderr when stdout has another format than Kafka's.
fn print_error(ui: &mut Ui, message: &str) -> CliResult {
    if ui.format() == Format::Kafka {
        writeln!(ui.out(), "\nError: {message}")?;
        Ok(())
    } else {
        ui.say_err(&format!("Error: {message}"))
    }
}

fn validate_regex(ui: &mut Ui, p: &Parsed) -> CliResult {
    let regex = p
        .value("validate-regex")
        .map_err(|e| CliError::usage_with_help(e.to_string()))?;
    let regex = regex.unwrap_or_default();
    match re2::check(regex) {
        Ok(()) => {
            writeln!(ui.out(), "The regular expression `{regex}` is valid.")?;
            Ok(())
        }
        Err(why) => {
            writeln!(ui.out(), "The regular expression `{regex}` is invalid: {why}.")?;
            Err(CliError::told_quietly())
        }
    }
}

impl<'a> Service<'a> {
    /// Makes the client and reads the options with values, in Kafka's order.
    async fn connect(ui: &mut Ui, p: &'a Parsed) -> Outcome<Self> {
        for name in ["command-config", "bootstrap-server"] {
            p.value(name)?;
        }
        if let Some(file) = p.value("command-config")? {
            Properties::load(file).map_err(|e| Stop::caused_by(&e.to_string()))?;
        }
        let target = Target::resolve(ui, p, Target::of(p)?)?;
        let admin = Admin::connect(&target.connect).await.map_err(|e| Stop::thrown(&e))?;
        for warning in admin.warnings() {
            ui.log("WARN", warning, "org.apache.kafka.clients.ClientUtils")?;
        }
        connect::warn_unused(
            ui,
            admin.unknown_keys(),
            "org.apache.kafka.clients.admin.AdminClientConfig",
        )?;
        longs(p, "to-offset")?;
        p.value("by-duration")?;
        p.parsed::<i64>("shift-by")?;
        let timeout_ms = p.parsed::<i64>("timeout")?.unwrap_or(30_000);
        let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
        Ok(Self {
            admin: admin.with_timeout(timeout),
            options: p,
            target,
        })
    }

    /// The groups named by `--group`, or all.
    async fn groups(&self) -> Outcome<Vec<String>> {
        match self.options.has("all-groups") {
            true => list::group_ids(&self.admin).await,
            false => {
                let mut groups: Vec<String> = Vec::new();
                for g in self.options.values("group") {
                    if !groups.iter().any(|other| other == g) {
                        groups.push(g.to_string());
                    }
                }
                Ok(groups)
            }
        }
    }

    fn allow_change(&self) -> Outcome {
        Ok(self.target.allow_change(self.options)?)
    }
}

/// All values of an option as numbers (jopt-simple converts them when they are read).
fn longs(p: &Parsed, name: &'static str) -> Result<Vec<i64>, OptError> {
    let number = |v: &str| {
        let parsed = v.strip_prefix('+').unwrap_or(v).parse();
        parsed.map_err(|_| OptError::CannotParse {
            value: v.to_string(),
            name,
        })
    };
    p.values(name).map(number).collect()
}

/// The first failure of several items, in their order.
fn first_error<'i, K: 'i, V: 'i>(
    items: impl IntoIterator<Item = &'i (K, Result<V, AdminError>)>,
) -> Option<&'i AdminError> {
    items.into_iter().find_map(|(_, r)| r.as_ref().err())
}
