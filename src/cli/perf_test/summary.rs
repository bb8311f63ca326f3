//! A performance test's result as one object: what `-o json` prints, `--report` draws and `perf-test compare` reads. The
//! names of its fields are stable.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::report;
use crate::cli::table::Sheet;
use crate::cli::ui::Format;
use crate::cli::{CliError, CliResult, Ui};

/// What a run measured. Times in ms, `mb` is 2^20 bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// `producer`, `consumer`, `share-consumer` or `e2e-latency`.
    pub tool: String,
    /// Since 1970.
    pub started_ms: i64,
    pub duration_ms: u64,
    /// How many clients worked at once; the counts are of all of them.
    pub clients: u64,
    pub records: u64,
    /// Of keys and values.
    pub bytes: u64,
    pub failed: u64,
    pub records_per_sec: f64,
    pub mb_per_sec: f64,
    /// `send` or `intended` (`--latency-from`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_from: Option<String>,
    /// From the start to the first assignment of partitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Second by second.
    pub windows: Vec<Window>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Latency {
    pub min_ms: f64,
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub p9999_ms: f64,
    pub max_ms: f64,
    /// The whole curve.
    pub percentiles: Vec<Percentile>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Percentile {
    pub percent: f64,
    pub ms: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Window {
    /// Since the start.
    pub from_ms: u64,
    pub length_ms: u64,
    pub records: u64,
    pub bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<f64>,
}

/// The figures that are compared: their names, and whether more is better.
pub const FIGURES: [(&str, bool); 9] = [
    ("records_per_sec", true),
    ("mb_per_sec", true),
    ("mean_ms", false),
    ("p50_ms", false),
    ("p95_ms", false),
    ("p99_ms", false),
    ("p999_ms", false),
    ("max_ms", false),
    ("failed", false),
];

impl Summary {
    /// One of [`FIGURES`]; `None` where it was not measured.
    pub fn figure(&self, name: &str) -> Option<f64> {
        let latency = self.latency.as_ref();
        match name {
            "records_per_sec" => Some(self.records_per_sec),
            "mb_per_sec" => Some(self.mb_per_sec),
            "failed" => Some(super::recorder::float(self.failed)),
            "mean_ms" => latency.map(|l| l.mean_ms),
            "p50_ms" => latency.map(|l| l.p50_ms),
            "p95_ms" => latency.map(|l| l.p95_ms),
            "p99_ms" => latency.map(|l| l.p99_ms),
            "p999_ms" => latency.map(|l| l.p999_ms),
            "max_ms" => latency.map(|l| l.max_ms),
            _ => None,
        }
    }

    /// Prints the result where `-o` asks for it, and writes the page where `--report` does.
    ///
    /// # Errors
    /// The page cannot be written.
    pub fn tell(&self, ui: &mut Ui, page: Option<&str>) -> CliResult {
        match ui.format() {
            Format::Json => {
                serde_json::to_writer_pretty(&mut *ui.out(), self).map_err(|e| CliError::Io(e.into()))?;
                writeln!(ui.out())?;
            }
            Format::Jsonl => {
                serde_json::to_writer(&mut *ui.out(), self).map_err(|e| CliError::Io(e.into()))?;
                writeln!(ui.out())?;
            }
            Format::Csv => self.sheet().print(ui)?,
            Format::Kafka | Format::Table => {}
        }
        if let Some(file) = page {
            let html = report::page(self);
            std::fs::write(Path::new(file), html).map_err(|e| CliError::failed(format!("{file}: {e}")))?;
            ui.say_err(&format!("wrote {file}"))?;
        }
        Ok(())
    }

    /// The same in one row, without the curve and the windows.
    fn sheet(&self) -> Sheet {
        let mut columns = vec!["tool", "started_ms", "duration_ms", "clients", "records", "bytes"];
        let mut row = vec![
            json!(self.tool),
            json!(self.started_ms),
            json!(self.duration_ms),
            json!(self.clients),
            json!(self.records),
            json!(self.bytes),
        ];
        for (name, _) in FIGURES {
            columns.push(name);
            row.push(self.figure(name).map_or(Value::Null, |x| json!(x)));
        }
        let mut sheet = Sheet::new(&columns);
        sheet.push(row);
        sheet
    }
}
