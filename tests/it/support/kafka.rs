//! Apache Kafka itself, where Java and Maven are: a cluster through tests/kafka/kafka.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{free_ports, tests_dir};

/// Whether tests with Apache Kafka can run. `KT_FOUR_CORNERS=1` demands them, `KT_FOUR_CORNERS=0` forbids them.
pub fn available() -> bool {
    match std::env::var("KT_FOUR_CORNERS").as_deref() {
        Ok("0") => false,
        Ok("1") => true,
        _ => ["java", "mvn"].iter().all(|program| {
            let mut version = Command::new(program);
            version
                .arg("-version")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            version.status().is_ok_and(|status| status.success())
        }),
    }
}

/// Where the jars are kept between runs.
pub fn home() -> PathBuf {
    if let Some(home) = std::env::var_os("KT_KAFKA_HOME") {
        return PathBuf::from(home);
    }
    PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache/kt-kafka-4.3.1")
}

/// Has Kafka's JVMs run as its own scripts run them; the tests let them start quickly instead. For the benches.
#[allow(dead_code)]
pub fn at_full_speed() {
    // SAFETY: a bench calls this first, before it has a second thread.
    unsafe { std::env::set_var("KT_KAFKA_JIT", "full") };
}

/// Runs tests/kafka/kafka and demands success.
fn script(args: &[&str]) {
    let status = Command::new(tests_dir("kafka").join("kafka"))
        .args(args)
        .env("KT_KAFKA_HOME", home())
        .stdin(Stdio::null())
        .status()
        .expect("bash and tests/kafka/kafka");
    assert!(status.success(), "tests/kafka/kafka {args:?}: {status}");
}

/// Downloads Apache Kafka where it is not there yet.
pub fn install() {
    script(&["install"]);
}

fn work_folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("kt-kafka-").tempdir();
    folder.expect("a temp dir")
}

/// A running Kafka cluster: combined node 1 and plain brokers. Stopped by pid when dropped.
#[derive(Debug)]
pub struct Kafka {
    dir: tempfile::TempDir,
    /// `127.0.0.1:PORT` of node 1, 2, ...
    pub brokers: Vec<String>,
    pub controller: String,
}

impl Kafka {
    pub fn start(nodes: usize, settings: &[String]) -> Self {
        Self::start_in(work_folder(), nodes, settings)
    }

    /// One node on a data folder that is there already; it is moved away.
    pub fn on(data: &Path, settings: &[String]) -> Self {
        let dir = work_folder();
        let own = dir.path().join("data");
        std::fs::create_dir(&own).expect("a folder in a fresh folder");
        std::fs::rename(data, own.join("1")).expect("folders on one file system");
        Self::start_in(dir, 1, settings)
    }

    /// One node on log directories that are there already, and stay where they are.
    pub fn across(dirs: &[&Path], settings: &[String]) -> Self {
        let work = work_folder();
        // It is not formatted where there is data, and what is set last counts.
        std::fs::create_dir_all(work.path().join("data/1")).expect("a folder in a fresh folder");
        let names: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        let settings = [settings, &[format!("log.dirs={}", names.join(","))]].concat();
        Self::start_in(work, 1, &settings)
    }

    /// The process of node 1. Benches ask for it.
    #[allow(dead_code)]
    pub fn pid(&self) -> u32 {
        let file = self.dir.path().join("node-1.pid");
        let pid = std::fs::read_to_string(file).expect("a pid is kept for each node");
        pid.trim().parse().expect("a number")
    }

    fn start_in(dir: tempfile::TempDir, nodes: usize, settings: &[String]) -> Self {
        let ports = free_ports(nodes + 1);
        let list = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let path = dir.path().to_str().expect("a temp dir in UTF-8").to_owned();
        let mut kafka = Self {
            dir,
            brokers: Vec::new(),
            controller: String::new(),
        };
        let mut args = vec!["start", &path, &list];
        args.extend(settings.iter().map(String::as_str));
        script(&args);
        let mut addresses = ports.iter().map(|port| format!("127.0.0.1:{port}"));
        kafka.controller = addresses.next_back().unwrap_or_default();
        kafka.brokers = addresses.collect();
        kafka
    }

    /// The log folder of a node.
    pub fn data_dir(&self, node: usize) -> PathBuf {
        self.dir.path().join("data").join(node.to_string())
    }

    /// SIGKILL for all nodes; their files stay as they are.
    pub fn kill_nodes(&self) {
        script(&["stop", self.dir.path().to_str().unwrap_or_default(), "*", "KILL"]);
    }

    /// Stops all nodes cleanly and leaves their files.
    pub fn stop_nodes(&self) {
        script(&["stop", self.dir.path().to_str().unwrap_or_default()]);
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.stop_nodes();
    }
}
