//! `kt ready`: is a cluster there, and does it work? The exit code is the answer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::compat::time::parse_duration;
use super::connect::{Given, Target};
use super::{CliError, CliResult, Ui};
use crate::TopicPartition;
use crate::client::admin::{Admin, DescribeClusterOptions, NewTopic};
use crate::client::consume::{Consumer, Event, Position};
use crate::client::produce::{Outgoing, Producer};
use crate::client::props::Properties;
use crate::client::{ApiError, ConnectConfig};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The brokers to begin with, HOST:PORT, separated by commas.
    #[arg(long, value_name = "SERVERS")]
    bootstrap_server: Option<String>,
    /// A file of client properties.
    #[arg(long, value_name = "FILE")]
    command_config: Option<PathBuf>,
    /// The context to connect with.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// How long to wait for the cluster: 30s, 2m.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    timeout: Duration,
    /// Wait for at least so many brokers.
    #[arg(long, value_name = "N", default_value_t = 1)]
    brokers: usize,
    /// Also send a record to a topic of its own, read it back, and delete the topic.
    #[arg(long)]
    round_trip: bool,
}

/// Waits for the cluster, at most as long as `--timeout` says.
///
/// # Errors
/// What the last try failed with.
pub async fn run(ui: &mut Ui, args: Args) -> CliResult {
    let started = Instant::now();
    let target = target(ui, &args)?;
    let connect = &target.connect;
    let wait = async {
        let brokers = wait_for_brokers(connect, args.brokers, args.timeout).await?;
        if args.round_trip {
            round_trip(connect, target.bootstrap_servers()).await?;
        }
        Ok::<usize, ApiError>(brokers)
    };
    let failed = |why: &str| {
        CliError::failed(format!(
            "not ready after {:.1} s: {why}",
            started.elapsed().as_secs_f64()
        ))
    };
    match tokio::time::timeout(args.timeout, wait).await {
        Ok(Ok(brokers)) => {
            let trip = if args.round_trip {
                ", a record went there and back"
            } else {
                ""
            };
            writeln!(
                ui.out(),
                "ready: {brokers} broker(s){trip}, {} ms",
                started.elapsed().as_millis()
            )?;
            Ok(())
        }
        Ok(Err(e)) => Err(failed(e.text())),
        Err(_) => Err(failed("the time is up")),
    }
}

fn target(ui: &Ui, args: &Args) -> CliResult<Target> {
    let file = args.command_config.as_ref().map(|p| p.to_string_lossy().into_owned());
    let given = Given {
        servers: args.bootstrap_server.as_deref(),
        controllers: None,
        config_file: file.as_deref(),
        overrides: Properties::new(),
    };
    Target::resolve_named(ui, args.context.as_deref(), given)
}

/// Asks again until enough brokers are there: a cluster that starts refuses connections at first.
async fn wait_for_brokers(connect: &ConnectConfig, wanted: usize, timeout: Duration) -> Result<usize, ApiError> {
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pause.tick().await;
        let admin = Admin::connect(connect).await?.with_timeout(timeout);
        let cluster = admin.describe_cluster(DescribeClusterOptions::default()).await?;
        if cluster.nodes.len() >= wanted {
            return Ok(cluster.nodes.len());
        }
    }
}

async fn round_trip(connect: &ConnectConfig, servers: &str) -> Result<(), ApiError> {
    let admin = Admin::connect(connect).await?;
    let topic = format!("kt-ready-{}", uuid::Uuid::new_v4().simple());
    let new = NewTopic {
        name: topic.clone(),
        partitions: Some(1),
        replication_factor: None,
        assignments: BTreeMap::new(),
        configs: Vec::new(),
    };
    for (_, made) in admin.create_topics(&[new], false).await {
        made?;
    }
    let done = send_and_read(connect, servers, &topic).await;
    for (_, deleted) in admin.delete_topics(&[topic]).await {
        deleted?;
    }
    done
}

async fn send_and_read(connect: &ConnectConfig, servers: &str, topic: &str) -> Result<(), ApiError> {
    let mut props = connect.props.clone();
    props.set("bootstrap.servers", servers);
    props.set("linger.ms", "0");
    let producer = Producer::new(&props)?;
    producer.send(Outgoing {
        topic,
        value: Some(topic.as_bytes()),
        ..Outgoing::default()
    });
    producer.flush();
    if let Some(failed) = producer.take_failed().into_iter().next() {
        return Err(failed.error);
    }
    drop(producer);
    props.set_default("group.id", topic);
    props.set("enable.auto.commit", "false");
    // a consumer that still asks for the topic when it is deleted would have it made again
    props.set("allow.auto.create.topics", "false");
    let consumer = Consumer::new(&props, false)?;
    consumer.assign(&[(TopicPartition::new(topic, 0), Position::Earliest)])?;
    loop {
        if let Event::Record(r) = consumer.recv().await? {
            return match r.value() == Some(topic.as_bytes()) {
                true => Ok(()),
                false => Err(ApiError::kafka(format!("another record came back from {topic}"))),
            };
        }
    }
}
