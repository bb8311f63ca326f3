//! What `kt perf-test consumer` does beyond the script: several members of the group at once, and a time in place of a
//! number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::Local;
use parking_lot::Mutex;
use tokio::signal::unix::{SignalKind, signal};

use super::consumer::{Event, Read, Reader, Test, columns};
use super::recorder::{Recorder, kafka_text};
use super::unconstructed;
use crate::cli::{CliError, CliResult, Opt, Parsed, Ui};
use crate::client::props::Properties;

pub const CLIENTS_OPT: Opt = Opt::value("clients", "Integer: count")
    .beyond()
    .help("So many consumers of the group at once; their figures are summed.");
pub const DURATION_OPT: Opt = Opt::value("duration", "String: time")
    .beyond()
    .help("Read for so long (30s, 5m), in place of --num-records or up to it.");

/// The options of this file, read.
#[derive(Clone, Copy, Debug)]
pub struct Beyond {
    clients: u64,
    duration: Option<Duration>,
}

impl Beyond {
    /// `None` if there are none.
    ///
    /// # Errors
    /// A value that means nothing.
    pub fn of(opts: &Parsed) -> CliResult<Option<Self>> {
        let clients = opts.parsed::<u64>("clients")?;
        let duration = opts.value("duration")?;
        if clients.is_none() && duration.is_none() {
            return Ok(None);
        }
        let clients = clients.unwrap_or(1);
        if !(1..=1000).contains(&clients) {
            return Err(CliError::usage(format!("--clients {clients}: a number from 1 to 1000")));
        }
        let parse = |text: &str| {
            humantime::parse_duration(text).map_err(|e| CliError::usage(format!("--duration {text}: {e}")))
        };
        let duration = duration.map(parse).transpose()?;
        Ok(Some(Self { clients, duration }))
    }
}

/// What all consumers share.
struct Shared {
    recorder: Mutex<Recorder>,
    records: AtomicU64,
    /// Above which nothing is read any more.
    wanted: u64,
    idle: Duration,
    started: Instant,
    duration: Option<Duration>,
    stop: AtomicBool,
}

impl Shared {
    fn goes_on(&self) -> bool {
        let in_time = self.duration.is_none_or(|d| self.started.elapsed() < d);
        in_time && !self.stop.load(Ordering::Relaxed) && self.records.load(Ordering::Relaxed) < self.wanted
    }
}

/// How often a consumer without records looks whether it is to end.
const LOOK: Duration = Duration::from_millis(50);

/// What to do.
pub(super) struct Job<'a> {
    pub opts: &'a Parsed,
    pub test: &'a Test,
    pub props: &'a Properties,
    pub topic: &'a str,
    pub beyond: Beyond,
}

/// Reads with several consumers, or for a time, and tells the result.
///
/// # Errors
/// A consumer cannot be made, or gives up.
pub(super) async fn run(ui: &mut Ui, job: Job<'_>) -> CliResult {
    let Job {
        opts,
        test,
        props,
        topic,
        beyond,
    } = job;
    let wanted = match (opts.has("num-records") || opts.has("messages"), test.wanted()) {
        (false, _) => u64::MAX,
        (true, wanted) => wanted,
    };
    let (start, started) = (Local::now(), Instant::now());
    let shared = Arc::new(Shared {
        recorder: Mutex::new(Recorder::new("consumer")),
        records: AtomicU64::new(0),
        wanted,
        idle: Duration::from_millis(u64::try_from(test.timeout_ms).unwrap_or(0)),
        started,
        duration: beyond.duration,
        stop: AtomicBool::new(false),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut reads = Vec::new();
    for index in 0..beyond.clients {
        let mut props = props.clone();
        if let (Some(id), true) = (props.get("client.id").map(str::to_owned), beyond.clients > 1) {
            props.set("client.id", format!("{id}-{}", index + 1));
        }
        let reader = Reader::join(&props, topic).map_err(|e| unconstructed("consumer", e))?;
        reads.push(runtime.spawn(read(shared.clone(), reader)));
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut all = futures::future::join_all(reads);
    let ended = tokio::select! {
        ended = &mut all => ended,
        _ = interrupt.recv() => {
            shared.stop.store(true, Ordering::Relaxed);
            all.await
        }
    };
    let (end, elapsed) = (Local::now(), started.elapsed());
    let recorder = std::mem::replace(&mut *shared.recorder.lock(), Recorder::new("consumer"));
    runtime.shutdown_background();
    let mut total = Read::default();
    for one in ended {
        let one = one.map_err(|e| CliError::failed(e.to_string()))??;
        total.records += one.records;
        total.bytes += one.bytes;
        total.join = total.join.max(one.join);
    }
    if kafka_text(ui) {
        let times = format!("{}, {}", test.format.text(&start), test.format.text(&end));
        let fetch = elapsed.saturating_sub(total.join);
        writeln!(ui.out(), "{times}, {}", columns(&total, elapsed, total.join, fetch))?;
    }
    let mut summary = recorder.finish(beyond.clients, 0);
    summary.rebalance_ms = u64::try_from(total.join.as_millis()).ok();
    summary.tell(ui, opts.value("report")?)?;
    if total.records < wanted && beyond.duration.is_none() {
        Err(CliError::told_quietly())
    } else {
        Ok(())
    }
}

/// One consumer: what it read, and how long it took to get partitions.
async fn read(shared: Arc<Shared>, mut reader: Reader) -> CliResult<Read> {
    let mut read = Read::default();
    let mut last = Instant::now();
    while shared.goes_on() && last.elapsed() <= shared.idle {
        let Ok(event) = tokio::time::timeout(LOOK, reader.next()).await else {
            continue;
        };
        match event? {
            Event::Assigned if read.join.is_zero() => read.join = shared.started.elapsed(),
            Event::Assigned => {}
            Event::Fetched(fetched) => {
                let before = read;
                let next = read
                    .take(&fetched, u64::MAX)
                    .map_err(|e| CliError::failed(e.to_string()))?;
                reader.set_position(&fetched.partition, next);
                let records = read.records - before.records;
                shared.records.fetch_add(records, Ordering::Relaxed);
                shared.recorder.lock().add(records, read.bytes - before.bytes);
                if records > 0 {
                    last = Instant::now();
                }
            }
        }
    }
    // Commits, and leaves the group: librdkafka does it on this thread.
    let closed = tokio::task::spawn_blocking(move || reader.close()).await;
    closed.map_err(|e| CliError::failed(e.to_string()))?;
    Ok(read)
}
