//! TLS and SASL listeners, from client.properties as Java's clients have them: the tools' wire client, librdkafka and the
//! fetcher of the performance test read the same file.

use std::fs;

use crate::support::broker::Broker;
use crate::support::free_ports;
use crate::support::process::run_kt;

/// Records of a kilobyte: more than a TLS record, a chunk of a file or a socket's buffer holds.
const RECORDS: usize = 5_000;

struct Certificates {
    /// Key and certificate, as a PEM keystore.
    server: String,
    client: String,
    authority: String,
}

fn certificates() -> Certificates {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "tests");
    let key = KeyPair::generate().expect("a key");
    let authority = params.self_signed(&key).expect("a certificate").pem();
    let issuer = Issuer::new(params, key);
    let issue = |name: &str| {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        format!("{}{}", key.serialize_pem(), certificate.pem())
    };
    Certificates {
        server: issue("server"),
        client: issue("client"),
        authority,
    }
}

struct Secured {
    broker: Broker,
    dir: tempfile::TempDir,
    ports: Vec<u16>,
}

const LISTENERS: [&str; 4] = ["SSL", "SASL_SSL", "SASL_PLAINTEXT", "MTLS"];

impl Secured {
    fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temp dir");
        let Certificates {
            server,
            client,
            authority,
        } = certificates();
        let file = |name: &str, content: &str| {
            let path = dir.path().join(name);
            fs::write(&path, content).expect("a file");
            path.display().to_string()
        };
        let keystore = file("server.pem", &server);
        let truststore = file("ca.pem", &authority);
        file("client.pem", &client);
        file("other-ca.pem", &certificates().authority);
        let ports = free_ports(LISTENERS.len() + 1);
        let addresses = LISTENERS
            .iter()
            .zip(&ports[1..])
            .map(|(n, p)| format!(",{n}://127.0.0.1:{p}"));
        let listeners = format!("PLAINTEXT://127.0.0.1:{}{}", ports[0], addresses.collect::<String>());
        let users = r#"org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret";"#;
        let broker = Broker::with(&[
            ("listeners", &listeners),
            (
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,MTLS:SSL",
            ),
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", &keystore),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", &truststore),
            ("listener.name.mtls.ssl.client.auth", "required"),
            ("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"),
            ("listener.name.sasl_ssl.plain.sasl.jaas.config", users),
            ("listener.name.sasl_plaintext.plain.sasl.jaas.config", users),
        ]);
        Secured { broker, dir, ports }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// A client.properties of a listener.
    fn client(&self, listener: &str, protocol: &str, lines: &[String]) -> String {
        let at = LISTENERS.iter().position(|l| *l == listener).expect("a listener");
        let path = self.dir.path().join(format!("{listener}.properties"));
        let mut text = format!(
            "bootstrap.servers=127.0.0.1:{}\nsecurity.protocol={protocol}\n",
            self.ports[at + 1]
        );
        for line in lines {
            text += line;
            text.push('\n');
        }
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    }

    fn trust(&self) -> Vec<String> {
        vec![
            "ssl.truststore.type=PEM".to_owned(),
            format!("ssl.truststore.location={}", self.path("ca.pem")),
        ]
    }
}

fn login(mechanism: &str, user: &str, password: &str) -> Vec<String> {
    let module = match mechanism {
        "PLAIN" => "plain.PlainLoginModule",
        _ => "scram.ScramLoginModule",
    };
    vec![
        format!("sasl.mechanism={mechanism}"),
        format!(
            "sasl.jaas.config=org.apache.kafka.common.security.{module} required username=\"{user}\" password=\"{password}\";"
        ),
    ]
}

fn good(words: &[&str], input: &[u8]) -> String {
    let done = run_kt(words, input);
    assert_eq!(done.exit, 0, "{words:?}: {}{}", done.out(), done.err());
    done.out()
}

/// Creates a topic, writes to it and reads it twice, all with one client.properties.
fn works(client: &str, topic: &str) {
    good(
        &["topics", "--command-config", client, "--create", "--topic", topic],
        b"",
    );
    let lines: Vec<String> = (0..RECORDS).map(|n| format!("{n:0>1000}")).collect();
    let input = lines.join("\n") + "\n";
    good(
        &["console-producer", "--command-config", client, "--topic", topic],
        input.as_bytes(),
    );
    let read = good(
        &[
            "console-consumer",
            "--command-config",
            client,
            "--topic",
            topic,
            "--from-beginning",
            "--stop-at-end",
        ],
        b"",
    );
    assert!(read == input, "{} bytes of {} came back", read.len(), input.len());
    let count = RECORDS.to_string();
    let perf = [
        "perf-test",
        "consumer",
        "--hide-header",
        "--command-config",
        client,
        "--topic",
        topic,
    ];
    let told = good(&[&perf[..], &["--num-records", &count]].concat(), b"");
    assert_eq!(told.split(", ").nth(4), Some(count.as_str()), "{told}");
}

fn refused(client: &str, why: &str) {
    let done = run_kt(&["topics", "--command-config", client, "--list"], b"");
    assert_eq!(done.exit, 1, "{}{}", done.out(), done.err());
    assert!(done.err().contains(why), "{}", done.err());
}

#[test]
fn records_go_through_tls() {
    let secured = Secured::start();
    works(&secured.client("SSL", "SSL", &secured.trust()), "tls");

    let other = secured.path("other-ca.pem");
    let stranger = [
        "ssl.truststore.type=PEM".to_owned(),
        format!("ssl.truststore.location={other}"),
    ];
    refused(&secured.client("SSL", "SSL", &stranger), "SSL handshake failed");
}

#[test]
fn certificates_of_clients_are_asked_for() {
    let secured = Secured::start();
    refused(
        &secured.client("MTLS", "SSL", &secured.trust()),
        "SslAuthenticationException",
    );

    let identity = [
        "ssl.keystore.type=PEM".to_owned(),
        format!("ssl.keystore.location={}", secured.path("client.pem")),
    ];
    works(
        &secured.client("MTLS", "SSL", &[secured.trust(), identity.to_vec()].concat()),
        "mtls",
    );
}

#[test]
fn users_log_in_by_name() {
    let secured = Secured::start();
    let plain = login("PLAIN", "alice", "alice-secret");
    works(&secured.client("SASL_PLAINTEXT", "SASL_PLAINTEXT", &plain), "plain");
    works(
        &secured.client("SASL_SSL", "SASL_SSL", &[secured.trust(), plain].concat()),
        "plain-tls",
    );
    let wrong = login("PLAIN", "alice", "guess");
    refused(
        &secured.client("SASL_PLAINTEXT", "SASL_PLAINTEXT", &wrong),
        "SaslAuthenticationException",
    );

    for (mechanism, user) in [("SCRAM-SHA-256", "bob"), ("SCRAM-SHA-512", "carol")] {
        let credential = format!("{mechanism}=[password={user}-secret]");
        let alter = [
            "--alter",
            "--entity-type",
            "users",
            "--entity-name",
            user,
            "--add-config",
            &credential,
        ];
        good(
            &[
                &["configs", "--bootstrap-server", secured.broker.bootstrap()][..],
                &alter,
            ]
            .concat(),
            b"",
        );
        let right = login(mechanism, user, &format!("{user}-secret"));
        works(&secured.client("SASL_PLAINTEXT", "SASL_PLAINTEXT", &right), user);
        let wrong = login(mechanism, user, "guess");
        refused(
            &secured.client("SASL_PLAINTEXT", "SASL_PLAINTEXT", &wrong),
            "SaslAuthenticationException",
        );
    }
}
