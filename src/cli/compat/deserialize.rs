//! Kafka's deserializers by their Java class names, each as the text its object prints (`toString`).

use std::borrow::Cow;
use std::fmt::Write;

/// The deserializers of `org.apache.kafka.common.serialization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deserializer {
    String,
    ByteArray,
    ByteBuffer,
    Bytes,
    Integer,
    Long,
    Short,
    Float,
    Double,
    Uuid,
    Boolean,
    Void,
}

impl Deserializer {
    /// By the full class name; `None` for a class that is not here.
    pub fn by_class(class: &str) -> Option<Self> {
        let name = class
            .strip_prefix("org.apache.kafka.common.serialization.")?
            .strip_suffix("Deserializer")?;
        Some(match name {
            "String" => Self::String,
            "ByteArray" => Self::ByteArray,
            "ByteBuffer" => Self::ByteBuffer,
            "Bytes" => Self::Bytes,
            "Integer" => Self::Integer,
            "Long" => Self::Long,
            "Short" => Self::Short,
            "Float" => Self::Float,
            "Double" => Self::Double,
            "UUID" => Self::Uuid,
            "Boolean" => Self::Boolean,
            "Void" => Self::Void,
            _ => return None,
        })
    }

    /// The text of `data`.
    ///
    /// # Errors
    /// Kafka's `SerializationException` text for data of a wrong size or content.
    pub fn text(self, data: &[u8]) -> Result<Cow<'_, str>, String> {
        let text = match self {
            Self::String => return Ok(String::from_utf8_lossy(data)),
            // Java prints an object's identity; ours is the data's own checksum, so that equal data print alike
            Self::ByteArray => format!("[B@{:x}", crc32c::crc32c(data)),
            Self::ByteBuffer => format!("java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", data.len()),
            Self::Bytes => escaped(data),
            Self::Integer => i32::from_be_bytes(sized(data, "Integer")?).to_string(),
            Self::Long => i64::from_be_bytes(sized(data, "Long")?).to_string(),
            Self::Short => i16::from_be_bytes(sized(data, "Short")?).to_string(),
            Self::Float => java_float(f32::from_be_bytes(sized(data, "")?)),
            Self::Double => java_double(f64::from_be_bytes(sized(data, "")?)),
            Self::Uuid => uuid_text(data)?,
            Self::Boolean => match sized::<1>(data, "Boolean")? {
                [1] => "true".to_string(),
                [0] => "false".to_string(),
                [other] => {
                    return Err(format!(
                        "Unexpected byte received by BooleanDeserializer: {}",
                        other.cast_signed()
                    ));
                }
            },
            Self::Void => return Err("Data should be null for a VoidDeserializer.".to_string()),
        };
        Ok(Cow::Owned(text))
    }
}

fn sized<const N: usize>(data: &[u8], name: &str) -> Result<[u8; N], String> {
    data.try_into()
        .map_err(|_| format!("Size of data received by {name}Deserializer is not {N}"))
}

/// Java's `UUID.fromString(text).toString()`: five groups of hexadecimal digits, each padded or cut to its width.
fn uuid_text(data: &[u8]) -> Result<String, String> {
    const WIDTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let wrong = || "Error parsing data into UUID".to_string();
    let text = std::str::from_utf8(data).map_err(|_| wrong())?;
    let groups: Vec<&str> = text.split('-').collect();
    if groups.len() != WIDTHS.len() || text.len() > 36 {
        return Err(wrong());
    }
    let mut out = String::new();
    for (group, width) in groups.iter().zip(WIDTHS) {
        let number = u64::from_str_radix(group, 16).map_err(|_| wrong())?;
        let digits = format!("{number:0width$x}");
        if !out.is_empty() {
            out.push('-');
        }
        out.push_str(&digits[digits.len() - width..]);
    }
    Ok(out)
}

/// Kafka's `Bytes.toString`: printable ASCII as it is, all else as `\xHH`.
fn escaped(data: &[u8]) -> String {
    let mut out = String::with_capacity(data.len());
    for &b in data {
        match b {
            b' '..=b'~' if b != b'\\' => out.push(char::from(b)),
            _ => {
                let _ = write!(out, "\\x{b:02X}");
            }
        }
    }
    out
}

/// `Double.toString`: the shortest digits that read back, in Java's notation.
pub fn java_double(d: f64) -> String {
    java_notation(d, &format!("{:e}", d.abs()))
}

/// `Float.toString`.
pub fn java_float(f: f32) -> String {
    java_notation(f64::from(f), &format!("{:e}", f.abs()))
}

/// From Rust's `d.ddde±n` to Java's: plain between 10^-3 and 10^7, `d.dddE±n` outside, always with a fraction.
fn java_notation(value: f64, scientific: &str) -> String {
    if value.is_nan() {
        return "NaN".to_string();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}Infinity");
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.replace('.', "");
    if value == 0.0 {
        return format!("{sign}0.0");
    }
    let fraction = |s: &str| if s.is_empty() { "0".to_string() } else { s.to_string() };
    match exponent {
        -3..=-1 => {
            let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
            format!("{sign}0.{zeros}{digits}")
        }
        0..=6 => {
            let whole = usize::try_from(exponent).unwrap_or(0) + 1;
            let padded = format!("{digits:0<whole$}");
            format!("{sign}{}.{}", &padded[..whole], fraction(&padded[whole..]))
        }
        _ => format!("{sign}{}.{}E{exponent}", &digits[..1], fraction(&digits[1..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(class: &str, data: &[u8]) -> Result<String, String> {
        let class = format!("org.apache.kafka.common.serialization.{class}Deserializer");
        Deserializer::by_class(&class).unwrap().text(data).map(Cow::into_owned)
    }

    #[test]
    fn each_class_prints_as_its_java_object() {
        assert_eq!(text("Integer", &(-7i32).to_be_bytes()).unwrap(), "-7");
        assert_eq!(text("Long", &256i64.to_be_bytes()).unwrap(), "256");
        assert_eq!(text("Short", &5i16.to_be_bytes()).unwrap(), "5");
        assert_eq!(text("Float", &1.5f32.to_be_bytes()).unwrap(), "1.5");
        assert_eq!(text("Double", &1e7f64.to_be_bytes()).unwrap(), "1.0E7");
        assert_eq!(text("Boolean", &[1]).unwrap(), "true");
        assert_eq!(text("Bytes", b"a\\\x00").unwrap(), "a\\x5C\\x00");
        assert_eq!(text("String", b"\xff").unwrap(), "\u{fffd}");
        assert_eq!(
            text("UUID", b"1-2-3-4-5").unwrap(),
            "00000001-0002-0003-0004-000000000005"
        );
    }

    #[test]
    fn wrong_data_is_refused_in_kafkas_words() {
        assert_eq!(
            text("Long", b"abc").unwrap_err(),
            "Size of data received by LongDeserializer is not 8"
        );
        assert_eq!(
            text("Double", b"abc").unwrap_err(),
            "Size of data received by Deserializer is not 8"
        );
        assert_eq!(
            text("Boolean", &[0xff]).unwrap_err(),
            "Unexpected byte received by BooleanDeserializer: -1"
        );
        assert_eq!(text("UUID", b"x").unwrap_err(), "Error parsing data into UUID");
        assert!(Deserializer::by_class("no.such.Deser").is_none());
    }

    #[test]
    fn java_prints_doubles_in_two_notations() {
        for (d, s) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.001, "0.001"),
            (0.00012, "1.2E-4"),
            (1234567.0, "1234567.0"),
            (12345678.9, "1.23456789E7"),
            (100.25, "100.25"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
        ] {
            assert_eq!(java_double(d), s);
        }
        assert_eq!(java_float(0.1), "0.1");
    }
}
