//! `--filter`: conditions on a record's key, value or headers.

use fancy_regex::Regex;

use super::formatter::Received;

/// One condition.
#[derive(Debug)]
pub struct Filter {
    field: Field,
    test: Test,
    negated: bool,
}

#[derive(Debug)]
enum Field {
    Key,
    Value,
    Header(String),
}

#[derive(Debug)]
enum Test {
    Equals(String),
    Matches(Regex),
}

impl Filter {
    /// Reads `key=a`, `value!=b`, `header.NAME~regex`, `value!~regex`.
    ///
    /// # Errors
    /// What is wrong with the condition.
    pub fn parse(text: &str) -> Result<Self, String> {
        let at = text
            .find(['=', '~'])
            .ok_or(format!("filter '{text}': no =, !=, ~ or !~"))?;
        let (head, pattern) = (&text[..at], &text[at + 1..]);
        let (name, negated) = match head.strip_suffix('!') {
            Some(n) => (n.trim(), true),
            None => (head.trim(), false),
        };
        let field = match name {
            "key" => Field::Key,
            "value" => Field::Value,
            _ => match name.strip_prefix("header.").filter(|h| !h.is_empty()) {
                Some(h) => Field::Header(h.to_string()),
                None => return Err(format!("filter '{text}': '{name}' is none of key, value, header.NAME")),
            },
        };
        let test = if text.as_bytes()[at] == b'=' {
            Test::Equals(pattern.to_string())
        } else {
            Test::Matches(Regex::new(pattern).map_err(|e| format!("filter '{text}': {e}"))?)
        };
        Ok(Self { field, test, negated })
    }

    /// Whether the record passes. A field that is null or missing equals and matches nothing; of several headers of one
    /// name any may pass.
    pub fn passes(&self, r: &Received<'_>) -> bool {
        let one = |bytes: &[u8]| match &self.test {
            Test::Equals(text) => bytes == text.as_bytes(),
            Test::Matches(regex) => regex.is_match(String::from_utf8_lossy(bytes).as_ref()).unwrap_or(false),
        };
        let found = match &self.field {
            Field::Key => r.key.is_some_and(one),
            Field::Value => r.value.is_some_and(one),
            Field::Header(name) => r.headers.iter().any(|(k, v)| k == name && v.is_some_and(one)),
        };
        found != self.negated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_on_each_field() {
        let r = Received {
            key: Some(b"k"),
            value: Some(b"error: 1"),
            headers: vec![("h", Some(b"x=y"))],
            ..Received::default()
        };
        for (text, passes) in [
            ("key=k", true),
            ("key!=k", false),
            ("value~^err", true),
            ("value !~ ^err", true),
            ("value!~^err", false),
            ("header.h=x=y", true),
            ("header.other=x", false),
            ("header.other!=x", true),
        ] {
            assert_eq!(Filter::parse(text).unwrap().passes(&r), passes, "{text}");
        }
    }

    #[test]
    fn a_bad_condition_says_why() {
        assert!(Filter::parse("key").unwrap_err().contains("no =, !=, ~ or !~"));
        assert!(Filter::parse("topic=a").unwrap_err().contains("'topic' is none of"));
        assert!(Filter::parse("key~[").is_err());
    }
}
