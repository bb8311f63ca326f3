//! One transactional id (Kafka: `TransactionMetadata`, `TransactionState`).
//!
//! A transition makes new metadata of the old and never fails halfway: the caller writes it to the log and then it is the
//! state. What Kafka calls a pending transition is over here by the time anybody can see it.

use std::collections::BTreeSet;

use crate::TopicPartition;
use crate::wire::ErrorCode;

pub const NO_PRODUCER_ID: i64 = -1;
pub const NO_PRODUCER_EPOCH: i16 = -1;
/// The `transaction.version` from which on a producer's epoch rises with every transaction (KIP-890).
pub const EPOCH_BUMP_VERSION: i16 = 2;

/// Why a request is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxnError {
    Api(ErrorCode),
    /// It is to be tried again with a fresh producer id in the turn.
    NeedsProducerId,
}

impl From<ErrorCode> for TxnError {
    fn from(code: ErrorCode) -> Self {
        Self::Api(code)
    }
}

/// The numbers are those of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionState {
    /// No transaction since the last InitProducerId.
    Empty = 0,
    Ongoing = 1,
    /// It will be committed: its markers are being written.
    PrepareCommit = 2,
    /// It will be aborted: its markers are being written.
    PrepareAbort = 3,
    CompleteCommit = 4,
    CompleteAbort = 5,
    /// Forgotten; never in the log.
    Dead = 6,
    /// A step of Kafka's; never in the log.
    PrepareEpochFence = 7,
}

impl TransactionState {
    pub const ALL: [Self; 8] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
        Self::Dead,
        Self::PrepareEpochFence,
    ];

    /// As Kafka spells it in DescribeTransactions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
            Self::Dead => "Dead",
            Self::PrepareEpochFence => "PrepareEpochFence",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub fn from_id(id: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as i64 == id)
    }

    /// Markers are being written; nothing else can happen meanwhile.
    pub fn is_ending(self) -> bool {
        matches!(self, Self::PrepareCommit | Self::PrepareAbort)
    }

    /// Whether an id that nobody uses may be forgotten in this state.
    pub fn may_expire(self) -> bool {
        matches!(self, Self::Empty | Self::CompleteCommit | Self::CompleteAbort)
    }
}

/// A producer id and its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerIdAndEpoch {
    pub id: i64,
    pub epoch: i16,
}

/// What is known of a transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionMetadata {
    pub producer_id: i64,
    /// The id before the last transition.
    pub previous_producer_id: i64,
    /// The id the producer goes on with when the transaction that exhausted the epochs has ended; -1 for none.
    pub next_producer_id: i64,
    /// -1 before the first InitProducerId is answered.
    pub producer_epoch: i16,
    /// The epoch before the last raise; a request that names it is a repeated one. -1 for none; not in the log.
    pub last_producer_epoch: i16,
    pub timeout_ms: i32,
    pub state: TransactionState,
    pub partitions: BTreeSet<TopicPartition>,
    /// When the transaction began; -1 without one.
    pub start_ms: i64,
    pub last_update_ms: i64,
    /// The `transaction.version` that the client used last.
    pub client_version: i16,
}

/// An epoch above this one is never given to a producer, so that one can always be fenced.
fn is_exhausted(epoch: i16) -> bool {
    epoch >= i16::MAX - 1
}

impl TransactionMetadata {
    pub fn new(producer_id: i64, timeout_ms: i32, now_ms: i64) -> Self {
        Self {
            producer_id,
            previous_producer_id: NO_PRODUCER_ID,
            next_producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            last_producer_epoch: NO_PRODUCER_EPOCH,
            timeout_ms,
            state: TransactionState::Empty,
            partitions: BTreeSet::new(),
            start_ms: -1,
            last_update_ms: now_ms,
            client_version: 0,
        }
    }

    pub fn producer(&self) -> ProducerIdAndEpoch {
        ProducerIdAndEpoch {
            id: self.producer_id,
            epoch: self.producer_epoch,
        }
    }

    pub fn is_epoch_exhausted(&self) -> bool {
        is_exhausted(self.producer_epoch)
    }

    /// Whether a producer that goes on (KIP-360) is the one this id belongs to.
    pub fn knows(&self, expected: ProducerIdAndEpoch) -> bool {
        self.producer_epoch == NO_PRODUCER_EPOCH
            || expected.id == self.producer_id
            || (expected.id == self.previous_producer_id && is_exhausted(expected.epoch))
    }

    /// The next metadata in a state; each takes the present producer id for the previous one.
    fn to(&self, state: TransactionState, now_ms: i64) -> Self {
        Self {
            state,
            previous_producer_id: self.producer_id,
            last_update_ms: now_ms,
            ..self.clone()
        }
    }

    fn to_empty(&self, timeout_ms: i32, now_ms: i64) -> Self {
        Self {
            timeout_ms,
            partitions: BTreeSet::new(),
            start_ms: -1,
            ..self.to(TransactionState::Empty, now_ms)
        }
    }

    /// InitProducerId: the next epoch of the same producer id, or the present one again for a repeated request.
    ///
    /// # Errors
    /// PRODUCER_FENCED for an epoch that is over.
    pub fn increment_epoch(&self, timeout_ms: i32, expected: Option<i16>, now_ms: i64) -> Result<Self, ErrorCode> {
        if self.is_epoch_exhausted() {
            return Err(ErrorCode::UNKNOWN_SERVER_ERROR);
        }
        let next = self.producer_epoch + 1;
        let (producer_epoch, last_producer_epoch) = match expected {
            None => (next, NO_PRODUCER_EPOCH),
            Some(epoch) if self.producer_epoch == NO_PRODUCER_EPOCH || epoch == self.producer_epoch => {
                (next, self.producer_epoch)
            }
            Some(epoch) if epoch == self.last_producer_epoch => (self.producer_epoch, self.last_producer_epoch),
            Some(_) => return Err(ErrorCode::PRODUCER_FENCED),
        };
        Ok(Self {
            producer_epoch,
            last_producer_epoch,
            ..self.to_empty(timeout_ms, now_ms)
        })
    }

    /// InitProducerId when the epochs are used up: a new producer id.
    pub fn rotate(&self, producer_id: i64, timeout_ms: i32, keeps_last_epoch: bool, now_ms: i64) -> Self {
        Self {
            producer_id,
            producer_epoch: 0,
            last_producer_epoch: if keeps_last_epoch {
                self.producer_epoch
            } else {
                NO_PRODUCER_EPOCH
            },
            ..self.to_empty(timeout_ms, now_ms)
        }
    }

    /// AddPartitionsToTxn.
    pub fn add_partitions(&self, added: &[TopicPartition], client_version: i16, now_ms: i64) -> Self {
        let mut next = self.to(TransactionState::Ongoing, now_ms);
        if self.state != TransactionState::Ongoing {
            next.start_ms = now_ms;
        }
        next.partitions.extend(added.iter().cloned());
        next.client_version = client_version;
        next
    }

    /// EndTxn of a client that keeps its epoch. `fences` raises it all the same: the coordinator ends the transaction.
    pub fn prepare_v1(&self, state: TransactionState, fences: bool, now_ms: i64) -> Self {
        let mut next = self.to(state, now_ms);
        next.client_version = 0;
        next.next_producer_id = NO_PRODUCER_ID;
        if fences {
            next.producer_epoch = self.producer_epoch.saturating_add(1);
            next.last_producer_epoch = NO_PRODUCER_EPOCH;
        }
        next
    }

    /// EndTxn that raises the epoch (KIP-890). When that was the last one, the producer goes on with `fresh_id`.
    ///
    /// # Errors
    /// [`TxnError::NeedsProducerId`] if it needs one.
    pub fn prepare_v2(
        &self,
        state: TransactionState,
        client_version: i16,
        fresh_id: Option<i64>,
        now_ms: i64,
    ) -> Result<Self, TxnError> {
        let mut next = self.to(state, now_ms);
        next.next_producer_id = NO_PRODUCER_ID;
        if self.is_epoch_exhausted() {
            next.next_producer_id = fresh_id.ok_or(TxnError::NeedsProducerId)?;
        }
        next.producer_epoch = self.producer_epoch.saturating_add(1);
        next.last_producer_epoch = self.producer_epoch;
        next.client_version = client_version;
        if self.state != TransactionState::Ongoing {
            // An abort without a transaction: it begins and ends now.
            next.start_ms = now_ms;
        }
        Ok(next)
    }

    /// All markers are written.
    pub fn complete(&self, now_ms: i64) -> Self {
        let state = match self.state {
            TransactionState::PrepareCommit => TransactionState::CompleteCommit,
            _ => TransactionState::CompleteAbort,
        };
        let mut next = self.to(state, now_ms);
        next.partitions.clear();
        if self.client_version >= EPOCH_BUMP_VERSION && self.next_producer_id != NO_PRODUCER_ID {
            next.producer_id = self.next_producer_id;
            next.producer_epoch = 0;
        }
        next.next_producer_id = NO_PRODUCER_ID;
        next
    }
}
