//! Groups of Kafka's Java clients: members of share groups (tests/kafka/ShareGroups.java) and Kafka Streams with
//! exactly_once_v2 in both group protocols (tests/kafka/WordCount.java).

use crate::support::broker::{AnyBroker, Broker};
use crate::support::kafka;
use crate::support::tools::java_program;

/// What the share consumers say on Apache Kafka 4.3.1.
const SHARED: &str = "\
implicit a*1 b*1 c*1
committed 1 []
implicit d*1
explicit a*1 b*1 c*1 d*1
d is not acknowledged
committed 1 []
again b*2
committed 1 []
again b*3
committed 1 []
committed 1 []
limited c*1
committed 1 []
limited b*2
committed 1 []
limited e*1
after a close a*2
";

/// What a program of tests/kafka says.
pub(super) fn run(file: &str, args: &[&str]) -> String {
    let work = tempfile::tempdir().expect("a temp dir");
    let outcome = java_program(work.path(), file, args);
    assert_eq!(outcome.exit, 0, "{file}: {}{}", outcome.out(), outcome.err());
    outcome.out()
}

/// Has Kafka Streams, which knows nothing of its state but what the broker has, count some more words.
pub(super) fn count_words(bootstrap: &str, app: &str, protocol: &str, words: &[&str]) -> String {
    let state = tempfile::tempdir().expect("a temp dir");
    let state = state.path().to_str().expect("a path in UTF-8");
    run("WordCount.java", &[&[bootstrap, app, protocol, state], words].concat())
}

#[test]
fn java_share_consumers_acknowledge_release_and_reject() {
    if kafka::available() {
        assert_eq!(run("ShareGroups.java", &[AnyBroker::get().bootstrap(), "life"]), SHARED);
    }
}

/// The counts, and the transactions that told them, outlive a broker that is killed.
fn words_are_counted_once(protocol: &str) {
    if !kafka::available() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temp dir");
    let data = folder.path().join("data");
    let broker = Broker::on(&data, &[]).expect("a broker");
    let first = count_words(broker.bootstrap(), "words", protocol, &["a", "b", "a", "c", "a", "b"]);
    assert_eq!(first, "{a=3, b=2, c=1} by 6\n");
    broker.kill();

    let broker = Broker::on(&data, &[]).expect("the broker again");
    let second = count_words(broker.bootstrap(), "words", protocol, &["b", "d"]);
    assert_eq!(second, "{a=3, b=3, c=1, d=1} by 8\n");
}

#[test]
fn kafka_streams_counts_exactly_once_in_a_classic_group() {
    words_are_counted_once("classic");
}

#[test]
fn kafka_streams_counts_exactly_once_in_a_streams_group() {
    words_are_counted_once("streams");
}
