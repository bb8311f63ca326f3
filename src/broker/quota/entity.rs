//! Which quota holds for a client (Kafka: `ClientQuotaManager.DefaultQuotaCallback`, KIP-55).

use std::collections::BTreeMap;

use crate::broker::metadata::image::QuotaEntity;

pub type ClientQuotas = BTreeMap<QuotaEntity, BTreeMap<String, f64>>;

/// A limit, and who shares it: everybody whose `shared_by` is the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    pub value: f64,
    /// User and client id; empty where the quota does not tell them apart.
    pub shared_by: (String, String),
}

const USER: &str = "user";
const CLIENT: &str = "client-id";

/// The most exact quota of this key: of user and client id, of the user, of the client id, each before its default.
pub fn limit(quotas: &ClientQuotas, user: &str, client_id: &str, key: &str) -> Option<Limit> {
    if quotas.is_empty() {
        return None;
    }
    let some = |name: &str| Some(name.to_owned());
    // An entity's parts are sorted: the client id comes first.
    let both = |client, user| vec![(CLIENT.to_owned(), client), (USER.to_owned(), user)];
    let of_user = |user| vec![(USER.to_owned(), user)];
    let of_client = |client| vec![(CLIENT.to_owned(), client)];
    let candidates: [(QuotaEntity, bool, bool); 8] = [
        (both(some(client_id), some(user)), true, true),
        (both(None, some(user)), true, true),
        (of_user(some(user)), true, false),
        (both(some(client_id), None), true, true),
        (both(None, None), true, true),
        (of_user(None), true, false),
        (of_client(some(client_id)), false, true),
        (of_client(None), false, true),
    ];
    candidates.into_iter().find_map(|(entity, by_user, by_client)| {
        let value = *quotas.get(&entity)?.get(key)?;
        let part = |is_told, name: &str| if is_told { name.to_owned() } else { String::new() };
        Some(Limit {
            value,
            shared_by: (part(by_user, user), part(by_client, client_id)),
        })
    })
}

/// How many connections an address may make a second.
pub fn connection_limit(quotas: &ClientQuotas, ip: &str) -> Option<f64> {
    const KEY: &str = "connection_creation_rate";
    let of = |name: Option<String>| quotas.get(&vec![("ip".to_owned(), name)])?.get(KEY).copied();
    if quotas.is_empty() {
        return None;
    }
    of(Some(ip.to_owned())).or_else(|| of(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_quota_counts() {
        let mut quotas = ClientQuotas::new();
        let mut set = |parts: &[(&str, Option<&str>)], value: f64| {
            let mut entity: QuotaEntity = parts
                .iter()
                .map(|(k, n)| (k.to_string(), n.map(str::to_owned)))
                .collect();
            entity.sort();
            quotas.entry(entity).or_default().insert("k".to_owned(), value);
            let found = limit(&quotas, "u", "c", "k").unwrap();
            (found.value, found.shared_by.0, found.shared_by.1)
        };
        let shared = |value: f64, user: &str, client: &str| (value, user.to_owned(), client.to_owned());
        assert_eq!(set(&[("client-id", None)], 8.0), shared(8.0, "", "c"));
        assert_eq!(set(&[("client-id", Some("c"))], 7.0), shared(7.0, "", "c"));
        assert_eq!(set(&[("user", None)], 6.0), shared(6.0, "u", ""));
        assert_eq!(set(&[("user", None), ("client-id", None)], 5.0), shared(5.0, "u", "c"));
        assert_eq!(
            set(&[("user", None), ("client-id", Some("c"))], 4.0),
            shared(4.0, "u", "c")
        );
        assert_eq!(set(&[("user", Some("u"))], 3.0), shared(3.0, "u", ""));
        assert_eq!(
            set(&[("user", Some("u")), ("client-id", None)], 2.0),
            shared(2.0, "u", "c")
        );
        assert_eq!(
            set(&[("user", Some("u")), ("client-id", Some("c"))], 1.0),
            shared(1.0, "u", "c")
        );
        assert_eq!(limit(&quotas, "u", "c", "other"), None, "each key for itself");
        assert_eq!(limit(&quotas, "v", "d", "k").unwrap().value, 5.0);
    }

    #[test]
    fn addresses_have_a_default() {
        let mut quotas = ClientQuotas::new();
        assert_eq!(connection_limit(&quotas, "127.0.0.1"), None);
        let of = |value| BTreeMap::from([("connection_creation_rate".to_owned(), value)]);
        quotas.insert(vec![("ip".to_owned(), None)], of(5.0));
        quotas.insert(vec![("ip".to_owned(), Some("127.0.0.1".to_owned()))], of(2.0));
        assert_eq!(connection_limit(&quotas, "127.0.0.1"), Some(2.0));
        assert_eq!(connection_limit(&quotas, "10.0.0.1"), Some(5.0));
    }
}
