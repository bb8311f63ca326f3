//! Principals of clients with certificates (Kafka: `DefaultKafkaPrincipalBuilder`, `SslPrincipalMapper`, KIP-371): the
//! subject's distinguished name as Java writes it, and `ssl.principal.mapping.rules` that shorten it.

use fancy_regex::Regex;

use super::config::ConfigError;
use crate::wire::tls::{Der, subject};

const SET: u8 = 0x31;
const OID: u8 = 0x06;
const BMP_STRING: u8 = 0x1e;
/// UTF8String, PrintableString, TeletexString, IA5String.
const STRINGS: [u8; 4] = [0x0c, 0x13, 0x14, 0x16];

/// The attributes RFC 2253 has names for; others are written as numbers.
const KEYWORDS: &[(&[u8], &str)] = &[
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "STREET"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
];

/// A certificate's subject as `X500Principal.getName()` gives it: RFC 2253, the last part first.
pub fn distinguished_name(certificate: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    for (_, set) in subject(certificate)?.values().filter(|(tag, _)| *tag == SET) {
        let pairs: Option<Vec<String>> = set.values().map(|(_, pair)| attribute(pair)).collect();
        parts.push(pairs?.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

fn attribute(pair: Der<'_>) -> Option<String> {
    let (oid, value) = pair.expect(OID)?;
    let (tag, content, _) = value.next()?;
    let text = match tag {
        BMP_STRING => {
            let units: Vec<u16> = content
                .0
                .chunks_exact(2)
                .map(|c| u16::from_be_bytes([c[0], c[1]]))
                .collect();
            String::from_utf16(&units).ok()
        }
        tag if STRINGS.contains(&tag) => String::from_utf8(content.0.to_vec()).ok(),
        _ => None,
    };
    let keyword = KEYWORDS.iter().find(|(known, _)| *known == oid.0).map(|(_, k)| *k);
    Some(match (keyword, text) {
        (Some(keyword), Some(text)) => format!("{keyword}={}", escaped(&text)),
        (keyword, _) => {
            let hex: String = value.0.iter().map(|b| format!("{b:02x}")).collect();
            format!("{}=#{hex}", keyword.map_or_else(|| dotted(oid.0), str::to_owned))
        }
    })
}

/// RFC 2253, 2.4.
fn escaped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        let is_special = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (c == '#' && at == 0)
            || (c == ' ' && (at == 0 || at == last));
        if is_special {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn dotted(oid: &[u8]) -> String {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number = 0_u64;
    for byte in oid {
        number = number.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            match numbers.is_empty() {
                true => numbers.extend([(number / 40).min(2), number - 40 * (number / 40).min(2)]),
                false => numbers.push(number),
            }
            number = 0;
        }
    }
    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
    texts.join(".")
}

/// `ssl.principal.mapping.rules`.
#[derive(Debug, Default)]
pub struct MappingRules(Vec<Rule>);

#[derive(Debug)]
enum Rule {
    Default,
    Replace {
        pattern: Regex,
        replacement: String,
        case: Case,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Kept,
    Lower,
    Upper,
}

impl MappingRules {
    /// Reads `RULE:PATTERN/REPLACEMENT/[L|U]` and `DEFAULT`, separated by commas or line ends.
    ///
    /// # Errors
    /// A rule of another form, or a pattern that is no regular expression.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut rules = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (rule, after) = rule(rest)?;
            rules.push(rule);
            rest = after.trim_start();
            rest = match rest.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None => rest,
            };
        }
        if rules.is_empty() {
            rules.push(Rule::Default);
        }
        Ok(Self(rules))
    }

    /// The principal's name for a distinguished name; `None` if no rule fits, which refuses the client.
    pub fn apply(&self, name: &str) -> Option<String> {
        self.0.iter().find_map(|rule| match rule {
            Rule::Default => Some(name.to_owned()),
            Rule::Replace {
                pattern,
                replacement,
                case,
            } => {
                let found = pattern.captures(name).ok()??;
                let mut out = String::new();
                expand(replacement, &found, &mut out);
                Some(match case {
                    Case::Kept => out,
                    Case::Lower => out.to_lowercase(),
                    Case::Upper => out.to_uppercase(),
                })
            }
        })
    }
}

fn invalid(text: &str) -> ConfigError {
    ConfigError(format!("Invalid rule: `{text}`"))
}

fn rule(text: &str) -> Result<(Rule, &str), ConfigError> {
    if let Some(rest) = text.strip_prefix("DEFAULT") {
        return Ok((Rule::Default, rest));
    }
    let body = text.strip_prefix("RULE:").ok_or_else(|| invalid(text))?;
    let (pattern, rest) = until_slash(body).ok_or_else(|| invalid(text))?;
    let (replacement, rest) = until_slash(rest).ok_or_else(|| invalid(text))?;
    let (case, rest) = match rest.chars().next() {
        Some('L') => (Case::Lower, &rest[1..]),
        Some('U') => (Case::Upper, &rest[1..]),
        _ => (Case::Kept, rest),
    };
    let ends = rest.is_empty() || rest.starts_with([',', '\n', ' ', '\t']);
    if !ends {
        return Err(invalid(text));
    }
    let pattern = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| invalid(text))?;
    let rule = Rule::Replace {
        pattern,
        replacement: replacement.to_owned(),
        case,
    };
    Ok((rule, rest))
}

/// What is before a slash that is not escaped, and what is behind it.
fn until_slash(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '/' => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

/// As Java's `appendReplacement`: `$n` is a group, a backslash takes the next character as it is. Groups that the pattern
/// does not have stay as they are written.
fn expand(replacement: &str, found: &fancy_regex::Captures<'_, str>, out: &mut String) {
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '$' => match chars.peek().and_then(|d| d.to_digit(10)) {
                Some(digit) if (digit as usize) < found.len() => {
                    chars.next();
                    out.push_str(found.get(digit as usize).map_or("", |m| m.as_str()));
                }
                _ => out.push('$'),
            },
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(parts: &[(rcgen::DnType, &str)]) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn names_read_as_in_java() {
        use rcgen::DnType::{CommonName, CountryName, CustomDnType, OrganizationName, OrganizationalUnitName};
        let made = certificate(&[
            (CountryName, "DE"),
            (OrganizationName, "Acme, Inc."),
            (OrganizationalUnitName, " a+b "),
            (CommonName, "kafka"),
        ]);
        assert_eq!(
            distinguished_name(&made).as_deref(),
            Some(r"CN=kafka,OU=\ a\+b\ ,O=Acme\, Inc.,C=DE")
        );
        let mail = certificate(&[
            (CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]), "a@b"),
            (CommonName, "x"),
        ]);
        assert_eq!(
            distinguished_name(&mail).as_deref(),
            Some("CN=x,1.2.840.113549.1.9.1=#0c03614062")
        );
        for cut in 0..made.len() {
            let _ = distinguished_name(&made[..cut]);
        }
    }

    #[test]
    fn rules_shorten_names() {
        let text = r"RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/, RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L,
            RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/U,DEFAULT";
        let rules = MappingRules::parse(text).unwrap();
        let apply = |name: &str| rules.apply(name).unwrap();
        assert_eq!(apply("CN=Duke,OU=ServiceUsers,O=Org,C=US"), "Duke");
        assert_eq!(apply("CN=Duke,OU=SME,O=mycp,L=Fulton,ST=MD,C=US"), "duke@sme");
        assert_eq!(apply("cn=duke"), "DUKE");
        assert_eq!(apply("OU=JavaSoft"), "OU=JavaSoft");
        let only = MappingRules::parse("RULE:^CN=(.*?)$/$1/").unwrap();
        assert_eq!(only.apply("OU=x"), None);
        for bad in ["rule:x/y/", "RULE:x", "RULE:x/y/Z", "RULE:(/y/", "Default"] {
            assert!(MappingRules::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(MappingRules::parse("").unwrap().apply("CN=x").as_deref(), Some("CN=x"));
    }
}
