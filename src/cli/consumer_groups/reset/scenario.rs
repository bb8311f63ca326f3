//! Where each partition is reset to (Kafka: `OffsetsUtils.resetTo...`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Outcome, Service, Stop, first_error, old_offsets};
use crate::TopicPartition;
use crate::cli::Ui;
use crate::cli::compat::java_hash::hash_map_order;
use crate::cli::compat::time::{java_date_time, java_duration_ms};
use crate::cli::consumer_groups::csv::{self, PlanLine};
use crate::cli::consumer_groups::options::SCENARIOS;
use crate::client::admin::{Admin, IsolationLevel, OffsetSpec};

type Offsets = Vec<(TopicPartition, i64)>;

const LOGGER: &str = "org.apache.kafka.tools.OffsetsUtils";

/// The new offsets in `HashMap` order; `None` if the plan of `--from-file` has none for the group.
pub(super) async fn new_offsets(
    ui: &mut Ui,
    service: &Service<'_>,
    group: &str,
    partitions: Vec<TopicPartition>,
) -> Outcome<Option<Offsets>> {
    let p = service.options;
    let admin = &service.admin;
    let to = super::super::longs(p, "to-offset")?.first().copied();
    distinct(&partitions, to)?;
    let offsets = if let Some(to) = to {
        in_range(ui, admin, partitions.into_iter().map(|tp| (tp, to)).collect()).await?
    } else if p.has("to-earliest") {
        log_offsets(admin, &partitions, OffsetSpec::Earliest).await?
    } else if p.has("to-latest") {
        log_offsets(admin, &partitions, OffsetSpec::Latest).await?
    } else if p.has("shift-by") {
        let by = p.parsed::<i64>("shift-by")?.unwrap_or_default();
        shifted(ui, service, group, partitions, by).await?
    } else if p.has("to-datetime") {
        let text = p.values("to-datetime").next().unwrap_or_default();
        let ms = java_date_time(text).map_err(|e| Stop::caused_by(&format!("java.text.ParseException: {e}")))?;
        at_time(ui, admin, partitions, ms).await?
    } else if p.has("by-duration") {
        let text = p.value("by-duration")?.unwrap_or_default();
        let age = java_duration_ms(text).map_err(|e| Stop::of_class("java.time.format.DateTimeParseException", e))?;
        at_time(
            ui,
            admin,
            partitions,
            chrono::Utc::now().timestamp_millis().saturating_sub(age),
        )
        .await?
    } else if p.has("from-file") {
        match from_file(ui, service, group)? {
            Some(offsets) => in_range(ui, admin, offsets).await?,
            None => return Ok(None),
        }
    } else if p.has("to-current") {
        current(service, group, partitions).await?
    } else {
        let all: Vec<String> = SCENARIOS.iter().map(|s| format!("[{s}]")).collect();
        let all = all.join(", ");
        let text = format!("Option '[reset-offsets]' requires one of the following scenarios: [{all}]");
        return Err(Stop::Illegal(text));
    };
    Ok(Some(hash_map_order(offsets, |(tp, _)| tp)))
}

/// Java's `Collectors.toMap` takes no key twice. It names both values, which mean something only with `--to-offset`.
fn distinct(partitions: &[TopicPartition], to: Option<i64>) -> Outcome {
    let mut seen = std::collections::HashSet::new();
    let Some(tp) = partitions.iter().find(|tp| !seen.insert(*tp)) else {
        return Ok(());
    };
    let values = to
        .map(|to| format!(" (attempted merging values {to} and {to})"))
        .unwrap_or_default();
    Err(Stop::of_class(
        "java.lang.IllegalStateException",
        format!("Duplicate key {tp}{values}"),
    ))
}

/// What the partitions' leaders say, in the order asked.
async fn log_offsets(admin: &Admin, partitions: &[TopicPartition], spec: OffsetSpec) -> Outcome<Offsets> {
    let wanted: Vec<_> = partitions.iter().map(|tp| (tp.clone(), spec)).collect();
    let items = admin.list_offsets(&wanted, IsolationLevel::ReadUncommitted).await;
    match first_error(&items) {
        Some(e) => Err(Stop::runtime(e)),
        None => Ok(items
            .into_iter()
            .filter_map(|(tp, r)| Some((tp, r.ok()?.offset)))
            .collect()),
    }
}

/// Kafka's `checkOffsetsRange`: moves offsets into the log, with a warning each.
async fn in_range(ui: &mut Ui, admin: &Admin, requested: Offsets) -> Outcome<Offsets> {
    let requested = hash_map_order(requested, |(tp, _)| tp);
    let partitions: Vec<TopicPartition> = requested.iter().map(|(tp, _)| tp.clone()).collect();
    let starts: HashMap<_, _> = log_offsets(admin, &partitions, OffsetSpec::Earliest)
        .await?
        .into_iter()
        .collect();
    let ends: HashMap<_, _> = log_offsets(admin, &partitions, OffsetSpec::Latest)
        .await?
        .into_iter()
        .collect();
    let mut out = Vec::with_capacity(requested.len());
    for (tp, offset) in requested {
        let (start, end) = (starts.get(&tp).copied(), ends.get(&tp).copied());
        let (set, side) = match (start, end) {
            (_, Some(end)) if offset > end => (end, "higher than latest"),
            (Some(start), _) if offset < start => (start, "lower than earliest"),
            _ => (offset, ""),
        };
        if !side.is_empty() {
            let text =
                format!("New offset ({offset}) is {side} offset for topic partition {tp}. Value will be set to {set}");
            ui.log("WARN", &text, LOGGER)?;
        }
        out.push((tp, set));
    }
    Ok(out)
}

async fn shifted(
    ui: &mut Ui,
    service: &Service<'_>,
    group: &str,
    partitions: Vec<TopicPartition>,
    by: i64,
) -> Outcome<Offsets> {
    let committed = old_offsets(service, group).await?;
    let mut requested = Vec::with_capacity(partitions.len());
    for tp in partitions {
        match committed.get(&tp) {
            Some(offset) => requested.push((tp, offset.wrapping_add(by))),
            None => {
                let text = format!("Cannot shift offset for partition {tp} since there is no current committed offset");
                return Err(Stop::Illegal(text));
            }
        }
    }
    in_range(ui, &service.admin, requested).await
}

/// Kafka's `getLogTimestampOffsets`: the end where no record is as young.
async fn at_time(ui: &mut Ui, admin: &Admin, partitions: Vec<TopicPartition>, ms: i64) -> Outcome<Offsets> {
    let found = log_offsets(admin, &partitions, OffsetSpec::Timestamp(ms)).await?;
    let (mut offsets, none): (Offsets, Offsets) = found.into_iter().partition(|(_, offset)| *offset != -1);
    let none: Vec<TopicPartition> = hash_map_order(none, |(tp, _)| tp)
        .into_iter()
        .map(|(tp, _)| tp)
        .collect();
    for tp in &none {
        let (partition, topic) = (tp.partition, &tp.topic);
        let text = format!("Partition {partition} from topic {topic} is empty. Falling back to latest known offset.");
        warn(ui, &text)?;
    }
    offsets.extend(log_offsets(admin, &none, OffsetSpec::Latest).await?);
    Ok(offsets)
}

/// Kafka prints such warnings on stdout.
fn warn(ui: &mut Ui, text: &str) -> Outcome {
    if ui.format() == crate::cli::ui::Format::Kafka {
        writeln!(ui.out(), "\nWarn: {text}")?;
        Ok(())
    } else {
        Ok(ui.say_err(&format!("Warn: {text}"))?)
    }
}

async fn current(service: &Service<'_>, group: &str, partitions: Vec<TopicPartition>) -> Outcome<Offsets> {
    let committed = old_offsets(service, group).await?;
    let (with, without): (Vec<_>, Vec<_>) = partitions.into_iter().partition(|tp| committed.contains_key(tp));
    let mut offsets: Offsets = with.into_iter().map(|tp| (tp.clone(), committed[&tp])).collect();
    offsets.extend(log_offsets(&service.admin, &without, OffsetSpec::Latest).await?);
    Ok(offsets)
}

/// The group's part of the plan in `--from-file`.
fn from_file(ui: &mut Ui, service: &Service<'_>, group: &str) -> Outcome<Option<Offsets>> {
    let p = service.options;
    let path = p.values("from-file").next().unwrap_or_default();
    let text = std::fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned());
    let text = text.map_err(|_| Stop::caused_by(&format!("java.io.IOException: Unable to read file {path}")))?;
    // Java's split drops empty strings at the end, and has one of an empty text.
    let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
    let mut groups = p.values("group");
    let one_group = match (groups.next(), groups.next()) {
        (Some(g), None) => Some(g),
        _ => None,
    };
    let mut without_group = true;
    if let Some(first) = lines.first()
        && let Err(e) = csv::parse_line(first, false)
    {
        without_group = false;
        if ui.manner == crate::cli::Manner::Script {
            ui.say_err(&e)?;
        }
    }
    let single = one_group.filter(|_| without_group);
    let mut plan: Offsets = Vec::new();
    let mut index: HashMap<TopicPartition, usize> = HashMap::new();
    let mut found = false;
    for line in lines {
        let PlanLine { group: of, tp, offset } =
            csv::parse_line(line, single.is_none()).map_err(|e| Stop::caused_by(&e))?;
        if offset < 0 {
            return Err(Stop::Illegal("Invalid negative offset".to_string()));
        }
        if of.as_deref().or(single) != Some(group) {
            continue;
        }
        found = true;
        match index.entry(tp.clone()) {
            Entry::Occupied(e) => plan[*e.get()].1 = offset,
            Entry::Vacant(e) => {
                e.insert(plan.len());
                plan.push((tp, offset));
            }
        }
    }
    Ok(found.then_some(plan))
}
