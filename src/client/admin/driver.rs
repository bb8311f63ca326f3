//! Requests about many keys that different nodes answer for (Kafka: `AdminApiDriver`): find each key's node, ask every
//! node about all its keys in one request, all nodes at the same time, and go again with what is left.

use std::collections::HashMap;
use std::hash::Hash;

use futures::FutureExt;
use futures::future::BoxFuture;
use indexmap::IndexMap;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest};

use kafka_protocol::protocol::VersionRange;

use super::*;
use crate::TopicPartition;
use crate::client::cluster::Attempts;

/// What became of one key in one round.
#[derive(Debug)]
pub(super) enum Outcome<V> {
    Done(Result<V, ApiError>),
    /// Ask the same node again.
    Retry(ApiError),
    /// The node was the wrong one: look the key up again.
    Unmap(ApiError),
}

impl<V> Outcome<V> {
    /// The usual meaning of a group's or transaction's error codes at its coordinator.
    pub(super) fn of_coordinator(code: i16, message: Option<&str>, value: impl FnOnce() -> V) -> Self {
        match ErrorCode::from(code) {
            ErrorCode::NONE => Outcome::Done(Ok(value())),
            code @ ErrorCode::COORDINATOR_LOAD_IN_PROGRESS => Outcome::Retry(code.into()),
            code @ (ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR) => Outcome::Unmap(code.into()),
            code => Outcome::Done(Err(ApiError::new(code, message.map(str::to_string)))),
        }
    }

    /// The usual meaning of a partition's error codes at its leader.
    pub(super) fn of_leader(code: i16, value: impl FnOnce() -> V) -> Self {
        match ErrorCode::from(code) {
            ErrorCode::NONE => Outcome::Done(Ok(value())),
            code @ (ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::LEADER_NOT_AVAILABLE) => Outcome::Unmap(code.into()),
            code if code.is_retriable() => Outcome::Retry(code.into()),
            code => Outcome::Done(Err(code.into())),
        }
    }
}

/// Where a key lives, after one look-up.
pub(super) type Lookup<K> = Vec<(K, Outcome<i32>)>;

/// What a node said about the keys it was asked for.
pub(super) type Answers<K, V> = Result<Vec<(K, Outcome<V>)>, ApiError>;

/// The names of a driven call in timeouts, such as `listOffsets(api=METADATA)` and `listOffsets(api=LIST_OFFSETS)`.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub lookup: &'static str,
    pub fulfil: &'static str,
}

/// Kafka's `CoordinatorType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub(super) enum CoordinatorType {
    Group = 0,
    Transaction = 1,
}

impl Admin {
    /// Drives `keys` to an outcome each. `lookup` maps keys to nodes; `fulfil` asks one node about its keys.
    pub(super) async fn drive<'a, K, V>(
        &self,
        names: Names,
        keys: &[K],
        lookup: impl Fn(Admin, CallSpec, Vec<K>) -> BoxFuture<'a, Result<Lookup<K>, ApiError>> + Send + Sync,
        fulfil: impl Fn(Admin, CallSpec, Vec<K>) -> BoxFuture<'a, Answers<K, V>> + Send + Sync,
    ) -> Items<K, V>
    where
        K: Clone + Eq + Hash + std::fmt::Display + Send + Sync,
        V: Send,
    {
        let fulfil_spec = self.spec(names.fulfil, Target::Any);
        let lookup_spec = CallSpec {
            name: names.lookup,
            ..fulfil_spec
        };
        let mut done: HashMap<K, Result<V, ApiError>> = HashMap::new();
        let mut unmapped: Vec<K> = unique(keys);
        let mut mapped: IndexMap<i32, Vec<K>> = IndexMap::new();
        let mut attempts = Attempts::new(&self.cluster, fulfil_spec);
        if let Err(e) = self.brokers_only() {
            return keys.iter().map(|k| (k.clone(), Err(e.clone()))).collect();
        }
        loop {
            let mut last: Option<ApiError> = None;
            if !unmapped.is_empty() {
                let asked = std::mem::take(&mut unmapped);
                match lookup(self.clone(), lookup_spec, asked.clone()).await {
                    Err(e) => done.extend(asked.into_iter().map(|k| (k, Err(e.clone())))),
                    Ok(found) => {
                        for (key, outcome) in found {
                            match outcome {
                                Outcome::Done(Ok(node)) => mapped.entry(node).or_default().push(key),
                                Outcome::Done(Err(e)) => drop(done.insert(key, Err(e))),
                                Outcome::Retry(e) | Outcome::Unmap(e) => {
                                    last = Some(e);
                                    unmapped.push(key);
                                }
                            }
                        }
                    }
                }
            }
            let asks = mapped.drain(..).map(|(node, keys)| {
                let spec = CallSpec {
                    target: Target::Node(node),
                    ..fulfil_spec
                };
                let fulfil = &fulfil;
                async move { (node, fulfil(self.clone(), spec, keys.clone()).await, keys) }
            });
            for (node, answer, asked) in futures::future::join_all(asks).await {
                let mut answers = match answer {
                    Ok(answers) => answers,
                    Err(e) => asked
                        .iter()
                        .map(|k| (k.clone(), Outcome::Done(Err(e.clone()))))
                        .collect(),
                };
                for key in asked {
                    let at = answers.iter().position(|(k, _)| *k == key);
                    match at.map(|i| answers.swap_remove(i).1) {
                        Some(Outcome::Done(result)) => drop(done.insert(key, result)),
                        Some(Outcome::Retry(e)) => {
                            last = Some(e);
                            mapped.entry(node).or_default().push(key);
                        }
                        Some(Outcome::Unmap(e)) => {
                            last = Some(e);
                            unmapped.push(key);
                        }
                        None => drop(done.insert(key.clone(), Err(left_out(node, &key)))),
                    }
                }
            }
            let Some(last) = last else { break };
            attempts.rename(if unmapped.is_empty() {
                names.fulfil
            } else {
                names.lookup
            });
            if let Err(e) = attempts.after(last).await {
                done.extend(
                    unmapped
                        .drain(..)
                        .chain(mapped.drain(..).flat_map(|(_, keys)| keys))
                        .map(|k| (k, Err(e.clone()))),
                );
                break;
            }
        }
        let gone = |k: &K| Err(ApiError::kafka(format!("No result for {k}")));
        keys.iter()
            .map(|k| (k.clone(), done.remove(k).unwrap_or_else(|| gone(k))))
            .collect()
    }

    /// Kafka: `PartitionLeaderStrategy`.
    pub(super) async fn find_leaders(
        &self,
        spec: CallSpec,
        keys: &[TopicPartition],
        unknown_topics: UnknownTopics,
    ) -> Result<Lookup<TopicPartition>, ApiError> {
        let topics = unique(&keys.iter().map(|tp| tp.topic.clone()).collect::<Vec<_>>());
        let make = |version| {
            let topic = |t: &Arc<str>| {
                kafka_protocol::messages::metadata_request::MetadataRequestTopic::default()
                    .with_name(Some(topic_name(t)))
            };
            MetadataRequest::default()
                .with_topics(Some(topics.iter().map(topic).collect()))
                .with_allow_auto_topic_creation(version < 4)
        };
        let answer = self.cluster.call(spec, make, |_| Verdict::Done).await?;
        let mut found: HashMap<TopicPartition, Outcome<i32>> = HashMap::new();
        let mut topic_errors: HashMap<String, ErrorCode> = HashMap::new();
        for topic in &answer.topics {
            let name = topic.name.as_ref().map(|n| n.to_string()).unwrap_or_default();
            if topic.error_code != 0 {
                topic_errors.insert(name, topic.error_code.into());
                continue;
            }
            for p in &topic.partitions {
                let tp = TopicPartition::new(name.as_str(), p.partition_index);
                let outcome = leader_outcome(&tp, p.error_code.into(), p.leader_id.0);
                found.insert(tp, outcome);
            }
        }
        let outcome = |tp: &TopicPartition| match topic_errors.get(&*tp.topic) {
            Some(code) => topic_outcome(tp, *code, unknown_topics),
            None => found
                .remove(tp)
                .unwrap_or(Outcome::Retry(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into())),
        };
        Ok(keys.iter().cloned().zip(keys.iter().map(outcome)).collect())
    }

    /// Kafka: `CoordinatorStrategy`. One request for all keys; one for each at brokers before 3.0.
    pub(super) async fn find_coordinators(
        &self,
        spec: CallSpec,
        kind: CoordinatorType,
        keys: &[String],
    ) -> Result<Lookup<String>, ApiError> {
        let batched = CallSpec {
            versions: VersionRange { min: 4, max: i16::MAX },
            ..spec
        };
        let make = |_| {
            FindCoordinatorRequest::default()
                .with_key_type(kind as i8)
                .with_coordinator_keys(keys.iter().map(|k| text(k)).collect())
        };
        match self.cluster.call(batched, make, |_| Verdict::Done).await {
            Ok(answer) => {
                let item = |c: &Coordinator| {
                    (
                        c.key.to_string(),
                        coordinator_outcome(kind, &c.key, c.error_code, c.node_id.0),
                    )
                };
                Ok(answer.coordinators.iter().map(item).collect())
            }
            Err(e) if e.code == ErrorCode::UNSUPPORTED_VERSION => {
                let asks = keys.iter().map(|key| async move {
                    let make = |_| {
                        FindCoordinatorRequest::default()
                            .with_key(text(key))
                            .with_key_type(kind as i8)
                    };
                    let answer: FindCoordinatorResponse = self.cluster.call(spec, make, |_| Verdict::Done).await?;
                    Ok((
                        key.clone(),
                        coordinator_outcome(kind, key, answer.error_code, answer.node_id.0),
                    ))
                });
                futures::future::join_all(asks).await.into_iter().collect()
            }
            Err(e) => Err(e),
        }
    }

    /// [`Self::drive`] for groups at their coordinators.
    pub(super) async fn drive_groups<'a, V: Send>(
        &self,
        names: Names,
        groups: &[String],
        fulfil: impl Fn(Admin, CallSpec, Vec<String>) -> BoxFuture<'a, Answers<String, V>> + Send + Sync,
    ) -> Items<String, V> {
        let lookup = |admin: Admin, spec: CallSpec, keys: Vec<String>| {
            async move { admin.find_coordinators(spec, CoordinatorType::Group, &keys).await }.boxed()
        };
        self.drive(names, groups, lookup, fulfil).await
    }
}

/// As [`leaders`], but an unknown topic fails at once (Kafka: `tolerateUnknownTopics` is false).
pub(super) fn leaders_of_known_topics<'a>(
    admin: Admin,
    spec: CallSpec,
    keys: Vec<TopicPartition>,
) -> BoxFuture<'a, Result<Lookup<TopicPartition>, ApiError>> {
    async move { admin.find_leaders(spec, &keys, UnknownTopics::Fail).await }.boxed()
}

/// [`Admin::find_leaders`] as a look-up to drive.
pub(super) fn leaders<'a>(
    admin: Admin,
    spec: CallSpec,
    keys: Vec<TopicPartition>,
) -> BoxFuture<'a, Result<Lookup<TopicPartition>, ApiError>> {
    async move { admin.find_leaders(spec, &keys, UnknownTopics::Await).await }.boxed()
}

fn unique<K: Clone + Eq + Hash>(keys: &[K]) -> Vec<K> {
    keys.iter()
        .cloned()
        .collect::<indexmap::IndexSet<K>>()
        .into_iter()
        .collect()
}

fn left_out(node: i32, key: &impl std::fmt::Display) -> ApiError {
    ApiError::kafka(format!(
        "The response from broker {node} did not contain a result for {key}"
    ))
}

/// Partitions with a leader are mapped; the rest is asked again, as in Kafka.
fn leader_outcome(tp: &TopicPartition, code: ErrorCode, leader: i32) -> Outcome<i32> {
    match code {
        ErrorCode::NONE if leader >= 0 => Outcome::Done(Ok(leader)),
        ErrorCode::NONE => Outcome::Retry(ErrorCode::LEADER_NOT_AVAILABLE.into()),
        ErrorCode::NOT_LEADER_OR_FOLLOWER
        | ErrorCode::REPLICA_NOT_AVAILABLE
        | ErrorCode::LEADER_NOT_AVAILABLE
        | ErrorCode::BROKER_NOT_AVAILABLE
        | ErrorCode::KAFKA_STORAGE_ERROR
        | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => Outcome::Retry(code.into()),
        _ => {
            let text = format!("Unexpected error during metadata lookup for {tp}");
            Outcome::Done(Err(ApiError::with_text(code, text)))
        }
    }
}

/// Kafka: `PartitionLeaderStrategy.tolerateUnknownTopics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnknownTopics {
    /// They may be known to the next broker that is asked.
    Await,
    Fail,
}

fn topic_outcome(tp: &TopicPartition, code: ErrorCode, unknown_topics: UnknownTopics) -> Outcome<i32> {
    let why = match code {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION if unknown_topics == UnknownTopics::Fail => {
            let why = format!("because metadata for topic `{}` could not be found", tp.topic);
            let text = format!("Failed to fetch metadata for partition {tp} {why}");
            return Outcome::Done(Err(ApiError::with_text(code, text)));
        }
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::LEADER_NOT_AVAILABLE | ErrorCode::BROKER_NOT_AVAILABLE => {
            return Outcome::Retry(code.into());
        }
        ErrorCode::TOPIC_AUTHORIZATION_FAILED => "topic authorization failure".to_string(),
        ErrorCode::INVALID_TOPIC_EXCEPTION => format!("invalid topic `{}`", tp.topic),
        _ => format!("unexpected error for topic `{}`", tp.topic),
    };
    let text = format!("Failed to fetch metadata for partition {tp} due to {why}");
    Outcome::Done(Err(ApiError::with_text(code, text)))
}

fn coordinator_outcome(kind: CoordinatorType, key: &str, code: i16, node: i32) -> Outcome<i32> {
    let (type_name, what) = match kind {
        CoordinatorType::Group => ("GROUP", "groupId"),
        CoordinatorType::Transaction => ("TRANSACTION", "transactionalId"),
    };
    let shown = format!("CoordinatorKey(idValue='{key}', type={type_name})");
    match ErrorCode::from(code) {
        ErrorCode::NONE => Outcome::Done(Ok(node)),
        code @ (ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) => {
            Outcome::Retry(code.into())
        }
        code @ (ErrorCode::GROUP_AUTHORIZATION_FAILED | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED) => {
            let text = format!("FindCoordinator request for {what} `{shown}` failed due to authorization failure");
            Outcome::Done(Err(ApiError::with_text(code, text)))
        }
        code => {
            let text = format!("FindCoordinator request for key `{shown}` failed due to an unexpected error");
            Outcome::Done(Err(ApiError::with_text(code, text)))
        }
    }
}
