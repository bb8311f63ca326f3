//! The state machine: what is answered, what is kept, and what is to be ended.

use super::config::TransactionConfig;
use super::shard::{EndRequest, Filter, InitRequest, Shard, Turn};
use super::state::{ProducerIdAndEpoch, TransactionState, TxnError};
use crate::TopicPartition;
use crate::wire::ErrorCode;

const ID: &str = "id";
const TIMEOUT_MS: i32 = 60_000;
const FRESH: i64 = 900;

/// A shard and its clock.
struct World {
    shard: Shard,
    now_ms: i64,
    version: i16,
    config: TransactionConfig,
    /// All that was written.
    log: Vec<super::records::Record>,
}

impl World {
    fn new() -> Self {
        Self {
            shard: Shard::default(),
            now_ms: 1_000_000,
            version: 2,
            config: TransactionConfig::default(),
            log: Vec::new(),
        }
    }

    /// One event, and what it left to be ended.
    fn turn<T>(&mut self, event: impl FnOnce(&mut Shard, &mut Turn<'_>) -> T) -> (T, Vec<super::shard::Ending>) {
        let mut turn = Turn::new(self.now_ms, &self.config, self.version);
        turn.fresh_producer_id = Some(FRESH);
        let result = event(&mut self.shard, &mut turn);
        let (records, endings) = (turn.records, turn.endings);
        self.log.extend(records);
        (result, endings)
    }

    fn init(&mut self, expected: Option<(i64, i16)>) -> Result<(i64, i16), TxnError> {
        let expected = expected.map(|(id, epoch)| ProducerIdAndEpoch { id, epoch });
        let request = InitRequest {
            timeout_ms: TIMEOUT_MS,
            expected,
        };
        let (result, endings) = self.turn(|shard, turn| shard.init_producer_id(turn, ID, request));
        self.complete(&endings);
        result.map(|producer| (producer.id, producer.epoch))
    }

    fn add(&mut self, producer: (i64, i16), partitions: &[i32], version: i16) -> Result<(), ErrorCode> {
        let partitions: Vec<_> = partitions.iter().map(|p| TopicPartition::new("t", *p)).collect();
        let producer = ProducerIdAndEpoch {
            id: producer.0,
            epoch: producer.1,
        };
        self.turn(|shard, turn| shard.add_partitions(turn, ID, producer, &partitions, version))
            .0
    }

    /// EndTxn whose markers are left to be written.
    fn decide(
        &mut self,
        producer: (i64, i16),
        committed: bool,
        version: i16,
    ) -> (Result<(i64, i16), TxnError>, Vec<super::shard::Ending>) {
        let request = EndRequest {
            producer: ProducerIdAndEpoch {
                id: producer.0,
                epoch: producer.1,
            },
            committed,
            client_version: version,
        };
        let (result, endings) = self.turn(|shard, turn| shard.end(turn, ID, request));
        (result.map(|producer| (producer.id, producer.epoch)), endings)
    }

    fn end(&mut self, producer: (i64, i16), committed: bool, version: i16) -> Result<(i64, i16), TxnError> {
        let (result, endings) = self.decide(producer, committed, version);
        self.complete(&endings);
        result
    }

    fn complete(&mut self, endings: &[super::shard::Ending]) {
        for ending in endings {
            self.turn(|shard, turn| shard.complete(turn, ending));
        }
    }

    fn state(&self) -> TransactionState {
        self.shard.get(ID).expect("the id is known").state
    }

    /// A shard that knows the log and nothing else.
    fn restarted(&self) -> Shard {
        let mut shard = Shard::default();
        for record in &self.log {
            let (key, value) = record.encode(self.version).expect("a record");
            let read = super::records::Record::decode(&key, value.as_deref()).expect("what was written");
            shard.replay(read.expect("a type that is known"));
        }
        shard
    }

    /// Lets an epoch be the present one without the tens of thousands before it.
    fn set_epoch(&mut self, epoch: i16) {
        let mut metadata = self.shard.get(ID).expect("the id is known").clone();
        metadata.producer_epoch = epoch;
        let record = super::records::Record {
            transactional_id: ID.to_owned(),
            value: Some(metadata),
        };
        self.log.push(record.clone());
        self.shard.replay(record);
    }
}

fn refused<T>(code: ErrorCode) -> Result<T, TxnError> {
    Err(TxnError::Api(code))
}

#[test]
fn a_transaction_of_an_old_client_keeps_its_epoch() {
    let mut w = World::new();
    assert_eq!(w.init(None), Ok((FRESH, 0)));
    assert_eq!(w.state(), TransactionState::Empty);
    let producer = (FRESH, 0);
    assert_eq!(w.add(producer, &[0, 1], 0), Ok(()));
    assert_eq!(w.state(), TransactionState::Ongoing);
    let before = w.log.len();
    assert_eq!(w.add(producer, &[1], 0), Ok(()));
    assert_eq!(w.log.len(), before, "nothing new, nothing written");
    w.now_ms += 5;
    assert_eq!(w.add(producer, &[2], 0), Ok(()));
    assert_eq!(w.shard.get(ID).unwrap().start_ms, w.now_ms - 5);

    let (result, endings) = w.decide(producer, true, 0);
    assert_eq!(result, Ok(producer));
    assert_eq!(w.state(), TransactionState::PrepareCommit);
    assert_eq!((endings[0].partitions.len(), endings[0].committed), (3, true));
    assert_eq!(endings[0].producer.epoch, 0);
    assert_eq!(w.add(producer, &[3], 0), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    assert_eq!(w.end(producer, true, 0), refused(ErrorCode::CONCURRENT_TRANSACTIONS));
    assert_eq!(w.end(producer, false, 0), refused(ErrorCode::INVALID_TXN_STATE));
    assert_eq!(w.init(None), refused(ErrorCode::CONCURRENT_TRANSACTIONS));
    w.complete(&endings);
    assert_eq!(w.state(), TransactionState::CompleteCommit);
    assert_eq!(w.end(producer, true, 0), Ok(producer), "sent again");
    assert_eq!(w.end(producer, false, 0), refused(ErrorCode::INVALID_TXN_STATE));
    assert!(w.shard.get(ID).unwrap().partitions.is_empty());

    assert_eq!(w.add(producer, &[0], 0), Ok(()));
    assert_eq!(w.end(producer, false, 0), Ok(producer));
    assert_eq!(w.state(), TransactionState::CompleteAbort);
    assert_eq!(w.end(producer, false, 0), Ok(producer), "sent again");
}

#[test]
fn an_old_client_cannot_end_what_it_did_not_begin() {
    let mut w = World::new();
    w.init(None).unwrap();
    assert_eq!(w.end((FRESH, 0), true, 0), refused(ErrorCode::INVALID_TXN_STATE));
    assert_eq!(w.end((FRESH, 0), false, 0), refused(ErrorCode::INVALID_TXN_STATE));
}

#[test]
fn others_are_fenced() {
    let mut w = World::new();
    assert_eq!(w.add((FRESH, 0), &[0], 0), Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
    assert_eq!(
        w.end((FRESH, 0), true, 0),
        refused(ErrorCode::INVALID_PRODUCER_ID_MAPPING)
    );
    w.init(None).unwrap();
    assert_eq!(w.init(None), Ok((FRESH, 1)));
    for (producer, code) in [
        ((FRESH, 0), ErrorCode::PRODUCER_FENCED),
        ((FRESH, 2), ErrorCode::PRODUCER_FENCED),
        ((FRESH + 1, 1), ErrorCode::INVALID_PRODUCER_ID_MAPPING),
    ] {
        assert_eq!(w.add(producer, &[0], 0), Err(code));
        for version in [0, 2] {
            assert_eq!(w.end(producer, true, version), refused(code), "{producer:?} {version}");
        }
    }
}

#[test]
fn a_new_producer_aborts_the_transaction_of_the_old_one() {
    for (version, next) in [(2, 2), (0, 2)] {
        let mut w = World::new();
        w.version = version;
        w.init(None).unwrap();
        w.add((FRESH, 0), &[0], 0).unwrap();
        assert_eq!(w.init(None), refused(ErrorCode::CONCURRENT_TRANSACTIONS));
        assert_eq!(w.state(), TransactionState::CompleteAbort);
        assert_eq!(w.end((FRESH, 0), true, 0), refused(ErrorCode::PRODUCER_FENCED));
        assert_eq!(w.init(None), Ok((FRESH, next)), "version {version}");
    }
}

#[test]
fn each_transaction_of_a_new_client_has_an_epoch_of_its_own() {
    let mut w = World::new();
    w.init(None).unwrap();
    w.add((FRESH, 0), &[0], 2).unwrap();
    let (result, endings) = w.decide((FRESH, 0), true, 2);
    assert_eq!(result, Ok((FRESH, 1)));
    assert_eq!(
        (endings[0].producer.epoch, endings[0].client_version),
        (1, 2),
        "of the marker"
    );
    let again = w.decide((FRESH, 0), true, 2).0;
    assert_eq!(again, refused(ErrorCode::CONCURRENT_TRANSACTIONS));
    assert_eq!(w.decide((FRESH, 0), false, 2).0, refused(ErrorCode::INVALID_TXN_STATE));
    assert_eq!(w.decide((FRESH, 1), true, 2).0, refused(ErrorCode::PRODUCER_FENCED));
    w.complete(&endings);
    assert_eq!(w.end((FRESH, 0), true, 2), Ok((FRESH, 1)), "sent again");
    assert_eq!(w.end((FRESH, 0), false, 2), refused(ErrorCode::INVALID_TXN_STATE));
    assert_eq!(
        w.end((FRESH, 1), true, 2),
        refused(ErrorCode::INVALID_TXN_STATE),
        "nothing was begun"
    );
    assert_eq!(
        w.end((FRESH, 1), false, 2),
        Ok((FRESH, 2)),
        "an abort needs no beginning"
    );
    assert_eq!(w.state(), TransactionState::CompleteAbort);
    assert_eq!(w.end((FRESH, 1), false, 2), Ok((FRESH, 2)), "sent again");
    assert_eq!(w.end((FRESH, 1), true, 2), refused(ErrorCode::INVALID_TXN_STATE));
    assert_eq!(w.add((FRESH, 1), &[0], 2), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(w.add((FRESH, 2), &[0], 2), Ok(()));
}

#[test]
fn a_producer_that_goes_on_after_an_error_keeps_its_id() {
    let mut w = World::new();
    w.init(None).unwrap();
    assert_eq!(w.init(Some((FRESH, 0))), Ok((FRESH, 1)));
    assert_eq!(w.init(Some((FRESH, 0))), Ok((FRESH, 1)), "sent again");
    assert_eq!(w.init(Some((FRESH, 1))), Ok((FRESH, 2)));
    assert_eq!(w.init(Some((FRESH, 0))), refused(ErrorCode::PRODUCER_FENCED));
    assert_eq!(w.init(Some((FRESH + 1, 2))), refused(ErrorCode::PRODUCER_FENCED));
    assert_eq!(w.init(None), Ok((FRESH, 3)));
    assert_eq!(
        w.init(Some((FRESH, 2))),
        refused(ErrorCode::PRODUCER_FENCED),
        "another came"
    );
}

/// Producer id 5 at this epoch: another than what a new one would get.
fn at_epoch_of_5(epoch: i16) -> World {
    let mut w = World::new();
    w.init(None).unwrap();
    let mut metadata = w.shard.get(ID).unwrap().clone();
    metadata.producer_id = 5;
    w.shard.replay(super::records::Record {
        transactional_id: ID.to_owned(),
        value: Some(metadata),
    });
    w.set_epoch(epoch);
    w
}

#[test]
fn when_epochs_run_out_there_is_a_new_producer_id() {
    let mut w = at_epoch_of_5(i16::MAX - 2);
    assert_eq!(w.init(None), Ok((5, i16::MAX - 1)));
    assert_eq!(w.init(Some((5, i16::MAX - 1))), Ok((FRESH, 0)));
    assert_eq!(w.init(Some((5, i16::MAX - 1))), Ok((FRESH, 0)), "sent again");
}

#[test]
fn a_transaction_that_uses_the_last_epoch_up_ends_with_a_new_producer_id() {
    let mut w = at_epoch_of_5(i16::MAX - 1);
    w.add((5, i16::MAX - 1), &[0], 2).unwrap();
    let without_id = {
        let mut turn = Turn::new(w.now_ms, &w.config, 2);
        let request = EndRequest {
            producer: ProducerIdAndEpoch {
                id: 5,
                epoch: i16::MAX - 1,
            },
            committed: true,
            client_version: 2,
        };
        w.shard.end(&mut turn, ID, request)
    };
    assert_eq!(without_id, Err(TxnError::NeedsProducerId));
    let (result, endings) = w.decide((5, i16::MAX - 1), true, 2);
    assert_eq!(result, Ok((FRESH, 0)));
    assert_eq!((endings[0].producer.id, endings[0].producer.epoch), (5, i16::MAX));
    let mut restarted = w.restarted();
    w.complete(&endings);
    assert_eq!(w.end((5, i16::MAX - 1), true, 2), Ok((FRESH, 0)), "sent again");
    let mut turn = Turn::new(w.now_ms, &w.config, 2);
    restarted.on_loaded(&mut turn);
    let again = turn.endings.remove(0);
    restarted.complete(&mut turn, &again);
    assert_eq!(restarted.get(ID).unwrap().producer_id, FRESH, "kept in the log");
}

#[test]
fn transactions_that_take_too_long_are_aborted() {
    let mut w = World::new();
    w.init(None).unwrap();
    w.add((FRESH, 0), &[0], 2).unwrap();
    w.now_ms += i64::from(TIMEOUT_MS);
    assert_eq!(w.shard.timed_out(w.now_ms), [] as [String; 0]);
    assert!(w.turn(|shard, turn| shard.abort_timed_out(turn, ID)).1.is_empty());
    w.now_ms += 1;
    assert_eq!(w.shard.timed_out(w.now_ms), [ID]);
    let (result, endings) = w.turn(|shard, turn| shard.abort_timed_out(turn, ID));
    assert_eq!((result, endings.len(), endings[0].committed), (Ok(()), 1, false));
    w.complete(&endings);
    assert_eq!(w.state(), TransactionState::CompleteAbort);
    // As Kafka: a client that believes to be at the old epoch has what looks like a repeated abort.
    assert_eq!(w.end((FRESH, 0), true, 2), refused(ErrorCode::INVALID_TXN_STATE));
    assert_eq!(w.add((FRESH, 0), &[0], 2), Err(ErrorCode::PRODUCER_FENCED));
}

#[test]
fn timeouts_are_bounded() {
    let mut w = World::new();
    for timeout_ms in [0, -1, w.config.max_timeout_ms + 1] {
        let request = InitRequest {
            timeout_ms,
            expected: None,
        };
        let (result, _) = w.turn(|shard, turn| shard.init_producer_id(turn, ID, request));
        assert_eq!(result, Err(TxnError::Api(ErrorCode::INVALID_TRANSACTION_TIMEOUT)));
    }
    let request = InitRequest {
        timeout_ms: 1,
        expected: None,
    };
    for id in [String::new(), "x".repeat(32_768)] {
        let (result, _) = w.turn(|shard, turn| shard.init_producer_id(turn, &id, request));
        assert_eq!(result, Err(TxnError::Api(ErrorCode::INVALID_REQUEST)));
    }
    let (result, _) = w.turn(|shard, turn| shard.init_producer_id(turn, &"x".repeat(32_767), request));
    assert!(result.is_ok() && w.log[0].encode(2).is_ok());
}

#[test]
fn a_partition_is_in_the_transaction_or_is_not() {
    let mut w = World::new();
    let verify = |w: &World, epoch, partitions: &[i32]| {
        let partitions: Vec<_> = partitions.iter().map(|p| TopicPartition::new("t", *p)).collect();
        let producer = ProducerIdAndEpoch { id: FRESH, epoch };
        w.shard.verify_partitions(ID, producer, &partitions)
    };
    assert_eq!(verify(&w, 0, &[0]), Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
    w.init(None).unwrap();
    w.add((FRESH, 0), &[0], 0).unwrap();
    assert_eq!(
        verify(&w, 0, &[0, 1]),
        Ok(vec![Ok(()), Err(ErrorCode::TRANSACTION_ABORTABLE)])
    );
    assert_eq!(verify(&w, 1, &[0]), Err(ErrorCode::PRODUCER_FENCED));
    let (_, endings) = w.decide((FRESH, 0), true, 0);
    assert_eq!(verify(&w, 0, &[0]), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    w.complete(&endings);
    assert_eq!(verify(&w, 0, &[0]), Ok(vec![Err(ErrorCode::TRANSACTION_ABORTABLE)]));
}

#[test]
fn ids_that_nobody_uses_are_forgotten() {
    let mut w = World::new();
    w.init(None).unwrap();
    w.add((FRESH, 0), &[0], 0).unwrap();
    w.now_ms += w.config.id_expiration_ms;
    w.turn(|shard, turn| shard.expire(turn));
    assert_eq!(w.state(), TransactionState::Ongoing, "it has a transaction");
    w.end((FRESH, 0), true, 0).unwrap();
    w.now_ms += w.config.id_expiration_ms - 1;
    w.turn(|shard, turn| shard.expire(turn));
    assert!(w.shard.get(ID).is_some());
    w.now_ms += 1;
    w.turn(|shard, turn| shard.expire(turn));
    assert!(w.shard.get(ID).is_none() && w.restarted().get(ID).is_none());
}

#[test]
fn every_state_survives_a_restart() {
    let mut w = World::new();
    let check = |w: &World| {
        let (now, then) = (w.shard.get(ID).unwrap(), w.restarted());
        // The last epoch is not kept, as in Kafka.
        let mut expected = now.clone();
        expected.last_producer_epoch = -1;
        assert_eq!(then.get(ID), Some(&expected), "{:?}", now.state);
        let mut turn = Turn::new(w.now_ms, &w.config, 2);
        then.on_loaded(&mut turn);
        assert_eq!(turn.endings.len(), usize::from(now.state.is_ending()));
    };
    w.init(None).unwrap();
    check(&w);
    for (committed, version, epoch) in [(true, 0, 0), (false, 0, 0), (true, 2, 0), (false, 2, 1)] {
        w.add((FRESH, epoch), &[3, 1], version).unwrap();
        check(&w);
        let (_, endings) = w.decide((FRESH, epoch), committed, version);
        check(&w);
        w.complete(&endings);
        check(&w);
    }
}

#[test]
fn a_marker_that_comes_late_completes_nothing_else() {
    let mut w = World::new();
    w.init(None).unwrap();
    w.add((FRESH, 0), &[0], 0).unwrap();
    let (_, first) = w.decide((FRESH, 0), true, 0);
    w.complete(&first);
    w.add((FRESH, 0), &[0], 0).unwrap();
    w.complete(&first);
    assert_eq!(w.state(), TransactionState::Ongoing);
    w.decide((FRESH, 0), false, 0).0.unwrap();
    w.complete(&first);
    assert_eq!(w.state(), TransactionState::PrepareAbort);
}

#[test]
fn lists_are_filtered() {
    let mut w = World::new();
    w.init(None).unwrap();
    w.add((FRESH, 0), &[0], 0).unwrap();
    let now_ms = w.now_ms + 10;
    let count = |filter: Filter| w.shard.list(now_ms, &filter).len();
    let all = || Filter {
        duration_ms: -1,
        ..Filter::default()
    };
    assert_eq!(count(all()), 1);
    let states = |states: &[TransactionState]| Filter {
        states: states.iter().copied().collect(),
        has_states: true,
        ..all()
    };
    assert_eq!(count(states(&[TransactionState::Ongoing])), 1);
    assert_eq!(count(states(&[TransactionState::Empty])), 0);
    assert_eq!(count(states(&[])), 0, "none of the names is a state");
    let older = |duration_ms| Filter { duration_ms, ..all() };
    assert_eq!((count(older(9)), count(older(10))), (1, 0));
    let of = |id| Filter {
        producer_ids: [id].into(),
        ..all()
    };
    assert_eq!((count(of(FRESH)), count(of(1))), (1, 0));
    let named = |pattern: &str| Filter {
        pattern: Some(fancy_regex::Regex::new(pattern).unwrap()),
        ..all()
    };
    assert_eq!((count(named("^(?:i.)$")), count(named("^(?:i)$"))), (1, 0));
}
