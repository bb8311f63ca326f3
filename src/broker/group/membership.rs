//! What the groups have in common whose members send one heartbeat for everything (KIP-848, KIP-932, KIP-1071): checks with
//! their words, static members, deadlines.

use std::collections::HashMap;

use uuid::Uuid;

use crate::wire::error::ErrorCode;

/// Why a heartbeat is refused; the text is Kafka's where a client may show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupError {
    pub code: ErrorCode,
    pub message: String,
}

impl GroupError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::new(ErrorCode::INVALID_REQUEST, text)
    }

    pub(super) fn unknown_member(member_id: &str, group_id: &str) -> Self {
        let text = format!("Member {member_id} is not a member of group {group_id}.");
        Self::new(ErrorCode::UNKNOWN_MEMBER_ID, text)
    }

    pub(super) fn fenced_instance(member_id: &str, instance_id: &str, owner: &str) -> Self {
        let text = format!("Static member {member_id} with instance id {instance_id} was fenced by member {owner}.");
        Self::new(ErrorCode::FENCED_INSTANCE_ID, text)
    }

    /// `kind` is what Kafka calls the group: `consumer`, `share`, `streams`.
    pub(super) fn full(kind: &str, max_size: usize) -> Self {
        let text = format!("The {kind} group has reached its maximum capacity of {max_size} members.");
        Self::new(ErrorCode::GROUP_MAX_SIZE_REACHED, text)
    }
}

impl From<ErrorCode> for GroupError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code, code.message())
    }
}

/// Refuses names that are given but blank, the first in the order of Kafka's checks.
pub(super) fn check_not_blank(texts: &[(&str, Option<&str>)]) -> Result<(), GroupError> {
    let is_blank = |text: &Option<&str>| text.is_some_and(|text| text.trim().is_empty());
    match texts.iter().find(|(_, text)| is_blank(text)) {
        Some((name, _)) => Err(GroupError::invalid(format!("{name} can't be empty."))),
        None => Ok(()),
    }
}

/// Where a member stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct MemberEpochs {
    pub now: i32,
    pub previous: i32,
}

/// A member may be one answer behind, as that may have been lost, if it then has no more than it was given.
///
/// # Errors
/// FENCED_MEMBER_EPOCH; `kind` as in [`GroupError::full`].
pub(super) fn check_epoch(
    kind: &str,
    theirs: i32,
    ours: MemberEpochs,
    has_no_more: impl FnOnce() -> bool,
) -> Result<(), GroupError> {
    let how = match theirs.cmp(&ours.now) {
        std::cmp::Ordering::Greater => "greater",
        std::cmp::Ordering::Less if theirs != ours.previous || !has_no_more() => "smaller",
        _ => return Ok(()),
    };
    let ours = ours.now;
    Err(GroupError::new(
        ErrorCode::FENCED_MEMBER_EPOCH,
        format!(
            "The {kind} group member has a {how} member epoch ({theirs}) than the one known by the group \
             coordinator ({ours}). The member must abandon all its partitions and rejoin."
        ),
    ))
}

/// A number that changes when one of these topics comes, goes, or gets partitions; 0 without topics. Not Kafka's own
/// number: a broker that takes the log over merely assigns once more.
pub(super) fn hash_of_topics(topics: impl Iterator<Item = (Uuid, i32)>) -> i64 {
    let mut hash = 0u64;
    for (id, partitions) in topics {
        for byte in id.as_bytes().iter().copied().chain(partitions.to_be_bytes()) {
            hash = (hash ^ u64::from(byte))
                .wrapping_mul(0x0100_0000_01b3)
                .wrapping_add(0x9e37_79b9);
        }
    }
    hash as i64
}

/// Who has which `group.instance.id`.
#[derive(Debug, Default)]
pub(super) struct StaticMembers(HashMap<String, String>);

impl StaticMembers {
    pub(super) fn owner(&self, instance_id: &str) -> Option<&String> {
        self.0.get(instance_id)
    }

    pub(super) fn note(&mut self, instance_id: &str, member_id: &str) {
        self.0.insert(instance_id.to_owned(), member_id.to_owned());
    }

    /// A member is gone; another may have its instance id by now.
    pub(super) fn forget(&mut self, instance_id: &str, member_id: &str) {
        if self.0.get(instance_id).is_some_and(|owner| owner == member_id) {
            self.0.remove(instance_id);
        }
    }
}

/// When a member must have been heard of, and when it must have given back what it was asked for. Milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Deadlines {
    session_ms: Option<i64>,
    /// With the epoch it was asked at.
    rebalance: Option<(i64, i32)>,
}

impl Deadlines {
    pub(super) fn begin_session(&mut self, deadline_ms: i64) {
        self.session_ms = Some(deadline_ms);
    }

    /// `revoking` is by when the member is to give something back, and its epoch; `is_same` if it was asked for the same
    /// before, at that epoch: the time given then counts.
    pub(super) fn await_revocation(&mut self, revoking: Option<(i64, i32)>, is_same: bool) {
        let epoch = revoking.map(|(_, epoch)| epoch);
        let before = self.rebalance.filter(|(_, of)| is_same && Some(*of) == epoch);
        self.rebalance = before.or(revoking);
    }

    pub(super) fn next_ms(&self) -> Option<i64> {
        let rebalance_ms = self.rebalance.map(|(deadline_ms, _)| deadline_ms);
        [self.session_ms, rebalance_ms].into_iter().flatten().min()
    }

    /// Whether one has passed. That of a revocation counts at the epoch it is of.
    pub(super) fn have_passed(&self, now_ms: i64, member_epoch: i32) -> bool {
        let revoking = self.rebalance.filter(|(_, epoch)| *epoch == member_epoch);
        let revoking_ms = revoking.map(|(deadline_ms, _)| deadline_ms);
        let deadlines = [self.session_ms, revoking_ms];
        deadlines.into_iter().flatten().any(|deadline_ms| deadline_ms <= now_ms)
    }

    /// Forgets a revocation of a former epoch, whose time is over.
    pub(super) fn drop_passed_revocation(&mut self, now_ms: i64) {
        self.rebalance = self.rebalance.filter(|(deadline_ms, _)| *deadline_ms > now_ms);
    }
}
