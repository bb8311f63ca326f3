//! A share partition (Kafka: `SharePartition`): which records of one partition a share group has in flight, and who has
//! them. A state machine: it takes the time and events, and says what is to be kept; nothing here waits.
//!
//! Between the start offset (SPSO), before which all is done, and the end, up to which records were handed out at least
//! once, every offset has a state. A change that must outlive a restart is first planned, then written to the share
//! coordinator, then applied: if the write fails, nothing has happened.

mod acknowledge;
mod acquire;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use acknowledge::{AckBatch, AckError};
pub use acquire::{Acquire, Acquired, FetchedBatch};

use super::coordinator::{ShareState, StateBatch, StateWrite};
use super::runs::{Run, Runs};

/// Kafka: `RecordState`; the numbers are those of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    /// To be delivered, perhaps again.
    Available = 0,
    /// Delivered to somebody who has not said yet what became of it.
    Acquired = 1,
    Acknowledged = 2,
    /// Never to be delivered again: rejected, delivered too often, or no record at all.
    Archived = 4,
}

impl RecordState {
    fn of(number: i8) -> Self {
        match number {
            2 => Self::Acknowledged,
            4 => Self::Archived,
            // What was acquired when the broker stopped is nobody's any more.
            _ => Self::Available,
        }
    }

    fn is_terminal(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Archived)
    }
}

/// Who has acquired a record, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lock {
    member_id: Arc<str>,
    deadline_ms: i64,
}

/// How it stands with the delivery of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Delivery {
    state: RecordState,
    /// Deliveries so far, the present one included.
    count: i16,
    /// Of those who are acquired.
    lock: Option<Lock>,
}

impl Delivery {
    fn unlocked(state: RecordState, count: i16) -> Self {
        Self {
            state,
            count,
            lock: None,
        }
    }

    fn is_held_by(&self, member_id: &str) -> bool {
        self.lock.as_ref().is_some_and(|lock| &*lock.member_id == member_id)
    }
}

/// What the group's settings allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `share.record.lock.duration.ms`
    pub lock_duration_ms: i32,
    /// `share.delivery.count.limit`
    pub max_delivery_count: i16,
    /// `share.partition.max.record.locks`
    pub max_in_flight: i64,
}

/// What an event changes, once it is kept.
#[derive(Debug, Default)]
#[must_use]
pub struct Plan {
    changes: Vec<Run<Delivery>>,
    /// Only locks grow longer; nothing needs to be kept.
    is_renewal: bool,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether records become available for others.
    pub fn frees_records(&self) -> bool {
        !self.is_renewal && !self.changes.is_empty()
    }

    fn push(&mut self, first: i64, last: i64, value: Delivery) {
        match self.changes.last_mut() {
            Some(before) if before.last + 1 == first && before.value == value => before.last = last,
            _ => self.changes.push(Run { first, last, value }),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct SharePartition {
    state_epoch: i32,
    leader_epoch: i32,
    start_offset: i64,
    /// The offset after the last that was ever handed out.
    end: i64,
    deliveries: Runs<Delivery>,
}

impl SharePartition {
    /// Goes on from the kept state. `start_offset` is the kept one, or what stands for one that was never set.
    pub fn new(state: &ShareState, start_offset: i64, leader_epoch: i32) -> Self {
        let mut partition = Self {
            state_epoch: state.state_epoch,
            leader_epoch,
            start_offset,
            end: start_offset,
            deliveries: Runs::default(),
        };
        let last = state.batches.iter().map(|batch| batch.last).max().unwrap_or(-1);
        if last >= start_offset && last < i64::MAX {
            partition.end = last + 1;
            // Between kept batches lies what was never answered for.
            let unknown = Delivery::unlocked(RecordState::Available, 0);
            partition.deliveries.set(start_offset, last, unknown);
            for batch in &state.batches {
                let delivery = Delivery::unlocked(RecordState::of(batch.state), batch.delivery_count);
                partition
                    .deliveries
                    .set(batch.first.max(start_offset), batch.last, delivery);
            }
        }
        partition.advance();
        partition
    }

    pub fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// The offset after the last that was ever handed out.
    pub fn end_offset(&self) -> i64 {
        self.end
    }

    /// Where the next delivery reads: at the first record that waits to be delivered again, else after all that were
    /// delivered.
    pub fn next_fetch_offset(&self) -> i64 {
        let available = |run: &Run<Delivery>| run.value.state == RecordState::Available;
        self.deliveries.iter().find(available).map_or(self.end, |run| run.first)
    }

    /// Whether anything may be handed out now.
    pub fn can_acquire(&self, limits: &Limits) -> bool {
        self.next_fetch_offset() != self.end || self.in_flight() < limits.max_in_flight
    }

    fn in_flight(&self) -> i64 {
        self.end - self.start_offset
    }

    /// Takes note of where the log starts now: what is before it cannot be delivered.
    pub fn log_start_moved(&mut self, log_start_offset: i64) {
        if log_start_offset <= self.start_offset {
            return;
        }
        self.start_offset = log_start_offset;
        self.end = self.end.max(log_start_offset);
        self.deliveries.remove_below(log_start_offset);
        self.advance();
    }

    /// When the first lock ends.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        let deadlines = self.deliveries.iter().filter_map(|run| run.value.lock);
        deadlines.map(|lock| lock.deadline_ms).min()
    }

    /// What is to be kept of a plan; `None` if that is nothing.
    pub fn write_of(&self, plan: &Plan) -> Option<StateWrite> {
        if plan.is_empty() || plan.is_renewal {
            return None;
        }
        let batch = |run: &Run<Delivery>| StateBatch {
            first: run.first,
            last: run.last,
            state: run.value.state as i8,
            delivery_count: run.value.count,
        };
        let kept = |run: &&Run<Delivery>| run.value.state != RecordState::Acquired;
        let batches: Vec<StateBatch> = plan.changes.iter().filter(kept).map(batch).collect();
        let is_terminal = |run: &Run<Delivery>| run.value.state.is_terminal();
        let before: i64 = self.deliveries.iter().filter(is_terminal).map(|run| run.count()).sum();
        let now: i64 = plan.changes.iter().filter(|run| is_terminal(run)).map(Run::count).sum();
        Some(StateWrite {
            state_epoch: self.state_epoch,
            leader_epoch: self.leader_epoch,
            start_offset: self.start_offset,
            delivery_complete_count: i32::try_from(before + now).unwrap_or(i32::MAX),
            batches,
        })
    }

    /// Makes a plan true.
    pub fn apply(&mut self, plan: Plan) {
        for run in plan.changes {
            self.deliveries.set(run.first, run.last, run.value);
        }
        self.advance();
    }

    /// Moves the start over what is done.
    fn advance(&mut self) {
        while let Some(run) = self.deliveries.first() {
            if run.first <= self.start_offset && !run.value.state.is_terminal() {
                break;
            }
            self.start_offset = if run.value.state.is_terminal() {
                run.last + 1
            } else {
                run.first
            };
            self.deliveries.remove_below(self.start_offset);
        }
        if self.deliveries.is_empty() {
            self.start_offset = self.start_offset.max(self.end);
        }
    }
}
