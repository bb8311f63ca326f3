//! StreamsGroupDescribe (89), v0. State, epochs, topology and members of streams groups, with the tasks each member has
//! and those it shall have.

use kafka_protocol::messages::GroupId;

use super::shared::{check_all_seen, describe_group, text};
use crate::broker::group::shard::Group;
use crate::broker::group::streams::tasks::{TaskSet, to_wire};
use crate::broker::group::streams::{StreamsGroup, StreamsMember};
use crate::broker::metadata::ApiError;
use crate::broker::request::{RequestContext, Resource};
use crate::wire::fields::Nullable;
use crate::wire::streams::{
    Assignment, DescribedGroup, DescribedMember, DescribedSubtopology, DescribedTopology, StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse, Topology,
};

pub async fn handle(cx: &RequestContext, req: StreamsGroupDescribeRequest) -> StreamsGroupDescribeResponse {
    let groups = req.group_ids.into_iter().map(|group_id| {
        let mut described = describe(cx, &group_id).unwrap_or_else(refused);
        if req.include_authorized_operations && described.error_code == 0 {
            described.authorized_operations = cx.authorized_operations(Resource::Group(&group_id));
        }
        DescribedGroup { group_id, ..described }
    });
    StreamsGroupDescribeResponse {
        groups: groups.collect(),
        ..StreamsGroupDescribeResponse::default()
    }
}

fn describe(cx: &RequestContext, group_id: &GroupId) -> Result<DescribedGroup, ApiError> {
    let described = describe_group(cx, group_id, "streams", |group| match group {
        Group::Streams(group) => Some(described(group)),
        _ => None,
    })?;
    let subtopologies = described.topology.0.iter().flat_map(|topology| &topology.subtopologies);
    let named = subtopologies.flatten().flat_map(|s| {
        let internal = s.repartition_source_topics.iter().chain(&s.state_changelog_topics);
        let named = s.source_topics.iter().chain(&s.repartition_sink_topics);
        named.chain(internal.map(|info| &info.name)).map(|name| name.as_str())
    });
    let why = "The described group uses topics that the client is not authorized to describe.";
    check_all_seen(cx, named, why)?;
    Ok(described)
}

fn refused(error: ApiError) -> DescribedGroup {
    DescribedGroup {
        error_code: error.code.code(),
        error_message: Some(text(&error.text())),
        ..DescribedGroup::default()
    }
}

fn described(group: &StreamsGroup) -> DescribedGroup {
    DescribedGroup {
        group_state: text(group.state_name()),
        group_epoch: group.epoch(),
        assignment_epoch: group.target_epoch(),
        topology: Nullable(group.topology().map(topology)),
        members: group.members().map(|(id, m)| member(group, id, m)).collect(),
        ..DescribedGroup::default()
    }
}

fn topology(topology: &Topology) -> DescribedTopology {
    let subtopologies = topology.subtopologies.iter().map(|s| DescribedSubtopology {
        subtopology_id: s.subtopology_id.clone(),
        source_topics: s.source_topics.clone(),
        repartition_sink_topics: s.repartition_sink_topics.clone(),
        state_changelog_topics: s.state_changelog_topics.clone(),
        repartition_source_topics: s.repartition_source_topics.clone(),
    });
    DescribedTopology {
        epoch: topology.epoch,
        subtopologies: Some(subtopologies.collect()),
    }
}

fn member(group: &StreamsGroup, member_id: &str, member: &StreamsMember) -> DescribedMember {
    let metadata = &member.metadata;
    let none = TaskSet::default();
    DescribedMember {
        member_id: text(member_id),
        member_epoch: member.member_epoch,
        instance_id: metadata.instance_id.clone(),
        rack_id: metadata.rack_id.clone(),
        client_id: metadata.client_id.clone(),
        client_host: metadata.client_host.clone(),
        topology_epoch: metadata.topology_epoch,
        process_id: metadata.process_id.clone(),
        user_endpoint: metadata.user_endpoint.clone(),
        client_tags: metadata.client_tags.clone(),
        task_offsets: member.task_offsets.clone(),
        task_end_offsets: member.task_end_offsets.clone(),
        assignment: assignment(&member.assigned),
        target_assignment: assignment(group.target(member_id).unwrap_or(&none)),
        is_classic: false,
    }
}

fn assignment(tasks: &TaskSet) -> Assignment {
    Assignment {
        active_tasks: to_wire(&tasks.active),
        standby_tasks: to_wire(&tasks.standby),
        warmup_tasks: to_wire(&tasks.warmup),
    }
}
