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

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"\x00\x00\x00#id-842ac190ef5d4429b9265a151c66ba39";

    /// Bytes that Kafka 4.3.1 itself wrote.
    #[test]
    fn records_are_what_kafka_writes() {
        let empty: &[u8] = b"\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\xea`\x00\x00\x00\x00\x01\xa1\xff\xe6\x80i\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x07";
        let nothing_aborted: &[u8] = b"\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07\x00\x01\x00\x00\xea`\x03\x01\x00\x00\x01\xa1\xff\xe6\x80l\x00\x00\x01\xa1\xff\xe6\x80l\x02\x00\x08\x00\x00\x00\x00\x00\x00\x00\x07\x02\x02\x00\x02";
        let ongoing: &[u8] = b"\x00\x01\x00\x00\x00\x00\x00\x00\x00\x12\x00\x00\x00\x00\xea`\x01\x02\x13__consumer_offsets\x02\x00\x00\x00\x00\x00\x00\x00\x01\xa1\xff\xe9\xc2\x01\x00\x00\x01\xa1\xff\xe9\xc2\x01\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x12";
        let states = [empty, nothing_aborted, ongoing].map(|value| {
            let record = Record::decode(KEY, Some(value)).unwrap().unwrap();
            let (key, again) = record.encode(2).unwrap();
            assert_eq!((&key[..], again.as_deref()), (KEY, Some(value)));
            record.value.unwrap()
        });
        let [empty, nothing_aborted, ongoing] = states;
        assert_eq!((empty.state, empty.producer_id), (TransactionState::Empty, 7));
        assert_eq!((empty.timeout_ms, empty.start_ms), (60_000, -1));
        assert_eq!(nothing_aborted.state, TransactionState::PrepareAbort);
        assert_eq!((nothing_aborted.producer_epoch, nothing_aborted.client_version), (1, 2));
        assert_eq!(
            ongoing.partitions,
            [TopicPartition::new("__consumer_offsets", 0)].into()
        );
    }

    #[test]
    fn a_cluster_of_the_first_version_writes_plain_fields() {
        let mut metadata = TransactionMetadata::new(7, 60_000, 5);
        metadata.producer_epoch = 3;
        let record = Record {
            transactional_id: "id".to_owned(),
            value: Some(metadata),
        };
        let (key, value) = record.encode(0).unwrap();
        assert_eq!(value.as_ref().unwrap()[..2], [0, 0]);
        assert_eq!(Record::decode(&key, value.as_deref()), Ok(Some(record)));
    }

    #[test]
    fn tombstones_and_other_types() {
        let gone = Record {
            transactional_id: "id".to_owned(),
            value: None,
        };
        let (key, value) = gone.encode(2).unwrap();
        assert_eq!(value, None);
        assert_eq!(Record::decode(&key, None), Ok(Some(gone)));
        assert_eq!(Record::decode(b"\x00\x09\x00\x01x", None), Ok(None));
    }

    #[test]
    fn malformed_bytes_are_errors() {
        assert!(Record::decode(b"\x00", None).is_err());
        assert!(Record::decode(b"\x00\x00\x00\x09x", None).is_err());
        let metadata = TransactionMetadata::new(7, 60_000, 5);
        let record = Record {
            transactional_id: "id".to_owned(),
            value: Some(metadata),
        };
        let (key, value) = record.encode(2).unwrap();
        let value = value.unwrap();
        for end in 0..value.len() {
            assert!(Record::decode(&key, Some(&value[..end])).is_err(), "prefix of {end}");
        }
        let mut unknown_state = value.to_vec();
        unknown_state[2 + 8 + 2 + 4] = 9;
        assert!(Record::decode(&key, Some(&unknown_state)).is_err());
    }
}
