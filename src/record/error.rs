//! Why bytes are not a record batch.

/// What is wrong with a batch or a record, in the words Kafka uses where it has some.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The framing or the checksum is wrong (Kafka: `CorruptRecordException`, error code 2).
    #[error("{0}")]
    Corrupt(String),
    /// The checksum holds but the content makes no sense (Kafka: `InvalidRecordException`, error code 87).
    #[error("{0}")]
    Invalid(String),
    /// The batch names a codec that does not exist (Kafka: `IllegalArgumentException` of `CompressionType.forId`).
    #[error("Unknown compression type id: {0}")]
    UnknownCompression(u8),
}

impl RecordError {
    /// Kafka's error code for a produce request that carries such bytes.
    pub fn code(&self) -> i16 {
        match self {
            RecordError::Corrupt(_) => 2,
            RecordError::Invalid(_) | RecordError::UnknownCompression(_) => 87,
        }
    }
}
