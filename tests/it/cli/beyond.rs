//! What `kt TOOL` has beyond the scripts.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::broker::Broker;
use crate::support::process::{Process, kt_with};
use crate::support::{Outcome, kt};

const LIMIT: Duration = Duration::from_secs(60);

struct Bench {
    broker: Broker,
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            broker: Broker::start(),
            home: tempfile::tempdir().expect("a temp dir"),
        }
    }

    fn run(&self, words: &[&str], stdin: &[u8]) -> Outcome {
        kt_with(self.home.path(), Some(self.broker.bootstrap()), words, stdin)
    }

    fn good(&self, words: &[&str], stdin: &[u8]) -> String {
        let done = self.run(words, stdin);
        assert_eq!(done.exit, 0, "{words:?}: {}", done.err());
        done.out()
    }
}

#[test]
fn json_lines_go_from_consumer_to_producer_without_loss() {
    let b = Bench::new();
    for topic in ["from", "to"] {
        b.good(&["topics", "--create", "--topic", topic, "--partitions", "2"], b"");
    }
    let lines = concat!(
        r#"{"partition":1,"timestamp":1700000000000,"key":"k","value_base64":"/wA=","headers":[{"key":"h","value":"v"},{"key":"n","value":null}]}"#,
        "\n",
        r#"{"partition":0,"timestamp":1700000000001,"key":null,"value":null,"headers":[]}"#,
        "\n"
    );
    b.good(
        &["console-producer", "--topic", "from", "--input-format", "jsonl"],
        lines.as_bytes(),
    );
    let first = b.good(
        &["console-consumer", "--topic", "from", "--stop-at-end", "-o", "jsonl"],
        b"",
    );
    b.good(
        &["console-producer", "--topic", "to", "--input-format", "jsonl"],
        first.as_bytes(),
    );
    let second = b.good(
        &["console-consumer", "--topic", "to", "--stop-at-end", "-o", "jsonl"],
        b"",
    );
    let objects = |text: &str| -> Vec<Value> {
        let mut all: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
        all.iter_mut()
            .for_each(|v| drop(v.as_object_mut().expect("an object").remove("topic")));
        all.sort_by_key(|v| v["partition"].as_i64());
        all
    };
    assert_eq!(objects(&first), objects(&second));
    assert_eq!(objects(&first)[1]["value_base64"], "/wA=");
    assert_eq!(objects(&first)[1]["timestamp"], 1_700_000_000_000_i64);
}

#[test]
fn a_bad_json_line_fails_and_says_where() {
    let b = Bench::new();
    b.good(&["topics", "--create", "--topic", "t"], b"");
    let done = b.run(
        &["console-producer", "--topic", "t", "--input-format", "jsonl"],
        b"{\"value\":\"a\"}\n{\"value\":1}\n",
    );
    assert_eq!(done.exit, 1);
    assert!(
        done.err().contains("value: neither a string nor null"),
        "{}",
        done.err()
    );
    assert_eq!(
        b.good(&["console-consumer", "--topic", "t", "--stop-at-end"], b""),
        "a\n",
        "what came before is delivered"
    );
}

#[test]
fn times_ends_and_filters_choose_records() {
    let b = Bench::new();
    b.good(&["topics", "--create", "--topic", "t"], b"");
    let line = |ms: i64, key: &str| format!("{{\"timestamp\":{ms},\"key\":\"{key}\",\"value\":\"{key}{ms}\"}}\n");
    let input = [line(1000, "a"), line(2000, "b"), line(3000, "a"), line(4000, "b")].concat();
    b.good(
        &["console-producer", "--topic", "t", "--input-format", "jsonl"],
        input.as_bytes(),
    );
    let read = |more: &[&str]| {
        b.good(
            &[&["console-consumer", "--topic", "t", "--stop-at-end"], more].concat(),
            b"",
        )
    };
    assert_eq!(read(&["--from-time", "1970-01-01T00:00:02Z"]), "b2000\na3000\nb4000\n");
    assert_eq!(read(&["--until-time", "1970-01-01T00:00:03Z"]), "a1000\nb2000\n");
    assert_eq!(read(&["--filter", "key=a"]), "a1000\na3000\n");
    assert_eq!(read(&["--filter", "value~00$", "--filter", "key!=a"]), "b2000\nb4000\n");
    assert_eq!(read(&["--from-time", "9999"]), "");
}

#[test]
fn a_protected_context_asks_before_a_change() {
    let b = Bench::new();
    let config = format!(
        "current = \"here\"\n[contexts.here]\nbootstrap-server = \"{}\"\nprotected = true\n[contexts.there]\nbootstrap-server = \"127.0.0.1:1\"\n",
        b.broker.bootstrap()
    );
    std::fs::write(b.home.path().join("config.toml"), config).expect("the contexts file");
    let kt = |words: &[&str]| kt_with(b.home.path(), None, words, b"");
    let refused = kt(&["topics", "--create", "--topic", "t"]);
    assert_eq!(refused.exit, 1);
    assert!(
        refused.err().contains("context 'here' is protected"),
        "{}",
        refused.err()
    );
    assert_eq!(kt(&["topics", "--create", "--topic", "t", "--yes"]).exit, 0);
    assert_eq!(kt(&["topics", "--list"]).out(), "t\n");
    let list: Value = serde_json::from_str(&kt(&["context", "list", "-o", "json"]).out()).expect("JSON");
    assert_eq!(
        (&list[0]["name"], &list[0]["current"]),
        (&Value::from("here"), &Value::from("*"))
    );
    assert_eq!(kt(&["context", "use", "nowhere"]).exit, 1);
    assert_eq!(kt(&["context", "use", "there"]).exit, 0);
    assert!(kt(&["context", "show"]).out().contains("127.0.0.1:1"));
}

#[test]
fn a_context_keeps_its_passwords() {
    let home = tempfile::tempdir().expect("a temp dir");
    let file = home.path().join("config.toml");
    let kt = |words: &[&str]| kt_with(home.path(), None, words, b"");
    let config = "current = \"here\"\n[contexts.here.properties]\n\"ssl.key.password\" = \"hunter2\"\n";
    std::fs::write(&file, config).expect("the contexts file");
    let shown = kt(&["context", "show"]).out();
    assert!(shown.contains("\"ssl.key.password\" = \"[hidden]\""), "{shown}");
    std::fs::write(&file, config.replace("\"\n", "\n")).expect("the contexts file");
    let told = kt(&["context", "show"]).err();
    assert!(
        told.contains("config.toml, line 1: ") && !told.contains("hunter2"),
        "{told}"
    );
    std::fs::write(&file, config.replace("hunter2\"", "hunter2")).expect("the contexts file");
    let told = kt(&["context", "show"]).err();
    assert!(
        told.contains("config.toml, line 3: ") && !told.contains("hunter2"),
        "{told}"
    );
}

#[test]
fn dev_returns_the_commands_exit_code_and_names_the_broker() {
    let home = tempfile::tempdir().expect("a temp dir");
    let script = format!(
        "test \"$BOOTSTRAP_SERVERS\" = \"$KT_BOOTSTRAP_SERVER\" && '{}' topics --list && exit 7",
        kt().display()
    );
    let done = kt_with(
        home.path(),
        None,
        &["dev", "--topic", "made:2", "--", "sh", "-c", &script],
        b"",
    );
    assert_eq!((done.exit, done.out()), (7, "made\n".to_string()), "{}", done.err());
    let missing = kt_with(home.path(), None, &["dev", "--", "/no/such/program"], b"");
    assert_eq!(missing.exit, 127);
}

#[test]
fn ready_tells_by_its_exit_code() {
    let b = Bench::new();
    assert!(
        b.good(&["ready", "--round-trip"], b"")
            .starts_with("ready: 1 broker(s), a record went there and back")
    );
    let left = b.good(&["topics", "--list", "--exclude-internal"], b"");
    assert_eq!(left.trim(), "", "the round trip leaves no topic behind");
    let late = kt_with(
        b.home.path(),
        None,
        &["ready", "--bootstrap-server", "127.0.0.1:1", "--timeout", "300ms"],
        b"",
    );
    assert_eq!(late.exit, 1);
    assert!(late.err().starts_with("not ready after"), "{}", late.err());
}

#[test]
fn a_scripts_name_has_the_scripts_manners() {
    let b = Bench::new();
    let links = b.home.path().join("bin");
    let dir = links.to_string_lossy().into_owned();
    b.good(&["install-links", &dir], b"");
    let script = |words: &[&str]| {
        let mut command = Command::new(links.join("kafka-consumer-groups.sh"));
        command.args(words).args(["--bootstrap-server", b.broker.bootstrap()]);
        Process::start(&mut command, b"").wait(LIMIT)
    };
    // Kafka's script exits 0 for a group that is not there; kt does not
    let words = ["--describe", "--group", "nobody"];
    let (theirs, ours) = (script(&words), b.run(&[&["consumer-groups"], &words[..]].concat(), b""));
    assert_eq!((theirs.exit, ours.exit), (0, 1));
    assert_eq!(theirs.out(), ours.out());
    let help = script(&["--help"]);
    assert_eq!((help.exit, help.out().len()), (1, 0), "help goes to stderr");
    assert_eq!(b.run(&["consumer-groups", "--help"], b"").exit, 0);
    assert_eq!(script(&["--li"]).exit, 1, "prefixes are not for scripts");
    assert_eq!(b.run(&["consumer-groups", "--li"], b"").exit, 0);
    let taken = b.run(&["install-links", &dir], b"");
    assert_eq!(taken.exit, 0, "links to this binary may be made again");
    std::fs::remove_file(links.join("kafka-topics.sh")).expect("a link");
    std::fs::write(links.join("kafka-topics.sh"), "mine").expect("a file");
    assert_eq!(b.run(&["install-links", &dir], b"").exit, 1);
    assert_eq!(
        std::fs::read_to_string(links.join("kafka-topics.sh")).expect("the file"),
        "mine"
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let b = Bench::new();
    b.good(&["topics", "--create", "--topic", "t"], b"");
    b.good(&["console-producer", "--topic", "t"], "x\n".repeat(20_000).as_bytes());
    let line = format!(
        "set -o pipefail; '{}' console-consumer --topic t --stop-at-end | head -1",
        kt().display()
    );
    let mut command = Command::new("bash");
    command
        .args(["-c", &line])
        .env("KT_BOOTSTRAP_SERVER", b.broker.bootstrap())
        .env("KT_CONFIG", b.home.path().join("none"));
    let done = Process::start(&mut command, b"").wait(LIMIT);
    assert_eq!((done.exit, done.out().as_str()), (0, "x\n"), "{}", done.err());
}

/// Five records a second apart in partition 0 of `t`, and a group `g` that has committed offset 2 of them.
fn bench_with_a_group() -> Bench {
    let b = Bench::new();
    b.good(&["topics", "--create", "--topic", "t", "--partitions", "1"], b"");
    let line = |i: i64| {
        format!(
            "{{\"partition\":0,\"timestamp\":{},\"value\":\"v\"}}\n",
            1_700_000_000_000 + i * 1000
        )
    };
    let lines: String = (0..5).map(line).collect();
    b.good(
        &["console-producer", "--topic", "t", "--input-format", "jsonl"],
        lines.as_bytes(),
    );
    b.good(&reset(&["--to-offset", "2", "--execute"]), b"");
    b
}

fn reset<'a>(how: &[&'a str]) -> Vec<&'a str> {
    let start = ["consumer-groups", "--reset-offsets", "--group", "g", "-o", "jsonl"];
    let scope: &[&str] = if how.contains(&"--from-file") {
        &[]
    } else {
        &["--topic", "t"]
    };
    [&start, scope, how].concat()
}

fn json_line(text: &str) -> Value {
    let mut lines = text.lines();
    let first = serde_json::from_str(lines.next().expect("a line")).expect("JSON");
    assert_eq!(lines.next(), None);
    first
}

#[test]
fn a_reset_shows_before_and_after_and_can_be_undone() {
    let b = bench_with_a_group();
    let undo = b.home.path().join("undo.csv");
    let undo = undo.to_str().expect("UTF-8");
    let row = json_line(&b.good(&reset(&["--to-latest", "--execute", "--undo-file", undo]), b""));
    assert_eq!(
        (&row["old_offset"], &row["new_offset"], &row["change"]),
        (&2.into(), &5.into(), &3.into())
    );
    let again = b.run(&reset(&["--to-earliest", "--execute", "--undo-file", undo]), b"");
    assert_ne!(again.exit, 0, "the only way back is not overwritten");
    let row = json_line(&b.good(&reset(&["--from-file", undo, "--execute"]), b""));
    assert_eq!((&row["old_offset"], &row["new_offset"]), (&5.into(), &2.into()));
    let dry = b.run(&reset(&["--to-latest", "--dry-run", "--undo-file", undo]), b"");
    assert!(
        dry.exit != 0 && dry.err().contains("--undo-file goes with"),
        "{}",
        dry.err()
    );
}

#[test]
fn lag_is_told_in_records_and_in_time() {
    let b = bench_with_a_group();
    let describe = [
        "consumer-groups",
        "--describe",
        "--group",
        "g",
        "--wait-inactive",
        "5s",
        "-o",
        "jsonl",
    ];
    let row = json_line(&b.good(&describe, b""));
    assert_eq!((&row["lag"], &row["lag_ms"]), (&3.into(), &2000.into()));
    b.good(&reset(&["--to-latest", "--execute"]), b"");
    let row = json_line(&b.good(&describe, b""));
    assert_eq!((&row["lag"], &row["lag_ms"]), (&0.into(), &0.into()));
}

#[test]
fn records_are_deleted_before_a_time_or_an_offset() {
    let b = bench_with_a_group();
    let delete = |how: [&str; 2]| {
        let words = [&["delete-records", "--topic", "t", "-o", "jsonl"][..], &how].concat();
        json_line(&b.good(&words, b""))["low_watermark"].clone()
    };
    assert_eq!(delete(["--before-offset", "1"]), 1);
    assert_eq!(delete(["--before-time", "2023-11-14T22:13:22.500Z"]), 3);
    assert_eq!(delete(["--before-time", "1h ago"]), 5);
    let both = [
        "delete-records",
        "--topic",
        "t",
        "--before-offset",
        "1",
        "--before-time",
        "now",
    ];
    assert_ne!(b.run(&both, b"").exit, 0);
}
