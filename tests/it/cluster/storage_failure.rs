//! A disk that fails takes the log directory offline: producers get KAFKA_STORAGE_ERROR, the broker says so, and nothing
//! acknowledged is lost.

use std::path::Path;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{DescribeLogDirsRequest, FetchRequest, ProduceRequest, TopicName};
use kt::record::{BatchOptions, RecordBatchBuilder};

use crate::support::broker::Broker;
use crate::support::rdkafka as client;
use crate::support::wire::Wire;

pub(super) const KAFKA_STORAGE_ERROR: i16 = 56;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;

fn name(topic: &str) -> TopicName {
    TopicName(topic.to_owned().into())
}

/// The n-th value: some 10 kB.
pub(super) fn value(n: usize) -> String {
    format!("{n}-{}", "x".repeat(10_000))
}

/// The error code of a record produced to partition 0.
pub(super) fn produce(wire: &mut Wire, topic: &str, value: &str) -> i16 {
    produce_to(wire, topic, 0, value)
}

/// The error code of a produced record.
pub(super) fn produce_to(wire: &mut Wire, topic: &str, partition: i32, value: &str) -> i16 {
    let mut batch = RecordBatchBuilder::new(BatchOptions::default());
    batch.append(1_000, None, Some(value.as_bytes()));
    let data = PartitionProduceData::default()
        .with_index(partition)
        .with_records(Some(batch.build()));
    let topic = TopicProduceData::default()
        .with_name(name(topic))
        .with_partition_data(vec![data]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic]);
    wire.call(&request, 9).responses[0].partition_responses[0].error_code
}

pub(super) fn fetch(wire: &mut Wire, topic: &str) -> i16 {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(name(topic))
        .with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_replica_id((-1).into())
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    wire.call(&request, 11).responses[0].partitions[0].error_code
}

/// Produces until that fails; how many were acknowledged, and the error.
pub(super) fn produce_until_refused(wire: &mut Wire, topic: &str) -> (usize, i16) {
    for n in 0..2000 {
        let code = produce(wire, topic, &value(n));
        if code != 0 {
            return (n, code);
        }
    }
    panic!("nothing was refused");
}

pub(super) fn dir_error(wire: &mut Wire) -> i16 {
    wire.call(&DescribeLogDirsRequest::default().with_topics(None), 4)
        .results[0]
        .error_code
}

pub(super) fn all_are_there(data: &Path, topic: &str, count: usize) {
    let broker = Broker::on(data, &[]).expect("a broker on the data, with a disk again");
    let read: Vec<String> = client::consume(broker.bootstrap(), topic, count)
        .iter()
        .map(client::text)
        .collect();
    assert!(read == (0..count).map(value).collect::<Vec<_>>(), "records changed");
    // A record that was not acknowledged may be there, half of one may not: writing goes on.
    assert_eq!(produce(&mut Wire::connect(broker.bootstrap()), topic, "more"), 0);
}

#[test]
fn a_full_disk_loses_nothing_acknowledged() {
    let work = tempfile::tempdir().expect("a temp dir");
    let data = work.path().join("data");
    let broker = Broker::with_file_limit(&data, &[], 1 << 20).expect("a broker");
    client::create_topic(broker.bootstrap(), "full", 1);
    client::create_topic(broker.bootstrap(), "other", 1);
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(produce(&mut wire, "other", "x"), 0);
    let (count, code) = produce_until_refused(&mut wire, "full");
    assert!(count > 50, "{count} records of 10 kB fit into 1 MB");
    assert_eq!(code, KAFKA_STORAGE_ERROR);
    // As in Kafka the whole directory is offline.
    assert_eq!(produce(&mut wire, "full", "small"), KAFKA_STORAGE_ERROR);
    assert_eq!(produce(&mut wire, "other", "y"), KAFKA_STORAGE_ERROR);
    assert_eq!(fetch(&mut wire, "other"), KAFKA_STORAGE_ERROR);
    assert_eq!(dir_error(&mut wire), KAFKA_STORAGE_ERROR);
    let said = broker.stop_and_tell();
    assert!(said.contains("is offline"), "{said}");
    assert!(
        !data.join(".kafka_cleanshutdown").exists(),
        "a failed stop is no clean one"
    );
    all_are_there(&data, "full", count);
}

#[test]
fn a_directory_that_vanishes_goes_offline() {
    let work = tempfile::tempdir().expect("a temp dir");
    let data = work.path().join("data");
    let moved = work.path().join("moved");
    let broker = Broker::on(&data, &[("log.segment.bytes", "1048576")]).expect("a broker");
    client::create_topic(broker.bootstrap(), "gone", 1);
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(produce(&mut wire, "gone", &value(0)), 0);
    std::fs::rename(&data, &moved).expect("a folder that can be renamed");
    for n in 1.. {
        match produce(&mut wire, "gone", &value(n)) {
            0 => assert!(n < 1000, "segments are rolled without a directory"),
            code => {
                assert_eq!(code, KAFKA_STORAGE_ERROR);
                let said = broker.stop_and_tell();
                assert!(said.contains("is offline"), "{said}");
                // What was acknowledged went into files that are still there, under another name.
                return all_are_there(&moved, "gone", n);
            }
        }
    }
}

#[test]
fn a_file_that_cannot_be_opened_takes_its_partition_offline_and_no_other() {
    let work = tempfile::tempdir().expect("a temp dir");
    let data = work.path().join("data");
    let broker = Broker::on(&data, &[]).expect("a broker");
    for topic in ["bad", "good"] {
        client::create_topic(broker.bootstrap(), topic, 1);
    }
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(produce(&mut wire, "bad", &value(0)), 0);
    assert_eq!(broker.stop(), Some(0));
    let (log, aside) = (data.join("bad-0/00000000000000000000.log"), work.path().join("aside"));
    std::fs::rename(&log, &aside).expect("a log");
    std::fs::create_dir(&log).expect("a folder in its place");

    let broker = Broker::on(&data, &[]).expect("a broker that serves the rest");
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(produce(&mut wire, "bad", "x"), KAFKA_STORAGE_ERROR);
    assert_eq!(fetch(&mut wire, "bad"), KAFKA_STORAGE_ERROR);
    assert_eq!(produce(&mut wire, "good", "x"), 0);
    assert_eq!(produce(&mut wire, "unknown", "x"), UNKNOWN_TOPIC_OR_PARTITION);
    let said = broker.stop_and_tell();
    assert!(said.contains("bad-0 is offline"), "{said}");

    std::fs::remove_dir(&log).expect("an empty folder");
    std::fs::rename(&aside, &log).expect("the log");
    all_are_there(&data, "bad", 1);
}
