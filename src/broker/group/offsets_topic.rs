//! `__consumer_offsets` on this node's replicas: what the coordinator appends to and loads from.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::consumer::{ClusterView, EmptyCluster};
use super::coordinator::{EachRecord, KeyValue, OffsetsLog};
use crate::TopicPartition;
use crate::broker::metadata::image::resource_type;
use crate::broker::metadata::{MetadataImage, names};
use crate::broker::node::Node;
use crate::broker::replica::Partition;
use crate::broker::replica::waiters::Waiter;
use crate::log::AppendOrigin;
use crate::record::control::EndTxnMarker;
use crate::record::{Batches, RecordBatchBuilder};
use crate::wire::error::ErrorCode;

/// See the module. The node owns the coordinator, so this only looks up to it.
#[derive(Debug)]
pub struct OffsetsTopic {
    node: Weak<Node>,
}

/// Bytes read at once while loading.
const LOAD_BUFFER_BYTES: usize = 5 * 1024 * 1024;

impl OffsetsTopic {
    pub fn new(node: Weak<Node>) -> Self {
        Self { node }
    }

    /// The partition, if this node leads it.
    fn leader(&self, partition: i32) -> Result<Arc<Partition>, ErrorCode> {
        let node = self.node.upgrade().ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
        node.replicas()
            .leader(&TopicPartition::new(names::GROUP_METADATA, partition))
    }
}

impl OffsetsLog for OffsetsTopic {
    fn partition_count(&self) -> i32 {
        let Some(node) = self.node.upgrade() else { return 1 };
        match node.image().topic(names::GROUP_METADATA) {
            Some(topic) => i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
            None => node.config().i32("offsets.topic.num.partitions"),
        }
    }

    fn leader_epoch(&self, partition: i32) -> Option<i32> {
        self.leader(partition).ok().map(|partition| partition.leader_epoch())
    }

    fn append(&self, partition: i32, records: &[KeyValue], now_ms: i64) -> Result<i64, ErrorCode> {
        let mut batch = RecordBatchBuilder::new(Default::default());
        for (key, value) in records {
            batch.append(now_ms, Some(key), value.as_deref());
        }
        let appended = self
            .leader(partition)?
            .append(batch.build(), AppendOrigin::Coordinator, now_ms);
        appended.map(|info| info.last_offset).map_err(|error| error.code)
    }

    fn committed(&self, partition: i32, offset: i64) -> BoxFuture<'static, Result<(), ErrorCode>> {
        let leader = self.leader(partition);
        async move { wait_until_committed(&*leader?, offset).await }.boxed()
    }

    fn cluster(&self) -> Arc<dyn ClusterView> {
        match self.node.upgrade() {
            Some(node) => Arc::new(ViewOf(node.image())),
            None => Arc::new(EmptyCluster),
        }
    }

    fn load(&self, partition: i32, each: &mut EachRecord<'_>) -> Result<(), ErrorCode> {
        let partition = self.leader(partition)?;
        let mut loader = Loader {
            each,
            open_transactions: HashMap::new(),
        };
        let mut offset = partition.log()?.log_start_offset();
        loop {
            let bytes = {
                let log = partition.log()?;
                let data = log.read(offset, LOAD_BUFFER_BYTES, log.log_end_offset(), true);
                data.map_err(|error| ErrorCode::from(error.code()))?.records()
            };
            let bytes = bytes.map_err(|_| ErrorCode::KAFKA_STORAGE_ERROR)?;
            match loader.read(&bytes, offset)? {
                Some(next) => offset = next,
                None => return Ok(()),
            }
        }
    }
}

/// Returns when the high watermark has passed the offset, at once if it has.
async fn wait_until_committed(partition: &Partition, offset: i64) -> Result<(), ErrorCode> {
    let epoch = partition.leader_epoch();
    loop {
        let waiter = Waiter::new();
        partition.watch(&waiter);
        if !partition.is_leader() || partition.leader_epoch() != epoch {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        if partition.log()?.high_watermark() > offset {
            return Ok(());
        }
        waiter.changed().await;
    }
}

/// Replays batches; those of a transaction when it is committed, as Kafka's producers commit offsets in transactions.
struct Loader<'a, 'b> {
    each: &'a mut EachRecord<'b>,
    /// Records of transactions without an end so far, by producer id.
    open_transactions: HashMap<i64, Vec<KeyValue>>,
}

impl Loader<'_, '_> {
    /// Gives the records from `offset` on, and returns the offset after the last batch; `None` if there was none.
    fn read(&mut self, bytes: &[u8], offset: i64) -> Result<Option<i64>, ErrorCode> {
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
                        self.end_transaction(header.producer_id, marker.committed);
                    }
                    continue;
                }
                let Some(key) = record.key else { continue };
                if header.is_transactional() {
                    let value = record.value.map(Bytes::copy_from_slice);
                    let open = self.open_transactions.entry(header.producer_id).or_default();
                    open.push((Bytes::copy_from_slice(key), value));
                } else {
                    (self.each)(key, record.value);
                }
            }
        }
        Ok(next)
    }

    fn end_transaction(&mut self, producer_id: i64, committed: bool) {
        let records = self.open_transactions.remove(&producer_id).unwrap_or_default();
        for (key, value) in records.iter().filter(|_| committed) {
            (self.each)(key, value.as_deref());
        }
    }
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

    fn group_setting(&self, group_id: &str, name: &str) -> Option<i32> {
        self.0
            .config(resource_type::GROUP, group_id)?
            .get(name)?
            .trim()
            .parse()
            .ok()
    }
}
