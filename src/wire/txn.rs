//! Messages of transactions in versions that `kafka-protocol` does not have: WriteTxnMarkers 2, which says by which rules
//! its transaction was made (KIP-1228).

use kafka_protocol::messages::TopicName;

use super::fields::{message, request};

message! {
    /// WriteTxnMarkers, v1-2.
    WriteTxnMarkersRequest {
        markers: Vec<WritableTxnMarker> = Vec::new();
    }
}

message! {
    /// The end of one transaction.
    WritableTxnMarker {
        producer_id: i64 = 0;
        producer_epoch: i16 = 0;
        /// Whether it is committed.
        transaction_result: bool = false;
        topics: Vec<WritableTxnMarkerTopic> = Vec::new();
        coordinator_epoch: i32 = 0;
        /// The `transaction.version` of the client.
        transaction_version: i8 = 0, since 2;
    }
}

message! {
    WritableTxnMarkerTopic {
        name: TopicName = TopicName::default();
        partition_indexes: Vec<i32> = Vec::new();
    }
}

message! {
    /// The answer to WriteTxnMarkers: v1 and v2 look the same.
    WriteTxnMarkersResponse {
        markers: Vec<WritableTxnMarkerResult> = Vec::new();
    }
}

message! {
    WritableTxnMarkerResult {
        producer_id: i64 = 0;
        topics: Vec<WritableTxnMarkerTopicResult> = Vec::new();
    }
}

message! {
    WritableTxnMarkerTopicResult {
        name: TopicName = TopicName::default();
        partitions: Vec<WritableTxnMarkerPartitionResult> = Vec::new();
    }
}

message! {
    WritableTxnMarkerPartitionResult {
        partition_index: i32 = 0;
        error_code: i16 = 0;
    }
}

request!(WriteTxnMarkersRequest, WriteTxnMarkersResponse, 27, 1..=2);

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{self as m, ProducerId};
    use kafka_protocol::protocol::{Decodable, StrBytes};

    use super::*;
    use crate::wire::fields::encoded;

    fn name() -> TopicName {
        TopicName(StrBytes::from_static_str("t"))
    }

    fn ours(transaction_version: i8) -> WriteTxnMarkersRequest {
        WriteTxnMarkersRequest {
            markers: vec![WritableTxnMarker {
                producer_id: 7,
                producer_epoch: 3,
                transaction_result: true,
                topics: vec![WritableTxnMarkerTopic {
                    name: name(),
                    partition_indexes: vec![4, 5],
                }],
                coordinator_epoch: 9,
                transaction_version,
            }],
        }
    }

    #[test]
    fn version_1_is_what_the_crate_writes() {
        let topic = m::write_txn_markers_request::WritableTxnMarkerTopic::default()
            .with_name(name())
            .with_partition_indexes(vec![4, 5]);
        let marker = m::write_txn_markers_request::WritableTxnMarker::default()
            .with_producer_id(ProducerId(7))
            .with_producer_epoch(3)
            .with_transaction_result(true)
            .with_topics(vec![topic])
            .with_coordinator_epoch(9);
        let theirs = m::WriteTxnMarkersRequest::default().with_markers(vec![marker]);
        assert_eq!(encoded(&ours(0), 1), encoded(&theirs, 1));
        let answer = WriteTxnMarkersResponse {
            markers: vec![WritableTxnMarkerResult {
                producer_id: 7,
                topics: vec![WritableTxnMarkerTopicResult {
                    name: name(),
                    partitions: vec![WritableTxnMarkerPartitionResult {
                        partition_index: 4,
                        error_code: 47,
                    }],
                }],
            }],
        };
        let theirs = m::WriteTxnMarkersResponse::decode(&mut encoded(&answer, 1), 1).unwrap();
        assert_eq!(theirs.markers[0].topics[0].partitions[0].error_code, 47);
        assert_eq!(encoded(&theirs, 1), encoded(&answer, 1));
    }

    #[test]
    fn version_2_says_more() {
        let bytes = encoded(&ours(2), 2);
        assert_eq!(bytes.len(), encoded(&ours(2), 1).len() + 1);
        assert_eq!(WriteTxnMarkersRequest::decode(&mut bytes.clone(), 2).unwrap(), ours(2));
        for end in 0..bytes.len() {
            assert!(
                WriteTxnMarkersRequest::decode(&mut bytes.slice(..end), 2).is_err(),
                "{end}"
            );
        }
    }
}
