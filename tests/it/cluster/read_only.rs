//! Folders that may not be written: a broker does not start on one, and a directory that becomes one goes offline.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::storage_failure::{KAFKA_STORAGE_ERROR, all_are_there, dir_error, produce, produce_until_refused, value};
use crate::support::broker::Broker;
use crate::support::rdkafka as client;
use crate::support::wire::Wire;

/// A folder that every user may enter, and in it an empty data folder.
fn folders() -> (tempfile::TempDir, PathBuf) {
    let work = tempfile::tempdir().expect("a temp dir");
    set_mode(work.path(), 0o755);
    let data = work.path().join("data");
    fs::create_dir(&data).expect("a data folder");
    (work, data)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode can be set");
}

#[test]
fn a_broker_does_not_start_on_a_folder_it_may_not_write() {
    let (_work, data) = folders();
    let broker = Broker::unprivileged(&data, &[]).expect("a broker");
    assert_eq!(broker.stop(), Some(0));
    set_mode(&data, 0o555);
    let said = Broker::unprivileged(&data, &[]).expect_err("nothing can be written");
    set_mode(&data, 0o755);
    assert!(said.contains(&data.display().to_string()), "{said}");
    assert!(
        said.contains("Permission denied") && said.starts_with("exit Some(1)"),
        "{said}"
    );
    Broker::unprivileged(&data, &[]).expect("a broker again");
    let below_a_file = data.join("meta.properties/data");
    let said = Broker::on(&below_a_file, &[]).expect_err("a file is no folder");
    assert!(said.contains(&below_a_file.display().to_string()), "{said}");
}

#[test]
fn a_folder_that_becomes_read_only_goes_offline_and_keeps_what_it_has() {
    let (_work, data) = folders();
    // Checkpoints are new files.
    let often = [("replica.high.watermark.checkpoint.interval.ms", "50")];
    let broker = Broker::unprivileged(&data, &often).expect("a broker");
    client::create_topic(broker.bootstrap(), "kept", 1);
    let mut wire = Wire::connect(broker.bootstrap());
    assert_eq!(produce(&mut wire, "kept", &value(0)), 0);
    set_mode(&data, 0o555);
    let mut acknowledged = 1;
    let code = loop {
        match produce(&mut wire, "kept", &value(acknowledged)) {
            0 => acknowledged += 1,
            code => break code,
        }
        assert!(acknowledged < 20_000, "a folder that cannot be written stays online");
    };
    assert_eq!(code, KAFKA_STORAGE_ERROR);
    assert_eq!(dir_error(&mut wire), KAFKA_STORAGE_ERROR);
    let said = broker.stop_and_tell();
    assert!(
        said.contains(&format!("log directory {} is offline", data.display())),
        "{said}"
    );
    set_mode(&data, 0o755);
    all_are_there(&data, "kept", acknowledged);
}

#[test]
fn a_partition_that_cannot_begin_a_segment_refuses_what_does_not_fit_the_last() {
    let (_work, data) = folders();
    let broker = Broker::unprivileged(&data, &[("log.segment.bytes", "1048576")]).expect("a broker");
    client::create_topic(broker.bootstrap(), "rolls", 1);
    let mut wire = Wire::connect(broker.bootstrap());
    let partition = data.join("rolls-0");
    set_mode(&partition, 0o555);
    let (acknowledged, code) = produce_until_refused(&mut wire, "rolls");
    assert!(
        acknowledged > 90,
        "{acknowledged} records of 10 kB fit into a segment of 1 MB"
    );
    assert_eq!(code, KAFKA_STORAGE_ERROR);
    let said = broker.stop_and_tell();
    assert!(
        said.contains("is offline") && said.contains("Permission denied"),
        "{said}"
    );
    set_mode(&partition, 0o755);
    all_are_there(&data, "rolls", acknowledged);
}
