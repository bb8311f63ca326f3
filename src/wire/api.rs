//! API keys and their versions (Kafka: `ApiKeys`, `NodeApiVersions`).

pub use kafka_protocol::messages::ApiKey;
pub use kafka_protocol::protocol::VersionRange;
use kafka_protocol::protocol::{Message, Request};

use super::{share, txn};

/// The versions of an API that this build can encode and decode: those of `kafka-protocol`, and those of our own
/// messages beside it ([`super::share`], [`super::txn`]).
pub fn supported_range(key: ApiKey) -> VersionRange {
    let VersionRange { min, max } = key.valid_versions();
    let max = match key {
        ApiKey::WriteTxnMarkers => txn::WriteTxnMarkersRequest::VERSIONS.max,
        ApiKey::ShareFetch => share::ShareFetchRequest::VERSIONS.max,
        ApiKey::ShareAcknowledge => share::ShareAcknowledgeRequest::VERSIONS.max,
        ApiKey::DescribeShareGroupOffsets => share::DescribeShareGroupOffsetsRequest::VERSIONS.max,
        _ => max,
    };
    VersionRange { min, max }
}

/// The header version of a request of `key` at `version`.
pub fn request_header_version(key: ApiKey, version: i16) -> i16 {
    key.request_header_version(version)
}

/// The header version of a response to `key` at `version`. ApiVersions always answers with header version 0, so that a
/// client can read the answer before it knows what the broker speaks (KIP-511).
pub fn response_header_version(key: ApiKey, version: i16) -> i16 {
    key.response_header_version(version)
}

/// The version whose layout a message of `version` has. Some versions only give new meaning to old fields: ListOffsets
/// 11 knows one more special timestamp (KIP-1023), and `kafka-protocol` ends at 10.
pub fn layout_version(key: i16, version: i16) -> i16 {
    if key == ApiKey::ListOffsets as i16 && version == 11 {
        10
    } else {
        version
    }
}

/// The versions of a request that a client can send: those of the codec, and those that share a layout with one of them.
pub fn client_range<R: Request>() -> VersionRange {
    let VersionRange { min, max } = R::VERSIONS;
    let shares_layout = layout_version(R::KEY, max + 1) == max;
    VersionRange {
        min,
        max: max + i16::from(shares_layout),
    }
}

/// The API with this number, if this build knows it.
pub fn api_key(code: i16) -> Option<ApiKey> {
    ApiKey::try_from(code).ok()
}

/// The name of Kafka's enum constant for an API, such as `LIST_OFFSETS`: what messages of Kafka's clients say.
pub fn constant_name(key: ApiKey) -> String {
    let mut out = String::new();
    for (i, c) in format!("{key:?}").chars().enumerate() {
        if c.is_ascii_uppercase() && i > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_versions_responses_always_have_header_version_zero() {
        for v in 0..=supported_range(ApiKey::ApiVersions).max {
            assert_eq!(response_header_version(ApiKey::ApiVersions, v), 0);
        }
    }

    #[test]
    fn a_version_that_shares_a_layout_can_be_sent() {
        use kafka_protocol::messages::{ListOffsetsRequest, MetadataRequest};
        assert_eq!(client_range::<ListOffsetsRequest>().max, 11);
        assert_eq!(client_range::<MetadataRequest>(), supported_range(ApiKey::Metadata));
    }

    #[test]
    fn constants_read_as_in_kafka() {
        assert_eq!(constant_name(ApiKey::DescribeCluster), "DESCRIBE_CLUSTER");
        assert_eq!(constant_name(ApiKey::Produce), "PRODUCE");
    }
}
