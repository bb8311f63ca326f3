//! `sasl.jaas.config`: one login module, its control flag and its options (Kafka: `JaasConfig`, which reads it with
//! Java's `StreamTokenizer`).

use super::error::ApiError;

/// One login module entry.
#[derive(Clone, PartialEq, Eq)]
pub struct JaasEntry {
    /// Java class name.
    pub login_module: String,
    pub options: Vec<(String, String)>,
}

/// Options hold passwords: only their names are shown.
impl std::fmt::Debug for JaasEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<&str> = self.options.iter().map(|(k, _)| k.as_str()).collect();
        f.debug_struct("JaasEntry")
            .field("login_module", &self.login_module)
            .field("options", &keys)
            .finish()
    }
}

impl JaasEntry {
    /// Parses `Module required key="value" ...;`.
    ///
    /// # Errors
    /// Java's `IllegalArgumentException` with Kafka's texts.
    pub fn parse(config: &str) -> Result<JaasEntry, ApiError> {
        let mut entries = parse_all(config)?;
        match entries.len() {
            0 => Err(illegal("Login module not specified in JAAS config".into())),
            1 => Ok(entries.remove(0)),
            n => Err(illegal(format!(
                "JAAS config property contains {n} login modules, should be 1 module"
            ))),
        }
    }

    pub fn option(&self, key: &str) -> Option<&str> {
        self.options
            .iter()
            .rev()
            .find(|(k, _)| k == key)
            .map(|(_, v)| v.as_str())
    }
}

fn illegal(text: String) -> ApiError {
    ApiError::of_class("java.lang.IllegalArgumentException", text)
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Text(String),
    /// A number is no text to Java's tokenizer: as a value it must stand in quotes.
    Number,
    Char(char),
}

fn parse_all(config: &str) -> Result<Vec<JaasEntry>, ApiError> {
    let tokens = tokenize(config);
    let mut tokens = tokens.into_iter();
    let mut entries = Vec::new();
    while let Some(first) = tokens.next() {
        let Token::Text(login_module) = first else {
            return Err(illegal("Login module not specified in JAAS config".into()));
        };
        match tokens.next() {
            None => return Err(illegal("Login module control flag not specified in JAAS config".into())),
            Some(Token::Text(flag)) if is_flag(&flag) => {}
            Some(Token::Text(flag)) => {
                return Err(illegal(format!(
                    "Invalid login module control flag '{flag}' in JAAS config"
                )));
            }
            Some(_) => {
                return Err(illegal(
                    "Login module control flag is not available in the JAAS config".into(),
                ));
            }
        }
        let mut options = Vec::new();
        loop {
            let key = match tokens.next() {
                None => return Err(illegal("JAAS config entry not terminated by semi-colon".into())),
                Some(Token::Char(';')) => break,
                Some(Token::Text(key)) => key,
                Some(_) => "null".to_string(),
            };
            match (tokens.next(), tokens.next()) {
                (Some(Token::Char('=')), Some(Token::Text(value))) => options.push((key, value)),
                _ => return Err(illegal(format!("Value not specified for key '{key}' in JAAS config"))),
            }
        }
        entries.push(JaasEntry { login_module, options });
    }
    Ok(entries)
}

fn is_flag(flag: &str) -> bool {
    ["required", "requisite", "sufficient", "optional"]
        .iter()
        .any(|f| f.eq_ignore_ascii_case(flag))
}

/// Java's `StreamTokenizer` with its default syntax, both kinds of comment, and `-`, `_`, `$` in words.
fn tokenize(config: &str) -> Vec<Token> {
    let chars: Vec<char> = config.chars().collect();
    let mut tokens = Vec::new();
    let mut i = 0;
    while let Some(&c) = chars.get(i) {
        match c {
            c if c <= ' ' => i += 1,
            '/' if chars.get(i + 1) == Some(&'/') => i = skip_line(&chars, i),
            '/' if chars.get(i + 1) == Some(&'*') => {
                let end = chars[i + 2..].windows(2).position(|w| w == ['*', '/']);
                i = end.map_or(chars.len(), |n| i + 2 + n + 2);
            }
            // A lone slash is Java's default comment character.
            '/' => i = skip_line(&chars, i),
            '"' | '\'' => {
                let (text, next) = quoted(&chars, i);
                tokens.push(Token::Text(text));
                i = next;
            }
            '0'..='9' | '.' => {
                let end = (i..chars.len()).find(|&j| !chars[j].is_ascii_digit() && chars[j] != '.');
                i = end.unwrap_or(chars.len());
                tokens.push(Token::Number);
            }
            // A minus sign starts a number, or stands for itself.
            '-' => {
                i += 1;
                if !chars.get(i).is_some_and(|c| c.is_ascii_digit() || *c == '.') {
                    tokens.push(Token::Char('-'));
                }
            }
            c if is_word(c) => {
                let end = (i..chars.len())
                    .find(|&j| !is_word_part(chars[j]))
                    .unwrap_or(chars.len());
                tokens.push(Token::Text(chars[i..end].iter().collect()));
                i = end;
            }
            c => {
                tokens.push(Token::Char(c));
                i += 1;
            }
        }
    }
    tokens
}

fn skip_line(chars: &[char], from: usize) -> usize {
    (from..chars.len())
        .find(|&j| matches!(chars[j], '\n' | '\r'))
        .unwrap_or(chars.len())
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '-' | '_' | '$') || c >= '\u{a0}'
}

fn is_word_part(c: char) -> bool {
    is_word(c) || c.is_ascii_digit() || c == '.'
}

/// A quoted string, which a line's end closes, too; the position after it.
fn quoted(chars: &[char], open: usize) -> (String, usize) {
    let quote = chars[open];
    let mut out = String::new();
    let mut i = open + 1;
    while let Some(&c) = chars.get(i) {
        match c {
            c if c == quote => return (out, i + 1),
            '\n' | '\r' => return (out, i),
            '\\' => {
                let (c, next) = escaped(chars, i + 1);
                out.extend(c);
                i = next;
            }
            c => {
                out.push(c);
                i += 1;
            }
        }
    }
    (out, i)
}

fn escaped(chars: &[char], at: usize) -> (Option<char>, usize) {
    let Some(&c) = chars.get(at) else { return (None, at) };
    let octal_len = match c {
        '0'..='3' => 3,
        '4'..='7' => 2,
        _ => 0,
    };
    if octal_len > 0 {
        let digits = chars[at..]
            .iter()
            .take(octal_len)
            .take_while(|c| ('0'..='7').contains(*c))
            .count();
        let value = chars[at..at + digits]
            .iter()
            .fold(0, |v, c| v * 8 + c.to_digit(8).unwrap_or(0));
        return (char::from_u32(value), at + digits);
    }
    let c = match c {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        other => other,
    };
    (Some(c), at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_as_people_write_them() {
        let entry = JaasEntry::parse(
            "org.apache.kafka.common.security.plain.PlainLoginModule required \\\n username=\"al ice\" // who\n \
             password='s\"e\\\\cr\\101et' /* not\n this */ extra=word-1_$x;",
        );
        // The backslash-newline of a properties file is gone before it gets here; Java takes a stray one as a character.
        assert!(entry.is_err());
        let entry = JaasEntry::parse(
            "org.apache.kafka.common.security.plain.PlainLoginModule required\n username=\"al ice\" // who\n \
             password='s\"e\\\\cr\\101et' /* not\n this */ extra=word-1_$x;",
        )
        .unwrap();
        assert_eq!(
            entry.login_module,
            "org.apache.kafka.common.security.plain.PlainLoginModule"
        );
        assert_eq!(entry.option("username"), Some("al ice"));
        assert_eq!(entry.option("password"), Some("s\"e\\crAet"));
        assert_eq!(entry.option("extra"), Some("word-1_$x"));
        assert!(!format!("{entry:?}").contains("crA"), "passwords are not shown");
    }

    #[test]
    fn errors_read_as_in_kafka() {
        let cases = [
            ("", "Login module not specified in JAAS config"),
            ("a.B required a=-1;", "Value not specified for key 'a' in JAAS config"),
            ("a.B required a=b/c;", "JAAS config entry not terminated by semi-colon"),
            ("a.B", "Login module control flag not specified in JAAS config"),
            ("a.B maybe;", "Invalid login module control flag 'maybe' in JAAS config"),
            ("a.B required a=b", "JAAS config entry not terminated by semi-colon"),
            ("a.B required a;", "Value not specified for key 'a' in JAAS config"),
            ("a.B required a=1;", "Value not specified for key 'a' in JAAS config"),
            (
                "a.B required; c.D required;",
                "JAAS config property contains 2 login modules, should be 1 module",
            ),
        ];
        for (config, text) in cases {
            assert_eq!(JaasEntry::parse(config).unwrap_err().text(), text, "{config}");
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        let mut seed = 3u64;
        for _ in 0..20_000 {
            let text: String = (0..24)
                .map(|_| {
                    seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    [
                        'a', '=', ';', '"', '\'', '\\', '/', '*', '\n', ' ', '7', '.', 'é', '\u{1}',
                    ][(seed >> 33) as usize % 14]
                })
                .collect();
            let _ = JaasEntry::parse(&text);
        }
    }
}
