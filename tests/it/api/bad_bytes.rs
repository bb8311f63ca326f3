//! Bytes that are no request: the connection ends, the others are served.

use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest, ProduceRequest};
use kt::wire::frame::encode_request;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::broker::AnyBroker;
use crate::support::wire::Wire;

fn api_versions() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name("it".into())
        .with_client_software_version("1".into())
}

fn assert_serves(bootstrap: &str) {
    assert_eq!(Wire::connect(bootstrap).call(&api_versions(), 3).error_code, 0);
}

#[test]
fn a_frame_larger_than_the_limit_ends_the_connection() {
    let broker = AnyBroker::get();
    for length in [i32::MAX, 104_857_601, -1, i32::MIN] {
        let mut wire = Wire::connect(broker.bootstrap());
        wire.send(&length.to_be_bytes());
        wire.expect_closed();
    }
    assert_serves(broker.bootstrap());
}

#[test]
fn an_unknown_api_or_version_ends_the_connection() {
    let broker = AnyBroker::get();
    for (key, version) in [(3, 99), (3, -1), (9999, 0), (-1, 0), (0, 2)] {
        let mut frame = BytesMut::new();
        frame.put_i32(10);
        frame.put_i16(key);
        frame.put_i16(version);
        frame.put_i32(7);
        frame.put_i16(-1);
        let mut wire = Wire::connect(broker.bootstrap());
        wire.send(&frame);
        wire.expect_closed();
    }
    assert_serves(broker.bootstrap());
}

#[test]
fn api_versions_of_the_future_are_answered_in_version_0() {
    let broker = AnyBroker::get();
    let mut frame = BytesMut::new();
    frame.put_i32(11);
    frame.put_i16(18);
    frame.put_i16(99);
    frame.put_i32(7);
    frame.put_i16(-1);
    frame.put_u8(0);
    let mut wire = Wire::connect(broker.bootstrap());
    wire.send(&frame);
    let response = wire.receive::<ApiVersionsRequest>(7, 0);
    assert_eq!(response.error_code, 35);
    assert!(
        response
            .api_keys
            .iter()
            .any(|api| api.api_key == 18 && api.max_version >= 4)
    );
    assert_eq!(
        wire.call(&api_versions(), 3).error_code,
        0,
        "the same connection goes on"
    );
}

#[test]
fn lengths_that_lie_cost_nothing() {
    let broker = AnyBroker::get();
    // An array of 2^31-1 topics in a request of a few bytes.
    for (key, version) in [(3i16, 4i16), (0, 9), (1, 11), (19, 5), (44, 1)] {
        let mut frame = BytesMut::new();
        frame.put_i32(0);
        frame.put_i16(key);
        frame.put_i16(version);
        frame.put_i32(7);
        frame.put_i16(-1);
        frame.put_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        let length = frame.len() as u32 - 4;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        let mut wire = Wire::connect(broker.bootstrap());
        wire.send(&frame);
        wire.expect_closed();
    }
    assert_serves(broker.bootstrap());
}

#[test]
fn damaged_requests_never_stop_the_broker() {
    let broker = AnyBroker::get();
    let samples = [
        encode_request(&MetadataRequest::default().with_topics(None), 9, 1, Some("fuzz")).unwrap(),
        encode_request(&ProduceRequest::default().with_acks(1), 9, 2, Some("fuzz")).unwrap(),
        encode_request(&api_versions(), 3, 3, Some("fuzz")).unwrap(),
    ];
    for seed in 0..300u64 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut frame = samples[random.random_range(0..samples.len())].to_vec();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(4..frame.len());
            frame[at] = random.random();
        }
        let mut wire = Wire::connect(broker.bootstrap());
        wire.send(&frame);
        if seed % 50 == 0 {
            assert_serves(broker.bootstrap());
        }
    }
    assert_serves(broker.bootstrap());
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    for _ in 0..50 {
        wire.send_request(&api_versions(), 3);
    }
    for correlation_id in 1..=50u32 {
        let frame = wire.frame().expect("an answer each");
        assert_eq!(frame[..4], correlation_id.to_be_bytes());
    }
}
