//! What OffsetCommit and TxnOffsetCommit have in common: partitions that may not be committed are refused one by one, the
//! rest is committed together.

use std::sync::Arc;

use crate::broker::group::offsets::{OffsetCommit, PartitionCommit};
use crate::broker::metadata::MetadataImage;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

/// The offset of one partition, as either request has it.
pub struct Asked<'a> {
    pub partition: i32,
    pub offset: i64,
    pub leader_epoch: i32,
    pub metadata: Option<&'a str>,
}

/// For each partition of a request, in its order, the error or that it may be committed.
pub struct Screen {
    pub image: Arc<MetadataImage>,
    codes: Vec<Option<ErrorCode>>,
    pub commit: OffsetCommit,
}

impl Screen {
    /// Everything is refused.
    pub fn refuse(cx: &RequestContext, partitions: usize, code: ErrorCode) -> Self {
        Self {
            codes: vec![Some(code); partitions],
            ..Self::of(cx, OffsetCommit::default())
        }
    }

    /// Partitions are added to `commit`, which has none yet.
    pub fn of(cx: &RequestContext, commit: OffsetCommit) -> Self {
        Self {
            image: cx.image(),
            codes: Vec::new(),
            commit,
        }
    }

    /// Tells the partitions of a topic that may be committed from those that may not.
    pub fn topic<'a>(&mut self, cx: &RequestContext, name: &str, partitions: impl Iterator<Item = Asked<'a>>) {
        let denied = cx.authorize(Operation::Read, Resource::Topic(name)).err();
        let known = self.image.topic(name);
        for asked in partitions {
            let index = usize::try_from(asked.partition).unwrap_or(usize::MAX);
            let known = known.filter(|topic| index < topic.partitions.len());
            self.codes.push(match (&denied, known) {
                (Some(denied), _) => Some(denied.code),
                (None, None) => Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
                (None, Some(known)) => {
                    self.commit.partitions.push(PartitionCommit {
                        topic: name.to_owned(),
                        topic_id: known.id,
                        partition: asked.partition,
                        offset: asked.offset,
                        leader_epoch: asked.leader_epoch,
                        metadata: asked.metadata.unwrap_or_default().to_owned(),
                    });
                    None
                }
            });
        }
    }

    /// Nothing of a topic may be committed.
    pub fn refuse_topic(&mut self, partitions: usize, code: ErrorCode) {
        self.codes.extend(std::iter::repeat_n(Some(code), partitions));
    }

    /// The error code of each partition of the request, in its order; `results` are those of the commit.
    pub fn codes(self, results: Result<Vec<Result<(), ErrorCode>>, ErrorCode>) -> impl Iterator<Item = i16> {
        let of_commit = results.unwrap_or_else(|code| vec![Err(code); self.commit.partitions.len()]);
        let mut of_commit = of_commit.into_iter();
        let code = move |refused: Option<ErrorCode>| {
            let code = refused.or_else(|| of_commit.next().and_then(Result::err));
            code.unwrap_or(ErrorCode::NONE).code()
        };
        self.codes.into_iter().map(code)
    }
}
