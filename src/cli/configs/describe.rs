//! `--describe`: configurations with where they come from, quotas, SCRAM credentials without their secrets.

use serde_json::Value;

use super::options::{EntityType, Request};
use super::{Failure, quotas, resource, validate_topic, within};
use crate::cli::compat::java_hash::hash_map_order;
use crate::cli::table::Sheet;
use crate::cli::ui::Format;
use crate::cli::{CliError, Parsed, Ui};
use crate::client::admin::{
    Admin, ConfigEntry, ConfigSource, DescribeClusterOptions, DescribeConfigsOptions, ListGroupsOptions, ResourceType,
};
use crate::wire::ErrorCode;

/// The fields of configurations: `entity` is null for the defaults of brokers, `value` for what is secret or not set;
/// `synonyms` are `SOURCE:name=value`, the strongest first.
pub const CONFIG_COLUMNS: &[&str] = &[
    "entity_type",
    "entity",
    "name",
    "value",
    "source",
    "sensitive",
    "read_only",
    "synonyms",
];

/// The fields of quotas and credentials: `user`, `client_id` and `ip` are null where they play no part, `<default>` for a
/// default; `value` is a quota's number, or a credential's `iterations=N`.
pub const QUOTA_COLUMNS: &[&str] = &["user", "client_id", "ip", "name", "value"];

pub async fn run(ui: &mut Ui, admin: &Admin, p: &Parsed, request: &Request) -> Result<(), Failure> {
    match request.head() {
        EntityType::Users | EntityType::Clients | EntityType::Ips => describe_quotas(ui, admin, request).await,
        entity_type => {
            let name = request.names.first().map(String::as_str);
            describe_resources(ui, admin, (entity_type, name), p.has("all")).await
        }
    }
}

async fn describe_resources(
    ui: &mut Ui,
    admin: &Admin,
    (entity_type, name): (EntityType, Option<&str>),
    all: bool,
) -> Result<(), Failure> {
    let singular = entity_type.singular();
    if let Some(name) = name
        && !all
        && !exists(admin, entity_type, name).await?
    {
        let text = format!("The {singular} '{name}' doesn't exist and doesn't have dynamic config.");
        match ui.format() {
            Format::Kafka => writeln!(ui.out(), "{text}")?,
            _ => ui.say_err(&text)?,
        }
        return Err(CliError::told_quietly().into());
    }
    let entities = match name {
        Some(name) => vec![name.to_string()],
        None => every(admin, entity_type).await?,
    };
    let mut sheet = Sheet::new(CONFIG_COLUMNS);
    for entity in entities {
        let as_text = ui.format() == Format::Kafka;
        if as_text && entity.is_empty() {
            writeln!(
                ui.out(),
                "Default configs for {} in the cluster are:",
                entity_type.name()
            )?;
        } else if as_text {
            let which = if all { "All" } else { "Dynamic" };
            writeln!(ui.out(), "{which} configs for {singular} {entity} are:")?;
        }
        for entry in entries(admin, entity_type, &entity, all).await? {
            match as_text {
                true => writeln!(ui.out(), "  {}", entry_text(&entry))?,
                false => sheet.push(entry_row(entity_type, &entity, &entry)),
            }
        }
    }
    match ui.format() {
        Format::Kafka => Ok(()),
        _ => Ok(sheet.print(ui)?),
    }
}

/// Whether there is such an entity, or configurations for one.
async fn exists(admin: &Admin, entity_type: EntityType, name: &str) -> Result<bool, Failure> {
    Ok(match entity_type {
        EntityType::Topics => {
            validate_topic(name)?;
            admin.list_topics(true).await?.iter().any(|t| t.name == name)
        }
        EntityType::Brokers | EntityType::BrokerLoggers => {
            let cluster = admin.describe_cluster(DescribeClusterOptions::default()).await?;
            name.is_empty() || cluster.nodes.iter().any(|n| n.id.to_string() == name)
        }
        EntityType::ClientMetrics => {
            let found = admin.list_config_resources(&[ResourceType::ClientMetrics]).await?;
            found.iter().any(|r| r.name == name)
        }
        _ => {
            group_ids(admin).await?.iter().any(|id| id == name)
                || configured_groups(admin)
                    .await?
                    .is_none_or(|all| all.iter().any(|id| id == name))
        }
    })
}

/// All entities of a type, in Kafka's order; the empty name is the default.
async fn every(admin: &Admin, entity_type: EntityType) -> Result<Vec<String>, Failure> {
    Ok(match entity_type {
        EntityType::Topics => {
            let names = admin.list_topics(true).await?.into_iter().map(|t| t.name).collect();
            hash_map_order(names, |name: &String| name)
        }
        EntityType::Brokers | EntityType::BrokerLoggers => {
            let cluster = admin.describe_cluster(DescribeClusterOptions::default()).await?;
            cluster
                .nodes
                .iter()
                .map(|n| n.id.to_string())
                .chain([String::new()])
                .collect()
        }
        EntityType::ClientMetrics => {
            let found = admin.list_config_resources(&[ResourceType::ClientMetrics]).await?;
            found.into_iter().map(|r| r.name).collect()
        }
        _ => {
            let mut ids = group_ids(admin).await?;
            for id in configured_groups(admin).await?.unwrap_or_default() {
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
            ids
        }
    })
}

async fn group_ids(admin: &Admin) -> Result<Vec<String>, Failure> {
    let listed = admin.list_groups(&ListGroupsOptions::default()).await?;
    match listed.errors.into_iter().next() {
        Some(e) => Err(e.into()),
        None => Ok(listed.groups.into_iter().map(|g| g.group_id).collect()),
    }
}

/// Groups with configurations of their own; `None` where the broker cannot or may not tell.
async fn configured_groups(admin: &Admin) -> Result<Option<Vec<String>>, Failure> {
    match admin.list_config_resources(&[ResourceType::Group]).await {
        Ok(found) => Ok(Some(found.into_iter().map(|r| r.name).collect())),
        Err(e)
            if matches!(
                e.code,
                ErrorCode::UNSUPPORTED_VERSION | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
            ) =>
        {
            Ok(None)
        }
        Err(e) => Err(e.into()),
    }
}

/// An entity's configurations, sorted by name: all, or those set for it (a logger's levels are always all shown).
///
/// # Errors
/// A name that no such entity can have; those of the request.
pub async fn entries(
    admin: &Admin,
    entity_type: EntityType,
    name: &str,
    all: bool,
) -> Result<Vec<ConfigEntry>, Failure> {
    if entity_type == EntityType::Topics && !name.is_empty() {
        validate_topic(name)?;
    }
    let own_source = match entity_type {
        EntityType::Topics => Some(ConfigSource::DynamicTopicConfig),
        EntityType::Brokers if name.is_empty() => Some(ConfigSource::DynamicDefaultBrokerConfig),
        EntityType::Brokers => Some(ConfigSource::DynamicBrokerConfig),
        EntityType::ClientMetrics => Some(ConfigSource::DynamicClientMetricsConfig),
        EntityType::Groups => Some(ConfigSource::DynamicGroupConfig),
        _ => None,
    };
    let asked = [resource(entity_type, name)?];
    let options = DescribeConfigsOptions {
        include_synonyms: true,
        include_documentation: false,
    };
    let items = within(30, admin.describe_configs(&asked, options)).await?;
    let mut entries = Vec::new();
    for (_, outcome) in items {
        entries.extend(outcome?);
    }
    entries.retain(|e| all || own_source.is_none_or(|source| e.source == source));
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

fn or_null(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or("null")
}

fn synonyms(entry: &ConfigEntry) -> Vec<String> {
    let one = |s: &crate::client::admin::ConfigSynonym| format!("{}:{}={}", s.source.name(), s.name, or_null(&s.value));
    entry.synonyms.iter().map(one).collect()
}

fn entry_text(e: &ConfigEntry) -> String {
    let (value, synonyms) = (or_null(&e.value), synonyms(e).join(", "));
    format!(
        "{}={value} sensitive={} synonyms={{{synonyms}}}",
        e.name, e.is_sensitive
    )
}

fn entry_row(entity_type: EntityType, entity: &str, e: &ConfigEntry) -> Vec<Value> {
    vec![
        entity_type.singular().into(),
        Some(entity).filter(|name| !name.is_empty()).into(),
        e.name.as_str().into(),
        e.value.clone().into(),
        e.source.name().into(),
        e.is_sensitive.into(),
        e.is_read_only.into(),
        synonyms(e).into(),
    ]
}

async fn describe_quotas(ui: &mut Ui, admin: &Admin, request: &Request) -> Result<(), Failure> {
    let as_text = ui.format() == Format::Kafka;
    let mut sheet = Sheet::new(QUOTA_COLUMNS);
    for (entity, values) in quotas::describe(admin, request).await? {
        if as_text {
            let (whose, values) = (quotas::entity_text(&entity), quotas::values_text(&values));
            writeln!(ui.out(), "Quota configs for {whose} are {values}")?;
            continue;
        }
        let named = |t| entity.name(t).map(|name| name.unwrap_or("<default>"));
        for (key, value) in &values {
            let key = key.as_str().into();
            sheet.push(vec![
                named("user").into(),
                named("client-id").into(),
                named("ip").into(),
                key,
                (*value).into(),
            ]);
        }
    }
    let only_users = request.types == [EntityType::Users] && !request.names.iter().any(String::is_empty);
    if only_users {
        describe_credentials(ui, admin, request, &mut sheet).await?;
    }
    match as_text {
        true => Ok(()),
        false => Ok(sheet.print(ui)?),
    }
}

async fn describe_credentials(ui: &mut Ui, admin: &Admin, request: &Request, sheet: &mut Sheet) -> Result<(), Failure> {
    let users = Some(request.names.as_slice()).filter(|names| !names.is_empty());
    for (user, outcome) in within(30, admin.describe_user_scram_credentials(users)).await?? {
        let as_text = ui.format() == Format::Kafka;
        match outcome {
            Err(e) if e.code == ErrorCode::RESOURCE_NOT_FOUND => {}
            Err(e) => {
                let text = format!(
                    "Error retrieving SCRAM credential configs for user-principal '{user}': ExecutionException: {e}"
                );
                match as_text {
                    true => writeln!(ui.out(), "{text}")?,
                    false => ui.say_err(&text)?,
                }
            }
            Ok(credentials) if as_text => {
                let credentials: Vec<String> = credentials
                    .iter()
                    .map(|(m, n)| format!("{}=iterations={n}", m.name()))
                    .collect();
                let credentials = credentials.join(", ");
                writeln!(
                    ui.out(),
                    "SCRAM credential configs for user-principal '{user}' are {credentials}"
                )?;
            }
            Ok(credentials) => {
                for (mechanism, iterations) in credentials {
                    let value = format!("iterations={iterations}");
                    let nobody = Value::Null;
                    sheet.push(vec![
                        user.as_str().into(),
                        nobody.clone(),
                        nobody,
                        mechanism.name().into(),
                        value.into(),
                    ]);
                }
            }
        }
    }
    Ok(())
}
