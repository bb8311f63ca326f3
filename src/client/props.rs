//! Java's `.properties` files (`java.util.Properties.load(InputStream)`).
//!
//! Bytes are Latin-1, as Java reads them; other characters are written `\uXXXX`. `#` and `!` start comments, a
//! backslash at the end continues a line, `=`, `:` or white space ends a key.

use std::path::Path;

use indexmap::IndexMap;

use super::error::ApiError;

/// Keys and values in the order they were first set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    map: IndexMap<String, String>,
}

impl Properties {
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a file's bytes. Later lines win over earlier ones with the same key.
    ///
    /// # Errors
    /// A malformed `\uXXXX` escape: Java's `IllegalArgumentException: Malformed \uxxxx encoding.`
    pub fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        let mut out = Self::new();
        let latin1: String = bytes.iter().map(|&b| char::from(b)).collect();
        let text: Vec<char> = latin1.replace("\r\n", "\n").chars().collect();
        for line in logical_lines(&text) {
            let (key, value) = split_key(&line);
            out.map.insert(unescape(key)?, unescape(value)?);
        }
        Ok(out)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Java's `NoSuchFileException` with the path as its text, other I/O errors likewise, and those of [`Self::parse`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ApiError> {
        let path = path.as_ref();
        // for Java the empty path is the working folder
        let to_read = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let bytes = std::fs::read(to_read).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                ApiError::of_class("java.nio.file.NoSuchFileException", path.display().to_string())
            }
            std::io::ErrorKind::PermissionDenied => {
                ApiError::of_class("java.nio.file.AccessDeniedException", path.display().to_string())
            }
            std::io::ErrorKind::IsADirectory => ApiError::of_class("java.io.IOException", "Is a directory"),
            _ => ApiError::of_class("java.io.IOException", format!("{}: {e}", path.display())),
        })?;
        Self::parse(&bytes)
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.map.get(key).map(String::as_str)
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.map.insert(key.into(), value.into());
    }

    /// Sets a key unless it is there.
    pub fn set_default(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.map.entry(key.into()).or_insert_with(|| value.into());
    }

    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.map.shift_remove(key)
    }

    /// Takes over every entry of `other`, which wins.
    pub fn override_with(&mut self, other: &Properties) {
        for (key, value) in other.iter() {
            self.set(key, value);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.map.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Properties {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        Self {
            map: iter.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
        }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Lines without comments and blank lines, continuation lines joined (their leading white space dropped), escapes
/// still in place.
fn logical_lines(text: &[char]) -> Vec<Vec<char>> {
    let mut lines = Vec::new();
    let mut natural = text.split(|&c| c == '\n' || c == '\r');
    while let Some(first) = natural.next() {
        let first = trim_start(first);
        if first.is_empty() || matches!(first[0], '#' | '!') {
            continue;
        }
        let mut line = first.to_vec();
        while line.iter().rev().take_while(|&&c| c == '\\').count() % 2 == 1 {
            line.pop();
            line.extend(trim_start(natural.next().unwrap_or_default()));
        }
        lines.push(line);
    }
    lines
}

fn trim_start(line: &[char]) -> &[char] {
    let blanks = line.iter().take_while(|&&c| is_blank(c)).count();
    &line[blanks..]
}

/// Splits at the first unescaped `=`, `:` or white space; one separator and the white space around it belong to neither.
fn split_key(line: &[char]) -> (&[char], &[char]) {
    let mut escaped = false;
    let mut end = line.len();
    for (i, &c) in line.iter().enumerate() {
        if !escaped && (matches!(c, '=' | ':') || is_blank(c)) {
            end = i;
            break;
        }
        escaped = c == '\\' && !escaped;
    }
    let (key, rest) = line.split_at(end);
    let mut rest = trim_start(rest);
    if let Some('=' | ':') = rest.first() {
        rest = trim_start(&rest[1..]);
    }
    (key, rest)
}

fn unescape(chars: &[char]) -> Result<String, ApiError> {
    let mut units: Vec<u16> = Vec::with_capacity(chars.len());
    let mut buffer = [0u16; 2];
    let mut i = 0;
    while i < chars.len() {
        let mut c = chars[i];
        i += 1;
        if c == '\\' && i < chars.len() {
            c = chars[i];
            i += 1;
            if c == 'u' {
                let hex: Option<String> = chars.get(i..i + 4).map(|h| h.iter().collect());
                // Surrogates arrive as two escapes, so this collects UTF-16.
                let unit = hex
                    .filter(|h| !h.starts_with('+'))
                    .and_then(|h| u16::from_str_radix(&h, 16).ok());
                units.push(unit.ok_or_else(|| {
                    ApiError::of_class("java.lang.IllegalArgumentException", "Malformed \\uxxxx encoding.")
                })?);
                i += 4;
                continue;
            }
            c = match c {
                't' => '\t',
                'r' => '\r',
                'n' => '\n',
                'f' => '\u{c}',
                other => other,
            };
        }
        units.extend_from_slice(c.encode_utf16(&mut buffer));
    }
    Ok(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<(String, String)> {
        let props = Properties::parse(text.as_bytes()).unwrap();
        props.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[track_caller]
    fn expect(text: &str, pairs: &[(&str, &str)]) {
        let want: Vec<_> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        assert_eq!(parse(text), want, "{text:?}");
    }

    #[test]
    fn separators_comments_and_blanks() {
        expect(
            "a=1\nb : 2\nc 3\n\n#d=4\n  ! e=5\n  f  =  6 \ng\nh=",
            &[("a", "1"), ("b", "2"), ("c", "3"), ("f", "6 "), ("g", ""), ("h", "")],
        );
        expect("a==b", &[("a", "=b")]);
        expect("a = = b", &[("a", "= b")]);
        expect("a\\=b=c\\ d", &[("a=b", "c d")]);
    }

    #[test]
    fn continuation_lines_lose_their_indent() {
        expect("a=1,\\\n    2,\\\r\n\t3\nb=x", &[("a", "1,2,3"), ("b", "x")]);
        expect("a=1\\\\\nb=2", &[("a", "1\\"), ("b", "2")]);
        expect("a=x\\", &[("a", "x")]);
        expect("a=x\\\n#no comment", &[("a", "x#no comment")]);
        expect("a=x\\\n\nb=2", &[("a", "x"), ("b", "2")]);
    }

    #[test]
    fn escapes_are_those_of_java() {
        expect("a=\\t\\n\\q\\u00e9\\ud83d\\ude00", &[("a", "\t\nqé😀")]);
        assert_eq!(
            Properties::parse(b"a=\\u12").unwrap_err().text(),
            "Malformed \\uxxxx encoding."
        );
        // Latin-1, as Java reads files.
        assert_eq!(Properties::parse(b"a=\xe9").unwrap().get("a"), Some("é"));
    }

    #[test]
    fn the_last_value_of_a_key_wins() {
        expect("a=1\nb=2\na=3", &[("a", "3"), ("b", "2")]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut seed = 1u64;
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..24)
                .map(|_| {
                    seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    b"\\\\\n\r =:#!u0aA\xff"[(seed >> 33) as usize % 14]
                })
                .collect();
            let _ = Properties::parse(&bytes);
        }
    }
}
