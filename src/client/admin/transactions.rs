//! Transactions and the producers of partitions (KIP-664, KIP-360).

use futures::FutureExt;
use indexmap::IndexMap;
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::describe_producers_response::ProducerState as WireProducer;
use kafka_protocol::messages::describe_transactions_response::TransactionState as WireTransaction;
use kafka_protocol::messages::write_txn_markers_request::{WritableTxnMarker, WritableTxnMarkerTopic};
use kafka_protocol::messages::{
    DescribeProducersRequest, DescribeTransactionsRequest, InitProducerIdRequest, ListTransactionsRequest,
    ListTransactionsResponse, ProducerId, TransactionalId, WriteTxnMarkersRequest,
};
use kafka_protocol::protocol::VersionRange;

use super::driver::{CoordinatorType, Names, Outcome, leaders};
use super::*;
use crate::TopicPartition;

/// Kafka: `TransactionListing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionListing {
    pub transactional_id: String,
    pub producer_id: i64,
    /// As the broker names it: `Ongoing`, `CompleteCommit`, ...
    pub state: String,
}

/// Kafka: `ListTransactionsOptions`. Empty lists do not filter.
#[derive(Clone, Debug, Default)]
pub struct ListTransactionsOptions {
    pub states: Vec<String>,
    pub producer_ids: Vec<i64>,
    /// Only those that run longer than this, milliseconds; needs brokers of 3.8.
    pub running_longer_than_ms: Option<i64>,
    /// An RE2 expression that the id must match as a whole; needs brokers of 4.1.
    pub transactional_id_pattern: Option<String>,
}

/// Kafka: `TransactionDescription`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionDescription {
    pub coordinator_id: i32,
    pub state: String,
    pub producer_id: i64,
    pub producer_epoch: i32,
    pub transaction_timeout_ms: i64,
    /// Milliseconds since 1970; `None` unless one is under way.
    pub start_time_ms: Option<i64>,
    /// Sorted.
    pub partitions: Vec<TopicPartition>,
}

/// Kafka: `ProducerState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerState {
    pub producer_id: i64,
    pub producer_epoch: i32,
    pub last_sequence: i32,
    pub last_timestamp: i64,
    pub coordinator_epoch: Option<i32>,
    pub current_transaction_start_offset: Option<i64>,
}

/// Kafka: `AbortTransactionSpec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbortTransactionSpec {
    pub partition: TopicPartition,
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// -1: whatever epoch the partition knows.
    pub coordinator_epoch: i32,
}

impl std::fmt::Display for AbortTransactionSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "AbortTransactionSpec(topicPartition={}, producerId={}, producerEpoch={}, coordinatorEpoch={})",
            self.partition, self.producer_id, self.producer_epoch, self.coordinator_epoch
        )
    }
}

impl Admin {
    /// Kafka: `listTransactions`: every broker is asked about the transactions it coordinates, by broker id.
    ///
    /// # Errors
    /// If no broker can be found.
    pub async fn list_transactions(
        &self,
        options: &ListTransactionsOptions,
    ) -> Result<Items<i32, Vec<TransactionListing>>, AdminError> {
        self.brokers_only()?;
        let spec = self.spec("listTransactions(api=METADATA)", Target::Any);
        let view = self.fresh_view(&spec).await?;
        let asks = view
            .nodes
            .keys()
            .map(|&node| async move { (node, self.list_transactions_at(node, options).await) });
        Ok(futures::future::join_all(asks).await)
    }

    async fn list_transactions_at(
        &self,
        node: i32,
        options: &ListTransactionsOptions,
    ) -> Result<Vec<TransactionListing>, ApiError> {
        let min = match options {
            o if o.transactional_id_pattern.is_some() => 2,
            o if o.running_longer_than_ms.is_some() => 1,
            _ => 0,
        };
        let spec = CallSpec {
            versions: VersionRange { min, max: i16::MAX },
            ..self.spec("listTransactions(api=LIST_TRANSACTIONS)", Target::Node(node))
        };
        let make = |_| {
            ListTransactionsRequest::default()
                .with_state_filters(options.states.iter().map(|s| text(s)).collect())
                .with_producer_id_filters(options.producer_ids.iter().map(|&id| ProducerId(id)).collect())
                .with_duration_filter(options.running_longer_than_ms.unwrap_or(-1))
                .with_transactional_id_pattern(options.transactional_id_pattern.as_deref().map(text))
        };
        let judge = |r: &ListTransactionsResponse| match ErrorCode::from(r.error_code) {
            code @ ErrorCode::COORDINATOR_LOAD_IN_PROGRESS => Verdict::Retry(code.into()),
            _ => Verdict::Done,
        };
        let answer = self.cluster.call(spec, make, judge).await?;
        match ErrorCode::from(answer.error_code) {
            ErrorCode::NONE => {}
            code @ ErrorCode::COORDINATOR_NOT_AVAILABLE => {
                let why = "failed because the coordinator is shutting down";
                return Err(ApiError::with_text(
                    code,
                    format!("ListTransactions request sent to broker {node} {why}"),
                ));
            }
            code => {
                let why = "failed with an unexpected exception";
                return Err(ApiError::with_text(
                    code,
                    format!("ListTransactions request sent to broker {node} {why}"),
                ));
            }
        }
        let states = answer.transaction_states.iter();
        Ok(states
            .map(|t| TransactionListing {
                transactional_id: t.transactional_id.to_string(),
                producer_id: t.producer_id.0,
                state: t.transaction_state.to_string(),
            })
            .collect())
    }

    /// Kafka: `describeTransactions`, by transactional id.
    pub async fn describe_transactions(&self, transactional_ids: &[String]) -> Items<String, TransactionDescription> {
        let names = Names {
            lookup: "describeTransactions(api=FIND_COORDINATOR)",
            fulfil: "describeTransactions(api=DESCRIBE_TRANSACTIONS)",
        };
        let fulfil = |admin: Admin, spec: CallSpec, keys: Vec<String>| {
            async move {
                let make = |_| {
                    let ids = keys.iter().map(|k| TransactionalId(text(k))).collect();
                    DescribeTransactionsRequest::default().with_transactional_ids(ids)
                };
                let answer = admin.cluster.call(spec, make, |_| Verdict::Done).await?;
                let coordinator = if let Target::Node(id) = spec.target { id } else { -1 };
                let item = |t: &WireTransaction| {
                    let describe = || transaction_description(t, coordinator);
                    (
                        t.transactional_id.to_string(),
                        Outcome::of_coordinator(t.error_code, None, describe),
                    )
                };
                Ok(answer.transaction_states.iter().map(item).collect())
            }
            .boxed()
        };
        self.drive(names, transactional_ids, transaction_coordinators, fulfil)
            .await
    }

    /// Kafka: `describeProducers`: the producers a partition's leader remembers.
    pub async fn describe_producers(&self, partitions: &[TopicPartition]) -> Items<TopicPartition, Vec<ProducerState>> {
        let names = Names {
            lookup: "describeProducers(api=METADATA)",
            fulfil: "describeProducers(api=DESCRIBE_PRODUCERS)",
        };
        let fulfil = |admin: Admin, spec: CallSpec, keys: Vec<TopicPartition>| {
            async move {
                let make = |_| {
                    let mut topics: IndexMap<&str, Vec<i32>> = IndexMap::new();
                    for tp in &keys {
                        topics.entry(&tp.topic).or_default().push(tp.partition);
                    }
                    let topic = |(name, indexes): (&str, Vec<i32>)| {
                        TopicRequest::default()
                            .with_name(topic_name(name))
                            .with_partition_indexes(indexes)
                    };
                    DescribeProducersRequest::default().with_topics(topics.into_iter().map(topic).collect())
                };
                let answer = admin.cluster.call(spec, make, |_| Verdict::Done).await?;
                let mut out = Vec::new();
                for topic in &answer.topics {
                    for p in &topic.partitions {
                        let tp = TopicPartition::new(topic.name.as_str(), p.partition_index);
                        let states = || p.active_producers.iter().map(producer_state).collect();
                        out.push((tp, Outcome::of_leader(p.error_code, states)));
                    }
                }
                Ok(out)
            }
            .boxed()
        };
        self.drive(names, partitions, leaders, fulfil).await
    }

    /// Kafka: `abortTransaction`: writes an abort marker past the coordinator, for a transaction that hangs.
    ///
    /// # Errors
    /// The partition's error.
    pub async fn abort_transaction(&self, abort: &AbortTransactionSpec) -> Result<(), AdminError> {
        let names = Names {
            lookup: "abortTransaction(api=METADATA)",
            fulfil: "abortTransaction(api=WRITE_TXN_MARKERS)",
        };
        let fulfil = |admin: Admin, spec: CallSpec, keys: Vec<TopicPartition>| {
            async move {
                let make = |_| abort_request(abort);
                let answer = admin.cluster.call(spec, make, |_| Verdict::Done).await?;
                let results = answer
                    .markers
                    .iter()
                    .flat_map(|m| &m.topics)
                    .flat_map(|t| &t.partitions);
                let code = results.map(|p| ErrorCode::from(p.error_code)).next();
                Ok(vec![(keys[0].clone(), abort_outcome(abort, code))])
            }
            .boxed()
        };
        self.drive(names, std::slice::from_ref(&abort.partition), leaders, fulfil)
            .await
            .remove(0)
            .1
    }

    /// Kafka: `fenceProducers`: gives each transactional id a new epoch, which ends its running transaction. Answers
    /// producer id and epoch.
    pub async fn fence_producers(&self, transactional_ids: &[String]) -> Items<String, (i64, i16)> {
        let names = Names {
            lookup: "fenceProducer(api=FIND_COORDINATOR)",
            fulfil: "fenceProducer(api=INIT_PRODUCER_ID)",
        };
        let fulfil = |admin: Admin, spec: CallSpec, keys: Vec<String>| {
            async move {
                let asks = keys.iter().map(|id| {
                    let admin = &admin;
                    async move {
                        let make = |_| {
                            InitProducerIdRequest::default()
                                .with_transactional_id(Some(TransactionalId(text(id))))
                                // As short as can be: the id is given up at once.
                                .with_transaction_timeout_ms(1)
                                .with_producer_id(ProducerId(-1))
                                .with_producer_epoch(-1)
                        };
                        let answer = admin.cluster.call(spec, make, |_| Verdict::Done).await?;
                        let outcome = match ErrorCode::from(answer.error_code) {
                            code @ ErrorCode::CONCURRENT_TRANSACTIONS => Outcome::Retry(code.into()),
                            _ => Outcome::of_coordinator(answer.error_code, None, || {
                                (answer.producer_id.0, answer.producer_epoch)
                            }),
                        };
                        Ok((id.clone(), outcome))
                    }
                });
                futures::future::join_all(asks).await.into_iter().collect()
            }
            .boxed()
        };
        self.drive(names, transactional_ids, transaction_coordinators, fulfil)
            .await
    }
}

fn transaction_coordinators<'a>(
    admin: Admin,
    spec: CallSpec,
    keys: Vec<String>,
) -> futures::future::BoxFuture<'a, Result<super::driver::Lookup<String>, ApiError>> {
    async move { admin.find_coordinators(spec, CoordinatorType::Transaction, &keys).await }.boxed()
}

fn transaction_description(t: &WireTransaction, coordinator_id: i32) -> TransactionDescription {
    let topics = t.topics.iter();
    let mut partitions: Vec<_> = topics
        .flat_map(|topic| {
            topic
                .partitions
                .iter()
                .map(move |p| TopicPartition::new(topic.topic.as_str(), *p))
        })
        .collect();
    partitions.sort();
    TransactionDescription {
        coordinator_id,
        state: t.transaction_state.to_string(),
        producer_id: t.producer_id.0,
        producer_epoch: i32::from(t.producer_epoch),
        transaction_timeout_ms: i64::from(t.transaction_timeout_ms),
        start_time_ms: Some(t.transaction_start_time_ms).filter(|&ms| ms >= 0),
        partitions,
    }
}

fn producer_state(p: &WireProducer) -> ProducerState {
    ProducerState {
        producer_id: p.producer_id.0,
        producer_epoch: p.producer_epoch,
        last_sequence: p.last_sequence,
        last_timestamp: p.last_timestamp,
        coordinator_epoch: Some(p.coordinator_epoch).filter(|&e| e >= 0),
        current_transaction_start_offset: Some(p.current_txn_start_offset).filter(|&o| o >= 0),
    }
}

fn abort_request(abort: &AbortTransactionSpec) -> WriteTxnMarkersRequest {
    let topic = WritableTxnMarkerTopic::default()
        .with_name(topic_name(&abort.partition.topic))
        .with_partition_indexes(vec![abort.partition.partition]);
    let marker = WritableTxnMarker::default()
        .with_producer_id(ProducerId(abort.producer_id))
        .with_producer_epoch(abort.producer_epoch)
        .with_coordinator_epoch(abort.coordinator_epoch)
        .with_transaction_result(false)
        .with_topics(vec![topic]);
    WriteTxnMarkersRequest::default().with_markers(vec![marker])
}

fn abort_outcome(abort: &AbortTransactionSpec, code: Option<ErrorCode>) -> Outcome<()> {
    let why = match code {
        None => {
            return Outcome::Done(Err(ApiError::kafka(
                "WriteTxnMarkers response did not contain the partition",
            )));
        }
        Some(ErrorCode::NONE) => return Outcome::Done(Ok(())),
        Some(
            code @ (ErrorCode::NOT_LEADER_OR_FOLLOWER
            | ErrorCode::REPLICA_NOT_AVAILABLE
            | ErrorCode::BROKER_NOT_AVAILABLE
            | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        ) => return Outcome::Unmap(code.into()),
        Some(ErrorCode::CLUSTER_AUTHORIZATION_FAILED) => "due to cluster authorization error".to_string(),
        Some(ErrorCode::INVALID_PRODUCER_EPOCH) => "due an invalid producer epoch".to_string(),
        Some(ErrorCode::TRANSACTION_COORDINATOR_FENCED) => {
            "since the provided coordinator epoch has been fenced by the active coordinator".to_string()
        }
        Some(code) => format!("due to unexpected error: {}", code.message()),
    };
    let code = code.unwrap_or_default();
    Outcome::Done(Err(ApiError::with_text(
        code,
        format!("WriteTxnMarkers request with {abort} failed {why}"),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn transactions_of_a_real_cluster() {
        let Some(admin) = live::admin().await else { return };
        let fenced = admin.fence_producers(&["client-fenced".into()]).await;
        assert!(fenced[0].1.as_ref().unwrap().0 >= 0);
        let described = admin
            .describe_transactions(&["client-fenced".into(), "client-unknown".into()])
            .await;
        assert_eq!(described[0].1.as_ref().unwrap().state, "Empty");
        assert_eq!(
            described[1].1.as_ref().unwrap_err().code,
            ErrorCode::TRANSACTIONAL_ID_NOT_FOUND
        );
        let listed = admin
            .list_transactions(&ListTransactionsOptions::default())
            .await
            .unwrap();
        assert!(
            listed
                .iter()
                .flat_map(|(_, r)| r.as_ref().unwrap())
                .any(|t| t.transactional_id == "client-fenced")
        );
        let partition = TopicPartition::new("__transaction_state", 0);
        assert!(
            admin.describe_producers(std::slice::from_ref(&partition)).await[0]
                .1
                .is_ok()
        );
    }
}
