//! UnregisterBroker (64), v0: forgets a broker that is gone for good. KIP-500. The one broker there is stays.

use kafka_protocol::messages::{UnregisterBrokerRequest, UnregisterBrokerResponse};

use super::shared::error_fields;
use crate::broker::metadata::{ApiError, MetadataRecord};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: UnregisterBrokerRequest) -> UnregisterBrokerResponse {
    let id = req.broker_id.0;
    let done = cx.authorize(Operation::Alter, Resource::Cluster).and_then(|()| {
        cx.node.controller().change(|image| {
            let Some(broker) = image.brokers.get(&id) else {
                let why = format!("Broker ID {id} is not currently registered");
                return Err(ApiError::new(ErrorCode::BROKER_ID_NOT_REGISTERED, why));
            };
            if id == cx.node.id() {
                let why = format!("Broker {id} is this cluster's only one and cannot be unregistered.");
                return Err(ApiError::new(ErrorCode::INVALID_REQUEST, why));
            }
            let record = MetadataRecord::UnregisterBroker {
                broker_id: id,
                broker_epoch: broker.epoch,
            };
            Ok((vec![record], ()))
        })
    });
    let (code, message) = error_fields(done.as_ref().err());
    UnregisterBrokerResponse::default()
        .with_error_code(code)
        .with_error_message(message)
}
