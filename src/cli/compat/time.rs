//! Points in time and durations as command lines say them: Java's forms where Kafka's options take them
//! (`Utils.getDateTime`, `java.time.Duration.parse`), friendlier ones for the options beyond the scripts.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, TimeZone, Utc};

/// Milliseconds since 1970 of a point in time given to an option of `kt`'s own (`--from-time`, `--before-time`):
/// ISO-8601 (`2026-11-21`, `2026-11-21T09:00`, `...:30.5`, with `Z` or an offset, UTC without one), `2h ago`,
/// `1day 3h ago`, `now`, or milliseconds since 1970.
///
/// # Errors
/// What forms are understood.
pub fn parse_time(text: &str, now: DateTime<Utc>) -> Result<i64, String> {
    let text = text.trim();
    if text == "now" {
        return Ok(now.timestamp_millis());
    }
    let bad = || format!("'{text}' is no time: ISO-8601 like 2026-11-21T09:00:00Z, '2h ago', now, or milliseconds");
    if let Some(ago) = text.strip_suffix("ago") {
        let age = humantime::parse_duration(ago.trim()).map_err(|_| bad())?;
        let age = i64::try_from(age.as_millis()).map_err(|_| bad())?;
        return now.timestamp_millis().checked_sub(age).ok_or_else(bad);
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map_err(|_| bad());
    }
    iso_8601(text).ok_or_else(bad)
}

fn iso_8601(text: &str) -> Option<i64> {
    if let Ok(t) = DateTime::parse_from_rfc3339(text) {
        return Some(t.timestamp_millis());
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis());
    }
    let text = text.replacen(' ', "T", 1);
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(t) = NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), format) {
            return Some(t.and_utc().timestamp_millis());
        }
        if let Ok(t) = DateTime::parse_from_str(&text, &format!("{format}%#z")) {
            return Some(t.timestamp_millis());
        }
    }
    None
}

/// A length of time given to an option of `kt`'s own: `30s`, `5m`, `1h 30m`, or milliseconds.
///
/// # Errors
/// What forms are understood.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if let Ok(ms) = text.parse() {
        return Ok(Duration::from_millis(ms));
    }
    humantime::parse_duration(text)
        .map_err(|_| format!("'{text}' is no duration: '30s', '5m', '1h 30m', or milliseconds"))
}

/// Milliseconds as a short duration for tables: `1d 2h`, `3m 4s`, `250ms`; the two largest units.
pub fn short_duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let mut rest = ms.unsigned_abs();
    let mut parts = Vec::new();
    for (unit, name) in [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
        (1, "ms"),
    ] {
        if rest >= unit {
            parts.push(format!("{}{name}", rest / unit));
            rest %= unit;
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.truncate(2);
    if parts.is_empty() {
        "0ms".to_string()
    } else {
        format!("{sign}{}", parts.join(" "))
    }
}

/// Kafka's `Utils.getDateTime`: `yyyy-MM-ddTHH:mm:ss.SSS` and an optional zone, UTC without one, as milliseconds since
/// 1970. As in Java the fraction is a count of milliseconds (`.5` is 5 ms) and what follows the zone is not looked at.
///
/// # Errors
/// The text of Java's `java.text.ParseException`.
pub fn java_date_time(text: &str) -> Result<i64, String> {
    // Java's split drops empty strings at the end, so that "2026-11-21T" has no second part.
    let parts: Vec<&str> = text.trim_end_matches('T').split('T').collect();
    let Some(second) = parts.get(1) else {
        return Err("Error parsing timestamp. It does not contain a 'T' according to ISO8601 format".to_string());
    };
    let zoned = second.contains(['+', '-', 'Z']);
    let text = if zoned { text.to_string() } else { format!("{text}Z") };
    simple_date_format(&text).ok_or_else(|| format!("Unparseable date: \"{text}\""))
}

/// Java's non-lenient `SimpleDateFormat` with `yyyy-MM-dd'T'HH:mm:ss.SSSXXX`, then `...X`.
fn simple_date_format(text: &str) -> Option<i64> {
    let mut rest = text;
    let year = number(&mut rest)?;
    let mut next = |separator: char| {
        rest = rest.strip_prefix(separator)?;
        number(&mut rest)
    };
    let (month, day) = (next('-')?, next('-')?);
    let (hour, minute, second, millis) = (next('T')?, next(':')?, next(':')?, next('.')?);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    if millis > 999 || second > 59 {
        return None;
    }
    let local = date.and_hms_milli_opt(hour, minute, second, millis)?;
    let offset = zone_offset_seconds(rest)?;
    Some(
        FixedOffset::east_opt(offset)?
            .from_local_datetime(&local)
            .single()?
            .timestamp_millis(),
    )
}

/// Digits, after blanks that Java skips.
fn number(rest: &mut &str) -> Option<u32> {
    let digits = rest.trim_start_matches([' ', '\t']);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let value = digits[..end].parse().ok()?;
    *rest = &digits[end..];
    Some(value)
}

/// `Z`, `+hh:mm`, else `+hh` with anything behind it.
fn zone_offset_seconds(text: &str) -> Option<i32> {
    let sign = match text.chars().next()? {
        'Z' => return Some(0),
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let two = |s: Option<&str>| {
        s.filter(|s| s.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|s| s.parse::<i32>().ok())
    };
    let hours = two(text.get(1..3)).filter(|h| *h < 24)?;
    let minutes = match text.get(3..4) {
        Some(":") => two(text.get(4..6)).filter(|m| *m < 60).unwrap_or(0),
        _ => 0,
    };
    Some(sign * (hours * 3600 + minutes * 60))
}

/// Java's `Duration.parse` (`PnDTnHnMn.nS`), in milliseconds rounded down. Numbers may be negative.
///
/// # Errors
/// The text of Java's `DateTimeParseException`.
pub fn java_duration_ms(text: &str) -> Result<i64, String> {
    const BAD: &str = "Text cannot be parsed to a Duration";
    let upper = text.to_ascii_uppercase();
    let (negative, rest) = match upper.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, upper.strip_prefix('+').unwrap_or(&upper)),
    };
    let body = rest.strip_prefix('P').ok_or(BAD)?;
    let (days, time) = match body.split_once('T') {
        Some((_, "")) => return Err(BAD.to_string()),
        Some((days, time)) => (days, time),
        None => (body, ""),
    };
    if days.is_empty() && time.is_empty() {
        return Err(BAD.to_string());
    }
    let mut total: i128 = 0;
    let mut rest = days;
    for (unit, seconds, name) in [("D", 86_400, "days"), ("H", 3_600, "hours"), ("M", 60, "minutes")] {
        if unit == "H" {
            if !rest.is_empty() {
                return Err(BAD.to_string());
            }
            rest = time;
        }
        if let Some((count, after)) = rest.split_once(unit) {
            let count = signed(count).ok_or(BAD)?;
            let overflow = || format!("{BAD}: {name}");
            let part = i64::try_from(count)
                .ok()
                .and_then(|n| n.checked_mul(seconds))
                .ok_or_else(overflow)?;
            total += i128::from(part) * 1_000_000_000;
            rest = after;
        }
    }
    if let Some(count) = rest.strip_suffix('S') {
        total += seconds_nanos(count).ok_or(BAD)?;
    } else if !rest.is_empty() {
        return Err(BAD.to_string());
    }
    let nanos = if negative { -total } else { total };
    i64::try_from(nanos.div_euclid(1_000_000)).map_err(|_| format!("{BAD}: overflow"))
}

fn signed(text: &str) -> Option<i128> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    Some(if text.starts_with('-') { -value } else { value })
}

fn seconds_nanos(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: i128 = format!("{fraction:0<9}").parse().ok()?;
    let whole_nanos = signed(whole)?.checked_mul(1_000_000_000)?;
    Some(if whole.starts_with('-') {
        whole_nanos - nanos
    } else {
        whole_nanos + nanos
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        Utc.timestamp_millis_opt(1_700_000_000_000).unwrap()
    }

    #[test]
    fn times_of_kts_own_options() {
        let read = |s: &str| parse_time(s, now());
        assert_eq!(read("2h ago"), Ok(1_700_000_000_000 - 7_200_000));
        assert_eq!(read("1day 3h ago"), Ok(1_700_000_000_000 - 97_200_000));
        assert_eq!(read("now"), Ok(1_700_000_000_000));
        assert_eq!(read("1700000000123"), Ok(1_700_000_000_123));
        for same in [
            "2023-11-14T22:13:20Z",
            "2023-11-14 22:13:20",
            "2023-11-14T23:13:20.000+01:00",
            "2023-11-14T22:13:20",
        ] {
            assert_eq!(read(same), Ok(1_700_000_000_000), "{same}");
        }
        assert_eq!(read("2023-11-14"), Ok(1_699_920_000_000));
        assert_eq!(read("2023-11-14T22:13"), Ok(1_699_999_980_000));
        assert_eq!(read("2023-11-14T23:13+0100"), Ok(1_699_999_980_000));
        for bad in ["", "yesterday", "ago", "3 moons ago", "2023-13-01", "-5"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn kafkas_date_times() {
        assert_eq!(java_date_time("2023-11-14T22:16:20.000"), Ok(1_700_000_180_000));
        assert_eq!(java_date_time("2023-11-14T23:16:20.000+01:00"), Ok(1_700_000_180_000));
        assert_eq!(java_date_time("2023-11-14T23:16:20.000+01"), Ok(1_700_000_180_000));
        assert_eq!(java_date_time("2023-11-14T22:16:20.5Z"), Ok(1_700_000_180_005));
        let no_t = "Error parsing timestamp. It does not contain a 'T' according to ISO8601 format";
        assert_eq!(java_date_time("2023-11-14"), Err(no_t.to_string()));
        assert_eq!(java_date_time("2023-11-14T"), Err(no_t.to_string()));
        let bad = |s: &str| format!("Unparseable date: \"{s}\"");
        assert_eq!(java_date_time("2023-11-14T22:16:20"), Err(bad("2023-11-14T22:16:20Z")));
        assert_eq!(
            java_date_time("2023-13-14T22:16:20.000Z"),
            Err(bad("2023-13-14T22:16:20.000Z"))
        );
        assert_eq!(
            java_date_time("2023-02-30T22:16:20.000Z"),
            Err(bad("2023-02-30T22:16:20.000Z"))
        );
    }

    #[test]
    fn javas_durations() {
        assert_eq!(java_duration_ms("P1D"), Ok(86_400_000));
        assert_eq!(java_duration_ms("P9000DT1H"), Ok(777_603_600_000));
        assert_eq!(java_duration_ms("PT1H2M3.5S"), Ok(3_723_500));
        assert_eq!(java_duration_ms("-pt-1m"), Ok(60_000));
        assert_eq!(java_duration_ms("PT-0.5S"), Ok(-500));
        for bad in ["", "P", "PT", "1D", "P1H", "P1DT", "PT1D", "P1W", "PT1.S2", "PTS"] {
            assert_eq!(
                java_duration_ms(bad),
                Err("Text cannot be parsed to a Duration".to_string()),
                "{bad}"
            );
        }
        let long = "P99999999999999999D";
        assert_eq!(
            java_duration_ms(long),
            Err("Text cannot be parsed to a Duration: days".to_string())
        );
    }

    #[test]
    fn durations_for_people() {
        assert_eq!(parse_duration("1500"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert!(parse_duration("soon").is_err());
        let shown = [0, 250, 61_000, 90_061_000, -3_600_000, 3_600_001].map(short_duration);
        assert_eq!(shown, ["0ms", "250ms", "1m 1s", "1d 1h", "-1h", "1h"]);
    }
}
