//! Lag in time: how much younger the newest record of a partition is than the one the group reads next.

use std::collections::HashMap;

use super::describe::Row;
use crate::TopicPartition;
use crate::client::admin::{Admin, IsolationLevel, OffsetSpec};

/// Milliseconds by partition and committed offset, 0 where nothing is left to read. Partitions that cannot be asked, and
/// those without a committed offset, are left out.
pub(super) async fn in_time(admin: &Admin, rows: &[Row]) -> HashMap<(TopicPartition, i64), i64> {
    let mut lags: HashMap<(TopicPartition, i64), i64> = HashMap::new();
    // A partition can be asked about one offset at a time; groups may have committed different ones.
    let mut rounds: Vec<HashMap<TopicPartition, i64>> = Vec::new();
    for row in rows {
        let (Some(offset), Some(lag)) = (row.offset, row.lag()) else {
            continue;
        };
        if lag <= 0 {
            lags.insert((row.tp.clone(), offset), 0);
            continue;
        }
        if rounds.iter().any(|r| r.get(&row.tp) == Some(&offset)) {
            continue;
        }
        let free = rounds.iter().position(|r| !r.contains_key(&row.tp));
        let round = free.unwrap_or_else(|| {
            rounds.push(HashMap::new());
            rounds.len() - 1
        });
        rounds[round].insert(row.tp.clone(), offset);
    }
    let behind = rounds.first().into_iter().flat_map(HashMap::keys);
    let wanted: Vec<_> = behind.map(|tp| (tp.clone(), OffsetSpec::MaxTimestamp)).collect();
    let newest = admin.list_offsets(&wanted, IsolationLevel::ReadUncommitted).await;
    let newest: HashMap<TopicPartition, i64> = newest
        .into_iter()
        .filter_map(|(tp, info)| Some((tp, info.ok()?.timestamp)))
        .filter(|(_, ms)| *ms >= 0)
        .collect();
    for round in rounds {
        let wanted: Vec<_> = round.iter().map(|(tp, offset)| (tp.clone(), *offset)).collect();
        for (tp, next) in admin.record_times(&wanted).await {
            if let (Ok(Some(next)), Some(newest), Some(offset)) = (next, newest.get(&tp), round.get(&tp)) {
                lags.insert((tp, *offset), newest - next);
            }
        }
    }
    lags
}
