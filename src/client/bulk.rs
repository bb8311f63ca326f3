//! Producing as fast as can be, with a call back for each record: what performance tests need. Feature `cli`.

use std::ffi::{CStr, CString};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rdkafka::ClientContext as _;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::types::RDKafkaRespErr;

use super::error::ApiError;
use super::librdkafka::statistics::{self, Statistics};
use super::librdkafka::{self, DataContext};
use super::produce::error_of;
use super::props::Properties;
use crate::wire::ErrorCode;

/// Hears of each record's end, on a thread of the producer's own.
pub trait Completions: Send + Sync + 'static {
    /// Records that were acknowledged, or not, at the same moment: the tag each was sent with, and its bytes or why not.
    fn completed(&self, reports: &mut dyn Iterator<Item = (usize, Result<usize, ApiError>)>);
}

/// A producer of records without keys to one topic.
pub struct BulkProducer {
    // These two are dropped before the producer they belong to.
    _events: Events,
    topic: NativeTopic,
    inner: Arc<BaseProducer<DataContext>>,
    room: Arc<Room>,
    told: Option<Arc<Told>>,
}

/// How a [`BulkProducer`] is to work.
#[derive(Clone, Copy, Debug)]
pub struct BulkOptions {
    /// Bytes of payload that may wait for their acknowledgement, with those of one call; `buffer.memory` bounds them as well.
    pub in_hand: usize,
    /// Whether [`BulkProducer::statistics`] will be asked.
    pub statistics: bool,
}

/// What librdkafka has told of itself.
#[derive(Default)]
struct Told {
    statistics: Mutex<Statistics>,
    changed: Condvar,
}

/// How many bytes wait for their acknowledgement, and the most that shall. Whoever waits for room goes on only when a
/// quarter is free: threads that wake each other for every record get nothing else done.
struct Room {
    taken: Mutex<Taken>,
    most: usize,
    freed: Condvar,
}

/// What has been sent and has not completed.
#[derive(Default)]
struct Taken {
    bytes: usize,
    records: usize,
}

impl Room {
    fn new(most: usize) -> Self {
        Room {
            taken: Mutex::new(Taken::default()),
            most: most.max(1),
            freed: Condvar::new(),
        }
    }

    fn take(&self, records: usize, bytes: usize) {
        let mut taken = self.taken.lock();
        if taken.bytes >= self.most {
            self.freed
                .wait_while(&mut taken, |taken| taken.bytes > self.most / 4 * 3);
        }
        taken.bytes += bytes;
        taken.records += records;
    }

    fn give_back(&self, records: usize, bytes: usize) {
        let mut taken = self.taken.lock();
        taken.bytes = taken.bytes.saturating_sub(bytes);
        taken.records = taken.records.saturating_sub(records);
        if taken.bytes <= self.most / 4 * 3 {
            self.freed.notify_one();
        }
    }

    /// Waits until everything has completed: librdkafka counts a record as done when its event is taken, which is before
    /// somebody has looked at it.
    fn wait_until_empty(&self) {
        let mut taken = self.taken.lock();
        self.freed.wait_while(&mut taken, |taken| taken.records > 0);
    }
}

/// The thread that takes librdkafka's events.
struct Events {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How long the thread may take to see that it shall stop.
const STOP_SEEN_AFTER_MS: i32 = 100;

impl Events {
    fn start<C: Completions>(
        producer: Arc<BaseProducer<DataContext>>,
        completions: Arc<C>,
        (room, told): (Arc<Room>, Arc<Told>),
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("deliveries".into()).spawn(move || {
            let queue = NativeQueue::main(&producer);
            while !stopped.load(Ordering::Relaxed) {
                if let Some(event) = queue.poll(STOP_SEEN_AFTER_MS) {
                    event.handle(&producer, &*completions, (&room, &told));
                }
            }
        })?;
        Ok(Events {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It panics only where `completed` does, and then has said so.
            let _ = thread.join();
        }
    }
}

struct NativeQueue(NonNull<rdkafka_sys::rd_kafka_queue_t>);

impl NativeQueue {
    fn main(producer: &BaseProducer<DataContext>) -> Self {
        // SAFETY: the client lives; it has a main queue from its creation on, and the reference is given back in `drop`.
        let queue = unsafe { rdkafka_sys::rd_kafka_queue_get_main(producer.client().native_ptr()) };
        NativeQueue(NonNull::new(queue).expect("a client has a main queue"))
    }

    fn poll(&self, timeout_ms: i32) -> Option<NativeEvent> {
        // SAFETY: the queue is held by `self`; the event is this caller's, who destroys it.
        NonNull::new(unsafe { rdkafka_sys::rd_kafka_queue_poll(self.0.as_ptr(), timeout_ms) }).map(NativeEvent)
    }
}

impl Drop for NativeQueue {
    fn drop(&mut self) {
        // SAFETY: the reference that `main` took.
        unsafe { rdkafka_sys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

struct NativeEvent(NonNull<rdkafka_sys::rd_kafka_event_t>);

impl Drop for NativeEvent {
    fn drop(&mut self) {
        // SAFETY: the event came from the queue and is destroyed once.
        unsafe { rdkafka_sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

impl NativeEvent {
    fn handle<C: Completions>(
        &self,
        producer: &BaseProducer<DataContext>,
        completions: &C,
        (room, told): (&Room, &Told),
    ) {
        // SAFETY: the event lives as long as `self`.
        match unsafe { rdkafka_sys::rd_kafka_event_type(self.0.as_ptr()) } {
            rdkafka_sys::RD_KAFKA_EVENT_DR => self.deliveries(completions, room),
            rdkafka_sys::RD_KAFKA_EVENT_ERROR => self.error(producer),
            rdkafka_sys::RD_KAFKA_EVENT_STATS => self.statistics(told),
            rdkafka_sys::RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH => self.refresh_token(producer),
            _ => (),
        }
    }

    fn deliveries<C: Completions>(&self, completions: &C, room: &Room) {
        let (mut freed, mut records) = (0, 0);
        let mut reports = std::iter::from_fn(|| {
            // SAFETY: the event lives as long as `self`, and its messages as long as the event; the payload is not touched.
            let message = unsafe { rdkafka_sys::rd_kafka_event_message_next(self.0.as_ptr()).as_ref()? };
            freed += message.len;
            records += 1;
            let result = match message.err {
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(message.len),
                e => Err(error_of(&KafkaError::MessageProduction(e.into()))),
            };
            Some((message._private.addr(), result))
        });
        completions.completed(&mut reports);
        reports.for_each(drop);
        room.give_back(records, freed);
    }

    fn statistics(&self, told: &Told) {
        // SAFETY: the event lives as long as `self`, and its text as long as the event.
        let json = unsafe { text(rdkafka_sys::rd_kafka_event_stats(self.0.as_ptr())) };
        // What a later librdkafka tells otherwise is not told.
        if let Some(Ok(now)) = json.map(|json| serde_json::from_str(&json)) {
            told.statistics.lock().take(&now);
            told.changed.notify_all();
        }
    }

    fn error(&self, producer: &BaseProducer<DataContext>) {
        // SAFETY: the event lives as long as `self`, and its text as long as the event.
        let (code, reason) = unsafe {
            let code = rdkafka_sys::rd_kafka_event_error(self.0.as_ptr());
            (code, text(rdkafka_sys::rd_kafka_event_error_string(self.0.as_ptr())))
        };
        let reason = reason.unwrap_or_default();
        producer.context().error(KafkaError::Global(code.into()), reason.trim());
    }

    fn refresh_token(&self, producer: &BaseProducer<DataContext>) {
        let client = producer.client().native_ptr();
        // SAFETY: the event lives as long as `self`, and its text as long as the event.
        let config = unsafe { text(rdkafka_sys::rd_kafka_event_config_string(self.0.as_ptr())) };
        let refuse = |why: &str| {
            let why = CString::new(why.replace('\0', " ")).unwrap_or_default();
            // SAFETY: the client lives and the text ends with a zero byte.
            unsafe { rdkafka_sys::rd_kafka_oauthbearer_set_token_failure(client, why.as_ptr()) };
        };
        let token = match producer.context().generate_oauth_token(config.as_deref()) {
            Ok(token) => token,
            Err(e) => return refuse(&e.to_string()),
        };
        let (Ok(value), Ok(principal)) = (CString::new(token.token), CString::new(token.principal_name)) else {
            return refuse("the token has a zero byte in it");
        };
        let mut why = [0; 512];
        // SAFETY: the client lives, the texts end with a zero byte, there are no extensions, and `why` is as long as is said.
        let code = unsafe {
            rdkafka_sys::rd_kafka_oauthbearer_set_token(
                client,
                value.as_ptr(),
                token.lifetime_ms,
                principal.as_ptr(),
                std::ptr::null_mut(),
                0,
                why.as_mut_ptr(),
                why.len(),
            )
        };
        if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            // SAFETY: librdkafka ended its text with a zero byte within `why`.
            refuse(&unsafe { text(why.as_ptr()) }.unwrap_or_default());
        }
    }
}

/// # Safety
/// `text` is null or ends with a zero byte.
unsafe fn text(text: *const std::ffi::c_char) -> Option<String> {
    // SAFETY: as the caller promises.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// What is to be done with the memory of payloads.
#[derive(Clone, Copy, Debug)]
pub enum Payloads<'a> {
    /// They are copied.
    Lent(&'a [&'a [u8]]),
    /// They are read in place, until they are acknowledged.
    Kept(&'a [&'static [u8]]),
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
    fn new(producer: &BaseProducer<DataContext>, name: &str) -> Result<Self, ApiError> {
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

impl std::fmt::Debug for BulkProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BulkProducer").finish_non_exhaustive()
    }
}

/// How long each step of a transaction may take.
const TRANSACTION_STEP: Duration = Duration::from_secs(60);

impl BulkProducer {
    /// From Java's producer properties.
    ///
    /// # Errors
    /// Kafka's `ConfigException`, or what librdkafka says of the settings.
    pub fn new<C: Completions>(
        props: &Properties,
        topic: &str,
        options: BulkOptions,
        completions: Arc<C>,
    ) -> Result<Self, ApiError> {
        crate::allocator::keep_freed_memory();
        let mut config = librdkafka::producer(props)?;
        if options.statistics {
            let interval = statistics::INTERVAL_MS.to_string();
            config.rdkafka.set("statistics.interval.ms", interval);
        }
        let inner: BaseProducer<DataContext> = config
            .rdkafka
            .create_with_context(config.context())
            .map_err(|e| ApiError::kafka(e.to_string()))?;
        let inner = Arc::new(inner);
        let topic = NativeTopic::new(&inner, topic)?;
        let (room, told) = (Arc::new(Room::new(options.in_hand)), Arc::new(Told::default()));
        let events = Events::start(inner.clone(), completions, (room.clone(), told.clone()))
            .map_err(|e| ApiError::kafka(format!("no thread for the deliveries: {e}")))?;
        Ok(Self {
            _events: events,
            topic,
            inner,
            room,
            told: options.statistics.then_some(told),
        })
    }

    /// Hands records for one partition (`None`: those that the partitioner chooses) over in one call; waits while the
    /// buffer is full. Those that librdkafka refuses are told to `refused` and do not complete.
    pub fn send(&self, partition: Option<i32>, payloads: Payloads<'_>, tag: usize, mut refused: impl FnMut(ApiError)) {
        let partition = partition.unwrap_or(ANY_PARTITION);
        let message = |payload: &[u8]| rdkafka_sys::rd_kafka_message_t {
            err: RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR,
            rkt: std::ptr::null_mut(),
            partition,
            payload: payload.as_ptr().cast_mut().cast(),
            len: payload.len(),
            key: std::ptr::null_mut(),
            key_len: 0,
            offset: 0,
            _private: std::ptr::without_provenance_mut(tag),
        };
        let (mut messages, copied): (Vec<_>, _) = match payloads {
            Payloads::Lent(payloads) => (
                payloads.iter().map(|p| message(p)).collect(),
                rdkafka_sys::RD_KAFKA_MSG_F_COPY,
            ),
            Payloads::Kept(payloads) => (payloads.iter().map(|p| message(p)).collect(), 0),
        };
        self.room.take(messages.len(), messages.iter().map(|m| m.len).sum());
        let mut flags = rdkafka_sys::RD_KAFKA_MSG_F_BLOCK | copied;
        if partition != ANY_PARTITION {
            // The partition is told by each message: given to the call alone, librdkafka would wait for room in its buffer
            // with the topic locked, and its own threads, which make that room, for the topic.
            flags |= rdkafka_sys::RD_KAFKA_MSG_F_PARTITION;
        }
        let count = i32::try_from(messages.len()).unwrap_or(i32::MAX);
        // SAFETY: the topic lives as long as `self`; `messages` holds at least `count` messages. Their payloads are borrowed
        // for longer than the call, which copies them (F_COPY), or for ever; they are read, and nothing is written to but
        // the messages' own fields.
        let taken = unsafe {
            rdkafka_sys::rd_kafka_produce_batch(self.topic.0.as_ptr(), partition, flags, messages.as_mut_ptr(), count)
        };
        if taken != count {
            for message in &messages {
                if message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                    self.room.give_back(1, message.len);
                    refused(error_of(&KafkaError::MessageProduction(message.err.into())));
                }
            }
        }
    }

    /// Waits until every record has completed.
    pub fn flush(&self) {
        const LOOK_EVERY_MS: i32 = 1000;
        while self.inner.in_flight_count() > 0 {
            // SAFETY: the client lives. An error here is a time-out of this wait alone; the other thread takes the events.
            unsafe { rdkafka_sys::rd_kafka_flush(self.inner.client().native_ptr(), LOOK_EVERY_MS) };
        }
        self.room.wait_until_empty();
    }

    /// What librdkafka tells of itself the next time, with all before: it has told everything of what is over now. Empty
    /// if it was not asked for.
    pub fn statistics(&self) -> Statistics {
        /// Longer than librdkafka is ever busy with something else.
        const LONGEST: Duration = Duration::from_secs(2);
        let Some(told) = &self.told else {
            return Statistics::default();
        };
        let mut statistics = told.statistics.lock();
        let before = statistics.told;
        let not_yet = |statistics: &mut Statistics| statistics.told == before;
        told.changed.wait_while_for(&mut statistics, not_yet, LONGEST);
        statistics.clone()
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
        // What is still under way when rdkafka commits, it takes the reports of itself, and nobody would hear of them.
        self.flush();
        self.inner
            .commit_transaction(TRANSACTION_STEP)
            .map_err(|e| error_of(&e))
    }
}
