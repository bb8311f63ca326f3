//! `kt perf-test compare A.json B.json`: two results side by side.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::summary::{FIGURES, Summary};
use crate::cli::table::Sheet;
use crate::cli::{CliError, CliResult, Ui};

/// Compare two results of `kt perf-test ... -o json`.
///
/// Prints each figure of both and the ratio B/A. For latencies and failures less is better, for rates more is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The result to compare with.
    pub a: PathBuf,
    /// The other result.
    pub b: PathBuf,
    /// Fail when B is worse than A by more than this factor in any figure (1.1: ten percent).
    #[arg(long, value_name = "FACTOR")]
    pub fail_above: Option<f64>,
    /// How to print the figures: table, json, jsonl or csv. Fields: figure, a, b, ratio, better.
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<String>,
}

/// # Errors
/// A file is no such result; the results are of different tools; `--fail-above` was passed by.
pub fn run(ui: &mut Ui, args: &Args) -> CliResult {
    if let Some(format) = &args.output {
        ui.set_format(format)?;
    }
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    if a.tool != b.tool {
        return Err(CliError::failed(format!(
            "{} is of perf-test {}, {} of perf-test {}: nothing to compare",
            args.a.display(),
            a.tool,
            args.b.display(),
            b.tool
        )));
    }
    let mut sheet = Sheet::new(&["figure", "a", "b", "ratio", "better"]);
    let mut worse = Vec::new();
    for row in rows(&a, &b) {
        let better = match row.worse {
            Some(factor) if factor > 1.0 => json!("a"),
            Some(factor) if factor < 1.0 => json!("b"),
            _ => json!(null),
        };
        if let (Some(factor), Some(limit)) = (row.worse, args.fail_above)
            && factor > limit
        {
            worse.push(row.figure);
        }
        sheet.push(vec![
            json!(row.figure),
            json!(round(row.a)),
            json!(round(row.b)),
            json!(row.ratio.map(round)),
            better,
        ]);
    }
    sheet.print(ui)?;
    match worse.as_slice() {
        [] => Ok(()),
        _ => Err(CliError::failed(format!(
            "worse by more than allowed: {}",
            worse.join(", ")
        ))),
    }
}

fn read(path: &Path) -> CliResult<Summary> {
    let no = |why: String| CliError::failed(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| no(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| no(format!("not a result of perf-test -o json: {e}")))
}

#[derive(Debug)]
struct Row {
    figure: &'static str,
    a: f64,
    b: f64,
    /// B/A; `None` where A is 0.
    ratio: Option<f64>,
    /// By which factor B is worse; below 1 it is better.
    worse: Option<f64>,
}

/// The figures that both have.
fn rows(a: &Summary, b: &Summary) -> Vec<Row> {
    let row = |(figure, more_is_better): (&'static str, bool)| {
        let (a, b) = (a.figure(figure)?, b.figure(figure)?);
        let over = |x: f64, y: f64| (y > 0.0).then(|| x / y);
        let worse = match (a > 0.0, b > 0.0) {
            (false, false) => None,
            _ if more_is_better => Some(over(a, b).unwrap_or(f64::INFINITY)),
            _ => Some(over(b, a).unwrap_or(f64::INFINITY)),
        };
        let ratio = over(b, a);
        Some(Row {
            figure,
            a,
            b,
            ratio,
            worse,
        })
    };
    FIGURES.into_iter().filter_map(row).collect()
}

/// Four digits behind the point say enough.
fn round(x: f64) -> f64 {
    (x * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::super::recorder::Recorder;
    use super::*;

    #[test]
    fn less_latency_and_more_throughput_are_better() {
        let mut a = Recorder::with_latencies("producer");
        a.add_latency(1000, 1);
        let mut a = a.finish(1, 0);
        let mut b = a.clone();
        (a.records_per_sec, b.records_per_sec) = (100.0, 200.0);
        if let Some(latency) = &mut b.latency {
            latency.p99_ms *= 3.0;
        }
        let rows = rows(&a, &b);
        let of = |name: &str| rows.iter().find(|r| r.figure == name).expect(name);
        assert_eq!(
            (of("records_per_sec").ratio, of("records_per_sec").worse),
            (Some(2.0), Some(0.5))
        );
        let p99 = of("p99_ms");
        assert!((p99.worse.expect("a latency") - 3.0).abs() < 1e-9);
        assert_eq!((of("failed").ratio, of("failed").worse), (None, None));
    }
}
