//! What a broker does by the clock (Kafka: `LogManager`'s scheduled tasks, `LogCleaner`): retention, compaction,
//! flushing, checkpoints, forgetting idle producers, pruning the share state.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::metadata::record::PartitionChange;
use super::metadata::{MetadataRecord, names};
use super::node::Node;
use super::replica::checkpoints::{self, Which};
use super::replica::{Partition, cleaner};
use crate::log::{LogError, PartitionLog};

/// How often flushes that are due are looked for; `flush.ms` is seldom set, and then to seconds.
const FLUSH_CHECK: Duration = Duration::from_secs(1);

/// How often files of closed segments that were read are closed again.
const RELEASE_INTERVAL: Duration = Duration::from_secs(60);

const COLD_SNAPSHOT_INTERVAL: &str = "share.coordinator.cold.partition.snapshot.interval.ms";

/// One thing to do every so often.
struct Task {
    next: Instant,
    interval: fn(&Node) -> Duration,
    run: fn(&Node),
}

/// Runs until the broker stops.
pub(super) async fn run(node: Arc<Node>) {
    let mut tasks = [
        task(&node, |n| millis(n, "log.retention.check.interval.ms"), retention),
        task(
            &node,
            |n| millis(n, "replica.high.watermark.checkpoint.interval.ms"),
            |n| checkpoints::write(n.replicas(), Which::Replication),
        ),
        task(
            &node,
            |n| millis(n, "log.flush.offset.checkpoint.interval.ms"),
            |n| checkpoints::write(n.replicas(), Which::Recovery),
        ),
        task(
            &node,
            |n| millis(n, "log.flush.start.offset.checkpoint.interval.ms"),
            |n| checkpoints::write(n.replicas(), Which::LogStart),
        ),
        task(
            &node,
            |n| FLUSH_CHECK.min(millis(n, "log.flush.scheduler.interval.ms")),
            flush,
        ),
        task(&node, |_| RELEASE_INTERVAL, release),
        task(&node, |n| millis(n, "log.cleaner.backoff.ms"), clean),
        task(
            &node,
            |n| millis(n, "delegation.token.expiry.check.interval.ms"),
            remove_expired_tokens,
        ),
        task(
            &node,
            |n| millis(n, COLD_SNAPSHOT_INTERVAL),
            |n| {
                let interval_ms = n.config().i64(COLD_SNAPSHOT_INTERVAL);
                n.shares().state().snapshot_cold_partitions(interval_ms);
            },
        ),
        task(
            &node,
            |n| millis(n, "share.coordinator.state.topic.prune.interval.ms"),
            prune_share_state,
        ),
    ];
    let mut shutdown = node.shutdown_signal();
    let mut reported = HashSet::new();
    loop {
        let Some(task) = tasks.iter_mut().min_by_key(|t| t.next) else {
            return;
        };
        let (is_due, work): (bool, fn(&Node)) = tokio::select! {
            () = sleep_until(task.next) => (true, task.run),
            () = node.replicas().placed() => (false, assign_directories),
            () = node.replicas().dir_failed() => {
                report(&node, &mut reported);
                (false, give_up_failed_dirs)
            }
            _ = shutdown.wait_for(|stop| *stop) => return,
        };
        let on = node.clone();
        // Files are read and written: not on the threads that serve clients.
        let _ = tokio::task::spawn_blocking(move || work(&on)).await;
        if is_due {
            task.next = Instant::now() + (task.interval)(&node);
        }
    }
}

fn prune_share_state(node: &Node) {
    if let Err((partition, error)) = node.shares().state().prune() {
        let (topic, why) = (names::SHARE_GROUP_STATE, error.message());
        node.log(&format!("{topic}-{partition} keeps records that are not needed: {why}"));
    }
}

fn remove_expired_tokens(node: &Node) {
    let swept = node
        .controller()
        .change(|image| Ok((super::token::sweep(image, node.now_ms()), ())));
    if let Err(e) = swept {
        node.log(&format!("expired delegation tokens stay: {}", e.text()));
    }
}

/// Writes into the metadata which directories replicas are in (Kafka: `AssignmentsManager`, AssignReplicasToDirs).
fn assign_directories(node: &Node) {
    let placed = node.replicas().placements();
    let assigned = node.controller().change(|image| {
        let record = |(partition, dir): &(Arc<Partition>, Uuid)| {
            let tp = &partition.tp;
            let known = image.partition(&tp.topic, tp.partition)?;
            let at = known.replicas.iter().position(|id| *id == node.id())?;
            let mut directories = known.directories.clone();
            directories.resize(known.replicas.len(), Uuid::nil());
            if image.topic(&tp.topic)?.id != partition.topic_id || directories[at] == *dir {
                return None;
            }
            directories[at] = *dir;
            Some(MetadataRecord::PartitionChange(PartitionChange {
                partition_id: tp.partition,
                topic_id: partition.topic_id,
                directories: Some(directories),
                ..PartitionChange::default()
            }))
        };
        Ok((placed.iter().filter_map(record).collect(), ()))
    });
    if let Err(e) = assigned {
        node.log(&format!("the directories of replicas cannot be noted: {}", e.text()));
    }
}

fn give_up_failed_dirs(node: &Node) {
    if let Err(e) = node.give_up_failed_dirs() {
        node.log(&format!(
            "partitions of failed log directories keep their leader: {}",
            e.text()
        ));
    }
}

/// Tells of directories that went offline, and those who wait for something there.
fn report(node: &Node, reported: &mut HashSet<PathBuf>) {
    for health in node.replicas().health() {
        if let Some(why) = health.failure()
            && reported.insert(health.path().to_owned())
        {
            node.log(&format!(
                "log directory {} is offline, its partitions are not served until the next start: {why}",
                health.path().display()
            ));
        }
    }
    let partitions = node.replicas().partitions();
    let offline = partitions.iter().filter(|p| p.health().failure().is_some());
    offline.for_each(|p| p.wake());
}

fn task(node: &Node, interval: fn(&Node) -> Duration, run: fn(&Node)) -> Task {
    Task {
        next: Instant::now() + interval(node),
        interval,
        run,
    }
}

fn millis(node: &Node, key: &str) -> Duration {
    Duration::from_millis(u64::try_from(node.config().i64(key)).unwrap_or(0).max(1))
}

fn each(node: &Node, what: &str, work: impl Fn(&mut PartitionLog, i64) -> Result<bool, LogError>) {
    let visit = |partition: &Arc<Partition>| {
        let Ok(mut log) = partition.log() else { return };
        match work(&mut log, node.now_ms()) {
            Ok(true) => {
                drop(log);
                partition.wake();
            }
            Ok(false) => {}
            Err(LogError::Io(e)) => partition.health().fail(e),
            Err(e) => node.log(&format!("{what} of {} failed: {e}", partition.tp)),
        }
    };
    node.replicas().partitions().iter().for_each(visit);
}

fn retention(node: &Node) {
    each(node, "retention", |log, now_ms| {
        log.remove_expired_producers(now_ms);
        log.remove_deleted_files(now_ms)?;
        Ok(log.delete_old_segments(now_ms)? > 0)
    });
}

fn clean(node: &Node) {
    if node.config().bool("log.cleaner.enable") {
        for problem in cleaner::clean_logs(node.replicas(), node.now_ms()) {
            node.log(&problem);
        }
    }
}

fn flush(node: &Node) {
    for partition in node.replicas().partitions() {
        let flushed = flush_rolled(&partition);
        let _ = partition.health().watch(flushed);
    }
    each(node, "flush", |log, now_ms| {
        if log.flush_due(now_ms) {
            log.flush(now_ms)?;
        }
        Ok(false)
    });
}

/// Rolled segments, so that a start after a crash need not read them; the log is not locked meanwhile.
fn flush_rolled(partition: &Partition) -> std::io::Result<()> {
    let Ok(Some(job)) = partition.log().map(|log| log.plan_flush()) else {
        return Ok(());
    };
    job.run()?;
    if let Ok(mut log) = partition.log() {
        log.finish_flush(&job);
    }
    Ok(())
}

fn release(node: &Node) {
    for partition in node.replicas().partitions() {
        if let Ok(mut log) = partition.log() {
            log.release_files();
        }
    }
}
