//! What time does to a group: sessions end, and rebalances do not wait for ever.

use super::{ClassicGroup, State};
use crate::broker::group::turn::Turn;

/// Ends a join phase.
#[derive(Debug, Clone, Copy)]
pub(super) struct JoinTimer {
    deadline_ms: i64,
    /// Set while the first rebalance is held back for more members.
    initial: Option<HoldBack>,
}

#[derive(Debug, Clone, Copy)]
struct HoldBack {
    delay_ms: i32,
    remaining_ms: i32,
}

impl JoinTimer {
    pub(super) fn rebalance(deadline_ms: i64) -> Self {
        Self {
            deadline_ms,
            initial: None,
        }
    }

    pub(super) fn initial(deadline_ms: i64, delay_ms: i32, remaining_ms: i32) -> Self {
        Self {
            deadline_ms,
            initial: Some(HoldBack { delay_ms, remaining_ms }),
        }
    }
}

impl ClassicGroup {
    /// When [`ClassicGroup::on_time`] is next due.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        let sessions = self.members.values().filter_map(|member| member.heartbeat_deadline_ms);
        let phases = [self.join_timer.map(|timer| timer.deadline_ms), self.sync_deadline_ms];
        sessions
            .chain(self.pending_join.values().copied())
            .chain(phases.into_iter().flatten())
            .min()
    }

    /// Does all that is due by now.
    pub fn on_time(&mut self, turn: &mut Turn<'_>) {
        let now_ms = turn.now_ms;
        let due = |deadline_ms: Option<i64>| deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms);
        let lapsed = self
            .pending_join
            .iter()
            .filter(|(_, deadline_ms)| **deadline_ms <= now_ms);
        for member_id in lapsed.map(|(member_id, _)| member_id.clone()).collect::<Vec<_>>() {
            self.pending_join.remove(&member_id);
            self.complete_join_if_all_joined(turn);
        }
        let silent = self.members.values().filter(|member| due(member.heartbeat_deadline_ms));
        for member_id in silent.map(|member| member.member_id.clone()).collect::<Vec<_>>() {
            self.end_session(turn, &member_id);
        }
        if due(self.sync_deadline_ms) {
            self.end_sync_phase(turn);
        }
        if due(self.join_timer.map(|timer| timer.deadline_ms)) {
            self.end_join_phase(turn);
        }
    }

    fn end_session(&mut self, turn: &mut Turn<'_>, member_id: &str) {
        // An earlier member's end may have begun a rebalance that gave this one a new session.
        let Some(member) = self.members.get_mut(member_id) else {
            return;
        };
        if member
            .heartbeat_deadline_ms
            .is_none_or(|deadline_ms| deadline_ms > turn.now_ms)
        {
            return;
        }
        if member.has_satisfied_heartbeat() {
            member.heartbeat_deadline_ms = None;
            return;
        }
        self.drop_member(turn, member_id);
        match self.state {
            State::Stable | State::CompletingRebalance => self.prepare_rebalance(turn),
            State::PreparingRebalance => self.complete_join_if_all_joined(turn),
            State::Empty | State::Dead => {}
        }
    }

    fn complete_join_if_all_joined(&mut self, turn: &mut Turn<'_>) {
        if self.state == State::PreparingRebalance && self.have_all_joined() {
            self.complete_join(turn);
        }
    }

    /// Members that got their JoinGroup answer and never came back with a SyncGroup are out (KAFKA-13435).
    fn end_sync_phase(&mut self, turn: &mut Turn<'_>) {
        self.sync_deadline_ms = None;
        let missing: Vec<String> = self.pending_sync.drain().collect();
        if missing.is_empty() || !matches!(self.state, State::CompletingRebalance | State::Stable) {
            return;
        }
        for member_id in missing {
            self.remove_member(&member_id);
        }
        self.prepare_rebalance(turn);
    }

    fn end_join_phase(&mut self, turn: &mut Turn<'_>) {
        let Some(timer) = self.join_timer.take() else { return };
        match timer.initial {
            Some(HoldBack { delay_ms, remaining_ms }) if self.new_member_added && remaining_ms != 0 => {
                self.new_member_added = false;
                let next_delay_ms = turn.config.initial_rebalance_delay_ms.min(remaining_ms);
                self.hold_back_join(turn, next_delay_ms, (remaining_ms - delay_ms).max(0));
            }
            _ => self.complete_join(turn),
        }
    }
}
