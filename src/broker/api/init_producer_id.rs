//! InitProducerId (22), v0-5: an id for an idempotent producer. Transactional ids need a transaction coordinator, which
//! is not there yet: they are refused.

use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: InitProducerIdRequest) -> InitProducerIdResponse {
    match init(cx, &req) {
        Ok(id) => InitProducerIdResponse::default()
            .with_producer_id(ProducerId(id))
            .with_producer_epoch(0),
        Err(code) => InitProducerIdResponse::default()
            .with_error_code(code.code())
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1),
    }
}

fn init(cx: &RequestContext, req: &InitProducerIdRequest) -> Result<i64, ErrorCode> {
    match &req.transactional_id {
        None => {}
        Some(id) if id.is_empty() => return Err(ErrorCode::INVALID_REQUEST),
        Some(_) => return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
    }
    // Whoever may write to any topic may do so idempotently (KIP-679).
    if !cx.may_write_somewhere() {
        cx.authorize(Operation::IdempotentWrite, Resource::Cluster)
            .map_err(|e| e.code)?;
    }
    cx.node.next_producer_id().map_err(|e| e.code)
}
