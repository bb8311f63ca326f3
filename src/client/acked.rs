//! Producing with a report on each record, the good ones too: where it went, or why it did not. Feature `cli`.
//!
//! Slower than [`super::bulk`], which counts only; [`super::produce`] tells failures only.

use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{ProducerContext, ThreadedProducer};
use tokio::sync::mpsc;

use super::error::ApiError;
use super::librdkafka::{self, Callbacks};
use super::produce::{Outgoing, error_of, flush, hand_over};
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

type Context = Callbacks<mpsc::UnboundedSender<Report>>;

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        let result = match result {
            Ok(m) => Ok((m.partition(), m.offset())),
            Err((e, _)) => Err(error_of(e)),
        };
        // Nobody listens any more: the producer is being dropped.
        let _ = self.own.send(Report { tag, result });
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
            data: config.context(),
            own: out.clone(),
        };
        let inner = config
            .rdkafka
            .create_with_context(context)
            .map_err(|e| ApiError::kafka(e.to_string()))?;
        Ok((Self { inner, out }, reports))
    }

    /// Hands a record over; waits while the buffer is full. Its report comes with `tag`.
    pub fn send(&self, record: Outgoing<'_>, tag: usize) {
        if let Err(e) = hand_over(&self.inner, &record, tag) {
            let result = Err(error_of(&e));
            // As above.
            let _ = self.out.send(Report { tag, result });
        }
    }

    /// Waits until each record has its report; `delivery.timeout.ms` bounds it.
    pub fn flush(&self) {
        flush(&self.inner);
    }
}
