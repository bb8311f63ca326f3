//! The flush settings: what they bring to the disk shows in the recovery point checkpoint, which a start after a crash
//! goes by.

use std::path::Path;
use std::time::{Duration, Instant};

use super::storage_failure::produce;
use crate::support::broker::Broker;
use crate::support::rdkafka as client;
use crate::support::wire::Wire;

/// The recovery point of partition 0; -1 if the file does not name it.
fn recovery_point(data: &Path, topic: &str) -> i64 {
    let text = std::fs::read_to_string(data.join("recovery-point-offset-checkpoint")).unwrap_or_default();
    let start = format!("{topic} 0 ");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(&start)?.parse().ok());
    lines.next().unwrap_or(-1)
}

fn wait_for(what: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !what() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn records_and_time_bring_a_log_to_the_disk() {
    let broker = Broker::with(&[
        ("log.flush.offset.checkpoint.interval.ms", "50"),
        ("log.flush.scheduler.interval.ms", "50"),
        // Else the scheduler's interval is the default of `flush.ms`.
        ("log.flush.interval.ms", "9223372036854775807"),
    ]);
    let data = broker.data_dir();
    let create = |topic: &str, settings: &[_]| client::create_topic_with(broker.bootstrap(), topic, 1, settings);
    create("never", &[]);
    create("messages", &[("flush.messages", "3")]);
    create("time", &[("flush.ms", "100")]);
    let mut wire = Wire::connect(broker.bootstrap());
    let mut write = |topic: &str, count: usize| (0..count).for_each(|_| assert_eq!(produce(&mut wire, topic, "x"), 0));
    write("never", 4);
    write("messages", 2);
    write("time", 4);
    // The file that shows it was written after all the records.
    assert!(wait_for(|| recovery_point(data, "time") == 4));
    assert_eq!(recovery_point(data, "messages"), 0, "two records are not three");
    write("messages", 2);
    assert!(
        wait_for(|| recovery_point(data, "messages") == 3),
        "the fourth waits for two more"
    );
    assert_eq!(recovery_point(data, "never"), 0);
}

#[test]
fn checkpoints_wait_for_their_interval() {
    let work = tempfile::tempdir().expect("a temp dir");
    let data = work.path().join("data");
    let settings = [
        ("log.flush.interval.messages", "1"),
        ("replica.high.watermark.checkpoint.interval.ms", "20"),
    ];
    let broker = Broker::on(&data, &settings).expect("a broker");
    client::create_topic(broker.bootstrap(), "t", 1);
    assert_eq!(produce(&mut Wire::connect(broker.bootstrap()), "t", "x"), 0);
    let high_watermarks = data.join("replication-offset-checkpoint");
    let written = || std::fs::read_to_string(&high_watermarks).is_ok_and(|text| text.contains("t 0 1"));
    assert!(wait_for(written), "one interval has passed");
    assert_eq!(recovery_point(&data, "t"), -1, "a minute has not");
    assert_eq!(broker.stop(), Some(0));
    assert_eq!(recovery_point(&data, "t"), 1, "a stop writes all");
}
