//! Reset plans as CSV, as Jackson writes and reads them for Kafka (`CsvUtils`): `topic,partition,offset` for one group,
//! `group,topic,partition,offset` for several.

use crate::TopicPartition;

/// The new offset of one partition of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlanLine {
    /// `None` in plans for one group.
    pub group: Option<String>,
    pub tp: TopicPartition,
    pub offset: i64,
}

/// One line with its line end.
pub(super) fn line(group: Option<&str>, tp: &TopicPartition, offset: i64) -> String {
    let group = group.map(|g| format!("{},", quoted(g))).unwrap_or_default();
    format!("{group}{},{},{offset}\n", quoted(&tp.topic), tp.partition)
}

/// Jackson quotes what is longer than 24 characters and what has a character below `-`.
fn quoted(text: &str) -> String {
    if text.encode_utf16().count() <= 24 && text.chars().all(|c| c >= '-') {
        return text.to_string();
    }
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Reads one line of a plan, with or without a group.
///
/// # Errors
/// Jackson's exception as `toString()` gives it.
pub(super) fn parse_line(text: &str, with_group: bool) -> Result<PlanLine, String> {
    let record = if with_group {
        "CsvRecordWithGroup"
    } else {
        "CsvRecordNoGroup"
    };
    let mut cells = Cells {
        line: text.trim_end_matches('\r'),
        at: 0,
        more: true,
    };
    if cells.line.is_empty() {
        return Err(format!(
            "{JACKSON}.databind.exc.MismatchedInputException: No content to map due to end-of-input\n at [Source: \
             (StringReader); line: UNKNOWN, column: UNKNOWN]"
        ));
    }
    let group = if with_group {
        cells.next()?.map(|c| c.text)
    } else {
        None
    };
    let topic = cells.next()?.map(|c| c.text).unwrap_or_default();
    let field = |cells: &mut Cells<'_>, name: &'static str, class: &'static str| -> Result<i64, String> {
        let Some(cell) = cells.next()? else { return Ok(0) };
        let place = |column: usize| {
            let path = format!("org.apache.kafka.tools.consumer.group.CsvUtils${record}[\"{name}\"]");
            format!("{} (through reference chain: {path})", location(column))
        };
        number(&cell.text, class).map_err(|e| match e {
            BadNumber::Invalid(text) => format!("{text}{}", place(cell.column)),
            // Jackson has read on by then
            BadNumber::TooLarge(text) => format!("{text}{}", place(cells.line.chars().count() * 2 + 1)),
        })
    };
    let partition = field(&mut cells, "partition", "int")?;
    let offset = field(&mut cells, "offset", "long")?;
    let width = if with_group { 4 } else { 3 };
    if let Some(extra) = cells.next()?
        && (cells.more || !extra.text.is_empty())
    {
        let (text, length) = (&extra.text, extra.text.chars().count());
        return Err(format!(
            "{JACKSON}.dataformat.csv.CsvReadException: Too many entries: expected at most {width} (value #{width} \
             ({length} chars) \"{text}\"){}",
            location(extra.column)
        ));
    }
    let partition = i32::try_from(partition).unwrap_or(i32::MAX);
    Ok(PlanLine {
        group,
        tp: TopicPartition::new(topic, partition),
        offset,
    })
}

const JACKSON: &str = "com.fasterxml.jackson";

fn location(column: usize) -> String {
    format!("\n at [Source: (StringReader); line: 1, column: {column}]")
}

enum BadNumber {
    Invalid(String),
    TooLarge(String),
}

/// A number that fits Java's `class`; an empty cell is 0, as Java's fields start.
fn number(text: &str, class: &str) -> Result<i64, BadNumber> {
    let text = text.trim();
    let (min, max) = if class == "int" {
        (i64::from(i32::MIN), i64::from(i32::MAX))
    } else {
        (i64::MIN, i64::MAX)
    };
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if text.is_empty() {
        return Ok(0);
    }
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadNumber::Invalid(format!(
            "{JACKSON}.databind.exc.InvalidFormatException: Cannot deserialize value of type `{class}` from String \
             \"{text}\": not a valid `{class}` value"
        )));
    }
    let parsed = text.strip_prefix('+').unwrap_or(text).parse().ok();
    parsed.filter(|n| (min..=max).contains(n)).ok_or_else(|| {
        BadNumber::TooLarge(format!(
            "{JACKSON}.databind.JsonMappingException: Numeric value ({text}) out of range of {class} ({min} - {max})"
        ))
    })
}

struct Cell {
    text: String,
    /// Where it starts, counted in characters from 1.
    column: usize,
}

/// Splits a line at its commas; cells may stand in double quotes, doubled inside.
struct Cells<'a> {
    line: &'a str,
    at: usize,
    more: bool,
}

impl Cells<'_> {
    fn next(&mut self) -> Result<Option<Cell>, String> {
        if !self.more {
            return Ok(None);
        }
        let rest = &self.line[self.at..];
        let column = self.column(self.at);
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        let text = if rest[blanks..].starts_with('"') {
            self.at += blanks + 1;
            self.quoted()?
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            self.at += end;
            rest[..end].to_string()
        };
        self.more = self.line[self.at..].starts_with(',');
        self.at += usize::from(self.more);
        Ok(Some(Cell { text, column }))
    }

    fn column(&self, at: usize) -> usize {
        self.line[..at].chars().count() + 1
    }

    /// The rest of a cell after its first quote.
    fn quoted(&mut self) -> Result<String, String> {
        let mut cell = String::new();
        loop {
            let rest = &self.line[self.at..];
            let Some(end) = rest.find('"') else {
                let at = location(self.column(self.line.len()));
                return Err(format!(
                    "{JACKSON}.core.JsonParseException: Missing closing quote for value{at}"
                ));
            };
            cell.push_str(&rest[..end]);
            self.at += end + 1;
            if self.line[self.at..].starts_with('"') {
                cell.push('"');
                self.at += 1;
                continue;
            }
            let rest = &self.line[self.at..];
            self.at += rest.len() - rest.trim_start_matches(' ').len();
            return match self.line[self.at..].chars().next() {
                None | Some(',') => Ok(cell),
                Some(c) => Err(format!(
                    "{JACKSON}.core.JsonParseException: Unexpected character ('{c}' (code {})): Expected column \
                     separator character (',' (code 44)) or end-of-line{}",
                    c as u32,
                    location(self.column(self.at) + 1)
                )),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_as_jackson_does() {
        let tp = TopicPartition::new("t.a-b", 3);
        assert_eq!(line(None, &tp, 7), "t.a-b,3,7\n");
        assert_eq!(line(Some("my group"), &tp, 7), "\"my group\",t.a-b,3,7\n");
        assert_eq!(
            line(Some("abcdefghijklmnopqrstuvwxy"), &tp, 7),
            "\"abcdefghijklmnopqrstuvwxy\",t.a-b,3,7\n"
        );
    }

    #[test]
    fn what_is_written_can_be_read() {
        for group in ["g", "my \"group\", quoted", "ü"] {
            let tp = TopicPartition::new("t", 1);
            let text = line(Some(group), &tp, -5);
            let read = parse_line(text.trim_end_matches('\n'), true).unwrap();
            assert_eq!(
                read,
                PlanLine {
                    group: Some(group.to_string()),
                    tp,
                    offset: -5
                }
            );
        }
    }

    #[test]
    fn bad_lines_are_named_as_jackson_does() {
        let bad = |text: &str, with_group| parse_line(text, with_group).unwrap_err();
        let e = bad("g-reset,grp,3", false);
        assert!(e.contains("value of type `int` from String \"grp\": not a valid `int` value\n at [Source: (StringReader); line: 1, column: 9] (through reference chain: org.apache.kafka.tools.consumer.group.CsvUtils$CsvRecordNoGroup[\"partition\"])"), "{e}");
        let e = bad("g,t,0,1,x", true);
        assert!(
            e.ends_with(
                "expected at most 4 (value #4 (1 chars) \"x\")\n at [Source: (StringReader); line: 1, column: 9]"
            ),
            "{e}"
        );
        let e = bad("\"t,0,1", false);
        assert!(
            e.contains("JsonParseException: Missing closing quote for value\n"),
            "{e}"
        );
        assert!(bad("", false).contains("No content to map"));
        assert!(
            bad("t,99999999999,1", false)
                .contains("Numeric value (99999999999) out of range of int (-2147483648 - 2147483647)")
        );
        assert!(bad("\"t\"x,0,1", false).contains("Unexpected character ('x' (code 120))"));
    }

    #[test]
    fn missing_and_empty_cells_are_zero() {
        assert_eq!(parse_line("t", false).unwrap().tp, TopicPartition::new("t", 0));
        assert_eq!(parse_line("t,,7,", false).unwrap().offset, 7);
    }
}
