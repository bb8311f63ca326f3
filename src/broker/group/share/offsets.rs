//! What administrators do to the start offsets of a share group that has no members: the group's part. The share
//! coordinator's part is done by the caller, between two of these.

use std::collections::HashSet;

use uuid::Uuid;

use super::{NamedAssignment, ShareGroup, extend, subtract};
use crate::broker::group::turn::Turn;
use crate::wire::error::ErrorCode;

impl ShareGroup {
    /// Moves the group epoch on, under which the states of `partitions` are begun anew, and counts them as begun.
    ///
    /// # Errors
    /// NON_EMPTY_GROUP.
    pub fn alter_offsets(&mut self, turn: &mut Turn<'_>, partitions: &NamedAssignment) -> Result<i32, ErrorCode> {
        if !self.is_empty() {
            return Err(ErrorCode::NON_EMPTY_GROUP);
        }
        let hash = self.metadata_hash;
        self.write_epoch(turn, hash);
        let mut initialized = self.initialized.clone();
        extend(&mut initialized, partitions);
        let mut initializing = self.initializing.clone();
        subtract(&mut initializing, partitions);
        let deleting = self.deleting.clone();
        self.write_state_partitions(turn, &initializing, &initialized, &deleting);
        Ok(self.epoch)
    }

    /// Begins the deletion of the states of whole topics, and names their partitions.
    ///
    /// # Errors
    /// NON_EMPTY_GROUP.
    pub fn begin_deletion(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &HashSet<Uuid>,
    ) -> Result<NamedAssignment, ErrorCode> {
        if !self.is_empty() {
            return Err(ErrorCode::NON_EMPTY_GROUP);
        }
        let mut doomed = self.known_partitions();
        doomed.retain(|topic, _| topics.contains(topic));
        if !doomed.is_empty() {
            let mut deleting = self.deleting.clone();
            deleting.extend(doomed.iter().map(|(topic, (name, _))| (*topic, name.clone())));
            self.write_without(turn, topics, &deleting);
        }
        Ok(doomed)
    }

    /// The states of these topics are gone.
    pub fn end_deletion(&mut self, turn: &mut Turn<'_>, topics: &HashSet<Uuid>) {
        let mut deleting = self.deleting.clone();
        deleting.retain(|topic, _| !topics.contains(topic));
        self.write_without(turn, topics, &deleting);
    }

    /// Forgets topics that are gone from the cluster.
    pub fn on_topics_deleted(&mut self, turn: &mut Turn<'_>, names: &HashSet<String>) {
        let known = self.known_partitions();
        let gone = known.iter().filter(|(_, (name, _))| names.contains(name));
        let gone: HashSet<Uuid> = gone.map(|(topic, _)| *topic).collect();
        if !gone.is_empty() {
            self.end_deletion(turn, &gone);
        }
    }

    fn write_without(
        &mut self,
        turn: &mut Turn<'_>,
        topics: &HashSet<Uuid>,
        deleting: &std::collections::BTreeMap<Uuid, String>,
    ) {
        let (mut initializing, mut initialized) = (self.initializing.clone(), self.initialized.clone());
        initializing.retain(|topic, _| !topics.contains(topic));
        initialized.retain(|topic, _| !topics.contains(topic));
        self.write_state_partitions(turn, &initializing, &initialized, deleting);
    }
}
