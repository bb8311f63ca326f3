//! Offsets of partitions: where they start and end, what lies at a time, and cutting their start off
//! (KIP-79, KIP-107, KIP-734, KIP-1005, KIP-1023).

use std::collections::HashMap;

use futures::FutureExt;
use indexmap::IndexMap;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{DeleteRecordsRequest, ListOffsetsRequest};
use kafka_protocol::protocol::VersionRange;

use super::driver::{Names, Outcome, leaders, leaders_of_known_topics};
use super::*;
use crate::TopicPartition;

/// Kafka: `OffsetSpec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    Latest,
    Earliest,
    /// The record with the largest timestamp.
    MaxTimestamp,
    /// The first offset on the broker's own disk (tiered storage).
    EarliestLocal,
    /// The last offset in remote storage.
    LatestTiered,
    /// The first offset not yet in remote storage.
    EarliestPendingUpload,
    /// The first record at or after this time, milliseconds since 1970.
    Timestamp(i64),
}

impl OffsetSpec {
    /// The number on the wire, which `--time` of get-offsets takes, too.
    pub fn timestamp(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::MaxTimestamp => -3,
            Self::EarliestLocal => -4,
            Self::LatestTiered => -5,
            Self::EarliestPendingUpload => -6,
            Self::Timestamp(ms) => ms,
        }
    }

    /// The first version of ListOffsets that knows it.
    fn min_version(self) -> i16 {
        match self {
            Self::Latest | Self::Earliest | Self::Timestamp(_) => 1,
            Self::MaxTimestamp => 7,
            Self::EarliestLocal => 8,
            Self::LatestTiered => 9,
            Self::EarliestPendingUpload => 11,
        }
    }
}

/// Kafka: `IsolationLevel`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IsolationLevel {
    #[default]
    ReadUncommitted,
    ReadCommitted,
}

/// Kafka: `ListOffsetsResultInfo`. An offset of -1 means that nothing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetInfo {
    pub offset: i64,
    /// Of the record found; -1 for the ends of the log.
    pub timestamp: i64,
    pub leader_epoch: Option<i32>,
}

impl Admin {
    /// Kafka: `listOffsets`: each partition's leader is asked, all leaders at the same time.
    pub async fn list_offsets(
        &self,
        wanted: &[(TopicPartition, OffsetSpec)],
        isolation: IsolationLevel,
    ) -> Items<TopicPartition, OffsetInfo> {
        let specs: HashMap<TopicPartition, OffsetSpec> = wanted.iter().cloned().collect();
        let specs = &specs;
        let keys: Vec<TopicPartition> = wanted.iter().map(|(tp, _)| tp.clone()).collect();
        let names = Names {
            lookup: "listOffsets(api=METADATA)",
            fulfil: "listOffsets(api=LIST_OFFSETS)",
        };
        let lookup = leaders_of_known_topics;
        let fulfil = |admin: Admin, spec: CallSpec, keys: Vec<TopicPartition>| {
            async move {
                let with_specs: Vec<_> = keys.iter().map(|tp| (tp.clone(), specs[tp])).collect();
                admin.list_offsets_at(spec, &with_specs, isolation).await
            }
            .boxed()
        };
        self.drive(names, &keys, lookup, fulfil).await
    }

    /// One leader's partitions. What an old broker does not know only fails those that asked for it, as in Kafka.
    async fn list_offsets_at(
        &self,
        spec: CallSpec,
        wanted: &[(TopicPartition, OffsetSpec)],
        isolation: IsolationLevel,
    ) -> Result<Vec<(TopicPartition, Outcome<OffsetInfo>)>, ApiError> {
        let mut by_version: IndexMap<i16, Vec<(TopicPartition, OffsetSpec)>> = IndexMap::new();
        let newest = wanted.iter().map(|(_, s)| s.min_version()).max().unwrap_or(1);
        by_version.insert(newest, wanted.to_vec());
        let mut out = Vec::new();
        while let Some((min, batch)) = by_version.pop() {
            let versions = VersionRange { min, max: i16::MAX };
            match self
                .list_offsets_batch(CallSpec { versions, ..spec }, &batch, isolation)
                .await
            {
                Ok(answers) => out.extend(answers),
                Err(e) if e.code == ErrorCode::UNSUPPORTED_VERSION && min > 1 => {
                    let (failed, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(|(_, s)| s.min_version() == min);
                    out.extend(failed.into_iter().map(|(tp, _)| (tp, Outcome::Done(Err(e.clone())))));
                    if let Some(next) = rest.iter().map(|(_, s)| s.min_version()).max() {
                        by_version.insert(next, rest);
                    }
                }
                Err(e) => return Err(e),
            }
        }
        Ok(out)
    }

    async fn list_offsets_batch(
        &self,
        spec: CallSpec,
        wanted: &[(TopicPartition, OffsetSpec)],
        isolation: IsolationLevel,
    ) -> Result<Vec<(TopicPartition, Outcome<OffsetInfo>)>, ApiError> {
        let make = |version: i16| {
            let mut topics: IndexMap<&str, Vec<ListOffsetsPartition>> = IndexMap::new();
            for (tp, offset) in wanted {
                let partition = ListOffsetsPartition::default()
                    .with_partition_index(tp.partition)
                    .with_timestamp(offset.timestamp());
                topics.entry(&tp.topic).or_default().push(partition);
            }
            let topic = |(name, partitions)| {
                ListOffsetsTopic::default()
                    .with_name(topic_name(name))
                    .with_partitions(partitions)
            };
            let request = ListOffsetsRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_topics(topics.into_iter().map(topic).collect())
                .with_timeout_ms(if version >= 10 { self.timeout_ms() } else { 0 });
            match version >= 2 {
                true => request.with_isolation_level((isolation == IsolationLevel::ReadCommitted).into()),
                false => request,
            }
        };
        let answer = self.cluster.call(spec, make, |_| Verdict::Done).await?;
        let mut out = Vec::new();
        for topic in &answer.topics {
            for p in &topic.partitions {
                let info = || OffsetInfo {
                    offset: p.offset,
                    timestamp: p.timestamp,
                    leader_epoch: Some(p.leader_epoch).filter(|&e| e >= 0),
                };
                let tp = TopicPartition::new(topic.name.as_str(), p.partition_index);
                out.push((tp, Outcome::of_leader(p.error_code, info)));
            }
        }
        Ok(out)
    }

    /// Kafka: `deleteRecords`: moves each partition's start up to an offset (-1: to its high watermark). Answers the new
    /// start.
    pub async fn delete_records(&self, before: &[(TopicPartition, i64)]) -> Items<TopicPartition, i64> {
        let offsets: HashMap<TopicPartition, i64> = before.iter().cloned().collect();
        let offsets = &offsets;
        let keys: Vec<TopicPartition> = before.iter().map(|(tp, _)| tp.clone()).collect();
        let names = Names {
            lookup: "deleteRecords(api=METADATA)",
            fulfil: "deleteRecords(api=DELETE_RECORDS)",
        };
        let lookup = leaders;
        let fulfil = |admin: Admin, spec: CallSpec, keys: Vec<TopicPartition>| {
            async move {
                let make = |_| {
                    let mut topics: IndexMap<&str, Vec<DeleteRecordsPartition>> = IndexMap::new();
                    for tp in &keys {
                        let partition = DeleteRecordsPartition::default()
                            .with_partition_index(tp.partition)
                            .with_offset(offsets[tp]);
                        topics.entry(&tp.topic).or_default().push(partition);
                    }
                    let topic = |(name, partitions)| {
                        DeleteRecordsTopic::default()
                            .with_name(topic_name(name))
                            .with_partitions(partitions)
                    };
                    DeleteRecordsRequest::default()
                        .with_topics(topics.into_iter().map(topic).collect())
                        .with_timeout_ms(admin.timeout_ms())
                };
                let answer = admin.cluster.call(spec, make, |_| Verdict::Done).await?;
                let mut out = Vec::new();
                for topic in &answer.topics {
                    for p in &topic.partitions {
                        let tp = TopicPartition::new(topic.name.as_str(), p.partition_index);
                        out.push((tp, Outcome::of_leader(p.error_code, || p.low_watermark)));
                    }
                }
                Ok(out)
            }
            .boxed()
        };
        self.drive(names, &keys, lookup, fulfil).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn offsets_of_a_real_clusters_partitions() {
        let Some(admin) = live::admin().await else { return };
        let name = format!("client-{}", uuid::Uuid::new_v4());
        let topic = NewTopic {
            name: name.clone(),
            partitions: Some(4),
            ..NewTopic::default()
        };
        admin.create_topics(&[topic], false).await.remove(0).1.unwrap();
        let specs = [
            OffsetSpec::Latest,
            OffsetSpec::Earliest,
            OffsetSpec::MaxTimestamp,
            OffsetSpec::EarliestPendingUpload,
        ];
        let wanted: Vec<_> = (0..4)
            .map(|p| (TopicPartition::new(name.as_str(), p), specs[p as usize]))
            .collect();
        let items = admin.list_offsets(&wanted, IsolationLevel::ReadUncommitted).await;
        let offsets: Vec<i64> = items.iter().map(|(_, r)| r.as_ref().unwrap().offset).collect();
        assert_eq!(offsets, [0, 0, -1, -1]);
        let beyond = [
            (TopicPartition::new(name.as_str(), 0), 10),
            (TopicPartition::new(name.as_str(), 1), -1),
        ];
        let cut = admin.delete_records(&beyond).await;
        assert_eq!(cut[0].1.as_ref().unwrap_err().code, ErrorCode::OFFSET_OUT_OF_RANGE);
        assert_eq!(cut[1].1, Ok(0));
        admin
            .delete_topics(std::slice::from_ref(&name))
            .await
            .remove(0)
            .1
            .unwrap();

        let quick = admin.with_timeout(Duration::from_millis(700));
        let missing = [(TopicPartition::new(name.as_str(), 0), OffsetSpec::Latest)];
        let items = quick.list_offsets(&missing, IsolationLevel::ReadUncommitted).await;
        assert_eq!(items[0].1.as_ref().unwrap_err().exception(), "TimeoutException");
    }
}
