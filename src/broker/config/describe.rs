//! What DescribeConfigs says of a key: the value in force, where it comes from, and what it would be without that
//! (Kafka: `ConfigHelper`).

use super::def::{ConfigKey, ConfigType, Value, java_double};
use super::topic::{TopicConfig, synonyms};
use super::{BROKER_CONFIGS, BrokerConfig, GROUP_CONFIGS, Props, TOPIC_CONFIGS, dynamic_keys};

/// Where a value was set (Kafka: `ConfigSource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Topic = 1,
    Broker = 2,
    DefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
    BrokerLogger = 6,
    ClientMetrics = 7,
    Group = 8,
}

/// A value a key has, or would have if those before it were not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synonym {
    pub name: String,
    /// `None` if it is not to be shown.
    pub value: Option<String>,
    pub source: Source,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub value: Option<String>,
    pub source: Source,
    pub is_read_only: bool,
    pub is_sensitive: bool,
    /// In the order they count.
    pub synonyms: Vec<Synonym>,
    /// The number of `ConfigType`; 0 is unknown.
    pub kind: i8,
    pub doc: &'static str,
}

/// A value as Kafka prints it; `None` is null.
pub fn shown(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Boolean(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::Double(n) if *n == f64::MAX => "1.7976931348623157E308".to_owned(),
        Value::Double(n) => java_double(*n),
        Value::Text(s) => s.clone(),
        Value::List(items) => items.join(","),
    })
}

/// Keys that stand in for one another, most exact first (Kafka: `DynamicBrokerConfig.brokerConfigSynonyms`).
const FAMILIES: &[&[&str]] = &[
    &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
    &["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
    &["log.roll.jitter.ms", "log.roll.jitter.hours"],
    &["log.roll.ms", "log.roll.hours"],
];

fn family(name: &str) -> Vec<&str> {
    let members = |f: &&[&'static str]| f.contains(&name) && *f != FAMILIES[0] || f[0] == name;
    match FAMILIES.iter().copied().find(|f| members(f)) {
        Some(family) => family.to_vec(),
        None => vec![name],
    }
}

/// The layers a broker's key was set in. Keys that come before the asked one in its family are left out.
fn broker_synonyms(config: &BrokerConfig, name: &str, is_sensitive: bool) -> Vec<Synonym> {
    let mut names = family(name);
    // `listener.name.x.key` falls back to `key`.
    if let Some(bare) = name
        .strip_prefix("listener.name.")
        .and_then(|rest| rest.split_once('.'))
    {
        names.push(bare.1);
    }
    let mut all = Vec::new();
    let mut add = |name: &str, value: &str, source| {
        let value = (!is_sensitive).then(|| value.to_owned());
        all.push(Synonym {
            name: name.to_owned(),
            value,
            source,
        });
    };
    for (layer, source) in [
        (config.dynamic_broker(), Source::Broker),
        (config.dynamic_default(), Source::DefaultBroker),
        (config.statics(), Source::StaticBroker),
    ] {
        for name in &names {
            if let Some(value) = layer.get(*name) {
                add(name, value, source);
            }
        }
    }
    for name in &names {
        if let Some(value) = BROKER_CONFIGS.get(name).and_then(|k| k.default) {
            add(name, value, Source::Default);
        }
    }
    all.into_iter().skip_while(|s| s.name != name).collect()
}

fn source_of(synonyms: &[Synonym]) -> Source {
    synonyms.first().map_or(Source::Default, |s| s.source)
}

/// Every key of a topic.
pub fn topic(broker: &BrokerConfig, props: Option<&Props>) -> Vec<Entry> {
    let config = TopicConfig { broker, topic: props };
    let entry = |key: &'static ConfigKey| {
        let mut all = synonyms(key.name)
            .first()
            .map_or_else(Vec::new, |(b, _)| broker_synonyms(broker, b, false));
        if let Some(value) = props.and_then(|p| p.get(key.name)) {
            all.insert(
                0,
                Synonym {
                    name: key.name.to_owned(),
                    value: Some(value.clone()),
                    source: Source::Topic,
                },
            );
        }
        Entry {
            is_read_only: false,
            ..known(key, shown(&config.value(key.name)), all)
        }
    };
    TOPIC_CONFIGS.keys().map(entry).collect()
}

fn known(key: &'static ConfigKey, value: Option<String>, synonyms: Vec<Synonym>) -> Entry {
    Entry {
        name: key.name.to_owned(),
        value: if key.is_sensitive() { None } else { value },
        source: source_of(&synonyms),
        is_read_only: !dynamic_keys::is_dynamic(key.name),
        is_sensitive: key.is_sensitive(),
        synonyms,
        kind: key.kind.code(),
        doc: key.doc,
    }
}

/// A key nobody knows may be a secret.
fn unknown(config: &BrokerConfig, name: &str) -> Entry {
    // Java prefixes listener-specific keys; their type is that of the key without the prefix.
    let bare = name
        .strip_prefix("listener.name.")
        .and_then(|rest| Some(rest.split_once('.')?.1));
    if let Some(key) = bare.and_then(|b| BROKER_CONFIGS.get(b)) {
        let all = broker_synonyms(config, name, key.is_sensitive());
        let value = all.first().and_then(|s| s.value.clone());
        return Entry {
            name: name.to_owned(),
            ..known(key, value, all)
        };
    }
    let synonyms = broker_synonyms(config, name, true);
    Entry {
        name: name.to_owned(),
        value: None,
        source: source_of(&synonyms),
        is_read_only: !dynamic_keys::is_dynamic(name),
        is_sensitive: true,
        synonyms,
        kind: 0,
        doc: "",
    }
}

/// Every key of a broker: those of the table, and others it was given.
pub fn broker(config: &BrokerConfig) -> Vec<Entry> {
    let mut entries: Vec<Entry> = BROKER_CONFIGS
        .keys()
        .map(|key| {
            known(
                key,
                shown(config.value(key.name)),
                broker_synonyms(config, key.name, key.is_sensitive()),
            )
        })
        .collect();
    let mut others: Vec<&String> = [config.statics(), config.dynamic_default(), config.dynamic_broker()]
        .into_iter()
        .flat_map(Props::keys)
        .filter(|name| BROKER_CONFIGS.get(name).is_none())
        .collect();
    others.sort();
    others.dedup();
    entries.extend(others.into_iter().map(|name| unknown(config, name)));
    entries
}

/// The keys set as the default of all brokers.
pub fn default_broker(config: &BrokerConfig) -> Vec<Entry> {
    let entry = |(name, value): (&String, &String)| {
        let mut entry = match BROKER_CONFIGS.get(name) {
            Some(key) => known(
                key,
                Some(value.clone()),
                broker_synonyms(config, name, key.is_sensitive()),
            ),
            None => unknown(config, name),
        };
        entry.synonyms.retain(|s| s.source == Source::DefaultBroker);
        entry.source = source_of(&entry.synonyms);
        entry
    };
    config.dynamic_default().iter().map(entry).collect()
}

/// Every key of a group. Most have a broker key for their default.
pub fn group(broker: &BrokerConfig, props: Option<&Props>) -> Vec<Entry> {
    let entry = |key: &'static ConfigKey| {
        let broker_key = format!("group.{}", key.name);
        let mut all = match BROKER_CONFIGS.get(&broker_key) {
            Some(_) => broker_synonyms(broker, &broker_key, false),
            None => {
                let value = key.default.map(str::to_owned);
                vec![Synonym {
                    name: key.name.to_owned(),
                    value,
                    source: Source::Default,
                }]
            }
        };
        if let Some(value) = props.and_then(|p| p.get(key.name)) {
            all.insert(
                0,
                Synonym {
                    name: key.name.to_owned(),
                    value: Some(value.clone()),
                    source: Source::Group,
                },
            );
        }
        let value = all.first().and_then(|s| s.value.clone());
        Entry {
            is_read_only: false,
            ..known(key, value, all)
        }
    };
    GROUP_CONFIGS.keys().map(entry).collect()
}

/// The keys of a client metrics subscription (KIP-714).
pub fn client_metrics(props: Option<&Props>) -> Vec<Entry> {
    let rows = [
        (
            "interval.ms",
            "300000",
            ConfigType::Int,
            "How often clients push, in milliseconds",
        ),
        (
            "match",
            "",
            ConfigType::List,
            "Which clients: NAME=REGEX, all must match",
        ),
        ("metrics", "", ConfigType::List, "Prefixes of the metrics to push"),
    ];
    rows.into_iter()
        .map(|(name, default, kind, doc)| {
            let set = props.and_then(|p| p.get(name));
            let synonym = |v: &String| Synonym {
                name: name.to_owned(),
                value: Some(v.clone()),
                source: Source::ClientMetrics,
            };
            let synonyms: Vec<Synonym> = set.into_iter().map(synonym).collect();
            Entry {
                name: name.to_owned(),
                value: Some(set.map_or(default, String::as_str).to_owned()),
                source: source_of(&synonyms),
                is_read_only: false,
                is_sensitive: false,
                synonyms,
                kind: kind.code(),
                doc,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props(pairs: &[(&str, &str)]) -> Props {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    fn find(entries: Vec<Entry>, name: &str) -> (Option<String>, Source, Vec<String>) {
        let entry = entries.into_iter().find(|e| e.name == name).unwrap();
        let row = |s: &Synonym| format!("{:?}:{}={}", s.source, s.name, s.value.as_deref().unwrap_or("null"));
        (
            entry.value.clone(),
            entry.source,
            entry.synonyms.iter().map(row).collect(),
        )
    }

    #[test]
    fn a_topic_shows_what_it_would_fall_back_to() {
        let base = BrokerConfig::new(props(&[("log.retention.hours", "1"), ("log.segment.bytes", "2000000")])).unwrap();
        let config = base.with_dynamic(&props(&[("log.segment.bytes", "3000000")]), &Props::new());
        let (value, source, synonyms) = find(topic(&config, None), "segment.bytes");
        assert_eq!((value.as_deref(), source), (Some("3000000"), Source::DefaultBroker));
        assert_eq!(
            synonyms,
            [
                "DefaultBroker:log.segment.bytes=3000000",
                "StaticBroker:log.segment.bytes=2000000",
                "Default:log.segment.bytes=1073741824"
            ]
        );
        let (value, source, synonyms) = find(topic(&config, None), "retention.ms");
        assert_eq!(
            (value.as_deref(), source, synonyms.len()),
            (Some("3600000"), Source::Default, 0),
            "as Kafka does"
        );
        let own = props(&[("retention.ms", "5")]);
        assert_eq!(find(topic(&config, Some(&own)), "retention.ms").1, Source::Topic);
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = BrokerConfig::new(props(&[("ssl.key.password", "x"), ("some.plugin", "y")])).unwrap();
        assert_eq!(find(broker(&config), "ssl.key.password").0, None);
        assert_eq!(
            find(broker(&config), "some.plugin").2,
            ["StaticBroker:some.plugin=null"]
        );
    }
}
