//! The performance tools where only Apache Kafka has what they need: transactions, share groups.

use serde_json::Value;

use crate::support::Outcome;
use crate::support::kafka::{self, Kafka};
use crate::support::process::run_kt;

#[test]
fn records_of_transactions_are_all_counted_and_a_share_group_gets_each_once() {
    if !kafka::available() {
        println!("skipped: Apache Kafka needs Java and Maven");
        return;
    }
    let settings = [
        "offsets.topic",
        "transaction.state.log",
        "share.coordinator.state.topic",
    ]
    .map(|topic| format!("{topic}.replication.factor=1"));
    let isr = ["transaction.state.log", "share.coordinator.state.topic"].map(|topic| format!("{topic}.min.isr=1"));
    let kafka = Kafka::start(1, &[&settings[..], &isr[..]].concat());
    let servers = ["--bootstrap-server", kafka.brokers[0].as_str()];
    let good = |words: &[&str]| {
        let mut all = words.to_vec();
        all.extend(servers);
        let done = run_kt(&all, b"");
        assert_eq!(done.exit, 0, "{words:?}: {}{}", done.out(), done.err());
        done.out()
    };
    good(&["topics", "--create", "--topic", "t", "--partitions", "2"]);
    let mut words = "perf-test producer --topic t --num-records 2000 --record-size 50 --throughput 4000"
        .split(' ')
        .collect::<Vec<_>>();
    words.extend(["--transaction-duration-ms", "20"]);
    let sent = good(&words);
    assert!(sent.contains("2000 records sent"), "{sent}");

    let earliest = "share.auto.offset.reset=earliest";
    let group = ["--entity-type", "groups", "--entity-name", "g"];
    let mut words = vec!["configs", "--alter", "--add-config", earliest];
    words.extend(group);
    good(&words);
    let share = |records: &str, timeout: &str| -> Outcome {
        let mut words = vec![
            "perf-test",
            "share-consumer",
            "--topic",
            "t",
            "--group",
            "g",
            "-o",
            "json",
        ];
        words.extend(["--num-records", records, "--timeout", timeout, "--threads", "2"]);
        words.extend(servers);
        run_kt(&words, b"")
    };
    let records = |done: &Outcome| {
        let result: Value = serde_json::from_str(&done.out()).expect("a result");
        result["records"].as_u64()
    };
    let all = share("2000", "20000");
    // The markers of the transactions are no records, and nobody's twice.
    assert_eq!((all.exit, records(&all)), (0, Some(2000)), "{}", all.err());
    let nothing = share("1", "2000");
    assert_eq!((nothing.exit, records(&nothing)), (1, Some(0)), "all were acknowledged");
}
