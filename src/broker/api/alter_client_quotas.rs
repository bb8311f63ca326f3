//! AlterClientQuotas (49), v0-1: sets and removes quotas. KIP-546.

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_client_quotas_request::EntryData as Wanted;
use kafka_protocol::messages::alter_client_quotas_response::{EntityData, EntryData};
use kafka_protocol::messages::{AlterClientQuotasRequest, AlterClientQuotasResponse};

use super::shared::error_fields;
use crate::broker::metadata::image::{QuotaEntity, normalized};
use crate::broker::metadata::{ApiError, MetadataImage, MetadataRecord};
use crate::broker::request::{Operation, RequestContext, Resource};
use crate::wire::ErrorCode;

pub async fn handle(cx: &RequestContext, req: AlterClientQuotasRequest) -> AlterClientQuotasResponse {
    let answer = |wanted: &Wanted| {
        let result = alter(cx, wanted, req.validate_only);
        let (code, message) = error_fields(result.as_ref().err());
        let entity = wanted.entity.iter().map(|part| {
            EntityData::default()
                .with_entity_type(part.entity_type.clone())
                .with_entity_name(part.entity_name.clone())
        });
        EntryData::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_entity(entity.collect())
    };
    AlterClientQuotasResponse::default().with_entries(req.entries.iter().map(answer).collect())
}

fn refused<T>(why: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::new(ErrorCode::INVALID_REQUEST, why))
}

fn alter(cx: &RequestContext, wanted: &Wanted, validate_only: bool) -> Result<(), ApiError> {
    cx.authorize(Operation::AlterConfigs, Resource::Cluster)?;
    let entity = check_entity(wanted)?;
    let mut values: BTreeMap<&str, Option<f64>> = BTreeMap::new();
    for op in &wanted.ops {
        let value = (!op.remove).then_some(op.value);
        if let Some(value) = value {
            check_value(&entity, &op.key, value)?;
        }
        if values.insert(&op.key, value).is_some() {
            return refused(format!(
                "Duplicate quota key {} not updating quota for this entity",
                op.key
            ));
        }
    }
    let plan = |image: &MetadataImage| {
        let present = image.client_quotas.get(&entity);
        let changed = values
            .iter()
            .filter(|(key, value)| present.and_then(|p| p.get(**key)).copied() != **value);
        let record = |(key, value): (&&str, &Option<f64>)| MetadataRecord::ClientQuota {
            entity: entity.clone(),
            key: (*key).to_owned(),
            value: *value,
        };
        changed.map(record).collect::<Vec<_>>()
    };
    if validate_only {
        return Ok(());
    }
    cx.node.controller().change(|image| Ok((plan(image), ())))
}

fn check_entity(wanted: &Wanted) -> Result<QuotaEntity, ApiError> {
    let mut entity = QuotaEntity::new();
    for part in &wanted.entity {
        let (kind, name) = (
            part.entity_type.to_string(),
            part.entity_name.as_ref().map(|n| n.to_string()),
        );
        if entity.iter().any(|(k, _)| *k == kind) {
            return refused(format!("Invalid client quota entity, duplicate entity entry {kind}"));
        }
        if !["user", "client-id", "ip"].contains(&kind.as_str()) {
            return refused(format!("Unhandled client quota entity type: {kind}"));
        }
        if name.as_deref() == Some("") {
            return refused(format!("Empty {kind} not supported"));
        }
        entity.push((kind, name));
    }
    if entity.is_empty() {
        return refused("Invalid empty client quota entity");
    }
    if let Some((_, ip)) = entity.iter().find(|(kind, _)| kind == "ip") {
        if entity.len() > 1 {
            return refused("Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId");
        }
        if let Some(ip) = ip.as_deref().filter(|ip| !is_address(ip)) {
            return refused(format!("{ip} is not a valid IP or resolvable host."));
        }
    }
    Ok(normalized(&entity))
}

/// An address, or a name of this machine; names are not looked up elsewhere.
fn is_address(text: &str) -> bool {
    text == "localhost" || text.parse::<std::net::IpAddr>().is_ok()
}

fn check_value(entity: &QuotaEntity, key: &str, value: f64) -> Result<(), ApiError> {
    let is_ip = entity.iter().any(|(kind, _)| kind == "ip");
    let (largest, kind) = match (is_ip, key) {
        (true, "connection_creation_rate") => (f64::from(i32::MAX), "an INT"),
        (false, "producer_byte_rate" | "consumer_byte_rate") => (i64::MAX as f64, "a LONG"),
        (false, "request_percentage" | "controller_mutation_rate") => (f64::INFINITY, ""),
        _ => return refused(format!("Invalid configuration key {key}")),
    };
    if value.is_nan() || value <= 0.0 {
        return refused(format!("Quota {key} must be greater than 0"));
    }
    if value > largest {
        return refused(format!("Proposed value for {key} is too large for {kind}."));
    }
    if largest.is_finite() && value.fract() > 1e-6 {
        return refused(format!("{key} cannot be a fractional value."));
    }
    Ok(())
}
