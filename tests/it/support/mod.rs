//! Starts brokers, tools and clusters for a test and stops them when it ends, however it ends.

pub mod broker;
pub mod kafka;
pub mod process;
pub mod rdkafka;
pub mod tools;
pub mod wire;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

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

/// Ports that were free a moment ago, all different. For servers that cannot say which port they took.
pub fn free_ports(n: usize) -> Vec<u16> {
    let held: Vec<TcpListener> = (0..n)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"))
        .collect();
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
