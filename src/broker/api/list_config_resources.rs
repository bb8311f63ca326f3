//! ListConfigResources (74), v0-1: which resources have configs of their own. v0 knew client metrics only (KIP-1142).

use kafka_protocol::messages::list_config_resources_response::ConfigResource;
use kafka_protocol::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse};

use super::shared::text;
use crate::broker::metadata::MetadataImage;
use crate::broker::metadata::image::resource_type::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

const ALL: [i8; 5] = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP];

pub async fn handle(cx: &RequestContext, req: ListConfigResourcesRequest) -> ListConfigResourcesResponse {
    let answer = ListConfigResourcesResponse::default();
    if let Err(e) = cx.authorize(Operation::DescribeConfigs, Resource::Cluster) {
        return answer.with_error_code(e.code.code());
    }
    let mut kinds = match (cx.api_version, req.resource_types.is_empty()) {
        (0, _) => vec![CLIENT_METRICS],
        (_, true) => ALL.to_vec(),
        (_, false) => req.resource_types,
    };
    if kinds.iter().any(|kind| !ALL.contains(kind)) {
        return answer.with_error_code(ErrorCode::UNSUPPORTED_VERSION.code());
    }
    kinds.sort_unstable();
    kinds.dedup();
    let image = cx.image();
    let rows = kinds.into_iter().flat_map(|kind| {
        names(&image, kind).into_iter().map(move |name| {
            ConfigResource::default()
                .with_resource_name(text(&name))
                .with_resource_type(kind)
        })
    });
    answer.with_config_resources(rows.collect())
}

fn names(image: &MetadataImage, kind: i8) -> Vec<String> {
    match kind {
        TOPIC => image.topics.keys().map(|name| name.to_string()).collect(),
        BROKER | BROKER_LOGGER => image.brokers.keys().map(i32::to_string).collect(),
        _ => image
            .configs
            .keys()
            .filter(|(k, _)| *k == kind)
            .map(|(_, name)| name.clone())
            .collect(),
    }
}
