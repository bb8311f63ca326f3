//! Generate, execute, cancel and list.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::generate::{Broker, place};
use super::options::Action;
use super::plan::{self, Plan, ReplicaKey, joined};
use super::{Failure, Stop, throttle, verify};
use crate::TopicPartition;
use crate::cli::compat::java_hash::hash_map_order;
use crate::cli::table::Sheet;
use crate::cli::ui::Format;
use crate::cli::{Parsed, Ui};
use crate::client::ApiError;
use crate::client::admin::{Admin, DescribeClusterOptions, PartitionReassignment, TopicPartitionReplica};
use crate::wire::ErrorCode;

type Done = Result<(), Stop>;

pub async fn run(ui: &mut Ui, opts: &Parsed, action: Action, admin: &Admin) -> Done {
    match action {
        Action::List => list(ui, admin).await,
        Action::Generate => generate(ui, opts, admin).await,
        Action::Execute => execute(ui, opts, admin).await,
        Action::Verify => verify::run(ui, &read_plan(opts)?, opts.has("preserve-throttles"), admin).await,
        Action::Cancel => cancel(ui, opts, admin).await,
    }
}

fn read_file(opts: &Parsed, option: &str) -> Result<String, Stop> {
    let path = opts.value(option)?.unwrap_or_default();
    let bytes = std::fs::read(path);
    let bytes = bytes.map_err(|_| Failure::of("java.io.IOException", format!("Unable to read file {path}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_plan(opts: &Parsed) -> Result<Plan, Stop> {
    Ok(Plan::parse(&read_file(opts, "reassignment-json-file")?)?)
}

async fn list(ui: &mut Ui, admin: &Admin) -> Done {
    let mut current = admin.list_partition_reassignments(None).await?;
    current.sort_by(|a, b| a.0.cmp(&b.0));
    if ui.format() != Format::Kafka {
        let mut sheet = Sheet::new(&["topic", "partition", "replicas", "adding", "removing"]);
        for (tp, r) in &current {
            let row = serde_json::json!([
                &*tp.topic,
                tp.partition,
                r.replicas,
                r.adding_replicas,
                r.removing_replicas
            ]);
            sheet.push(row.as_array().cloned().unwrap_or_default());
        }
        return Ok(sheet.print(ui)?);
    }
    if current.is_empty() {
        writeln!(ui.out(), "No partition reassignments found.")?;
        return Ok(());
    }
    writeln!(ui.out(), "Current partition reassignments:")?;
    for (tp, r) in &current {
        let part = |name: &str, ids: &[i32]| match ids {
            [] => String::new(),
            _ => format!(" {name}: {}.", joined(ids, ",")),
        };
        let (adding, removing) = (
            part("adding", &r.adding_replicas),
            part("removing", &r.removing_replicas),
        );
        writeln!(
            ui.out(),
            "{tp}: replicas: {}.{adding}{removing}",
            joined(&r.replicas, ",")
        )?;
    }
    Ok(())
}

/// Replicas of all partitions of the topics.
async fn replicas_of_topics(admin: &Admin, topics: &[String]) -> Result<BTreeMap<TopicPartition, Vec<i32>>, Stop> {
    let mut all = BTreeMap::new();
    for (name, description) in admin.describe_topics(topics, false).await {
        let description = description.map_err(|e| match e.code {
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => ApiError::with_text(e.code, format!("Topic {name} not found.")),
            _ => e,
        })?;
        for p in description.partitions {
            all.insert(
                TopicPartition::new(name.as_str(), p.partition),
                p.replicas.iter().map(|n| n.id).collect(),
            );
        }
    }
    Ok(all)
}

/// The directories that hold these replicas now.
async fn current_log_dirs(
    admin: &Admin,
    partitions: &BTreeMap<TopicPartition, Vec<i32>>,
) -> Result<BTreeMap<ReplicaKey, String>, Stop> {
    let replicas: Vec<TopicPartitionReplica> = partitions
        .iter()
        .flat_map(|(tp, brokers)| brokers.iter().map(|b| plan::replica(*b, tp)))
        .collect();
    let mut dirs = BTreeMap::new();
    for (r, info) in admin.describe_replica_log_dirs(&replicas).await {
        // a broker that is down tells nothing: its replicas are "any"
        if let Some(dir) = info.ok().and_then(|i| i.current_log_dir) {
            dirs.insert((r.broker_id, r.partition), dir);
        }
    }
    Ok(dirs)
}

async fn generate(ui: &mut Ui, opts: &Parsed, admin: &Admin) -> Done {
    let text = read_file(opts, "topics-to-move-json-file")?;
    let brokers: BTreeSet<i32> = plan::parse_brokers(opts.value("broker-list")?.unwrap_or_default())?
        .into_iter()
        .collect();
    let topics = plan::parse_topics(&text)?;
    let current = replicas_of_topics(admin, &topics).await?;
    let with_racks = !opts.has("disable-rack-aware");
    let nodes = admin.describe_cluster(DescribeClusterOptions::default()).await?.nodes;
    let targets: Vec<Broker> = nodes
        .into_iter()
        .filter(|n| brokers.contains(&n.id))
        .map(|n| Broker {
            id: n.id,
            rack: n.rack.filter(|_| with_racks),
        })
        .collect();
    let without = targets.iter().filter(|b| b.rack.is_none()).count();
    if with_racks && without != 0 && without != targets.len() {
        return Err(Failure::operation(
            "Not all brokers have rack information. Add --disable-rack-aware in command line to make replica assignment \
             without rack information.",
        )
        .into());
    }
    let mut by_topic: BTreeMap<&str, Vec<(&TopicPartition, usize)>> = BTreeMap::new();
    for (tp, replicas) in &current {
        by_topic.entry(&tp.topic).or_default().push((tp, replicas.len()));
    }
    let mut proposed = BTreeMap::new();
    for partitions in by_topic.values() {
        let factor = partitions.first().map_or(0, |(_, n)| *n);
        let placed = place(&targets, partitions.len(), factor, &mut rand::rng())?;
        proposed.extend(partitions.iter().zip(placed).map(|((tp, _), r)| ((*tp).clone(), r)));
    }
    let dirs = current_log_dirs(admin, &current).await?;
    writeln!(
        ui.out(),
        "Current partition replica assignment\n{}\n",
        plan::format(&current, &dirs)
    )?;
    let proposal = plan::format(&proposed, &BTreeMap::new());
    writeln!(ui.out(), "Proposed partition reassignment configuration\n{proposal}")?;
    Ok(())
}

const EXISTING: &str = "Cannot execute because there is an existing partition assignment.  Use --additional to override this and \
                        create a new partition assignment in addition to the existing one. The --additional flag can also be used \
                        to change the throttle by resubmitting the current reassignment.";

async fn execute(ui: &mut Ui, opts: &Parsed, admin: &Admin) -> Done {
    let plan = read_plan(opts)?;
    let throttle: i64 = opts.parsed("throttle")?.unwrap_or(-1);
    let dir_throttle: i64 = opts.parsed("replica-alter-log-dirs-throttle")?.unwrap_or(-1);
    let timeout: i64 = opts.parsed("timeout")?.unwrap_or(10_000);
    plan.check()?;
    let current = admin.list_partition_reassignments(None).await?;
    if !opts.has("additional") && !current.is_empty() {
        return Err(Failure::terse(EXISTING).into());
    }
    let known: BTreeSet<i32> = admin
        .describe_cluster(DescribeClusterOptions::default())
        .await?
        .nodes
        .iter()
        .map(|n| n.id)
        .collect();
    if let Some(unknown) = plan.brokers().into_iter().find(|id| !known.contains(id)) {
        return Err(Failure::command(format!("Unknown broker id {unknown}")).into());
    }
    let now = current_replicas(admin, &plan).await?;
    let dirs = current_log_dirs(admin, &now).await?;
    writeln!(
        ui.out(),
        "Current partition replica assignment\n\n{}\n\nSave this to use as the --reassignment-json-file option during rollback",
        plan::format(&now, &dirs)
    )?;
    set_throttles(ui, admin, &plan, &current, &now, (throttle, dir_throttle)).await?;
    start(ui, admin, &plan, !opts.has("disallow-replication-factor-change")).await?;
    if plan.log_dirs.is_empty() {
        return Ok(());
    }
    let timeout = Duration::from_millis(u64::try_from(timeout).unwrap_or(0));
    move_between_dirs(ui, admin, plan.replicas(), timeout).await
}

async fn current_replicas(admin: &Admin, plan: &Plan) -> Result<BTreeMap<TopicPartition, Vec<i32>>, Stop> {
    let topics: Vec<String> = plan.topics().into_iter().map(str::to_string).collect();
    let mut now = replicas_of_topics(admin, &topics).await?;
    let wanted: BTreeSet<&TopicPartition> = plan.partitions.iter().map(|(tp, _)| tp).collect();
    now.retain(|tp, _| wanted.contains(tp));
    let missing: Vec<_> = wanted.into_iter().filter(|tp| !now.contains_key(tp)).collect();
    let missing = hash_map_order(missing, |tp| *tp);
    if missing.is_empty() {
        return Ok(now);
    }
    let text = format!("Unable to find partition: {}", joined(missing, ", "));
    Err(ApiError::with_text(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, text).into())
}

async fn set_throttles(
    ui: &mut Ui,
    admin: &Admin,
    plan: &Plan,
    current: &[(TopicPartition, PartitionReassignment)],
    now: &BTreeMap<TopicPartition, Vec<i32>>,
    (between_brokers, between_dirs): (i64, i64),
) -> Done {
    if between_brokers < 0 && between_dirs < 0 {
        return Ok(());
    }
    let text = "Warning: You must run --verify periodically, until the reassignment completes, to ensure the throttle is removed.";
    writeln!(ui.out(), "{text}")?;
    if between_brokers >= 0 {
        let moves = plan::moves(current, &plan.partitions, now);
        throttle::set_for_moves(admin, &moves, between_brokers).await?;
        writeln!(
            ui.out(),
            "The inter-broker throttle limit was set to {between_brokers} B/s"
        )?;
    }
    if between_dirs >= 0 {
        let brokers: BTreeSet<i32> = plan.log_dirs.keys().map(|(b, _)| *b).collect();
        throttle::set_for_dirs(admin, &brokers, between_dirs).await?;
        writeln!(
            ui.out(),
            "The replica-alter-dir throttle limit was set to {between_dirs} B/s"
        )?;
    }
    Ok(())
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

async fn start(ui: &mut Ui, admin: &Admin, plan: &Plan, allow_factor_change: bool) -> Done {
    let targets: Vec<_> = plan
        .partitions
        .iter()
        .map(|(tp, r)| (tp.clone(), Some(r.clone())))
        .collect();
    let answers = admin
        .alter_partition_reassignments_with(&targets, allow_factor_change)
        .await?;
    let errors = failures(answers);
    if !errors.is_empty() {
        return Err(Failure::terse(format!("Error reassigning partition(s):\n{}", joined(errors, "\n"))).into());
    }
    let all: BTreeSet<&TopicPartition> = plan.partitions.iter().map(|(tp, _)| tp).collect();
    writeln!(
        ui.out(),
        "Successfully started partition reassignment{} for {}",
        plural(all.len()),
        joined(all, ",")
    )?;
    Ok(())
}

/// `partition: text` of what failed, by partition.
fn failures(answers: Vec<(TopicPartition, Result<(), ApiError>)>) -> Vec<String> {
    let errors: BTreeMap<_, _> = answers
        .into_iter()
        .filter_map(|(tp, r)| r.err().map(|e| (tp, e)))
        .collect();
    errors
        .into_iter()
        .map(|(tp, e)| format!("{tp}: {}", e.text()))
        .collect()
}

/// Asks brokers to move replicas between their directories, again and again while a replica is not there yet.
async fn move_between_dirs(
    ui: &mut Ui,
    admin: &Admin,
    mut pending: Vec<(TopicPartitionReplica, String)>,
    timeout: Duration,
) -> Done {
    let deadline = Instant::now() + timeout;
    loop {
        let dirs: HashMap<TopicPartitionReplica, String> = pending.iter().cloned().collect();
        let mut started = Vec::new();
        for (r, done) in admin.alter_replica_log_dirs(&pending).await {
            match done {
                Ok(()) => started.push(r),
                Err(e) if e.code == ErrorCode::REPLICA_NOT_AVAILABLE => {}
                Err(_) => return Err(Failure::command(format!("Failed to alter dir for {r}")).into()),
            }
        }
        started.sort_by_key(|r| (r.broker_id, r.partition.clone()));
        for r in &started {
            let (dir, tp) = (&dirs[r], &r.partition);
            writeln!(
                ui.out(),
                "Successfully started moving log directory to {dir} for replica {tp} with broker {} ",
                r.broker_id
            )?;
        }
        pending.retain(|(r, _)| !started.contains(r));
        if pending.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let names = joined(pending.iter().map(|(r, _)| r), ",");
            let text = format!(
                "Timed out before log directory move{} could be started for: {names}",
                plural(pending.len())
            );
            return Err(Failure::terse(text).into());
        }
        // the broker has no event to wait for: Kafka's tool asks each 100 ms too
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn cancel(ui: &mut Ui, opts: &Parsed, admin: &Admin) -> Done {
    let plan = read_plan(opts)?;
    let timeout: i64 = opts.parsed("timeout")?.unwrap_or(10_000);
    let wanted: Vec<TopicPartition> = plan.partitions.iter().map(|(tp, _)| tp.clone()).collect();
    let current = admin.list_partition_reassignments(Some(&wanted)).await?;
    let active: BTreeSet<TopicPartition> = current
        .into_iter()
        .filter(|(_, r)| r.adding_replicas.is_empty() || !r.removing_replicas.is_empty())
        .map(|(tp, _)| tp)
        .collect();
    if active.is_empty() {
        writeln!(ui.out(), "None of the specified partition reassignments are active.")?;
    } else {
        let targets: Vec<_> = active.iter().map(|tp| (tp.clone(), None)).collect();
        let errors = failures(admin.alter_partition_reassignments(&targets).await?);
        if !errors.is_empty() {
            let s = plural(errors.len());
            return Err(Failure::terse(format!(
                "Error cancelling partition reassignment{s} for:\n{}",
                joined(errors, "\n")
            ))
            .into());
        }
        let s = plural(active.len());
        writeln!(
            ui.out(),
            "Successfully cancelled partition reassignment{s} for: {}",
            joined(&active, ",")
        )?;
    }
    let moving: Vec<(TopicPartitionReplica, String)> = verify::dir_states(admin, &plan)
        .await?
        .into_iter()
        .filter_map(|((b, tp), state)| match state {
            verify::DirState::Active { current, .. } => Some((plan::replica(b, &tp), current)),
            _ => None,
        })
        .collect();
    if moving.is_empty() {
        write!(ui.out(), "None of the specified partition moves are active.")?;
    } else {
        move_between_dirs(
            ui,
            admin,
            moving,
            Duration::from_millis(u64::try_from(timeout).unwrap_or(0)),
        )
        .await?;
    }
    if opts.has("preserve-throttles") {
        return Ok(());
    }
    throttle::clear_all(ui, admin, &plan).await
}
