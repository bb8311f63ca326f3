//! Writes `schema/*.rs` from Kafka's message definitions, and checks that they are fresh.
//!
//! The definitions lie in Kafka's jars. To take up a new Kafka version, unpack each jar into a folder of its name
//! (`for j in kafka-*.jar; do unzip -qo $j '*.json' -d DIR/$j; done`), then
//! `KT_KAFKA_MESSAGES=DIR KT_REGENERATE=1 cargo test --lib internal_topic::generate`.
//! Without `KT_REGENERATE` the test compares; without `KT_KAFKA_MESSAGES` it has nothing to compare with.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// A generated file: its name, what it is about, which definitions belong to it.
struct Target {
    file: &'static str,
    about: &'static str,
    jar: &'static str,
    belongs: fn(&str) -> bool,
}

const TARGETS: &[Target] = &[
    Target {
        file: "group",
        about: "The records of `__consumer_offsets`.",
        jar: "kafka-group-coordinator-4",
        belongs: |_| true,
    },
    Target {
        file: "txn",
        about: "The records of `__transaction_state`.",
        jar: "kafka-transaction-coordinator",
        belongs: |_| true,
    },
    Target {
        file: "share",
        about: "The records of `__share_group_state`.",
        jar: "kafka-share-coordinator",
        belongs: |_| true,
    },
    Target {
        file: "metadata",
        about: "The records of `__cluster_metadata`.",
        jar: "kafka-metadata",
        belongs: |_| true,
    },
    Target {
        file: "remote_log",
        about: "The records of `__remote_log_metadata`.",
        jar: "kafka-storage-4",
        belongs: |name| name.starts_with("Remote"),
    },
    Target {
        file: "control",
        about: "The values of control records.",
        jar: "kafka-clients",
        belongs: |name| {
            [
                "EndTxnMarker",
                "LeaderChangeMessage",
                "SnapshotHeaderRecord",
                "SnapshotFooterRecord",
            ]
            .contains(&name)
                || ["KRaftVersionRecord", "VotersRecord"].contains(&name)
        },
    },
    Target {
        file: "protocol",
        about: "The blobs that classic consumers put into group records.",
        jar: "kafka-clients",
        belongs: |name| name.starts_with("ConsumerProtocol"),
    },
];

#[test]
fn tables_are_those_of_kafkas_message_definitions() {
    let Some(dir) = std::env::var_os("KT_KAFKA_MESSAGES") else {
        return;
    };
    let mut files = Vec::new();
    list(Path::new(&dir), &mut files);
    assert!(!files.is_empty(), "no definitions below {dir:?}");
    for target in TARGETS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/internal_topic/schema/{}.rs", target.file));
        let fresh = generate(target, &files);
        if std::env::var_os("KT_REGENERATE").is_some() {
            fs::write(&path, fresh).unwrap();
            continue;
        }
        // rustfmt may have moved white space and trailing commas.
        let squeeze = |text: &str| {
            text.replace(",)", ")")
                .replace(",]", "]")
                .split_whitespace()
                .collect::<String>()
        };
        let committed = squeeze(&fs::read_to_string(&path).unwrap())
            .replace(",)", ")")
            .replace(",]", "]");
        let fresh = squeeze(&fresh).replace(",)", ")").replace(",]", "]");
        assert!(committed == fresh, "{} is stale", path.display());
    }
}

fn list(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, out);
        } else if path.extension().is_some_and(|e| e == "json") {
            out.push(path);
        }
    }
}

fn generate(target: &Target, files: &[PathBuf]) -> String {
    let mut messages: Vec<Value> = files
        .iter()
        .filter(|path| path.to_string_lossy().contains(target.jar))
        .filter(|path| {
            let name = path.file_stem().unwrap().to_string_lossy();
            !name.ends_with("Request") && !name.ends_with("Response") && (target.belongs)(&name)
        })
        .map(|path| parse(&fs::read_to_string(path).unwrap()))
        .collect();
    messages.sort_by_key(|m| (m["apiKey"].as_i64(), m["name"].as_str().unwrap().to_owned()));
    let mut out = format!("//! {} Generated, see `generate.rs`.\n\n", target.about);
    out += "use super::*;\n\n";
    for message in &messages {
        message_table(message, &mut out);
    }
    index(target, &messages, &mut out);
    out
}

/// The definitions are JSON with `//` comments.
fn parse(text: &str) -> Value {
    let bare: String = text
        .lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let bare = bare
        .lines()
        .map(|l| l.split_once(" // ").map_or(l, |(code, _)| code))
        .collect::<Vec<_>>()
        .join("\n");
    serde_json::from_str(&bare).unwrap_or_else(|why| panic!("{why} in {bare}"))
}

fn message_table(message: &Value, out: &mut String) {
    let name = message["name"].as_str().unwrap();
    let mut structs = Map::new();
    for common in message["commonStructs"].as_array().into_iter().flatten() {
        structs.insert(common["name"].as_str().unwrap().to_owned(), common["fields"].clone());
    }
    let key = message["apiKey"]
        .as_i64()
        .map_or("None".to_owned(), |k| format!("Some({k})"));
    let _ = write!(
        out,
        "pub static {}: Schema = Schema {{\n    name: \"{name}\",\n    api_key: {key},\n    valid: {},\n    flexible: {},\n    fields: {},\n}};\n\n",
        constant(name),
        versions(&message["validVersions"]),
        versions(&message["flexibleVersions"]),
        fields(&message["fields"], &structs, 4),
    );
}

fn fields(list: &Value, structs: &Map<String, Value>, indent: usize) -> String {
    let items: Vec<String> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|f| field(f, structs, indent + 4))
        .collect();
    if items.is_empty() {
        return "&[]".to_owned();
    }
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 4));
    format!("&[\n{inner}{},\n{outer}]", items.join(&format!(",\n{inner}")))
}

fn field(field: &Value, structs: &Map<String, Value>, indent: usize) -> String {
    let name = field["name"].as_str().unwrap();
    let camel = name[..1].to_lowercase() + &name[1..];
    let kind = kind(field["type"].as_str().unwrap(), field, structs, indent);
    let present = if field["versions"].is_null() {
        &field["taggedVersions"]
    } else {
        &field["versions"]
    };
    let mut out = format!("field(\"{camel}\", {kind}, {})", versions(present));
    if !field["nullableVersions"].is_null() {
        let _ = write!(out, ".nullable({})", versions(&field["nullableVersions"]));
    }
    if !field["taggedVersions"].is_null() {
        let _ = write!(out, ".tag({}, {})", field["tag"], versions(&field["taggedVersions"]));
    }
    let default = match field.get("default") {
        // Kafka's generator takes a bare null (not the text "null") for no default at all.
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text == "null" => Some("Null".to_owned()),
        Some(Value::String(text)) if text == "true" || text == "false" => Some(format!("Bool({text})")),
        Some(Value::String(text)) => Some(format!("Int({})", text.parse::<i64>().unwrap())),
        Some(Value::Bool(b)) => Some(format!("Bool({b})")),
        Some(other) => Some(format!("Int({})", other.as_i64().unwrap())),
    };
    if let Some(default) = default.filter(|d| d != "Int(0)" && d != "Bool(false)") {
        let _ = write!(out, ".default(Default::{default})");
    }
    if field["ignorable"] == true {
        out += ".ignorable()";
    }
    out
}

fn kind(of: &str, field: &Value, structs: &Map<String, Value>, indent: usize) -> String {
    if let Some(element) = of.strip_prefix("[]") {
        return format!("Kind::Array(&{})", kind(element, field, structs, indent));
    }
    let simple = match of {
        "bool" => "Bool",
        "int8" => "Int8",
        "int16" => "Int16",
        "uint16" => "UInt16",
        "int32" => "Int32",
        "uint32" => "UInt32",
        "int64" => "Int64",
        "float64" => "Float64",
        "uuid" => "Uuid",
        "string" => "Text",
        "bytes" => "Bytes",
        other => {
            let inner = structs.get(other).unwrap_or(&field["fields"]);
            return format!("Kind::Struct({})", fields(inner, structs, indent));
        }
    };
    format!("Kind::{simple}")
}

/// `3`, `0-4`, `1+` or `none`.
fn versions(value: &Value) -> String {
    let text = value.as_str().unwrap();
    match text.split_once('-') {
        _ if text == "none" => "Versions::NONE".to_owned(),
        _ if text.ends_with('+') => format!("since({})", text.trim_end_matches('+')),
        Some((min, max)) => format!("range({min}, {max})"),
        None => format!("range({text}, {text})"),
    }
}

fn constant(name: &str) -> String {
    // KRaft is one word.
    let name = name.replace("KRaft", "Kraft");
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if i > 0 && c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

/// The record types of a topic: constants for their numbers, and the table of their messages.
fn index(target: &Target, messages: &[Value], out: &mut String) {
    let named: Vec<(&str, i64)> = messages
        .iter()
        .filter_map(|m| Some((m["name"].as_str().unwrap(), m["apiKey"].as_i64()?)))
        .collect();
    if named.is_empty() {
        return;
    }
    let keyed = named.iter().any(|(name, _)| name.ends_with("Key"));
    let suffix = if keyed { "Key" } else { "Record" };
    let _ = write!(out, "/// The numbers of the record types.\npub mod record_type {{\n");
    for (name, number) in named.iter().filter(|(name, _)| name.ends_with(suffix)) {
        let _ = writeln!(
            out,
            "pub const {}: i16 = {number};",
            constant(name.strip_suffix(suffix).unwrap())
        );
    }
    out.push_str("}\n\n");
    if keyed {
        let _ = writeln!(out, "/// Key and value of every record type of {}", &target.about[15..]);
        out.push_str("pub static TYPES: &[(&Schema, &Schema)] = &[\n");
        for (name, _) in named.iter().filter(|(name, _)| name.ends_with("Key")) {
            let stem = constant(name.strip_suffix("Key").unwrap());
            let _ = writeln!(out, "    (&{stem}_KEY, &{stem}_VALUE),");
        }
    } else {
        let _ = writeln!(out, "/// Every record type of {}", &target.about[15..]);
        out.push_str("pub static TYPES: &[&Schema] = &[\n");
        for (name, _) in &named {
            let _ = writeln!(out, "    &{},", constant(name));
        }
    }
    out.push_str("];\n");
}
