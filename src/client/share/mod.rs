//! Share groups (KIP-932): reading records that a broker hands out one by one to the members of a group. Kafka:
//! `KafkaShareConsumer`, `ShareConsumeRequestManager`.
//!
//! A share group has no positions: each leader keeps the state of each record, lends records to members for a while and
//! wants to hear what became of them. librdkafka has no part of this, so all of it is done here:
//!
//! - `membership`: ShareGroupHeartbeat at the group's coordinator; the answer assigns partitions
//! - `session`: what one leader is to be asked and told: ShareFetch with acknowledgements on its back, session epochs
//! - `node`: a task for each leader that does the asking
//! - `batch`: [`ShareBatch`], the records a fetch brought, walked in place
//!
//! ```no_run
//! # async fn demo(connect: kt::client::ConnectConfig) -> Result<(), kt::client::ApiError> {
//! use kt::client::share::{AcknowledgeType, ShareConsumer, ShareSettings};
//! let settings = ShareSettings::from_props("workers", &connect.props);
//! let mut consumer = ShareConsumer::join(&connect, settings, &["jobs".to_owned()]).await?;
//! let batch = consumer.next().await?;
//! batch.visit(|record, _delivery_count| println!("{}", record.offset))?;
//! consumer.acknowledge(&batch, AcknowledgeType::Accept);
//! consumer.close().await;
//! # Ok(()) }
//! ```
//!
//! Records that nobody acknowledges are given to another member when the broker's lock runs out
//! (`share.record.lock.duration.ms`, 30 s). Tasks run on the caller's runtime, heartbeats too: it must not block for long.

mod batch;
mod membership;
mod node;
mod session;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::admin::Admin;
use super::cluster::{Target, Verdict};
use super::config::ConnectConfig;
use super::error::ApiError;
use super::props::Properties;
use crate::TopicPartition;
use membership::Membership;
use node::{Command, Node};

pub use batch::ShareBatch;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcknowledgeType {
    /// It was dealt with.
    Accept = 1,
    /// Somebody shall get it again.
    Release = 2,
    /// Nobody shall get it again.
    Reject = 3,
}

/// How to take part.
#[derive(Clone, Debug)]
pub struct ShareSettings {
    pub group: String,
    /// `client.rack`.
    pub rack: Option<String>,
    /// `fetch.max.wait.ms`.
    pub max_wait_ms: i32,
    /// `fetch.min.bytes`.
    pub min_bytes: i32,
    /// `fetch.max.bytes`: of one response.
    pub max_bytes: i32,
    /// `max.poll.records`: how many records a fetch asks for; a batch more may come.
    pub max_records: i32,
    /// `check.crcs`.
    pub check_crcs: bool,
}

impl ShareSettings {
    /// From a consumer's properties; what is no number counts as not given.
    pub fn from_props(group: &str, props: &Properties) -> Self {
        let number = |key, default| props.get(key).and_then(|v| v.trim().parse().ok()).unwrap_or(default);
        Self {
            group: group.to_owned(),
            rack: props.get("client.rack").filter(|r| !r.is_empty()).map(str::to_owned),
            max_wait_ms: number("fetch.max.wait.ms", 500),
            min_bytes: number("fetch.min.bytes", 1),
            max_bytes: number("fetch.max.bytes", 50 << 20),
            max_records: number("max.poll.records", 500),
            check_crcs: props.get("check.crcs").is_none_or(|v| v.trim() != "false"),
        }
    }
}

/// A partition as brokers know it, and as people do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    topic_id: Uuid,
    partition: TopicPartition,
}

/// Batches fetched ahead for each leader: one is looked at while the next one comes.
const AHEAD: usize = 2;

/// A member of a share group. Dropping it leaves without a word: the group waits for its session to time out.
#[derive(Debug)]
pub struct ShareConsumer {
    incoming: mpsc::Receiver<Result<ShareBatch, ApiError>>,
    commands: mpsc::UnboundedSender<Told>,
    driver: JoinHandle<()>,
}

/// What the caller tells the driver.
enum Told {
    Acknowledged(ShareBatchId, AcknowledgeType),
    Close,
}

/// Which records of which partition of which leader.
struct ShareBatchId {
    leader: i32,
    place: Place,
    ranges: Vec<(i64, i64)>,
}

impl ShareConsumer {
    /// Joins the group. Returns once the coordinator has answered; partitions come later.
    ///
    /// # Errors
    /// The cluster has no share groups, the group is of another kind, or nobody answers in time.
    pub async fn join(connect: &ConnectConfig, settings: ShareSettings, topics: &[String]) -> Result<Self, ApiError> {
        let admin = Admin::connect(connect).await?;
        let mut membership = Membership::new(admin.clone(), &settings, topics);
        let assignment = membership.heartbeat().await?;
        let (out, incoming) = mpsc::channel(AHEAD);
        let (commands, told) = mpsc::unbounded_channel();
        let driver = Driver {
            admin,
            settings: Arc::new(settings),
            topics: topics.to_vec(),
            membership,
            assignment: Vec::new(),
            nodes: HashMap::new(),
            out,
            lost: watch::channel(0).0,
        };
        let driver = tokio::spawn(driver.run(assignment, told));
        Ok(Self {
            incoming,
            commands,
            driver,
        })
    }

    /// The next records; waits for them. May be dropped while it waits, nothing is lost.
    ///
    /// # Errors
    /// Those after which Java's consumer gives up: fenced, not authorized, a coordinator that knows no share groups.
    pub async fn next(&mut self) -> Result<ShareBatch, ApiError> {
        let over = || Err(ApiError::kafka("the share consumer ended without a word"));
        self.incoming.recv().await.unwrap_or_else(over)
    }

    /// The next records if they are here.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn try_next(&mut self) -> Option<Result<ShareBatch, ApiError>> {
        self.incoming.try_recv().ok()
    }

    /// Tells what became of all records of a batch. It goes with the next fetch.
    pub fn acknowledge(&self, batch: &ShareBatch, kind: AcknowledgeType) {
        // The driver is gone only after an error, which `next` tells.
        let _ = self.commands.send(Told::Acknowledged(batch.id(), kind));
    }

    /// Gives back what was fetched and not looked at, sends the acknowledgements and leaves the group. Takes as long as a
    /// fetch that is under way (`fetch.max.wait.ms`).
    pub async fn close(mut self) {
        self.incoming.close();
        while let Some(next) = self.incoming.recv().await {
            if let Ok(batch) = next {
                self.acknowledge(&batch, AcknowledgeType::Release);
            }
        }
        // After an error the driver has gone already.
        let _ = self.commands.send(Told::Close);
        // A panic there was printed there.
        let _ = self.driver.await;
    }
}

/// The task behind a [`ShareConsumer`].
struct Driver {
    admin: Admin,
    settings: Arc<ShareSettings>,
    topics: Vec<String>,
    membership: Membership,
    /// Topic ids and partitions, as the coordinator gave them.
    assignment: Vec<(Uuid, Vec<i32>)>,
    nodes: HashMap<i32, Node>,
    out: mpsc::Sender<Result<ShareBatch, ApiError>>,
    /// Counts how often a node found a partition of its own somewhere else.
    lost: watch::Sender<u64>,
}

/// How long to wait before leaders are looked up again (`retry.backoff.ms`).
const BACKOFF: Duration = Duration::from_millis(100);

impl Driver {
    async fn run(mut self, first: Option<Vec<(Uuid, Vec<i32>)>>, mut told: mpsc::UnboundedReceiver<Told>) {
        if let Err(e) = self.drive(first, &mut told).await {
            // Nobody listens any more: nobody to tell.
            let _ = self.out.send(Err(e)).await;
        }
        self.close().await;
    }

    /// Heartbeats and looks leaders up until the caller closes.
    async fn drive(
        &mut self,
        first: Option<Vec<(Uuid, Vec<i32>)>>,
        told: &mut mpsc::UnboundedReceiver<Told>,
    ) -> Result<(), ApiError> {
        let mut lost = self.lost.subscribe();
        let mut stale = false;
        if let Some(assignment) = first {
            self.assignment = assignment;
            stale = true;
        }
        loop {
            if stale {
                stale = !self.place().await?;
            }
            let beat = self.membership.next_beat();
            tokio::select! {
                command = told.recv() => match command {
                    Some(Told::Acknowledged(id, kind)) => self.pass_on(id, kind),
                    Some(Told::Close) | None => return Ok(()),
                },
                _ = lost.changed() => {
                    tokio::time::sleep(BACKOFF).await;
                    stale = true;
                }
                () = tokio::time::sleep(BACKOFF), if stale => {}
                () = tokio::time::sleep_until(beat) => {
                    if let Some(assignment) = self.membership.heartbeat().await? {
                        self.assignment = assignment;
                        stale = true;
                    }
                }
            }
        }
    }

    fn pass_on(&self, id: ShareBatchId, kind: AcknowledgeType) {
        if let Some(node) = self.nodes.get(&id.leader) {
            node.tell(Command::Acknowledge(id, kind));
        }
    }

    /// Gives each leader its partitions. Whether all of them have one.
    async fn place(&mut self) -> Result<bool, ApiError> {
        let found = self.metadata().await?;
        let mut wanted: BTreeMap<i32, Vec<Place>> = BTreeMap::new();
        let mut complete = true;
        for (topic_id, partitions) in &self.assignment {
            let topic = found.topics.iter().find(|t| t.topic_id == *topic_id);
            for &index in partitions {
                let info = topic.and_then(|t| t.partitions.iter().find(|p| p.partition_index == index));
                let name = topic.and_then(|t| t.name.as_ref());
                match (info.filter(|p| p.leader_id.0 >= 0), name) {
                    (Some(info), Some(name)) => wanted.entry(info.leader_id.0).or_default().push(Place {
                        topic_id: *topic_id,
                        partition: TopicPartition {
                            topic: (**name).as_str().into(),
                            partition: index,
                        },
                    }),
                    _ => complete = false,
                }
            }
        }
        for leader in wanted.keys() {
            if !self.nodes.contains_key(leader) {
                let node = Node::start(self.node_context(*leader));
                self.nodes.insert(*leader, node);
            }
        }
        for (leader, node) in &self.nodes {
            node.tell(Command::Want(wanted.remove(leader).unwrap_or_default()));
        }
        Ok(complete)
    }

    fn node_context(&self, leader: i32) -> node::Context {
        node::Context {
            admin: self.admin.clone(),
            settings: self.settings.clone(),
            leader,
            member_id: self.membership.member_id().clone(),
            out: self.out.clone(),
            lost: self.lost.clone(),
        }
    }

    async fn metadata(&self) -> Result<MetadataResponse, ApiError> {
        let make = |_| {
            let topic = |name: &String| {
                MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(name.clone()))))
            };
            MetadataRequest::default()
                .with_topics(Some(self.topics.iter().map(topic).collect()))
                .with_allow_auto_topic_creation(false)
        };
        self.admin
            .request("share(api=METADATA)", Target::Any, make, |_| Verdict::Done)
            .await
    }

    async fn close(self) {
        let nodes: Vec<Node> = self.nodes.into_values().collect();
        futures::future::join_all(nodes.into_iter().map(Node::finish)).await;
        self.membership.leave().await;
    }
}
