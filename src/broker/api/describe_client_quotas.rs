//! DescribeClientQuotas (48), v0-1: quotas of users, client ids and addresses, filtered. KIP-546. Who goes over a quota is
//! throttled by `broker::quota`.

use std::collections::BTreeMap;

use kafka_protocol::messages::describe_client_quotas_response::{EntityData, EntryData, ValueData};
use kafka_protocol::messages::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};

use super::shared::text;
use crate::broker::metadata::ApiError;
use crate::broker::metadata::image::QuotaEntity;
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

/// What a part of an entity must be.
enum Match {
    /// This name, or the default if there is none.
    Exactly(Option<String>),
    /// Any name, but there must be one or the default.
    Any,
}

pub async fn handle(cx: &RequestContext, req: DescribeClientQuotasRequest) -> DescribeClientQuotasResponse {
    match find(cx, &req) {
        Ok(entries) => DescribeClientQuotasResponse::default()
            .with_error_message(None)
            .with_entries(Some(entries)),
        Err(e) => DescribeClientQuotasResponse::default()
            .with_error_code(e.code.code())
            .with_error_message(Some(text(&e.text())))
            .with_entries(None),
    }
}

fn find(cx: &RequestContext, req: &DescribeClientQuotasRequest) -> Result<Vec<EntryData>, ApiError> {
    cx.authorize(Operation::DescribeConfigs, Resource::Cluster)?;
    let filter = filter(req)?;
    let image = cx.image();
    let matching = image
        .client_quotas
        .iter()
        .filter(|(entity, _)| matches(entity, &filter, req.strict));
    let entry = |(entity, values): (&QuotaEntity, &BTreeMap<String, f64>)| {
        let part = |(kind, name): &(String, Option<String>)| {
            EntityData::default()
                .with_entity_type(text(kind))
                .with_entity_name(name.as_deref().map(text))
        };
        let value = |(key, value): (&String, &f64)| ValueData::default().with_key(text(key)).with_value(*value);
        EntryData::default()
            .with_entity(entity.iter().map(part).collect())
            .with_values(values.iter().map(value).collect())
    };
    Ok(matching.map(entry).collect())
}

fn filter(req: &DescribeClientQuotasRequest) -> Result<BTreeMap<String, Match>, ApiError> {
    let refused = |why: &str| Err(ApiError::new(ErrorCode::INVALID_REQUEST, why));
    let mut filter = BTreeMap::new();
    for component in &req.components {
        let kind = component.entity_type.to_string();
        if kind.is_empty() {
            return refused("Invalid empty entity type.");
        }
        if filter.contains_key(&kind) {
            return refused(&format!(
                "Entity type {kind} cannot appear more than once in the filter."
            ));
        }
        if !["ip", "user", "client-id"].contains(&kind.as_str()) {
            return Err(ApiError::new(
                ErrorCode::UNSUPPORTED_VERSION,
                format!("Unsupported entity type {kind}"),
            ));
        }
        let name = component._match.as_ref().map(|m| m.to_string());
        let wanted = match (component.match_type, name) {
            (0, None) => return refused("Request specified MATCH_TYPE_EXACT, but set match string to null."),
            (0, name) => Match::Exactly(name),
            (1, Some(_)) => return refused("Request specified MATCH_TYPE_DEFAULT, but also specified a match string."),
            (1, None) => Match::Exactly(None),
            (2, Some(_)) => {
                return refused("Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.");
            }
            (2, None) => Match::Any,
            (other, _) => return refused(&format!("Unknown match type {other}")),
        };
        filter.insert(kind, wanted);
    }
    if filter.contains_key("ip") && filter.len() > 1 {
        return refused(
            "Invalid entity filter component combination. IP filter component should not be used with user or clientId \
             filter component.",
        );
    }
    Ok(filter)
}

fn matches(entity: &QuotaEntity, filter: &BTreeMap<String, Match>, strict: bool) -> bool {
    let part = |kind: &str| entity.iter().find(|(k, _)| k == kind).map(|(_, name)| name);
    let all = filter.iter().all(|(kind, wanted)| match (wanted, part(kind)) {
        (_, None) => false,
        (Match::Any, Some(_)) => true,
        (Match::Exactly(wanted), Some(name)) => wanted == name,
    });
    all && !(strict && entity.len() != filter.len())
}
