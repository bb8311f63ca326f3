//! What goes wrong in a log.

use std::io;
use std::path::{Path, PathBuf};

use crate::record::RecordError;
use crate::record::validate::Rejection;

/// Why a log operation failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk failed: the log directory is to be taken offline (Kafka: `KafkaStorageException`).
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The caller asked for something that Kafka refuses with an error code.
    #[error("{message}")]
    Api {
        /// Kafka's error code.
        code: i16,
        message: String,
        /// Index in the batch and text, for single records that are to blame.
        batch_errors: Vec<(i32, String)>,
    },
    /// A file does not hold what its kind demands.
    #[error("{}: {message}", path.display())]
    Corrupt { path: PathBuf, message: String },
}

impl LogError {
    pub(crate) fn api(code: i16, message: impl Into<String>) -> Self {
        LogError::Api {
            code,
            message: message.into(),
            batch_errors: Vec::new(),
        }
    }

    pub(crate) fn corrupt(path: &Path, message: impl Into<String>) -> Self {
        LogError::Corrupt {
            path: path.to_owned(),
            message: message.into(),
        }
    }

    /// The Kafka error code to answer with: 56 (KAFKA_STORAGE_ERROR) when the disk or a file failed.
    pub fn code(&self) -> i16 {
        match self {
            LogError::Api { code, .. } => *code,
            LogError::Io(_) | LogError::Corrupt { .. } => code::KAFKA_STORAGE_ERROR,
        }
    }
}

impl From<Rejection> for LogError {
    fn from(r: Rejection) -> Self {
        LogError::Api {
            code: r.code,
            message: r.message,
            batch_errors: r.batch_errors,
        }
    }
}

impl From<RecordError> for LogError {
    fn from(e: RecordError) -> Self {
        LogError::api(e.code(), e.to_string())
    }
}

/// Kafka's error codes that a log gives.
pub(crate) mod code {
    pub const OFFSET_OUT_OF_RANGE: i16 = 1;
    pub const INVALID_REQUEST: i16 = 42;
    pub const RECORD_LIST_TOO_LARGE: i16 = 18;
    pub const OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;
    pub const INVALID_PRODUCER_EPOCH: i16 = 47;
    pub const INVALID_TXN_STATE: i16 = 48;
    pub const TRANSACTION_COORDINATOR_FENCED: i16 = 52;
    pub const KAFKA_STORAGE_ERROR: i16 = 56;
    pub const INVALID_RECORD: i16 = 87;
}
