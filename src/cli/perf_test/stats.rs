//! Latencies and rates as Kafka's producer performance test counts and prints them.

/// Kafka keeps a sample of at most so many latencies.
const MAX_SAMPLES: u64 = 500_000;

/// Counts since a start, and since the last line printed.
#[derive(Debug)]
pub struct Stats {
    start_ms: i64,
    window_start_ms: i64,
    sampling: u64,
    latencies_ms: Vec<u32>,
    total: Count,
    window: Count,
    steady: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    records: u64,
    bytes: u64,
    latency_sum_ms: u64,
    latency_max_ms: u32,
}

impl Count {
    fn add(&mut self, latency_ms: u32, bytes: u64) {
        self.records += 1;
        self.bytes += bytes;
        self.latency_sum_ms += u64::from(latency_ms);
        self.latency_max_ms = self.latency_max_ms.max(latency_ms);
    }

    #[allow(clippy::cast_precision_loss)] // counts far below 2^52
    fn rates(&self, elapsed_ms: i64) -> (f64, f64, f64) {
        let elapsed = elapsed_ms as f64;
        let mb = 1000.0 * self.bytes as f64 / elapsed / (1024.0 * 1024.0);
        (
            1000.0 * self.records as f64 / elapsed,
            mb,
            self.latency_sum_ms as f64 / self.records as f64,
        )
    }
}

impl Stats {
    /// `records`: how many will come; `steady`: these come after a warm-up.
    pub fn new(records: u64, now_ms: i64, steady: bool) -> Self {
        let sampling = (records / records.clamp(1, MAX_SAMPLES)).max(1);
        Self {
            start_ms: now_ms,
            window_start_ms: now_ms,
            sampling,
            latencies_ms: Vec::with_capacity(usize::try_from(records / sampling + 1).unwrap_or(0)),
            total: Count::default(),
            window: Count::default(),
            steady,
        }
    }

    /// A record of `bytes` was acknowledged `latency_ms` after it was sent.
    pub fn record(&mut self, latency_ms: u32, bytes: u64) {
        if self.total.records.is_multiple_of(self.sampling) {
            self.latencies_ms.push(latency_ms);
        }
        self.total.add(latency_ms, bytes);
        self.window.add(latency_ms, bytes);
    }

    pub fn records(&self) -> u64 {
        self.total.records
    }

    /// The progress line, if `interval_ms` has passed since the last one; a new window begins then.
    pub fn window_line(&mut self, now_ms: i64, interval_ms: i64) -> Option<String> {
        let elapsed = now_ms - self.window_start_ms;
        if elapsed < interval_ms || self.window.records == 0 {
            return None;
        }
        let (records, mb, average) = self.window.rates(elapsed);
        let first = self.total.records == self.window.records;
        let w = std::mem::take(&mut self.window);
        self.window_start_ms = now_ms;
        let max = f64::from(w.latency_max_ms);
        let begins = if self.steady && first { "In steady state.\n" } else { "" };
        Some(format!(
            "{begins}{} records sent, {records:.1} records/sec ({mb:.2} MB/sec), {average:.1} ms avg latency, {max:.1} ms max latency.",
            w.records
        ))
    }

    /// The last line.
    pub fn total_line(&mut self, now_ms: i64) -> String {
        let (records, mb, average) = self.total.rates((now_ms - self.start_ms).max(1));
        self.latencies_ms.sort_unstable();
        let size = self.latencies_ms.len();
        let percentile = |thousandths: usize| self.latencies_ms.get(size * thousandths / 1000).copied().unwrap_or(0);
        let kind = if self.steady {
            "steady state records sent"
        } else {
            "records sent"
        };
        format!(
            "{} {kind}, {} records/sec ({} MB/sec), {} ms avg latency, {} ms max latency, {} ms 50th, {} ms 95th, {} ms 99th, {} ms 99.9th.",
            self.total.records,
            java_fixed(records, 6),
            java_fixed(mb, 2),
            java_fixed(average, 2),
            java_fixed(f64::from(self.total.latency_max_ms), 2),
            percentile(500),
            percentile(950),
            percentile(990),
            percentile(999)
        )
    }
}

/// Java's `%.Nf`: `NaN` and `Infinity` by these names.
pub fn java_fixed(x: f64, decimals: usize) -> String {
    if x.is_nan() {
        "NaN".to_string()
    } else if x.is_infinite() {
        if x > 0.0 { "Infinity" } else { "-Infinity" }.to_string()
    } else {
        format!("{x:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_kafkas() {
        let mut s = Stats::new(4, 1000, false);
        for ms in [1, 2, 3, 10] {
            s.record(ms, 1024 * 1024);
        }
        assert_eq!(s.window_line(2999, 5000), None);
        assert_eq!(
            s.window_line(3000, 2000).unwrap(),
            "4 records sent, 2.0 records/sec (2.00 MB/sec), 4.0 ms avg latency, 10.0 ms max latency."
        );
        assert_eq!(
            s.total_line(3000),
            "4 records sent, 2.000000 records/sec (2.00 MB/sec), 4.00 ms avg latency, 10.00 ms max latency, 3 ms 50th, 10 ms 95th, 10 ms 99th, 10 ms 99.9th."
        );
    }

    #[test]
    fn the_first_steady_window_is_announced() {
        let mut s = Stats::new(4, 0, true);
        s.record(1, 1);
        let line = s.window_line(1000, 1000).unwrap();
        assert!(
            line.starts_with("In steady state.\n1 records sent, 1.0 records/sec"),
            "{line}"
        );
        s.record(1, 1);
        assert!(s.window_line(2000, 1000).unwrap().starts_with("1 records sent"));
    }

    #[test]
    fn nothing_sent_is_not_a_number() {
        assert!(
            Stats::new(1, 0, false)
                .total_line(10)
                .starts_with("0 records sent, 0.000000 records/sec (0.00 MB/sec), NaN ms avg")
        );
    }
}
