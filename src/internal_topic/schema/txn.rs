//! The records of `__transaction_state`. Generated, see `generate.rs`.

use super::*;

pub static TRANSACTION_LOG_KEY: Schema = Schema {
    name: "TransactionLogKey",
    api_key: Some(0),
    valid: range(0, 0),
    flexible: Versions::NONE,
    fields: &[
        field("transactionalId", Kind::Text, range(0, 0)),
    ],
};

pub static TRANSACTION_LOG_VALUE: Schema = Schema {
    name: "TransactionLogValue",
    api_key: Some(0),
    valid: range(0, 1),
    flexible: since(1),
    fields: &[
        field("producerId", Kind::Int64, since(0)),
        field("previousProducerId", Kind::Int64, since(1)).tag(0, since(1)).default(Default::Int(-1)),
        field("nextProducerId", Kind::Int64, since(1)).tag(1, since(1)).default(Default::Int(-1)),
        field("producerEpoch", Kind::Int16, since(0)),
        field("nextProducerEpoch", Kind::Int16, since(1)).tag(3, since(1)).default(Default::Int(-1)),
        field("transactionTimeoutMs", Kind::Int32, since(0)),
        field("transactionStatus", Kind::Int8, since(0)),
        field("transactionPartitions", Kind::Array(&Kind::Struct(&[
            field("topic", Kind::Text, since(0)),
            field("partitionIds", Kind::Array(&Kind::Int32), since(0)),
        ])), since(0)).nullable(since(0)),
        field("transactionLastUpdateTimestampMs", Kind::Int64, since(0)),
        field("transactionStartTimestampMs", Kind::Int64, since(0)),
        field("clientTransactionVersion", Kind::Int16, since(1)).tag(2, since(1)),
    ],
};

/// The numbers of the record types.
pub mod record_type {
pub const TRANSACTION_LOG: i16 = 0;
}

/// Key and value of every record type of `__transaction_state`.
pub static TYPES: &[(&Schema, &Schema)] = &[
    (&TRANSACTION_LOG_KEY, &TRANSACTION_LOG_VALUE),
];
