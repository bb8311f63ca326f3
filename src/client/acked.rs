//! Producing with a report on each record, the good ones too: where it went, or why it did not. Feature `cli`.
//!
//! Slower than [`super::bulk`], which counts only; [`super::produce`] tells failures only.

use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::util::Timeout;
use tokio::sync::mpsc;

use super::error::ApiError;
use super::librdkafka::{self, DataContext};
use super::produce::{Outgoing, error_of};
use super::props::Properties;

/// What became of a record.
#[derive(Clone, Debug)]
pub struct Report {
    /// As given to [`AckedProducer::send`].
    pub tag: usize,
    /// Partition and offset; the offset is -1 where nobody was asked to acknowledge (`acks=0`).
    pub result: Result<(i32, i64), ApiError>,
}

/// What [`AckedProducer::new`] gives to hear of records in the order of their ends.
pub type Reports = mpsc::UnboundedReceiver<Report>;

struct Context {
    out: mpsc::UnboundedSender<Report>,
    data: DataContext,
}

impl rdkafka::ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.data.error(error, reason);
    }

    fn generate_oauth_token(
        &self,
        config: Option<&str>,
    ) -> Result<rdkafka::client::OAuthToken, Box<dyn std::error::Error>> {
        self.data.generate_oauth_token(config)
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        let result = match result {
            Ok(m) => Ok((m.partition(), m.offset())),
            Err((e, _)) => Err(error_of(e)),
        };
        // Nobody listens any more: the producer is being dropped.
        let _ = self.out.send(Report { tag, result });
    }
}

/// A producer that keeps the order of what it is given.
pub struct AckedProducer {
    inner: ThreadedProducer<Context>,
    out: mpsc::UnboundedSender<Report>,
}

impl std::fmt::Debug for AckedProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AckedProducer").finish_non_exhaustive()
    }
}

impl AckedProducer {
    /// From Java's producer properties, `bootstrap.servers` among them. Opens no connection yet.
    ///
    /// # Errors
    /// Kafka's `ConfigException`, or what librdkafka says of the settings.
    pub fn new(props: &Properties) -> Result<(Self, Reports), ApiError> {
        let config = librdkafka::producer(props)?;
        let (out, reports) = mpsc::unbounded_channel();
        let context = Context {
            out: out.clone(),
            data: config.context(),
        };
        let inner = config
            .rdkafka
            .create_with_context(context)
            .map_err(|e| ApiError::kafka(e.to_string()))?;
        Ok((Self { inner, out }, reports))
    }

    /// Hands a record over; waits while the buffer is full. Its report comes with `tag`.
    pub fn send(&self, record: Outgoing<'_>, tag: usize) {
        let mut base: BaseRecord<'_, [u8], [u8], usize> = BaseRecord::with_opaque_to(record.topic, tag);
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
        while let Err((e, back)) = self.inner.send(base) {
            if e.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                let result = Err(error_of(&e));
                let _ = self.out.send(Report { tag, result });
                break;
            }
            self.inner.poll(Timeout::After(Duration::from_millis(1)));
            base = back;
        }
    }

    /// Waits until each record has its report; `delivery.timeout.ms` bounds it.
    pub fn flush(&self) {
        while self.inner.in_flight_count() > 0 {
            // an error here is a time-out of this wait alone
            let _ = self.inner.flush(Timeout::After(Duration::from_secs(1)));
        }
    }
}
