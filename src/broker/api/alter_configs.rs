//! AlterConfigs (33), v0-2: replaces all values of a resource; those not named are removed. Older than, and replaced by,
//! IncrementalAlterConfigs.

use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};

use super::shared::{altered_resource, check_altered, error_fields};
use crate::broker::config::Props;
use crate::broker::metadata::configs::{self, Resource};
use crate::broker::metadata::image::resource_type::BROKER_LOGGER;
use crate::broker::metadata::{ApiError, MetadataImage};
use crate::broker::request::{Operation, RequestContext};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: AlterConfigsRequest) -> AlterConfigsResponse {
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
            replace(cx, resource, req.validate_only)
        };
        let (code, message) = error_fields(result.as_ref().err());
        AlterConfigsResourceResponse::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
    };
    AlterConfigsResponse::default().with_responses(req.resources.iter().map(answer).collect())
}

fn replace(cx: &RequestContext, resource: &AlterConfigsResource, validate_only: bool) -> Result<(), ApiError> {
    let (kind, name) = (resource.resource_type, resource.resource_name.as_str());
    cx.authorize(Operation::AlterConfigs, altered_resource(kind, name))?;
    let given: Vec<_> = resource
        .configs
        .iter()
        .map(|c| (c.name.as_str(), c.value.is_none()))
        .collect();
    check_altered(&given)?;
    if kind == BROKER_LOGGER {
        return Err(ApiError::new(
            ErrorCode::INVALID_REQUEST,
            format!("Unknown resource type {kind}"),
        ));
    }
    let value = |v: &Option<kafka_protocol::protocol::StrBytes>| v.as_deref().unwrap_or_default().to_owned();
    let values: Props = resource
        .configs
        .iter()
        .map(|c| (c.name.to_string(), value(&c.value)))
        .collect();
    let config = cx.node.config();
    let target = Resource {
        kind,
        name,
        node_id: cx.node.id(),
    };
    let plan = |image: &MetadataImage| configs::replace(image, &config, target, &values);
    if validate_only {
        return plan(&cx.image()).map(drop);
    }
    cx.node.controller().change(|image| Ok((plan(image)?, ())))
}
