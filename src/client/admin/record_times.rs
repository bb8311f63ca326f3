//! When records were written: reads no more of each partition than the batch that has the record (KIP-74).

use std::collections::HashMap;

use futures::future::FutureExt;
use futures::stream::{self, StreamExt};
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::protocol::VersionRange;

use super::driver::{Names, Outcome, leaders};
use super::*;
use crate::TopicPartition;
use crate::record::{Batches, RecordError};

/// Requests to one broker that may be on their way at the same time.
const IN_FLIGHT: usize = 16;
/// Batches without a record to look at (transaction markers, compacted ones) before the search is given up.
const MAX_BATCHES: usize = 32;

impl Admin {
    /// The timestamp of the first record at or after an offset of each partition, in milliseconds since 1970; `None` if
    /// there is no such record. An offset before the start of the log means its start.
    pub async fn record_times(&self, wanted: &[(TopicPartition, i64)]) -> Items<TopicPartition, Option<i64>> {
        let offsets: HashMap<TopicPartition, i64> = wanted.iter().cloned().collect();
        let offsets = &offsets;
        let keys: Vec<TopicPartition> = wanted.iter().map(|(tp, _)| tp.clone()).collect();
        let names = Names {
            lookup: "recordTimes(api=METADATA)",
            fulfil: "recordTimes(api=FETCH)",
        };
        let fulfil = |admin: Admin, spec: CallSpec, keys: Vec<TopicPartition>| {
            async move {
                // Newer versions name topics by id only.
                let versions = VersionRange { min: 4, max: 12 };
                let spec = CallSpec { versions, ..spec };
                let admin = &admin;
                let ask = |tp: TopicPartition| async move {
                    let found = admin.record_time(spec, &tp, offsets[&tp]).await;
                    found.map(|outcome| (tp, outcome))
                };
                let answers: Vec<_> = stream::iter(keys).map(ask).buffer_unordered(IN_FLIGHT).collect().await;
                answers.into_iter().collect()
            }
            .boxed()
        };
        self.drive(names, &keys, leaders, fulfil).await
    }

    async fn record_time(
        &self,
        spec: CallSpec,
        tp: &TopicPartition,
        from: i64,
    ) -> Result<Outcome<Option<i64>>, ApiError> {
        let mut offset = from;
        for _ in 0..MAX_BATCHES {
            let answer = self
                .cluster
                .call(spec, |_| fetch_one(tp, offset), |_| Verdict::Done)
                .await?;
            let topic = answer.responses.first();
            let Some(partition) = topic.and_then(|t| t.partitions.first()) else {
                let text = format!("The server response did not contain a result for {tp}");
                return Ok(Outcome::Done(Err(ApiError::kafka(text))));
            };
            if partition.error_code == ErrorCode::OFFSET_OUT_OF_RANGE.code() && offset < partition.log_start_offset {
                offset = partition.log_start_offset;
                continue;
            }
            if partition.error_code != 0 {
                return Ok(Outcome::of_leader(partition.error_code, || None));
            }
            match first_record(partition.records.as_deref().unwrap_or_default(), offset) {
                Ok(Found::Time(ms)) => return Ok(Outcome::Done(Ok(Some(ms)))),
                Ok(Found::Nothing) => return Ok(Outcome::Done(Ok(None))),
                Ok(Found::GoOn(next)) => offset = next,
                Err(e) => return Ok(Outcome::Done(Err(ApiError::new(e.code(), Some(e.to_string()))))),
            }
        }
        Ok(Outcome::Done(Ok(None)))
    }
}

/// One batch of one partition, whatever its size, at once.
fn fetch_one(tp: &TopicPartition, offset: i64) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(tp.partition)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1);
    let topic = FetchTopic::default()
        .with_topic(topic_name(&tp.topic))
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(0)
        .with_min_bytes(0)
        .with_max_bytes(1)
        .with_topics(vec![topic])
}

enum Found {
    Time(i64),
    /// Look on from this offset.
    GoOn(i64),
    Nothing,
}

fn first_record(records: &[u8], offset: i64) -> Result<Found, RecordError> {
    let mut found = Found::Nothing;
    for batch in Batches::new(records) {
        let batch = batch?;
        found = Found::GoOn(batch.header.next_offset().max(offset + 1));
        if batch.header.is_control() {
            continue;
        }
        let mut reader = batch.records()?;
        while let Some(record) = reader.next_meta() {
            let record = record?;
            if record.offset >= offset {
                return Ok(Found::Time(record.timestamp));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{BatchOptions, RecordBatchBuilder};

    #[test]
    fn the_record_at_the_offset_or_the_next_one() {
        let mut batch = RecordBatchBuilder::new(BatchOptions {
            base_offset: 5,
            ..BatchOptions::default()
        });
        for i in 0..3 {
            batch.append(1000 + i, None, Some(b"v"));
        }
        let bytes = batch.build();
        assert!(matches!(first_record(&bytes, 6), Ok(Found::Time(1001))));
        assert!(matches!(first_record(&bytes, 2), Ok(Found::Time(1000))));
        assert!(matches!(first_record(&bytes, 8), Ok(Found::GoOn(9))));
        assert!(matches!(first_record(&[], 8), Ok(Found::Nothing)));
        assert!(!matches!(
            first_record(&bytes[..bytes.len() - 1], 6),
            Ok(Found::Time(_))
        ));
    }
}
