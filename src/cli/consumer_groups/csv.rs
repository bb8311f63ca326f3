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

const JACKSON: &str = "com.fasterxml.jackson";

/// Reads one line of a plan, with or without a group.
///
/// # Errors
/// Jackson's exception as `toString()` gives it, in short.
pub(super) fn parse_line(text: &str, with_group: bool) -> Result<PlanLine, String> {
    let cells = cells(text)?;
    let width = if with_group { 4 } else { 3 };
    if let Some(extra) = cells.get(width) {
        let length = extra.chars().count();
        return Err(format!(
            "{JACKSON}.dataformat.csv.CsvReadException: Too many entries: expected at most {width} (value #{width} ({length} chars) \"{extra}\")"
        ));
    }
    let mut cells = cells.into_iter();
    let group = if with_group { cells.next() } else { None };
    let topic = cells.next().unwrap_or_default();
    let partition = number(cells.next(), "int")?;
    let offset = number(cells.next(), "long")?;
    let partition = i32::try_from(partition).map_err(|_| invalid(&partition.to_string(), "int"))?;
    Ok(PlanLine {
        group,
        tp: TopicPartition::new(topic, partition),
        offset,
    })
}

/// A missing number is 0, as Java's fields start.
fn number(cell: Option<String>, class: &str) -> Result<i64, String> {
    match cell.as_deref().map(str::trim) {
        None | Some("") => Ok(0),
        Some(text) => text.parse().map_err(|_| invalid(text, class)),
    }
}

fn invalid(text: &str, class: &str) -> String {
    format!(
        "{JACKSON}.databind.exc.InvalidFormatException: Cannot deserialize value of type `{class}` from String \"{text}\": not a valid `{class}` value"
    )
}

/// Splits a line at its commas; cells may stand in double quotes, doubled inside.
fn cells(text: &str) -> Result<Vec<String>, String> {
    let mut cells = Vec::new();
    let mut rest = text.trim_end_matches('\r');
    if rest.is_empty() {
        return Err(format!(
            "{JACKSON}.databind.exc.MismatchedInputException: No content to map due to end-of-input"
        ));
    }
    loop {
        let trimmed = rest.trim_start_matches(' ');
        let (cell, after) = match trimmed.strip_prefix('"') {
            Some(inside) => quoted_cell(inside)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].to_string(), &rest[end..])
            }
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(cells),
        }
    }
}

fn quoted_cell(inside: &str) -> Result<(String, &str), String> {
    let mut cell = String::new();
    let mut rest = inside;
    loop {
        let Some(end) = rest.find('"') else {
            return Err(format!(
                "{JACKSON}.dataformat.csv.CsvReadException: Missing closing quote for value"
            ));
        };
        cell.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                cell.push('"');
                rest = after;
            }
            None => {
                let rest = rest.trim_start_matches(' ');
                return match rest.is_empty() || rest.starts_with(',') {
                    true => Ok((cell, rest)),
                    false => Err(format!(
                        "{JACKSON}.dataformat.csv.CsvReadException: Expected column separator character (',') or end-of-line"
                    )),
                };
            }
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
    fn bad_lines_are_named() {
        assert!(
            parse_line("a,b,3", false)
                .unwrap_err()
                .contains("Cannot deserialize value of type `int` from String \"b\"")
        );
        assert!(
            parse_line("g,t,0,1,x", true)
                .unwrap_err()
                .contains("Too many entries: expected at most 4")
        );
        assert!(
            parse_line("\"t,0,1", false)
                .unwrap_err()
                .contains("Missing closing quote")
        );
        assert!(parse_line("", false).unwrap_err().contains("No content"));
        assert_eq!(parse_line("t", false).unwrap().tp, TopicPartition::new("t", 0));
    }
}
