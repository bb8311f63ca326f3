//! AddOffsetsToTxn (25), v0-4. Tells the coordinator that a transaction will commit offsets of a group: the group's
//! partition of `__consumer_offsets` belongs to the transaction.

use kafka_protocol::messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::shared::fenced_since;
use crate::TopicPartition;
use crate::broker::metadata::names;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::txn::state::ProducerIdAndEpoch;
use crate::wire::ErrorCode;

/// v2 knows PRODUCER_FENCED.
const FENCED: i16 = 2;

pub async fn handle(cx: &RequestContext, req: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse {
    let code = add(cx, &req).await.err().unwrap_or(ErrorCode::NONE);
    AddOffsetsToTxnResponse::default().with_error_code(fenced_since(FENCED, cx.api_version, code).code())
}

async fn add(cx: &RequestContext, req: &AddOffsetsToTxnRequest) -> Result<(), ErrorCode> {
    let id = &req.transactional_id;
    cx.authorize(Operation::Write, Resource::TransactionalId(id))
        .map_err(|denied| denied.code)?;
    cx.authorize(Operation::Read, Resource::Group(&req.group_id))
        .map_err(|denied| denied.code)?;
    let producer = ProducerIdAndEpoch {
        id: req.producer_id.0,
        epoch: req.producer_epoch,
    };
    let partition = cx.node.groups().partition_for(&req.group_id);
    let partition = TopicPartition::new(names::GROUP_METADATA, partition);
    cx.node
        .transactions()
        .add_partitions(id, producer, &[partition], 0)
        .await
}
