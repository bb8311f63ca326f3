//! The options of `kafka-console-consumer.sh`, and the consumer and formatter properties made of them.

use std::collections::BTreeSet;

use crate::cli::compat::key_values::{self, merge};
use crate::cli::connect::{Given, Target};
use crate::cli::{CliError, CliResult, Manner, Opt, Parsed, Ui};
use crate::client::props::Properties;

pub const DEFAULT_FORMATTER: &str = "org.apache.kafka.tools.consumer.DefaultMessageFormatter";

pub const OPTS: &[Opt] = &[
    Opt::value("bootstrap-server", "String: server to connect to").help("The brokers to begin with, HOST:PORT, separated by commas."),
    Opt::value("command-config", "String: config file").help("A file of consumer properties; --command-property is stronger."),
    Opt::value("command-property", "String: consumer_prop").help("A consumer property, key=value. May be repeated."),
    Opt::value("consumer-property", "String: consumer_prop").deprecated().help("The same as --command-property, which replaces it."),
    Opt::value("consumer.config", "String: config file").deprecated().help("The same as --command-config, which replaces it."),
    Opt::flag("enable-systest-events").help("Print the consumer's life-cycle events too."),
    Opt::value("formatter", "String: class").default(DEFAULT_FORMATTER).help("The class that prints records."),
    Opt::value("formatter-config", "String: config file").help("A file of formatter properties; --formatter-property is stronger."),
    Opt::value("formatter-property", "String: prop").help(
        "How records are printed, key=value: print.timestamp, print.key, print.offset, print.epoch, print.partition, \
         print.headers, print.value (true or false), key.separator, line.separator, headers.separator, null.literal, \
         key.deserializer, value.deserializer, headers.deserializer. May be repeated.",
    ),
    Opt::flag("from-beginning").help("Without a committed offset start at the earliest record, not after the latest."),
    Opt::value("group", "String: consumer group id").help("The consumer group to be a member of."),
    Opt::flag("help").help("Print this help."),
    Opt::value("include", "String: Java regex (String)").help("A regular expression of topics to read."),
    Opt::value("isolation-level", "String").default("read_uncommitted").help("read_committed leaves out what transactions did not commit."),
    Opt::value("key-deserializer", "String: deserializer for keys").help("The class that reads keys."),
    Opt::value("max-messages", "Integer: num_messages").help("End after so many records."),
    Opt::value("offset", "String: consume offset").default("latest").help("Where in the partition to start: a number, earliest or latest."),
    Opt::value("partition", "Integer: partition").help("The one partition to read, from its end unless --offset says otherwise."),
    Opt::value("property", "String: prop").deprecated().help("The same as --formatter-property, which replaces it."),
    Opt::flag("skip-message-on-error").help("Go on after a record that cannot be printed."),
    Opt::value("timeout-ms", "Long: timeout_ms").help("End when no record came for so long, in ms."),
    Opt::value("topic", "String: topic").help("The topic to read."),
    Opt::value("value-deserializer", "String: deserializer for values").help("The class that reads values."),
    Opt::flag("version").help("Print Kafka's version."),
    Opt::flag("stop-at-end").beyond().help("End where the partitions ended when the command started."),
    Opt::value("from-time", "TIME").beyond().help("Start at this time: ISO-8601, '2h ago', or ms since 1970."),
    Opt::value("until-time", "TIME").beyond().help("End at this time (exclusive), or where the partitions ended when the command started."),
    Opt::value("filter", "FIELD OP TEXT").beyond().help(
        "Only records whose key, value or header.NAME is (=), is not (!=), matches (~) or does not match (!~) the text: \
         'key=a', 'value~^err', 'header.trace!=x'. May be repeated; all must hold.",
    ),
];

/// Where in its partitions the reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Earliest,
    Latest,
    Offset(i64),
}

/// Kafka's `ConsoleConsumerOptions.checkRequiredArgs`.
pub fn check(ui: &Ui, options: &Parsed) -> CliResult {
    let refuse = |text: &str| Err(CliError::usage_with_help(text));
    if options.has("topic") == options.has("include") {
        return refuse("Exactly one of the following arguments is required: [topic], [include]");
    }
    if options.has("partition") {
        if !options.has("topic") {
            return refuse("The topic is required when partition is specified.");
        }
        if options.has("from-beginning") && options.has("offset") {
            return refuse("Options from-beginning and offset cannot be specified together.");
        }
    } else if options.has("offset") {
        return refuse("The partition is required when offset is specified.");
    }
    if ui.manner == Manner::Script {
        options
            .require(&["bootstrap-server"])
            .map_err(CliError::usage_with_help)?;
    }
    Ok(())
}

/// The consumer's properties; warns of old spellings on stdout.
///
/// # Errors
/// Spellings or group ids that contradict each other, a file that cannot be read, values that do not parse.
pub fn consumer_props(ui: &mut Ui, options: &Parsed) -> CliResult<(Properties, Target)> {
    for (old, new) in [
        ("consumer-property", "command-property"),
        ("consumer.config", "command-config"),
    ] {
        if options.has(old) && options.has(new) {
            return Err(CliError::usage_with_help(format!(
                "Options --{old} and --{new} cannot be specified together."
            )));
        }
    }
    for (old, new) in [
        ("consumer-property", "command-property"),
        ("consumer.config", "command-config"),
    ] {
        if options.has(old) {
            writeln!(
                ui.out(),
                "Option --{old} is deprecated and will be removed in a future version. Use --{new} instead."
            )?;
        }
    }
    let overrides = key_values::parse(
        options
            .values("consumer-property")
            .chain(options.values("command-property")),
    );
    let config_file = match options.value("consumer.config")? {
        Some(f) => Some(f),
        None => options.value("command-config")?,
    };
    let given = Given {
        servers: options.value("bootstrap-server")?,
        controllers: None,
        config_file,
        overrides: overrides.clone(),
    };
    let target = Target::resolve(ui, options, given)?;
    let group = group_id(options, &target.connect.props, &overrides, config_file)?;
    let mut props = target.connect.props.clone();
    match props.get("auto.offset.reset") {
        Some(reset) if options.has("from-beginning") && reset != "earliest" => {
            let text = format!(
                "Can't simultaneously specify --from-beginning and 'auto.offset.reset={reset}', please remove one option"
            );
            return Err(CliError::failed(text));
        }
        Some(_) => {}
        None => props.set(
            "auto.offset.reset",
            if options.has("from-beginning") {
                "earliest"
            } else {
                "latest"
            },
        ),
    }
    props.set("bootstrap.servers", target.bootstrap_servers());
    props.set_default("client.id", "console-consumer");
    merge::<String>(&mut props, "isolation.level", options, "isolation-level")?;
    match group {
        Some(group) => props.set("group.id", group),
        None => {
            props.set(
                "group.id",
                format!("console-consumer-{}", rand::random_range(0..100_000)),
            );
            props.set_default("enable.auto.commit", "false");
        }
    }
    Ok((props, target))
}

fn group_id(
    options: &Parsed,
    props: &Properties,
    overrides: &Properties,
    file: Option<&str>,
) -> CliResult<Option<String>> {
    let from_file = match file {
        Some(f) => Properties::load(f)
            .ok()
            .and_then(|p| p.get("group.id").map(str::to_string)),
        None => props.get("group.id").map(str::to_string),
    };
    let all = [
        options.value("group")?.map(str::to_string),
        from_file,
        overrides.get("group.id").map(str::to_string),
    ];
    let given: BTreeSet<String> = all.into_iter().flatten().collect();
    if given.len() > 1 {
        let listed = given.iter().map(|g| format!("'{g}'")).collect::<Vec<_>>().join(", ");
        return Err(CliError::usage_with_help(format!(
            "The group ids provided in different places (directly using '--group', via '--consumer-property', or via \
             '--consumer.config') do not match. Detected group ids: {listed}"
        )));
    }
    if !given.is_empty() && options.has("partition") {
        return Err(CliError::usage_with_help(
            "Options group and partition cannot be specified together.",
        ));
    }
    Ok(given.into_iter().next())
}

/// Kafka's `parseOffset`.
pub fn start(options: &Parsed) -> CliResult<Start> {
    if !options.has("offset") {
        return Ok(if options.has("from-beginning") {
            Start::Earliest
        } else {
            Start::Latest
        });
    }
    let text = options.value("offset")?.unwrap_or_default();
    match text.to_ascii_lowercase().as_str() {
        "earliest" => Ok(Start::Earliest),
        "latest" => Ok(Start::Latest),
        _ => match text.strip_prefix('+').unwrap_or(text).parse::<i64>() {
            Ok(n) if n >= 0 => Ok(Start::Offset(n)),
            _ => Err(CliError::usage_with_help(format!(
                "The provided offset value '{text}' is incorrect. Valid values are 'earliest', 'latest', or a non-negative long."
            ))),
        },
    }
}

/// The formatter's properties; warns of the old spelling on stdout.
pub fn formatter_props(ui: &mut Ui, options: &Parsed) -> CliResult<Properties> {
    if options.has("property") && options.has("formatter-property") {
        return Err(CliError::usage_with_help(
            "Options --property and --formatter-property cannot be specified together.",
        ));
    }
    if options.has("property") {
        writeln!(
            ui.out(),
            "Option --property is deprecated and will be removed in a future version. Use --formatter-property instead."
        )?;
    }
    let mut props = match options.value("formatter-config")? {
        Some(file) => Properties::load(file).map_err(|e| CliError::usage_with_help(e.text()))?,
        None => Properties::new(),
    };
    for (option, key) in [
        ("key-deserializer", "key.deserializer"),
        ("value-deserializer", "value.deserializer"),
    ] {
        if let Some(class) = options.value(option)?.filter(|c| !c.is_empty()) {
            props.set(key, class);
        }
    }
    props.override_with(&key_values::parse(
        options.values("property").chain(options.values("formatter-property")),
    ));
    Ok(props)
}
