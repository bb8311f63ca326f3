//! The one part of a consumer's embedded protocol a coordinator looks at: the topics of a subscription, which every
//! version of `ConsumerProtocolSubscription` starts with.

use super::codec::Reader;

/// The topics a member subscribes to; `None` if the bytes are not a subscription.
pub fn subscribed_topics(metadata: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new("subscription", metadata);
    let version = reader.i16().ok()?;
    if version < 0 {
        return None;
    }
    let count = reader.array_length().ok()?;
    let mut topics = Vec::new();
    for _ in 0..count {
        topics.push(reader.string().ok()?);
    }
    Some(topics)
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
}
