//! ApiVersions (18), v0-4: what this broker answers, and the cluster's features. KIP-511, KIP-584. A client from the
//! future is answered in version 0 with UNSUPPORTED_VERSION and the versions there are.

use crate::wire::api::ApiKey;
use kafka_protocol::messages::api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::StrBytes;

use super::TABLE;
use crate::broker::metadata::bootstrap::{FEATURES, KRAFT_VERSION};
use crate::broker::request::RequestContext;
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: ApiVersionsRequest) -> ApiVersionsResponse {
    if cx.api_version >= 3 && !(is_legal(&req.client_software_name) && is_legal(&req.client_software_version)) {
        return ApiVersionsResponse::default().with_error_code(ErrorCode::INVALID_REQUEST.code());
    }
    let image = cx.image();
    let name = |s: &str| StrBytes::from_string(s.to_owned());
    let level = |feature: &str| image.features.get(feature).copied();
    // An older Kafka knows fewer features, and lower levels.
    let known = |feature: &str, level: i16| match cx.node.as_version() {
        None => Some(level),
        Some(release) => release.feature_level(feature).map(|most| level.min(most)),
    };
    let supported = FEATURES
        .iter()
        .map(|(feature, min, max, _)| (*feature, *min, *max))
        .chain([KRAFT_VERSION])
        .filter_map(|(feature, min, max)| Some((feature, min, known(feature, max)?)))
        // Version 3 cannot say that a feature begins at 0.
        .filter(|(_, min, _)| cx.api_version >= 4 || *min > 0)
        .map(|(f, min, max)| {
            SupportedFeatureKey::default()
                .with_name(name(f))
                .with_min_version(min)
                .with_max_version(max)
        });
    let finalized = FEATURES
        .iter()
        .filter_map(|(feature, ..)| Some((*feature, known(feature, level(feature)?)?)))
        .map(|(f, level)| {
            FinalizedFeatureKey::default()
                .with_name(name(f))
                .with_max_version_level(level)
                .with_min_version_level(level)
        });
    ApiVersionsResponse::default()
        .with_api_keys(api_keys(cx))
        .with_supported_features(supported.collect())
        .with_finalized_features(finalized.collect())
        .with_finalized_features_epoch(cx.node.controller().end_offset() - 1)
}

/// The body for a version this broker does not know, to be encoded as version 0.
pub fn unsupported_version(cx: &RequestContext) -> ApiVersionsResponse {
    let own = api_keys(cx)
        .into_iter()
        .filter(|api| api.api_key == ApiKey::ApiVersions as i16);
    ApiVersionsResponse::default()
        .with_error_code(ErrorCode::UNSUPPORTED_VERSION.code())
        .with_api_keys(own.collect())
}

fn api_keys(cx: &RequestContext) -> Vec<ApiVersion> {
    let row = |api: &super::Api| {
        let versions = api.versions_of(cx)?;
        let row = ApiVersion::default()
            .with_api_key(api.key as i16)
            .with_min_version(advertised_min(api))
            .with_max_version(versions.max);
        Some(row)
    };
    TABLE.iter().filter_map(row).collect()
}

/// Produce is said to begin at 0, as Kafka says although it refuses versions before 3 as well: librdkafka takes a broker
/// that does not say so for one that cannot compress (KAFKA-18659).
fn advertised_min(api: &super::Api) -> i16 {
    if api.key == ApiKey::Produce {
        0
    } else {
        api.versions.min
    }
}

/// `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?` of KIP-511.
fn is_legal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(b))
}
