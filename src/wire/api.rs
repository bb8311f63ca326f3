//! API keys and their versions (Kafka: `ApiKeys`, `NodeApiVersions`).

pub use kafka_protocol::messages::ApiKey;
pub use kafka_protocol::protocol::VersionRange;

/// The versions of an API that this build can encode and decode.
pub fn supported_range(key: ApiKey) -> VersionRange {
    key.valid_versions()
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
    fn constants_read_as_in_kafka() {
        assert_eq!(constant_name(ApiKey::DescribeCluster), "DESCRIBE_CLUSTER");
        assert_eq!(constant_name(ApiKey::Produce), "PRODUCE");
    }
}
