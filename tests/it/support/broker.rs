//! `kt broker` as a child process on a free port.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::kt;

/// How long a broker may take until it prints its first line; it needs some ten milliseconds.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running `kt broker`. Killed by its id when dropped.
#[derive(Debug)]
pub struct Broker {
    child: Child,
    bootstrap: String,
    data_dir: PathBuf,
    /// All it writes to stderr.
    errors: Option<JoinHandle<String>>,
    /// Holds the folder of a broker that was not given one.
    _temp: Option<tempfile::TempDir>,
}

impl Broker {
    /// A broker with a folder and a port of its own.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same with settings of server.properties.
    pub fn with(overrides: &[(&str, &str)]) -> Self {
        let temp = tempfile::tempdir().expect("a temp dir");
        let dir = temp.path().join("data");
        let mut broker = Self::on(&dir, overrides).unwrap_or_else(|said| panic!("kt broker did not start: {said}"));
        broker._temp = Some(temp);
        broker
    }

    /// A broker with further words on its command line.
    pub fn told(words: &[&str]) -> Self {
        let temp = tempfile::tempdir().expect("a temp dir");
        let dir = temp.path().join("data");
        let mut command = Self::command(&dir, &[]);
        command.args(words);
        let mut broker = Self::spawn(command, &dir).unwrap_or_else(|said| panic!("kt broker did not start: {said}"));
        broker._temp = Some(temp);
        broker
    }

    /// A broker on a data folder that outlives it, for restarts. The error is what the broker said.
    pub fn on(data_dir: &Path, overrides: &[(&str, &str)]) -> Result<Self, String> {
        Self::spawn(Self::command(data_dir, overrides), data_dir)
    }

    /// A broker whose data is spread over folders that outlive it.
    pub fn across(dirs: &[&Path], overrides: &[(&str, &str)]) -> Result<Self, String> {
        let names: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        let mut command = Command::new(kt());
        command.args(["broker", "--port", "0", "--override"]);
        command.arg(format!("log.dirs={}", names.join(",")));
        override_with(&mut command, overrides);
        Self::spawn(command, dirs[0])
    }

    /// A broker on a data folder with a disk that is full for every file of `limit` bytes.
    pub fn with_file_limit(data_dir: &Path, overrides: &[(&str, &str)], limit: u64) -> Result<Self, String> {
        use std::os::unix::process::CommandExt;
        let mut command = Self::command(data_dir, overrides);
        let set = move || {
            let limit = libc::rlimit {
                rlim_cur: limit,
                rlim_max: limit,
            };
            // SAFETY: both calls only change the process that is about to become the broker. The signal of a write
            // beyond the limit is ignored, so that the write fails.
            unsafe {
                libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit);
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            }
            Ok(())
        };
        // SAFETY: `set` allocates nothing and takes no locks.
        unsafe { command.pre_exec(set) };
        Self::spawn(command, data_dir)
    }

    /// The same as a user who may write only what belongs to him or her: where tests run as root, as `nobody`, to whom
    /// the data folder is given. The folder that holds it must be readable for everybody.
    pub fn unprivileged(data_dir: &Path, overrides: &[(&str, &str)]) -> Result<Self, String> {
        use std::os::unix::process::CommandExt;
        const NOBODY: u32 = 65534;
        let mut command = Self::command(data_dir, overrides);
        // SAFETY: the call only asks.
        if unsafe { libc::geteuid() } == 0 {
            let binary = data_dir.with_file_name("kt");
            if !binary.exists() {
                std::fs::copy(kt(), &binary).map_err(|e| e.to_string())?;
            }
            give_to(data_dir, NOBODY).map_err(|e| e.to_string())?;
            command = Self::command_of(&binary, data_dir, overrides);
            command.uid(NOBODY).gid(NOBODY).current_dir("/");
        }
        Self::spawn(command, data_dir)
    }

    fn command(data_dir: &Path, overrides: &[(&str, &str)]) -> Command {
        Self::command_of(kt(), data_dir, overrides)
    }

    fn command_of(binary: &Path, data_dir: &Path, overrides: &[(&str, &str)]) -> Command {
        let mut command = Command::new(binary);
        command.args(["broker", "--port", "0", "--data-dir"]).arg(data_dir);
        override_with(&mut command, overrides);
        command
    }

    fn spawn(mut command: Command, data_dir: &Path) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let out = child.stdout.take().expect("a pipe was asked for");
        let err = child.stderr.take().expect("a pipe was asked for");
        let errors = thread::spawn(move || std::io::read_to_string(err).unwrap_or_default());
        let (tell, first_line) = channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(out).lines();
            if let Some(Ok(line)) = lines.next() {
                tell.send(line).ok();
            }
            // The pipe is kept open and drained, or a broker that logs would stop.
            lines.for_each(drop);
        });
        let line = first_line.recv_timeout(START_LIMIT).unwrap_or_default();
        if let Some(bootstrap) = line.strip_prefix("bootstrap.servers=") {
            let bootstrap = bootstrap.to_owned();
            return Ok(Self {
                child,
                bootstrap,
                data_dir: data_dir.to_owned(),
                errors: Some(errors),
                _temp: None,
            });
        }
        child.kill().ok();
        let code = child.wait().ok().and_then(|status| status.code());
        let said = errors.join().unwrap_or_default();
        Err(format!("exit {code:?}, first line {line:?}\n{said}"))
    }

    /// `127.0.0.1:PORT`
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(mut self) -> Option<i32> {
        let pid = i32::try_from(self.child.id()).expect("a pid fits i32");
        // SAFETY: the child has not been waited for, so the id is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        self.child.wait().ok().and_then(|status| status.code())
    }

    /// SIGTERM, and what it had written to stderr until its end.
    pub fn stop_and_tell(mut self) -> String {
        let errors = self.errors.take();
        self.stop();
        errors.and_then(|e| e.join().ok()).unwrap_or_default()
    }

    /// SIGKILL: nothing is flushed, nothing is said.
    pub fn kill(mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn override_with(command: &mut Command, overrides: &[(&str, &str)]) {
    for (key, value) in overrides {
        command.args(["--override", &format!("{key}={value}")]);
    }
}

/// Makes a user the owner of a folder and all in it.
fn give_to(path: &Path, user: u32) -> std::io::Result<()> {
    std::os::unix::fs::chown(path, Some(user), Some(user))?;
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give_to(&entry?.path(), user)?;
        }
    }
    Ok(())
}

/// The broker that a test of the protocol talks to: real Kafka where `KT_TEST_BOOTSTRAP` names one, else `kt broker`.
#[derive(Debug)]
pub enum AnyBroker {
    Ours(Broker),
    Named(String),
}

impl AnyBroker {
    pub fn get() -> Self {
        Self::with(&[])
    }

    /// Real Kafka must have been started with these settings.
    pub fn with(overrides: &[(&str, &str)]) -> Self {
        match std::env::var("KT_TEST_BOOTSTRAP") {
            Ok(named) => Self::Named(named),
            Err(_) => Self::Ours(Broker::with(overrides)),
        }
    }

    pub fn bootstrap(&self) -> &str {
        match self {
            Self::Ours(broker) => broker.bootstrap(),
            Self::Named(named) => named,
        }
    }
}

/// A topic or group name nobody else uses, for tests that may run on a cluster that lives longer than they do.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", uuid::Uuid::new_v4().simple())
}
