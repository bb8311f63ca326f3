//! `message.timestamp.type` and its bounds, as producers meet them (KIP-937).

use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{CreateTopicsRequest, ProduceRequest, TopicName};
use kt::record::{BatchOptions, Compression, RecordBatchBuilder};

use crate::support::broker::{AnyBroker, unique};
use crate::support::wire::{Wire, list_offsets, until_led};

const INVALID_TIMESTAMP: i16 = 32;
const BEFORE_MAX_MS: i64 = 3_600_000;
const AFTER_MAX_MS: i64 = 600_000;
/// How far a test's clock may be from the broker's, and how long its request may take.
const SLACK_MS: i64 = 120_000;

fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// A topic with these bounds and settings.
fn create(wire: &mut Wire, settings: &[(&'static str, &str)]) -> TopicName {
    let name = TopicName(unique("it-bounds").into());
    let bounds = [
        ("message.timestamp.before.max.ms", BEFORE_MAX_MS.to_string()),
        ("message.timestamp.after.max.ms", AFTER_MAX_MS.to_string()),
    ];
    let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let configs = bounds.into_iter().chain(settings).map(|(name, value)| {
        CreatableTopicConfig::default()
            .with_name(name.into())
            .with_value(Some(value.into()))
    });
    let topic = CreatableTopic::default()
        .with_name(name.clone())
        .with_num_partitions(1)
        .with_replication_factor(1)
        .with_configs(configs.collect());
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(10_000);
    assert_eq!(wire.call(&request, 7).topics[0].error_code, 0);
    until_led(wire, &name);
    name
}

fn batch(compression: Compression, times: &[i64]) -> Bytes {
    let mut batch = RecordBatchBuilder::new(BatchOptions {
        compression,
        ..BatchOptions::default()
    });
    for time in times {
        batch.append(*time, None, Some(b"x"));
    }
    batch.build()
}

fn produce(wire: &mut Wire, topic: &TopicName, records: Bytes) -> PartitionProduceResponse {
    let data = PartitionProduceData::default().with_records(Some(records));
    let topic = TopicProduceData::default()
        .with_name(topic.clone())
        .with_partition_data(vec![data]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic]);
    let mut response = wire.call(&request, 9);
    response.responses.remove(0).partition_responses.remove(0)
}

/// Offset and timestamp that ListOffsets finds for `timestamp`.
fn list(wire: &mut Wire, topic: &TopicName, timestamp: i64) -> (i64, i64) {
    let found = list_offsets(wire, topic, timestamp, 9);
    assert_eq!(found.error_code, 0);
    (found.offset, found.timestamp)
}

/// One record outside the bounds and the batch is refused whole; each such record is named.
#[test]
fn records_outside_the_bounds_are_named_and_nothing_is_written() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let topic = create(&mut wire, &[]);
    for compression in [Compression::None, Compression::Lz4] {
        let now = now_ms();
        let old = now - BEFORE_MAX_MS - SLACK_MS;
        let ahead = now + AFTER_MAX_MS + SLACK_MS;
        let refused = produce(&mut wire, &topic, batch(compression, &[now, old, now, ahead]));
        assert_eq!((refused.error_code, refused.base_offset), (INVALID_TIMESTAMP, -1));
        assert_eq!(
            refused.error_message.as_deref(),
            Some("One or more records have been rejected due to invalid timestamp")
        );
        let named: Vec<_> = refused.record_errors.iter().map(|e| e.batch_index).collect();
        assert_eq!(named, [1, 3]);
        for (error, (time, offset)) in refused.record_errors.iter().zip([(old, 1), (ahead, 3)]) {
            let text = error.batch_index_error_message.as_deref().unwrap_or_default();
            let start = format!(
                "Timestamp {time} of message with offset {offset} is out of range. The timestamp should be within ["
            );
            assert!(text.starts_with(&start), "{text}");
        }
    }
    assert_eq!(list(&mut wire, &topic, -1).0, 0, "nothing was written");
    let (old, ahead) = (now_ms() - BEFORE_MAX_MS + SLACK_MS, now_ms() + AFTER_MAX_MS - SLACK_MS);
    // A record without a timestamp has none to be out of bounds.
    for times in [&[old, ahead][..], &[-1, -1]] {
        let taken = produce(&mut wire, &topic, batch(Compression::None, times));
        assert_eq!((taken.error_code, taken.log_append_time_ms), (0, -1), "{times:?}");
    }
}

/// With LogAppendTime the broker's clock is what counts: the producer's times are neither checked nor kept.
#[test]
fn log_append_time_replaces_times_of_any_age() {
    let broker = AnyBroker::get();
    let mut wire = Wire::connect(broker.bootstrap());
    let topic = create(&mut wire, &[("message.timestamp.type", "LogAppendTime")]);
    let began = now_ms();
    for (compression, offset) in [(Compression::None, 0), (Compression::Zstd, 2)] {
        let taken = produce(&mut wire, &topic, batch(compression, &[0, i64::MAX / 2]));
        assert_eq!((taken.error_code, taken.base_offset), (0, offset));
        let stamp = taken.log_append_time_ms;
        assert!((began - SLACK_MS..=began + SLACK_MS).contains(&stamp), "{stamp}");
        assert_eq!(list(&mut wire, &topic, stamp).1, stamp);
    }
}
