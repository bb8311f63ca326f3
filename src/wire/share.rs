//! Messages of share groups in versions that `kafka-protocol` does not have: ShareFetch and ShareAcknowledge 2, which may
//! renew a record's lock (KIP-1222) and take records one by one (KIP-1206), and DescribeShareGroupOffsets 1, which tells
//! the lag (KIP-1226).

use anyhow::Result;
use kafka_protocol::messages::share_acknowledge_response::{NodeEndpoint, ShareAcknowledgeTopicResponse};
use kafka_protocol::messages::share_fetch_request::ForgottenTopic;
use kafka_protocol::messages::{self as m, GroupId, TopicName};
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use uuid::Uuid;

use super::fields::{Field, message, request};

message! {
    /// ShareFetch, v1-2.
    ShareFetchRequest {
        group_id: Option<GroupId> = None;
        member_id: Option<StrBytes> = None;
        share_session_epoch: i32 = 0;
        max_wait_ms: i32 = 0;
        min_bytes: i32 = 0;
        max_bytes: i32 = i32::MAX;
        max_records: i32 = 0;
        batch_size: i32 = 0;
        /// 0 takes whole batches, 1 not one record above the limit.
        share_acquire_mode: i8 = 0, since 2;
        /// Locks are to be renewed; nothing is fetched then.
        is_renew_ack: bool = false, since 2;
        topics: Vec<ShareTopic> = Vec::new();
        forgotten_topics_data: Vec<ForgottenTopic> = Vec::new();
    }
}

message! {
    /// A topic in ShareFetch, where partitions may have nothing to acknowledge, or in ShareAcknowledge.
    ShareTopic {
        topic_id: Uuid = Uuid::nil();
        partitions: Vec<SharePartition> = Vec::new();
    }
}

message! {
    SharePartition {
        partition_index: i32 = 0;
        acknowledgement_batches: Vec<AcknowledgementBatch> = Vec::new();
    }
}

message! {
    AcknowledgementBatch {
        first_offset: i64 = 0;
        last_offset: i64 = 0;
        /// One for all of its records, or one for each.
        acknowledge_types: Vec<i8> = Vec::new();
    }
}

message! {
    /// ShareAcknowledge, v1-2.
    ShareAcknowledgeRequest {
        group_id: Option<GroupId> = None;
        member_id: Option<StrBytes> = None;
        share_session_epoch: i32 = 0;
        is_renew_ack: bool = false, since 2;
        topics: Vec<ShareTopic> = Vec::new();
    }
}

message! {
    /// The answer to ShareAcknowledge.
    ShareAcknowledgeResponse {
        throttle_time_ms: i32 = 0;
        error_code: i16 = 0;
        error_message: Option<StrBytes> = None;
        /// How long renewed locks last.
        acquisition_lock_timeout_ms: i32 = 0, since 2;
        responses: Vec<ShareAcknowledgeTopicResponse> = Vec::new();
        node_endpoints: Vec<NodeEndpoint> = Vec::new();
    }
}

/// The answer to ShareFetch: v1 and v2 look the same.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareFetchResponse(pub m::ShareFetchResponse);

impl Field for ShareFetchResponse {
    fn get<B: ByteBuf>(buf: &mut B, _version: i16) -> Result<Self> {
        m::ShareFetchResponse::decode(buf, 1).map(Self)
    }

    fn put<B: ByteBufMut>(&self, buf: &mut B, _version: i16) -> Result<()> {
        self.0.encode(buf, 1)
    }
}

/// DescribeShareGroupOffsets, v0-1, which look the same.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeShareGroupOffsetsRequest(pub m::DescribeShareGroupOffsetsRequest);

impl Field for DescribeShareGroupOffsetsRequest {
    fn get<B: ByteBuf>(buf: &mut B, _version: i16) -> Result<Self> {
        m::DescribeShareGroupOffsetsRequest::decode(buf, 0).map(Self)
    }

    fn put<B: ByteBufMut>(&self, buf: &mut B, _version: i16) -> Result<()> {
        self.0.encode(buf, 0)
    }
}

message! {
    /// The answer to DescribeShareGroupOffsets.
    DescribeShareGroupOffsetsResponse {
        throttle_time_ms: i32 = 0;
        groups: Vec<DescribedOffsets> = Vec::new();
    }
}

message! {
    /// The offsets of one group.
    DescribedOffsets {
        group_id: GroupId = GroupId::default();
        topics: Vec<DescribedTopic> = Vec::new();
        error_code: i16 = 0;
        error_message: Option<StrBytes> = None;
    }
}

message! {
    DescribedTopic {
        topic_name: TopicName = TopicName::default();
        topic_id: Uuid = Uuid::nil();
        partitions: Vec<DescribedPartition> = Vec::new();
    }
}

message! {
    DescribedPartition {
        partition_index: i32 = 0;
        /// -1 if the group has not read of it yet.
        start_offset: i64 = -1;
        leader_epoch: i32 = 0;
        /// Records still to be delivered, -1 if that is not known.
        lag: i64 = -1, since 1;
        error_code: i16 = 0;
        error_message: Option<StrBytes> = None;
    }
}

request!(ShareFetchRequest, ShareFetchResponse, 78, 1..=2);
request!(ShareAcknowledgeRequest, ShareAcknowledgeResponse, 79, 1..=2);
request!(
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsResponse,
    90,
    0..=1
);

#[cfg(test)]
mod tests {

    use super::*;
    use crate::wire::fields::encoded;

    fn fetch() -> ShareFetchRequest {
        let batch = AcknowledgementBatch {
            first_offset: 0,
            last_offset: 2,
            acknowledge_types: vec![1, 2, 4],
        };
        let partition = SharePartition {
            partition_index: 3,
            acknowledgement_batches: vec![batch],
        };
        let topic = ShareTopic {
            topic_id: Uuid::from_u128(7),
            partitions: vec![partition],
        };
        ShareFetchRequest {
            group_id: Some(GroupId(StrBytes::from_static_str("g"))),
            max_records: 500,
            topics: vec![topic],
            ..ShareFetchRequest::default()
        }
    }

    #[test]
    fn version_1_is_what_the_crate_writes() {
        let ours = fetch();
        let batch = m::share_fetch_request::AcknowledgementBatch::default()
            .with_last_offset(2)
            .with_acknowledge_types(vec![1, 2, 4]);
        let partition = m::share_fetch_request::FetchPartition::default()
            .with_partition_index(3)
            .with_acknowledgement_batches(vec![batch]);
        let topic = m::share_fetch_request::FetchTopic::default()
            .with_topic_id(Uuid::from_u128(7))
            .with_partitions(vec![partition]);
        let theirs = m::ShareFetchRequest::default()
            .with_group_id(ours.group_id.clone())
            .with_member_id(None)
            .with_max_records(500)
            .with_topics(vec![topic]);
        assert_eq!(encoded(&ours, 1), encoded(&theirs, 1));
        assert_eq!(ShareFetchRequest::decode(&mut encoded(&ours, 1), 1).unwrap(), ours);
        let ours = ShareAcknowledgeRequest {
            topics: fetch().topics,
            ..ShareAcknowledgeRequest::default()
        };
        let batch = m::share_acknowledge_request::AcknowledgementBatch::default()
            .with_last_offset(2)
            .with_acknowledge_types(vec![1, 2, 4]);
        let partition = m::share_acknowledge_request::AcknowledgePartition::default()
            .with_partition_index(3)
            .with_acknowledgement_batches(vec![batch]);
        let topic = m::share_acknowledge_request::AcknowledgeTopic::default()
            .with_topic_id(Uuid::from_u128(7))
            .with_partitions(vec![partition]);
        let theirs = m::ShareAcknowledgeRequest::default()
            .with_group_id(None)
            .with_member_id(None)
            .with_topics(vec![topic]);
        assert_eq!(encoded(&ours, 1), encoded(&theirs, 1));
        let ours = ShareAcknowledgeResponse {
            error_code: 122,
            ..ShareAcknowledgeResponse::default()
        };
        let theirs = m::ShareAcknowledgeResponse::default().with_error_code(122);
        assert_eq!(encoded(&ours, 1), encoded(&theirs, 1));
    }

    #[test]
    fn version_2_says_more() {
        let ours = ShareFetchRequest {
            share_acquire_mode: 1,
            is_renew_ack: true,
            ..fetch()
        };
        assert_eq!(ShareFetchRequest::decode(&mut encoded(&ours, 2), 2).unwrap(), ours);
        let ours = ShareAcknowledgeResponse {
            acquisition_lock_timeout_ms: 9,
            ..ShareAcknowledgeResponse::default()
        };
        assert_eq!(
            ShareAcknowledgeResponse::decode(&mut encoded(&ours, 2), 2).unwrap(),
            ours
        );
        assert!(ShareFetchRequest::decode(&mut encoded(&fetch(), 2), 3).is_err());
    }

    #[test]
    fn bytes_that_end_too_early_are_errors() {
        let whole = encoded(&fetch(), 2);
        for end in 0..whole.len() {
            assert!(ShareFetchRequest::decode(&mut whole.slice(..end), 2).is_err(), "{end}");
        }
    }

    #[test]
    fn described_offsets_differ_by_the_lag() {
        let partition = DescribedPartition {
            lag: 5,
            ..DescribedPartition::default()
        };
        let topic = DescribedTopic {
            partitions: vec![partition],
            ..DescribedTopic::default()
        };
        let group = DescribedOffsets {
            topics: vec![topic],
            ..DescribedOffsets::default()
        };
        let ours = DescribeShareGroupOffsetsResponse {
            groups: vec![group],
            ..DescribeShareGroupOffsetsResponse::default()
        };
        let theirs = m::DescribeShareGroupOffsetsResponse::decode(&mut encoded(&ours, 0), 0).unwrap();
        assert_eq!(theirs.groups[0].topics[0].partitions.len(), 1);
        assert_eq!(encoded(&ours, 1).len(), encoded(&ours, 0).len() + 8);
        assert_eq!(
            DescribeShareGroupOffsetsResponse::decode(&mut encoded(&ours, 1), 1).unwrap(),
            ours
        );
    }
}
