//! DeleteRecords (21), v0-2. Moves the log start offset up; -1 means the high watermark. KIP-107.

use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use kafka_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};

use crate::broker::metadata::{ApiError, names};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

/// Everything that is committed.
const HIGH_WATERMARK: i64 = -1;

pub async fn handle(cx: &RequestContext, req: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let answer = |topic: &DeleteRecordsTopic| {
        let partition = |p: &DeleteRecordsPartition| {
            let (low_watermark, code) = match delete(cx, &topic.name, p) {
                Ok(start) => (start, ErrorCode::NONE),
                Err(e) => (-1, e.code),
            };
            DeleteRecordsPartitionResult::default()
                .with_partition_index(p.partition_index)
                .with_low_watermark(low_watermark)
                .with_error_code(code.code())
        };
        DeleteRecordsTopicResult::default()
            .with_name(topic.name.clone())
            .with_partitions(topic.partitions.iter().map(partition).collect())
    };
    DeleteRecordsResponse::default().with_topics(req.topics.iter().map(answer).collect())
}

fn delete(cx: &RequestContext, topic: &str, p: &DeleteRecordsPartition) -> Result<i64, ApiError> {
    cx.authorize(Operation::Delete, Resource::Topic(topic))?;
    let partition = cx.leader(topic, p.partition_index)?;
    if names::is_internal(topic) {
        return Err(ErrorCode::INVALID_TOPIC_EXCEPTION.into());
    }
    let start = {
        let mut log = partition.log()?;
        let config = log.config();
        if config.compact && !config.delete {
            return Err(ErrorCode::POLICY_VIOLATION.into());
        }
        let offset = if p.offset == HIGH_WATERMARK {
            log.high_watermark()
        } else {
            p.offset
        };
        if offset < 0 {
            return Err(ErrorCode::OFFSET_OUT_OF_RANGE.into());
        }
        log.advance_log_start(offset)?;
        log.log_start_offset()
    };
    partition.wake();
    cx.node.checkpoint_log_starts();
    Ok(start)
}
