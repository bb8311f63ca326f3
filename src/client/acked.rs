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

/// Java's refusal of a record whose size it reckons above `max.request.size` (1 MiB by default).
pub fn too_large(record: &Outgoing<'_>, props: &Properties) -> Option<ApiError> {
    let given = props.get("max.request.size").and_then(|v| v.trim().parse().ok());
    let most: usize = given.unwrap_or(1_048_576);
    let size = batch_size_upper_bound(record);
    let text = || {
        format!(
            "The message is {size} bytes when serialized which is larger than {most}, which is the value of the \
             max.request.size configuration."
        )
    };
    let class = "org.apache.kafka.common.errors.RecordTooLargeException";
    (size > most).then(|| ApiError::of_class(class, text()))
}

/// Java's upper bound of a batch with this record alone (`AbstractRecords.estimateSizeInBytesUpperBound`), in bytes: what
/// `max.request.size` is compared with.
pub(super) fn batch_size_upper_bound(record: &Outgoing<'_>) -> usize {
    // A null's length is -1, which takes one byte.
    let field = |bytes: Option<&[u8]>| bytes.map_or(1, |b| varint_size(b.len()) + b.len());
    let headers: usize = (record.headers.iter())
        .map(|(key, value)| field(Some(key.as_bytes())) + field(value.as_deref()))
        .sum();
    OVERHEAD + field(record.key) + field(record.value) + varint_size(record.headers.len()) + headers
}

/// Of a batch and of a record in it.
const OVERHEAD: usize = 61 + 21;

/// The same of a record that is only a value of so many bytes.
pub(super) fn value_size_upper_bound(bytes: usize) -> usize {
    const NO_KEY: usize = 1;
    const NO_HEADERS: usize = 1;
    OVERHEAD + NO_KEY + varint_size(bytes) + bytes + NO_HEADERS
}

/// Bytes of a length as a zigzag varint.
fn varint_size(length: usize) -> usize {
    let bits = usize::BITS - (length << 1).leading_zeros();
    bits.div_ceil(7).max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_javas() {
        let of = |size: usize| {
            let value = vec![0; size];
            batch_size_upper_bound(&Outgoing {
                value: Some(&value),
                ..Outgoing::default()
            })
        };
        // As Kafka 4.3.1 tells them of values of these sizes.
        assert_eq!((of(1), of(2_000_000)), (86, 2_000_088));
        assert_eq!([1, 2_000_000].map(value_size_upper_bound), [86, 2_000_088]);
        assert_eq!([0, 63, 64, 8191, 8192].map(varint_size), [1, 1, 2, 2, 3]);
    }
}
