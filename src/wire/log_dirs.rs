//! DescribeLogDirs 5, which tells of directories that get no new partitions (KIP-1066). `kafka-protocol` ends at 4.

use anyhow::Result;
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::describe_log_dirs_response::{self as theirs, DescribeLogDirsTopic};
use kafka_protocol::messages::{self as m};
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message, StrBytes, VersionRange};

use super::fields::{Field, message, one_more_version, size_of};

one_more_version! {
    /// DescribeLogDirs, v1-5.
    DescribeLogDirsRequest as Describe, DescribeLogDirsResponse, 5
}

message! {
    Describe {
        topics: Option<Vec<DescribableLogDirTopic>> = None;
    }
}

impl From<Describe> for m::DescribeLogDirsRequest {
    fn from(laid: Describe) -> Self {
        Self::default().with_topics(laid.topics)
    }
}

impl From<m::DescribeLogDirsRequest> for Describe {
    fn from(request: m::DescribeLogDirsRequest) -> Self {
        Self { topics: request.topics }
    }
}

message! {
    /// The answer to DescribeLogDirs.
    DescribeLogDirsResponse {
        throttle_time_ms: i32 = 0;
        error_code: i16 = 0, since 3;
        results: Vec<DescribeLogDirsResult> = Vec::new();
    }
}

message! {
    /// One directory.
    DescribeLogDirsResult {
        error_code: i16 = 0;
        log_dir: StrBytes = StrBytes::default();
        topics: Vec<DescribeLogDirsTopic> = Vec::new();
        /// Of its volume; -1 if that is not known, as the next.
        total_bytes: i64 = -1, since 4;
        usable_bytes: i64 = -1, since 4;
        /// Whether it gets no new partitions.
        is_cordoned: bool = false, since 5;
    }
}

/// The one version with lengths of fixed size.
const INFLEXIBLE: i16 = 1;

impl DescribeLogDirsResponse {
    fn inflexible(&self) -> m::DescribeLogDirsResponse {
        let result = |result: &DescribeLogDirsResult| {
            theirs::DescribeLogDirsResult::default()
                .with_error_code(result.error_code)
                .with_log_dir(result.log_dir.clone())
                .with_topics(result.topics.clone())
        };
        m::DescribeLogDirsResponse::default()
            .with_throttle_time_ms(self.throttle_time_ms)
            .with_results(self.results.iter().map(result).collect())
    }
}

impl From<m::DescribeLogDirsResponse> for DescribeLogDirsResponse {
    fn from(response: m::DescribeLogDirsResponse) -> Self {
        let result = |result: theirs::DescribeLogDirsResult| DescribeLogDirsResult {
            error_code: result.error_code,
            log_dir: result.log_dir,
            topics: result.topics,
            ..DescribeLogDirsResult::default()
        };
        Self {
            throttle_time_ms: response.throttle_time_ms,
            error_code: response.error_code,
            results: response.results.into_iter().map(result).collect(),
        }
    }
}

impl Message for DescribeLogDirsResponse {
    const VERSIONS: VersionRange = DescribeLogDirsRequest::VERSIONS;
    const DEPRECATED_VERSIONS: Option<VersionRange> = None;
}

impl HeaderVersion for DescribeLogDirsResponse {
    fn header_version(version: i16) -> i16 {
        m::DescribeLogDirsResponse::header_version(version)
    }
}

impl Decodable for DescribeLogDirsResponse {
    fn decode<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        if version == INFLEXIBLE {
            return m::DescribeLogDirsResponse::decode(buf, version).map(Self::from);
        }
        Self::get(buf, version)
    }
}

impl Encodable for DescribeLogDirsResponse {
    fn encode<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<()> {
        if version == INFLEXIBLE {
            return self.inflexible().encode(buf, version);
        }
        self.put(buf, version)
    }

    fn compute_size(&self, version: i16) -> Result<usize> {
        size_of(self, version)
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::describe_log_dirs_response::DescribeLogDirsPartition;
    use kafka_protocol::protocol::Request;

    use super::*;
    use crate::wire::fields::encoded;
    use crate::wire::guard::{Side, check};

    fn topic() -> DescribeLogDirsTopic {
        DescribeLogDirsTopic::default()
            .with_name(m::TopicName(StrBytes::from_static_str("t")))
            .with_partitions(vec![DescribeLogDirsPartition::default().with_partition_size(7)])
    }

    #[test]
    fn versions_that_the_crate_has_are_as_it_writes_them() {
        let ours = DescribeLogDirsResponse {
            results: vec![DescribeLogDirsResult {
                log_dir: StrBytes::from_static_str("/d"),
                topics: vec![topic()],
                is_cordoned: true,
                ..DescribeLogDirsResult::default()
            }],
            ..DescribeLogDirsResponse::default()
        };
        let result = theirs::DescribeLogDirsResult::default()
            .with_log_dir(StrBytes::from_static_str("/d"))
            .with_topics(vec![topic()]);
        let theirs = m::DescribeLogDirsResponse::default().with_results(vec![result]);
        for version in 1..=4 {
            let bytes = encoded(&ours, version);
            assert_eq!(bytes, encoded(&theirs, version), "v{version}");
            let back = DescribeLogDirsResponse::decode(&mut bytes.clone(), version).unwrap();
            assert_eq!(encoded(&back, version), bytes, "v{version}");
        }
        let bytes = encoded(&ours, 5);
        assert_eq!(bytes.len(), encoded(&ours, 4).len() + 1);
        assert_eq!(DescribeLogDirsResponse::decode(&mut bytes.clone(), 5).unwrap(), ours);
        assert_eq!(check(Side::Response, DescribeLogDirsRequest::KEY, 5, &bytes), Ok(()));
    }

    #[test]
    fn the_request_has_always_been_the_same() {
        let topic = DescribableLogDirTopic::default().with_partitions(vec![1, 2]);
        for topics in [None, Some(vec![topic])] {
            let theirs = m::DescribeLogDirsRequest::default().with_topics(topics);
            let ours = DescribeLogDirsRequest(theirs.clone());
            assert_eq!(encoded(&ours, 5), encoded(&theirs, 4));
            assert_eq!(DescribeLogDirsRequest::decode(&mut encoded(&ours, 5), 5).unwrap(), ours);
        }
    }
}
