//! From a record to bytes on stdout: Kafka's message formatters by their class names.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::cli::compat::deserialize::Deserializer;
use crate::client::props::Properties;

/// A record as it came, borrowed from the client.
#[derive(Clone, Debug, Default)]
pub struct Received<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    pub timestamp: Timestamp,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Vec<(&'a str, Option<&'a [u8]>)>,
}

/// Milliseconds since 1970, and who set them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timestamp {
    #[default]
    None,
    Create(i64),
    LogAppend(i64),
}

/// Why a record was not printed.
#[derive(Debug)]
pub enum FormatError {
    /// A deserializer refused the data: Kafka's `SerializationException` text.
    Data(String),
    Io(io::Error),
}

impl From<io::Error> for FormatError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

/// A configured `DefaultMessageFormatter`.
#[derive(Debug)]
pub struct DefaultFormatter {
    timestamp: bool,
    key: bool,
    value: bool,
    partition: bool,
    offset: bool,
    delivery: bool,
    epoch: bool,
    headers: bool,
    key_separator: Vec<u8>,
    line_separator: Vec<u8>,
    headers_separator: Vec<u8>,
    null_literal: Vec<u8>,
    key_deserializer: Option<Deserializer>,
    value_deserializer: Option<Deserializer>,
    headers_deserializer: Option<Deserializer>,
    /// Deserializer classes that are not here; Kafka logs an error for each and prints the bytes as they are.
    pub unknown_classes: Vec<String>,
}

impl DefaultFormatter {
    /// Reads the formatter's properties. Any value but `true` is false, as in Kafka.
    pub fn new(props: &Properties) -> Self {
        let truth = |key: &str, default: bool| {
            props
                .get(key)
                .map_or(default, |v| v.trim().eq_ignore_ascii_case("true"))
        };
        let bytes = |key: &str, default: &str| props.get(key).unwrap_or(default).as_bytes().to_vec();
        let mut unknown_classes = Vec::new();
        let mut deserializer = |key: &str| {
            let class = props.get(key)?;
            let found = Deserializer::by_class(class);
            if found.is_none() {
                unknown_classes.push(class.to_string());
            }
            found
        };
        Self {
            timestamp: truth("print.timestamp", false),
            key: truth("print.key", false),
            value: truth("print.value", true),
            partition: truth("print.partition", false),
            offset: truth("print.offset", false),
            delivery: truth("print.delivery", false),
            epoch: truth("print.epoch", false),
            headers: truth("print.headers", false),
            key_separator: bytes("key.separator", "\t"),
            line_separator: bytes("line.separator", "\n"),
            headers_separator: bytes("headers.separator", ","),
            null_literal: bytes("null.literal", "null"),
            key_deserializer: deserializer("key.deserializer"),
            value_deserializer: deserializer("value.deserializer"),
            headers_deserializer: deserializer("headers.deserializer"),
            unknown_classes,
        }
    }

    /// Writes one record: the columns chosen, joined by the key separator, ended by the line separator.
    ///
    /// # Errors
    /// A deserializer refuses the data (columns before it are written, as in Kafka), or writing fails.
    pub fn write(&self, r: &Received<'_>, out: &mut dyn Write) -> Result<(), FormatError> {
        let mut columns = Columns {
            formatter: self,
            first: true,
        };
        if self.timestamp {
            columns.next(out)?;
            match r.timestamp {
                Timestamp::None => out.write_all(b"NO_TIMESTAMP")?,
                Timestamp::Create(ms) => write!(out, "CreateTime:{ms}")?,
                Timestamp::LogAppend(ms) => write!(out, "LogAppendTime:{ms}")?,
            }
        }
        if self.partition {
            columns.next(out)?;
            write!(out, "Partition:{}", r.partition)?;
        }
        if self.offset {
            columns.next(out)?;
            write!(out, "Offset:{}", r.offset)?;
        }
        if self.delivery {
            columns.next(out)?;
            out.write_all(b"Delivery:NOT_PRESENT")?;
        }
        if self.epoch {
            columns.next(out)?;
            out.write_all(b"Epoch:NOT_PRESENT")?;
        }
        if self.headers {
            columns.next(out)?;
            self.write_headers(r, out)?;
        }
        if self.key {
            columns.next(out)?;
            out.write_all(&self.text(self.key_deserializer, r.key)?)?;
        }
        if self.value {
            columns.next(out)?;
            out.write_all(&self.text(self.value_deserializer, r.value)?)?;
        }
        if !columns.first {
            out.write_all(&self.line_separator)?;
        }
        Ok(())
    }

    fn write_headers(&self, r: &Received<'_>, out: &mut dyn Write) -> Result<(), FormatError> {
        if r.headers.is_empty() {
            out.write_all(b"NO_HEADERS")?;
        }
        for (i, (key, value)) in r.headers.iter().enumerate() {
            if i > 0 {
                out.write_all(&self.headers_separator)?;
            }
            write!(out, "{key}:")?;
            out.write_all(&self.text(self.headers_deserializer, *value)?)?;
        }
        Ok(())
    }

    /// Null goes through the deserializer too, as its literal.
    fn text<'a>(&'a self, by: Option<Deserializer>, data: Option<&'a [u8]>) -> Result<Cow<'a, [u8]>, FormatError> {
        let data = data.unwrap_or(&self.null_literal);
        match by {
            None => Ok(Cow::Borrowed(data)),
            Some(d) => match d.text(data).map_err(FormatError::Data)? {
                Cow::Borrowed(s) => Ok(Cow::Borrowed(s.as_bytes())),
                Cow::Owned(s) => Ok(Cow::Owned(s.into_bytes())),
            },
        }
    }
}

struct Columns<'a> {
    formatter: &'a DefaultFormatter,
    first: bool,
}

impl Columns<'_> {
    fn next(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::take(&mut self.first) {
            Ok(())
        } else {
            out.write_all(&self.formatter.key_separator)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(props: &[(&str, &str)], r: &Received<'_>) -> String {
        let mut out = Vec::new();
        DefaultFormatter::new(&props.iter().copied().collect())
            .write(r, &mut out)
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_stand_in_kafkas_order() {
        let r = Received {
            topic: "t",
            partition: 3,
            offset: 42,
            timestamp: Timestamp::Create(5),
            key: Some(b"k"),
            value: None,
            headers: vec![("a", Some(b"1")), ("b", None)],
        };
        let all = [
            "timestamp",
            "partition",
            "offset",
            "delivery",
            "epoch",
            "headers",
            "key",
        ]
        .map(|c| (format!("print.{c}"), "true"));
        let all: Vec<(&str, &str)> = all.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        assert_eq!(
            print(&all, &r),
            "CreateTime:5\tPartition:3\tOffset:42\tDelivery:NOT_PRESENT\tEpoch:NOT_PRESENT\ta:1,b:null\tk\tnull\n"
        );
        assert_eq!(print(&[("print.value", "false")], &r), "");
        assert_eq!(print(&[("print.value", "no"), ("print.key", "true")], &r), "k\n");
    }

    #[test]
    fn null_goes_through_the_deserializer() {
        let class = "org.apache.kafka.common.serialization.LongDeserializer";
        let f = DefaultFormatter::new(&[("value.deserializer", class)].into_iter().collect());
        let e = f.write(&Received::default(), &mut Vec::new()).unwrap_err();
        assert!(matches!(e, FormatError::Data(text) if text == "Size of data received by LongDeserializer is not 8"));
    }

    #[test]
    fn an_unknown_class_is_named_and_bytes_stay() {
        let f = DefaultFormatter::new(&[("value.deserializer", "no.such.Deser")].into_iter().collect());
        assert_eq!(f.unknown_classes, ["no.such.Deser"]);
        let mut out = Vec::new();
        f.write(
            &Received {
                value: Some(b"\xff"),
                ..Received::default()
            },
            &mut out,
        )
        .unwrap();
        assert_eq!(out, b"\xff\n");
    }
}
