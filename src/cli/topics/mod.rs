//! `kafka-topics.sh` (Kafka: `org.apache.kafka.tools.TopicCommand`): lists, shows, creates, grows and deletes topics.
//!
//! `-o json|jsonl|csv|table` (as `kt topics`): `--list` gives rows of `topic`; `--describe` gives a row for each partition
//! ([`describe::PARTITION_COLUMNS`]), with `--topics-with-overrides` one for each topic ([`describe::TOPIC_COLUMNS`]).

mod describe;
mod log_config;
mod options;

use std::collections::BTreeMap;

use super::compat::java_regex::{TopicFilter, is_internal};
use super::compat::opts::OptError;
use super::connect::{Target, log_authentication, warn_unused};
use super::table::Sheet;
use super::tool::{Grammar, Line};
use super::ui::Format;
use super::{CliError, CliResult, Parsed, Tool, Ui};
use crate::client::ApiError;
use crate::client::admin::{Admin, NewPartitions, NewTopic};
use crate::runs;
use crate::wire::ErrorCode;
use options::{Action, TopicArgs};

pub static TOOL: Tool = Tool {
    script: "kafka-topics",
    names: &["topics"],
    about: "This tool helps to create, delete, describe, or change a topic.",
    opts: options::OPTS,
    bare: Some("Create, delete, describe, or change a topic."),
    help_after_error: false,
    grammar: Grammar::JoptSimple,
    run: runs!(run),
};

const CLASS: &str = "org.apache.kafka.tools.TopicCommand";

/// How an action fails: with something Kafka's command reports in its own words, or for a reason of ours (a closed pipe).
#[derive(Debug)]
pub enum Failure {
    Kafka(ApiError),
    Cli(CliError),
}

impl From<ApiError> for Failure {
    fn from(e: ApiError) -> Self {
        Self::Kafka(e)
    }
}

impl From<OptError> for Failure {
    fn from(e: OptError) -> Self {
        Self::Kafka(ApiError::of_class(e.exception(), e.to_string()))
    }
}

impl From<CliError> for Failure {
    fn from(e: CliError) -> Self {
        Self::Cli(e)
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        Self::Cli(e.into())
    }
}

fn illegal_argument(text: impl Into<String>) -> Failure {
    ApiError::of_class("java.lang.IllegalArgumentException", text).into()
}

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let p = &line.options;
    let action = options::check(ui, p)?;
    let target = Target::resolve(ui, p, Target::of(p)?)?;
    if action.is_change() {
        target.allow_change(p)?;
    }
    let admin = Admin::connect(&target.connect).await?;
    warn_unused(
        ui,
        admin.unknown_keys(),
        "org.apache.kafka.clients.admin.AdminClientConfig",
    )?;
    let end = match action {
        Action::Create => create(ui, &admin, p).await,
        Action::List => list(ui, &admin, p).await,
        Action::Alter => alter(&admin, p).await,
        Action::Describe => describe::run(ui, &admin, p).await,
        Action::Delete => delete(&admin, p).await,
    };
    match end {
        Ok(()) => Ok(()),
        Err(Failure::Cli(e)) => Err(e),
        Err(Failure::Kafka(e)) => {
            log_authentication(ui, &target.connect, &e)?;
            let text = format!("Error while executing topic command : {}", e.text());
            if ui.format() != Format::Kafka {
                return Err(CliError::failed(text));
            }
            writeln!(ui.out(), "{text}")?;
            ui.log("ERROR", &e.to_string(), CLASS)?;
            Err(CliError::told())
        }
    }
}

async fn create(ui: &mut Ui, admin: &Admin, p: &Parsed) -> Result<(), Failure> {
    let args = TopicArgs::read(p)?;
    if args.name.contains(['.', '_']) {
        writeln!(
            ui.out(),
            "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. \
             To avoid issues it is best to use either, but not both."
        )?;
    }
    let replication_factor = match args.replication_factor {
        None => None,
        Some(n) => match i16::try_from(n) {
            Ok(n) if n >= 1 => Some(n),
            _ => {
                return Err(illegal_argument(
                    "The replication factor must be between 1 and 32767 inclusive",
                ));
            }
        },
    };
    if args.partitions.is_some_and(|n| n < 1) {
        return Err(illegal_argument("The partitions must be greater than 0"));
    }
    let topic = NewTopic {
        name: args.name,
        partitions: args.partitions,
        replication_factor,
        assignments: args.assignment,
        configs: args.configs,
    };
    let made = admin.create_topics(std::slice::from_ref(&topic), false).await;
    match made.into_iter().next().map(|(_, outcome)| outcome) {
        Some(Err(e)) if e.code == ErrorCode::TOPIC_ALREADY_EXISTS && p.has("if-not-exists") => Ok(()),
        Some(Err(e)) => Err(e.into()),
        _ => Ok(writeln!(ui.out(), "Created topic {}.", topic.name)?),
    }
}

async fn list(ui: &mut Ui, admin: &Admin, p: &Parsed) -> Result<(), Failure> {
    let names = chosen_topics(admin, p).await?;
    if ui.format() == Format::Kafka {
        return Ok(writeln!(ui.out(), "{}", names.join("\n"))?);
    }
    let mut sheet = Sheet::new(&["topic"]);
    for name in names {
        sheet.push(vec![name.into()]);
    }
    Ok(sheet.print(ui)?)
}

async fn alter(admin: &Admin, p: &Parsed) -> Result<(), Failure> {
    let args = TopicArgs::read(p)?;
    let names = existing_topics(admin, p).await?;
    let total_count = args.partitions.unwrap_or_default();
    let mut growth = Vec::new();
    let counts = partition_counts(admin, &names, &args).await?;
    for name in names {
        let skip = counts.get(&name).copied().unwrap_or_default();
        let added = args.assignment.values().skip(skip).cloned().collect();
        let assignments = (!args.assignment.is_empty()).then_some(added);
        growth.push((
            name,
            NewPartitions {
                total_count,
                assignments,
            },
        ));
    }
    if growth.is_empty() {
        return Ok(());
    }
    all(admin.create_partitions(&growth, false).await)
}

/// How many partitions each topic has; asked only if an assignment was given, whose first entries are for them.
async fn partition_counts(
    admin: &Admin,
    names: &[String],
    args: &TopicArgs,
) -> Result<BTreeMap<String, usize>, Failure> {
    if args.assignment.is_empty() {
        return Ok(BTreeMap::new());
    }
    let described = admin.describe_topics(names, false).await;
    let count = |(name, topic): (String, Result<crate::client::admin::TopicDescription, ApiError>)| match topic {
        Ok(t) => Ok((name, t.partitions.len())),
        Err(e) => Err(ApiError::of_class("java.lang.RuntimeException", e.as_execution_exception()).into()),
    };
    described.into_iter().map(count).collect()
}

async fn delete(admin: &Admin, p: &Parsed) -> Result<(), Failure> {
    let names = existing_topics(admin, p).await?;
    if names.is_empty() {
        return Ok(());
    }
    all(admin.delete_topics(&names).await)
}

/// Kafka's `KafkaFuture.allOf`: the first failure stands for all.
fn all<K>(items: Vec<(K, Result<(), ApiError>)>) -> Result<(), Failure> {
    Ok(items.into_iter().try_for_each(|(_, outcome)| outcome)?)
}

/// The topics that `--topic` (all, without it) and `--exclude-internal` choose, sorted.
async fn chosen_topics(admin: &Admin, p: &Parsed) -> Result<Vec<String>, Failure> {
    let wanted = p.value("topic")?;
    let exclude_internal = p.has("exclude-internal");
    let topics = admin.list_topics(!exclude_internal).await?;
    let filter = match wanted {
        None => None,
        Some(pattern) => {
            let refused = |text| ApiError::of_class("java.lang.RuntimeException", text);
            Some(TopicFilter::include(pattern).map_err(refused)?)
        }
    };
    let chosen = |name: &String| match &filter {
        Some(f) => f.allows(name, exclude_internal),
        None => !(exclude_internal && is_internal(name)),
    };
    Ok(topics.into_iter().map(|t| t.name).filter(chosen).collect())
}

/// [`chosen_topics`], of which there must be one unless `--if-exists` was given.
async fn existing_topics(admin: &Admin, p: &Parsed) -> Result<Vec<String>, Failure> {
    let names = chosen_topics(admin, p).await?;
    match p.value("topic")? {
        Some(wanted) if !wanted.is_empty() && names.is_empty() && !p.has("if-exists") => {
            Err(illegal_argument(format!("Topic '{wanted}' does not exist as expected")))
        }
        _ => Ok(names),
    }
}
