//! Producing as fast as can be, with a call back for each record: what performance tests need. Feature `cli`.

use std::ffi::CString;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::{IntoOpaque, Timeout};

use super::error::ApiError;
use super::librdkafka::{self, DataContext};
use super::produce::error_of;
use super::props::Properties;
use crate::wire::ErrorCode;

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

/// A producer of records without keys to one topic.
pub struct BulkProducer<C: Completions> {
    // Dropped before the producer it belongs to.
    topic: NativeTopic,
    inner: ThreadedProducer<Context<C>>,
}

/// librdkafka's handle of a topic.
struct NativeTopic(NonNull<rdkafka_sys::rd_kafka_topic_t>);

// SAFETY: librdkafka's topic handles may be used by any thread; they are reference-counted and locked inside.
unsafe impl Send for NativeTopic {}
// SAFETY: as above.
unsafe impl Sync for NativeTopic {}

impl Drop for NativeTopic {
    fn drop(&mut self) {
        // SAFETY: the handle came from rd_kafka_topic_new, and this is its only reference.
        unsafe { rdkafka_sys::rd_kafka_topic_destroy(self.0.as_ptr()) }
    }
}

impl NativeTopic {
    fn new<C: Completions>(producer: &ThreadedProducer<Context<C>>, name: &str) -> Result<Self, ApiError> {
        let invalid = || ApiError::with_text(ErrorCode::INVALID_TOPIC_EXCEPTION, format!("Invalid topics: [{name}]"));
        let c_name = CString::new(name).map_err(|_| invalid())?;
        // SAFETY: the client lives, the name ends with a zero byte, and no configuration means the client's defaults.
        let topic = unsafe {
            rdkafka_sys::rd_kafka_topic_new(producer.client().native_ptr(), c_name.as_ptr(), std::ptr::null_mut())
        };
        NonNull::new(topic).map(NativeTopic).ok_or_else(invalid)
    }
}

/// Any partition: the partitioner chooses (`RD_KAFKA_PARTITION_UA`).
const ANY_PARTITION: i32 = -1;

impl<C: Completions> std::fmt::Debug for BulkProducer<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BulkProducer").finish_non_exhaustive()
    }
}

/// Tells the allocator to keep what it has: requests of a megabyte come and go, and glibc would give each back to the kernel,
/// which clears the pages of the next one.
fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        /// The largest threshold that glibc takes.
        const MAPPED_FROM_BYTES: libc::c_int = 32 << 20;
        const KEPT_BYTES: libc::c_int = 256 << 20;
        // SAFETY: mallopt changes settings of the allocator, whose lock it takes.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
            libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
        }
    }
}

/// How long each step of a transaction may take.
const TRANSACTION_STEP: Duration = Duration::from_secs(60);

impl<C: Completions> BulkProducer<C> {
    /// From Java's producer properties.
    ///
    /// # Errors
    /// Kafka's `ConfigException`, or what librdkafka says of the settings.
    pub fn new(props: &Properties, topic: &str, completions: Arc<C>) -> Result<Self, ApiError> {
        keep_memory();
        let config = librdkafka::producer(props)?;
        let data = config.context();
        let context = Context { completions, data };
        let inner = config
            .rdkafka
            .create_with_context(context)
            .map_err(|e| ApiError::kafka(e.to_string()))?;
        let topic = NativeTopic::new(&inner, topic)?;
        Ok(Self { topic, inner })
    }

    /// Hands records for one partition (`None`: those that the partitioner chooses) over in one call; waits while the
    /// buffer is full. Those that librdkafka refuses are told to `refused` and do not complete.
    pub fn send(&self, partition: Option<i32>, payloads: &[&[u8]], tag: usize, mut refused: impl FnMut(ApiError)) {
        let partition = partition.unwrap_or(ANY_PARTITION);
        let message = |payload: &&[u8]| rdkafka_sys::rd_kafka_message_t {
            err: RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR,
            rkt: std::ptr::null_mut(),
            partition,
            payload: payload.as_ptr().cast_mut().cast(),
            len: payload.len(),
            key: std::ptr::null_mut(),
            key_len: 0,
            offset: 0,
            _private: tag.into_ptr(),
        };
        let mut messages: Vec<_> = payloads.iter().map(message).collect();
        let count = i32::try_from(messages.len()).unwrap_or(i32::MAX);
        let flags = rdkafka_sys::RD_KAFKA_MSG_F_COPY | rdkafka_sys::RD_KAFKA_MSG_F_BLOCK;
        // SAFETY: the topic lives as long as `self`; `messages` holds at least `count` messages whose payloads are borrowed
        // for longer than the call, which copies them (F_COPY) and writes to nothing but the messages' own fields.
        let taken = unsafe {
            rdkafka_sys::rd_kafka_produce_batch(self.topic.0.as_ptr(), partition, flags, messages.as_mut_ptr(), count)
        };
        if taken != count {
            for message in &messages {
                if message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                    refused(error_of(&KafkaError::MessageProduction(message.err.into())));
                }
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
