//! A unix socket in every log directory, `.kt-control`, for `kt broker-ctl`: what Kafka's protocol has no request for. A line
//! of JSON asks, `{"command": "compact", "topic": "t"}`, a line of JSON answers. Whoever may write the directory may ask.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::maintenance::{Maintained, Maintenance, maintain};
use super::node::Node;

/// The socket's name in a log directory.
pub const SOCKET_FILE: &str = ".kt-control";

/// No question is longer.
const LIMIT_BYTES: u64 = 4096;

/// The socket of one directory; the file goes when this is dropped.
#[derive(Debug)]
pub(super) struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Makes the socket anew; the directory must be locked. `None` if its name is too long for a socket's.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn bind(log_dir: &Path) -> io::Result<Option<Self>> {
        let path = log_dir.join(SOCKET_FILE);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = match UnixListener::bind(&path) {
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => return Ok(None),
            listener => listener?,
        };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Some(Self { listener, path }))
    }

    /// Answers, one after the other, until the broker stops.
    pub(super) async fn run(self, node: Arc<Node>) {
        let mut shutdown = node.shutdown_signal();
        loop {
            let stream = tokio::select! {
                accepted = self.listener.accept() => accepted.map(|(stream, _)| stream),
                _ = shutdown.wait_for(|stop| *stop) => return,
            };
            let Ok(stream) = stream else { continue };
            tokio::select! {
                served = serve(&node, stream) => if let Err(e) = served {
                    node.log(&format!("{}: {e}", self.path.display()));
                },
                _ = shutdown.wait_for(|stop| *stop) => return,
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

async fn serve(node: &Arc<Node>, mut stream: UnixStream) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    BufReader::new(read.take(LIMIT_BYTES)).read_line(&mut line).await?;
    let mut reply = answer(node, &line).await.to_string();
    reply.push('\n');
    write.write_all(reply.as_bytes()).await
}

async fn answer(node: &Arc<Node>, line: &str) -> Value {
    let asked: Value = serde_json::from_str(line).unwrap_or_default();
    let command = asked["command"].as_str().and_then(Maintenance::parse);
    let (Some(command), Some(topic)) = (command, asked["topic"].as_str()) else {
        return json!({"error": "no command that is known"});
    };
    let (node, topic) = (node.clone(), topic.to_owned());
    let done = tokio::task::spawn_blocking(move || maintain(&node, &topic, command)).await;
    match done {
        Ok(Ok(partitions)) => json!({"partitions": partitions.iter().map(row).collect::<Vec<_>>()}),
        Ok(Err(e)) => json!({"error": e.text()}),
        Err(e) => json!({"error": e.to_string()}),
    }
}

fn row(p: &Maintained) -> Value {
    json!({"partition": p.partition, "bytes_before": p.bytes_before, "bytes_after": p.bytes_after,
        "segments_before": p.segments_before, "segments_after": p.segments_after, "log_start_offset": p.log_start_offset})
}
