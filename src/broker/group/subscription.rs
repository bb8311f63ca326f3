//! A consumer's embedded protocol, as far as a coordinator looks at it (Kafka: `ConsumerProtocol`): what a member of a
//! classic group subscribes to and owns, and what it is assigned. Later versions only add fields at the end.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::codec::{CodecError, Reader, Writer};

/// Partitions by the topic's name.
pub type NamedPartitions = BTreeMap<String, Vec<i32>>;

/// `ConsumerProtocolSubscription`, v0-3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    pub version: i16,
    pub topics: Vec<String>,
    /// What it still has, since version 1; nothing after an eager member has given all back.
    pub owned: NamedPartitions,
    /// Since version 3.
    pub rack: Option<String>,
}

/// The topics a member subscribes to; `None` if the bytes are not a subscription.
pub fn subscribed_topics(metadata: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new("subscription", metadata);
    version(&mut reader).ok()?;
    topics(&mut reader).ok()
}

/// # Errors
/// Bytes that are no subscription.
pub fn subscription(metadata: &[u8]) -> Result<Subscription, CodecError> {
    let mut reader = Reader::new("subscription", metadata);
    let mut found = Subscription {
        version: version(&mut reader)?,
        topics: topics(&mut reader)?,
        ..Subscription::default()
    };
    nullable_bytes(&mut reader)?;
    if found.version >= 1 {
        found.owned = partitions(&mut reader)?;
    }
    if found.version >= 2 {
        reader.i32()?; // the generation it owned them in
    }
    if found.version >= 3 {
        found.rack = reader.nullable_string()?;
    }
    Ok(found)
}

/// `ConsumerProtocolAssignment`; empty bytes are an empty one.
///
/// # Errors
/// Bytes that are no assignment.
pub fn assignment(bytes: &[u8]) -> Result<NamedPartitions, CodecError> {
    if bytes.is_empty() {
        return Ok(NamedPartitions::new());
    }
    let mut reader = Reader::new("assignment", bytes);
    version(&mut reader)?;
    partitions(&mut reader)
}

/// As [`assignment`] reads it.
pub fn encode_assignment(version: i16, partitions: &NamedPartitions) -> Bytes {
    let mut writer = Writer::starting_with(version);
    writer.i32(partitions.len() as i32);
    for (topic, partitions) in partitions {
        writer.string(topic);
        writer.i32(partitions.len() as i32);
        partitions.iter().for_each(|partition| writer.i32(*partition));
    }
    writer.i32(-1); // no user data
    writer.finish()
}

fn version(reader: &mut Reader<'_>) -> Result<i16, CodecError> {
    match reader.i16()? {
        version if version < 0 => Err(CodecError::BadLength {
            what: "version",
            length: i64::from(version),
        }),
        version => Ok(version),
    }
}

fn topics(reader: &mut Reader<'_>) -> Result<Vec<String>, CodecError> {
    let count = reader.array_length()?;
    let mut topics = Vec::new();
    for _ in 0..count {
        topics.push(reader.string()?);
    }
    Ok(topics)
}

fn nullable_bytes(reader: &mut Reader<'_>) -> Result<(), CodecError> {
    let length = reader.i32()?;
    for _ in 0..length.max(0) {
        reader.i8()?;
    }
    Ok(())
}

fn partitions(reader: &mut Reader<'_>) -> Result<NamedPartitions, CodecError> {
    let count = reader.array_length()?;
    let mut all = NamedPartitions::new();
    for _ in 0..count {
        let topic = reader.string()?;
        let count = reader.array_length()?;
        let of_topic = all.entry(topic).or_default();
        for _ in 0..count {
            of_topic.push(reader.i32()?);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_whatever_follows_them() {
        let subscription = b"\x00\x03\x00\x00\x00\x02\x00\x05words\x00\x01t\xff\xff\xff\xff\x00\x00";
        assert_eq!(
            subscribed_topics(subscription),
            Some(vec!["words".to_owned(), "t".to_owned()])
        );
    }

    #[test]
    fn other_bytes_are_no_subscription() {
        assert_eq!(subscribed_topics(b""), None);
        assert_eq!(subscribed_topics(b"\x00\x00\x7f\xff\xff\xff\x00\x01t"), None);
        assert_eq!(subscribed_topics(b"\xff\xff\x00\x00\x00\x00"), None);
    }

    #[test]
    fn what_a_member_owns_and_gets_is_read_and_written() {
        let bytes = b"\x00\x03\x00\x00\x00\x01\x00\x01t\x00\x00\x00\x02xx\x00\x00\x00\x01\x00\x01t\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x05\x00\x01r";
        let found = subscription(bytes).unwrap();
        assert_eq!((found.version, found.topics.as_slice()), (3, &["t".to_owned()][..]));
        assert_eq!(found.owned, NamedPartitions::from([("t".to_owned(), vec![0, 7])]));
        assert_eq!(found.rack.as_deref(), Some("r"));
        assert_eq!(assignment(&encode_assignment(1, &found.owned)).unwrap(), found.owned);
        assert_eq!(assignment(b"").unwrap(), NamedPartitions::new());
        for end in 0..bytes.len() {
            assert!(subscription(&bytes[..end]).is_err(), "{end}");
        }
    }
}
