//! `--alter`: configurations through IncrementalAlterConfigs, quotas, SCRAM credentials.

use std::time::Duration;

use super::changes::{Changes, scram_credential};
use super::options::{EntityType, Request};
use super::{Failure, describe, is_unsupported, quotas, resource, within};
use crate::cli::compat::java::parse_double;
use crate::cli::{Parsed, Ui};
use crate::client::admin::{Admin, AlterConfigOp, ConfigResource, QuotaAlteration, ScramAlteration, ScramMechanism};

pub async fn run(ui: &mut Ui, admin: &Admin, p: &Parsed, request: &Request) -> Result<(), Failure> {
    if request.types.len() != request.names.len() {
        return Err(Failure::terse("An entity name must be specified for every entity type"));
    }
    let changes = Changes::read(p)?;
    let (head, name) = (request.head(), request.names[0].as_str());
    match head {
        EntityType::Topics | EntityType::ClientMetrics | EntityType::Brokers | EntityType::Groups => {
            alter_resource(admin, resource(head, name)?, &changes).await?;
        }
        EntityType::BrokerLoggers => alter_loggers(admin, name, &changes).await?,
        EntityType::Users | EntityType::Clients => alter_users(admin, request, &changes).await?,
        EntityType::Ips => {
            let is_quota = |name: &str| quotas::IP_QUOTAS.contains(&name);
            let others: Vec<&str> = all_names(&changes).filter(|n| !is_quota(n)).collect();
            if !others.is_empty() {
                return Err(Failure::terse(format!(
                    "Only connection quota configs can be added for 'ips' using --bootstrap-server. \
                     Unexpected config names: {}",
                    others.join(",")
                )));
            }
            alter_quotas(admin, request, &changes).await?;
        }
    }
    match name {
        "" => writeln!(
            ui.out(),
            "Completed updating default config for {} in the cluster.",
            head.name()
        )?,
        _ => writeln!(ui.out(), "Completed updating config for {} {name}.", head.singular())?,
    }
    Ok(())
}

fn all_names(changes: &Changes) -> impl Iterator<Item = &str> {
    changes.added_names().chain(changes.deleted.iter().map(String::as_str))
}

async fn alter_resource(admin: &Admin, resource: ConfigResource, changes: &Changes) -> Result<(), Failure> {
    let deletions = changes.deleted.iter().map(AlterConfigOp::delete);
    let additions = changes
        .added
        .iter()
        .map(|(name, value)| AlterConfigOp::set(name, value));
    let change = [(resource, deletions.chain(additions).collect())];
    let admin = admin.with_timeout(Duration::from_secs(30).min(admin.timeout()));
    let items = within(60, admin.incremental_alter_configs(&change, false)).await?;
    items.into_iter().try_for_each(|(_, outcome)| outcome).map_err(|e| match is_unsupported(&e) {
        true => Failure::terse(
            "The INCREMENTAL_ALTER_CONFIGS API is not supported by the cluster. The API is supported starting from \
             version 2.3.0. You may want to use an older version of this tool to interact with your cluster, or upgrade \
             your brokers to version 2.3.0 or newer to avoid this error.",
        ),
        false => e.into(),
    })
}

async fn alter_loggers(admin: &Admin, name: &str, changes: &Changes) -> Result<(), Failure> {
    let entries = describe::entries(admin, EntityType::BrokerLoggers, name, false).await?;
    let is_logger = |name: &str| entries.iter().any(|e| e.name == name);
    let deleted = changes.deleted.iter().map(String::as_str);
    let unknown: Vec<&str> = deleted.chain(changes.added_names()).filter(|n| !is_logger(n)).collect();
    if !unknown.is_empty() {
        return Err(Failure::terse(format!(
            "Invalid broker logger(s): {}",
            unknown.join(",")
        )));
    }
    alter_resource(admin, resource(EntityType::BrokerLoggers, name)?, changes).await
}

/// Names as a Scala collection prints them: `Set(a, b)`, `ArrayBuffer(a)`.
fn scala_text(collection: &str, names: &[&str]) -> String {
    format!("{collection}({})", names.join(", "))
}

async fn alter_users(admin: &Admin, request: &Request, changes: &Changes) -> Result<(), Failure> {
    let is_quota = |name: &str| quotas::CLIENT_QUOTAS.contains(&name);
    let is_scram = |name: &str| ScramMechanism::by_name(name).is_some();
    let deleted = || changes.deleted.iter().map(String::as_str);
    // clients have quotas only; what else was asked for is listed after what nobody has
    let sorted_out = |names: Vec<&'_ str>, for_clients: bool| -> Vec<String> {
        let unknown = names.iter().filter(|n| !is_quota(n) && !is_scram(n));
        let scram = names.iter().filter(|n| for_clients && is_scram(n));
        unknown.chain(scram).map(|n| (*n).to_string()).collect()
    };
    let for_clients = request.head() == EntityType::Clients || request.types.len() == 2;
    let what = match for_clients {
        true => ("quota configs", "clients"),
        false => ("quota and SCRAM credential configs", "users"),
    };
    let refused = |verb: &str, collection: &str, names: &[String]| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let names = scala_text(collection, &names);
        let (configs, whose) = what;
        Failure::terse(format!(
            "Only {configs} can be {verb} for '{whose}' using --bootstrap-server. Unexpected config names: {names}"
        ))
    };
    let added = sorted_out(changes.added_names().collect(), for_clients);
    if !added.is_empty() {
        return Err(refused("added", "Set", &added));
    }
    let gone = sorted_out(deleted().collect(), for_clients);
    if !gone.is_empty() {
        return Err(refused("deleted", "ArrayBuffer", &gone));
    }
    let has_quotas = all_names(changes).any(is_quota);
    if all_names(changes).any(is_scram) {
        if request.names.iter().any(String::is_empty) {
            return Err(Failure::terse(
                "The use of --entity-default or --user-defaults is not allowed with User SCRAM Credentials \
                 using --bootstrap-server.",
            ));
        }
        if has_quotas {
            return Err(Failure::terse(
                "Cannot alter both quota and SCRAM credential configs simultaneously for 'users' using --bootstrap-server.",
            ));
        }
    }
    match has_quotas {
        true => alter_quotas(admin, request, changes).await,
        false => alter_scram(admin, &request.names[0], changes).await,
    }
}

async fn alter_quotas(admin: &Admin, request: &Request, changes: &Changes) -> Result<(), Failure> {
    let old = quotas::describe(admin, request).await?;
    let is_set = |name: &String| {
        old.first()
            .is_some_and(|(_, values)| values.iter().any(|(key, _)| key == name))
    };
    let unset: Vec<&str> = changes
        .deleted
        .iter()
        .filter(|n| !is_set(n))
        .map(String::as_str)
        .collect();
    if !unset.is_empty() {
        return Err(Failure::terse(format!("Invalid config(s): {}", unset.join(","))));
    }
    let mut ops = Vec::new();
    for (key, value) in &changes.added {
        let Some(number) = parse_double(value) else {
            return Err(Failure::terse(format!(
                "Cannot parse quota configuration value for {key}: {value}"
            )));
        };
        ops.push((key.clone(), Some(number)));
    }
    ops.extend(changes.deleted.iter().map(|key| (key.clone(), None)));
    let alteration = QuotaAlteration {
        entity: quotas::entity(request)?,
        ops,
    };
    let items = within(60, admin.alter_client_quotas(&[alteration], false)).await??;
    Ok(items.into_iter().try_for_each(|(_, outcome)| outcome)?)
}

async fn alter_scram(admin: &Admin, user: &str, changes: &Changes) -> Result<(), Failure> {
    let mut alterations = Vec::new();
    for mechanism in changes.deleted.iter().filter_map(|name| ScramMechanism::by_name(name)) {
        alterations.push(ScramAlteration::Delete {
            user: user.to_string(),
            mechanism,
        });
    }
    for (name, value) in &changes.added {
        let Some(mechanism) = ScramMechanism::by_name(name) else {
            continue;
        };
        let (iterations, password) = scram_credential(mechanism, value)?;
        alterations.push(ScramAlteration::Upsert {
            user: user.to_string(),
            mechanism,
            iterations,
            password,
            salt: None,
        });
    }
    let items = within(60, admin.alter_user_scram_credentials(&alterations)).await??;
    Ok(items.into_iter().try_for_each(|(_, outcome)| outcome)?)
}
