//! The answer to a fetch. `kafka-protocol` encodes all of it but the records, which stay in their files.

use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::fetch_response::{AbortedTransaction, EpochEndOffset, PartitionData as WirePartition};
use kafka_protocol::messages::{BrokerId, ProducerId, ResponseHeader};
use uuid::Uuid;

use super::Reply;
use crate::broker::replica::fetch::PartitionData;
use crate::broker::response::Response;
use crate::log::FileSlice;
use crate::wire::ErrorCode;
use crate::wire::frame::{FrameError, encode};

/// First version with compact lengths and tagged fields.
const FLEXIBLE: i16 = 12;
/// First version that has topic ids in place of names.
const TOPIC_IDS: i16 = 13;
/// First version with an error and a session for the whole response.
const SESSIONS: i16 = 7;
/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 4;
/// Records of fewer bytes are read: that costs less than a call of their own.
const LEAST_IN_FILE: usize = 8 * 1024;

/// One topic's partitions, in the order in which they were asked for.
#[derive(Debug)]
pub struct TopicReply {
    /// Empty where the client asked by id.
    pub name: String,
    pub id: Uuid,
    pub partitions: Vec<(i32, PartitionData)>,
}

#[derive(Debug, Default)]
pub struct FetchReply {
    pub error: i16,
    pub session_id: i32,
    pub topics: Vec<TopicReply>,
}

impl Reply for FetchReply {
    fn encode(self, version: i16, header_version: i16, correlation_id: i32) -> Result<Response, FrameError> {
        let mut out = Out {
            before_files: Vec::new(),
            bytes: BytesMut::new(),
            version,
        };
        out.bytes.put_i32(0); // length
        let header = ResponseHeader::default().with_correlation_id(correlation_id);
        encode(&header, &mut out.bytes, header_version, "response header")?;
        out.bytes.put_i32(0); // throttle time
        if version >= SESSIONS {
            out.bytes.put_i16(self.error);
            out.bytes.put_i32(self.session_id);
        }
        out.array_len(self.topics.len());
        for topic in self.topics {
            out.topic(topic)?;
        }
        out.no_tagged_fields();
        Ok(out.finish())
    }
}

struct Out {
    /// Parts of files, and the bytes that go before each.
    before_files: Vec<(BytesMut, FileSlice)>,
    /// What follows the last of them.
    bytes: BytesMut,
    version: i16,
}

impl Out {
    fn topic(&mut self, topic: TopicReply) -> Result<(), FrameError> {
        if self.version >= TOPIC_IDS {
            self.bytes.put_slice(topic.id.as_bytes());
        } else if self.version >= FLEXIBLE {
            self.unsigned_varint(topic.name.len() + 1);
            self.bytes.put_slice(topic.name.as_bytes());
        } else {
            self.bytes.put_i16(i16::try_from(topic.name.len()).unwrap_or(i16::MAX));
            self.bytes.put_slice(topic.name.as_bytes());
        }
        self.array_len(topic.partitions.len());
        for (partition, data) in topic.partitions {
            self.partition(partition, data)?;
        }
        self.no_tagged_fields();
        Ok(())
    }

    fn partition(&mut self, partition: i32, mut data: PartitionData) -> Result<(), FrameError> {
        let slice = data.data.as_mut().and_then(|data| data.slice.take());
        let mut wire = respond(partition, data);
        match slice {
            Some(slice) if slice.len >= LEAST_IN_FILE => {
                encode(&wire, &mut self.bytes, self.version, "response")?;
                self.records_in_file(slice);
                Ok(())
            }
            None => encode(&wire, &mut self.bytes, self.version, "response"),
            Some(slice) => {
                match slice.read() {
                    Ok(records) => wire.records = Some(records),
                    Err(_) => wire.error_code = ErrorCode::KAFKA_STORAGE_ERROR.code(),
                }
                encode(&wire, &mut self.bytes, self.version, "response")
            }
        }
    }

    /// Puts the records of the partition just encoded, which has none yet, in their place: its last field.
    fn records_in_file(&mut self, slice: FileSlice) {
        let no_records = if self.version >= FLEXIBLE { 2 } else { 4 };
        self.bytes.truncate(self.bytes.len() - no_records);
        if self.version >= FLEXIBLE {
            self.unsigned_varint(slice.len + 1);
        } else {
            self.bytes.put_i32(i32::try_from(slice.len).unwrap_or(i32::MAX));
        }
        self.before_files.push((self.bytes.split(), slice));
        self.no_tagged_fields();
    }

    fn array_len(&mut self, len: usize) {
        if self.version >= FLEXIBLE {
            self.unsigned_varint(len + 1);
        } else {
            self.bytes.put_i32(i32::try_from(len).unwrap_or(i32::MAX));
        }
    }

    fn no_tagged_fields(&mut self) {
        if self.version >= FLEXIBLE {
            self.bytes.put_u8(0);
        }
    }

    fn unsigned_varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.bytes.put_u8((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.put_u8(value as u8);
    }

    fn finish(mut self) -> Response {
        let in_files: usize = self
            .before_files
            .iter()
            .map(|(bytes, slice)| bytes.len() + slice.len)
            .sum();
        let len = in_files + self.bytes.len() - LENGTH_BYTES;
        let first = self
            .before_files
            .first_mut()
            .map_or(&mut self.bytes, |(bytes, _)| bytes);
        first[..LENGTH_BYTES].copy_from_slice(&(len as u32).to_be_bytes());
        let mut response = Response::default();
        for (bytes, slice) in self.before_files {
            response.push(bytes.freeze());
            response.push_file(slice);
        }
        response.push(self.bytes.freeze());
        response
    }
}

/// Everything but the records, which are empty; only a partition without records has tagged fields.
fn respond(partition: i32, data: PartitionData) -> WirePartition {
    let aborted = data.aborted.map(|all| {
        let row = |txn: crate::log::AbortedTxn| {
            AbortedTransaction::default()
                .with_producer_id(ProducerId(txn.producer_id))
                .with_first_offset(txn.first_offset)
        };
        all.into_iter().map(row).collect()
    });
    let diverging = data.diverging.map_or_else(EpochEndOffset::default, |(epoch, end)| {
        EpochEndOffset::default().with_epoch(epoch).with_end_offset(end)
    });
    WirePartition::default()
        .with_partition_index(partition)
        .with_error_code(data.error.code())
        .with_high_watermark(data.high_watermark)
        .with_last_stable_offset(data.last_stable_offset)
        .with_log_start_offset(data.log_start_offset)
        .with_aborted_transactions(aborted)
        .with_preferred_read_replica(BrokerId(-1))
        .with_diverging_epoch(diverging)
        .with_records(Some(bytes::Bytes::new()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::wire::api::ApiKey;
    use bytes::Bytes;
    use kafka_protocol::messages::fetch_response::FetchableTopicResponse;
    use kafka_protocol::messages::{FetchResponse, TopicName};
    use kafka_protocol::protocol::StrBytes;

    use super::*;
    use crate::log::{AbortedTxn, FetchData};
    use crate::wire::api::response_header_version;
    use crate::wire::frame::encode_response;

    /// Partitions with many records, few, none, an error, and a log that went another way.
    fn partitions(file: &Arc<std::fs::File>) -> Vec<(i32, PartitionData)> {
        let records = |position, len| {
            Some(FetchData {
                slice: (len > 0).then(|| FileSlice {
                    file: file.clone(),
                    position,
                    len,
                }),
                ..FetchData::default()
            })
        };
        let good = |data, aborted, diverging| PartitionData {
            error: ErrorCode::NONE,
            high_watermark: 1000,
            last_stable_offset: 900,
            log_start_offset: 3,
            aborted,
            data,
            diverging,
        };
        let aborted = vec![AbortedTxn {
            producer_id: 7,
            first_offset: 5,
            last_offset: 6,
            last_stable_offset: 900,
        }];
        vec![
            (0, good(records(10, LEAST_IN_FILE), Some(aborted), None)),
            (1, good(records(3, 100), Some(Vec::new()), None)),
            (2, good(records(0, 0), None, None)),
            (3, PartitionData::error(ErrorCode::NOT_LEADER_OR_FOLLOWER)),
            (4, good(None, None, Some((4, 44)))),
            (5, good(records(77, LEAST_IN_FILE * 3 + 1), None, None)),
        ]
    }

    #[test]
    fn every_version_reads_as_kafka_protocol_writes_it() {
        let dir = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..LEAST_IN_FILE * 4).map(|i| (i % 251) as u8).collect();
        std::fs::write(dir.path().join("log"), &content).unwrap();
        let file = Arc::new(std::fs::File::open(dir.path().join("log")).unwrap());
        let id = Uuid::from_u128(0x1234_5678_9abc_def0_0fed_cba9_8765_4321);
        for version in 4..=18 {
            let topics = ["t", &"long".repeat(50)].map(|name| TopicReply {
                name: name.to_owned(),
                id,
                partitions: partitions(&file),
            });
            let expected = topics.iter().map(|t| {
                let partitions = partitions(&file).into_iter().map(|(index, data)| {
                    let slice = data.data.as_ref().and_then(|d| d.slice.clone());
                    let records = slice.map_or_else(Bytes::new, |s| s.read().unwrap());
                    respond(index, data).with_records(Some(records))
                });
                FetchableTopicResponse::default()
                    .with_topic(TopicName(StrBytes::from_string(t.name.clone())))
                    .with_topic_id(t.id)
                    .with_partitions(partitions.collect())
            });
            let expected = FetchResponse::default()
                .with_session_id(if version >= SESSIONS { 9 } else { 0 })
                .with_responses(expected.collect());
            let reply = FetchReply {
                error: 0,
                session_id: 9,
                topics: topics.into(),
            };
            let header = response_header_version(ApiKey::Fetch, version);
            let expected = encode_response(&expected, version, header, 42).unwrap();
            let ours = reply.encode(version, header, 42).unwrap();
            assert_eq!(ours.to_bytes().unwrap(), expected, "version {version}");
        }
    }
}
