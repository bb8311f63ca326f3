//! What librdkafka tells of itself every `statistics.interval.ms`, added up since the client was made.
//!
//! Its totals go up; its windows (latencies, sizes) begin anew with each message and are summed here.

use std::collections::BTreeMap;

use rdkafka::statistics::{Broker, Topic, Window};

use crate::client::samples::Samples;

/// How often librdkafka tells, where somebody asks.
pub const INTERVAL_MS: u32 = 100;

/// One broker's connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeStatistics {
    pub connected: bool,
    pub connects: u64,
    pub disconnects: u64,
    pub requests: u64,
    pub request_bytes: u64,
    pub responses: u64,
    pub response_bytes: u64,
    pub in_flight: u64,
    /// From a request to its response, in microseconds.
    pub latency_us: Samples,
    /// How long records waited in the producer's queue, in microseconds.
    pub queue_us: Samples,
    pub throttle_ms: Samples,
}

/// One topic of a producer.
#[derive(Clone, Copy, Debug, Default)]
pub struct TopicStatistics {
    pub metadata_age_ms: u64,
    pub sent_bytes: u64,
    pub batch_bytes: Samples,
    pub batch_records: Samples,
}

/// All that was told.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// How often librdkafka has told.
    pub told: u64,
    /// By node id; -1 is what was given as `bootstrap.servers`.
    pub nodes: BTreeMap<i32, NodeStatistics>,
    pub topics: BTreeMap<String, TopicStatistics>,
    pub buffered_bytes: u64,
    pub buffer_bytes: u64,
}

impl Statistics {
    pub(crate) fn take(&mut self, told: &rdkafka::Statistics) {
        self.told += 1;
        self.buffered_bytes = told.msg_size;
        self.buffer_bytes = told.msg_size_max;
        for node in self.nodes.values_mut() {
            // Totals are summed anew: several bootstrap servers share an id.
            *node = NodeStatistics {
                latency_us: node.latency_us,
                queue_us: node.queue_us,
                throttle_ms: node.throttle_ms,
                ..NodeStatistics::default()
            };
        }
        for broker in told
            .brokers
            .values()
            .filter(|b| b.source != "internal" && b.source != "logical")
        {
            self.nodes.entry(broker.nodeid).or_default().take(broker);
        }
        for (name, topic) in &told.topics {
            self.topics.entry(name.clone()).or_default().take(topic);
        }
    }

    /// All connections together.
    pub fn all_nodes(&self) -> NodeStatistics {
        let mut all = NodeStatistics::default();
        for node in self.nodes.values() {
            all.connects += node.connects;
            all.disconnects += node.disconnects;
            all.requests += node.requests;
            all.request_bytes += node.request_bytes;
            all.responses += node.responses;
            all.response_bytes += node.response_bytes;
            all.in_flight += node.in_flight;
            all.latency_us.merge(&node.latency_us);
            all.queue_us.merge(&node.queue_us);
            all.throttle_ms.merge(&node.throttle_ms);
        }
        all
    }

    /// Connections that are open.
    pub fn connected(&self) -> usize {
        self.nodes.values().filter(|node| node.connected).count()
    }
}

fn add(samples: &mut Samples, window: &Window) {
    let count = u64::try_from(window.cnt).unwrap_or(0);
    if count > 0 {
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let (sum, max) = (window.sum as f64, window.max as f64);
        samples.merge(&Samples { count, sum, max });
    }
}

fn counted(count: Option<i64>) -> u64 {
    count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

impl NodeStatistics {
    fn take(&mut self, broker: &Broker) {
        self.connected |= broker.state == "UP";
        self.connects += counted(broker.connects);
        self.disconnects += counted(broker.disconnects);
        self.requests += broker.tx;
        self.request_bytes += broker.txbytes;
        self.responses += broker.rx;
        self.response_bytes += broker.rxbytes;
        self.in_flight += counted(Some(broker.waitresp_cnt));
        let windows = [
            (&mut self.latency_us, &broker.rtt),
            (&mut self.queue_us, &broker.int_latency),
            (&mut self.throttle_ms, &broker.throttle),
        ];
        for (samples, window) in windows {
            if let Some(window) = window {
                add(samples, window);
            }
        }
    }
}

impl TopicStatistics {
    fn take(&mut self, topic: &Topic) {
        self.metadata_age_ms = counted(Some(topic.metadata_age));
        self.sent_bytes = topic.partitions.values().map(|p| p.txbytes).sum();
        add(&mut self.batch_bytes, &topic.batchsize);
        add(&mut self.batch_records, &topic.batchcnt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(cnt: i64, sum: i64, max: i64) -> Window {
        Window {
            cnt,
            sum,
            max,
            ..Window::default()
        }
    }

    #[test]
    fn totals_replace_and_windows_add_up() {
        let broker = |tx, rtt| Broker {
            nodeid: 1,
            state: "UP".into(),
            tx,
            rtt: Some(rtt),
            ..Broker::default()
        };
        let told = |tx, rtt| rdkafka::Statistics {
            brokers: [("a:1/1".to_owned(), broker(tx, rtt))].into(),
            ..rdkafka::Statistics::default()
        };
        let mut all = Statistics::default();
        all.take(&told(3, window(2, 10, 7)));
        all.take(&told(5, window(1, 20, 20)));
        all.take(&told(5, window(0, 0, 0)));
        let node = all.nodes[&1];
        assert_eq!((all.told, node.requests, all.connected()), (3, 5, 1));
        assert_eq!(
            (node.latency_us.count, node.latency_us.mean(), node.latency_us.largest()),
            (3, 10.0, 20.0)
        );
        assert!(node.queue_us.mean().is_nan() && node.queue_us.largest().is_nan());
    }

    #[test]
    fn nodes_of_one_id_are_taken_together() {
        let broker = |tx| Broker {
            nodeid: -1,
            tx,
            ..Broker::default()
        };
        let told = rdkafka::Statistics {
            brokers: [("a".to_owned(), broker(1)), ("b".to_owned(), broker(2))].into(),
            ..rdkafka::Statistics::default()
        };
        let mut all = Statistics::default();
        all.take(&told);
        all.take(&told);
        assert_eq!(all.nodes[&-1].requests, 3);
    }
}
