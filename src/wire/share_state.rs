//! The messages in which brokers keep the state of share partitions with the share coordinator, in the versions of Kafka
//! 4.3: `kafka-protocol` lacks WriteShareGroupState 1 and ReadShareGroupStateSummary 1.

use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::fields::{message, request};

/// Records that share a state.
macro_rules! state_request {
    ($(#[$about:meta])* $request:ident, $topic:ident, $partition:ident { $($fields:tt)* }) => {
        message! {
            $(#[$about])*
            $request {
                group_id: StrBytes = StrBytes::default();
                topics: Vec<$topic> = Vec::new();
            }
        }

        message! {
            $topic {
                topic_id: Uuid = Uuid::nil();
                partitions: Vec<$partition> = Vec::new();
            }
        }

        message! {
            $partition {
                partition: i32 = 0;
                $($fields)*
            }
        }
    };
}

macro_rules! state_response {
    ($response:ident, $topic:ident, $partition:ident { $($fields:tt)* }) => {
        message! {
            $response {
                results: Vec<$topic> = Vec::new();
            }
        }

        message! {
            $topic {
                topic_id: Uuid = Uuid::nil();
                partitions: Vec<$partition> = Vec::new();
            }
        }

        message! {
            $partition {
                partition: i32 = 0;
                error_code: i16 = 0;
                error_message: Option<StrBytes> = None;
                $($fields)*
            }
        }
    };
}

state_request! {
    /// InitializeShareGroupState, v0.
    InitializeShareGroupStateRequest, InitializeTopic, InitializePartition {
        state_epoch: i32 = 0;
        start_offset: i64 = -1;
    }
}

state_request! {
    /// ReadShareGroupState, v0.
    ReadShareGroupStateRequest, ReadTopic, ReadPartition {
        leader_epoch: i32 = 0;
    }
}

state_request! {
    /// WriteShareGroupState, v0-1.
    WriteShareGroupStateRequest, WriteTopic, WritePartition {
        state_epoch: i32 = 0;
        leader_epoch: i32 = 0;
        start_offset: i64 = 0;
        /// Records from the start offset on that need no more delivery; -1 if not known.
        delivery_complete_count: i32 = -1, since 1;
        state_batches: Vec<StateBatch> = Vec::new();
    }
}

state_request! {
    /// DeleteShareGroupState, v0.
    DeleteShareGroupStateRequest, DeleteTopic, DeletePartition {}
}

state_request! {
    /// ReadShareGroupStateSummary, v0-1.
    ReadShareGroupStateSummaryRequest, SummaryTopic, SummaryPartition {
        leader_epoch: i32 = 0;
    }
}

message! {
    StateBatch {
        first_offset: i64 = 0;
        last_offset: i64 = 0;
        delivery_state: i8 = 0;
        delivery_count: i16 = 0;
    }
}

state_response! {
    InitializeShareGroupStateResponse, InitializedTopic, InitializedPartition {}
}

state_response! {
    ReadShareGroupStateResponse, ReadTopicResult, ReadPartitionResult {
        state_epoch: i32 = 0;
        start_offset: i64 = 0;
        state_batches: Vec<StateBatch> = Vec::new();
    }
}

state_response! {
    WriteShareGroupStateResponse, WrittenTopic, WrittenPartition {}
}

state_response! {
    DeleteShareGroupStateResponse, DeletedTopic, DeletedPartition {}
}

state_response! {
    ReadShareGroupStateSummaryResponse, SummaryTopicResult, SummaryPartitionResult {
        state_epoch: i32 = 0;
        leader_epoch: i32 = 0;
        start_offset: i64 = 0;
        delivery_complete_count: i32 = -1, since 1;
    }
}

request!(
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
    83,
    0..=0
);
request!(ReadShareGroupStateRequest, ReadShareGroupStateResponse, 84, 0..=0);
request!(WriteShareGroupStateRequest, WriteShareGroupStateResponse, 85, 0..=1);
request!(DeleteShareGroupStateRequest, DeleteShareGroupStateResponse, 86, 0..=0);
request!(
    ReadShareGroupStateSummaryRequest,
    ReadShareGroupStateSummaryResponse,
    87,
    0..=1
);

#[cfg(test)]
mod tests {
    use kafka_protocol::messages as m;
    use kafka_protocol::protocol::Decodable;

    use super::*;
    use crate::wire::fields::encoded;

    #[test]
    fn version_0_is_what_the_crate_reads() {
        let partition = WritePartition {
            partition: 3,
            state_epoch: 5,
            delivery_complete_count: 9,
            state_batches: vec![StateBatch::default()],
            ..WritePartition::default()
        };
        let topic = WriteTopic {
            partitions: vec![partition],
            ..WriteTopic::default()
        };
        let ours = WriteShareGroupStateRequest {
            topics: vec![topic],
            ..WriteShareGroupStateRequest::default()
        };
        let theirs = m::WriteShareGroupStateRequest::decode(&mut encoded(&ours, 0), 0).unwrap();
        assert_eq!(theirs.topics[0].partitions[0].state_epoch, 5);
        assert_eq!(encoded(&theirs, 0), encoded(&ours, 0));
        assert_eq!(
            WriteShareGroupStateRequest::decode(&mut encoded(&ours, 1), 1).unwrap(),
            ours
        );
        let theirs = m::ReadShareGroupStateResponse::default();
        assert_eq!(encoded(&ReadShareGroupStateResponse::default(), 0), encoded(&theirs, 0));
    }
}
