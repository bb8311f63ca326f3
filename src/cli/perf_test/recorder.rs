//! What a performance test measures beyond Kafka's own lines: counts by the second, and latencies in a histogram
//! (HdrHistogram) whose percentiles are exact to three digits.

use std::time::Instant;

use hdrhistogram::Histogram;

use super::summary::{Latency, Percentile, Summary, Window};
use crate::cli::ui::Format;
use crate::cli::{Opt, Ui};

/// `--report`, of every performance test.
pub const REPORT_OPT: Opt = Opt::value("report", "FILE")
    .beyond()
    .help("Write a page of HTML with charts of the throughput over time and of the latencies.");

/// Whether Kafka's own lines are wanted; `-o json`, `jsonl` and `csv` print one result instead.
pub fn kafka_text(ui: &Ui) -> bool {
    matches!(ui.format(), Format::Kafka | Format::Table)
}

#[allow(clippy::cast_precision_loss)] // counts far below 2^52
pub fn float(n: u64) -> f64 {
    n as f64
}

/// Kafka's MB: 2^20 bytes.
pub fn megabytes(bytes: u64) -> f64 {
    float(bytes) / (1024.0 * 1024.0)
}

/// How long a window is, in ms.
const WINDOW_MS: u64 = 1000;
/// The longest latency that is told apart, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;
/// Percentiles of a summary's curve.
const CURVE: [f64; 15] = [
    0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 97.5, 99.0, 99.5, 99.9, 99.95, 99.99, 99.999, 100.0,
];

fn histogram(digits: u8) -> Histogram<u64> {
    match Histogram::new_with_bounds(1, LONGEST_US, digits) {
        Ok(histogram) => histogram,
        Err(e) => panic!("bounds that are constants: {e}"),
    }
}

/// Counts records, and how long they took.
#[derive(Debug)]
pub struct Recorder {
    tool: &'static str,
    started: Instant,
    started_ms: i64,
    latencies: Option<Histogram<u64>>,
    windows: Vec<Window>,
    current: Count,
    window_latencies: Option<Histogram<u64>>,
    total: Count,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    records: u64,
    bytes: u64,
}

impl Recorder {
    /// Begins to measure now.
    pub fn new(tool: &'static str) -> Self {
        Self {
            tool,
            started: Instant::now(),
            started_ms: chrono::Utc::now().timestamp_millis(),
            latencies: None,
            windows: Vec::new(),
            current: Count::default(),
            window_latencies: None,
            total: Count::default(),
        }
    }

    /// The same, for a tool that measures latencies.
    pub fn with_latencies(tool: &'static str) -> Self {
        Self {
            latencies: Some(histogram(3)),
            window_latencies: Some(histogram(2)),
            ..Self::new(tool)
        }
    }

    /// So many records came or were acknowledged now.
    pub fn add(&mut self, records: u64, bytes: u64) {
        self.roll();
        for count in [&mut self.current, &mut self.total] {
            count.records += records;
            count.bytes += bytes;
        }
    }

    /// A record was acknowledged or came back now, after so many microseconds.
    pub fn add_latency(&mut self, micros: u64, bytes: u64) {
        self.add(1, bytes);
        for latencies in [&mut self.latencies, &mut self.window_latencies].into_iter().flatten() {
            latencies.saturating_record(micros);
        }
    }

    /// Ends windows that are over.
    fn roll(&mut self) {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        while (self.windows.len() as u64 + 1) * WINDOW_MS <= elapsed {
            self.end_window(WINDOW_MS);
        }
    }

    fn end_window(&mut self, length_ms: u64) {
        let Count { records, bytes } = std::mem::take(&mut self.current);
        let latencies = self.window_latencies.as_mut().filter(|h| !h.is_empty());
        let at = |h: &Histogram<u64>, q: f64| float(h.value_at_quantile(q)) / 1000.0;
        let (p50_ms, p99_ms, max_ms) = match &latencies {
            Some(h) => (Some(at(h, 0.5)), Some(at(h, 0.99)), Some(float(h.max()) / 1000.0)),
            None => (None, None, None),
        };
        self.windows.push(Window {
            from_ms: self.windows.len() as u64 * WINDOW_MS,
            length_ms,
            records,
            bytes,
            p50_ms,
            p99_ms,
            max_ms,
        });
        if let Some(h) = latencies {
            h.reset();
        }
    }

    /// The result: `clients` measured together, `failed` records are not among those counted.
    pub fn finish(mut self, clients: u64, failed: u64) -> Summary {
        let duration_ms = u64::try_from(self.started.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        self.roll();
        let rest = duration_ms.saturating_sub(self.windows.len() as u64 * WINDOW_MS);
        if self.current.records > 0 || self.windows.is_empty() {
            self.end_window(rest.max(1));
        }
        let seconds = float(duration_ms) / 1000.0;
        let latency = self.latencies.filter(|h| !h.is_empty()).map(|h| latency(&h));
        Summary {
            tool: self.tool.to_owned(),
            started_ms: self.started_ms,
            duration_ms,
            clients,
            records: self.total.records,
            bytes: self.total.bytes,
            failed,
            records_per_sec: float(self.total.records) / seconds,
            mb_per_sec: megabytes(self.total.bytes) / seconds,
            latency_from: None,
            rebalance_ms: None,
            latency,
            windows: self.windows,
        }
    }
}

fn latency(h: &Histogram<u64>) -> Latency {
    let at = |percent: f64| float(h.value_at_quantile(percent / 100.0)) / 1000.0;
    Latency {
        min_ms: float(h.min()) / 1000.0,
        mean_ms: h.mean() / 1000.0,
        p50_ms: at(50.0),
        p90_ms: at(90.0),
        p95_ms: at(95.0),
        p99_ms: at(99.0),
        p999_ms: at(99.9),
        p9999_ms: at(99.99),
        max_ms: float(h.max()) / 1000.0,
        percentiles: CURVE
            .into_iter()
            .map(|percent| Percentile {
                percent,
                ms: at(percent),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut recorder = Recorder::with_latencies("producer");
        for ms in 1..=1000 {
            recorder.add_latency(ms * 1000, 10);
        }
        let summary = recorder.finish(1, 2);
        assert_eq!((summary.records, summary.bytes, summary.failed), (1000, 10_000, 2));
        assert_eq!(summary.windows.iter().map(|w| w.records).sum::<u64>(), 1000);
        let latency = summary.latency.expect("latencies");
        for (told, real) in [
            (latency.p50_ms, 500.0),
            (latency.p99_ms, 990.0),
            (latency.p999_ms, 999.0),
            (latency.max_ms, 1000.0),
        ] {
            assert!((told - real).abs() / real < 0.002, "{told} for {real}");
        }
    }
}
