//! Handing records out.

use std::sync::Arc;

use super::{Delivery, Limits, Lock, RecordState, Run, SharePartition};

/// A batch as it was read from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchedBatch {
    pub first: i64,
    pub last: i64,
    /// It has nothing to deliver: a control batch, or one of an aborted transaction under `read_committed`.
    pub is_void: bool,
}

/// Who wants records, and how many.
#[derive(Debug, Clone)]
pub struct Acquire {
    pub member_id: Arc<str>,
    /// The last batch may go beyond it, unless the limit is strict.
    pub max_records: i32,
    /// How many records an acquired range has at best.
    pub batch_size: i32,
    /// Not one record above `max_records` (KIP-1206: `record_limit`).
    pub is_strict: bool,
    pub now_ms: i64,
    pub limits: Limits,
}

/// Records that were handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acquired {
    pub first: i64,
    pub last: i64,
    pub delivery_count: i16,
}

/// One hand-out under way.
struct Taking<'a> {
    request: &'a Acquire,
    lock: Lock,
    taken: Vec<Acquired>,
    /// Records that may still be taken.
    left: i64,
}

impl SharePartition {
    /// Hands out what is available in batches that were read from `fetched_from` on. What the log does not have, or has
    /// nothing to deliver in, counts as done.
    pub fn acquire(&mut self, request: &Acquire, fetched_from: i64, batches: &[FetchedBatch]) -> Vec<Acquired> {
        let mut taking = Taking {
            lock: Lock {
                member_id: request.member_id.clone(),
                deadline_ms: request.now_ms.saturating_add(request.limits.lock_duration_ms.into()),
            },
            taken: Vec::new(),
            left: i64::from(request.max_records),
            request,
        };
        let mut at = fetched_from.max(self.start_offset);
        for batch in batches {
            if taking.left <= 0 {
                break;
            }
            if batch.last < at {
                continue;
            }
            if batch.first > at {
                self.pass_over(at, batch.first - 1);
                at = batch.first;
            }
            if batch.is_void {
                self.pass_over(at, batch.last);
            } else {
                self.take_again(&mut taking, at, batch.last.min(self.end - 1));
                if !self.take_new(&mut taking, at.max(self.end), batch.last) {
                    break;
                }
            }
            at = batch.last + 1;
        }
        self.advance();
        taking.taken
    }

    /// Takes what was delivered before and is available again.
    fn take_again(&mut self, taking: &mut Taking<'_>, first: i64, last: i64) {
        let available = |run: &Run<Delivery>| run.value.state == RecordState::Available;
        let runs: Vec<Run<Delivery>> = self.deliveries.within(first, last).filter(available).collect();
        for run in runs {
            if taking.left <= 0 {
                return;
            }
            let last = taking.limited(run.first, run.last);
            let careful = taking.careful_count(&run);
            let last = careful.map_or(last, |count| last.min(run.first + count - 1));
            self.hand_out(taking, run.first, last, run.value.count.saturating_add(1));
            if careful.is_some() {
                taking.left = 0;
            }
        }
    }

    /// Takes what was never delivered. False if no more may be in flight.
    fn take_new(&mut self, taking: &mut Taking<'_>, first: i64, last: i64) -> bool {
        if first > last || taking.left <= 0 {
            return true;
        }
        if self.in_flight() >= taking.request.limits.max_in_flight {
            return false;
        }
        let last = taking.limited(first, last);
        self.end = last + 1;
        self.hand_out(taking, first, last, 1);
        true
    }

    fn hand_out(&mut self, taking: &mut Taking<'_>, first: i64, last: i64, delivery_count: i16) {
        let delivery = Delivery {
            state: RecordState::Acquired,
            count: delivery_count,
            lock: Some(taking.lock.clone()),
        };
        self.deliveries.set(first, last, delivery);
        taking.left -= last - first + 1;
        let batch_size = i64::from(taking.request.batch_size.max(1));
        match taking.taken.last_mut() {
            Some(before)
                if before.last + 1 == first
                    && before.delivery_count == delivery_count
                    && before.last - before.first + 1 < batch_size =>
            {
                before.last = last;
            }
            _ => taking.taken.push(Acquired {
                first,
                last,
                delivery_count,
            }),
        }
    }

    /// Counts what nobody can be given as done.
    fn pass_over(&mut self, first: i64, last: i64) {
        let open = |run: &Run<Delivery>| run.value.state == RecordState::Available;
        let runs: Vec<Run<Delivery>> = self.deliveries.within(first, last).filter(open).collect();
        for run in runs {
            let done = Delivery::unlocked(RecordState::Archived, run.value.count);
            self.deliveries.set(run.first, run.last, done);
        }
        if last >= self.end {
            let done = Delivery::unlocked(RecordState::Archived, 0);
            self.deliveries.set(first.max(self.end), last, done);
            self.end = last + 1;
        }
    }
}

impl Taking<'_> {
    /// Records that came back often are handed out fewer at a time, the last time alone: one that its consumers cannot
    /// stand shall not have its neighbours given up with it. `None` if there is no need for care.
    fn careful_count(&self, run: &Run<Delivery>) -> Option<i64> {
        let max = self.request.limits.max_delivery_count;
        let from = (max.saturating_add(1) / 2).max(2);
        if run.value.count < from {
            None
        } else if run.value.count >= max - 1 {
            Some(1)
        } else {
            Some((run.count() >> (run.value.count - from + 1).clamp(0, 62)).max(1))
        }
    }

    /// The last offset that may be taken of a range.
    fn limited(&self, first: i64, last: i64) -> i64 {
        if self.request.is_strict {
            last.min(first + self.left - 1)
        } else {
            last
        }
    }
}
