//! `--list`: group ids, or a table of types and states.

use serde_json::json;

use super::{Outcome, Service, Stop, print};
use crate::cli::Ui;
use crate::cli::compat::java_hash::hash_map_order;
use crate::cli::table::Sheet;
use crate::cli::ui::Format;
use crate::client::admin::{Admin, GroupListing, GroupState, GroupType, ListGroupsOptions};

pub(super) async fn run(ui: &mut Ui, service: &Service<'_>) -> Outcome {
    let p = service.options;
    let (with_type, with_state) = (p.has("type"), p.has("state"));
    let listings = if with_type || with_state {
        let types = match p.value("type")? {
            Some(list) => types_from(list)?,
            None => Vec::new(),
        };
        let states = match p.value("state")? {
            Some(list) => states_from(list)?,
            None => Vec::new(),
        };
        all_groups(&service.admin, types, states)
            .await
            .map_err(|e| Stop::execution(&e))?
    } else {
        consumer_groups(&service.admin).await?
    };
    if ui.format() == Format::Kafka {
        if with_type || with_state {
            print::listings(ui.out(), &listings, with_type, with_state)?;
        } else {
            for g in &listings {
                writeln!(ui.out(), "{}", g.group_id)?;
            }
        }
        return Ok(());
    }
    let mut sheet = Sheet::new(&["group", "type", "state", "protocol"]);
    for g in &listings {
        let (kind, state) = (g.group_type.map(GroupType::name), g.state.map(GroupState::name));
        sheet.push(vec![json!(g.group_id), json!(kind), json!(state), json!(g.protocol)]);
    }
    Ok(sheet.print(ui)?)
}

/// The ids of all consumer groups, in Kafka's order.
pub(super) async fn group_ids(admin: &Admin) -> Outcome<Vec<String>> {
    let listings = consumer_groups(admin).await?;
    Ok(listings.into_iter().map(|g| g.group_id).collect())
}

async fn consumer_groups(admin: &Admin) -> Outcome<Vec<GroupListing>> {
    let types = vec![GroupType::Classic, GroupType::Consumer];
    all_groups(admin, types, Vec::new())
        .await
        .map_err(|e| Stop::runtime(&e))
}

/// Kafka's `ListGroupsOptions.forConsumerGroups()` with filters; as there, no types means every type.
async fn all_groups(
    admin: &Admin,
    types: Vec<GroupType>,
    states: Vec<GroupState>,
) -> Result<Vec<GroupListing>, crate::client::AdminError> {
    let protocol_types = vec![String::new(), "consumer".to_string()];
    let options = ListGroupsOptions {
        states,
        types,
        protocol_types,
    };
    let listings = admin.list_groups(&options).await?.all()?;
    Ok(hash_map_order(listings, |g| &g.group_id))
}

/// Kafka's `groupStatesFromString`.
fn states_from(input: &str) -> Outcome<Vec<GroupState>> {
    const VALID: [GroupState; 7] = [
        GroupState::Empty,
        GroupState::Assigning,
        GroupState::CompletingRebalance,
        GroupState::Stable,
        GroupState::Dead,
        GroupState::PreparingRebalance,
        GroupState::Reconciling,
    ];
    items(input, &VALID)
        .map_err(|valid| Stop::Illegal(format!("Invalid state list '{input}'. Valid states are: {valid}")))
}

/// Kafka's `consumerGroupTypesFromString`.
fn types_from(input: &str) -> Outcome<Vec<GroupType>> {
    const VALID: [GroupType; 2] = [GroupType::Classic, GroupType::Consumer];
    items(input, &VALID)
        .map_err(|valid| Stop::Illegal(format!("Invalid types list '{input}'. Valid types are: {valid}")))
}

/// Comma-separated names, or the valid ones if one is not valid.
fn items<T>(input: &str, valid: &[T]) -> Result<Vec<T>, String>
where
    T: std::str::FromStr + PartialEq + Copy + std::fmt::Display,
{
    // Java's split drops empty strings at the end.
    let names = input.trim_end_matches(',');
    let names: Vec<&str> = if names.is_empty() {
        Vec::new()
    } else {
        names.split(',').collect()
    };
    let known = |name: &&str| name.trim().parse().ok().filter(|t| valid.contains(t));
    let found: Vec<T> = names.iter().filter_map(known).collect();
    match found.len() == names.len() {
        true => Ok(found),
        false => Err(valid.iter().map(T::to_string).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: std::fmt::Debug>(r: Outcome<T>) -> String {
        match r.unwrap_err() {
            Stop::Illegal(m) => m,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn states_and_types_are_read_in_any_case() {
        assert_eq!(
            states_from("stable, EMPTY").unwrap(),
            [GroupState::Stable, GroupState::Empty]
        );
        assert_eq!(types_from("Classic,,").unwrap(), [GroupType::Classic]);
        assert!(states_from(",").unwrap().is_empty());
        assert!(
            message(states_from("stable,,empty")).starts_with("Invalid state list 'stable,,empty'. Valid states are: ")
        );
        assert_eq!(
            message(types_from("share")),
            "Invalid types list 'share'. Valid types are: Classic, Consumer"
        );
    }
}
