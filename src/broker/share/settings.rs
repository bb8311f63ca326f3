//! A share group's settings in force: its own (`kafka-configs --entity-type groups`) over the broker's.

use crate::broker::config::Props;
use crate::broker::metadata::image::resource_type;
use crate::broker::node::Node;
use crate::broker::replica::fetch::Isolation;

use super::partition::Limits;

/// `share.auto.offset.reset`: where a group begins that has no offset yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetReset {
    Earliest,
    Latest,
    /// At the first record that is no older than so many milliseconds.
    ByDuration(i64),
}

impl OffsetReset {
    /// `earliest`, `latest`, or `by_duration:` with a duration of ISO 8601; anything else counts as the default.
    fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some(("by_duration", duration)) => iso_duration_ms(duration).map_or(Self::Latest, Self::ByDuration),
            None if text == "earliest" => Self::Earliest,
            _ => Self::Latest,
        }
    }
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupSettings {
    pub limits: Limits,
    pub isolation: Isolation,
    pub offset_reset: OffsetReset,
    /// `share.renew.acknowledge.enable`
    pub may_renew: bool,
}

impl GroupSettings {
    /// For one request: only one that says so may renew locks.
    pub fn with_renewal(self, is_renewal: bool) -> Self {
        Self {
            may_renew: self.may_renew && is_renewal,
            ..self
        }
    }

    pub fn of(node: &Node, group_id: &str) -> Self {
        let image = node.image();
        let config = node.config();
        let none = Props::new();
        let own = image.config(resource_type::GROUP, group_id).unwrap_or(&none);
        let text = |name: &str| own.get(name).map(|value| value.trim());
        let number = |name: &str, broker_name: &str| {
            let own = text(name).and_then(|value| value.parse::<i64>().ok());
            own.unwrap_or_else(|| config.i64(broker_name))
        };
        let lock_duration_ms = number("share.record.lock.duration.ms", "group.share.record.lock.duration.ms");
        let max_delivery_count = number("share.delivery.count.limit", "group.share.delivery.count.limit");
        Self {
            limits: Limits {
                lock_duration_ms: i32::try_from(lock_duration_ms).unwrap_or(i32::MAX),
                max_delivery_count: i16::try_from(max_delivery_count).unwrap_or(i16::MAX),
                max_in_flight: number(
                    "share.partition.max.record.locks",
                    "group.share.partition.max.record.locks",
                ),
            },
            isolation: match text("share.isolation.level") {
                Some("read_committed") => Isolation::Committed,
                _ => Isolation::HighWatermark,
            },
            offset_reset: OffsetReset::parse(text("share.auto.offset.reset").unwrap_or("latest")),
            may_renew: text("share.renew.acknowledge.enable") != Some("false"),
        }
    }
}

/// `P1DT2H3M4.5S` in milliseconds. `None` for what is no such duration, or a negative one.
fn iso_duration_ms(text: &str) -> Option<i64> {
    let (days, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((days, time)) => (days, time),
        None => (&text[1..], ""),
    };
    let mut total = 0f64;
    for (part, units) in [(days, &[('D', 86_400_000f64)][..]), (time, &TIME_UNITS[..])] {
        let mut rest = part;
        while !rest.is_empty() {
            let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
            let (number, unit) = rest.split_at(end);
            let unit_ms = units.iter().find(|(name, _)| unit.starts_with(*name))?.1;
            total += number.parse::<f64>().ok().filter(|n| *n >= 0.0)? * unit_ms;
            rest = &unit[1..];
        }
    }
    (total.is_finite() && !(days.is_empty() && time.is_empty())).then_some(total as i64)
}

const TIME_UNITS: [(char, f64); 3] = [('H', 3_600_000.0), ('M', 60_000.0), ('S', 1_000.0)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_group_begins() {
        assert_eq!(OffsetReset::parse("earliest"), OffsetReset::Earliest);
        assert_eq!(OffsetReset::parse("latest"), OffsetReset::Latest);
        assert_eq!(
            OffsetReset::parse("by_duration:PT1H"),
            OffsetReset::ByDuration(3_600_000)
        );
        assert_eq!(
            OffsetReset::parse("by_duration:P1DT1M1.5S"),
            OffsetReset::ByDuration(86_461_500)
        );
        for odd in [
            "by_duration:",
            "by_duration:P",
            "by_duration:PT-1S",
            "by_duration:PTS",
            "by_duration:1H",
        ] {
            assert_eq!(OffsetReset::parse(odd), OffsetReset::Latest, "{odd}");
        }
    }
}
