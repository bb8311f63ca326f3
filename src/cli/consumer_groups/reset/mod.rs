//! `--reset-offsets`: plans new offsets group by group, commits them with `--execute`.

mod scenario;
mod undo;

use std::collections::HashMap;

use serde_json::json;

use super::{Outcome, Service, Stop, csv, describe, first_error, print, print_error, wait};
use crate::TopicPartition;
use crate::cli::compat::java_hash::hash_map_order;
use crate::cli::table::Sheet;
use crate::cli::ui::Format;
use crate::cli::{CliError, CliResult, Ui};
use crate::client::ApiError;
use crate::client::admin::{GroupState, OffsetAndMetadata};
use crate::wire::ErrorCode;
use undo::UndoFile;

/// A group's new offsets, in the order Kafka prints them.
#[derive(Debug, Default)]
pub(super) struct NewOffsets {
    pub group: String,
    pub offsets: Vec<(TopicPartition, i64)>,
    /// What was committed before; looked up only where it is shown or saved.
    pub old: HashMap<TopicPartition, i64>,
}

pub(super) async fn run(ui: &mut Ui, service: &Service<'_>) -> Outcome {
    let p = service.options;
    let groups = service.groups().await?;
    let execute = p.has("execute");
    if execute {
        service.allow_change()?;
    }
    let mut undo = match p.value("undo-file")? {
        Some(path) => Some(UndoFile::new(path, groups.len() == 1)?),
        None => None,
    };
    wait::until_inactive(ui, service, &groups).await?;
    let described = service.admin.describe_consumer_groups(&groups).await;
    let mut all = Vec::new();
    let mut failed = false;
    for (group, description) in hash_map_order(described, |(g, _)| g) {
        let state = match &description {
            Ok(d) => d.state,
            Err(e) if e.code == ErrorCode::GROUP_ID_NOT_FOUND => GroupState::Dead,
            Err(e) => return Err(Stop::runtime(e)),
        };
        if !matches!(state, GroupState::Empty | GroupState::Dead) {
            failed = true;
            let text = format!(
                "Assignments can only be reset if the group '{group}' is inactive, but the current state is {state}."
            );
            print_error(ui, &text)?;
            all.push(NewOffsets {
                group,
                ..NewOffsets::default()
            });
            continue;
        }
        let mut new = plan(ui, service, group, &mut failed).await?;
        if undo.is_some() || ui.format() != Format::Kafka {
            new.old = old_offsets(service, &new.group).await?;
        }
        if execute {
            if let Some(undo) = &mut undo {
                undo.save(ui, &new)?;
            }
            commit(service, &new).await?;
        }
        all.push(new);
    }
    print_all(ui, service, &hash_map_order(all, |n| &n.group))?;
    match failed {
        true => Err(CliError::told_quietly().into()),
        false => Ok(()),
    }
}

/// Kafka's `resetOffsetsForInactiveGroup` without the commit.
async fn plan(ui: &mut Ui, service: &Service<'_>, group: String, failed: &mut bool) -> Outcome<NewOffsets> {
    let p = service.options;
    let partitions = if p.has("all-topics") {
        let keys = old_offsets(service, &group).await?.into_keys().collect();
        hash_map_order(keys, |tp| tp)
    } else if p.has("topic") {
        partitions_of_topics(service).await?
    } else if p.has("from-file") {
        Vec::new()
    } else {
        return Err(Stop::Illegal(
            "One of the reset scopes should be defined: --all-topics, --topic.".to_string(),
        ));
    };
    check_partitions(service, &partitions).await?;
    let offsets = match scenario::new_offsets(ui, service, &group, partitions).await? {
        Some(offsets) => offsets,
        None => {
            *failed = true;
            print_error(ui, &format!("No reset plan for group {group} found"))?;
            Vec::new()
        }
    };
    Ok(NewOffsets {
        group,
        offsets,
        old: HashMap::new(),
    })
}

async fn old_offsets(service: &Service<'_>, group: &str) -> Outcome<HashMap<TopicPartition, i64>> {
    let all = describe::committed_offsets(&service.admin, &[group.to_string()]).await;
    let mut all = all.map_err(|e| Stop::runtime(&e))?;
    let committed = all.remove(group).unwrap_or_default();
    Ok(committed
        .into_iter()
        .filter_map(|(tp, o)| Some((tp, o?.offset)))
        .collect())
}

async fn commit(service: &Service<'_>, new: &NewOffsets) -> Outcome {
    if new.offsets.is_empty() {
        return Ok(());
    }
    let offsets: Vec<_> = new
        .offsets
        .iter()
        .map(|(tp, o)| (tp.clone(), OffsetAndMetadata::new(*o)))
        .collect();
    let items = service
        .admin
        .alter_group_offsets(&new.group, &offsets)
        .await
        .map_err(|e| Stop::thrown(&e))?;
    match items.iter().any(|(_, r)| r.is_err()) {
        false => Ok(()),
        true => Err(Stop::thrown(&failed_commit(&items))),
    }
}

/// Kafka's `AlterConsumerGroupOffsetsResult.all()`: the partitions that failed, and the first one's error.
fn failed_commit(items: &[(TopicPartition, Result<(), ApiError>)]) -> ApiError {
    let bad: Vec<String> = items
        .iter()
        .filter(|(_, r)| r.is_err())
        .map(|(tp, _)| tp.to_string())
        .collect();
    let code = first_error(items).map_or(ErrorCode::UNKNOWN_SERVER_ERROR, |e| e.code);
    let text = format!(
        "Failed altering group offsets for the following partitions: [{}]",
        bad.join(", ")
    );
    ApiError::with_text(code, text)
}

/// Kafka's `parseTopicsWithPartitions`: `topic:0,1`.
pub(super) fn topic_with_partitions(arg: &str) -> Outcome<Vec<TopicPartition>> {
    // Java's split drops empty strings at the end.
    let parts: Vec<&str> = arg.trim_end_matches(':').split(':').collect();
    let [topic, partitions] = parts.as_slice() else {
        return Err(Stop::Illegal(format!(
            "Invalid topic arg '{arg}', expected topic name and partitions"
        )));
    };
    let number = |text: &str| match text.strip_prefix('+').unwrap_or(text).parse() {
        Ok(n) => Ok(TopicPartition::new(*topic, n)),
        Err(_) => Err(Stop::Illegal(format!(
            "Invalid partition '{text}' specified in topic arg '{arg}''"
        ))),
    };
    match partitions.trim_end_matches(',') {
        "" => Ok(Vec::new()),
        numbers => numbers.split(',').map(number).collect(),
    }
}

/// Kafka's `parseTopicPartitionsToReset`: named partitions first, then all of the topics without.
async fn partitions_of_topics(service: &Service<'_>) -> Outcome<Vec<TopicPartition>> {
    let mut partitions = Vec::new();
    let mut topics: Vec<String> = Vec::new();
    for topic in service.options.values("topic") {
        if topic.contains(':') {
            partitions.extend(topic_with_partitions(topic)?);
        } else if !topics.iter().any(|t| t == topic) {
            topics.push(topic.to_string());
        }
    }
    let described = service.admin.describe_topics(&topics, false).await;
    if let Some(e) = first_error(&described) {
        return Err(Stop::thrown(e));
    }
    for (topic, described) in hash_map_order(described, |(t, _)| t) {
        if let Ok(d) = described {
            partitions.extend(
                d.partitions
                    .iter()
                    .map(|p| TopicPartition::new(topic.as_str(), p.partition)),
            );
        }
    }
    Ok(partitions)
}

/// Kafka's `checkAllTopicPartitionsValid`.
async fn check_partitions(service: &Service<'_>, partitions: &[TopicPartition]) -> Outcome {
    let mut topics: Vec<String> = partitions.iter().map(|tp| tp.topic.to_string()).collect();
    topics.sort();
    topics.dedup();
    let described = service.admin.describe_topics(&topics, false).await;
    if let Some(e) = first_error(&described) {
        return Err(Stop::runtime(e));
    }
    let mut leaders: HashMap<TopicPartition, bool> = HashMap::new();
    for topic in described.iter().filter_map(|(_, r)| r.as_ref().ok()) {
        for p in &topic.partitions {
            leaders.insert(
                TopicPartition::new(topic.name.as_str(), p.partition),
                p.leader.is_some(),
            );
        }
    }
    let bad = |is_bad: fn(Option<&bool>) -> bool| {
        let bad = partitions.iter().filter(|tp| is_bad(leaders.get(tp)));
        bad.map(TopicPartition::to_string).collect::<Vec<_>>().join(",")
    };
    let missing = bad(|known| known.is_none());
    if !missing.is_empty() {
        let text = format!("The partitions \"{missing}\" do not exist");
        return Err(Stop::thrown(&ApiError::with_text(
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            text,
        )));
    }
    let leaderless = bad(|known| known == Some(&false));
    if !leaderless.is_empty() {
        let text = format!("The partitions \"{leaderless}\" have no leader");
        return Err(Stop::thrown(&ApiError::with_text(
            ErrorCode::LEADER_NOT_AVAILABLE,
            text,
        )));
    }
    Ok(())
}

fn print_all(ui: &mut Ui, service: &Service<'_>, all: &[NewOffsets]) -> CliResult {
    if service.options.has("export") {
        let one_group = service.options.values("group").count() == 1;
        for new in all {
            for (tp, offset) in &new.offsets {
                let group = (!one_group).then_some(new.group.as_str());
                write!(ui.out(), "{}", csv::line(group, tp, *offset))?;
            }
        }
        writeln!(ui.out())?;
        return Ok(());
    }
    if ui.format() == Format::Kafka {
        return Ok(print::new_offsets(ui.out(), all)?);
    }
    let mut sheet = Sheet::new(&["group", "topic", "partition", "old_offset", "new_offset", "change"]);
    for new in all {
        let mut offsets: Vec<_> = new.offsets.iter().collect();
        offsets.sort();
        for (tp, offset) in offsets {
            let old = new.old.get(tp);
            sheet.push(vec![
                json!(new.group),
                json!(&*tp.topic),
                json!(tp.partition),
                json!(old),
                json!(offset),
                json!(old.map(|o| offset - o)),
            ]);
        }
    }
    sheet.print(ui)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_with_partitions() {
        let read = |s: &str| match topic_with_partitions(s) {
            Ok(all) => all.iter().map(TopicPartition::to_string).collect::<Vec<_>>().join(" "),
            Err(Stop::Illegal(m)) => m,
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(read("t:0,2"), "t-0 t-2");
        assert_eq!(read("t:"), "Invalid topic arg 't:', expected topic name and partitions");
        assert_eq!(
            read("t:0:1"),
            "Invalid topic arg 't:0:1', expected topic name and partitions"
        );
        assert_eq!(read("t:,"), "");
        assert_eq!(read("t:0,x"), "Invalid partition 'x' specified in topic arg 't:0,x''");
    }
}
