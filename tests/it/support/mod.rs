//! Starts brokers, tools and clusters for a test and stops them when it ends, however it ends.

pub mod broker;
pub mod kafka;
pub mod process;
pub mod rdkafka;
pub mod tools;
pub mod usage;
pub mod wire;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The `kt` binary under test.
pub fn kt() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kt"))
}

/// The package's root folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of the tests: `tests/NAME`.
pub fn tests_dir(name: &str) -> PathBuf {
    root().join("tests").join(name)
}

/// Ports that were free a moment ago, all different. For servers that cannot say which port they took, and for those that
/// come back to their port: below the range that clients' own ends are taken from, so that none sits there meanwhile.
pub fn free_ports(n: usize) -> Vec<u16> {
    let mut held: Vec<TcpListener> = Vec::new();
    while held.len() < n {
        held.extend(TcpListener::bind(("127.0.0.1", rand::random_range(20_000..32_000))));
    }
    held.iter()
        .map(|l| l.local_addr().expect("a bound socket").port())
        .collect()
}

/// What a run of a program said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// 128 + the signal's number when a signal ended it; -1 when the test gave up waiting.
    pub exit: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Outcome {
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// `KT_NIGHTLY=1` asks for the long form of tests that have one.
pub fn is_nightly() -> bool {
    std::env::var_os("KT_NIGHTLY").is_some_and(|v| v != "0")
}

/// Copies a folder and all that is in it; the copy is made anew.
pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// Tells others to end, also when the one that would have told them panics.
pub struct SetOnDrop<'a>(pub &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
