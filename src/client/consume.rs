//! Consuming on librdkafka, with the errors of Java's consumer. Feature `cli`.

use std::time::Duration;

use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::error::ApiError;
use super::librdkafka::{self, DataContext};
use super::produce::error_of;
use super::props::Properties;
use crate::TopicPartition;
use crate::wire::ErrorCode;

/// Where a partition's reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Earliest,
    Latest,
    Offset(i64),
}

/// What a consumer hears of.
#[derive(Debug)]
pub enum Event<'a> {
    Record(Record<'a>),
    /// The partition has no record more for now.
    End(i32),
}

/// A record as it lies in librdkafka's buffer.
#[derive(Debug)]
pub struct Record<'a>(BorrowedMessage<'a>);

impl Record<'_> {
    pub fn topic(&self) -> &str {
        self.0.topic()
    }

    pub fn partition(&self) -> i32 {
        self.0.partition()
    }

    pub fn offset(&self) -> i64 {
        self.0.offset()
    }

    pub fn key(&self) -> Option<&[u8]> {
        self.0.key()
    }

    pub fn value(&self) -> Option<&[u8]> {
        self.0.payload()
    }

    /// Milliseconds since 1970; `Err` when the broker set it (LogAppendTime), `None` before message format 1.
    pub fn timestamp(&self) -> Option<Result<i64, i64>> {
        match self.0.timestamp() {
            rdkafka::Timestamp::NotAvailable => None,
            rdkafka::Timestamp::CreateTime(ms) => Some(Ok(ms)),
            rdkafka::Timestamp::LogAppendTime(ms) => Some(Err(ms)),
        }
    }

    pub fn headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.0
            .headers()
            .into_iter()
            .flat_map(|h| h.iter().map(|one| (one.key, one.value)))
    }
}

/// A member of a group, or a reader of partitions given.
pub struct Consumer {
    inner: StreamConsumer<DataContext>,
    context: DataContext,
    group: String,
    commits: bool,
    reset: Reset,
}

/// `auto.offset.reset`, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reset {
    Earliest,
    Latest,
    None,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    /// From Java's consumer properties, `bootstrap.servers` among them. `tell_ends`: [`Event::End`] is wanted.
    ///
    /// # Errors
    /// Kafka's `ConfigException`, or what librdkafka says of the settings.
    pub fn new(props: &Properties, tell_ends: bool) -> Result<Self, ApiError> {
        let mut config = librdkafka::consumer(props)?;
        config.rdkafka.set("enable.partition.eof", tell_ends.to_string());
        let context = config.context();
        let inner = config
            .rdkafka
            .create_with_context(context.clone())
            .map_err(|e| ApiError::kafka(e.to_string()))?;
        let commits = props
            .get("enable.auto.commit")
            .is_none_or(|v| v.eq_ignore_ascii_case("true"));
        let reset = match props.get("auto.offset.reset") {
            Some("earliest") => Reset::Earliest,
            None | Some("latest") => Reset::Latest,
            Some(_) => Reset::None,
        };
        Ok(Self {
            inner,
            context,
            group: props.get("group.id").unwrap_or_default().to_string(),
            commits,
            reset,
        })
    }

    /// Joins the group for topics; a name that begins with `^` is a regular expression.
    ///
    /// # Errors
    /// What librdkafka says of the names.
    pub fn subscribe(&self, topics: &[&str]) -> Result<(), ApiError> {
        self.inner.subscribe(topics).map_err(|e| error_of(&e))
    }

    /// Reads these partitions, in no group.
    ///
    /// # Errors
    /// What librdkafka says of the partitions.
    pub fn assign(&self, partitions: &[(TopicPartition, Position)]) -> Result<(), ApiError> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (tp, position) in partitions {
            let offset = match position {
                Position::Earliest => Offset::Beginning,
                Position::Latest => Offset::End,
                Position::Offset(n) => Offset::Offset(*n),
            };
            list.add_partition_offset(&tp.topic, tp.partition, offset)
                .map_err(|e| error_of(&e))?;
        }
        self.inner.assign(&list).map_err(|e| error_of(&e))
    }

    /// The next thing to hear of. May be dropped while it waits, nothing is lost.
    ///
    /// # Errors
    /// Those after which Java's consumer gives up; what librdkafka mends itself is passed over.
    pub async fn recv(&self) -> Result<Event<'_>, ApiError> {
        loop {
            return match self.inner.recv().await {
                Ok(message) => Ok(Event::Record(Record(message))),
                Err(KafkaError::PartitionEOF(p)) => Ok(Event::End(p)),
                Err(e) => match self.fatal(&e) {
                    Some(error) => Err(error),
                    None => continue,
                },
            };
        }
    }

    fn fatal(&self, e: &KafkaError) -> Option<ApiError> {
        if let Some(seen) = self.context.fatal() {
            return Some(seen);
        }
        let topics = || {
            let list = self.inner.subscription().ok();
            let names = |l: TopicPartitionList| l.elements().iter().map(|t| t.topic().to_string()).collect();
            list.map(names).unwrap_or_default()
        };
        fatal_error_of(e, &self.group, topics)
    }

    /// Leaves the group; what was read is committed if the properties say so.
    pub fn close(self) {
        if self.commits && !self.group.is_empty() {
            // Without it these partitions are not committed, as if nobody had joined.
            let _ = self.store_unread_positions();
        }
        // librdkafka commits what is stored before it leaves, and dropping the consumer waits for that.
        self.inner.unsubscribe();
    }

    /// Java commits where it stands in each of its partitions; librdkafka only where it has read. Where nothing was read or
    /// committed, Java stands at the end that `auto.offset.reset` names.
    fn store_unread_positions(&self) -> Result<(), KafkaError> {
        const BOUND: Duration = Duration::from_secs(2);
        let mut unread = TopicPartitionList::new();
        for p in self.inner.position()?.elements() {
            if p.offset() == Offset::Invalid {
                unread.add_partition(p.topic(), p.partition());
            }
        }
        if unread.count() == 0 || self.reset == Reset::None {
            return Ok(());
        }
        for p in self.inner.committed_offsets(unread, BOUND)?.elements() {
            if p.offset() == Offset::Invalid {
                let (low, high) = self.inner.fetch_watermarks(p.topic(), p.partition(), BOUND)?;
                // what is stored is the last offset read: one below the one to go on with
                let next = if self.reset == Reset::Earliest { low } else { high };
                self.inner.store_offset(p.topic(), p.partition(), next - 1)?;
            }
        }
        Ok(())
    }
}

/// The errors after which Java's consumer gives up; `None` for those that librdkafka mends itself.
pub(super) fn fatal_error_of(e: &KafkaError, group: &str, topics: impl FnOnce() -> Vec<String>) -> Option<ApiError> {
    let with = |code, text: String| Some(ApiError::with_text(code, text));
    match e.rdkafka_error_code()? {
        RDKafkaErrorCode::GroupAuthorizationFailed => with(
            ErrorCode::GROUP_AUTHORIZATION_FAILED,
            format!("Not authorized to access group: {group}"),
        ),
        RDKafkaErrorCode::TopicAuthorizationFailed => with(
            ErrorCode::TOPIC_AUTHORIZATION_FAILED,
            format!("Not authorized to access topics: [{}]", topics().join(", ")),
        ),
        RDKafkaErrorCode::AutoOffsetReset => Some(ApiError::of_class(
            "org.apache.kafka.clients.consumer.NoOffsetForPartitionException",
            "Undefined offset with no reset policy for partitions",
        )),
        code @ (RDKafkaErrorCode::Fatal
        | RDKafkaErrorCode::FencedInstanceId
        | RDKafkaErrorCode::UnsupportedVersion
        | RDKafkaErrorCode::InconsistentGroupProtocol
        | RDKafkaErrorCode::InvalidGroupId
        | RDKafkaErrorCode::InvalidSessionTimeout
        | RDKafkaErrorCode::GroupMaxSizeReached
        | RDKafkaErrorCode::UnsupportedAssignor) => match i16::try_from(code as i32) {
            Ok(n) if n > 0 => Some(ApiError::new(n, None)),
            _ => Some(ApiError::kafka(e.to_string())),
        },
        _ => None,
    }
}
