//! `--delete` and `--delete-offsets`.

use std::collections::HashSet;

use serde_json::json;

use super::{Outcome, Service, print, print_error, reset, wait};
use crate::TopicPartition;
use crate::cli::compat::java_hash::hash_map_order;
use crate::cli::table::Sheet;
use crate::cli::ui::Format;
use crate::cli::{CliError, CliResult, Ui};
use crate::client::AdminError;
use crate::wire::ErrorCode;

/// Deletes whole groups. A group that cannot be deleted does not keep the others.
pub(super) async fn groups(ui: &mut Ui, service: &Service<'_>) -> Outcome {
    let groups = service.groups().await?;
    service.allow_change()?;
    wait::until_inactive(ui, service, &groups).await?;
    let items = hash_map_order(service.admin.delete_groups(&groups).await, |(g, _)| g);
    let failed = items.iter().any(|(_, r)| r.is_err());
    if ui.format() == Format::Kafka {
        print_deleted(ui, &items)?;
    } else {
        let mut sheet = Sheet::new(&["group", "error"]);
        for (group, result) in &items {
            sheet.push(vec![json!(group), json!(result.as_ref().err().map(|e| e.text()))]);
        }
        sheet.print(ui)?;
    }
    match failed {
        true => Err(CliError::told_quietly().into()),
        false => Ok(()),
    }
}

fn print_deleted(ui: &mut Ui, items: &[(String, Result<(), AdminError>)]) -> CliResult {
    let deleted: Vec<String> = items
        .iter()
        .filter(|(_, r)| r.is_ok())
        .map(|(g, _)| format!("'{g}'"))
        .collect();
    let deleted = deleted.join(", ");
    if items.iter().all(|(_, r)| r.is_ok()) {
        writeln!(
            ui.out(),
            "Deletion of requested consumer groups ({deleted}) was successful."
        )?;
        return Ok(());
    }
    print_error(ui, "Deletion of some consumer groups failed:")?;
    for (group, result) in items {
        if let Err(e) = result {
            writeln!(ui.out(), "* Group '{group}' could not be deleted due to: {e}")?;
        }
    }
    if !deleted.is_empty() {
        writeln!(ui.out(), "\nThese consumer groups were deleted successfully: {deleted}")?;
    }
    Ok(())
}

/// A partition (-1 for a topic that is not there) and why its offset was not deleted.
type Deleted = Vec<(TopicPartition, Result<(), AdminError>)>;

/// Deletes committed offsets of one group.
pub(super) async fn offsets(ui: &mut Ui, service: &Service<'_>) -> Outcome {
    let p = service.options;
    let group = p.value("group")?.unwrap_or_default().to_string();
    service.allow_change()?;
    wait::until_inactive(ui, service, std::slice::from_ref(&group)).await?;
    let (mut rows, partitions) = partitions(service).await?;
    let answer = service.admin.delete_group_offsets(&group, &partitions).await;
    let top_level = match &answer {
        Ok(items) => items.iter().find_map(|(_, r)| r.as_ref().err()).map(|e| e.code),
        Err(e) => Some(e.code),
    };
    match answer {
        Ok(items) => rows.extend(items),
        Err(e) => rows.extend(partitions.into_iter().map(|tp| (tp, Err(e.clone())))),
    }
    rows.sort_by_cached_key(|(tp, _)| format!("{}{}", tp.topic, tp.partition));
    tell_top_level(ui, &group, top_level)?;
    let failed = rows.iter().any(|(_, r)| r.is_err());
    print_rows(ui, &group, &rows)?;
    match failed {
        true => Err(CliError::told_quietly().into()),
        false => Ok(()),
    }
}

/// The partitions that `--topic` names, and the topics that cannot be looked up.
async fn partitions(service: &Service<'_>) -> Outcome<(Deleted, Vec<TopicPartition>)> {
    let mut partitions: Vec<TopicPartition> = Vec::new();
    let mut topics: Vec<String> = Vec::new();
    for topic in service.options.values("topic") {
        if topic.contains(':') {
            partitions.extend(reset::topic_with_partitions(topic)?);
        } else {
            topics.push(topic.to_string());
        }
    }
    let mut rows = Vec::new();
    for (topic, described) in service.admin.describe_topics(&topics, false).await {
        match described {
            Ok(d) => partitions.extend(
                d.partitions
                    .iter()
                    .map(|p| TopicPartition::new(topic.as_str(), p.partition)),
            ),
            Err(e) => rows.push((TopicPartition::new(topic, -1), Err(e))),
        }
    }
    let mut seen = HashSet::new();
    partitions.retain(|tp| seen.insert(tp.clone()));
    Ok((rows, hash_map_order(partitions, |tp| tp)))
}

fn tell_top_level(ui: &mut Ui, group: &str, error: Option<ErrorCode>) -> CliResult {
    match error {
        None if ui.format() == Format::Kafka => {
            writeln!(ui.out(), "Request succeeded for deleting offsets from group {group}.")?;
            Ok(())
        }
        None => Ok(()),
        Some(
            code @ (ErrorCode::INVALID_GROUP_ID
            | ErrorCode::GROUP_ID_NOT_FOUND
            | ErrorCode::GROUP_AUTHORIZATION_FAILED
            | ErrorCode::NON_EMPTY_GROUP),
        ) => print_error(ui, code.message()),
        Some(
            ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC
            | ErrorCode::TOPIC_AUTHORIZATION_FAILED
            | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ) => print_error(ui, "Encountered some partition-level error, see the follow-up details."),
        Some(code) => print_error(ui, &format!("Encountered some unknown error: {}", code.name())),
    }
}

fn print_rows(ui: &mut Ui, group: &str, rows: &Deleted) -> CliResult {
    if ui.format() == Format::Kafka {
        let rows: Vec<_> = rows
            .iter()
            .map(|(tp, r)| (tp.clone(), r.as_ref().err().map(ToString::to_string)))
            .collect();
        return Ok(print::deleted_offsets(ui.out(), &rows)?);
    }
    let mut sheet = Sheet::new(&["group", "topic", "partition", "error"]);
    for (tp, result) in rows {
        let partition = Some(tp.partition).filter(|p| *p >= 0);
        let error = result.as_ref().err().map(|e| e.text());
        sheet.push(vec![json!(group), json!(&*tp.topic), json!(partition), json!(error)]);
    }
    sheet.print(ui)
}
