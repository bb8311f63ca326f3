//! server.properties: every key known, typed and defaulted, with what was changed while running on top
//! (Kafka: `KafkaConfig`, `DynamicBrokerConfig`, `LogConfig`).
//!
//! [`BrokerConfig`] is a value: a change makes a new one. The tables are [`BROKER_CONFIGS`], [`TOPIC_CONFIGS`] and
//! [`GROUP_CONFIGS`]; what a key's error says is in [`def`].

mod broker_keys;
mod broker_keys_more;
pub mod def;
pub mod describe;
pub mod dynamic_keys;
pub mod listeners;
pub mod properties;
pub mod topic;
mod topic_keys;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

pub use def::{ConfigDef, ConfigError, ConfigKey, Value};
pub use listeners::{Endpoint, SecurityProtocol};

/// Keys of server.properties.
pub const BROKER_CONFIGS: ConfigDef = ConfigDef(&[
    broker_keys::GENERAL,
    broker_keys_more::COORDINATORS,
    broker_keys_more::REMOTE,
    broker_keys_more::SECURITY,
]);

/// Keys of server.properties that Kafka has for its own tests; DescribeConfigs tells of them only where they are set.
const INTERNAL_CONFIGS: ConfigDef = ConfigDef(&[broker_keys_more::INTERNAL]);

/// Keys of a topic.
pub const TOPIC_CONFIGS: ConfigDef = ConfigDef(&[topic_keys::TOPIC]);

/// Keys of a group.
pub const GROUP_CONFIGS: ConfigDef = ConfigDef(&[topic_keys::GROUP]);

/// Names and values as they were given.
pub type Props = BTreeMap<String, String>;

/// Where Kafka's defaults fit three brokers or patient users, an embedded broker starts with these. They read as if
/// server.properties had them, so `kafka-configs --describe` shows what is in force.
pub const EMBEDDED_DEFAULTS: &[(&str, &str)] = &[
    ("group.initial.rebalance.delay.ms", "0"),
    ("offsets.topic.num.partitions", "5"),
    ("offsets.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("share.coordinator.state.topic.num.partitions", "5"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("transaction.state.log.num.partitions", "5"),
    ("transaction.state.log.replication.factor", "1"),
];

/// Keys that ZooKeeper-era files have and 4.x no longer reads; they are named once and ignored.
const REMOVED_KEYS: &[&str] = &[
    "broker.id.generation.enable",
    "control.plane.listener.name",
    "delegation.token.master.key",
    "inter.broker.protocol.version",
    "leader.imbalance.per.broker.percentage",
    "log.cleaner.hash.algorithm",
    "log.message.format.version",
    "log.message.timestamp.difference.max.ms",
    "offsets.commit.required.acks",
    "password.encoder.secret",
    "reserved.broker.max.id",
];

/// Keys that only the authorizer reads; DescribeConfigs does not know them, as in Kafka.
const AUTHORIZER_KEYS: &[&str] = &["allow.everyone.if.no.acl.found", "super.users"];

/// The configuration of one broker as it is in force. Lookups by name panic on a name that is in no table: names come
/// from this program, never from outside.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    statics: Props,
    dynamic_default: Props,
    dynamic_broker: Props,
    values: HashMap<&'static str, Value>,
}

impl BrokerConfig {
    /// Reads and checks the properties of server.properties. Unknown names are kept, they are not an error in Kafka.
    ///
    /// # Errors
    /// A value that its key does not take, with Kafka's text.
    pub fn new(statics: Props) -> Result<Self, ConfigError> {
        Self::build(statics, Props::new(), Props::new())
    }

    /// The same broker with these values set while running. Those that do not parse count as not set.
    pub fn with_dynamic(&self, default: &Props, broker: &Props) -> Self {
        Self::build(self.statics.clone(), default.clone(), broker.clone()).unwrap_or_else(|_| self.clone())
    }

    /// The same broker with these values in its file.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_static(&self, more: Props) -> Result<Self, ConfigError> {
        let mut statics = self.statics.clone();
        statics.extend(more);
        Self::build(statics, self.dynamic_default.clone(), self.dynamic_broker.clone())
    }

    fn build(statics: Props, dynamic_default: Props, dynamic_broker: Props) -> Result<Self, ConfigError> {
        let mut values = HashMap::with_capacity(400);
        for key in BROKER_CONFIGS.keys().chain(INTERNAL_CONFIGS.keys()) {
            let dynamic = dynamic_broker.get(key.name).or_else(|| dynamic_default.get(key.name));
            let value = match dynamic.map(|text| key.parse(Some(text))) {
                Some(Ok(value)) => value,
                _ => key.parse(statics.get(key.name).map(String::as_str).or(key.default))?,
            };
            values.insert(key.name, value);
        }
        Ok(Self {
            statics,
            dynamic_default,
            dynamic_broker,
            values,
        })
    }

    /// Names in server.properties that no table has: removed with ZooKeeper, or simply unknown.
    pub fn unknown_keys(&self) -> (Vec<&str>, Vec<&str>) {
        let is_removed = |k: &&str| k.starts_with("zookeeper.") || REMOVED_KEYS.contains(k);
        let is_of_another = |k: &str| {
            k.starts_with("listener.name.") || k.ends_with(".sasl.jaas.config") || AUTHORIZER_KEYS.contains(&k)
        };
        let is_known = |k: &&str| {
            [BROKER_CONFIGS, INTERNAL_CONFIGS]
                .iter()
                .any(|def| def.get(k).is_some())
                || is_of_another(k)
        };
        self.statics
            .keys()
            .map(String::as_str)
            .filter(|k| !is_known(k))
            .partition(is_removed)
    }

    pub fn statics(&self) -> &Props {
        &self.statics
    }

    pub fn dynamic_default(&self) -> &Props {
        &self.dynamic_default
    }

    pub fn dynamic_broker(&self) -> &Props {
        &self.dynamic_broker
    }

    /// Where a key was set at all, in any layer.
    pub fn is_set(&self, name: &str) -> bool {
        [&self.dynamic_broker, &self.dynamic_default, &self.statics]
            .iter()
            .any(|p| p.contains_key(name))
    }

    pub fn value(&self, name: &str) -> &Value {
        self.values
            .get(name)
            .unwrap_or_else(|| panic!("{name} is no key of server.properties"))
    }

    pub fn bool(&self, name: &str) -> bool {
        matches!(self.value(name), Value::Boolean(true))
    }

    /// A number; 0 where it is null, see [`Self::opt_i64`].
    pub fn i64(&self, name: &str) -> i64 {
        self.opt_i64(name).unwrap_or(0)
    }

    pub fn opt_i64(&self, name: &str) -> Option<i64> {
        match self.value(name) {
            Value::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// As [`Self::i64`], for keys of Kafka's types SHORT and INT.
    pub fn i32(&self, name: &str) -> i32 {
        i32::try_from(self.i64(name)).unwrap_or(i32::MAX)
    }

    pub fn f64(&self, name: &str) -> f64 {
        match self.value(name) {
            Value::Double(n) => *n,
            other => panic!("{name} is {other:?}, not a double"),
        }
    }

    pub fn str(&self, name: &str) -> Option<&str> {
        match self.value(name) {
            Value::Text(s) => Some(s),
            _ => None,
        }
    }

    pub fn list(&self, name: &str) -> &[String] {
        match self.value(name) {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// `node.id`, or `broker.id` of older files; 1 if neither is there.
    pub fn node_id(&self) -> i32 {
        self.opt_i64("node.id")
            .or_else(|| self.opt_i64("broker.id").filter(|id| *id >= 0))
            .and_then(|id| i32::try_from(id).ok())
            .unwrap_or(1)
    }

    /// The directories for logs: `log.dirs`, else `log.dir`.
    pub fn log_dirs(&self) -> &[String] {
        match self.list("log.dirs") {
            [] => self.list("log.dir"),
            dirs => dirs,
        }
    }

    /// Whether a log directory gets no new partitions: `cordoned.log.dirs` names it, or all with `*` (KIP-1066).
    pub fn is_cordoned(&self, log_dir: &Path) -> bool {
        let cordoned = self.list("cordoned.log.dirs");
        cordoned.iter().any(|dir| dir == "*" || Path::new(dir) == log_dir)
    }

    /// Whether no log directory gets new partitions.
    pub fn is_all_cordoned(&self) -> bool {
        self.log_dirs().iter().all(|dir| self.is_cordoned(Path::new(dir)))
    }

    /// Retention in milliseconds by the first of `log.retention.ms`, `.minutes`, `.hours` that is set; -1 is forever.
    pub fn log_retention_ms(&self) -> i64 {
        let ms = self.first_of(&[
            ("log.retention.ms", 1),
            ("log.retention.minutes", 60_000),
            ("log.retention.hours", 3_600_000),
        ]);
        if ms < 0 { -1 } else { ms }
    }

    pub fn log_roll_ms(&self) -> i64 {
        self.first_of(&[("log.roll.ms", 1), ("log.roll.hours", 3_600_000)])
    }

    pub fn log_roll_jitter_ms(&self) -> i64 {
        self.first_of(&[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", 3_600_000)])
    }

    pub fn log_flush_interval_ms(&self) -> i64 {
        self.first_of(&[("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)])
    }

    fn first_of(&self, names: &[(&str, i64)]) -> i64 {
        names
            .iter()
            .find_map(|(name, unit)| self.opt_i64(name).map(|n| n.saturating_mul(*unit)))
            .unwrap_or(-1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(props: &[(&str, &str)]) -> BrokerConfig {
        BrokerConfig::new(props.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()).unwrap()
    }

    #[test]
    fn the_finer_unit_of_a_time_wins() {
        assert_eq!(config(&[]).log_retention_ms(), 168 * 3_600_000);
        assert_eq!(config(&[("log.retention.minutes", "1")]).log_retention_ms(), 60_000);
        assert_eq!(
            config(&[("log.retention.minutes", "1"), ("log.retention.ms", "5")]).log_retention_ms(),
            5
        );
        assert_eq!(config(&[("log.retention.ms", "-1")]).log_retention_ms(), -1);
    }

    #[test]
    fn keys_of_zookeeper_days_are_told_apart_from_typing_errors() {
        let config = config(&[
            ("zookeeper.connect", "z"),
            ("num.partition", "3"),
            ("num.partitions", "3"),
            ("super.users", "User:a"),
        ]);
        assert_eq!(
            config.unknown_keys(),
            (vec!["zookeeper.connect"], vec!["num.partition"])
        );
    }

    #[test]
    fn a_broker_s_own_value_beats_the_default_of_all_and_the_file() {
        let base = config(&[("num.io.threads", "3")]);
        let set = |n: &str| Props::from([("num.io.threads".to_owned(), n.to_owned())]);
        assert_eq!(base.with_dynamic(&set("4"), &Props::new()).i32("num.io.threads"), 4);
        assert_eq!(base.with_dynamic(&set("4"), &set("5")).i32("num.io.threads"), 5);
        assert_eq!(base.i32("num.io.threads"), 3);
    }
}
