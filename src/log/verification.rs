//! Producers whose first transactional batch waits for the transaction coordinator's word that the partition belongs to
//! the transaction (Kafka: `VerificationStateEntry`, `VerificationGuard`; KIP-890).

use std::collections::HashMap;

/// Shows that a batch may begin a transaction in this log. One that is older than the last end of a transaction of its
/// producer is of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerificationGuard(u64);

/// A producer's batch that wants to begin a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstBatch {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    /// The producer's epoch rises with every transaction (`transaction.version` 2).
    pub supports_epoch_bump: bool,
}

/// One producer that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    guard: VerificationGuard,
    since_ms: i64,
    epoch: i16,
    /// The lowest sequence that was seen. Higher ones must wait: had they come in, the lower one never could.
    pub(super) lowest_sequence: i32,
    pub(super) supports_epoch_bump: bool,
}

#[derive(Debug, Default)]
pub(super) struct Verifications {
    pub(super) is_enabled: bool,
    entries: HashMap<i64, Entry>,
    last_guard: u64,
}

impl Verifications {
    /// The producer's guard; a new one if it has none.
    pub(super) fn begin(&mut self, batch: &FirstBatch, now_ms: i64) -> VerificationGuard {
        let last_guard = &mut self.last_guard;
        let entry = self.entries.entry(batch.producer_id).or_insert_with(|| {
            *last_guard += 1;
            Entry {
                guard: VerificationGuard(*last_guard),
                since_ms: now_ms,
                epoch: batch.producer_epoch,
                lowest_sequence: batch.base_sequence,
                supports_epoch_bump: batch.supports_epoch_bump,
            }
        });
        if batch.producer_epoch > entry.epoch {
            entry.epoch = batch.producer_epoch;
            entry.lowest_sequence = batch.base_sequence;
        } else if batch.producer_epoch == entry.epoch {
            entry.lowest_sequence = entry.lowest_sequence.min(batch.base_sequence);
        }
        entry.guard
    }

    pub(super) fn get(&self, producer_id: i64) -> Option<&Entry> {
        self.entries.get(&producer_id)
    }

    /// Whether the guard is the one that the producer was given last.
    pub(super) fn verify(&self, producer_id: i64, guard: Option<VerificationGuard>) -> bool {
        !self.is_enabled || guard.is_some_and(|guard| self.get(producer_id).is_some_and(|entry| entry.guard == guard))
    }

    /// The transaction has begun or ended.
    pub(super) fn clear(&mut self, producer_id: i64) {
        self.entries.remove(&producer_id);
    }

    pub(super) fn remove_expired(&mut self, now_ms: i64, expiration_ms: i64) {
        self.entries
            .retain(|_, entry| now_ms.saturating_sub(entry.since_ms) < expiration_ms);
    }
}
