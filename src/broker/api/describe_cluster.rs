//! DescribeCluster (60), v0-2: brokers, controller and id of the cluster. KIP-700, KIP-919 (which endpoints), KIP-1073
//! (fenced brokers).

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse};

use super::shared::text;
use crate::broker::metadata::image::BrokerImage;
use crate::broker::request::RequestContext;
use crate::wire::ErrorCode;

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub async fn handle(cx: &RequestContext, req: DescribeClusterRequest) -> DescribeClusterResponse {
    let answer = DescribeClusterResponse::default().with_endpoint_type(BROKERS);
    if req.endpoint_type != BROKERS {
        let code = if req.endpoint_type == CONTROLLERS {
            ErrorCode::MISMATCHED_ENDPOINT_TYPE
        } else {
            ErrorCode::UNSUPPORTED_ENDPOINT_TYPE
        };
        let why = if req.endpoint_type == CONTROLLERS {
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
                .to_owned()
        } else {
            format!("Unsupported endpoint type {}", req.endpoint_type)
        };
        return answer.with_error_code(code.code()).with_error_message(Some(text(&why)));
    }
    let image = cx.image();
    let row = |b: &BrokerImage| {
        let at = b.listener(&cx.connection.listener)?;
        Some(
            DescribeClusterBroker::default()
                .with_broker_id(BrokerId(b.id))
                .with_host(text(&at.host))
                .with_port(i32::from(at.port))
                .with_rack(b.rack.as_deref().map(text))
                .with_is_fenced(b.fenced),
        )
    };
    let shown = |b: &&BrokerImage| req.include_fenced_brokers || !b.fenced;
    let answer = answer
        .with_cluster_id(text(&image.cluster_id))
        .with_controller_id(BrokerId(cx.node.id()))
        .with_brokers(image.brokers.values().filter(shown).filter_map(row).collect());
    if req.include_cluster_authorized_operations {
        return answer.with_cluster_authorized_operations(cx.cluster_authorized_operations());
    }
    answer
}
