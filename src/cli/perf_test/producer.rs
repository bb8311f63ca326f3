//! `kafka-producer-perf-test.sh` (Kafka: `ProducerPerformance`).

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::metrics::{self, Metrics, Sent};
use super::producer_options::{OPTS, Payload, Plan, SPEC, plan};
use super::recorder::float;
use super::stats::Stats;
use super::{producer_beyond, unconstructed};
use crate::cli::compat::help;
use crate::cli::tool::{Grammar, Line, Tool};
use crate::cli::{CliError, CliResult, Manner, Ui};
use crate::client::ApiError;
use crate::client::bulk::{self, BulkOptions, BulkProducer, Completions};
use crate::client::librdkafka::statistics::Statistics;
use crate::client::produce::{max_block, wait_on_metadata};
use crate::client::props::Properties;
use crate::client::record_size;
use crate::client::samples::Samples;
use crate::runs;

pub static TOOL: Tool = Tool {
    script: "kafka-producer-perf-test",
    names: &["perf-test producer", "producer-perf-test"],
    about: "This tool is used to verify the producer performance.",
    opts: OPTS,
    bare: None,
    help_after_error: false,
    grammar: Grammar::Own,
    run: runs!(run),
};

async fn run(ui: &mut Ui, line: Line) -> CliResult {
    if line.words.is_empty() && ui.manner == Manner::Script {
        return Ok(help::write(ui.out(), line.tool, Manner::Script)?);
    }
    let mut words = line.words;
    let beyond = producer_beyond::take(ui, &mut words)?;
    let Some(ns) = SPEC.parse(&words).map_err(|e| SPEC.error(&e))? else {
        let manner = ui.manner;
        help::write(ui.out(), line.tool, manner)?;
        return if ui.manner == Manner::Script {
            Err(CliError::Exit(1))
        } else {
            Ok(())
        };
    };
    let plan = plan(ui, &ns)?;
    if let Some(beyond) = beyond {
        return producer_beyond::run(ui, plan, beyond).await;
    }
    let java = |e: ApiError| CliError::failed(e.to_string());
    let outcome = Arc::new(Outcome::new(&plan));
    let options = BulkOptions {
        statistics: plan.print_metrics,
        ..bulk_options(&plan.props)
    };
    let made = Instant::now();
    let producer = BulkProducer::new(&plan.props, &plan.topic, options, outcome.clone())
        .map_err(|e| unconstructed("producer", e))?;
    if plan.transaction_ms.is_some() {
        producer.init_transactions().map_err(java)?;
    }
    *outcome.stats.lock() = Outcome::stats(&plan);
    if plan.warmup > 0 {
        let text = "records. Steady state results will print after the complete test summary.";
        writeln!(ui.out(), "Warmup first {} {text}", plan.warmup)?;
    }
    match wait_on_metadata(&plan.props, &plan.topic, max_block(&plan.props)).await {
        Err(e) => {
            outcome.failed.fetch_add(plan.records, Ordering::Relaxed);
            ui.say_err(&e.to_string())?;
        }
        Ok(available) => send_all(ui, &plan, (&producer, Turns::new(&plan, available)), &outcome).await?,
    }
    producer.flush();
    let told = plan.print_metrics.then(|| (producer.statistics(), made.elapsed()));
    report(ui, &plan, &outcome, told)
}

/// How many bytes of records to have under way: more only wait in line, and fall out of the processor's caches.
/// Several batches for many partitions, so that full batches are ready whatever `linger.ms` is.
pub(super) fn bulk_options(props: &Properties) -> BulkOptions {
    const LEAST: usize = 8 << 20;
    const BATCHES: usize = 32;
    BulkOptions {
        in_hand: BATCHES.saturating_mul(batch_size(props)).max(LEAST),
        statistics: false,
    }
}

fn batch_size(props: &Properties) -> usize {
    const DEFAULT: usize = 16_384;
    props
        .get("batch.size")
        .and_then(|v| v.trim().parse().ok())
        .unwrap_or(DEFAULT)
}

/// What became of the records; fed by the producer's thread.
struct Outcome {
    stats: Mutex<(Stats, Option<Stats>)>,
    warmup: u64,
    failed: AtomicU64,
    /// The first errors, to be told; the rest are counted.
    errors: Mutex<Vec<ApiError>>,
    /// Bytes of records as Java's producer reckons them, where they are to be printed.
    record_bytes: Option<Mutex<Samples>>,
}

const ERRORS_TOLD: usize = 10;

impl Outcome {
    /// The figures begin now.
    fn stats(plan: &Plan) -> (Stats, Option<Stats>) {
        let now = now_ms();
        let steady = (plan.warmup > 0).then(|| Stats::new(plan.records - plan.warmup, now, true));
        (Stats::new(plan.records, now, false), steady)
    }

    fn new(plan: &Plan) -> Self {
        Self {
            stats: Mutex::new(Self::stats(plan)),
            warmup: plan.warmup,
            failed: AtomicU64::new(0),
            errors: Mutex::new(Vec::new()),
            record_bytes: plan.print_metrics.then(Mutex::default),
        }
    }

    fn refuse(&self, e: ApiError) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut errors = self.errors.lock();
        if errors.len() < ERRORS_TOLD {
            errors.push(e);
        }
    }
}

impl Completions for Outcome {
    fn completed(&self, reports: &mut dyn Iterator<Item = (usize, Result<usize, ApiError>)>) {
        let now = now_ms();
        let mut stats = self.stats.lock();
        let (all, steady) = &mut *stats;
        let mut record_bytes = self.record_bytes.as_ref().map(Mutex::lock);
        for (sent_at, result) in reports {
            let bytes = match result {
                Ok(bytes) => bytes,
                Err(e) => {
                    self.refuse(e);
                    continue;
                }
            };
            if let Some(samples) = &mut record_bytes {
                samples.add(float(record_size::of_value(bytes) as u64));
            }
            let bytes = bytes as u64;
            let sent_ms = i64::try_from(sent_at).unwrap_or(now);
            let latency = u32::try_from(now - sent_ms).unwrap_or(0);
            if all.records() == self.warmup && self.warmup > 0 {
                // the steady state begins with the first record after the warm-up
                *steady = steady.take().map(|_| Stats::new(1_000_000, now, true));
            }
            if let Some(s) = steady.as_mut().filter(|_| all.records() >= self.warmup) {
                s.record(latency, bytes);
            }
            all.record(latency, bytes);
        }
    }
}

async fn send_all(
    ui: &mut Ui,
    plan: &Plan,
    (producer, mut turns): (&BulkProducer, Turns),
    outcome: &Outcome,
) -> CliResult {
    let java = |e: ApiError| CliError::failed(e.to_string());
    let mut payloads = Payloads::new(&plan.payload);
    let start = now_ms();
    let max_request = record_size::most(&plan.props);
    let mut transaction: Option<i64> = None;
    let mut sent = 0;
    let mut together = Together::new(plan);
    while sent < plan.records {
        let count = together.count.min(plan.records - sent);
        let begun = Instant::now();
        let now = now_ms();
        if plan.transaction_ms.is_some() && transaction.is_none() {
            producer.begin_transaction().map_err(java)?;
            transaction = Some(now);
        }
        let tag = usize::try_from(now).unwrap_or(0);
        match payloads.next(sent, count) {
            Made::Kept(mut records) => {
                records.retain(|payload| fits(payload, max_request, outcome));
                let partition = turns.next(records.iter().map(|payload| payload.len()).sum());
                producer.send(partition, bulk::Payloads::Kept(&records), tag, |e| outcome.refuse(e));
            }
            Made::Lent(mut records) => {
                records.retain(|payload| fits(payload, max_request, outcome));
                let partition = turns.next(records.iter().map(|payload| payload.len()).sum());
                producer.send(partition, bulk::Payloads::Lent(&records), tag, |e| outcome.refuse(e));
            }
        }
        sent += count;
        if let (Some(limit), Some(since)) = (plan.transaction_ms, transaction)
            && limit <= now - since
        {
            producer.commit_transaction().map_err(java)?;
            transaction = None;
        }
        tell_progress(ui, plan, outcome, now)?;
        throttle(plan.throughput, sent - 1, start).await;
        together.adjust(begun.elapsed());
    }
    if transaction.is_some() {
        producer.commit_transaction().map_err(java)?;
    }
    Ok(())
}

/// Whether the record may be sent; if not, it has failed.
fn fits(payload: &[u8], max_request: usize, outcome: &Outcome) -> bool {
    let refusal = record_size::refusal(record_size::of_value(payload.len()), max_request);
    refusal.map(|e| outcome.refuse(e)).is_none()
}

/// Which partition records without keys go to: one for as long as a batch takes to fill, as Java's producer does it
/// (`BuiltInPartitioner`).
pub(super) struct Turns {
    /// Empty: librdkafka's partitioner chooses.
    partitions: Vec<i32>,
    current: i32,
    left_bytes: usize,
    batch_bytes: usize,
    random: SmallRng,
}

impl Turns {
    pub(super) fn new(plan: &Plan, available: Vec<i32>) -> Self {
        let sticky = plan
            .props
            .get("partitioner.class")
            .is_none_or(|class| class.trim().is_empty());
        Turns {
            partitions: if sticky { available } else { Vec::new() },
            current: 0,
            left_bytes: 0,
            batch_bytes: batch_size(&plan.props),
            random: SmallRng::from_os_rng(),
        }
    }

    pub(super) fn next(&mut self, bytes: usize) -> Option<i32> {
        if self.partitions.is_empty() {
            return None;
        }
        if self.left_bytes == 0 {
            self.current = self.partitions[self.random.random_range(0..self.partitions.len())];
            self.left_bytes = self.batch_bytes;
        }
        self.left_bytes = self.left_bytes.saturating_sub(bytes);
        Some(self.current)
    }
}

/// How many records to hand over at a time. They share one look at the clock, so they must not take long.
pub(super) struct Together {
    count: u64,
    most: u64,
}

/// Latencies are told in milliseconds: records handed over together may take a good part of one.
const MOST_TIME_TOGETHER: Duration = Duration::from_micros(500);
const MOST_TOGETHER: u64 = 512;

impl Together {
    fn new(plan: &Plan) -> Self {
        // At a given rate a record goes when its time has come.
        let most = if plan.throughput < 0.0 { MOST_TOGETHER } else { 1 };
        Together { count: 1, most }
    }

    /// As many as can be in that time.
    pub(super) fn unlimited() -> Self {
        Together {
            count: 1,
            most: MOST_TOGETHER,
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn adjust(&mut self, took: Duration) {
        self.count = if took <= MOST_TIME_TOGETHER {
            (self.count * 2).min(self.most)
        } else {
            (self.count / 2).max(1)
        };
    }
}

/// Payloads that stay where they are, and such as are gone after the next ones are made.
pub(super) enum Made<'a> {
    Kept(Vec<&'static [u8]>),
    Lent(Vec<&'a [u8]>),
}

/// Makes payloads without an allocation for each.
pub(super) struct Payloads<'a> {
    kind: &'a Payload,
    random: SmallRng,
    /// Random letters, of which each payload is a window.
    letters: &'static [u8],
    /// The texts of numbers.
    numbers: Vec<u8>,
    at: usize,
    /// How often the letters were gone through; each time the windows begin one letter later.
    passes: usize,
}

/// Letters made in advance: more than any codec looks back within a batch.
const LETTERS: usize = 8 << 20;
/// Letters between two windows.
const SHIFT: usize = 7;

impl<'a> Payloads<'a> {
    pub(super) fn new(kind: &'a Payload) -> Self {
        let mut random = SmallRng::seed_from_u64(0);
        let mut letters = Vec::new();
        if let Payload::Random(size) = kind {
            letters.resize(LETTERS.max(size.saturating_mul(2).saturating_add(SHIFT)), 0);
            fill_letters(&mut random, &mut letters);
        }
        Payloads {
            kind,
            random,
            // librdkafka reads them in place, for as long as the process may last.
            letters: letters.leak(),
            numbers: Vec::new(),
            at: 0,
            passes: 0,
        }
    }

    /// The payloads of the records from the `first`th on.
    pub(super) fn next(&mut self, first: u64, count: u64) -> Made<'_> {
        match self.kind {
            Payload::Random(size) => {
                let mut made = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
                for _ in 0..count {
                    if self.at + size > self.letters.len() {
                        self.passes = (self.passes + 1) % (size.min(&LETTERS) + SHIFT);
                        self.at = self.passes;
                    }
                    made.push(&self.letters[self.at..self.at + size]);
                    self.at += size + SHIFT;
                }
                Made::Kept(made)
            }
            Payload::Chosen(all) => Made::Lent(
                (0..count)
                    .map(|_| all[self.random.random_range(0..all.len())].as_slice())
                    .collect(),
            ),
            Payload::Monotonic => {
                self.numbers.clear();
                let mut ends = Vec::new();
                for n in first..first + count {
                    // Writing to a Vec does not fail.
                    let _ = write!(self.numbers, "{n}");
                    ends.push(self.numbers.len());
                }
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let ranges = starts.zip(ends.iter().copied());
                Made::Lent(ranges.map(|(from, to)| &self.numbers[from..to]).collect())
            }
        }
    }
}

fn tell_progress(ui: &mut Ui, plan: &Plan, outcome: &Outcome, now: i64) -> CliResult {
    // librdkafka's thread holds the lock for a moment only; a line may as well come one record later
    let Some(mut stats) = outcome.stats.try_lock() else {
        return Ok(());
    };
    let (all, steady) = &mut *stats;
    // Once the warm-up is over, only the steady state is told of.
    let warm = plan.warmup > 0 && all.records() > plan.warmup;
    let lines = [
        all.window_line(now, plan.reporting_interval_ms).filter(|_| !warm),
        steady
            .as_mut()
            .and_then(|s| s.window_line(now, plan.reporting_interval_ms)),
    ];
    drop(stats);
    for line in lines.into_iter().flatten() {
        writeln!(ui.out(), "{line}")?;
        ui.flush()?;
    }
    Ok(())
}

/// Capital letters, as Kafka fills its payloads; one random number serves eight of them.
fn fill_letters(random: &mut SmallRng, buffer: &mut [u8]) {
    for chunk in buffer.chunks_mut(8) {
        let bits = random.random::<u64>().to_le_bytes();
        for (to, from) in chunk.iter_mut().zip(bits) {
            *to = b'A' + from % 26;
        }
    }
}

/// Waits when more records were sent before the last one than the time so far allows: Kafka asks with its index.
async fn throttle(per_second: f64, sent: u64, start_ms: i64) {
    if per_second < 0.0 || sent == 0 {
        return;
    }
    if per_second == 0.0 {
        // Kafka's throttler stops for good at a rate of nothing
        std::future::pending::<()>().await;
    }
    #[allow(clippy::cast_precision_loss)] // counts far below 2^52
    let due_ms = sent as f64 / per_second * 1000.0;
    #[allow(clippy::cast_precision_loss)]
    let ahead_ms = due_ms - (now_ms() - start_ms) as f64;
    if ahead_ms >= 1.0 {
        tokio::time::sleep(Duration::from_secs_f64(ahead_ms / 1000.0)).await;
    }
}

/// `told`: what librdkafka has told of itself, and the producer's age, if metrics are to be printed.
fn report(ui: &mut Ui, plan: &Plan, outcome: &Outcome, told: Option<(Statistics, Duration)>) -> CliResult {
    for e in outcome.errors.lock().iter() {
        ui.say_err(&e.to_string())?;
    }
    let failed = outcome.failed.load(Ordering::Relaxed);
    if failed > ERRORS_TOLD as u64 {
        ui.say_err(&format!("{failed} records failed"))?;
    }
    let now = now_ms();
    let mut stats = outcome.stats.lock();
    let (all, steady) = &mut *stats;
    writeln!(ui.out(), "{}", all.total_line(now))?;
    if let Some(s) = steady {
        writeln!(ui.out(), "{}", s.total_line(now))?;
    }
    if let Some((told, age)) = told {
        let mut table = Metrics::new(plan.props.get("client.id").unwrap_or_default(), age);
        let sent = Sent {
            topic: &plan.topic,
            records: all.records(),
            failed,
            record_bytes: outcome
                .record_bytes
                .as_ref()
                .map(|bytes| *bytes.lock())
                .unwrap_or_default(),
        };
        metrics::producer(&mut table, &told, &sent);
        table.print(ui.out())?;
    }
    if failed > 0 {
        Err(CliError::told_quietly())
    } else {
        Ok(())
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(payloads: Made<'_>) -> Vec<&[u8]> {
        match payloads {
            Made::Kept(payloads) => payloads,
            Made::Lent(payloads) => payloads,
        }
    }

    #[test]
    fn payloads_are_of_their_size_and_differ() {
        for size in [1, 100, 5 << 20] {
            let kind = Payload::Random(size);
            let mut payloads = Payloads::new(&kind);
            let mut seen = std::collections::HashSet::new();
            let total = if size == 100 { 200_000 } else { 6 };
            for first in (0..total).step_by(3) {
                for payload in made(payloads.next(first, 3)) {
                    assert_eq!(payload.len(), size);
                    assert!(payload.iter().all(u8::is_ascii_uppercase));
                    seen.insert(payload.to_vec());
                }
            }
            assert!(size != 100 || seen.len() > 190_000, "{} differ", seen.len());
        }
    }

    #[test]
    fn numbers_count_on() {
        let mut payloads = Payloads::new(&Payload::Monotonic);
        assert_eq!(made(payloads.next(0, 2)), [b"0", b"1"]);
        assert_eq!(made(payloads.next(9, 3)), [&b"9"[..], b"10", b"11"]);
    }
}
