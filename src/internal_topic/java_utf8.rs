//! `new String(bytes, UTF_8)`: malformed bytes become U+FFFD exactly where Java puts one.
//!
//! Rust's own lossy decoding differs on encoded surrogates (Java: one replacement for all three bytes) and on sequences
//! cut off at the end.

use std::borrow::Cow;

const REPLACEMENT: &str = "\u{fffd}";

/// The text of `bytes` as Java decodes it. Borrowed when the bytes are well-formed.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut out = String::with_capacity(bytes.len() + 16);
            push(bytes, &mut out);
            Cow::Owned(out)
        }
    }
}

/// Appends the text of `bytes` to a buffer of UTF-8.
pub fn append(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes.is_ascii() {
        true => out.extend_from_slice(bytes),
        false => out.extend_from_slice(decode(bytes).as_bytes()),
    }
}

fn push(mut bytes: &[u8], out: &mut String) {
    while !bytes.is_empty() {
        let good = match std::str::from_utf8(bytes) {
            Ok(text) => return out.push_str(text),
            Err(bad) => bad.valid_up_to(),
        };
        let (head, tail) = bytes.split_at(good);
        out.push_str(&String::from_utf8_lossy(head));
        out.push_str(REPLACEMENT);
        bytes = tail.get(malformed(tail)..).unwrap_or_default();
    }
}

fn continues(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// How many of the malformed bytes at the start of `tail` Java replaces by one U+FFFD.
fn malformed(tail: &[u8]) -> usize {
    match tail[0] {
        0xc2..=0xdf => 1,
        0xe0..=0xef => malformed_3(tail),
        0xf0..=0xf7 => malformed_4(tail),
        _ => 1,
    }
}

fn malformed_3(tail: &[u8]) -> usize {
    let bad_second = |second: u8| (tail[0] == 0xe0 && second & 0xe0 == 0x80) || !continues(second);
    match *tail {
        [_, second, ..] if bad_second(second) => 1,
        [_, _, third, ..] if !continues(third) => 2,
        // An encoded surrogate.
        [_, _, _, ..] => 3,
        // Cut off: nothing follows.
        _ => tail.len(),
    }
}

fn malformed_4(tail: &[u8]) -> usize {
    let bad_second = |second: u8| match tail[0] {
        0xf0 => !(0x90..=0xbf).contains(&second),
        0xf4 => second & 0xf0 != 0x80,
        first => first > 0xf4 || !continues(second),
    };
    match *tail {
        [first, ..] if first > 0xf4 => 1,
        [_, second, ..] if bad_second(second) => 1,
        [_, _, third, ..] if !continues(third) => 2,
        [_, _, _, _, ..] => 3,
        _ => tail.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    /// Expected values are those of `new String(bytes, UTF_8)` on Java 17.
    #[test]
    fn replacements_stand_where_java_puts_them() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain", "plain"),
            ("h\u{e9}\u{1f600}".as_bytes(), "h\u{e9}\u{1f600}"),
            (b"a\xffb", "a\u{fffd}b"),
            (b"\xc3", "\u{fffd}"),
            (b"\xc3(", "\u{fffd}("),
            (b"\xc0\x80", "\u{fffd}\u{fffd}"),
            (b"\xe2\x82", "\u{fffd}"),
            (b"\xe2\x82A", "\u{fffd}A"),
            (b"\xe2AB", "\u{fffd}AB"),
            (b"\xed\xa0\x80x", "\u{fffd}x"),
            (b"\xed\xa0", "\u{fffd}"),
            (b"\xe0\x80\x80", "\u{fffd}\u{fffd}\u{fffd}"),
            (b"\xf0\x9f\x98", "\u{fffd}"),
            (b"\xf0\x9f\x98A", "\u{fffd}A"),
            (b"\xf0\x80\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            (b"\xf4\x90\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            (b"\xf8\x88\x80\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            (b"\xf5", "\u{fffd}"),
        ];
        for (bytes, text) in cases {
            assert_eq!(decode(bytes), *text, "{bytes:x?}");
        }
    }
}
