//! librdkafka: produce with every codec, consume in a group.

use rdkafka::message::Message;

use crate::support::broker::{AnyBroker, unique};
use crate::support::rdkafka as client;

#[test]
fn records_of_every_codec_come_back() {
    let broker = AnyBroker::get();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = unique(codec);
        client::create_topic(broker.bootstrap(), &topic, 1);
        let values: Vec<String> = (0..200).map(|n| format!("{codec}-{n}-{}", "x".repeat(n))).collect();
        let pairs = values.iter().map(|value| (b"key".as_slice(), value.as_bytes()));
        let settings = [("compression.codec", codec), ("enable.idempotence", "true")];
        client::produce(broker.bootstrap(), &topic, &settings, pairs);
        let read = client::consume(broker.bootstrap(), &topic, values.len());
        assert_eq!(read.iter().map(client::text).collect::<Vec<_>>(), values);
        assert!(read.iter().all(|message| message.key() == Some(b"key")));
        assert_eq!(read.last().map(Message::offset), Some(199));
    }
}
