//! Producing on librdkafka, with the errors of Java's producer. Feature `cli`.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use parking_lot::Mutex;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::util::Timeout;
use tokio::sync::Notify;

use super::admin::Admin;
use super::cluster::{Target, Verdict};
use super::error::ApiError;
use super::librdkafka::{self, Callbacks};
use super::props::Properties;
use super::{Bootstrap, ConnectConfig, record_size};
use crate::wire::ErrorCode;

/// A record that the cluster did not take.
#[derive(Clone, Debug)]
pub struct Failed {
    pub topic: String,
    /// Bytes; `None` for a null key.
    pub key_len: Option<usize>,
    pub value_len: Option<usize>,
    pub error: ApiError,
}

/// A record to send.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outgoing<'a> {
    pub topic: &'a str,
    /// `None`: by the key's murmur2 hash, as in Java.
    pub partition: Option<i32>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(String, Option<Vec<u8>>)],
    /// Milliseconds since 1970; `None` is now.
    pub timestamp: Option<i64>,
}

#[derive(Default)]
struct Reports {
    failed: Mutex<Vec<Failed>>,
    some_failed: Notify,
}

impl Reports {
    fn push(&self, failed: Failed) {
        self.failed.lock().push(failed);
        self.some_failed.notify_one();
    }
}

type Context = Callbacks<Arc<Reports>>;

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((e, m)) = result {
            self.own.push(Failed {
                topic: m.topic().to_string(),
                key_len: m.key().map(<[u8]>::len),
                value_len: m.payload().map(<[u8]>::len),
                error: error_of(e),
            });
        }
    }
}

/// Java's exception for librdkafka's error.
pub fn error_of(e: &KafkaError) -> ApiError {
    match e.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageTimedOut) => {
            ApiError::timeout("Expiring record(s): the cluster did not acknowledge in time (delivery.timeout.ms)")
        }
        Some(code) => match i16::try_from(code as i32) {
            Ok(n) if n > 0 => ApiError::new(n, None),
            _ => ApiError::with_text(ErrorCode::NETWORK_EXCEPTION, code.to_string()),
        },
        None => ApiError::kafka(e.to_string()),
    }
}

/// A producer that keeps the order of what it is given.
pub struct Producer {
    inner: ThreadedProducer<Context>,
    reports: Arc<Reports>,
    max_request_size: usize,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}

impl Producer {
    /// From Java's producer properties, `bootstrap.servers` among them. Opens no connection yet.
    ///
    /// # Errors
    /// Kafka's `ConfigException`, or what librdkafka says of the settings.
    pub fn new(props: &Properties) -> Result<Self, ApiError> {
        let config = librdkafka::producer(props)?;
        let reports = Arc::new(Reports::default());
        let inner = config
            .rdkafka
            .create_with_context(Context {
                data: config.context(),
                own: reports.clone(),
            })
            .map_err(|e| ApiError::kafka(e.to_string()))?;
        Ok(Self {
            inner,
            reports,
            max_request_size: record_size::most(props),
        })
    }

    /// Hands a record over; waits while the buffer is full. Failures show in [`Producer::take_failed`].
    pub fn send(&self, record: Outgoing<'_>) {
        let failed = |error| Failed {
            topic: record.topic.to_string(),
            key_len: record.key.map(<[u8]>::len),
            value_len: record.value.map(<[u8]>::len),
            error,
        };
        if let Err(e) = hand_over(&self.inner, &record, ()) {
            self.reports.push(failed(match e.rdkafka_error_code() {
                Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    record_size::too_large(record_size::upper_bound(&record), self.max_request_size)
                }
                _ => error_of(&e),
            }));
        }
    }

    /// Waits until everything handed over is acknowledged or has failed; `delivery.timeout.ms` bounds it.
    pub fn flush(&self) {
        flush(&self.inner);
    }

    /// Records not yet acknowledged.
    pub fn in_flight(&self) -> usize {
        usize::try_from(self.inner.in_flight_count()).unwrap_or(0)
    }

    /// Waits until [`Producer::take_failed`] has something.
    pub async fn some_failed(&self) {
        self.reports.some_failed.notified().await;
    }

    /// What failed since the last call, in the order it failed.
    pub fn take_failed(&self) -> Vec<Failed> {
        std::mem::take(&mut *self.reports.failed.lock())
    }
}

/// Hands a record over; waits while the buffer is full.
///
/// # Errors
/// Why librdkafka does not take it.
pub(super) fn hand_over<C: ProducerContext + 'static>(
    producer: &ThreadedProducer<C>,
    record: &Outgoing<'_>,
    opaque: C::DeliveryOpaque,
) -> Result<(), KafkaError> {
    let mut base: BaseRecord<'_, [u8], [u8], C::DeliveryOpaque> = BaseRecord::with_opaque_to(record.topic, opaque);
    base.partition = record.partition;
    base.key = record.key;
    base.payload = record.value;
    base.timestamp = record.timestamp;
    if !record.headers.is_empty() {
        let headers = OwnedHeaders::new_with_capacity(record.headers.len());
        let all = record.headers.iter().map(|(key, value)| Header {
            key,
            value: value.as_deref(),
        });
        base.headers = Some(all.fold(headers, OwnedHeaders::insert));
    }
    while let Err((e, back)) = producer.send(base) {
        if e.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
            return Err(e);
        }
        producer.poll(Timeout::After(Duration::from_millis(1)));
        base = back;
    }
    Ok(())
}

/// Waits until everything handed over is acknowledged or has failed.
pub(super) fn flush<C: ProducerContext + 'static>(producer: &ThreadedProducer<C>) {
    while producer.in_flight_count() > 0 {
        // an error here is a time-out of this wait alone
        let _ = producer.flush(Timeout::After(Duration::from_secs(1)));
    }
}

/// How long a send may wait for the topic's metadata: `max.block.ms`, a minute by default.
pub fn max_block(props: &Properties) -> Duration {
    let given = props.get("max.block.ms").and_then(|v| v.trim().parse().ok());
    Duration::from_millis(given.unwrap_or(60_000))
}

/// Waits until the cluster knows the topic (a broker may create it), at most `max_block`, and tells which
/// of its partitions have a leader (Kafka: `KafkaProducer.waitOnMetadata`).
///
/// # Errors
/// Java's `TimeoutException: Topic T not present in metadata after N ms.`, authorization, authentication, an invalid name.
pub async fn wait_on_metadata(props: &Properties, topic: &str, max_block: Duration) -> Result<Vec<i32>, ApiError> {
    let bootstrap = Bootstrap::Servers(props.get("bootstrap.servers").unwrap_or_default().to_string());
    let mut props = props.clone();
    // A producer's retries are those of its records, not of this.
    props.remove("retries");
    let admin = Admin::connect(&ConnectConfig { bootstrap, props })
        .await?
        .with_timeout(max_block);
    let make = |_| {
        let mut wanted = MetadataRequestTopic::default();
        wanted.name = Some(TopicName(StrBytes::from_string(topic.to_string())));
        MetadataRequest::default()
            .with_topics(Some(vec![wanted]))
            .with_allow_auto_topic_creation(true)
    };
    let judge = |r: &kafka_protocol::messages::MetadataResponse| match r
        .topics
        .first()
        .map(|t| ErrorCode::from(t.error_code))
    {
        Some(code) if code.is_retriable() => Verdict::Retry(ApiError::new(code, None)),
        _ => Verdict::Done,
    };
    let missing = || {
        ApiError::timeout(format!(
            "Topic {topic} not present in metadata after {} ms.",
            max_block.as_millis()
        ))
    };
    let answer = match admin.request("metadata", Target::Any, make, judge).await {
        Ok(a) => a,
        Err(e) if e.code == ErrorCode::REQUEST_TIMED_OUT => {
            let unknown = e.chain().any(|c| c.code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            let cause = ApiError::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, None);
            return Err(if unknown { missing().caused_by(cause) } else { missing() });
        }
        Err(e) => return Err(e),
    };
    let found = answer.topics.first().ok_or_else(missing)?;
    match ErrorCode::from(found.error_code) {
        ErrorCode::NONE => {
            let with_leader = found.partitions.iter().filter(|p| p.leader_id.0 >= 0);
            Ok(with_leader.map(|p| p.partition_index).collect())
        }
        code @ ErrorCode::TOPIC_AUTHORIZATION_FAILED => Err(ApiError::with_text(
            code,
            format!("Not authorized to access topics: [{topic}]"),
        )),
        code @ ErrorCode::INVALID_TOPIC_EXCEPTION => {
            Err(ApiError::with_text(code, format!("Invalid topics: [{topic}]")))
        }
        code => Err(ApiError::new(code, None)),
    }
}
