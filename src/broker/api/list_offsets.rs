//! ListOffsets (2), v1-11: offsets by time. Besides times: -1 latest, -2 earliest, -3 the record with the largest
//! timestamp, -4 the earliest on this broker's disk, -5 the latest in tiered storage and -6 the earliest that still has
//! to go there (there is no tiered storage).

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};

use crate::broker::metadata::ApiError;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// The first version that tells leader epochs.
const LEADER_EPOCHS: i16 = 4;

/// Timestamp, offset and leader epoch; -1 each where there is none.
type Found = (i64, i64, i32);

pub async fn handle(cx: &RequestContext, req: ListOffsetsRequest) -> ListOffsetsResponse {
    let committed = req.isolation_level == 1;
    let answer = |topic: &ListOffsetsTopic| {
        let partition = |p: &ListOffsetsPartition| respond(cx, p, find(cx, &topic.name, p, committed));
        ListOffsetsTopicResponse::default()
            .with_name(topic.name.clone())
            .with_partitions(topic.partitions.iter().map(partition).collect())
    };
    ListOffsetsResponse::default().with_topics(req.topics.iter().map(answer).collect())
}

fn respond(
    cx: &RequestContext,
    p: &ListOffsetsPartition,
    result: Result<Found, ApiError>,
) -> ListOffsetsPartitionResponse {
    let answer = ListOffsetsPartitionResponse::default().with_partition_index(p.partition_index);
    match result {
        Ok((timestamp, offset, epoch)) => answer
            .with_timestamp(timestamp)
            .with_offset(offset)
            .with_leader_epoch(if cx.api_version >= LEADER_EPOCHS { epoch } else { -1 }),
        Err(e) => answer
            .with_error_code(e.code.code())
            .with_timestamp(-1)
            .with_offset(-1)
            .with_leader_epoch(-1),
    }
}

fn find(cx: &RequestContext, topic: &str, p: &ListOffsetsPartition, committed: bool) -> Result<Found, ApiError> {
    cx.authorize(Operation::Describe, Resource::Topic(topic))?;
    let least_version = match p.timestamp {
        MAX_TIMESTAMP => 7,
        EARLIEST_LOCAL => 8,
        LATEST_TIERED => 9,
        EARLIEST_PENDING_UPLOAD => 11,
        t if t < EARLIEST_PENDING_UPLOAD => return Err(ErrorCode::UNSUPPORTED_VERSION.into()),
        _ => 0,
    };
    if cx.api_version < least_version {
        return Err(ErrorCode::UNSUPPORTED_VERSION.into());
    }
    let partition = cx.leader(topic, p.partition_index)?;
    partition.check_leader_epoch(p.current_leader_epoch)?;
    let log = partition.log()?;
    let upper = if committed {
        log.last_stable_offset()
    } else {
        log.high_watermark()
    };
    let epoch_at = |offset: i64| log.epoch_for_offset(offset).unwrap_or(-1);
    let found = match p.timestamp {
        LATEST => return Ok((-1, upper, partition.leader_epoch())),
        EARLIEST | EARLIEST_LOCAL => {
            let start = log.log_start_offset();
            return Ok((-1, start, epoch_at(start)));
        }
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => return Ok((-1, -1, -1)),
        MAX_TIMESTAMP => log.max_timestamp_offset()?.filter(|m| m.offset < upper),
        timestamp => log.offset_for_timestamp(timestamp, upper)?,
    };
    Ok(found.map_or((-1, -1, -1), |m| (m.timestamp, m.offset, m.leader_epoch)))
}
