//! Many small clients, many topics, many partitions on one `kt broker`: `just bench-crowd`.
//!
//! Each figure is taken at half the size and at the whole one: what grows with the square shows. Prints a table and writes
//! it to target/bench-crowd.json. Where Java and Maven are, the same requests go to Apache Kafka.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use support::kafka::{self, Kafka};
use support::usage::{cpu_seconds, resident_kb};
use support::wire::Wire;

// Started and stopped as the integration tests do it; they use more of it.
#[allow(dead_code)]
#[path = "../tests/it/support/mod.rs"]
mod support;

const CONNECTIONS: usize = 5_000;
const TOPICS: usize = 1_000;
const PARTITIONS: usize = 10_000;
const GROUPS: usize = 100;
const MEMBERS: usize = 10;
const PARTITIONS_OF_A_TOPIC: usize = 500;

fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}

/// One figure: of `kt` at half the size and at the whole one, of Kafka at the whole one.
struct Figure {
    what: String,
    unit: &'static str,
    half: f64,
    whole: f64,
    kafka: Option<f64>,
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// What many connections cost that ask once and are silent then.
fn connections(bootstrap: &str, count: usize, pid: Option<u32>) -> Vec<(&'static str, &'static str, f64)> {
    let before = pid.map(resident_kb);
    let mut open = Vec::with_capacity(count);
    let took = seconds(|| {
        for _ in 0..count {
            let mut wire = Wire::connect(bootstrap);
            wire.call(&ApiVersionsRequest::default(), 0);
            open.push(wire);
        }
    });
    let mut figures = vec![("connections opened, each with a request", "s", took)];
    let mut asker = Wire::connect(bootstrap);
    let asked = seconds(|| {
        for _ in 0..100 {
            asker.call(&ApiVersionsRequest::default(), 0);
        }
    });
    figures.push(("a request beside them", "ms", asked * 10.0));
    if let (Some(pid), Some(before)) = (pid, before) {
        let each = (resident_kb(pid) - before) / count as f64;
        figures.push(("memory of an idle connection", "KiB", each));
        let used = cpu_seconds(pid);
        std::thread::sleep(Duration::from_secs(2));
        figures.push((
            "processor used while all are idle",
            "%",
            (cpu_seconds(pid) - used) / 2.0 * 100.0,
        ));
    }
    figures
}

fn create(bootstrap: &str, topics: Vec<(String, usize)>) {
    let mut wire = Wire::connect_for(bootstrap, LIMIT);
    let topic = |(name, partitions): (String, usize)| {
        CreatableTopic::default()
            .with_name(TopicName(text(name)))
            .with_num_partitions(i32::try_from(partitions).expect("few"))
            .with_replication_factor(1)
    };
    let request = CreateTopicsRequest::default()
        .with_topics(topics.into_iter().map(topic).collect())
        .with_timeout_ms(i32::try_from(LIMIT.as_millis()).expect("short"));
    for topic in wire.call(&request, 7).topics {
        assert_eq!(topic.error_code, 0, "{:?}: {:?}", topic.name, topic.error_message);
    }
}

/// The longest that one request may take.
const LIMIT: Duration = Duration::from_secs(120);

fn topics_in_one_call(bootstrap: &str, count: usize) -> f64 {
    let topics = (0..count).map(|n| (format!("one-call-{count}-{n}"), 1)).collect();
    seconds(|| create(bootstrap, topics))
}

/// Creates partitions, then describes and fetches all of them.
fn partitions(bootstrap: &str, count: usize) -> Vec<(&'static str, &'static str, f64)> {
    let names: Vec<String> = (0..count / PARTITIONS_OF_A_TOPIC)
        .map(|n| format!("wide-{count}-{n}"))
        .collect();
    let topics = names.iter().map(|n| (n.clone(), PARTITIONS_OF_A_TOPIC)).collect();
    let mut figures = vec![("partitions created", "s", seconds(|| create(bootstrap, topics)))];
    let mut wire = Wire::connect_for(bootstrap, LIMIT);
    let asked = names
        .iter()
        .map(|n| MetadataRequestTopic::default().with_name(Some(TopicName(text(n.clone())))));
    let request = MetadataRequest::default().with_topics(Some(asked.collect()));
    let settled = || {
        Wire::connect_for(bootstrap, LIMIT)
            .call(&request, 9)
            .topics
            .iter()
            .all(|t| t.error_code == 0 && t.partitions.iter().all(|p| p.error_code == 0))
    };
    while !settled() {}
    figures.push(("partitions described", "s", seconds(|| drop(wire.call(&request, 9)))));
    let topic = |name: &String| {
        let partition = |p| {
            FetchPartition::default()
                .with_partition(i32::try_from(p).expect("few"))
                .with_partition_max_bytes(1 << 20)
        };
        FetchTopic::default()
            .with_topic(TopicName(text(name.clone())))
            .with_partitions((0..PARTITIONS_OF_A_TOPIC).map(partition).collect())
    };
    let request = FetchRequest::default()
        .with_max_bytes(50 << 20)
        .with_session_epoch(0)
        .with_topics(names.iter().map(topic).collect());
    let mut session = 0;
    let first = seconds(|| {
        let response = wire.call(&request, 12);
        assert_eq!(response.error_code, 0);
        session = response.session_id;
    });
    figures.push(("partitions fetched, first time", "s", first));
    let again = FetchRequest::default()
        .with_max_bytes(50 << 20)
        .with_session_id(session);
    let next = seconds(|| {
        for epoch in 1..=10 {
            let response = wire.call(&again.clone().with_session_epoch(epoch), 12);
            assert_eq!(response.error_code, 0);
        }
    });
    figures.push(("partitions fetched again in a session", "s", next / 10.0));
    figures
}

fn join_request(group: &str, member: &StrBytes) -> JoinGroupRequest {
    let subscription = Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff");
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(subscription);
    JoinGroupRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_session_timeout_ms(60_000)
        .with_rebalance_timeout_ms(60_000)
        .with_member_id(member.clone())
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol])
}

/// Brings a group's members into one generation: the first holds the door open until all the others stand in it.
fn join_all(group: &str, wires: &mut [Wire]) -> Vec<JoinGroupResponse> {
    let request = |id: &StrBytes| join_request(group, id);
    let id = |wire: &mut Wire| wire.call(&request(&text("")), 5).member_id;
    let members = wires.len();
    let (first, others) = wires.split_first_mut().expect("a group has members");
    let leader = id(first);
    assert_eq!(first.call(&request(&leader), 5).error_code, 0);
    let sent: Vec<i32> = others
        .iter_mut()
        .map(|wire| {
            let id = id(wire);
            wire.send_request(&request(&id), 5)
        })
        .collect();
    let describe = DescribeGroupsRequest::default().with_groups(vec![GroupId(text(group))]);
    while first.call(&describe, 5).groups[0].members.len() < members {}
    let mut joined = vec![first.call(&request(&leader), 5)];
    let others = others.iter_mut().zip(sent);
    joined.extend(others.map(|(wire, id)| wire.receive::<JoinGroupRequest>(id, 5)));
    let generation = joined[0].generation_id;
    assert!(
        joined
            .iter()
            .all(|j| (j.error_code, j.generation_id) == (0, generation))
    );
    joined
}

fn sync_all(group: &str, wires: &mut [Wire], joined: &[JoinGroupResponse]) {
    let assignments: Vec<_> = joined
        .iter()
        .map(|j| {
            SyncGroupRequestAssignment::default()
                .with_member_id(j.member_id.clone())
                .with_assignment(Bytes::from_static(b"\0\0\0\0\0\0\xff\xff\xff\xff"))
        })
        .collect();
    let request = |j: &JoinGroupResponse| {
        let leads = j.leader == j.member_id;
        SyncGroupRequest::default()
            .with_group_id(GroupId(text(group)))
            .with_generation_id(j.generation_id)
            .with_member_id(j.member_id.clone())
            .with_assignments(if leads { assignments.clone() } else { Vec::new() })
    };
    let sent: Vec<i32> = wires
        .iter_mut()
        .zip(joined)
        .map(|(w, j)| w.send_request(&request(j), 3))
        .collect();
    for (wire, id) in wires.iter_mut().zip(sent) {
        assert_eq!(wire.receive::<SyncGroupRequest>(id, 3).error_code, 0);
    }
}

fn groups(bootstrap: &str, count: usize) -> Vec<(&'static str, &'static str, f64)> {
    let names: Vec<String> = (0..count).map(|n| format!("crowd-{count}-{n}")).collect();
    let mut asker = Wire::connect_for(bootstrap, LIMIT);
    // The topic of the offsets is made by the first who asks for a coordinator.
    let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("crowd")]);
    while asker.call(&find, 4).coordinators[0].error_code != 0 {}
    let mut members: Vec<Vec<Wire>> = names
        .iter()
        .map(|_| (0..MEMBERS).map(|_| Wire::connect_for(bootstrap, LIMIT)).collect())
        .collect();
    let mut joined = Vec::new();
    let took = seconds(|| {
        for (name, wires) in names.iter().zip(&mut members) {
            let all = join_all(name, wires);
            sync_all(name, wires, &all);
            joined.push(all);
        }
    });
    let mut figures = vec![("members of groups of ten joined", "s", took)];
    let beats = seconds(|| {
        for ((name, wires), joined) in names.iter().zip(&mut members).zip(&joined) {
            for (wire, j) in wires.iter_mut().zip(joined) {
                let request = HeartbeatRequest::default()
                    .with_group_id(GroupId(text(name.clone())))
                    .with_generation_id(j.generation_id)
                    .with_member_id(j.member_id.clone());
                assert_eq!(wire.call(&request, 3).error_code, 0);
            }
        }
    });
    figures.push(("a heartbeat of each", "s", beats));
    let request =
        DescribeGroupsRequest::default().with_groups(names.iter().map(|n| GroupId(text(n.clone()))).collect());
    let described = seconds(|| {
        let groups = asker.call(&request, 5).groups;
        assert!(groups.iter().all(|g| g.members.len() == MEMBERS));
    });
    figures.push(("their groups described", "s", described));
    figures
}

/// All figures at one size: `divisor` of the whole one.
fn all(bootstrap: &str, divisor: usize, pid: Option<u32>) -> Vec<(String, &'static str, f64)> {
    let named = |count: usize, figures: Vec<(&'static str, &'static str, f64)>| {
        figures
            .into_iter()
            .map(move |(what, unit, figure)| (format!("{count} {what}"), unit, figure))
    };
    let count = |whole: usize| whole / divisor;
    let mut all: Vec<_> = named(CONNECTIONS, connections(bootstrap, count(CONNECTIONS), pid)).collect();
    let created = topics_in_one_call(bootstrap, count(TOPICS));
    all.push((format!("{TOPICS} topics created in one call"), "s", created));
    all.extend(named(PARTITIONS, partitions(bootstrap, count(PARTITIONS))));
    all.extend(named(GROUPS * MEMBERS, groups(bootstrap, count(GROUPS))));
    all
}

/// As many open files as the system allows.
fn raise_open_files_limit() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both calls take a valid pointer to one struct, which the first fills.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

fn main() {
    // `cargo test --benches` runs this too, to see that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    kafka::at_full_speed();
    raise_open_files_limit();
    let half = {
        let broker = support::broker::Broker::start();
        all(broker.bootstrap(), 2, Some(broker.pid()))
    };
    let broker = support::broker::Broker::start();
    let idle_kb = resident_kb(broker.pid());
    let whole = all(broker.bootstrap(), 1, Some(broker.pid()));
    let after_kb = resident_kb(broker.pid());
    drop(broker);
    let kafka = kafka::available().then(|| {
        let kafka = Kafka::start(
            1,
            &[
                "offsets.topic.replication.factor=1".to_owned(),
                "group.initial.rebalance.delay.ms=0".to_owned(),
            ],
        );
        all(&kafka.brokers[0], 1, None)
    });
    let kafka_of = |what: &str| {
        kafka
            .as_ref()
            .and_then(|all| all.iter().find(|(w, ..)| w == what).map(|f| f.2))
    };
    let figures: Vec<Figure> = whole
        .into_iter()
        .zip(half)
        .map(|((what, unit, whole), (_, _, half))| Figure {
            kafka: kafka_of(&what),
            what,
            unit,
            half,
            whole,
        })
        .collect();
    println!("{:60} {:>10} {:>10} {:>12}  ", "", "kt, half", "kt", "Kafka 4.3.1");
    for f in &figures {
        let kafka = f.kafka.map_or(String::new(), |k| format!("{k:.3}"));
        println!(
            "{:60} {:>10.3} {:>10.3} {kafka:>12}  {}",
            f.what, f.half, f.whole, f.unit
        );
    }
    println!(
        "resident after the start {:.1} MiB, after all this {:.1} MiB",
        idle_kb / 1024.0,
        after_kb / 1024.0
    );
    let rows: Vec<_> = figures
        .iter()
        .map(|f| json!({"what": f.what, "unit": f.unit, "half": f.half, "kt": f.whole, "kafka": f.kafka}))
        .collect();
    let path = support::root().join("target/bench-crowd.json");
    std::fs::create_dir_all(support::root().join("target"))
        .and_then(|()| std::fs::write(&path, serde_json::to_string_pretty(&rows).expect("plain values")))
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    println!("written to {}", path.display());
}
