//! Client quotas (Kafka: `ClientQuotaManager`, `ClientRequestQuotaManager`, `ControllerMutationQuotaManager`,
//! `ConnectionQuotas`; KIP-13, KIP-55, KIP-124, KIP-219, KIP-599, KIP-612). Who goes over is told for how long to be quiet,
//! and is not read from meanwhile. Where no quota is set nothing is reckoned.

pub mod entity;
pub mod rate;
pub mod throttle;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

use super::config::BrokerConfig;
use super::metadata::MetadataImage;
use entity::{Limit, connection_limit, limit};
use rate::{SampledRate, TokenBucket, Windows};

/// What is reckoned by rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Produce,
    Fetch,
    /// Percent of one processor's time.
    Request,
}

impl Kind {
    fn key(self) -> &'static str {
        match self {
            Self::Produce => "producer_byte_rate",
            Self::Fetch => "consumer_byte_rate",
            Self::Request => "request_percentage",
        }
    }
}

/// A client as quotas see it.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// Without its type.
    pub user: &'a str,
    pub client_id: &'a str,
}

/// Clients nobody heard of for as long as all windows are forgotten once there are so many.
const SWEEP_ABOVE: usize = 1000;

/// What clients did lately.
#[derive(Debug)]
pub struct Quotas {
    windows: Windows,
    mutation_windows: Windows,
    rates: Mutex<HashMap<(Kind, String, String), SampledRate>>,
    mutations: Mutex<HashMap<(String, String), TokenBucket>>,
    connections: Mutex<HashMap<IpAddr, SampledRate>>,
}

impl Quotas {
    pub fn new(config: &BrokerConfig) -> Self {
        let windows = |prefix: &str| Windows {
            samples: config.i64(&format!("{prefix}quota.window.num")).max(1),
            size_ms: config.i64(&format!("{prefix}quota.window.size.seconds")).max(1) * 1000,
        };
        Self {
            windows: windows(""),
            mutation_windows: windows("controller."),
            rates: Mutex::default(),
            mutations: Mutex::default(),
            connections: Mutex::default(),
        }
    }

    /// Whether a client has a quota of this kind at all.
    pub fn has_limit(&self, image: &MetadataImage, kind: Kind, who: Client<'_>) -> bool {
        limit(&image.client_quotas, who.user, who.client_id, kind.key()).is_some()
    }

    /// Reckons with what a client did; for how long it must be quiet, in milliseconds.
    pub fn record(&self, image: &MetadataImage, kind: Kind, who: Client<'_>, value: f64, now_ms: i64) -> i64 {
        let Some(limit) = limit(&image.client_quotas, who.user, who.client_id, kind.key()) else {
            return 0;
        };
        let windows = self.windows;
        let throttle_ms = self.with_rate(kind, &limit, now_ms, |rate| {
            rate.record(windows, value, now_ms);
            rate.throttle_ms(windows, limit.value, now_ms)
        });
        match kind {
            Kind::Request => throttle_ms.min(windows.size_ms),
            Kind::Produce | Kind::Fetch => throttle_ms,
        }
    }

    /// Takes back what was recorded: the bytes were not sent after all.
    pub fn unrecord(&self, image: &MetadataImage, kind: Kind, who: Client<'_>, value: f64, now_ms: i64) {
        if let Some(limit) = limit(&image.client_quotas, who.user, who.client_id, kind.key()) {
            self.with_rate(kind, &limit, now_ms, |rate| rate.record(self.windows, -value, now_ms));
        }
    }

    /// The most bytes a client may be sent at once: its quota for all windows.
    pub fn max_fetch_bytes(&self, image: &MetadataImage, who: Client<'_>) -> Option<usize> {
        let limit = limit(&image.client_quotas, who.user, who.client_id, Kind::Fetch.key())?;
        let seconds = (self.windows.samples - 1).max(1) as f64 * self.windows.size_ms as f64 / 1000.0;
        Some((limit.value * seconds).min(f64::from(i32::MAX)) as usize)
    }

    fn with_rate<T>(&self, kind: Kind, limit: &Limit, now_ms: i64, f: impl FnOnce(&mut SampledRate) -> T) -> T {
        let mut rates = self.rates.lock();
        if rates.len() > SWEEP_ABOVE {
            rates.retain(|_, rate| !rate.is_idle(self.windows, now_ms));
        }
        let (user, client_id) = limit.shared_by.clone();
        f(rates.entry((kind, user, client_id)).or_default())
    }

    /// Takes permits for changes of partitions. With `strict` nothing is taken where there is a debt.
    ///
    /// # Errors
    /// For how long the debt lasts, in milliseconds.
    pub fn mutate(
        &self,
        image: &MetadataImage,
        who: Client<'_>,
        (permits, strict): (usize, bool),
        now_ms: i64,
    ) -> Result<i64, i64> {
        let key = "controller_mutation_rate";
        let Some(limit) = limit(&image.client_quotas, who.user, who.client_id, key) else {
            return Ok(0);
        };
        let windows = self.mutation_windows;
        let mut mutations = self.mutations.lock();
        let bucket = mutations.entry(limit.shared_by.clone()).or_default();
        let debt_ms = bucket.throttle_ms(windows, limit.value, now_ms);
        if strict && debt_ms > 0 {
            return Err(debt_ms);
        }
        bucket.take(windows, limit.value, permits as f64, now_ms);
        Ok(bucket.throttle_ms(windows, limit.value, now_ms))
    }

    /// Reckons with a new connection.
    ///
    /// # Errors
    /// For how long it is to be held and then closed, if its address makes too many.
    pub fn connect(&self, image: &MetadataImage, ip: IpAddr, now_ms: i64) -> Result<(), Duration> {
        let Some(limit) = connection_limit(&image.client_quotas, &ip.to_canonical().to_string()) else {
            return Ok(());
        };
        let windows = self.windows;
        let mut connections = self.connections.lock();
        if connections.len() > SWEEP_ABOVE {
            connections.retain(|_, rate| !rate.is_idle(windows, now_ms));
        }
        let rate = connections.entry(ip).or_default();
        rate.record(windows, 1.0, now_ms);
        let throttle_ms = rate.throttle_ms(windows, limit, now_ms).min(windows.size_ms);
        if throttle_ms == 0 {
            return Ok(());
        }
        rate.record(windows, -1.0, now_ms);
        Err(Duration::from_millis(throttle_ms.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::config::Props;
    use crate::broker::metadata::MetadataRecord;

    fn quotas() -> Quotas {
        Quotas::new(&BrokerConfig::new(Props::new()).unwrap())
    }

    fn image(entity: &[(&str, Option<&str>)], key: &str, value: f64) -> MetadataImage {
        let mut image = MetadataImage::default();
        image.apply(&MetadataRecord::ClientQuota {
            entity: entity
                .iter()
                .map(|(k, n)| (k.to_string(), n.map(str::to_owned)))
                .collect(),
            key: key.to_owned(),
            value: Some(value),
        });
        image
    }

    const ALICE: Client<'_> = Client {
        user: "alice",
        client_id: "c",
    };

    #[test]
    fn users_are_reckoned_one_by_one() {
        let image = image(&[("user", None)], "producer_byte_rate", 100.0);
        let quotas = quotas();
        assert_eq!(quotas.record(&image, Kind::Produce, ALICE, 1000.0, 0), 0);
        assert_eq!(quotas.record(&image, Kind::Produce, ALICE, 500.0, 0), 5000);
        let bob = Client { user: "bob", ..ALICE };
        assert_eq!(quotas.record(&image, Kind::Produce, bob, 500.0, 0), 0);
        assert_eq!(
            quotas.record(&image, Kind::Fetch, ALICE, 1e9, 0),
            0,
            "there is no such quota"
        );
        quotas.unrecord(&image, Kind::Produce, ALICE, 500.0, 0);
        assert_eq!(quotas.record(&image, Kind::Produce, ALICE, 0.0, 0), 0);
    }

    #[test]
    fn time_is_bounded_by_one_window() {
        let image = image(&[("user", Some("alice"))], "request_percentage", 1.0);
        assert_eq!(quotas().record(&image, Kind::Request, ALICE, 5000.0, 0), 1000);
    }

    #[test]
    fn fetches_are_no_larger_than_all_windows() {
        let image = image(&[("client-id", Some("c"))], "consumer_byte_rate", 1024.0);
        assert_eq!(quotas().max_fetch_bytes(&image, ALICE), Some(10_240));
    }

    #[test]
    fn changes_in_debt_are_refused_to_new_clients_and_delayed_for_old_ones() {
        let image = image(&[("user", Some("alice"))], "controller_mutation_rate", 1.0);
        let quotas = quotas();
        let now = 1_000_000;
        assert_eq!(
            quotas.mutate(&image, ALICE, (12, true), now),
            Ok(1000),
            "one may go over once"
        );
        assert_eq!(quotas.mutate(&image, ALICE, (1, true), now), Err(1000));
        assert_eq!(quotas.mutate(&image, ALICE, (1, false), now), Ok(2000));
        assert_eq!(quotas.mutate(&image, ALICE, (0, true), now + 2000), Ok(0));
    }

    #[test]
    fn connections_that_come_too_fast_are_held() {
        let image = image(&[("ip", None)], "connection_creation_rate", 1.0);
        let quotas = quotas();
        let ip = IpAddr::from([127, 0, 0, 1]);
        let admitted = (0..30).filter(|_| quotas.connect(&image, ip, 0).is_ok()).count();
        assert_eq!(admitted, 10, "ten windows of one a second");
        assert_eq!(quotas.connect(&image, ip, 0), Err(Duration::from_secs(1)));
        assert_eq!(quotas.connect(&image, IpAddr::from([127, 0, 0, 2]), 0), Ok(()));
        assert_eq!(quotas.connect(&image, ip, 12_000), Ok(()));
    }
}
