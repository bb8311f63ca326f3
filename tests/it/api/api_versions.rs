//! ApiVersions (18).

use kafka_protocol::messages::{ApiVersionsRequest, ProduceRequest};
use kafka_protocol::protocol::StrBytes;
use kt::wire::api::ApiKey;
use kt::wire::frame::{decode_response, encode_request};

use crate::support::broker::{AnyBroker, Broker};
use crate::support::process::run_kt;
use crate::support::rdkafka as client;
use crate::support::wire::Wire;

fn request() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("kt-it"))
        .with_client_software_version(StrBytes::from_static_str("1"))
}

#[test]
fn every_version_lists_the_same_apis() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let all = wire.call(&request(), 3);
    assert_eq!(all.error_code, 0);
    assert!(all.api_keys.len() > 20, "{} APIs", all.api_keys.len());
    for version in 0..3 {
        let old = wire.call(&request(), version);
        assert_eq!(old.api_keys.len(), all.api_keys.len(), "version {version}");
    }
    assert!(all.api_keys.iter().all(|api| api.min_version <= api.max_version));
}

/// KIP-511: a version the broker does not know is answered in version 0, with the range that it does know.
#[test]
fn an_unknown_version_is_answered_in_version_0() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let mut bytes = encode_request(&request(), 3, 7, None).expect("a request");
    bytes[6..8].copy_from_slice(&99_i16.to_be_bytes());
    wire.send(&bytes);
    let frame = wire.frame().expect("an answer");
    let answer = decode_response::<ApiVersionsRequest>(frame, 0).expect("version 0");
    assert_eq!(answer.error_code, 35);
    assert!(answer.api_keys.iter().any(|api| api.api_key == 18));
}

/// librdkafka wants to see Produce from version 0 on; Kafka says so and serves none before 3.
#[test]
fn produce_is_told_from_version_0_and_served_from_3() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let all = wire.call(&request(), 3);
    let produce = all.api_keys.iter().find(|api| api.api_key == 0).expect("Produce");
    assert_eq!((produce.min_version, produce.max_version), (0, 13));
    let mut bytes = encode_request(&ProduceRequest::default().with_acks(1), 3, 7, None).expect("a request");
    bytes[6..8].copy_from_slice(&2_i16.to_be_bytes());
    wire.send(&bytes);
    wire.expect_closed();
}

/// `--as-version`: neither told of nor answered is what the release did not have; clients get along with what it had.
#[test]
fn an_older_release_tells_and_answers_what_it_had() {
    let broker = Broker::told(&["--as-version", "2.8"]);
    let mut wire = Wire::connect(broker.bootstrap());
    let told = wire.call(&request(), 3);
    let highest = |key: ApiKey| {
        let row = told.api_keys.iter().find(|api| api.api_key == key as i16);
        row.map(|api| api.max_version)
    };
    assert_eq!(highest(ApiKey::Produce), Some(9));
    assert_eq!(highest(ApiKey::Fetch), Some(12));
    assert_eq!(highest(ApiKey::ConsumerGroupHeartbeat), None);
    assert!(told.finalized_features.is_empty(), "{:?}", told.finalized_features);
    wire.send_request(&ProduceRequest::default().with_acks(1), 10);
    wire.expect_closed();

    client::create_topic(broker.bootstrap(), "t", 1);
    let value: &[u8] = b"v";
    client::produce(broker.bootstrap(), "t", &[], [(value, value)].into_iter());
    assert_eq!(client::consume(broker.bootstrap(), "t", 1).len(), 1);
}

#[test]
fn a_release_nobody_knows_is_refused() {
    for (release, why) in [("9.9", "is not between 2.3 and 4.3"), ("new", "is no release of Kafka")] {
        let done = run_kt(&["broker", "--port", "0", "--as-version", release], b"");
        assert_ne!(done.exit, 0);
        assert!(done.err().contains(why), "{}", done.err());
    }
}
