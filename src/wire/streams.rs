//! The messages of streams groups (KIP-1071), which `kafka-protocol` does not have: StreamsGroupHeartbeat (88) and
//! StreamsGroupDescribe (89).

use kafka_protocol::messages::{GroupId, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::fields::{Nullable, message, request};

message! {
    StreamsGroupHeartbeatRequest {
        group_id: GroupId = GroupId::default();
        member_id: StrBytes = StrBytes::default();
        member_epoch: i32 = 0;
        endpoint_information_epoch: i32 = 0;
        instance_id: Option<StrBytes> = None;
        rack_id: Option<StrBytes> = None;
        /// -1 if it has not changed.
        rebalance_timeout_ms: i32 = -1;
        topology: Nullable<Topology> = Nullable(None);
        active_tasks: Option<Vec<TaskIds>> = None;
        standby_tasks: Option<Vec<TaskIds>> = None;
        warmup_tasks: Option<Vec<TaskIds>> = None;
        process_id: Option<StrBytes> = None;
        user_endpoint: Nullable<Endpoint> = Nullable(None);
        client_tags: Option<Vec<KeyValue>> = None;
        task_offsets: Option<Vec<TaskOffset>> = None;
        task_end_offsets: Option<Vec<TaskOffset>> = None;
        shutdown_application: bool = false;
    }
}

message! {
    /// What an application reads, keeps and writes.
    Topology {
        epoch: i32 = 0;
        subtopologies: Vec<Subtopology> = Vec::new();
    }
}

message! {
    Subtopology {
        subtopology_id: StrBytes = StrBytes::default();
        source_topics: Vec<TopicName> = Vec::new();
        source_topic_regex: Vec<StrBytes> = Vec::new();
        state_changelog_topics: Vec<TopicInfo> = Vec::new();
        repartition_sink_topics: Vec<TopicName> = Vec::new();
        repartition_source_topics: Vec<TopicInfo> = Vec::new();
        copartition_groups: Vec<CopartitionGroup> = Vec::new();
    }
}

message! {
    /// Topics that must have as many partitions as each other, by their places in the lists of the subtopology.
    CopartitionGroup {
        source_topics: Vec<i16> = Vec::new();
        source_topic_regex: Vec<i16> = Vec::new();
        repartition_source_topics: Vec<i16> = Vec::new();
    }
}

message! {
    /// An internal topic. Partitions and replicas are 0 where the broker is to choose.
    TopicInfo {
        name: TopicName = TopicName::default();
        partitions: i32 = 0;
        replication_factor: i16 = 0;
        topic_configs: Vec<KeyValue> = Vec::new();
    }
}

message! {
    KeyValue {
        key: StrBytes = StrBytes::default();
        value: StrBytes = StrBytes::default();
    }
}

message! {
    Endpoint {
        host: StrBytes = StrBytes::default();
        port: u16 = 0;
    }
}

message! {
    TaskOffset {
        subtopology_id: StrBytes = StrBytes::default();
        partition: i32 = 0;
        offset: i64 = 0;
    }
}

message! {
    TaskIds {
        subtopology_id: StrBytes = StrBytes::default();
        partitions: Vec<i32> = Vec::new();
    }
}

message! {
    StreamsGroupHeartbeatResponse {
        throttle_time_ms: i32 = 0;
        error_code: i16 = 0;
        error_message: Option<StrBytes> = None;
        member_id: StrBytes = StrBytes::default();
        member_epoch: i32 = 0;
        heartbeat_interval_ms: i32 = 0;
        acceptable_recovery_lag: i32 = 0;
        task_offset_interval_ms: i32 = 0;
        status: Option<Vec<Status>> = None;
        active_tasks: Option<Vec<TaskIds>> = None;
        standby_tasks: Option<Vec<TaskIds>> = None;
        warmup_tasks: Option<Vec<TaskIds>> = None;
        endpoint_information_epoch: i32 = 0;
        partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>> = None;
    }
}

message! {
    /// Something the application should know.
    Status {
        status_code: i8 = 0;
        status_detail: StrBytes = StrBytes::default();
    }
}

message! {
    /// Which partitions can be queried where.
    EndpointToPartitions {
        user_endpoint: Endpoint = Endpoint::default();
        active_partitions: Vec<TopicPartition> = Vec::new();
        standby_partitions: Vec<TopicPartition> = Vec::new();
    }
}

message! {
    TopicPartition {
        topic: TopicName = TopicName::default();
        partitions: Vec<i32> = Vec::new();
    }
}

message! {
    StreamsGroupDescribeRequest {
        group_ids: Vec<GroupId> = Vec::new();
        include_authorized_operations: bool = false;
    }
}

message! {
    StreamsGroupDescribeResponse {
        throttle_time_ms: i32 = 0;
        groups: Vec<DescribedGroup> = Vec::new();
    }
}

message! {
    DescribedGroup {
        error_code: i16 = 0;
        error_message: Option<StrBytes> = None;
        group_id: GroupId = GroupId::default();
        group_state: StrBytes = StrBytes::default();
        group_epoch: i32 = 0;
        assignment_epoch: i32 = 0;
        topology: Nullable<DescribedTopology> = Nullable(None);
        members: Vec<DescribedMember> = Vec::new();
        authorized_operations: i32 = i32::MIN;
    }
}

message! {
    DescribedTopology {
        epoch: i32 = 0;
        subtopologies: Option<Vec<DescribedSubtopology>> = None;
    }
}

message! {
    DescribedSubtopology {
        subtopology_id: StrBytes = StrBytes::default();
        source_topics: Vec<TopicName> = Vec::new();
        repartition_sink_topics: Vec<TopicName> = Vec::new();
        state_changelog_topics: Vec<TopicInfo> = Vec::new();
        repartition_source_topics: Vec<TopicInfo> = Vec::new();
    }
}

message! {
    DescribedMember {
        member_id: StrBytes = StrBytes::default();
        member_epoch: i32 = 0;
        instance_id: Option<StrBytes> = None;
        rack_id: Option<StrBytes> = None;
        client_id: StrBytes = StrBytes::default();
        client_host: StrBytes = StrBytes::default();
        topology_epoch: i32 = 0;
        process_id: StrBytes = StrBytes::default();
        user_endpoint: Nullable<Endpoint> = Nullable(None);
        client_tags: Vec<KeyValue> = Vec::new();
        task_offsets: Vec<TaskOffset> = Vec::new();
        task_end_offsets: Vec<TaskOffset> = Vec::new();
        assignment: Assignment = Assignment::default();
        target_assignment: Assignment = Assignment::default();
        is_classic: bool = false;
    }
}

message! {
    Assignment {
        active_tasks: Vec<TaskIds> = Vec::new();
        standby_tasks: Vec<TaskIds> = Vec::new();
        warmup_tasks: Vec<TaskIds> = Vec::new();
    }
}

request!(StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, 88, 0..=0);
request!(StreamsGroupDescribeRequest, StreamsGroupDescribeResponse, 89, 0..=0);

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use kafka_protocol::protocol::{Decodable, Encodable};

    use super::*;

    #[test]
    fn a_heartbeat_comes_back_as_it_was_and_no_shorter() {
        let subtopology = Subtopology {
            subtopology_id: StrBytes::from_static_str("0"),
            source_topics: vec![TopicName(StrBytes::from_static_str("in"))],
            copartition_groups: vec![CopartitionGroup {
                source_topics: vec![0],
                ..CopartitionGroup::default()
            }],
            ..Subtopology::default()
        };
        let request = StreamsGroupHeartbeatRequest {
            topology: Nullable(Some(Topology {
                epoch: 3,
                subtopologies: vec![subtopology],
            })),
            active_tasks: Some(vec![TaskIds::default()]),
            user_endpoint: Nullable(Some(Endpoint {
                host: StrBytes::from_static_str("h"),
                port: 65_535,
            })),
            ..StreamsGroupHeartbeatRequest::default()
        };
        let mut bytes = BytesMut::new();
        request.encode(&mut bytes, 0).unwrap();
        let bytes = bytes.freeze();
        assert_eq!(
            StreamsGroupHeartbeatRequest::decode(&mut bytes.clone(), 0).unwrap(),
            request
        );
        for end in 0..bytes.len() {
            assert!(
                StreamsGroupHeartbeatRequest::decode(&mut bytes.slice(..end), 0).is_err(),
                "{end}"
            );
        }
        assert!(StreamsGroupHeartbeatRequest::decode(&mut bytes.clone(), 1).is_err());
    }
}
