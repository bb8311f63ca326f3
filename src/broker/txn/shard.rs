//! The transactional ids of one partition of `__transaction_state` (Kafka: `TransactionCoordinator` over
//! `TransactionStateManager`).
//!
//! A state machine: each call takes a [`Turn`] with the time in it, changes the ids, and leaves in the turn the records to
//! append and the transactions whose markers are to be written. [`Shard::replay`] builds the same state from the records.

use std::collections::{BTreeMap, HashSet};

use super::config::TransactionConfig;
use super::records::Record;
use super::state::{
    EPOCH_BUMP_VERSION, NO_PRODUCER_EPOCH, ProducerIdAndEpoch, TransactionMetadata, TransactionState, TxnError,
};
use crate::TopicPartition;
use crate::wire::ErrorCode;

/// A longer id does not fit the key of its record.
const MAX_ID_BYTES: usize = i16::MAX as usize;

/// One event in the life of a coordinator: when it happens, and what follows from it.
#[derive(Debug)]
pub struct Turn<'a> {
    pub now_ms: i64,
    pub config: &'a TransactionConfig,
    /// The cluster's `transaction.version`.
    pub transaction_version: i16,
    /// A producer id that nobody has, for whom needs one.
    pub fresh_producer_id: Option<i64>,
    /// To be appended before anything is answered.
    pub records: Vec<Record>,
    /// To be ended in their partitions once the records are appended.
    pub endings: Vec<Ending>,
}

impl<'a> Turn<'a> {
    pub fn new(now_ms: i64, config: &'a TransactionConfig, transaction_version: i16) -> Self {
        Self {
            now_ms,
            config,
            transaction_version,
            fresh_producer_id: None,
            records: Vec::new(),
            endings: Vec::new(),
        }
    }
}

/// A transaction that has been decided and whose markers are to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    pub transactional_id: String,
    pub producer: ProducerIdAndEpoch,
    pub committed: bool,
    pub client_version: i16,
    pub partitions: Vec<TopicPartition>,
}

/// An InitProducerId with a transactional id.
#[derive(Debug, Clone, Copy)]
pub struct InitRequest {
    pub timeout_ms: i32,
    /// What a producer that goes on after an error believes to be (KIP-360).
    pub expected: Option<ProducerIdAndEpoch>,
}

/// An EndTxn.
#[derive(Debug, Clone, Copy)]
pub struct EndRequest {
    pub producer: ProducerIdAndEpoch,
    pub committed: bool,
    /// The `transaction.version` the client speaks.
    pub client_version: i16,
}

/// What ListTransactions asks for; an empty set lets all through.
#[derive(Debug, Default)]
pub struct Filter {
    pub states: HashSet<TransactionState>,
    /// States were named, though perhaps none that exists.
    pub has_states: bool,
    pub producer_ids: HashSet<i64>,
    /// Transactions that are older than so many milliseconds; negative for all.
    pub duration_ms: i64,
    pub pattern: Option<fancy_regex::Regex>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Shard {
    ids: BTreeMap<String, TransactionMetadata>,
}

impl Shard {
    /// Takes over a record that is in the log.
    pub fn replay(&mut self, record: Record) {
        match record.value {
            Some(metadata) => self.ids.insert(record.transactional_id, metadata),
            None => self.ids.remove(&record.transactional_id),
        };
    }

    /// Goes on with what was decided and not done, after the last record was replayed.
    pub fn on_loaded(&self, turn: &mut Turn<'_>) {
        for (id, metadata) in self.ids.iter().filter(|(_, metadata)| metadata.state.is_ending()) {
            turn.endings.push(ending(id, metadata));
        }
    }

    pub fn get(&self, transactional_id: &str) -> Option<&TransactionMetadata> {
        self.ids.get(transactional_id)
    }

    /// InitProducerId. An open transaction is aborted first, and the client is to come again.
    ///
    /// # Errors
    /// CONCURRENT_TRANSACTIONS, PRODUCER_FENCED, INVALID_TRANSACTION_TIMEOUT, INVALID_REQUEST.
    pub fn init_producer_id(
        &mut self,
        turn: &mut Turn<'_>,
        transactional_id: &str,
        request: InitRequest,
    ) -> Result<ProducerIdAndEpoch, TxnError> {
        if transactional_id.is_empty() || transactional_id.len() > MAX_ID_BYTES {
            return Err(ErrorCode::INVALID_REQUEST.into());
        }
        if request.timeout_ms <= 0 || request.timeout_ms > turn.config.max_timeout_ms {
            return Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT.into());
        }
        let created;
        let metadata = match self.ids.get(transactional_id) {
            Some(metadata) => metadata,
            None => {
                let producer_id = turn.fresh_producer_id.ok_or(TxnError::NeedsProducerId)?;
                created = TransactionMetadata::new(producer_id, request.timeout_ms, turn.now_ms);
                &created
            }
        };
        if request.expected.is_some_and(|expected| !metadata.knows(expected)) {
            return Err(ErrorCode::PRODUCER_FENCED.into());
        }
        match metadata.state {
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                Err(ErrorCode::CONCURRENT_TRANSACTIONS.into())
            }
            TransactionState::Ongoing => {
                self.abort(turn, transactional_id)?;
                Err(ErrorCode::CONCURRENT_TRANSACTIONS.into())
            }
            TransactionState::Empty | TransactionState::CompleteCommit | TransactionState::CompleteAbort => {
                let next = next_epoch(metadata, turn, request)?;
                let producer = next.producer();
                self.write(turn, transactional_id, next);
                Ok(producer)
            }
            TransactionState::Dead | TransactionState::PrepareEpochFence => Err(ErrorCode::UNKNOWN_SERVER_ERROR.into()),
        }
    }

    /// The metadata, if the producer is the one that may use the id now.
    fn of_producer(
        &self,
        transactional_id: &str,
        producer: ProducerIdAndEpoch,
    ) -> Result<&TransactionMetadata, ErrorCode> {
        if transactional_id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let metadata = self.ids.get(transactional_id);
        let metadata = metadata.ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)?;
        if metadata.producer_id != producer.id {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        if metadata.producer_epoch != producer.epoch {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        if metadata.state.is_ending() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        Ok(metadata)
    }

    /// AddPartitionsToTxn and AddOffsetsToTxn; a transaction begins with its first partition.
    ///
    /// # Errors
    /// INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS, INVALID_REQUEST.
    pub fn add_partitions(
        &mut self,
        turn: &mut Turn<'_>,
        transactional_id: &str,
        producer: ProducerIdAndEpoch,
        partitions: &[TopicPartition],
        client_version: i16,
    ) -> Result<(), ErrorCode> {
        let metadata = self.of_producer(transactional_id, producer)?;
        let is_known = |tp: &TopicPartition| metadata.partitions.contains(tp);
        if metadata.state == TransactionState::Ongoing && partitions.iter().all(is_known) {
            return Ok(());
        }
        let next = metadata.add_partitions(partitions, client_version, turn.now_ms);
        self.write(turn, transactional_id, next);
        Ok(())
    }

    /// Whether each of the partitions belongs to the producer's transaction; TRANSACTION_ABORTABLE if not.
    ///
    /// # Errors
    /// As [`Self::add_partitions`], for all of them.
    pub fn verify_partitions(
        &self,
        transactional_id: &str,
        producer: ProducerIdAndEpoch,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        let metadata = self.of_producer(transactional_id, producer)?;
        let verify = |tp: &TopicPartition| match metadata.partitions.contains(tp) {
            true => Ok(()),
            false => Err(ErrorCode::TRANSACTION_ABORTABLE),
        };
        Ok(partitions.iter().map(verify).collect())
    }

    /// EndTxn: decides the transaction. The answer is what the producer goes on with.
    ///
    /// # Errors
    /// INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE, INVALID_REQUEST.
    pub fn end(
        &mut self,
        turn: &mut Turn<'_>,
        transactional_id: &str,
        request: EndRequest,
    ) -> Result<ProducerIdAndEpoch, TxnError> {
        if transactional_id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST.into());
        }
        let metadata = self.ids.get(transactional_id);
        let metadata = metadata.ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)?;
        let next = if request.client_version >= EPOCH_BUMP_VERSION {
            end_v2(metadata, turn, request)?
        } else {
            end_v1(metadata, turn, request)?
        };
        let Some(next) = next else {
            return Ok(metadata.producer());
        };
        let producer = next.complete(turn.now_ms).producer();
        self.decide(turn, transactional_id, next);
        Ok(producer)
    }

    /// Aborts an open transaction from this side and fences its producer.
    fn abort(&mut self, turn: &mut Turn<'_>, transactional_id: &str) -> Result<(), TxnError> {
        let Some(metadata) = self.ids.get(transactional_id) else {
            return Ok(());
        };
        let version = turn.transaction_version;
        let next = if version >= EPOCH_BUMP_VERSION {
            metadata.prepare_v2(
                TransactionState::PrepareAbort,
                version,
                turn.fresh_producer_id,
                turn.now_ms,
            )?
        } else {
            metadata.prepare_v1(TransactionState::PrepareAbort, true, turn.now_ms)
        };
        self.decide(turn, transactional_id, next);
        Ok(())
    }

    /// Ids whose open transaction takes longer than its producer said it would.
    pub fn timed_out(&self, now_ms: i64) -> Vec<String> {
        let late = self.ids.iter().filter(|(_, metadata)| is_late(metadata, now_ms));
        late.map(|(id, _)| id.clone()).collect()
    }

    /// Aborts the open transaction of an id, if its time is over.
    ///
    /// # Errors
    /// [`TxnError::NeedsProducerId`].
    pub fn abort_timed_out(&mut self, turn: &mut Turn<'_>, transactional_id: &str) -> Result<(), TxnError> {
        let metadata = self.ids.get(transactional_id);
        if metadata.is_some_and(|metadata| is_late(metadata, turn.now_ms)) {
            self.abort(turn, transactional_id)?;
        }
        Ok(())
    }

    /// All markers of a transaction are written.
    pub fn complete(&mut self, turn: &mut Turn<'_>, ending: &Ending) {
        let Some(metadata) = self.ids.get(&ending.transactional_id) else {
            return;
        };
        let expected = match ending.committed {
            true => TransactionState::PrepareCommit,
            false => TransactionState::PrepareAbort,
        };
        if metadata.state == expected && metadata.producer() == ending.producer {
            let next = metadata.complete(turn.now_ms);
            self.write(turn, &ending.transactional_id, next);
        }
    }

    /// Forgets ids that were not used for `transactional.id.expiration.ms`.
    pub fn expire(&mut self, turn: &mut Turn<'_>) {
        let latest = turn.now_ms.saturating_sub(turn.config.id_expiration_ms);
        let is_old = |metadata: &TransactionMetadata| metadata.state.may_expire() && metadata.last_update_ms <= latest;
        let old: Vec<String> = self
            .ids
            .iter()
            .filter(|(_, metadata)| is_old(metadata))
            .map(|(id, _)| id.clone())
            .collect();
        for transactional_id in old {
            self.ids.remove(&transactional_id);
            turn.records.push(Record {
                transactional_id,
                value: None,
            });
        }
    }

    /// The ids that a filter lets through, sorted.
    pub fn list(&self, now_ms: i64, filter: &Filter) -> Vec<(String, i64, TransactionState)> {
        let wanted = |id: &str, metadata: &TransactionMetadata| {
            (filter.producer_ids.is_empty() || filter.producer_ids.contains(&metadata.producer_id))
                && (!filter.has_states || filter.states.contains(&metadata.state))
                && (filter.duration_ms < 0 || now_ms - metadata.start_ms > filter.duration_ms)
                && filter
                    .pattern
                    .as_ref()
                    .is_none_or(|pattern| pattern.is_match(id).unwrap_or(false))
        };
        let listed = self.ids.iter().filter(|(id, metadata)| wanted(id, metadata));
        listed
            .map(|(id, metadata)| (id.clone(), metadata.producer_id, metadata.state))
            .collect()
    }

    fn decide(&mut self, turn: &mut Turn<'_>, transactional_id: &str, next: TransactionMetadata) {
        turn.endings.push(ending(transactional_id, &next));
        self.write(turn, transactional_id, next);
    }

    /// Applies a record and hands it to the log: state that only changes this way is the same after a restart.
    fn write(&mut self, turn: &mut Turn<'_>, transactional_id: &str, metadata: TransactionMetadata) {
        self.ids.insert(transactional_id.to_owned(), metadata.clone());
        turn.records.push(Record {
            transactional_id: transactional_id.to_owned(),
            value: Some(metadata),
        });
    }
}

fn is_late(metadata: &TransactionMetadata, now_ms: i64) -> bool {
    let deadline_ms = metadata.start_ms.saturating_add(i64::from(metadata.timeout_ms));
    metadata.state == TransactionState::Ongoing && deadline_ms < now_ms
}

fn ending(transactional_id: &str, metadata: &TransactionMetadata) -> Ending {
    Ending {
        transactional_id: transactional_id.to_owned(),
        producer: metadata.producer(),
        committed: metadata.state == TransactionState::PrepareCommit,
        client_version: metadata.client_version,
        partitions: metadata.partitions.iter().cloned().collect(),
    }
}

fn next_epoch(
    metadata: &TransactionMetadata,
    turn: &Turn<'_>,
    request: InitRequest,
) -> Result<TransactionMetadata, TxnError> {
    let expected = request.expected.map(|expected| expected.epoch);
    if metadata.is_epoch_exhausted() && expected.is_none_or(|epoch| epoch == metadata.producer_epoch) {
        let producer_id = turn.fresh_producer_id.ok_or(TxnError::NeedsProducerId)?;
        return Ok(metadata.rotate(producer_id, request.timeout_ms, expected.is_some(), turn.now_ms));
    }
    Ok(metadata.increment_epoch(request.timeout_ms, expected, turn.now_ms)?)
}

/// EndTxn of a client whose epoch stays as it is; none if there is nothing left to do.
fn end_v1(
    metadata: &TransactionMetadata,
    turn: &Turn<'_>,
    request: EndRequest,
) -> Result<Option<TransactionMetadata>, TxnError> {
    if metadata.producer_id != request.producer.id {
        return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING.into());
    }
    if metadata.producer_epoch != request.producer.epoch {
        return Err(ErrorCode::PRODUCER_FENCED.into());
    }
    match (metadata.state, request.committed) {
        (TransactionState::Ongoing, _) => Ok(Some(metadata.prepare_v1(prepared(request), false, turn.now_ms))),
        (TransactionState::CompleteCommit, true) | (TransactionState::CompleteAbort, false) => Ok(None),
        (TransactionState::PrepareCommit, true) | (TransactionState::PrepareAbort, false) => {
            Err(ErrorCode::CONCURRENT_TRANSACTIONS.into())
        }
        _ => Err(ErrorCode::INVALID_TXN_STATE.into()),
    }
}

/// EndTxn of a client whose epoch rises with each transaction; none for a repeated request. An abort need not have had a
/// transaction.
fn end_v2(
    metadata: &TransactionMetadata,
    turn: &Turn<'_>,
    request: EndRequest,
) -> Result<Option<TransactionMetadata>, TxnError> {
    let producer = request.producer;
    let is_after_overflow =
        metadata.previous_producer_id == producer.id && producer.epoch == i16::MAX - 1 && metadata.producer_epoch == 0;
    let is_after_bump =
        producer.epoch != NO_PRODUCER_EPOCH && metadata.producer_epoch == producer.epoch.wrapping_add(1);
    let is_repeated = is_after_bump || is_after_overflow;
    let is_valid_epoch = match metadata.state {
        TransactionState::PrepareCommit | TransactionState::PrepareAbort => is_after_bump,
        TransactionState::CompleteCommit | TransactionState::CompleteAbort => {
            is_repeated || producer.epoch == metadata.producer_epoch
        }
        _ => producer.epoch == metadata.producer_epoch,
    };
    if metadata.producer_id != producer.id && !is_after_overflow {
        return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING.into());
    }
    if !is_valid_epoch {
        return Err(ErrorCode::PRODUCER_FENCED.into());
    }
    let prepare = |state| {
        let fresh_id = turn.fresh_producer_id;
        metadata
            .prepare_v2(state, request.client_version, fresh_id, turn.now_ms)
            .map(Some)
    };
    match (metadata.state, request.committed) {
        (TransactionState::Ongoing, _) => prepare(prepared(request)),
        (TransactionState::CompleteCommit, true) | (TransactionState::CompleteAbort, false) if is_repeated => Ok(None),
        (TransactionState::CompleteCommit, false) if is_repeated => Err(ErrorCode::INVALID_TXN_STATE.into()),
        (TransactionState::Empty | TransactionState::CompleteCommit | TransactionState::CompleteAbort, false) => {
            prepare(TransactionState::PrepareAbort)
        }
        (TransactionState::PrepareCommit, true) | (TransactionState::PrepareAbort, false) => {
            Err(ErrorCode::CONCURRENT_TRANSACTIONS.into())
        }
        _ => Err(ErrorCode::INVALID_TXN_STATE.into()),
    }
}

fn prepared(request: EndRequest) -> TransactionState {
    match request.committed {
        true => TransactionState::PrepareCommit,
        false => TransactionState::PrepareAbort,
    }
}
