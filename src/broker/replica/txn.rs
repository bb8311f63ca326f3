//! What a partition has to do with transactions: whether a batch may begin one here, and the marker that ends one
//! (Kafka: `Partition.maybeStartTransactionVerification`, `WriteTxnMarkersRequest.TxnMarkerEntry`).

use super::Partition;
use super::partition::AppendError;
use crate::log::{AppendInfo, AppendOrigin, AppendTerms, FirstBatch, VerificationGuard};
use crate::record::control::EndTxnMarker;
use crate::wire::ErrorCode;

/// A producer that writes within a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxnProducer {
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// What [`Partition::begin_verification`] gave; the coordinator has agreed meanwhile.
    pub guard: Option<VerificationGuard>,
}

/// The end of a transaction, for each of its partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxnMarker {
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// Leader epoch of the coordinator's partition of `__transaction_state`.
    pub coordinator_epoch: i32,
    pub committed: bool,
    /// The `transaction.version` that the producer used; 0 if that is not known.
    pub transaction_version: i16,
}

impl Partition {
    /// See [`crate::log::PartitionLog::begin_verification`].
    ///
    /// # Errors
    /// NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR.
    pub fn begin_verification(&self, batch: &FirstBatch, now_ms: i64) -> Result<Option<VerificationGuard>, ErrorCode> {
        if !self.is_leader() {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        Ok(self.log()?.begin_verification(batch, now_ms))
    }

    /// Writes the end of a transaction.
    ///
    /// # Errors
    /// INVALID_PRODUCER_EPOCH or TRANSACTION_COORDINATOR_FENCED if the partition knows of a later one; otherwise those of
    /// an append.
    pub fn append_marker(&self, marker: &TxnMarker, now_ms: i64) -> Result<AppendInfo, AppendError> {
        let end = EndTxnMarker {
            committed: marker.committed,
            coordinator_epoch: marker.coordinator_epoch,
        };
        let batch = end.to_batch(marker.producer_id, marker.producer_epoch, now_ms);
        let terms = AppendTerms {
            transaction_version: marker.transaction_version,
            ..AppendOrigin::Coordinator.into()
        };
        self.append(batch, terms, now_ms)
    }

    /// Returns when the high watermark has passed the offset, at once if it has.
    ///
    /// # Errors
    /// NOT_LEADER_OR_FOLLOWER if the partition changes hands meanwhile.
    pub async fn committed(&self, offset: i64) -> Result<(), ErrorCode> {
        let epoch = self.leader_epoch();
        loop {
            let waiter = super::Waiter::new();
            self.watch(&waiter);
            if !self.is_leader() || self.leader_epoch() != epoch {
                return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
            }
            if self.log()?.high_watermark() > offset {
                return Ok(());
            }
            waiter.changed().await;
        }
    }
}
