//! JSON as Jackson reads it (`ObjectMapper.readTree`): the first value of a text counts, and what is wrong with one is told
//! in Jackson's words and places, because Kafka's tools print those.

use serde_json::Value;

const VALUE: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
/// Nesting that Jackson's `StreamReadConstraints` allow.
const DEPTH: usize = 1000;

/// The first value of a text; none where there are only blanks.
///
/// # Errors
/// Jackson's message, its place (line and column from 1, in characters) on a second line.
pub fn parse(text: &str) -> Result<Option<Value>, String> {
    let mut scan = Scan {
        rest: text.chars().collect(),
        at: 0,
        open: Vec::new(),
    };
    scan.blanks();
    if scan.peek().is_none() {
        return Ok(None);
    }
    scan.document()?;
    let first: String = scan.rest[..scan.at].iter().collect();
    serde_json::from_str(&first)
        .map(Some)
        .map_err(|e| scan.wrong(e.to_string()))
}

/// A close marker that is missing yet.
struct Open {
    close: char,
    start: usize,
}

impl Open {
    fn kind(&self) -> &'static str {
        if self.close == '}' { "Object" } else { "Array" }
    }
}

struct Scan {
    rest: Vec<char>,
    at: usize,
    open: Vec<Open>,
}

type Scanned = Result<(), String>;

impl Scan {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\r' | '\n')) {
            self.at += 1;
        }
    }

    /// Line and column of a character, as Jackson's `JsonLocation` prints them.
    fn place(&self, at: usize) -> String {
        let before = &self.rest[..at.min(self.rest.len())];
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
        format!(
            "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {line}, column: {column}]"
        )
    }

    fn wrong_at(&self, at: usize, what: String) -> String {
        format!("{what}\n at {}", self.place(at))
    }

    fn wrong(&self, what: String) -> String {
        self.wrong_at(self.at, what)
    }

    fn unexpected(&self, c: char, expected: &str) -> String {
        let code = u32::from(c);
        let named = if c.is_control() {
            format!("(CTRL-CHAR, code {code})")
        } else {
            format!("'{c}' (code {code})")
        };
        self.wrong(format!("Unexpected character ({named}){expected}"))
    }

    /// One whole value, containers without recursion.
    fn document(&mut self) -> Scanned {
        let mut expects_value = true;
        loop {
            self.blanks();
            if expects_value {
                expects_value = self.value()?;
            } else {
                let Some(open) = self.open.last() else { return Ok(()) };
                let (close, kind) = (open.close, open.kind());
                match self.peek() {
                    None => return Err(self.ended()),
                    Some(c) if c == close => self.pop(),
                    Some(c @ ('}' | ']')) => return Err(self.wrong_close(c)),
                    Some(',') => {
                        self.at += 1;
                        self.blanks();
                        expects_value = true;
                        if close == '}' {
                            self.name()?;
                        } else if self.peek().is_none() {
                            return Err(self.within());
                        }
                    }
                    Some(c) => {
                        return Err(self.unexpected(c, &format!(": was expecting comma to separate {kind} entries")));
                    }
                }
            }
            if self.open.is_empty() && !expects_value {
                return Ok(());
            }
        }
    }

    fn pop(&mut self) {
        self.at += 1;
        self.open.pop();
    }

    /// A scalar, an empty container, or the beginning of one; says whether a value must follow.
    fn value(&mut self) -> Result<bool, String> {
        let Some(c) = self.peek() else { return Err(self.ended()) };
        match c {
            '{' | '[' => {
                if self.open.len() >= DEPTH {
                    return Err(self.wrong(format!("Document nesting depth ({}) exceeds the maximum allowed ({DEPTH}, from `StreamReadConstraints.getMaxNestingDepth()`)", DEPTH + 1)));
                }
                let close = if c == '{' { '}' } else { ']' };
                self.open.push(Open { close, start: self.at });
                self.at += 1;
                self.blanks();
                match self.peek() {
                    None => Err(self.ended()),
                    Some(c) if c == close => {
                        self.pop();
                        Ok(false)
                    }
                    Some(c @ ('}' | ']')) => Err(self.wrong_close(c)),
                    Some(_) if close == '}' => self.name().map(|()| true),
                    Some(_) => Ok(true),
                }
            }
            '"' => self
                .string("string value", ": was expecting closing quote for a string value")
                .map(|()| false),
            '-' | '0'..='9' => self.number().map(|()| false),
            c if c.is_alphabetic() || c == '_' || c == '$' => self.token().map(|()| false),
            c => Err(self.unexpected(c, &format!(": expected a valid value {VALUE}"))),
        }
    }

    /// `"name" :`
    fn name(&mut self) -> Scanned {
        match self.peek() {
            None => return Err(self.within()),
            Some('"') => {}
            Some(c) => return Err(self.unexpected(c, ": was expecting double-quote to start field name")),
        }
        self.string("name", " in field name")?;
        self.blanks();
        match self.peek() {
            Some(':') => {
                self.at += 1;
                Ok(())
            }
            None => Err(self.within()),
            Some(c) => Err(self.unexpected(c, ": was expecting a colon to separate field name and value")),
        }
    }

    fn string(&mut self, what: &str, cut: &str) -> Scanned {
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(self.wrong(format!("Unexpected end-of-input{cut}"))),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') => self.escape()?,
                Some(c) if c < ' ' => {
                    let message = format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {})): has to be escaped using backslash to be included in {what}",
                        u32::from(c)
                    );
                    return Err(self.wrong_at(self.at, message));
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Scanned {
        self.at += 1;
        let Some(c) = self.peek() else {
            return Err(self.wrong("Unexpected end-of-input in character escape sequence".to_owned()));
        };
        match c {
            '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => {}
            'u' => {
                for _ in 0..4 {
                    self.at += 1;
                    match self.peek() {
                        Some(c) if c.is_ascii_hexdigit() => {}
                        Some(c) => {
                            return Err(self.unexpected(c, ": expected a hex-digit for character escape sequence"));
                        }
                        None => {
                            return Err(self.wrong("Unexpected end-of-input in character escape sequence".to_owned()));
                        }
                    }
                }
            }
            c => return Err(self.wrong(format!("Unrecognized character escape '{c}' (code {})", u32::from(c)))),
        }
        self.at += 1;
        Ok(())
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.at > start
    }

    fn number(&mut self) -> Scanned {
        if self.peek() == Some('-') {
            self.at += 1;
        }
        let start = self.at;
        if !self.digits() {
            return Err(self.bad_number("expected digit (0-9) to follow minus sign, for valid numeric value"));
        }
        if self.at - start > 1 && self.rest[start] == '0' {
            let message = "Invalid numeric value: Leading zeroes not allowed".to_owned();
            return Err(self.wrong_at(start + 1, message));
        }
        if self.peek() == Some('.') {
            self.at += 1;
            if !self.digits() {
                let error = self.bad_number("Decimal point not followed by a digit");
                // Jackson has not stepped past the point yet when it looks for its place.
                let what = error.split_once("\n at ").map_or(error.as_str(), |(what, _)| what);
                return Err(self.wrong_at(self.at - 1, what.to_owned()));
            }
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            if !self.digits() {
                return Err(self.bad_number("Exponent indicator not followed by a digit"));
            }
        }
        Ok(())
    }

    fn bad_number(&self, why: &str) -> String {
        match self.peek() {
            Some(c) => self.unexpected(c, &format!(" in numeric value: {why}")),
            None => self.wrong(format!("Unexpected end-of-input in numeric value: {why}")),
        }
    }

    fn token(&mut self) -> Scanned {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            self.at += 1;
        }
        let word: String = self.rest[start..self.at].iter().collect();
        match word.as_str() {
            "null" | "true" | "false" => Ok(()),
            _ => Err(self.wrong_at(start, format!("Unrecognized token '{word}': was expecting {VALUE}"))),
        }
    }

    fn ended(&self) -> String {
        match self.open.last() {
            Some(open) => self.wrong(format!(
                "Unexpected end-of-input: expected close marker for {} (start marker at {})",
                open.kind(),
                self.place(open.start)
            )),
            None => self.wrong("Unexpected end-of-input".to_owned()),
        }
    }

    fn within(&self) -> String {
        let kind = self.open.last().map_or("Object", Open::kind);
        self.wrong(format!("Unexpected end-of-input within/between {kind} entries"))
    }

    fn wrong_close(&self, found: char) -> String {
        match self.open.last() {
            Some(open) => self.wrong(format!(
                "Unexpected close marker '{found}': expected '{}' (for {} starting at {})",
                open.close,
                open.kind(),
                self.place(open.start)
            )),
            None => self.unexpected(found, &format!(": expected a valid value {VALUE}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Jackson 2.19 says, asked.
    #[test]
    fn errors_are_jacksons() {
        let cases = [
            (
                "{\"oops\n",
                "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in name",
                1,
                7,
            ),
            (
                "{\"v\":1,\"p\":[{\"t\":\"a\",}]}",
                "Unexpected character ('}' (code 125)): was expecting double-quote to start field name",
                1,
                22,
            ),
            (
                "{\"version\":1,",
                "Unexpected end-of-input within/between Object entries",
                1,
                14,
            ),
            (
                "{\"version\" 1}",
                "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
                1,
                12,
            ),
            (
                "[1,]",
                "Unexpected character (']' (code 93)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
                1,
                4,
            ),
            (
                "{\"a\":1 \"b\":2}",
                "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
                1,
                8,
            ),
            (
                "\n\n  oops{",
                "Unrecognized token 'oops': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
                3,
                3,
            ),
            (
                "{\"a\":\"x",
                "Unexpected end-of-input: was expecting closing quote for a string value",
                1,
                8,
            ),
            ("{\"a\":01}", "Invalid numeric value: Leading zeroes not allowed", 1, 7),
            (
                "{\"a\":1.}",
                "Unexpected character ('}' (code 125)) in numeric value: Decimal point not followed by a digit",
                1,
                7,
            ),
        ];
        for (text, message, line, column) in cases {
            let error = parse(text).expect_err(text);
            let (what, place) = error.split_once("\n at ").expect("a place");
            assert_eq!(what, message, "{text}");
            assert!(
                place.ends_with(&format!("line: {line}, column: {column}]")),
                "{text}: {place}"
            );
        }
        let error = parse("{\"a\":[}").expect_err("the wrong bracket");
        assert!(
            error.starts_with("Unexpected close marker '}': expected ']' (for Array starting at [Source: REDACTED")
        );
    }

    #[test]
    fn the_first_value_counts() {
        assert_eq!(parse("{\"a\":1}}"), Ok(Some(serde_json::json!({"a": 1}))));
        assert_eq!(parse(" \n"), Ok(None));
        let nested = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(parse(&nested).is_ok_and(|v| v.is_some()));
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
