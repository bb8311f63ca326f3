//! The options of `kafka-reassign-partitions.sh`, and which go with which action.

use crate::cli::{CliError, CliResult, Manner, Opt, Parsed, Ui};

pub const OPTS: &[Opt] = &[
    Opt::flag("additional").help("With --execute: add to moves that are under way, or change their throttle."),
    Opt::optional("bootstrap-controller", "String: bootstrap controller to connect to").help("The controllers to begin with, for --list and --cancel."),
    Opt::optional("bootstrap-server", "String: Server(s) to use for bootstrapping").help("The brokers to begin with, HOST:PORT, separated by commas."),
    Opt::value("broker-list", "String: brokerlist").help("With --generate: the ids of the brokers to move to, separated by commas."),
    Opt::flag("cancel").help("Stop the moves of the partitions in --reassignment-json-file."),
    Opt::value("command-config", "String: Admin client property file").help("A file of client properties."),
    Opt::flag("disable-rack-aware").help("With --generate: pay no heed to racks."),
    Opt::flag("disallow-replication-factor-change").help("With --execute: refuse to change how many replicas a partition has."),
    Opt::flag("execute").help("Start the moves in --reassignment-json-file."),
    Opt::flag("generate").help("Propose a plan that moves the topics in --topics-to-move-json-file to the brokers in --broker-list."),
    Opt::flag("help").help("Print this help."),
    Opt::flag("list").help("List the moves under way."),
    Opt::flag("preserve-throttles").help("Leave throttles as they are."),
    Opt::value("reassignment-json-file", "String: manual assignment json file path").help(
        "The plan: {\"partitions\": [{\"topic\": \"foo\", \"partition\": 1, \"replicas\": [1,2,3], \"log_dirs\": [\"dir1\",\"any\",\"any\"]}], \
         \"version\": 1}. log_dirs may be left out.",
    ),
    Opt::value("replica-alter-log-dirs-throttle", "Long: replicaAlterLogDirsThrottle").default("-1").help("Bytes a second between directories of one broker."),
    Opt::value("throttle", "Long: throttle").default("-1").help("Bytes a second between brokers."),
    Opt::value("timeout", "Long: timeout").default("10000").help("How long to wait for moves between directories to begin, in ms."),
    Opt::value("topics-to-move-json-file", "String: topics to reassign json file path")
        .help("The topics: {\"topics\": [{\"topic\": \"foo\"}], \"version\": 1}."),
    Opt::flag("verify").help("Tell how far the moves are, and take throttles off when all are done."),
    Opt::flag("version").help("Print Kafka's version."),
];

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Generate,
    Execute,
    Verify,
    Cancel,
    List,
}

struct Rule {
    action: Action,
    name: &'static str,
    required: &'static [&'static str],
    permitted: &'static [&'static str],
    controllers: bool,
}

/// In Kafka's order of actions.
const RULES: &[Rule] = &[
    Rule {
        action: Action::Generate,
        name: "generate",
        required: &["topics-to-move-json-file", "broker-list"],
        permitted: &["command-config", "disable-rack-aware"],
        controllers: false,
    },
    Rule {
        action: Action::Execute,
        name: "execute",
        required: &["reassignment-json-file"],
        permitted: &[
            "additional",
            "command-config",
            "throttle",
            "replica-alter-log-dirs-throttle",
            "timeout",
            "disallow-replication-factor-change",
        ],
        controllers: false,
    },
    Rule {
        action: Action::Verify,
        name: "verify",
        required: &["reassignment-json-file"],
        permitted: &["command-config", "preserve-throttles"],
        controllers: false,
    },
    Rule {
        action: Action::Cancel,
        name: "cancel",
        required: &["reassignment-json-file"],
        permitted: &["command-config", "preserve-throttles", "timeout"],
        controllers: true,
    },
    Rule {
        action: Action::List,
        name: "list",
        required: &[],
        permitted: &["command-config"],
        controllers: true,
    },
];

/// Kafka's `validateAndParseArgs`.
///
/// # Errors
/// Not exactly one action, servers missing or doubly named, options that are missing or out of place.
pub fn action(ui: &Ui, options: &Parsed) -> CliResult<Action> {
    let refuse = |text: String| Err(CliError::usage_with_help(text));
    let given: Vec<&Rule> = RULES.iter().filter(|r| options.has(r.name)).collect();
    let [rule] = given.as_slice() else {
        let all: Vec<String> = RULES.iter().map(|r| format!("--{}", r.name)).collect();
        return refuse(format!("Command must include exactly one action: {}", all.join(", ")));
    };
    match (options.has("bootstrap-server"), options.has("bootstrap-controller")) {
        (true, true) => {
            return refuse("Please don't specify both --bootstrap-server and --bootstrap-controller".into());
        }
        (false, false) if ui.manner == Manner::Script => {
            return refuse("Please specify either --bootstrap-server or --bootstrap-controller".into());
        }
        _ => {}
    }
    options.require(rule.required).map_err(CliError::usage_with_help)?;
    let common = ["output", "context", "yes"];
    for (name, _) in options.given() {
        let server = name == "bootstrap-server" || (name == "bootstrap-controller" && rule.controllers);
        let fits = name == rule.name || rule.required.contains(&name) || rule.permitted.contains(&name) || server;
        if !fits && !common.contains(&name) {
            return refuse(format!(
                "Option \"[{name}]\" can't be used with action \"[{}]\"",
                rule.name
            ));
        }
    }
    Ok(rule.action)
}
