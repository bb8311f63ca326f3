//! UpdateFeatures (57), v0-2: levels of features, up and down. KIP-584, KIP-1022. Kafka: `FeatureControlManager`.

use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::update_features_response::UpdatableFeatureResult;
use kafka_protocol::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse};

use super::shared::error_fields;
use crate::broker::metadata::bootstrap::{FEATURES, KRAFT_VERSION};
use crate::broker::metadata::{ApiError, MetadataImage, MetadataRecord};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

/// KIP-584: how a level may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UpgradeType {
    Upgrade,
    SafeDowngrade,
    UnsafeDowngrade,
    Unknown,
}

/// What is formatted into the metadata log and changes with its format.
const METADATA_VERSION: &str = "metadata.version";

pub async fn handle(cx: &RequestContext, req: UpdateFeaturesRequest) -> UpdateFeaturesResponse {
    let updated = cx.authorize(Operation::Alter, Resource::Cluster).and_then(|()| {
        cx.node.controller().change(|image| {
            let records = plan(image, cx, &req)?;
            Ok((if req.validate_only { Vec::new() } else { records }, ()))
        })
    });
    let (code, message) = error_fields(updated.as_ref().err());
    let mut response = UpdateFeaturesResponse::default()
        .with_error_code(code)
        .with_error_message(message);
    if updated.is_ok() && cx.api_version < 2 {
        let row = |update: &FeatureUpdateKey| UpdatableFeatureResult::default().with_feature(update.feature.clone());
        response.results = req.feature_updates.iter().map(row).collect();
    }
    response
}

/// All changes, or the first error for all of them.
fn plan(
    image: &MetadataImage,
    cx: &RequestContext,
    req: &UpdateFeaturesRequest,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let mut records = Vec::new();
    for update in &req.feature_updates {
        let kind = upgrade_type(update, cx.api_version);
        let change = change(image, cx.node.id(), update, kind).map_err(|e| {
            let why = format!(
                "The update failed for all features since the following feature had an error: {}",
                e.text()
            );
            ApiError::new(e.code, why)
        })?;
        records.extend(change);
    }
    Ok(records)
}

fn upgrade_type(update: &FeatureUpdateKey, version: i16) -> UpgradeType {
    match (version, update.upgrade_type) {
        (0, _) if update.allow_downgrade => UpgradeType::SafeDowngrade,
        (0, _) | (_, 1) => UpgradeType::Upgrade,
        (_, 2) => UpgradeType::SafeDowngrade,
        (_, 3) => UpgradeType::UnsafeDowngrade,
        _ => UpgradeType::Unknown,
    }
}

fn change(
    image: &MetadataImage,
    controller_id: i32,
    update: &FeatureUpdateKey,
    kind: UpgradeType,
) -> Result<Option<MetadataRecord>, ApiError> {
    let (feature, level) = (update.feature.as_str(), update.max_version_level);
    let invalid = |why: &str| {
        let text = format!("Invalid update version {level} for feature {feature}. {why}");
        Err(ApiError::new(ErrorCode::INVALID_UPDATE_VERSION, text))
    };
    if kind == UpgradeType::Unknown {
        return invalid("The controller does not support the given upgrade type.");
    }
    if level < 0 {
        return invalid("A feature version cannot be less than 0.");
    }
    let known = FEATURES.iter().map(|(name, min, max, _)| (*name, *min, *max));
    let Some((name, min, max)) = known.chain([KRAFT_VERSION]).find(|(name, ..)| *name == feature) else {
        return invalid(&format!(
            "Local controller {controller_id} does not support this feature."
        ));
    };
    if !(min..=max).contains(&level) {
        return invalid(&format!(
            "Local controller {controller_id} only supports versions {min}-{max}"
        ));
    }
    let current = image.features.get(name).copied().unwrap_or(0);
    if level < current && kind == UpgradeType::Upgrade {
        return invalid(
            "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe \
             downgrade.",
        );
    }
    if level > current && kind != UpgradeType::Upgrade {
        return invalid("Can't downgrade to a newer version.");
    }
    if level == current {
        return Ok(None);
    }
    if name == KRAFT_VERSION.0 {
        return invalid("The quorum of one node has no directory ids to upgrade to.");
    }
    if name == METADATA_VERSION {
        return Err(metadata_downgrade(current, level, kind));
    }
    Ok(Some(MetadataRecord::FeatureLevel {
        name: name.to_owned(),
        level,
    }))
}

/// The log is written in the newest format alone.
fn metadata_downgrade(from: i16, to: i16, kind: UpgradeType) -> ApiError {
    let why = match kind {
        UpgradeType::UnsafeDowngrade => "Unsafe metadata downgrade is not supported in this version.",
        _ => "Refusing to perform the requested downgrade because it might delete metadata information.",
    };
    ApiError::new(
        ErrorCode::INVALID_UPDATE_VERSION,
        format!("Unsupported metadata.version downgrade from {from} to {to}. {why}"),
    )
}
