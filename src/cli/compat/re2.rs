//! The syntax of RE2/J's regular expressions, with its error texts (`com.google.re2j.PatternSyntaxException`): how
//! brokers read the subscriptions of KIP-848 consumers, and what `--validate-regex` checks. Nothing is matched here.

use std::collections::HashSet;

/// Unicode categories and scripts that `\p{...}` knows.
const UNICODE: &str = "Any C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs \
     Arabic Armenian Avestan Balinese Bamum Batak Bengali Bopomofo Brahmi Braille Buginese Buhid \
     Canadian_Aboriginal Carian Cham Cherokee Common Coptic Cuneiform Cypriot Cyrillic Deseret Devanagari \
     Egyptian_Hieroglyphs Ethiopic Georgian Glagolitic Gothic Greek Gujarati Gurmukhi Han Hangul Hanunoo Hebrew \
     Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada \
     Katakana Kayah_Li Kharoshthi Khmer Lao Latin Lepcha Limbu Linear_B Lisu Lycian Lydian Malayalam Mandaic \
     Meetei_Mayek Mongolian Myanmar New_Tai_Lue Nko Ogham Ol_Chiki Old_Italic Old_Persian Old_South_Arabian \
     Old_Turkic Oriya Osmanya Phags_Pa Phoenician Rejang Runic Samaritan Saurashtra Shavian Sinhala Sundanese \
     Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Tamil Telugu Thaana Thai Tibetan Tifinagh \
     Ugaritic Unknown Vai Yi";

const POSIX: &str = "alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit";

const RANGE: &str = "invalid character class range";
const ESCAPE: &str = "invalid escape sequence";
const NAMED_CAPTURE: &str = "invalid named capture";
const PERL: &str = "invalid or unsupported Perl syntax";
const NESTED_REPEAT: &str = "invalid nested repetition operator";
const REPEAT_COUNT: &str = "invalid repeat count";
const BRACKET: &str = "missing closing ]";
const PAREN: &str = "missing closing )";
/// What RE2/J says of a `)` without its `(`.
const UNOPENED: &str = "regexp/syntax: internal error";
const REPEAT_ARGUMENT: &str = "missing argument to repetition operator";
const BACKSLASH: &str = "trailing backslash at end of expression";
const DUPLICATE_NAME: &str = "duplicate capture group name";

/// The largest count in `{n,m}`.
const MAX_COUNT: i32 = 1000;

type Checked<T = ()> = Result<T, &'static str>;

/// Whether RE2/J compiles the expression.
///
/// # Errors
/// RE2/J's description of what is wrong.
pub fn check(regex: &str) -> Checked {
    Checker {
        chars: regex.chars().collect(),
        at: 0,
        names: HashSet::new(),
    }
    .expression()
}

struct Checker {
    chars: Vec<char>,
    at: usize,
    names: HashSet<String>,
}

impl Checker {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn looking_at(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(i, c)| self.chars.get(self.at + i) == Some(&c))
    }

    /// Where `text` is next, counted in characters from here.
    fn find(&self, text: &str) -> Option<usize> {
        let text: Vec<char> = text.chars().collect();
        self.chars[self.at..].windows(text.len()).position(|w| w == text)
    }

    fn take(&mut self, count: usize) -> String {
        let end = (self.at + count).min(self.chars.len());
        let taken = self.chars[self.at..end].iter().collect();
        self.at = end;
        taken
    }

    fn expression(&mut self) -> Checked {
        // For each open group: is there something since its start or its last `|` that a repetition can apply to?
        let mut open = vec![false];
        let mut after_repeat = false;
        while let Some(c) = self.peek() {
            let was_repeat = std::mem::take(&mut after_repeat);
            let item = match c {
                '(' if self.looking_at("(?") => {
                    if self.perl_group()? {
                        open.push(false);
                    }
                    continue;
                }
                '(' => {
                    self.at += 1;
                    open.push(false);
                    continue;
                }
                '|' => {
                    self.at += 1;
                    false
                }
                ')' => {
                    self.at += 1;
                    if open.len() == 1 {
                        return Err(UNOPENED);
                    }
                    open.pop();
                    true
                }
                '*' | '+' | '?' | '{' if self.repetition()? => {
                    if self.peek() == Some('?') {
                        self.at += 1;
                    }
                    if was_repeat {
                        return Err(NESTED_REPEAT);
                    }
                    if open.last() != Some(&true) {
                        return Err(REPEAT_ARGUMENT);
                    }
                    after_repeat = true;
                    true
                }
                '[' => {
                    self.class()?;
                    true
                }
                '\\' => match self.escape_outside_class()? {
                    true => true,
                    false => continue,
                },
                _ => {
                    self.at += 1;
                    // RE2/J takes a literal `{` for a repetition when it looks for nested ones
                    after_repeat = c == '{';
                    true
                }
            };
            if let Some(top) = open.last_mut() {
                *top = item;
            }
        }
        if open.len() == 1 { Ok(()) } else { Err(PAREN) }
    }

    /// `*`, `+`, `?` or `{n,m}`; false of a `{` that is a literal, which is not taken.
    fn repetition(&mut self) -> Checked<bool> {
        if self.peek() != Some('{') {
            self.at += 1;
            return Ok(true);
        }
        let start = self.at;
        self.at += 1;
        let Some((min, max)) = self.counts() else {
            self.at = start;
            return Ok(false);
        };
        let too_large = |n: Option<i32>| n.is_none_or(|n| n > MAX_COUNT);
        let bad = too_large(min) || max.is_some_and(|max| too_large(max) || min > max);
        if bad { Err(REPEAT_COUNT) } else { Ok(true) }
    }

    /// `n}`, `n,}` or `n,m}`: the least count and, unless it is open, the greatest; inner `None` is a number with too
    /// many digits. Outer `None`: this is no repetition.
    fn counts(&mut self) -> Option<(Option<i32>, Option<Option<i32>>)> {
        let min = self.count()?;
        let max = match self.peek()? {
            ',' => {
                self.at += 1;
                if self.peek()? == '}' { None } else { Some(self.count()?) }
            }
            _ => Some(min),
        };
        (self.next()? == '}').then_some((min, max))
    }

    fn count(&mut self) -> Option<Option<i32>> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let digits: String = self.chars[start..self.at].iter().collect();
        if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
            return None;
        }
        Some(digits.parse().ok().filter(|_| digits.len() <= 8))
    }

    /// What starts with `(?`: true if it opens a group, false if it only sets flags.
    fn perl_group(&mut self) -> Checked<bool> {
        let prefix = if self.looking_at("(?P<") { 4 } else { 3 };
        if self.looking_at("(?P<") || self.looking_at("(?<") {
            self.at += prefix;
            let name = self.find(">").ok_or(NAMED_CAPTURE)?;
            let name = self.take(name);
            self.at += 1;
            let valid = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
            if !valid {
                return Err(NAMED_CAPTURE);
            }
            return if self.names.insert(name) {
                Ok(true)
            } else {
                Err(DUPLICATE_NAME)
            };
        }
        self.at += 2;
        let (mut negative, mut saw_flag) = (false, false);
        while let Some(c) = self.next() {
            match c {
                'i' | 'm' | 's' | 'U' => saw_flag = true,
                '-' if !negative => (negative, saw_flag) = (true, false),
                ':' | ')' if !negative || saw_flag => return Ok(c == ':'),
                _ => return Err(PERL),
            }
        }
        Err(PERL)
    }

    /// A backslash outside of brackets. False if it stands for nothing (an empty `\Q\E`).
    fn escape_outside_class(&mut self) -> Checked<bool> {
        match self.chars.get(self.at + 1) {
            Some('A' | 'b' | 'B' | 'z') => {
                self.at += 2;
                Ok(true)
            }
            Some('C') => Err(ESCAPE),
            Some('Q') => {
                self.at += 2;
                let end = self.find("\\E");
                let quoted = self.take(end.unwrap_or(self.chars.len()));
                self.at = (self.at + 2).min(self.chars.len());
                Ok(!quoted.is_empty())
            }
            _ => {
                if !self.class_escape()? {
                    self.escape()?;
                }
                Ok(true)
            }
        }
    }

    /// `\pL`, `\p{Name}` or `\d` and its like, inside of brackets or outside.
    fn class_escape(&mut self) -> Checked<bool> {
        if self.peek() != Some('\\') {
            return Ok(false);
        }
        match self.chars.get(self.at + 1) {
            Some('d' | 'D' | 's' | 'S' | 'w' | 'W') => {
                self.at += 2;
                Ok(true)
            }
            Some('p' | 'P') => {
                self.at += 2;
                let mut name = self.take(1);
                if name == "{" {
                    let end = self.find("}").ok_or(RANGE)?;
                    name = self.take(end);
                    self.at += 1;
                }
                let name = name.strip_prefix('^').unwrap_or(&name);
                if UNICODE.split(' ').any(|n| n == name) {
                    Ok(true)
                } else {
                    Err(RANGE)
                }
            }
            _ => Ok(false),
        }
    }

    /// A backslash and what it quotes: one character, whose value counts in ranges.
    fn escape(&mut self) -> Checked<u32> {
        self.at += 1;
        let c = self.next().ok_or(BACKSLASH)?;
        let octal = |c: Option<char>| c.and_then(|c| c.to_digit(8));
        match c {
            '1'..='7' if octal(self.peek()).is_none() => Err(ESCAPE),
            '0'..='7' => {
                let mut value = c as u32 - '0' as u32;
                for _ in 0..2 {
                    let Some(digit) = octal(self.peek()) else { break };
                    value = value * 8 + digit;
                    self.at += 1;
                }
                Ok(value)
            }
            'x' => self.hexadecimal().ok_or(ESCAPE),
            'a' => Ok(7),
            'f' => Ok(12),
            'n' => Ok(10),
            'r' => Ok(13),
            't' => Ok(9),
            'v' => Ok(11),
            c if !c.is_ascii_alphanumeric() => Ok(c as u32),
            _ => Err(ESCAPE),
        }
    }

    /// `{hhhh}` up to U+10FFFF, or two digits.
    fn hexadecimal(&mut self) -> Option<u32> {
        let first = self.next()?;
        if first != '{' {
            return Some(first.to_digit(16)? * 16 + self.next()?.to_digit(16)?);
        }
        let mut value = 0;
        let mut digits = 0;
        loop {
            let c = self.next()?;
            if c == '}' {
                return (digits > 0).then_some(value);
            }
            value = value * 16 + c.to_digit(16)?;
            digits += 1;
            if value > 0x10_FFFF {
                return None;
            }
        }
    }

    /// A class in brackets.
    fn class(&mut self) -> Checked {
        self.at += 1;
        if self.peek() == Some('^') {
            self.at += 1;
        }
        let mut first = true;
        while first || self.peek() != Some(']') {
            first = false;
            if self.looking_at("[:") && self.posix_class()? {
                continue;
            }
            if self.class_escape()? {
                continue;
            }
            let low = self.class_char()?;
            if self.peek() == Some('-') && self.chars.get(self.at + 1) != Some(&']') {
                self.at += 1;
                if self.class_char()? < low {
                    return Err(RANGE);
                }
            }
        }
        self.at += 1;
        Ok(())
    }

    fn posix_class(&mut self) -> Checked<bool> {
        let Some(end) = self.find(":]") else { return Ok(false) };
        let name = self.take(end);
        self.at += 2;
        let name = name.strip_prefix("[:").unwrap_or(&name);
        let name = name.strip_prefix('^').unwrap_or(name);
        if POSIX.split(' ').any(|n| n == name) {
            Ok(true)
        } else {
            Err(RANGE)
        }
    }

    fn class_char(&mut self) -> Checked<u32> {
        match self.peek().ok_or(BRACKET)? {
            '\\' => self.escape(),
            c => {
                self.at += 1;
                Ok(c as u32)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_re2_compiles() {
        for good in [
            "",
            "foo.*",
            "a|b||c",
            "()",
            "(|a)",
            "a{2,3}?b",
            "a{,2}",
            "a{01}",
            "{",
            "x{2",
            "^*",
            "\\b+",
            "(?i)a",
            "(?i:a)",
            "(?P<n>a)(?<m>b)",
            "[]a]",
            "[^]a]",
            "[a-]",
            "[-a]",
            "[a\\]]",
            "\\Qa**\\E*",
            "\\Q(",
            "\\pL",
            "\\p{^Greek}",
            "\\PN",
            "[[:alpha:]]",
            "[[:^word:]x]",
            "[\\d-z]",
            "\\x41\\x{10FFFF}\\012\\.\\-",
            "a*(?i)*",
            "\\12",
            "(?i-s)",
            "ü+",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_it_refuses_and_why() {
        for (bad, why) in [
            ("(", "missing closing )"),
            ("a)", "regexp/syntax: internal error"),
            ("{*", "invalid nested repetition operator"),
            ("[a", "missing closing ]"),
            ("[", "missing closing ]"),
            ("*", "missing argument to repetition operator"),
            ("a|*", "missing argument to repetition operator"),
            ("(+a)", "missing argument to repetition operator"),
            ("(?i)*", "missing argument to repetition operator"),
            ("\\Q\\E*", "missing argument to repetition operator"),
            ("a**", "invalid nested repetition operator"),
            ("a{2}{3}", "invalid nested repetition operator"),
            ("a*??", "invalid nested repetition operator"),
            ("a{3,2}", "invalid repeat count"),
            ("a{1001}", "invalid repeat count"),
            ("a{123456789}", "invalid repeat count"),
            ("\\", "trailing backslash at end of expression"),
            ("\\8", "invalid escape sequence"),
            ("\\1", "invalid escape sequence"),
            ("\\C", "invalid escape sequence"),
            ("\\q", "invalid escape sequence"),
            ("\\xZZ", "invalid escape sequence"),
            ("\\x{110000}", "invalid escape sequence"),
            ("[z-a]", "invalid character class range"),
            ("\\p{Klingon}", "invalid character class range"),
            ("\\p", "invalid character class range"),
            ("[[:foo:]]", "invalid character class range"),
            ("(?=a)", "invalid or unsupported Perl syntax"),
            ("(?", "invalid or unsupported Perl syntax"),
            ("(?i-)", "invalid or unsupported Perl syntax"),
            ("(?P=n)", "invalid or unsupported Perl syntax"),
            ("(?<!a)", "invalid named capture"),
            ("(?P<n", "invalid named capture"),
            ("(?P<n>a)(?P<n>b)", "duplicate capture group name"),
        ] {
            assert_eq!(check(bad), Err(why), "{bad}");
        }
    }
}
