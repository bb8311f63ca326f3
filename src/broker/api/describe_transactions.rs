//! DescribeTransactions (65), v0: transactional ids, their producers and the partitions of their transactions. KIP-664.

use kafka_protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use kafka_protocol::messages::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, ProducerId, TransactionalId,
};

use super::shared::{text, topic_name};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::txn::state::TransactionMetadata;

pub async fn handle(cx: &RequestContext, req: DescribeTransactionsRequest) -> DescribeTransactionsResponse {
    let states = req.transactional_ids.iter().map(|id| describe(cx, id));
    DescribeTransactionsResponse::default().with_transaction_states(states.collect())
}

fn describe(cx: &RequestContext, id: &TransactionalId) -> TransactionState {
    let state = TransactionState::default().with_transactional_id(id.clone());
    let found = cx
        .authorize(Operation::Describe, Resource::TransactionalId(id))
        .map_err(|denied| denied.code)
        .and_then(|()| cx.node.transactions().describe(id));
    match found {
        Ok(metadata) => state
            .with_transaction_state(text(metadata.state.name()))
            .with_transaction_timeout_ms(metadata.timeout_ms)
            .with_transaction_start_time_ms(metadata.start_ms)
            .with_producer_id(ProducerId(metadata.producer_id))
            .with_producer_epoch(metadata.producer_epoch)
            .with_topics(topics(cx, &metadata)),
        Err(code) => state.with_error_code(code.code()),
    }
}

/// Topics that the principal may not see are left out.
fn topics(cx: &RequestContext, metadata: &TransactionMetadata) -> Vec<TopicData> {
    let mut topics: Vec<TopicData> = Vec::new();
    for tp in &metadata.partitions {
        match topics.last_mut() {
            Some(topic) if topic.topic.as_str() == &*tp.topic => topic.partitions.push(tp.partition),
            _ => topics.push(
                TopicData::default()
                    .with_topic(topic_name(&tp.topic))
                    .with_partitions(vec![tp.partition]),
            ),
        }
    }
    topics.retain(|topic| cx.authorize(Operation::Describe, Resource::Topic(&topic.topic)).is_ok());
    topics
}
