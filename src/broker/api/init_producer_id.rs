//! InitProducerId (22), v0-5: an id and an epoch for an idempotent or transactional producer. A transactional id's open
//! transaction is aborted first (CONCURRENT_TRANSACTIONS: the client comes again). KIP-98, KIP-360.

use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::txn::shard::InitRequest;
use crate::broker::txn::state::{NO_PRODUCER_EPOCH, NO_PRODUCER_ID, ProducerIdAndEpoch};
use crate::wire::ErrorCode;

/// v4 knows PRODUCER_FENCED; before it is INVALID_PRODUCER_EPOCH.
const FENCED: i16 = 4;

pub async fn handle(cx: &RequestContext, req: InitProducerIdRequest) -> InitProducerIdResponse {
    match init(cx, &req).await {
        Ok(producer) => InitProducerIdResponse::default()
            .with_producer_id(ProducerId(producer.id))
            .with_producer_epoch(producer.epoch),
        Err(code) => InitProducerIdResponse::default()
            .with_error_code(super::shared::fenced_since(FENCED, cx.api_version, code).code())
            .with_producer_id(ProducerId(NO_PRODUCER_ID))
            .with_producer_epoch(NO_PRODUCER_EPOCH),
    }
}

async fn init(cx: &RequestContext, req: &InitProducerIdRequest) -> Result<ProducerIdAndEpoch, ErrorCode> {
    match &req.transactional_id {
        Some(id) => cx.authorize(Operation::Write, Resource::TransactionalId(id)),
        // Whoever may write to any topic may do so idempotently (KIP-679).
        None if cx.may_write_somewhere() => Ok(()),
        None => cx.authorize(Operation::IdempotentWrite, Resource::Cluster),
    }
    .map_err(|denied| denied.code)?;
    let expected = match (req.producer_id.0, req.producer_epoch) {
        (NO_PRODUCER_ID, NO_PRODUCER_EPOCH) => None,
        (NO_PRODUCER_ID, _) | (_, NO_PRODUCER_EPOCH) => return Err(ErrorCode::INVALID_REQUEST),
        (id, epoch) => Some(ProducerIdAndEpoch { id, epoch }),
    };
    let Some(transactional_id) = &req.transactional_id else {
        let id = cx.node.next_producer_id().map_err(|e| e.code)?;
        return Ok(ProducerIdAndEpoch { id, epoch: 0 });
    };
    let request = InitRequest {
        timeout_ms: req.transaction_timeout_ms,
        expected,
    };
    cx.node.transactions().init_producer_id(transactional_id, request).await
}
