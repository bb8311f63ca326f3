//! The controller: the only writer of the cluster's metadata (Kafka: `QuorumController`).
//!
//! A change is planned on the present image, appended to `__cluster_metadata` as one batch, applied to a copy of the
//! image, and published; the caller comes back when every node knows. Changes happen one after the other.

use std::io;
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};

use super::image::MetadataImage;
use super::log::MetadataLog;
pub use super::log::{ControllerOptions, MetadataLogConfig};
use super::record::MetadataRecord;
use crate::wire::ErrorCode;

/// An error of an API: a code, and a text where Kafka has a special one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub code: ErrorCode,
    pub message: Option<String>,
}

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: Some(message.into()),
        }
    }

    /// The text for a response's nullable message field: the special one, or the code's own.
    pub fn text(&self) -> String {
        self.message.clone().unwrap_or_else(|| self.code.message().to_owned())
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self { code, message: None }
    }
}

impl From<io::Error> for ApiError {
    fn from(e: io::Error) -> Self {
        Self::new(ErrorCode::KAFKA_STORAGE_ERROR, e.to_string())
    }
}

/// Who must know of a new image before a change counts as done.
pub trait Publisher: Send + Sync {
    fn publish(&self, old: &MetadataImage, new: &Arc<MetadataImage>);
}

/// See the module's text. Shared by the nodes of a cluster.
pub struct Controller {
    /// `None` once closed.
    log: Mutex<Option<MetadataLog>>,
    image: RwLock<Arc<MetadataImage>>,
    publishers: RwLock<Vec<Weak<dyn Publisher>>>,
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Controller").finish_non_exhaustive()
    }
}

/// An image in the making. Records of a metadata transaction (KIP-868) count when it ends, and not at all without an end.
struct Replay {
    image: MetadataImage,
    open_transaction: Option<Vec<MetadataRecord>>,
}

impl Replay {
    fn apply(&mut self, record: &MetadataRecord) {
        match (record, &mut self.open_transaction) {
            (MetadataRecord::BeginTransaction { .. }, open) => *open = Some(Vec::new()),
            (MetadataRecord::AbortTransaction, open) => *open = None,
            (MetadataRecord::EndTransaction, open) => {
                let records = open.take().unwrap_or_default();
                records.iter().for_each(|r| self.image.apply(r));
            }
            (record, Some(open)) => open.push(record.clone()),
            (record, None) => self.image.apply(record),
        }
    }
}

impl Controller {
    /// Replays the metadata log below `log_dir`, which is made if it is missing, and becomes its leader.
    ///
    /// # Errors
    /// If the log cannot be read or written, or holds bytes that are no metadata records.
    pub fn open(options: &ControllerOptions<'_>) -> io::Result<Self> {
        let mut replay = Replay {
            image: MetadataImage {
                cluster_id: options.cluster_id.into(),
                controller_id: options.node_id,
                ..MetadataImage::default()
            },
            open_transaction: None,
        };
        let mut log = MetadataLog::open(options, |record| replay.apply(record))?;
        if replay.open_transaction.is_some() {
            log.append(&[MetadataRecord::AbortTransaction])?;
        }
        let image = replay.image;
        let controller = Self {
            log: Mutex::new(Some(log)),
            image: RwLock::new(Arc::new(image)),
            publishers: RwLock::default(),
        };
        if controller.image().features.is_empty() {
            let records = super::bootstrap::records();
            controller
                .change(|_| Ok((records, ())))
                .map_err(|e| io::Error::other(e.text()))?;
        }
        Ok(controller)
    }

    pub fn image(&self) -> Arc<MetadataImage> {
        self.image.read().clone()
    }

    /// Where the next record will go; a broker's epoch is the offset of its registration.
    pub fn end_offset(&self) -> i64 {
        self.log.lock().as_ref().map_or(-1, MetadataLog::end_offset)
    }

    /// The epoch in which this node leads the quorum.
    pub fn epoch(&self) -> i32 {
        self.log.lock().as_ref().map_or(-1, MetadataLog::epoch)
    }

    pub fn subscribe(&self, publisher: Weak<dyn Publisher>) {
        self.publishers.write().push(publisher);
    }

    /// Plans and makes a change: `plan` says which records take the image further, and what to answer. No records, no
    /// change. While it runs nobody else changes anything.
    ///
    /// # Errors
    /// What `plan` says; a failed write is [`ErrorCode::KAFKA_STORAGE_ERROR`] and changes nothing.
    pub fn change<T>(
        &self,
        plan: impl FnOnce(&MetadataImage) -> Result<(Vec<MetadataRecord>, T), ApiError>,
    ) -> Result<T, ApiError> {
        let mut guard = self.log.lock();
        let Some(log) = guard.as_mut() else {
            return Err(ErrorCode::BROKER_NOT_AVAILABLE.into());
        };
        let old = self.image();
        let (records, answer) = plan(&old)?;
        if records.is_empty() {
            return Ok(answer);
        }
        log.append(&records)?;
        let mut next = MetadataImage::clone(&old);
        for record in &records {
            next.apply(record);
        }
        let next = Arc::new(next);
        // What goes wrong here is seen again, and told, at the next change.
        let _ = log.maybe_snapshot(&next);
        *self.image.write() = next.clone();
        let publishers: Vec<_> = self.publishers.read().iter().filter_map(Weak::upgrade).collect();
        for publisher in publishers {
            publisher.publish(&old, &next);
        }
        Ok(answer)
    }

    /// Writes what is only in memory, at a clean stop. Changes are refused from then on.
    pub fn close(&self) -> io::Result<()> {
        self.log.lock().take().map_or(Ok(()), MetadataLog::close)
    }
}
