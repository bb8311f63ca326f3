//! The page that `--report` writes: one file of HTML with its charts drawn as SVG, nothing loaded from elsewhere, no scripts.

use std::fmt::Write as _;

use super::recorder::{float, megabytes};
use super::summary::{Summary, Window};

const STYLE: &str = "
:root { --ink: #1d2733; --soft: #5b6775; --line: #d8dee6; --a: #2563a8; --b: #c2571a; --c: #6b7280; --back: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --soft: #9aa5b1; --line: #37414d; --a: #6ea8e8; --b: #f0995c; --c: #9ca3af; --back: #12171d; }
}
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .3rem; }
p.when { color: var(--soft); margin: .2rem 0 1.2rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .8rem; margin: 0; }
dl div { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .7rem; }
dt { color: var(--soft); font-size: .8rem; } dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; } text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.grid { stroke: var(--line); stroke-width: 1; } .axis { stroke: var(--soft); stroke-width: 1; }
.a { stroke: var(--a); } .b { stroke: var(--b); } .c { stroke: var(--c); } .series { fill: none; stroke-width: 2; stroke-linejoin: round; }
.dot.a { fill: var(--a); } .dot.b { fill: var(--b); } .dot.c { fill: var(--c); }
.area { fill: var(--a); opacity: .12; stroke: none; }
";

/// The page of one result.
pub fn page(summary: &Summary) -> String {
    let mut html = String::new();
    let title = format!("kt perf-test {}", escape(&summary.tool));
    let when = chrono::DateTime::from_timestamp_millis(summary.started_ms).unwrap_or_default();
    let when = when.format("%Y-%m-%d %H:%M:%S UTC");
    let _ = write!(
        html,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n\
         <p class=\"when\">{when}, {} ms, {} client(s)</p>\n<dl>",
        summary.duration_ms, summary.clients
    );
    for (name, value) in tiles(summary) {
        let _ = write!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    html.push_str("</dl>\n");
    html.push_str("<h2>Throughput over time (records/s)</h2>\n");
    html.push_str(&throughput(&summary.windows));
    let timed: Vec<&Window> = summary.windows.iter().filter(|w| w.p50_ms.is_some()).collect();
    if !timed.is_empty() {
        html.push_str("<h2>Latency over time (ms)</h2>\n");
        html.push_str(&latency_over_time(&timed));
    }
    if let Some(latency) = &summary.latency {
        let from = match summary.latency_from.as_deref() {
            Some("intended") => ", from the time a record was due",
            _ => "",
        };
        let _ = writeln!(html, "<h2>Latency by percentile (ms{from})</h2>");
        let points: Vec<(f64, f64)> = latency.percentiles.iter().map(|p| (p.percent, p.ms)).collect();
        html.push_str(&percentiles(&points));
    }
    html.push_str("</body></html>\n");
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn tiles(s: &Summary) -> Vec<(&'static str, String)> {
    let mut tiles = vec![
        ("records", s.records.to_string()),
        ("records/s", short(s.records_per_sec)),
        ("MB/s", short(s.mb_per_sec)),
        ("failed", s.failed.to_string()),
    ];
    if let Some(l) = &s.latency {
        for (name, ms) in [
            ("mean", l.mean_ms),
            ("p50", l.p50_ms),
            ("p95", l.p95_ms),
            ("p99", l.p99_ms),
            ("p99.9", l.p999_ms),
            ("max", l.max_ms),
        ] {
            tiles.push((name, format!("{} ms", short(ms))));
        }
    }
    tiles
}

/// Three digits that count, with k, M or G.
fn short(x: f64) -> String {
    let (scaled, unit) = match x.abs() {
        a if a >= 1e9 => (x / 1e9, "G"),
        a if a >= 1e6 => (x / 1e6, "M"),
        a if a >= 1e4 => (x / 1e3, "k"),
        _ => (x, ""),
    };
    let decimals = match scaled.abs() {
        a if a >= 100.0 || a == 0.0 => 0,
        a if a >= 10.0 => 1,
        a if a >= 1.0 => 2,
        _ => 3,
    };
    format!("{scaled:.decimals$}{unit}")
}

/// The same for the round numbers of an axis: no zeros behind the point.
fn round(x: f64) -> String {
    let text = short(x);
    let digits = text.trim_end_matches(['k', 'M', 'G']);
    let unit = &text[digits.len()..];
    match digits.contains('.') {
        true => format!("{}{unit}", digits.trim_end_matches('0').trim_end_matches('.')),
        false => text,
    }
}

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 34.0;

/// A drawing with its axes; y begins at 0.
struct Chart {
    svg: String,
    x_from: f64,
    x_to: f64,
    y_to: f64,
}

impl Chart {
    fn new(label: &str, (x_from, x_to): (f64, f64), y_most: f64) -> Self {
        let step = nice_step(y_most);
        let y_to = ((y_most / step).ceil() * step).max(step);
        let mut chart = Self {
            svg: format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">"),
            x_from,
            x_to: if x_to > x_from { x_to } else { x_from + 1.0 },
            y_to,
        };
        let mut y = 0.0;
        while y <= y_to * 1.0001 {
            let at = chart.y(y);
            let class = if y == 0.0 { "axis" } else { "grid" };
            let _ = write!(
                chart.svg,
                "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                at + 4.0,
                round(y)
            );
            y += step;
        }
        chart
    }

    fn x(&self, x: f64) -> f64 {
        LEFT + (x - self.x_from) / (self.x_to - self.x_from) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - y / self.y_to * (HEIGHT - TOP - BOTTOM)
    }

    fn tick(&mut self, x: f64, label: &str) {
        let at = self.x(x);
        let _ = write!(
            self.svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            HEIGHT - BOTTOM + 18.0
        );
    }

    fn points(&self, points: &[(f64, f64)]) -> String {
        let one = |(x, y): &(f64, f64)| format!("{:.1},{:.1}", self.x(*x), self.y(*y));
        points.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        let all = self.points(points);
        let _ = write!(self.svg, "<polyline class=\"series {class}\" points=\"{all}\"/>");
        if points.len() <= 60 {
            for (x, y) in points {
                let _ = write!(
                    self.svg,
                    "<circle class=\"dot {class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>",
                    self.x(*x),
                    self.y(*y)
                );
            }
        }
    }

    fn area(&mut self, points: &[(f64, f64)]) {
        if let (Some(first), Some(last)) = (points.first(), points.last()) {
            let ends = self.points(&[(last.0, 0.0), (first.0, 0.0)]);
            let all = self.points(points);
            let _ = write!(self.svg, "<polygon class=\"area\" points=\"{all} {ends}\"/>");
        }
    }

    /// Names of the lines, at the top.
    fn legend(&mut self, names: &[(&str, &str)]) {
        for (index, (class, name)) in names.iter().enumerate() {
            #[allow(clippy::cast_precision_loss)] // a handful
            let x = LEFT + index as f64 * 90.0;
            let _ = write!(
                self.svg,
                "<circle class=\"dot {class}\" cx=\"{:.1}\" cy=\"9\" r=\"4\"/><text x=\"{:.1}\" y=\"13\">{name}</text>",
                x + 4.0,
                x + 14.0
            );
        }
    }

    fn end(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

/// A round step that cuts 0 to `most` into about five parts.
fn nice_step(most: f64) -> f64 {
    let rough = (most / 5.0).max(1e-6);
    let power = 10f64.powf(rough.log10().floor());
    let lead = rough / power;
    let lead = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|l| lead <= *l + 1e-9);
    lead.unwrap_or(10.0) * power
}

/// The middle of a window, in seconds.
fn middle(w: &Window) -> f64 {
    (float(w.from_ms) + float(w.length_ms) / 2.0) / 1000.0
}

fn time_ticks(chart: &mut Chart, seconds: f64) {
    let step = nice_step(seconds).max(0.1);
    let mut x = 0.0;
    while x <= seconds * 1.0001 {
        chart.tick(x, &format!("{} s", round(x)));
        x += step;
    }
}

/// The end of the last window, in seconds.
fn end_of(windows: &[&Window]) -> f64 {
    windows.last().map_or(0.0, |w| float(w.from_ms + w.length_ms) / 1000.0)
}

fn throughput(windows: &[Window]) -> String {
    let all: Vec<&Window> = windows.iter().collect();
    let rate = |w: &&Window| (middle(w), float(w.records) * 1000.0 / float(w.length_ms.max(1)));
    let points: Vec<(f64, f64)> = all.iter().map(rate).collect();
    let most = points.iter().map(|p| p.1).fold(0.0, f64::max);
    let mut chart = Chart::new("records per second over time", (0.0, end_of(&all)), most);
    time_ticks(&mut chart, end_of(&all));
    chart.area(&points);
    chart.line("a", &points);
    let bytes: u64 = windows.iter().map(|w| w.bytes).sum();
    let records: u64 = windows.iter().map(|w| w.records).sum();
    let _ = write!(
        chart.svg,
        "<text x=\"{LEFT}\" y=\"13\">{} records, {} MB</text>",
        records,
        short(megabytes(bytes))
    );
    chart.end()
}

fn latency_over_time(windows: &[&Window]) -> String {
    let series = |of: fn(&Window) -> Option<f64>| -> Vec<(f64, f64)> {
        windows.iter().filter_map(|w| Some((middle(w), of(w)?))).collect()
    };
    let lines = [
        ("a", series(|w| w.p50_ms)),
        ("b", series(|w| w.p99_ms)),
        ("c", series(|w| w.max_ms)),
    ];
    let most = lines.iter().flat_map(|(_, l)| l).map(|p| p.1).fold(0.0, f64::max);
    let mut chart = Chart::new("latency over time", (0.0, end_of(windows)), most);
    time_ticks(&mut chart, end_of(windows));
    for (class, points) in lines.iter().rev() {
        chart.line(class, points);
    }
    chart.legend(&[("a", "p50"), ("b", "p99"), ("c", "max")]);
    chart.end()
}

/// Percentiles stand by how rare it is to be slower: 90, 99 and 99.9 are as far apart as each other.
fn percentiles(points: &[(f64, f64)]) -> String {
    let rarity = |percent: f64| -((100.0 - percent).max(0.001) / 100.0).log10();
    let most = points.iter().map(|p| p.1).fold(0.0, f64::max);
    let mut chart = Chart::new("latency by percentile", (0.0, rarity(99.999)), most);
    for (percent, label) in [
        (0.0, "0 %"),
        (50.0, "50 %"),
        (90.0, "90 %"),
        (99.0, "99 %"),
        (99.9, "99.9 %"),
        (99.99, "99.99 %"),
    ] {
        chart.tick(rarity(percent), label);
    }
    chart.tick(rarity(99.999) - 0.02, "max");
    let drawn: Vec<(f64, f64)> = points.iter().map(|(percent, ms)| (rarity(*percent), *ms)).collect();
    chart.area(&drawn);
    chart.line("a", &drawn);
    chart.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_steps_are_round() {
        assert_eq!(
            [0.0, 0.5, 3.25159, 42.0, 1234.0, 56_789.0, 2_400_000.0].map(short),
            ["0", "0.500", "3.25", "42.0", "1234", "56.8k", "2.40M"]
        );
        assert_eq!(
            [0.0, 2.0, 2.5, 20_000.0, 100.0].map(round),
            ["0", "2", "2.5", "20k", "100"]
        );
        assert_eq!([1.0, 7.0, 99.0, 1200.0].map(nice_step), [0.2, 2.0, 20.0, 250.0]);
    }

    #[test]
    fn a_page_loads_nothing_and_escapes() {
        let mut recorder = super::super::recorder::Recorder::with_latencies("producer");
        recorder.add_latency(1500, 100);
        let mut summary = recorder.finish(1, 0);
        summary.tool = "<b>".to_owned();
        let html = page(&summary);
        assert!(html.contains("&lt;b&gt;") && !html.contains("<b>"));
        assert!(!html.contains("http") && !html.contains("<script"));
        assert_eq!(html.matches("<svg").count(), 3);
        assert!(!html.contains("NaN") && !html.contains("inf"));
    }
}
