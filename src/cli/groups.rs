//! `kafka-groups.sh`: lists groups of all types (Kafka: `GroupsCommand`, KIP-1043).
//!
//! `-o` columns (stable): `group`, `type`, `protocol`, `state`.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use super::compat::java_hash::hash_map_order;
use super::connect::{self, Target};
use super::table::Sheet;
use super::tool::{Grammar, Line};
use super::ui::Format;
use super::{CliError, CliResult, Manner, Opt, Parsed, Tool, Ui};
use crate::client::ApiError;
use crate::client::admin::{Admin, GroupListing, GroupState, GroupType, ListGroupsOptions};
use crate::client::props::Properties;

pub static TOOL: Tool = Tool {
    script: "kafka-groups",
    names: &["groups"],
    about: "This tool helps to list groups of all types.",
    opts: OPTS,
    bare: None,
    help_after_error: true,
    grammar: Grammar::JoptSimple,
    run: crate::runs!(run),
};

static OPTS: &[Opt] = &[
    Opt::value("bootstrap-server", "String: server to connect to").required().help("REQUIRED: The brokers to connect to."),
    Opt::value("command-config", "String: command config property file").help("A properties file with settings of the client."),
    Opt::flag("consumer").help(
        "Only consumer groups of every kind: those of type 'consumer', and classic ones whose protocol is 'consumer' or \
         that have none.",
    ),
    Opt::value("group-type", "String: type").help("Only groups of this type: 'classic', 'consumer', 'share' or 'streams'."),
    Opt::flag("help").help("Print this help."),
    Opt::flag("list").help("List the groups."),
    Opt::value("protocol", "String: protocol").help("Only groups of this protocol type."),
    Opt::flag("share").help("Only share groups."),
    Opt::flag("streams").help("Only streams groups."),
    Opt::flag("version").help("Print Kafka's version."),
];

/// How long Kafka's tool waits for the list, whatever the client's own timeouts are.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let p = &line.options;
    let filter = check(ui, p)?;
    let file = p.value("command-config")?;
    if let Some(file) = file {
        Properties::load(file).map_err(|e| CliError::failed(e.text()))?;
    }
    let target = Target::resolve(ui, p, Target::of(p)?)?;
    let groups = match list(ui, &target).await {
        Ok(groups) => groups,
        Err(e) => return Err(told(ui, e.text(), &e.to_string())?),
    };
    let protocol = match p.value("protocol") {
        Ok(protocol) => protocol,
        Err(e) => return Err(told(ui, &e.to_string(), &format!("{}: {e}", e.exception()))?),
    };
    let filter = Filter { protocol, ..filter };
    let groups: Vec<GroupListing> = groups.into_iter().filter(|g| filter.allows(g)).collect();
    print(ui, &groups)
}

/// Kafka's `printException`: the message on stdout, the exception in the log.
fn told(ui: &mut Ui, message: &str, exception: &str) -> CliResult<CliError> {
    if ui.manner == Manner::Kt && ui.format() != Format::Kafka {
        return Ok(CliError::failed(message));
    }
    writeln!(ui.out(), "Error while executing groups command : {message}")?;
    ui.log("ERROR", exception, "org.apache.kafka.tools.GroupsCommand")?;
    Ok(CliError::told())
}

async fn list(ui: &mut Ui, target: &Target) -> Result<Vec<GroupListing>, ApiError> {
    let admin = Admin::connect(&target.connect).await?;
    // a warning that cannot be printed is no reason not to list
    let _ = connect::warn_unused(
        ui,
        admin.unknown_keys(),
        "org.apache.kafka.clients.admin.AdminClientConfig",
    );
    let options = ListGroupsOptions::default();
    let listed = tokio::time::timeout(LIST_TIMEOUT, admin.list_groups(&options)).await;
    let listings = listed
        .map_err(|_| ApiError::of_class("java.util.concurrent.TimeoutException", "null"))??
        .all()?;
    Ok(hash_map_order(listings, |g| &g.group_id))
}

/// Which groups to show.
#[derive(Debug, Default)]
struct Filter<'a> {
    consumer: bool,
    group_type: Option<GroupType>,
    protocol: Option<&'a str>,
}

impl Filter<'_> {
    fn allows(&self, g: &GroupListing) -> bool {
        if self.consumer {
            let protocol_fits = g.protocol.is_empty() || g.protocol == "consumer";
            return match g.group_type {
                Some(GroupType::Consumer) => true,
                Some(GroupType::Classic) => protocol_fits,
                _ => false,
            };
        }
        self.group_type.is_none_or(|t| g.group_type == Some(t)) && self.protocol.is_none_or(|p| g.protocol == p)
    }
}

/// Kafka's `checkArgs`; the protocol is read later, as there.
fn check(ui: &Ui, p: &Parsed) -> CliResult<Filter<'static>> {
    if !p.has("list") && ui.manner == Manner::Script {
        return Err(CliError::usage_with_help(
            "Command must include exactly one action: --list.",
        ));
    }
    let mut group_type = None;
    if let Some(name) = p.value("group-type")? {
        group_type = name.parse().ok().filter(|t| *t != GroupType::Unknown);
        if group_type.is_none() {
            return Err(CliError::usage("--group-type must be a valid group type."));
        }
    }
    const KINDS: [&str; 3] = ["consumer", "share", "streams"];
    for kind in KINDS {
        let others: Vec<&str> = KINDS.into_iter().filter(|k| *k != kind).collect();
        p.forbid(kind, &[&["group-type", "protocol"], others.as_slice()].concat())
            .map_err(CliError::usage_with_help)?;
    }
    if p.has("share") {
        group_type = Some(GroupType::Share);
    } else if p.has("streams") {
        group_type = Some(GroupType::Streams);
    }
    Ok(Filter {
        consumer: p.has("consumer"),
        group_type,
        protocol: None,
    })
}

fn print(ui: &mut Ui, groups: &[GroupListing]) -> CliResult {
    if ui.format() == Format::Kafka {
        return Ok(print_kafka(ui.out(), groups)?);
    }
    let mut sheet = Sheet::new(&["group", "type", "protocol", "state"]);
    for g in groups {
        let (kind, state) = (g.group_type.map(GroupType::name), g.state.map(GroupState::name));
        sheet.push(vec![json!(g.group_id), json!(kind), json!(g.protocol), json!(state)]);
    }
    sheet.print(ui)
}

/// Every column is as wide as the widest cell of all; rows end in one more blank than the head.
fn print_kafka(out: &mut dyn Write, groups: &[GroupListing]) -> std::io::Result<()> {
    let cells = |g: &GroupListing| {
        [
            g.group_id.clone(),
            g.group_type.map_or("", |t| t.name()).to_string(),
            g.protocol.clone(),
        ]
    };
    let rows: Vec<[String; 3]> = groups.iter().map(cells).collect();
    let width = rows
        .iter()
        .flatten()
        .map(|c| c.encode_utf16().count())
        .fold(20, usize::max);
    writeln!(out, "{:width$} {:width$} {:width$}", "GROUP", "TYPE", "PROTOCOL")?;
    for [group, kind, protocol] in &rows {
        writeln!(out, "{group:width$} {kind:width$} {protocol:width$} ")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: &str, group_type: GroupType, protocol: &str) -> GroupListing {
        let state = Some(GroupState::Empty);
        GroupListing {
            group_id: id.into(),
            group_type: Some(group_type),
            protocol: protocol.into(),
            state,
        }
    }

    #[test]
    fn columns_are_as_wide_as_the_widest_cell() {
        let groups = [
            group("console-share-consumer", GroupType::Share, "share"),
            group("g", GroupType::Classic, ""),
        ];
        let mut out = Vec::new();
        print_kafka(&mut out, &groups).unwrap();
        let lines = [
            "GROUP                  TYPE                   PROTOCOL              ",
            "console-share-consumer Share                  share                  ",
            "g                      Classic                                       ",
            "",
        ];
        assert_eq!(String::from_utf8(out).unwrap(), lines.join("\n"));
    }

    #[test]
    fn consumer_groups_are_of_both_types() {
        let only = Filter {
            consumer: true,
            ..Filter::default()
        };
        assert!(only.allows(&group("a", GroupType::Consumer, "consumer")));
        assert!(only.allows(&group("a", GroupType::Classic, "")));
        assert!(!only.allows(&group("a", GroupType::Classic, "connect")));
        assert!(!only.allows(&group("a", GroupType::Share, "share")));
        let by_type = Filter {
            group_type: Some(GroupType::Classic),
            protocol: Some("connect"),
            ..Filter::default()
        };
        assert!(by_type.allows(&group("a", GroupType::Classic, "connect")));
        assert!(!by_type.allows(&group("a", GroupType::Classic, "consumer")));
    }
}
