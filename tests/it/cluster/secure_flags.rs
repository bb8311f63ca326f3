//! `kt broker --tls --sasl --acls`: what it writes is enough for Java's clients and for librdkafka.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::support::broker::Broker;
use crate::support::kafka;
use crate::support::process::run_kt;
use crate::support::tools::Tools;

const SECRET: &str = "al ice\\s:\"secret\"";

fn client_config(broker: &Broker) -> String {
    broker.data_dir().join("client.properties").display().to_string()
}

fn topics(tools: &Tools, config: &str, bootstrap: &str, words: &[&str]) -> (i32, String) {
    let argv = [
        &["--bootstrap-server", bootstrap, "--command-config", config][..],
        words,
    ]
    .concat();
    let argv: Vec<String> = argv.iter().map(|w| w.to_string()).collect();
    let done = tools.run("kafka-topics.sh", &argv, b"");
    (done.exit, format!("{}{}", done.out(), done.err()))
}

/// Makes a topic with the written client.properties, by our tools and by Kafka's.
fn works(broker: &Broker) {
    let config = client_config(broker);
    let work = tempfile::tempdir().expect("a temp dir");
    let mut all = vec![("by-kt", Tools::kt(work.path()))];
    if kafka::available() {
        all.push(("by-java", Tools::kafka(work.path())));
    }
    for (topic, tools) in all {
        let (exit, said) = topics(&tools, &config, broker.bootstrap(), &["--create", "--topic", topic]);
        assert_eq!(exit, 0, "{topic}: {said}");
    }
}

/// librdkafka has names of its own for the same settings.
fn librdkafka_sees(broker: &Broker, settings: &[(&str, &str)]) -> usize {
    let authority = broker.data_dir().join("tls-ca.pem");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap());
    config.set("ssl.ca.location", authority.display().to_string());
    for (key, value) in settings {
        config.set(*key, *value);
    }
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let metadata = consumer
        .fetch_metadata(None, Duration::from_secs(20))
        .expect("metadata");
    metadata.topics().len()
}

#[test]
fn certificates_of_its_own() {
    let broker = Broker::told(&["--tls", "--acls"]);
    works(&broker);
    let seen = librdkafka_sees(&broker, &[("security.protocol", "ssl")]);
    assert!(seen > 0, "without a certificate one is the super user");

    // With the client's certificate one is somebody, who has no rights.
    let config = client_config(&broker);
    let text = fs::read_to_string(&config).expect("the written file");
    let named = Path::new(&config).with_file_name("named.properties");
    let uncommented = text.replace("# ssl.", "ssl.");
    fs::write(&named, uncommented).expect("a file");
    let named = named.display().to_string();
    let listed = |config: &str| run_kt(&["topics", "--command-config", config, "--list"], b"").out();
    assert!(listed(&config).contains("by-kt") && !listed(&named).contains("by-kt"));
    let acls = ["--topic", "by-kt"];
    let made = run_kt(
        &[&["topics", "--command-config", &named, "--delete"][..], &acls].concat(),
        b"",
    );
    assert_ne!(made.exit, 0, "{}", made.out());
}

#[test]
fn users_of_its_own() {
    let alice = format!("scram-sha-512:alice:{SECRET}");
    let broker = Broker::told(&["--tls", "--sasl", &alice, "--sasl", "plain:bob:bob-secret", "--acls"]);
    works(&broker);
    let login = |user, password, mechanism| {
        [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanism", mechanism),
            ("sasl.username", user),
            ("sasl.password", password),
        ]
    };
    assert!(librdkafka_sees(&broker, &login("alice", SECRET, "SCRAM-SHA-512")) > 0);
    let bob = librdkafka_sees(&broker, &login("bob", "bob-secret", "PLAIN"));
    assert_eq!(bob, 0, "bob is known, and has no rights");
}

/// Whoever lists the processes sees no password.
#[test]
#[cfg(target_os = "linux")]
fn the_process_title_has_no_passwords() {
    let broker = Broker::told(&[
        "--sasl",
        "plain:alice:hunter2",
        "--override",
        "ssl.key.password=hunter3",
    ]);
    let title = fs::read_to_string(format!("/proc/{}/cmdline", broker.pid())).expect("a process");
    assert!(
        title.contains("plain:alice:*******") && title.contains("ssl.key.password=*******"),
        "{title}"
    );
    assert!(!title.contains("hunter"), "{title}");
    let config = client_config(&broker);
    assert!(
        !Path::new(&config).exists(),
        "nothing is written unasked where there are no certificates"
    );
}

/// Logins last a second and a half; clients that live longer log in again on the same connection (KIP-368) and lose
/// nothing.
#[test]
fn clients_log_in_again() {
    let work = tempfile::tempdir().expect("a temp dir");
    let config = work.path().join("client.properties").display().to_string();
    let words = [
        "--sasl",
        "scram-sha-256:alice:alice-secret",
        "--override",
        "connections.max.reauth.ms=1500",
        "--client-config",
        &config,
    ];
    let broker = Broker::told(&words);
    let perf = [
        "--topic",
        "again",
        "--num-records",
        "45",
        "--throughput",
        "10",
        "--record-size",
        "10",
    ];
    let argv: Vec<String> = [
        &perf[..],
        &["--command-config", &config, "--bootstrap-server", broker.bootstrap()],
    ]
    .concat()
    .iter()
    .map(|w| w.to_string())
    .collect();
    let mut all = vec![Tools::kt(work.path())];
    if kafka::available() {
        all.push(Tools::kafka(work.path()));
    }
    for tools in all {
        let done = tools.run("kafka-producer-perf-test.sh", &argv, b"");
        let said = format!("{}{}", done.out(), done.err());
        assert_eq!(done.exit, 0, "{said}");
        assert!(said.contains("45 records sent") && !said.contains("ERROR"), "{said}");
    }
    let said = broker.stop_and_tell();
    assert!(!said.contains("has ended"), "{said}");
}

/// The stores that `--tls` writes for Java are good for a broker, too, and certificates name whom they are given to.
#[test]
fn stores_of_java_and_names_by_rules() {
    let made = Broker::told(&["--tls"]);
    let path = |name: &str| made.data_dir().join(name).display().to_string();
    let settings = [
        ("listeners", "SSL://127.0.0.1:0".to_owned()),
        ("ssl.keystore.type", "PKCS12".to_owned()),
        ("ssl.keystore.location", path("tls-server.p12")),
        ("ssl.keystore.password", "changeit".to_owned()),
        ("ssl.truststore.type", "PKCS12".to_owned()),
        ("ssl.truststore.location", path("tls-ca.p12")),
        ("ssl.truststore.password", "changeit".to_owned()),
        ("ssl.client.auth", "required".to_owned()),
        ("ssl.principal.mapping.rules", "RULE:^CN=(.*)$/the-$1/U".to_owned()),
        (
            "authorizer.class.name",
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer".to_owned(),
        ),
        ("super.users", "User:THE-CLIENT".to_owned()),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let broker = Broker::with(&settings);
    let text = fs::read_to_string(client_config(&made)).expect("the written file");
    let named = made.data_dir().join("named.properties");
    fs::write(&named, text.replace("# ssl.", "ssl.")).expect("a file");
    let work = tempfile::tempdir().expect("a temp dir");
    let config = named.display().to_string();
    let (exit, said) = topics(
        &Tools::kt(work.path()),
        &config,
        broker.bootstrap(),
        &["--create", "--topic", "mine"],
    );
    assert_eq!(exit, 0, "{said}");

    let mut wrong = settings.clone();
    wrong.retain(|(key, _)| *key != "ssl.keystore.password");
    wrong.push(("ssl.keystore.password", "guess"));
    let refused = Broker::on(&work.path().join("data"), &wrong).err().unwrap_or_default();
    assert!(
        refused.contains("tls-server.p12") && !refused.contains("guess"),
        "{refused}"
    );
}
