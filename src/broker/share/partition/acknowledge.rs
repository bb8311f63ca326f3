//! What became of records that were handed out: acknowledged, given back, or nothing for too long.

use super::{Delivery, Limits, Plan, RecordState, Run, SharePartition};
use crate::wire::ErrorCode;

/// Kafka: `AcknowledgeType`; 0 stands for an offset without a record.
const GAP: i8 = 0;
const ACCEPT: i8 = 1;
const RELEASE: i8 = 2;
const REJECT: i8 = 3;
/// KIP-1222.
const RENEW: i8 = 4;

/// Offsets `first` to `last`, and what became of them: one type for all, or one for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckBatch {
    pub first: i64,
    pub last: i64,
    pub types: Vec<i8>,
}

/// Why an acknowledgement is refused. Nothing of it is done then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckError {
    pub code: ErrorCode,
    pub message: &'static str,
}

fn invalid_request(message: &'static str) -> AckError {
    AckError {
        code: ErrorCode::INVALID_REQUEST,
        message,
    }
}

fn invalid_state(message: &'static str) -> AckError {
    AckError {
        code: ErrorCode::INVALID_RECORD_STATE,
        message,
    }
}

impl AckBatch {
    /// Checks batches without regard to any partition.
    ///
    /// # Errors
    /// INVALID_REQUEST.
    pub fn validate_all(batches: &[Self], may_renew: bool) -> Result<(), AckError> {
        let mut previous_last = -1;
        for batch in batches {
            if batch.first < 0 || batch.first > batch.last {
                return Err(invalid_request("The first offset of a batch is past its last."));
            }
            if batch.first <= previous_last {
                return Err(invalid_request("Batches overlap, or are not in order."));
            }
            if batch.types.is_empty() {
                return Err(invalid_request("A batch has no acknowledge types."));
            }
            let per_offset = i64::try_from(batch.types.len()).unwrap_or(i64::MAX);
            if per_offset > 1 && per_offset != (batch.last - batch.first).saturating_add(1) {
                return Err(invalid_request(
                    "The number of acknowledge types is not that of offsets.",
                ));
            }
            let known = GAP..=if may_renew { RENEW } else { REJECT };
            if !batch.types.iter().all(|kind| known.contains(kind)) {
                return Err(invalid_request("Invalid acknowledge type."));
            }
            previous_last = batch.last;
        }
        Ok(())
    }

    /// The type of each offset, as ranges of one type.
    fn ranges(&self) -> Vec<(i64, i64, i8)> {
        if let [kind] = self.types[..] {
            return vec![(self.first, self.last, kind)];
        }
        let mut ranges: Vec<(i64, i64, i8)> = Vec::new();
        for (offset, kind) in (self.first..=self.last).zip(&self.types) {
            match ranges.last_mut() {
                Some((_, last, before)) if before == kind => *last = offset,
                _ => ranges.push((offset, offset, *kind)),
            }
        }
        ranges
    }
}

impl SharePartition {
    /// Plans what a member says of the records it has. All of it, or nothing.
    ///
    /// # Errors
    /// INVALID_REQUEST for records that were never handed out, INVALID_RECORD_STATE for those the member does not have, and
    /// for all while nobody has any.
    pub fn acknowledge(
        &self,
        member_id: &str,
        batches: &[AckBatch],
        now_ms: i64,
        limits: &Limits,
    ) -> Result<Plan, AckError> {
        let mut plan = Plan {
            is_renewal: true,
            ..Plan::default()
        };
        for batch in batches {
            // The log's start has moved over it; what became of it does not matter any more.
            if batch.last < self.start_offset {
                continue;
            }
            if self.deliveries.is_empty() {
                return Err(invalid_state(
                    "Batch record not found. The request batch offsets are not found in the cache.",
                ));
            }
            if batch.last >= self.end {
                return Err(invalid_request(
                    "Batch record not found. The last offset in request is past acquired records.",
                ));
            }
            for (first, last, kind) in batch.ranges() {
                let first = first.max(self.start_offset);
                self.acknowledge_range(&mut plan, (first, last, kind), (member_id, now_ms), limits)?;
            }
        }
        Ok(plan)
    }

    fn acknowledge_range(
        &self,
        plan: &mut Plan,
        (first, last, kind): (i64, i64, i8),
        (member_id, now_ms): (&str, i64),
        limits: &Limits,
    ) -> Result<(), AckError> {
        for run in self.deliveries.within(first, last) {
            if run.value.state != RecordState::Acquired {
                return Err(invalid_state(
                    "The batch cannot be acknowledged. The batch is not in the acquired state.",
                ));
            }
            if !run.value.is_held_by(member_id) {
                return Err(invalid_state("Member is not the owner of batch record"));
            }
            let count = run.value.count;
            let next = match kind {
                ACCEPT => Delivery::unlocked(RecordState::Acknowledged, count),
                RELEASE => given_back(count, limits),
                RENEW => {
                    let mut renewed = run.value.clone();
                    if let Some(lock) = &mut renewed.lock {
                        lock.deadline_ms = now_ms.saturating_add(limits.lock_duration_ms.into());
                    }
                    renewed
                }
                _ => Delivery::unlocked(RecordState::Archived, count),
            };
            plan.is_renewal &= kind == RENEW;
            plan.push(run.first, run.last, next);
        }
        Ok(())
    }

    /// Plans to take back all that a member has: its session is over.
    pub fn release(&self, member_id: &str, limits: &Limits) -> Plan {
        self.take_back(limits, |delivery| delivery.is_held_by(member_id))
    }

    /// Plans to take back what was kept too long.
    pub fn expire(&self, now_ms: i64, limits: &Limits) -> Plan {
        let is_late = |delivery: &Delivery| delivery.lock.as_ref().is_some_and(|lock| lock.deadline_ms <= now_ms);
        self.take_back(limits, is_late)
    }

    fn take_back(&self, limits: &Limits, is_meant: impl Fn(&Delivery) -> bool) -> Plan {
        let mut plan = Plan::default();
        let meant = |run: &Run<Delivery>| run.value.state == RecordState::Acquired && is_meant(&run.value);
        for run in self.deliveries.iter().filter(meant) {
            plan.push(run.first, run.last, given_back(run.value.count, limits));
        }
        plan
    }
}

/// To be delivered again, unless that was tried often enough.
fn given_back(count: i16, limits: &Limits) -> Delivery {
    if count >= limits.max_delivery_count {
        Delivery::unlocked(RecordState::Archived, count)
    } else {
        Delivery::unlocked(RecordState::Available, count)
    }
}
