//! OAUTHBEARER: unsecured tokens from Java and librdkafka, signed ones against keys from a file and from a server that
//! changes them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

use crate::support::broker::Broker;
use crate::support::kafka;
use crate::support::process::run_kt;
use crate::support::tools::Tools;

/// A listener with OAUTHBEARER alone, on which carol may do everything and others nothing.
fn broker(settings: &[(&str, &str)]) -> Broker {
    let all = [
        &[
            ("listeners", "SASL_PLAINTEXT://127.0.0.1:0"),
            ("sasl.enabled.mechanisms", "OAUTHBEARER"),
            (
                "authorizer.class.name",
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            ),
            ("super.users", "User:carol"),
        ],
        settings,
    ];
    Broker::with(&all.concat())
}

#[test]
fn unsecured_tokens_name_their_bearer() {
    let broker = broker(&[]);
    let seen = |principal: &str| {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", broker.bootstrap())
            .set("security.protocol", "sasl_plaintext")
            .set("sasl.mechanism", "OAUTHBEARER")
            .set("enable.sasl.oauthbearer.unsecure.jwt", "true")
            .set("sasl.oauthbearer.config", format!("principal={principal}"))
            .create()
            .expect("a consumer");
        let metadata = consumer
            .fetch_metadata(None, Duration::from_secs(20))
            .expect("metadata");
        metadata.topics().len()
    };
    if kafka::available() {
        let work = tempfile::tempdir().expect("a temp dir");
        let config = work.path().join("carol.properties");
        let jaas = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
                    unsecuredLoginStringClaim_sub=\"carol\";";
        let text = format!("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\nsasl.jaas.config={jaas}\n");
        std::fs::write(&config, text).expect("a file");
        let config = config.display().to_string();
        let argv = [
            "--bootstrap-server",
            broker.bootstrap(),
            "--command-config",
            &config,
            "--create",
            "--topic",
            "of-java",
        ];
        let done = Tools::kafka(work.path()).run("kafka-topics.sh", &argv.map(str::to_owned), b"");
        assert_eq!(done.exit, 0, "{}{}", done.out(), done.err());
        assert_eq!(seen("carol"), 1);
    }
    assert_eq!(seen("dave"), 0, "dave is known, and has no rights");
}

/// Somebody who signs tokens.
struct Issuer {
    key: EcdsaKeyPair,
    id: &'static str,
}

impl Issuer {
    fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect("a key");
        Self { key, id }
    }

    fn key_set(&self) -> String {
        let point = self.key.public_key().as_ref();
        let (x, y) = (
            URL_SAFE_NO_PAD.encode(&point[1..33]),
            URL_SAFE_NO_PAD.encode(&point[33..]),
        );
        format!(
            r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"{}","x":"{x}","y":"{y}"}}]}}"#,
            self.id
        )
    }

    fn token(&self, subject: &str, audience: &str) -> String {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let header = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, self.id);
        let claims = format!(
            r#"{{"sub":"{subject}","aud":"{audience}","iss":"https://issuer","iat":{now},"exp":{}}}"#,
            now + 300
        );
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Makes a topic with a token, by the client's own reading of it from a file.
fn create_topic(broker: &Broker, token: &str, topic: &str) -> (i32, String) {
    let work = tempfile::tempdir().expect("a temp dir");
    let file = work.path().join("token.jwt");
    std::fs::write(&file, token).expect("a file");
    let config = work.path().join("client.properties");
    let lines = [
        format!("bootstrap.servers={}", broker.bootstrap()),
        "security.protocol=SASL_PLAINTEXT".to_owned(),
        "sasl.mechanism=OAUTHBEARER".to_owned(),
        "sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
            .to_owned(),
        "sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;".to_owned(),
        format!("sasl.oauthbearer.token.endpoint.url=file://{}", file.display()),
    ];
    std::fs::write(&config, lines.join("\n")).expect("a file");
    let config = config.display().to_string();
    let done = run_kt(
        &["topics", "--command-config", &config, "--create", "--topic", topic],
        b"",
    );
    (done.exit, format!("{}{}", done.out(), done.err()))
}

#[test]
fn signed_tokens_are_checked_against_a_file() {
    let (issuer, stranger) = (Issuer::new("one"), Issuer::new("one"));
    let work = tempfile::tempdir().expect("a temp dir");
    let file = work.path().join("jwks.json");
    std::fs::write(&file, issuer.key_set()).expect("a file");
    let url = format!("file://{}", file.display());
    let broker = broker(&[
        ("sasl.oauthbearer.jwks.endpoint.url", &url),
        ("sasl.oauthbearer.expected.audience", "kafka"),
        ("sasl.oauthbearer.expected.issuer", "https://issuer"),
    ]);
    let (exit, said) = create_topic(&broker, &issuer.token("carol", "kafka"), "signed");
    assert_eq!(exit, 0, "{said}");
    let (exit, said) = create_topic(&broker, &issuer.token("dave", "kafka"), "other");
    assert!(exit != 0 && said.contains("uthorization"), "dave has no rights: {said}");
    for wrong in [stranger.token("carol", "kafka"), issuer.token("carol", "others")] {
        let (exit, said) = create_topic(&broker, &wrong, "wrong");
        assert!(exit != 0 && said.contains("invalid_token"), "{said}");
    }
}

/// Serves one answer to every request, until the test ends.
fn serve(answer: Arc<Mutex<String>>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("a bound socket").port();
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request);
            let body = answer.lock().expect("a lock").clone();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = socket.write_all(format!("{head}{body}").as_bytes());
        }
    });
    port
}

#[test]
fn keys_that_change_are_fetched_again() {
    let (old, new) = (Issuer::new("old"), Issuer::new("new"));
    let served = Arc::new(Mutex::new(old.key_set()));
    let url = format!("http://127.0.0.1:{}/keys", serve(served.clone()));
    let broker = broker(&[("sasl.oauthbearer.jwks.endpoint.url", &url)]);
    let (exit, said) = create_topic(&broker, &old.token("carol", "x"), "first");
    assert_eq!(exit, 0, "{said}");
    *served.lock().expect("a lock") = new.key_set();
    let begun = Instant::now();
    // The first try tells the broker that there is a key it does not know.
    while create_topic(&broker, &new.token("carol", "x"), "second").0 != 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the new key was never fetched"
        );
        thread::sleep(Duration::from_millis(100));
    }
    let (exit, _) = create_topic(&broker, &old.token("carol", "x"), "third");
    assert_ne!(exit, 0, "the old key is gone");
}

#[test]
fn a_broker_without_its_keys_does_not_start() {
    let work = tempfile::tempdir().expect("a temp dir");
    let settings = [
        ("listeners", "SASL_PLAINTEXT://127.0.0.1:0"),
        ("sasl.enabled.mechanisms", "OAUTHBEARER"),
        ("sasl.oauthbearer.jwks.endpoint.url", "file:///no/such/keys"),
    ];
    let said = Broker::on(&work.path().join("data"), &settings)
        .err()
        .unwrap_or_default();
    assert!(said.contains("/no/such/keys"), "{said}");
}
