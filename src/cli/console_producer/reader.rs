//! From a line of input to a record (Kafka: `LineMessageReader`).

use crate::cli::compat::java_regex::JavaSplit;
use crate::client::props::Properties;

/// Names and values; a value may be null.
pub type Headers = Vec<(String, Option<Vec<u8>>)>;

/// A record to send. `None` is Kafka's null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Headers,
    /// Where it goes, if the input says so (JSON input only).
    pub partition: Option<i32>,
    /// Milliseconds since 1970, if the input says so (JSON input only).
    pub timestamp: Option<i64>,
}

/// The reader's properties, read.
#[derive(Debug)]
pub struct LineReader {
    parse_key: bool,
    key_separator: String,
    parse_headers: bool,
    headers_delimiter: String,
    headers_separator: JavaSplit,
    headers_key_separator: String,
    ignore_error: bool,
    null_marker: Option<String>,
    line_number: u64,
}

impl LineReader {
    /// # Errors
    /// Two separators are equal, or `headers.separator` is no regular expression: Kafka's text.
    pub fn new(props: &Properties) -> Result<Self, String> {
        let text = |key: &str, default: &str| props.get(key).unwrap_or(default).to_string();
        let truth = |key: &str| props.get(key).is_some_and(|v| v.trim().eq_ignore_ascii_case("true"));
        let separator = text("headers.separator", ",");
        let reader = Self {
            parse_key: truth("parse.key"),
            key_separator: text("key.separator", "\t"),
            parse_headers: truth("parse.headers"),
            headers_delimiter: text("headers.delimiter", "\t"),
            headers_separator: JavaSplit::new(&separator)?,
            headers_key_separator: text("headers.key.separator", ":"),
            ignore_error: truth("ignore.error"),
            null_marker: props.get("null.marker").map(str::to_string),
            line_number: 0,
        };
        let (delimiter, key_separator) = (&reader.headers_delimiter, &reader.headers_key_separator);
        let marker = |s: &String| reader.null_marker.as_ref() == Some(s);
        let clashes = [
            (*delimiter == separator, "headers.delimiter and headers.separator"),
            (
                delimiter == key_separator,
                "headers.delimiter and headers.key.separator",
            ),
            (
                separator == *key_separator,
                "headers.separator and headers.key.separator",
            ),
            (marker(&reader.key_separator), "null.marker and key.separator"),
            (marker(&separator), "null.marker and headers.separator"),
            (marker(delimiter), "null.marker and headers.delimiter"),
            (marker(key_separator), "null.marker and headers.key.separator"),
        ];
        match clashes.iter().find(|(clash, _)| *clash) {
            Some((_, names)) => Err(format!("{names} may not be equal")),
            None => Ok(reader),
        }
    }

    /// Reads one line; lines are counted from 1.
    ///
    /// # Errors
    /// A separator is missing and `ignore.error` is not set: Kafka's text.
    pub fn read(&mut self, line: &str) -> Result<Record, String> {
        self.line_number += 1;
        let (headers, rest) = self.cut(
            self.parse_headers,
            line,
            line,
            &self.headers_delimiter,
            "headers delimiter",
        )?;
        let (key, value) = self.cut(self.parse_key, line, rest, &self.key_separator, "key separator")?;
        let headers = match headers.filter(|h| self.unmarked(h).is_some()) {
            Some(h) => self.split_headers(h)?,
            None => Vec::new(),
        };
        let bytes = |s: &str| self.unmarked(s).map(|s| s.as_bytes().to_vec());
        Ok(Record {
            key: key.and_then(bytes),
            value: bytes(value),
            headers,
            ..Record::default()
        })
    }

    /// The text, unless it stands for null.
    fn unmarked<'a>(&self, s: &'a str) -> Option<&'a str> {
        (self.null_marker.as_deref() != Some(s)).then_some(s)
    }

    fn cut<'a>(
        &self,
        wanted: bool,
        line: &str,
        rest: &'a str,
        separator: &str,
        name: &str,
    ) -> Result<(Option<&'a str>, &'a str), String> {
        if !wanted {
            return Ok((None, rest));
        }
        match rest.split_once(separator) {
            Some((head, tail)) => Ok((Some(head), tail)),
            None if self.ignore_error => Ok((None, rest)),
            None => Err(format!("No {name} found on line number {}: '{line}'", self.line_number)),
        }
    }

    fn split_headers(&self, headers: &str) -> Result<Headers, String> {
        let one = |pair: &str| match pair.split_once(&self.headers_key_separator) {
            Some((key, _)) if self.unmarked(key).is_none() => Err(format!(
                "Header keys should not be equal to the null marker '{key}' as they can't be null"
            )),
            Some((key, value)) => Ok((key.to_string(), self.unmarked(value).map(|v| v.as_bytes().to_vec()))),
            None if self.ignore_error => Ok((pair.to_string(), None)),
            None => Err(format!(
                "No header key separator found in pair '{pair}' on line number {}",
                self.line_number
            )),
        };
        self.headers_separator.split(headers).into_iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(props: &[(&str, &str)]) -> LineReader {
        LineReader::new(&props.iter().copied().collect()).unwrap()
    }

    fn bytes(s: &str) -> Option<Vec<u8>> {
        Some(s.as_bytes().to_vec())
    }

    #[test]
    fn a_line_is_a_value() {
        let r = reader(&[]).read("a\tb").unwrap();
        assert_eq!(
            r,
            Record {
                value: bytes("a\tb"),
                ..Record::default()
            }
        );
    }

    #[test]
    fn headers_then_key_then_value() {
        let r = reader(&[("parse.key", "true"), ("parse.headers", "TRUE ")])
            .read("h1:v1,h2:a:b\tk\tv\tw")
            .unwrap();
        assert_eq!((r.key, r.value), (bytes("k"), bytes("v\tw")));
        assert_eq!(
            r.headers,
            [("h1".to_string(), bytes("v1")), ("h2".to_string(), bytes("a:b"))]
        );
    }

    #[test]
    fn a_missing_separator_is_named_with_its_line() {
        let mut r = reader(&[("parse.key", "true")]);
        r.read("k\tv").unwrap();
        assert_eq!(
            r.read("nokey").unwrap_err(),
            "No key separator found on line number 2: 'nokey'"
        );
        let mut r = reader(&[("parse.key", "true"), ("ignore.error", "true")]);
        assert_eq!(
            r.read("nokey").unwrap(),
            Record {
                value: bytes("nokey"),
                ..Record::default()
            }
        );
    }

    #[test]
    fn the_null_marker_makes_nulls() {
        let mut r = reader(&[("parse.key", "true"), ("parse.headers", "true"), ("null.marker", "N")]);
        let all = r.read("h:N\tN\tN").unwrap();
        assert_eq!(
            (all.key, all.value, all.headers),
            (None, None, vec![("h".to_string(), None)])
        );
        assert!(r.read("N\tk\tv").unwrap().headers.is_empty());
        assert!(
            r.read("N:x\tk\tv")
                .unwrap_err()
                .starts_with("Header keys should not be equal to the null marker 'N'")
        );
    }

    #[test]
    fn separators_must_differ() {
        let e = LineReader::new(&[("headers.delimiter", ",")].into_iter().collect()).unwrap_err();
        assert_eq!(e, "headers.delimiter and headers.separator may not be equal");
    }
}
