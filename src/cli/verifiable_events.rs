//! What `kafka-verifiable-producer.sh` and `kafka-verifiable-consumer.sh` share: events as JSON lines, and how a signal ends
//! them.

use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{CliError, CliResult, Ui};
use crate::TopicPartition;

/// Prints `{"timestamp":MS,"name":NAME,...}` with `fields` in their order.
pub fn print(ui: &mut Ui, name: &str, fields: Value) -> CliResult {
    let mut event = json!({"timestamp": chrono::Utc::now().timestamp_millis(), "name": name});
    if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
        event.extend(fields);
    }
    writeln!(ui.out(), "{event}")?;
    ui.flush()
}

/// An event without fields.
pub fn print_bare(ui: &mut Ui, name: &str) -> CliResult {
    print(ui, name, Value::Null)
}

/// `[{"topic":...,"partition":...}]`
pub fn partitions<'a>(all: impl IntoIterator<Item = &'a TopicPartition>) -> Value {
    let one = |tp: &TopicPartition| json!({"topic": *tp.topic, "partition": tp.partition});
    Value::Array(all.into_iter().map(one).collect())
}

/// SIGINT and SIGTERM, as Java's shutdown hooks hear them.
#[derive(Debug)]
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// # Errors
    /// The signals cannot be listened to.
    pub fn listen() -> CliResult<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal; the answer is how the process is to end after it. May be dropped while it waits.
    pub async fn requested(&mut self) -> CliError {
        const BASE: u8 = 128;
        tokio::select! {
            _ = self.interrupt.recv() => CliError::Exit(BASE + 2),
            _ = self.terminate.recv() => CliError::Exit(BASE + 15),
        }
    }
}
