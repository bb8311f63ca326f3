//! Which records a change of configuration takes (Kafka: `ConfigurationControlManager`, `ConfigAdminManager`). Plans
//! only.

use super::image::resource_type::{BROKER, CLIENT_METRICS, GROUP, TOPIC};
use super::{ApiError, MetadataImage, MetadataRecord, config_rules, names};
use crate::broker::config::def::ConfigType;
use crate::broker::config::{BROKER_CONFIGS, BrokerConfig, GROUP_CONFIGS, Props, TOPIC_CONFIGS};
use crate::wire::ErrorCode;

/// What to do with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    Set(String),
    Delete,
    Append(String),
    Subtract(String),
}

impl Op {
    /// The operation of its number on the wire (Kafka: `AlterConfigOp.OpType`).
    pub fn from_wire(code: i8, value: Option<&str>) -> Option<Self> {
        let value = value.unwrap_or_default().to_owned();
        Some(match code {
            0 => Op::Set(value),
            1 => Op::Delete,
            2 => Op::Append(value),
            3 => Op::Subtract(value),
            _ => return None,
        })
    }
}

/// A topic, broker, group or subscription, and who asks: changes of a broker's own values must reach that broker.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    pub kind: i8,
    pub name: &'a str,
    pub node_id: i32,
}

fn fail<T>(code: ErrorCode, message: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::new(code, message))
}

/// Checks what no key has to do with: the resource's type and name.
fn check_resource(image: &MetadataImage, resource: Resource<'_>) -> Result<(), ApiError> {
    let name = resource.name;
    match resource.kind {
        TOPIC if name.is_empty() => fail(ErrorCode::INVALID_REQUEST, "Default topic resources are not allowed."),
        TOPIC => names::validate(name),
        GROUP if name.is_empty() => fail(ErrorCode::INVALID_REQUEST, "Default group resources are not allowed."),
        BROKER if name.is_empty() => Ok(()),
        BROKER => match name.parse::<i32>() {
            Err(_) => fail(
                ErrorCode::INVALID_REQUEST,
                format!("Node id must be an integer, but it is: {name}"),
            ),
            Ok(id) if id != resource.node_id && !image.brokers.contains_key(&id) => fail(
                ErrorCode::INVALID_REQUEST,
                format!(
                    "Unexpected broker id, expected {}, but received {name}",
                    resource.node_id
                ),
            ),
            Ok(_) => Ok(()),
        },
        GROUP | CLIENT_METRICS => Ok(()),
        other => fail(ErrorCode::INVALID_REQUEST, format!("Unknown resource type {other}")),
    }
}

fn is_list(kind: i8, key: &str) -> bool {
    let def = match kind {
        TOPIC => TOPIC_CONFIGS,
        BROKER => BROKER_CONFIGS,
        GROUP => GROUP_CONFIGS,
        _ => return matches!(key, "match" | "metrics"),
    };
    def.get(key).is_some_and(|k| k.kind == ConfigType::List)
}

/// The value a list starts from if it was never set: its default.
fn list_default(kind: i8, key: &str) -> &'static str {
    let def = if kind == TOPIC { TOPIC_CONFIGS } else { BROKER_CONFIGS };
    def.get(key).and_then(|k| k.default).unwrap_or_default()
}

fn apply_op(kind: i8, key: &str, op: &Op, old: Option<&String>) -> Result<Option<String>, ApiError> {
    let (text, is_append) = match op {
        Op::Set(value) => return Ok(Some(value.clone())),
        Op::Delete => return Ok(None),
        Op::Append(text) => (text, true),
        Op::Subtract(text) => (text, false),
    };
    if kind == BROKER {
        let what = if is_append { "append" } else { "subtract" };
        if BROKER_CONFIGS.get(key).is_none() {
            return fail(ErrorCode::INVALID_CONFIG, format!("Unknown config name: {key}"));
        }
        if !is_list(kind, key) {
            let text = format!("Config value {what} is not allowed for config key: {key}");
            return fail(ErrorCode::INVALID_CONFIG, text);
        }
    }
    if !is_list(kind, key) {
        let what = if is_append { "APPEND" } else { "SUBTRACT" };
        let text = format!("Can't {what} to key {key} because its type is not LIST.");
        return fail(ErrorCode::INVALID_CONFIG, text);
    }
    let start = old.map_or(list_default(kind, key), String::as_str);
    let mut items: Vec<&str> = start.split(',').filter(|s| !s.is_empty()).collect();
    for item in text.split(',') {
        match (is_append, items.iter().position(|i| *i == item)) {
            (true, None) => items.push(item),
            (false, Some(at)) => drop(items.remove(at)),
            _ => {}
        }
    }
    Ok(Some(items.join(",")))
}

/// Plans single operations on a resource.
pub fn incremental(
    image: &MetadataImage,
    config: &BrokerConfig,
    resource: Resource<'_>,
    ops: &[(String, Op)],
) -> Result<Vec<MetadataRecord>, ApiError> {
    check_resource(image, resource)?;
    let present = image.config(resource.kind, resource.name).cloned().unwrap_or_default();
    let mut next = present.clone();
    let mut records = Vec::new();
    for (key, op) in ops {
        let old = present.get(key);
        let new = apply_op(resource.kind, key, op, old)?;
        match &new {
            Some(value) => next.insert(key.clone(), value.clone()),
            None => next.remove(key),
        };
        if old != new.as_ref() || resource.kind == BROKER {
            records.push(record(resource, key, new));
        }
    }
    let touched: Vec<&str> = ops.iter().map(|(key, _)| key.as_str()).collect();
    check_values(
        image,
        config,
        resource,
        &Change {
            present: &present,
            next: &next,
            touched: &touched,
        },
    )?;
    Ok(records)
}

/// Plans the older AlterConfigs: what is not named is removed.
pub fn replace(
    image: &MetadataImage,
    config: &BrokerConfig,
    resource: Resource<'_>,
    values: &Props,
) -> Result<Vec<MetadataRecord>, ApiError> {
    check_resource(image, resource)?;
    let present = image.config(resource.kind, resource.name).cloned().unwrap_or_default();
    let changed = values
        .iter()
        .filter(|(k, v)| present.get(*k) != Some(v) || resource.kind == BROKER);
    let mut records: Vec<_> = changed.map(|(k, v)| record(resource, k, Some(v.clone()))).collect();
    // Eligible leader replicas keep the cluster's own default (KIP-966), as Kafka does.
    let kept = |k: &str| resource.kind == BROKER && resource.name.is_empty() && k == "min.insync.replicas";
    let gone = present.keys().filter(|k| !values.contains_key(*k) && !kept(k));
    records.extend(gone.map(|k| record(resource, k, None)));
    let touched: Vec<&str> = values.keys().map(String::as_str).collect();
    check_values(
        image,
        config,
        resource,
        &Change {
            present: &present,
            next: values,
            touched: &touched,
        },
    )?;
    Ok(records)
}

fn record(resource: Resource<'_>, key: &str, value: Option<String>) -> MetadataRecord {
    MetadataRecord::Config {
        resource_type: resource.kind,
        resource_name: resource.name.to_owned(),
        name: key.to_owned(),
        value,
    }
}

/// All values before and after, and the keys somebody named.
struct Change<'a> {
    present: &'a Props,
    next: &'a Props,
    touched: &'a [&'a str],
}

fn check_values(
    image: &MetadataImage,
    config: &BrokerConfig,
    resource: Resource<'_>,
    change: &Change<'_>,
) -> Result<(), ApiError> {
    match resource.kind {
        TOPIC => {
            config_rules::validate_topic(config, change.next)?;
            if image.topic(resource.name).is_none() {
                let text = format!("The topic '{}' does not exist.", resource.name);
                return fail(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, text);
            }
            Ok(())
        }
        GROUP => config_rules::validate_group(config, change.next),
        CLIENT_METRICS => config_rules::validate_client_metrics(resource.name, change.next),
        _ => {
            let per_broker = !resource.name.is_empty();
            let is_new = |(k, v): &(&String, &String)| change.present.get(*k) != Some(*v);
            let changed = change
                .next
                .iter()
                .filter(is_new)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            config_rules::validate_broker(config, &changed, per_broker)?;
            if change.touched.contains(&"min.insync.replicas") {
                if per_broker {
                    let text = "Broker-level min.insync.replicas cannot be altered while ELR is enabled.";
                    return fail(ErrorCode::INVALID_CONFIG, text);
                }
                if !change.next.contains_key("min.insync.replicas") {
                    let text = "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.";
                    return fail(ErrorCode::INVALID_CONFIG, text);
                }
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(image: &mut MetadataImage, kind: i8, name: &str, key: &str, op: Op) -> Result<Option<String>, String> {
        let config = BrokerConfig::new(Props::new()).unwrap();
        let resource = Resource { kind, name, node_id: 1 };
        let records = incremental(image, &config, resource, &[(key.to_owned(), op)]).map_err(|e| e.text())?;
        records.iter().for_each(|r| image.apply(r));
        Ok(image.config(kind, name).and_then(|p| p.get(key)).cloned())
    }

    #[test]
    fn lists_grow_and_shrink() {
        let mut image = MetadataImage::default();
        image.apply(&MetadataRecord::Topic {
            name: "t".into(),
            topic_id: uuid::Uuid::from_u128(2),
        });
        let mut policy = |op| change(&mut image, TOPIC, "t", "cleanup.policy", op);
        assert_eq!(policy(Op::Append("compact".into())), Ok(Some("delete,compact".into())));
        assert_eq!(policy(Op::Append("compact".into())), Ok(Some("delete,compact".into())));
        assert_eq!(policy(Op::Subtract("delete".into())), Ok(Some("compact".into())));
        assert_eq!(policy(Op::Delete), Ok(None));
    }

    #[test]
    fn refusals_read_as_in_kafka() {
        let mut image = MetadataImage::default();
        let mut error = |kind, name: &str, key: &str, op| change(&mut image, kind, name, key, op).unwrap_err();
        let set = |v: &str| Op::Set(v.to_owned());
        assert_eq!(
            error(TOPIC, "t", "retention.ms", set("1")),
            "The topic 't' does not exist."
        );
        assert_eq!(
            error(TOPIC, "t", "retention.ms", Op::Append("1".into())),
            "Can't APPEND to key retention.ms because its type is not LIST."
        );
        assert_eq!(
            error(BROKER, "", "node.id", set("5")),
            "Cannot update these configs dynamically: [node.id]"
        );
        assert_eq!(
            error(BROKER, "1", "min.insync.replicas", Op::Delete),
            "Broker-level min.insync.replicas cannot be altered while ELR is enabled."
        );
        assert_eq!(error(3, "x", "k", set("5")), "Unknown resource type 3");
    }
}
