//! `__consumer_offsets` on this node's replicas: what the coordinator appends to and loads from. And
//! `__share_group_state`, which the share coordinator uses in the same way.

use std::sync::{Arc, Weak};

use futures::FutureExt;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::consumer::{ClusterView, EmptyCluster, TopicsMark};
use super::coordinator::{EachEntry, Entry, KeyValue, OffsetsLog};
use crate::TopicPartition;
use crate::broker::metadata::image::resource_type;
use crate::broker::metadata::{MetadataImage, names};
use crate::broker::node::Node;
use crate::broker::replica::{Partition, TxnMarker, TxnProducer};
use crate::log::{AppendOrigin, AppendTerms};
use crate::record::control::EndTxnMarker;
use crate::record::{BatchOptions, Batches, RecordBatchBuilder};
use crate::wire::error::ErrorCode;

/// See the module. The node owns the coordinator, so this only looks up to it.
#[derive(Debug)]
pub struct OffsetsTopic {
    node: Weak<Node>,
    topic: &'static str,
    /// The setting that says how many partitions it will have.
    partitions_setting: &'static str,
}

/// Bytes read at once while loading.
const LOAD_BUFFER_BYTES: usize = 5 * 1024 * 1024;

impl OffsetsTopic {
    pub fn new(node: Weak<Node>) -> Self {
        Self {
            node,
            topic: names::GROUP_METADATA,
            partitions_setting: "offsets.topic.num.partitions",
        }
    }

    /// `__share_group_state` in the same way, for the share coordinator.
    pub fn share_state(node: Weak<Node>) -> Self {
        Self {
            node,
            topic: names::SHARE_GROUP_STATE,
            partitions_setting: "share.coordinator.state.topic.num.partitions",
        }
    }

    /// The partition, if this node leads it.
    fn leader(&self, partition: i32) -> Result<Arc<Partition>, ErrorCode> {
        let node = self.node.upgrade().ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
        node.replicas().leader(&TopicPartition::new(self.topic, partition))
    }
}

impl OffsetsLog for OffsetsTopic {
    fn partition_count(&self) -> i32 {
        let Some(node) = self.node.upgrade() else { return 1 };
        match node.image().topic(self.topic) {
            Some(topic) => i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
            None => node.config().i32(self.partitions_setting),
        }
    }

    fn leader_epoch(&self, partition: i32) -> Option<i32> {
        self.leader(partition).ok().map(|partition| partition.leader_epoch())
    }

    fn append(
        &self,
        partition: i32,
        records: &[KeyValue],
        producer: Option<TxnProducer>,
        now_ms: i64,
    ) -> Result<i64, ErrorCode> {
        let options = producer.map_or_else(BatchOptions::default, |producer| BatchOptions {
            producer_id: producer.producer_id,
            producer_epoch: producer.producer_epoch,
            transactional: true,
            ..BatchOptions::default()
        });
        let mut batch = RecordBatchBuilder::new(options);
        for (key, value) in records {
            batch.append(now_ms, Some(key), value.as_deref());
        }
        let terms = AppendTerms {
            guard: producer.and_then(|producer| producer.guard),
            ..AppendOrigin::Coordinator.into()
        };
        let appended = self.leader(partition)?.append(batch.build(), terms, now_ms);
        appended.map(|info| info.last_offset).map_err(|error| error.code)
    }

    fn append_marker(&self, partition: i32, marker: &TxnMarker, now_ms: i64) -> Result<i64, ErrorCode> {
        let appended = self.leader(partition)?.append_marker(marker, now_ms);
        appended.map(|info| info.last_offset).map_err(|error| error.code)
    }

    fn committed(&self, partition: i32, offset: i64) -> BoxFuture<'static, Result<(), ErrorCode>> {
        let leader = self.leader(partition);
        async move { leader?.committed(offset).await }.boxed()
    }

    fn cluster(&self) -> Arc<dyn ClusterView> {
        match self.node.upgrade() {
            Some(node) => Arc::new(ViewOf(node.image())),
            None => Arc::new(EmptyCluster),
        }
    }

    fn load(&self, partition: i32, each: &mut EachEntry<'_>) -> Result<(), ErrorCode> {
        let partition = self.leader(partition)?;
        let mut offset = partition.log()?.log_start_offset();
        loop {
            let bytes = {
                let log = partition.log()?;
                let data = log.read(offset, LOAD_BUFFER_BYTES, log.log_end_offset(), true);
                data.map_err(|error| ErrorCode::from(error.code()))?.records()
            };
            let bytes = bytes.map_err(|_| ErrorCode::KAFKA_STORAGE_ERROR)?;
            match read(&bytes, offset, each)? {
                Some(next) => offset = next,
                None => return Ok(()),
            }
        }
    }

    fn delete_before(&self, partition: i32, offset: i64) -> Result<(), ErrorCode> {
        let partition = self.leader(partition)?;
        let moved = partition.log()?.advance_log_start(offset);
        moved.map_err(|error| ErrorCode::from(error.code()))?;
        partition.wake();
        Ok(())
    }
}

/// Gives the entries of batches from `offset` on, and the offset after the last batch; `None` if there was none.
fn read(bytes: &[u8], offset: i64, each: &mut EachEntry<'_>) -> Result<Option<i64>, ErrorCode> {
    let corrupt = |_| ErrorCode::CORRUPT_MESSAGE;
    let mut next = None;
    for batch in Batches::new(bytes) {
        let batch = batch.map_err(corrupt)?;
        let header = &batch.header;
        next = Some(header.next_offset());
        let mut records = batch.records().map_err(corrupt)?;
        while let Some(record) = records.next() {
            let record = record.map_err(corrupt)?;
            if record.offset < offset {
                continue;
            }
            if header.is_control() {
                if let Some(marker) = EndTxnMarker::parse(&record).map_err(corrupt)? {
                    each(Entry::EndOfTransaction {
                        producer_id: header.producer_id,
                        committed: marker.committed,
                    });
                }
                continue;
            }
            let Some(key) = record.key else { continue };
            each(Entry::Record {
                offset: record.offset,
                producer_id: header.is_transactional().then_some(header.producer_id),
                key,
                value: record.value,
            });
        }
    }
    Ok(next)
}

#[derive(Debug)]
struct ViewOf(Arc<MetadataImage>);

impl ClusterView for ViewOf {
    fn topic(&self, name: &str) -> Option<(Uuid, i32)> {
        let topic = self.0.topic(name)?;
        Some((topic.id, i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX)))
    }

    fn names(&self) -> Vec<String> {
        self.0.topics.keys().map(ToString::to_string).collect()
    }

    fn topics_mark(&self) -> Option<TopicsMark> {
        Some(TopicsMark::of(&self.0.topic_names))
    }

    fn group_setting(&self, group_id: &str, name: &str) -> Option<i32> {
        self.0
            .config(resource_type::GROUP, group_id)?
            .get(name)?
            .trim()
            .parse()
            .ok()
    }
}
