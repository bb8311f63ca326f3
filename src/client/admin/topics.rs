//! Topics: list and describe (KIP-4, KIP-516, KIP-966).

use kafka_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use kafka_protocol::messages::describe_topic_partitions_response::DescribeTopicPartitionsResponseTopic;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{DescribeTopicPartitionsRequest, MetadataRequest, MetadataResponse};
use uuid::Uuid;

use super::*;

/// Kafka: `TopicListing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicListing {
    pub name: String,
    pub topic_id: Uuid,
    pub is_internal: bool,
}

/// Kafka: `TopicDescription`.
#[derive(Clone, Debug)]
pub struct TopicDescription {
    pub name: String,
    /// All zeros from brokers before 2.8.
    pub topic_id: Uuid,
    pub is_internal: bool,
    /// Sorted by partition.
    pub partitions: Vec<TopicPartitionInfo>,
    /// A set of bits by `AclOperation`, `i32::MIN` if not asked for.
    pub authorized_operations: i32,
}

/// Kafka: `TopicPartitionInfo`. A node that is not alive has an empty host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPartitionInfo {
    pub partition: i32,
    pub leader: Option<Node>,
    /// -1 if not known.
    pub leader_epoch: i32,
    pub replicas: Vec<Node>,
    pub isr: Vec<Node>,
    pub offline_replicas: Vec<i32>,
    /// Eligible leader replicas; `None` from an API that does not tell (Kafka prints `N/A`).
    pub elr: Option<Vec<Node>>,
    pub last_known_elr: Option<Vec<Node>>,
}

/// A topic by its id, in Kafka's 22 characters.
pub fn topic_id_text(id: &Uuid) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id.as_bytes())
}

/// A topic id from Kafka's 22 characters.
pub fn parse_topic_id(text: &str) -> Option<Uuid> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .ok()?;
    Uuid::from_slice(&bytes).ok()
}

/// Partitions per response, Kafka's `partitionSizeLimitPerResponse`.
const PARTITION_LIMIT: i32 = 2000;

impl Admin {
    /// Kafka: `listTopics`, sorted by name; internal topics if asked for.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn list_topics(&self, list_internal: bool) -> Result<Vec<TopicListing>, AdminError> {
        self.brokers_only()?;
        let make = |_| {
            MetadataRequest::default()
                .with_topics(None)
                .with_allow_auto_topic_creation(true)
        };
        let answer = self.request("listTopics", Target::Any, make, |_| Verdict::Done).await?;
        let listing = |t: &MetadataResponseTopic| {
            Some(TopicListing {
                name: t.name.as_ref()?.to_string(),
                topic_id: t.topic_id,
                is_internal: t.is_internal,
            })
        };
        let mut topics: Vec<TopicListing> = answer.topics.iter().filter_map(listing).collect();
        topics.retain(|t| list_internal || !t.is_internal);
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// Kafka: `describeTopics` by name: DescribeTopicPartitions page by page, Metadata from brokers that lack it.
    pub async fn describe_topics(
        &self,
        names: &[String],
        authorized_operations: bool,
    ) -> Items<String, TopicDescription> {
        self.describe_topics_limited(names, authorized_operations, PARTITION_LIMIT)
            .await
    }

    /// As [`Self::describe_topics`], with the number of partitions per response (`--partition-size-limit-per-response`).
    pub async fn describe_topics_limited(
        &self,
        names: &[String],
        authorized_operations: bool,
        partition_limit: i32,
    ) -> Items<String, TopicDescription> {
        let mut wanted: Vec<String> = names.iter().filter(|n| !n.is_empty()).cloned().collect();
        wanted.sort();
        wanted.dedup();
        if wanted.is_empty() {
            return named(names, Ok(()), |()| Vec::new());
        }
        let paged = match self.brokers_only() {
            Ok(()) => self.describe_by_pages(&wanted, partition_limit).await,
            Err(e) => Err(e),
        };
        let answers = match paged {
            Err(e) if e.code == ErrorCode::UNSUPPORTED_VERSION => {
                self.describe_by_metadata(&wanted, authorized_operations).await
            }
            other => other,
        };
        named(names, answers, |answers| answers)
    }

    /// Kafka: `describeTopics` by id. The key is the id asked for.
    pub async fn describe_topics_by_id(
        &self,
        topic_ids: &[Uuid],
        authorized_operations: bool,
    ) -> Items<Uuid, TopicDescription> {
        let make = |_| {
            let topic = |id: &Uuid| MetadataRequestTopic::default().with_topic_id(*id).with_name(None);
            MetadataRequest::default()
                .with_topics(Some(topic_ids.iter().filter(|id| !id.is_nil()).map(topic).collect()))
                .with_allow_auto_topic_creation(false)
                .with_include_topic_authorized_operations(authorized_operations)
        };
        let answer = self
            .request("describeTopicsWithIds", Target::Any, make, |_| Verdict::Done)
            .await;
        let item = |id: &Uuid| {
            let shown = topic_id_text(id);
            if id.is_nil() {
                let text = format!("The given topic id '{shown}' cannot be represented in a request.");
                return Err(ApiError::with_text(ErrorCode::INVALID_TOPIC_EXCEPTION, text));
            }
            let answer = answer.as_ref().map_err(Clone::clone)?;
            let not_found = || ApiError::with_text(ErrorCode::UNKNOWN_TOPIC_ID, format!("TopicId {shown} not found."));
            let topic = answer
                .topics
                .iter()
                .find(|t| t.topic_id == *id && t.name.is_some())
                .ok_or_else(not_found)?;
            ApiError::check(topic.error_code, None)?;
            Ok(description_of_metadata(topic, &view_of(answer)))
        };
        topic_ids.iter().map(|id| (*id, item(id))).collect()
    }

    async fn describe_by_pages(
        &self,
        names: &[String],
        partition_limit: i32,
    ) -> Result<Items<String, TopicDescription>, AdminError> {
        let mut spec = self.spec("describeTopicPartitions", Target::Any);
        let cluster = self.describe_cluster(DescribeClusterOptions::default()).await?;
        let nodes = cluster.nodes.into_iter().map(|n| (n.id, n)).collect();
        let view = View {
            nodes,
            ..View::default()
        };
        let mut done: Vec<(String, Result<TopicDescription, ApiError>)> = Vec::new();
        let mut cursor: Option<(String, i32)> = None;
        loop {
            // Names are sorted, as the broker sorts them: what lies before the cursor has been answered.
            let from = cursor
                .as_ref()
                .map_or(0, |(topic, _)| names.partition_point(|n| n < topic));
            let make = |_| {
                let topic = |n: &String| TopicRequest::default().with_name(topic_name(n));
                let cursor = cursor.as_ref().map(|(topic, partition)| {
                    Cursor::default()
                        .with_topic_name(topic_name(topic))
                        .with_partition_index(*partition)
                });
                DescribeTopicPartitionsRequest::default()
                    .with_topics(names[from..].iter().map(topic).collect())
                    .with_response_partition_limit(partition_limit)
                    .with_cursor(cursor)
            };
            let answer = self.cluster.call(spec, make, |_| Verdict::Done).await?;
            for topic in &answer.topics {
                merge_page(&mut done, topic, &view);
            }
            let next = answer
                .next_cursor
                .map(|c| (c.topic_name.to_string(), c.partition_index));
            match next {
                None => return Ok(done),
                Some(next) if Some(&next) == cursor.as_ref() => {
                    return Err(ApiError::kafka(
                        "The broker answered with the cursor it was asked with.",
                    ));
                }
                Some(next) => cursor = Some(next),
            }
            spec.deadline = Instant::now() + self.timeout;
        }
    }

    async fn describe_by_metadata(
        &self,
        names: &[String],
        authorized_operations: bool,
    ) -> Result<Items<String, TopicDescription>, AdminError> {
        let make = |version| {
            let topic = |n: &String| MetadataRequestTopic::default().with_name(Some(topic_name(n)));
            MetadataRequest::default()
                .with_topics(Some(names.iter().map(topic).collect()))
                .with_allow_auto_topic_creation(version < 4)
                .with_include_topic_authorized_operations(authorized_operations && version >= 8)
        };
        let answer = self
            .request("describeTopics", Target::Any, make, |_| Verdict::Done)
            .await?;
        let view = view_of(&answer);
        let item = |name: &String| {
            let not_found = || {
                ApiError::with_text(
                    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                    format!("Topic {name} not found."),
                )
            };
            let named = |t: &&MetadataResponseTopic| t.name.as_ref().is_some_and(|n| **n == **name);
            let topic = answer.topics.iter().find(named).ok_or_else(not_found)?;
            ApiError::check(topic.error_code, None)?;
            Ok(description_of_metadata(topic, &view))
        };
        Ok(names.iter().map(|n| (n.clone(), item(n))).collect())
    }
}

/// Lays answers about named topics back into the order asked; an outer error becomes that of every topic.
fn named<A, V>(
    names: &[String],
    answer: Result<A, ApiError>,
    items: impl FnOnce(A) -> Items<String, V>,
) -> Items<String, V> {
    let mut answers = match answer {
        Ok(answer) => items(answer),
        Err(e) => {
            return names
                .iter()
                .map(|n| (n.clone(), Err(unnamable(n).unwrap_or_else(|| e.clone()))))
                .collect();
        }
    };
    names
        .iter()
        .map(|n| match unnamable(n) {
            Some(e) => (n.clone(), Err(e)),
            None => take(&mut answers, n),
        })
        .collect()
}

pub(super) fn unnamable(name: &str) -> Option<ApiError> {
    let text = || format!("The given topic name '{name}' cannot be represented in a request.");
    name.is_empty()
        .then(|| ApiError::with_text(ErrorCode::INVALID_TOPIC_EXCEPTION, text()))
}

/// A page may continue the topic the page before ended in.
fn merge_page(done: &mut Items<String, TopicDescription>, topic: &DescribeTopicPartitionsResponseTopic, view: &View) {
    let Some(name) = topic.name.as_ref().map(|n| n.to_string()) else {
        return;
    };
    if let Err(e) = ApiError::check(topic.error_code, None) {
        done.push((name, Err(e)));
        return;
    }
    let nodes = |ids: &[BrokerId]| ids.iter().map(|id| view.node_or_placeholder(id.0)).collect::<Vec<_>>();
    let partitions = topic.partitions.iter().map(|p| TopicPartitionInfo {
        partition: p.partition_index,
        leader: view.nodes.get(&p.leader_id.0).cloned(),
        leader_epoch: p.leader_epoch,
        replicas: nodes(&p.replica_nodes),
        isr: nodes(&p.isr_nodes),
        offline_replicas: ids(&p.offline_replicas),
        elr: Some(nodes(p.eligible_leader_replicas.as_deref().unwrap_or_default())),
        last_known_elr: Some(nodes(p.last_known_elr.as_deref().unwrap_or_default())),
    });
    if let Some((last, Ok(description))) = done.last_mut()
        && *last == name
    {
        description.partitions.extend(partitions);
        return;
    }
    let description = TopicDescription {
        name: name.clone(),
        topic_id: topic.topic_id,
        is_internal: topic.is_internal,
        partitions: partitions.collect(),
        authorized_operations: topic.topic_authorized_operations,
    };
    done.push((name, Ok(description)));
}

fn view_of(answer: &MetadataResponse) -> View {
    let nodes = answer
        .brokers
        .iter()
        .map(Node::from_metadata)
        .map(|n| (n.id, n))
        .collect();
    View {
        nodes,
        ..View::default()
    }
}

fn description_of_metadata(topic: &MetadataResponseTopic, view: &View) -> TopicDescription {
    let nodes = |ids: &[BrokerId]| ids.iter().map(|id| view.node_or_placeholder(id.0)).collect::<Vec<_>>();
    let mut partitions: Vec<TopicPartitionInfo> = topic
        .partitions
        .iter()
        .map(|p| TopicPartitionInfo {
            partition: p.partition_index,
            leader: view.nodes.get(&p.leader_id.0).cloned(),
            leader_epoch: p.leader_epoch,
            replicas: nodes(&p.replica_nodes),
            isr: nodes(&p.isr_nodes),
            offline_replicas: ids(&p.offline_replicas),
            elr: None,
            last_known_elr: None,
        })
        .collect();
    partitions.sort_by_key(|p| p.partition);
    TopicDescription {
        name: topic.name.as_ref().map(|n| n.to_string()).unwrap_or_default(),
        topic_id: topic.topic_id,
        is_internal: topic.is_internal,
        partitions,
        authorized_operations: topic.topic_authorized_operations,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ids_have_kafkas_22_characters() {
        let id = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let text = topic_id_text(&id);
        assert_eq!(text, "ASNFZ4mrze8BI0VniavN7w");
        assert_eq!(parse_topic_id(&text), Some(id));
        assert_eq!(parse_topic_id("nope"), None);
    }

    #[tokio::test]
    async fn a_topic_lives_on_a_real_cluster() {
        let Some(admin) = live::admin().await else { return };
        let name = format!("client-{}", uuid::Uuid::new_v4());
        let topic = NewTopic {
            name: name.clone(),
            partitions: Some(5),
            ..NewTopic::default()
        };
        let items = admin.create_topics(&[topic.clone(), NewTopic::default()], false).await;
        assert_eq!(items[0].1.as_ref().unwrap().partitions, Some(5));
        assert_eq!(
            items[1].1.as_ref().unwrap_err().text(),
            "The given topic name '' cannot be represented in a request."
        );
        let again = admin.create_topics(&[topic], false).await;
        assert_eq!(
            again[0].1.as_ref().unwrap_err().text(),
            format!("Topic '{name}' already exists.")
        );

        let wider = NewPartitions {
            total_count: 7,
            assignments: None,
        };
        admin
            .create_partitions(&[(name.clone(), wider)], false)
            .await
            .remove(0)
            .1
            .unwrap();
        let names = [name.clone(), "no-such-topic".to_string()];
        for limit in [2000, 2] {
            let topic_id = live::eventually(async || {
                let items = admin.describe_topics_limited(&names, false, limit).await;
                assert_eq!(
                    items[1].1.as_ref().unwrap_err().code,
                    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                );
                let described = items[0].1.as_ref().ok()?;
                let numbers: Vec<i32> = described.partitions.iter().map(|p| p.partition).collect();
                (numbers == [0, 1, 2, 3, 4, 5, 6]).then_some(described.topic_id)
            })
            .await;
            let by_id = admin.describe_topics_by_id(&[topic_id], false).await;
            assert_eq!(by_id[0].1.as_ref().unwrap().name, name);
        }
        assert!(admin.list_topics(true).await.unwrap().iter().any(|t| t.name == name));
        admin
            .delete_topics(std::slice::from_ref(&name))
            .await
            .remove(0)
            .1
            .unwrap();
    }
}
