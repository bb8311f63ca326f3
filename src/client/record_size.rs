//! What Java's producer compares with `max.request.size` before it queues a record (`KafkaProducer.ensureValidRecordSize`).

use super::error::ApiError;
use super::produce::Outgoing;
use super::props::Properties;
use crate::record::varint;

/// Of a batch and of a record in it.
const OVERHEAD: usize = 61 + 21;

/// `max.request.size`, in bytes; 1 MiB by default.
pub fn most(props: &Properties) -> usize {
    let given = props.get("max.request.size").and_then(|v| v.trim().parse().ok());
    given.unwrap_or(1_048_576)
}

/// Java's upper bound of a batch with this record alone (`AbstractRecords.estimateSizeInBytesUpperBound`), in bytes.
pub fn upper_bound(record: &Outgoing<'_>) -> usize {
    let headers: usize = (record.headers.iter())
        .map(|(key, value)| field(Some(key.len())) + field(value.as_ref().map(Vec::len)))
        .sum();
    let [key, value] = [record.key, record.value].map(|bytes| field(bytes.map(<[u8]>::len)));
    OVERHEAD + key + value + length(record.headers.len()) + headers
}

/// The same of a record that is only a value of so many bytes.
pub fn of_value(bytes: usize) -> usize {
    OVERHEAD + field(None) + field(Some(bytes)) + length(0)
}

/// Bytes with their length in front; a null's is -1, which takes one byte.
fn field(bytes: Option<usize>) -> usize {
    bytes.map_or(1, |n| length(n) + n)
}

fn length(n: usize) -> usize {
    varint::size_of_long(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Java's refusal of a record of so many bytes.
pub fn too_large(size: usize, most: usize) -> ApiError {
    ApiError::of_class(
        "org.apache.kafka.common.errors.RecordTooLargeException",
        format!(
            "The message is {size} bytes when serialized which is larger than {most}, which is the value of the \
             max.request.size configuration."
        ),
    )
}

/// The refusal of a record above `most`, if it is.
pub fn refusal(size: usize, most: usize) -> Option<ApiError> {
    (size > most).then(|| too_large(size, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_javas() {
        let of = |size: usize| {
            let value = vec![0; size];
            upper_bound(&Outgoing {
                value: Some(&value),
                ..Outgoing::default()
            })
        };
        // As Kafka 4.3.1 tells them of values of these sizes.
        assert_eq!((of(1), of(2_000_000)), (86, 2_000_088));
        assert_eq!([1, 2_000_000].map(of_value), [86, 2_000_088]);
        assert_eq!([0, 63, 64, 8191, 8192].map(length), [1, 1, 2, 2, 3]);
    }
}
