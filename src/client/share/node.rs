//! One leader: a task that asks it for records as long as somebody wants them (Kafka: `ShareConsumeRequestManager`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::ShareFetchResponse;
use kafka_protocol::messages::share_fetch_response::PartitionData;
use kafka_protocol::protocol::StrBytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::batch::{Acquired, ShareBatch};
use super::session::Session;
use super::{AcknowledgeType, BACKOFF, Place, ShareBatchId, ShareSettings};
use crate::client::admin::Admin;
use crate::client::conn::Conn;
use crate::client::error::ApiError;
use crate::wire::ErrorCode;
use crate::wire::share::{ShareAcknowledgeRequest, ShareFetchRequest};

/// What the driver tells a node.
pub(super) enum Command {
    /// These partitions, all of them.
    Want(Vec<Place>),
    Acknowledge(ShareBatchId, AcknowledgeType),
    Stop,
}

/// What a node needs.
pub(super) struct Context {
    pub admin: Admin,
    pub settings: Arc<ShareSettings>,
    pub leader: i32,
    pub member_id: StrBytes,
    pub out: mpsc::Sender<Result<ShareBatch, ApiError>>,
    /// Changed when a partition is led by somebody else.
    pub lost: watch::Sender<u64>,
}

/// A leader's task, from outside.
pub(super) struct Node {
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
}

impl Node {
    pub fn start(context: Context) -> Self {
        let (commands, told) = mpsc::unbounded_channel();
        let asking = Asking {
            context,
            session: Session::new(),
            places: Vec::new(),
            conn: None,
            stopping: false,
            told,
        };
        let task = tokio::spawn(asking.run());
        Self { commands, task }
    }

    pub fn tell(&self, command: Command) {
        // The task is gone only after an error, which the consumer hears of.
        let _ = self.commands.send(command);
    }

    /// Ends the fetch under way, then the session.
    pub async fn finish(self) {
        self.tell(Command::Stop);
        // A panic there was printed there.
        let _ = self.task.await;
    }
}

struct Asking {
    context: Context,
    session: Session,
    places: Vec<Place>,
    conn: Option<Conn>,
    stopping: bool,
    told: mpsc::UnboundedReceiver<Command>,
}

impl Asking {
    async fn run(mut self) {
        if let Err(e) = self.ask().await {
            // Nobody listens any more: nobody to tell.
            let _ = self.context.out.send(Err(e)).await;
        }
        let context = &self.context;
        if let (Some(request), Some(conn)) = (
            self.session.finish(&context.settings, &context.member_id),
            self.conn.as_ref(),
        ) && let Ok(version) = conn.version_of::<ShareAcknowledgeRequest>()
        {
            // If it fails, the broker takes the records back when their lock runs out.
            let _ = conn.call(&request, version, context.admin.request_timeout()).await;
        }
    }

    fn take(&mut self, command: Option<Command>) {
        match command {
            Some(Command::Want(places)) => {
                self.session.want(&places);
                self.places = places;
            }
            Some(Command::Acknowledge(id, kind)) => self.session.acknowledge(&id.place, &id.ranges, kind),
            Some(Command::Stop) | None => self.stopping = true,
        }
    }

    async fn ask(&mut self) -> Result<(), ApiError> {
        loop {
            while let Ok(command) = self.told.try_recv() {
                self.take(Some(command));
            }
            if self.stopping {
                return Ok(());
            }
            let out = self.context.out.clone();
            if !self.session.is_busy() || out.is_closed() {
                let command = self.told.recv().await;
                self.take(command);
                continue;
            }
            // No fetch without room for what it brings: locks would run out.
            tokio::select! {
                biased;
                command = self.told.recv() => {
                    self.take(command);
                    continue;
                }
                room = out.reserve() => drop(room),
            }
            if let Err(e) = self.fetch().await {
                if !e.is_retriable() {
                    return Err(e);
                }
                self.conn = None;
                self.session.reset();
                self.context.admin.forget_nodes();
                self.look_again();
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }

    fn look_again(&self) {
        self.context.lost.send_modify(|n| *n += 1);
    }

    async fn fetch(&mut self) -> Result<(), ApiError> {
        let conn = match self.conn.take() {
            Some(conn) if !conn.is_stale() => conn,
            _ => {
                self.session.reset();
                self.context.admin.dedicated_connection(self.context.leader).await?
            }
        };
        let version = conn.version_of::<ShareFetchRequest>()?;
        let request = self.session.fetch(&self.context.settings, &self.context.member_id);
        let wait = Duration::from_millis(u64::try_from(self.context.settings.max_wait_ms).unwrap_or(0));
        let timeout = self.context.admin.request_timeout() + wait;
        let answer = {
            let call = conn.call(&request, version, timeout);
            tokio::pin!(call);
            loop {
                tokio::select! {
                    answer = &mut call => break answer?,
                    command = self.told.recv(), if !self.stopping => self.take(command),
                }
            }
        };
        self.conn = Some(conn);
        let answer = answer.0;
        match ErrorCode::from(answer.error_code) {
            ErrorCode::NONE => self.session.answered(),
            ErrorCode::SHARE_SESSION_NOT_FOUND | ErrorCode::INVALID_SHARE_SESSION_EPOCH => {
                self.session.reset();
                return Ok(());
            }
            ErrorCode::SHARE_SESSION_LIMIT_REACHED => {
                self.session.reset();
                tokio::time::sleep(BACKOFF).await;
                return Ok(());
            }
            code => return Err(ApiError::new(code, answer.error_message.map(|m| m.to_string()))),
        }
        self.hand_on(answer).await
    }

    async fn hand_on(&mut self, answer: ShareFetchResponse) -> Result<(), ApiError> {
        let mut batches = VecDeque::new();
        for topic in answer.responses {
            for data in topic.partitions {
                let is_it = |p: &&Place| p.topic_id == topic.topic_id && p.partition.partition == data.partition_index;
                let Some(place) = self.places.iter().find(is_it).cloned() else {
                    continue;
                };
                batches.extend(self.look_at(place, data)?);
            }
        }
        for batch in batches {
            let id = batch.id();
            if self.context.out.send(Ok(batch)).await.is_err() {
                // Nobody looked at it: somebody else may.
                self.session
                    .acknowledge(&id.place, &id.ranges, AcknowledgeType::Release);
            }
        }
        Ok(())
    }

    fn look_at(&self, place: Place, data: PartitionData) -> Result<Option<ShareBatch>, ApiError> {
        match ErrorCode::from(data.error_code) {
            ErrorCode::NONE => {}
            code @ ErrorCode::TOPIC_AUTHORIZATION_FAILED => {
                let text = format!("Not authorized to access topics: [{}]", place.partition.topic);
                return Err(ApiError::with_text(code, text));
            }
            code if code.is_retriable() => {
                self.look_again();
                return Ok(None);
            }
            code => return Err(ApiError::new(code, data.error_message.map(|m| m.to_string()))),
        }
        let acquired: Vec<Acquired> = (data.acquired_records.iter())
            .map(|a| Acquired {
                first: a.first_offset,
                last: a.last_offset,
                delivery_count: a.delivery_count,
            })
            .collect();
        if acquired.is_empty() {
            return Ok(None);
        }
        let records = data.records.unwrap_or_default();
        let check_crcs = self.context.settings.check_crcs;
        Ok(Some(ShareBatch::new(
            self.context.leader,
            place,
            records,
            acquired,
            check_crcs,
        )))
    }
}
