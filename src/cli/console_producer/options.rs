//! The options of `kafka-console-producer.sh`, and the producer and reader properties made of them.

use crate::cli::compat::key_values::{self, merge};
use crate::cli::connect::{Given, Target};
use crate::cli::{CliError, CliResult, Manner, Opt, Parsed, Ui};
use crate::client::props::Properties;

pub const OPTS: &[Opt] = &[
    Opt::value("batch-size", "Integer: size").default("16384").help("Bytes of records that go into one batch of a partition (batch.size)."),
    Opt::value("bootstrap-server", "String: server to connect to").help("The brokers to begin with, HOST:PORT, separated by commas."),
    Opt::value("command-config", "String: config file").help("A file of producer properties; --command-property is stronger."),
    Opt::value("command-property", "String: producer_prop").help("A producer property, key=value. May be repeated."),
    Opt::optional("compression-codec", "String: compression-codec").help("none, gzip, snappy, lz4 or zstd; gzip when no name follows."),
    Opt::flag("help").help("Print this help."),
    Opt::value("line-reader", "String: reader_class").default(LINE_READER).help("The class that turns input into records."),
    Opt::value("max-block-ms", "Long: max block on send").default("60000").help("How long a send waits for the topic's metadata, in ms."),
    Opt::value("max-memory-bytes", "Long: total memory in bytes").default("33554432").help("Bytes of records that may wait to be sent (buffer.memory)."),
    Opt::value("max-partition-memory-bytes", "Integer: memory in bytes per partition")
        .default("16384")
        .deprecated()
        .help("The same as --batch-size, which replaces it."),
    Opt::value("message-send-max-retries", "Integer").default("3").help("How often a failed send is tried again (retries)."),
    Opt::value("metadata-expiry-ms", "Long: metadata expiration interval").default("300000").help("The age in ms at which metadata are read again (metadata.max.age.ms)."),
    Opt::value("producer-property", "String: producer_prop").deprecated().help("The same as --command-property, which replaces it."),
    Opt::value("producer.config", "String: config file").deprecated().help("The same as --command-config, which replaces it."),
    Opt::value("property", "String: prop").deprecated().help("The same as --reader-property, which replaces it."),
    Opt::value("reader-config", "String: config file").help("A file of reader properties; --reader-property is stronger."),
    Opt::value("reader-property", "String: prop").help(
        "How a line is read, key=value: parse.key, parse.headers, ignore.error (true or false), key.separator, \
         headers.delimiter, headers.separator, headers.key.separator, null.marker. May be repeated. With parse.headers and \
         parse.key a line is h1:v1,h2:v2<TAB>key<TAB>value.",
    ),
    Opt::value("request-required-acks", "String: request required acks").default("-1").help("How many replicas acknowledge (acks)."),
    Opt::value("request-timeout-ms", "Integer: request timeout ms").default("1500").help("How long a request may take, in ms."),
    Opt::value("retry-backoff-ms", "Long").default("100").help("How long to wait before a send is tried again, in ms."),
    Opt::value("socket-buffer-size", "Integer: size").default("102400").help("Bytes of the socket's send buffer (send.buffer.bytes)."),
    Opt::flag("sync").help("Wait for each record's acknowledgement before the next is sent."),
    Opt::value("timeout", "Long: timeout_ms").default("1000").help("How long a record waits for others to share its batch, in ms (linger.ms)."),
    Opt::value("topic", "String: topic").help("The topic that the records go to."),
    Opt::flag("version").help("Print Kafka's version."),
    Opt::value("file", "FILE").beyond().help("Read this file in place of standard input, with a progress bar on a terminal."),
    Opt::value("input-format", "FORMAT").beyond().default("lines").help("lines, or jsonl: records as 'kt console-consumer -o jsonl' prints them."),
    Opt::flag("ignore-partitions").beyond().help("With jsonl: let keys choose partitions, whatever the input says."),
];

pub const LINE_READER: &str = "org.apache.kafka.tools.LineMessageReader";

/// An old spelling and the new one; they exclude each other, and the old one warns on stdout.
const RENAMED: &[(&str, &str)] = &[
    ("producer.config", "command-config"),
    ("producer-property", "command-property"),
    ("property", "reader-property"),
];

/// Checks what the parser does not (Kafka: `ConsoleProducerOptions.checkArgs`); warns of old spellings.
pub fn check(ui: &mut Ui, options: &Parsed) -> CliResult {
    options.require(&["topic"]).map_err(CliError::usage_with_help)?;
    for (old, new) in RENAMED {
        if options.has(old) && options.has(new) {
            return Err(CliError::usage_with_help(format!(
                "Options --{new} and --{old} cannot be specified together."
            )));
        }
    }
    for (old, new) in [RENAMED[1], RENAMED[0], RENAMED[2]] {
        if options.has(old) {
            writeln!(
                ui.out(),
                "Warning: --{old} is deprecated and will be removed in a future version. Use --{new} instead."
            )?;
        }
    }
    if options.has("max-partition-memory-bytes") {
        writeln!(
            ui.out(),
            "Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache Kafka 5.0. Use --batch-size instead."
        )?;
    }
    if ui.manner == Manner::Script || options.has("bootstrap-server") {
        validate_bootstrap(options.value("bootstrap-server")?).map_err(CliError::usage_with_help)?;
    }
    Ok(())
}

/// Kafka's `ToolsUtils.validateBootstrapServer`.
///
/// # Errors
/// No servers, or one without a port; the texts end with an empty line, as Kafka's do.
pub fn validate_bootstrap(servers: Option<&str>) -> Result<(), String> {
    let Some(servers) = servers.filter(|s| !s.trim().is_empty()) else {
        return Err("Error while validating the bootstrap address\n".to_string());
    };
    let has_port = |s: &str| {
        s.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
        })
    };
    // Java's split drops empty parts at the end
    let parts: Vec<&str> = servers.split(',').collect();
    let used = parts.iter().rposition(|p| !p.is_empty()).map_or(0, |i| i + 1);
    if used > 0 && parts[..used].iter().all(|s| has_port(s)) {
        Ok(())
    } else {
        Err("Please provide valid host:port like host1:9091,host2:9092\n".to_string())
    }
}

/// The producer's properties (Kafka: `ConsoleProducerOptions.producerProps`).
///
/// # Errors
/// A value that is no number, a file that cannot be read.
pub fn producer_props(ui: &Ui, options: &Parsed) -> CliResult<(Properties, Target)> {
    let both = |old, new| options.values(old).chain(options.values(new));
    let config_file = match options.value("producer.config")? {
        Some(f) => Some(f),
        None => options.value("command-config")?,
    };
    let given = Given {
        servers: options.value("bootstrap-server")?,
        controllers: None,
        config_file,
        overrides: key_values::parse(both("producer-property", "command-property")),
    };
    let target = Target::resolve(ui, options, given)?;
    let mut props = target.connect.props.clone();
    props.set("bootstrap.servers", target.bootstrap_servers());
    let codec = match (options.has("compression-codec"), options.value("compression-codec")?) {
        (true, None | Some("")) => "gzip",
        (true, Some(c)) => c,
        (false, _) => "none",
    };
    props.set("compression.type", codec);
    props.set_default("client.id", "console-producer");
    merge::<i64>(&mut props, "linger.ms", options, "timeout")?;
    merge::<String>(&mut props, "acks", options, "request-required-acks")?;
    merge::<i32>(&mut props, "request.timeout.ms", options, "request-timeout-ms")?;
    merge::<i32>(&mut props, "retries", options, "message-send-max-retries")?;
    merge::<i64>(&mut props, "retry.backoff.ms", options, "retry-backoff-ms")?;
    merge::<i32>(&mut props, "send.buffer.bytes", options, "socket-buffer-size")?;
    merge::<i64>(&mut props, "buffer.memory", options, "max-memory-bytes")?;
    merge::<i32>(&mut props, "batch.size", options, "batch-size")?;
    merge::<i32>(&mut props, "batch.size", options, "max-partition-memory-bytes")?;
    merge::<i64>(&mut props, "metadata.max.age.ms", options, "metadata-expiry-ms")?;
    merge::<i64>(&mut props, "max.block.ms", options, "max-block-ms")?;
    Ok((props, target))
}

/// The line reader's properties (Kafka: `ConsoleProducerOptions.readerProps`).
///
/// # Errors
/// The file cannot be read.
pub fn reader_props(options: &Parsed) -> CliResult<Properties> {
    let mut props = Properties::new();
    if let Some(file) = options.value("reader-config")? {
        props.override_with(&Properties::load(file).map_err(|e| CliError::failed(e.text()))?);
    }
    props.override_with(&key_values::parse(
        options.values("property").chain(options.values("reader-property")),
    ));
    Ok(props)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_need_ports() {
        for good in ["a:1", "a:1,b:2", "[::1]:9", "PLAINTEXT://a:1", "a:1,"] {
            assert_eq!(validate_bootstrap(Some(good)), Ok(()), "{good}");
        }
        for bad in ["a", "a:1,b", "a:x", ":1", ","] {
            assert!(
                validate_bootstrap(Some(bad))
                    .unwrap_err()
                    .starts_with("Please provide valid host:port"),
                "{bad}"
            );
        }
        assert!(
            validate_bootstrap(None)
                .unwrap_err()
                .starts_with("Error while validating")
        );
    }
}
