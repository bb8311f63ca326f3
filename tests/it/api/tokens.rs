//! Delegation tokens (38-41), logins that end before their connection does (KIP-368), and what is refused before a login.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::create_delegation_token_request::CreatableRenewers;
use kafka_protocol::messages::describe_delegation_token_request::DescribeDelegationTokenOwner;
use kafka_protocol::messages::{
    CreateDelegationTokenRequest, DescribeClusterRequest, DescribeDelegationTokenRequest, ExpireDelegationTokenRequest,
    MetadataRequest, RenewDelegationTokenRequest, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest,
};
use kt::wire::sasl::{ScramClient, ScramMechanism, plain_message};

use crate::support::broker::Broker;
use crate::support::wire::{Wire, text};

const USERS: [&str; 6] = [
    "--sasl",
    "plain:alice:alice-secret",
    "--sasl",
    "plain:bob:bob-secret",
    "--override",
    "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
];
const SECRET: [&str; 2] = ["--override", "delegation.token.secret.key=token-secret"];

fn handshake(wire: &mut Wire, mechanism: &str) -> i16 {
    wire.call(&SaslHandshakeRequest::default().with_mechanism(text(mechanism)), 1)
        .error_code
}

fn send_token(wire: &mut Wire, token: Vec<u8>) -> SaslAuthenticateResponse {
    wire.call(
        &SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(token)),
        2,
    )
}

fn log_in(wire: &mut Wire, user: &str) -> SaslAuthenticateResponse {
    assert_eq!(handshake(wire, "PLAIN"), 0);
    send_token(wire, plain_message(user, &format!("{user}-secret")))
}

pub(crate) fn as_user(broker: &Broker, user: &str) -> Wire {
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(log_in(&mut wire, user).error_code, 0);
    wire
}

/// SCRAM with a token's id for the name and its MAC for the password.
fn by_token(broker: &Broker, id: &str, hmac: &Bytes) -> Result<(Wire, i64), i16> {
    use base64::Engine;
    let password = base64::engine::general_purpose::STANDARD.encode(hmac);
    let mut wire = Wire::connect(broker.bootstrap());
    let mut client = ScramClient::new(ScramMechanism::Sha512, id, &password, &[("tokenauth", "true")]);
    assert_eq!(handshake(&mut wire, "SCRAM-SHA-512"), 0);
    let challenge = send_token(&mut wire, client.first());
    if challenge.error_code != 0 {
        return Err(challenge.error_code);
    }
    let last = send_token(&mut wire, client.last(&challenge.auth_bytes).expect("a challenge"));
    match last.error_code {
        0 => Ok((wire, last.session_lifetime_ms)),
        code => Err(code),
    }
}

pub(crate) fn create(wire: &mut Wire, renewers: &[&str], owner: Option<&str>) -> (i16, String, Bytes) {
    let renewer = |name: &&str| {
        CreatableRenewers::default()
            .with_principal_type(text("User"))
            .with_principal_name(text(name))
    };
    let request = CreateDelegationTokenRequest::default()
        .with_owner_principal_type(owner.map(|_| text("User")))
        .with_owner_principal_name(owner.map(text))
        .with_renewers(renewers.iter().map(renewer).collect())
        .with_max_lifetime_ms(-1);
    let answer = wire.call(&request, 3);
    (answer.error_code, answer.token_id.to_string(), answer.hmac)
}

fn described(wire: &mut Wire, owners: Option<&[&str]>) -> Vec<String> {
    let owner = |name: &&str| {
        DescribeDelegationTokenOwner::default()
            .with_principal_type(text("User"))
            .with_principal_name(text(name))
    };
    let request = DescribeDelegationTokenRequest::default().with_owners(owners.map(|o| o.iter().map(owner).collect()));
    let answer = wire.call(&request, 3);
    assert_eq!(answer.error_code, 0);
    answer.tokens.iter().map(|t| t.principal_name.to_string()).collect()
}

#[test]
fn a_token_logs_its_bearer_in_as_the_owner() {
    let words = [&USERS[..], &SECRET, &["--acls"]].concat();
    let broker = Broker::told(&words);
    let mut alice = as_user(&broker, "alice");
    let (code, id, hmac) = create(&mut alice, &["bob"], None);
    assert_eq!(code, 0);

    let (mut bearer, session_ms) = by_token(&broker, &id, &hmac).expect("a login");
    let day = 24 * 3600 * 1000;
    assert!((day - 60_000..=day).contains(&session_ms), "{session_ms}");
    let cluster = DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
    let operations = bearer.call(&cluster, 1).cluster_authorized_operations;
    assert_ne!(operations, 0, "the owner is the super user, so is the bearer");
    const NOT_ALLOWED: i16 = 64;
    assert_eq!(create(&mut bearer, &[], None).0, NOT_ALLOWED, "tokens beget no tokens");

    const AUTHENTICATION_FAILED: i16 = 58;
    let wrong = by_token(&broker, &id, &Bytes::from_static(b"x")).map(|_| ());
    assert_eq!(wrong, Err(AUTHENTICATION_FAILED));
    assert_eq!(
        by_token(&broker, "nobody", &hmac).map(|_| ()),
        Err(AUTHENTICATION_FAILED)
    );

    // Bob may renew and end it, see it, and make none for alice.
    let mut bob = as_user(&broker, "bob");
    const AUTHORIZATION_FAILED: i16 = 65;
    assert_eq!(create(&mut bob, &[], Some("alice")).0, AUTHORIZATION_FAILED);
    assert_eq!(create(&mut alice, &[], Some("carol")).0, 0);
    assert_eq!(described(&mut bob, None), ["alice"]);
    assert_eq!(described(&mut bob, Some(&["carol"])), Vec::<String>::new());
    assert_eq!(described(&mut alice, Some(&["carol"])), ["carol"]);
    let renew = |hmac: &Bytes| {
        RenewDelegationTokenRequest::default()
            .with_hmac(hmac.clone())
            .with_renew_period_ms(60_000)
    };
    let renewed = bob.call(&renew(&hmac), 2);
    assert_eq!(renewed.error_code, 0);
    const NOT_FOUND: i16 = 62;
    assert_eq!(bob.call(&renew(&Bytes::from_static(b"x")), 2).error_code, NOT_FOUND);
    let end = ExpireDelegationTokenRequest::default()
        .with_hmac(hmac.clone())
        .with_expiry_time_period_ms(-1);
    assert_eq!(bob.call(&end, 2).error_code, 0);
    assert_eq!(by_token(&broker, &id, &hmac).map(|_| ()), Err(AUTHENTICATION_FAILED));
}

#[test]
fn without_a_secret_there_are_no_tokens() {
    const AUTH_DISABLED: i16 = 61;
    let broker = Broker::told(&USERS);
    let mut alice = as_user(&broker, "alice");
    assert_eq!(create(&mut alice, &[], None).0, AUTH_DISABLED);
    let code = alice
        .call(&DescribeDelegationTokenRequest::default().with_owners(None), 3)
        .error_code;
    assert_eq!(code, AUTH_DISABLED);
}

#[test]
fn a_login_is_renewed_or_ends() {
    let words = [&USERS[..], &["--override", "connections.max.reauth.ms=1500"]].concat();
    let broker = Broker::told(&words);
    let metadata = MetadataRequest::default().with_topics(Some(Vec::new()));
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(log_in(&mut wire, "alice").session_lifetime_ms, 1500);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2500) {
        wire.call(&metadata, 9);
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!(log_in(&mut wire, "alice").error_code, 0);
    }
    wire.call(&metadata, 9);

    std::thread::sleep(Duration::from_millis(1100));
    let other = log_in(&mut wire, "bob");
    let said = other.error_message.as_deref().unwrap_or_default();
    assert_eq!(
        said,
        "Cannot change principals during re-authentication from User.alice: User.bob"
    );
    wire.expect_closed();

    let mut late = as_user(&broker, "alice");
    std::thread::sleep(Duration::from_millis(1700));
    late.send_request(&metadata, 9);
    late.expect_closed();

    let mut changed = as_user(&broker, "alice");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(handshake(&mut changed, "SCRAM-SHA-256"), 0);
    let refused = send_token(&mut changed, b"n,,n=alice,r=x".to_vec());
    assert_eq!(
        refused.error_message.as_deref(),
        Some(
            "SASL mechanism 'SCRAM-SHA-256' requested by client is not supported for re-authentication of mechanism 'PLAIN'"
        )
    );
}

#[test]
fn before_a_login_little_is_taken() {
    let words = [
        &USERS[..],
        &["--override", "connection.failed.authentication.delay.ms=400"],
    ]
    .concat();
    let broker = Broker::told(&words);
    let mut early = Wire::connect(broker.bootstrap());
    early.send_request(&MetadataRequest::default(), 9);
    early.expect_closed();

    let mut large = Wire::connect(broker.bootstrap());
    large.send(&(1_000_000_i32).to_be_bytes());
    large.expect_closed();

    let mut wrong = Wire::connect(broker.bootstrap());
    assert_eq!(handshake(&mut wrong, "PLAIN"), 0);
    let begun = Instant::now();
    let refused = send_token(&mut wrong, plain_message("alice", "guess"));
    assert_eq!(
        refused.error_message.as_deref(),
        Some("Authentication failed: Invalid username or password")
    );
    assert!(begun.elapsed() >= Duration::from_millis(400), "a guess costs time");
    wrong.expect_closed();
}
