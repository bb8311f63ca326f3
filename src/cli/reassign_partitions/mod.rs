//! `kafka-reassign-partitions.sh` (Kafka: `ReassignPartitionsCommand`): partitions move to other brokers and directories.

mod actions;
pub mod generate;
pub mod options;
pub mod plan;
mod throttle;
mod verify;

use super::connect::Target;
use super::tool::{Grammar, Line, Tool};
use super::{CliError, CliResult, Ui};
use crate::client::ApiError;
use crate::client::admin::Admin;
use crate::client::props::Properties;
use crate::runs;

pub static TOOL: Tool = Tool {
    script: "kafka-reassign-partitions",
    names: &["reassign-partitions"],
    about: "This tool helps to move topic partitions between replicas.",
    opts: options::OPTS,
    bare: None,
    help_after_error: false,
    grammar: Grammar::JoptSimple,
    run: runs!(run),
};

/// Why an action failed: as Java prints it, an exception's class and message; the class is missing where Kafka's tool
/// prints the message alone (`TerseException`).
#[derive(Debug)]
pub struct Failure {
    pub class: Option<String>,
    pub message: String,
    /// The class of a cause with the same message.
    pub cause: Option<&'static str>,
}

impl Failure {
    pub fn of(class: &str, message: impl Into<String>) -> Self {
        Self {
            class: Some(class.to_string()),
            message: message.into(),
            cause: None,
        }
    }

    pub fn command(message: impl Into<String>) -> Self {
        Self::of("org.apache.kafka.tools.AdminCommandFailedException", message)
    }

    pub fn operation(message: impl Into<String>) -> Self {
        Self::of("org.apache.kafka.tools.AdminOperationException", message)
    }

    pub fn terse(message: impl Into<String>) -> Self {
        Self {
            class: None,
            message: message.into(),
            cause: None,
        }
    }
}

/// What a future of Java's Admin throws: an `ExecutionException` around the error.
impl From<ApiError> for Failure {
    fn from(e: ApiError) -> Self {
        Self::of("java.util.concurrent.ExecutionException", e.to_string())
    }
}

/// What stops an action.
#[derive(Debug)]
pub enum Stop {
    Failed(Failure),
    Cli(CliError),
}

impl<T: Into<Failure>> From<T> for Stop {
    fn from(e: T) -> Self {
        Self::Failed(e.into())
    }
}

impl From<CliError> for Stop {
    fn from(e: CliError) -> Self {
        Self::Cli(e)
    }
}

impl From<std::io::Error> for Stop {
    fn from(e: std::io::Error) -> Self {
        Self::Cli(e.into())
    }
}

impl From<super::compat::opts::OptError> for Stop {
    fn from(e: super::compat::opts::OptError) -> Self {
        Self::Failed(Failure::of(e.exception(), e.to_string()))
    }
}

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let opts = &line.options;
    let action = options::action(ui, opts)?;
    let Err(stop) = act(ui, opts, action).await else {
        return Ok(());
    };
    match stop {
        Stop::Cli(e) => Err(e),
        Stop::Failed(f) => {
            match &f.class {
                None => writeln!(ui.out(), "{}", f.message)?,
                Some(class) => writeln!(ui.out(), "Error: {}\n{class}: {}", f.message, f.message)?,
            }
            if let Some(cause) = f.cause {
                writeln!(ui.out(), "Caused by: {cause}: {}", f.message)?;
            }
            if f.class.is_some() {
                writeln!(ui.out())?;
            }
            Err(CliError::told())
        }
    }
}

async fn act(ui: &mut Ui, opts: &super::Parsed, action: options::Action) -> Result<(), Stop> {
    if let Some(file) = opts.value("command-config")? {
        Properties::load(file).map_err(|e| Failure::of(&e.exception_class(), e.text()))?;
    }
    let target = Target::resolve(ui, opts, Target::of(opts)?)?;
    if matches!(action, options::Action::Execute | options::Action::Cancel) {
        target.allow_change(opts)?;
    }
    let admin = Admin::connect(&target.connect).await;
    let admin = admin.map_err(|e| Failure::of(&e.exception_class(), e.text()))?;
    actions::run(ui, opts, action, &admin).await
}
