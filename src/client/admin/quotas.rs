//! Client quotas (KIP-546).

use kafka_protocol::messages::alter_client_quotas_request as alter;
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
};

use super::*;

/// Kafka: `ClientQuotaEntity`: types (`user`, `client-id`, `ip`) and names; `None` is the type's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuotaEntity(pub Vec<(String, Option<String>)>);

impl QuotaEntity {
    /// The name for a type: outer `None` if the entity has no such type, inner `None` for the default.
    pub fn name(&self, entity_type: &str) -> Option<Option<&str>> {
        self.0
            .iter()
            .find(|(t, _)| t == entity_type)
            .map(|(_, name)| name.as_deref())
    }
}

/// As Java prints one: `ClientQuotaEntity(entries={user=u})`.
impl std::fmt::Display for QuotaEntity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let entries: Vec<String> = self
            .0
            .iter()
            .map(|(t, n)| format!("{t}={}", n.as_deref().unwrap_or("null")))
            .collect();
        write!(f, "ClientQuotaEntity(entries={{{}}})", entries.join(", "))
    }
}

/// Kafka: `ClientQuotaFilterComponent`: a type and which names of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaFilter {
    pub entity_type: String,
    pub matches: QuotaMatch,
}

/// Which names a [`QuotaFilter`] lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaMatch {
    Exact(String),
    Default,
    Any,
}

/// Kafka: `ClientQuotaAlteration`.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaAlteration {
    pub entity: QuotaEntity,
    /// Quota key and its new value; `None` removes it.
    pub ops: Vec<(String, Option<f64>)>,
}

impl Admin {
    /// Kafka: `describeClientQuotas`. `strict` leaves out entities with types that no filter names.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn describe_client_quotas(
        &self,
        filters: &[QuotaFilter],
        strict: bool,
    ) -> Result<Vec<(QuotaEntity, Vec<(String, f64)>)>, AdminError> {
        let component = |f: &QuotaFilter| {
            let (match_type, name) = match &f.matches {
                QuotaMatch::Exact(name) => (0, Some(text(name))),
                QuotaMatch::Default => (1, None),
                QuotaMatch::Any => (2, None),
            };
            ComponentData::default()
                .with_entity_type(text(&f.entity_type))
                .with_match_type(match_type)
                .with_match(name)
        };
        let make = |_| {
            DescribeClientQuotasRequest::default()
                .with_components(filters.iter().map(component).collect())
                .with_strict(strict)
        };
        let judge = |r: &DescribeClientQuotasResponse| judge_codes([r.error_code]);
        let answer = self
            .request("describeClientQuotas", self.any_or_controller(), make, judge)
            .await?;
        ApiError::check(answer.error_code, answer.error_message.as_deref())?;
        let entries = answer.entries.unwrap_or_default();
        Ok(entries
            .iter()
            .map(|e| {
                let part = |d: &kafka_protocol::messages::describe_client_quotas_response::EntityData| {
                    (d.entity_type.to_string(), d.entity_name.as_ref().map(|n| n.to_string()))
                };
                let values = e.values.iter().map(|v| (v.key.to_string(), v.value)).collect();
                (QuotaEntity(e.entity.iter().map(part).collect()), values)
            })
            .collect())
    }

    /// Kafka: `alterClientQuotas`.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn alter_client_quotas(
        &self,
        alterations: &[QuotaAlteration],
        validate_only: bool,
    ) -> Result<Items<QuotaEntity, ()>, AdminError> {
        let entry = |a: &QuotaAlteration| {
            let part = |(t, n): &(String, Option<String>)| {
                alter::EntityData::default()
                    .with_entity_type(text(t))
                    .with_entity_name(n.as_deref().map(text))
            };
            let op = |(key, value): &(String, Option<f64>)| {
                alter::OpData::default()
                    .with_key(text(key))
                    .with_value(value.unwrap_or(0.0))
                    .with_remove(value.is_none())
            };
            alter::EntryData::default()
                .with_entity(a.entity.0.iter().map(part).collect())
                .with_ops(a.ops.iter().map(op).collect())
        };
        let make = |_| {
            AlterClientQuotasRequest::default()
                .with_entries(alterations.iter().map(entry).collect())
                .with_validate_only(validate_only)
        };
        let judge = |r: &AlterClientQuotasResponse| judge_codes(r.entries.iter().map(|e| e.error_code));
        let answer = self
            .request("alterClientQuotas", self.any_or_controller(), make, judge)
            .await?;
        let mut items: Items<QuotaEntity, ()> = Items::new();
        for e in &answer.entries {
            let part = |d: &kafka_protocol::messages::alter_client_quotas_response::EntityData| {
                (d.entity_type.to_string(), d.entity_name.as_ref().map(|n| n.to_string()))
            };
            let entity = QuotaEntity(e.entity.iter().map(part).collect());
            items.push((entity, ApiError::check(e.error_code, e.error_message.as_deref())));
        }
        // A broker may name an entity's types in another order than it was asked.
        let sorted = |e: &QuotaEntity| {
            let mut e = e.clone();
            e.0.sort();
            e
        };
        let mut items: Items<QuotaEntity, ()> = items.into_iter().map(|(e, r)| (sorted(&e), r)).collect();
        Ok(alterations
            .iter()
            .map(|a| (a.entity.clone(), take(&mut items, &sorted(&a.entity)).1))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn quotas_come_and_go_on_a_real_cluster() {
        let Some(admin) = live::admin().await else { return };
        let user = "client-quota-user".to_string();
        let entity = QuotaEntity(vec![("user".into(), Some(user.clone())), ("client-id".into(), None)]);
        let change = |value| QuotaAlteration {
            entity: entity.clone(),
            ops: vec![("producer_byte_rate".into(), value)],
        };
        let items = admin.alter_client_quotas(&[change(Some(1024.0))], false).await.unwrap();
        assert_eq!(items, [(entity.clone(), Ok(()))]);
        let filter = QuotaFilter {
            entity_type: "user".into(),
            matches: QuotaMatch::Exact(user),
        };
        let found = live::eventually(async || {
            let found = admin
                .describe_client_quotas(std::slice::from_ref(&filter), false)
                .await
                .unwrap();
            Some(found).filter(|f| !f.is_empty())
        })
        .await;
        assert_eq!(found[0].1, [("producer_byte_rate".to_string(), 1024.0)]);
        assert_eq!(found[0].0.name("client-id"), Some(None));
        admin
            .alter_client_quotas(&[change(None)], false)
            .await
            .unwrap()
            .remove(0)
            .1
            .unwrap();
    }
}
