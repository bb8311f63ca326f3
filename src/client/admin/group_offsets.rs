//! Committed offsets of groups: list, alter, delete (KIP-88, KIP-396, KIP-496, KIP-709).

use futures::FutureExt;
use indexmap::IndexMap;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{
    GroupId, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, OffsetFetchResponse,
};
use kafka_protocol::protocol::VersionRange;

use super::driver::{Names, Outcome};
use super::*;
use crate::TopicPartition;

/// Kafka: `OffsetAndMetadata`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetAndMetadata {
    pub offset: i64,
    pub leader_epoch: Option<i32>,
    pub metadata: String,
}

impl OffsetAndMetadata {
    pub fn new(offset: i64) -> Self {
        Self {
            offset,
            ..Self::default()
        }
    }
}

/// A group's committed offsets, sorted; `None` where nothing is committed for a partition that was asked for.
pub type GroupOffsets = Vec<(TopicPartition, Option<OffsetAndMetadata>)>;

/// The partitions of each topic.
fn by_topic<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> IndexMap<&'a str, Vec<i32>> {
    let mut topics: IndexMap<&str, Vec<i32>> = IndexMap::new();
    for tp in partitions {
        topics.entry(&tp.topic).or_default().push(tp.partition);
    }
    topics
}

impl Admin {
    /// Kafka: `listConsumerGroupOffsets`: of the given partitions, or of all that have a commit. Groups with the same
    /// coordinator share a request (one each at brokers before 3.0).
    pub async fn list_group_offsets(
        &self,
        groups: &[(String, Option<Vec<TopicPartition>>)],
        require_stable: bool,
    ) -> Items<String, GroupOffsets> {
        let keys: Vec<String> = groups.iter().map(|(g, _)| g.clone()).collect();
        let names = Names {
            lookup: "offsetFetch(api=FIND_COORDINATOR)",
            fulfil: "offsetFetch(api=OFFSET_FETCH)",
        };
        self.drive_groups(names, &keys, |admin: Admin, spec: CallSpec, keys: Vec<String>| {
            async move {
                let mine: Vec<_> = groups.iter().filter(|(g, _)| keys.contains(g)).collect();
                // Newer versions name topics by id only.
                let batched = CallSpec {
                    versions: VersionRange { min: 8, max: 9 },
                    ..spec
                };
                let make = |_| batched_fetch(&mine, require_stable);
                match admin.cluster.call(batched, make, |_| Verdict::Done).await {
                    Ok(answer) => Ok(batched_answers(&answer)),
                    Err(e) if e.code == ErrorCode::UNSUPPORTED_VERSION => {
                        admin.fetch_one_by_one(spec, &mine, require_stable).await
                    }
                    Err(e) => Err(e),
                }
            }
            .boxed()
        })
        .await
    }

    async fn fetch_one_by_one(
        &self,
        spec: CallSpec,
        groups: &[&(String, Option<Vec<TopicPartition>>)],
        require_stable: bool,
    ) -> Result<Vec<(String, Outcome<GroupOffsets>)>, ApiError> {
        let spec = CallSpec {
            versions: VersionRange { min: 1, max: 7 },
            ..spec
        };
        let asks = groups.iter().map(|(group, partitions)| async move {
            let make = |version: i16| {
                let topic = |(name, partitions)| {
                    OffsetFetchRequestTopic::default()
                        .with_name(topic_name(name))
                        .with_partition_indexes(partitions)
                };
                OffsetFetchRequest::default()
                    .with_group_id(GroupId(text(group)))
                    .with_topics(
                        partitions
                            .as_ref()
                            .map(|all| by_topic(all).into_iter().map(topic).collect()),
                    )
                    .with_require_stable(require_stable && version >= 7)
            };
            let answer = self.cluster.call(spec, make, |_| Verdict::Done).await?;
            let mut offsets = GroupOffsets::new();
            for topic in &answer.topics {
                for p in topic.partitions.iter().filter(|p| p.error_code == 0) {
                    let tp = TopicPartition::new(topic.name.as_str(), p.partition_index);
                    offsets.push((
                        tp,
                        committed(p.committed_offset, p.committed_leader_epoch, p.metadata.as_deref()),
                    ));
                }
            }
            offsets.sort_by(|a, b| a.0.cmp(&b.0));
            Ok((
                group.clone(),
                Outcome::of_coordinator(answer.error_code, None, || offsets),
            ))
        });
        futures::future::join_all(asks).await.into_iter().collect()
    }

    /// Kafka: `alterConsumerGroupOffsets`.
    ///
    /// # Errors
    /// The group's error. A partition's own is its item's.
    pub async fn alter_group_offsets(
        &self,
        group: &str,
        offsets: &[(TopicPartition, OffsetAndMetadata)],
    ) -> Result<Items<TopicPartition, ()>, AdminError> {
        let names = Names {
            lookup: "offsetCommit(api=FIND_COORDINATOR)",
            fulfil: "offsetCommit(api=OFFSET_COMMIT)",
        };
        let commit = |admin: Admin, spec: CallSpec, keys: Vec<String>| {
            async move {
                // Newer versions name topics by id only.
                let spec = CallSpec {
                    versions: VersionRange { min: 2, max: 9 },
                    ..spec
                };
                let answer = admin
                    .cluster
                    .call(
                        spec,
                        |version| commit_request(group, offsets, version),
                        |_| Verdict::Done,
                    )
                    .await?;
                let mut items = Vec::new();
                let mut again = None;
                for topic in &answer.topics {
                    for p in &topic.partitions {
                        match ErrorCode::from(p.error_code) {
                            code @ (ErrorCode::COORDINATOR_LOAD_IN_PROGRESS | ErrorCode::REBALANCE_IN_PROGRESS) => {
                                again = Some(Outcome::Retry(code.into()));
                            }
                            code @ (ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR) => {
                                again = Some(Outcome::Unmap(code.into()));
                            }
                            _ => {}
                        }
                        let tp = TopicPartition::new(topic.name.as_str(), p.partition_index);
                        items.push((tp, ApiError::check(p.error_code, None)));
                    }
                }
                Ok(vec![(keys[0].clone(), again.unwrap_or(Outcome::Done(Ok(items))))])
            }
            .boxed()
        };
        let mut items = self
            .drive_groups(names, &[group.to_string()], commit)
            .await
            .remove(0)
            .1?;
        Ok(offsets.iter().map(|(tp, _)| take(&mut items, tp)).collect())
    }

    /// Kafka: `deleteConsumerGroupOffsets`.
    ///
    /// # Errors
    /// The group's error. A partition's own (`GROUP_SUBSCRIBED_TO_TOPIC`) is its item's.
    pub async fn delete_group_offsets(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<Items<TopicPartition, ()>, AdminError> {
        let names = Names {
            lookup: "offsetDelete(api=FIND_COORDINATOR)",
            fulfil: "offsetDelete(api=OFFSET_DELETE)",
        };
        let delete = |admin: Admin, spec: CallSpec, keys: Vec<String>| {
            async move {
                let make = |_| {
                    let partition = |p| OffsetDeleteRequestPartition::default().with_partition_index(p);
                    let topic = |(name, ps): (&str, Vec<i32>)| {
                        OffsetDeleteRequestTopic::default()
                            .with_name(topic_name(name))
                            .with_partitions(ps.into_iter().map(partition).collect())
                    };
                    OffsetDeleteRequest::default()
                        .with_group_id(GroupId(text(group)))
                        .with_topics(by_topic(partitions).into_iter().map(topic).collect())
                };
                let answer = admin.cluster.call(spec, make, |_| Verdict::Done).await?;
                let items = || {
                    let topics = answer.topics.iter();
                    topics
                        .flat_map(|t| t.partitions.iter().map(move |p| (t, p)))
                        .map(|(t, p)| {
                            let tp = TopicPartition::new(t.name.as_str(), p.partition_index);
                            (tp, ApiError::check(p.error_code, None))
                        })
                        .collect::<Items<TopicPartition, ()>>()
                };
                Ok(vec![(
                    keys[0].clone(),
                    Outcome::of_coordinator(answer.error_code, None, items),
                )])
            }
            .boxed()
        };
        let mut items = self
            .drive_groups(names, &[group.to_string()], delete)
            .await
            .remove(0)
            .1?;
        Ok(partitions.iter().map(|tp| take(&mut items, tp)).collect())
    }
}

fn batched_fetch(groups: &[&(String, Option<Vec<TopicPartition>>)], require_stable: bool) -> OffsetFetchRequest {
    let topics = |partitions: &Vec<TopicPartition>| {
        let topic = |(name, partitions): (&str, Vec<i32>)| {
            OffsetFetchRequestTopics::default()
                .with_name(topic_name(name))
                .with_partition_indexes(partitions)
        };
        by_topic(partitions).into_iter().map(topic).collect()
    };
    let group = |(group, partitions): &&(String, Option<Vec<TopicPartition>>)| {
        OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(text(group)))
            .with_topics(partitions.as_ref().map(topics))
    };
    OffsetFetchRequest::default()
        .with_groups(groups.iter().map(group).collect())
        .with_require_stable(require_stable)
}

/// Partitions with an error of their own are left out, as in Kafka.
fn batched_answers(answer: &OffsetFetchResponse) -> Vec<(String, Outcome<GroupOffsets>)> {
    let mut out = Vec::new();
    for group in &answer.groups {
        let mut offsets = GroupOffsets::new();
        for topic in &group.topics {
            for p in topic.partitions.iter().filter(|p| p.error_code == 0) {
                let tp = TopicPartition::new(topic.name.as_str(), p.partition_index);
                offsets.push((
                    tp,
                    committed(p.committed_offset, p.committed_leader_epoch, p.metadata.as_deref()),
                ));
            }
        }
        offsets.sort_by(|a, b| a.0.cmp(&b.0));
        out.push((
            group.group_id.to_string(),
            Outcome::of_coordinator(group.error_code, None, || offsets),
        ));
    }
    out
}

fn committed(offset: i64, leader_epoch: i32, metadata: Option<&str>) -> Option<OffsetAndMetadata> {
    (offset >= 0).then(|| OffsetAndMetadata {
        offset,
        leader_epoch: Some(leader_epoch).filter(|&e| e >= 0),
        metadata: metadata.unwrap_or_default().to_string(),
    })
}

fn commit_request(group: &str, offsets: &[(TopicPartition, OffsetAndMetadata)], version: i16) -> OffsetCommitRequest {
    let mut topics: IndexMap<&str, Vec<OffsetCommitRequestPartition>> = IndexMap::new();
    for (tp, o) in offsets {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(tp.partition)
            .with_committed_offset(o.offset)
            .with_committed_leader_epoch(if version >= 6 { o.leader_epoch.unwrap_or(-1) } else { -1 })
            .with_committed_metadata(Some(text(&o.metadata)));
        topics.entry(&tp.topic).or_default().push(partition);
    }
    let topic = |(name, partitions)| {
        OffsetCommitRequestTopic::default()
            .with_name(topic_name(name))
            .with_partitions(partitions)
    };
    OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(topics.into_iter().map(topic).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commits_come_and_go_on_a_real_cluster() {
        let Some(admin) = live::admin().await else { return };
        let name = format!("client-{}", uuid::Uuid::new_v4());
        let topic = NewTopic {
            name: name.clone(),
            partitions: Some(2),
            ..NewTopic::default()
        };
        admin.create_topics(&[topic], false).await.remove(0).1.unwrap();
        let (p0, p1) = (
            TopicPartition::new(name.as_str(), 0),
            TopicPartition::new(name.as_str(), 1),
        );
        let mark = OffsetAndMetadata {
            offset: 0,
            leader_epoch: None,
            metadata: "note".into(),
        };
        let offsets = [(p0.clone(), mark.clone())];
        live::eventually(async || {
            let items = admin.alter_group_offsets(&name, &offsets).await.unwrap();
            (items == [(p0.clone(), Ok(()))]).then_some(())
        })
        .await;

        let asked = [
            (name.clone(), Some(vec![p0.clone(), p1.clone()])),
            ("client-no-such-group".to_string(), None),
        ];
        let listed = admin.list_group_offsets(&asked, false).await;
        assert_eq!(listed[0].1.as_ref().unwrap(), &[(p0.clone(), Some(mark)), (p1, None)]);
        assert_eq!(listed[1].1.as_ref().unwrap(), &[]);

        let described = admin
            .describe_consumer_groups(std::slice::from_ref(&name))
            .await
            .remove(0)
            .1
            .unwrap();
        assert_eq!((described.state, described.members.len()), (GroupState::Empty, 0));
        assert_eq!(
            admin
                .delete_group_offsets(&name, std::slice::from_ref(&p0))
                .await
                .unwrap(),
            [(p0, Ok(()))]
        );
        admin.delete_groups(std::slice::from_ref(&name)).await;
        admin
            .delete_topics(std::slice::from_ref(&name))
            .await
            .remove(0)
            .1
            .unwrap();
    }

    #[test]
    fn admin_calls_can_be_spawned() {
        fn check<T: Send>(_: T) {}
        fn all(admin: &Admin) {
            check(admin.list_group_offsets(&[], false));
            check(admin.list_topics(true));
            check(admin.list_offsets(&[], IsolationLevel::ReadCommitted));
        }
        let _ = all;
    }
}
