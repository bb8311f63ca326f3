//! `kafka-configs.sh` (Kafka: `kafka.admin.ConfigCommand`): shows and changes configurations of topics, brokers, broker
//! loggers, groups and client metrics, quotas of users, clients and addresses, SCRAM credentials of users.
//!
//! `-o json|jsonl|csv|table` (as `kt configs --describe`): rows of [`describe::CONFIG_COLUMNS`], for users, clients and ips
//! of [`describe::QUOTA_COLUMNS`]. As `kt configs`, describing an entity that does not exist exits 1.

mod alter;
mod changes;
mod describe;
mod names;
mod options;
mod quotas;

use std::future::Future;
use std::time::Duration;

use super::compat::java::parse_int;
use super::compat::opts::OptError;
use super::connect::{Target, log_authentication, warn_unused};
use super::tool::{Grammar, Line};
use super::{CliError, CliResult, Tool, Ui};
use crate::client::ApiError;
use crate::client::admin::{Admin, ConfigResource, ResourceType};
use crate::client::props::Properties;
use crate::runs;
use crate::wire::ErrorCode;
use options::EntityType;

pub static TOOL: Tool = Tool {
    script: "kafka-configs",
    names: &["configs"],
    about: "This tool helps to manipulate and describe entity config for a topic, client, user, broker, ip, \
            client-metrics or group",
    opts: options::OPTS,
    bare: None,
    help_after_error: false,
    grammar: Grammar::JoptSimple,
    run: runs!(run),
};

/// How a command fails.
#[derive(Debug)]
pub enum Failure {
    /// In one line (Kafka: `IllegalArgumentException` and others that the command itself throws).
    Terse(String),
    /// In a request: with the whole command line before the error.
    Kafka(ApiError),
    Cli(CliError),
}

impl Failure {
    fn terse(text: impl Into<String>) -> Self {
        Self::Terse(text.into())
    }
}

impl From<ApiError> for Failure {
    fn from(e: ApiError) -> Self {
        Self::Kafka(e)
    }
}

impl From<OptError> for Failure {
    fn from(e: OptError) -> Self {
        Self::Terse(e.to_string())
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

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    match attempt(ui, &line).await {
        Ok(()) => Ok(()),
        Err(Failure::Terse(text)) => Err(CliError::failed(text)),
        Err(Failure::Cli(e)) => Err(e),
        Err(Failure::Kafka(e)) => {
            let causes: String = e.chain().skip(1).map(|cause| format!("\nCaused by: {cause}")).collect();
            Err(CliError::failed(format!(
                "Error while executing config command with args '{}'\n{e}{causes}",
                line.words.join(" ")
            )))
        }
    }
}

async fn attempt(ui: &mut Ui, line: &Line) -> Result<(), Failure> {
    let p = &line.options;
    let request = options::check(ui.manner, p)?;
    if let Some(file) = p.value("command-config")? {
        // said as a failed command, where other tools name the file alone
        Properties::load(file)?;
    }
    let target = Target::resolve(ui, p, Target::of(p)?)?;
    if request.is_alter {
        target.allow_change(p)?;
    }
    let admin = Admin::connect(&target.connect).await?;
    warn_unused(
        ui,
        admin.unknown_keys(),
        "org.apache.kafka.clients.admin.AdminClientConfig",
    )?;
    let end = match request.is_alter {
        true => alter::run(ui, &admin, p, &request).await,
        false => describe::run(ui, &admin, p, &request).await,
    };
    if let Err(Failure::Kafka(e)) = &end {
        log_authentication(ui, &target.connect, e)?;
    }
    end
}

/// Kafka's `future.get(n, SECONDS)`: gives up earlier than the call itself would.
async fn within<T>(seconds: u64, call: impl Future<Output = T>) -> Result<T, Failure> {
    let wait = Duration::from_secs(seconds);
    tokio::time::timeout(wait, call).await.map_err(|_| {
        Failure::Kafka(ApiError::of_class(
            "java.util.concurrent.TimeoutException",
            "no answer in time",
        ))
    })
}

/// Kafka's `Topic.validate`.
fn validate_topic(name: &str) -> Result<(), Failure> {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let why = match name {
        "" => "the empty string is not allowed".to_string(),
        "." | ".." => format!("'{name}' is not allowed"),
        _ if name.encode_utf16().count() > 249 => {
            format!("the length of '{name}' is longer than the max allowed length 249")
        }
        _ if !name.bytes().all(is_legal) => {
            format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
        }
        _ => return Ok(()),
    };
    Err(Failure::terse(format!("Topic name is invalid: {why}")))
}

fn is_unsupported(e: &ApiError) -> bool {
    e.code == ErrorCode::UNSUPPORTED_VERSION
}

/// The resource that a configuration belongs to.
///
/// # Errors
/// A broker whose name is no number.
fn resource(entity_type: EntityType, name: &str) -> Result<ConfigResource, Failure> {
    let is_broker = matches!(entity_type, EntityType::Brokers | EntityType::BrokerLoggers);
    if is_broker && !name.is_empty() && parse_int(name).is_err() {
        return Err(Failure::terse(format!(
            "The entity name for {} must be a valid integer broker id, found: {name}",
            entity_type.name()
        )));
    }
    let resource_type = match entity_type {
        EntityType::Topics => ResourceType::Topic,
        EntityType::Brokers => ResourceType::Broker,
        EntityType::BrokerLoggers => ResourceType::BrokerLogger,
        EntityType::ClientMetrics => ResourceType::ClientMetrics,
        EntityType::Groups => ResourceType::Group,
        EntityType::Users | EntityType::Clients | EntityType::Ips => {
            return Err(Failure::terse(format!("Invalid entity type: {}", entity_type.name())));
        }
    };
    Ok(ConfigResource::new(resource_type, name))
}
