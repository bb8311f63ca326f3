//! What a configuration key is: type, default, importance, the values it takes (Kafka: `ConfigDef`).

use std::fmt;

/// Kafka's `ConfigDef.Type`, with the numbers DescribeConfigs uses for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigType {
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Class = 8,
    Password = 9,
}

impl ConfigType {
    /// The number in a DescribeConfigs response.
    pub fn code(self) -> i8 {
        self as i8
    }

    /// Kafka's name of the type, as error messages print it.
    fn name(self) -> &'static str {
        match self {
            ConfigType::Boolean => "BOOLEAN",
            ConfigType::String => "STRING",
            ConfigType::Int => "INT",
            ConfigType::Short => "SHORT",
            ConfigType::Long => "LONG",
            ConfigType::Double => "DOUBLE",
            ConfigType::List => "LIST",
            ConfigType::Class => "CLASS",
            ConfigType::Password => "PASSWORD",
        }
    }
}

/// How much a key matters to somebody who reads the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    High,
    Medium,
    Low,
}

/// The values a key takes beyond those of its type.
#[derive(Debug, Clone, Copy)]
pub enum Valid {
    Any,
    /// A number not below this.
    AtLeast(i64),
    /// A number within these bounds, both included.
    Between(i64, i64),
    /// As [`Valid::Between`], or this one value.
    BetweenOr(i64, i64, i64),
    /// A fraction within these bounds.
    Fraction(f64, f64),
    OneOf(&'static [&'static str]),
    /// As [`Valid::OneOf`], in any case.
    OneOfAnyCase(&'static [&'static str]),
    /// A list whose items are among these.
    ListOf(&'static [&'static str]),
    NonEmpty,
    /// `[partitionId]:[brokerId],...`, `*` or nothing (Kafka: `ThrottledReplicaListValidator`).
    ThrottledReplicas,
    /// `latest`, `earliest` or `by_duration:` and an ISO-8601 duration.
    OffsetReset,
}

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct ConfigKey {
    pub name: &'static str,
    pub kind: ConfigType,
    /// The default as `kafka-configs --describe` prints it; `None` is Java's null.
    pub default: Option<&'static str>,
    pub importance: Importance,
    pub valid: Valid,
    pub doc: &'static str,
}

/// A table of keys, sorted by name.
#[derive(Debug, Clone, Copy)]
pub struct ConfigDef(pub &'static [&'static [ConfigKey]]);

impl ConfigDef {
    pub fn get(&self, name: &str) -> Option<&'static ConfigKey> {
        self.keys().find(|k| k.name == name)
    }

    pub fn keys(&self) -> impl Iterator<Item = &'static ConfigKey> {
        self.0.iter().flat_map(|part| part.iter())
    }
}

/// Rows of a table: `Type "name" = default, Importance, Valid, "doc";`
macro_rules! config_keys {
    ($($kind:ident $name:literal = $default:expr, $importance:ident, $valid:expr, $doc:literal;)*) => {
        &[$($crate::broker::config::def::ConfigKey {
            name: $name,
            kind: $crate::broker::config::def::ConfigType::$kind,
            default: $default,
            importance: $crate::broker::config::def::Importance::$importance,
            valid: $valid,
            doc: $doc,
        }),*]
    };
}
pub(super) use config_keys;

/// A value that its key does not take; the text is Kafka's `ConfigException`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl ConfigError {
    fn new(key: &ConfigKey, value: &dyn fmt::Display, why: &dyn fmt::Display) -> Self {
        Self(format!("Invalid value {value} for configuration {}: {why}", key.name))
    }
}

/// A value of a key's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Number(i64),
    Double(f64),
    Text(String),
    List(Vec<String>),
}

/// Splits a list as Kafka does: on commas, with the blanks around them; an empty text is an empty list.
pub fn split_list(text: &str) -> Vec<String> {
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',').map(|s| s.trim().to_owned()).collect()
}

impl ConfigKey {
    /// Passwords and values of unknown keys are never shown.
    pub fn is_sensitive(&self) -> bool {
        self.kind == ConfigType::Password
    }

    /// Reads and checks a value (Kafka: `ConfigDef.parseType` and the key's validator).
    pub fn parse(&self, text: Option<&str>) -> Result<Value, ConfigError> {
        let Some(text) = text else {
            return Ok(Value::Null);
        };
        let value = self.parse_type(text.trim())?;
        self.check(&value)?;
        Ok(value)
    }

    fn parse_type(&self, text: &str) -> Result<Value, ConfigError> {
        let not_a_number = || ConfigError::new(self, &text, &format!("Not a number of type {}", self.kind.name()));
        let whole = |min: i64, max: i64| match text.parse::<i64>() {
            Ok(n) if (min..=max).contains(&n) => Ok(Value::Number(n)),
            _ => Err(not_a_number()),
        };
        match self.kind {
            ConfigType::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(Value::Boolean(true)),
                "false" => Ok(Value::Boolean(false)),
                _ => Err(ConfigError::new(
                    self,
                    &text,
                    &"Expected value to be either true or false",
                )),
            },
            ConfigType::Short => whole(i64::from(i16::MIN), i64::from(i16::MAX)),
            ConfigType::Int => whole(i64::from(i32::MIN), i64::from(i32::MAX)),
            ConfigType::Long => whole(i64::MIN, i64::MAX),
            ConfigType::Double => text.parse().map(Value::Double).map_err(|_| not_a_number()),
            ConfigType::List => Ok(Value::List(split_list(text))),
            ConfigType::String | ConfigType::Class | ConfigType::Password => Ok(Value::Text(text.to_owned())),
        }
    }

    fn check(&self, value: &Value) -> Result<(), ConfigError> {
        let fail = |shown: &dyn fmt::Display, why: String| Err(ConfigError::new(self, shown, &why));
        let below = |min: &dyn fmt::Display| format!("Value must be at least {min}");
        let above = |max: &dyn fmt::Display| format!("Value must be no more than {max}");
        match (self.valid, value) {
            (Valid::AtLeast(min), Value::Number(n)) if *n < min => fail(n, below(&min)),
            (Valid::BetweenOr(_, _, other), Value::Number(n)) if *n == other => Ok(()),
            (Valid::BetweenOr(min, max, other), Value::Number(n)) if !(min..=max).contains(n) => {
                fail(n, format!("Value must be between {min} and {max} or equal to {other}"))
            }
            (Valid::Between(min, _), Value::Number(n)) if *n < min => fail(n, below(&min)),
            (Valid::Between(_, max), Value::Number(n)) if *n > max => fail(n, above(&max)),
            (Valid::Fraction(min, _), Value::Double(n)) if *n < min => fail(&java_double(*n), below(&min)),
            (Valid::Fraction(_, max), Value::Double(n)) if *n > max => fail(&java_double(*n), above(&max)),
            (Valid::OneOf(names), Value::Text(s)) if !names.contains(&s.as_str()) => {
                fail(s, format!("String must be one of: {}", names.join(", ")))
            }
            (Valid::OneOfAnyCase(names), Value::Text(s)) if !names.iter().any(|n| n.eq_ignore_ascii_case(s)) => fail(
                s,
                format!("String must be one of (case insensitive): {}", names.join(", ")),
            ),
            (Valid::ListOf(names), Value::List(items)) => {
                match items.iter().find(|item| !names.contains(&item.as_str())) {
                    Some(item) => fail(item, format!("String must be one of: {}", names.join(", "))),
                    None => Ok(()),
                }
            }
            (Valid::NonEmpty, Value::Text(s)) if s.is_empty() => fail(s, "String must be non-empty".to_owned()),
            (Valid::ThrottledReplicas, Value::List(items)) => self.check_throttled(items),
            (Valid::OffsetReset, Value::Text(s)) => self.check_offset_reset(s),
            _ => Ok(()),
        }
    }

    fn check_throttled(&self, items: &[String]) -> Result<(), ConfigError> {
        let is_pair = |item: &String| {
            item.split_once(':').is_some_and(|(p, b)| {
                [p, b]
                    .iter()
                    .all(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()))
            })
        };
        if items.is_empty() || (items.len() == 1 && items[0] == "*") || items.iter().all(is_pair) {
            return Ok(());
        }
        let why = format!(
            "{} must be the literal '*' or a list of replicas in the following format: \
             [partitionId]:[brokerId],[partitionId]:[brokerId],...",
            self.name
        );
        Err(ConfigError::new(self, &format!("[{}]", items.join(", ")), &why))
    }

    fn check_offset_reset(&self, text: &str) -> Result<(), ConfigError> {
        let lower = text.to_ascii_lowercase();
        if lower == "latest" || lower == "earliest" || lower.starts_with("by_duration:p") {
            return Ok(());
        }
        Err(ConfigError::new(
            self,
            &text,
            &format!(
                "Invalid value `{text}` for configuration {}. The value must be either 'earliest', 'latest' or of the \
                 format 'by_duration:<PnDTnHnMn.nS>'.",
                self.name
            ),
        ))
    }
}

/// A double as Java prints it: always with a fraction.
pub fn java_double(n: f64) -> String {
    if n.fract() == 0.0 && n.abs() < 1e7 {
        format!("{n:.1}")
    } else {
        format!("{n}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::config::{BROKER_CONFIGS, GROUP_CONFIGS, TOPIC_CONFIGS};

    fn error(def: ConfigDef, name: &str, value: &str) -> String {
        def.get(name).unwrap().parse(Some(value)).unwrap_err().to_string()
    }

    #[test]
    fn errors_read_as_in_kafka() {
        assert_eq!(
            error(TOPIC_CONFIGS, "retention.ms", "abc"),
            "Invalid value abc for configuration retention.ms: Not a number of type LONG"
        );
        assert_eq!(
            error(BROKER_CONFIGS, "num.partitions", "0"),
            "Invalid value 0 for configuration num.partitions: Value must be at least 1"
        );
        assert_eq!(
            error(TOPIC_CONFIGS, "cleanup.policy", "compact,zip"),
            "Invalid value zip for configuration cleanup.policy: String must be one of: compact, delete"
        );
    }

    #[test]
    fn every_key_is_documented_once_and_in_order() {
        for table in BROKER_CONFIGS.0.iter().chain(TOPIC_CONFIGS.0).chain(GROUP_CONFIGS.0) {
            assert!(table.is_sorted_by(|a, b| a.name < b.name));
            assert!(table.iter().all(|key| key.doc.ends_with('.')));
        }
    }

    #[test]
    fn every_default_passes_its_own_checks() {
        for key in BROKER_CONFIGS.keys().chain(TOPIC_CONFIGS.keys()) {
            key.parse(key.default).unwrap();
        }
    }
}
