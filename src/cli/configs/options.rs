//! The options of `kafka-configs.sh`, and which entities they name (Kafka: `ConfigCommand.ConfigCommandOptions`).

use std::net::ToSocketAddrs;

use super::Failure;
use crate::cli::compat::java::parse_int;
use crate::cli::{CliError, Manner, Opt, Parsed};

#[rustfmt::skip]
pub static OPTS: &[Opt] = &[
    Opt::value("add-config", "String").help(super::names::ADD_CONFIG_HELP),
    Opt::value("add-config-file", "String").help("A properties file with configurations to set, in place of --add-config."),
    Opt::flag("all").help("With --describe: also what is set by files and what Kafka defaults to."),
    Opt::flag("alter").help("Change configurations."),
    Opt::value("bootstrap-controller", "String: controller to connect to").help("The Kafka controllers to connect to, host:port, comma-separated."),
    Opt::value("bootstrap-server", "String: server to connect to").help("The Kafka servers to connect to, host:port, comma-separated."),
    Opt::value("broker", "String").help("A broker, by its id."),
    Opt::flag("broker-defaults").help("The defaults of all brokers."),
    Opt::value("broker-logger", "String").help("The log levels of a broker, by its id."),
    Opt::value("client", "String").help("A client, by its client id."),
    Opt::flag("client-defaults").help("The defaults of all clients."),
    Opt::value("client-metrics", "String").help("A client metrics resource."),
    Opt::value("command-config", "String: command config property file").help("A properties file for the Admin client."),
    Opt::value("delete-config", "String").help("Names of configurations to remove: k1,k2."),
    Opt::flag("describe").help("Show configurations."),
    Opt::flag("entity-default").help("The default of clients, users, brokers or ips, in place of --entity-name."),
    Opt::value("entity-name", "String").help("Whose configurations: topic, client id, user, broker id, address, client metrics resource or group."),
    Opt::value("entity-type", "String").help("topics, clients, users, brokers, broker-loggers, ips, client-metrics or groups; users and clients go together."),
    Opt::value("group", "String").help("A group."),
    Opt::flag("help").help("Show this help."),
    Opt::value("ip", "String").help("An address."),
    Opt::flag("ip-defaults").help("The defaults of all addresses."),
    Opt::value("topic", "String").help("A topic."),
    Opt::value("user", "String").help("A user, by the name of its principal."),
    Opt::flag("user-defaults").help("The defaults of all users."),
    Opt::flag("version").help("Show Kafka's version."),
];

/// Whose configurations a command can be about (Kafka: `ConfigType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityType {
    Topics,
    Clients,
    Users,
    Brokers,
    Ips,
    ClientMetrics,
    Groups,
    BrokerLoggers,
}

use EntityType::{BrokerLoggers, Brokers, ClientMetrics, Clients, Groups, Ips, Topics, Users};

impl EntityType {
    /// In the order in which Kafka lists them.
    const ALL: [EntityType; 8] = [
        Topics,
        Clients,
        Users,
        Brokers,
        Ips,
        ClientMetrics,
        Groups,
        BrokerLoggers,
    ];

    /// `topics`
    pub fn name(self) -> &'static str {
        match self {
            Topics => "topics",
            Clients => "clients",
            Users => "users",
            Brokers => "brokers",
            Ips => "ips",
            ClientMetrics => "client-metrics",
            Groups => "groups",
            BrokerLoggers => "broker-loggers",
        }
    }

    /// `topic`: Kafka drops the last letter, of whatever name.
    pub fn singular(self) -> &'static str {
        let name = self.name();
        &name[..name.len() - 1]
    }

    fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Whether it has a default for all of its kind.
    fn has_default(self) -> bool {
        matches!(self, Users | Clients | Brokers | Ips)
    }
}

/// Options that name a type and an entity of it at once, in Kafka's order.
const SHORTCUTS: [(&str, EntityType); 8] = [
    ("topic", Topics),
    ("client", Clients),
    ("user", Users),
    ("broker", Brokers),
    ("broker-logger", BrokerLoggers),
    ("ip", Ips),
    ("client-metrics", ClientMetrics),
    ("group", Groups),
];

const DEFAULTS: [(&str, EntityType); 4] = [
    ("client-defaults", Clients),
    ("user-defaults", Users),
    ("broker-defaults", Brokers),
    ("ip-defaults", Ips),
];

/// What a command line asks for. At least one type; an empty name is the type's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub is_alter: bool,
    pub types: Vec<EntityType>,
    pub names: Vec<String>,
}

impl Request {
    /// The first type; Kafka decides by it what to do.
    pub fn head(&self) -> EntityType {
        self.types[0]
    }

    fn has(&self, t: EntityType) -> bool {
        self.types.contains(&t)
    }

    fn type_list(&self) -> String {
        self.types.iter().map(|t| t.name()).collect::<Vec<_>>().join(",")
    }

    fn names_somebody(&self) -> bool {
        self.names.iter().any(|name| !name.is_empty())
    }
}

/// Checks the command line in Kafka's order.
///
/// # Errors
/// Kafka's message for what is missing or does not go together.
pub fn check(manner: Manner, p: &Parsed) -> Result<Request, Failure> {
    let with_help = |text: String| Failure::Cli(CliError::usage_with_help(text));
    if p.has("alter") == p.has("describe") {
        return Err(with_help(
            "Command must include exactly one action: --describe, --alter".to_string(),
        ));
    }
    p.forbid("describe", &["alter", "add-config", "delete-config"])
        .map_err(with_help)?;
    let types = entity_types(manner, p)?;
    let shortcut = SHORTCUTS.iter().chain(&DEFAULTS).any(|(name, _)| p.has(name));
    let generic = ["entity-name", "entity-type", "entity-default"]
        .iter()
        .any(|name| p.has(name));
    if shortcut && generic {
        return Err(Failure::terse(
            "--entity-{type,name,default} should not be used in conjunction with specific entity flags",
        ));
    }
    let names = entity_names(p)?;
    let request = Request {
        is_alter: p.has("alter"),
        types,
        names,
    };
    if p.has("bootstrap-server") && p.has("bootstrap-controller") {
        return Err(Failure::terse(
            "Only one of --bootstrap-server or --bootstrap-controller can be specified",
        ));
    }
    check_names(p, &request)?;
    match request.is_alter {
        true => check_alter(p, &request)?,
        false => check_describe(p, &request)?,
    }
    Ok(request)
}

fn entity_types(manner: Manner, p: &Parsed) -> Result<Vec<EntityType>, Failure> {
    let shortcuts = SHORTCUTS.iter().chain(&DEFAULTS).filter(|(name, _)| p.has(name));
    let names: Vec<&str> = p
        .values("entity-type")
        .chain(shortcuts.map(|(_, t)| t.name()))
        .collect();
    let is_repeated = |i: usize| names[..i].contains(&names[i]);
    let repeated: Vec<&str> = (0..names.len()).filter(|i| is_repeated(*i)).map(|i| names[i]).collect();
    if !repeated.is_empty() {
        return Err(Failure::terse(format!(
            "Duplicate entity type(s) specified: {}",
            repeated.join(",")
        )));
    }
    if manner == Manner::Script && !p.has("bootstrap-server") && !p.has("bootstrap-controller") {
        return Err(Failure::terse(
            "Either --bootstrap-server or --bootstrap-controller must be specified.",
        ));
    }
    let mut types = Vec::new();
    for name in names {
        let Some(t) = EntityType::by_name(name) else {
            let all: Vec<&str> = EntityType::ALL.iter().map(|t| t.name()).collect();
            return Err(Failure::terse(format!(
                "Invalid entity type {name}, the entity type must be one of {} \
                 with a --bootstrap-server or --bootstrap-controller argument",
                all.join(", ")
            )));
        };
        types.push(t);
    }
    if types.is_empty() {
        return Err(Failure::terse("At least one entity type must be specified"));
    }
    if types.len() > 1 && !(types.len() == 2 && types.contains(&Users) && types.contains(&Clients)) {
        return Err(Failure::terse(
            "Only 'users' and 'clients' entity types may be specified together",
        ));
    }
    Ok(types)
}

/// `--entity-name`s and `--entity-default`s in the order given, then the shortcuts' names.
fn entity_names(p: &Parsed) -> Result<Vec<String>, Failure> {
    let generic = p.given().filter_map(|(option, value)| match option {
        "entity-name" => Some(value.unwrap_or_default().to_string()),
        "entity-default" => Some(String::new()),
        _ => None,
    });
    let mut names: Vec<String> = generic.collect();
    for (option, _) in SHORTCUTS {
        names.extend(p.value(option)?.map(str::to_string));
    }
    names.extend(
        DEFAULTS
            .iter()
            .filter(|(option, _)| p.has(option))
            .map(|_| String::new()),
    );
    Ok(names)
}

/// Broker ids are numbers, addresses can be resolved.
fn check_names(p: &Parsed, request: &Request) -> Result<(), Failure> {
    if !request.names_somebody() {
        return Ok(());
    }
    let head = request.head().name();
    if request.has(Brokers) || request.has(BrokerLoggers) {
        for option in ["entity-name", "broker", "broker-logger"] {
            if let Some(id) = p.value(option)?.filter(|id| parse_int(id).is_err()) {
                return Err(Failure::terse(format!(
                    "The entity name for {head} must be a valid integer broker id, but it is: {id}"
                )));
            }
        }
    }
    if request.has(Ips) {
        for option in ["entity-name", "ip"] {
            if let Some(ip) = p.value(option)?.filter(|ip| !is_host(ip)) {
                return Err(Failure::terse(format!(
                    "The entity name for {head} must be a valid IP or resolvable host, but it is: {ip}"
                )));
            }
        }
    }
    Ok(())
}

/// Whether Java's `InetAddress.getByName` would find it.
fn is_host(name: &str) -> bool {
    name.is_empty() || name.parse::<std::net::IpAddr>().is_ok() || (name, 0).to_socket_addrs().is_ok()
}

fn check_describe(p: &Parsed, request: &Request) -> Result<(), Failure> {
    let types = request.type_list();
    if p.has("entity-default") && !request.types.iter().any(|t| t.has_default()) {
        return Err(Failure::terse(format!(
            "--entity-default must not be specified with --describe of {types}"
        )));
    }
    if request.has(BrokerLoggers) && !request.names_somebody() {
        return Err(Failure::terse(format!(
            "An entity name must be specified with --describe of {types}"
        )));
    }
    Ok(())
}

fn check_alter(p: &Parsed, request: &Request) -> Result<(), Failure> {
    if request.types.iter().any(|t| t.has_default()) {
        if request.names.is_empty() {
            return Err(Failure::terse(
                "An entity-name or default entity must be specified with --alter of users, clients, brokers or ips",
            ));
        }
    } else if !request.names_somebody() {
        let types = request.type_list();
        return Err(Failure::terse(format!(
            "An entity name must be specified with --alter of {types}"
        )));
    }
    match (p.has("add-config"), p.has("add-config-file"), p.has("delete-config")) {
        (true, true, _) => Err(Failure::terse(
            "Only one of --add-config or --add-config-file must be specified",
        )),
        (false, false, false) => Err(Failure::terse(
            "At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::compat::opts::parse;

    fn read(line: &str) -> Result<Request, String> {
        let words: Vec<String> = line.split(' ').map(String::from).collect();
        let p = parse(OPTS, Manner::Script, &words).unwrap();
        check(Manner::Script, &p).map_err(|e| match e {
            Failure::Terse(text) => text,
            Failure::Cli(e) => e.to_string(),
            Failure::Kafka(e) => e.text().to_string(),
        })
    }

    #[test]
    fn shortcuts_and_long_forms_name_the_same() {
        let short = read("--bootstrap-server h:1 --describe --user-defaults --client c").unwrap();
        assert_eq!(short.types, [Clients, Users]);
        assert_eq!(short.names, ["c", ""]);
        let line = "--bootstrap-server h:1 --describe --entity-type users --entity-default --entity-type clients \
                    --entity-name c";
        let long = read(line).unwrap();
        assert_eq!(long.types, [Users, Clients]);
        assert_eq!(long.names, ["", "c"]);
    }

    #[test]
    fn wrong_lines_are_told_as_kafka_tells_them() {
        let b = "--bootstrap-server h:1";
        let cases = [
            (
                "--describe --topic t".to_string(),
                "Either --bootstrap-server or --bootstrap-controller must be specified.",
            ),
            (format!("{b} --describe"), "At least one entity type must be specified"),
            (
                format!("{b} --describe --entity-type topics --topic t"),
                "Duplicate entity type(s) specified: topics",
            ),
            (
                format!("{b} --describe --entity-type topics --entity-default"),
                "--entity-default must not be specified with --describe of topics",
            ),
            (
                format!("{b} --describe --broker one"),
                "The entity name for brokers must be a valid integer broker id, but it is: one",
            ),
            (
                format!("{b} --alter --topic t"),
                "At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter",
            ),
            (
                format!("{b} --describe --topic t --topic u"),
                "Found multiple arguments for option topic, but you asked for only one",
            ),
            (
                format!("{b} --alter --describe"),
                "Command must include exactly one action: --describe, --alter",
            ),
        ];
        for (line, want) in cases {
            assert_eq!(read(&line).unwrap_err(), want, "{line}");
        }
    }
}
