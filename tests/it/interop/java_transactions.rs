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

fn run(bootstrap: &str) {
    let work = tempfile::tempdir().expect("a temp dir");
    let outcome = java_program(work.path(), "Transactions.java", &[bootstrap]);
    assert_eq!(
        (outcome.exit, outcome.out().as_str()),
        (0, EXPECTED),
        "{}",
        outcome.err()
    );
}

#[test]
fn a_java_producer_commits_aborts_copies_and_is_fenced() {
    if !kafka::available() {
        return;
    }
    match std::env::var("KT_TEST_BOOTSTRAP") {
        Ok(named) => run(&named),
        Err(_) => run(Broker::start().bootstrap()),
    }
}

/// Without epochs that rise with each transaction (KIP-890).
#[test]
fn a_java_producer_does_so_on_an_older_broker() {
    if kafka::available() {
        run(Broker::told(&["--as-version", "3.9"]).bootstrap());
    }
}
