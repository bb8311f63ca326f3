//! Connections against a scripted broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use crate::wire::api::ApiKey;
use kafka_protocol::messages::{
    ApiVersionsResponse, DescribeClusterResponse, ListGroupsRequest, ListGroupsResponse, SaslAuthenticateRequest,
    SaslAuthenticateResponse, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, StrBytes};
use parking_lot::Mutex;

use super::admin::{Admin, DescribeClusterOptions};
use super::config::Address;
use super::conn::{Conn, ConnSecurity, ConnSettings};
use super::error::ApiError;
use super::testing::{Asked, Reply, Script, one_broker, serve, versions};
use super::{Bootstrap, ConnectConfig};
use crate::wire::ErrorCode;
use crate::wire::sasl::{ScramCredential, ScramMechanism, ScramServer};
use crate::wire::tls::{ClientAuth, Identity, server_config};

fn settings(props: &[(&str, &str)]) -> ConnSettings {
    ConnSettings {
        client_id: "test".into(),
        setup_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(5),
        security: ConnSecurity::from_props(&props.iter().copied().collect()).unwrap(),
    }
}

async fn open(host: &str, port: u16, props: &[(&str, &str)]) -> Result<Conn, ApiError> {
    Conn::open(
        &Address {
            host: host.into(),
            port,
        },
        &settings(props),
    )
    .await
}

#[tokio::test]
async fn a_broker_that_only_knows_old_api_versions_is_asked_again() {
    let seen: Arc<Mutex<Vec<i16>>> = Arc::default();
    let log = seen.clone();
    let script: Script = Arc::new(move |asked: &Asked| {
        log.lock().push(asked.version);
        if asked.version == 0 {
            return asked.answer(&versions());
        }
        let refusal = ApiVersionsResponse::default().with_error_code(ErrorCode::UNSUPPORTED_VERSION.code());
        // The refusal has the layout of version 0, whatever was asked.
        Reply::Bytes(crate::wire::frame::encode_response(&refusal, 0, 0, asked.correlation_id).unwrap())
    });
    let port = serve(None, script).await;
    let conn = open("127.0.0.1", port, &[]).await.unwrap();
    assert_eq!(*seen.lock(), [4, 0]);
    assert!(conn.versions().contains_key(&(ApiKey::Fetch as i16)));
}

#[tokio::test]
async fn requests_are_pipelined_and_a_silent_broker_is_left() {
    let count = AtomicI32::new(0);
    let script: Script = Arc::new(move |asked: &Asked| match asked.key {
        ApiKey::ApiVersions => asked.answer(&versions()),
        // The first is never answered, later ones are.
        _ if count.fetch_add(1, Ordering::Relaxed) == 0 => Reply::Silence,
        _ => asked.answer(&ListGroupsResponse::default().with_throttle_time_ms(7)),
    });
    let port = serve(None, script).await;
    let conn = open("127.0.0.1", port, &[]).await.unwrap();
    let request = ListGroupsRequest::default();
    let (slow, quick) = tokio::join!(
        conn.call(&request, 4, Duration::from_millis(300)),
        conn.call(&request, 4, Duration::from_secs(5)),
    );
    assert_eq!(quick.unwrap().throttle_time_ms, 7);
    assert_eq!(slow.unwrap_err().exception(), "DisconnectException");
    assert!(conn.is_closed(), "as Kafka does when a request times out");
}

#[tokio::test]
async fn a_lost_connection_is_opened_again_until_the_call_succeeds() {
    let port_cell: Arc<AtomicI32> = Arc::default();
    let (cell, tries) = (port_cell.clone(), AtomicI32::new(0));
    let script: Script = Arc::new(move |asked: &Asked| {
        let port = u16::try_from(cell.load(Ordering::Relaxed)).unwrap();
        one_broker(asked, "127.0.0.1", port).unwrap_or_else(|| match tries.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Reply::HangUp,
            _ => asked.answer(&DescribeClusterResponse::default().with_cluster_id(StrBytes::from_static_str("c"))),
        })
    });
    let port = serve(None, script).await;
    port_cell.store(i32::from(port), Ordering::Relaxed);
    let bootstrap = Bootstrap::Servers(format!("127.0.0.1:{port}"));
    let admin = Admin::connect(&ConnectConfig {
        bootstrap,
        props: Default::default(),
    })
    .await
    .unwrap();
    let cluster = admin.describe_cluster(DescribeClusterOptions::default()).await.unwrap();
    assert_eq!(cluster.cluster_id.as_deref(), Some("c"));
}

#[tokio::test]
async fn deadlines_have_kafkas_words() {
    // A port nobody listens on.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let props = [("default.api.timeout.ms", "3000"), ("request.timeout.ms", "2000")];
    let connect = |port: u16| ConnectConfig {
        bootstrap: Bootstrap::Servers(format!("127.0.0.1:{port}")),
        props: props.iter().copied().collect(),
    };
    let admin = Admin::connect(&connect(free)).await.unwrap();
    let e = admin.list_topics(true).await.unwrap_err();
    assert_eq!(e.text(), "Timed out waiting for a node assignment. Call: listTopics");

    let port_cell: Arc<AtomicI32> = Arc::default();
    let cell = port_cell.clone();
    let script: Script = Arc::new(move |asked: &Asked| {
        let port = u16::try_from(cell.load(Ordering::Relaxed)).unwrap();
        one_broker(asked, "127.0.0.1", port).unwrap_or(Reply::Silence)
    });
    let port = serve(None, script).await;
    port_cell.store(i32::from(port), Ordering::Relaxed);
    let admin = Admin::connect(&connect(port)).await.unwrap();
    let e = admin
        .describe_cluster(DescribeClusterOptions::default())
        .await
        .unwrap_err();
    assert!(e.text().starts_with("Call(callName=listNodes, deadlineMs="), "{e}");
    assert!(
        e.text().contains(" timed out at ") && e.text().ends_with(" attempt(s)"),
        "{e}"
    );
    assert_eq!(e.cause().unwrap().exception(), "DisconnectException");
}

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A server with the fixture certificate `NAME.pem` and its key, as the client's own reader reads them.
fn tls_server(name: &str) -> Arc<rustls::ServerConfig> {
    use rustls::pki_types::pem::PemObject;
    let chain = rustls::pki_types::CertificateDer::pem_file_iter(fixture(&format!("{name}.pem"))).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(fixture(&format!("{name}.key"))).unwrap();
    let identity = Identity {
        chain: chain.map(Result::unwrap).collect(),
        key,
    };
    server_config(identity, &ClientAuth::None).unwrap()
}

#[tokio::test]
async fn tls_checks_what_java_checks() {
    let port = serve(
        Some(tls_server("version1")),
        Arc::new(|asked: &Asked| asked.answer(&versions())),
    )
    .await;
    let (trust, other) = (fixture("trust.jks"), fixture("client.pem"));
    let good = [
        ("security.protocol", "SSL"),
        ("ssl.truststore.location", trust.as_str()),
        ("ssl.truststore.password", "secret"),
    ];
    // The certificate is of X.509 version 1 and has its host in the common name only.
    open("localhost", port, &good).await.unwrap();
    let e = open("127.0.0.1", port, &good).await.unwrap_err();
    assert_eq!(
        (e.text(), e.exception()),
        ("SSL handshake failed", "SslAuthenticationException")
    );
    let unchecked = [&good[..], &[("ssl.endpoint.identification.algorithm", "")]].concat();
    open("127.0.0.1", port, &unchecked).await.unwrap();
    let stranger = [
        ("security.protocol", "SSL"),
        ("ssl.truststore.type", "PEM"),
        ("ssl.truststore.location", other.as_str()),
    ];
    assert_eq!(
        open("localhost", port, &stranger).await.unwrap_err().text(),
        "SSL handshake failed"
    );
    assert!(!e.is_retriable());
}

/// A SCRAM-SHA-512 server for one user; the session lasts `session_ms`.
fn scram_script(session_ms: i64) -> Script {
    let state: Mutex<Option<ScramServer>> = Mutex::default();
    Arc::new(move |asked: &Asked| match asked.key {
        ApiKey::ApiVersions => asked.answer(&versions()),
        ApiKey::SaslHandshake => {
            asked.answer(&SaslHandshakeResponse::default().with_mechanisms(vec![StrBytes::from_static_str("X")]))
        }
        ApiKey::SaslAuthenticate => {
            let request = SaslAuthenticateRequest::decode(&mut asked.body.clone(), asked.version).unwrap();
            let mut state = state.lock();
            let answer = SaslAuthenticateResponse::default();
            let answer = match state.take() {
                None => {
                    let mechanism = ScramMechanism::Sha512;
                    let mut server = ScramServer::new(mechanism, &request.auth_bytes).unwrap();
                    let credential = ScramCredential::new(mechanism, "secret", b"salt".to_vec(), 4096);
                    let challenge = server.challenge(credential);
                    *state = Some(server);
                    answer.with_auth_bytes(challenge.into())
                }
                Some(server) => match server.verify(&request.auth_bytes) {
                    Ok(end) => answer.with_auth_bytes(end.into()).with_session_lifetime_ms(session_ms),
                    Err(_) => answer
                        .with_error_code(ErrorCode::SASL_AUTHENTICATION_FAILED.code())
                        .with_error_message(Some(StrBytes::from_static_str("no"))),
                },
            };
            asked.answer(&answer)
        }
        _ => Reply::HangUp,
    })
}

#[tokio::test]
async fn scram_lets_the_right_password_in_for_as_long_as_the_session_lasts() {
    let login = |password: &str| {
        format!(
            "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"u\" password=\"{password}\";"
        )
    };
    let (good, bad) = (login("secret"), login("wrong"));
    fn props(jaas: &str) -> [(&str, &str); 3] {
        [
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.jaas.config", jaas),
        ]
    }
    let port = serve(None, scram_script(0)).await;
    let conn = open("127.0.0.1", port, &props(&good)).await.unwrap();
    assert!(!conn.is_stale());
    let e = open("127.0.0.1", port, &props(&bad)).await.unwrap_err();
    assert_eq!(
        e.to_string(),
        "org.apache.kafka.common.errors.SaslAuthenticationException: no"
    );
    let port = serve(None, scram_script(1)).await;
    let conn = open("127.0.0.1", port, &props(&good)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert!(
        conn.is_stale() && !conn.is_closed(),
        "a session of a millisecond is over"
    );
}
