//! Looks through a message's bytes before they are decoded, so that no length in them makes the decoder allocate more
//! than the bytes could hold: the decoder reserves room for as many items as an array claims to have.
//!
//! The layouts are text, parsed when an API is first used. `FLEX|FIELD FIELD ...`: FLEX is the first flexible version
//! or `none`; a field is a type, the versions that have it, `?` and the versions in which it may be null, `@TAG:` and
//! the versions in which it is a tagged field, `~none` if it keeps its inflexible form (the client id of headers).
//! Types: `b h i l u` 1, 2, 4, 8, 16 bytes, `s` text, `B` bytes, `[T` array, `{...}` struct. Versions: `3+`, `1-4`.

mod layouts;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

/// A message whose bytes do not fit its layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct Malformed {
    pub what: &'static str,
    pub at: usize,
}

/// Which of an API's two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    Request,
    Response,
}

/// Checks the body of a message of API `key` at `version`. Bytes after the message are fine; an API without a layout
/// here is refused.
///
/// # Errors
/// The first length or count that the bytes cannot hold.
pub fn check(side: Side, key: i16, version: i16, body: &[u8]) -> Result<(), Malformed> {
    let layout = layout(side, key).ok_or(Malformed {
        what: "unknown API",
        at: 0,
    })?;
    let flexible = layout.flexible_from.is_some_and(|from| version >= from);
    let mut walk = Walk {
        bytes: body,
        at: 0,
        version,
        flexible,
    };
    walk.fields(&layout.fields)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Versions(i16, i16);

impl Versions {
    fn contain(self, version: i16) -> bool {
        self.0 <= version && version <= self.1
    }
}

#[derive(Debug)]
struct Layout {
    flexible_from: Option<i16>,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    ty: Type,
    versions: Versions,
    nullable: Option<Versions>,
    tagged: Option<(u32, Versions)>,
    never_flexible: bool,
}

impl Field {
    fn tag(&self, version: i16) -> Option<u32> {
        self.tagged
            .filter(|(_, versions)| versions.contain(version))
            .map(|(tag, _)| tag)
    }
}

#[derive(Debug)]
enum Type {
    Fixed(usize),
    Text,
    Bytes,
    Array(Box<Type>),
    Struct(Vec<Field>),
}

type Layouts = HashMap<(Side, i16), Arc<Layout>>;

fn layout(side: Side, key: i16) -> Option<Arc<Layout>> {
    static PARSED: LazyLock<Mutex<Layouts>> = LazyLock::new(Mutex::default);
    if let Some(found) = PARSED.lock().get(&(side, key)) {
        return Some(found.clone());
    }
    let table = match side {
        Side::Request => layouts::REQUESTS,
        Side::Response => layouts::RESPONSES,
    };
    let text = table.iter().find(|(k, _)| *k == key)?.1;
    let layout = Arc::new(
        Parser {
            text: text.as_bytes(),
            at: 0,
        }
        .layout(),
    );
    PARSED.lock().insert((side, key), layout.clone());
    Some(layout)
}

/// Reads the notation. It is our own text, so it is asserted, not checked.
struct Parser {
    text: &'static [u8],
    at: usize,
}

impl Parser {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn skip(&mut self, expected: u8) -> bool {
        let found = self.peek() == expected;
        self.at += usize::from(found);
        found
    }

    fn number(&mut self) -> i16 {
        let mut n = 0;
        while self.peek().is_ascii_digit() {
            n = n * 10 + i16::from(self.peek() - b'0');
            self.at += 1;
        }
        n
    }

    fn versions(&mut self) -> Versions {
        let from = self.number();
        if self.skip(b'-') {
            Versions(from, self.number())
        } else {
            Versions(from, if self.skip(b'+') { i16::MAX } else { from })
        }
    }

    fn layout(mut self) -> Layout {
        let flexible_from = if self.peek() == b'n' {
            self.at += "none".len();
            None
        } else {
            Some(self.number())
        };
        assert!(self.skip(b'|'), "layout without fields");
        let fields = self.fields();
        assert_eq!(self.at, self.text.len(), "layout not read to its end");
        Layout { flexible_from, fields }
    }

    fn fields(&mut self) -> Vec<Field> {
        let mut fields = Vec::new();
        while !matches!(self.peek(), 0 | b'}') {
            fields.push(self.field());
            self.skip(b' ');
        }
        fields
    }

    fn field(&mut self) -> Field {
        let ty = self.ty();
        let versions = self.versions();
        let nullable = self.skip(b'?').then(|| self.versions());
        let tagged = self.skip(b'@').then(|| {
            let tag = self.number();
            assert!(self.skip(b':'), "tag without versions");
            (tag.unsigned_abs().into(), self.versions())
        });
        let never_flexible = self.skip(b'~');
        if never_flexible {
            self.at += "none".len();
        }
        Field {
            ty,
            versions,
            nullable,
            tagged,
            never_flexible,
        }
    }

    fn ty(&mut self) -> Type {
        let c = self.peek();
        self.at += 1;
        match c {
            b'b' => Type::Fixed(1),
            b'h' => Type::Fixed(2),
            b'i' => Type::Fixed(4),
            b'l' => Type::Fixed(8),
            b'u' => Type::Fixed(16),
            b's' => Type::Text,
            b'B' => Type::Bytes,
            b'[' => Type::Array(Box::new(self.ty())),
            b'{' => {
                let fields = self.fields();
                assert!(self.skip(b'}'), "struct not closed");
                Type::Struct(fields)
            }
            other => unreachable!("type {:?} in a layout", char::from(other)),
        }
    }
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    version: i16,
    flexible: bool,
}

impl Walk<'_> {
    fn bad<T>(&self, what: &'static str) -> Result<T, Malformed> {
        Err(Malformed { what, at: self.at })
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn skip(&mut self, n: usize) -> Result<(), Malformed> {
        if n > self.left() {
            return self.bad("the message ends too early");
        }
        self.at += n;
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let start = self.at;
        self.skip(N)?;
        let mut out = [0; N];
        out.copy_from_slice(&self.bytes[start..self.at]);
        Ok(out)
    }

    fn varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let [byte] = self.take::<1>()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        self.bad("varint of more than five bytes")
    }

    /// A length or count; `None` is null. `wide` is the form of arrays and bytes where lengths have a fixed size.
    fn length(&mut self, flexible: bool, wide: bool) -> Result<Option<usize>, Malformed> {
        let n = if flexible {
            i64::from(self.varint()?) - 1
        } else if wide {
            i64::from(i32::from_be_bytes(self.take::<4>()?))
        } else {
            i64::from(i16::from_be_bytes(self.take::<2>()?))
        };
        match usize::try_from(n) {
            Ok(n) => Ok(Some(n)),
            Err(_) if n == -1 => Ok(None),
            Err(_) => self.bad("negative length"),
        }
    }

    fn fields(&mut self, fields: &[Field]) -> Result<(), Malformed> {
        let version = self.version;
        for field in fields
            .iter()
            .filter(|f| f.versions.contain(version) && f.tag(version).is_none())
        {
            self.field(field)?;
        }
        if self.flexible {
            for _ in 0..self.varint()? {
                let tag = self.varint()?;
                let size = self.varint()? as usize;
                if size > self.left() {
                    return self.bad("tagged field larger than the message");
                }
                let end = self.at + size;
                match fields
                    .iter()
                    .find(|f| f.versions.contain(self.version) && f.tag(self.version) == Some(tag))
                {
                    Some(field) => {
                        self.field(field)?;
                        if self.at != end {
                            return self.bad("tagged field of another size than it says");
                        }
                    }
                    None => self.at = end,
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field) -> Result<(), Malformed> {
        let nullable = field.nullable.is_some_and(|v| v.contain(self.version));
        match &field.ty {
            // A struct that may be null has a byte in front that says so.
            Type::Struct(fields) if nullable => match self.take::<1>()? {
                [0xff] => Ok(()),
                _ => self.fields(fields),
            },
            ty => self.value(ty, self.flexible && !field.never_flexible),
        }
    }

    fn value(&mut self, ty: &Type, flexible: bool) -> Result<(), Malformed> {
        match ty {
            Type::Fixed(n) => self.skip(*n),
            Type::Text => {
                let n = self.length(flexible, false)?;
                self.skip(n.unwrap_or(0))
            }
            Type::Bytes => {
                let n = self.length(flexible, true)?;
                self.skip(n.unwrap_or(0))
            }
            Type::Struct(fields) => self.fields(fields),
            Type::Array(item) => {
                let count = self.length(flexible, true)?.unwrap_or(0);
                let least = self.least_size(item, flexible);
                if count.checked_mul(least).is_none_or(|size| size > self.left()) {
                    return self.bad("array of more items than the message can hold");
                }
                if let Type::Fixed(n) = **item {
                    return self.skip(count * n);
                }
                for _ in 0..count {
                    self.value(item, flexible)?;
                }
                Ok(())
            }
        }
    }

    /// The fewest bytes a value takes; at least one, so that a count is always bounded by what is there.
    fn least_size(&self, ty: &Type, flexible: bool) -> usize {
        match ty {
            Type::Fixed(n) => *n,
            Type::Text => {
                if flexible {
                    1
                } else {
                    2
                }
            }
            Type::Bytes | Type::Array(_) => {
                if flexible {
                    1
                } else {
                    4
                }
            }
            Type::Struct(fields) => {
                let size: usize = fields
                    .iter()
                    .filter(|f| f.versions.contain(self.version) && f.tag(self.version).is_none())
                    .map(|f| match f.nullable.is_some_and(|v| v.contain(self.version)) {
                        true if matches!(f.ty, Type::Struct(_)) => 1,
                        _ => self.least_size(&f.ty, flexible),
                    })
                    .sum();
                (size + usize::from(flexible)).max(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame;
    use kafka_protocol::messages::*;
    use kafka_protocol::protocol::{Encodable, Request, StrBytes};

    #[test]
    fn every_layout_parses() {
        for (key, _) in layouts::REQUESTS {
            assert!(layout(Side::Request, *key).is_some());
        }
        for (key, _) in layouts::RESPONSES {
            assert!(layout(Side::Response, *key).is_some());
        }
    }

    /// What the codec writes must fit, byte for byte, at every version it knows.
    #[track_caller]
    fn fits<R: Request>(request: impl Fn(i16) -> R, response: impl Fn(i16) -> R::Response) {
        for version in R::VERSIONS.min..=R::VERSIONS.max {
            let mut bytes = bytes::BytesMut::new();
            request(version).encode(&mut bytes, version).unwrap();
            assert_eq!(
                check(Side::Request, R::KEY, version, &bytes),
                Ok(()),
                "request {} v{version}",
                R::KEY
            );
            for cut in 0..bytes.len() {
                assert!(
                    check(Side::Request, R::KEY, version, &bytes[..cut]).is_err(),
                    "{} v{version} cut",
                    R::KEY
                );
            }
            let mut bytes = bytes::BytesMut::new();
            response(version).encode(&mut bytes, version).unwrap();
            assert_eq!(
                check(Side::Response, R::KEY, version, &bytes),
                Ok(()),
                "response {} v{version}",
                R::KEY
            );
            for cut in 0..bytes.len() {
                assert!(
                    check(Side::Response, R::KEY, version, &bytes[..cut]).is_err(),
                    "{} v{version} cut",
                    R::KEY
                );
            }
        }
    }

    macro_rules! defaults_fit {
        ($($request:ident),* $(,)?) => {
            $(fits::<$request>(|_| Default::default(), |_| Default::default());)*
        };
    }

    #[test]
    fn empty_messages_of_every_version_fit() {
        defaults_fit!(
            ApiVersionsRequest,
            FindCoordinatorRequest,
            ListGroupsRequest,
            DescribeGroupsRequest,
            DeleteGroupsRequest,
            ListOffsetsRequest,
            DeleteTopicsRequest,
            DeleteRecordsRequest,
            DescribeConfigsRequest,
            AlterConfigsRequest,
            IncrementalAlterConfigsRequest,
            CreatePartitionsRequest,
            CreateTopicsRequest,
            JoinGroupRequest,
            SyncGroupRequest,
            HeartbeatRequest,
            LeaveGroupRequest,
            OffsetCommitRequest,
            OffsetDeleteRequest,
            FetchRequest,
            DescribeClusterRequest,
            DescribeTopicPartitionsRequest,
            ConsumerGroupHeartbeatRequest,
            ConsumerGroupDescribeRequest,
            InitProducerIdRequest,
            AddOffsetsToTxnRequest,
            EndTxnRequest,
            TxnOffsetCommitRequest,
            WriteTxnMarkersRequest,
            DescribeLogDirsRequest,
            AlterReplicaLogDirsRequest,
            AlterClientQuotasRequest,
            DescribeClientQuotasRequest,
            AlterUserScramCredentialsRequest,
            VoteRequest,
            DescribeUserScramCredentialsRequest,
            SaslHandshakeRequest,
            SaslAuthenticateRequest,
            DescribeAclsRequest,
            CreateAclsRequest,
            DeleteAclsRequest,
            ListTransactionsRequest,
            DescribeTransactionsRequest,
            EnvelopeRequest,
            DescribeProducersRequest,
            DescribeQuorumRequest,
            UpdateFeaturesRequest,
            ShareGroupHeartbeatRequest,
            ShareFetchRequest,
            ShareAcknowledgeRequest,
            ShareGroupDescribeRequest,
            AddRaftVoterRequest,
            ListPartitionReassignmentsRequest,
            AlterPartitionReassignmentsRequest,
            OffsetForLeaderEpochRequest,
            ProduceRequest,
            BrokerRegistrationRequest,
            BrokerHeartbeatRequest,
            ListConfigResourcesRequest,
        );
        fits::<MetadataRequest>(
            |v| {
                MetadataRequest::default()
                    .with_topics(Some(Vec::new()))
                    .with_allow_auto_topic_creation(v >= 0)
            },
            |_| Default::default(),
        );
    }

    #[test]
    fn filled_messages_fit() {
        use fetch_response::{FetchableTopicResponse, NodeEndpoint, PartitionData};
        use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
        let name = || TopicName(StrBytes::from_static_str("topic"));
        fits::<FetchRequest>(
            |v| {
                let topic = FetchTopic::default().with_partitions(vec![FetchPartition::default(); 3]);
                let topic = if v < 13 { topic.with_topic(name()) } else { topic };
                let request = FetchRequest::default().with_topics(vec![topic; 2]);
                if v >= 12 {
                    request.with_cluster_id(Some(StrBytes::from_static_str("c")))
                } else {
                    request
                }
            },
            |v| {
                let data = PartitionData::default().with_records(Some(bytes::Bytes::from_static(b"records")));
                let topic = FetchableTopicResponse::default().with_partitions(vec![data; 2]);
                let topic = if v < 13 { topic.with_topic(name()) } else { topic };
                let response = FetchResponse::default().with_responses(vec![topic]);
                if v >= 16 {
                    response.with_node_endpoints(vec![NodeEndpoint::default(); 2])
                } else {
                    response
                }
            },
        );
        use create_topics_request::{CreatableTopic, CreatableTopicConfig};
        fits::<CreateTopicsRequest>(
            |_| {
                let config = CreatableTopicConfig::default().with_value(Some(StrBytes::from_static_str("v")));
                let topic = CreatableTopic::default()
                    .with_name(name())
                    .with_configs(vec![config; 2]);
                CreateTopicsRequest::default().with_topics(vec![topic; 2])
            },
            |_| CreateTopicsResponse::default().with_topics(vec![Default::default(); 2]),
        );
        let cursor = describe_topic_partitions_request::Cursor::default;
        fits::<DescribeTopicPartitionsRequest>(
            |_| DescribeTopicPartitionsRequest::default().with_cursor(Some(cursor())),
            |_| DescribeTopicPartitionsResponse::default().with_topics(vec![Default::default(); 2]),
        );
    }

    #[test]
    fn a_claimed_count_is_refused_before_anything_is_allocated() {
        // Metadata version 1, two thousand million topics.
        let body = [0x7f, 0xff, 0xff, 0xff, 0, 1, b't'];
        let e = check(Side::Request, ApiKey::Metadata as i16, 1, &body).unwrap_err();
        assert_eq!(e.what, "array of more items than the message can hold");
        let body = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0];
        assert!(check(Side::Request, ApiKey::Metadata as i16, 12, &body).is_err());
        let mut bytes = bytes::Bytes::copy_from_slice(&[0, 3, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 1]);
        assert!(frame::decode_request_header(&mut bytes).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic_and_what_it_lets_through_decodes_or_fails_cleanly() {
        let mut seed = 5u64;
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as usize
        };
        for _ in 0..60_000 {
            let (key, _) = layouts::REQUESTS[next() % layouts::REQUESTS.len()];
            let version = (next() % 14) as i16;
            let body: Vec<u8> = (0..next() % 40)
                .map(|_| [0, 0, 0, 1, 2, 3, 0x7f, 0x80, 0xff][next() % 9])
                .collect();
            let _ = check(Side::Request, key, version, &body);
            let _ = check(Side::Response, key, version, &body);
        }
    }
}
