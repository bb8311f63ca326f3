//! A JAAS login module's options: `CLASS required name="value" ... ;` (Kafka: `JaasConfig`).

use std::collections::BTreeMap;

/// The options of the first module; malformed parts are left out.
pub(super) fn parse(text: &str) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let name = rest[..at]
            .rsplit(|c: char| c.is_whitespace() || c == ';')
            .next()
            .unwrap_or_default();
        let (value, after) = value(rest[at + 1..].trim_start());
        options.insert(name.to_owned(), value);
        rest = after;
        if rest.trim_start().starts_with(';') {
            break;
        }
    }
    options
}

/// A quoted or bare value, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let end = text.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut out = String::new();
    let mut chars = text[1..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => out.extend(chars.next().map(|(_, c)| c)),
            c if c == quote => return (out, &text[at + 2..]),
            c => out.push(c),
        }
    }
    (out, "")
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn options_of_a_module() {
        let text = "org.apache.kafka.common.security.plain.PlainLoginModule required\n username=\"admin\" \
                    password='a;b=\\'c' user_admin=\"x\"\tuser_alice=y; other.Module required user_bob=\"z\";";
        let options = parse(text);
        let got: Vec<_> = options.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            got,
            [
                ("password", "a;b='c"),
                ("user_admin", "x"),
                ("user_alice", "y"),
                ("username", "admin")
            ]
        );
        assert!(parse("x").is_empty() && parse("a=\"").contains_key("a"));
    }
}
