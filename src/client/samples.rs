//! How many, how much together, and the largest: what averages and maxima are made of (Kafka: `Avg`, `Max`).

/// Times, sizes or counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Samples {
    pub count: u64,
    pub sum: f64,
    pub max: f64,
}

impl Samples {
    /// One more.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.max = self.max.max(value);
    }

    /// Those of another as well.
    pub fn merge(&mut self, other: &Samples) {
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// NaN of none, as Java's `Avg`.
    pub fn mean(&self) -> f64 {
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let count = self.count as f64;
        self.sum / count
    }

    /// NaN of none, as Java's `Max`.
    pub fn largest(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.max }
    }
}
