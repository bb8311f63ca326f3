//! EndTxn (26), v0-5. Commits or aborts a transaction. From v5 on the producer goes on with the epoch of the answer
//! (KIP-890).

use kafka_protocol::messages::{EndTxnRequest, EndTxnResponse, ProducerId};

use super::shared::fenced_since;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::txn::shard::EndRequest;
use crate::broker::txn::state::{EPOCH_BUMP_VERSION, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, ProducerIdAndEpoch};
use crate::wire::ErrorCode;

/// v2 knows PRODUCER_FENCED.
const FENCED: i16 = 2;
/// v5 answers the next epoch.
const EPOCH_BUMP: i16 = 5;

pub async fn handle(cx: &RequestContext, req: EndTxnRequest) -> EndTxnResponse {
    let (code, producer) = match end(cx, &req).await {
        Ok(producer) => (ErrorCode::NONE, producer),
        Err(code) => {
            let nobody = ProducerIdAndEpoch {
                id: NO_PRODUCER_ID,
                epoch: NO_PRODUCER_EPOCH,
            };
            (fenced_since(FENCED, cx.api_version, code), nobody)
        }
    };
    let response = EndTxnResponse::default().with_error_code(code.code());
    if cx.api_version < EPOCH_BUMP {
        return response;
    }
    response
        .with_producer_id(ProducerId(producer.id))
        .with_producer_epoch(producer.epoch)
}

async fn end(cx: &RequestContext, req: &EndTxnRequest) -> Result<ProducerIdAndEpoch, ErrorCode> {
    let id = &req.transactional_id;
    cx.authorize(Operation::Write, Resource::TransactionalId(id))
        .map_err(|denied| denied.code)?;
    let request = EndRequest {
        producer: ProducerIdAndEpoch {
            id: req.producer_id.0,
            epoch: req.producer_epoch,
        },
        committed: req.committed,
        client_version: if cx.api_version < EPOCH_BUMP {
            0
        } else {
            EPOCH_BUMP_VERSION
        },
    };
    cx.node.transactions().end(id, request).await
}
