//! Which records to show, beyond the script: `--from-offset`, `--to-offset`, `--from-time`, `--to-time`, `--filter`.

use chrono::Utc;

use crate::cli::compat::time::parse_time;
use crate::cli::console_consumer::filter::Filter;
use crate::cli::console_consumer::formatter::Received;
use crate::cli::{CliError, CliResult, Parsed};
use crate::record::{BatchHeader, Record};

/// Bounds and conditions; all must hold.
#[derive(Debug)]
pub(super) struct Selection {
    /// At or above the first, below the second.
    offsets: (i64, i64),
    /// Milliseconds since 1970; at or after the first, before the second.
    times: (i64, i64),
    filters: Vec<Filter>,
    everything: bool,
}

impl Selection {
    pub(super) fn new(parsed: &Parsed) -> CliResult<Self> {
        let now = Utc::now();
        let time = |name| -> CliResult<Option<i64>> {
            parsed
                .value(name)?
                .map(|text| parse_time(text, now).map_err(CliError::usage))
                .transpose()
        };
        let filters: Result<Vec<Filter>, String> = parsed.values("filter").map(Filter::parse).collect();
        let names = ["from-offset", "to-offset", "from-time", "to-time", "filter"];
        Ok(Selection {
            offsets: (
                parsed.parsed("from-offset")?.unwrap_or(i64::MIN),
                parsed.parsed("to-offset")?.unwrap_or(i64::MAX),
            ),
            times: (
                time("from-time")?.unwrap_or(i64::MIN),
                time("to-time")?.unwrap_or(i64::MAX),
            ),
            filters: filters.map_err(CliError::usage)?,
            everything: !names.iter().any(|name| parsed.has(name)),
        })
    }

    /// Whether nothing is left out, so that nothing need be looked at.
    pub(super) fn is_everything(&self) -> bool {
        self.everything
    }

    /// Whether the header alone tells that no record of the batch is wanted.
    pub(super) fn leaves_out(&self, header: &BatchHeader) -> bool {
        // The first timestamp is the smallest of a batch only as a rule, so it decides nothing.
        header.last_offset() < self.offsets.0
            || header.base_offset >= self.offsets.1
            || header.max_timestamp < self.times.0
    }

    pub(super) fn takes(&self, record: &Record<'_>) -> bool {
        self.everything
            || self.takes_place(record.offset, record.timestamp)
                && self.passes(record.key, record.value, || {
                    record
                        .headers
                        .map(|h| (std::str::from_utf8(h.key).unwrap_or_default(), h.value))
                        .collect()
                })
    }

    /// As [`Selection::takes`], for records of magic 0 and 1, which have no headers.
    pub(super) fn takes_legacy(&self, record: &crate::record::legacy::LegacyRecord<'_>) -> bool {
        self.everything
            || self.takes_place(record.offset, record.timestamp)
                && self.passes(
                    record.key().unwrap_or_default(),
                    record.value().unwrap_or_default(),
                    Vec::new,
                )
    }

    /// Whether an entry of an index is wanted, which tells little of the records it is of.
    pub(super) fn takes_entry(&self, offset: i64, timestamp: Option<i64>) -> bool {
        self.takes_place(offset, timestamp.unwrap_or(self.times.0))
    }

    fn takes_place(&self, offset: i64, timestamp: i64) -> bool {
        (self.offsets.0..self.offsets.1).contains(&offset) && (self.times.0..self.times.1).contains(&timestamp)
    }

    fn passes<'a>(
        &self,
        key: Option<&'a [u8]>,
        value: Option<&'a [u8]>,
        headers: impl FnOnce() -> Vec<(&'a str, Option<&'a [u8]>)>,
    ) -> bool {
        if self.filters.is_empty() {
            return true;
        }
        let received = Received {
            key,
            value,
            headers: headers(),
            ..Received::default()
        };
        self.filters.iter().all(|filter| filter.passes(&received))
    }
}
