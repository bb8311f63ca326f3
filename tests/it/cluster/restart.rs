//! What was acknowledged is there after a restart, however the broker ended.

use crate::support::broker::Broker;
use crate::support::rdkafka;

fn survives(end: impl FnOnce(Broker)) {
    let dir = tempfile::tempdir().expect("a temp dir");
    let data = dir.path().join("data");
    let broker = Broker::on(&data, &[]).expect("a broker");
    rdkafka::create_topic(broker.bootstrap(), "kept", 2);
    let values: Vec<String> = (0..500).map(|n| format!("value-{n}")).collect();
    let pairs = || values.iter().map(|value| (value.as_bytes(), value.as_bytes()));
    rdkafka::produce(broker.bootstrap(), "kept", &[("acks", "all")], pairs());
    end(broker);

    let again = Broker::on(&data, &[]).expect("a broker on the same folder");
    rdkafka::produce(again.bootstrap(), "kept", &[("acks", "all")], pairs());
    let mut read: Vec<String> = rdkafka::consume(again.bootstrap(), "kept", 1000)
        .iter()
        .map(rdkafka::text)
        .collect();
    read.sort();
    let mut twice = [values.clone(), values].concat();
    twice.sort();
    assert_eq!(read, twice);
}

#[test]
fn acknowledged_records_survive_sigterm() {
    survives(|broker| assert_eq!(broker.stop(), Some(0), "a clean end is exit 0"));
}

#[test]
fn acknowledged_records_survive_sigkill() {
    survives(Broker::kill);
}

#[test]
fn a_folder_in_use_is_refused() {
    let broker = Broker::start();
    let second = Broker::on(broker.data_dir(), &[]);
    assert!(second.is_err(), "two brokers on one folder");
}
