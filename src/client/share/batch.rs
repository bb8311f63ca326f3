//! The records of one partition that a ShareFetch brought (Kafka: `ShareCompletedFetch`, `ShareInFlightBatch`).

use std::ops::ControlFlow;

use bytes::Bytes;

use super::{Place, ShareBatchId};
use crate::TopicPartition;
use crate::client::fetch::Fetched;
use crate::record::{Record, RecordError};

/// Offsets that were lent to us, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acquired {
    pub first: i64,
    pub last: i64,
    /// How often they were delivered, this time included.
    pub delivery_count: i16,
}

/// Records lent to us, as the broker sent them.
#[derive(Debug)]
pub struct ShareBatch {
    pub(super) leader: i32,
    pub(super) place: Place,
    fetched: Fetched,
    /// In the order of their offsets.
    acquired: Vec<Acquired>,
}

impl ShareBatch {
    pub(super) fn new(
        leader: i32,
        place: Place,
        records: Bytes,
        mut acquired: Vec<Acquired>,
        check_crcs: bool,
    ) -> Self {
        acquired.sort_by_key(|a| a.first);
        let fetched = Fetched::of_records(place.partition.clone(), records, check_crcs);
        Self {
            leader,
            place,
            fetched,
            acquired,
        }
    }

    pub fn partition(&self) -> &TopicPartition {
        &self.place.partition
    }

    /// Shows each record that was lent, with the number of its deliveries. Records that came along in the same batch but
    /// belong to others, and control records, are stepped over.
    ///
    /// # Errors
    /// A damaged batch. What came before it has been shown.
    pub fn visit(&self, mut each: impl FnMut(&Record<'_>, i16)) -> Result<(), RecordError> {
        let mut ranges = self.acquired.iter();
        let mut range = ranges.next();
        self.fetched.visit(|record| {
            while let Some(r) = range.filter(|r| r.last < record.offset) {
                debug_assert!(r.first <= r.last);
                range = ranges.next();
            }
            match range {
                Some(r) if r.first <= record.offset => each(record, r.delivery_count),
                Some(_) => {}
                None => return ControlFlow::Break(()),
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    pub(super) fn id(&self) -> ShareBatchId {
        ShareBatchId {
            leader: self.leader,
            place: self.place.clone(),
            ranges: self.acquired.iter().map(|a| (a.first, a.last)).collect(),
        }
    }
}
