//! IncrementalAlterConfigs (44), v0-1: sets, deletes, appends to and subtracts from single keys. KIP-339.

use kafka_protocol::messages::incremental_alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};

use super::shared::{altered_resource, check_altered, error_fields};
use crate::broker::loggers;
use crate::broker::metadata::configs::{self, Op, Resource};
use crate::broker::metadata::image::resource_type::BROKER_LOGGER;
use crate::broker::metadata::{ApiError, MetadataImage};
use crate::broker::request::{Operation, RequestContext};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsResponse {
    let answer = |resource: &AlterConfigsResource| {
        let same = |r: &&AlterConfigsResource| {
            r.resource_type == resource.resource_type && r.resource_name == resource.resource_name
        };
        let result = if req.resources.iter().filter(same).count() > 1 {
            Err(ApiError::new(
                ErrorCode::INVALID_REQUEST,
                "Each resource must appear at most once.",
            ))
        } else {
            alter(cx, resource, req.validate_only)
        };
        let (code, message) = error_fields(result.as_ref().err());
        AlterConfigsResourceResponse::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
    };
    IncrementalAlterConfigsResponse::default().with_responses(req.resources.iter().map(answer).collect())
}

fn alter(cx: &RequestContext, resource: &AlterConfigsResource, validate_only: bool) -> Result<(), ApiError> {
    let (kind, name) = (resource.resource_type, resource.resource_name.as_str());
    cx.authorize(Operation::AlterConfigs, altered_resource(kind, name))?;
    let given = resource
        .configs
        .iter()
        .map(|c| (c.name.as_str(), c.value.is_none() && c.config_operation != 1));
    check_altered(&given.collect::<Vec<_>>())?;
    let mut ops = Vec::with_capacity(resource.configs.len());
    for config in &resource.configs {
        let op = Op::from_wire(config.config_operation, config.value.as_deref()).ok_or_else(|| {
            let text = format!("Unknown operations type {}", config.config_operation);
            ApiError::new(ErrorCode::INVALID_REQUEST, text)
        })?;
        ops.push((config.name.to_string(), op));
    }
    if kind == BROKER_LOGGER {
        if name.parse() != Ok(cx.node.id()) {
            let text = format!("Unexpected broker id, expected {}, but received {name}", cx.node.id());
            return Err(ApiError::new(ErrorCode::INVALID_REQUEST, text));
        }
        return loggers::alter(&mut cx.node.loggers().lock(), &ops, validate_only);
    }
    let config = cx.node.config();
    let target = Resource {
        kind,
        name,
        node_id: cx.node.id(),
    };
    let plan = |image: &MetadataImage| configs::incremental(image, &config, target, &ops);
    if validate_only {
        return plan(&cx.image()).map(drop);
    }
    cx.node.controller().change(|image| Ok((plan(image)?, ())))
}
