//! OffsetCommit and OffsetFetch 10, which name topics by their ids (KIP-848). `kafka-protocol` has the fields and the
//! responses, but not the version of the requests.

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::{self as m, GroupId};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::fields::{message, one_more_version};

one_more_version! {
    /// OffsetCommit, v2-10.
    OffsetCommitRequest as Commit, m::OffsetCommitResponse, 10
}

message! {
    Commit {
        group_id: GroupId = GroupId::default();
        generation_id_or_member_epoch: i32 = -1;
        member_id: StrBytes = StrBytes::default();
        group_instance_id: Option<StrBytes> = None;
        topics: Vec<CommitTopic> = Vec::new();
    }
}

message! {
    CommitTopic {
        topic_id: Uuid = Uuid::nil();
        partitions: Vec<OffsetCommitRequestPartition> = Vec::new();
    }
}

impl From<Commit> for m::OffsetCommitRequest {
    fn from(laid: Commit) -> Self {
        let topic = |topic: CommitTopic| {
            OffsetCommitRequestTopic::default()
                .with_topic_id(topic.topic_id)
                .with_partitions(topic.partitions)
        };
        Self::default()
            .with_group_id(laid.group_id)
            .with_generation_id_or_member_epoch(laid.generation_id_or_member_epoch)
            .with_member_id(laid.member_id)
            .with_group_instance_id(laid.group_instance_id)
            .with_topics(laid.topics.into_iter().map(topic).collect())
    }
}

impl From<m::OffsetCommitRequest> for Commit {
    fn from(request: m::OffsetCommitRequest) -> Self {
        let topic = |topic: OffsetCommitRequestTopic| CommitTopic {
            topic_id: topic.topic_id,
            partitions: topic.partitions,
        };
        Self {
            group_id: request.group_id,
            generation_id_or_member_epoch: request.generation_id_or_member_epoch,
            member_id: request.member_id,
            group_instance_id: request.group_instance_id,
            topics: request.topics.into_iter().map(topic).collect(),
        }
    }
}

one_more_version! {
    /// OffsetFetch, v1-10.
    OffsetFetchRequest as Fetch, m::OffsetFetchResponse, 10
}

message! {
    Fetch {
        groups: Vec<FetchGroup> = Vec::new();
        require_stable: bool = false;
    }
}

message! {
    FetchGroup {
        group_id: GroupId = GroupId::default();
        member_id: Option<StrBytes> = None;
        member_epoch: i32 = -1;
        topics: Option<Vec<FetchTopic>> = None;
    }
}

message! {
    FetchTopic {
        topic_id: Uuid = Uuid::nil();
        partition_indexes: Vec<i32> = Vec::new();
    }
}

impl From<Fetch> for m::OffsetFetchRequest {
    fn from(laid: Fetch) -> Self {
        let topic = |topic: FetchTopic| {
            OffsetFetchRequestTopics::default()
                .with_topic_id(topic.topic_id)
                .with_partition_indexes(topic.partition_indexes)
        };
        let group = |group: FetchGroup| {
            OffsetFetchRequestGroup::default()
                .with_group_id(group.group_id)
                .with_member_id(group.member_id)
                .with_member_epoch(group.member_epoch)
                .with_topics(group.topics.map(|topics| topics.into_iter().map(topic).collect()))
        };
        Self::default()
            .with_groups(laid.groups.into_iter().map(group).collect())
            .with_require_stable(laid.require_stable)
    }
}

impl From<m::OffsetFetchRequest> for Fetch {
    fn from(request: m::OffsetFetchRequest) -> Self {
        let topic = |topic: OffsetFetchRequestTopics| FetchTopic {
            topic_id: topic.topic_id,
            partition_indexes: topic.partition_indexes,
        };
        let group = |group: OffsetFetchRequestGroup| FetchGroup {
            group_id: group.group_id,
            member_id: group.member_id,
            member_epoch: group.member_epoch,
            topics: group.topics.map(|topics| topics.into_iter().map(topic).collect()),
        };
        Self {
            groups: request.groups.into_iter().map(group).collect(),
            require_stable: request.require_stable,
        }
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::protocol::Request;

    use super::*;
    use crate::wire::fields::encoded;
    use crate::wire::guard::{Side, check};

    /// Comes back as it was, fits the definition's layout, and no shorter.
    #[track_caller]
    fn comes_back<R: Request + PartialEq + std::fmt::Debug>(request: &R) {
        let bytes = encoded(request, 10);
        assert_eq!(R::decode(&mut bytes.clone(), 10).unwrap(), *request);
        assert_eq!(check(Side::Request, R::KEY, 10, &bytes), Ok(()));
        assert_eq!(request.compute_size(10).unwrap(), bytes.len());
        for end in 0..bytes.len() {
            assert!(R::decode(&mut bytes.slice(..end), 10).is_err(), "{end}");
        }
        assert!(R::decode(&mut bytes.clone(), 11).is_err());
    }

    #[test]
    fn a_commit_names_topics_by_id() {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(3)
            .with_committed_offset(17)
            .with_committed_leader_epoch(2)
            .with_committed_metadata(Some(StrBytes::from_static_str("note")));
        let topic = OffsetCommitRequestTopic::default()
            .with_topic_id(Uuid::from_u128(7))
            .with_partitions(vec![partition]);
        let request = m::OffsetCommitRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str("g")))
            .with_member_id(StrBytes::from_static_str("m"))
            .with_group_instance_id(Some(StrBytes::from_static_str("i")))
            .with_generation_id_or_member_epoch(5)
            .with_topics(vec![topic]);
        comes_back(&OffsetCommitRequest(request.clone()));
        assert_eq!(encoded(&OffsetCommitRequest(request.clone()), 9), encoded(&request, 9));
    }

    #[test]
    fn a_fetch_names_topics_by_id() {
        let topic = OffsetFetchRequestTopics::default()
            .with_topic_id(Uuid::from_u128(7))
            .with_partition_indexes(vec![0, 4]);
        let group = |topics| {
            OffsetFetchRequestGroup::default()
                .with_group_id(GroupId(StrBytes::from_static_str("g")))
                .with_member_id(Some(StrBytes::from_static_str("m")))
                .with_member_epoch(3)
                .with_topics(topics)
        };
        let request = m::OffsetFetchRequest::default()
            .with_groups(vec![group(Some(vec![topic])), group(None)])
            .with_require_stable(true);
        comes_back(&OffsetFetchRequest(request.clone()));
        assert_eq!(encoded(&OffsetFetchRequest(request.clone()), 9), encoded(&request, 9));
    }
}
