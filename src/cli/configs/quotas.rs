//! Quotas as the command line names them: entity types and names to filters and entities of requests, and back to text.

use super::options::{EntityType, Request};
use super::{Failure, within};
use crate::cli::compat::deserialize::java_double;
use crate::cli::compat::java_hash::{JavaHash, hash_map_order_from};
use crate::client::admin::{Admin, QuotaEntity, QuotaFilter, QuotaMatch};

/// What quotas there are for users and clients (Kafka: `QuotaConfig.isClientOrUserQuotaConfig`).
pub const CLIENT_QUOTAS: [&str; 4] = [
    "producer_byte_rate",
    "consumer_byte_rate",
    "request_percentage",
    "controller_mutation_rate",
];

/// What quotas there are for addresses.
pub const IP_QUOTAS: [&str; 1] = ["connection_creation_rate"];

/// The type's name in requests, and as `--describe` prints it.
const TYPES: [(EntityType, &str, &str); 3] = [
    (EntityType::Users, "user", "user-principal"),
    (EntityType::Clients, "client-id", "client-id"),
    (EntityType::Ips, "ip", "ip"),
];

fn type_name(t: EntityType) -> Result<String, Failure> {
    match TYPES.iter().find(|(known, ..)| *known == t) {
        Some((_, name, _)) => Ok((*name).to_string()),
        None => Err(Failure::terse(format!("Unexpected entity type: {}", t.name()))),
    }
}

/// Quotas of an entity, in the order of Java's maps.
pub type Found = (QuotaEntity, Vec<(String, f64)>);

/// All quotas that the request's types and names lead to.
///
/// # Errors
/// More names than types; those of the request.
pub async fn describe(admin: &Admin, request: &Request) -> Result<Vec<Found>, Failure> {
    if request.names.len() > request.types.len() {
        return Err(Failure::terse("More entity names specified than entity types"));
    }
    let mut filters = Vec::new();
    for (i, t) in request.types.iter().enumerate() {
        let matches = match request.names.get(i).map(String::as_str) {
            None => QuotaMatch::Any,
            Some("") => QuotaMatch::Default,
            Some(name) => QuotaMatch::Exact(name.to_string()),
        };
        filters.push(QuotaFilter {
            entity_type: type_name(*t)?,
            matches,
        });
    }
    let found = within(30, admin.describe_client_quotas(&filters, true)).await??;
    Ok(in_java_order(found))
}

fn in_java_order(found: Vec<Found>) -> Vec<Found> {
    let count = found.len();
    let hashed: Vec<(i32, Found)> = found
        .into_iter()
        .map(|(entity, values)| {
            let keys = values.len();
            let values = hash_map_order_from(keys, values, |(key, _)| key.as_str());
            (entity_hash(&entity), (entity, values))
        })
        .collect();
    hash_map_order_from(count, hashed, |(hash, _)| hash)
        .into_iter()
        .map(|(_, found)| found)
        .collect()
}

/// `ClientQuotaEntity.hashCode`.
fn entity_hash(entity: &QuotaEntity) -> i32 {
    let entry = |(t, name): &(String, Option<String>)| t.java_hash() ^ name.as_ref().map_or(0, |n| n.java_hash());
    entity.0.iter().map(entry).fold(31, i32::wrapping_add)
}

/// The entity that a change is for.
pub fn entity(request: &Request) -> Result<QuotaEntity, Failure> {
    let named = |(t, name): (&EntityType, &String)| Ok((type_name(*t)?, Some(name.clone()).filter(|n| !n.is_empty())));
    let parts: Result<Vec<_>, Failure> = request.types.iter().zip(&request.names).map(named).collect();
    Ok(QuotaEntity(parts?))
}

/// `user-principal 'alice', the default client-id`
pub fn entity_text(entity: &QuotaEntity) -> String {
    let part = |(_, name, shown): &(EntityType, &str, &str)| {
        entity.name(name).map(|value| match value {
            Some(value) => format!("{shown} '{value}'"),
            None => format!("the default {shown}"),
        })
    };
    TYPES.iter().filter_map(part).collect::<Vec<_>>().join(", ")
}

/// `consumer_byte_rate=2097152.0, producer_byte_rate=1048576.0`
pub fn values_text(values: &[(String, f64)]) -> String {
    values
        .iter()
        .map(|(key, value)| format!("{key}={}", java_double(*value)))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[(&str, Option<&str>)]) -> QuotaEntity {
        QuotaEntity(
            parts
                .iter()
                .map(|(t, n)| (t.to_string(), n.map(str::to_string)))
                .collect(),
        )
    }

    #[test]
    fn entities_and_values_read_as_in_kafka() {
        let entity = of(&[("client-id", None), ("user", Some("alice"))]);
        assert_eq!(entity_text(&entity), "user-principal 'alice', the default client-id");
        let values = [
            ("request_percentage".to_string(), 50.5),
            ("producer_byte_rate".to_string(), 1024.0),
        ];
        assert_eq!(
            values_text(&values),
            "request_percentage=50.5, producer_byte_rate=1024.0"
        );
    }

    #[test]
    fn order_is_that_of_javas_maps() {
        // as recorded: configs-clients-describe-every, configs-ips-describe-every
        let every = vec![
            (
                of(&[("client-id", Some("c1"))]),
                vec![
                    ("producer_byte_rate".to_string(), 1.0),
                    ("consumer_byte_rate".to_string(), 2.0),
                ],
            ),
            (
                of(&[("client-id", None)]),
                vec![("request_percentage".to_string(), 200.0)],
            ),
        ];
        let found = in_java_order(every);
        assert_eq!(entity_text(&found[0].0), "the default client-id");
        assert_eq!(found[1].1[0].0, "consumer_byte_rate");
        let ips = vec![(of(&[("ip", None)]), vec![]), (of(&[("ip", Some("10.0.0.1"))]), vec![])];
        assert_eq!(entity_text(&in_java_order(ips)[0].0), "ip '10.0.0.1'");
    }
}
