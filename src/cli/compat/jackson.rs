//! JSON as Kafka's tools read it, with the messages and places of the library they use (Jackson's
//! `ReaderBasedJsonParser`): one value, whatever follows it is not looked at.

use std::fmt;

use serde_json::{Map, Number, Value};

/// Jackson's `StreamReadConstraints`.
const MAX_DEPTH: usize = 1000;

/// Why a text is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Jackson's message with the place behind it.
    pub message: String,
    /// Jackson's exception.
    pub class: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Reads one value; `None` where there are only blanks (Jackson's `MissingNode`).
///
/// # Errors
/// The text does not begin with a JSON value.
pub fn parse(text: &str) -> Result<Option<Value>, JsonError> {
    if text.is_empty() {
        return Err(JsonError {
            message: "The input string shouldn't be empty\n at [Source: UNKNOWN; byte offset: #UNKNOWN]".to_string(),
            class: PARSE,
        });
    }
    let mut reader = Reader {
        text: text.chars().collect(),
        at: 0,
        open: Vec::new(),
    };
    reader.skip_blanks()?;
    match reader.peek() {
        None => Ok(None),
        Some(c @ ('}' | ']')) => {
            let what = if c == '}' { "Object" } else { "Array" };
            Err(reader.error(
                reader.at,
                format!("Unexpected close marker '{c}': no open {what} to close"),
            ))
        }
        Some(_) => reader.value().map(Some),
    }
}

const PARSE: &str = "com.fasterxml.jackson.core.JsonParseException";
const END: &str = "com.fasterxml.jackson.core.io.JsonEOFException";
const A_VALUE: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

struct Reader {
    text: Vec<char>,
    at: usize,
    /// The objects (`{`) and arrays (`[`) begun and not ended, with where they start.
    open: Vec<(char, usize)>,
}

type Read<T> = Result<T, JsonError>;

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    /// `[Source: ...; line: 1, column: 2]`
    fn place(&self, at: usize) -> String {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = at - before.iter().rposition(|c| *c == '\n').map_or(0, |n| n + 1) + 1;
        let source = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)";
        format!("[Source: {source}; line: {line}, column: {column}]")
    }

    fn error(&self, at: usize, message: impl fmt::Display) -> JsonError {
        JsonError {
            message: format!("{message}\n at {}", self.place(at)),
            class: PARSE,
        }
    }

    fn ended(&self, message: impl fmt::Display) -> JsonError {
        JsonError {
            class: END,
            ..self.error(self.text.len(), format!("Unexpected end-of-input{message}"))
        }
    }

    fn unexpected(&self, at: usize, c: char, why: &str) -> JsonError {
        let code = u32::from(c);
        let hex = if code > 255 {
            format!(" / 0x{code:x}")
        } else {
            String::new()
        };
        self.error(at, format!("Unexpected character ('{c}' (code {code}{hex})){why}"))
    }

    fn skip_blanks(&mut self) -> Read<()> {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\n' | '\r' => self.at += 1,
                c if c < ' ' => {
                    let code = u32::from(c);
                    let why = "only regular white space (\\r, \\n, \\t) is allowed between tokens";
                    return Err(self.error(
                        self.at + 1,
                        format!("Illegal character ((CTRL-CHAR, code {code})): {why}"),
                    ));
                }
                '/' => {
                    let why = ": maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' \
                               not enabled for parser)";
                    return Err(self.unexpected(self.at, c, why));
                }
                _ => break,
            }
        }
        Ok(())
    }

    /// The next character of an object or array that is begun; `between`: after a separator or a field's name, where
    /// a value or name must follow.
    fn next_inside(&mut self, between: bool) -> Read<char> {
        self.skip_blanks()?;
        let (kind, start) = self.open.last().copied().unwrap_or_default();
        let what = if kind == '{' { "Object" } else { "Array" };
        self.peek().ok_or_else(|| match between {
            true => self.ended(format!(" within/between {what} entries")),
            false => self.ended(format!(
                ": expected close marker for {what} (start marker at {})",
                self.place(start)
            )),
        })
    }

    /// Whether `c` closes what is open.
    fn closes(&mut self, c: char) -> Read<bool> {
        let Some((kind, start)) = self.open.last().copied() else {
            return Ok(false);
        };
        let (closer, what) = if kind == '{' { ('}', "Object") } else { (']', "Array") };
        if c == closer {
            self.at += 1;
            self.open.pop();
            return Ok(true);
        }
        if matches!(c, '}' | ']') {
            let place = self.place(start);
            return Err(self.error(
                self.at,
                format!("Unexpected close marker '{c}': expected '{closer}' (for {what} starting at {place})"),
            ));
        }
        Ok(false)
    }

    fn begin(&mut self, kind: char) -> Read<()> {
        self.open.push((kind, self.at));
        self.at += 1;
        if self.open.len() <= MAX_DEPTH {
            return Ok(());
        }
        let depth = self.open.len();
        Err(JsonError {
            message: format!(
                "Document nesting depth ({depth}) exceeds the maximum allowed ({MAX_DEPTH}, from \
                 `StreamReadConstraints.getMaxNestingDepth()`)"
            ),
            class: "com.fasterxml.jackson.core.exc.StreamConstraintsException",
        })
    }

    fn value(&mut self) -> Read<Value> {
        match self.peek().unwrap_or_default() {
            '{' => self.object(),
            '[' => self.array(),
            '"' => self
                .string("was expecting closing quote for a string value", "string value")
                .map(Value::from),
            '-' | '0'..='9' => self.number(),
            c => self.word(c),
        }
    }

    fn object(&mut self) -> Read<Value> {
        self.begin('{')?;
        let mut map = Map::new();
        let c = self.next_inside(false)?;
        if self.closes(c)? {
            return Ok(map.into());
        }
        loop {
            match self.next_inside(true)? {
                '"' => {}
                c => return Err(self.unexpected(self.at, c, ": was expecting double-quote to start field name")),
            }
            let name = self.string("", "name")?;
            match self.next_inside(true)? {
                ':' => self.at += 1,
                c => {
                    let why = ": was expecting a colon to separate field name and value";
                    return Err(self.unexpected(self.at, c, why));
                }
            }
            self.next_inside(true)?;
            let value = self.value()?;
            map.insert(name, value);
            if self.ends_or_goes_on("Object")? {
                return Ok(map.into());
            }
        }
    }

    fn array(&mut self) -> Read<Value> {
        self.begin('[')?;
        let mut items = Vec::new();
        let c = self.next_inside(false)?;
        if self.closes(c)? {
            return Ok(items.into());
        }
        loop {
            self.next_inside(true)?;
            items.push(self.value()?);
            if self.ends_or_goes_on("Array")? {
                return Ok(items.into());
            }
        }
    }

    /// After an entry: true at the end, false behind a comma.
    fn ends_or_goes_on(&mut self, what: &str) -> Read<bool> {
        let c = self.next_inside(false)?;
        if self.closes(c)? {
            return Ok(true);
        }
        if c != ',' {
            let why = format!(": was expecting comma to separate {what} entries");
            return Err(self.unexpected(self.at, c, &why));
        }
        self.at += 1;
        Ok(false)
    }

    /// A name or a string value, from its quote on.
    fn string(&mut self, at_end: &str, what: &str) -> Read<String> {
        self.at += 1;
        let mut units: Vec<u16> = Vec::new();
        loop {
            let Some(c) = self.peek() else {
                return Err(self.ended(match at_end {
                    "" => " in field name".to_string(),
                    text => format!(": {text}"),
                }));
            };
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(String::from_utf16_lossy(&units));
                }
                '\\' => {
                    self.at += 1;
                    units.push(self.escape()?);
                }
                c if c < ' ' => {
                    let code = u32::from(c);
                    return Err(self.error(
                        self.at,
                        format!(
                            "Illegal unquoted character ((CTRL-CHAR, code {code})): has to be escaped using backslash to be \
                             included in {what}"
                        ),
                    ));
                }
                c => {
                    units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
                    self.at += 1;
                }
            }
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Read<u16> {
        let ended = " in character escape sequence";
        let c = self.peek().ok_or_else(|| self.ended(ended))?;
        let plain = match c {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'f' => '\u{c}',
            'r' => '\r',
            '"' | '/' | '\\' => c,
            'u' => {
                let mut unit = 0;
                for _ in 0..4 {
                    self.at += 1;
                    let c = self.peek().ok_or_else(|| self.ended(ended))?;
                    let digit = c.to_digit(16).and_then(|d| u16::try_from(d).ok());
                    let why = ": expected a hex-digit for character escape sequence";
                    unit = unit * 16 + digit.ok_or_else(|| self.unexpected(self.at, c, why))?;
                }
                self.at += 1;
                return Ok(unit);
            }
            c => {
                let code = u32::from(c);
                return Err(self.error(self.at, format!("Unrecognized character escape '{c}' (code {code})")));
            }
        };
        self.at += 1;
        Ok(u16::try_from(u32::from(plain)).unwrap_or_default())
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Read<Value> {
        let start = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
            match self.peek() {
                None => return Err(self.ended("No digit following sign")),
                Some('I') => return Err(self.non_standard(start)),
                Some(c) if !c.is_ascii_digit() => {
                    let why = " in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value";
                    return Err(self.unexpected(self.at, c, why));
                }
                Some(_) => {}
            }
        }
        let first = self.at;
        if self.digits() > 1 && self.text[first] == '0' {
            return Err(self.error(first + 1, "Invalid numeric value: Leading zeroes not allowed"));
        }
        if self.peek() == Some('.') {
            self.at += 1;
            if self.digits() == 0 {
                let c = self.peek().unwrap_or('.');
                let why = " in numeric value: Decimal point not followed by a digit";
                return Err(self.unexpected(self.at - 1, c, why));
            }
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            let e = self.at;
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                let c = self.peek().unwrap_or(self.text[e]);
                let why = " in numeric value: Exponent indicator not followed by a digit";
                return Err(self.unexpected(e, c, why));
            }
        }
        match self.peek() {
            Some(c) if self.open.is_empty() && !matches!(c, ' ' | '\t' | '\n' | '\r') => {
                Err(self.unexpected(self.at, c, ": Expected space separating root-level values"))
            }
            _ => {
                let text: String = self.text[start..self.at].iter().collect();
                let number: Option<Number> = text.parse().ok();
                Ok(number.map_or(Value::Null, Value::Number))
            }
        }
    }

    /// `true`, `false`, `null`, or what has no place here.
    fn word(&mut self, c: char) -> Read<Value> {
        let start = self.at;
        if c == '+' {
            let why = " in numeric value: JSON spec does not allow numbers to have plus signs: enable \
                       `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow";
            return Err(self.unexpected(start + 1, c, why));
        }
        if !(c.is_alphabetic() || c == '_' || c == '$') {
            return Err(self.unexpected(start, c, &format!(": expected a valid value {A_VALUE}")));
        }
        match self.identifier().as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            "NaN" | "Infinity" => Err(self.non_standard(start)),
            word => Err(self.error(start, format!("Unrecognized token '{word}': was expecting {A_VALUE}"))),
        }
    }

    fn identifier(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    fn non_standard(&mut self, start: usize) -> JsonError {
        self.identifier();
        let word: String = self.text[start..self.at].iter().collect();
        let how = "enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow";
        self.error(self.at, format!("Non-standard token '{word}': {how}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(text: &str) -> String {
        let whole = parse(text).unwrap_err().message;
        whole.replace(
            "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: ",
            "[",
        )
    }

    #[test]
    fn values_are_read_and_what_follows_is_not() {
        let text = r#" {"a": [1, -2.5, 1e2, true, null, "x\n\u00e9\uD83D\uDE00"], "b": {}, "c": []} trailing"#;
        let want = json!({"a": [1, -2.5, 100.0, true, null, "x\né😀"], "b": {}, "c": []});
        assert_eq!(parse(text), Ok(Some(want)));
        assert_eq!(parse(" \n\t"), Ok(None));
    }

    #[test]
    fn messages_and_places_are_jacksons() {
        let value = format!("expected a valid value {A_VALUE}");
        let token = format!("was expecting {A_VALUE}");
        for (text, want) in [
            ("[1,]", format!("Unexpected character (']' (code 93)): {value}\n at [1, column: 4]")),
            ("{'a':1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name\n at [1, column: 2]".into()),
            ("{\"a\" 1}", "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value\n at [1, column: 6]".into()),
            ("{\"a\":1 2}", "Unexpected character ('2' (code 50)): was expecting comma to separate Object entries\n at [1, column: 8]".into()),
            ("{\"a\":tru}", format!("Unrecognized token 'tru': {token}\n at [1, column: 6]")),
            ("{\"a\":[\n", "Unexpected end-of-input: expected close marker for Array (start marker at [1, column: 6])\n at [2, column: 1]".into()),
            ("{\"a\":1,\n", "Unexpected end-of-input within/between Object entries\n at [2, column: 1]".into()),
            ("{\"a\":[1}", "Unexpected close marker '}': expected ']' (for Array starting at [1, column: 6])\n at [1, column: 8]".into()),
            ("{\"ver\n", "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in name\n at [1, column: 6]".into()),
            ("{\"a\":01}", "Invalid numeric value: Leading zeroes not allowed\n at [1, column: 7]".into()),
            ("{\"a\":1.}", "Unexpected character ('}' (code 125)) in numeric value: Decimal point not followed by a digit\n at [1, column: 7]".into()),
            ("\u{feff}{}", format!("Unexpected character ('\u{feff}' (code 65279 / 0xfeff)): {value}\n at [1, column: 1]")),
            ("", "The input string shouldn't be empty\n at [Source: UNKNOWN; byte offset: #UNKNOWN]".into()),
        ] {
            assert_eq!(message(text), want, "{text:?}");
        }
        assert!(message(&"[".repeat(100_000)).starts_with("Document nesting depth (1001)"));
    }
}
