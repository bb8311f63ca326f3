//! Producing as fast as can be, with a call back for each record: what performance tests need. Feature `cli`.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::util::Timeout;

use super::error::ApiError;
use super::librdkafka::{self, DataContext};
use super::produce::error_of;
use super::props::Properties;

/// Hears of each record's end, on librdkafka's polling thread.
pub trait Completions: Send + Sync + 'static {
    /// The record sent with `tag` was acknowledged, all its bytes; or why not.
    fn completed(&self, tag: usize, result: Result<usize, ApiError>);
}

struct Context<C> {
    completions: Arc<C>,
    data: DataContext,
}

impl<C: Completions> rdkafka::ClientContext for Context<C> {
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

impl<C: Completions> ProducerContext for Context<C> {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        let result = match result {
            Ok(m) => Ok(m.payload().map_or(0, <[u8]>::len)),
            Err((e, _)) => Err(error_of(e)),
        };
        self.completions.completed(tag, result);
    }
}

/// A producer of records without keys.
pub struct BulkProducer<C: Completions> {
    inner: ThreadedProducer<Context<C>>,
}

impl<C: Completions> std::fmt::Debug for BulkProducer<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BulkProducer").finish_non_exhaustive()
    }
}

/// How long each step of a transaction may take.
const TRANSACTION_STEP: Duration = Duration::from_secs(60);

impl<C: Completions> BulkProducer<C> {
    /// From Java's producer properties.
    ///
    /// # Errors
    /// Kafka's `ConfigException`, or what librdkafka says of the settings.
    pub fn new(props: &Properties, completions: Arc<C>) -> Result<Self, ApiError> {
        let mut config = librdkafka::producer(props)?;
        config.rdkafka.set("queue.buffering.max.messages", "1000000");
        let data = config.context();
        let context = Context { completions, data };
        let inner = config
            .rdkafka
            .create_with_context(context)
            .map_err(|e| ApiError::kafka(e.to_string()))?;
        Ok(Self { inner })
    }

    /// Hands a record over; waits while the buffer is full.
    ///
    /// # Errors
    /// librdkafka refuses the record; it does not complete then.
    pub fn send(&self, topic: &str, payload: &[u8], tag: usize) -> Result<(), ApiError> {
        let mut record: BaseRecord<'_, (), [u8], usize> = BaseRecord::with_opaque_to(topic, tag).payload(payload);
        loop {
            match self.inner.send(record) {
                Ok(()) => return Ok(()),
                Err((e, back)) if e.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                    self.inner.poll(Timeout::After(Duration::from_millis(1)));
                    record = back;
                }
                Err((e, _)) => return Err(error_of(&e)),
            }
        }
    }

    /// Waits until every record has completed.
    pub fn flush(&self) {
        while self.inner.in_flight_count() > 0 {
            // an error here is a time-out of this wait alone
            let _ = self.inner.flush(Timeout::After(Duration::from_secs(1)));
        }
    }

    /// # Errors
    /// The coordinator does not know us, or not any more.
    pub fn init_transactions(&self) -> Result<(), ApiError> {
        self.inner.init_transactions(TRANSACTION_STEP).map_err(|e| error_of(&e))
    }

    /// # Errors
    /// A transaction is open already, or the producer is fenced.
    pub fn begin_transaction(&self) -> Result<(), ApiError> {
        self.inner.begin_transaction().map_err(|e| error_of(&e))
    }

    /// # Errors
    /// The transaction did not commit.
    pub fn commit_transaction(&self) -> Result<(), ApiError> {
        self.inner
            .commit_transaction(TRANSACTION_STEP)
            .map_err(|e| error_of(&e))
    }
}
