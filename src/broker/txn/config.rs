//! Settings of the transaction coordinator (Kafka: `TransactionConfig`).

use crate::broker::config::BrokerConfig;

/// The defaults are Kafka's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionConfig {
    /// `transaction.max.timeout.ms`: an InitProducerId asking for more is refused.
    pub max_timeout_ms: i32,
    /// `transactional.id.expiration.ms`: an id without a transaction for so long is forgotten.
    pub id_expiration_ms: i64,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`
    pub abort_interval_ms: i64,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`
    pub expire_interval_ms: i64,
}

impl Default for TransactionConfig {
    fn default() -> Self {
        Self {
            max_timeout_ms: 900_000,
            id_expiration_ms: 7 * 24 * 60 * 60 * 1_000,
            abort_interval_ms: 10_000,
            expire_interval_ms: 3_600_000,
        }
    }
}

impl From<&BrokerConfig> for TransactionConfig {
    fn from(config: &BrokerConfig) -> Self {
        Self {
            max_timeout_ms: config.i32("transaction.max.timeout.ms"),
            id_expiration_ms: config.i64("transactional.id.expiration.ms"),
            abort_interval_ms: config.i64("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
            expire_interval_ms: config.i64("transaction.remove.expired.transaction.cleanup.interval.ms"),
        }
    }
}
