//! Small things of Java's library whose results and error texts show in the scripts' output: numbers, `String.split`,
//! base64.

/// `Integer.parseInt`: digits with an optional sign.
///
/// # Errors
/// Java's `NumberFormatException` text: `For input string: "abc"`.
pub fn parse_int(s: &str) -> Result<i32, String> {
    s.parse().map_err(|_| format!("For input string: \"{s}\""))
}

/// `Double.parseDouble`: white space around it is dropped, a suffix `d` or `f` allowed, `NaN` and `Infinity` known.
pub fn parse_double(s: &str) -> Option<f64> {
    let s = s.trim_matches(|c: char| c <= ' ');
    let body = s.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(s);
    let unsigned = body.strip_prefix(['+', '-']).unwrap_or(body);
    match unsigned {
        "NaN" | "Infinity" if body.len() == s.len() => {
            body.trim_start_matches('+').replace("Infinity", "inf").parse().ok()
        }
        _ if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') => body.parse().ok(),
        _ => None,
    }
}

/// `String.split(sep)`: like [`str::split`], without the empty parts at the end; the whole for an empty text.
pub fn split(s: &str, sep: char) -> Vec<&str> {
    if s.is_empty() {
        return vec![s];
    }
    let mut parts: Vec<&str> = s.split(sep).collect();
    while parts.last().is_some_and(|p| p.is_empty()) {
        parts.pop();
    }
    parts
}

/// `Base64.getUrlDecoder().decode`.
///
/// # Errors
/// The text of Java's `IllegalArgumentException`.
pub fn base64_url_decode(s: &str) -> Result<Vec<u8>, String> {
    let src: Vec<u8> = s.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    if src.len() == 1 {
        return Err("Input byte[] should at least have 2 bytes for base64 bytes".to_string());
    }
    let mut out = Vec::with_capacity(src.len() / 4 * 3 + 3);
    let (mut bits, mut shift, mut at) = (0u32, 18i32, 0);
    while at < src.len() {
        let byte = src[at];
        at += 1;
        if byte == b'=' {
            let second_missing = shift == 6 && {
                let next = src.get(at).copied();
                at += usize::from(next.is_some());
                next != Some(b'=')
            };
            if second_missing || shift == 18 {
                return Err("Input byte array has wrong 4-byte ending unit".to_string());
            }
            break;
        }
        let Some(value) = base64_url_value(byte) else {
            return Err(format!("Illegal base64 character {}", signed_hex(byte)));
        };
        bits |= value << shift;
        shift -= 6;
        if shift < 0 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, shift) = (0, 18);
        }
    }
    match shift {
        6 => out.push((bits >> 16) as u8),
        0 => out.extend_from_slice(&bits.to_be_bytes()[1..3]),
        12 => return Err("Last unit does not have enough valid bits".to_string()),
        _ => {}
    }
    if at < src.len() {
        return Err(format!("Input byte array has incorrect ending byte at {at}"));
    }
    Ok(out)
}

fn base64_url_value(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    }))
}

/// `Integer.toString(byte, 16)`.
fn signed_hex(byte: u8) -> String {
    let signed = byte as i8;
    let sign = if signed < 0 { "-" } else { "" };
    format!("{sign}{:x}", signed.unsigned_abs())
}

/// `Uuid.fromString` of Kafka: 22 characters of URL-safe base64.
///
/// # Errors
/// The text of Kafka's `IllegalArgumentException`.
pub fn parse_uuid(s: &str) -> Result<uuid::Uuid, String> {
    if s.encode_utf16().count() > 24 {
        let head: String = s.chars().take(24).collect();
        return Err(format!(
            "Input string with prefix `{head}` is too long to be decoded as a base64 UUID"
        ));
    }
    let bytes = base64_url_decode(s)?;
    uuid::Uuid::from_slice(&bytes).map_err(|_| {
        format!(
            "Input string `{s}` decoded as {} bytes, which is not equal to the expected 16 bytes of a base64-encoded UUID",
            bytes.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_and_print_as_in_java() {
        assert_eq!(parse_int("a"), Err("For input string: \"a\"".to_string()));
        assert_eq!((parse_int("+1"), parse_int("-7")), (Ok(1), Ok(-7)));
        assert_eq!(
            (parse_double(" 1e3d "), parse_double("abc"), parse_double("inf")),
            (Some(1000.0), None, None)
        );
    }

    #[test]
    fn split_drops_empty_parts_at_the_end_only() {
        assert_eq!(split(",a,,b,,", ','), ["", "a", "", "b"]);
        assert_eq!(split("", ','), [""]);
        assert!(split(",", ',').is_empty());
    }

    #[test]
    fn bad_uuids_are_told_as_java_does() {
        let told = |s: &str| parse_uuid(s).unwrap_err();
        assert_eq!(told("!"), "Input byte[] should at least have 2 bytes for base64 bytes");
        assert_eq!(told("!!"), "Illegal base64 character 21");
        assert_eq!(told("AAAAA"), "Last unit does not have enough valid bits");
        assert_eq!(told("AA=A"), "Input byte array has wrong 4-byte ending unit");
        assert_eq!(told("AA==A"), "Input byte array has incorrect ending byte at 4");
        assert!(told("AAAA").starts_with("Input string `AAAA` decoded as 3 bytes, which is not"));
        assert!(parse_uuid("pbXNe5mYSM2gz9sFYvaxqg").is_ok());
    }
}
