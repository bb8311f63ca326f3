//! Which records make, grow and remove topics (Kafka: `ReplicationControlManager`). Plans only: they look at an image
//! and change nothing.

use std::collections::BTreeMap;
use std::ops::Range;

use uuid::Uuid;

use super::image::{BrokerImage, resource_type};
use super::record::{MetadataRecord, PartitionRecord};
use super::{ApiError, MetadataImage, config_rules, names};
use crate::broker::config::{BrokerConfig, Props};
use crate::wire::ErrorCode;

/// Kafka's limit on the partitions that one request may make (`MAX_PARTITIONS_PER_BATCH`).
const MAX_PARTITIONS_PER_REQUEST: usize = 10_000;

/// A topic to be made.
#[derive(Debug, Clone, Default)]
pub struct NewTopic {
    pub name: String,
    /// -1 is the broker's default.
    pub partitions: i32,
    /// -1 is the broker's default.
    pub replication_factor: i16,
    /// Partition and replicas; if there are any, the two numbers above must be -1.
    pub assignments: Vec<(i32, Vec<i32>)>,
    pub configs: Props,
}

/// A planned topic.
#[derive(Debug, Clone)]
pub struct PlannedTopic {
    pub id: Uuid,
    pub partitions: i32,
    pub replication_factor: i16,
    pub records: Vec<MetadataRecord>,
}

fn fail<T>(code: ErrorCode, message: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::new(code, message))
}

/// Plans one topic. `config` supplies the defaults.
pub fn create(image: &MetadataImage, config: &BrokerConfig, topic: &NewTopic) -> Result<PlannedTopic, ApiError> {
    names::validate(&topic.name)?;
    names::check_collision(image, &topic.name)?;
    if image.topic(&topic.name).is_some() {
        return fail(
            ErrorCode::TOPIC_ALREADY_EXISTS,
            format!("Topic '{}' already exists.", topic.name),
        );
    }
    config_rules::validate_topic(config, &topic.configs)?;
    let replicas = if topic.assignments.is_empty() {
        automatic_assignment(image, config, topic)?
    } else {
        manual_assignment(image, topic)?
    };
    let id = new_topic_id();
    let mut records = vec![MetadataRecord::Topic {
        name: topic.name.clone(),
        topic_id: id,
    }];
    records.extend(topic.configs.iter().map(|(name, value)| MetadataRecord::Config {
        resource_type: resource_type::TOPIC,
        resource_name: topic.name.clone(),
        name: name.clone(),
        value: Some(value.clone()),
    }));
    let replication_factor = replicas.first().map_or(0, Vec::len) as i16;
    let partitions = replicas.len() as i32;
    for (partition_id, replicas) in (0..).zip(replicas) {
        records.push(new_partition(image, id, partition_id, replicas)?);
    }
    Ok(PlannedTopic {
        id,
        partitions,
        replication_factor,
        records,
    })
}

/// A random id; Kafka avoids those whose text starts with a dash, and the reserved ones.
pub fn new_topic_id() -> Uuid {
    loop {
        let id = Uuid::new_v4();
        if !crate::internal_topic::uuid_text(id.as_bytes()).starts_with('-') {
            return id;
        }
    }
}

fn new_partition(
    image: &MetadataImage,
    topic_id: Uuid,
    partition_id: i32,
    replicas: Vec<i32>,
) -> Result<MetadataRecord, ApiError> {
    let is_active = |id: &i32| image.brokers.get(id).is_some_and(|b| !b.fenced);
    let isr: Vec<i32> = replicas.iter().copied().filter(is_active).collect();
    let Some(leader) = isr.first().copied() else {
        return fail(
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
            format!(
                "All brokers specified in the manual partition assignment for partition {partition_id} are fenced or \
                 in controlled shutdown."
            ),
        );
    };
    Ok(MetadataRecord::Partition(PartitionRecord {
        partition_id,
        topic_id,
        directories: replicas
            .iter()
            .map(|id| image.brokers.get(id).map_or(Uuid::nil(), BrokerImage::log_dir))
            .collect(),
        replicas,
        isr,
        removing_replicas: Vec::new(),
        adding_replicas: Vec::new(),
        leader,
        leader_epoch: 0,
        partition_epoch: 0,
        eligible_leader_replicas: Vec::new(),
        last_known_elr: Vec::new(),
    }))
}

fn automatic_assignment(
    image: &MetadataImage,
    config: &BrokerConfig,
    topic: &NewTopic,
) -> Result<Vec<Vec<i32>>, ApiError> {
    if topic.replication_factor < -1 || topic.replication_factor == 0 {
        return fail(
            ErrorCode::INVALID_REPLICATION_FACTOR,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        );
    }
    if topic.partitions < -1 || topic.partitions == 0 {
        return fail(
            ErrorCode::INVALID_PARTITIONS,
            "Number of partitions was set to an invalid non-positive value.",
        );
    }
    let or_default = |n: i32, key: &str| if n == -1 { config.i32(key) } else { n };
    let partitions = or_default(topic.partitions, "num.partitions");
    let factor = or_default(i32::from(topic.replication_factor), "default.replication.factor");
    check_total(partitions as usize)?;
    place(image, config, 0..partitions, factor).map_err(|why| {
        let text = format!("Unable to replicate the partition {factor} time(s): {why}");
        ApiError::new(ErrorCode::INVALID_REPLICATION_FACTOR, text)
    })
}

/// More than this in one request is refused, whatever the topics.
pub fn check_total(partitions: usize) -> Result<(), ApiError> {
    if partitions > MAX_PARTITIONS_PER_REQUEST {
        return fail(
            ErrorCode::POLICY_VIOLATION,
            "Excessively large number of partitions per request.",
        );
    }
    Ok(())
}

/// Deals replicas out over the live brokers, one further with each partition, as Kafka's striped placer does without
/// racks. Kafka starts at a random broker; starting at the first partition's own number keeps runs reproducible.
/// All brokers have the directories of this one, which is the only one there is.
fn place(
    image: &MetadataImage,
    config: &BrokerConfig,
    partitions: Range<i32>,
    factor: i32,
) -> Result<Vec<Vec<i32>>, String> {
    let live: Vec<i32> = image.live_brokers().map(|b| b.id).collect();
    if live.is_empty() || config.is_all_cordoned() {
        return Err("All brokers are currently fenced, or have all their log directories cordoned.".to_owned());
    }
    if factor as usize > image.brokers.len() {
        return Err(format!(
            "The target replication factor of {factor} cannot be reached because only {} broker(s) are registered \
             or some brokers have all their log directories cordoned.",
            image.brokers.len()
        ));
    }
    let mut order = live;
    order.extend(image.brokers.values().filter(|b| b.fenced).map(|b| b.id));
    let pick = |at: i32| (0..factor).map(|r| order[(at + r) as usize % order.len()]).collect();
    Ok(partitions.map(pick).collect())
}

fn manual_assignment(image: &MetadataImage, topic: &NewTopic) -> Result<Vec<Vec<i32>>, ApiError> {
    if topic.replication_factor != -1 {
        return fail(
            ErrorCode::INVALID_REQUEST,
            "A manual partition assignment was specified, but replication factor was not set to -1.",
        );
    }
    if topic.partitions != -1 {
        return fail(
            ErrorCode::INVALID_REQUEST,
            "A manual partition assignment was specified, but numPartitions was not set to -1.",
        );
    }
    let mut parts: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let mut factor = None;
    for (partition, replicas) in &topic.assignments {
        if parts.contains_key(partition) {
            let text = format!("Found multiple manual partition assignments for partition {partition}");
            return fail(ErrorCode::INVALID_REPLICA_ASSIGNMENT, text);
        }
        check_replicas(image, replicas, factor)?;
        factor = Some(replicas.len());
        parts.insert(*partition, replicas.clone());
    }
    if !parts.keys().copied().eq(0..parts.len() as i32) {
        return fail(
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
            "partitions should be a consecutive 0-based integer sequence",
        );
    }
    Ok(parts.into_values().collect())
}

/// Checks replicas given by hand; `factor` is how many the topic has otherwise.
pub fn check_replicas(image: &MetadataImage, replicas: &[i32], factor: Option<usize>) -> Result<(), ApiError> {
    let bad = |text: String| {
        fail(
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
            format!("The manual partition assignment {text}"),
        )
    };
    if replicas.is_empty() {
        return bad("includes an empty replica list.".to_owned());
    }
    let mut sorted = replicas.to_vec();
    sorted.sort_unstable();
    for (at, id) in sorted.iter().enumerate() {
        if !image.brokers.contains_key(id) {
            return bad(format!("includes broker {id}, but no such broker is registered."));
        }
        if at > 0 && sorted[at - 1] == *id {
            return bad(format!("includes the broker {id} more than once."));
        }
    }
    match factor {
        Some(factor) if factor != replicas.len() => bad(format!(
            "includes a partition with {} replica(s), but this is not consistent with previous partitions, which have \
             {factor} replica(s).",
            replicas.len()
        )),
        _ => Ok(()),
    }
}

/// More partitions for a topic: up to `count` in all, on `assignments` if there are any.
#[derive(Debug, Clone, Copy)]
pub struct Growth<'a> {
    pub name: &'a str,
    pub count: i32,
    pub assignments: Option<&'a [Vec<i32>]>,
}

/// Plans more partitions for a topic.
pub fn grow(
    image: &MetadataImage,
    config: &BrokerConfig,
    growth: &Growth<'_>,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let Growth { name, count, .. } = *growth;
    let Some(topic) = image.topic(name) else {
        return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into());
    };
    let present = topic.partitions.len() as i32;
    if count == present {
        let text = format!("Topic already has {present} partition(s).");
        return fail(ErrorCode::INVALID_PARTITIONS, text);
    }
    if count < present {
        let text = format!("The topic {name} currently has {present} partition(s); {count} would not be an increase.");
        return fail(ErrorCode::INVALID_PARTITIONS, text);
    }
    let additional = count - present;
    let factor = topic.partitions.first().map_or(1, |p| p.replicas.len());
    let replicas = match growth.assignments {
        Some(given) => {
            if given.len() != additional as usize {
                let text = format!(
                    "Attempted to add {additional} additional partition(s), but only {} assignment(s) were specified.",
                    given.len()
                );
                return fail(ErrorCode::INVALID_REPLICA_ASSIGNMENT, text);
            }
            for replicas in given {
                check_replicas(image, replicas, Some(factor))?;
            }
            given.to_vec()
        }
        None => {
            check_total(additional as usize)?;
            place(image, config, present..count, factor as i32)
                .map_err(|why| ApiError::new(ErrorCode::INVALID_REPLICATION_FACTOR, why))?
        }
    };
    let numbered = (present..).zip(replicas);
    numbered
        .map(|(id, replicas)| new_partition(image, topic.id, id, replicas))
        .collect()
}
