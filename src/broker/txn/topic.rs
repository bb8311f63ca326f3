//! `__transaction_state` on this node's replicas, and what else the coordinator needs of its node.

use std::sync::{Arc, Weak};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::coordinator::{EachRecord, TransactionLog};
use super::markers::write_marker;
use crate::TopicPartition;
use crate::broker::group::coordinator::KeyValue;
use crate::broker::metadata::names;
use crate::broker::node::Node;
use crate::broker::replica::{Partition, TxnMarker};
use crate::log::AppendOrigin;
use crate::record::{Batches, RecordBatchBuilder};
use crate::wire::ErrorCode;

/// See the module. The node owns the coordinator, so this only looks up to it.
#[derive(Debug)]
pub struct TransactionTopic {
    node: Weak<Node>,
}

impl TransactionTopic {
    pub fn new(node: Weak<Node>) -> Self {
        Self { node }
    }

    fn node(&self) -> Result<Arc<Node>, ErrorCode> {
        self.node.upgrade().ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)
    }

    /// The partition, if this node leads it.
    fn leader(&self, partition: i32) -> Result<Arc<Partition>, ErrorCode> {
        let tp = TopicPartition::new(names::TRANSACTION_STATE, partition);
        self.node()?.replicas().leader(&tp)
    }
}

impl TransactionLog for TransactionTopic {
    fn partition_count(&self) -> i32 {
        let Some(node) = self.node.upgrade() else { return 1 };
        match node.image().topic(names::TRANSACTION_STATE) {
            Some(topic) => i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
            None => node.config().i32("transaction.state.log.num.partitions"),
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
        async move { leader?.committed(offset).await }.boxed()
    }

    fn load(&self, partition: i32, each: &mut EachRecord<'_>) -> Result<(), ErrorCode> {
        let buffer = self.node()?.config().i64("transaction.state.log.load.buffer.size");
        let buffer = usize::try_from(buffer).unwrap_or(usize::MAX);
        let partition = self.leader(partition)?;
        let mut offset = partition.log()?.log_start_offset();
        loop {
            let bytes = {
                let log = partition.log()?;
                let data = log.read(offset, buffer, log.log_end_offset(), true);
                data.map_err(|error| ErrorCode::from(error.code()))?.records()
            };
            let bytes = bytes.map_err(|_| ErrorCode::KAFKA_STORAGE_ERROR)?;
            match read(&bytes, offset, each)? {
                Some(next) => offset = next,
                None => return Ok(()),
            }
        }
    }

    fn transaction_version(&self) -> i16 {
        let Some(node) = self.node.upgrade() else { return 0 };
        node.image().features.get("transaction.version").copied().unwrap_or(0)
    }

    fn next_producer_id(&self) -> Result<i64, ErrorCode> {
        self.node()?.next_producer_id().map_err(|error| error.code)
    }

    fn write_marker(
        &self,
        tp: &TopicPartition,
        marker: TxnMarker,
    ) -> BoxFuture<'static, Option<Result<(), ErrorCode>>> {
        let (node, tp) = (self.node(), tp.clone());
        async move {
            let node = match node {
                Ok(node) => node,
                Err(error) => return Some(Err(error)),
            };
            node.image().partition(&tp.topic, tp.partition)?;
            Some(write_marker(&node, &tp, &marker).await)
        }
        .boxed()
    }
}

/// Gives the records of batches from `offset` on, and the offset after the last batch; `None` if there was none.
fn read(bytes: &[u8], offset: i64, each: &mut EachRecord<'_>) -> Result<Option<i64>, ErrorCode> {
    let corrupt = |_| ErrorCode::CORRUPT_MESSAGE;
    let mut next = None;
    for batch in Batches::new(bytes) {
        let batch = batch.map_err(corrupt)?;
        next = Some(batch.header.next_offset());
        if batch.header.is_control() {
            continue;
        }
        let mut records = batch.records().map_err(corrupt)?;
        while let Some(record) = records.next() {
            let record = record.map_err(corrupt)?;
            if let Some(key) = record.key
                && record.offset >= offset
            {
                each(key, record.value);
            }
        }
    }
    Ok(next)
}
