//! `--describe`: committed offsets and lag, members, state.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Outcome, Service, Stop, first_error, lag, print, print_error, wait};
use crate::TopicPartition;
use crate::cli::Ui;
use crate::cli::compat::java_hash::hash_map_order;
use crate::cli::compat::time::short_duration;
use crate::cli::table::Sheet;
use crate::cli::ui::Format;
use crate::client::admin::{
    Admin, GroupDescription, GroupOffsets, GroupState, IsolationLevel, MemberDescription, OffsetSpec,
};
use crate::client::{AdminError, ApiError};
use crate::wire::ErrorCode;

/// One partition of a group (Kafka: `PartitionAssignmentState`).
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub group: String,
    pub tp: TopicPartition,
    pub leader_epoch: Option<i32>,
    pub offset: Option<i64>,
    /// `None` of a partition without a leader.
    pub log_end: Option<i64>,
    /// Member id, host, client id of the member that has the partition.
    pub owner: Option<(String, String, String)>,
}

impl Row {
    /// Records between the committed offset and the end; negative if the log was cut.
    pub(super) fn lag(&self) -> Option<i64> {
        Some(self.log_end? - self.offset.filter(|o| *o != -1)?)
    }

    pub(super) fn consumer_id(&self) -> &str {
        self.owner.as_ref().map_or("-", |o| &o.0)
    }

    pub(super) fn host(&self) -> &str {
        self.owner.as_ref().map_or("-", |o| &o.1)
    }

    pub(super) fn client_id(&self) -> &str {
        self.owner.as_ref().map_or("-", |o| &o.2)
    }
}

/// One member as `--members` shows it (Kafka: `MemberAssignmentState`).
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub consumer_id: String,
    pub host: String,
    pub client_id: String,
    pub group_instance_id: String,
    pub partitions: usize,
    /// `topic:0,1;other:0`, or `-`.
    pub assignment: String,
    pub target_assignment: String,
    pub current_epoch: Option<i32>,
    pub target_epoch: Option<i32>,
    pub upgraded: Option<bool>,
}

impl Member {
    fn of(group: &GroupDescription, m: &MemberDescription) -> Self {
        Self {
            consumer_id: m.member_id.clone(),
            host: m.host.clone(),
            client_id: m.client_id.clone(),
            group_instance_id: m.group_instance_id.clone().unwrap_or_default(),
            partitions: m.assignment.len(),
            assignment: assignment_text(&m.assignment),
            target_assignment: assignment_text(m.target_assignment.as_deref().unwrap_or_default()),
            current_epoch: m.member_epoch,
            target_epoch: group.target_assignment_epoch,
            upgraded: m.upgraded,
        }
    }
}

/// Kafka's `getAssignmentString`; the partitions are sorted.
fn assignment_text(partitions: &[TopicPartition]) -> String {
    if partitions.is_empty() {
        return "-".to_string();
    }
    let of_one_topic = |of: &[TopicPartition]| {
        let numbers: Vec<String> = of.iter().map(|tp| tp.partition.to_string()).collect();
        format!("{}:{}", of[0].topic, numbers.join(","))
    };
    let mut topics: Vec<String> = partitions
        .chunk_by(|a, b| a.topic == b.topic)
        .map(of_one_topic)
        .collect();
    topics.sort();
    topics.join(";")
}

pub(super) async fn run(ui: &mut Ui, service: &Service<'_>) -> Outcome {
    let p = service.options;
    let groups = service.groups().await?;
    wait::until_inactive(ui, service, &groups).await?;
    let groups = describe_groups(&service.admin, groups).await?;
    if p.has("members") {
        members(ui, &groups, p.has("verbose"))
    } else if p.has("state") {
        states(ui, &groups, p.has("verbose"))
    } else {
        offsets(ui, service, &groups).await
    }
}

/// All groups, sorted by name; the first that cannot be described fails the command.
async fn describe_groups(admin: &Admin, groups: Vec<String>) -> Outcome<Vec<GroupDescription>> {
    let items = admin.describe_consumer_groups(&groups).await;
    let mut all = Vec::new();
    for (_, described) in hash_map_order(items, |(g, _)| g) {
        all.push(described.map_err(|e| Stop::execution(&e))?);
    }
    all.sort_by(|a, b| a.group_id.cmp(&b.group_id));
    Ok(all)
}

/// Says on stderr that a group is empty or rebalancing. False of a group of which nothing is shown.
fn note_state(ui: &mut Ui, g: &GroupDescription) -> Outcome<bool> {
    match g.state {
        GroupState::Dead => {
            print_error(ui, &format!("Consumer group '{}' does not exist.", g.group_id))?;
            Ok(false)
        }
        GroupState::NotReady | GroupState::Unknown => {
            let text = format!("Expected a valid consumer group state, but found '{}'.", g.state);
            Err(Stop::thrown(&ApiError::kafka(text)))
        }
        state => {
            if let Some(note) = print::state_note(&g.group_id, state) {
                ui.say_err(&note)?;
            }
            Ok(true)
        }
    }
}

fn states(ui: &mut Ui, groups: &[GroupDescription], verbose: bool) -> Outcome {
    let mut sheet = Sheet::new(&[
        "group",
        "coordinator_id",
        "coordinator",
        "assignment_strategy",
        "state",
        "group_epoch",
        "target_assignment_epoch",
        "members",
    ]);
    for g in groups {
        if !note_state(ui, g)? {
            continue;
        }
        if ui.format() == Format::Kafka {
            print::state(ui.out(), g, verbose)?;
        }
        sheet.push(vec![
            json!(g.group_id),
            json!(g.coordinator.id),
            json!(format!("{}:{}", g.coordinator.host, g.coordinator.port)),
            json!(Some(&g.partition_assignor).filter(|a| !a.is_empty())),
            json!(g.state.name()),
            json!(g.group_epoch),
            json!(g.target_assignment_epoch),
            json!(g.members.len()),
        ]);
    }
    print_sheet(ui, &sheet)
}

fn print_sheet(ui: &mut Ui, sheet: &Sheet) -> Outcome {
    match ui.format() {
        Format::Kafka => Ok(()),
        _ => Ok(sheet.print(ui)?),
    }
}

fn members(ui: &mut Ui, groups: &[GroupDescription], verbose: bool) -> Outcome {
    let mut sheet = Sheet::new(&[
        "group",
        "consumer_id",
        "group_instance_id",
        "host",
        "client_id",
        "partitions",
        "current_epoch",
        "current_assignment",
        "target_epoch",
        "target_assignment",
        "upgraded",
    ]);
    for g in groups {
        note_state(ui, g)?;
        let all: Vec<Member> = g.members.iter().map(|m| Member::of(g, m)).collect();
        if ui.format() == Format::Kafka {
            print::members(ui.out(), &g.group_id, &all, verbose)?;
        }
        for (m, described) in all.iter().zip(&g.members) {
            sheet.push(vec![
                json!(g.group_id),
                json!(m.consumer_id),
                json!(described.group_instance_id),
                json!(m.host),
                json!(m.client_id),
                json!(m.partitions),
                json!(m.current_epoch),
                json!(m.assignment),
                json!(m.target_epoch),
                json!(m.target_assignment),
                json!(m.upgraded),
            ]);
        }
    }
    print_sheet(ui, &sheet)
}

async fn offsets(ui: &mut Ui, service: &Service<'_>, groups: &[GroupDescription]) -> Outcome {
    let rows = rows(&service.admin, groups).await?;
    let mut shown: Vec<Row> = Vec::new();
    for (g, rows) in groups.iter().zip(rows) {
        if !note_state(ui, g)? || rows.is_empty() {
            continue;
        }
        if ui.format() == Format::Kafka {
            print::offsets(ui.out(), &rows, service.options.has("verbose"))?;
        }
        shown.extend(rows);
    }
    if ui.format() == Format::Kafka {
        return Ok(());
    }
    let lags = lag::in_time(&service.admin, &shown).await;
    let for_people = ui.format() == Format::Table;
    let lag_column = if for_people { "lag_time" } else { "lag_ms" };
    let mut sheet = Sheet::new(&[
        "group",
        "topic",
        "partition",
        "leader_epoch",
        "current_offset",
        "log_end_offset",
        "lag",
        lag_column,
        "consumer_id",
        "host",
        "client_id",
    ]);
    for r in &shown {
        let lag_ms = lags.get(&(r.tp.clone(), r.offset.unwrap_or(-1))).copied();
        let lag_cell: Value = match lag_ms {
            Some(ms) if for_people => json!(short_duration(ms)),
            other => json!(other),
        };
        let owner = r.owner.as_ref();
        sheet.push(vec![
            json!(r.group),
            json!(&*r.tp.topic),
            json!(r.tp.partition),
            json!(r.leader_epoch),
            json!(r.offset),
            json!(r.log_end),
            json!(r.lag()),
            lag_cell,
            json!(owner.map(|o| &o.0)),
            json!(owner.map(|o| &o.1)),
            json!(owner.map(|o| &o.2)),
        ]);
    }
    Ok(sheet.print(ui)?)
}

/// Each group's partitions: first the members', those with most partitions first, then those nobody has.
async fn rows(admin: &Admin, groups: &[GroupDescription]) -> Outcome<Vec<Vec<Row>>> {
    let names: Vec<String> = groups.iter().map(|g| g.group_id.clone()).collect();
    let committed = committed_offsets(admin, &names).await.map_err(|e| Stop::runtime(&e))?;
    let mut blocks: Vec<Vec<Row>> = Vec::new();
    for g in groups {
        let mine = committed.get(&g.group_id).map_or(&[][..], Vec::as_slice);
        blocks.push(rows_of(g, mine));
    }
    let mut all: Vec<TopicPartition> = blocks.iter().flatten().map(|r| r.tp.clone()).collect();
    all.sort();
    all.dedup();
    let ends = log_ends(admin, &all).await?;
    for row in blocks.iter_mut().flatten() {
        row.log_end = ends.get(&row.tp).copied();
    }
    Ok(blocks)
}

fn rows_of(
    g: &GroupDescription,
    committed: &[(TopicPartition, Option<crate::client::admin::OffsetAndMetadata>)],
) -> Vec<Row> {
    let committed: HashMap<&TopicPartition, _> =
        committed.iter().filter_map(|(tp, o)| Some((tp, o.as_ref()?))).collect();
    let row = |tp: &TopicPartition, owner: Option<(String, String, String)>| Row {
        group: g.group_id.clone(),
        tp: tp.clone(),
        leader_epoch: committed.get(tp).and_then(|o| o.leader_epoch),
        offset: committed.get(tp).map(|o| o.offset),
        log_end: None,
        owner,
    };
    let mut members: Vec<&MemberDescription> = g.members.iter().collect();
    members.sort_by_key(|m| std::cmp::Reverse(m.assignment.len()));
    let mut rows = Vec::new();
    for m in &members {
        let owner = (m.member_id.clone(), m.host.clone(), m.client_id.clone());
        rows.extend(m.assignment.iter().map(|tp| row(tp, Some(owner.clone()))));
    }
    let assigned: std::collections::HashSet<&TopicPartition> = members.iter().flat_map(|m| &m.assignment).collect();
    let mut rest: Vec<&TopicPartition> = committed.keys().copied().filter(|tp| !assigned.contains(tp)).collect();
    rest.sort();
    rows.extend(rest.into_iter().map(|tp| row(tp, None)));
    rows
}

/// What the groups have committed; the first failure fails all.
pub(super) async fn committed_offsets(
    admin: &Admin,
    groups: &[String],
) -> Result<HashMap<String, GroupOffsets>, AdminError> {
    let asked: Vec<_> = groups.iter().map(|g| (g.clone(), None)).collect();
    let items = admin.list_group_offsets(&asked, false).await;
    match first_error(&items) {
        Some(e) => Err(e.clone()),
        None => Ok(items.into_iter().filter_map(|(g, r)| Some((g, r.ok()?))).collect()),
    }
}

/// Where the partitions end; those without a leader are left out.
async fn log_ends(admin: &Admin, partitions: &[TopicPartition]) -> Outcome<HashMap<TopicPartition, i64>> {
    let led = with_leader(admin, partitions).await?;
    let wanted: Vec<_> = led.into_iter().map(|tp| (tp, OffsetSpec::Latest)).collect();
    let items = admin.list_offsets(&wanted, IsolationLevel::ReadUncommitted).await;
    match first_error(&items) {
        Some(e) => Err(Stop::runtime(e)),
        None => Ok(items
            .into_iter()
            .filter_map(|(tp, r)| Some((tp, r.ok()?.offset)))
            .collect()),
    }
}

/// Kafka's `filterNoneLeaderPartitions`, turned round.
async fn with_leader(admin: &Admin, partitions: &[TopicPartition]) -> Outcome<Vec<TopicPartition>> {
    let mut topics: Vec<String> = partitions.iter().map(|tp| tp.topic.to_string()).collect();
    topics.sort();
    topics.dedup();
    let described = admin.describe_topics(&topics, false).await;
    if let Some(e) = first_error(&described) {
        return Err(Stop::runtime(e));
    }
    let mut leaderless = std::collections::HashSet::new();
    for topic in described.iter().filter_map(|(_, r)| r.as_ref().ok()) {
        let without = topic.partitions.iter().filter(|p| p.leader.is_none());
        leaderless.extend(without.map(|p| TopicPartition::new(topic.name.as_str(), p.partition)));
    }
    Ok(partitions
        .iter()
        .filter(|tp| !leaderless.contains(tp))
        .cloned()
        .collect())
}

/// The state of each group; `None` of one that does not exist.
pub(super) async fn group_states(
    admin: &Admin,
    groups: &[String],
) -> Result<Vec<(String, Option<GroupState>)>, AdminError> {
    let mut states = Vec::new();
    for (group, described) in admin.describe_consumer_groups(groups).await {
        match described {
            Ok(d) => states.push((group, Some(d.state))),
            Err(e) if e.code == ErrorCode::GROUP_ID_NOT_FOUND => states.push((group, None)),
            Err(e) => return Err(e),
        }
    }
    Ok(states)
}
