//! `kafka-server-start.sh`: the embedded broker from a server.properties, as Kafka's script starts the real one.
//!
//! A data directory that is not formatted is formatted; Kafka asks for `kafka-storage.sh format` first.

use super::tool::{Grammar, Line, Tool};
use super::{CliError, CliResult, Ui, broker};
use crate::broker::Cluster;

pub static TOOL: Tool = Tool {
    script: "kafka-server-start",
    names: &["server-start"],
    about: "Starts the embedded broker from a server.properties.",
    opts: &[],
    bare: None,
    help_after_error: false,
    grammar: Grammar::Own,
    run: crate::runs!(run),
};

const USAGE: &str = "USAGE: kafka-server-start.sh [-daemon] server.properties [--override property=value]*";

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    let mut words = line.words.as_slice();
    if let [first, rest @ ..] = words
        && first == "-daemon"
    {
        ui.say_err("-daemon is ignored: the broker stays in the foreground")?;
        words = rest;
    }
    let [file, rest @ ..] = words else {
        return Err(CliError::usage(USAGE));
    };
    if file == "--help" {
        return match ui.manner {
            super::Manner::Script => Err(CliError::usage(USAGE)),
            super::Manner::Kt => Ok(writeln!(ui.out(), "{USAGE}")?),
        };
    }
    let mut overrides = Vec::new();
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        match (word.strip_prefix("--override="), word.as_str()) {
            (Some(pair), _) => overrides.push(pair.to_owned()),
            (None, "--override") => {
                overrides.push(
                    rest.next()
                        .cloned()
                        .ok_or_else(|| CliError::usage("--override needs a property=value"))?,
                );
            }
            _ => return Err(CliError::usage(format!("Found non argument parameters: {word}"))),
        }
    }
    let props = broker::read_properties(std::path::Path::new(file))?;
    let builder = Cluster::builder()
        .log_to_stderr()
        .configs(props)
        .configs(broker::parse_overrides(&overrides)?);
    // The broker has a runtime of its own, with as many threads as there are processors.
    std::thread::scope(|scope| {
        let served = scope
            .spawn(|| broker::serve(ui, builder, &broker::ClientConfig::default()))
            .join();
        served.unwrap_or_else(|_| Err(CliError::failed("the broker panicked")))
    })
}
