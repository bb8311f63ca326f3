//! The options of consumer-groups and which of them go together (Kafka: `ConsumerGroupCommandOptions`).

use crate::cli::compat::java_hash::{JavaHash, hash_map_order};
use crate::cli::{CliError, CliResult, Manner, Opt, Parsed, Ui};

pub(super) static OPTS: &[Opt] = &[
    Opt::flag("all-groups").help("Act on every consumer group."),
    Opt::flag("all-topics").help("Reset the offsets of every topic that the group has committed offsets of."),
    Opt::value("bootstrap-server", "String: server to connect to")
        .help("The brokers to connect to. REQUIRED, except with --validate-regex."),
    Opt::value("by-duration", "String: duration")
        .help("Reset to the first offset whose record is not older than this. Format: 'PnDTnHnMnS'"),
    Opt::value("command-config", "String: command config property file")
        .help("A properties file with settings of the client."),
    Opt::flag("delete").help("Delete whole groups with their offsets; --group may be repeated."),
    Opt::flag("delete-offsets").help("Delete the offsets that a group has committed, of the topics given."),
    Opt::flag("describe").help("Describe groups: offsets and lag, members, or state."),
    Opt::flag("dry-run").help("Show what --reset-offsets would do, and do nothing."),
    Opt::flag("execute").help("Carry out --reset-offsets."),
    Opt::flag("export").help("Print the new offsets of --reset-offsets as CSV."),
    Opt::value("from-file", "String: path to CSV file").help("Reset to the offsets that a CSV file lists."),
    Opt::value("group", "String: consumer group").help("The group to act on."),
    Opt::flag("help").help("Print this help."),
    Opt::flag("list").help("List all consumer groups."),
    Opt::flag("members").help("With --describe: the members of the group."),
    Opt::flag("offsets").help("With --describe: committed offsets and lag of each partition. This is the default."),
    Opt::flag("reset-offsets").help(
        "Reset the committed offsets of inactive groups. Needs --all-topics, --topic or --from-file, and one of \
         --to-datetime, --by-duration, --to-earliest, --to-latest, --shift-by, --from-file, --to-current, --to-offset. \
         --dry-run (the default) shows the new offsets, --execute commits them, --export prints them as CSV.",
    ),
    Opt::value("shift-by", "Long: number-of-offsets")
        .help("Reset to this many offsets after (or, if negative, before) the committed ones."),
    Opt::optional("state", "String").help(
        "With --describe: the state of the group. With --list: show states, or only groups in these: stable,empty",
    ),
    Opt::value("timeout", "Long: timeout (ms)")
        .default("30000")
        .help("How long a call may take, for example while a group settles."),
    Opt::flag("to-current").help("Reset to the committed offsets."),
    Opt::value("to-datetime", "String: datetime")
        .help("Reset to the first offset at or after a time. Format: 'YYYY-MM-DDThh:mm:ss.sss'"),
    Opt::flag("to-earliest").help("Reset to the earliest offsets."),
    Opt::flag("to-latest").help("Reset to the end of each partition."),
    Opt::value("to-offset", "Long: offset").help("Reset to this offset."),
    Opt::value("topic", "String: topic").help(
        "The topic whose offsets are deleted or reset; partitions can be named like `topic1:0,1,2`. May be repeated.",
    ),
    Opt::optional("type", "String").help("With --list: show types, or only groups of these: classic,consumer"),
    Opt::value("validate-regex", "String: regex").help("Check that a regular expression is valid RE2."),
    Opt::flag("verbose").help("With --describe: more columns."),
    Opt::flag("version").help("Print Kafka's version."),
    Opt::optional("wait-inactive", "TIMEOUT")
        .beyond()
        .help("Wait until the groups have no active members, for at most this long ('5m', default 60s), then go on."),
    Opt::value("undo-file", "FILE")
        .beyond()
        .help("With --reset-offsets --execute: save the old offsets to a new file that --from-file can restore."),
];

/// What the command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    List,
    Describe,
    Delete,
    Reset,
    DeleteOffsets,
    ValidateRegex,
}

const ACTIONS: &[(&str, Action)] = &[
    ("list", Action::List),
    ("describe", Action::Describe),
    ("delete", Action::Delete),
    ("reset-offsets", Action::Reset),
    ("delete-offsets", Action::DeleteOffsets),
    ("validate-regex", Action::ValidateRegex),
];

/// The ways to say which offsets to reset to. One of them has to be there.
pub(super) const SCENARIOS: &[&str] = &[
    "to-offset",
    "shift-by",
    "to-datetime",
    "by-duration",
    "to-earliest",
    "to-latest",
    "to-current",
    "from-file",
];

/// Options that only go with one of others, by jopt-simple's own check.
const AVAILABLE_IF: &[(&str, &[&str])] = &[
    ("members", &["describe"]),
    ("verbose", &["describe"]),
    ("offsets", &["describe"]),
    ("state", &["describe", "list"]),
    ("type", &["list"]),
];

/// Checks the combination of options in Kafka's order.
///
/// # Errors
/// Kafka's messages, with the help behind them where Kafka prints it.
pub(super) fn check(ui: &mut Ui, p: &Parsed) -> CliResult<Action> {
    available(p)?;
    let usage = |m: String| CliError::usage_with_help(m);
    if !p.has("validate-regex") && ui.manner == Manner::Script {
        p.require(&["bootstrap-server"]).map_err(usage)?;
    }
    if p.has("describe") {
        check_describe(p)?;
    }
    let no_group = !p.has("group") && !p.has("all-groups");
    let takes_group = |action: &str| {
        usage(format!(
            "Option [{action}] takes one of these options: [all-groups], [group]"
        ))
    };
    if p.has("delete") {
        if no_group {
            return Err(takes_group("delete"));
        }
        if p.has("topic") {
            let text = "The consumer does not support topic-specific offset deletion from a consumer group.";
            return Err(usage(text.to_string()));
        }
    }
    if p.has("delete-offsets") && !(p.has("group") && p.has("topic")) {
        return Err(usage(
            "Option [delete-offsets] takes the following options: [topic], [group]".to_string(),
        ));
    }
    if p.has("reset-offsets") {
        if p.has("dry-run") && p.has("execute") {
            return Err(usage(
                "Option [reset-offsets] only accepts one of [execute] and [dry-run]".to_string(),
            ));
        }
        if !p.has("dry-run") && !p.has("execute") {
            ui.say_err(NO_EXECUTE)?;
        }
        if no_group {
            return Err(takes_group("reset-offsets"));
        }
        check_scenarios(p)?;
    }
    p.forbid("group", &["all-groups"]).map_err(usage)?;
    p.forbid("group", &["list"]).map_err(usage)?;
    p.forbid("topic", &["list", "describe"]).map_err(usage)?;
    check_beyond(p)?;
    action(p)
}

const NO_EXECUTE: &str = "WARN: No action will be performed as the --execute option is missing. In version 5.0, this \
     command will require either --dry-run or --execute to be specified. You should add the --dry-run option \
     explicitly if you are scripting this command and want to keep the current default behavior without prompting.";

fn action(p: &Parsed) -> CliResult<Action> {
    let mut given = ACTIONS.iter().filter(|(name, _)| p.has(name));
    match (given.next(), given.next()) {
        (Some((_, action)), None) => Ok(*action),
        _ => {
            let all: Vec<String> = ACTIONS.iter().map(|(name, _)| format!("--{name}")).collect();
            let all = all.join(", ");
            Err(CliError::usage_with_help(format!(
                "Command must include exactly one action: {all}"
            )))
        }
    }
}

fn check_describe(p: &Parsed) -> CliResult {
    let usage = |m: &str| Err(CliError::usage_with_help(m));
    if !p.has("group") && !p.has("all-groups") {
        return usage("Option [describe] takes one of these options: [all-groups], [group]");
    }
    if ["members", "offsets", "state"].iter().filter(|o| p.has(o)).count() > 1 {
        return usage("Option [describe] takes at most one of these options: [members], [offsets], [state]");
    }
    if p.has("state") && p.value("state")?.is_some() {
        return usage("Option [describe] does not take a value for [state]");
    }
    Ok(())
}

fn check_scenarios(p: &Parsed) -> CliResult {
    for used in [
        "to-offset",
        "to-datetime",
        "by-duration",
        "to-earliest",
        "to-latest",
        "to-current",
        "shift-by",
        "from-file",
    ] {
        let others: Vec<&str> = SCENARIOS.iter().copied().filter(|s| *s != used).collect();
        p.forbid(used, &others).map_err(CliError::usage_with_help)?;
    }
    Ok(())
}

fn check_beyond(p: &Parsed) -> CliResult {
    if p.has("undo-file") && !(p.has("reset-offsets") && p.has("execute")) {
        return Err(CliError::usage("--undo-file goes with --reset-offsets --execute"));
    }
    if p.has("wait-inactive") && (p.has("list") || p.has("validate-regex")) {
        return Err(CliError::usage(
            "--wait-inactive goes with --describe, --delete, --delete-offsets and --reset-offsets",
        ));
    }
    Ok(())
}

/// jopt-simple's `UnavailableOptionException`, whose names come out of a `HashMap` of lists of names.
fn available(p: &Parsed) -> CliResult {
    let lost = |(name, needs): &&(&'static str, &[&str])| p.has(name) && !needs.iter().any(|n| p.has(n));
    let lost: Vec<&'static str> = AVAILABLE_IF.iter().filter(lost).map(|(name, _)| *name).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let lost = hash_map_order(lost.into_iter().map(ListOfOne).collect(), |n| n);
    let names = lost.into_iter().map(|n| n.0).collect();
    Err(crate::cli::compat::opts::OptError::Unavailable(names).into())
}

struct ListOfOne(&'static str);

impl JavaHash for ListOfOne {
    fn java_hash(&self) -> i32 {
        31i32.wrapping_add(self.0.java_hash())
    }
}
