//! A child process that does not outlive its owner, and whose end can be awaited with a limit.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use super::{Outcome, kt};

/// How long a run of `kt` may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `kt` with no contexts of the user's: those of `home`, where there may be none.
#[allow(dead_code)]
pub fn kt_with(home: &Path, servers: Option<&str>, words: &[&str], stdin: &[u8]) -> Outcome {
    let mut command = Command::new(kt());
    command
        .args(words)
        .env("KT_CONFIG", home.join("config.toml"))
        .env_remove("KT_BOOTSTRAP_SERVER");
    if let Some(servers) = servers {
        command.env("KT_BOOTSTRAP_SERVER", servers);
    }
    Process::start(&mut command, stdin).wait(LIMIT)
}

/// Runs `kt` with nothing but its words and its input.
#[allow(dead_code)]
pub fn run_kt(words: &[&str], stdin: &[u8]) -> Outcome {
    let home = tempfile::tempdir().expect("a temp dir");
    kt_with(home.path(), None, words, stdin)
}

/// A running child with its output collected in the background. Killed by its id when dropped.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    done: Receiver<Outcome>,
    ended: bool,
}

impl Process {
    /// Starts `command`, feeds it `stdin` and collects what it says.
    pub fn start(command: &mut Command, stdin: &[u8]) -> Self {
        let mut child = command
            .stdin(if stdin.is_empty() {
                Stdio::null()
            } else {
                Stdio::piped()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        if let Some(mut pipe) = child.stdin.take() {
            let bytes = stdin.to_vec();
            // A program may end without reading all of it.
            thread::spawn(move || pipe.write_all(&bytes).ok());
        }
        let pid = i32::try_from(child.id()).expect("a pid fits i32");
        let (tell, done) = channel();
        thread::spawn(move || tell.send(collect(child)).ok());
        Self {
            pid,
            done,
            ended: false,
        }
    }

    pub fn signal(&self, signal: i32) {
        if !self.ended {
            // SAFETY: kill takes any numbers; the child has not been waited for by anybody else.
            unsafe { libc::kill(self.pid, signal) };
        }
    }

    /// Waits for the end; after `limit` the child is killed and the outcome's exit is -1.
    pub fn wait(mut self, limit: Duration) -> Outcome {
        if let Ok(outcome) = self.done.recv_timeout(limit) {
            self.ended = true;
            return outcome;
        }
        self.signal(libc::SIGKILL);
        let outcome = self.done.recv().unwrap_or_default();
        self.ended = true;
        Outcome { exit: -1, ..outcome }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(libc::SIGKILL);
    }
}

fn collect(mut child: Child) -> Outcome {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let errors = thread::spawn(move || read_all(err));
    let stdout = read_all(out);
    let stderr = errors.join().unwrap_or_default();
    let status = child.wait().expect("a child that can be waited for");
    let exit = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Outcome { exit, stdout, stderr }
}

fn read_all(from: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        // What was read before an error is still what the program said.
        from.read_to_end(&mut bytes).ok();
    }
    bytes
}
