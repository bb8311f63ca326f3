//! A group's member that does not read: librdkafka joins, keeps alive and commits, the [`super::Fetcher`] reads. Feature `cli`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;

use super::Start;
use crate::TopicPartition;
use crate::client::consume::fatal_error_of;
use crate::client::error::ApiError;
use crate::client::librdkafka::{self, Callbacks};
use crate::client::produce::error_of;
use crate::client::props::Properties;

/// How long the member's thread sleeps in librdkafka before it looks whether it is to stop.
const POLL: Duration = Duration::from_millis(100);
/// How long to wait for committed offsets (`default.api.timeout.ms` is longer, but then nothing is read at all).
const COMMITTED: Duration = Duration::from_secs(30);

/// What a member hears of its group.
#[derive(Debug)]
pub enum Change {
    /// These are the partitions to read now, all of them, and where to begin: at the position told of those that stay, at
    /// the offset committed of those that are new.
    Assigned(Vec<(TopicPartition, Start)>),
    /// Nothing will be heard any more.
    Failed(ApiError),
}

fn partition_of(p: &TopicPartitionListElem<'_>) -> TopicPartition {
    TopicPartition {
        topic: p.topic().into(),
        partition: p.partition(),
    }
}

/// Offsets to go on with, as far as the reader has told.
type Positions = Arc<Mutex<BTreeMap<TopicPartition, i64>>>;

type Context = Callbacks<Membership>;

/// What rebalances change and ask for.
#[derive(Clone)]
struct Membership {
    changed: Arc<AtomicBool>,
    positions: Positions,
    commits: bool,
}

/// Commits what the reader has told of partitions that are still ours.
fn commit(consumer: &BaseConsumer<Context>, positions: &Positions, mode: CommitMode) -> Result<(), ApiError> {
    let mut list = TopicPartitionList::new();
    let ours = consumer.assignment().map_err(|e| error_of(&e))?;
    for partition in ours.elements().iter().map(partition_of) {
        if let Some(offset) = positions.lock().get(&partition) {
            list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset))
                .map_err(|e| error_of(&e))?;
        }
    }
    if list.count() == 0 {
        return Ok(());
    }
    consumer.commit(&list, mode).map_err(|e| error_of(&e))
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let (Rebalance::Revoke(_), true) = (rebalance, self.own.commits) {
            // If the group is through with us already, the next member reads again what we have read.
            let _ = commit(consumer, &self.own.positions, CommitMode::Sync);
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            // librdkafka is not to fetch. If it cannot be told, it only fetches in vain.
            let _ = consumer.pause(partitions);
            // What was read of them when they were ours before does not count: others may have read on.
            let mut positions = self.own.positions.lock();
            for partition in partitions.elements().iter().map(partition_of) {
                positions.remove(&partition);
            }
        }
        self.own.changed.store(true, Ordering::Release);
    }
}

/// A member of a group. Dropping it leaves the group without a commit.
pub struct Member {
    consumer: Arc<BaseConsumer<Context>>,
    changes: mpsc::UnboundedReceiver<Change>,
    stop: Arc<AtomicBool>,
    poller: Option<JoinHandle<()>>,
    positions: Positions,
    commits: bool,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member").finish_non_exhaustive()
    }
}

impl Member {
    /// Joins the group of the properties (`group.id`, `bootstrap.servers`) for topics; a name that begins with `^` is a
    /// regular expression. `otherwise`: where to begin without a committed offset, an error if `None`.
    ///
    /// # Errors
    /// Kafka's `ConfigException`, or what librdkafka says of the settings or the names.
    pub fn join(props: &Properties, topics: &[&str], otherwise: Option<Start>) -> Result<Self, ApiError> {
        let mut config = librdkafka::consumer(props)?;
        let commits = props
            .get("enable.auto.commit")
            .is_none_or(|v| v.trim().eq_ignore_ascii_case("true"));
        // What is committed is said here, by `commit`.
        config.rdkafka.set("enable.auto.commit", "false");
        config.rdkafka.set("enable.auto.offset.store", "false");
        let positions = Positions::default();
        let context = Context {
            data: config.context(),
            own: Membership {
                changed: Arc::new(AtomicBool::new(false)),
                positions: positions.clone(),
                commits,
            },
        };
        let consumer: BaseConsumer<Context> = config
            .rdkafka
            .create_with_context(context.clone())
            .map_err(|e| ApiError::kafka(e.to_string()))?;
        consumer.subscribe(topics).map_err(|e| error_of(&e))?;
        let consumer = Arc::new(consumer);
        let stop = Arc::new(AtomicBool::new(false));
        let (out, changes) = mpsc::unbounded_channel();
        let watch = Watch {
            consumer: consumer.clone(),
            context,
            group: props.get("group.id").unwrap_or_default().to_owned(),
            otherwise,
            out,
            stop: stop.clone(),
            commit_interval: Duration::from_millis(
                props
                    .get("auto.commit.interval.ms")
                    .and_then(|v| v.trim().parse().ok())
                    .unwrap_or(5000),
            ),
        };
        let poller = std::thread::Builder::new()
            .name("kt-group".to_owned())
            .spawn(move || watch.run())
            .map_err(|e| ApiError::kafka(format!("no thread for the group: {e}")))?;
        Ok(Member {
            consumer,
            changes,
            stop,
            poller: Some(poller),
            positions,
            commits,
        })
    }

    /// The next change; `None` after [`Change::Failed`]. May be dropped while it waits.
    pub async fn changed(&mut self) -> Option<Change> {
        self.changes.recv().await
    }

    /// Tells where to go on with a partition: what is committed when partitions are taken away, and at the end.
    pub fn set_position(&self, partition: &TopicPartition, offset: i64) {
        let mut positions = self.positions.lock();
        match positions.get_mut(partition) {
            Some(position) => *position = offset,
            None => drop(positions.insert(partition.clone(), offset)),
        }
    }

    /// Commits these offsets now and waits for the coordinator, whatever `enable.auto.commit` says.
    ///
    /// # Errors
    /// The coordinator refuses, or does not answer in time.
    pub fn commit_sync(&self, offsets: &[(TopicPartition, i64)]) -> Result<(), ApiError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset))
                .map_err(|e| error_of(&e))?;
        }
        match offsets {
            [] => Ok(()),
            _ => self.consumer.commit(&list, CommitMode::Sync).map_err(|e| error_of(&e)),
        }
    }

    /// Commits the positions, unless `enable.auto.commit` is off, and leaves the group.
    ///
    /// # Errors
    /// The coordinator refuses the offsets. The group has been left nevertheless.
    pub fn close(mut self) -> Result<(), ApiError> {
        let committed = if self.commits {
            commit(&self.consumer, &self.positions, CommitMode::Sync)
        } else {
            Ok(())
        };
        // The positions are committed; giving the partitions back is no reason to do it again.
        self.positions.lock().clear();
        self.leave();
        committed
    }

    fn leave(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.consumer.unsubscribe();
        if let Some(poller) = self.poller.take() {
            // A panic there was printed there.
            let _ = poller.join();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The thread that serves librdkafka's callbacks.
struct Watch {
    consumer: Arc<BaseConsumer<Context>>,
    context: Context,
    group: String,
    otherwise: Option<Start>,
    out: mpsc::UnboundedSender<Change>,
    stop: Arc<AtomicBool>,
    /// `auto.commit.interval.ms`.
    commit_interval: Duration,
}

impl Watch {
    fn run(self) {
        let mut committed = Instant::now();
        while !self.stop.load(Ordering::Acquire) {
            if self.context.own.commits && committed.elapsed() >= self.commit_interval {
                committed = Instant::now();
                // If it fails, the next one says more.
                let _ = commit(&self.consumer, &self.context.own.positions, CommitMode::Async);
            }
            // Partitions are paused: what comes are errors, and the poll serves the callbacks.
            let polled = self.consumer.poll(POLL);
            let failed = match polled {
                Some(Err(e)) => self.fatal(&e),
                _ => self.context.data.fatal(),
            };
            let change = match failed {
                Some(e) => Change::Failed(e),
                None if self.context.own.changed.swap(false, Ordering::AcqRel) => match self.starts() {
                    Ok(starts) => Change::Assigned(starts),
                    Err(e) => Change::Failed(e),
                },
                None => continue,
            };
            let over = matches!(change, Change::Failed(_));
            if self.out.send(change).is_err() || over {
                return;
            }
        }
    }

    fn fatal(&self, e: &KafkaError) -> Option<ApiError> {
        if let Some(seen) = self.context.data.fatal() {
            return Some(seen);
        }
        let topics = || {
            let list = self.consumer.subscription().ok();
            let names = |l: TopicPartitionList| l.elements().iter().map(|t| t.topic().to_owned()).collect();
            list.map(names).unwrap_or_default()
        };
        fatal_error_of(e, &self.group, topics)
    }

    /// The partitions assigned, and the offsets committed.
    fn starts(&self) -> Result<Vec<(TopicPartition, Start)>, ApiError> {
        let assigned = self.consumer.assignment().map_err(|e| error_of(&e))?;
        if assigned.count() == 0 {
            return Ok(Vec::new());
        }
        let committed = match self.consumer.committed_offsets(assigned, COMMITTED) {
            Ok(committed) => committed,
            // The next rebalance is under way: its assignment is the one that counts.
            Err(e) if e.rdkafka_error_code() == Some(RDKafkaErrorCode::RebalanceInProgress) => return Ok(Vec::new()),
            Err(e) => return Err(error_of(&e)),
        };
        // Partitions that stay ours in a cooperative rebalance go on where they are.
        let positions = self.context.own.positions.lock().clone();
        let start = |p: &TopicPartitionListElem<'_>| {
            let partition = partition_of(p);
            let start = match (p.offset(), self.otherwise) {
                _ if positions.contains_key(&partition) => Start::Offset(positions[&partition]),
                (Offset::Offset(n), _) => Start::Offset(n),
                (_, Some(otherwise)) => otherwise,
                (_, None) => {
                    return Err(ApiError::of_class(
                        "org.apache.kafka.clients.consumer.NoOffsetForPartitionException",
                        format!("Undefined offset with no reset policy for partitions: [{partition}]"),
                    ));
                }
            };
            Ok((partition, start))
        };
        committed.elements().iter().map(start).collect()
    }
}
