//! Passwords and keys that a broker knows are nowhere to be seen: not in what it writes, not in DescribeConfigs, not in
//! the words of errors. Those on command lines are not in what `ps` shows.

use std::fs;
#[cfg(target_os = "linux")]
use std::io::{BufRead, BufReader};
#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::{DescribeConfigsRequest, SaslAuthenticateRequest, SaslHandshakeRequest};
use kt::wire::frame::encode_request;
use kt::wire::sasl::plain_message;

use crate::support::broker::Broker;
#[cfg(target_os = "linux")]
use crate::support::kt;
use crate::support::process::run_kt;
use crate::support::wire::{Wire, text};

/// All secrets of this test hold this.
const MARK: &str = "hunter2";

fn secret(of: &str) -> String {
    format!("{MARK}-{of}")
}

fn log_in(wire: &mut Wire, password: &str) -> String {
    wire.call(&SaslHandshakeRequest::default().with_mechanism(text("PLAIN")), 1);
    let token = plain_message("alice", password);
    let answer = wire.call(&SaslAuthenticateRequest::default().with_auth_bytes(token.into()), 2);
    format!("{} {:?}", answer.error_code, answer.error_message)
}

#[test]
fn secrets_stay_inside() {
    let words = [
        "--tls".to_owned(),
        "--sasl".to_owned(),
        format!("plain:alice:{}", secret("plain")),
        "--sasl".to_owned(),
        format!("scram-sha-256:bob:{}", secret("scram")),
        "--acls".to_owned(),
        "--override".to_owned(),
        "listeners=SASL_PLAINTEXT://127.0.0.1:0".to_owned(),
        "--override".to_owned(),
        format!(
            "listener.name.sasl_plaintext.plain.sasl.jaas.config=x.PlainLoginModule required user_alice=\"{}\";",
            secret("plain")
        ),
        "--override".to_owned(),
        format!("delegation.token.secret.key={}", secret("token")),
        "--override".to_owned(),
        format!("ssl.keystore.password={}", secret("keystore")),
        "--override".to_owned(),
        format!("listener.name.sasl_ssl.ssl.key.password={}", secret("listener")),
        "--override".to_owned(),
        format!("my.plugin.setting={}", secret("plugin")),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let broker = Broker::told(&words);
    let mut seen = String::new();

    // What the broker tells of its configuration, synonyms and documentation included.
    let mut wire = Wire::connect(broker.bootstrap());
    seen += &log_in(&mut wire, &secret("plain"));
    let broker_resource = |name: &str| {
        DescribeConfigsResource::default()
            .with_resource_type(4)
            .with_resource_name(text(name))
            .with_configuration_keys(None)
    };
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![broker_resource("1"), broker_resource("")])
        .with_include_synonyms(true)
        .with_include_documentation(true);
    let described = wire.call(&request, 4);
    let row = described.results[0]
        .configs
        .iter()
        .find(|c| *c.name == *"my.plugin.setting");
    assert!(
        row.is_some_and(|c| c.is_sensitive && c.value.is_none()),
        "the plugin's setting is there, without its value"
    );
    seen += &format!("{described:?}");

    // Errors: wrong passwords, a name for a password, requests cut in the middle of one.
    for guess in [secret("guess"), secret("plai"), String::new()] {
        seen += &log_in(&mut Wire::connect(broker.bootstrap()), &guess);
    }
    let token = plain_message("alice", &secret("cut"));
    let request = SaslAuthenticateRequest::default().with_auth_bytes(token.into());
    let mut cut = Wire::connect(broker.bootstrap());
    cut.call(&SaslHandshakeRequest::default().with_mechanism(text("PLAIN")), 1);
    let bytes = encode_request(&request, 2, 2, None).expect("a request");
    let shorter = bytes.len() - 4 - 3;
    let mut frame = u32::try_from(shorter).expect("a short frame").to_be_bytes().to_vec();
    frame.extend_from_slice(&bytes[4..4 + shorter]);
    cut.send(&frame);
    seen += &format!("{:?}", cut.frame());
    let mut early = Wire::connect(broker.bootstrap());
    early.send_request(&request, 2);
    seen += &format!("{:?}", early.frame());

    // What it leaves beside its data, the client's own file apart, and what it says at its end.
    #[cfg(target_os = "linux")]
    {
        seen += &fs::read_to_string(format!("/proc/{}/cmdline", broker.pid())).expect("a process");
    }
    let metadata = broker.data_dir().join("__cluster_metadata-0/00000000000000000000.log");
    seen += &String::from_utf8_lossy(&fs::read(metadata).expect("the metadata log"));
    seen += &broker.stop_and_tell();

    // Settings that are refused.
    for words in [
        [
            "--override",
            &format!("delegation.token.expiry.time.ms={}", secret("number")),
        ]
        .as_slice(),
        &["--sasl", &format!("gssapi:alice:{}", secret("flag"))],
        &["--sasl", &secret("flag")],
        &[
            "--override",
            &format!("ssl.key.password={}", secret("x")),
            "--override",
            "num.partitions=x",
        ],
    ] {
        let done = run_kt(&[&["broker", "--port", "0"], words].concat(), b"");
        assert_ne!(done.exit, 0);
        // A number's own text is told, as Kafka tells it: it is no secret's key.
        seen += &format!("{}{}", done.out(), done.err()).replace(&secret("number"), "");
    }
    seen += &run_kt(&["broker", "--help"], b"").out();

    let found = seen.split_once(MARK).map(|(before, _)| {
        let end: Vec<char> = before.chars().rev().take(200).collect();
        end.into_iter().rev().collect::<String>()
    });
    assert_eq!(found, None, "what stands before a secret");
}

/// Runs `kt` until its first line, which it prints when it has begun its work: what `ps` shows of it then.
#[cfg(target_os = "linux")]
fn title_of(words: &[&str]) -> String {
    let mut command = Command::new(kt());
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("kt starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("a pipe was asked for");
    BufReader::new(out).read_line(&mut line).expect("a line");
    let title = fs::read_to_string(format!("/proc/{}/cmdline", child.id()));
    child.kill().ok();
    child.wait().ok();
    assert!(!line.is_empty(), "{words:?} said nothing");
    title.expect("a process")
}

#[cfg(target_os = "linux")]
#[test]
fn process_titles_show_no_secrets() {
    let broker = Broker::start();
    let servers = ["--bootstrap-server", broker.bootstrap()];
    let produce = [&["console-producer", "--topic", "t"], servers.as_slice()].concat();
    assert_eq!(run_kt(&produce, b"x\n").exit, 0);
    let dir = tempfile::tempdir().expect("a temp dir");
    let file = dir.path().join("server.properties");
    let settings = format!(
        "listeners=PLAINTEXT://127.0.0.1:0\nlog.dirs={}/data\n",
        dir.path().display()
    );
    fs::write(&file, settings).expect("a file in a fresh folder");

    let property = format!("ssl.key.password={}", secret("property"));
    let consume = [
        "console-consumer",
        "--topic",
        "t",
        "--from-beginning",
        "--command-property",
        &property,
    ];
    let setting = format!("--override=delegation.token.secret.key={}", secret("setting"));
    let file = file.display().to_string();
    let data = dir.path().join("dev").display().to_string();
    let dev = [
        "dev",
        &setting,
        "--data-dir",
        &data,
        "--",
        "sh",
        "-c",
        "echo ready; exec cat",
    ];
    for words in [
        [consume.as_slice(), &servers].concat().as_slice(),
        &["server-start", &file, &setting],
        &dev,
    ] {
        let title = title_of(words);
        assert!(title.contains(words[0]) && title.contains("=***"), "{title:?}");
        assert!(!title.contains(MARK), "{title:?}");
    }
}
