//! What the coordinator answers in each state, and how it is seen.

use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTransaction;

use super::*;

/// AddPartitionsToTxn of a broker (v4): the codes of the partitions.
fn add_as_broker(p: &mut Producer, partitions: &[i32], verify_only: bool) -> Vec<i16> {
    let topics = AddPartitionsToTxnTopic::default()
        .with_name(topic(&p.topic))
        .with_partitions(partitions.to_vec());
    let transaction = AddPartitionsToTxnTransaction::default()
        .with_transactional_id(id(&p.id))
        .with_producer_id(ProducerId(p.producer_id))
        .with_producer_epoch(p.epoch)
        .with_verify_only(verify_only)
        .with_topics(vec![topics]);
    let request = AddPartitionsToTxnRequest::default().with_transactions(vec![transaction]);
    let answer = p.wire.call(&request, 4);
    assert_eq!(answer.error_code, 0);
    assert_eq!(answer.results_by_transaction[0].transactional_id, id(&p.id));
    let results = &answer.results_by_transaction[0].topic_results[0].results_by_partition;
    results.iter().map(|p| p.partition_error_code).collect()
}

#[test]
fn a_transaction_goes_through_its_states() {
    let broker = AnyBroker::get();
    let mut p = Producer::start(&broker);
    let state = p.describe();
    assert_eq!((state.error_code, state.transaction_state.as_str()), (0, "Empty"));
    assert_eq!((state.producer_epoch, state.transaction_timeout_ms), (0, 60_000));
    assert_eq!((state.transaction_start_time_ms, state.topics.len()), (-1, 0));

    assert_eq!(p.add(&[0, 1], 3), 0);
    let state = p.describe();
    assert_eq!(state.transaction_state.as_str(), "Ongoing");
    assert!(state.transaction_start_time_ms > 0);
    let mut partitions = state.topics[0].partitions.clone();
    partitions.sort_unstable();
    assert_eq!(
        (state.topics[0].topic.as_str(), partitions),
        (p.topic.as_str(), vec![0, 1])
    );

    assert_eq!(p.end(true, 3), 0);
    let state = p.wait_complete();
    assert_eq!(
        (state.transaction_state.as_str(), state.topics.len()),
        ("CompleteCommit", 0)
    );
    assert_eq!(state.producer_epoch, 0, "the epoch of an old client stays");
    assert_eq!(p.end(true, 3), 0, "sent again");
    assert_eq!(p.end(false, 3), 48, "INVALID_TXN_STATE");

    assert_eq!(p.add(&[0], 3), 0);
    assert_eq!(p.end(false, 3), 0);
    assert_eq!(p.wait_complete().transaction_state.as_str(), "CompleteAbort");
}

#[test]
fn epochs_rise_with_each_transaction_of_a_new_client() {
    let broker = AnyBroker::get();
    let mut p = Producer::start(&broker);
    assert_eq!(p.end(true, 5), 48, "INVALID_TXN_STATE");
    assert_eq!((p.end(false, 5), p.epoch), (0, 1), "an abort of nothing");
    p.wait_complete();
    assert_eq!(p.produce(&["a"], 12).0, 0);
    let mut before = p.again(&broker);
    assert_eq!((p.end(true, 5), p.epoch), (0, 2));
    p.wait_complete();
    assert_eq!((before.again(&broker).end(true, 5), p.epoch), (0, 2), "sent again");
    assert_eq!(before.end(false, 5), 48, "INVALID_TXN_STATE");
    before.epoch = 1;
    assert_eq!(before.add(&[0], 3), 90, "PRODUCER_FENCED");
    before.epoch = 0;
    assert_eq!(before.end(true, 5), 90, "PRODUCER_FENCED");
}

#[test]
fn who_is_fenced_is_told_so_in_words_of_its_version() {
    let broker = AnyBroker::get();
    let mut old = Producer::start(&broker);
    let mut new = old.again(&broker);
    assert_eq!(new.init(), 0);
    assert_eq!((new.producer_id, new.epoch), (old.producer_id, 1));
    for (version, code) in [(0, 47), (1, 47), (2, 90), (3, 90)] {
        assert_eq!(old.add(&[0], version), code, "AddPartitionsToTxn v{version}");
        assert_eq!(old.end(true, version), code, "EndTxn v{version}");
    }
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(id(&old.id)))
        .with_transaction_timeout_ms(60_000)
        .with_producer_id(ProducerId(old.producer_id))
        .with_producer_epoch(old.epoch);
    for (version, code) in [(3, 47), (4, 90)] {
        assert_eq!(
            old.wire.call(&request, version).error_code,
            code,
            "InitProducerId v{version}"
        );
    }
    let mut other = new.again(&broker);
    other.producer_id += 1_000_000;
    assert_eq!(other.add(&[0], 3), 49, "INVALID_PRODUCER_ID_MAPPING");
    assert_eq!(other.end(true, 5), 49, "INVALID_PRODUCER_ID_MAPPING");
    assert_eq!(new.add(&[0], 3), 0);
}

#[test]
fn a_new_producer_aborts_what_the_old_one_left_open() {
    let broker = AnyBroker::get();
    let mut old = Producer::start(&broker);
    assert_eq!(old.produce(&["a"], 12), (0, 0));
    let mut new = old.again(&broker);
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(id(&new.id)))
        .with_transaction_timeout_ms(60_000)
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1);
    let first = new.wire.call(&request, 5).error_code;
    assert_eq!(first, CONCURRENT_TRANSACTIONS);
    assert_eq!((new.init(), new.epoch), (0, 2));
    assert_eq!(old.produce(&["b"], 12).0, 47, "INVALID_PRODUCER_EPOCH");
    assert_eq!(old.end(true, 5), 90, "PRODUCER_FENCED");
    let fetched = new.fetch(1);
    assert_eq!(fetched.aborted_transactions.map(|all| all.len()), Some(1));
    assert_eq!(fetched.last_stable_offset, 2);
}

#[test]
fn a_producer_goes_on_after_an_error() {
    let broker = AnyBroker::get();
    let mut p = Producer::start(&broker);
    let ask = |p: &mut Producer, producer_id: i64, epoch: i16| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(id(&p.id)))
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ProducerId(producer_id))
            .with_producer_epoch(epoch);
        let answer = p.wire.call(&request, 4);
        (answer.error_code, answer.producer_epoch)
    };
    let own = p.producer_id;
    assert_eq!(ask(&mut p, own, 0), (0, 1));
    assert_eq!(ask(&mut p, own, 0), (0, 1), "sent again");
    assert_eq!(ask(&mut p, own, 1), (0, 2));
    assert_eq!(ask(&mut p, own, 0), (90, -1), "PRODUCER_FENCED");
    assert_eq!(ask(&mut p, own + 1_000_000, 2), (90, -1), "PRODUCER_FENCED");
    assert_eq!(ask(&mut p, own, -1), (42, -1), "INVALID_REQUEST");
    assert_eq!(ask(&mut p, -1, 2), (42, -1), "INVALID_REQUEST");
}

#[test]
fn what_cannot_be_is_refused() {
    let broker = AnyBroker::get();
    let mut p = Producer::start(&broker);
    let init = |p: &mut Producer, name: &str, timeout_ms: i32| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(id(name)))
            .with_transaction_timeout_ms(timeout_ms)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        p.wire.call(&request, 4).error_code
    };
    let name = p.id.clone();
    for timeout_ms in [0, -1, 900_001] {
        assert_eq!(init(&mut p, &name, timeout_ms), 50, "INVALID_TRANSACTION_TIMEOUT");
    }
    assert_eq!(init(&mut p, "", 1_000), 42, "INVALID_REQUEST");

    let topics = [(p.topic.as_str(), vec![0, 7]), ("no-such-topic", vec![0])].map(|(name, partitions)| {
        AddPartitionsToTxnTopic::default()
            .with_name(topic(name))
            .with_partitions(partitions)
    });
    let request = AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(id(&p.id))
        .with_v3_and_below_producer_id(ProducerId(p.producer_id))
        .with_v3_and_below_producer_epoch(p.epoch)
        .with_v3_and_below_topics(topics.to_vec());
    let answer = p.wire.call(&request, 3);
    let mut codes: Vec<_> = answer
        .results_by_topic_v3_and_below
        .iter()
        .flat_map(|t| {
            t.results_by_partition
                .iter()
                .map(|p| (t.name.to_string(), p.partition_index, p.partition_error_code))
        })
        .collect();
    codes.sort();
    // UNKNOWN_TOPIC_OR_PARTITION, and OPERATION_NOT_ATTEMPTED for the one that would do.
    let expected = [
        ("no-such-topic", 0, 3),
        (p.topic.as_str(), 0, 55),
        (p.topic.as_str(), 7, 3),
    ];
    assert_eq!(
        codes,
        expected.map(|(name, index, code)| (name.to_owned(), index, code))
    );
    assert_eq!(p.describe().transaction_state.as_str(), "Empty");
}

#[test]
fn brokers_add_partitions_and_ask_for_them() {
    let broker = AnyBroker::get();
    let mut p = Producer::start(&broker);
    assert_eq!(add_as_broker(&mut p, &[0], true), [120], "TRANSACTION_ABORTABLE");
    assert_eq!(add_as_broker(&mut p, &[0], false), [0]);
    let mut codes = add_as_broker(&mut p, &[0, 1], true);
    codes.sort_unstable();
    assert_eq!(codes, [0, 120]);
    p.epoch += 1;
    assert_eq!(add_as_broker(&mut p, &[0], true), [90], "PRODUCER_FENCED");
    p.producer_id += 1_000_000;
    assert_eq!(add_as_broker(&mut p, &[0], true), [49], "INVALID_PRODUCER_ID_MAPPING");
}

#[test]
fn ids_are_described_and_listed() {
    let broker = AnyBroker::get();
    let mut p = Producer::start(&broker);
    p.add(&[0], 3);
    let listed = |p: &mut Producer, request: ListTransactionsRequest, version: i16| {
        let answer = p.wire.call(&request, version);
        let rows = answer.transaction_states.iter();
        let rows: Vec<_> = rows
            .filter(|row| row.transactional_id.as_str() == p.id)
            .map(|row| (row.producer_id.0, row.transaction_state.to_string()))
            .collect();
        (answer.error_code, answer.unknown_state_filters.len(), rows)
    };
    let all = ListTransactionsRequest::default().with_duration_filter(-1);
    let found = (0, 0, vec![(p.producer_id, "Ongoing".to_owned())]);
    assert_eq!(listed(&mut p, all.clone(), 0), found);
    let producer_id = p.producer_id;
    for (request, version, expected) in [
        (all.clone().with_state_filters(vec![text("Ongoing")]), 0, true),
        (all.clone().with_state_filters(vec![text("Empty")]), 0, false),
        (
            all.clone().with_producer_id_filters(vec![ProducerId(producer_id)]),
            0,
            true,
        ),
        (all.clone().with_producer_id_filters(vec![ProducerId(7)]), 0, false),
        (all.clone().with_duration_filter(3_600_000), 1, false),
        (all.clone().with_transactional_id_pattern(Some(text("id-.*"))), 2, true),
        (all.clone().with_transactional_id_pattern(Some(text("id"))), 2, false),
        (all.clone().with_transactional_id_pattern(Some(text(""))), 2, true),
    ] {
        let rows = listed(&mut p, request.clone(), version);
        assert_eq!(!rows.2.is_empty(), expected, "{request:?}");
    }
    let unknown = all.clone().with_state_filters(vec![text("Sleeping")]);
    assert_eq!(listed(&mut p, unknown, 0), (0, 1, Vec::new()));
    let wrong = all.with_transactional_id_pattern(Some(text("(")));
    assert_eq!(listed(&mut p, wrong, 2).0, 128, "INVALID_REGULAR_EXPRESSION");
    p.id = unique("nobody");
    assert_eq!(p.describe().error_code, 105, "TRANSACTIONAL_ID_NOT_FOUND");
    p.id = String::new();
    assert_eq!(p.describe().error_code, 42, "INVALID_REQUEST");
}
