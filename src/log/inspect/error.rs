//! Why a file cannot be read on.

use std::io;
use std::path::Path;

/// What is wrong with a file, in Kafka's words where it has some.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("{path}{}", reason(.source))]
    Io { path: String, source: io::Error },
    /// The content is damaged.
    #[error("{0}")]
    Corrupt(String),
}

impl InspectError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        InspectError::Io {
            path: path.display().to_string(),
            source,
        }
    }
}

/// Java's `NoSuchFileException` says the path and nothing else.
fn reason(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::NotFound => ": no such file".to_owned(),
        _ => format!(": {source}"),
    }
}
