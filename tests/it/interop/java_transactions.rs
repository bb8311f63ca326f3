//! Transactions of Kafka's Java clients (tests/kafka/Transactions.java).

use crate::support::broker::Broker;
use crate::support::kafka;
use crate::support::tools::java_program;

/// What it says on Apache Kafka 4.3.1.
const EXPECTED: &str = "\
committed [0, 2, 3, 5]
all 6
copied [0, 2, 3, 5]
offset 11
Ongoing [from-0]
fenced
epoch 2
committed [0, 2, 3, 5]
{copier=CompleteCommit, source=CompleteCommit, twice=Empty}
";

#[test]
fn a_java_producer_commits_aborts_copies_and_is_fenced() {
    if !kafka::available() {
        return;
    }
    let named = std::env::var("KT_TEST_BOOTSTRAP").ok();
    let broker = named.is_none().then(Broker::start);
    let bootstrap = match (&named, &broker) {
        (Some(named), _) => named,
        (None, Some(broker)) => broker.bootstrap(),
        (None, None) => unreachable!("one of the two is there"),
    };
    let work = tempfile::tempdir().expect("a temp dir");
    let outcome = java_program(work.path(), "Transactions.java", &[bootstrap]);
    assert_eq!(
        (outcome.exit, outcome.out().as_str()),
        (0, EXPECTED),
        "{}",
        outcome.err()
    );
}
