//! FindCoordinator (10), v0-6. Which broker coordinates a group, a transactional id or, for other brokers, a share
//! partition; since v4 for several keys. Makes the coordinator's topic on first use.

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

use crate::broker::metadata::names;
use crate::broker::node::Node;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::log::log_dir::uuid_from_text;
use crate::wire::error::ErrorCode;

/// v1 tells the type of the key and has error texts.
const KEY_TYPE: i16 = 1;
/// v4 asks for several keys (KIP-699).
const SEVERAL_KEYS: i16 = 4;
/// Key type of consumer groups.
const GROUP: i8 = 0;
/// Key type of transactional ids.
const TRANSACTION: i8 = 1;
/// Key type of share partitions (v6).
const SHARE: i8 = 2;

/// A broker as a client can reach it.
struct Address {
    node_id: i32,
    host: String,
    port: i32,
}

pub async fn handle(cx: &RequestContext, req: FindCoordinatorRequest) -> FindCoordinatorResponse {
    if cx.api_version >= SEVERAL_KEYS {
        let coordinators = req.coordinator_keys.into_iter().map(|key| {
            let (address, code) = split(find(cx, req.key_type, &key));
            Coordinator::default()
                .with_key(key)
                .with_node_id(address.node_id.into())
                .with_host(address.host.into())
                .with_port(address.port)
                .with_error_code(code.code())
                .with_error_message(Some(Default::default()))
        });
        return FindCoordinatorResponse::default().with_coordinators(coordinators.collect());
    }
    let (address, code) = split(find(cx, req.key_type, &req.key));
    let message = (cx.api_version >= KEY_TYPE).then(|| code.message().into());
    FindCoordinatorResponse::default()
        .with_node_id(address.node_id.into())
        .with_host(address.host.into())
        .with_port(address.port)
        .with_error_code(code.code())
        .with_error_message(message)
}

/// With an error goes the address of nobody.
fn split(found: Result<Address, ErrorCode>) -> (Address, ErrorCode) {
    match found {
        Ok(address) => (address, ErrorCode::NONE),
        Err(code) => (
            Address {
                node_id: -1,
                host: String::new(),
                port: -1,
            },
            code,
        ),
    }
}

/// `GROUP:TOPIC_ID:PARTITION`, as brokers name share partitions to each other.
fn is_share_key(key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let partition = parts.next().is_some_and(|part| part.parse::<i32>().is_ok());
    let topic_id = parts.next().is_some_and(|part| uuid_from_text(part).is_some());
    partition && topic_id && parts.next().is_some_and(|group| !group.is_empty())
}

fn find(cx: &RequestContext, key_type: i8, key: &str) -> Result<Address, ErrorCode> {
    let (resource, topic, partition) = match key_type {
        GROUP => (
            Resource::Group(key),
            names::GROUP_METADATA,
            (|node, key| node.groups().partition_for(key)) as fn(&Node, &str) -> i32,
        ),
        TRANSACTION => (
            Resource::TransactionalId(key),
            names::TRANSACTION_STATE,
            (|node, key| node.transactions().partition_for(key)) as fn(&Node, &str) -> i32,
        ),
        SHARE => (
            Resource::Cluster,
            names::SHARE_GROUP_STATE,
            (|node, key| node.shares().state_partition_for(key)) as fn(&Node, &str) -> i32,
        ),
        _ => return Err(ErrorCode::INVALID_REQUEST),
    };
    if key_type == SHARE && !is_share_key(key) {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    let operation = if key_type == SHARE {
        Operation::ClusterAction
    } else {
        Operation::Describe
    };
    cx.authorize(operation, resource).map_err(|denied| denied.code)?;
    let unavailable = ErrorCode::COORDINATOR_NOT_AVAILABLE;
    if cx.image().topic(topic).is_none() {
        cx.node.auto_create_topic(topic).map_err(|_| unavailable)?;
    }
    let image = cx.image();
    let partition = image.partition(topic, partition(&cx.node, key)).ok_or(unavailable)?;
    let broker = image.brokers.get(&partition.leader).ok_or(unavailable)?;
    let listener = broker.listener(&cx.connection.listener).ok_or(unavailable)?;
    Ok(Address {
        node_id: broker.id,
        host: listener.host.clone(),
        port: i32::from(listener.port),
    })
}
