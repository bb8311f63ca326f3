//! Java's `SimpleDateFormat`, as far as times without a locale go.

use std::fmt::Write;

use chrono::{DateTime, Datelike, Local, Timelike};

/// A compiled pattern: `yyyy-MM-dd HH:mm:ss:SSS`, `'quoted text'`.
#[derive(Clone, Debug)]
pub struct JavaDateFormat(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    /// A letter, and how often it stands there.
    Field(char, usize),
}

impl JavaDateFormat {
    /// # Errors
    /// Java's text for a letter that means nothing, or a quote that does not end.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\'' {
                if chars.next_if_eq(&'\'').is_some() {
                    parts.push(Part::Text("'".into()));
                    continue;
                }
                let mut text = String::new();
                loop {
                    match chars.next() {
                        Some('\'') if chars.next_if_eq(&'\'').is_some() => text.push('\''),
                        Some('\'') => break,
                        Some(c) => text.push(c),
                        None => return Err("Unterminated quote".into()),
                    }
                }
                parts.push(Part::Text(text));
            } else if c.is_ascii_alphabetic() {
                if !"GyYMLwWDdFEuaHkKhmsSzZX".contains(c) {
                    return Err(format!("Illegal pattern character '{c}'"));
                }
                let mut n = 1;
                while chars.next_if_eq(&c).is_some() {
                    n += 1;
                }
                parts.push(Part::Field(c, n));
            } else {
                parts.push(Part::Text(c.into()));
            }
        }
        Ok(Self(parts))
    }

    /// The time in this format.
    pub fn text(&self, t: &DateTime<Local>) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(s) => out.push_str(s),
                Part::Field(letter, n) => field(&mut out, *letter, *n, t),
            }
        }
        out
    }
}

fn field(out: &mut String, letter: char, n: usize, t: &DateTime<Local>) {
    let named = |pattern: &str| t.format(pattern).to_string();
    let number = |value: u32| format!("{value:0n$}");
    let hour12 = t.hour() % 12;
    let text = match letter {
        'G' => "AD".into(),
        'y' | 'Y' if n == 2 => format!("{:02}", t.year().rem_euclid(100)),
        'y' | 'Y' => format!("{:0n$}", t.year()),
        'M' | 'L' if n >= 4 => named("%B"),
        'M' | 'L' if n == 3 => named("%b"),
        'M' | 'L' => number(t.month()),
        'd' => number(t.day()),
        'D' => number(t.ordinal()),
        'w' => number(t.iso_week().week()),
        'W' | 'F' => number((t.day() - 1) / 7 + 1),
        'E' if n >= 4 => named("%A"),
        'E' => named("%a"),
        'u' => number(t.weekday().number_from_monday()),
        'a' => named("%p"),
        'H' => number(t.hour()),
        'k' => number(if t.hour() == 0 { 24 } else { t.hour() }),
        'K' => number(hour12),
        'h' => number(if hour12 == 0 { 12 } else { hour12 }),
        'm' => number(t.minute()),
        's' => number(t.second()),
        'S' => number(t.timestamp_subsec_millis()),
        'X' if n >= 3 => named("%:z"),
        'X' | 'Z' => named("%z"),
        _ => named("%Z"),
    };
    let _ = out.write_str(&text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn patterns_print_as_in_java() {
        let t = Local.with_ymd_and_hms(2026, 3, 7, 0, 5, 9).unwrap() + chrono::Duration::milliseconds(42);
        for (pattern, text) in [
            ("yyyy-MM-dd HH:mm:ss:SSS", "2026-03-07 00:05:09:042"),
            ("yy/M/d h:m a", "26/3/7 12:5 AM"),
            ("'at' kk 'o''clock'", "at 24 o'clock"),
            ("EEE MMM", "Sat Mar"),
        ] {
            assert_eq!(JavaDateFormat::new(pattern).unwrap().text(&t), text, "{pattern}");
        }
        assert_eq!(JavaDateFormat::new("b").unwrap_err(), "Illegal pattern character 'b'");
    }
}
