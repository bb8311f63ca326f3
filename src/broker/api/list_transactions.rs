//! ListTransactions (66), v0-2: the transactional ids this broker coordinates, by state, producer, age (KIP-994) and name
//! (KIP-1152).

use kafka_protocol::messages::list_transactions_response::TransactionState as Row;
use kafka_protocol::messages::{ListTransactionsRequest, ListTransactionsResponse, ProducerId, TransactionalId};

use super::shared::text;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::broker::txn::shard::Filter;
use crate::broker::txn::state::TransactionState;
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: ListTransactionsRequest) -> ListTransactionsResponse {
    let unknown = req.state_filters.iter();
    let unknown = unknown.filter(|name| TransactionState::from_name(name).is_none());
    let response = ListTransactionsResponse::default().with_unknown_state_filters(unknown.cloned().collect());
    let listed = filter(&req).and_then(|filter| cx.node.transactions().list(&filter));
    match listed {
        Ok(rows) => response.with_transaction_states(visible(cx, rows)),
        Err(code) => ListTransactionsResponse::default().with_error_code(code.code()),
    }
}

fn filter(req: &ListTransactionsRequest) -> Result<Filter, ErrorCode> {
    let pattern = req.transactional_id_pattern.as_deref().filter(|p| !p.is_empty());
    let pattern = pattern.map(|p| fancy_regex::Regex::new(&format!("^(?:{p})$")));
    let states = req.state_filters.iter();
    Ok(Filter {
        states: states.filter_map(|name| TransactionState::from_name(name)).collect(),
        has_states: !req.state_filters.is_empty(),
        producer_ids: req.producer_id_filters.iter().map(|id| id.0).collect(),
        duration_ms: req.duration_filter,
        pattern: pattern.transpose().map_err(|_| ErrorCode::INVALID_REGULAR_EXPRESSION)?,
    })
}

/// Those that the principal may see.
fn visible(cx: &RequestContext, rows: Vec<(String, i64, TransactionState)>) -> Vec<Row> {
    let may_see = |id: &str| cx.authorize(Operation::Describe, Resource::TransactionalId(id)).is_ok();
    let rows = rows.into_iter().filter(|(id, ..)| may_see(id));
    rows.map(|(id, producer_id, state)| {
        Row::default()
            .with_transactional_id(TransactionalId(text(&id)))
            .with_producer_id(ProducerId(producer_id))
            .with_transaction_state(text(state.name()))
    })
    .collect()
}
