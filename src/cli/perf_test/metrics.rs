//! `--print-metrics`: a client's metrics in the layout of Kafka's `ToolsUtils.printMetrics`, under Java's names. Those that
//! librdkafka or our own fetcher can tell are there; those of the JVM client's insides (`io-ratio`, `select-rate`, ...) are not.
//!
//! Rates are totals over the time since the client was made; Java takes windows of 30 seconds.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::stats::java_fixed;
use crate::client::librdkafka::statistics::{NodeStatistics, Statistics};
use crate::client::samples::Samples;

/// Rows by `group:name:{tags}`, in Java's order.
#[derive(Debug)]
pub(super) struct Metrics {
    client_id: String,
    seconds: f64,
    rows: BTreeMap<String, String>,
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn float(n: u64) -> f64 {
    n as f64
}

impl Metrics {
    /// Of a client that has been there for so long.
    pub(super) fn new(client_id: &str, age: Duration) -> Self {
        let mut metrics = Metrics {
            client_id: client_id.to_owned(),
            seconds: age.as_secs_f64(),
            rows: BTreeMap::new(),
        };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let name = metrics.name("app-info", "version", &[]);
        metrics.rows.insert(name, version);
        metrics
    }

    fn name(&self, group: &str, name: &str, tags: &[(&str, &str)]) -> String {
        let tags: String = tags.iter().map(|(tag, value)| format!(", {tag}={value}")).collect();
        format!("{group}:{name}:{{client-id={}{tags}}}", self.client_id)
    }

    pub(super) fn set(&mut self, (group, tags): Of<'_>, name: &str, value: f64) {
        let name = self.name(group, name, tags);
        let text = if value.is_nan() {
            "NaN".to_owned()
        } else {
            java_fixed(value, 3)
        };
        self.rows.insert(name, text);
    }

    /// `STEM-total`, and `STEM-rate` a second.
    pub(super) fn total(&mut self, of: Of<'_>, stem: &str, total: u64) {
        self.set(of, &format!("{stem}-total"), float(total));
        self.set(of, &format!("{stem}-rate"), float(total) / self.seconds);
    }

    /// `STEM-avg` and `STEM-max`.
    pub(super) fn samples(&mut self, of: Of<'_>, stem: &str, samples: &Samples, unit: f64) {
        self.set(of, &format!("{stem}-avg"), samples.mean() / unit);
        self.set(of, &format!("{stem}-max"), samples.largest() / unit);
    }

    /// Of each node, as `consumer-node-metrics` and its like have them.
    fn node(&mut self, of: Of<'_>, node: &NodeStatistics) {
        self.total(of, "incoming-byte", node.response_bytes);
        self.total(of, "outgoing-byte", node.request_bytes);
        self.total(of, "request", node.requests);
        self.total(of, "response", node.responses);
        self.samples(of, "request-latency", &node.latency_us, MICROS_IN_MILLI);
        self.set(of, "request-size-avg", float(node.request_bytes) / float(node.requests));
    }

    pub(super) fn print(mut self, out: &mut dyn Write) -> io::Result<()> {
        // Itself counted, as in Java.
        let count = self.rows.len() + 1;
        self.set(("kafka-metrics-count", &[]), "count", float(count as u64));
        let width = self.rows.keys().map(String::len).max().unwrap_or(0);
        writeln!(out, "\n{:width$}   Value", "Metric Name")?;
        for (name, value) in &self.rows {
            writeln!(out, "{name:width$} : {value}")?;
        }
        Ok(())
    }
}

/// A group of metrics, and the tags behind the client's id.
pub(super) type Of<'a> = (&'a str, &'a [(&'a str, &'a str)]);

const MICROS_IN_MILLI: f64 = 1000.0;
const MILLIS_IN_SECOND: f64 = 1000.0;

/// What the tool itself knows of the records it sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'a> {
    pub topic: &'a str,
    pub records: u64,
    pub failed: u64,
    /// Bytes of a record as Java's producer reckons them.
    pub record_bytes: Samples,
}

/// `producer-metrics`, `producer-node-metrics` and `producer-topic-metrics`.
pub(super) fn producer(metrics: &mut Metrics, told: &Statistics, sent: &Sent<'_>) {
    let of: Of<'_> = ("producer-metrics", &[]);
    let all = told.all_nodes();
    metrics.node(of, &all);
    metrics.set(of, "connection-count", float(told.connected() as u64));
    metrics.total(of, "connection-creation", all.connects);
    metrics.total(of, "connection-close", all.disconnects);
    metrics.total(of, "network-io", all.requests + all.responses);
    metrics.set(of, "requests-in-flight", float(all.in_flight));
    metrics.samples(of, "record-queue-time", &all.queue_us, MICROS_IN_MILLI);
    metrics.samples(of, "produce-throttle-time", &all.throttle_ms, 1.0);
    metrics.set(of, "buffer-total-bytes", float(told.buffer_bytes));
    let free = told.buffer_bytes.saturating_sub(told.buffered_bytes);
    metrics.set(of, "buffer-available-bytes", float(free));
    metrics.total(of, "record-send", sent.records);
    metrics.total(of, "record-error", sent.failed);
    metrics.samples(of, "record-size", &sent.record_bytes, 1.0);
    if let Some(topic) = told.topics.get(sent.topic) {
        metrics.samples(of, "batch-size", &topic.batch_bytes, 1.0);
        metrics.set(of, "records-per-request-avg", topic.batch_records.mean());
        metrics.set(of, "metadata-age", float(topic.metadata_age_ms) / MILLIS_IN_SECOND);
        let tags = [("topic", sent.topic)];
        let of_topic: Of<'_> = ("producer-topic-metrics", &tags);
        metrics.total(of_topic, "byte", topic.sent_bytes);
        metrics.total(of_topic, "record-send", sent.records);
        metrics.total(of_topic, "record-error", sent.failed);
    }
    for (id, node) in &told.nodes {
        metrics.node(("producer-node-metrics", &[("node-id", &format!("node-{id}"))]), node);
    }
}

/// What a consumer read of one topic.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Consumed {
    pub records: u64,
    pub bytes: u64,
}

/// What a consumer's fetches were like.
#[derive(Clone, Debug, Default)]
pub(super) struct Fetches {
    pub by_topic: BTreeMap<String, Consumed>,
    /// The lag of each partition behind its last fetch, and the most of them all.
    pub lag: BTreeMap<(String, i32), (u64, u64)>,
    pub told: crate::client::fetch::FetchStatistics,
    pub assigned: usize,
    pub rebalances: Samples,
}

/// `consumer-fetch-manager-metrics` and `consumer-coordinator-metrics`.
pub(super) fn consumer(metrics: &mut Metrics, fetches: &Fetches) {
    let of: Of<'_> = ("consumer-fetch-manager-metrics", &[]);
    let mut all = Consumed::default();
    for (topic, read) in &fetches.by_topic {
        all.records += read.records;
        all.bytes += read.bytes;
        let tags = [("topic", topic.as_str())];
        let of_topic: Of<'_> = (of.0, &tags);
        metrics.total(of_topic, "records-consumed", read.records);
        metrics.total(of_topic, "bytes-consumed", read.bytes);
    }
    metrics.total(of, "records-consumed", all.records);
    metrics.total(of, "bytes-consumed", all.bytes);
    let told = &fetches.told;
    metrics.total(of, "fetch", told.latency_ms.count);
    metrics.samples(of, "fetch-latency", &told.latency_ms, 1.0);
    metrics.samples(of, "fetch-size", &told.response_bytes, 1.0);
    metrics.samples(of, "fetch-throttle-time", &told.throttle_ms, 1.0);
    let per_request = float(all.records) / float(told.response_bytes.count);
    metrics.set(of, "records-per-request-avg", per_request);
    let mut most = None;
    for ((topic, partition), (lag, lag_max)) in &fetches.lag {
        most = most.max(Some(*lag_max));
        let partition = partition.to_string();
        let tags = [("topic", topic.as_str()), ("partition", &partition)];
        metrics.set((of.0, &tags), "records-lag", float(*lag));
        metrics.set((of.0, &tags), "records-lag-max", float(*lag_max));
    }
    metrics.set(of, "records-lag-max", most.map_or(f64::NAN, float));
    let of: Of<'_> = ("consumer-coordinator-metrics", &[]);
    metrics.set(of, "assigned-partitions", float(fetches.assigned as u64));
    metrics.samples(of, "rebalance-latency", &fetches.rebalances, 1.0);
    metrics.set(of, "rebalance-latency-total", fetches.rebalances.sum);
    metrics.set(of, "rebalance-total", float(fetches.rebalances.count));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(metrics: Metrics) -> Vec<String> {
        let mut out = Vec::new();
        metrics.print(&mut out).expect("a Vec takes all");
        let text = String::from_utf8(out).expect("text");
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_table_is_java_s_sorted_aligned_and_with_three_decimals() {
        let mut metrics = Metrics::new("c", Duration::from_secs(2));
        metrics.total(("g", &[("topic", "t")]), "record-send", 5);
        metrics.set(("g", &[]), "x-avg", f64::NAN);
        let row = |name: &str, value: &str| format!("{name:42} : {value}");
        assert_eq!(
            printed(metrics),
            [
                String::new(),
                format!("{:42}   Value", "Metric Name"),
                row("app-info:version:{client-id=c}", env!("CARGO_PKG_VERSION")),
                row("g:record-send-rate:{client-id=c, topic=t}", "2.500"),
                row("g:record-send-total:{client-id=c, topic=t}", "5.000"),
                row("g:x-avg:{client-id=c}", "NaN"),
                row("kafka-metrics-count:count:{client-id=c}", "5.000"),
            ]
        );
    }

    #[test]
    fn a_consumer_s_lag_is_the_most_of_its_partitions() {
        let mut metrics = Metrics::new("c", Duration::from_secs(1));
        let fetches = Fetches {
            lag: [(("t".to_owned(), 0), (1, 9)), (("t".to_owned(), 1), (3, 4))].into(),
            ..Fetches::default()
        };
        consumer(&mut metrics, &fetches);
        let lines = printed(metrics);
        let has = |start: &str, end: &str| lines.iter().any(|l| l.starts_with(start) && l.ends_with(end));
        assert!(has(
            "consumer-fetch-manager-metrics:records-lag-max:{client-id=c} ",
            ": 9.000"
        ));
        assert!(has(
            "consumer-fetch-manager-metrics:records-lag:{client-id=c, topic=t, partition=1}",
            ": 3.000"
        ));
        assert!(has(
            "consumer-fetch-manager-metrics:fetch-latency-avg:{client-id=c} ",
            ": NaN"
        ));
    }
}
