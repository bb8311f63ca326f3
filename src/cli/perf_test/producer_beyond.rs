//! What `kt perf-test producer` does beyond the script: several producers at once, a time in place of a number, keys,
//! latencies from the moment a record was due, and a result to keep.
//!
//! Latencies are counted in microseconds here. At a given rate a record is due at its place in time whether the cluster
//! keeps up or not; from that moment `--latency-from intended` counts, so that a stall shows in all records that waited
//! for it and not only in those under way (no coordinated omission).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::keys::Keys;
use super::producer::{Made, Payloads, Together, Turns, bulk_options};
use super::producer_options::Plan;
use super::recorder::{Recorder, kafka_text};
use super::stats::java_fixed;
use super::summary::Summary;
use super::unconstructed;
use crate::cli::{CliError, CliResult, Manner, Opt, Ui};
use crate::client::ApiError;
use crate::client::acked::AckedProducer;
use crate::client::bulk::{self, BulkProducer, Completions};
use crate::client::produce::{Outgoing, max_block, wait_on_metadata};
use crate::client::record_size;

pub const CLIENTS_OPT: Opt = Opt::value("clients", "COUNT")
    .beyond()
    .help("So many producers at once; records and rate are shared among them.");
pub const DURATION_OPT: Opt = Opt::value("duration", "TIME")
    .beyond()
    .help("Send for so long (30s, 5m), in place of --num-records or up to it.");
pub const KEYS_OPT: Opt = Opt::value("key-distribution", "none|uniform:N|zipf:N")
    .beyond()
    .help("Keys of the records: none, or N of them, as often as each other or by Zipf's law.");
pub const LATENCY_OPT: Opt = Opt::value("latency-from", "send|intended")
    .beyond()
    .help("Latencies from the moment a record is sent, or, with --throughput, from the moment it was due.");

/// The options of this file, read.
#[derive(Debug)]
pub struct Beyond {
    clients: u64,
    duration: Option<Duration>,
    keys: Keys,
    intended: bool,
    report: Option<String>,
}

/// Takes the options beyond the script's out of `words`, which argparse4j's grammar then reads. `None` if there are none.
///
/// # Errors
/// A value that is missing or means nothing.
pub fn take(ui: &mut Ui, words: &mut Vec<String>) -> CliResult<Option<Beyond>> {
    if ui.manner == Manner::Script {
        return Ok(None);
    }
    let mut of = |names: &[&str]| take_value(words, names);
    let output = of(&["--output", "-o"])?;
    let clients = of(&["--clients"])?;
    let duration = of(&["--duration"])?;
    let keys = of(&["--key-distribution"])?;
    let from = of(&["--latency-from"])?;
    let report = of(&["--report"])?;
    if let Some(format) = &output {
        ui.set_format(format)?;
    }
    if clients.is_none() && duration.is_none() && keys.is_none() && from.is_none() && report.is_none() && kafka_text(ui)
    {
        return Ok(None);
    }
    let refuse = |what: &str, value: &str, why: String| CliError::usage(format!("--{what} {value}: {why}"));
    let clients = match &clients {
        None => 1,
        Some(n) => (n.parse().ok().filter(|&n: &u64| (1..=1000).contains(&n)))
            .ok_or_else(|| refuse("clients", n, "a number from 1 to 1000".to_owned()))?,
    };
    let duration = match &duration {
        None => None,
        Some(text) => Some(humantime::parse_duration(text).map_err(|e| refuse("duration", text, e.to_string()))?),
    };
    let keys = match &keys {
        None => Keys::None,
        Some(text) => Keys::parse(text).map_err(|why| refuse("key-distribution", text, why))?,
    };
    let intended = match from.as_deref() {
        None | Some("send") => false,
        Some("intended") => true,
        Some(other) => return Err(refuse("latency-from", other, "send or intended".to_owned())),
    };
    let counted = words.iter().any(|w| w.starts_with("--num-r"));
    if duration.is_some() && !counted {
        words.extend(["--num-records".to_owned(), i64::MAX.to_string()]);
    }
    Ok(Some(Beyond {
        clients,
        duration,
        keys,
        intended,
        report,
    }))
}

/// Takes the last value of an option, and the option, out of the words.
fn take_value(words: &mut Vec<String>, names: &[&str]) -> CliResult<Option<String>> {
    let mut found = None;
    let mut at = 0;
    while at < words.len() {
        let (name, inline) = match words[at].split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (words[at].as_str(), None),
        };
        if !names.contains(&name) {
            at += 1;
            continue;
        }
        let name = words.remove(at);
        found = match inline {
            Some(value) => Some(value),
            None if at < words.len() => Some(words.remove(at)),
            None => return Err(CliError::usage(format!("{name} needs a value"))),
        };
    }
    Ok(found)
}

/// What all producers share.
struct Shared {
    recorder: Mutex<Recorder>,
    failed: AtomicU64,
    first_error: Mutex<Option<ApiError>>,
    /// Records that are still warm-up.
    warmup: AtomicU64,
    started: Instant,
    stop: AtomicBool,
}

/// Bits of a tag that hold the record's size; the others hold the microseconds since the start.
const SIZE_BITS: u32 = 20;

impl Shared {
    fn micros(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn refuse(&self, e: ApiError) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.first_error.lock().get_or_insert(e);
    }

    /// Whether the record was one of the warm-up; the last of them begins the measurement anew.
    fn warms_up(&self, recorder: &mut Recorder) -> bool {
        let left = self.warmup.load(Ordering::Relaxed);
        if left == 0 {
            return false;
        }
        // The recorder's lock is held: nobody else counts down.
        self.warmup.store(left - 1, Ordering::Relaxed);
        if left == 1 {
            *recorder = Recorder::with_latencies("producer");
        }
        true
    }
}

impl Completions for Shared {
    fn completed(&self, reports: &mut dyn Iterator<Item = (usize, Result<usize, ApiError>)>) {
        let now = self.micros();
        let mut recorder = self.recorder.lock();
        for (tag, result) in reports {
            match result {
                Ok(_) if self.warms_up(&mut recorder) => {}
                Ok(bytes) => recorder.add_latency(now.saturating_sub(tag as u64), bytes as u64),
                Err(e) => self.refuse(e),
            }
        }
    }
}

/// Runs the test and tells its result.
///
/// # Errors
/// A producer cannot be made, or the coordinator refuses its transactions; as `kt TOOL`, records that failed.
pub async fn run(ui: &mut Ui, plan: Plan, beyond: Beyond) -> CliResult {
    let available = wait_on_metadata(&plan.props, &plan.topic, max_block(&plan.props))
        .await
        .map_err(|e| CliError::failed(e.to_string()))?;
    let shared = Arc::new(Shared {
        recorder: Mutex::new(Recorder::with_latencies("producer")),
        failed: AtomicU64::new(0),
        first_error: Mutex::new(None),
        warmup: AtomicU64::new(plan.warmup),
        started: Instant::now(),
        stop: AtomicBool::new(false),
    });
    let (plan, beyond) = (Arc::new(plan), Arc::new(beyond));
    let clients: Vec<_> = (0..beyond.clients)
        .map(|index| {
            let one = Client {
                plan: plan.clone(),
                beyond: beyond.clone(),
                shared: shared.clone(),
                index,
                available: available.clone(),
            };
            tokio::task::spawn_blocking(move || one.run())
        })
        .collect();
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let mut all = futures::future::join_all(clients);
    let ended = tokio::select! {
        ended = &mut all => ended,
        _ = interrupt.recv() => {
            shared.stop.store(true, Ordering::Relaxed);
            all.await
        }
    };
    for end in ended {
        end.map_err(|e| CliError::failed(e.to_string()))??;
    }
    tell(ui, &shared, &beyond)
}

fn tell(ui: &mut Ui, shared: &Shared, beyond: &Beyond) -> CliResult {
    let failed = shared.failed.load(Ordering::Relaxed);
    if let Some(e) = shared.first_error.lock().as_ref() {
        ui.say_err(&format!("{failed} record(s) failed, the first one: {e}"))?;
    }
    let recorder = std::mem::replace(&mut *shared.recorder.lock(), Recorder::new("producer"));
    let mut summary = recorder.finish(beyond.clients, failed);
    summary.latency_from = Some(if beyond.intended { "intended" } else { "send" }.to_owned());
    if kafka_text(ui) {
        for line in lines(&summary) {
            writeln!(ui.out(), "{line}")?;
        }
    }
    summary.tell(ui, beyond.report.as_deref())?;
    if failed > 0 {
        Err(CliError::told_quietly())
    } else {
        Ok(())
    }
}

/// Kafka's last line, and the percentiles to the microsecond.
fn lines(s: &Summary) -> Vec<String> {
    let Some(l) = &s.latency else {
        return vec![format!("{} records sent", s.records)];
    };
    let whole = |ms: f64| format!("{ms:.0}");
    let first = format!(
        "{} records sent, {} records/sec ({} MB/sec), {} ms avg latency, {} ms max latency, {} ms 50th, {} ms 95th, {} ms 99th, {} ms 99.9th.",
        s.records,
        java_fixed(s.records_per_sec, 6),
        java_fixed(s.mb_per_sec, 2),
        java_fixed(l.mean_ms, 2),
        java_fixed(l.max_ms, 2),
        whole(l.p50_ms),
        whole(l.p95_ms),
        whole(l.p99_ms),
        whole(l.p999_ms)
    );
    let from = s.latency_from.as_deref().unwrap_or("send");
    let second = format!(
        "{} client(s), latency from {from}: {:.3} ms 50th, {:.3} ms 90th, {:.3} ms 99th, {:.3} ms 99.9th, {:.3} ms 99.99th, {:.3} ms max.",
        s.clients, l.p50_ms, l.p90_ms, l.p99_ms, l.p999_ms, l.p9999_ms, l.max_ms
    );
    vec![first, second]
}

/// One producer, on a thread of its own.
struct Client {
    plan: Arc<Plan>,
    beyond: Arc<Beyond>,
    shared: Arc<Shared>,
    index: u64,
    available: Vec<i32>,
}

/// How much later than it was due a record may be told to be sent, so that several go together.
const GRAIN: Duration = Duration::from_micros(100);
/// The longest sleep: a stop is to be heard.
const NAP: Duration = Duration::from_millis(100);

impl Client {
    fn run(self) -> CliResult {
        let mut props = self.plan.props.clone();
        if self.beyond.clients > 1 {
            for key in ["client.id", "transactional.id"] {
                if let Some(id) = props.get(key).map(str::to_owned) {
                    props.set(key, format!("{id}-{}", self.index + 1));
                }
            }
        }
        match &self.beyond.keys {
            Keys::None => self.run_bulk(&props),
            keys => self.run_keyed(&props, keys),
        }
    }

    /// So many of the records are this client's.
    fn share(&self) -> u64 {
        let (all, clients) = (self.plan.records, self.beyond.clients);
        all / clients + u64::from(self.index < all % clients)
    }

    /// When the next records are due and how many of them, or how long to wait for them; in microseconds since the test's
    /// start, `begun` being this client's own.
    fn due(&self, begun: u64, sent: u64) -> Result<(u64, u64), Duration> {
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let rate = self.plan.throughput / self.beyond.clients as f64;
        let now = self.shared.micros();
        if rate < 0.0 {
            return Ok((now, u64::MAX));
        }
        if rate == 0.0 && sent > 0 {
            return Err(NAP);
        }
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )] // far below 2^52
        let (due, together) = (
            begun
                + if sent == 0 {
                    0
                } else {
                    (sent as f64 / rate * 1e6) as u64
                },
            ((rate * GRAIN.as_secs_f64()) as u64).max(1),
        );
        if due > now {
            return Err(Duration::from_micros(due - now).min(NAP));
        }
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let late = ((now - due) as f64 / 1e6 * rate) as u64 + 1;
        Ok((if self.beyond.intended { due } else { now }, late.min(together)))
    }

    fn goes_on(&self, sent: u64) -> bool {
        let in_time = self.beyond.duration.is_none_or(|d| self.shared.started.elapsed() < d);
        sent < self.share() && in_time && !self.shared.stop.load(Ordering::Relaxed)
    }

    fn run_bulk(&self, props: &crate::client::props::Properties) -> CliResult {
        let java = |e: ApiError| CliError::failed(e.to_string());
        let plan = &*self.plan;
        let producer = BulkProducer::new(props, &plan.topic, bulk_options(props), self.shared.clone())
            .map_err(|e| unconstructed("producer", e))?;
        if plan.transaction_ms.is_some() {
            producer.init_transactions().map_err(java)?;
        }
        let max_request = record_size::most(props);
        let fits = |payload: &[u8]| {
            let refusal = record_size::refusal(record_size::of_value(payload.len()), max_request);
            refusal.map(|e| self.shared.refuse(e)).is_none()
        };
        let mut payloads = Payloads::new(&plan.payload);
        let mut turns = Turns::new(plan, self.available.clone());
        let mut together = Together::unlimited();
        let begun_at = self.shared.micros();
        let mut transaction: Option<Instant> = None;
        let mut sent = 0;
        while self.goes_on(sent) {
            let (due, most) = match self.due(begun_at, sent) {
                Ok(due) => due,
                Err(wait) => {
                    std::thread::sleep(wait);
                    continue;
                }
            };
            let begun = Instant::now();
            if plan.transaction_ms.is_some() && transaction.is_none() {
                producer.begin_transaction().map_err(java)?;
                transaction = Some(begun);
            }
            let count = together.count().min(most).min(self.share() - sent);
            let tag = usize::try_from(due).unwrap_or(usize::MAX);
            let refused = |e| self.shared.refuse(e);
            match payloads.next(sent, count) {
                Made::Kept(mut records) => {
                    records.retain(|payload| fits(payload));
                    let partition = turns.next(records.iter().map(|payload| payload.len()).sum());
                    producer.send(partition, bulk::Payloads::Kept(&records), tag, refused);
                }
                Made::Lent(mut records) => {
                    records.retain(|payload| fits(payload));
                    let partition = turns.next(records.iter().map(|payload| payload.len()).sum());
                    producer.send(partition, bulk::Payloads::Lent(&records), tag, refused);
                }
            }
            sent += count;
            let over = |since: Instant| {
                plan.transaction_ms
                    .is_some_and(|ms| since.elapsed().as_millis() >= u128::from(ms.unsigned_abs()))
            };
            if transaction.is_some_and(over) {
                producer.commit_transaction().map_err(java)?;
                transaction = None;
            }
            together.adjust(begun.elapsed());
        }
        if transaction.is_some() {
            producer.commit_transaction().map_err(java)?;
        }
        producer.flush();
        Ok(())
    }

    /// With keys each record goes by itself: its key chooses the partition.
    fn run_keyed(&self, props: &crate::client::props::Properties, keys: &Keys) -> CliResult {
        let plan = &*self.plan;
        if plan.transaction_ms.is_some() {
            return Err(CliError::usage("--key-distribution does not go with transactions"));
        }
        let (producer, mut reports) = AckedProducer::new(props).map_err(|e| unconstructed("producer", e))?;
        let shared = self.shared.clone();
        let counting = std::thread::spawn(move || {
            while let Some(report) = reports.blocking_recv() {
                let (micros, bytes) = (report.tag >> SIZE_BITS, report.tag & ((1 << SIZE_BITS) - 1));
                let result = report.result.map(|_| bytes);
                shared.completed(&mut std::iter::once((micros, result)));
            }
        });
        let mut payloads = Payloads::new(&plan.payload);
        let mut random = SmallRng::from_os_rng();
        let begun_at = self.shared.micros();
        let mut sent = 0;
        while self.goes_on(sent) {
            let (due, most) = match self.due(begun_at, sent) {
                Ok(due) => due,
                Err(wait) => {
                    std::thread::sleep(wait);
                    continue;
                }
            };
            let count = most.min(64).min(self.share() - sent);
            let made = payloads.next(sent, count);
            let all: &[&[u8]] = match &made {
                Made::Kept(all) => all,
                Made::Lent(all) => all,
            };
            for payload in all {
                let key = keys.next(&mut random).to_string();
                let record = Outgoing {
                    topic: &plan.topic,
                    key: Some(key.as_bytes()),
                    value: Some(payload),
                    ..Outgoing::default()
                };
                if let Some(e) = record_size::refusal(record_size::upper_bound(&record), record_size::most(props)) {
                    self.shared.refuse(e);
                    continue;
                }
                let size = (payload.len() + key.len()).min((1 << SIZE_BITS) - 1);
                let micros = usize::try_from(due).unwrap_or(0);
                producer.send(record, micros << SIZE_BITS | size);
            }
            sent += count;
        }
        producer.flush();
        // Its reports end with it.
        drop(producer);
        // A panic there was printed there.
        let _ = counting.join();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_out_of_the_words() {
        let words = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
        let mut line = words("--topic t -o json --clients=3 --throughput -1 --clients 4");
        assert_eq!(
            take_value(&mut line, &["--clients"]).expect("a value"),
            Some("4".to_owned())
        );
        assert_eq!(
            take_value(&mut line, &["--output", "-o"]).expect("a value"),
            Some("json".to_owned())
        );
        assert_eq!(take_value(&mut line, &["--duration"]).expect("none"), None);
        assert_eq!(line, words("--topic t --throughput -1"));
        assert!(take_value(&mut words("--clients"), &["--clients"]).is_err());
    }
}
