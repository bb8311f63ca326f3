//! Topics: create, delete, add partitions (KIP-4, KIP-195, KIP-599).

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use kafka_protocol::messages::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest,
    DeleteTopicsResponse,
};
use uuid::Uuid;

use super::topics::unnamable;
use super::*;

/// Kafka: `NewTopic`.
#[derive(Clone, Debug, Default)]
pub struct NewTopic {
    pub name: String,
    /// `None`: the broker's `num.partitions`.
    pub partitions: Option<i32>,
    /// `None`: the broker's `default.replication.factor`.
    pub replication_factor: Option<i16>,
    /// Replicas by partition; if not empty, the two fields above are not used.
    pub assignments: BTreeMap<i32, Vec<i32>>,
    pub configs: Vec<(String, String)>,
}

/// What a broker says about a topic it made. Fields are `None` from brokers before 2.4 and without the right to
/// describe the topic's configuration.
#[derive(Clone, Debug, Default)]
pub struct CreatedTopic {
    pub topic_id: Option<Uuid>,
    pub partitions: Option<i32>,
    pub replication_factor: Option<i16>,
}

/// Kafka: `NewPartitions`.
#[derive(Clone, Debug, Default)]
pub struct NewPartitions {
    /// How many partitions there shall be in all.
    pub total_count: i32,
    /// Replicas of each new partition; `None` lets the controller choose.
    pub assignments: Option<Vec<Vec<i32>>>,
}

/// What one request about some topics gave: their outcomes, and how long throttled ones have to wait (milliseconds).
type Changed<V> = Result<(Items<String, V>, i32), ApiError>;

impl Admin {
    /// Kafka: `createTopics`. A topic that the broker throttles is tried again until the deadline, as in Kafka.
    pub async fn create_topics(&self, topics: &[NewTopic], validate_only: bool) -> Items<String, CreatedTopic> {
        let names: Vec<String> = topics.iter().map(|t| t.name.clone()).collect();
        let created = |t: &CreatableTopicResult| CreatedTopic {
            topic_id: Some(t.topic_id).filter(|id| !id.is_nil()),
            partitions: Some(t.num_partitions).filter(|&n| n >= 0),
            replication_factor: Some(t.replication_factor).filter(|&n| n >= 0),
        };
        let ask = |spec: CallSpec, wanted: Vec<String>| {
            async move {
                let make = |_| {
                    let wanted = topics.iter().filter(|t| wanted.contains(&t.name));
                    CreateTopicsRequest::default()
                        .with_topics(wanted.map(creatable).collect())
                        .with_timeout_ms(self.timeout_ms())
                        .with_validate_only(validate_only)
                };
                let judge = |r: &CreateTopicsResponse| judge_codes(r.topics.iter().map(|t| t.error_code));
                let answer = self.cluster.call(spec, make, judge).await?;
                let outcome = |t: &CreatableTopicResult| {
                    let result = ApiError::check(t.error_code, t.error_message.as_deref()).map(|()| created(t));
                    (t.name.to_string(), result)
                };
                Ok((answer.topics.iter().map(outcome).collect(), answer.throttle_time_ms))
            }
            .boxed()
        };
        self.change("createTopics", &names, ask).await
    }

    /// Kafka: `deleteTopics`, by name.
    pub async fn delete_topics(&self, names: &[String]) -> Items<String, ()> {
        let ask = |spec: CallSpec, wanted: Vec<String>| {
            async move {
                let make = |version: i16| {
                    let request = DeleteTopicsRequest::default().with_timeout_ms(self.timeout_ms());
                    if version >= 6 {
                        let state = |n: &String| DeleteTopicState::default().with_name(Some(topic_name(n)));
                        request.with_topics(wanted.iter().map(state).collect())
                    } else {
                        request.with_topic_names(wanted.iter().map(|n| topic_name(n)).collect())
                    }
                };
                let judge = |r: &DeleteTopicsResponse| judge_codes(r.responses.iter().map(|t| t.error_code));
                let answer = self.cluster.call(spec, make, judge).await?;
                let outcome = |r: &DeletableTopicResult| {
                    let name = r.name.as_ref().map(|n| n.to_string()).unwrap_or_default();
                    (name, ApiError::check(r.error_code, r.error_message.as_deref()))
                };
                Ok((answer.responses.iter().map(outcome).collect(), answer.throttle_time_ms))
            }
            .boxed()
        };
        self.change("deleteTopics", names, ask).await
    }

    /// Kafka: `createPartitions`.
    pub async fn create_partitions(
        &self,
        topics: &[(String, NewPartitions)],
        validate_only: bool,
    ) -> Items<String, ()> {
        let names: Vec<String> = topics.iter().map(|(name, _)| name.clone()).collect();
        let ask = |spec: CallSpec, wanted: Vec<String>| {
            async move {
                let make = |_| {
                    let wanted = topics.iter().filter(|(name, _)| wanted.contains(name));
                    CreatePartitionsRequest::default()
                        .with_topics(wanted.map(widened).collect())
                        .with_timeout_ms(self.timeout_ms())
                        .with_validate_only(validate_only)
                };
                let judge = |r: &CreatePartitionsResponse| judge_codes(r.results.iter().map(|t| t.error_code));
                let answer = self.cluster.call(spec, make, judge).await?;
                let outcome = |r: &CreatePartitionsTopicResult| {
                    (
                        r.name.to_string(),
                        ApiError::check(r.error_code, r.error_message.as_deref()),
                    )
                };
                Ok((answer.results.iter().map(outcome).collect(), answer.throttle_time_ms))
            }
            .boxed()
        };
        self.change("createPartitions", &names, ask).await
    }

    /// Asks the controller, and again for the topics it throttles once their wait is over, until the deadline.
    async fn change<'a, V: Send>(
        &self,
        name: &'static str,
        names: &[String],
        ask: impl Fn(CallSpec, Vec<String>) -> BoxFuture<'a, Changed<V>> + Send + Sync,
    ) -> Items<String, V> {
        let spec = self.spec(name, Target::Controller);
        let mut done: Items<String, V> = Items::new();
        let mut wanted: Vec<String> = names.iter().filter(|n| !n.is_empty()).cloned().collect();
        while !wanted.is_empty() {
            let (mut answers, throttle_ms) = match ask(spec, wanted.clone()).await {
                Ok(answered) => answered,
                Err(e) => {
                    done.extend(wanted.into_iter().map(|n| (n, Err(e.clone()))));
                    break;
                }
            };
            let again = Instant::now() + Duration::from_millis(u64::try_from(throttle_ms).unwrap_or(0).max(1));
            let mut throttled = Vec::new();
            for topic in wanted {
                match take(&mut answers, &topic) {
                    (_, Err(e)) if e.code == ErrorCode::THROTTLING_QUOTA_EXCEEDED && again < spec.deadline => {
                        throttled.push(topic);
                    }
                    answered => done.push(answered),
                }
            }
            wanted = throttled;
            if !wanted.is_empty() {
                tokio::time::sleep_until(again).await;
            }
        }
        let outcome = |n: &String| match unnamable(n) {
            Some(e) => (n.clone(), Err(e)),
            None => take(&mut done, n),
        };
        names.iter().map(outcome).collect()
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let assigned = !topic.assignments.is_empty();
    let assignment = |(partition, replicas): (&i32, &Vec<i32>)| {
        CreatableReplicaAssignment::default()
            .with_partition_index(*partition)
            .with_broker_ids(broker_ids(replicas))
    };
    let config = |(name, value): &(String, String)| {
        CreatableTopicConfig::default()
            .with_name(text(name))
            .with_value(Some(text(value)))
    };
    CreatableTopic::default()
        .with_name(topic_name(&topic.name))
        .with_num_partitions(if assigned { -1 } else { topic.partitions.unwrap_or(-1) })
        .with_replication_factor(if assigned {
            -1
        } else {
            topic.replication_factor.unwrap_or(-1)
        })
        .with_assignments(topic.assignments.iter().map(assignment).collect())
        .with_configs(topic.configs.iter().map(config).collect())
}

fn widened((name, new): &(String, NewPartitions)) -> CreatePartitionsTopic {
    let replicas = |ids: &Vec<i32>| CreatePartitionsAssignment::default().with_broker_ids(broker_ids(ids));
    CreatePartitionsTopic::default()
        .with_name(topic_name(name))
        .with_count(new.total_count)
        .with_assignments(new.assignments.as_ref().map(|all| all.iter().map(replicas).collect()))
}
