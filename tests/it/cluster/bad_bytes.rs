//! Bytes that are no requests end their own connection; the others are served.

use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest};
use kt::wire::frame::encode_request;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::broker::Broker;
use crate::support::wire::Wire;

fn still_serves(broker: &Broker) {
    let answer = Wire::connect(broker.bootstrap()).call(&ApiVersionsRequest::default(), 0);
    assert_eq!(answer.error_code, 0);
}

#[test]
fn frames_that_are_none_end_the_connection() {
    let broker = Broker::start();
    let request = encode_request(&MetadataRequest::default(), 12, 1, None).expect("a request");
    let mut unknown_api = request.to_vec();
    unknown_api[4..6].copy_from_slice(&9999_i16.to_be_bytes());
    let mut unknown_version = request.to_vec();
    unknown_version[6..8].copy_from_slice(&999_i16.to_be_bytes());
    let frames: [&[u8]; 5] = [
        &[0x7f, 0xff, 0xff, 0xff],            // a length nobody may claim
        &[0xff, 0xff, 0xff, 0xff],            // a negative one
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", // another protocol
        &unknown_api,
        &unknown_version,
    ];
    for frame in frames {
        let mut wire = Wire::connect(broker.bootstrap());
        wire.send(frame);
        assert_eq!(wire.frame(), None, "{frame:?} got an answer");
        still_serves(&broker);
    }
}

#[test]
fn a_request_cut_short_harms_nobody() {
    let broker = Broker::start();
    let request = encode_request(&MetadataRequest::default(), 12, 1, None).expect("a request");
    let mut waiting = Wire::connect(broker.bootstrap());
    waiting.send(&request[..request.len() - 1]);
    still_serves(&broker);
    waiting.send(&request[request.len() - 1..]);
    assert!(waiting.frame().is_some(), "the rest arrived, so an answer is due");
}

/// A thousand requests with random damage, always the same thousand.
#[test]
fn damaged_requests_never_take_the_broker_down() {
    let broker = Broker::start();
    let mut random = StdRng::seed_from_u64(0x6b74);
    let mut wire = Wire::connect(broker.bootstrap());
    for round in 0..1000 {
        let version = random.random_range(0..=12);
        let request = MetadataRequest::default().with_allow_auto_topic_creation(true);
        let Ok(bytes) = encode_request(&request, version, round, Some("fuzz")) else {
            continue;
        };
        let mut bytes = bytes.to_vec();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(4..bytes.len());
            bytes[at] = random.random();
        }
        wire.send(&bytes);
        // Some damage makes a request that waits for more or changes its API; a new connection costs little.
        if round % 4 == 3 {
            wire = Wire::connect(broker.bootstrap());
        }
    }
    still_serves(&broker);
}
