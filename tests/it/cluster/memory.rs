//! Memory is bounded by configuration, not by load: neither a flood of producers nor consumers that do not read what
//! they asked for make the broker grow.

use std::sync::mpsc::{channel, sync_channel};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{FetchRequest, ProduceRequest, TopicName};
use kt::record::{BatchOptions, RecordBatchBuilder};
use kt::wire::frame::{decode_response, encode_request};

use crate::support::broker::Broker;
use crate::support::wire::Wire;
use crate::support::{rdkafka as client, usage};

const MIB: usize = 1 << 20;
const CLIENTS: usize = 40;
const BATCH_BYTES: usize = 4 * MIB;
const QUEUED_MAX_REQUEST_BYTES: usize = 16 * MIB;
/// What a broker may need for itself while it serves 80 connections, and what the allocator keeps.
const SLACK_BYTES: usize = 24 * MIB;
/// What each slow consumer leaves unread, at least; `fetch.max.bytes` of the broker is 55 MiB.
const FETCHED_BYTES: usize = 50 * MIB;
const LIMIT: Duration = Duration::from_secs(30);

fn topic() -> TopicName {
    TopicName("flood".into())
}

/// A Produce request as it goes on the wire.
fn produce() -> Bytes {
    let mut batch = RecordBatchBuilder::new(BatchOptions::default());
    batch.append(0, None, Some(&vec![b'x'; BATCH_BYTES]));
    let data = PartitionProduceData::default().with_records(Some(batch.build()));
    let topic = TopicProduceData::default()
        .with_name(topic())
        .with_partition_data(vec![data]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic]);
    encode_request(&request, 9, 1, None).expect("a request").freeze()
}

fn fetch() -> FetchRequest {
    let partition = FetchPartition::default().with_partition_max_bytes(i32::MAX);
    let topic = FetchTopic::default()
        .with_topic(topic())
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_replica_id((-1).into())
        .with_max_wait_ms(0)
        .with_min_bytes(1)
        .with_max_bytes(i32::MAX)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

#[test]
fn a_flood_of_producers_waits_in_its_sockets_and_slow_consumers_cost_nothing() {
    let limit = QUEUED_MAX_REQUEST_BYTES.to_string();
    let broker = Broker::with(&[("queued.max.request.bytes", &limit)]);
    let large = [("max.message.bytes", "10000000")];
    client::create_topic_with(broker.bootstrap(), "flood", 1, &large);
    let peak_bytes = || usage::peak_kb(broker.pid()) as usize * 1024;
    let before = peak_bytes();

    // Each sends all of a request but its last byte, and that one when it is told to.
    let request = produce();
    let (tell_sent, sent) = channel();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (request, tell_sent) = (request.clone(), tell_sent.clone());
            let (go_on, may_go_on) = sync_channel(1);
            let mut socket = Wire::connect(broker.bootstrap());
            let ended = thread::spawn(move || {
                socket.send(&request[..request.len() - 1]);
                tell_sent.send(client).expect("somebody counts");
                may_go_on.recv().expect("a word");
                socket.send(&request[request.len() - 1..]);
                let answer = socket.frame().expect("an answer");
                let answer = decode_response::<ProduceRequest>(answer, 9).expect("a response");
                answer.responses[0].partition_responses[0].error_code
            });
            (go_on, ended)
        })
        .collect();
    for _ in 0..CLIENTS {
        let client = sent.recv_timeout(LIMIT).expect("the next client gets its turn");
        clients[client].0.send(()).expect("it waits for it");
    }
    for (_, ended) in clients {
        assert_eq!(ended.join().expect("a client"), 0);
    }
    let most = before + QUEUED_MAX_REQUEST_BYTES + SLACK_BYTES;
    assert!(
        peak_bytes() < most,
        "{} bytes after the flood, {before} before",
        peak_bytes()
    );

    // They ask for all there is and read no more than how much comes.
    let after_flood = peak_bytes();
    let slow: Vec<Wire> = (0..CLIENTS)
        .map(|_| {
            let mut socket = Wire::connect(broker.bootstrap());
            socket.send_request(&fetch(), 11);
            assert!(socket.length() > Some(FETCHED_BYTES));
            socket
        })
        .collect();
    // Others are served beside them.
    let mut other = Wire::connect(broker.bootstrap());
    other.send(&request);
    assert!(other.frame().is_some());
    assert!(peak_bytes() < after_flood + SLACK_BYTES, "{} bytes", peak_bytes());
    drop(slow);
}
