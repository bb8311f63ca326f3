//! The records of `__transaction_state` (Kafka: `TransactionLog`): one a transactional id, its metadata as it is; a
//! tombstone when it is forgotten.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};

use super::state::{NO_PRODUCER_EPOCH, TransactionMetadata, TransactionState};
use crate::TopicPartition;
use crate::internal_topic::txn::{decode_key, decode_value, encode_key, encode_value, record_type::TRANSACTION_LOG};

/// One record of the topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub transactional_id: String,
    pub value: Option<TransactionMetadata>,
}

/// Why a record cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RecordError(String);

impl Record {
    /// Key and value. The value's version is 0 while the cluster's `transaction.version` is 0, else 1.
    ///
    /// # Errors
    /// A text that is too long for its field.
    pub fn encode(&self, transaction_version: i16) -> Result<(Bytes, Option<Bytes>), RecordError> {
        let refused = |e: crate::internal_topic::EncodeError| RecordError(e.to_string());
        let key = json!({ "transactionalId": self.transactional_id });
        let key = encode_key(TRANSACTION_LOG, &key).map_err(refused)?;
        let version = transaction_version.min(1);
        let value = self.value.as_ref().map(|metadata| {
            let value = encode_value(TRANSACTION_LOG, version, &to_json(metadata, version));
            value.map(Bytes::from).map_err(refused)
        });
        Ok((key.into(), value.transpose()?))
    }

    /// Reads a record; `None` if it is of a type that this coordinator does not know.
    ///
    /// # Errors
    /// Bytes that are no such record.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Self>, RecordError> {
        use crate::internal_topic::KeyedError;
        let key = match decode_key(key) {
            Ok(key) => key,
            Err(KeyedError::UnknownType(_)) => return Ok(None),
            Err(e) => return Err(RecordError(e.to_string())),
        };
        let transactional_id = text(&key.json, "transactionalId")?;
        let value = match value {
            None => None,
            Some(bytes) => {
                let value = decode_value(TRANSACTION_LOG, bytes).map_err(|e| RecordError(e.to_string()))?;
                Some(from_json(&value.json)?)
            }
        };
        Ok(Some(Self {
            transactional_id,
            value,
        }))
    }
}

fn to_json(metadata: &TransactionMetadata, version: i16) -> Value {
    let partitions = (metadata.state != TransactionState::Empty).then(|| by_topic(&metadata.partitions));
    let mut value = json!({
        "producerId": metadata.producer_id,
        "producerEpoch": metadata.producer_epoch,
        "transactionTimeoutMs": metadata.timeout_ms,
        "transactionStatus": metadata.state as i8,
        "transactionPartitions": partitions,
        "transactionLastUpdateTimestampMs": metadata.last_update_ms,
        "transactionStartTimestampMs": metadata.start_ms,
    });
    if version >= 1 {
        value["clientTransactionVersion"] = metadata.client_version.into();
        value["previousProducerId"] = metadata.previous_producer_id.into();
        value["nextProducerId"] = metadata.next_producer_id.into();
    }
    value
}

fn by_topic(partitions: &BTreeSet<TopicPartition>) -> Vec<Value> {
    let mut topics: Vec<(&str, Vec<i32>)> = Vec::new();
    for tp in partitions {
        match topics.last_mut() {
            Some((topic, indexes)) if *topic == &*tp.topic => indexes.push(tp.partition),
            _ => topics.push((&tp.topic, vec![tp.partition])),
        }
    }
    let topic = |(topic, indexes)| json!({ "topic": topic, "partitionIds": indexes });
    topics.into_iter().map(topic).collect()
}

fn from_json(value: &Value) -> Result<TransactionMetadata, RecordError> {
    let state = number(value, "transactionStatus")?;
    let state = TransactionState::from_id(state)
        .filter(|state| !matches!(state, TransactionState::Dead | TransactionState::PrepareEpochFence))
        .ok_or_else(|| RecordError(format!("Unknown transaction state id {state} from the transaction log")))?;
    let mut partitions = BTreeSet::new();
    for topic in value["transactionPartitions"].as_array().into_iter().flatten() {
        let name: std::sync::Arc<str> = text(topic, "topic")?.into();
        for index in topic["partitionIds"].as_array().into_iter().flatten() {
            let index = index.as_i64().and_then(|index| i32::try_from(index).ok());
            let index = index.ok_or_else(|| RecordError("partitionIds holds no number".to_owned()))?;
            partitions.insert(TopicPartition::new(name.clone(), index));
        }
    }
    if state == TransactionState::Empty {
        partitions.clear();
    }
    Ok(TransactionMetadata {
        producer_id: number(value, "producerId")?,
        previous_producer_id: number(value, "previousProducerId")?,
        next_producer_id: number(value, "nextProducerId")?,
        producer_epoch: number(value, "producerEpoch")?,
        last_producer_epoch: NO_PRODUCER_EPOCH,
        timeout_ms: number(value, "transactionTimeoutMs")?,
        state,
        partitions,
        start_ms: number(value, "transactionStartTimestampMs")?,
        last_update_ms: number(value, "transactionLastUpdateTimestampMs")?,
        client_version: number(value, "clientTransactionVersion")?,
    })
}

fn number<T: TryFrom<i64>>(value: &Value, field: &str) -> Result<T, RecordError> {
    let number = value[field].as_i64().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| RecordError(format!("{field} is missing or out of range")))
}

fn text(value: &Value, field: &str) -> Result<String, RecordError> {
    let text = value[field].as_str().map(str::to_owned);
    text.ok_or_else(|| RecordError(format!("{field} is missing")))
}
