//! Producing on librdkafka, with the errors of Java's producer. Feature `cli`.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use parking_lot::Mutex;
use rdkafka::client::OAuthToken;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::util::Timeout;
use tokio::sync::Notify;

use super::admin::Admin;
use super::cluster::{Target, Verdict};
use super::error::ApiError;
use super::librdkafka::{self, DataContext};
use super::props::Properties;
use super::{Bootstrap, ConnectConfig};
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

#[derive(Clone)]
struct Context {
    reports: Arc<Reports>,
    data: DataContext,
}

impl rdkafka::ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.data.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.data.generate_oauth_token(config)
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((e, m)) = result {
            self.reports.push(Failed {
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
                reports: reports.clone(),
                data: config.context(),
            })
            .map_err(|e| ApiError::kafka(e.to_string()))?;
        let max_request_size = props
            .get("max.request.size")
            .and_then(|v| v.trim().parse().ok())
            .unwrap_or(1_048_576);
        Ok(Self {
            inner,
            reports,
            max_request_size,
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
        let mut base: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(record.topic);
        base.partition = record.partition;
        base.key = record.key;
        base.payload = record.value;
        base.timestamp = record.timestamp;
        if !record.headers.is_empty() {
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (key, value) in record.headers {
                headers = headers.insert(rdkafka::message::Header {
                    key,
                    value: value.as_deref(),
                });
            }
            base.headers = Some(headers);
        }
        loop {
            match self.inner.send(base) {
                Ok(()) => break,
                Err((e, back)) if e.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                    self.inner.poll(Timeout::After(Duration::from_millis(1)));
                    base = back;
                }
                Err((e, _)) if e.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    self.reports.push(failed(self.too_large(&record)));
                    break;
                }
                Err((e, _)) => {
                    self.reports.push(failed(error_of(&e)));
                    break;
                }
            }
        }
    }

    fn too_large(&self, r: &Outgoing<'_>) -> ApiError {
        too_large_by(super::acked::batch_size_upper_bound(r), self.max_request_size)
    }

    /// Waits until everything handed over is acknowledged or has failed; `delivery.timeout.ms` bounds it.
    pub fn flush(&self) {
        while self.inner.in_flight_count() > 0 {
            // an error here is a time-out of this wait alone
            let _ = self.inner.flush(Timeout::After(Duration::from_secs(1)));
        }
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

/// Java's upper bound of a batch with one record that is only a value of so many bytes.
pub fn serialized_size(value_bytes: usize) -> usize {
    super::acked::value_size_upper_bound(value_bytes)
}

/// Java's text for a record that is only a value of so many bytes, above `max.request.size`.
pub fn record_too_large(value_bytes: usize, max_request_size: usize) -> ApiError {
    too_large_by(serialized_size(value_bytes), max_request_size)
}

fn too_large_by(size: usize, max_request_size: usize) -> ApiError {
    ApiError::of_class(
        "org.apache.kafka.common.errors.RecordTooLargeException",
        format!(
            "The message is {size} bytes when serialized which is larger than {max_request_size}, which is the value of the max.request.size configuration."
        ),
    )
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
