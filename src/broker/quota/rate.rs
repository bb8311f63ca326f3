//! How much was done lately (Kafka: `Rate` over `SampledStat`, `TokenBucket`), reckoned with a clock that is given.

use std::collections::VecDeque;

/// `*quota.window.num` and `*quota.window.size.seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    pub samples: i64,
    pub size_ms: i64,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    start_ms: i64,
    last_ms: i64,
    value: f64,
}

/// A sum over the samples kept, per second.
#[derive(Debug, Default)]
pub struct SampledRate(VecDeque<Sample>);

impl SampledRate {
    /// Adds to the present sample, or begins the next when its time is over.
    pub fn record(&mut self, windows: Windows, value: f64, now_ms: i64) {
        let is_complete = |s: &Sample| now_ms - s.start_ms >= windows.size_ms;
        if self.0.back().is_none_or(is_complete) {
            self.0.push_back(Sample {
                start_ms: now_ms,
                last_ms: now_ms,
                value: 0.0,
            });
        }
        if let Some(sample) = self.0.back_mut() {
            sample.value += value;
            sample.last_ms = now_ms;
        }
        self.purge(windows, now_ms);
    }

    fn purge(&mut self, windows: Windows, now_ms: i64) {
        let age = windows.samples * windows.size_ms;
        while self.0.front().is_some_and(|s| now_ms - s.last_ms >= age) {
            self.0.pop_front();
        }
    }

    /// Over how long the rate is reckoned: what has passed since the oldest sample began, filled up to all windows but
    /// one, so that a burst after silence does not look like a rate.
    pub fn window_ms(&mut self, windows: Windows, now_ms: i64) -> i64 {
        self.purge(windows, now_ms);
        let elapsed = self.0.front().map_or(0, |s| now_ms - s.start_ms);
        let missing = (windows.samples - 1 - elapsed / windows.size_ms).max(0);
        (elapsed + missing * windows.size_ms).max(1)
    }

    /// Per second.
    pub fn rate(&mut self, windows: Windows, now_ms: i64) -> f64 {
        let window_ms = self.window_ms(windows, now_ms);
        let sum: f64 = self.0.iter().map(|s| s.value).sum();
        sum / (window_ms as f64 / 1000.0)
    }

    /// How long to be quiet until the rate is at the limit again, in milliseconds; 0 if it is not above it.
    pub fn throttle_ms(&mut self, windows: Windows, limit: f64, now_ms: i64) -> i64 {
        let rate = self.rate(windows, now_ms);
        if rate <= limit {
            return 0;
        }
        let window_ms = self.window_ms(windows, now_ms) as f64;
        to_ms((rate - limit) / limit * window_ms)
    }

    pub fn is_idle(&mut self, windows: Windows, now_ms: i64) -> bool {
        self.purge(windows, now_ms);
        self.0.is_empty()
    }
}

/// Rounded as Java does; a quota near 0 makes a very long time, not a wrong one.
fn to_ms(ms: f64) -> i64 {
    ms.round().clamp(0.0, f64::from(i32::MAX)) as i64
}

/// Tokens that come in at the limit's rate, up to what comes in over all windows; who takes more than there are is in
/// debt (KIP-599).
#[derive(Debug, Default)]
pub struct TokenBucket {
    tokens: f64,
    last_ms: i64,
}

impl TokenBucket {
    fn refill(&mut self, windows: Windows, limit: f64, now_ms: i64) {
        let burst = limit * (windows.samples * windows.size_ms) as f64 / 1000.0;
        let passed = (now_ms - self.last_ms).max(0) as f64 / 1000.0;
        self.tokens = (self.tokens + limit * passed).min(burst);
        self.last_ms = now_ms;
    }

    pub fn take(&mut self, windows: Windows, limit: f64, permits: f64, now_ms: i64) {
        self.refill(windows, limit, now_ms);
        self.tokens -= permits;
    }

    /// How long until the debt is paid, in milliseconds; 0 if there is none.
    pub fn throttle_ms(&mut self, windows: Windows, limit: f64, now_ms: i64) -> i64 {
        self.refill(windows, limit, now_ms);
        if self.tokens >= 0.0 {
            return 0;
        }
        to_ms(-self.tokens / limit * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: Windows = Windows {
        samples: 11,
        size_ms: 1000,
    };

    /// Kafka's own example (`ClientQuotaManagerTest`): 400 bytes a second for ten seconds are 500 at a time, then one
    /// sample of 2300 makes 2100 ms.
    #[test]
    fn a_burst_is_paid_for() {
        let mut rate = SampledRate::default();
        let mut now = 0;
        for _ in 0..10 {
            rate.record(WINDOWS, 400.0, now);
            assert_eq!(rate.throttle_ms(WINDOWS, 500.0, now), 0);
            now += 1000;
        }
        now += 500;
        rate.record(WINDOWS, 2300.0, now);
        // 10.5 s since the first sample: (6300 / 10.5 - 500) / 500 * 10.5 s
        assert_eq!(rate.throttle_ms(WINDOWS, 500.0, now), 2100);
        now += 2100;
        for _ in 0..10 {
            rate.record(WINDOWS, 400.0, now);
            now += 1000;
        }
        assert_eq!(rate.throttle_ms(WINDOWS, 500.0, now), 0);
    }

    #[test]
    fn the_first_sample_counts_over_all_windows() {
        let mut rate = SampledRate::default();
        rate.record(WINDOWS, 10_000.0, 5);
        assert!((rate.rate(WINDOWS, 5) - 1000.0).abs() < 1e-9);
        assert_eq!(rate.throttle_ms(WINDOWS, 1000.0, 5), 0);
        rate.record(WINDOWS, -10_000.0, 6);
        assert!(rate.rate(WINDOWS, 6).abs() < 1e-9, "what was not sent does not count");
        assert!(!rate.is_idle(WINDOWS, 7));
        assert!(rate.is_idle(WINDOWS, 5 + 11_000 + 1));
    }

    /// Kafka's own example (`TokenBucketTest`): five a second, for ten seconds.
    #[test]
    fn debts_are_paid_at_the_rate() {
        let windows = Windows {
            samples: 10,
            size_ms: 1000,
        };
        let mut bucket = TokenBucket::default();
        let start = 1_000_000;
        bucket.take(windows, 5.0, 60.0, start);
        assert_eq!(bucket.throttle_ms(windows, 5.0, start), 2000);
        assert_eq!(bucket.throttle_ms(windows, 5.0, start + 2000), 0);
        bucket.take(windows, 5.0, 25.0, start + 7000);
        assert_eq!(bucket.throttle_ms(windows, 5.0, start + 7000), 0);
        bucket.take(windows, 5.0, 1.0, start + 7000);
        assert_eq!(bucket.throttle_ms(windows, 5.0, start + 7000), 200);
    }
}
